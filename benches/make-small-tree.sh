#!/usr/bin/env bash
# Makes a tree of FILES small files in DIR, the same on every machine: 95 files to
# a directory, 3.4 to 7.4 KB each (5.4 KB on average) of lines of program text.
#
# usage: benches/make-small-tree.sh DIR [FILES]
set -euo pipefail
dir=${1:?usage: benches/make-small-tree.sh DIR [FILES]}
files=${2:-100000}
if [ -e "$dir" ]; then
    echo "$dir exists; name a directory that does not" >&2
    exit 2
fi
mkdir -p "$dir"
dirs=$(((files + 94) / 95))
seq -f "$dir/d%04.0f" 0 $((dirs - 1)) | xargs mkdir

# One stream of numbers from a linear congruential generator decides every word.
LC_ALL=C awk -v dir="$dir" -v files="$files" '
function next_number(below) {
    state = (state * 69069 + 1) % 4294967296
    return int(state / 65536) % below
}
BEGIN {
    words = split("return value if else for index count error result config server " \
        "name path file data user token key password secret host port string length " \
        "buffer offset size begin end open close read write static const int char", word, " ")
    # 512 lines, from which every file is put together: a word a piece would take minutes.
    for (l = 0; l < 512; l++) {
        text = sprintf("%*s", next_number(4) * 4, "")
        parts = 3 + next_number(7)
        for (p = 0; p < parts; p++) text = text word[1 + next_number(words)] (p % 3 == 2 ? " = " : " ")
        line[l] = text sprintf("0x%05x;", next_number(32768) * 31)
    }
    for (f = 0; f < files; f++) {
        path = sprintf("%s/d%04d/f%02d.c", dir, int(f / 95), f % 95)
        size = 3400 + next_number(4000)
        text = "/* file " f " */\n"
        while (length(text) < size) text = text line[next_number(512)] "\n"
        printf "%s", text > path
        close(path)
    }
}'
