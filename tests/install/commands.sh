#!/bin/sh
# commands.sh SOURCE GAD: documentation against the program. Every command line of the README and of docs exists with every
# option that it shows; those of the README's first pages are run, in order, in an empty folder.
set -eu
source=$1 gad=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "commands: $*" >&2; exit 1; }
cd "$source"

# "file:command line" of all code blocks, without comments; commands behind && stand alone
grep -H '^    \(build/\)\?gad [a-z]' README.md docs/*.md models/*/README.md |
    sed 's/  *#.*//; s/^\([^:]*\): *\(build\/\)\?gad /\1:/' |
    awk '{ file = $0; sub(/:.*/, "", file); sub(/^[^:]*:/, "")
           n = split($0, command, / *&& *gad /); for (i = 1; i <= n; i++) print file ":" command[i] }' >"$work/lines"
[ "$(wc -l <"$work/lines")" -gt 30 ] || fail "the documents were not understood"
while IFS=: read -r file line; do
    # shellcheck disable=SC2086 # words on purpose
    set -- $line
    name=$1
    "$gad" "$1" --help >"$work/help" 2>/dev/null && grep -q '^Usage' "$work/help" || {
        name="$1 ${2-}"
        # shellcheck disable=SC2086
        "$gad" $name --help >"$work/help" 2>/dev/null || fail "$file: gad $line: there is no such command"
    }
    for option in $(echo "$line" | grep -o -- '--[a-z][a-z0-9-]*'); do
        plain=${option#--no-}
        plain=${plain#--}
        grep -q -- "^  --\(\[no-\]\)\?$plain\( \|$\)" "$work/help" || fail "$file: gad $name has no $option"
    done
done <"$work/lines"

# In a folder like the reader's: the build beside the samples, a good part and others.
mkdir "$work/here" "$work/here/build" "$work/here/parts"
cd "$work/here"
ln -s "$gad" build/gad
ln -s "$source/samples" samples
cp "$source/samples/bottle/train/good/good.jpg" good.png # the content says what it is
cp "$source/samples/bottle/test/texture_defect/part_2.jpg" part.png
cp "$source"/samples/bottle/test/*/part_*.jpg parts/
# A dataset of MVTec AD's layout, as large as it must be.
mvtec=$work/mvtec/bottle
mkdir -p "$mvtec/train/good" "$mvtec/test/good" "$mvtec/test/broken_large" "$mvtec/ground_truth/broken_large"
cp good.png "$mvtec/train/good/000.png"
cp "$source/samples/bottle/test/good/part_1.jpg" "$mvtec/test/good/000.png"
cp part.png "$mvtec/test/broken_large/000.png"
cp part.png "$mvtec/ground_truth/broken_large/000_mask.png"
sed -n 's/^    \(build\/gad [a-z].*\)/\1/p' "$source/README.md" | sed "s/  *#.*//; s|CHECKPOINT|$source/models/gad-s|g; s|FOLDER|$work/mvtec|g" |
    grep -v 'qwen2.5-vl-3b' >"$work/run" # not everyone has 8 GB of memory free
while read -r line; do
    code=0
    sh -c "$line" >"$work/out" 2>&1 </dev/null || code=$?
    case "$code $line" in
    0\ * | 3\ *--fail-on*) ;;
    *) tail -n 5 "$work/out" >&2; fail "README.md: exit code $code of: $line" ;;
    esac
done <"$work/run"
echo "commands: $(wc -l <"$work/lines") lines of the documents, $(wc -l <"$work/run") of them run"
