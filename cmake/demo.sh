#!/bin/sh
# demo.sh FOLDER: the main job on images of the repository: twelve products, each with a good piece as reference.
set -eu
folder=$1 out=$1/demo
rm -rf "$out"
mkdir -p "$out"
model=models/gad-s
echo "For each product: gad inspect --model $model --class PRODUCT --ref samples/PRODUCT/good.jpg samples/PRODUCT/part_*.jpg"
echo "part_1 is a good piece, part_2 has a defect."
echo
index=$out/index.html
echo '<!doctype html><meta charset="utf-8"><title>gad: sample products</title><h1>Sample products</h1><ul>' >"$index"
for reference in samples/*/good.jpg; do
    product=$(basename "$(dirname "$reference")")
    mkdir -p "$out/$product"
    "$folder/gad" inspect --model "$model" --class "$product" --html "$out/$product.html" \
        --overlay "$out/$product/boxes" --heatmap "$out/$product/heat" --ref "$reference" "samples/$product/part_1.jpg" \
        "samples/$product/part_2.jpg"
    echo
    echo "<li><a href=\"$product.html\">$product</a>" >>"$index"
done
echo '</ul>' >>"$index"
echo "demo: the page $index leads to a page of each product; pictures with boxes and heat maps lie beside it"
