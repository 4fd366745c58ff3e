#!/bin/sh
# demo.sh FOLDER: the main job on images of the repository.
set -eu
folder=$1 out=$1/demo
mkdir -p "$out"
if [ -d models/gad-s ]; then
    model=models/gad-s tokens=256
else
    model=tests/fixtures/qwen25/model tokens=24
    echo "demo: no trained model is in the repository yet. This run uses a tiny checkpoint with RANDOM weights, so its words"
    echo "demo: mean nothing; it shows the whole way from images to an answer."
fi
for product in board bottle screw; do
    echo "gad inspect --model $model --class $product --ref samples/$product/good.jpg samples/$product/part_2.jpg"
    "$folder/gad" inspect --model "$model" --class "$product" --max-tokens "$tokens" --quiet --overlay "$out/$product" \
        --ref "samples/$product/good.jpg" "samples/$product/part_1.jpg" "samples/$product/part_2.jpg"
done
echo "demo: the pictures with boxes are in $out"
