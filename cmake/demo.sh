#!/bin/sh
# demo.sh FOLDER: the main job on the pictures of samples/. Products on photographs are learnt from ten good parts or more; with a drawn
# one, the model that ships compares parts with its only good part and says what it sees. All goes on one page.
set -eu
gad=$1/gad out=$1/demo
rm -rf "$out"
mkdir -p "$out/parts"
total() { # of lines "truth: found 3 of 4, 0 false alarms of 3, 30 ms a part"
    awk -F '[ ,]+' '{ found += $3; bad += $5; alarms += $6; good += $10; ms += $11 * ($5 + $10) }
        END { printf "found %d of %d, %d false alarms, %.0f ms a part\n", found, bad, alarms, ms / (bad + good) }' "$1"
}
for product in alien cookie cubes screws board bottle cloth connector; do
    good=samples/$product/train/good
    if [ "$(find "$good" -name '*.jpg' | wc -l)" -gt 1 ]; then
        "$gad" learn --good "$good" --class "$product" --out "$out/$product.gad" >"$out/parts/how" 2>"$out/parts/errors" || {
            cat "$out/parts/errors" >&2
            exit 1
        }
        set -- --product "$out/$product.gad"
    else
        echo "$product: compared with one good part by the model that ships, which gives reasons" >"$out/parts/how"
        set -- --class "$product" --ref "$good"
    fi
    cat "$out/parts/how"
    "$gad" inspect --quiet --truth --html "$out/parts/page" "$@" "samples/$product/test"/* \
        >"$out/parts/said" 2>"$out/parts/errors" || { cat "$out/parts/errors" >&2; exit 1; }
    cat "$out/parts/said"
    echo
    cat "$out/parts/said" >>"$out/parts/all"
    grep '^truth: ' "$out/parts/errors" >>"$out/parts/truth"
    {
        echo "<section><h2>$product: $(tail -n 1 "$out/parts/truth" | sed 's/^truth: //')</h2><p class=\"note\">"
        grep -v '\.gad$' "$out/parts/how" | sed "s/^$product: //; s/\$/<br>/"
        echo '</p>'
        sed -n '/^<main>/,$ { s|^<main><h1>[^<]*</h1>||; s|</main>$||; /^<\/body>/d; /^<\/html>/d; p; }' "$out/parts/page"
        echo '</section>'
    } >>"$out/parts/sections"
done
last=$(total "$out/parts/truth")
{
    sed '/^<body>/q' "$out/parts/page"
    echo "<main><h1>gad: sample products</h1><p><strong>$last</strong></p><p class=\"note\">A red frame: the verdict is wrong.</p>"
    cat "$out/parts/sections"
    echo '</main></body></html>'
} >"$out/index.html"
grep ': \(missed\|false alarm\)$' "$out/parts/all" || true
rm -r "$out/parts"
echo "the page with all parts: $out/index.html"
echo "$last"
