//! Partition tables as sfdisk and sgdisk make them.

use std::path::Path;

use snapsift::source::volume::Volumes;

use super::disks::{Loop, all, found, lines, named, open, output, pattern, problems, unused, write};
use crate::support::filesystem::{image, may_mount, run, text};

/// Where a program sees partitions: number, offset and length in bytes.
fn partitions(device: &str, sector_size: u64) -> Vec<(u32, u64, u64)> {
    let dump = output("sfdisk", &["-d", device], "");
    let field = |line: &str, name: &str| -> u64 {
        let rest = line.split(name).nth(1).expect("the field");
        let digits: String = rest.trim_start().chars().take_while(char::is_ascii_digit).collect();
        digits.parse().expect("a number")
    };
    let mut found = Vec::new();
    for line in dump.lines().filter(|line| line.contains("start=")) {
        let name = line.split(" :").next().expect("a name").trim();
        let digits: String = name.chars().rev().take_while(char::is_ascii_digit).collect();
        let number: String = digits.chars().rev().collect();
        // An extended partition is only room for others.
        if ["type=5,", "type=f,", "type=85,"].iter().any(|kind| format!("{line},").contains(kind)) {
            continue;
        }
        let (start, size) = (field(line, "start="), field(line, "size="));
        found.push((number.parse().expect("a number"), start * sector_size, size * sector_size));
    }
    assert!(!found.is_empty(), "{dump}");
    found
}

/// Puts an XFS signature and a mark into each partition, so that it is known that
/// the right bytes were found.
fn mark(path: &Path, partitions: &[(u32, u64, u64)]) {
    for (number, start, _) in partitions {
        let mut bytes = b"XFSB".to_vec();
        bytes.extend(pattern(u64::from(*number), 508));
        write(path, *start, &bytes);
    }
}

/// Holds what was found against where the partitions are.
fn check(found: &Volumes, partitions: &[(u32, u64, u64)]) {
    for (number, _, size) in partitions {
        let volume = named(found, &format!("partition {number}"));
        assert_eq!(volume.disk.size(), *size, "partition {number}");
        let mut head = vec![0; 512];
        volume.disk.read_at(&mut head, 0).expect("bytes");
        assert_eq!(head[..4], *b"XFSB", "partition {number}");
        assert_eq!(head[4..], pattern(u64::from(*number), 508), "partition {number}");
    }
    assert_eq!(found.volumes.len(), partitions.len(), "{:#?}", lines(found));
    // Volumes and gaps are all of the disk.
    let gaps: u64 = unused(found);
    let sizes: u64 = partitions.iter().map(|(.., size)| size).sum();
    assert_eq!(gaps + sizes, found.gaps[0].disk.size());
}

#[test]
fn mbr_with_primary_and_sixty_logical_partitions() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("disk");
    image(&path, 300 << 20);
    let mut script = "label: dos\n2048 4096 L\n8192 4096 7\nstart=16384 type=f\n".to_owned();
    // sfdisk stops at 60 in all; the rest of the chain is made here.
    for _ in 0..56 {
        script.push_str("size=4096 type=83\n");
    }
    output("sfdisk", &["-q", text(&path)], &script);
    let last = partitions(text(&path), 512).last().expect("a partition").1;
    let mut record = last / 512 - 2048;
    for _ in 0..4 {
        let next = record + 2048 + 4096;
        let entry = |kind: u8, start: u64, length: u64| {
            let (start, length) = ((start as u32).to_le_bytes(), (length as u32).to_le_bytes());
            [&[0, 0, 0, 0, kind, 0, 0, 0][..], &start, &length].concat()
        };
        write(&path, record * 512 + 462, &entry(5, next - 16384, 2048 + 4096));
        write(&path, next * 512 + 446, &entry(0x83, 2048, 4096));
        write(&path, next * 512 + 510, &[0x55, 0xaa]);
        record = next;
    }
    // libblkid sees the same.
    let seen = output("partx", &["-g", "-b", "-o", "NR,START,SIZE,TYPE", "-s", text(&path)], "");
    let mut table = Vec::new();
    for line in seen.lines().filter(|line| !line.ends_with(" 0xf")) {
        let mut fields = line.split_whitespace().map(|field| field.parse::<u64>().unwrap_or(0));
        let mut next = || fields.next().expect("a field");
        table.push((next() as u32, next() * 512, next()));
    }
    assert_eq!(table.len(), 62);
    mark(&path, &table);
    let found = found(&path);
    check(&found, &table);
    assert_eq!(problems(&found), [""; 0]);
    assert_eq!(named(&found, "partition 2").type_id.as_deref(), Some("0x07"));
}

#[test]
fn gpt_with_labels_and_types() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("disk");
    image(&path, 100 << 20);
    let mut arguments = Vec::new();
    for number in 1..=40 {
        let kind = if number % 2 == 0 { "8200" } else { "0700" };
        arguments.extend(["-n".to_owned(), format!("{number}:0:+1M"), "-c".to_owned()]);
        arguments.extend([
            format!("{number}:name {number} ü日"),
            "-t".to_owned(),
            format!("{number}:{kind}"),
        ]);
    }
    arguments.push(text(&path).to_owned());
    run("sgdisk", &arguments.iter().map(String::as_str).collect::<Vec<_>>());
    run("sgdisk", &["-d", "7", text(&path)]);
    let table = partitions(text(&path), 512);
    assert_eq!(table.len(), 39);
    mark(&path, &table);
    let found = found(&path);
    check(&found, &table);
    assert_eq!(problems(&found), [""; 0]);
    let volume = named(&found, "partition 40");
    assert_eq!(volume.label.as_deref(), Some("name 40 ü日"));
    assert_eq!(volume.type_id.as_deref(), Some("0657FD6D-A4AB-43C4-84E5-0933C84B4F4F"));
}

#[test]
fn gpt_with_another_number_of_entries() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("disk");
    image(&path, 64 << 20);
    output("sfdisk", &["-q", text(&path)], "label: gpt\ntable-length: 1000\nsize=8192\nsize=8192\n- \n");
    let table = partitions(text(&path), 512);
    mark(&path, &table);
    let found = found(&path);
    check(&found, &table);
    assert_eq!(problems(&found), [""; 0]);
}

#[test]
fn tables_on_sectors_of_4096_bytes() {
    if !may_mount() {
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    for script in
        ["label: gpt\nsize=1024\nsize=2048\n", "label: dos\nsize=1024\ntype=5\nsize=512\nsize=600\n"]
    {
        let path = dir.path().join("disk");
        image(&path, 64 << 20);
        let device = Loop::new(&path, 4096);
        output("sfdisk", &["-q", &device.0], script);
        let table = partitions(&device.0, 4096);
        drop(device);
        mark(&path, &table);
        let found = found(&path);
        check(&found, &table);
        assert_eq!(problems(&found), [""; 0]);
    }
}

#[test]
fn a_backup_gpt_is_used_when_the_first_is_gone() {
    let dir = tempfile::tempdir().expect("a directory");
    for sector_size in [512, 4096] {
        if sector_size == 4096 && !may_mount() {
            return;
        }
        let path = dir.path().join("disk");
        // Both: header, entries; the same with the MBR gone; the entries alone.
        for damaged in [512..40 << 10, 0..40 << 10, 2 * sector_size..2 * sector_size + 4096] {
            image(&path, 64 << 20);
            let device = Loop::new(&path, u32::try_from(sector_size).expect("small"));
            output("sfdisk", &["-q", &device.0], "label: gpt\nstart=1MiB size=8MiB\nsize=9MiB name=two\n");
            let table = partitions(&device.0, sector_size);
            drop(device);
            mark(&path, &table);
            write(&path, damaged.start, &vec![0; (damaged.end - damaged.start) as usize]);
            let found = found(&path);
            check(&found, &table);
            assert_eq!(named(&found, "partition 2").label.as_deref(), Some("two"));
            let problems = problems(&found);
            assert!(problems.iter().any(|line| line.contains("the backup is used")), "{problems:?}");
        }
    }
}

#[test]
fn a_hybrid_mbr_repeats_the_gpt() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("disk");
    image(&path, 64 << 20);
    run("sgdisk", &["-n", "1:0:+8M", "-n", "2:0:+8M", "-h", "1:2", text(&path)]);
    let table = vec![(1, 1 << 20, 8 << 20), (2, 9 << 20, 8 << 20)];
    mark(&path, &table);
    let found = found(&path);
    check(&found, &table);
    assert_eq!(problems(&found), [""; 0]);
}

#[test]
fn a_disk_that_was_grown_keeps_its_partitions() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("disk");
    image(&path, 64 << 20);
    output("sfdisk", &["-q", text(&path)], "label: gpt\nsize=8MiB\nsize=9MiB\n");
    let table = partitions(text(&path), 512);
    mark(&path, &table);
    let file = std::fs::OpenOptions::new().write(true).open(&path).expect("the image");
    file.set_len(96 << 20).expect("longer");
    let grown = found(&path);
    check(&grown, &table);
    assert_eq!(problems(&grown), [""; 0]);
    // And one that was cut short.
    file.set_len(14 << 20).expect("shorter");
    let cut = found(&path);
    let told = problems(&cut).join("\n");
    assert!(told.contains("partition 2 ends past the end of the disk"), "{told}");
    assert!(told.contains("cut short"), "{told}");
    assert_eq!(named(&cut, "partition 2").disk.size(), (14 << 20) - table[1].1);
    assert_eq!(named(&cut, "partition 1").disk.size(), table[0].2);
}

#[test]
fn a_table_within_a_partition() {
    let dir = tempfile::tempdir().expect("a directory");
    let (outer, inner) = (dir.path().join("disk"), dir.path().join("inner"));
    image(&inner, 32 << 20);
    output("sfdisk", &["-q", text(&inner)], "label: gpt\nsize=8MiB\nsize=9MiB\n");
    let table = partitions(text(&inner), 512);
    mark(&inner, &table);
    image(&outer, 64 << 20);
    output("sfdisk", &["-q", text(&outer)], "label: dos\nsize=32MiB\n");
    let start = partitions(text(&outer), 512)[0].1;
    write(&outer, start, &all(&*open(&inner)));
    let found = found(&outer);
    assert_eq!(
        lines(&found),
        ["disk 0, partition 1, partition 1: xfs", "disk 0, partition 1, partition 2: xfs"]
    );
    assert_eq!(problems(&found), [""; 0]);
}

#[test]
fn layers_that_only_a_partition_s_type_tells() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("disk");
    image(&path, 16 << 20);
    let types = ["-t", "1:4201", "-t", "2:4200", "-t", "3:4202", "-t", "4:0700"];
    let new = ["-n", "1:0:+1M", "-n", "2:0:+1M", "-n", "3:0:+1M", "-n", "4:0:+1M"];
    run("sgdisk", &[&new[..], &types, &[text(&path)]].concat());
    assert_eq!(
        lines(&found(&path)),
        [
            "disk 0, partition 1: unsupported: Windows dynamic disk (LDM)",
            "disk 0, partition 2: unsupported: Windows dynamic disk (LDM)",
            "disk 0, partition 3: unsupported: Windows Storage Spaces",
            "disk 0, partition 4: unknown"
        ]
    );
    // The same for MBR, where the whole disk is one partition.
    image(&path, 0);
    image(&path, 16 << 20);
    output("sfdisk", &["-q", text(&path)], "label: dos\ntype=42\n");
    write(&path, 0xc00, b"PRIVHEAD");
    let dynamic = found(&path);
    assert_eq!(lines(&dynamic), ["disk 0, partition 1: unsupported: Windows dynamic disk (LDM)"]);
    assert_eq!(problems(&dynamic), [""; 0]);
}
