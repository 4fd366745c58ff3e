#!/bin/sh
# install.sh SOURCE BUILD CC: installs into a new prefix and uses what lies there as a stranger would: the example from C and
# C++, a program with pictures in memory, commands from another folder, man pages, completion.
set -eu
source=$1 build=$2 cc=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
prefix=$work/usr
fail() { echo "install: $*" >&2; exit 1; }

cmake --install "$build" --prefix "$prefix" >"$work/log" 2>&1 || { cat "$work/log" >&2; fail "cmake --install failed"; }
export PKG_CONFIG_PATH="$prefix/lib/pkgconfig" LD_LIBRARY_PATH="$prefix/lib"
flags=$(pkg-config --cflags --libs gad)
[ "$(pkg-config --modversion gad)" = "$("$prefix/bin/gad" --version | cut -d' ' -f2)" ] || fail "gad.pc has another version"
cd / # nothing is found by luck in the source tree
unset GAD_MODEL
good=$source/samples/bottle/train/good/good.jpg part=$source/samples/bottle/test/texture_defect/part_2.jpg

# shellcheck disable=SC2086 # flags are several words
$cc -Wall -Wextra -Werror "$source/docs/example.c" $flags -o "$work/example_c"
# shellcheck disable=SC2086
c++ -Wall -Wextra -Werror -x c++ "$source/docs/example.c" $flags -o "$work/example_cpp"
# shellcheck disable=SC2086
$cc -Wall -Wextra -Werror "$source/tests/install/memory.c" $flags -o "$work/memory"
# shellcheck disable=SC2046
$cc "$source/tests/install/memory.c" $(pkg-config --cflags gad) "$prefix/lib/libgad.a" \
    $(pkg-config --static --libs gad | sed 's/-lgad //') -o "$work/static"
"$work/example_c" "$good" "$part" >"$work/c.txt"
"$work/example_cpp" "$good" "$part" >"$work/cpp.txt"
grep -q '^verdict 2, score' "$work/c.txt" || fail "the example does not find the defect: $(cat "$work/c.txt")"
cmp "$work/c.txt" "$work/cpp.txt" || fail "C and C++ differ"
[ "$("$work/memory" | cut -d' ' -f1)" = anomalous ] || fail "the scratch in memory was not found"
for library in mpi ldap krb gss curl openblas; do
    ! ldd "$prefix/bin/gad" "$prefix/lib/libgad.so" | grep -qi "$library" || fail "$library is among the libraries"
done

"$prefix/bin/gad" inspect --reason never --ref "$good" "$part" >/dev/null || fail "inspect does not find the model"
"$prefix/bin/gad" model info >/dev/null || fail "model info does not find the model"
"$prefix/bin/gad" model info gad-s >/dev/null || fail "model info does not find gad-s"
"$prefix/bin/gad" speed --model gad-s --prompt-tokens 8 --answer-tokens 2 --image 64 --repeats 1 >/dev/null || fail "speed does not find gad-s"
ln -s "$prefix/bin/gad" "$work/link"
"$work/link" model info >/dev/null || fail "the model is not found through a link"
mv "$prefix" "$work/moved"
"$work/moved/bin/gad" model info >/dev/null || fail "the model is not found after a move"
mv "$work/moved" "$prefix"

# Every command has a page, and every option of its help is in it.
"$prefix/bin/gad" --help | sed -n 's/^  \([a-z]\+\( [a-z]\+\)\?\)  .*/\1/p' >"$work/commands"
[ "$(wc -l <"$work/commands")" -gt 20 ] || fail "gad --help was not understood"
while read -r name; do
    page=$prefix/share/man/man1/gad-$(echo "$name" | tr ' ' '-').1
    [ -f "$page" ] || fail "$name has no man page"
    # shellcheck disable=SC2086 # a name may be two words
    "$prefix/bin/gad" $name --help | sed -n 's/^  --\(\[no-\]\)\?\([a-z0-9-]*\).*/\2/p' | while read -r option; do
        sed 's/\\-/-/g' "$page" | grep -q -- "^\.B --\(\[no-\]\)\?$option\( \|$\)" || fail "$page: --$option is missing"
    done
done <"$work/commands"
! command -v man >/dev/null || [ -z "$(man --warnings -l "$prefix/share/man/man1/gad-inspect.1" 2>&1 >/dev/null)" ] ||
    fail "the man page has errors"

cat >"$work/complete.bash" <<'END'
source "$1"
reply() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _gad; echo "${COMPREPLY[*]}"; }
[[ " $(reply gad ins) " == *" inspect "* ]] || { echo "gad ins"; exit 1; }
[[ " $(reply gad data "") " == *" import "* ]] || { echo "gad data"; exit 1; }
[[ " $(reply gad inspect --over) " == *" --overlay "* ]] || { echo "gad inspect --over"; exit 1; }
[[ " $(reply gad inspect --reason n) " == *" never "* ]] || { echo "gad inspect --reason n"; exit 1; }
[[ " $(reply gad data import --st) " == *" --store "* ]] || { echo "gad data import --st"; exit 1; }
END
bash "$work/complete.bash" "$prefix/share/bash-completion/completions/gad" || fail "bash completion"
! command -v zsh >/dev/null || zsh -n "$prefix/share/zsh/site-functions/_gad" || fail "zsh completion"
echo "install: $(find "$prefix" -type f | wc -l) files, used from C, C++ and the shell"
