#!/bin/sh
# build.sh FOLDER JOBS [cmake options]: configures once, then builds what changed.
set -eu
folder=$1 jobs=$2
shift 2
if [ ! -f "$folder/build.ninja" ] || [ $# -gt 0 ]; then
    cmake -S . -B "$folder" -G Ninja "$@" >"$folder.log" 2>&1 || { cat "$folder.log" >&2; exit 1; }
fi
ninja -C "$folder" -j "$jobs" >"$folder.log" 2>&1 || { grep -A 20 -E '^FAILED|error' "$folder.log" >&2; exit 1; }
tail -n 1 "$folder.log"
rm -f "$folder.log"
