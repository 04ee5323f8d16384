//! Disk images that are damaged, or made to do harm: each ends quickly, in an error
//! or in bytes of the image, and nothing outside its folder is opened.
#![allow(clippy::cast_possible_truncation, reason = "test disks are small")]
#![allow(clippy::expect_used, clippy::panic, reason = "a test stops where it cannot go on")]

mod support;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use snapsift::finding::Reason;
use snapsift::source::disk::MemoryDisk;
use snapsift::source::image::{self, Image, ImageError};
use support::budget::Budgeted;
use support::images::{
    Changed, Failing, Numbers, at, by_qemu, data_ranges, has_qemu, make_raw, nasty, qemu, qemu_io, walk,
};

/// Every form of image that is one file: name, format, options.
const FORMS: [(&str, &str); 11] = [
    ("qcow2", "-o compat=0.10"),
    ("qcow2", "-o extended_l2=on,cluster_size=16k"),
    ("qcow2", "-c -o cluster_size=4k"),
    ("qcow2", "-c -o compression_type=zstd"),
    ("vmdk", "-o subformat=monolithicSparse"),
    ("vmdk", "-o subformat=streamOptimized"),
    ("vpc", "-o subformat=dynamic"),
    ("vpc", "-o subformat=fixed"),
    ("vhdx", "-o block_size=1M"),
    ("vdi", ""),
    ("raw", ""),
];

/// A small image of a form, and what it shows.
fn make(folder: &Path, format: &str, options: &str) -> (Vec<u8>, Vec<u8>) {
    make_raw(&at(folder, "disk.raw"), 3 << 20, 21);
    qemu(folder, &format!("convert -f raw -O {format} {options} disk.raw disk.img"));
    let truth = by_qemu(folder, format, "disk.img");
    (std::fs::read(at(folder, "disk.img")).expect("bytes"), truth)
}

fn put(bytes: &mut [u8], at: usize, what: &[u8]) {
    bytes[at..at + what.len()].copy_from_slice(what);
}

/// A qcow2 of version 3 with clusters of 64 KiB: header, first-level table, then
/// the clusters that `l1` and the caller make use of.
fn qcow2(size: u64, backing: &[u8], format: &[u8], l1: &[u64]) -> Vec<u8> {
    let mut bytes = vec![0; 3 << 16];
    put(&mut bytes, 0, b"QFI\xfb\0\0\0\x03");
    if !backing.is_empty() {
        put(&mut bytes, 8, &1024_u64.to_be_bytes());
        put(&mut bytes, 16, &(backing.len() as u32).to_be_bytes());
        put(&mut bytes, 1024, backing);
    }
    put(&mut bytes, 20, &16_u32.to_be_bytes());
    put(&mut bytes, 24, &size.to_be_bytes());
    put(&mut bytes, 36, &(l1.len() as u32).to_be_bytes());
    put(&mut bytes, 40, &(1_u64 << 16).to_be_bytes());
    put(&mut bytes, 96, &4_u32.to_be_bytes());
    put(&mut bytes, 100, &104_u32.to_be_bytes());
    if !format.is_empty() {
        put(&mut bytes, 104, &0xe279_2aca_u32.to_be_bytes());
        put(&mut bytes, 108, &(format.len() as u32).to_be_bytes());
        put(&mut bytes, 112, format);
    }
    for (number, entry) in l1.iter().enumerate() {
        put(&mut bytes, (1 << 16) + number * 8, &entry.to_be_bytes());
    }
    bytes
}

fn open_file(folder: &Path, name: &str, bytes: &[u8]) -> Result<Image, ImageError> {
    std::fs::write(at(folder, name), bytes).expect("written");
    image::open(&at(folder, name))
}

fn open_bytes(bytes: Vec<u8>) -> Result<Image, snapsift::source::disk::DiskError> {
    image::open_disk(Arc::new(MemoryDisk(bytes.into())))
}

#[test]
fn hostile_33_a_backing_file_outside_the_folder_is_not_opened() {
    let outer = tempfile::tempdir().expect("a folder");
    let folder = outer.path().join("images");
    std::fs::create_dir(&folder).expect("a folder");
    let secret = outer.path().join("secret");
    std::fs::write(&secret, [0x41; 65536]).expect("written");
    std::os::unix::fs::symlink(&secret, folder.join("link")).expect("a link");
    std::os::unix::fs::symlink("/dev/zero", folder.join("zero")).expect("a link");
    std::os::unix::fs::symlink("..", folder.join("up")).expect("a link");
    support::images::run_in(&folder, "mkfifo", &["fifo"]);
    std::fs::create_dir(folder.join("inner")).expect("a folder");
    let absolute = secret.to_str().expect("a path").as_bytes();
    for name in [
        absolute,
        b"/etc/passwd",
        b"../secret",
        b"inner/../../secret",
        b"./../secret",
        b"up/secret",
        b"link",
        b"zero",
        b"fifo",
        b"inner",
        b".",
        b"/",
        b"a\0b",
        b"json:{\"driver\":\"file\",\"filename\":\"/etc/passwd\"}",
        b"nbd://127.0.0.1:1/x",
        b"nbd:unix:/run/x",
        b"file:/etc/passwd",
        b"ssh://host/x",
        b"missing",
        &[b'x'; 1023],
    ] {
        for format in [&b"raw"[..], b"", b"qcow2"] {
            let shown = String::from_utf8_lossy(name).into_owned();
            let error = open_file(&folder, "top.qcow2", &qcow2(1 << 20, name, format, &[0]));
            let error = error.expect_err(&shown);
            assert_ne!(error.error.reason, Reason::OverBudget, "{error}");
            assert!(error.to_string().contains("top.qcow2"), "{error}");
        }
    }
    // The same for a file of data.
    let mut bytes = qcow2(1 << 20, b"", b"", &[0]);
    put(&mut bytes, 72, &4_u64.to_be_bytes());
    put(&mut bytes, 104, &0x4441_5441_u32.to_be_bytes());
    put(&mut bytes, 108, &9_u32.to_be_bytes());
    put(&mut bytes, 112, b"../secret");
    open_file(&folder, "top.qcow2", &bytes).expect_err("a file of data");
    // What the image itself is named by may be a link; its folder is the real one.
    std::fs::write(folder.join("base"), [0x42; 65536]).expect("written");
    std::fs::write(folder.join("top.qcow2"), qcow2(1 << 20, b"base", b"raw", &[0])).expect("written");
    std::os::unix::fs::symlink(folder.join("top.qcow2"), outer.path().join("to-top")).expect("a link");
    let image = image::open(&outer.path().join("to-top")).unwrap_or_else(|error| panic!("{error}"));
    let mut byte = [0];
    image.disk.read_at(&mut byte, 0).expect("a byte");
    assert_eq!(byte, [0x42]);
    // An image that is no file has no folder.
    let error = open_bytes(qcow2(1 << 20, b"base", b"raw", &[0])).expect_err("no folder");
    assert_eq!(error.reason, Reason::Unsupported);
}

#[test]
fn hostile_33_vmdk_extents_outside_the_folder_are_not_opened() {
    let outer = tempfile::tempdir().expect("a folder");
    let folder = outer.path().join("images");
    std::fs::create_dir(&folder).expect("a folder");
    std::fs::write(outer.path().join("secret"), [0x41; 65536]).expect("written");
    std::os::unix::fs::symlink("../secret", folder.join("link")).expect("a link");
    for name in ["/etc/passwd", "../secret", "link", "C:\\disk.vmdk", "..\\secret", "", "missing"] {
        for form in ["FLAT", "SPARSE", "VMFS", "VMFSSPARSE", "VMFSRAW", "SESPARSE"] {
            let text =
                format!("# Disk DescriptorFile\nCID=1\nparentCID=ffffffff\nRW 8 {form} \"{name}\" 0\n");
            open_file(&folder, "disk.vmdk", text.as_bytes()).expect_err(name);
        }
        let text =
            format!("# Disk DescriptorFile\nCID=1\nparentCID=2\nparentFileNameHint=\"{name}\"\nRW 8 ZERO\n");
        open_file(&folder, "disk.vmdk", text.as_bytes()).expect_err(name);
    }
    for text in [
        "# Disk DescriptorFile\nRW 18446744073709551615 ZERO\n".to_owned(),
        format!("# Disk DescriptorFile\n{}", "RW 36028797018963967 ZERO\n".repeat(3)),
        format!("# Disk DescriptorFile\n{}", "RW 1 ZERO\n".repeat(5000)),
        format!("# Disk DescriptorFile\n{}", "#\n".repeat(1 << 20)),
        "# Disk DescriptorFile\n".to_owned(),
    ] {
        open_file(&folder, "disk.vmdk", text.as_bytes()).expect_err("no such disk");
    }
}

#[test]
fn hostile_33_a_chain_that_rests_on_itself_ends() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let error = open_file(folder, "a", &qcow2(1 << 20, b"a", b"qcow2", &[0])).expect_err("itself");
    assert!(error.to_string().contains("rests on itself"), "{error}");
    std::fs::write(at(folder, "b"), qcow2(1 << 20, b"./c", b"", &[0])).expect("written");
    std::fs::hard_link(at(folder, "b"), at(folder, "d")).expect("a link");
    let error = open_file(folder, "c", &qcow2(1 << 20, b"d", b"", &[0])).expect_err("a cycle");
    assert!(error.to_string().contains("rests on itself"), "{error}");
    for number in 0..100 {
        let next = format!("{}", number + 1);
        std::fs::write(at(folder, &format!("{number}")), qcow2(1 << 20, next.as_bytes(), b"", &[0]))
            .expect("written");
    }
    std::fs::write(at(folder, "100"), [0; 512]).expect("written");
    let error = image::open(&at(folder, "0")).expect_err("too deep");
    assert_eq!(error.error.reason, Reason::OverBudget, "{error}");
    let image = image::open(&at(folder, "60")).unwrap_or_else(|error| panic!("{error}"));
    assert!(data_ranges(&*image.disk, "chain").len() < 2);
}

#[test]
fn hostile_33_tables_of_any_number_are_bounded() {
    // A first-level table of 2^32 entries, of too few, and past the end of the file.
    for (at, value) in [(36, u32::MAX), (36, 0), (36, 1 << 23), (20, 63), (20, 0), (20, 22), (4, 4)] {
        let mut bytes = qcow2(1 << 40, b"", b"", &[0]);
        put(&mut bytes, at, &value.to_be_bytes());
        open_bytes(bytes).expect_err("a table");
    }
    for size in [1 << 63, u64::MAX, 1 << 50] {
        open_bytes(qcow2(size, b"", b"", &[0])).expect_err("a size");
    }
    // Tables that lie in the header, in themselves, past the end, askew.
    for (entry, what) in
        [(0, "zero"), (1 << 16, "the first-level table"), (1 << 40, "far"), ((1 << 16) + 512, "askew")]
    {
        let mut bytes = qcow2(1 << 20, b"", b"", &[entry]);
        // An entry of a second-level table that names that table.
        put(&mut bytes, 2 << 16, &(2_u64 << 16).to_be_bytes());
        let image = open_bytes(bytes).unwrap_or_else(|error| panic!("{what}: {error}"));
        walk(&*image.disk);
    }
    // Each of 4 million second-level tables is the same one, which is empty.
    let mut bytes = qcow2(1 << 51, b"", b"", &[]);
    put(&mut bytes, 36, &(1_u32 << 22).to_be_bytes());
    bytes.resize((1 << 16) + (32 << 20) + (1 << 16), 0);
    let table = (1_u64 << 16) + (32 << 20);
    for number in 0..1 << 22 {
        put(&mut bytes, (1 << 16) + number * 8, &table.to_be_bytes());
    }
    let image = open_bytes(bytes).expect("an image");
    let error = image.disk.next_data(0).expect_err("too long");
    assert_eq!(error.reason, Reason::OverBudget);
}

#[test]
fn an_unknown_feature_is_named() {
    let mut bytes = qcow2(1 << 20, b"", b"", &[0]);
    put(&mut bytes, 72, &(1_u64 << 37).to_be_bytes());
    put(&mut bytes, 104, &0x6803_f857_u32.to_be_bytes());
    put(&mut bytes, 108, &48_u32.to_be_bytes());
    put(&mut bytes, 112, b"\0\x25time travel");
    let error = open_bytes(bytes).expect_err("a feature");
    assert_eq!(error.reason, Reason::Unsupported);
    assert!(error.message.contains("37") && error.message.contains("time travel"), "{error}");
    for (bit, note) in [(1_u64, "dirty"), (2, "corrupt")] {
        let mut bytes = qcow2(1 << 20, b"", b"", &[0]);
        put(&mut bytes, 72, &bit.to_be_bytes());
        let image = open_bytes(bytes).expect("an image");
        assert!(image.notes.iter().any(|told| told.contains(note)), "{:?}", image.notes);
    }
}

#[test]
fn hostile_34_a_compressed_cluster_gives_no_more_than_a_cluster() {
    // Zeros compress to a thousandth: 64 MiB of them in a cluster's few sectors.
    let mut bomb = flate2::Compress::new(flate2::Compression::best(), false);
    let mut packed = vec![0; 128 << 10];
    bomb.compress(&vec![0x61; 64 << 20], &mut packed, flate2::FlushCompress::Finish).expect("compressed");
    packed.truncate(bomb.total_out() as usize);
    for (packed, good) in [(packed.clone(), true), (packed[..20].to_vec(), false), (vec![0xff; 4096], false)]
    {
        let mut bytes = qcow2(1 << 20, b"", b"", &[2 << 16]);
        let sectors = (packed.len() as u64).div_ceil(512).min(256) - 1;
        let place = bytes.len() as u64;
        put(&mut bytes, 2 << 16, &(1 << 62 | sectors << 54 | place).to_be_bytes());
        bytes.extend(&packed);
        let image = open_bytes(bytes).expect("an image");
        let mut out = vec![0; 1 << 16];
        match image.disk.read_at(&mut out, 0) {
            Ok(_) => assert!(good && out.iter().all(|byte| *byte == 0x61)),
            Err(error) => assert!(!good && error.reason == Reason::Corrupt, "{error}"),
        }
        assert_eq!(image.disk.read_at(&mut out[..100], 70_000), Ok(100));
    }
    // A zstd frame that asks for a window of 2 GiB.
    let mut bytes = qcow2(1 << 20, b"", b"", &[2 << 16]);
    put(&mut bytes, 72, &8_u64.to_be_bytes());
    put(&mut bytes, 100, &112_u32.to_be_bytes());
    bytes[104] = 1;
    let place = bytes.len() as u64;
    put(&mut bytes, 2 << 16, &(1_u64 << 62 | place).to_be_bytes());
    bytes.extend([0x28, 0xb5, 0x2f, 0xfd, 0x00, 21 << 3, 0x01, 0x00, 0x00]);
    bytes.resize(place as usize + 512, 0);
    let image = open_bytes(bytes).expect("an image");
    let error = image.disk.read_at(&mut [0; 100], 0).expect_err("a window");
    assert_eq!(error.reason, Reason::Corrupt, "{error}");
}

#[test]
fn hostile_35_a_cut_image_never_shows_what_it_has_not() {
    if !has_qemu() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    for (format, options) in FORMS {
        let (bytes, truth) = make(folder, format, options);
        let what = format!("{format} {options}");
        let mut numbers = Numbers::new(1);
        let mut lengths =
            vec![0, 1, 511, 512, 1024, 4096, bytes.len() - 1, bytes.len() - 511, bytes.len() - 512];
        lengths.extend((0..40).map(|_| numbers.below(bytes.len() as u64) as usize));
        lengths.extend((0..20).map(|_| numbers.below(bytes.len() as u64 / 512) as usize * 512));
        for length in lengths {
            let result = open_file(folder, "cut.img", &bytes[..length]);
            let Ok(image) = result else { continue };
            walk(&*image.disk);
            if image.kind == "raw" {
                // A disk that is empty, or a fixed VHD without its footer.
                assert!(
                    format == "raw" || length == 0 || options.contains("fixed") || length < 512,
                    "{what} {length}"
                );
                continue;
            }
            assert_eq!(image.disk.size(), truth.len() as u64, "{what} cut to {length}");
            let mut failed = false;
            for (number, wanted) in truth.chunks(4096).enumerate() {
                let mut read = vec![0xa5; wanted.len()];
                match image.disk.read_at(&mut read, number as u64 * 4096) {
                    Ok(_) => assert!(read == wanted, "{what} cut to {length}: bytes {number} x 4096"),
                    Err(_) => failed = true,
                }
            }
            // Only what nobody needs may be missing without an error.
            assert!(failed || length + (1 << 20) > bytes.len(), "{what} cut to {length}: nothing was told");
        }
        // Garbage after the end changes nothing, or is told.
        let longer = [&bytes[..], &numbers.bytes(1000)].concat();
        if let Ok(image) = open_file(folder, "cut.img", &longer) {
            let mut read = vec![0; truth.len()];
            image.disk.read_at(&mut read, 0).unwrap_or_else(|error| panic!("{what}: {error}"));
            assert!(read == truth, "{what} with garbage");
        }
    }
    let image = open_file(folder, "empty", b"").expect("an image");
    assert!(image.notes.iter().any(|note| note.contains("empty")));
    let image = open_file(folder, "short", &[7; 511]).expect("an image");
    assert_eq!((image.kind, image.disk.size()), ("raw", 511));
    assert!(image.notes.iter().any(|note| note.contains("512")));
}

#[test]
fn hostile_06_a_bad_block_costs_its_own_bytes_only() {
    if !has_qemu() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    for (format, options) in FORMS {
        let (bytes, truth) = make(folder, format, options);
        let bytes: Arc<[u8]> = bytes.into();
        let what = format!("{format} {options}");
        for fails_at in 0..u64::MAX {
            let disk = Failing { disk: MemoryDisk(Arc::clone(&bytes)), reads: AtomicU64::new(0), fails_at };
            let disk = Arc::new(disk);
            let before = |disk: &Failing<MemoryDisk>| disk.reads.load(std::sync::atomic::Ordering::SeqCst);
            let image = match image::open_disk(disk.clone()) {
                Ok(image) => image,
                Err(error) => {
                    assert!(matches!(error.reason, Reason::Unreadable | Reason::Corrupt), "{what}: {error}");
                    continue;
                }
            };
            if image.kind == "raw" && format != "raw" {
                assert!(
                    image.notes.iter().any(|note| note.contains("read as raw")),
                    "{what}: {:?}",
                    image.notes
                );
                continue;
            }
            let mut failed = 0;
            for (number, wanted) in truth.chunks(1 << 16).enumerate() {
                let mut read = vec![0xa5; wanted.len()];
                match image.disk.read_at(&mut read, number as u64 * (1 << 16)) {
                    Ok(_) => assert!(read == wanted, "{what}, read {fails_at}: at {number} x 65536"),
                    Err(error) => {
                        assert_eq!(error.reason, Reason::Unreadable, "{what}: {error}");
                        failed += 1;
                    }
                }
            }
            assert!(failed < 2, "{what}, read {fails_at}: {failed} pieces lost");
            if before(&disk) <= fails_at {
                break;
            }
        }
    }
}

#[test]
fn a_changed_byte_anywhere_in_the_tables_ends_in_bytes_or_an_error() {
    if !has_qemu() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    for (format, options) in FORMS {
        let (bytes, _) = make(folder, format, options);
        let bytes: Arc<[u8]> = bytes.into();
        let mut numbers = Numbers::new(99);
        // What is not zero in the first two megabytes is where tables are; the
        // data that lies between them is skipped where it is random.
        let places: Vec<usize> = (0..bytes.len().min(5 << 20)).filter(|at| bytes[*at] != 0).collect();
        let mut opened = 0;
        for _ in 0..1200 {
            let mut changes = Vec::new();
            for _ in 0..=numbers.below(3) {
                let at = match numbers.below(6) {
                    0 => numbers.below(112) as usize,
                    1 => numbers.below(600) as usize,
                    2 => bytes.len() - 1 - numbers.below(1600) as usize,
                    3 => places[numbers.below(places.len() as u64) as usize],
                    // Tables begin where clusters do.
                    4 => (numbers.below(16) << 16 | numbers.below(256)) as usize,
                    _ => (numbers.below(64) << 12 | numbers.below(256)) as usize,
                };
                let at = at.min(bytes.len() - 1);
                let change = if numbers.below(3) == 0 {
                    vec![bytes[at] ^ 1 << numbers.below(8)]
                } else {
                    nasty(&mut numbers)
                };
                changes.push((at, change));
            }
            // A change of the tables alone must get past the sums.
            if format == "vhdx" {
                let tables = [1_usize << 20, 2 << 20, 3 << 20];
                let near = tables[numbers.below(3) as usize] + numbers.below(600) as usize;
                changes.push((near.min(bytes.len() - 8), nasty(&mut numbers)));
            }
            let disk = Changed { bytes: Arc::clone(&bytes), changes };
            let disk = Budgeted::new(disk, 1 << 20, 1 << 34);
            if let Ok(image) = image::open_disk(Arc::new(disk)) {
                opened += 1;
                walk(&*image.disk);
            }
        }
        println!("{format} {options}: {opened} of 1200 opened");
        assert!(opened > 100, "{format} {options}: only {opened} could be opened");
    }
}

#[test]
fn sixteen_tebibytes_are_looked_through() {
    if !has_qemu() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    qemu(folder, "create -f qcow2 a.qcow2 16T");
    qemu(folder, "create -f qcow2 -o cluster_size=2M,extended_l2=on b.qcow2 16T");
    // As long as a file of ext4 can be.
    qemu(folder, "create -f raw c.raw 15T");
    qemu(folder, "create -f vhdx -o block_size=32M d.vhdx 16T");
    qemu(folder, "create -f qcow2 -b a.qcow2 -F qcow2 e.qcow2 17T");
    for name in ["a.qcow2", "b.qcow2", "c.raw", "d.vhdx", "e.qcow2"] {
        if std::fs::metadata(at(folder, name)).is_err() {
            continue;
        }
        qemu_io(folder, name, &["write -P 5 14T 64k", "write -P 6 1G 4k"]);
        let image = image::open(&at(folder, name)).unwrap_or_else(|error| panic!("{error}"));
        let ranges = data_ranges(&*image.disk, name);
        let sum: u64 = ranges.iter().map(|range| range.end - range.start).sum();
        assert!((68 << 10..=64 << 20).contains(&sum), "{name}: {sum}");
        let mut bytes = [0; 4];
        image.disk.read_at(&mut bytes, 14 << 40).expect("bytes");
        assert_eq!(bytes, [5; 4], "{name}");
    }
}
