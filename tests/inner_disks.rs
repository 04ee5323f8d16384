//! Disks that lie as files on others: their files are scanned, with the way to each. The
//! images are made by the programs that people make them with.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by a panic")]

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use snapsift::finding::{Finding, Reason, Record};
use snapsift::pipeline::ScanOptions;
use support::whole::{Scanned, options, planted, scan, scan_with};

/// Runs a shell script in a directory; it must succeed.
fn sh(dir: &Path, script: &str) {
    let script = format!("export PATH=$PATH:/usr/sbin:/sbin; {script}");
    let output = Command::new("bash").args(["-euo", "pipefail", "-c", &script]).current_dir(dir).output();
    let output = output.expect("bash runs");
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A directory with a tree `disk` that is to be on a disk, and an empty one, `out`.
fn sources() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    let write = |path: &str, text: String| {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(path, text).expect("a file");
    };
    write("disk/etc/app.env", format!("A=1\nB=2\nTOKEN={}\n", planted(1)));
    write("disk/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n".to_owned());
    write("disk/srv/second.txt", format!("{}\n", planted(2)));
    sh(
        dir.path(),
        "mkdir out; tar czf disk/srv/a.tgz -C disk etc/app.env; ln disk/etc/app.env disk/etc/linked",
    );
    dir
}

/// `out/disk.raw`: one partition with an ext4 of the tree.
const PARTITIONED: &str = "
    mke2fs -q -t ext4 -d disk part.ext4 16M
    truncate -s 20M out/disk.raw
    echo 'label: gpt
start=2048, size=32768, type=linux' | sfdisk -q out/disk.raw
    dd if=part.ext4 of=out/disk.raw bs=1M seek=1 conv=notrunc,sparse status=none
    ";

fn places(scanned: &Scanned) -> Vec<String> {
    let place = |finding: &&Finding| {
        let location = &finding.location;
        format!("{}:{}:{}", location.whole_path(), location.line, location.column)
    };
    scanned.findings().iter().map(place).collect()
}

/// What is found of the tree in an image.
fn expected(way: &str) -> Vec<String> {
    ["/etc/app.env:3:7", "/srv/a.tgz → etc/app.env:3:7", "/srv/second.txt:1:1"]
        .iter()
        .map(|place| format!("{way}{place}"))
        .collect()
}

#[test]
fn each_kind_of_image_is_scanned_as_a_disk() {
    let dir = sources();
    sh(
        dir.path(),
        &format!(
            "{PARTITIONED}
            for kind in qcow2 vmdk vdi vpc vhdx; do qemu-img convert -O $kind out/disk.raw out/disk.$kind; done
            qemu-img convert -c -O qcow2 out/disk.raw out/small.qcow2"
        ),
    );
    let scanned = scan(&dir.path().join("out"));
    let names = ["disk.qcow2", "disk.raw", "disk.vdi", "disk.vhdx", "disk.vmdk", "disk.vpc", "small.qcow2"];
    let all: Vec<String> =
        names.iter().flat_map(|name| expected(&format!("/{name} → partition 1 → ext4:"))).collect();
    assert_eq!(places(&scanned), all, "{:?}", scanned.problems());
    assert!(scanned.summary.complete, "{:?}", scanned.problems());
    let inside = &scanned.coverage().inside;
    // Each disk and each archive; four files and the member of the archive.
    assert_eq!((inside.opened, inside.members_scanned), (21, 28), "{inside:?}");
    assert_eq!(inside.left_out[&Reason::HardLink].files, 7);
    assert_eq!(scanned.coverage().files_seen, 7);
    let finding = scanned.findings()[0];
    let kinds: Vec<&str> = finding.location.provenance.iter().map(|step| step.kind.as_str()).collect();
    assert_eq!(kinds, ["directory", "inner_disk", "partition", "filesystem", "member"]);
    let member = finding.file.as_ref().and_then(|file| file.member.as_ref()).expect("facts");
    // By the passwd of the disk.
    assert_eq!((member.uid, member.owner.as_deref()), (Some(0), Some("root")));
}

#[test]
fn a_disk_on_a_disk_on_a_disk() {
    let dir = sources();
    sh(
        dir.path(),
        &format!(
            "{PARTITIONED}
            mkdir -p host/var/lib host/root/.ssh host/etc; qemu-img convert -O qcow2 out/disk.raw host/var/lib/vm.qcow2
            rm out/disk.raw; printf 'root:x:0:0::/root:/bin/sh\\n' > host/etc/passwd; echo host > host/etc/hostname
            mke2fs -q -t ext4 -d host host.ext4 64M; mkdir outer; cp host.ext4 outer/
            mke2fs -q -t ext4 -d outer out/outer.ext4 90M"
        ),
    );
    // From a directory.
    let scanned = scan(&dir.path().join("out"));
    let way = "/outer.ext4 → ext4:/host.ext4 → ext4:/var/lib/vm.qcow2 → partition 1 → ext4:";
    assert_eq!(places(&scanned), expected(way), "{:?}", scanned.problems());
    assert!(!scanned.records.iter().any(|record| matches!(record, Record::Machine(_))));
    // As an image: the outermost is the target itself.
    let scanned = scan(&dir.path().join("out/outer.ext4"));
    let way = "/host.ext4 → ext4:/var/lib/vm.qcow2 → partition 1 → ext4:";
    assert_eq!(places(&scanned), expected(way), "{:?}", scanned.problems());
    assert!(scanned.summary.complete, "{:?}", scanned.problems());
    // The machine is that of the outer disk.
    let scanned = scan(&dir.path().join("host.ext4"));
    let machines: Vec<_> = scanned
        .records
        .iter()
        .filter_map(|record| match record {
            Record::Machine(machine) => Some(machine.hostname.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(machines, [Some("host".to_owned())]);
}

#[test]
fn an_equal_image_is_scanned_once_and_told_at_each_place() {
    let dir = sources();
    sh(
        dir.path(),
        &format!("{PARTITIONED} qemu-img convert -O qcow2 out/disk.raw out/a.qcow2; rm out/disk.raw"),
    );
    sh(dir.path(), "cp out/a.qcow2 out/b.qcow2");
    let scanned = scan(&dir.path().join("out"));
    let mut all = expected("/a.qcow2 → partition 1 → ext4:");
    all.extend(expected("/b.qcow2 → partition 1 → ext4:"));
    assert_eq!(places(&scanned), all);
}

#[test]
fn what_cannot_be_opened_is_told_and_searched_as_it_is_stored() {
    let dir = sources();
    sh(
        dir.path(),
        "mke2fs -q -t ext4 -d disk base.raw 16M
        cp base.raw out/base.raw; cd out; qemu-img create -q -f qcow2 -b base.raw -F raw over.qcow2; rm base.raw",
    );
    let scanned = scan(&dir.path().join("out"));
    assert_eq!(scanned.problems(), [("/over.qcow2", Reason::Unsupported)]);
    assert!(!scanned.summary.complete);
    // Not looked into: everything is searched as it is stored.
    let dir = sources();
    sh(dir.path(), "mke2fs -q -t ext4 -d disk out/disk.raw 16M");
    let closed = scan_with(&dir.path().join("out"), ScanOptions { max_archive_depth: 0, ..options() });
    assert_eq!(closed.paths(), ["/disk.raw"; 2]);
    assert!(closed.coverage().inside.is_empty());
    // Depth: the disk is a level, the archive on it the next.
    let shallow = scan_with(&dir.path().join("out"), ScanOptions { max_archive_depth: 1, ..options() });
    assert_eq!(
        places(&shallow),
        ["/disk.raw → ext4:/etc/app.env:3:7", "/disk.raw → ext4:/srv/second.txt:1:1"]
    );
    assert_eq!(shallow.problems(), [("/disk.raw", Reason::OverBudget)]);
}

#[test]
fn what_no_file_of_a_disk_uses_is_searched() {
    let dir = sources();
    sh(dir.path(), &format!("mke2fs -q -t ext4 -d disk out/disk.raw 16M; printf %s {} > marker", planted(3)));
    // In the last block, which is free.
    sh(
        dir.path(),
        "dd if=marker of=out/disk.raw bs=1 seek=$((16 * 1048576 - 4096)) conv=notrunc status=none",
    );
    let scanned = scan(&dir.path().join("out"));
    let mut all = expected("/disk.raw → ext4:");
    all.push(format!("/disk.raw → ext4:unallocated:1:{}", 16 * 1_048_576 - 4096 + 1));
    assert_eq!(places(&scanned), all, "{:?}", scanned.problems());
    let used = scan_with(&dir.path().join("out"), ScanOptions { unallocated: false, ..options() });
    assert_eq!(places(&used), expected("/disk.raw → ext4:"));
}

#[test]
fn what_only_looks_like_a_disk_is_a_file() {
    let dir = sources();
    let mut boot = vec![0_u8; 8192];
    boot[510..512].copy_from_slice(&[0x55, 0xaa]);
    boot[1000..1021].copy_from_slice(planted(1).as_bytes());
    fs::write(dir.path().join("out/kernel"), &boot).expect("a file");
    // A table whose partition lies past the end, and a cut qcow2.
    boot[446..462].copy_from_slice(&[0x80, 0, 0, 0, 0x83, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1]);
    fs::write(dir.path().join("out/table"), &boot).expect("a file");
    boot[..8].copy_from_slice(b"QFI\xfb\0\0\0\x03");
    fs::write(dir.path().join("out/torn.qcow2"), &boot).expect("a file");
    let scanned = scan(&dir.path().join("out"));
    let all: Vec<&str> = scanned.paths();
    assert_eq!(all, ["/kernel", "/table", "/torn.qcow2"], "{:?}", scanned.problems());
}

#[test]
fn a_squashfs_is_read_by_each_codec() {
    let dir = sources();
    let mut random = String::new();
    for number in 0..60_000_u32 {
        random += &format!("{:08x}\n", number.wrapping_mul(2_654_435_761));
    }
    // Several blocks and a tail, holes, no tail, and an empty file.
    fs::write(dir.path().join("disk/large.txt"), format!("{random}{}\n", planted(4))).expect("a file");
    sh(
        dir.path(),
        "printf x > disk/srv/small; : > disk/srv/empty; ln -s /etc disk/srv/link; mkfifo disk/srv/fifo
        truncate -s 1M disk/sparse; cat disk/srv/second.txt >> disk/sparse; truncate -s 131072 disk/hole
        for codec in gzip xz zstd lz4 lzo; do
            mksquashfs disk out/$codec.snap -comp $codec -b 128K -all-root -quiet -no-progress > /dev/null
        done
        mksquashfs disk out/plain.snap -noI -noD -noF -no-fragments -all-root -quiet -no-progress > /dev/null",
    );
    let scanned = scan(&dir.path().join("out"));
    // A directory's files come before what is in directories below it.
    let files = ["/large.txt:60001:1", "/sparse:1:1048577", "/etc/app.env:3:7"];
    let more = ["/srv/a.tgz → etc/app.env:3:7", "/srv/second.txt:1:1"];
    let all: Vec<String> = ["gzip", "lz4", "lzo", "plain", "xz", "zstd"]
        .iter()
        .flat_map(|codec| {
            files.iter().chain(&more).map(move |place| format!("/{codec}.snap → squashfs:{place}"))
        })
        .collect();
    assert_eq!(places(&scanned), all, "{:?}", scanned.problems());
    assert!(scanned.summary.complete, "{:?}", scanned.problems());
    assert_eq!(scanned.coverage().inside.left_out[&Reason::SymbolicLink].files, 6);
    assert_eq!(scanned.coverage().inside.left_out[&Reason::SpecialFile].files, 6);
}

/// Path, size and mode of each file on a disk, whose bytes are those of the file beneath
/// `there`.
fn files_of(image: &Path, there: &Path) -> Vec<String> {
    let disks = snapsift::source::MachineDisks::open(&[image.to_owned()]).expect("a disk");
    let snapsift::source::VolumeContent::Filesystem(filesystem) = &disks.volumes[0].content else {
        panic!("no filesystem: {disks:?}");
    };
    let mut found = Vec::new();
    let mut waiting = vec![(String::new(), filesystem.root())];
    while let Some((path, id)) = waiting.pop() {
        let stat = filesystem.stat(id).expect("an inode");
        if stat.file_type == rustix::fs::FileType::Directory {
            let listed = filesystem.list(id, &mut |entry| {
                let name = String::from_utf8_lossy(entry.name).into_owned();
                waiting.push((format!("{path}/{name}"), entry.id));
                std::ops::ControlFlow::Continue(())
            });
            listed.expect("a directory");
            continue;
        }
        let content = filesystem.content(id).expect("content");
        let reader = snapsift::source::filesystem::ContentReader::new(&**filesystem, &content);
        let mut bytes = vec![0; usize::try_from(content.size).expect("small")];
        let mut at = 0;
        while at < bytes.len() {
            let read = reader.read_at(&mut bytes[at..], at as u64).expect("bytes");
            assert!(read > 0, "{path}");
            at += read;
        }
        let path = path.trim_start_matches('/').to_owned();
        assert!(fs::read(there.join(&path)).expect("a file") == bytes, "{path}");
        found.push(format!("{path} {} {:o}", bytes.len(), stat.permissions));
    }
    found.sort();
    found
}

#[test]
fn files_of_a_squashfs_are_those_that_unsquashfs_gives() {
    let dir = sources();
    sh(
        dir.path(),
        "cp -r /usr/include/linux/netfilter disk/include; for number in $(seq 700); do echo $number > disk/srv/n$number; done
        mksquashfs disk out/a.snap -comp zstd -b 64K -quiet -no-progress > /dev/null
        unsquashfs -q -n -d there out/a.snap > /dev/null
        (cd there && find . -type f -printf '%P %s %m\n' | sort) > listed",
    );
    let found = files_of(&dir.path().join("out/a.snap"), &dir.path().join("there"));
    let listed = fs::read_to_string(dir.path().join("listed")).expect("a list");
    let mut listed: Vec<&str> = listed.lines().collect();
    listed.sort_unstable();
    assert_eq!(found, listed);
}

/// Numbers 26 and 28 for squashfs: any damage gives an answer, in order and within bounds.
#[test]
fn a_damaged_squashfs_is_no_trouble() {
    use snapsift::source::disk::MemoryDisk;
    use snapsift::source::filesystem::squashfs;
    let dir = sources();
    sh(
        dir.path(),
        "for number in $(seq 300); do echo $number > disk/srv/n$number; done; head -c 300000 /dev/zero > disk/zeros
        mksquashfs disk a.plain -noI -noD -noF -noX -b 4K -all-root -quiet -no-progress > /dev/null
        mksquashfs disk a.gzip -b 4K -all-root -quiet -no-progress > /dev/null
        mksquashfs disk a.xz -comp xz -b 4K -all-root -quiet -no-progress > /dev/null
        mksquashfs disk a.zstd -comp zstd -b 4K -all-root -quiet -no-progress > /dev/null
        mksquashfs disk a.lzo -comp lzo -b 4K -all-root -quiet -no-progress > /dev/null
        mksquashfs disk a.lz4 -comp lz4 -b 4K -all-root -quiet -no-progress > /dev/null",
    );
    let mut random = 1_u64;
    let mut below = move |end: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(random >> 33).expect("31 bits") % end.max(1)
    };
    for name in ["a.plain", "a.gzip", "a.xz", "a.zstd", "a.lzo", "a.lz4"] {
        let whole = fs::read(dir.path().join(name)).expect("there");
        let open = |bytes: &[u8]| squashfs::open(std::sync::Arc::new(MemoryDisk(bytes.into())));
        let met = support::exercise::exercise(&open(&whole).expect("a squashfs"));
        assert_eq!(met.errors, 0, "{name}");
        assert!(met.nodes > 300, "{name}: {}", met.nodes);
        for round in 0..40 {
            let mut bytes = whole.clone();
            for _ in 0..=below(8) {
                // The superblock, or the tables, which lie at the end; not padding.
                let at = if round % 4 == 0 { below(96) } else { whole.len() - 1 - below(whole.len() / 3) };
                bytes[at] = [0, 0xff, 0x80, 1][below(4)] ^ u8::try_from(below(2)).expect("a bit");
            }
            if round % 10 == 0 {
                bytes.truncate(below(whole.len()));
            }
            if let Ok(filesystem) = open(&bytes) {
                support::exercise::exercise(&filesystem);
            }
        }
    }
}

/// Number 28: a directory that leads to the root; 17: a size that there cannot be.
#[test]
fn a_squashfs_that_leads_back_or_is_endless() {
    let dir = sources();
    sh(
        dir.path(),
        "mkdir -p in/a; cp disk/srv/second.txt in/a/b; cp disk/srv/second.txt in/c
        mksquashfs in a.sqfs -noI -noD -noF -noX -no-fragments -all-root -quiet -no-progress > /dev/null",
    );
    let whole = fs::read(dir.path().join("a.sqfs")).expect("there");
    let word = |at: usize| u64::from_le_bytes(whole[at..at + 8].try_into().expect("eight"));
    let (root, directories) = (word(32), usize::try_from(word(72)).expect("small"));
    // The entry of `a` in the directory of the root gets the reference of the root.
    let name =
        directories + 2 + whole[directories + 2..].windows(9).position(|w| &w[8..] == b"a").expect("a");
    let mut bytes = whole.clone();
    bytes[name..name + 2].copy_from_slice(&u16::try_from(root & 0xffff).expect("small").to_le_bytes());
    fs::write(dir.path().join("out/a.sqfs"), &bytes).expect("a file");
    let scanned = scan(&dir.path().join("out"));
    assert_eq!(places(&scanned), ["/a.sqfs → squashfs:/c:1:1"], "{:?}", scanned.problems());
    assert_eq!(scanned.problems(), [("/a.sqfs", Reason::Corrupt)]);
    // The size of the first file: an inode of type 2 with permissions 0644.
    let inodes = usize::try_from(word(64)).expect("small");
    let inode =
        inodes + 2 + whole[inodes + 2..].windows(4).position(|w| w == [2, 0, 0xa4, 1]).expect("a file");
    let mut bytes = whole.clone();
    bytes[inode + 28..inode + 32].copy_from_slice(&[0xff; 4]);
    fs::write(dir.path().join("out/a.sqfs"), &bytes).expect("a file");
    let scanned = scan(&dir.path().join("out"));
    assert_eq!(scanned.findings().len(), 1, "{:?}", scanned.problems());
    assert_eq!(scanned.problems(), [("/a.sqfs", Reason::Corrupt)]);
}

/// Number 13 for disks: files that share their blocks give more than is stored.
#[test]
fn a_disk_gives_no_more_than_the_limit() {
    let dir = sources();
    sh(dir.path(), "mksquashfs disk out/a.sqfs -comp zstd -all-root -quiet -no-progress > /dev/null");
    let options = ScanOptions { max_unpacked_total: 1, jobs: 1, ..options() };
    let scanned = scan_with(&dir.path().join("out"), options);
    assert!(!scanned.summary.complete);
    assert_eq!(scanned.problems()[0], ("/a.sqfs", Reason::OverBudget));
}

#[test]
fn an_iso_is_read_with_rock_ridge_joliet_or_neither() {
    let dir = sources();
    sh(
        dir.path(),
        "mkdir -p disk/a/b/c/d/e/f/g/h/i; cp disk/srv/second.txt disk/a/b/c/d/e/f/g/h/i/deep
        cp disk/srv/second.txt 'disk/srv/a long name, with commas, that needs an area of its own: '$(printf 'x%.0s' $(seq 180))
        ln -s ../etc/app.env disk/srv/link
        genisoimage -quiet -R -o out/rock.iso disk; xorrisofs -quiet -R -J -o out/xorriso.iso disk
        genisoimage -quiet -J -D -joliet-long -o out/joliet.iso disk 2> /dev/null
        genisoimage -quiet -D -o out/plain.iso disk/etc",
    );
    let scanned = scan(&dir.path().join("out"));
    let long = format!("/srv/a long name, with commas, that needs an area of its own: {}", "x".repeat(180));
    let found = places(&scanned);
    let has = |place: String| assert!(found.contains(&place), "{place}: {found:#?} {:?}", scanned.problems());
    has(format!("/rock.iso → iso9660:{long}:1:1"));
    has(format!("/xorriso.iso → iso9660:{long}:1:1"));
    has("/xorriso.iso → iso9660:/a/b/c/d/e/f/g/h/i/deep:1:1".to_owned());
    for name in ["rock", "joliet", "xorriso"] {
        has(format!("/{name}.iso → iso9660:/etc/app.env:3:7"));
        has(format!("/{name}.iso → iso9660:/srv/a.tgz → etc/app.env:3:7"));
        has(format!("/{name}.iso → iso9660:/srv/second.txt:1:1"));
    }
    has("/rock.iso → iso9660:/a/b/c/d/e/f/g/h/i/deep:1:1".to_owned());
    has("/joliet.iso → iso9660:/a/b/c/d/e/f/g/h/i/deep:1:1".to_owned());
    has("/plain.iso → iso9660:/APP.ENV:3:7".to_owned());
    assert_eq!(found.iter().filter(|place| place.contains("deep")).count(), 3, "{found:#?}");
    assert!(scanned.summary.complete, "{:?}", scanned.problems());
}

/// Names, sizes, modes and contents are those of the files that went onto it.
#[test]
fn files_of_an_iso_are_those_that_are_on_it() {
    let dir = sources();
    sh(
        dir.path(),
        "cp -r /usr/include/linux/netfilter disk/include; chmod 640 disk/etc/app.env
        for number in $(seq 300); do echo $number > disk/srv/n$number; done
        genisoimage -quiet -R -o out/a.iso disk; (cd disk && find . -type f -printf '%P %s %m\\n' | sort) > listed",
    );
    let found = files_of(&dir.path().join("out/a.iso"), &dir.path().join("disk"));
    let listed = fs::read_to_string(dir.path().join("listed")).expect("a list");
    let mut listed: Vec<&str> = listed.lines().collect();
    listed.sort_unstable();
    assert_eq!(found, listed);
}

/// Numbers 26 and 28 for ISO 9660.
#[test]
fn a_damaged_iso_is_no_trouble() {
    use snapsift::source::disk::MemoryDisk;
    use snapsift::source::filesystem::iso;
    let dir = sources();
    sh(
        dir.path(),
        "for n in $(seq 100); do echo $n > disk/srv/$n; done; genisoimage -quiet -R -J -o a.iso disk",
    );
    let whole = fs::read(dir.path().join("a.iso")).expect("there");
    let open = |bytes: &[u8]| iso::open(std::sync::Arc::new(MemoryDisk(bytes.into())));
    let met = support::exercise::exercise(&open(&whole).expect("an ISO"));
    assert_eq!(met.errors, 0);
    assert!(met.nodes > 100, "{}", met.nodes);
    let used: Vec<usize> = (32_768..whole.len()).filter(|at| whole[*at] != 0).collect();
    let mut random = 7_u64;
    let mut below = move |end: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(random >> 33).expect("31 bits") % end.max(1)
    };
    for round in 0..100 {
        let mut bytes = whole.clone();
        for _ in 0..=below(12) {
            bytes[used[below(used.len())]] = [0, 0xff, 0x80, 1, 33][below(5)];
        }
        if round % 10 == 0 {
            bytes.truncate(below(whole.len()));
        }
        if let Ok(filesystem) = open(&bytes) {
            support::exercise::exercise(&filesystem);
        }
    }
}

/// One that starts computers from a stick too, with what a person keeps behind it.
#[test]
fn a_hybrid_iso_is_read_and_what_lies_behind_it_too() {
    let dir = sources();
    sh(
        dir.path(),
        "rm disk/etc/linked; genisoimage -quiet -R -o out/a.iso disk; truncate -s 4M out/a.iso
        mke2fs -q -t ext4 -d disk part.ext4 4M; truncate -s 8M out/a.iso
        printf 'label: dos\nstart=64, size=200, type=17, bootable\nstart=8192, size=8192, type=83\n' | sfdisk -q out/a.iso
        dd if=part.ext4 of=out/a.iso bs=1M seek=4 conv=notrunc status=none",
    );
    let scanned = scan(&dir.path().join("out"));
    let all: Vec<String> = [expected("/a.iso → iso9660:"), expected("/a.iso → partition 2 → ext4:")].concat();
    assert_eq!(places(&scanned), all, "{:?}", scanned.problems());
    // As the target itself.
    let scanned = scan(&dir.path().join("out/a.iso"));
    assert_eq!(scanned.findings().len(), 6, "{:?}", scanned.problems());
}

/// A large file has several records that follow one another (ECMA-119, 6.5.1).
#[test]
fn a_file_of_an_iso_may_lie_in_several_places() {
    let dir = tempfile::tempdir().expect("a directory");
    let value = planted(7);
    let first = format!("{:>2048}", &value[..9]);
    sh(dir.path(), "mkdir disk");
    fs::write(dir.path().join("disk/a"), first).expect("a file");
    fs::write(dir.path().join("disk/b"), format!("{}\n", &value[9..])).expect("a file");
    fs::write(dir.path().join("disk/c"), "no more\n").expect("a file");
    sh(dir.path(), "genisoimage -quiet -o a.iso disk");
    let mut bytes = fs::read(dir.path().join("a.iso")).expect("there");
    let record = bytes.windows(6).position(|bytes| bytes == b"\x04A.;1\0" || bytes == b"\x04A.;1\x22");
    let record =
        record.or_else(|| bytes.windows(5).position(|bytes| bytes == b"\x04A.;1")).expect("a record") - 32;
    bytes[record + 25] |= 0x80;
    fs::create_dir(dir.path().join("out")).expect("a directory");
    fs::write(dir.path().join("out/a.iso"), bytes).expect("a file");
    let scanned = scan(&dir.path().join("out"));
    assert_eq!(places(&scanned), ["/a.iso → iso9660:/A:1:2040"], "{:?}", scanned.problems());
    assert_eq!(scanned.coverage().inside.members_scanned, 2);
}

/// Number 28 for ISO 9660: a directory that lists the one above it, and itself.
#[test]
fn hostile_28_an_iso_that_leads_back_ends() {
    let dir = sources();
    sh(dir.path(), "mkdir -p disk/srv/inner; echo x > disk/srv/inner/x; genisoimage -quiet -o a.iso disk");
    let mut bytes = fs::read(dir.path().join("a.iso")).expect("there");
    let find = |bytes: &[u8], name: &[u8]| {
        bytes.windows(name.len()).position(|at| at == name).expect("a record") - 32
    };
    let (srv, inner) = (find(&bytes, b"\x03SRV"), find(&bytes, b"\x05INNER"));
    let to: Vec<u8> = bytes[srv + 2..srv + 18].to_vec();
    bytes[inner + 2..inner + 18].copy_from_slice(&to);
    fs::write(dir.path().join("out/a.iso"), bytes).expect("a file");
    let scanned = scan(&dir.path().join("out"));
    assert_eq!(scanned.problems(), [("/a.iso", Reason::Corrupt)]);
    // With the second name of the first, which an ISO has as a file of its own.
    assert_eq!(scanned.findings().len(), 4);
}
