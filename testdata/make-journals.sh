#!/usr/bin/env bash
# Makes testdata/journal: journals of systemd in each form that it writes, and what
# journalctl says is in them. Needs systemd-journal-remote of systemd 252 or newer, zstd and
# python3. The journals are mostly holes, so they are kept compressed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
remote=$(command -v systemd-journal-remote || echo /lib/systemd/systemd-journal-remote)
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
python3 - >"$made/entries" <<'PY'
import sys
value = lambda n: "sift_" + "planted_%08d" % n
boot = "aaaaaaaabbbbccccddddeeeeeeeeeeee"
def entry(n, **fields):
    out = b"__REALTIME_TIMESTAMP=%d\n__MONOTONIC_TIMESTAMP=%d\n_BOOT_ID=%s\n" % (
        1700000000123456 + n * 1000000, 1000000 * (n + 1), boot.encode())
    for name, text in fields.items():
        text = text if isinstance(text, bytes) else text.encode()
        if b"\n" in text:
            out += name.encode() + b"\n" + len(text).to_bytes(8, "little") + text + b"\n"
        else:
            out += name.encode() + b"=" + text + b"\n"
    sys.stdout.buffer.write(out + b"\n")
entry(0, _SYSTEMD_UNIT="app.service", SYSLOG_IDENTIFIER="app", MESSAGE="token " + value(1))
# Long enough to be compressed.
entry(1, _SYSTEMD_UNIT="app.service", SYSLOG_IDENTIFIER="app",
      MESSAGE="line 1\n" + "word " * 400 + value(2) + " " + "more " * 299)
entry(2, SYSLOG_IDENTIFIER="cron", MESSAGE="plain", CONFIG="A=1\nB=" + value(3) + "\n")
# The same text again: the journal keeps it once.
entry(3, _SYSTEMD_UNIT="other.service", MESSAGE="token " + value(1))
for n in range(4, 40):
    entry(n, _SYSTEMD_UNIT="noise.service", MESSAGE="line %d " % n + "filling " * (n * 3))
PY
rm -rf journal
mkdir journal
for compact in 1 0; do
    SYSTEMD_JOURNAL_COMPACT=$compact "$remote" -o "$made/zstd-$compact.journal" "$made/entries" 2>/dev/null
done
# No systemd of today writes the older compressions: of a journal without any, the payload of
# one object is replaced by what xz or lz4 make of a text that fills it exactly.
SYSTEMD_JOURNAL_COMPACT=0 "$remote" --compress=no -o "$made/plain.journal" "$made/entries" 2>/dev/null
python3 - "$made" <<'PY'
import lzma, random, struct, subprocess, sys
value = lambda n: b"sift_" + b"planted_%08d" % n
def lz4(text):
    frame = subprocess.run(["lz4", "-qc", "--no-frame-crc"], input=text, capture_output=True, check=True).stdout
    at = 4 + 2 + (8 if frame[4] & 8 else 0) + 1
    size = struct.unpack_from("<I", frame, at)[0]
    return struct.pack("<Q", len(text)) + frame[at + 4:at + 4 + size]
def xz(text):
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 0}]
    return lzma.compress(text, lzma.FORMAT_XZ, lzma.CHECK_NONE, filters=filters)
random.seed(7)
letters = bytes(random.choice(b"abcdefghijklmnopqrstuvwxyz") for _ in range(8000))
for name, flag, pack in (("xz-0", 1, xz), ("lz4-0", 2, lz4)):
    whole = bytearray(open(sys.argv[1] + "/plain.journal", "rb").read())
    at = struct.unpack_from("<Q", whole, 88)[0]
    while True:
        kind, = struct.unpack_from("<B", whole, at)
        size, = struct.unpack_from("<Q", whole, at + 8)
        payload = bytes(whole[at + 64:at + size])
        if kind == 1 and payload.startswith(b"MESSAGE=line 1\n"):
            break
        at += size + 7 & ~7
    lead = b"MESSAGE=line 1\n" + b"word " * 400 + value(2) + b" "
    filled = next(text for n in range(8000)
                  if len(pack(text := lead + b"more " * 300 + letters[:n])) == len(payload))
    whole[at + 64:at + size] = pack(filled)
    whole[at + 1] = flag
    struct.pack_into("<I", whole, 12, struct.unpack_from("<I", whole, 12)[0] & ~8 | flag)
    open(f"{sys.argv[1]}/{name}.journal", "wb").write(whole)
PY
for form in zstd-1 zstd-0 xz-0 lz4-0; do
    zstd -q -19 "$made/$form.journal" -o "journal/$form.journal.zst"
    journalctl --file "$made/$form.journal" -o json --all |
        python3 -c 'import json, sys
for line in sys.stdin:
    entry = json.loads(line)
    del entry["__CURSOR"]
    print(json.dumps(entry, sort_keys=True))' | zstd -q -19 >"journal/$form.jsonl.zst"
done
chmod 644 journal/*
