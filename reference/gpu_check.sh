#!/bin/bash
# gpu_check.sh [part ...]: everything that needs a GPU, in under eight minutes; without arguments all parts in this order:
#   judge      every op against the fp64 reference, fp32 and bf16 activations
#   golden     both model families, an inspection and a training on the device, and the ids that it draws
#   perf       the ops of a 7B model, beside the device's own copy and product
#   sanitizer  compute-sanitizer memcheck and racecheck on a small judge
#   speed      gad speed on the 7B shape, decoding with CUDA graphs too, and on the shapes S and M
#   peer       transformers and PyTorch on the same work
# gpu_check.sh pack FOLDER makes FOLDER/gpu_check.tar.xz of a build, for a machine that has no headers to build with.
# Environment: GAD_BUILD the build folder (build); GAD_GPU_PACK a folder with gpu_check.tar.xz to use instead of a build;
# OUT the folder for the results (gpu_check.out); GPU_CHECK_SECONDS for all together (470).
set -u
cd "$(dirname "$0")/.."
top=$PWD
build=${GAD_BUILD:-build}
out=${OUT:-gpu_check.out}
seconds=${GPU_CHECK_SECONDS:-470}
programs="gad op_test_judge device_test_half device_test_draw"

# ---- packing: the programs, the plugin, and the libraries that they need and a bare system lacks ----

pack() {
    local to=$1 work
    work=$(mktemp -d)
    mkdir -p "$to" "$work/bin" "$work/lib"
    for program in $programs; do
        cp "$build/$program" "$work/bin/" || exit 1
        strip "$work/bin/$program"
    done
    cp "$build/gad_cuda.so" "$work/bin/" || exit 1
    strip --strip-unneeded "$work/bin/gad_cuda.so"
    for program in $programs; do ldd "$build/$program"; done | awk '$3 ~ /^\// { print $3 }' | sort -u |
        grep -vE '/(libc|libm|libdl|libpthread|librt|libstdc\+\+|libgcc_s|libopenblas|libgfortran|libquadmath)\.so' |
        xargs -I{} cp -L {} "$work/lib/"
    # a stand-in: OpenBLAS is the yardstick on processors alone, and large
    echo 'void cblas_sgemm(void) {}' >"$work/stand_in.c"
    cc -shared -fPIC -Wl,-soname,libopenblas.so.0 -o "$work/lib/libopenblas.so.0" "$work/stand_in.c"
    rm "$work/stand_in.c"
    printf '%s\n%s\n' "$top" "$(cd "$build" && pwd)" >"$work/folders"
    XZ_OPT=-3 tar -C "$work" -cJf "$to/gpu_check.tar.xz" . || exit 1
    rm -rf "$work"
    ls -l "$to/gpu_check.tar.xz"
}

# ---- what the parts share ----

started=$SECONDS
left() { echo $((seconds - (SECONDS - started))); }
say() { printf '%s\n' "$*" | tee -a "$out/summary.txt"; }
# limit SECONDS command ...: the command, no longer than that and than what is left of all
limit() {
    local most=$1 rest
    shift
    rest=$(left)
    [ "$rest" -lt "$most" ] && most=$rest
    [ "$most" -gt 2 ] || { echo "no time left"; return 124; }
    timeout -k 3 "$most" "$@"
}
verdict() { # NAME STATUS SECONDS
    case $2 in 0) say "$1: passed in $3 s" ;; 124 | 137) say "$1: STOPPED after $3 s" ;; *) say "$1: FAILED ($2) in $3 s" ;; esac
}

# Tests look for files of the source tree and write into folders of the build, at the places that they were built with.
unpack() {
    local folders
    bin=$work/pack
    mkdir "$bin"
    tar -C "$bin" -xJf "$GAD_GPU_PACK/gpu_check.tar.xz" || exit 1
    mapfile -t folders <"$bin/folders"
    [ -e "${folders[0]}" ] || { mkdir -p "$(dirname "${folders[0]}")" && ln -s "$top" "${folders[0]}"; }
    for program in $programs; do mkdir -p "${folders[1]}/tmp/$program"; done
    libraries=$bin/lib
    bin=$bin/bin
}

prepare() {
    mkdir -p "$out"
    out=$(cd "$out" && pwd)
    : >"$out/summary.txt"
    libraries=
    work=/tmp/gpu_check.$$ # what is worth keeping goes to $out, a file a part
    mkdir -p "$work"
    trap 'rm -rf "$work"' EXIT
    bin=$top/$build
    PATH=$PATH:/usr/local/cuda/bin
    if [ -n "${GAD_GPU_PACK:-}" ]; then
        unpack
    elif [ ! -e "$bin/gad_cuda.so" ]; then
        cmake -S . -B "$build" -G Ninja -DGAD_CUDA=ON -DGAD_CUDA_ARCHITECTURES=90 >"$work/build.log" 2>&1 &&
            ninja -C "$build" gad_cuda $programs >>"$work/build.log" 2>&1 || { tail -20 "$work/build.log"; exit 1; }
    fi
    blas=$(ldconfig -p 2>/dev/null | awk '/libcublasLt\.so\.1[23] / { print $NF; exit }')
    [ -n "$blas" ] || blas=$(find /usr/local/cuda*/ /opt -name 'libcublasLt.so.1[23]' 2>/dev/null | head -1)
    path="$libraries:${blas:+$(dirname "$blas")}:${LD_LIBRARY_PATH:-}"
    say "gpu_check: $(nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader 2>&1 | head -1)"
    say "cuBLASLt: ${blas:-not found}"
}
# one of our programs, with the libraries of the pack
ours() { LD_LIBRARY_PATH=$path "$@"; }
export -f ours

# ---- the parts ----

# The device decides before anything else is tried.
is_there() {
    ours "$bin/op_test_judge" compare "zero_cases_(" cuda >"$work/device.txt" 2>&1 && return 0
    say "no device: $(tail -1 "$work/device.txt")"
    return 1
}

ops="linear( linear_parts( linear_swiglu( rmsnorm( layernorm( swiglu( gelu( rope( embed( rows( rows_mix( axpby( logprob( adamw( attention( unfold( expand_depthwise("

# A process an op and type, so that a fault of one leaves the others alone.
judge_one() {
    local name=${1%(}_$2
    timeout -k 3 100 "$bin/op_test_judge" compare "$1" cuda ${2#fp32} >"$work/judge/$name.txt" 2>&1
    echo "$? $name" >>"$work/judge/status.txt"
}
judge() {
    mkdir "$work/judge"
    export -f judge_one
    export bin work path
    for type in bf16 fp32; do for op in $ops; do printf '%s %s\n' "$op" "$type"; done; done |
        LD_LIBRARY_PATH=$path OMP_NUM_THREADS=1 limit 110 xargs -P 8 -L 1 bash -c 'judge_one "$0" "$1"'
    local status=$?
    awk '$1 != 0 { bad++; print "  " $2 " ended with " $1 } END { print "  " NR - bad " of " NR " op tests passed"; exit bad > 0 }' \
        "$work/judge/status.txt" | tee -a "$out/summary.txt"
    local bad=${PIPESTATUS[0]}
    cat "$work/judge/"*_bf16.txt "$work/judge/"*_fp32.txt >"$out/judge.txt" 2>/dev/null
    cut -c1-200 "$out/judge.txt" | head -12
    return $((status ? status : bad))
}

golden() {
    GAD_TEST_DEVICE=cuda LD_LIBRARY_PATH=$path limit 70 "$bin/device_test_half" >"$out/golden.txt" 2>&1
    local status=$? drawn
    GAD_TEST_DEVICE=cuda LD_LIBRARY_PATH=$path limit 30 "$bin/device_test_draw" >>"$out/golden.txt" 2>&1
    drawn=$?
    [ $status -eq 0 ] && status=$drawn
    grep -aE 'case|difference|loss|OK|FAILED|ERROR' "$out/golden.txt" | sed 's/^/  /' | head -30 | tee -a "$out/summary.txt"
    return $status
}

perf() {
    LD_LIBRARY_PATH=$path limit 100 "$bin/op_test_judge" perf "" cuda bf16 >"$out/perf.txt" 2>&1
    local status=$?
    sed -E 's/, processor +[0-9.]+//; s/^/  /' "$out/perf.txt" | tee -a "$out/summary.txt"
    return $status
}

# Every op once, small.
small="linear(T=3,|linear_parts(T=3,|linear_parts(T=1,I=130|linear_parts(T=1,I=290|linear_swiglu(T=7,|linear_swiglu(T=1,I=290|attention(voices=5|linear(T=9,I=191|linear(T=1,I=64|rmsnorm(T=5,|layernorm(T=3,|swiglu(T=3,|gelu(T=3,|rope(T=3,|embed(T=20,|rows(T=5,"
small="$small|rows_mix(T=1,|axpby(T=5,|logprob(T=5,|adamw(T=7,|attention(shape=1,Q=33|attention(shape=2,Q=3|attention(shape=3,Q=50|unfold(rows=7|expand_depthwise(rows=9"
sanitizer() {
    local worst=0 status
    for tool in memcheck racecheck; do
        for type in bf16 fp32; do
            LD_LIBRARY_PATH=$path limit 45 compute-sanitizer --tool $tool --error-exitcode 9 --kernel-name-exclude kns=cutlass \
                "$bin/op_test_judge" compare "$small" cuda ${type#fp32} >"$work/sanitizer.txt" 2>&1
            status=$?
            say "  $tool $type: status $status, $(grep -a 'ERROR SUMMARY\|RACECHECK SUMMARY' "$work/sanitizer.txt" | tail -1)"
            cat "$work/sanitizer.txt" >>"$out/sanitizer.txt"
            [ $status -le $worst ] || worst=$status
        done
    done
    return $worst
}

# speed_one GRAPHS OPTION ...: one run, with CUDA graphs or (0) without
speed_one() {
    local graphs=$1 status
    shift
    GAD_CUDA_GRAPHS=$graphs LD_LIBRARY_PATH=$path limit 75 "$bin/gad" speed --device cuda "$@" >"$work/speed.txt" 2>&1
    status=$?
    { echo "GAD_CUDA_GRAPHS=$graphs gad speed $*"; cat "$work/speed.txt"; } >>"$out/speed.txt"
    say "  GAD_CUDA_GRAPHS=$graphs gad speed $*: status $status"
    sed 's/^/    /' "$work/speed.txt" | tee -a "$out/summary.txt"
    return $status
}

# The peer's work: two pictures of 448 px in the prompt, 300 new tokens, batch 1 and 64; a LoRA step of one sample; a GRPO step of a group of 8.
speed() {
    local worst=0 of="--shape ${GPU_CHECK_SHAPE:-qwen2.5-vl-7b} --answer-tokens 300"
    speed_one 0 $of --image 448 --prompt-tokens 700 --limits --batch 64 || worst=1
    speed_one 1 $of --prompt-tokens 700 --batch 64 --repeats 1 || worst=1
    speed_one 0 $of --image 448 --train --lora 16 --samples 1 || worst=1
    speed_one 0 $of --image 448 --grpo --lora 16 --group 8 --repeats 1 || worst=1
    for shape in gad-s gad-m; do
        speed_one 0 --shape $shape --image 224 --prompt-tokens 300 --answer-tokens 100 || worst=1
        speed_one 0 --shape $shape --image 224 --prompt-tokens 80 --answer-tokens 100 --train --samples 8 || worst=1
    done
    return $worst
}

peer() {
    PYTHONUNBUFFERED=1 limit 150 python3 reference/gpu_peer.py >"$out/peer.txt" 2>"$work/peer.err"
    local status=$?
    sed 's/^/  /' "$out/peer.txt" | tee -a "$out/summary.txt"
    [ $status -eq 0 ] || tail -20 "$work/peer.err" | tee -a "$out/peer.txt"
    return $status
}

# ---- from the command line ----

if [ "${1:-}" = pack ]; then
    pack "${2:?gpu_check.sh pack FOLDER}"
    exit
fi
for part in "$@"; do
    case $part in judge | golden | perf | sanitizer | speed | peer) ;; *) sed -n '2,13s/^# \{0,1\}//p' "$0"; exit 2 ;; esac
done
[ $# -gt 0 ] || set -- judge golden perf sanitizer speed peer
prepare
is_there || exit 3
worst=0
for part in "$@"; do
    before=$SECONDS
    "$part"
    status=$?
    verdict "$part" $status $((SECONDS - before))
    [ $status -eq 0 ] || worst=1
done
say "gpu_check: $((SECONDS - started)) s in all"
exit $worst
