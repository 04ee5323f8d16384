//! Disk images that no tool at hand makes: children of VHD, VHDX and VDI, extents of
//! ESX servers, and a VHDX whose log must be replayed. They are put together here
//! field by field from the specifications; for the log, `qemu-img` replays it too.
#![allow(clippy::cast_possible_truncation, reason = "test disks are small")]
#![allow(clippy::expect_used, clippy::panic, reason = "a test stops where it cannot go on")]

mod support;

use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use snapsift::finding::Reason;
use snapsift::source::image;
use support::images::{
    Numbers, assert_bytes, assert_holes_are_zero, at, by_qemu, data_ranges, has_qemu, make_raw, nasty, qemu,
    qemu_io, walk,
};

const MIB: usize = 1 << 20;

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).expect("bytes")
}

fn write(path: &Path, bytes: &[u8]) {
    std::fs::write(path, bytes).expect("written");
}

fn put(bytes: &mut [u8], at: usize, what: &[u8]) {
    bytes[at..at + what.len()].copy_from_slice(what);
}

/// Puts bad numbers at places of a file, looks at all of it, puts them back.
fn change_and_walk(path: &Path, places: &[Range<usize>]) {
    let file = std::fs::File::options().read(true).write(true).open(path).expect("a file");
    let mut numbers = Numbers::new(31);
    for _ in 0..400 {
        let place = &places[numbers.below(places.len() as u64) as usize];
        let at = (place.start as u64 + numbers.below(place.len() as u64 - 8))
            & if numbers.below(2) == 0 { !3 } else { !0 };
        let change = nasty(&mut numbers);
        let mut before = vec![0; change.len()];
        file.read_exact_at(&mut before, at).expect("bytes");
        file.write_all_at(&change, at).expect("written");
        if let Ok(image) = image::open(path) {
            walk(&*image.disk);
        }
        file.write_all_at(&before, at).expect("written");
    }
}

/// What a child that owns every third run of sectors shows, with its bitmap.
fn mixed(parent: &[u8], sector: usize, numbers: &mut Numbers) -> (Vec<u8>, Vec<bool>) {
    let mut shown = parent.to_vec();
    let mut own = vec![false; parent.len() / sector];
    let mut at = 0;
    while at < own.len() {
        let length = (1 + numbers.below(40) as usize).min(own.len() - at);
        if numbers.below(3) == 0 {
            own[at..at + length].fill(true);
            let bytes = numbers.bytes(length * sector);
            put(&mut shown, at * sector, &bytes);
        }
        at += length;
    }
    (shown, own)
}

fn vhd_sum(bytes: &mut [u8], at: usize) {
    put(bytes, at, &[0; 4]);
    let sum = bytes.iter().fold(0_u32, |sum, byte| sum.wrapping_add(u32::from(*byte)));
    put(bytes, at, &(!sum).to_be_bytes());
}

fn utf16(text: &str, unit: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(unit).collect()
}

/// A differencing VHD over `parent`, with blocks of 2 MiB; returns what it shows.
fn vhd_child(parent: &[u8], parent_uuid: &[u8], base: &[u8], name: &str) -> (Vec<u8>, Vec<u8>) {
    let mut numbers = Numbers::new(11);
    let (mut shown, own) = mixed(base, 512, &mut numbers);
    let block = 2 * MIB;
    let blocks = base.len().div_ceil(block);
    let mut footer = parent[parent.len() - 512..].to_vec();
    put(&mut footer, 16, &512_u64.to_be_bytes());
    put(&mut footer, 60, &4_u32.to_be_bytes());
    put(&mut footer, 68, &[0x77; 16]);
    vhd_sum(&mut footer, 64);
    let mut header = vec![0; 1024];
    put(&mut header, 0, b"cxsparse");
    put(&mut header, 8, &u64::MAX.to_be_bytes());
    put(&mut header, 16, &1536_u64.to_be_bytes());
    put(&mut header, 24, &0x1_0000_u32.to_be_bytes());
    put(&mut header, 28, &(blocks as u32).to_be_bytes());
    put(&mut header, 32, &(block as u32).to_be_bytes());
    put(&mut header, 40, parent_uuid);
    put(&mut header, 64, &utf16(&format!("C:\\machines\\{name}"), u16::to_be_bytes));
    let relative = utf16(&format!(".\\{name}"), u16::to_le_bytes);
    put(&mut header, 576, b"W2ru");
    put(&mut header, 580, &512_u32.to_be_bytes());
    put(&mut header, 584, &(relative.len() as u32).to_be_bytes());
    put(&mut header, 592, &2048_u64.to_be_bytes());
    vhd_sum(&mut header, 36);
    let mut file = [&footer[..], &header].concat();
    file.resize(2560, 0);
    put(&mut file, 2048, &relative);
    for number in 0..blocks {
        let entry = 1536 + number * 4;
        // One block is wholly the parent's.
        if number == 1 {
            put(&mut file, entry, &u32::MAX.to_be_bytes());
            put(&mut shown, number * block, &base[number * block..(number + 1) * block]);
            continue;
        }
        let place = (file.len() / 512) as u32;
        put(&mut file, entry, &place.to_be_bytes());
        let mut bitmap = vec![0_u8; 512];
        let mut data = vec![0_u8; block];
        for sector in 0..block / 512 {
            let whole = number * (block / 512) + sector;
            if own.get(whole) == Some(&true) {
                bitmap[sector / 8] |= 0x80 >> (sector % 8);
                put(&mut data, sector * 512, &shown[whole * 512..(whole + 1) * 512]);
            }
        }
        file.extend(bitmap);
        file.extend(data);
    }
    file.extend(&footer);
    (file, shown)
}

#[test]
fn a_vhd_child_shows_its_sectors_and_its_parents() {
    if !has_qemu() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    make_raw(&at(folder, "disk.raw"), 9 << 20, 2);
    for subformat in ["dynamic", "fixed"] {
        qemu(
            folder,
            &format!("convert -f raw -O vpc -o subformat={subformat},force_size=on disk.raw base.vhd"),
        );
        let parent = read(&at(folder, "base.vhd"));
        let uuid = &parent[parent.len() - 512 + 68..][..16];
        let (child, shown) = vhd_child(&parent, uuid, &read(&at(folder, "disk.raw")), "base.vhd");
        write(&at(folder, "child.vhd"), &child);
        let image = image::open(&at(folder, "child.vhd")).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(image.files.len(), 2);
        assert_bytes(&*image.disk, &shown, "vhd child");
        assert_holes_are_zero(&data_ranges(&*image.disk, "vhd child"), &shown, "vhd child");
        // Header, table and bitmaps changed anywhere: bytes or an error, soon.
        change_and_walk(&at(folder, "child.vhd"), &[0..3200, child.len() - 512..child.len()]);
        // Another disk of that name is not its parent.
        let (stranger, _) = vhd_child(&parent, &[1; 16], &read(&at(folder, "disk.raw")), "base.vhd");
        write(&at(folder, "child.vhd"), &stranger);
        let error = image::open(&at(folder, "child.vhd")).expect_err("a stranger").to_string();
        assert!(error.contains("'base.vhd' is not the parent as it was"), "{error}");
    }
}

#[test]
fn a_vdi_child_finds_its_parent_by_uuid() {
    if !has_qemu() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    make_raw(&at(folder, "disk.raw"), 5 << 20, 2);
    qemu(folder, "convert -f raw -O vdi disk.raw base.vdi");
    let base = read(&at(folder, "base.vdi"));
    let mut shown = read(&at(folder, "disk.raw"));
    let field = |at: usize| u32::from_le_bytes(base[at..at + 4].try_into().expect("four bytes")) as usize;
    let (map, data) = (field(340), field(344));
    // Block 1 is written, block 3 is zeroed, the others are the parent's.
    let mut child = base[..data].to_vec();
    put(&mut child, 76, &4_u32.to_le_bytes());
    put(&mut child, 392, &[5; 16]);
    put(&mut child, 392 + 32, &base[392..408]);
    for (number, entry) in [u32::MAX, 0, u32::MAX, u32::MAX - 1, u32::MAX].into_iter().enumerate() {
        put(&mut child, map + number * 4, &entry.to_le_bytes());
    }
    let own = Numbers::new(4).bytes(MIB);
    child.extend(&own);
    put(&mut shown, MIB, &own);
    shown[3 * MIB..4 * MIB].fill(0);
    write(&at(folder, "child.vdi"), &child);
    let image = image::open(&at(folder, "child.vdi")).unwrap_or_else(|error| panic!("{error}"));
    assert_bytes(&*image.disk, &shown, "vdi child");
    std::fs::remove_file(at(folder, "base.vdi")).expect("removed");
    let error = image::open(&at(folder, "child.vdi")).expect_err("no parent").to_string();
    assert!(error.contains("which is not in its folder"), "{error}");
}

#[test]
fn an_esx_extent_is_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let mut numbers = Numbers::new(8);
    // Grains of a sector, tables of 4096, the second table absent.
    let sectors = 3 * 4096 + 100;
    let mut shown = vec![0; sectors * 512];
    let mut file = vec![0; 4 * 512];
    put(&mut file, 0, b"COWD");
    for (at, value) in [(4, 1), (8, 3), (12, sectors as u32), (16, 1), (20, 4), (24, 4)] {
        put(&mut file, at, &u32::to_le_bytes(value));
    }
    file.resize(5 * 512, 0);
    for number in [0, 2, 3] {
        let table = file.len();
        put(&mut file, 4 * 512 + number * 4, &((table / 512) as u32).to_le_bytes());
        file.resize(table + 4096 * 4, 0);
        for grain in 0..4096.min(sectors - number * 4096) {
            if numbers.below(3) > 0 {
                let bytes = numbers.bytes(512);
                let place = (file.len() / 512) as u32;
                put(&mut file, table + grain * 4, &place.to_le_bytes());
                put(&mut shown, (number * 4096 + grain) * 512, &bytes);
                file.extend(bytes);
            }
        }
    }
    write(&at(folder, "disk-delta.vmdk"), &file);
    let text = format!(
        "# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\ncreateType=\"vmfsSparse\"\n\
         RW {sectors} VMFSSPARSE \"disk-delta.vmdk\"\n"
    );
    write(&at(folder, "disk.vmdk"), text.as_bytes());
    let image = image::open(&at(folder, "disk.vmdk")).unwrap_or_else(|error| panic!("{error}"));
    assert_bytes(&*image.disk, &shown, "esx");
    assert_holes_are_zero(&data_ranges(&*image.disk, "esx"), &shown, "esx");
}

/// Places of a VHDX as `qemu-img` lays it out.
struct Vhdx {
    bytes: Vec<u8>,
    bat: usize,
    metadata: usize,
    log: usize,
}

const HEADERS: [usize; 2] = [64 << 10, 128 << 10];
const REGIONS: usize = 192 << 10;

impl Vhdx {
    fn new(bytes: Vec<u8>) -> Self {
        let (mut bat, mut metadata) = (0, 0);
        for entry in [REGIONS + 16, REGIONS + 48] {
            let offset = u64_at(&bytes, entry + 16) as usize;
            if bytes[entry] == 0x66 { bat = offset } else { metadata = offset }
        }
        let log = u64_at(&bytes, HEADERS[0] + 72) as usize;
        Self { bytes, bat, metadata, log }
    }

    /// Changes both headers.
    fn headers(&mut self, at: usize, what: &[u8]) {
        for header in HEADERS {
            put(&mut self.bytes, header + at, what);
            sum(&mut self.bytes[header..header + 4096]);
        }
    }

    /// Where the entry of an item of metadata is.
    fn item(&self, first: u8) -> usize {
        let entries = (0..10).map(|number| self.metadata + 32 + number * 32);
        entries.into_iter().find(|at| self.bytes[*at] == first).expect("an item")
    }
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

/// The CRC-32C of a header, region table or log entry, in its place.
fn sum(bytes: &mut [u8]) {
    put(bytes, 4, &[0; 4]);
    let sum = crc32c::crc32c(bytes);
    put(bytes, 4, &sum.to_le_bytes());
}

#[test]
fn a_vhdx_child_shows_its_sectors_and_its_parents() {
    if !has_qemu() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    make_raw(&at(folder, "disk.raw"), 9 << 20, 2);
    qemu(folder, "convert -f raw -O vhdx -o block_size=1M disk.raw base.vhdx");
    // The child: an empty disk of the same size, to which a parent is given.
    qemu(folder, "create -f vhdx -o block_size=1M child.vhdx 9M");
    let base = read(&at(folder, "disk.raw"));
    let mut vhdx = Vhdx::new(read(&at(folder, "child.vhdx")));
    let (mut shown, own) = mixed(&base, 512, &mut Numbers::new(12));
    let parent = read(&at(folder, "base.vhdx"));
    let newest = HEADERS.into_iter().max_by_key(|header| u64_at(&parent, header + 8)).expect("a header");
    let id = &parent[newest + 32..newest + 48];
    // The item of the parent's place, at the end of those that are there.
    let numbers: Vec<String> = id.iter().map(|byte| format!("{byte:02x}")).collect();
    let part = |range: [usize; 2], back: bool| {
        let mut part = numbers[range[0]..range[1]].to_vec();
        if back {
            part.reverse();
        }
        part.concat()
    };
    let linkage = format!(
        "{{{}-{}-{}-{}-{}}}",
        part([0, 4], true),
        part([4, 6], true),
        part([6, 8], true),
        part([8, 10], false),
        part([10, 16], false)
    );
    let pairs = [("parent_linkage", linkage.as_str()), ("relative_path", ".\\base.vhdx")];
    let mut locator = vec![0; 20 + pairs.len() * 12];
    put(
        &mut locator,
        0,
        &[0xb7, 0xef, 0x4a, 0xb0, 0x9e, 0xd1, 0x81, 0x4a, 0xb7, 0x89, 0x25, 0xb8, 0xe9, 0x44, 0x59, 0x13],
    );
    put(&mut locator, 18, &(pairs.len() as u16).to_le_bytes());
    for (number, (key, value)) in pairs.into_iter().enumerate() {
        let entry = 20 + number * 12;
        for (field, text) in [(0, key), (4, value)] {
            let text = utf16(text, u16::to_le_bytes);
            let place = locator.len() as u32;
            put(&mut locator, entry + field, &place.to_le_bytes());
            put(&mut locator, entry + 8 + field / 2, &(text.len() as u16).to_le_bytes());
            locator.extend(text);
        }
    }
    let count = usize::from(vhdx.bytes[vhdx.metadata + 10]);
    let entry = vhdx.metadata + 32 + count * 32;
    vhdx.bytes[vhdx.metadata + 10] += 1;
    put(
        &mut vhdx.bytes,
        entry,
        &[0x2d, 0x5f, 0xd3, 0xa8, 0x0b, 0xb3, 0x4d, 0x45, 0xab, 0xf7, 0xd3, 0xd8, 0x48, 0x34, 0xab, 0x0c],
    );
    put(&mut vhdx.bytes, entry + 16, &(512_u32 << 10).to_le_bytes());
    put(&mut vhdx.bytes, entry + 20, &(locator.len() as u32).to_le_bytes());
    put(&mut vhdx.bytes, entry + 24, &4_u32.to_le_bytes());
    let place = vhdx.metadata + (512 << 10);
    put(&mut vhdx.bytes, place, &locator);
    let parameters = vhdx.item(0x37);
    let parameters = vhdx.metadata + u64_at(&vhdx.bytes, parameters + 16) as u32 as usize;
    vhdx.bytes[parameters + 4] |= 2;
    // Blocks: 2 is the parent's, 4 is zero, 5 is wholly the child's, the rest mixed.
    let sectors = MIB / 512;
    let end = vhdx.bytes.len().next_multiple_of(MIB);
    vhdx.bytes.resize(end, 0);
    let mut bitmap = vec![0_u8; MIB];
    for number in 0..9 {
        let range = number * MIB..(number + 1) * MIB;
        let state = match number {
            2 => {
                shown[range.clone()].copy_from_slice(&base[range.clone()]);
                0
            }
            4 => {
                shown[range.clone()].fill(0);
                2
            }
            5 => 6,
            _ => 7,
        };
        let mut value = state;
        if state >= 6 {
            value |= vhdx.bytes.len() as u64;
            let mut block = vec![0xee; MIB];
            for sector in 0..sectors {
                let whole = number * sectors + sector;
                if state == 6 || own[whole] {
                    bitmap[whole / 8] |= 1 << (whole % 8);
                    put(&mut block, sector * 512, &shown[whole * 512..(whole + 1) * 512]);
                }
            }
            vhdx.bytes.extend(block);
        }
        put(&mut vhdx.bytes, vhdx.bat + number * 8, &u64::to_le_bytes(value));
    }
    // The entry of the bitmap follows those of the 4096 blocks of a chunk.
    let value = vhdx.bytes.len() as u64 | 6;
    put(&mut vhdx.bytes, vhdx.bat + 4096 * 8, &value.to_le_bytes());
    vhdx.bytes.extend(bitmap);
    // A table that is that long.
    let entry =
        (0..2).map(|number| REGIONS + 16 + number * 32).find(|at| vhdx.bytes[*at] == 0x66).expect("a table");
    let length = u32::from_le_bytes(vhdx.bytes[entry + 24..entry + 28].try_into().expect("four bytes"));
    assert!(length as usize >= 4097 * 8, "the table of blocks has {length} bytes");
    write(&at(folder, "child.vhdx"), &vhdx.bytes);
    let image = image::open(&at(folder, "child.vhdx")).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(image.files.len(), 2);
    assert_bytes(&*image.disk, &shown, "vhdx child");
    assert_holes_are_zero(&data_ranges(&*image.disk, "vhdx child"), &shown, "vhdx child");
    let (metadata, bat) = (vhdx.metadata, vhdx.bat);
    let places = [metadata..metadata + 600, metadata + (512 << 10)..metadata + (513 << 10), bat..bat + 200];
    change_and_walk(&at(folder, "child.vhdx"), &places);
    // The parent was written to since: another identifier of its data.
    let mut parent = Vhdx::new(parent);
    parent.headers(32, &[9; 16]);
    write(&at(folder, "base.vhdx"), &parent.bytes);
    let error = image::open(&at(folder, "child.vhdx")).expect_err("another parent").to_string();
    assert!(error.contains("not the parent as it was"), "{error}");
}

const LOG_GUID: [u8; 16] = [0x5a; 16];

/// A write that a log holds.
enum Write {
    Data(u64, Vec<u8>),
    Zero(u64, u64),
}

/// An entry of a log with its checksum.
fn log_entry(sequence: u64, tail: u32, file: u64, writes: &[Write]) -> Vec<u8> {
    let mut head = vec![0; (64 + writes.len() * 32).next_multiple_of(4096)];
    let mut data = Vec::new();
    for (number, write) in writes.iter().enumerate() {
        let at = 64 + number * 32;
        match write {
            Write::Data(place, bytes) => {
                put(&mut head, at, b"desc");
                put(&mut head, at + 4, &bytes[4092..]);
                put(&mut head, at + 8, &bytes[..8]);
                put(&mut head, at + 16, &place.to_le_bytes());
                let mut sector = bytes.clone();
                put(&mut sector, 0, b"data");
                put(&mut sector, 4, &((sequence >> 32) as u32).to_le_bytes());
                put(&mut sector, 4092, &(sequence as u32).to_le_bytes());
                data.extend(sector);
            }
            Write::Zero(place, length) => {
                put(&mut head, at, b"zero");
                put(&mut head, at + 8, &length.to_le_bytes());
                put(&mut head, at + 16, &place.to_le_bytes());
            }
        }
        put(&mut head, at + 24, &sequence.to_le_bytes());
    }
    let mut entry = [head, data].concat();
    let length = entry.len() as u32;
    put(&mut entry, 0, b"loge");
    put(&mut entry, 8, &length.to_le_bytes());
    put(&mut entry, 12, &tail.to_le_bytes());
    put(&mut entry, 16, &sequence.to_le_bytes());
    put(&mut entry, 24, &(writes.len() as u32).to_le_bytes());
    put(&mut entry, 32, &LOG_GUID);
    put(&mut entry, 48, &file.to_le_bytes());
    put(&mut entry, 56, &file.to_le_bytes());
    sum(&mut entry);
    entry
}

/// A VHDX of which blocks were allocated, but the table says so in the log only:
/// the table in the file is put back to what it was before. The log starts near the
/// end of its ring and wraps, has an old sequence before it and a torn entry after it.
fn with_log(folder: &Path) -> (Vhdx, Vec<u8>) {
    qemu(folder, "create -f vhdx -o block_size=1M empty.vhdx 9M");
    make_raw(&at(folder, "disk.raw"), 9 << 20, 6);
    qemu(folder, "convert -f raw -O vhdx -o block_size=1M disk.raw full.vhdx");
    let mut vhdx = Vhdx::new(read(&at(folder, "full.vhdx")));
    let table = vhdx.bytes[vhdx.bat..vhdx.bat + 4096].to_vec();
    vhdx.bytes[vhdx.bat..vhdx.bat + 4096].fill(0);
    let mut shown = read(&at(folder, "disk.raw"));
    // Half a table first, then all of it; a block zeroed by a zero descriptor.
    let mut half = table.clone();
    half[32..].fill(0);
    let place =
        (0..9).map(|number| u64_at(&table, number * 8)).find(|entry| entry & 7 == 6).expect("a block");
    let block = (0..9).position(|number| u64_at(&table, number * 8) == place).expect("a block");
    let place = place & !0xf_ffff;
    shown[block * MIB + 8192..block * MIB + 65536].fill(0);
    let file = vhdx.bytes.len() as u64;
    let bat = vhdx.bat as u64;
    let length = MIB as u32;
    let first = log_entry(70, length - 8192, file, &[Write::Data(bat, half)]);
    let second =
        log_entry(71, length - 8192, file, &[Write::Zero(place + 8192, 57344), Write::Data(bat, table)]);
    let old = log_entry(12, 65536, file, &[Write::Zero(bat, 4096)]);
    let mut torn = log_entry(72, 0, file, &[Write::Zero(bat, 4096)]);
    torn[100] ^= 1;
    let log = vhdx.log;
    put(&mut vhdx.bytes, log + MIB - 8192, &first);
    put(&mut vhdx.bytes, log, &second);
    put(&mut vhdx.bytes, log + second.len(), &torn);
    put(&mut vhdx.bytes, log + 65536, &old);
    vhdx.headers(48, &LOG_GUID);
    vhdx.headers(68, &length.to_le_bytes());
    (vhdx, shown)
}

#[test]
fn a_log_is_replayed_as_qemu_does() {
    if !has_qemu() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let (vhdx, shown) = with_log(folder);
    write(&at(folder, "dirty.vhdx"), &vhdx.bytes);
    let image = image::open(&at(folder, "dirty.vhdx")).unwrap_or_else(|error| panic!("{error}"));
    assert!(image.notes.iter().any(|note| note.contains("log is replayed")), "{:?}", image.notes);
    assert_bytes(&*image.disk, &shown, "replayed");
    assert!(read(&at(folder, "dirty.vhdx")) == vhdx.bytes, "the file was written to");
    // QEMU replays it in the file, when that is opened for writing.
    qemu_io(folder, "dirty.vhdx", &["read 0 512"]);
    let repaired = by_qemu(folder, "vhdx", "dirty.vhdx");
    assert!(read(&at(folder, "dirty.vhdx")) != vhdx.bytes, "QEMU had nothing to replay");
    assert!(repaired == shown, "QEMU replays it in another way");
}

#[test]
fn a_damaged_log_is_an_error() {
    if !has_qemu() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let (vhdx, _) = with_log(folder);
    let open = |change: &dyn Fn(&mut Vhdx)| {
        let mut changed = Vhdx { bytes: vhdx.bytes.clone(), ..vhdx };
        change(&mut changed);
        write(&at(folder, "bad.vhdx"), &changed.bytes);
        image::open(&at(folder, "bad.vhdx"))
    };
    // No entry of the log that the header speaks of.
    let error = open(&|vhdx| vhdx.headers(48, &[1; 16])).expect_err("no entry");
    assert_eq!(error.error.reason, Reason::Corrupt, "{error}");
    // The newest entry is torn: the one before it is what counts.
    let (log, first) = (vhdx.log, vhdx.log + MIB - 8192);
    let image = open(&|vhdx| vhdx.bytes[log + 200] ^= 1).expect("an image");
    assert!(image.notes.iter().any(|note| note.contains("log is replayed")));
    // The tail of the sequence is torn: nothing that can be replayed but the old one.
    let image = open(&|vhdx| {
        vhdx.bytes[first + 200] ^= 1;
        vhdx.bytes[log + 200] ^= 1;
    });
    assert!(image.is_ok(), "{image:?}");
    // The file is shorter than the log says.
    let error = open(&|vhdx| vhdx.bytes.truncate(vhdx.bytes.len() - MIB)).expect_err("cut short");
    assert!(error.to_string().contains("cut short"), "{error}");
    // One header is torn: the other serves.
    assert!(open(&|vhdx| vhdx.bytes[HEADERS[0] + 100] ^= 1).is_ok());
    let error = open(&|vhdx| HEADERS.into_iter().for_each(|header| vhdx.bytes[header + 100] ^= 1));
    assert_eq!(error.expect_err("no header").error.reason, Reason::Corrupt);
}

#[test]
fn hostile_34_a_log_that_only_looks_like_entries_ends() {
    if !has_qemu() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let (mut vhdx, _) = with_log(folder);
    // 32 MiB of heads that each claim to be as long as the log, at the end of the file.
    let length = 32 * MIB;
    let at_end = vhdx.bytes.len().next_multiple_of(MIB);
    let mut head = log_entry(9, 0, 0, &[]);
    put(&mut head, 8, &(length as u32).to_le_bytes());
    vhdx.bytes.resize(at_end, 0);
    for _ in 0..length / 4096 {
        vhdx.bytes.extend(&head);
    }
    vhdx.headers(68, &(length as u32).to_le_bytes());
    vhdx.headers(72, &(at_end as u64).to_le_bytes());
    write(&at(folder, "bomb.vhdx"), &vhdx.bytes);
    let error = image::open(&at(folder, "bomb.vhdx")).expect_err("a bomb");
    assert_eq!(error.error.reason, Reason::OverBudget, "{error}");
    // A log of 2 GiB is not looked at.
    vhdx.headers(68, &(2_u32 << 30).to_le_bytes());
    write(&at(folder, "bomb.vhdx"), &vhdx.bytes);
    let error = image::open(&at(folder, "bomb.vhdx")).expect_err("a bomb");
    assert_eq!(error.error.reason, Reason::OverBudget, "{error}");
}
