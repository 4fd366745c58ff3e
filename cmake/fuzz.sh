#!/bin/sh
# fuzz.sh FOLDER JOBS: builds library, program and libFuzzer targets with clang, warnings as errors, and runs each target for
# FUZZ_SECONDS (60) from its corpus.
set -eu
folder=$1 jobs=$2 seconds=${FUZZ_SECONDS:-60}
CC=clang sh cmake/build.sh "$folder" "$jobs" -DGAD_FUZZ=ON -DGAD_SANITIZE=ON -DGAD_MPI=OFF -DCMAKE_BUILD_TYPE=Debug
for target in "$folder"/fuzz_*; do
    [ -x "$target" ] || continue
    name=$(basename "$target") corpus=tests/fuzz/corpus/$(basename "$target" | sed 's/^fuzz_//')
    mkdir -p "$folder/corpus/$name"
    echo "fuzz: $name for $seconds s"
    "$target" -max_total_time="$seconds" -seed="${FUZZ_SEED:-0}" -rss_limit_mb=4096 -print_final_stats=1 "$folder/corpus/$name" "$corpus" >"$folder/$name.log" 2>&1 ||
        { tail -n 40 "$folder/$name.log" >&2; echo "fuzz: $name found something" >&2; exit 1; }
    grep -E 'number_of_executed_units|new_units_added' "$folder/$name.log"
done
