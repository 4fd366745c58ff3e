#!/bin/sh
# test.sh FOLDER JOBS: format check, every test in the normal build, then every test under the sanitizers.
set -eu
folder=$1 jobs=$2
if command -v clang-format >/dev/null && [ -e .git ]; then
    git ls-files '*.c' '*.h' | xargs clang-format --dry-run --Werror
fi
echo "tests under AddressSanitizer and UndefinedBehaviorSanitizer:"
sh cmake/build.sh "$folder-sanitize" "$jobs" -DGAD_SANITIZE=ON -DCMAKE_BUILD_TYPE=Debug
sh cmake/run_tests.sh "$folder-sanitize" "$jobs"
echo "tests:"
sh cmake/run_tests.sh "$folder" "$jobs"
