//! `scan`, `ls` and `cat` on disk images, held against the kernel's mount of the same
//! disk. Making the disk needs root, reading it does not.
#![allow(clippy::expect_used, clippy::panic, reason = "a test stops where it cannot go on")]
#![allow(clippy::print_stdout, reason = "a test that is not run says so")]

mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use support::filesystem::{Mount, image, may_mount, run, text};
use support::program::{code, snapsift, stderr, stdout, write};

/// A disk with a partition table, swap and one ext4 filesystem, and where that begins.
struct Disk {
    folder: tempfile::TempDir,
    path: PathBuf,
    options: String,
}

const START: u64 = 64 << 20;
const SIZE: u64 = 192 << 20;

impl Disk {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("disk.img");
        image(&path, START + SIZE + (1 << 20));
        let table = format!(
            "label: gpt\nstart=2048, size=65536, type=swap\nstart={}, size={}, type=linux\n",
            START / 512,
            SIZE / 512
        );
        let script = folder.path().join("table");
        std::fs::write(&script, table).expect("a file");
        run("sh", &["-c", &format!("sfdisk -q {} < {}", text(&path), text(&script))]);
        let offset = format!("offset={START}");
        run("mkfs.ext4", &["-q", "-F", "-b", "4096", "-E", &offset, text(&path), "192M"]);
        let options = format!("offset={START},sizelimit={SIZE}");
        Self { folder, path, options }
    }

    fn mount(&self, more: &str) -> Mount {
        Mount::new(&self.path, &self.folder.path().join("mnt"), &format!("{}{more}", self.options))
    }

    /// Puts a machine on it: a live key, its entry, and a key that was deleted.
    fn fill(&self) {
        let mount = self.mount("");
        let root = mount.path();
        write(root, "etc/passwd", b"root:x:0:0:root:/root:/bin/sh\nana:x:1000:1000::/home/ana:/bin/sh\n");
        write(root, "etc/group", b"root:x:0:\nana:x:1000:\n");
        write(root, "etc/hostname", b"web\n");
        write(root, "bin/sh", b"#!\n");
        let keygen = |path: &Path| {
            run("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-C", "ana@web", "-f", text(path)]);
        };
        std::fs::create_dir_all(root.join("home/ana/.ssh")).expect("a folder");
        let key = root.join("home/ana/.ssh/id_ed25519");
        keygen(&key);
        std::fs::copy(key.with_extension("pub"), root.join("home/ana/.ssh/authorized_keys")).expect("a copy");
        std::fs::hard_link(&key, root.join("home/ana/copy of the key")).expect("a link");
        std::os::unix::fs::symlink("passwd", root.join("etc/link")).expect("a link");
        for number in 0..500 {
            write(root, &format!("srv/data/{number}"), format!("nothing {number}\n").as_bytes());
        }
        let gone = root.join("gone_key");
        keygen(&gone);
        run("sync", &["-f", text(root)]);
        std::fs::remove_file(gone).expect("deleted");
    }
}

fn scan(arguments: &[&str]) -> (Vec<Value>, Output) {
    let output =
        snapsift().args(["scan", "--format", "jsonl"]).args(arguments).output().expect("the program");
    let lines = stdout(&output);
    (lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect(), output)
}

/// Findings, machines and keys without the way to them.
fn without_provenance(records: &[Value]) -> Vec<Value> {
    let wanted =
        |record: &&Value| ["finding", "machine", "key"].contains(&record["type"].as_str().unwrap_or(""));
    let mut records: Vec<Value> = records.iter().filter(wanted).cloned().collect();
    for record in &mut records {
        for place in ["/provenance", "/location/provenance", "/id", "/finding_id"] {
            if let Some(value) = record.pointer_mut(place) {
                *value = Value::Null;
            }
        }
    }
    records
}

#[test]
fn an_image_gives_what_its_mount_gives_and_more() {
    if !may_mount() {
        return;
    }
    let disk = Disk::new();
    disk.fill();
    let path = text(&disk.path);
    let before = std::fs::read(&disk.path).expect("the image");
    let (live, output) = scan(&["--no-unallocated", path]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let mounted = {
        let mount = disk.mount(",ro,noatime");
        scan(&[text(mount.path())]).0
    };
    assert_eq!(without_provenance(&live), without_provenance(&mounted));
    assert!(live.iter().any(|record| record["type"] == "finding"), "the key was found");
    let files = |records: &[Value]| records.last().expect("a summary")["coverage"]["files_seen"].clone();
    assert_eq!(files(&live), files(&mounted));
    // The key that was deleted lies in free space.
    let (all, output) = scan(&[path]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let way = |record: &Value| record["location"]["provenance"].as_array().cloned().unwrap_or_default();
    let free = all.iter().filter(|record| {
        record["type"] == "finding" && way(record).last().is_some_and(|step| step["kind"] == "unallocated")
    });
    assert_eq!(free.count(), 1, "the deleted key");
    // The same disk in another container.
    let qcow2 = disk.folder.path().join("disk.qcow2");
    run("qemu-img", &["convert", "-f", "raw", "-O", "qcow2", "-c", path, text(&qcow2)]);
    let (converted, output) = scan(&["--no-unallocated", text(&qcow2)]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert_eq!(without_provenance(&converted), without_provenance(&mounted));
    assert_eq!(std::fs::read(&disk.path).expect("the image"), before, "the image was not written to");
}

#[test]
fn ls_and_cat_show_what_the_scanner_sees() {
    if !may_mount() {
        return;
    }
    let disk = Disk::new();
    disk.fill();
    let path = text(&disk.path);
    let run = |arguments: &[&str]| snapsift().args(arguments).output().expect("the program");
    let listed = run(&["ls", "--format", "jsonl", "--hash", "blake3", path]);
    assert_eq!(code(&listed), 0, "{}", stderr(&listed));
    let rows: Vec<Value> =
        stdout(&listed).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let volumes: Vec<&str> =
        rows.iter().filter(|row| row["kind"] == "volume").filter_map(|row| row["format"].as_str()).collect();

    assert!(volumes.contains(&"ext4"));
    let mount = disk.mount(",ro,noatime");
    let key = rows.iter().find(|row| row["path"] == "/home/ana/.ssh/id_ed25519").expect("the key");
    let bytes = std::fs::read(mount.path().join("home/ana/.ssh/id_ed25519")).expect("the key");
    assert_eq!(key["blake3"], blake3::hash(&bytes).to_hex().as_str());
    assert_eq!((&key["size"], &key["links"], &key["mode"]), (&bytes.len().into(), &2.into(), &"0600".into()));
    let shown = run(&["cat", path, "/home/ana/.ssh/id_ed25519"]);
    assert_eq!(shown.stdout, bytes);
    let link = run(&["cat", path, "/etc/link"]);
    assert!(code(&link) == 2 && stderr(&link).contains("symbolic link to passwd"), "{}", stderr(&link));
    let missing = run(&["cat", path, "/etc/none"]);
    assert!(
        code(&missing) == 2 && stderr(&missing).contains("there is no /etc/none"),
        "{}",
        stderr(&missing)
    );
}

#[test]
fn hostile_36_what_is_encrypted_does_not_read_clean() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("disk.img");
    image(&path, 32 << 20);
    let made = Command::new("cryptsetup")
        .args([
            "luksFormat",
            "--batch-mode",
            "--pbkdf",
            "pbkdf2",
            "--pbkdf-force-iterations",
            "1000",
            "--key-file",
            "/dev/zero",
            "--keyfile-size",
            "32",
        ])
        .arg(&path)
        .output();
    match made {
        Ok(output) if output.status.success() => {}
        _ => return println!("not run: cryptsetup cannot make a LUKS volume here"),
    }
    let (records, output) = scan(&[text(&path)]);
    assert_eq!(code(&output), 3, "{}", stderr(&output));
    let summary = records.last().expect("a summary");
    assert_eq!(summary["complete"], false);
    assert_eq!(summary["coverage"]["left_out"]["encrypted"]["bytes"], 32 << 20);
    assert!(records.iter().any(|record| record["type"] == "problem" && record["reason"] == "encrypted"));
}

#[test]
fn hostile_35_what_is_no_disk_is_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    for length in [0, 1, 511, 512, 513, 70_000] {
        let path = folder.path().join(format!("{length}"));
        std::fs::write(&path, vec![b'x'; length]).expect("a file");
        let (records, output) = scan(&[text(&path)]);
        assert_eq!(code(&output), 0, "{length}: {}", stderr(&output));
        assert_eq!(records.last().expect("a summary")["coverage"]["files_scanned"], 1, "{length}");
    }
}

/// What a program writes to its standard output.
fn told(program: &str, arguments: &[&str]) -> String {
    let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
    let output = Command::new(program).args(arguments).env("PATH", path).output().expect("a program");
    String::from_utf8(output.stdout).expect("text")
}

/// A private key that nothing else has.
fn key(folder: &Path, name: &str) -> Vec<u8> {
    let path = folder.join(name);
    run("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", text(&path)]);
    std::fs::read(path).expect("a key")
}

fn write_at(path: &Path, bytes: &[u8], offset: u64) {
    let file = std::fs::File::options().write(true).open(path).expect("the image");
    std::os::unix::fs::FileExt::write_all_at(&file, bytes, offset).expect("written");
}

/// Findings by the last step of the way to them, path and offset.
fn found(records: &[Value]) -> Vec<(String, String, u64)> {
    let findings = records.iter().filter(|record| record["type"] == "finding");
    let place = |record: &Value| {
        let location = &record["location"];
        let step = location["provenance"].as_array().and_then(|way| way.last()).expect("a way");
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        (text(&step["kind"]), text(&location["path"]), location["offset"].as_u64().expect("an offset"))
    };
    let mut places: Vec<_> = findings.map(place).collect();
    places.sort();
    places
}

/// The places are those that `debugfs` tells.
#[test]
fn the_slack_of_a_file_and_the_journal_of_ext4_are_searched() {
    let folder = tempfile::tempdir().expect("a folder");
    let (files, path) = (folder.path().join("files"), folder.path().join("image"));
    std::fs::create_dir_all(files.join("srv")).expect("a folder");
    for number in 0..50 {
        write(&files, &format!("srv/{number}"), b"nothing\n");
    }
    write(&files, "srv/note", &b"all is well\n".repeat(30));
    // Larger than what is read ahead.
    write(&files, "srv/large", &b"nothing here\n".repeat(200_000));
    image(&path, 64 << 20);
    run("mke2fs", &["-q", "-F", "-t", "ext4", "-b", "4096", "-d", text(&files), text(&path)]);
    let block = |request: &str| -> u64 {
        told("debugfs", &["-R", request, text(&path)]).trim().parse().expect("a block")
    };
    write_at(&path, &key(folder.path(), "one"), block("bmap /srv/note 0") * 4096 + 2000);
    // 2,600,000 bytes end at byte 3,136 of block 634.
    write_at(&path, &key(folder.path(), "two"), block("bmap /srv/large 634") * 4096 + 3500);
    write_at(&path, &key(folder.path(), "three"), block("bmap <8> 500") * 4096 + 64);
    let (records, output) = scan(&[text(&path)]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let journal = block("bmap <8> 500") * 4096 + 64;
    let expected = [
        ("journal".to_owned(), "/".to_owned(), journal),
        ("slack".to_owned(), "/srv/large".to_owned(), 634 * 4096 + 3500),
        ("slack".to_owned(), "/srv/note".to_owned(), 2000),
    ];
    assert_eq!(found(&records), expected);
    assert_eq!(found(&scan(&["--no-unallocated", text(&path)]).0), []);
}

#[test]
fn the_log_of_xfs_is_searched() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("image");
    image(&path, 512 << 20);
    run("mkfs.xfs", &["-q", "-f", text(&path)]);
    let start = told("xfs_db", &["-r", "-c", "sb 0", "-c", "p logstart", text(&path)]);
    let start = start.trim().rsplit(' ').next().expect("a number").to_owned();
    let place = told("xfs_db", &["-r", "-c", &format!("convert fsblock {start} daddr"), text(&path)]);
    let sector = place.trim().trim_end_matches(')').rsplit(['(', ' ']).next().expect("a number");
    let offset = sector.parse::<u64>().expect("a sector") * 512 + (8 << 20) + 64;
    write_at(&path, &key(folder.path(), "one"), offset);
    let (records, output) = scan(&[text(&path)]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert_eq!(found(&records), [("journal".to_owned(), "/".to_owned(), offset)]);
}

#[test]
fn a_btrfs_of_two_disks_is_one_volume_and_one_disk_alone_is_told_to_lack_the_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let [one, other] = ["one.img", "other.img"].map(|name| folder.path().join(name));
    image(&one, 128 << 20);
    image(&other, 128 << 20);
    run("mkfs.btrfs", &["-q", "-d", "raid0", "-m", "raid1", text(&one), text(&other)]);
    let listed = snapsift()
        .args(["ls", "--volumes", "--format", "jsonl", text(&one), text(&other)])
        .output()
        .expect("runs");
    let lines: Vec<Value> =
        stdout(&listed).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let volumes: Vec<&Value> = lines.iter().filter(|line| line["kind"] == "volume").collect();
    assert_eq!(volumes.len(), 1, "{lines:?}");
    assert_eq!(volumes[0]["format"], "btrfs");
    let (_, both) = scan(&["--machine", "a", text(&one), text(&other)]);
    assert_eq!(code(&both), 0, "{}", stderr(&both));
    let (records, alone) = scan(&[text(&one)]);
    assert_eq!(code(&alone), 3, "{}", stderr(&alone));
    let missing = |record: &Value| record["message"].as_str().is_some_and(|m| m.contains("is missing"));
    assert!(records.iter().any(missing), "{records:?}");
}
