#!/bin/sh
# Makes small seed corpora, all of it synthetic, under fuzz/corpus. Nothing of it
# is checked in: it has the shape of secrets.
#
# Usage: fuzz/make-seeds.sh    (needs cargo, ssh-keygen, openssl and puttygen)
set -eu
# A comment of a key need not be UTF-8.
export LC_ALL=C
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for target in fuzz_targets/*.rs; do
    mkdir -p "corpus/$(basename "$target" .rs)"
done

# Every container of a private key.
mkdir "$work/keys"
sh ../testdata/make-keys.sh "$work/keys" >/dev/null
for file in "$work"/keys/*; do
    name=$(basename "$file")
    case $name in
    *.pub) sed -n '1s/^[^ ]* \([A-Za-z0-9+\/=]*\).*/\1/p' "$file" | base64 -d >"corpus/ssh_public/$name" ;;
    pass) ;;
    *)
        cp "$file" "corpus/private_key/$name"
        cp "$file" "corpus/pem/$name"
        # The same without its armour, after the number of its label in the target.
        case $(sed -n 's/^-----BEGIN \(.*\)PRIVATE KEY-----$/\1/p' "$file") in
        "OPENSSH ") label=0 ;; "RSA ") label=1 ;; "EC ") label=2 ;; "DSA ") label=3 ;;
        "ENCRYPTED ") label=4 ;; "") label=5 ;; *) label=9 ;;
        esac
        {
            printf "\\00$label"
            sed -e '/PARAMETERS-----$/,/PARAMETERS-----$/d' -e '/^-----/d' -e '/:/d' "$file" | base64 -di 2>/dev/null || true
        } >"corpus/private_key/$name.der"
        ;;
    esac
done

# The texts of the rules' own examples.
mkdir "$work/examples"
cargo run --quiet --example rule_examples -- "$work/examples"
cp "$work"/examples/private-key-* corpus/pem
# The first bytes of these say where in the text to look, or how to cut it.
for file in "$work"/examples/*; do
    { printf '\377\177\040'; cat "$file"; } >"corpus/scan/$(basename "$file")"
done
for file in "$work"/examples/azure-s*; do
    for target in connection_string query; do
        { printf '\100\000'; cat "$file"; } >"corpus/$target/$(basename "$file")"
    done
done

# Public keys, certificates, hosts and lists of what is revoked.
cp "$work"/keys/*.pub corpus/public_key
ssh-keygen -q -e -m RFC4716 -f "$work/keys/ossh-rsa2048.pub" >corpus/public_key/rfc4716
ssh-keygen -q -e -m PEM -f "$work/keys/ossh-rsa2048.pub" >corpus/public_key/pkcs1
openssl pkey -in "$work/keys/rsa.p8" -pubout >corpus/public_key/spki
{ printf 'a.example.com,*.example.net,!b.example.net,[c]:2222 '; cat "$work/keys/ossh-ed25519.pub"; } >corpus/known_hosts/names
cp corpus/known_hosts/names "$work/hashed"
ssh-keygen -H -f "$work/hashed" >/dev/null 2>&1
cp "$work/hashed" corpus/known_hosts/hashed
printf 'serial: 1-5\nserial: 7\nserial: 90000\nid: me\n' >"$work/spec"
{ printf 'sha256: '; cat "$work/keys/ossh-rsa2048.pub"; printf 'key: '; cat "$work/keys/ossh-ed25519.pub"; } >>"$work/spec"
ssh-keygen -q -k -f corpus/krl/all -s "$work/keys/ossh-rsa2048.pub" "$work/spec"

cp ../rules/*.toml ../testdata/rules/*.toml corpus/rule_pack
printf 'root:x:0:0:root:/root:/bin/bash\nnobody:*:65534:65534::/:/bin/false\n+::::\n' >corpus/accounts/passwd
printf 'root:x:0:\nwww-data:x:33:alice,bob\n-bad:x:6:\n' >corpus/accounts/group
printf 'Include sshd_config.d/*.conf\nMatch User a,!b Address 10.0.0.0/8\nAllowUsers "x y"\n' >corpus/ssh_files/sshd_config
{ printf 'restrict,from="10.*,!10.1.*",command="a \\"b\\"",expiry-time="20300101Z" '; cat "$work"/keys/*.pub; } >corpus/ssh_files/authorized_keys
printf 'ana:x:1000:1000::/home/ana:/bin/sh\nana:!$6$x:1:0:99999:7::2:\nsudo:x:27:ana\n' >corpus/ssh_files/passwd

# Disks: their first bytes, and for a GPT the last ones, behind the number of the
# form; texts of volume groups, which the target puts into place.
if command -v sfdisk >/dev/null && command -v mkswap >/dev/null; then
    disk="$work/disk"
    for script in 'label: gpt\nstart=40 size=64\nsize=64\n' 'label: dos\nstart=4 size=64\nstart=80 type=5\nsize=8\nsize=8\n'; do
        truncate -s 0 "$disk" && truncate -s 512K "$disk"
        # shellcheck disable=SC2059
        printf "$script" | sfdisk -q --no-reread "$disk" >/dev/null 2>&1 || true
        name=$(printf '%.10s' "$script" | tr -dc a-z)
        { printf '\000'; head -c 51200 "$disk"; tail -c 17066 "$disk"; } >"corpus/volumes/$name"
    done
    mkswap -L seed "$disk" >/dev/null 2>&1
    { printf '\001'; head -c 8192 "$disk"; head -c 8192 "$disk"; } >corpus/volumes/swap
fi
{
    printf '\002vg0 { id = "g" seqno = 3 extent_size = 8 # text\n'
    printf 'physical_volumes { pv0 { id = "aaaaaa-aaaa-aaaa-aaaa-aaaa-aaaa-aaaaa0" pe_start = 384 pe_count = 40 } }\n'
    printf 'logical_volumes { a { status = ["READ", "VISIBLE"] segment1 { start_extent = 0 extent_count = 2 type = "striped" stripes = ["pv0", 3] }\n'
    printf 'segment2 { start_extent = 2 extent_count = 4 type = "striped" stripe_size = 8 stripes = ["pv0", 5, "pv0", 9] } }\n'
    printf 'm { status = ["VISIBLE"] segment1 { start_extent = 0 extent_count = 1 type = "raid1" raids = ["b", "a", "b", "a"] } }\n'
    printf 'b { segment1 { start_extent = 0 extent_count = 1 type = "mirror" mirrors = ["pv0", 1, "a", 1] } }\n'
    printf 's { segment1 { start_extent = 0 extent_count = 1 type = "snapshot" origin = "a" cow_store = "b" } }\n'
    printf 'p { status = ["VISIBLE"] segment1 { start_extent = 0 extent_count = 1 type = "thin-pool" metadata = "b" pool = "a" } }\n'
    printf 't { status = ["VISIBLE"] segment1 { start_extent = 0 extent_count = 9 type = "thin" thin_pool = "p" device_id = 1 external_origin = "a" } }\n'
    printf 'c { status = ["VISIBLE"] segment1 { start_extent = 0 extent_count = 1 type = "cache" x = -3 y = [] } } } }\n'
} >corpus/volumes/group
# Numbers of the superblock and of two nodes of a thin pool, behind a store.
python3 - >corpus/volumes/maps <<'END'
import struct, sys
store = struct.pack("<4I", 0x70416E53, 1, 1, 8).ljust(4096, b"\0") + struct.pack("<4Q", 1, 2, 3, 3).ljust(4096, b"\0")
def node(flags, entries, most=252):
    keys = b"".join(struct.pack("<Q", key) for key, _ in entries).ljust(8 * most, b"\0")
    values = b"".join(struct.pack("<Q", value) for _, value in entries).ljust(8 * most, b"\0")
    return (struct.pack("<IIQIIII", 0, flags, 0, len(entries), most, 8, 0) + keys + values).ljust(4096, b"\0")
top = bytearray(4096)
struct.pack_into("<QQ", top, 320, 1, 0)
struct.pack_into("<I", top, 336, 8)
trees = bytes(top) + node(2, [(1, 2), (2, 3)]) + node(1, [(0, 3), (9, 4)]) + node(2, [(0, 5 << 24), (3, 6 << 24)])
trees += node(2, [(9, 7 << 24), (10, 8 << 24)]) + bytes(4096)
sys.stdout.buffer.write(b"\x03" + store + trees)
END
# Small disk images of every container; the first byte says what the rest is.
if command -v qemu-img >/dev/null; then
    dd if=/dev/urandom of="$work/disk" bs=1000 count=40 status=none
    truncate -s 300K "$work/disk"
    for form in qcow2 qcow2,compat=0.10 qcow2,cluster_size=512 qcow2,extended_l2=on,cluster_size=16k vdi \
        vmdk,subformat=monolithicSparse vmdk,subformat=streamOptimized vpc,subformat=fixed vpc,subformat=dynamic; do
        case $form in *,*) options="-o ${form#*,}" ;; *) options= ;; esac
        # shellcheck disable=SC2086
        qemu-img convert -f raw -O "${form%%,*}" $options "$work/disk" "$work/image"
        # Of a block of 2 MiB the end says nothing.
        { printf '\000'; head -c 320000 "$work/image"; } >"corpus/image/$form"
    done
    qemu-img convert -c -f raw -O qcow2 -o compression_type=zstd "$work/disk" "$work/image"
    { printf '\000'; cat "$work/image"; } >corpus/image/zstd
    qemu-img convert -f raw -O vhdx "$work/disk" "$work/image"
    { printf '\001'; dd if="$work/image" bs=64K skip=32 count=1 status=none; } >corpus/image/vhdx-metadata
fi
printf '\000# Disk DescriptorFile\nCID=1\nparentCID=ffffffff\nRW 63 ZERO\nRW 5 FLAT "a" 0\n' >corpus/image/descriptor

# Filesystems: the blocks that hold something, each behind its number.
if command -v mke2fs >/dev/null && command -v debugfs >/dev/null; then
    head -c 8000 /dev/zero | tr '\000' 'c' >"$work/large"
    echo small >"$work/small"
    dd if=/dev/zero bs=1024 count=1 2>/dev/null | tr '\000' 'h' >"$work/full"
    truncate -s 0 "$work/sparse"
    for step in $(seq 0 11); do
        dd if="$work/full" of="$work/sparse" bs=1024 count=1 seek=$((step * 3)) conv=notrunc 2>/dev/null
    done
    link=$(printf 'x/%.0s' $(seq 60))
    form() {
        name=$1
        shift
        image="$work/ext-$name"
        truncate -s 4M "$image"
        mke2fs -q -F -b 1024 -N 64 "$@" "$image"
        printf 'write %s large\nwrite %s small\nwrite %s sparse\nmkdir dir\nmkdir dir/below\nwrite %s dir/a\nsymlink s t\nsymlink l %s\nwrite %s gone\nrm gone\n' \
            "$work/large" "$work/small" "$work/sparse" "$work/small" "$link" "$work/large" >"$work/script"
        debugfs -w -f "$work/script" "$image" >/dev/null 2>&1
        if debugfs -R features "$image" 2>/dev/null | grep -q has_journal; then
            block=$(debugfs -R 'bmap large 3' "$image" 2>/dev/null)
            printf 'jo\njw -b %s %s\njw -r 3000\njc\n' "$block" "$work/full" >"$work/script"
            debugfs -w -f "$work/script" "$image" >/dev/null 2>&1
        fi
        python3 - "$image" >"corpus/ext/$name" <<'END'
import struct, sys
data = open(sys.argv[1], "rb").read()
for at in range(0, len(data), 1024):
    block = data[at : at + 1024]
    if any(block):
        sys.stdout.buffer.write(struct.pack("<H", at // 1024) + block)
END
    }
    form ext4 -t ext4
    form plain -t ext4 -O '^metadata_csum,^64bit'
    form inline -t ext4 -O inline_data
    form clusters -t ext4 -O bigalloc -C 4096
    form ext3 -t ext3
    form ext2 -t ext2
fi

# A small NTFS volume: the sectors that are not empty, without the log.
if command -v mkfs.ntfs >/dev/null && command -v ntfscp >/dev/null; then
    disk="$work/ntfs"
    truncate -s 1280K "$disk"
    mkfs.ntfs -f -F -q -c 512 "$disk" >/dev/null 2>&1
    dd if=/dev/urandom of="$work/file" bs=1000 count=20 status=none
    ntfscp -q "$disk" "$work/file" file >/dev/null 2>&1
    ntfscp -q "$disk" fuzz_targets/ntfs.rs 'source of the target' >/dev/null 2>&1
    ntfscp -q -N stream "$disk" fuzz_targets/ntfs.rs file >/dev/null 2>&1
    python3 - "$disk" corpus/ntfs/volume <<'END'
import sys
disk = open(sys.argv[1], "rb").read()
out, at = b"", 0
while at < len(disk):
    if disk[at : at + 512] in (bytes(512), b"\xff" * 512):
        at += 512
        continue
    end = at
    while end < len(disk) and end - at < 256 * 512 and disk[end : end + 512] not in (bytes(512), b"\xff" * 512):
        end += 512
    out += (at // 512).to_bytes(2, "little") + bytes([(end - at) // 512 - 1]) + disk[at:end]
    at = end
open(sys.argv[2], "wb").write(out)
END
fi

# Small FAT and exFAT volumes, and XFS of both versions with what mkfs puts there from a
# list: the sectors that are not empty, each behind its number.
sectors() {
    python3 - "$1" "$2" <<'END'
import os, struct, sys
disk, form = os.open(sys.argv[1], os.O_RDONLY), sys.argv[2]
size, at = os.fstat(disk).st_size, 0
while True:
    try:
        at = os.lseek(disk, at, os.SEEK_DATA)
    except OSError:
        break
    end = os.lseek(disk, at, os.SEEK_HOLE)
    for sector in range(at // 512, (end + 511) // 512):
        data = os.pread(disk, 512, sector * 512)
        if any(data) and len(set(data)) > 1:
            sys.stdout.buffer.write(struct.pack(form, sector) + data)
    at = end
END
}
dd if=/dev/urandom of="$work/file" bs=1000 count=5 status=none
if command -v mkfs.fat >/dev/null && command -v mcopy >/dev/null; then
    for bits in 12 16 32; do
        case $bits in 12) size=192K ;; 16) size=4M ;; *) size=34M ;; esac
        rm -f "$work/fat" && truncate -s $size "$work/fat"
        mkfs.fat -F "$bits" -s 1 "$work/fat" >/dev/null 2>&1
        mmd -i "$work/fat" ::dir
        for name in one 'dir/a long name of some entries' two gone; do
            mcopy -i "$work/fat" "$work/file" "::$name"
        done
        mdel -i "$work/fat" ::gone
        sectors "$work/fat" '<H' >"corpus/fat/fat$bits"
    done
fi
if command -v mkfs.exfat >/dev/null; then
    rm -f "$work/exfat" && truncate -s 2M "$work/exfat"
    mkfs.exfat -b 4096 -c 512 -L seed "$work/exfat" >/dev/null 2>&1
    sectors "$work/exfat" '<H' >corpus/fat/exfat
fi
if command -v mkfs.xfs >/dev/null; then
    {
        printf 'none\n0 0\nd--755 0 0\nfile ---644 1 2 %s\nlink l--777 0 0 target\nlong l--777 0 0 %s\n' \
            "$work/file" "$(printf 'x%.0s' $(seq 500))"
        for dir in few many; do
            printf '%s d--755 0 0\n' "$dir"
            for number in $(seq "$(test $dir = few && echo 3 || echo 120)"); do
                printf 'name%s ---600 0 0 %s\n' "$number" /dev/null
            done
            printf '$\n'
        done
        printf '$\n'
    } >"$work/list"
    for crc in 0 1; do
        rm -f "$work/xfs" && truncate -s 320M "$work/xfs"
        mkfs.xfs -q -m crc=$crc -b size=1024 -p "$work/list" "$work/xfs"
        sectors "$work/xfs" '<I' >"corpus/xfs/version$((4 + crc))"
    done
fi

if command -v mksquashfs >/dev/null; then
    mkdir -p corpus/squashfs "$work/snap/dir"
    for number in $(seq 30); do echo "content $number" >"$work/snap/dir/$number"; done
    for comp in gzip xz zstd lz4 lzo; do
        rm -f "corpus/squashfs/$comp"
        mksquashfs "$work/snap" "corpus/squashfs/$comp" -comp $comp -b 4K -quiet -no-progress >/dev/null
    done
fi

if command -v genisoimage >/dev/null; then
    mkdir -p corpus/iso "$work/iso/a/b/c/d/e/f/g/h/i"
    for number in $(seq 30); do echo "content $number" >"$work/iso/a/a rather long name for a file, $number"; done
    echo deep >"$work/iso/a/b/c/d/e/f/g/h/i/deep"
    ln -s ../a/b "$work/iso/a/link"
    for names in -R '-J -D' -D; do
        # shellcheck disable=SC2086 # two options
        genisoimage -quiet $names -o "$work/iso.iso" "$work/iso" 2>/dev/null
        tail -c +32769 "$work/iso.iso" >"corpus/iso/seed$names"
    done
fi

if command -v 7z >/dev/null; then
    mkdir -p corpus/seven_zip "$work/seven"
    for number in $(seq 20); do echo "content $number" >"$work/seven/$number"; done
    for method in lzma lzma2 bzip2 deflate deflate64 copy; do
        for header in on off; do
            rm -f "$work/a.7z"
            (cd "$work" && 7z a -bso0 -bsp0 -mhc=$header -m0=$method a.7z seven)
            python3 - "$work/a.7z" >"corpus/seven_zip/$method-$header" <<'END'
import struct, sys
data = open(sys.argv[1], "rb").read()
offset, size = struct.unpack("<QQ", data[12:28])
sys.stdout.buffer.write(struct.pack("<H", offset) + data[32 : 32 + offset] + data[32 + offset : 32 + offset + size])
END
        done
    done
fi

# A small Btrfs: the sectors that are not empty, of metadata the first copies only.
# Without root there is no compressed file in it.
if command -v mkfs.btrfs >/dev/null; then
    mkdir -p "$work/tree/dir/below"
    for number in $(seq 30); do echo "content $number" >"$work/tree/dir/$number"; done
    seq 3000 >"$work/tree/large"
    ln -s dir/below "$work/tree/link"
    ln "$work/tree/large" "$work/tree/dir/again"
    form() {
        name=$1
        shift
        image="$work/btrfs-$name"
        truncate -s 128M "$image"
        mkfs.btrfs -q -n 4096 "$@" "$image" >/dev/null 2>&1
        if [ "$name" != plain ] && mkdir -p "$work/mount" && mount -o "loop,compress-force=$name" "$image" "$work/mount" 2>/dev/null; then
            cp -a "$work/tree/." "$work/mount"
            btrfs -q subvolume create "$work/mount/sub" && cp "$work/tree/large" "$work/mount/sub"
            btrfs -q subvolume snapshot "$work/mount/sub" "$work/mount/snap"
            sync -f "$work/mount"
            rm "$work/mount/dir/7"
            umount "$work/mount"
        fi
        python3 - "$image" >"corpus/btrfs/$name" <<'END'
import struct, sys
data = open(sys.argv[1], "rb").read()
for at in range(0, len(data), 4096):
    block = data[at : at + 4096]
    if any(block):
        sys.stdout.buffer.write(struct.pack("<H", at // 4096) + block)
END
    }
    form plain -m single --rootdir "$work/tree"
    for name in zlib lzo zstd; do form "$name" -m single; done
fi

# Archives of each kind, and in one another.
mkdir -p corpus/unpack "$work/archive"
(
    cd "$work/archive"
    printf 'A=1\n' >a
    seq 200 >b
    truncate -s 1M s
    printf 'end' >>s
    out=$OLDPWD/corpus/unpack
    tar -cf "$out/tar" a b && tar -S --format=gnu -cf "$out/sparse" s && tar -S --format=posix -cf "$out/pax" s
    for program in gzip bzip2 xz zstd lz4; do
        command -v $program >/dev/null && $program -qc "$out/tar" >"$out/$program"
    done
    command -v zip >/dev/null && zip -q "$out/zip" a b && mv "$out/zip.zip" "$out/zip" && zip -q0 "$out/stored" "$out/zip" && zip -q - - <b >"$out/stream"
    command -v cpio >/dev/null && for form in newc crc odc; do printf 'a\nb\n' | cpio --quiet -o -H $form >"$out/$form"; done
    command -v ar >/dev/null && ar rc "$out/ar" a b
    cat "$out/newc" "$out/zstd" >"$out/initramfs"
)

# Stores: a byte for the kind, then the file. And pages of a database and of its log.
mkdir -p corpus/store corpus/sqlite_log
python3 - "$PWD/corpus" <<'END'
import pathlib, sqlite3, struct, sys, tempfile

corpus = pathlib.Path(sys.argv[1])
work = pathlib.Path(tempfile.mkdtemp())
for encoding in ("UTF-8", "UTF-16le", "UTF-16be"):
    path = work / encoding
    db = sqlite3.connect(path)
    db.execute("pragma page_size = 512")
    db.execute(f'pragma encoding = "{encoding}"')
    db.execute("create table t(name text, value text)")
    db.execute("create table w(name text primary key, value blob) without rowid")
    for at in range(12):
        db.execute("insert into t values(?, ?)", (f"n{at}", "x" * at * 90))
        db.execute("insert into w values(?, ?)", (f"n{at}", b"y" * at * 50))
    db.commit()
    db.close()
    (corpus / "store" / encoding).write_bytes(b"\0" + path.read_bytes())

path = work / "log"
db = sqlite3.connect(path, isolation_level=None)
for pragma in ("page_size = 512", "journal_mode = wal", "wal_autocheckpoint = 0"):
    db.execute("pragma " + pragma)
db.execute("create table t(name text, value text)")
db.execute("pragma wal_checkpoint(truncate)")
for at in range(6):
    db.execute("insert into t values(?, ?)", (f"n{at}", "x" * at * 200))
pages = path.read_bytes()
log = (work / "log-wal").read_bytes()
seed = bytes([len(pages) // 512, 0])
for number in range(len(pages) // 512):
    seed += bytes([number + 1, 0]) + pages[number * 512 :][:512]
for at in range(32, len(log), 24 + 512):
    page, commit = struct.unpack(">II", log[at : at + 8])
    seed += bytes([page & 255, commit & 255]) + log[at + 24 : at + 24 + 512]
(corpus / "sqlite_log" / "log").write_bytes(seed)

# A hive: the root with one key below it, which has two values.
def cell(content):
    size = (len(content) + 4 + 7) // 8 * 8
    return struct.pack("<i", -size) + content.ljust(size - 4, b"\0")

bins = b"hbin" + struct.pack("<II", 0, 4096) + bytes(20)
def add(content):
    global bins
    at = len(bins)
    bins += cell(content)
    return at

def key(name, children, values):
    none = 0xFFFFFFFF
    number, children = (0, none) if children is None else (1, add(b"lh\1\0" + struct.pack("<II", children, 0)))
    held = add(struct.pack(f"<{len(values)}I", *values)) if values else none
    head = struct.pack("<2sHQIIIIIIIIIIIIIIIHH", b"nk", 0x20, 0, 0, none, number, 0, children, none,
                       len(values), held, none, none, 0, 0, 0, 0, 0, len(name), 0)
    return add(head + name)

text = "text".encode("utf-16le")
values = [add(b"vk" + struct.pack("<HIIIHH", 1, len(text), add(text), 1, 1, 0) + b"a"),
          add(b"vk" + struct.pack("<HIIIHH", 1, 0x80000004, 22, 4, 1, 0) + b"b")]
root = key(b"ROOT", key(b"Key", None, values), [])
base = bytearray(4096)
base[:4] = b"regf"
struct.pack_into("<II", base, 20, 1, 5)
struct.pack_into("<I", base, 36, root)
(corpus / "store" / "hive").write_bytes(b"\1" + bytes(base) + bins)
# With a log: the hive itself, and zeros that the target makes entries of.
whole = bytes(base) + bins
for form in (b"\0", b"\1"):
    (corpus / "hive_log" / f"hive{form[0]}").write_bytes(form + whole + bytes(512) + whole[512:])

# A core dump: notes with a name and a vector, and the top of a stack.
strings = b"prog\0A=b\0C=d e\0"
begin = 0x7FF00000 + 16 * 8
vector = struct.pack("<8Q", 33, 1, 6, 4096, 31, begin + len(strings), 0, 0)
stack = struct.pack("<7Q", 0, 1, begin, 0, begin + 5, begin + 9, 0) + vector
stack = stack.ljust(16 * 8, b"\0") + strings + b"/prog\0".ljust(16, b"\0")
info = bytes(40) + b"prog".ljust(96, b"\0")
note = lambda kind, content: struct.pack("<III", 5, len(content), kind) + b"CORE".ljust(8, b"\0") + content
notes = note(3, info) + note(6, vector)
head = b"\x7fELF\2\1\1".ljust(16, b"\0")
head += struct.pack("<HHIQQQIHHHHHH", 4, 62, 1, 0, 64, 0, 0, 64, 56, 2, 0, 0, 0)
at = 64 + 2 * 56
load = lambda kind, at, address, part: struct.pack("<IIQQQQQQ", kind, 4, at, address, 0, len(part), len(part), 1)
head += load(4, at, 0, notes) + load(1, at + len(notes), 0x7FF00000, stack)
(corpus / "store" / "core").write_bytes(b"\2" + head + notes + stack)

# A journal: two fields and an entry that has them.
head = bytearray(208)
head[:8] = b"LPKSHHRH"
objects = b""
fields = []
for payload in (b"_SYSTEMD_UNIT=a.service", b"MESSAGE=text"):
    fields.append(208 + len(objects))
    objects += struct.pack("<B7xQ6Q", 1, 64 + len(payload), 0, 0, 0, 368, 0, 1) + payload
    objects += bytes(-len(objects) % 8)
entry = 208 + len(objects)
items = b"".join(struct.pack("<QQ", field, 0) for field in fields)
objects += struct.pack("<B7xQQQQ16xQ", 3, 64 + len(items), 1, 10**15, 1, 0) + items
struct.pack_into("<QQ", head, 88, 208, len(objects))
struct.pack_into("<Q", head, 136, entry)
(corpus / "store" / "journal").write_bytes(b"\3" + bytes(head) + objects.replace(struct.pack("<Q", 368), struct.pack("<Q", entry)))
END
for table in ../testdata/tables/*; do
    case $table in */leveldb*) kind='\4' ;; *) kind='\5' ;; esac
    { printf "$kind"; cat "$table"; } >"corpus/store/$(basename "$table")"
done
