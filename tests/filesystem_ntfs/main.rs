//! NTFS against ntfs-3g, another driver of it, and its tools.
#![allow(clippy::expect_used, clippy::panic, reason = "a test stops where it cannot go on")]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "numbers of small images"
)]
#![allow(clippy::print_stdout, reason = "a test that cannot be run says so")]

#[path = "../support/mod.rs"]
mod support;

mod hostile;
mod made;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use made::{Made, find, noise, read, set_attributes};
use rustix::fs::XattrFlags;
use snapsift::source::filesystem::{DeletedFile, Filesystem};
use support::filesystem::{Tree, assert_same, fill, kernels, may_mount, ours, run, text};

/// What the driver does not show: when a file was made.
fn without_btime(mut tree: Tree) -> Tree {
    for seen in tree.values_mut() {
        seen.btime = None;
    }
    tree
}

/// Both views of an image, which must be the same.
fn assert_same_as_driver(made: &Made) -> Tree {
    let fs = made.open();
    let ours = without_btime(ours(&fs));
    let problems = fs.problems();
    assert!(problems.is_empty(), "{problems:?}");
    let mount = made.mount("ro");
    assert_same(&ours, &kernels(mount.path()));
    ours
}

/// What `fill` leaves out here: names that are not UTF-8 do not exist in NTFS, owners
/// and permissions are not kept by default.
fn fill_special(root: &Path) {
    let at = |path: &str| root.join(path);
    std::fs::hard_link(at("sizes/4097"), at("hard link")).expect("a link");
    std::os::unix::fs::symlink("sizes/1", at("short link")).expect("a link");
    std::os::unix::fs::symlink("x/".repeat(100), at("long link")).expect("a link");
    std::os::unix::fs::symlink("ü/".repeat(1000), at("very long link")).expect("a link");
    run("mkfifo", &[text(&at("fifo"))]);
    run("mknod", &[text(&at("null")), "c", "1", "3"]);
    run("mknod", &[text(&at("block")), "b", "7", "0"]);
    let _socket = std::os::unix::net::UnixListener::bind(at("socket"));
    // The driver shows fractions of a second wrongly before 1970.
    run("touch", &["-d", "1921-02-03 04:05:06 UTC", text(&at("sizes/1"))]);
    run("touch", &["-d", "2039-02-03 04:05:06.123456700 UTC", text(&at("sizes/0"))]);
    // System files that are no special files.
    for (name, content) in
        [("system 1", &b"ab"[..]), ("system 2", b"IntxCHR\0 of no device"), ("system 3", &[7; 9000])]
    {
        std::fs::write(at(name), content).expect("a file");
        set_attributes(&at(name), 0x4);
    }
    // More names than a record has room for.
    std::fs::create_dir(at("names")).expect("a directory");
    std::fs::write(at("names/first"), "many names").expect("a file");
    for number in 0..150 {
        std::fs::hard_link(at("names/first"), at(&format!("names/{number} {}", "n".repeat(60))))
            .expect("a link");
    }
}

#[test]
fn all_that_a_driver_sees_in_every_cluster_size() {
    if !may_mount() {
        return;
    }
    let cases: [&[&str]; 7] = [
        &["-c", "512"],
        &["-c", "1024"],
        &["-c", "4096", "-L", "näme"],
        &["-c", "65536"],
        &["-c", "2097152"],
        &["-s", "4096", "-c", "4096"],
        &["-s", "1024", "-c", "8192"],
    ];
    for options in cases {
        let large = options.contains(&"2097152");
        let made = Made::new(if large { 1 << 30 } else { 256 << 20 }, options);
        {
            let mount = made.mount("");
            if large {
                // Every file has two megabytes here.
                std::fs::write(mount.path().join("a"), noise(1, 5 << 20)).expect("a file");
                std::fs::write(mount.path().join("b"), noise(2, 100)).expect("a file");
                std::fs::create_dir(mount.path().join("d")).expect("a directory");
                for number in 0..500 {
                    std::fs::write(mount.path().join(format!("d/{number}")), "x").expect("a file");
                }
            } else {
                fill(mount.path(), false);
                fill_special(mount.path());
            }
        }
        println!("{options:?}");
        let tree = assert_same_as_driver(&made);
        assert!(tree.len() > 500);
        let about = made.open().about().clone();
        assert_eq!(about.kind, "ntfs");
        assert_eq!(about.notes, Vec::<String>::new());
        let blkid = made.tool("blkid", &["-o", "export"]);
        let blkid = String::from_utf8_lossy(&blkid).into_owned();
        assert!(blkid.contains(&format!("UUID={}\n", about.uuid.expect("a UUID"))), "{blkid}");
        if options.contains(&"-L") {
            assert_eq!(about.label.as_deref(), Some("näme"));
        }
    }
}

#[test]
fn compressed_files_are_decoded() {
    if !may_mount() {
        return;
    }
    for cluster in ["512", "4096"] {
        let made = Made::new(256 << 20, &["-c", cluster]);
        {
            let mount = made.mount("compression");
            let dir = mount.path().join("packed");
            std::fs::create_dir(&dir).expect("a directory");
            set_attributes(&dir, 0x810);
            fill(&dir, false);
            let text: Vec<u8> = (0..200_000).flat_map(|n| format!("{n} and so on, ").into_bytes()).collect();
            std::fs::write(dir.join("text"), &text).expect("a file");
            // Units of all three kinds, a hole, and an end that was set but not written.
            let mixed = std::fs::File::create(dir.join("mixed")).expect("a file");
            mixed.write_all_at(&text[..300_000], 0).expect("data");
            mixed.write_all_at(&noise(5, 300_000), 300_000).expect("data");
            mixed.write_all_at(&[7; 200_000], 1_000_000).expect("data");
            mixed.set_len(3_000_000).expect("an end");
            for (number, length) in
                [1, 700, 4095, 4096, 4097, 65535, 65536, 65537, 131_072].into_iter().enumerate()
            {
                let name = format!("zeros and noise {number}");
                let content = [noise(number as u64, length), vec![0; 5000], noise(9, 100)].concat();
                std::fs::write(dir.join(name), content).expect("a file");
            }
        }
        assert_same_as_driver(&made);
        let fs = made.open();
        let content = fs.content(find(&fs, "packed/text")).expect("a content");
        use snapsift::source::filesystem::PieceSource;
        let encoded = content.pieces.iter().filter(|piece| matches!(piece.source, PieceSource::Encoded(_)));
        assert!(encoded.count() > 10, "nothing was compressed");
        let stat = fs.stat(find(&fs, "packed/text")).expect("facts");
        assert!(stat.stored < stat.size.expect("a size") * 3 / 4);
    }
}

#[test]
fn streams_dos_names_and_times_of_making() {
    if !may_mount() {
        return;
    }
    let made = Made::new(64 << 20, &[]);
    let big = noise(11, 3 << 20);
    let mut times = BTreeMap::new();
    {
        let mount = made.mount("streams_interface=windows");
        let at = |path: &str| mount.path().join(path);
        std::fs::write(at("file"), "its own content").expect("a file");
        std::fs::write(at("file:small"), "a secret in a stream").expect("a stream");
        std::fs::write(at("file:größer 😀"), &big).expect("a stream");
        std::fs::create_dir(at("dir")).expect("a directory");
        std::fs::write(at("dir:of a directory"), "x").expect("a stream");
        std::fs::write(at("none"), "x").expect("a file");
        std::fs::write(at("a long name with a short one"), "x").expect("a file");
        for number in 0..400 {
            std::fs::write(at(&format!("none:{number}")), noise(number, 100)).expect("a stream");
        }
    }
    {
        let mount = made.mount("");
        let long = mount.path().join("a long name with a short one");
        rustix::fs::setxattr(&long, "system.ntfs_dos_name", b"SHORT.TXT", XattrFlags::empty())
            .expect("a name");
        for name in ["file", "dir", "none"] {
            let mut bytes = [0; 8];
            rustix::fs::getxattr(mount.path().join(name), "system.ntfs_crtime_be", &mut bytes)
                .expect("a time");
            times.insert(name, u64::from_be_bytes(bytes));
        }
    }
    let fs = made.open();
    let mut ours = without_btime(ours(&fs));
    // The driver counts the short name as a link, though a walk meets one name.
    let long = ours.get_mut(&b"/a long name with a short one"[..]).expect("a file");
    assert_eq!(long.links, 1);
    long.links = 2;
    {
        let mount = made.mount("ro");
        assert_same(&ours, &kernels(mount.path()));
    }
    let file = find(&fs, "file");
    let names = |id| fs.streams(id).expect("streams").into_iter().map(|stream| (stream.name, stream.size));
    let expected = [("größer 😀", big.len() as u64), ("small", 20)];
    assert_eq!(
        names(file).collect::<BTreeMap<_, _>>(),
        expected.map(|(name, size)| (name.as_bytes().to_vec(), size)).into()
    );
    let stream =
        |id, name: &str| read(&fs, &fs.stream(id, name.as_bytes()).expect("a stream")).expect("its bytes");
    assert_eq!(stream(file, "small"), b"a secret in a stream");
    assert_eq!(stream(file, "größer 😀"), big);
    assert_eq!(stream(find(&fs, "dir"), "of a directory"), b"x");
    assert!(fs.stream(file, b"Small").is_err());
    let many = find(&fs, "none");
    assert_eq!(names(many).count(), 400);
    for number in [0, 7, 399] {
        assert_eq!(stream(many, &number.to_string()), noise(number, 100));
    }
    for (name, ticks) in times {
        let (seconds, nanoseconds) = fs.stat(find(&fs, name)).expect("facts").btime.expect("a time");
        let since = u64::try_from(seconds).expect("after 1970") * 10_000_000 + u64::from(nanoseconds / 100);
        assert_eq!(since + 116_444_736_000_000_000, ticks, "{name}");
    }
}

/// A volume whose free space was in single clusters when its files and records came.
fn fragmented() -> Made {
    let made = Made::new(40 << 20, &["-c", "512", "-z", "1"]);
    {
        let mount = made.mount("");
        let at = |path: String| mount.path().join(path);
        for number in 0..100 {
            std::fs::create_dir(at(format!("d{number}"))).expect("a directory");
        }
        let mut made = 0;
        while std::fs::write(at(format!("d{}/{made}", made % 100)), noise(made, 900)).is_ok() {
            made += 1;
        }
        // The driver does not place them one after the other: those that go are mixed.
        for number in (0..made).filter(|number| noise(*number, 9)[8] < 128) {
            std::fs::remove_file(at(format!("d{}/{number}", number % 100))).expect("deleted");
        }
    }
    {
        // What was freed may be given out once the driver starts anew.
        let mount = made.mount("");
        std::fs::write(mount.path().join("pieces"), noise(77, 5 << 20)).expect("a file");
        let mut number = 0;
        std::fs::create_dir(mount.path().join("new")).expect("a directory");
        while number < 12_000 {
            let name = format!("new/{number} with a name that makes the directory grow into pieces too");
            if std::fs::write(mount.path().join(name), "").is_err() {
                break;
            }
            number += 1;
        }
    }
    made
}

#[test]
fn files_directories_and_the_mft_in_thousands_of_pieces() {
    if !may_mount() {
        return;
    }
    let made = fragmented();
    assert_same_as_driver(&made);
    let fs = made.open();
    let pieces = fs.content(find(&fs, "pieces")).expect("a content").pieces.len();
    assert!(pieces > 1000, "the file lies in {pieces} pieces only");
    let info =
        |inode: &str| String::from_utf8_lossy(&made.tool("ntfsinfo", &["-v", "-i", inode])).into_owned();
    assert!(info("0").contains("$ATTRIBUTE_LIST"), "the $MFT is in too few pieces");
    let file = fs.stat(find(&fs, "pieces")).expect("facts").ino.to_string();
    let list = info(&file);
    let list = list.split("$ATTRIBUTE_LIST").nth(1).expect("a list");
    assert!(list.lines().take(4).any(|line| line.contains("Resident:") && line.contains("No")), "{list}");
}

#[test]
fn fifty_thousand_files_in_a_directory() {
    if !may_mount() {
        return;
    }
    let made = Made::new(256 << 20, &[]);
    {
        let mount = made.mount("");
        let dir = mount.path().join("many");
        std::fs::create_dir(&dir).expect("a directory");
        for number in 0..50_000 {
            std::fs::write(dir.join(format!("{number}")), "").expect("a file");
        }
        for number in (0..50_000).step_by(3) {
            std::fs::remove_file(dir.join(format!("{number}"))).expect("deleted");
        }
    }
    let tree = assert_same_as_driver(&made);
    assert_eq!(tree.len(), 1 + 33_333);
}

#[test]
fn deleted_files_and_free_space() {
    if !may_mount() {
        return;
    }
    let made = Made::new(64 << 20, &[]);
    let large = noise(5, 300_001);
    {
        let mount = made.mount("");
        std::fs::create_dir_all(mount.path().join("a/b")).expect("directories");
        for number in 0..20 {
            std::fs::write(mount.path().join(format!("a/b/gone {number}")), &large).expect("a file");
        }
        std::fs::write(mount.path().join("a/small"), "resident and gone").expect("a file");
        std::fs::write(mount.path().join("stays"), "x").expect("a file");
    }
    {
        let mount = made.mount("");
        std::fs::remove_dir_all(mount.path().join("a/b")).expect("deleted");
        std::fs::remove_file(mount.path().join("a/small")).expect("deleted");
    }
    let fs = made.open();
    let mut found: BTreeMap<String, DeletedFile> = BTreeMap::new();
    fs.deleted(&mut |file| {
        found.insert(String::from_utf8_lossy(&file.path).into_owned(), file);
        ControlFlow::Continue(())
    })
    .expect("all records are searched");
    // The tool names them in the same way, without directories.
    let told = String::from_utf8_lossy(&made.tool("ntfsundelete", &["-f", "-s"])).into_owned();
    let expected: Vec<String> =
        (0..20).map(|number| format!("a/b/gone {number}")).chain(["a/small".to_owned()]).collect();
    for path in &expected {
        let file = found.get(path).unwrap_or_else(|| panic!("{path} is missing: {:?}", found.keys()));
        let name = path.rsplit('/').next().expect("a name");
        let line = told.lines().find(|line| line.ends_with(name)).unwrap_or_else(|| panic!("{name}: {told}"));
        let fields: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(fields[0], file.stat.ino.to_string());
        assert_eq!(fields[5], file.content.size.to_string());
        if fields[2] == "100%" {
            let content = read(&fs, &file.content).expect("its bytes");
            assert!(content == large || content == b"resident and gone");
        }
    }
    assert!(told.lines().filter(|line| line.contains(" 100% ")).count() > 15, "{told}");
    assert!(found.keys().all(|path| expected.contains(path)), "{:?}", found.keys());

    // What is free, by the map as another tool reads it.
    let bitmap = made.tool("ntfscat", &["-i", "6"]);
    let clusters = fs.about().size / 4096;
    let bitmap = bitmap.strip_prefix(b"").unwrap_or_default();
    let expected: Vec<u64> =
        (0..clusters).filter(|cluster| bitmap[*cluster as usize / 8] >> (cluster % 8) & 1 == 0).collect();
    let mut free = Vec::new();
    fs.free(&mut |disk, range| {
        assert_eq!((disk, range.start % 4096, range.end % 4096), (0, 0, 0));
        free.extend(range.start / 4096..range.end / 4096);
        ControlFlow::Continue(())
    })
    .expect("free space");
    assert_eq!(free, expected);
    assert!(free.len() > 1000);
}

/// The content of which testdata/make-wof.sh made the compressed forms.
fn wof_content() -> Vec<u8> {
    let mut content = Vec::new();
    for number in 0..1500 {
        content.extend(format!("line {number} of a text whose square is {}\n", number * number).into_bytes());
    }
    for number in 0..4000_i32 {
        content.push(0xe8);
        content.extend((number * 7919 % 20_000_000 - 30_000).to_le_bytes());
        content.extend([0x55, 0x89]);
    }
    let mut state = 12345_u32;
    for _ in 0..20_000 {
        state = state.wrapping_mul(1_103_515_245).wrapping_add(12345) & 0x7fff_ffff;
        content.push((state >> 16) as u8);
    }
    content.extend([0; 9000]);
    content.extend(b"the end");
    content
}

#[test]
fn files_that_are_compressed_as_a_whole() {
    if !may_mount() {
        return;
    }
    let content = wof_content();
    let made = Made::new(64 << 20, &[]);
    let forms = [("xpress4k", 0_u32), ("lzx", 1), ("xpress8k", 2), ("xpress16k", 3)];
    {
        let mount = made.mount("streams_interface=windows");
        for (name, _) in forms {
            let path = mount.path().join(name);
            std::fs::File::create(&path).and_then(|file| file.set_len(content.len() as u64)).expect("a file");
            let stored = std::fs::read(Path::new("testdata/wof").join(name)).expect("a compressed form");
            std::fs::write(mount.path().join(format!("{name}:WofCompressedData")), stored).expect("a stream");
        }
        // One whose chunk lies in the record itself: raw, as long as what it gives.
        std::fs::write(mount.path().join("small"), vec![0; 20]).expect("a file");
        std::fs::write(mount.path().join("small:WofCompressedData"), "twenty bytes of text")
            .expect("a stream");
    }
    {
        let mount = made.mount("");
        for (name, algorithm) in forms.into_iter().chain([("small", 0)]) {
            let data: Vec<u8> = [1, 2, 1, algorithm].into_iter().flat_map(u32::to_le_bytes).collect();
            let point = [&0x8000_0017_u32.to_le_bytes()[..], &[16, 0, 0, 0], &data].concat();
            let path = mount.path().join(name);
            rustix::fs::setxattr(&path, "system.ntfs_reparse_data", &point, XattrFlags::empty())
                .expect("a point");
        }
    }
    let fs = made.open();
    for (name, _) in forms {
        let id = find(&fs, name);
        let stat = fs.stat(id).expect("facts");
        assert_eq!(
            (stat.size, stat.file_type),
            (Some(content.len() as u64), rustix::fs::FileType::RegularFile)
        );
        let found = read(&fs, &fs.content(id).expect("a content")).expect("bytes");
        assert!(found == content, "{name}");
        assert_eq!(fs.streams(id).expect("streams"), []);
    }
    assert_eq!(
        read(&fs, &fs.content(find(&fs, "small")).expect("a content")).expect("bytes"),
        b"twenty bytes of text"
    );
    assert!(fs.problems().is_empty());
}
