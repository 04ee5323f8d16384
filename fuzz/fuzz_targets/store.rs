//! Stores: any bytes as an SQLite database, a registry hive, a core dump, a journal of
//! systemd, an event log of Windows or a table of LevelDB or RocksDB. The first byte says whose magic they get. Whatever they are, the text of records is within limits,
//! fields lie in the text and in the file, their bytes are the same there, and a second
//! pass gives the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use snapsift::finding::Reason;
use snapsift::source::content::ReadAt;
use snapsift::source::disk::DiskError;
use snapsift::source::store::{Record, Source, Visitor, detect, guess};

struct Bytes<'b>(&'b [u8]);

impl ReadAt for Bytes<'_> {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> Result<usize, DiskError> {
        let rest = usize::try_from(offset).ok().and_then(|at| self.0.get(at..)).unwrap_or_default();
        let length = rest.len().min(bytes.len());
        bytes[..length].copy_from_slice(&rest[..length]);
        Ok(length)
    }

    fn next_data(&self, from: u64) -> Result<Option<(u64, u64)>, DiskError> {
        let size = self.0.len() as u64;
        Ok((from < size).then_some((from, size)))
    }
}

#[derive(Default, PartialEq, Debug)]
struct Seen<'b> {
    file: &'b [u8],
    records: Vec<(Vec<u8>, Vec<String>)>,
    problems: Vec<(Reason, Option<u64>, String)>,
}

impl Visitor for Seen<'_> {
    fn record(&mut self, record: &Record<'_>) {
        let names = record.fields.iter().map(|field| {
            let value = &record.text[field.value.clone()];
            let mut at = 0;
            for part in field.places(field.value.clone()) {
                let stored = &self.file[part.start as usize..part.end as usize];
                assert_eq!(stored, &value[at..at + stored.len()]);
                at += stored.len();
            }
            assert!(field.stored.is_empty() || at == value.len());
            (record.name)(field)
        });
        let names = names.collect();
        self.records.push((record.text.to_vec(), names));
    }

    fn problem(&mut self, reason: Reason, offset: Option<u64>, message: String) {
        self.problems.push((reason, offset, message));
    }

    fn not_replayed(&mut self) {}

    fn unpacked(&mut self, range: std::ops::Range<u64>) {
        assert!(range.start <= range.end && range.end <= self.file.len() as u64);
    }

    fn should_stop(&self) -> bool {
        false
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((kind, rest)) = data.split_first() else { return };
    let mut file = rest.to_vec();
    let magic: &[u8] = match kind & 7 {
        0 => b"SQLite format 3\0",
        1 => b"regf",
        2 => b"\x7fELF",
        3 => b"LPKSHHRH",
        6 => b"ElfFile\0",
        _ => b"",
    };
    if let Some(start) = file.get_mut(..magic.len()) {
        start.copy_from_slice(magic);
    }
    // A table is told by its end.
    let end: &[u8] = match kind & 7 {
        4 => &0xdb47_7524_8b80_fb57_u64.to_le_bytes(),
        5 => &0x88e2_41b7_85f4_cff7_u64.to_le_bytes(),
        _ => b"",
    };
    if let Some(at) = file.len().checked_sub(end.len()) {
        file[at..].copy_from_slice(end);
    }
    let Some(store) = detect(&file).or_else(|| guess(&file)) else { return };
    let pass = || {
        let source = Source {
            file: &Bytes(&file),
            size: file.len() as u64,
            path: b"/file",
            tree: None,
            is_scanned: &|_, _| false,
        };
        let mut seen = Seen { file: &file, ..Seen::default() };
        store.read(&source, &mut seen);
        let text: usize = seen.records.iter().map(|(text, _)| text.len()).sum();
        assert!(text <= (64 * file.len()).max(65 << 20), "{text} bytes");
        seen
    };
    assert_eq!(pass(), pass());
});
