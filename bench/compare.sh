#!/bin/sh
# compare.sh [--run] A B ROUNDS [arguments]: two commands, such as "old/gad speed" and "build/gad speed --quant q8", in
# alternation (A B A B ...), so that whatever else the machine does meets both. Of each row: median, least and most of both
# over the rounds, and the median of the ratios B / A. Rows are those of gad speed; with --run, of any command: processor time
# in user mode, which says something on a busy machine too, wall time and largest memory.
set -eu
kind=speed
[ "${1-}" != --run ] || { kind=run; shift; }
[ $# -ge 3 ] || { echo "usage: bench/compare.sh [--run] \"A/gad speed\" \"B/gad speed\" ROUNDS [arguments for both]" >&2; exit 2; }
a=$1 b=$2 rounds=$3
shift 3
rows=$(mktemp) measured=$(mktemp)
trap 'rm -f "$rows" "$measured"' EXIT

# stage,unit,side,round,value: a line for each row of one command
measure_speed() {
    $command --csv "$@" | awk -F, -v side=$side -v round=$round '
        NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i; next }
        { print $column["stage"] "," $column["unit"] "," side "," round "," $column["median"] }'
}
measure_run() {
    /usr/bin/time -o "$measured" -f "%U %e %M" $command "$@" >/dev/null 2>&1 || true
    tail -1 "$measured" | awk -v end=",$side,$round," '
        { print "processor time,s" end $1; print "wall time,s" end $2; print "memory,KiB" end $3 }'
}

round=0
while [ "$round" -lt "$rounds" ]; do
    for side in A B; do
        command=$a
        [ $side = A ] || command=$b
        measure_$kind "$@" >>"$rows"
    done
    round=$((round + 1))
done
awk -F, '
    function sorted(list, n, out,    i, j, x) {
        for (i = 0; i < n; i++) {
            x = list[i]
            for (j = i; j > 0 && out[j - 1] > x; j--)
                out[j] = out[j - 1]
            out[j] = x
        }
    }
    function middle(out, n) { return n % 2 ? out[(n - 1) / 2] : (out[n / 2 - 1] + out[n / 2]) / 2 }
    { key = $1 "," $2; if (!(key in seen)) { order[keys++] = key; seen[key] = 1 }
      value[key, $3, $4] = $5; if ($4 + 1 > rounds) rounds = $4 + 1 }
    END {
        printf "%-15s %-9s %30s %30s %12s\n", "stage", "unit", "A", "B", "B / A"
        for (k = 0; k < keys; k++) {
            for (r = 0; r < rounds; r++) {
                va[r] = value[order[k], "A", r]; vb[r] = value[order[k], "B", r]
                vr[r] = va[r] > 0 ? vb[r] / va[r] : 0
            }
            sorted(va, rounds, sa); sorted(vb, rounds, sb); sorted(vr, rounds, sr)
            split(order[k], name, ",")
            printf "%-15s %-9s %10.4g (%7.4g to %7.4g) %10.4g (%7.4g to %7.4g) %6.2f (%.2f to %.2f)\n", name[1], name[2],
                middle(sa, rounds), sa[0], sa[rounds - 1], middle(sb, rounds), sb[0], sb[rounds - 1], middle(sr, rounds),
                sr[0], sr[rounds - 1]
        }
    }' "$rows"
