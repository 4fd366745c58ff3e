#!/bin/sh
# python.sh SOURCE BUILD CC: packaging/gad.py, from the build folder and out of its wheel, against `gad inspect`. Skipped by name
# where python3 is not installed; the part with arrays of numpy where that is not.
set -eu
source=$1 build=$2 cc=$3
command -v python3 >/dev/null || { echo "SKIPPED python: python3 is not installed"; exit 0; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "python: $*" >&2; exit 1; }
export PYTHONDONTWRITEBYTECODE=1
cp "$build/libgad.so.0" "$work/libgad.so.0"
ln -s "$source/models" "$work/models"
GAD_LIBRARY="$work/libgad.so.0" PYTHONPATH="$source/packaging" \
    python3 "$source/tests/python/test_gad.py" "$source" "$build/gad" "$cc"
# What lies in the wheel is enough: nothing of the source or the build is on the path.
mkdir "$work/out"
wheel=$(python3 "$source/packaging/wheel.py" "$build") || fail "the wheel was not built"
python3 -m zipfile -e "$wheel" "$work/out"
cd /
env -u GAD_LIBRARY PYTHONPATH="$work/out" python3 "$source/tests/python/test_gad.py" "$source" "$build/gad" "$cc"
