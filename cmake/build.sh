#!/bin/sh
# build.sh FOLDER JOBS [cmake options]: configures once, then builds what changed.
set -eu
folder=$1 jobs=$2
shift 2
if [ ! -f "$folder/build.ninja" ] || [ $# -gt 0 ]; then
    cmake -S . -B "$folder" -G Ninja "$@" >"$folder.log" 2>&1 || { cat "$folder.log" >&2; exit 1; }
    rm -f "$folder.log"
fi
ninja -C "$folder" -j "$jobs" | tail -n 1
