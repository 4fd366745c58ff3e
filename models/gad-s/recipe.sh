#!/bin/sh
# recipe.sh GAD DATA OUT: gad-s from random weights. GAD is the program, DATA the folder with the real images (one folder
# with annotations.jsonl per set: aws_aliens, aws_cookie, corpus_clothing, corpus_grocery, screws), OUT where everything
# goes. Every step goes on where it was stopped, so the same command may be given again. README.md beside this file says how
# long each step took, on which machine.
set -eu
gad=$1 data=$2 out=$3
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$out"
cd "$out"

# Kinds of defects that no phase sees: what the model makes of them is measured.
kinds="all,-dent,-discoloration,-swapped part"
synth="--synth-side 256 --synth-same-piece 0.5 --threads 1 --vision-cache 0 --keep 1"

latest() { # folder of a run's latest checkpoint
    ls -d "$1"/step-* | tail -1
}

train() { # PHASE MODEL OUT options...: goes on where it was stopped
    kind=$1 model=$2 run=$3
    shift 3
    resume=
    [ -d "$run" ] && resume=--resume
    "$gad" train "$kind" "$model" --out "$run" $resume "$@"
}

# ---- data: synthetic defects on real photographs, and the real sets themselves ------------------------------------------
if [ ! -f train.db ]; then
    for set in corpus_grocery corpus_clothing aws_cookie aws_aliens screws; do
        "$gad" data import gad-jsonl "$data/$set" --name "$set" --store photos.db
    done
    seed=11
    for set in corpus_grocery corpus_clothing aws_cookie screws aws_aliens; do
        count=300
        case $set in corpus_*) count=1200 ;; esac
        "$gad" data synth --store photos.db --from "$set" --name "syn_$set" --out "syn_$set" --count $count --seed $seed \
            --width 256 --height 256 --brief --strength-low 0.2 --normal 0.45 --jpeg 92 --kinds "$kinds"
        "$gad" data export jsonl "syn_$set.jsonl" --store photos.db --dataset "syn_$set"
        "$gad" data import mmrad-jsonl "syn_$set.jsonl" --store train.new.db
        seed=$((seed + 1))
    done
    for set in aws_cookie screws aws_aliens; do
        "$gad" data import gad-jsonl "$data/$set" --name "$set" --store train.new.db
        "$gad" data pair --store train.new.db --dataset "$set" --k 2
    done
    mv train.new.db train.db
fi

# ---- the start: random weights, a vocabulary of the project's own texts --------------------------------------------------
echo 'Is the last {class} anomalous? {domain}' >question.txt
[ -d start ] || "$gad" model new --preset s16 --prompt question.txt --out start

# ---- A: the difference module and its heat map; neither tower nor language model takes part ------------------------------
train sft start phase-a1 --train difference --text-weight 0 $synth --synth-strength 0.2 --synth-kinds "$kinds" --steps 2045 \
    --batch 16 --schedule constant --lr 2e-3 --ema 0.99 --eval-every 250 --save-every 250 --eval-examples 192
train sft "$(latest phase-a1)" phase-a2 --train difference --text-weight 0 --no-think $synth --synth-strength 0.2 \
    --synth-kinds "$kinds" --data train.db --synth-share 0.6 --steps 2300 --batch 16 --schedule cosine --lr 1.5e-3 \
    --lr-floor 0.02 --ema 0.99 --eval-every 250 --save-every 125 --eval-examples 192

# ---- B, C: the language model learns to decide, then to reason, on small pictures: four times as many in the same time -----
resized() { # SIDE FROM TO: a copy of a checkpoint that sees pictures of that side
    if [ ! -d "$3" ]; then
        cp -r "$2" "$3.new"
        rm -f "$3.new"/DONE "$3.new"/state.safetensors "$3.new"/trainer.json
        sed -i "s/16384\|65536/$(($1 * $1))/" "$3.new"/preprocessor_config.json
        mv "$3.new" "$3"
    fi
}
words="--train language,difference.regions,difference.inject --synth-normal 0.4 --synth-strength 0.3 --threads 1 --vision-cache 0
    --keep 1"
resized 128 "$(latest phase-a2)" small
train sft small phase-b --no-think --forced-regions 0.3 $words --mask-weight 0 --synth-side 128 --synth-seed 2 \
    --synth-same-piece 0.5 --synth-kinds "$kinds" --steps 200 --batch 32 --schedule constant --lr 2e-3 --ema 0.98 \
    --eval-every 200 --eval-answers 64
train sft "$(latest phase-b)" phase-c1 --forced-regions 0.25 --fast-share 0.3 $words --mask-weight 0 --synth-side 128 \
    --synth-seed 3 --synth-same-piece 0.5 --synth-kinds "$kinds" --steps 1100 --batch 32 --schedule cosine --lr 2e-3 \
    --lr-floor 0.05 --ema 0.98 --save-every 100 --eval-every 550 --eval-examples 96 --eval-answers 96
resized 256 "$(latest phase-c1)" large
train sft large phase-c2 --fast-share 0.4 $words --mask-weight 0 --synth-side 256 --synth-seed 4 --synth-same-piece 0.6 \
    --synth-kinds "$kinds" --steps 120 --batch 32 --schedule cosine --lr 7e-4 --lr-floor 0.05 --ema 0.95 --save-every 60 \
    --eval-every -1

# ---- D: reinforcement learning ---------------------------------------------------------------------------------------------
rewarded() { # START OUT STEPS options...
    start=$1 run=$2 steps=$3
    shift 3
    train grpo "$start" "$run" --train language,difference.regions,difference.inject --synth-side 256 \
        --synth-strength 0.2 --synth-kinds "$kinds" --steps "$steps" --batch 8 --group 8 --threads 1 --kl 0.04 \
        --no-mask-truncated --schedule constant --max-new-tokens 160 --eval-every -1 --save-every 25 --keep 1 \
        --vision-cache 0 "$@"
}
rewarded "$(latest phase-c2)" phase-d1 150 --synth-seed 5 --synth-normal 0.4 --synth-same-piece 0.7 --lr 2e-4
# The divergence is from where a run starts: another run may go further.
rewarded "$(latest phase-d1)" phase-d2 150 --synth-seed 6 --synth-normal 0.3 --synth-same-piece 0.7 --lr 2e-4
rewarded "$(latest phase-d2)" phase-d3 75 --synth-seed 7 --synth-normal 0.5 --synth-same-piece 0.5 --lr 1e-4
# Rewards do not ask for good English: one fifth of the way back keeps what was won and mends the words (docs/results.md).
rm -rf gad-s
python3 "$here/../../reference/average_weights.py" "$(latest phase-c2)" "$(latest phase-d3)" 0.8 gad-s
echo "gad-s is in $out/gad-s"
