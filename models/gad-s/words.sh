#!/bin/sh
# words.sh GAD MODEL OUT: a model of ours as MODEL is (gad-s), taught to say what was measured of its regions and nothing else
# (docs/model.md, "Difference evidence"). GAD is the program, OUT the folder where everything goes; every step goes on where it
# was stopped. The shipped gad-s was not made by it: docs/results.md says how far it came.
set -eu
gad=$1 model=$(cd "$2" && pwd) out=$3
reference=$(cd "$(dirname "$0")/../../reference" && pwd)
mkdir -p "$out"
cd "$out"
kinds="all,-dent,-discoloration,-swapped part"

latest() { # folder of a run's latest checkpoint
    ls -d "$1"/step-* | tail -1
}

taught() { # MODEL OUT SIDE SEED STEPS RATE: its reasoning alone; decisions and boxes stay what rewards made of them
    resume=
    [ -d "$2" ] && resume=--resume
    "$gad" train sft "$1" --out "$2" $resume --reasoning-only --train language --synth-normal 0.4 --synth-strength 0.3 \
        --synth-side "$3" --synth-seed "$4" --synth-same-piece 0.6 --synth-kinds "$kinds" --steps "$5" --batch 32 --lr "$6" \
        --lr-floor 0.05 --schedule cosine --ema 0.9 --mask-weight 0 --threads 1 --bf16-products --vision-cache 0 --keep 2 \
        --save-every 10 --eval-every -1
}

[ -d wide ] || python3 "$reference/widen_regions.py" "$model" wide
if [ ! -d small ]; then
    cp -r wide small.new
    sed -i 's/65536/16384/' small.new/preprocessor_config.json # pictures of 128 px: four times as many in the same time
    mv small.new small
fi
taught small words-128 128 41 60 4e-4
if [ ! -d large ]; then
    cp -r "$(latest words-128)" large.new
    rm -f large.new/DONE large.new/state.safetensors large.new/trainer.json
    sed -i 's/16384/65536/' large.new/preprocessor_config.json
    mv large.new large
fi
taught large words-256 256 42 40 2e-4
echo "the taught model is in $out/$(latest words-256)"
