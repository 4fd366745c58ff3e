#!/bin/sh
# words.sh GAD MODEL OUT: a model of ours as MODEL is (gad-s), taught to say what was measured of its regions and nothing else
# (docs/model.md, "Difference evidence"). GAD is the program, OUT the folder where everything goes; every step goes on where it
# was stopped. The shipped gad-s was not made by it: docs/results.md, "Words that were measured", says what was run and how
# far that came.
set -eu
gad=$1 model=$(cd "$2" && pwd) out=$3
reference=$(cd "$(dirname "$0")/../../reference" && pwd)
mkdir -p "$out"
cd "$out"
kinds="all,-dent,-discoloration,-swapped part"
parts="language,difference.regions,difference.inject"

latest() { # folder of a run's latest checkpoint
    ls -d "$1"/step-* | tail -1
}

train() { # KIND MODEL OUT options...: goes on where it was stopped
    kind=$1 start=$2 run=$3
    shift 3
    resume=
    [ -d "$run" ] && resume=--resume
    "$gad" train "$kind" "$start" --out "$run" $resume --synth-kinds "$kinds" --threads 1 --vision-cache 0 --keep 2 \
        --eval-every -1 "$@"
}

taught() { # MODEL OUT SIDE SEED STEPS RATE options...
    start=$1 run=$2 side=$3 seed=$4 steps=$5 rate=$6
    shift 6
    train sft "$start" "$run" --synth-side "$side" --synth-seed "$seed" --steps "$steps" --lr "$rate" --batch 32 \
        --synth-strength 0.3 --synth-same-piece 0.6 --lr-floor 0.05 --schedule cosine --ema 0.9 \
        --mask-weight 0 --bf16-products --save-every 10 "$@"
}

resized() { # SIDE FROM TO: a copy of a checkpoint that sees pictures of that side
    if [ ! -d "$3" ]; then
        cp -r "$2" "$3.new"
        rm -f "$3.new"/DONE "$3.new"/state.safetensors "$3.new"/trainer.json
        sed -i "s/16384\|65536/$(($1 * $1))/" "$3.new"/preprocessor_config.json
        mv "$3.new" "$3"
    fi
}

[ -d wide ] || python3 "$reference/widen_regions.py" "$model" wide
# The new grammar first, then decisions and boxes with it, on small pictures: four times as many in the same time.
resized 128 wide small
taught small words-a 128 43 60 1.2e-3 --reasoning-only --train language --synth-normal 0.4
taught "$(latest words-a)" words-b 128 51 600 1e-3 --synth-normal 0.45 --train $parts --fast-share 0.25 --forced-regions 0.1
resized 256 "$(latest words-b)" large
taught large words-c 256 52 200 5e-4 --train $parts --fast-share 0.25 --forced-regions 0.1 --synth-normal 0.35
# Rewards, as for gad-s: they do not read the words, which stay what they are.
train grpo "$(latest words-c)" words-d --train $parts --synth-side 256 --synth-strength 0.2 --steps 300 --batch 8 --group 8 \
    --kl 0.04 --no-mask-truncated --schedule constant --max-new-tokens 160 --save-every 25 --synth-seed 5 \
    --synth-normal 0.4 --synth-same-piece 0.7 --lr 2e-4
rm -rf taught
python3 "$reference/average_weights.py" "$(latest words-c)" "$(latest words-d)" 0.8 taught
echo "the taught model is in $out/taught"
