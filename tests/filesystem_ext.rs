//! ext2, ext3 and ext4, held against the kernel's mount of the same image, and
//! against `debugfs` where the kernel does not tell.
#![allow(clippy::expect_used, clippy::panic, reason = "a test stops where it cannot go on")]

mod support;

use std::collections::BTreeMap;
use std::fs::File;
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use snapsift::finding::Reason;
use snapsift::source::disk::{Disk, FileDisk};
use snapsift::source::filesystem::ext::{self, Ext};
use snapsift::source::filesystem::{Content, ContentReader, Filesystem, NodeId, PieceSource};
use support::filesystem::{Mount, assert_same, fill, image, kernels, may_mount, ours, run, text};

/// A folder for an image, and the image's path.
struct Image {
    folder: tempfile::TempDir,
    path: PathBuf,
}

impl Image {
    /// Makes a filesystem with `mke2fs` in an image of so many bytes.
    fn new(size: u64, options: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("image");
        image(&path, size);
        let made = Self { folder, path };
        let mut arguments = vec!["-q", "-F", "-E", "lazy_itable_init=1"];
        arguments.extend(options);
        arguments.push(text(&made.path));
        run("mke2fs", &arguments);
        made
    }

    fn mount(&self, options: &str) -> Mount {
        Mount::new(&self.path, &self.folder.path().join("mount"), options)
    }

    fn open(&self) -> Ext {
        open(&self.path)
    }

    /// Another image, a copy of this one as it is.
    fn copy(&self) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("image");
        run("cp", &["--sparse=always", text(&self.path), text(&path)]);
        Self { folder, path }
    }

    fn debugfs(&self, request: &str) -> String {
        let told = Command::new("/usr/sbin/debugfs").args(["-w", "-R", request]).arg(&self.path).output();
        String::from_utf8_lossy(&told.expect("debugfs").stdout).into_owned()
    }

    /// Writes bytes into the image.
    fn write(&self, offset: u64, bytes: &[u8]) {
        let file = File::options().write(true).open(&self.path).expect("the image");
        file.write_all_at(bytes, offset).expect("written");
    }
}

fn disk(path: &Path) -> Arc<dyn Disk> {
    let file = File::open(path).expect("an image");
    let size = file.metadata().expect("facts").len();
    Arc::new(FileDisk::new(file, size))
}

fn open(path: &Path) -> Ext {
    ext::open(disk(path)).expect("a filesystem")
}

/// No checksum was wrong, nothing was missing.
fn assert_sound(filesystem: &Ext) {
    assert_eq!(filesystem.problems(), []);
}

/// Fills an image of the features, and compares it with the kernel's view.
fn same_as_kernel(size: u64, options: &[&str]) -> Image {
    let image = Image::new(size, options);
    if !may_mount() {
        return image;
    }
    let mount = image.mount("");
    fill(mount.path(), true);
    drop(mount);
    let mount = image.mount("ro");
    let theirs = kernels(mount.path());
    drop(mount);
    let filesystem = image.open();
    assert_same(&ours(&filesystem), &theirs);
    assert_sound(&filesystem);
    same_free_blocks(&image, &filesystem);
    image
}

/// Our free ranges against those that `dumpe2fs` tells.
fn same_free_blocks(image: &Image, filesystem: &Ext) {
    let told = Command::new("/usr/sbin/dumpe2fs").arg(&image.path).output().expect("dumpe2fs");
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    let (head, groups) = told.split_once("\n\n\n").or_else(|| told.split_once("\n\nGroup")).expect("groups");
    let size = u64::from(filesystem.about().block_size);
    // Of the last cluster of a range only the first block is told.
    let cluster = head.lines().find_map(|line| line.strip_prefix("Cluster size:"));
    let more = cluster.map_or(1, |bytes| bytes.trim().parse::<u64>().expect("a size") / size);
    let all = filesystem.about().size / size;
    let mut theirs: Vec<(u64, u64)> = Vec::new();
    for line in groups.lines().filter_map(|line| line.trim().strip_prefix("Free blocks: ")) {
        for range in line.split(", ").filter(|range| !range.is_empty()) {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let (first, last): (u64, u64) = (first.parse().expect("a block"), last.parse().expect("a block"));
            let (start, end) = (first * size, (last + more).min(all) * size);
            match theirs.last_mut() {
                Some(before) if before.1 == start => before.1 = end,
                _ => theirs.push((start, end)),
            }
        }
    }
    let mut ours = Vec::new();
    let told = filesystem.free(&mut |_, range| {
        ours.push((range.start, range.end));
        ControlFlow::Continue(())
    });
    told.expect("free space");
    assert_eq!(ours, theirs);
}

#[test]
fn ext4_as_it_is_made() {
    let image = same_as_kernel(
        300 << 20,
        &["-t", "ext4", "-b", "4096", "-L", "the label", "-U", "01234567-89ab-cdef-0123-456789abcdef"],
    );
    let filesystem = image.open();
    let about = filesystem.about();
    assert_eq!((about.kind, about.block_size, about.size), ("ext4", 4096, 300 << 20));
    assert_eq!(about.label.as_deref(), Some("the label"));
    assert_eq!(about.uuid.as_deref(), Some("01234567-89ab-cdef-0123-456789abcdef"));
    assert!(about.notes.is_empty(), "{:?}", about.notes);
}

#[test]
fn ext4_with_blocks_of_1024_bytes() {
    same_as_kernel(200 << 20, &["-t", "ext4", "-b", "1024"]);
}

#[test]
fn ext4_with_blocks_of_2048_bytes_and_without_checksums_or_64_bits() {
    same_as_kernel(200 << 20, &["-t", "ext4", "-b", "2048", "-O", "^metadata_csum,^64bit"]);
}

#[test]
fn ext4_with_old_checksums_of_groups() {
    same_as_kernel(200 << 20, &["-t", "ext4", "-O", "^metadata_csum,uninit_bg", "-b", "1024"]);
}

#[test]
fn ext4_with_small_inodes() {
    same_as_kernel(200 << 20, &["-t", "ext4", "-b", "4096", "-I", "128"]);
}

#[test]
fn ext4_with_large_inodes_and_inline_data() {
    same_as_kernel(200 << 20, &["-t", "ext4", "-b", "4096", "-I", "1024", "-O", "inline_data"]);
}

#[test]
fn ext4_with_inline_data() {
    let image = same_as_kernel(200 << 20, &["-t", "ext4", "-b", "4096", "-O", "inline_data"]);
    assert!(image.debugfs("stat /sizes/159").contains("Inode: "));
}

#[test]
fn ext4_with_clusters() {
    same_as_kernel(300 << 20, &["-t", "ext4", "-b", "4096", "-O", "bigalloc", "-C", "65536"]);
}

#[test]
fn ext4_with_clusters_of_small_blocks() {
    same_as_kernel(200 << 20, &["-t", "ext4", "-O", "bigalloc", "-b", "1024", "-C", "8192"]);
}

#[test]
fn ext4_with_indirect_blocks() {
    same_as_kernel(200 << 20, &["-t", "ext4", "-O", "^extent,^64bit,^flex_bg", "-b", "1024"]);
}

#[test]
fn ext4_without_a_journal() {
    same_as_kernel(200 << 20, &["-t", "ext4", "-b", "4096", "-O", "^has_journal"]);
}

#[test]
fn ext4_with_groups_of_descriptors_and_without_resize() {
    same_as_kernel(300 << 20, &["-t", "ext4", "-b", "1024", "-O", "meta_bg,^resize_inode"]);
}

#[test]
fn ext4_with_two_copies_of_its_superblock() {
    same_as_kernel(300 << 20, &["-t", "ext4", "-b", "1024", "-O", "sparse_super2,^resize_inode"]);
}

#[test]
fn ext4_with_features_that_change_nothing_here() {
    let features =
        "casefold,quota,project,verity,encrypt,large_dir,ea_inode,orphan_file,metadata_csum_seed,mmp";
    // The first four the kernel need not know; the rest is compared with it.
    let known = features.split_once("verity,").expect("features").1;
    same_as_kernel(200 << 20, &["-t", "ext4", "-O", known, "-b", "4096"]);
    let image = Image::new(64 << 20, &["-t", "ext4", "-O", features]);
    let filesystem = image.open();
    assert_eq!(ours(&filesystem).keys().collect::<Vec<_>>(), [&b"/lost+found".to_vec()]);
    assert_sound(&filesystem);
}

#[test]
fn ext3() {
    let image = same_as_kernel(200 << 20, &["-t", "ext3", "-b", "4096"]);
    assert_eq!(image.open().about().kind, "ext3");
}

#[test]
fn ext2() {
    let image = same_as_kernel(200 << 20, &["-t", "ext2", "-b", "1024"]);
    assert_eq!(image.open().about().kind, "ext2");
}

#[test]
fn ext2_of_the_first_revision() {
    same_as_kernel(200 << 20, &["-t", "ext2", "-r", "0", "-O", "none", "-I", "128"]);
}

/// Runs a script in Python, for what the standard library has no call for.
fn python(script: &str, arguments: &[&str]) {
    run("python3", &[&["-c", script], arguments].concat());
}

/// What an inode of that path is.
fn find(filesystem: &Ext, path: &str) -> NodeId {
    path.split('/').fold(filesystem.root(), |dir, name| {
        let mut found = None;
        let told = filesystem.list(dir, &mut |entry| {
            if entry.name == name.as_bytes() {
                found = Some(entry.id);
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        });
        told.expect("a directory");
        found.unwrap_or_else(|| panic!("{path} is not there"))
    })
}

fn read_all(filesystem: &Ext, content: &Content) -> Vec<u8> {
    let reader = ContentReader::new(filesystem, content);
    let mut bytes = vec![0; usize::try_from(content.size).expect("small")];
    let mut at = 0;
    while at < bytes.len() {
        let read = reader.read_at(&mut bytes[at..], at as u64).expect("bytes");
        assert!(read > 0);
        at += read;
    }
    bytes
}

/// Compares an image with the kernel's view of it after `change` was done to it.
fn same_after(image: &Image, options: &str, change: impl FnOnce(&Path)) -> Ext {
    let mount = image.mount(options);
    change(mount.path());
    drop(mount);
    let mount = image.mount("ro");
    let theirs = kernels(mount.path());
    drop(mount);
    let filesystem = image.open();
    assert_same(&ours(&filesystem), &theirs);
    assert_sound(&filesystem);
    filesystem
}

#[test]
fn a_directory_of_50_000_files() {
    if !may_mount() {
        return;
    }
    let image = Image::new(100 << 20, &["-t", "ext4", "-b", "1024", "-O", "large_dir", "-N", "51000"]);
    same_after(&image, "", |root| {
        std::fs::create_dir(root.join("d")).expect("a directory");
        for number in 0..50_000 {
            File::create(root.join(format!("d/a file with a name of some length {number}"))).expect("a file");
        }
    });
}

#[test]
fn a_deep_extent_tree_and_space_that_was_never_written() {
    if !may_mount() {
        return;
    }
    let image = Image::new(150 << 20, &["-t", "ext4", "-b", "1024"]);
    let filesystem = same_after(&image, "", |root| {
        let file = File::create(root.join("fragments")).expect("a file");
        for step in 0..30_000_u64 {
            file.write_all_at(&[step.to_le_bytes()[0]; 1024], step * 2048).expect("data");
        }
        let script = "import os,sys\nf=os.open(sys.argv[1],os.O_CREAT|os.O_RDWR)\nos.posix_fallocate(f,0,5000000)\n\
                      os.pwrite(f,b'x'*3000,1000000)\nos.pwrite(f,b'y'*3000,6000000)";
        python(script, &[text(&root.join("unwritten"))]);
    });
    let fragments = filesystem.content(find(&filesystem, "fragments")).expect("a content");
    assert_eq!(fragments.pieces.len(), 30_000);
    assert!(image.debugfs("stat /fragments").contains("ETB2"), "the tree is deep");
    let unwritten = filesystem.content(find(&filesystem, "unwritten")).expect("a content");
    let bytes = |wanted: fn(&PieceSource) -> bool| -> u64 {
        unwritten.pieces.iter().filter(|piece| wanted(&piece.source)).map(|piece| piece.length).sum()
    };
    assert!(bytes(|source| *source == PieceSource::Unwritten) > 4_900_000);
    assert!(bytes(|source| matches!(source, PieceSource::Stored(_))) < 20_000);
}

#[test]
fn three_levels_of_indirect_blocks() {
    if !may_mount() {
        return;
    }
    let image = Image::new(60 << 20, &["-t", "ext2", "-b", "1024"]);
    same_after(&image, "", |root| {
        let file = File::create(root.join("sparse")).expect("a file");
        for at in
            [0, 11 << 10, 12 << 10, 267 << 10, 268 << 10, 40 << 20, (64 << 20) + (268 << 10) - 3, 300 << 20]
        {
            file.write_all_at(b"data at a border", at).expect("data");
        }
        file.set_len((310 << 20) + 5).expect("a hole");
    });
}

#[test]
fn content_in_the_inode_beside_other_attributes() {
    if !may_mount() {
        return;
    }
    let image = Image::new(50 << 20, &["-t", "ext4", "-b", "4096", "-I", "512", "-O", "inline_data"]);
    same_after(&image, "", |root| {
        let script = "import os,sys\nos.chdir(sys.argv[1])\nfor n in range(0,400,7):\n open(f'{n}','w').close()\n \
                      os.setxattr(f'{n}','user.first',b'f'*(n%50))\n open(f'{n}','w').write('z'*n)\n \
                      os.setxattr(f'{n}','user.a later one',b'l'*20)";
        python(script, &[text(root)]);
        let grown = root.join("grown");
        std::fs::write(&grown, "small").expect("a file");
        File::options().write(true).open(&grown).expect("a file").set_len(10_000).expect("larger");
        for number in 0..40 {
            let dir = root.join(format!("dir {number}"));
            std::fs::create_dir(&dir).expect("a directory");
            (0..number).for_each(|n| std::fs::write(dir.join(format!("file {n}")), "x").expect("a file"));
            (0..number)
                .step_by(3)
                .for_each(|n| std::fs::remove_file(dir.join(format!("file {n}"))).expect("gone"));
        }
    });
}

#[test]
fn links_as_long_as_a_block_and_times_at_both_ends() {
    if !may_mount() {
        return;
    }
    for inode_size in ["128", "256"] {
        let image = Image::new(50 << 20, &["-t", "ext4", "-b", "4096", "-I", inode_size]);
        same_after(&image, "", |root| {
            for length in [1, 58, 59, 60, 61, 62, 500, 4095] {
                std::os::unix::fs::symlink("t".repeat(length), root.join(format!("link {length}")))
                    .expect("a link");
            }
            // An attribute block beside a target in the inode.
            let script =
                "import os,sys\nos.setxattr(sys.argv[1],'trusted.large',b'a'*2000,follow_symlinks=False)";
            python(script, &[text(&root.join("link 58"))]);
            for date in [
                "1901-12-14 00:00:00.5",
                "1969-12-31 23:59:59.999999999",
                "2038-01-19 03:14:08",
                "2106-02-07 06:28:16",
                "2242-03-16 12:56:32",
                "2446-05-10 22:38:55.25",
            ] {
                let path = root.join(date.replace('/', "-"));
                std::fs::write(&path, "x").expect("a file");
                run("touch", &["-d", &format!("{date} UTC"), text(&path)]);
            }
        });
    }
}

/// Changes that leave something to do for a recovery: blocks that are written in
/// several transactions, some revoked, some of them data afterwards.
fn change(root: &Path) {
    let at = |path: &str| root.join(path);
    let sync = || run("sync", &["-f", text(root)]);
    for round in 0..4 {
        let dir = at(&format!("round {round}"));
        std::fs::create_dir(&dir).expect("a directory");
        for number in 0..200 {
            let content = format!("{round} {number} ").repeat(300);
            std::fs::write(dir.join(format!("file {number}")), content).expect("a file");
        }
        // Content that begins as a block of the journal does.
        let magic = [&[0xc0, 0x3b, 0x39, 0x98][..], &[round; 8188]].concat();
        std::fs::write(dir.join("magic"), magic).expect("a file");
        sync();
        if round > 0 {
            // Blocks of a directory that is gone may hold content next.
            std::fs::remove_dir_all(at(&format!("round {}", round - 1))).expect("gone");
            std::fs::rename(dir.join("file 7"), at(&format!("renamed {round}"))).expect("renamed");
            std::fs::write(at(&format!("large {round}")), vec![round; 3 << 20]).expect("a file");
        }
        File::options().write(true).open(dir.join("file 9")).expect("a file").set_len(100).expect("cut");
        sync();
    }
}

/// An image that is copied while it is mounted reads as the kernel sees it after it
/// has replayed the journal.
fn same_after_recovery(options: &[&str], mounted: &str, replays: bool) {
    if !may_mount() {
        return;
    }
    let all = [&["-E", "lazy_itable_init=0,lazy_journal_init=0"], options].concat();
    let image = Image::new(64 << 20, &all);
    let mount = image.mount(mounted);
    change(mount.path());
    let copy = image.copy();
    let before = copy.copy();
    drop(mount);
    let mount = copy.mount("");
    drop(mount);
    let mount = copy.mount("ro");
    let theirs = kernels(mount.path());
    drop(mount);
    let filesystem = before.open();
    assert_same(&ours(&filesystem), &theirs);
    assert_sound(&filesystem);
    let notes = &filesystem.about().notes;
    assert_eq!(notes.iter().any(|note| note.contains("the journal was replayed")), replays, "{notes:?}");
    assert!(theirs.contains_key(&b"/round 3/magic"[..]));
}

#[test]
fn unclean_ext4() {
    same_after_recovery(&["-t", "ext4", "-b", "4096"], "", true);
}

#[test]
fn unclean_ext4_with_all_data_in_the_journal() {
    same_after_recovery(&["-t", "ext4", "-b", "1024", "-J", "size=8"], "data=journal", true);
}

#[test]
fn unclean_ext4_whose_journal_has_no_checksums() {
    same_after_recovery(&["-t", "ext4", "-b", "1024", "-O", "^metadata_csum,^64bit"], "data=journal", true);
}

#[test]
fn unclean_ext4_whose_transactions_have_checksums() {
    let options = ["-t", "ext4", "-b", "1024", "-O", "^metadata_csum"];
    same_after_recovery(&options, "journal_checksum,data=journal", true);
    same_after_recovery(&options, "journal_async_commit,data=writeback", true);
}

#[test]
fn unclean_ext3_with_a_small_journal_that_goes_around() {
    same_after_recovery(&["-t", "ext3", "-b", "1024", "-J", "size=1"], "", true);
}

#[test]
fn unclean_ext2_has_nothing_to_replay() {
    same_after_recovery(&["-t", "ext2", "-b", "1024"], "", false);
}

#[test]
fn a_journal_written_with_each_kind_of_checksum() {
    // `debugfs` writes transactions without doing them.
    for (version, features) in [
        ("1", "^metadata_csum"),
        ("2", "metadata_csum"),
        ("3", "metadata_csum"),
        ("3", "metadata_csum,^64bit"),
    ] {
        let image = Image::new(16 << 20, &["-t", "ext4", "-b", "1024", "-O", features]);
        let block = image.folder.path().join("block");
        // A file whose only block is written anew through the journal, twice.
        let content = image.folder.path().join("content");
        std::fs::write(&content, [b'o'; 1024]).expect("a file");
        image.debugfs(&format!("write {} file", text(&content)));
        let number = image.debugfs("bmap file 0").trim().to_owned();
        for fill in [&b"first"[..], &[0xc0, 0x3b, 0x39, 0x98]] {
            let bytes: Vec<u8> = fill.iter().copied().cycle().take(1024).collect();
            std::fs::write(&block, bytes).expect("a block");
            let script = format!("jo -c -v {version}\njw -b {number} {}\njc\n", text(&block));
            let script_path = image.folder.path().join("script");
            std::fs::write(&script_path, script).expect("a script");
            run("debugfs", &["-w", "-f", text(&script_path), text(&image.path)]);
        }
        let filesystem = image.open();
        let told = filesystem.content(find(&filesystem, "file")).expect("a content");
        let bytes = read_all(&filesystem, &told);
        assert_eq!(bytes[..8], [0xc0, 0x3b, 0x39, 0x98, 0xc0, 0x3b, 0x39, 0x98], "version {version}");
        assert_sound(&filesystem);
        let copy = image.copy();
        let _ = Command::new("/usr/sbin/e2fsck").args(["-fy", text(&copy.path)]).output();
        let recovered = copy.open();
        assert!(recovered.about().notes.is_empty(), "{:?}", recovered.about().notes);
        let told = recovered.content(find(&recovered, "file")).expect("a content");
        assert_eq!(read_all(&recovered, &told), bytes, "version {version}");
    }
}

/// Deleted files by path, with what is left of their content.
fn deleted(filesystem: &Ext) -> BTreeMap<String, (Content, Vec<u8>)> {
    let mut found = BTreeMap::new();
    let told = filesystem.deleted(&mut |file| {
        let bytes = read_all(filesystem, &file.content);
        found.insert(String::from_utf8_lossy(&file.path).into_owned(), (file.content, bytes));
        ControlFlow::Continue(())
    });
    told.expect("deleted files");
    found
}

#[test]
fn deleted_files_are_found_in_the_journal() {
    if !may_mount() {
        return;
    }
    for options in [
        &["-b", "4096"][..],
        &["-b", "1024", "-O", "^metadata_csum,^64bit"],
        &["-b", "1024", "-O", "^extent,^64bit"],
        &["-b", "4096", "-O", "inline_data"],
        &["-b", "4096", "-O", "bigalloc", "-C", "16384"],
    ] {
        let image = Image::new(64 << 20, &[&["-t", "ext4"], options].concat());
        let mount = image.mount("");
        let root = mount.path();
        let content =
            |number: usize| format!("the content of {number}\n").repeat(number * 37 + 1).into_bytes();
        std::fs::create_dir_all(root.join("kept/gone/below")).expect("directories");
        let mut expected: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        for number in 0..30 {
            for dir in ["kept", "kept/gone", "kept/gone/below"] {
                let name = format!("{dir}/file {number}");
                std::fs::write(root.join(&name), content(number)).expect("a file");
                if dir != "kept" || number % 3 == 0 {
                    expected.insert(format!("/{name}"), content(number));
                }
            }
        }
        run("sync", &["-f", text(root)]);
        std::fs::remove_dir_all(root.join("kept/gone")).expect("gone");
        for number in (0..30).step_by(3) {
            std::fs::remove_file(root.join(format!("kept/file {number}"))).expect("gone");
        }
        run("sync", &["-f", text(root)]);
        drop(mount);
        let filesystem = image.open();
        let found = deleted(&filesystem);
        for (path, bytes) in &expected {
            let (_, read) =
                found.get(path).unwrap_or_else(|| panic!("{options:?}: {path} in {:?}", found.keys()));
            assert!(read == bytes, "{options:?}: {path}: {} bytes of {}", read.len(), bytes.len());
        }
        assert!(found.contains_key("/kept/gone") && found.contains_key("/kept/gone/below"), "{options:?}");
        assert_eq!(found.len(), expected.len() + 2, "{options:?}: {:?}", found.keys());
        assert_sound(&filesystem);
    }
}

#[test]
fn deleted_files_whose_inode_was_given_out_again() {
    if !may_mount() {
        return;
    }
    let image = Image::new(64 << 20, &["-t", "ext4", "-b", "4096"]);
    let mount = image.mount("");
    std::fs::write(mount.path().join("old name"), vec![b'o'; 50_000]).expect("a file");
    let inode =
        std::os::unix::fs::MetadataExt::ino(&mount.path().join("old name").metadata().expect("facts"));
    run("sync", &["-f", text(mount.path())]);
    std::fs::remove_file(mount.path().join("old name")).expect("gone");
    run("sync", &["-f", text(mount.path())]);
    std::fs::write(mount.path().join("new name"), "n").expect("a file");
    let again =
        std::os::unix::fs::MetadataExt::ino(&mount.path().join("new name").metadata().expect("facts"));
    assert_eq!(inode, again, "the kernel gives out the lowest number");
    run("sync", &["-f", text(mount.path())]);
    drop(mount);
    let found = deleted(&image.open());
    assert_eq!(found.keys().collect::<Vec<_>>(), ["/old name"]);
    let bytes = &found["/old name"].1;
    // The first of its blocks may be of the new file.
    assert!(bytes.iter().filter(|byte| **byte == b'o').count() >= 45_000);
}

#[test]
fn deleted_names_in_directories_and_maps_that_were_left() {
    // Older kernels, and `debugfs`, leave both.
    let image = Image::new(16 << 20, &["-t", "ext2", "-b", "1024"]);
    let content = image.folder.path().join("content");
    let bytes: Vec<u8> = (0..30_000_u32).map(|at| at.to_le_bytes()[1] ^ at.to_le_bytes()[0]).collect();
    std::fs::write(&content, &bytes).expect("a file");
    for name in ["first", "second", "third"] {
        image.debugfs(&format!("write {} {name}", text(&content)));
    }
    image.debugfs("rm second");
    image.debugfs("kill_file third");
    image.debugfs("unlink third");
    let found = deleted(&image.open());
    assert_eq!(found.keys().collect::<Vec<_>>(), ["/second", "/third"]);
    assert!(found.values().all(|(_, read)| *read == bytes));
}

#[test]
fn a_file_that_was_deleted_while_open() {
    if !may_mount() {
        return;
    }
    let image = Image::new(64 << 20, &["-t", "ext4", "-b", "4096"]);
    let mount = image.mount("");
    let path = mount.path().join("open");
    std::fs::write(&path, vec![b'q'; 20_000]).expect("a file");
    let file = File::open(&path).expect("a file");
    run("sync", &["-f", text(mount.path())]);
    std::fs::remove_file(&path).expect("gone");
    run("sync", &["-f", text(mount.path())]);
    let copy = image.copy();
    drop(file);
    drop(mount);
    let found = deleted(&copy.open());
    assert_eq!(found["/open"].1, vec![b'q'; 20_000]);
}

#[test]
fn hostile_36_encrypted_directories() {
    if !may_mount() {
        return;
    }
    let image = Image::new(64 << 20, &["-t", "ext4", "-b", "4096", "-O", "encrypt"]);
    let mount = image.mount("test_dummy_encryption=v2");
    let dir = mount.path().join("secret");
    std::fs::create_dir(&dir).expect("a directory");
    for number in 0..20 {
        std::fs::write(dir.join(format!("file {number}")), "secret").expect("a file");
    }
    std::os::unix::fs::symlink("target", dir.join("link")).expect("a link");
    drop(mount);
    let filesystem = image.open();
    let dir = find(&filesystem, "secret");
    let mut ids = Vec::new();
    let told = filesystem.list(dir, &mut |entry| {
        assert!(entry.name.iter().all(u8::is_ascii_graphic));
        ids.push(entry.id);
        ControlFlow::Continue(())
    });
    assert_eq!(told.expect_err("encrypted").reason, Reason::Encrypted);
    assert_eq!(ids.len(), 21);
    let mut links = 0;
    for id in ids {
        let told = match filesystem.stat(id).expect("facts").file_type {
            rustix::fs::FileType::Symlink => {
                links += 1;
                filesystem.link_target(id).map(|_| ())
            }
            _ => filesystem.content(id).map(|_| ()),
        };
        assert_eq!(told.expect_err("encrypted").reason, Reason::Encrypted);
    }
    assert_eq!(links, 1);
    assert_sound(&filesystem);
}

#[test]
fn a_broken_superblock_and_broken_descriptors() {
    for (block, options) in [
        (1024, &["-b", "1024"][..]),
        (4096, &["-b", "4096"]),
        (1024, &["-b", "1024", "-O", "sparse_super2"]),
        (4096, &["-b", "4096", "-O", "^metadata_csum"]),
        (1024, &["-b", "1024", "-O", "meta_bg,^resize_inode"]),
        (1024, &["-b", "1024", "-O", "bigalloc", "-C", "16384"]),
    ] {
        let image = Image::new(512 << 20, &[&["-t", "ext4"], options].concat());
        let content = image.folder.path().join("content");
        std::fs::write(&content, vec![b'c'; 9000]).expect("a file");
        image.debugfs(&format!("write {} file", text(&content)));
        let before = ours(&image.open());
        assert!(before.contains_key(&b"/file"[..]));
        let kept = File::open(&image.path).expect("the image");
        let mut first = vec![0; 1024];
        kept.read_exact_at(&mut first, 1024).expect("a superblock");
        for (damage, from, length) in
            [("superblock", 1024, 1024), ("magic", 1024 + 0x38, 2), ("geometry", 1024 + 0x18, 8)]
        {
            image.write(from, &vec![0; length]);
            if damage == "geometry" {
                image.write(from, &[0xff; 8]);
            }
            let disk = disk(&image.path);
            assert!(ext::detect(&*disk) || ext::detect_copy(&*disk), "{options:?} {damage}");
            let filesystem = open(&image.path);
            assert_same(&ours(&filesystem), &before);
            let notes = &filesystem.about().notes;
            assert!(
                notes.iter().any(|note| note.contains("copy of the superblock")),
                "{options:?}: {notes:?}"
            );
            image.write(1024, &first);
        }
        // Descriptors lie behind the superblock.
        let at = if block == 1024 { 2048 } else { 4096 };
        image.write(at, &vec![0; 1024]);
        let filesystem = image.open();
        assert_same(&ours(&filesystem), &before);
        assert!(!filesystem.problems().is_empty());
    }
}

#[test]
fn another_programs_view_of_the_free_and_the_deleted() {
    // A filesystem without anything has the same free blocks for both, in every form.
    for options in [
        &["-t", "ext4", "-b", "1024"][..],
        &["-t", "ext4", "-b", "1024", "-O", "uninit_bg,^metadata_csum"],
        &["-t", "ext4", "-b", "1024", "-O", "^flex_bg"],
        &["-t", "ext4", "-b", "1024", "-O", "meta_bg,^resize_inode"],
        &["-t", "ext4", "-b", "1024", "-O", "^flex_bg,meta_bg,^resize_inode"],
        &["-t", "ext2", "-b", "1024"],
        &["-t", "ext4", "-b", "1024", "-O", "^flex_bg,sparse_super2"],
        &["-t", "ext4", "-b", "1024", "-O", "^flex_bg,bigalloc", "-C", "4096"],
    ] {
        let image = Image::new(700 << 20, options);
        let filesystem = image.open();
        same_free_blocks(&image, &filesystem);
        assert_sound(&filesystem);
        assert!(deleted(&filesystem).is_empty());
    }
}
