#!/bin/sh
# recipe.sh GAD DATA OUT: the head that ships, OUT/lite0.head.safetensors. GAD is the program, DATA the folder with the
# photographs (corpus_grocery, corpus_clothing, each with annotations.jsonl), OUT where everything goes. NOTICE says where
# they come from.
set -eu
gad=$1 data=$2 out=$3
mkdir -p "$out"
cd "$out"

"$gad" data synth --store head.db --name procedural --out procedural --count 900 --seed 5 --width 320 --height 320 \
    --references 2 --normal 0.25 --same-piece 0.15 --brief
seed=6
for set in grocery clothing; do
    "$gad" data import gad-jsonl "$data/corpus_$set" --name "$set" --store head.db
    "$gad" data synth --store head.db --from "$set" --name "drawn_$set" --out "drawn_$set" --count 350 --seed $seed \
        --width 320 --height 320 --normal 0.25 --brief
    seed=$((seed + 1))
done
"$gad" train head --store head.db --dataset procedural --dataset drawn_grocery --dataset drawn_clothing --references 2 \
    --steps 1600 --eval-share 0.08 --out lite0.head.safetensors --force
