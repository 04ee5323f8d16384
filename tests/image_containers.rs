//! Disk images of every container that `qemu-img` makes, held against its own
//! conversion to raw and its own map of holes.
#![allow(clippy::cast_possible_truncation, reason = "test disks are small")]
#![allow(clippy::expect_used, clippy::panic, reason = "a test stops where it cannot go on")]

mod support;

use std::path::Path;

use snapsift::source::image::{self, Image};
use support::images::{
    assert_bytes, assert_holes_are_zero, at, by_qemu, data_by_qemu, data_ranges, has_qemu, make_raw, qemu,
    qemu_io, run_in,
};

/// 11 MiB and a bit: ends in the middle of every unit.
const SIZE: u64 = (11 << 20) + 3 * 512;

fn open(folder: &Path, name: &str) -> Image {
    image::open(&at(folder, name)).unwrap_or_else(|error| panic!("{error}"))
}

/// Bytes and holes are those of `qemu-img`.
fn assert_same(folder: &Path, name: &str, what: &str) -> Image {
    let image = open(folder, name);
    // A fixed VHD is told by its end, where QEMU does not look.
    let format = if image.kind == "vhd" { "vpc" } else { image.kind };
    let truth = by_qemu(folder, format, name);
    assert_bytes(&*image.disk, &truth, what);
    let ours = data_ranges(&*image.disk, what);
    assert_holes_are_zero(&ours, &truth, what);
    let theirs = data_by_qemu(folder, format, name);
    let sum =
        |ranges: &[std::ops::Range<u64>]| ranges.iter().map(|range| range.end - range.start).sum::<u64>();
    // Of some formats QEMU does not tell all holes.
    assert!(sum(&ours) <= sum(&theirs) + (4 << 20), "{what}: {} bytes for {}", sum(&ours), sum(&theirs));
    assert!(image.stored > 0 && !image.files.is_empty(), "{what}");
    image
}

/// Converts the same disk with each of the options.
fn each(format: &str, options: &[&str]) {
    if !has_qemu() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    make_raw(&at(folder, "disk.raw"), SIZE, 7);
    for options in options {
        let what = format!("{format} {options}");
        let mine = at(folder, "own");
        std::fs::create_dir(&mine).expect("a folder");
        qemu(&mine, &format!("convert -f raw -O {format} {options} ../disk.raw disk.img"));
        let image = assert_same(&mine, "disk.img", &what);
        let kind = if format == "vpc" { "vhd" } else { format };
        assert_eq!(image.kind, kind, "{what}");
        std::fs::remove_dir_all(&mine).expect("removed");
    }
}

#[test]
fn qcow2_of_every_option() {
    each(
        "qcow2",
        &[
            "-o compat=0.10",
            "-o compat=1.1",
            "-o cluster_size=512",
            "-o cluster_size=4096",
            "-o cluster_size=2M",
            "-o lazy_refcounts=on",
            "-o refcount_bits=1",
            "-o preallocation=metadata",
            "-o preallocation=full",
            "-o data_file=data.raw",
            "-o data_file=data.raw,data_file_raw=on",
            "-o extended_l2=on",
            "-o extended_l2=on,cluster_size=16K",
            "-o extended_l2=on,cluster_size=2M",
        ],
    );
}

#[test]
fn qcow2_compressed() {
    each(
        "qcow2",
        &[
            "-c",
            "-c -o compat=0.10",
            "-c -o cluster_size=512",
            "-c -o cluster_size=2M",
            "-c -o compression_type=zstd",
            "-c -o compression_type=zstd,cluster_size=4096",
            "-c -o compression_type=zstd,cluster_size=2M",
            "-c -o extended_l2=on",
        ],
    );
}

#[test]
fn vmdk_of_every_form() {
    each(
        "vmdk",
        &[
            "-o subformat=monolithicSparse",
            "-o subformat=monolithicSparse,zeroed_grain=on",
            "-o subformat=monolithicFlat",
            "-o subformat=twoGbMaxExtentSparse",
            "-o subformat=twoGbMaxExtentFlat",
            "-o subformat=streamOptimized",
        ],
    );
}

#[test]
fn vhd_of_every_form() {
    each(
        "vpc",
        &[
            "-o subformat=dynamic",
            "-o subformat=dynamic,force_size=on",
            "-o subformat=fixed",
            "-o subformat=fixed,force_size=on",
        ],
    );
}

#[test]
fn vhdx_of_every_form() {
    each(
        "vhdx",
        &[
            "-o subformat=dynamic",
            "-o subformat=dynamic,block_size=1M",
            "-o subformat=dynamic,block_size=256M",
            "-o subformat=dynamic,log_size=4M",
            "-o subformat=fixed",
            "-o subformat=fixed,block_size=2M",
        ],
    );
}

#[test]
fn vdi_of_every_form() {
    each("vdi", &["", "-o static=on"]);
}

#[test]
fn a_raw_image_has_the_holes_of_its_file() {
    each("raw", &[""]);
}

#[test]
fn a_chain_of_overlays_in_all_formats() {
    if !has_qemu() {
        return;
    }
    for (format, options) in [
        ("raw", ""),
        ("qcow2", "-c"),
        ("vmdk", "-o subformat=streamOptimized"),
        ("vmdk", "-o subformat=twoGbMaxExtentFlat"),
        ("vpc", ""),
        ("vhdx", ""),
        ("vdi", ""),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path();
        make_raw(&at(folder, "disk.raw"), 6 << 20, 3);
        qemu(folder, &format!("convert -f raw -O {format} {options} disk.raw base.img"));
        // Longer than what it rests on, then shorter, then longer again.
        qemu(folder, &format!("create -f qcow2 -b base.img -F {format} middle.qcow2 9M"));
        qemu_io(
            folder,
            "middle.qcow2",
            &["write -P 17 700k 200k", "write -P 18 8500k 9k", "write -z 2M 300k"],
        );
        qemu(folder, "create -f qcow2 -o extended_l2=on -b middle.qcow2 -F qcow2 short.qcow2 5M");
        qemu_io(folder, "short.qcow2", &["write -P 19 3000k 1k", "discard 1M 64k"]);
        qemu(folder, "create -f qcow2 -o cluster_size=4k -b short.qcow2 -F qcow2 top.qcow2 12M");
        qemu_io(folder, "top.qcow2", &["write -P 20 4900k 500k", "write -z 100k 60k"]);
        for name in ["middle.qcow2", "short.qcow2", "top.qcow2"] {
            assert_same(folder, name, &format!("{name} on {format} {options}"));
        }
        let image = open(folder, "top.qcow2");
        assert!(image.files.len() >= 4, "{:?}", image.files);
        // The same by a path from the root, and by one that QEMU guesses.
        let base = at(folder, "middle.qcow2");
        let base = base.canonicalize().expect("a path");
        qemu(folder, &format!("rebase -u -b {} -F qcow2 short.qcow2", base.display()));
        assert_same(folder, "top.qcow2", "by an absolute path");
    }
}

#[test]
fn a_vmdk_child_reads_its_parent() {
    if !has_qemu() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    make_raw(&at(folder, "disk.raw"), 6 << 20, 5);
    for form in ["monolithicSparse", "twoGbMaxExtentSparse"] {
        qemu(folder, &format!("convert -f raw -O vmdk -o subformat={form} disk.raw base.vmdk"));
        qemu(folder, &format!("create -f vmdk -o subformat={form} -b base.vmdk -F vmdk child.vmdk"));
        qemu_io(folder, "child.vmdk", &["write -P 17 700k 200k", "write -P 18 5900k 9k"]);
        assert_same(folder, "child.vmdk", form);
        // What was written into the parent since makes it another disk.
        let mut text = std::fs::read(at(folder, "base.vmdk")).expect("bytes");
        let cid = text.windows(4).position(|word| word == b"CID=").expect("a CID") + 4;
        text[cid] = if text[cid] == b'1' { b'2' } else { b'1' };
        std::fs::write(at(folder, "base.vmdk"), text).expect("written");
        let error = image::open(&at(folder, "child.vmdk")).expect_err("another parent").to_string();
        assert!(error.contains("not the parent as it was"), "{error}");
    }
}

#[test]
fn a_vmdk_of_several_extents() {
    if !has_qemu() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    qemu(folder, "create -f raw disk.raw 5G");
    for position in ["0", "2147400k", "2096k", "3G", "5242872k"] {
        qemu_io(folder, "disk.raw", &[&format!("write -P 33 {position} 8k")]);
    }
    let raw = open(folder, "disk.raw");
    for form in ["twoGbMaxExtentSparse", "twoGbMaxExtentFlat"] {
        qemu(folder, &format!("convert -f raw -O vmdk -o subformat={form} disk.raw disk.vmdk"));
        let image = open(folder, "disk.vmdk");
        assert_eq!(image.files.len(), 4, "{form}");
        assert_eq!(image.disk.size(), 5 << 30, "{form}");
        for range in data_ranges(&*raw.disk, "raw") {
            let mut bytes =
                [vec![0; (range.end - range.start) as usize], vec![0; (range.end - range.start) as usize]];
            for (disk, bytes) in [&raw.disk, &image.disk].into_iter().zip(&mut bytes) {
                disk.read_at(bytes, range.start).expect("bytes");
            }
            assert!(bytes[0] == bytes[1], "{form} {range:?}");
        }
        let ours = data_ranges(&*image.disk, form);
        assert!(ours.iter().map(|range| range.end - range.start).sum::<u64>() < 1 << 20, "{form}: {ours:?}");
        std::fs::remove_file(at(folder, "disk.vmdk")).expect("removed");
    }
}

#[test]
fn internal_snapshots_are_listed() {
    if !has_qemu() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    qemu(folder, "create -f qcow2 disk.qcow2 8M");
    qemu_io(folder, "disk.qcow2", &["write -P 17 700k 200k"]);
    qemu(folder, "snapshot -c before disk.qcow2");
    qemu_io(folder, "disk.qcow2", &["write -P 18 750k 20k"]);
    qemu(folder, "snapshot -c after disk.qcow2");
    let image = assert_same(folder, "disk.qcow2", "snapshots");
    assert!(image.notes.iter().any(|note| note.contains("2 internal snapshots")), "{:?}", image.notes);
    for name in ["'before'", "'after'"] {
        assert!(image.notes.iter().any(|note| note.contains(name)), "{:?}", image.notes);
    }
}

#[test]
fn encrypted_images_are_told_as_such() {
    if !has_qemu() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let secret = "create --object secret,id=s,data=x -f qcow2 -o encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10";
    qemu(folder, &format!("{secret} disk.qcow2 4M"));
    let error = image::open(&at(folder, "disk.qcow2")).expect_err("encrypted");
    assert_eq!(error.error.reason, snapsift::finding::Reason::Encrypted);
}

#[test]
fn a_split_raw_image_is_one_disk() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    make_raw(&at(folder, "disk.raw"), 5 << 20, 9);
    let truth = std::fs::read(at(folder, "disk.raw")).expect("bytes");
    for first in [0, 1] {
        for (number, part) in truth.chunks(1_500_000).enumerate() {
            std::fs::write(at(folder, &format!("part.{:03}", number + first)), part).expect("written");
        }
        let image = open(folder, &format!("part.{first:03}"));
        assert_eq!((image.kind, image.files.len()), ("split raw", 4));
        assert_bytes(&*image.disk, &truth, "split");
        assert_holes_are_zero(&data_ranges(&*image.disk, "split"), &truth, "split");
        std::fs::remove_file(at(folder, &format!("part.{:03}", first + 2))).expect("removed");
        let error = image::open(&at(folder, &format!("part.{first:03}"))).expect_err("a gap").to_string();
        assert!(error.contains(&format!("'part.{:03}'", first + 2)), "{error}");
        let error =
            image::open(&at(folder, &format!("part.{:03}", first + 1))).expect_err("a part").to_string();
        assert!(error.contains(&format!("'part.{first:03}'")), "{error}");
        for number in [0, 1, 3] {
            std::fs::remove_file(at(folder, &format!("part.{:03}", first + number))).expect("removed");
        }
    }
}

#[test]
fn other_containers_are_named_not_taken_for_raw() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let file = |start: &[u8], end: &[u8]| [start, &vec![0; 4096], end].concat();
    let mut dmg = vec![0; 512];
    dmg[..12].copy_from_slice(b"koly\0\0\0\x04\0\0\x02\0");
    for (name, bytes) in [
        ("E01", file(b"EVF\x09\x0d\x0a\xff\x00", b"")),
        ("AFF", file(b"AFF10\r\n\0", b"")),
        ("Parallels", file(b"WithoutFreeSpace", b"")),
        ("QED", file(b"QED\0", b"")),
        ("DMG", file(b"", &dmg)),
        ("seSparse", file(&0xcafe_babe_u64.to_le_bytes(), b"")),
        ("Bochs", file(b"Bochs Virtual HD Image", b"")),
    ] {
        std::fs::write(at(folder, name), bytes).expect("written");
        let error = image::open(&at(folder, name)).expect_err(name);
        assert_eq!(error.error.reason, snapsift::finding::Reason::Unsupported, "{name}");
        assert!(error.to_string().contains(name), "{error}");
    }
    if has_qemu() {
        for format in ["qed", "parallels", "qcow"] {
            qemu(folder, &format!("create -f {format} real.{format} 4M"));
            let error = image::open(&at(folder, &format!("real.{format}"))).expect_err(format);
            assert!(error.to_string().to_lowercase().contains(format), "{error}");
        }
    }
}

#[test]
fn a_block_device_is_a_raw_image() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    make_raw(&at(folder, "disk.raw"), 3 << 20, 9);
    let device = run_in(folder, "/usr/sbin/losetup", &["--find", "--show", "--read-only", "disk.raw"]);
    let image = image::open(Path::new(device.trim()));
    // It stays as long as it is open.
    run_in(folder, "/usr/sbin/losetup", &["--detach", device.trim()]);
    let image = image.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((image.kind, image.stored), ("raw", 3 << 20));
    let truth = std::fs::read(at(folder, "disk.raw")).expect("bytes");
    assert_bytes(&*image.disk, &truth, "a device");
}

#[test]
fn hostile_01_what_is_no_file_is_never_opened() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    run_in(folder, "mkfifo", &["fifo"]);
    let _socket = std::os::unix::net::UnixListener::bind(at(folder, "socket")).expect("a socket");
    for path in
        [at(folder, "fifo"), at(folder, "socket"), "/dev/zero".into(), folder.into(), at(folder, "none")]
    {
        let error = image::open(&path).expect_err("no image").to_string();
        assert!(error.starts_with(&path.display().to_string()), "{error}");
    }
}

#[test]
fn reading_leaves_the_access_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    make_raw(&at(folder, "disk.raw"), 1 << 20, 9);
    run_in(folder, "touch", &["-a", "-d", "2001-02-03", "disk.raw"]);
    let time = || std::fs::metadata(at(folder, "disk.raw")).expect("a file").accessed().expect("a time");
    let before = time();
    let image = open(folder, "disk.raw");
    image.disk.read_at(&mut [0; 4096], 0).expect("bytes");
    assert_eq!(time(), before);
}

#[test]
fn threads_read_the_same_compressed_image() {
    if !has_qemu() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    make_raw(&at(folder, "disk.raw"), 4 << 20, 13);
    let truth = std::fs::read(at(folder, "disk.raw")).expect("bytes");
    for options in ["", "-o compression_type=zstd"] {
        qemu(folder, &format!("convert -c -f raw -O qcow2 {options} disk.raw disk.qcow2"));
        let image = open(folder, "disk.qcow2");
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| assert_bytes(&*image.disk, &truth, "threads"));
            }
        });
    }
}
