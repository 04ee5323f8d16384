#!/usr/bin/env bash
# Makes testdata/tables: tables that LevelDB (by plyvel) and RocksDB (by its `ldb`) wrote, one
# for each compression. 120 keys `key0000` and so on, each a value of 40 words and, for every
# fiftieth, a planted value. Needs python3 with plyvel, and rocksdb-tools.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
rm -rf tables
mkdir tables
cat >"$made/make.py" <<'PY'
import sys
def pairs():
    for n in range(120):
        planted = "sift_" + "planted_%08d" % n if n % 50 == 0 else "none"
        yield "key%04d" % n, "word " * 40 + planted
if sys.argv[1] == "text":
    for key, value in pairs():
        print(f"{key} ==> {value}")
else:
    import plyvel
    db = plyvel.DB(sys.argv[1], create_if_missing=True, compression="snappy", block_size=4096)
    for key, value in pairs():
        # As browsers do: a site before the name.
        db.put(b"_https://app.acme.io\0\1" + key.encode(), value.encode())
    db.compact_range()
    db.close()
PY
python3 "$made/make.py" "$made/leveldb"
cp "$made"/leveldb/*.ldb tables/leveldb-snappy.ldb
for codec in snappy lz4 zstd; do
    python3 "$made/make.py" text |
        ldb --db="$made/$codec" load --create_if_missing --compression_type=$codec --disable_wal --block_size=4096
    ldb --db="$made/$codec" compact >/dev/null
    cp "$made/$codec"/*.sst "tables/rocksdb-$codec.sst"
done
