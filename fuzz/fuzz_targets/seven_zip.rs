//! 7z: a header whose checksums are right, and blocks before it.
//!
//! Input: two bytes, how long the blocks are; the blocks; the header.
#![no_main]

use std::io::Read;
use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use snapsift::finding::Reason;
use snapsift::source::unpack::{Input, Limits, Place, Unpacker, Visitor};

struct Reader(u64);

impl Visitor for Reader {
    fn content(&mut self, _: &Place<'_>, input: &mut Input<'_>) {
        let mut bytes = [0; 4096];
        while let Ok(read @ 1..) = input.read(&mut bytes) {
            self.0 += read as u64;
        }
    }
    fn leaves_out(&mut self, place: &Place<'_>) -> Option<Reason> {
        place.steps.len().is_multiple_of(3).then_some(Reason::Excluded)
    }
    fn opened(&mut self) {}
    fn left_out(&mut self, _: &Place<'_>, _: Reason, _: u64) {}
    fn problem(&mut self, _: &Place<'_>, _: Reason, _: Option<u64>, _: String) {}
}

fuzz_target!(|data: &[u8]| {
    let Some((length, rest)) = data.split_first_chunk::<2>() else { return };
    let Some((blocks, header)) = rest.split_at_checked(usize::from(u16::from_le_bytes(*length))) else { return };
    let mut place = Vec::new();
    place.extend_from_slice(&(blocks.len() as u64).to_le_bytes());
    place.extend_from_slice(&(header.len() as u64).to_le_bytes());
    place.extend_from_slice(&crc32fast::hash(header).to_le_bytes());
    let start = [b"7z\xbc\xaf\x27\x1c\0\x04", &crc32fast::hash(&place).to_le_bytes()[..], &place].concat();
    let bytes = [&*start, blocks, header].concat();
    const LIMIT: u64 = 4 << 20;
    let limits = Limits { depth: 3, file: LIMIT, total: Arc::new(u64::MAX.into()), stop: Arc::default() };
    let unpacker = Unpacker::new(limits);
    let mut reader = Reader(0);
    unpacker.begin(bytes.len() as u64);
    unpacker.unpack_seven_zip(0, &bytes, bytes.len() as u64, &mut reader);
    assert!(reader.0 <= 2 * LIMIT + 3 * bytes.len() as u64);
});
