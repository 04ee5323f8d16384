#!/bin/sh
# Makes testdata/wof: what Windows keeps in the stream WofCompressedData of files that
# are compressed as a whole. A resource of a WIM image has the same form, so wimlib
# makes it. The content is the same as `wof_content` in tests/filesystem_ntfs makes.
# Needs wimlib-imagex and python3.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/tree"
python3 - "$work/tree/file" <<'END'
import sys
out = bytearray()
for n in range(1500):
    out += b"line %d of a text whose square is %d\n" % (n, n * n)
for n in range(4000):
    # Calls of x86 code, near and far.
    out += b"\xe8" + (n * 7919 % 20_000_000 - 30_000).to_bytes(4, "little", signed=True) + b"\x55\x89"
state = 12345
for n in range(20_000):
    # What no compressor makes smaller.
    state = (state * 1103515245 + 12345) % 2**31
    out.append(state >> 16 & 255)
out += bytes(9000) + b"the end"
open(sys.argv[1], "wb").write(out)
END
for form in xpress4k:XPRESS:4096 xpress8k:XPRESS:8192 xpress16k:XPRESS:16384 lzx:LZX:32768; do
    name=${form%%:*}
    rest=${form#*:}
    wimlib-imagex capture "$work/tree" "$work/$name.wim" --compress="${rest%%:*}" --chunk-size="${rest#*:}" \
        --no-acls >/dev/null
    python3 - "$work/$name.wim" "wof/$name" "$work/tree/file" <<'END'
import hashlib, struct, sys
wim, content = open(sys.argv[1], "rb").read(), open(sys.argv[3], "rb").read()
size, place = struct.unpack_from("<QQ", wim, 0x30)
size &= (1 << 56) - 1
for at in range(place, place + size, 50):
    stored, offset, original = struct.unpack_from("<QQQ", wim, at)
    if wim[at + 30 : at + 50] == hashlib.sha1(content).digest():
        assert original == len(content)
        open(sys.argv[2], "wb").write(wim[offset : offset + (stored & (1 << 56) - 1)])
        break
else:
    sys.exit("the image has no such file")
END
done
