#!/bin/sh
# record.sh GAD [options of gad speed]: measures and appends a line per row to bench/history.csv: date, processor, commit, then
# the columns of gad speed --csv.
set -eu
[ $# -ge 1 ] || { echo "usage: bench/record.sh GAD [options of gad speed]" >&2; exit 2; }
gad=$1
shift
folder=$(dirname "$0")
processor=$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | head -n 1 | tr -d ',')
processors=$(nproc)
commit=$(git -C "$folder" rev-parse --short HEAD)
rows=$("$gad" speed --csv "$@")
[ -s "$folder/history.csv" ] || echo "$rows" | sed -n '1s/^/date,processor,processors,commit,/p' >"$folder/history.csv"
echo "$rows" | sed -n "2,\$s/^/$(date -u +%Y-%m-%d),${processor:-unknown},$processors,$commit,/p" >>"$folder/history.csv"
