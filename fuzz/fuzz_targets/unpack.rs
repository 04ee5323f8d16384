//! Archives in archives: any bytes, unpacked to their innermost contents within small
//! limits. Whatever they are, the work stays within them, every content ends, and a second
//! pass gives the same.
#![no_main]

use std::io::Read;
use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use snapsift::finding::Reason;
use snapsift::source::unpack::{Input, Limits, Place, Unpacker, Visitor};

const LIMIT: u64 = 4 << 20;

#[derive(Default, PartialEq, Debug)]
struct Seen {
    contents: Vec<(usize, u64, u64)>,
    problems: Vec<(Reason, String)>,
    bytes: u64,
}

impl Visitor for Seen {
    fn content(&mut self, place: &Place<'_>, input: &mut Input<'_>) {
        let mut buffer = [0; 4096];
        let mut length = 0;
        while let Ok(read @ 1..) = input.read(&mut buffer) {
            length += read as u64;
        }
        self.bytes += length;
        self.contents.push((place.steps.len(), place.base, length));
    }

    fn leaves_out(&mut self, _: &Place<'_>) -> Option<Reason> {
        None
    }

    fn opened(&mut self) {}

    fn left_out(&mut self, _: &Place<'_>, _: Reason, _: u64) {}

    fn problem(&mut self, _: &Place<'_>, reason: Reason, _: Option<u64>, message: String) {
        self.problems.push((reason, message));
    }
}

fuzz_target!(|data: &[u8]| {
    let limits =
        Limits { depth: 5, file: LIMIT, total: Arc::new((1 << 40).into()), stop: Arc::default() };
    let unpacker = Unpacker::new(limits);
    let stored = data.len() as u64;
    let pass = || {
        let mut seen = Seen::default();
        let understood = unpacker.unpack(Box::new(data), stored, &mut seen);
        assert!(understood <= stored);
        // Each level gives what it was given, once; a last read may go over.
        assert!(seen.bytes <= 6 * (LIMIT + stored + (1 << 20)), "{} bytes", seen.bytes);
        (seen, understood)
    };
    assert_eq!(pass(), pass());
});
