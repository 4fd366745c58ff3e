#!/bin/sh
# symbols.sh SOURCE LIBRARY: the exported symbols of the shared library are exactly the functions that include/*.h declare
# with GAD_API.
set -eu
source=$1 library=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat "$source"/include/*.h | tr '\n' ' ' | grep -o 'GAD_API [^;]*;' | grep -o 'gad_[a-z0-9_]*(' | tr -d '(' | sort >"$work/declared"
nm -D --defined-only "$library" | awk '$2 != "A" {sub(/@.*/, "", $3); print $3}' | sort >"$work/exported"
[ "$(wc -l <"$work/declared")" -gt 40 ] || { echo "symbols: the headers were not understood" >&2; exit 1; }
if ! diff "$work/declared" "$work/exported" >"$work/diff"; then
    echo "symbols: < declared in include/, > exported by $library" >&2
    cat "$work/diff" >&2
    exit 1
fi
echo "symbols: $(wc -l <"$work/exported") exported, all declared"
