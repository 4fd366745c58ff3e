#!/bin/sh
# test.sh FOLDER JOBS: format check, cppcheck, every test under the sanitizers and in the normal build, the kernels
# of 64-bit ARM under qemu, and with clang the library, the program and a few seconds of every fuzz target.
set -eu
folder=$1 jobs=$2
if command -v clang-format >/dev/null && [ -e .git ]; then
    git ls-files '*.c' '*.h' | xargs clang-format --dry-run --Werror
fi
sh cmake/cppcheck.sh "$jobs"
echo "tests under AddressSanitizer and UndefinedBehaviorSanitizer:"
sh cmake/build.sh "$folder-sanitize" "$jobs" -DGAD_SANITIZE=ON -DCMAKE_BUILD_TYPE=Debug
sh cmake/run_tests.sh "$folder-sanitize" "$jobs"
echo "tests:"
sh cmake/run_tests.sh "$folder" "$jobs"
sh cmake/arm64.sh "$folder-arm64" "$jobs"
FUZZ_SEED=1 FUZZ_SECONDS=${FUZZ_SECONDS:-3} sh cmake/fuzz.sh "$folder-fuzz" "$jobs"
