//! Copies that are wrong or missing, superblocks that are lost, disks that end.

use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;

use snapsift::finding::Reason;
use snapsift::source::disk::{Disk, Part};
use snapsift::source::filesystem::btrfs;
use snapsift::source::filesystem::{ContentReader, Filesystem as _};

use crate::devices::{Made, disk, open};
use crate::nodes::Image;
use crate::support::filesystem::{assert_same, fill, may_mount, ours};
use crate::{assert_as_the_kernel, contents, find};

/// Writes over a range of an image.
fn overwrite(path: &Path, at: u64, bytes: &[u8]) {
    let file = std::fs::OpenOptions::new().write(true).open(path).expect("an image");
    file.write_all_at(bytes, at).expect("written");
}

/// A filled filesystem, unmounted.
fn filled(devices: usize, options: &[&str]) -> Option<Made> {
    let made = Made::new(devices, 300 << 20, options);
    if !may_mount() {
        return None;
    }
    let mount = made.mount("");
    fill(mount.path(), true);
    drop(mount);
    Some(made)
}

#[test]
fn a_wrong_copy_of_each_node_is_read_from_the_other() {
    let Some(made) = filled(1, &["-m", "dup"]) else { return };
    let theirs = made.kernels();
    let image = Image::read(&made.paths[0], made.node);
    let mut seen = std::collections::HashSet::new();
    let mut damaged = 0;
    for at in image.nodes() {
        // The first of two copies, the second, and so on in turn.
        let logical = image.number(at + 48);
        let first = seen.insert((logical, image.number(at + 80)));
        if first == (logical / u64::from(made.node)).is_multiple_of(2) {
            overwrite(&made.paths[0], at + 2000, &[0xa5; 16]);
            damaged += 1;
        }
    }
    assert!(damaged > 50, "{damaged}");
    let filesystem = made.open();
    assert_same(&ours(&filesystem), &theirs);
    let problems = filesystem.problems();
    let told = problems.iter().find(|(error, _)| error.message.contains("another copy is right"));
    assert!(
        told.is_some_and(|(error, count)| error.reason == Reason::Corrupt && *count > 10),
        "{problems:?}"
    );
}

#[test]
fn one_device_of_a_mirror_is_enough() {
    let Some(made) = filled(2, &["-d", "raid1", "-m", "raid1"]) else { return };
    let theirs = made.kernels();
    for path in &made.paths {
        let filesystem = open(&[path]);
        assert_same(&ours(&filesystem), &theirs);
        let problems = filesystem.problems();
        assert!(problems.iter().any(|(error, _)| error.message.contains("is missing")), "{problems:?}");
        filesystem.free(&mut |_, _| std::ops::ControlFlow::Continue(())).expect("free space");
    }
    // Only the first MiB, with the superblock, is left of one.
    let zeros = vec![0; 1 << 20];
    for mib in (1..300).filter(|mib| *mib != 64) {
        overwrite(&made.paths[0], mib << 20, &zeros);
    }
    let filesystem = made.open();
    assert_same(&ours(&filesystem), &theirs);
    assert!(!filesystem.problems().is_empty());
}

#[test]
fn data_of_a_missing_device_is_told() {
    let Some(made) = filled(2, &["-d", "raid0", "-m", "raid1"]) else { return };
    let filesystem = open(&[&made.paths[0]]);
    let content = filesystem.content(find(&filesystem, "sizes/5242887")).expect("a content");
    let reader = ContentReader::new(&filesystem, &content);
    let errors: Vec<_> =
        (0..content.size).step_by(4096).filter_map(|at| reader.read_at(&mut [0; 4096], at).err()).collect();
    assert!(errors.len() > 500 && errors.len() < 900, "{}", errors.len());
    assert!(errors.iter().all(|error| error.reason == Reason::Unsupported), "{:?}", errors[0]);
}

#[test]
fn a_device_that_missed_transactions_is_asked_last() {
    let made = Made::new(2, 300 << 20, &["-d", "raid1", "-m", "raid1"]);
    if !may_mount() {
        return;
    }
    let mount = made.mount("");
    std::fs::write(mount.path().join("old"), "old").expect("a file");
    drop(mount);
    let mount = made.mount_some(&[&made.paths[1]], "degraded");
    fill(mount.path(), true);
    std::fs::write(mount.path().join("old"), "new").expect("a file");
    drop(mount);
    let alone = open(&[&made.paths[1]]);
    let filesystem = made.open();
    assert_same(&ours(&filesystem), &ours(&alone));
    assert_eq!(contents(&filesystem, "old"), b"new");
    let notes = &filesystem.about().notes;
    assert!(notes.iter().any(|note| note.starts_with("device 1 missed")), "{notes:?}");
}

#[test]
fn wrong_data_is_read_from_its_other_copy_or_told() {
    for (profile, copies) in [("single", 1), ("dup", 2)] {
        let made = Made::new(1, 300 << 20, &["-d", profile]);
        if !may_mount() {
            return;
        }
        let mount = made.mount("");
        let large: Vec<u8> = (0..400_000_u32).map(|number| (number / 3 % 253) as u8).collect();
        std::fs::write(mount.path().join("large"), &large).expect("a file");
        drop(mount);
        let filesystem = made.open();
        let content = filesystem.content(find(&filesystem, "large")).expect("a content");
        let snapsift::source::filesystem::PieceSource::Stored(place) = content.pieces[0].source else {
            panic!("not stored: {content:?}")
        };
        let place = filesystem.physical(place);
        overwrite(&made.paths[0], place.offset + 8192 + 7, b"?");
        let filesystem = made.open();
        let reader = ContentReader::new(&filesystem, &content);
        let mut bytes = vec![0; 4096];
        reader.read_at(&mut bytes, 4096).expect("what is right");
        let read = reader.read_at(&mut bytes, 8192);
        if copies == 2 {
            assert_eq!(read.expect("the other copy"), 4096);
            assert_eq!(bytes, large[8192..12288]);
            assert_eq!(contents(&filesystem, "large"), large);
            let problems = filesystem.problems();
            assert_eq!(problems.len(), 1);
            assert_eq!(problems[0].0.message, "the checksum of data is wrong; another copy is right");
            assert_eq!(problems[0].0.offset, place.offset + 8192);
        } else {
            let error = read.expect_err("no other copy");
            assert_eq!((error.reason, error.offset), (Reason::Corrupt, place.offset + 8192));
            reader.read_at(&mut bytes, 12288).expect("what is right");
        }
    }
}

#[test]
fn a_copy_of_the_superblock_is_enough() {
    let Some(made) = filled(1, &[]) else { return };
    let theirs = made.kernels();
    overwrite(&made.paths[0], 65536, &[0; 4096]);
    let disk = disk(&made.paths[0]);
    assert!(!btrfs::detect(&*disk) && btrfs::detect_copy(&*disk));
    let filesystem = btrfs::open(vec![disk]).expect("a filesystem");
    assert_same(&ours(&filesystem), &theirs);
    assert_eq!(filesystem.about().notes, ["read by the copy of the superblock at byte 67108864"]);
    overwrite(&made.paths[0], 64 << 20, &[0; 4096]);
    assert!(btrfs::open(vec![crate::devices::disk(&made.paths[0])]).is_err());
}

#[test]
fn a_lost_root_is_replaced_by_a_former_one() {
    let Some(made) = filled(1, &["-m", "single"]) else { return };
    assert_as_the_kernel(&made, &made.open());
    let mut image = Image::read(&made.paths[0], made.node);
    let superblock = image.bytes(65536, 4096);
    let root = u64::from_le_bytes(superblock[80..88].try_into().expect("eight"));
    for at in image.nodes() {
        if image.number(at + 48) == root {
            image.write(at + 200, &[0xff; 8]);
        }
    }
    let filesystem = btrfs::open(vec![Arc::new(image)]).expect("a filesystem");
    let notes = &filesystem.about().notes;
    assert!(notes.iter().any(|note| note.starts_with("read as of transaction")), "{notes:?}");
    assert!(!filesystem.problems().is_empty());
    assert_eq!(contents(&filesystem, "sizes/1").len(), 1);
}

/// 35: images that are cut short, or are no image at all.
#[test]
fn hostile_35_cut_images() {
    let Some(made) = filled(1, &[]) else { return };
    let whole = disk(&made.paths[0]);
    for size in [
        0,
        511,
        65536,
        65536 + 4095,
        65536 + 4096,
        1 << 20,
        5 << 20,
        22 << 20,
        40 << 20,
        100 << 20,
        299 << 20,
    ] {
        let part: Arc<dyn Disk> = Arc::new(Part::new(Arc::clone(&whole), 0..size));
        assert_eq!(btrfs::detect(&*part), size >= 65536 + 72, "{size}");
        match btrfs::open(vec![part]) {
            Ok(filesystem) => {
                assert!(filesystem.problems().iter().any(|(error, _)| error.message.contains("cut short")));
                crate::hostile::walk(&filesystem);
            }
            Err(error) => assert!(size < 299 << 20, "{error}"),
        }
    }
    let empty = Made::empty(1, 10 << 20);
    assert!(btrfs::open(vec![disk(&empty.paths[0])]).is_err());
    assert!(btrfs::open(Vec::new()).is_err());
}
