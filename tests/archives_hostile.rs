//! Archives that are made to harm, and such that are damaged: work stays within counted
//! limits, what is lost is named, the rest is scanned. Numbers are those of the list of
//! hostile inputs that the tests of files use too.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by a panic")]

mod support;

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use snapsift::finding::Reason;
use snapsift::pipeline::ScanOptions;
use snapsift::source::unpack::{Input, Limits, Place, Unpacker, Visitor};
use support::whole::{Scanned, options, planted, scan, scan_with};

fn run(dir: &Path, program: &str, flag: &str, script: &str) {
    let output = Command::new(program).args([flag, script]).current_dir(dir).output().expect("it runs");
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
}

fn sh(dir: &Path, script: &str) {
    run(dir, "bash", "-ec", script);
}

/// Runs Python with `out`, a directory, `value(n)`, a planted value, and common modules.
fn python(dir: &Path, script: &str) {
    let lead = "import gzip, io, os, struct, tarfile, zipfile, zlib, bz2, lzma\n\
                value = lambda n: ('sift_' + 'planted_%08d' % n).encode()\n\
                def write(name, data):\n    with open(name, 'wb') as f: f.write(data)\n";
    run(dir, "python3", "-c", &format!("{lead}{script}"));
}

fn names(scanned: &Scanned) -> Vec<String> {
    scanned.findings().iter().map(|finding| finding.location.whole_path().into_owned()).collect()
}

fn problems(scanned: &Scanned, reason: Reason) -> u64 {
    scanned.coverage().inside.problems.get(&reason).copied().unwrap_or(0)
}

#[test]
fn hostile_12_nested_zips_end_at_the_limit() {
    let dir = tempfile::tempdir().expect("a directory");
    python(
        dir.path(),
        "data = value(1) + b' ' * 100000\nname = 'leaf'\n\
         for level in range(6):\n    b = io.BytesIO()\n    z = zipfile.ZipFile(b, 'w', zipfile.ZIP_DEFLATED)\n    \
         for i in range(16): z.writestr('%s%d' % (name, i), data)\n    z.close()\n    data = b.getvalue(); name = 'z'\n\
         write('bomb.zip', data)\nwrite('plain', value(2))",
    );
    let limit = 16 << 20;
    let scanned = scan_with(dir.path(), ScanOptions { max_unpacked_size: limit, ..options() });
    let inside = &scanned.coverage().inside;
    assert!(inside.bytes_scanned <= limit + (1 << 20), "{inside:?}");
    assert_eq!(problems(&scanned, Reason::OverBudget), 1);
    assert!(!scanned.summary.complete);
    assert!(names(&scanned).iter().any(|name| name.starts_with("/bomb.zip → ")));
    assert!(names(&scanned).contains(&"/plain".to_owned()));
    // By default it is what is stored that counts.
    let scanned = scan(dir.path());
    assert!(scanned.coverage().inside.bytes_scanned <= 300 << 20);
    assert_eq!(problems(&scanned, Reason::OverBudget), 1);
}

#[test]
fn a_flat_bomb_ends_at_the_limit() {
    let dir = tempfile::tempdir().expect("a directory");
    sh(
        dir.path(),
        "head -c 400M /dev/zero | gzip -9 > a.gz; head -c 400M /dev/zero | zstd -q -19 > b.zst; head -c 400M /dev/zero | xz -0 > c.xz",
    );
    let scanned = scan(dir.path());
    let inside = &scanned.coverage().inside;
    assert_eq!(problems(&scanned, Reason::OverBudget), 3);
    // 256 MiB of each, and what was on the way.
    assert!(inside.bytes_scanned <= 3 * (257 << 20), "{inside:?}");
    let total = ScanOptions { max_unpacked_total: 1 << 20, jobs: 1, ..options() };
    let scanned = scan_with(dir.path(), total);
    assert!(scanned.coverage().inside.bytes_scanned <= 4 << 20);
    assert_eq!(problems(&scanned, Reason::OverBudget), 3);
}

/// Every entry of the directory points at one member: it is unpacked once.
#[test]
fn hostile_13_overlapping_members_are_unpacked_once() {
    let dir = tempfile::tempdir().expect("a directory");
    python(
        dir.path(),
        "raw = value(1) + b'\\0' * 10000000\nc = zlib.compressobj(9, zlib.DEFLATED, -15); d = c.compress(raw) + c.flush()\n\
         crc = zlib.crc32(raw)\n\
         local = b'PK\\3\\4' + struct.pack('<HHHHHIIIHH', 20, 0, 8, 0, 33, crc, len(d), len(raw), 1, 0) + b'a' + d\n\
         central = b''.join(b'PK\\1\\2' + struct.pack('<HHHHHHIIIHHHHHII', 20, 20, 0, 8, 0, 33, crc, len(d), len(raw), 1, 0, 0, 0, 0, 0, 0) + b'a' for _ in range(1000))\n\
         end = b'PK\\5\\6' + struct.pack('<HHHHIIH', 0, 0, 1000, 1000, len(central), len(local), 0)\n\
         write('bomb.zip', local + central + end)",
    );
    let scanned = scan(dir.path());
    assert_eq!(names(&scanned), ["/bomb.zip → a"]);
    assert_eq!(scanned.coverage().inside.bytes_scanned, 10_000_021);
    assert!(scanned.summary.complete);
}

/// An archive within an archive without end has a depth at which it ends.
#[test]
fn hostile_14_depth_ends_at_the_limit() {
    let dir = tempfile::tempdir().expect("a directory");
    python(
        dir.path(),
        "data = value(1)\nfor level in range(60): data = gzip.compress(data)\nwrite('deep.gz', data)\n\
         data = value(1)\nfor level in range(8): data = gzip.compress(data)\nwrite('eight.gz', data)",
    );
    let scanned = scan(dir.path());
    assert_eq!(names(&scanned), ["/eight.gz"]);
    assert_eq!(problems(&scanned, Reason::OverBudget), 1);
    assert_eq!(scanned.coverage().inside.left_out.get(&Reason::OverBudget).map(|left| left.files), Some(1));
    let deeper = scan_with(dir.path(), ScanOptions { max_archive_depth: 99, ..options() });
    assert_eq!(names(&deeper), ["/eight.gz"]);
    assert_eq!(deeper.coverage().inside.opened, 32 + 8, "never deeper than 32");
}

/// A gzip that is its own content. Blocks are those of deflate: `store` gives the 20 bytes
/// that follow it, `again` gives the last 20 bytes once more, each in 5 bytes. The header of
/// the file and the first `store` are 20 bytes, which are given by it and then again; so are
/// two pairs of both; the rest is given by the last `store` and `end`. The checksum is a
/// linear function of its own bits, by which it is found.
#[test]
fn hostile_14_a_gzip_that_contains_itself_ends_at_the_depth() {
    let dir = tempfile::tempdir().expect("a directory");
    python(
        dir.path(),
        "msb = lambda code, bits: [code >> at & 1 for at in reversed(range(bits))]\n\
         lsb = lambda value, bits: [value >> at & 1 for at in range(bits)]\n\
         def pack(bits):\n    bits = bits + [0] * (-len(bits) % 8)\n    return bytes(sum(b << i for i, b in enumerate(bits[at:at + 8])) for at in range(0, len(bits), 8))\n\
         ten = msb(264 - 256, 7) + msb(8, 5) + lsb(20 - 17, 3)\n\
         again = pack(lsb(0, 1) + lsb(1, 2) + ten + ten + msb(0, 7))\n\
         end = pack(lsb(1, 1) + lsb(1, 2) + msb(265 - 256, 7) + lsb(12 - 11, 1) + msb(6, 5) + lsb(12 - 9, 2) + msb(0, 7))\n\
         store = b'\\0' + struct.pack('<HH', 20, 20 ^ 0xffff)\nassert len(again) == 5 and len(end) == 4\n\
         head = b'\\x1f\\x8b\\x08\\x08' + b'\\0' * 6 + b'r.gz\\0' + store\n\
         def quine(crc):\n    last = end + struct.pack('<II', crc, 112)\n    return head * 2 + (again + store) * 4 + b'\\0' * 8 + last * 2\n\
         f = lambda crc: zlib.crc32(quine(crc)) ^ crc\nrows = []\n\
         for bit in range(32): rows.append((f(1 << bit) ^ f(0), 1 << bit))\n\
         want, crc = f(0), 0\n\
         for bit in range(32):\n    pivot = next((r for r in rows if r[0] >> bit & 1), None)\n    if pivot is None: continue\n    rows.remove(pivot)\n    \
         rows = [(r[0] ^ pivot[0], r[1] ^ pivot[1]) if r[0] >> bit & 1 else r for r in rows]\n    \
         if want >> bit & 1: want ^= pivot[0]; crc ^= pivot[1]\n\
         data = quine(crc)\nassert len(data) == 112 and gzip.decompress(data) == data\nwrite('r.gz', data)\nwrite('plain', value(2))",
    );
    let scanned = scan(dir.path());
    let inside = &scanned.coverage().inside;
    assert_eq!((inside.opened, inside.members_seen), (8, 1), "{inside:?}");
    assert_eq!(problems(&scanned, Reason::OverBudget), 1);
    assert_eq!(scanned.problems(), [("/r.gz", Reason::OverBudget)]);
    assert_eq!(names(&scanned), ["/plain"]);
}

/// The form in which the header of each member is quoted by a stored block of the one before:
/// by its directory 200 members, each with all that follows it.
#[test]
fn hostile_13_members_that_quote_the_next_are_unpacked_once() {
    let dir = tempfile::tempdir().expect("a directory");
    python(
        dir.path(),
        "content = b'\\0' * 1000000 + value(1)\nc = zlib.compressobj(9, zlib.DEFLATED, -15); data = c.compress(content) + c.flush()\n\
         entries = []\nfor n in reversed(range(200)):\n    crc = zlib.crc32(content)\n    \
         fields = struct.pack('<HHHHHIIIHH', 20, 0, 8, 0, 33, crc, len(data), len(content), 4, 0)\n    \
         header = b'PK\\3\\4' + fields + b'%04d' % n\n    entries.append((n, fields, len(header) + len(data)))\n    \
         whole, at_end = header + data, len(header) + len(data)\n    \
         data = b'\\0' + struct.pack('<HH', len(header), len(header) ^ 0xffff) + whole\n    content = header + content\n\
         end = len(whole)\n\
         central = b''.join(b'PK\\1\\2' + struct.pack('<H', 20) + fields + struct.pack('<HHHII', 0, 0, 0, 0, end - size) + b'%04d' % n for n, fields, size in reversed(entries))\n\
         write('bomb.zip', whole + central + b'PK\\5\\6' + struct.pack('<HHHHIIH', 0, 0, 200, 200, len(central), end, 0))\n\
         unpacked = zlib.decompressobj(-15).decompress(whole[34:])\nassert len(unpacked) == 1000021 + 34 * 199 and value(1) in unpacked\n\
         assert len(zipfile.ZipFile('bomb.zip').infolist()) == 200",
    );
    let scanned = scan(dir.path());
    assert_eq!(scanned.findings().len(), 1, "{:?}", scanned.problems());
    assert!(names(&scanned)[0].starts_with("/bomb.zip → 0000"), "{:?}", names(&scanned));
    // The first member begins with a header, as a zip does: it is looked into as one too.
    let inside = &scanned.coverage().inside;
    assert!(inside.bytes_scanned <= 3_000_000, "{inside:?}");
    assert!(inside.opened <= 3, "{inside:?}");
}

#[test]
fn hostile_15_entries_are_limited() {
    let dir = tempfile::tempdir().expect("a directory");
    python(
        dir.path(),
        "entry = b'070707' + b'000000' * 2 + b'040755' + b'000000' * 4 + b'0' * 11 + b'000002' + b'0' * 11 + b'd\\0'\n\
         write('many.cpio.gz', gzip.compress(entry * 1100000, 6))\nwrite('plain', value(2))",
    );
    let scanned = scan(dir.path());
    assert_eq!(problems(&scanned, Reason::OverBudget), 1);
    assert_eq!(names(&scanned), ["/plain"]);
}

#[test]
fn hostile_16_memory_that_a_header_asks_for_is_limited() {
    let dir = tempfile::tempdir().expect("a directory");
    python(
        dir.path(),
        "x = bytearray(lzma.compress(value(1) + b'\\n', check=lzma.CHECK_NONE))\n\
         n = (x[12] + 1) * 4\nassert x[14] == 0x21, x[:24]\nx[16] = 40\n\
         x[12 + n - 4:12 + n] = struct.pack('<I', zlib.crc32(bytes(x[12:12 + n - 4])))\nwrite('a.xz', bytes(x))\n\
         raw = value(2)\n\
         frame = lambda window: b'\\x28\\xb5\\x2f\\xfd' + bytes([0, window]) + struct.pack('<I', len(raw) << 3 | 1)[:3] + raw\n\
         write('b.zst', frame(21 << 3))\nwrite('c.zst', frame(10 << 3))\n\
         large = lambda raw: lzma.compress(raw, preset=9)\nwrite('d.xz', large(large(value(3))))\nwrite('e.xz', large(value(4)))",
    );
    let scanned = scan(dir.path());
    // What is stored in them uncompressed is seen without unpacking them. Two decoders
    // that need 65 MiB each are too much, one after the other they are not.
    assert_eq!(names(&scanned), ["/a.xz", "/b.zst", "/c.zst", "/d.xz", "/e.xz"]);
    let told = scanned.coverage().inside.problems.get(&Reason::OverBudget).copied();
    assert_eq!(told, Some(3), "{:?}", scanned.problems());
    assert_eq!(scanned.findings()[2].location.provenance.len(), 2, "a small window is enough");
    assert!(!scanned.summary.complete);
}

#[test]
fn hostile_17_sizes_of_tars_are_not_believed() {
    let dir = tempfile::tempdir().expect("a directory");
    python(
        dir.path(),
        "def header(name, size, kind=b'0'):\n    h = bytearray(512); h[:len(name)] = name\n    h[100:108] = b'0000644\\0'; h[108:116] = h[116:124] = b'0000000\\0'\n    \
         h[124:136] = size; h[136:148] = b'00000000000\\0'; h[156:157] = kind; h[257:265] = b'ustar\\x0000'; h[148:156] = b' ' * 8\n    \
         h[148:156] = b'%06o\\0 ' % sum(h); return bytes(h)\n\
         octal = lambda n: b'%011o\\0' % n\n\
         def member(n): d = value(n); return header(b'm%d' % n, octal(len(d))) + d + b'\\0' * (512 - len(d))\n\
         end = b'\\0' * 1024\n\
         huge = b'\\x80' + (1 << 63).to_bytes(11, 'big')\n\
         write('a.tar', member(1) + header(b'huge', huge) + member(2) + end)\n\
         write('b.tar', member(3) + header(b'negative', b'\\xff' * 12) + member(4) + end)\n\
         write('c.tar', member(5) + header(b'octal', b'-0000000001\\0') + member(6) + end)\n\
         pax = b'28 size=9223372036854775807\\n'; assert len(pax) == 28\n\
         write('d.tar', member(7) + header(b'x', octal(len(pax)), b'x') + pax.ljust(512, b'\\0') + member(8) + end)\n\
         smap = b'999999999999\\n' + b'0\\n' * 200\n\
         sparse = b'22 GNU.sparse.major=1\\n'; assert len(sparse) == 22\n\
         write('e.tar', member(9) + header(b'x', octal(len(sparse)), b'x') + sparse.ljust(512, b'\\0') + header(b's', octal(512)) + smap.ljust(512, b'\\0') + member(10) + end)",
    );
    let scanned = scan(dir.path());
    let found = names(&scanned);
    for name in ["/a.tar → m1", "/b.tar → m3", "/c.tar → m5", "/d.tar → m7", "/e.tar → m9"] {
        assert!(found.contains(&name.to_owned()), "{name}: {found:?}");
    }
    // What has no size is passed over, up to the next header.
    for name in ["/b.tar → m4", "/c.tar → m6"] {
        assert!(found.contains(&name.to_owned()), "{name}: {found:?}");
    }
    // What a size swallows is searched as that member's content.
    assert!(found.contains(&"/a.tar → huge → m2".to_owned()), "{found:?}");
    assert!(found.contains(&"/d.tar → m8".to_owned()), "{found:?}");
    assert!(problems(&scanned, Reason::Corrupt) >= 5, "{:?}", scanned.problems());
}

#[test]
fn hostile_18_names_are_labels() {
    let dir = tempfile::tempdir().expect("a directory");
    python(
        dir.path(),
        "os.mkdir('in')\nt = tarfile.open('in/a.tar', 'w')\n\
         def add(name, **kw):\n    i = tarfile.TarInfo(name); d = value(1); i.size = 0 if kw else len(d)\n    \
         for k, v in kw.items(): setattr(i, k, v)\n    t.addfile(i, None if kw else io.BytesIO(d))\n\
         add('../../x'); add('/etc/x'); add('..\\\\x'); add('l', type=tarfile.SYMTYPE, linkname='/tmp'); add('l/x')\n\
         add('esc\\x1b[2J'); t.close()\n\
         z = zipfile.ZipFile('in/b.zip', 'w'); z.writestr('../../y', value(2)); z.close()\n\
         t = tarfile.open('in/c.tar', 'w', encoding='latin-1', format=tarfile.GNU_FORMAT); add('\\xff\\xfe'); t.close()",
    );
    let scanned = scan(&dir.path().join("in"));
    let found = names(&scanned);
    let expected = [
        "/a.tar → ../../x",
        "/a.tar → /etc/x",
        "/a.tar → ..\\x",
        "/a.tar → l/x",
        "/a.tar → esc\u{1b}[2J",
        "/b.zip → ../../y",
        "/c.tar → \\xff\\xfe",
    ];
    assert_eq!(found, expected);
    let there = fs::read_dir(dir.path()).expect("a directory").count();
    assert_eq!(there, 1, "nothing is written");
}

#[test]
fn hostile_36_encrypted_members_are_counted() {
    let dir = tempfile::tempdir().expect("a directory");
    fs::create_dir(dir.path().join("in")).expect("a directory");
    fs::write(dir.path().join("a.env"), planted(1)).expect("a file");
    fs::write(dir.path().join("b.env"), planted(2)).expect("a file");
    sh(
        dir.path(),
        "zip -q -P pass in/a.zip a.env; zip -q in/a.zip b.env; zip -q -P pass in/b.zip a.env; 7z a -bso0 -ppass in/c.7z a.env; mksquashfs b.env in/d.sqfs -quiet -no-progress >/dev/null; gzip -nc in/d.sqfs > in/e.gz",
    );
    let scanned = scan(&dir.path().join("in"));
    assert_eq!(names(&scanned), ["/a.zip → b.env", "/d.sqfs → squashfs:/b.env", "/e.gz"]);
    let inside = &scanned.coverage().inside;
    assert_eq!(inside.left_out.get(&Reason::Encrypted).map(|left| left.files), Some(3));
    assert_eq!(inside.left_out.get(&Reason::Unsupported).map(|left| left.files), Some(1));
    assert!(!scanned.summary.complete);
    let expected = [
        ("/a.zip", Reason::Encrypted),
        ("/b.zip", Reason::Encrypted),
        ("/c.7z", Reason::Encrypted),
        // A stream cannot be read here and there: it is searched as it is.
        ("/e.gz", Reason::Unsupported),
    ];
    assert_eq!(scanned.problems(), expected);
}

#[test]
fn many_members_of_gzip_are_one_content() {
    let dir = tempfile::tempdir().expect("a directory");
    python(
        dir.path(),
        "v = value(1); empty = gzip.compress(b'')\nwrite('a.gz', empty * 100000 + gzip.compress(v[:9]) + gzip.compress(v[9:]))",
    );
    let scanned = scan(dir.path());
    assert_eq!(names(&scanned), ["/a.gz"]);
    assert!(scanned.summary.complete);
}

#[test]
fn archives_that_are_cut_give_what_they_have() {
    let dir = tempfile::tempdir().expect("a directory");
    let noise: Vec<u8> = (0..40_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    fs::create_dir(dir.path().join("in")).expect("a directory");
    fs::write(dir.path().join("a.env"), planted(1)).expect("a file");
    fs::write(dir.path().join("noise"), noise).expect("a file");
    sh(
        dir.path(),
        "tar cf t.tar a.env noise; for c in gzip bzip2 xz zstd; do $c -qkc t.tar > t.$c; done; lz4 -qcB4 t.tar > t.lz4; xz --format=lzma -qkc t.tar > t.lzma; compress -c t.tar > t.Z; zip -q t.zip a.env noise
         printf 'a.env\\nnoise\\n' | cpio -o -H newc --quiet > t.cpio; ar rc t.ar a.env noise",
    );
    for name in
        ["t.tar", "t.gzip", "t.zstd", "t.lz4", "t.zip", "t.cpio", "t.ar", "t.xz", "t.bzip2", "t.lzma", "t.Z"]
    {
        let whole = fs::read(dir.path().join(name)).expect("there");
        for part in 0..=24 {
            let cut = whole.len() * part / 25;
            let path = dir.path().join("in/cut");
            fs::write(&path, &whole[..cut]).expect("a file");
            let scanned = scan(&dir.path().join("in"));
            // The others give a block, or a window, only when it is whole.
            if part >= 12 && !matches!(name, "t.xz" | "t.bzip2" | "t.zstd") {
                assert_eq!(names(&scanned), ["/cut → a.env"], "{name} cut at {cut}");
                assert_eq!(scanned.problems(), [("/cut", Reason::Corrupt)], "{name} cut at {cut}");
            }
        }
    }
}

#[test]
fn damage_in_the_middle_costs_what_is_damaged() {
    let dir = tempfile::tempdir().expect("a directory");
    python(
        dir.path(),
        "os.mkdir('in')\nb = io.BytesIO(); z = zipfile.ZipFile(b, 'w', zipfile.ZIP_DEFLATED)\n\
         for n in range(1, 4): z.writestr('m%d' % n, value(n) + bytes(os.urandom(3000)))\nz.close()\n\
         d = bytearray(b.getvalue()); at = d.find(b'm2'); d[at + 500:at + 520] = b'\\xff' * 20; write('in/a.zip', bytes(d))\n\
         def tar(**kw):\n    b = io.BytesIO(); t = tarfile.open(fileobj=b, mode='w')\n    \
         for n in range(1, 4):\n        i = tarfile.TarInfo('m%d' % n); v = value(n); i.size = len(v); t.addfile(i, io.BytesIO(v))\n    t.close(); return b.getvalue()\n\
         d = bytearray(tar()); d[1024 + 10] ^= 0x55; write('in/b.tar', bytes(d))\n\
         d = tar(); write('in/c.tar', d[:512] + d[1024:])",
    );
    let scanned = scan(&dir.path().join("in"));
    let found = names(&scanned);
    for name in ["/a.zip → m1", "/a.zip → m3", "/b.tar → m1", "/b.tar → m3", "/c.tar → m3"] {
        assert!(found.contains(&name.to_owned()), "{name}: {found:?}");
    }
    // The content of the member whose header is damaged is searched as a part of the tar.
    assert!(found.contains(&"/b.tar".to_owned()), "{found:?}");
    let told = scanned.problems();
    assert!(
        told.contains(&("/a.zip", Reason::Corrupt)) && told.contains(&("/b.tar", Reason::Corrupt)),
        "{told:?}"
    );
}

#[test]
fn sparse_files_in_tars_cost_what_is_stored() {
    let dir = tempfile::tempdir().expect("a directory");
    fs::create_dir(dir.path().join("in")).expect("a directory");
    let value = planted(1);
    sh(
        dir.path(),
        &format!(
            "truncate -s 3T s; printf '\\n%s' {value} | dd of=s bs=1 seek=3000000000000 conv=notrunc status=none
             for n in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29; do printf x | dd of=s bs=1 seek=$((n * 1000000)) conv=notrunc status=none; done
             tar -S --format=gnu -cf in/a.tar s; for v in 0.0 0.1 1.0; do tar -S --format=posix --sparse-version=$v -cf in/p$v.tar s; done"
        ),
    );
    let scanned = scan(&dir.path().join("in"));
    assert_eq!(names(&scanned), ["/a.tar → s", "/p0.0.tar → s", "/p0.1.tar → s", "/p1.0.tar → s"]);
    assert!(scanned.summary.complete, "{:?}", scanned.problems());
    assert!(scanned.coverage().inside.bytes_scanned < 4 << 20);
    assert!(scanned.findings().iter().all(|finding| finding.location.line == 2));
}

#[test]
fn text_that_looks_like_an_archive_is_searched() {
    let dir = tempfile::tempdir().expect("a directory");
    let magics: [&[u8]; 9] = [
        b"\x1f\x8b\x08\0",
        b"PK\x03\x04",
        b"PK\x05\x06",
        b"BZh9",
        b"\xfd7zXZ\0",
        b"\x28\xb5\x2f\xfd",
        b"070701",
        b"!<arch>\n",
        b"\xed\xab\xee\xdb",
    ];
    for (number, magic) in (0_u32..).zip(magics) {
        let text = [magic, b" and then text ", planted(number).as_bytes(), &[b' '; 600]].concat();
        fs::write(dir.path().join(number.to_string()), text).expect("a file");
    }
    let scanned = scan(dir.path());
    let found = names(&scanned).len();
    assert_eq!(found, magics.len(), "{:?} {:?}", names(&scanned), scanned.problems());
}

/// What a scan does is counted; here every content is read and forgotten.
#[derive(Default, PartialEq, Debug)]
struct Counts {
    contents: Vec<(usize, u64, u64)>,
    problems: Vec<String>,
    bytes: u64,
}

impl Visitor for Counts {
    fn content(&mut self, place: &Place<'_>, input: &mut Input<'_>) {
        let length = std::io::copy(&mut ReadAll(input), &mut std::io::sink()).expect("no error");
        self.bytes += length;
        self.contents.push((place.steps.len(), place.base, length));
    }

    fn leaves_out(&mut self, _: &Place<'_>) -> Option<Reason> {
        None
    }

    fn opened(&mut self) {}

    fn left_out(&mut self, _: &Place<'_>, _: Reason, _: u64) {}

    fn problem(&mut self, _: &Place<'_>, _: Reason, _: Option<u64>, message: String) {
        self.problems.push(message);
    }
}

/// Damage is the end.
struct ReadAll<'a, 'r>(&'a mut Input<'r>);

impl Read for ReadAll<'_, '_> {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        Ok(self.0.read(bytes).unwrap_or(0))
    }
}

/// Bytes changed, left out, and repeated at many places of archives of every kind, in one
/// another: never a panic, never more work than the limit, twice the same.
#[test]
fn any_damage_stays_within_the_limits() {
    const LIMIT: u64 = 2 << 20;
    let dir = tempfile::tempdir().expect("a directory");
    sh(
        dir.path(),
        "printf 'A=1\\n' > a; seq 2000 > b; truncate -s 100K s; printf end >> s; tar -cf t.tar a b; zip -q u.zip a b; zip -q u.zip t.tar
         for c in gzip bzip2 xz zstd lz4; do $c -qkc t.tar > t.$c; done; xz --format=lzma -qkc t.tar > t.lzma; compress -c t.tar > t.Z; tar -S --format=gnu -cf s.gnu s; tar -S --format=posix -cf s.pax s
         printf 'a\\nu.zip\\n' | cpio -o -H newc --quiet > v.newc; printf 'a\\nb\\n' | cpio -o -H odc --quiet > v.odc; ar rc w.ar a t.gzip; zip -q - - < b > x.zip
         tar czf nest.tgz u.zip v.newc w.ar t.xz; cat v.newc t.zstd > y.img; rm a b s",
    );
    let limits = Limits { depth: 6, file: LIMIT, total: Arc::new(u64::MAX.into()), stop: Arc::default() };
    let unpacker = Unpacker::new(limits);
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % u64::try_from(below.max(1)).expect("small")).expect("small")
    };
    let mut files: Vec<_> =
        fs::read_dir(dir.path()).expect("files").map(|e| e.expect("an entry").path()).collect();
    files.sort();
    assert_eq!(files.len(), 17);
    for file in files {
        let whole = fs::read(&file).expect("a file");
        for round in 0..150 {
            let mut bytes = whole.clone();
            for _ in 0..=round % 4 {
                if bytes.is_empty() {
                    break;
                }
                let at = next(bytes.len());
                let length = next(64).min(bytes.len() - at);
                match next(5) {
                    0 => bytes[at] ^= 1 << next(8),
                    1 => bytes[at..at + length].fill(if next(2) == 0 { 0 } else { 0xff }),
                    2 => drop(bytes.drain(at..at + length)),
                    3 => bytes.truncate(at.max(1)),
                    _ => {
                        let copy = bytes[at..at + length].to_vec();
                        let to = next(bytes.len());
                        bytes.splice(to..to, copy);
                    }
                }
            }
            let stored = u64::try_from(bytes.len()).expect("small");
            let pass = || {
                let mut counts = Counts::default();
                let understood = unpacker.unpack(Box::new(&*bytes), stored, &mut counts);
                assert!(understood <= stored, "{} round {round}", file.display());
                (counts, understood)
            };
            let first = pass();
            assert!(first.0.bytes <= 7 * (LIMIT + stored + (1 << 17)), "{} round {round}", file.display());
            assert_eq!(first, pass(), "{} round {round}", file.display());
        }
    }
}

/// The same for 7z, whose header is damaged with checksums that are put right: as many of
/// the changes as can reach what is behind them.
#[test]
fn any_damage_to_a_7z_stays_within_the_limits() {
    const LIMIT: u64 = 2 << 20;
    let dir = tempfile::tempdir().expect("a directory");
    sh(
        dir.path(),
        "mkdir d; seq 2000 > d/b; for n in $(seq 30); do echo $n > d/$n; done; : > d/e; mkdir d/f
         for m in lzma lzma2 bzip2 deflate deflate64 copy; do 7z a -bso0 -bsp0 -mhc=off -m0=$m $m.7z d; 7z a -bso0 -bsp0 -ms=off -m0=$m $m.single.7z d; done
         7z a -bso0 -bsp0 -mhc=off -m0=bcj -m1=delta -m2=lzma chain.7z d; 7z a -bso0 -bsp0 -mhc=off -m0=bcj2 -m1=lzma -mb0:1 bcj2.7z d || true; rm -r d",
    );
    let limits = Limits { depth: 6, file: LIMIT, total: Arc::new(u64::MAX.into()), stop: Arc::default() };
    let unpacker = Unpacker::new(limits);
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % u64::try_from(below.max(1)).expect("small")).expect("small")
    };
    let word = |bytes: &[u8], at: usize| {
        let word = bytes.get(at..at + 8).map(|bytes| u64::from_le_bytes(bytes.try_into().expect("eight")));
        word.and_then(|word| usize::try_from(word).ok()).unwrap_or(0)
    };
    let mut files: Vec<_> =
        fs::read_dir(dir.path()).expect("files").map(|e| e.expect("an entry").path()).collect();
    files.sort();
    assert!(files.len() >= 13);
    for file in files {
        let whole = fs::read(&file).expect("a file");
        for round in 0..120 {
            let mut bytes = whole.clone();
            let header = 32 + word(&bytes, 12);
            for _ in 0..=round % 4 {
                let from = if round % 3 == 0 { 32 } else { header };
                let at = from + next(bytes.len() - from);
                bytes[at] = [bytes[at] ^ (1 << next(8)), 0, 0xff, 0x80, 0x7f][next(5)];
            }
            if round % 17 == 0 {
                bytes.truncate(next(whole.len()).max(1));
            } else if round % 2 == 0 {
                let sum = crc32(&bytes[header..]);
                bytes[28..32].copy_from_slice(&sum.to_le_bytes());
                let sum = crc32(&bytes[12..32]);
                bytes[8..12].copy_from_slice(&sum.to_le_bytes());
            }
            let stored = u64::try_from(bytes.len()).expect("small");
            let pass = || {
                let mut counts = Counts::default();
                unpacker.begin(stored);
                let understood = unpacker.unpack_seven_zip(0, &bytes, stored, &mut counts);
                (counts, understood)
            };
            let first = pass();
            assert!(first.0.bytes <= 2 * (LIMIT + stored + (1 << 17)), "{} round {round}", file.display());
            assert_eq!(first, pass(), "{} round {round}", file.display());
        }
    }
}

/// The checksum of zip and 7z, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ (0xedb8_8320 & (sum & 1).wrapping_neg()))
    })
}
