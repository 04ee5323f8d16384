#!/usr/bin/env bash
# snapsift with all of its rules and 300 literals more against ripgrep with one
# word, in turns over the same files: wall and CPU seconds of each run, minimum
# and median, and the ratios of the pairs (below 1: snapsift is faster).
#
# usage: benches/compare.sh [TARGET] [RUNS]      (/usr, 11)
# RG and SNAPSIFT name the programs where they are not in PATH and target/release.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
target=${1:-/usr}
runs=${2:-11}
rg=${RG:-rg}
snapsift=${SNAPSIFT:-$here/../target/release/snapsift}
log=$(mktemp -d)
trap 'rm -rf "$log"' EXIT

# Test content is included: the same files are read by both. Exit code 3 is a
# file that cannot be read, 1 and 2 are ripgrep's for no match and for such a file.
snapsift() {
    command "$snapsift" scan --quiet --include-test-content --rules "$here/literals-300.toml" \
        --format jsonl --output "$log/scan.jsonl" "$target" || [ $? -eq 3 ]
}
rg() { command "$rg" -uuu -a -c someword "$target" >"$log/rg.out" 2>"$log/rg.err" || [ $? -le 2 ]; }

measure() { # measure NAME: appends "wall cpu" of one run to NAME's list
    local TIMEFORMAT='%3R %3U %3S'
    { time "$1"; } 2>"$log/time"
    awk '{ printf "%.3f %.3f\n", $1, $2 + $3 }' "$log/time" >>"$log/$1"
}

printf '%s, %s cores, Linux %s\n' "$(awk -F': ' '/model name/ { print $2; exit }' /proc/cpuinfo)" \
    "$(nproc)" "$(uname -r)"
command "$snapsift" --version
command "$rg" --version | head -n 1
snapsift && rg # warm up
tail -n 1 "$log/scan.jsonl" | grep -oE '"(files|bytes)_scanned":[0-9]+' | tr '\n' ' '
echo
for ((i = 0; i < runs; i++)); do
    measure snapsift
    measure rg
done

paste -d ' ' "$log/snapsift" "$log/rg" | awk '
function sorted(list, n,   i, j, t) {
    for (i = 2; i <= n; i++) for (j = i; j > 1 && list[j] < list[j - 1]; j--) {
        t = list[j]; list[j] = list[j - 1]; list[j - 1] = t
    }
}
function row(name, list, n, unit) {
    sorted(list, n)
    printf "%-22s %8.3f %8.3f %8.3f %s\n", name, list[1], list[int((n + 1) / 2)], list[n], unit
}
{ sw[NR] = $1; sc[NR] = $2; rw[NR] = $3; rc[NR] = $4; pw[NR] = $1 / $3; pc[NR] = $2 / $4 }
END {
    printf "%-22s %8s %8s %8s\n", NR " pairs", "min", "median", "max"
    row("snapsift wall", sw, NR, "s"); row("rg wall", rw, NR, "s"); row("ratio of pairs, wall", pw, NR, "")
    row("snapsift CPU", sc, NR, "s"); row("rg CPU", rc, NR, "s"); row("ratio of pairs, CPU", pc, NR, "")
}'
