#!/bin/sh
# run_tests.sh FOLDER JOBS: runs every test program, names the skipped tests, and ends with one line of counts.
# A test program is one cmocka group; its tests are counted one by one.
set -u
folder=$1 jobs=$2
log=$folder/tests.log
ctest --test-dir "$folder" -j "$jobs" --output-on-failure --timeout 900 >"$log" 2>&1
failed_programs=$?
# Only the output of failed programs is in ctest's output; the counts come from its full log.
full=$folder/Testing/Temporary/LastTest.log
passed=$(grep -c '^\[       OK \]' "$full")
# cmocka names a failed or skipped test twice: where it happens and in the list at the end
failed=$(($(grep -c '^\[  FAILED  \] [a-z].*' "$full") / 2))
skipped=$(($(grep -c '^\[  SKIPPED \] [a-z].*' "$full") / 2))
grep -h '^SKIPPED ' "$full" | sort -u
if [ "$failed_programs" -ne 0 ]; then
    grep -v ' Passed ' "$log"
    [ "$failed" -gt 0 ] || failed=1
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed_programs" -eq 0 ] && [ "$passed" -gt 0 ]
