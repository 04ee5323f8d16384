//! Damaged and forged volumes: every one ends with an answer or an error.

use std::collections::BTreeSet;
use std::ops::{ControlFlow, Range};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{FileType, XattrFlags};
use snapsift::finding::Reason;
use snapsift::source::disk::{Disk, DiskError, DiskResult};
use snapsift::source::filesystem::ntfs::{self, Ntfs};
use snapsift::source::filesystem::{Content, ContentReader, Filesystem, NodeId};

use crate::made::{Made, find, noise, read, set_attributes};
use crate::support::budget::Budgeted;
use crate::support::filesystem::may_mount;

/// Bytes at an offset.
type Patch = (usize, Vec<u8>);

/// Bytes with some others laid over them, and reads that fail from one on.
#[derive(Debug, Default)]
struct Patched {
    base: Arc<[u8]>,
    size: u64,
    patches: Vec<Patch>,
    /// The read that fails, and those after it where `for_good`.
    fails: Option<u64>,
    for_good: bool,
    reads: AtomicU64,
}

impl Patched {
    fn new(base: &Arc<[u8]>) -> Self {
        Self { base: Arc::clone(base), size: base.len() as u64, ..Self::default() }
    }
}

impl Disk for Patched {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> DiskResult<usize> {
        let number = self.reads.fetch_add(1, Ordering::Relaxed);
        if self.fails.is_some_and(|fails| number == fails || self.for_good && number > fails) {
            return Err(DiskError::io(offset, &std::io::Error::from_raw_os_error(5)));
        }
        let from = usize::try_from(offset.min(self.size)).expect("it fits");
        let length = bytes.len().min(self.size as usize - from);
        bytes[..length].copy_from_slice(&self.base[from..from + length]);
        for (at, patch) in &self.patches {
            for (byte, at) in patch.iter().zip(*at..) {
                if let Some(place) = at.checked_sub(from).and_then(|at| bytes[..length].get_mut(at)) {
                    *place = *byte;
                }
            }
        }
        Ok(length)
    }
}

/// What a walk met.
#[derive(Debug, Default)]
struct Walked {
    names: usize,
    contents: usize,
    bytes: u64,
    errors: Vec<DiskError>,
}

/// Looks at everything there is, but no more than some bytes of each content.
fn walk(fs: &Ntfs) -> Walked {
    let mut walked = Walked::default();
    let mut waiting = vec![fs.root()];
    let mut seen: BTreeSet<NodeId> = BTreeSet::new();
    while let Some(dir) = waiting.pop() {
        let mut ids = Vec::new();
        let listed = fs.list(dir, &mut |entry| {
            assert!(!entry.name.is_empty() && !entry.name.contains(&b'/') && !entry.name.contains(&0));
            ids.push(entry.id);
            ControlFlow::Continue(())
        });
        walked.errors.extend(listed.err());
        walked.names += ids.len();
        for id in ids.into_iter().filter(|id| seen.insert(*id)) {
            match fs.stat(id).map(|stat| stat.file_type) {
                Ok(FileType::Directory) => waiting.push(id),
                Ok(FileType::Symlink) => walked.errors.extend(fs.link_target(id).err()),
                Ok(FileType::RegularFile) => match fs.content(id) {
                    Ok(content) => look(fs, &content, &mut walked),
                    Err(error) => walked.errors.push(error),
                },
                Ok(_) => {}
                Err(error) => walked.errors.push(error),
            }
            for stream in fs.streams(id).unwrap_or_default().iter().take(5) {
                match fs.stream(id, &stream.name) {
                    Ok(content) => look(fs, &content, &mut walked),
                    Err(error) => walked.errors.push(error),
                }
            }
        }
    }
    let deleted = fs.deleted(&mut |file| {
        look(fs, &file.content, &mut walked);
        ControlFlow::Continue(())
    });
    let mut last = 0;
    let free = fs.free(&mut |_, range: Range<u64>| {
        assert!(range.start >= last && range.end > range.start && range.end <= fs.about().size);
        last = range.end;
        ControlFlow::Continue(())
    });
    walked.errors.extend(deleted.err());
    walked.errors.extend(free.err());
    walked
}

fn look(fs: &Ntfs, content: &Content, walked: &mut Walked) {
    let mut end = 0;
    for piece in &content.pieces {
        assert!(piece.at >= end && piece.length > 0, "{content:?}");
        end = piece.at + piece.length;
    }
    let reader = ContentReader::new(fs, content);
    let mut buffer = vec![0; 100_000];
    let mut at = 0;
    for _ in 0..20 {
        let Some((start, _)) = reader.next_data(at) else { break };
        match reader.read_at(&mut buffer, start) {
            Ok(0) => break,
            Ok(filled) => {
                at = start + filled as u64;
                walked.bytes += filled as u64;
            }
            Err(error) => {
                walked.errors.push(error);
                break;
            }
        }
    }
    walked.contents += 1;
}

/// A small volume with one of everything.
fn everything() -> Arc<[u8]> {
    let made = Made::new(6 << 20, &["-c", "1024"]);
    {
        let mount = made.mount("streams_interface=windows");
        let at = |path: &str| mount.path().join(path);
        std::fs::create_dir_all(at("a/b/c")).expect("directories");
        std::fs::write(at("a/b/c/file"), noise(1, 50_000)).expect("a file");
        std::fs::write(at("a/small"), "resident").expect("a file");
        std::fs::create_dir(at("many")).expect("a directory");
        for number in 0..200 {
            std::fs::write(at(&format!("many/{number} of many files")), format!("{number}")).expect("a file");
        }
        for number in 0..120 {
            std::fs::hard_link(at("a/small"), at(&format!("a/{number} {}", "l".repeat(50)))).expect("a link");
            std::fs::write(at(&format!("a/b:{number}")), "stream").expect("a stream");
        }
        std::fs::write(at("a/b/c/file:stream"), noise(1, 3000)).expect("a stream");
        std::os::unix::fs::symlink("link", at("link")).expect("a link");
        let (one, two) = (at("one"), at("two"));
        use std::io::Write as _;
        let mut one = std::fs::File::create(one).expect("a file");
        let mut two = std::fs::File::create(two).expect("a file");
        for number in 0..150 {
            one.write_all(&noise(number, 1024)).expect("bytes");
            two.write_all(&noise(number, 1024)).expect("bytes");
            if number % 4 == 0 {
                one.sync_all().expect("sync");
                two.sync_all().expect("sync");
            }
        }
    }
    {
        let mount = made.mount("compression");
        let at = |path: &str| mount.path().join(path);
        std::fs::create_dir(at("packed")).expect("a directory");
        set_attributes(&at("packed"), 0x810);
        let text: Vec<u8> = (0..10_000).flat_map(|n| format!("{n} and so on, ").into_bytes()).collect();
        std::fs::write(at("packed/text"), text).expect("a file");
        std::fs::create_dir(at("junction")).expect("a directory");
        reparse(&at("junction"), 0xa000_0003, r"\??\C:\junction");
        for number in 0..20 {
            std::fs::remove_file(at(&format!("many/{number} of many files"))).expect("deleted");
        }
        std::fs::remove_file(at("one")).expect("deleted");
    }
    made.bytes().into()
}

/// Makes a junction or a symbolic link of Windows.
fn reparse(path: &Path, tag: u32, target: &str) {
    let name: Vec<u8> = target.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let length = u16::try_from(name.len()).expect("a length").to_le_bytes();
    let end = u16::try_from(name.len() + 2).expect("a length").to_le_bytes();
    // The name that is followed, and an empty one to be shown.
    let data = [&[0, 0][..], &length, &end, &[0, 0], &name, &[0, 0, 0, 0]].concat();
    let size = u16::try_from(data.len()).expect("a length").to_le_bytes();
    let point = [&tag.to_le_bytes()[..], &size, &[0, 0], &data].concat();
    rustix::fs::setxattr(path, "system.ntfs_reparse_data", &point, XattrFlags::empty())
        .expect("a reparse point");
}

fn opened(disk: Patched) -> DiskResult<Ntfs> {
    ntfs::open(Arc::new(disk))
}

/// Where record `number` begins in an image whose $MFT begins in one piece.
fn record(base: &[u8], number: u64) -> usize {
    let number_at = |at: usize| u64::from_le_bytes(base[at..at + 8].try_into().expect("eight bytes"));
    let cluster = u64::from(base[13]) * 512;
    let at = usize::try_from(number_at(48) * cluster + number * 1024).expect("it fits");
    assert_eq!(&base[at..at + 4], b"FILE");
    at
}

/// Where an attribute of a type begins in a record.
fn attribute(base: &[u8], number: u64, kind: u8) -> usize {
    let start = record(base, number);
    let mut at = start + usize::from(base[start + 20]);
    while base[at] != kind {
        assert_ne!(base[at], 0xff, "no attribute {kind:x}");
        at += usize::from(u16::from_le_bytes([base[at + 4], base[at + 5]]));
    }
    at
}

/// Offsets of sectors that begin a structure, and of the boot sectors.
fn structures(base: &[u8]) -> Vec<(usize, usize)> {
    let mut all = vec![(0, 90), (base.len() - 512, 90)];
    for (number, sector) in base.chunks(512).enumerate() {
        match &sector[..4] {
            b"FILE" => all.push((number * 512, 1024)),
            b"INDX" => all.push((number * 512, 4096)),
            b"RSTR" => all.push((number * 512, 64)),
            _ => {}
        }
    }
    all
}

#[test]
fn damage_in_any_structure_ends_in_an_answer_or_an_error() {
    if !may_mount() {
        return;
    }
    let base = everything();
    let whole = opened(Patched::new(&base)).expect("a volume");
    let all = walk(&whole);
    assert_eq!(all.errors, []);
    assert!(all.names > 300 && all.bytes > 400_000, "{all:?}");
    let structures = structures(&base);
    let mut random = noise(2026, 1 << 20).into_iter();
    let mut number = |below: usize| {
        let bytes: Vec<u8> = random.by_ref().take(4).collect();
        u32::from_le_bytes(bytes.try_into().unwrap_or([1; 4])) as usize % below
    };
    let (mut opens, mut errors) = (0, 0);
    for _ in 0..3000 {
        let mut disk = Patched::new(&base);
        for _ in 0..=number(6) {
            let (at, length) = structures[number(structures.len())];
            // Most of what a record says is in its beginning.
            let within = if number(3) == 0 { number(length) } else { number(length.min(400)) };
            let patch = match number(6) {
                0 => vec![base[(at + within).min(base.len() - 1)] ^ (1 << number(8))],
                1 => vec![0xff; 1 + number(8)],
                2 => vec![0; 1 + number(8)],
                3 => (0x7fff_ffff_ffff_fff0_u64 + number(16) as u64).to_le_bytes().to_vec(),
                4 => u32::try_from(number(70_000)).expect("it fits").to_le_bytes().to_vec(),
                _ => vec![u8::try_from(number(256)).expect("a byte")],
            };
            disk.patches.push((at + within, patch));
        }
        if let Ok(fs) = ntfs::open(Arc::new(Budgeted::new(disk, 1 << 20, 1 << 34))) {
            opens += 1;
            errors += usize::from(!walk(&fs).errors.is_empty() || !fs.problems().is_empty());
        }
    }
    println!("{opens} could be opened, {errors} of them with errors");
    assert!(opens > 2000 && errors > 1000);
}

#[test]
fn hostile_06_every_read_may_fail() {
    if !may_mount() {
        return;
    }
    let base = everything();
    let counted = Arc::new(Patched::new(&base));
    let fs = ntfs::open(Arc::<Patched>::clone(&counted)).expect("a volume");
    let whole = walk(&fs);
    let reads = counted.reads.load(Ordering::Relaxed);
    for for_good in [false, true] {
        for fails in 0..reads {
            let disk = Patched { fails: Some(fails), for_good, ..Patched::new(&base) };
            let Ok(fs) = opened(disk) else { continue };
            let walked = walk(&fs);
            let mut told = walked.errors.into_iter().chain(fs.problems().into_iter().map(|(error, _)| error));
            let told = told.any(|error| error.reason == Reason::Unreadable);
            // A copy may have stood in for what failed.
            assert!(told || walked.names == whole.names, "read {fails} failed in silence");
        }
    }
}

#[test]
fn hostile_35_images_that_are_cut_anywhere() {
    if !may_mount() {
        return;
    }
    let base = everything();
    let full = base.len() as u64;
    for size in [0, 1, 511, 512, 1024, 4096].into_iter().chain((0..200).map(|part| full * part / 200)) {
        if let Ok(fs) = opened(Patched { size, ..Patched::new(&base) }) {
            let walked = walk(&fs);
            assert!(fs.about().notes.iter().any(|note| note.contains("ends before")), "{size}");
            assert!(walked.names > 0 || !walked.errors.is_empty(), "{size}");
        }
    }
    // The boot sector is lost; its copy at the end is not.
    let mut disk = Patched::new(&base);
    disk.patches.push((0, vec![0; 512]));
    assert!(!ntfs::detect(&disk) && ntfs::detect_copy(&disk));
    let fs = opened(disk).expect("a volume");
    assert!(fs.about().notes.iter().any(|note| note.contains("boot sector")));
    assert_eq!(walk(&fs).errors, []);
    // So is the beginning of the $MFT, which has a copy too.
    let mut disk = Patched::new(&base);
    disk.patches.push((record(&base, 0), vec![0; 4096]));
    let fs = opened(disk).expect("a volume");
    assert_eq!(walk(&fs).errors, []);
    assert!(fs.problems().iter().any(|(error, _)| error.message.contains("copy")));
    // And a volume of nothing but a boot sector and its copy.
    let mut disk = Patched::new(&base);
    disk.patches.push((512, vec![0; base.len() - 1024]));
    assert!(opened(disk).is_err());
}

#[test]
fn hostile_28_a_directory_that_lists_its_ancestor() {
    if !may_mount() {
        return;
    }
    let base = everything();
    let fs = opened(Patched::new(&base)).expect("a volume");
    let ino = |path: &str| find(&fs, path).inode;
    // The first entry of the index of `a/b` names `c`: let it name `a`.
    let root = attribute(&base, ino("a/b") & 0xffff_ffff_ffff, 0x90);
    let entry = root + usize::from(base[root + 20]) + 32;
    assert_eq!(base[entry..entry + 8], ino("a/b/c").to_le_bytes());
    let mut disk = Patched::new(&base);
    disk.patches.push((entry, ino("a").to_le_bytes().to_vec()));
    let walked = walk(&opened(disk).expect("a volume"));
    assert!(walked.names > 100);
}

#[test]
fn hostile_29_attribute_lists_and_runs() {
    if !may_mount() {
        return;
    }
    let base = everything();
    let fs = opened(Patched::new(&base)).expect("a volume");
    let links = find(&fs, "a/small").inode;
    let list = attribute(&base, links & 0xffff_ffff_ffff, 0x20);
    let resident = base[list + 8] == 0;
    assert!(!resident, "the list of 120 names does not fit into a record");
    // The clusters of the list: the first run has one byte of length and two of place.
    let pairs = list + usize::from(base[list + 32]);
    assert_eq!(base[pairs], 0x21);
    let lcn = u16::from_le_bytes([base[pairs + 2], base[pairs + 3]]);
    let entries = usize::from(lcn) * 1024;
    let cases: [(&str, Vec<Patch>); 6] = [
        // Every record that the list names is the file's own first record.
        (
            "itself",
            (0..20).map(|number| (entries + 32 * number + 16, links.to_le_bytes().to_vec())).collect(),
        ),
        ("past the end", vec![(entries + 16, vec![0xff; 6])]),
        ("no length", vec![(entries + 4, vec![0, 0])]),
        ("a negative place", vec![(pairs, vec![0x11, 0x01, 0xff, 0])]),
        ("a place that overflows", vec![(pairs, vec![0x81, 1, 255, 255, 255, 255, 255, 255, 255, 0x7f])]),
        ("of 2^63 bytes", vec![(list + 48, vec![0, 0, 0, 0, 0, 0, 0, 0x80])]),
    ];
    for (name, patches) in cases {
        let disk = Patched { patches, ..Patched::new(&base) };
        let fs = opened(disk).expect("a volume");
        let walked = walk(&fs);
        let told = walked.errors.iter().any(|error| error.reason == Reason::Corrupt);
        let counted = fs.problems().iter().any(|(error, _)| error.reason == Reason::Corrupt);
        // In a list that names itself nothing but the names of the links is missing.
        assert!(told || counted || name == "itself", "{name}");
        assert!(walked.names > 300, "{name}");
    }
    // The fix-ups of a record lie past it.
    let mut disk = Patched::new(&base);
    disk.patches.push((record(&base, links & 0xffff_ffff_ffff) + 4, vec![0xf8, 0x03]));
    let fs = opened(disk).expect("a volume");
    let error = fs.stat(NodeId { tree: 0, inode: links }).expect_err("a damaged record");
    assert_eq!(error.reason, Reason::Corrupt);
    // Runs of a file that leave the volume.
    let file = find(&fs, "a/b/c/file");
    let data = attribute(&base, file.inode & 0xffff_ffff_ffff, 0x80);
    let pairs = data + usize::from(base[data + 32]);
    for patch in [vec![0x11, 0x31, 0xff, 0], vec![0x41, 0x31, 255, 255, 255, 0x7f, 0], vec![0x18; 12]] {
        let mut disk = Patched::new(&base);
        disk.patches.push((pairs, patch));
        let fs = opened(disk).expect("a volume");
        assert_eq!(fs.content(file).expect_err("a wrong map").reason, Reason::Corrupt);
    }
}

#[test]
fn hostile_29_reparse_points_lead_in_a_circle_and_are_not_followed() {
    if !may_mount() {
        return;
    }
    let made = Made::new(8 << 20, &[]);
    {
        let mount = made.mount("");
        for (name, tag, target) in [
            ("junction", 0xa000_0003, r"\??\C:\junction"),
            ("unknown", 0x8000_1234, "x"),
            ("dedup", 0x8000_0013, "x"),
        ] {
            let path = mount.path().join(name);
            if name == "junction" {
                std::fs::create_dir(&path).expect("a directory");
            } else {
                std::fs::write(&path, "what is left").expect("a file");
            }
            reparse(&path, tag, target);
        }
    }
    let fs = made.open();
    let junction = find(&fs, "junction");
    assert_eq!(fs.stat(junction).expect("facts").file_type, FileType::Symlink);
    assert_eq!(fs.link_target(junction).expect("a target"), br"C:\junction");
    for name in ["unknown", "dedup"] {
        let error = fs.content(find(&fs, name)).expect_err("content that is elsewhere");
        assert_eq!(error.reason, Reason::Unsupported);
    }
    assert_eq!(walk(&fs).names, 3);
}

#[test]
fn hostile_41_times_and_sizes_that_cannot_be() {
    if !may_mount() {
        return;
    }
    let base = everything();
    let fs = opened(Patched::new(&base)).expect("a volume");
    let file = find(&fs, "a/b/c/file");
    let number = file.inode & 0xffff_ffff_ffff;
    let times = attribute(&base, number, 0x10) + 24;
    let data = attribute(&base, number, 0x80);
    let mut disk = Patched::new(&base);
    disk.patches
        .push((times, [vec![0; 8], vec![0xff; 8], vec![1, 0, 0, 0, 0, 0, 0, 0], vec![0x80; 8]].concat()));
    disk.patches.push((data + 48, vec![0xff; 8]));
    let fs = opened(disk).expect("a volume");
    let stat = fs.stat(file).expect("facts");
    assert_eq!((stat.btime, stat.mtime, stat.atime), (None, None, None));
    assert_eq!(stat.ctime, Some((-11_644_473_600, 100)));
    assert_eq!(stat.size, None);
    assert_eq!(fs.content(file).expect_err("no size").reason, Reason::Corrupt);
}

#[test]
fn a_damaged_block_of_an_index_loses_no_name() {
    if !may_mount() {
        return;
    }
    let base = everything();
    let fs = opened(Patched::new(&base)).expect("a volume");
    let names = |fs: &Ntfs, dir: NodeId| {
        let mut names = BTreeSet::new();
        let listed = fs.list(dir, &mut |entry| {
            assert!(names.insert(entry.name.to_vec()));
            ControlFlow::Continue(())
        });
        (names, listed.is_ok())
    };
    let many = find(&fs, "many");
    let whole = names(&fs, many);
    assert_eq!((whole.0.len(), whole.1), (180, true));
    for (at, _) in structures(&base).into_iter().filter(|(_, length)| *length == 4096) {
        let mut disk = Patched::new(&base);
        disk.patches.push((at + 510, vec![0xaa, 0xaa]));
        let fs = opened(disk).expect("a volume");
        assert_eq!(names(&fs, many).0, whole.0);
        let links = find(&fs, "a");
        assert_eq!(names(&fs, links).0.len(), 122);
    }
}

#[test]
fn a_volume_that_is_in_use_says_so() {
    if !may_mount() {
        return;
    }
    let base = everything();
    let fs = opened(Patched::new(&base)).expect("a volume");
    assert_eq!(fs.about().notes, Vec::<String>::new());
    let flags = attribute(&base, 3, 0x70) + 24 + 10;
    let mut disk = Patched::new(&base);
    disk.patches.push((flags, vec![1]));
    let fs = opened(disk).expect("a volume");
    assert_eq!(fs.about().notes, ["the volume is marked dirty"]);
    // A log whose restart areas name a client.
    let mut disk = Patched::new(&base);
    for (at, _) in structures(&base).into_iter().filter(|(_, length)| *length == 64) {
        let area = at + usize::from(base[at + 24]);
        disk.patches.push((area + 12, vec![0, 0, 0, 0]));
    }
    let forged = !disk.patches.is_empty();
    let fs = opened(disk).expect("a volume");
    assert_eq!(fs.about().notes.iter().any(|note| note.contains("$LogFile")), forged);
    // An encrypted file.
    let file = find(&fs, "a/b/c/file");
    let data = attribute(&base, file.inode & 0xffff_ffff_ffff, 0x80);
    let mut disk = Patched::new(&base);
    disk.patches.push((data + 12, vec![0, 0x40]));
    let fs = opened(disk).expect("a volume");
    assert_eq!(fs.content(file).expect_err("no key").reason, Reason::Encrypted);
    assert_eq!(
        read(&fs, &fs.content(find(&fs, "two")).expect("a content")).expect("bytes").len(),
        150 * 1024
    );
}
