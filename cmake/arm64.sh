#!/bin/sh
# arm64.sh FOLDER JOBS: cross-builds the op table for 64-bit ARM and judges it under qemu, on a processor that has every
# instruction set that gad has kernels for. Skipped by name where the cross compiler or qemu is not installed.
set -eu
folder=$1 jobs=$2
if ! command -v aarch64-linux-gnu-gcc >/dev/null || ! command -v qemu-aarch64 >/dev/null; then
    echo "SKIPPED arm64: gcc-aarch64-linux-gnu or qemu-user is not installed"
    exit 0
fi
cmake -S tests/arm64 -B "$folder" -G Ninja -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64 \
    -DCMAKE_C_COMPILER=aarch64-linux-gnu-gcc >"$folder.log" 2>&1 || { cat "$folder.log" >&2; exit 1; }
cmake --build "$folder" -j "$jobs" >"$folder.log" 2>&1 || { tail -n 40 "$folder.log" >&2; exit 1; }
run() { # LOG COMMAND...: the test, on a processor with all that is emulated
    log=$1
    shift
    GAD_TEST_SHORT=1 OMP_NUM_THREADS=2 qemu-aarch64 -L /usr/aarch64-linux-gnu -cpu max "$@" >"$folder/$log.log" 2>&1 || {
        tail -n 30 "$folder/$log.log" >&2
        echo "arm64: $* failed" >&2
        exit 1
    }
}
run quant "$folder/test_quant"
run cpu "$folder/test_cpu"
# the levels differ in the products of bf16 and of 8 bits alone
run fp32 "$folder/test_judge" compare "" neon &
fp32=$!
run int8dot "$folder/test_judge" compare "linear(" neondot
run int8mixed "$folder/test_judge" compare "linear(" neoni8mm
run bf16 "$folder/test_judge" compare "linear(" neonbf16 bf16
wait "$fp32" || exit 1
echo "arm64: the kernels of neon, neondot, neoni8mm and neonbf16 agree with the reference under qemu"
