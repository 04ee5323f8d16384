//! LVM2: groups that LVM itself makes or takes. There need be no device mapper:
//! volumes are never activated, what they hold is put where `lvs` says that they are.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use snapsift::source::disk::Disk;
use snapsift::source::volume::{self, Kind, Volumes};

use super::disks::{Loop, all, lines, memory, named, open, output, pattern, problems, unused, write};
use crate::support::filesystem::{image, may_mount, text};

const MIB: u64 = 1 << 20;

/// Physical volumes on images, while LVM works on them.
pub(super) struct Group {
    pub(super) dir: tempfile::TempDir,
    pub(super) images: Vec<PathBuf>,
    loops: Vec<Loop>,
}

impl Group {
    /// Images of 64 MiB with a physical volume on each; `options` for `pvcreate`.
    pub(super) fn new(count: usize, options: &[&str]) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let mut group = Self { images: Vec::new(), loops: Vec::new(), dir };
        for number in 0..count {
            let path = group.dir.path().join(format!("pv{number}"));
            image(&path, 64 * MIB);
            group.loops.push(Loop::new(&path, 512));
            group.images.push(path);
        }
        for number in 0..count {
            let device = group.loops[number].0.clone();
            let uuid = uuid(number);
            let arguments = ["-ff", "-y", "--norestorefile", "--uuid", &uuid];
            group.lvm("pvcreate", &[&arguments[..], options, &[&device]].concat());
        }
        group
    }

    /// Runs one of LVM's programs on these devices alone.
    pub(super) fn lvm(&self, program: &str, arguments: &[&str]) -> String {
        let accept: Vec<String> = self.loops.iter().map(|device| format!("\"a|^{}$|\"", device.0)).collect();
        let config = format!(
            "global{{activation=0}} devices{{filter=[{},\"r|.*|\"] use_devicesfile=0}} \
             activation{{udev_sync=0 monitoring=0}} backup{{backup=0 archive=0}}",
            accept.join(",")
        );
        output(program, &[&["--config", &config], arguments].concat(), "")
    }

    /// Puts a group of these physical volumes into place, with logical volumes as
    /// its metadata describes them.
    pub(super) fn restore(&self, logical: &str) {
        self.restore_as(logical, 5);
    }

    fn restore_as(&self, logical: &str, seqno: u32) {
        let mut physical = String::new();
        for (number, device) in self.loops.iter().enumerate() {
            physical.push_str(&format!(
                "pv{number} {{ id = \"{}\" device = \"{}\" status = [\"ALLOCATABLE\"] flags = []
                 dev_size = 131072 pe_start = 2048 pe_count = 62 }}\n",
                uuid(number),
                device.0
            ));
        }
        let metadata = format!(
            "contents = \"Text Format Volume Group\"\nversion = 1\nvg0 {{
             id = \"vvvvvv-vvvv-vvvv-vvvv-vvvv-vvvv-vvvvvv\"\nseqno = {seqno}\nformat = \"lvm2\"
             status = [\"RESIZEABLE\", \"READ\", \"WRITE\"] flags = [] extent_size = 2048
             max_lv = 0 max_pv = 0 metadata_copies = 0
             physical_volumes {{\n{physical}}}\nlogical_volumes {{\n{logical}}}\n}}\n"
        );
        let path = self.dir.path().join("metadata");
        std::fs::write(&path, metadata).expect("a file");
        self.lvm("vgcfgrestore", &["--force", "-f", text(&path), "vg0"]);
        self.lvm("vgck", &["vg0"]);
    }

    /// Writes to a volume that is linear or striped, where `lvs` says that it is.
    pub(super) fn write(&self, volume: &str, offset: u64, bytes: &[u8]) {
        let fields = "seg_start_pe,seg_size_pe,stripes,stripe_size,seg_pe_ranges";
        let arguments = ["-a", "--units", "b", "--nosuffix", "--noheadings", "--separator", ";", "-o"];
        let name = format!("vg0/{volume}");
        let told = self.lvm("lvs", &[&arguments[..], &[fields, &name]].concat());
        let mut written = 0;
        for line in told.lines() {
            let fields: Vec<&str> = line.trim().split(';').collect();
            let number = |at: usize| fields[at].parse::<u64>().expect("a number");
            let (start, size, stripe) = (number(0) * MIB, number(1) * MIB, number(3));
            let places: Vec<(usize, u64)> = fields[4]
                .split(' ')
                .map(|range| {
                    let (device, extents) = range.rsplit_once(':').expect("a range");
                    let at = self.loops.iter().position(|other| other.0 == device).expect("a device");
                    let first = extents.split('-').next().expect("a first extent");
                    (at, MIB + first.parse::<u64>().expect("a number") * MIB)
                })
                .collect();
            // Byte by stripe by stripe: slow and plain.
            let step = if places.len() == 1 { size } else { stripe };
            let mut at = 0;
            while at < size {
                let number = at / step;
                let (device, place) = places[(number % places.len() as u64) as usize];
                let place = place + number / places.len() as u64 * step;
                // What of the bytes falls here.
                let (from, to) =
                    ((start + at).max(offset), (start + at + step).min(offset + bytes.len() as u64));
                if from < to {
                    let here = &bytes[(from - offset) as usize..(to - offset) as usize];
                    write(&self.images[device], place + from - start - at, here);
                    written += here.len();
                }
                at += step;
            }
        }
        assert_eq!(written, bytes.len(), "{volume}: {told}");
    }

    /// Ends LVM's part; what is on the images then.
    pub(super) fn found(&mut self) -> Volumes {
        self.loops.clear();
        let disks: Vec<Arc<dyn Disk>> = self.images.iter().map(|path| open(path)).collect();
        volume::find(&disks)
    }
}

fn uuid(number: usize) -> String {
    format!("aaaaaa-aaaa-aaaa-aaaa-aaaa-aaaa-aaaaa{number}")
}

/// A logical volume in metadata; segments as (extents, the rest).
pub(super) fn logical(name: &str, visible: bool, segments: &[(u64, &str)]) -> String {
    let flag = if visible { ", \"VISIBLE\"" } else { "" };
    let letters: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    let id = format!("{letters:x<32}");
    let id =
        [&id[..6], &id[6..10], &id[10..14], &id[14..18], &id[18..22], &id[22..26], &id[26..32]].join("-");
    let mut text = format!(
        "{name} {{ id = \"{id}\" status = [\"READ\", \"WRITE\"{flag}] flags = [] segment_count = {}\n",
        segments.len()
    );
    let mut start = 0;
    for (number, (count, rest)) in segments.iter().enumerate() {
        text.push_str(&format!(
            "segment{} {{ start_extent = {start} extent_count = {count} {rest} }}\n",
            number + 1
        ));
        start += count;
    }
    text.push_str("}\n");
    text
}

pub(super) fn linear(place: &str) -> String {
    format!("type = \"striped\" stripe_count = 1 stripes = [{place}]")
}

#[test]
fn linear_and_striped_volumes_over_several_disks() {
    if !may_mount() {
        return;
    }
    let mut group = Group::new(3, &[]);
    let devices: Vec<String> = group.loops.iter().map(|device| device.0.clone()).collect();
    let devices: Vec<&str> = devices.iter().map(String::as_str).collect();
    group.lvm("vgcreate", &[&["-s", "1M", "vg0"], &devices[..]].concat());
    let create = |arguments: &[&str]| {
        group.lvm("lvcreate", &[&["-Zn", "-Wn", "-an", "-y"], arguments, &["vg0"]].concat());
    };
    create(&["-L", "10M", "-n", "root"]);
    create(&["-L", "5M", "-n", "other"]);
    group.lvm("lvextend", &["-L", "+7M", "vg0/root"]);
    create(&["-L", "24M", "-n", "striped", "-i", "3", "-I", "16k"]);
    group.lvm("lvextend", &["-L", "+12M", "-i", "2", "-I", "64k", "vg0/striped"]);
    create(&["-l", "100%FREE", "-n", "rest"]);
    let sizes = [("root", 17), ("other", 5), ("striped", 36)];
    for (seed, (name, size)) in sizes.iter().enumerate() {
        group.write(name, 0, &pattern(seed as u64, (size * MIB) as usize));
    }
    let found = group.found();
    assert_eq!(problems(&found), [""; 0]);
    for (seed, (name, size)) in sizes.iter().enumerate() {
        let volume = named(&found, &format!("LVM vg0/{name}"));
        assert!(all(&*volume.disk) == pattern(seed as u64, (size * MIB) as usize), "{name}");
        assert_eq!(volume.kind, Kind::Unknown);
        assert_eq!(volume.disks, [0, 1, 2]);
    }
    assert_eq!(found.volumes.len(), 4);
    let total: u64 = found.volumes.iter().map(|volume| volume.disk.size()).sum();
    assert_eq!(total + unused(&found), 3 * 64 * MIB);
}

#[test]
fn a_mirror_is_read_from_a_copy_that_is_there() {
    if !may_mount() {
        return;
    }
    let mut group = Group::new(2, &[]);
    let mut text = logical(
        "r",
        true,
        &[(
            4,
            "type = \"raid1\" device_count = 2 region_size = 1024
                raids = [\"r_rmeta_0\", \"r_rimage_0\", \"r_rmeta_1\", \"r_rimage_1\"]",
        )],
    );
    for (name, count, place) in
        [("r_rmeta_0", 1, "\"pv0\", 3"), ("r_rimage_0", 4, "\"pv0\", 10"), ("r_rmeta_1", 1, "\"pv1\", 3")]
    {
        text += &logical(name, false, &[(count, &linear(place))]);
    }
    text += &logical("r_rimage_1", false, &[(4, &linear("\"pv1\", 20"))]);
    group.restore(&text);
    let content = pattern(1, 4 << 20);
    group.write("r_rimage_0", 0, &content);
    group.write("r_rimage_1", 0, &content);
    let images = group.images.clone();
    let both = group.found();
    assert_eq!(problems(&both), [""; 0]);
    assert!(all(&*named(&both, "LVM vg0/r").disk) == content);
    // One disk alone.
    for path in &images {
        let one = volume::find(&[open(path)]);
        assert!(all(&*named(&one, "LVM vg0/r").disk) == content);
        assert!(problems(&one).join("\n").contains("is missing"), "{:?}", problems(&one));
    }
    // The first copy is out of date, say the states: magic, events at 16, no member
    // failed, recovered to the end.
    let state = |events: u64| {
        let mut bytes = vec![0; 512];
        bytes[..4].copy_from_slice(&0x6452_6d44_u32.to_le_bytes());
        bytes[8] = 2;
        bytes[16..24].copy_from_slice(&events.to_le_bytes());
        bytes[32..40].copy_from_slice(&[0xff; 8]);
        bytes
    };
    write(&images[0], 4 * MIB, &state(7));
    write(&images[1], 4 * MIB, &state(9));
    write(&images[0], 11 * MIB, &pattern(2, 4 << 20));
    let stale = group.found();
    assert!(all(&*named(&stale, "LVM vg0/r").disk) == content);
    assert!(problems(&stale).join("\n").contains("out of date"), "{:?}", problems(&stale));
}

#[test]
fn older_mirrors_and_raid0_lie_on_other_volumes() {
    if !may_mount() {
        return;
    }
    let mut group = Group::new(2, &[]);
    let mirrors = "type = \"mirror\" mirror_count = 2 region_size = 1024
                   mirrors = [\"m_mimage_0\", 0, \"m_mimage_1\", 0]";
    let raid0 = "type = \"raid0\" stripe_count = 2 stripe_size = 64
                 raid0_lvs = [\"z_rimage_0\", \"z_rimage_1\"]";
    let mut text = logical("m", true, &[(2, mirrors)]) + &logical("z", true, &[(6, raid0)]);
    for number in 0..2 {
        let place = |extent| linear(&format!("\"pv{number}\", {extent}"));
        text += &logical(&format!("m_mimage_{number}"), false, &[(2, &place(4 + number))]);
        let segments = [(1, place(20)), (2, place(30 - number))];
        let segments = segments.each_ref().map(|(count, place)| (*count, &place[..]));
        text += &logical(&format!("z_rimage_{number}"), false, &segments);
    }
    group.restore(&text);
    let (mirror, striped) = (pattern(1, 2 << 20), pattern(2, 6 << 20));
    let mut images = [Vec::new(), Vec::new()];
    for (number, chunk) in striped.chunks(32 << 10).enumerate() {
        images[number % 2].extend(chunk);
    }
    for (number, image) in images.iter().enumerate() {
        group.write(&format!("m_mimage_{number}"), 0, &mirror);
        group.write(&format!("z_rimage_{number}"), 0, image);
    }
    let paths = group.images.clone();
    let found = group.found();
    assert_eq!(problems(&found), [""; 0]);
    assert_eq!(lines(&found).len(), 2);
    assert!(all(&*named(&found, "LVM vg0/m").disk) == mirror);
    assert!(all(&*named(&found, "LVM vg0/z").disk) == striped);
    for path in paths {
        let one = volume::find(&[open(&path)]);
        assert!(all(&*named(&one, "LVM vg0/m").disk) == mirror);
        assert!(named(&one, "LVM vg0/z").disk.read_at(&mut vec![0; 65536], 0).is_err());
    }
}

#[test]
fn a_snapshot_shows_its_origin_as_it_was() {
    if !may_mount() {
        return;
    }
    let mut group = Group::new(1, &[]);
    let mut text = logical("root", true, &[(4, &linear("\"pv0\", 10"))]);
    text += &logical("snap", true, &[(3, &linear("\"pv0\", 20"))]);
    text += &logical(
        "snapshot0",
        false,
        &[(4, "type = \"snapshot\" chunk_size = 8 origin = \"root\" cow_store = \"snap\"")],
    );
    group.restore(&text);
    let told = group.lvm("lvs", &["--noheadings", "-o", "origin", "vg0/snap"]);
    assert_eq!(told.trim(), "root");
    let now = pattern(1, 4 << 20);
    group.write("root", 0, &now);
    // The store: chunks of 4 KiB, so 256 exceptions to an area, and 300 of them.
    let mut before = now.clone();
    let mut store = vec![0; 3 << 20];
    let header: Vec<u8> = [0x7041_6e53_u32, 1, 1, 8].iter().flat_map(|word| word.to_le_bytes()).collect();
    store[..16].copy_from_slice(&header);
    for number in 0..300_usize {
        let old = (number * 37) % 1024;
        let (area, entry) = (number / 256, number % 256);
        let table = 1 + area * 257;
        let new = table + 1 + entry;
        let at = table * 4096 + entry * 16;
        store[at..at + 8].copy_from_slice(&(old as u64).to_le_bytes());
        store[at + 8..at + 16].copy_from_slice(&(new as u64).to_le_bytes());
        let kept = pattern(1000 + number as u64, 4096);
        store[new * 4096..][..4096].copy_from_slice(&kept);
        before[old * 4096..][..4096].copy_from_slice(&kept);
    }
    group.write("snap", 0, &store);
    let good = group.found();
    assert_eq!(problems(&good), [""; 0]);
    assert!(all(&*named(&good, "LVM vg0/root").disk) == now);
    assert!(all(&*named(&good, "LVM vg0/snap").disk) == before);
    assert_eq!(good.volumes.len(), 2);
    // A store that ran full holds nothing that is right.
    write(&group.images[0], 21 * MIB + 4, &[0]);
    let full = group.found();
    assert_eq!(named(&full, "LVM vg0/snap").kind, Kind::Unsupported("LVM snapshot".into()));
    assert!(problems(&full).join("\n").contains("ran full"), "{:?}", problems(&full));
}

/// Blocks of a volume: where each is, what it holds.
type Blocks = Vec<(u64, Vec<u8>)>;

/// A group with a thin pool of 40 MiB, two volumes of 300 MiB, and what they hold.
fn thin() -> (Group, Blocks, Blocks) {
    let group = Group::new(2, &[]);
    let mut logicals = logical(
        "pool",
        true,
        &[(
            40,
            "type = \"thin-pool\" metadata = \"pool_tmeta\" pool = \"pool_tdata\" transaction_id = 2
                chunk_size = 128 discards = \"passdown\" zero_new_blocks = 1",
        )],
    );
    logicals += &logical("pool_tmeta", false, &[(4, &linear("\"pv0\", 7"))]);
    logicals += &logical("pool_tdata", false, &[(20, &linear("\"pv1\", 5")), (20, &linear("\"pv0\", 30"))]);
    for device in [1, 7] {
        let rest = format!("type = \"thin\" thin_pool = \"pool\" transaction_id = 1 device_id = {device}");
        logicals += &logical(&format!("thin{device}"), true, &[(300, &rest)]);
    }
    group.restore(&logicals);
    // 600 single blocks all over the first volume, so that the tree has levels; the
    // second shares some and has a run of its own.
    let mut xml = "<superblock uuid=\"\" time=\"3\" transaction=\"2\" data_block_size=\"128\" \
                   nr_data_blocks=\"640\">\n<device dev_id=\"1\" mapped_blocks=\"600\" transaction=\"1\" \
                   creation_time=\"0\" snap_time=\"2\">\n"
        .to_owned();
    let content = |block: u64| pattern(block + 5, 65536);
    let (mut one, mut seven) = (Vec::new(), Vec::new());
    for number in 0..600_u64 {
        let (virtually, really) = (number * 7 + 1, (number * 11) % 600);
        xml += &format!(
            "<single_mapping origin_block=\"{virtually}\" data_block=\"{really}\" time=\"{}\"/>\n",
            number % 4
        );
        one.push((virtually * 65536, content(really)));
    }
    xml += "</device>\n<device dev_id=\"7\" mapped_blocks=\"31\" transaction=\"1\" creation_time=\"2\" \
            snap_time=\"2\">\n<single_mapping origin_block=\"1\" data_block=\"0\" time=\"0\"/>\n\
            <range_mapping origin_begin=\"4300\" data_begin=\"600\" length=\"30\" time=\"3\"/>\n\
            </device>\n</superblock>\n";
    seven.push((65536, content(0)));
    seven.extend((0..30).map(|at| ((4300 + at) * 65536, content(600 + at))));
    let (xml_path, metadata) = (group.dir.path().join("thin.xml"), group.dir.path().join("tmeta"));
    std::fs::write(&xml_path, xml).expect("a file");
    image(&metadata, 4 * MIB);
    output("thin_restore", &["-i", text(&xml_path), "-o", text(&metadata)], "");
    group.write("pool_tmeta", 0, &std::fs::read(&metadata).expect("metadata"));
    for block in 0..640 {
        group.write_fast("pool_tdata", block * 65536, &content(block));
    }
    (group, one, seven)
}

impl Group {
    /// As [`Self::write`], for the data of the pool above, without asking each time.
    fn write_fast(&self, _: &str, offset: u64, bytes: &[u8]) {
        match offset.checked_sub(20 * MIB) {
            None => write(&self.images[1], 6 * MIB + offset, bytes),
            Some(offset) => write(&self.images[0], 31 * MIB + offset, bytes),
        }
    }
}

pub(super) fn has_thin_tools() -> bool {
    let there = Path::new("/usr/sbin/thin_restore").exists();
    if !there {
        println!("not run: thin-provisioning-tools are not installed");
    }
    there && may_mount()
}

#[test]
fn thin_volumes() {
    if !has_thin_tools() {
        return;
    }
    let (mut group, one, seven) = thin();
    let found = group.found();
    assert_eq!(problems(&found), [""; 0]);
    assert_eq!(found.volumes.len(), 2, "{:?}", lines(&found));
    for (name, blocks) in [("LVM vg0/thin1", one), ("LVM vg0/thin7", seven)] {
        let disk = &named(&found, name).disk;
        assert_eq!(disk.size(), 300 * MIB);
        let mut expected = vec![0; 300 << 20];
        for (at, bytes) in blocks {
            expected[at as usize..at as usize + bytes.len()].copy_from_slice(&bytes);
        }
        assert!(all(&**disk) == expected, "{name}");
        // Unmapped ranges are told, so that they are not read.
        let mut stored = 0;
        let mut at = 0;
        while let Some(next) = disk.next_data(at).expect("stored ranges") {
            stored += next.end - next.start;
            at = next.end;
        }
        assert_eq!(stored, if name.ends_with('1') { 600 << 16 } else { 31 << 16 });
    }
    // Ten blocks of the pool are not used.
    let left: Vec<_> = found.gaps.iter().filter(|gap| volume::place(&gap.chain).ends_with("pool")).collect();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].ranges.first(), Some(&(630 << 16..640 << 16)));
    assert_eq!(left[0].ranges.len(), 1);
}

#[test]
fn a_damaged_thin_pool_is_told() {
    if !has_thin_tools() {
        return;
    }
    let (mut group, ..) = thin();
    drop(group.found());
    let metadata = 8 * MIB;
    // A bit in each of the blocks that are in use: something is told, and what can
    // be read still is.
    let mut told = 0;
    for block in 0..40_u64 {
        let mut bytes = std::fs::read(&group.images[0]).expect("the image");
        let at = (metadata + block * 4096 + 100) as usize;
        bytes[at] ^= 0x10;
        let found = volume::find(&[memory(bytes), open(&group.images[1])]);
        if !problems(&found).is_empty() {
            told += 1;
        }
        if block == 0 {
            assert!(problems(&found).join("\n").contains("superblock"), "{:?}", problems(&found));
            // All of its data is given in place of the volumes.
            assert_eq!(named(&found, "LVM vg0/pool").disk.size(), 40 * MIB);
        }
    }
    // The superblock, the tree of trees, at least four nodes of the first volume.
    assert!((6..30).contains(&told), "{told}");
}

#[test]
fn types_that_are_not_read_are_named() {
    if !may_mount() {
        return;
    }
    let mut group = Group::new(2, &[]);
    let mut text = logical("root", true, &[(3, &linear("\"pv0\", 1"))]);
    text += &logical(
        "five",
        true,
        &[(
            4,
            "type = \"raid5_ls\" device_count = 3 stripe_size = 128 region_size = 1024 raids = [
              \"five_rmeta_0\", \"five_rimage_0\", \"five_rmeta_1\", \"five_rimage_1\",
              \"five_rmeta_2\", \"five_rimage_2\"]",
        )],
    );
    for number in 0..3 {
        text +=
            &logical(&format!("five_rmeta_{number}"), false, &[(1, &linear(&format!("\"pv1\", {number}")))]);
        let place = format!("\"pv1\", {}", 10 + 2 * number);
        text += &logical(&format!("five_rimage_{number}"), false, &[(2, &linear(&place))]);
    }
    group.restore(&text);
    let found = group.found();
    assert_eq!(named(&found, "LVM vg0/five").kind, Kind::Unsupported("LVM raid5_ls".into()));
    assert!(problems(&found).join("\n").contains("LVM raid5_ls is not read"), "{:?}", problems(&found));
    // Its parts are given as they are, so that each byte is somewhere.
    let parts: Vec<_> =
        found.gaps.iter().filter(|gap| volume::place(&gap.chain).contains("five_rimage")).collect();
    assert_eq!(parts.len(), 3);
    let bytes: u64 = 3 * MIB + unused(&found);
    assert_eq!(bytes, 128 * MIB);
}

#[test]
fn the_second_metadata_area_and_the_newest_count() {
    if !may_mount() {
        return;
    }
    // Two areas: the first may be damaged.
    let mut group = Group::new(1, &["--metadatacopies", "2"]);
    group.restore(&logical("root", true, &[(3, &linear("\"pv0\", 1"))]));
    let good = group.found();
    assert_eq!(lines(&good), ["disk 0, LVM vg0/root: unknown"]);
    assert_eq!(problems(&good), [""; 0]);
    write(&group.images[0], 4096 + 600, b"#");
    write(&group.images[0], 4096 + 4, b"x");
    let damaged = group.found();
    assert_eq!(lines(&damaged), ["disk 0, LVM vg0/root: unknown"]);
    assert_eq!(problems(&damaged).len(), 1, "{:?}", problems(&damaged));

    // A disk that was away while the group changed has older metadata.
    let mut group = Group::new(2, &[]);
    group.restore(&logical("old", true, &[(3, &linear("\"pv0\", 1"))]));
    let before = std::fs::read(&group.images[1]).expect("the image");
    group.restore_as(&logical("new", true, &[(3, &linear("\"pv1\", 1"))]), 50);
    drop(group.found());
    for (first, second) in [(0, 1), (1, 0)] {
        let disks = [open(&group.images[0]), memory(before.clone())];
        let found = volume::find(&[Arc::clone(&disks[first]), Arc::clone(&disks[second])]);
        assert_eq!(found.volumes.len(), 1);
        named(&found, "LVM vg0/new");
        assert!(problems(&found).join("\n").contains("different ages"), "{:?}", problems(&found));
    }
}

#[test]
fn hostile_32_a_physical_volume_that_is_missing() {
    if !may_mount() {
        return;
    }
    let mut group = Group::new(2, &[]);
    let striped =
        "type = \"striped\" stripe_count = 2 stripe_size = 128 stripes = [\"pv0\", 20, \"pv1\", 20]";
    let mut text = logical("root", true, &[(2, &linear("\"pv0\", 1")), (3, &linear("\"pv1\", 1"))]);
    text += &logical("away", true, &[(2, &linear("\"pv1\", 10"))]);
    text += &logical("both", true, &[(2, striped)]);
    group.restore(&text);
    let content = pattern(1, 5 << 20);
    group.write("root", 0, &content);
    drop(group.found());
    let found = volume::find(&[open(&group.images[0])]);
    assert!(problems(&found).iter().any(|line| line.contains("pv1 is missing")), "{:?}", problems(&found));
    let root = &named(&found, "LVM vg0/root").disk;
    let mut bytes = vec![0; 2 << 20];
    assert_eq!(root.read_at(&mut bytes, 0).expect("what is here"), 2 << 20);
    assert!(bytes == content[..2 << 20]);
    for (disk, at) in [(root, 2 * MIB), (&named(&found, "LVM vg0/both").disk, 65536)] {
        let error = disk.read_at(&mut [0; 512], at).expect_err("not here");
        assert_eq!(error.reason, snapsift::finding::Reason::Unsupported);
        assert_eq!(error.offset, at);
        assert!(error.message.contains("pv1"), "{error}");
    }
    named(&found, "LVM vg0/away");
}

#[test]
fn a_group_within_partitions() {
    if !may_mount() {
        return;
    }
    let mut group = Group::new(2, &[]);
    let mut text = logical("root", true, &[(2, &linear("\"pv0\", 1")), (3, &linear("\"pv1\", 1"))]);
    text += &logical("swap", true, &[(2, &linear("\"pv1\", 10"))]);
    group.restore(&text);
    let swap = group.dir.path().join("swap");
    image(&swap, 2 * MIB);
    output("mkswap", &[self::text(&swap)], "");
    group.write("swap", 0, &std::fs::read(&swap).expect("the area"));
    let content = pattern(1, 5 << 20);
    group.write("root", 0, &content);
    drop(group.found());
    let whole = group.dir.path().join("disk");
    image(&whole, 140 * MIB);
    output("sfdisk", &["-q", self::text(&whole)], "label: gpt\nsize=64MiB\nsize=64MiB\n");
    for (number, path) in group.images.iter().enumerate() {
        write(&whole, MIB + number as u64 * 64 * MIB, &std::fs::read(path).expect("the image"));
    }
    let found = volume::find(&[open(&whole)]);
    assert_eq!(
        lines(&found),
        [
            "disk 0, partition 1 + disk 0, partition 2, LVM vg0/root: unknown",
            "disk 0, partition 1 + disk 0, partition 2, LVM vg0/swap: swap"
        ]
    );
    assert!(all(&*named(&found, "LVM vg0/root").disk) == content);
    assert_eq!(problems(&found), [""; 0]);
}

/// Two disks of a group with a thin pool.
pub(super) fn thin_images() -> Vec<Vec<u8>> {
    let (mut group, ..) = thin();
    drop(group.found());
    group.images.iter().map(|path| std::fs::read(path).expect("the image")).collect()
}
