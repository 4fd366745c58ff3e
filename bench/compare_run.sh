#!/bin/sh
# compare_run.sh A B ROUNDS arguments...: two builds of the program, such as old/gad and build/gad, run one and the same command
# in alternation (A B A B ...). Of each: processor time in user mode, wall time and largest memory, as median, least and most.
# Processor time says something on a busy machine too, where wall time does not.
set -eu
[ $# -ge 4 ] || { echo "usage: bench/compare_run.sh A/gad B/gad ROUNDS COMMAND [arguments]" >&2; exit 2; }
a=$1 b=$2 rounds=$3
shift 3
rows=$(mktemp)
trap 'rm -f "$rows"' EXIT
round=0
while [ "$round" -lt "$rounds" ]; do
    for side in A B; do
        program=$a
        [ $side = A ] || program=$b
        /usr/bin/time -a -o "$rows" -f "$side %U %e %M" "$program" "$@" >/dev/null 2>&1 || true
    done
    round=$((round + 1))
done
for side in A B; do
    for column in 2:user-s 3:wall-s 4:KiB; do
        grep "^$side " "$rows" | cut -d' ' -f"${column%%:*}" | sort -n | awk -v name="$side ${column#*:}" '
            { v[NR] = $1 }
            END { m = NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2
                  printf "%-10s %10.4g (%g to %g)\n", name, m, v[1], v[NR] }'
    done
done
