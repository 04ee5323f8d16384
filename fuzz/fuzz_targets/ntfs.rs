//! NTFS: a volume of 1280 KiB, of which the input gives pieces: a number of a sector
//! (two bytes), a number of sectors less one (one byte), and the sectors.
#![no_main]

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use rustix::fs::FileType;
use snapsift::source::disk::MemoryDisk;
use snapsift::source::filesystem::ntfs::{self, Ntfs};
use snapsift::source::filesystem::{Content, ContentReader, Filesystem};

const SIZE: usize = 1280 << 10;

fuzz_target!(|data: &[u8]| {
    let mut disk = vec![0; SIZE];
    let mut rest = data;
    while let Some(([low, high, count], sectors)) = rest.split_first_chunk() {
        let length = ((usize::from(*count) + 1) * 512).min(sectors.len());
        let (sectors, after) = sectors.split_at(length);
        let at = usize::from(u16::from_le_bytes([*low, *high])) * 512;
        if let Some(place) = disk.get_mut(at..at + length) {
            place.copy_from_slice(sectors);
        }
        rest = after;
    }
    if let Ok(fs) = ntfs::open(Arc::new(MemoryDisk(disk.into()))) {
        walk(&fs);
    }
});

/// Looks at all there is, a bounded number of bytes of each content.
fn walk(fs: &Ntfs) {
    let mut waiting = vec![fs.root()];
    let mut seen = BTreeSet::new();
    while let Some(dir) = waiting.pop() {
        let mut ids = Vec::new();
        let _ = fs.list(dir, &mut |entry| {
            assert!(!entry.name.is_empty() && !entry.name.contains(&b'/') && !entry.name.contains(&0));
            ids.push(entry.id);
            ControlFlow::Continue(())
        });
        for id in ids.into_iter().filter(|id| seen.insert(*id)) {
            match fs.stat(id).map(|stat| stat.file_type) {
                Ok(FileType::Directory) => waiting.push(id),
                Ok(FileType::Symlink) => assert!(fs.link_target(id).is_ok()),
                _ => {}
            }
            if let Ok(content) = fs.content(id) {
                look(fs, &content);
            }
            for stream in fs.streams(id).unwrap_or_default().iter().take(5) {
                if let Ok(content) = fs.stream(id, &stream.name) {
                    look(fs, &content);
                }
            }
        }
    }
    let _ = fs.deleted(&mut |file| {
        look(fs, &file.content);
        ControlFlow::Continue(())
    });
    let mut last = 0;
    let _ = fs.free(&mut |_, range| {
        assert!(range.start >= last && range.end > range.start && range.end <= fs.about().size);
        last = range.end;
        ControlFlow::Continue(())
    });
}

fn look(fs: &Ntfs, content: &Content) {
    let mut end = 0;
    for piece in &content.pieces {
        assert!(piece.at >= end && piece.length > 0);
        end = piece.at + piece.length;
    }
    let reader = ContentReader::new(fs, content);
    let mut buffer = vec![0; 50_000];
    let mut at = 0;
    for _ in 0..10 {
        let Some((start, _)) = reader.next_data(at) else { break };
        match reader.read_at(&mut buffer, start) {
            Ok(filled) if filled > 0 => at = start + filled as u64,
            _ => break,
        }
    }
}
