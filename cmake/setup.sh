#!/bin/sh
# setup.sh [check]: installs the Debian packages that are missing, with `check` also those that only tests need; says what it
# does; a second run does nothing.
set -eu
packages="gcc g++ cmake ninja-build pkg-config dpkg-dev file clang-format libopenblas-openmp-dev libjpeg62-turbo-dev libpng-dev libtiff-dev
libwebp-dev libexif-dev libjansson-dev libpcre2-dev libutf8proc-dev libsqlite3-dev libcurl4-openssl-dev libmicrohttpd-dev libmosquitto-dev
libxxhash-dev libcmocka-dev libopenmpi-dev openmpi-bin"
[ "${1-}" != check ] || packages="$packages clang libclang-rt-14-dev libomp-14-dev cppcheck zsh man-db mosquitto mosquitto-clients
gcc-aarch64-linux-gnu libc6-dev-arm64-cross libgomp1-arm64-cross qemu-user"
missing=""
for package in $packages; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q "ok installed" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
echo "setup: installing$missing"
run=""
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || { echo "setup: run as root or install sudo, or install the packages above yourself" >&2; exit 1; }
    run="sudo"
fi
log=$(mktemp)
if ! { $run apt-get update && $run env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing; } >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    echo "setup: apt-get failed; the whole log is in $log" >&2
    exit 1
fi
rm -f "$log"
