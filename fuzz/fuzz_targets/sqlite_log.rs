//! Write-ahead logs of SQLite over a database. The sums of each frame are put right here,
//! so that what the pages say is in the fuzzer's hands: a byte says how many of the frames
//! that follow have a wrong one, and a page in the database and one in a frame differ in
//! nothing but where they lie.
#![no_main]

use std::ops::ControlFlow;

use libfuzzer_sys::fuzz_target;
use snapsift::formats::sqlite::wal::{Log, Overlaid};
use snapsift::formats::sqlite::{Database, Row, SqliteError, Visit};

const PAGE: usize = 512;

#[derive(Default, PartialEq, Debug)]
struct Seen {
    rows: Vec<(u32, Vec<u8>)>,
    errors: Vec<SqliteError>,
}

impl Visit for Seen {
    fn row(&mut self, row: &Row) {
        self.rows.push((row.page(), row.record().to_vec()));
    }

    fn damaged(&mut self, error: SqliteError) -> ControlFlow<()> {
        self.errors.push(error);
        ControlFlow::Continue(())
    }
}

fn sum(bytes: &[u8], (mut one, mut other): (u32, u32)) -> (u32, u32) {
    for pair in bytes.chunks_exact(8) {
        let word = |at: usize| u32::from_be_bytes([pair[at], pair[at + 1], pair[at + 2], pair[at + 3]]);
        one = one.wrapping_add(word(0)).wrapping_add(other);
        other = other.wrapping_add(word(4)).wrapping_add(one);
    }
    (one, other)
}

fuzz_target!(|data: &[u8]| {
    let [pages, bad, data @ ..] = data else { return };
    let mut database = Vec::new();
    let mut log = [0x377f_0683_u32, 3_007_000, PAGE as u32, 0, 7, 9].map(u32::to_be_bytes).concat();
    let mut sums = sum(&log, (0, 0));
    let put = |log: &mut Vec<u8>, number: u32| log.extend_from_slice(&number.to_be_bytes());
    put(&mut log, sums.0);
    put(&mut log, sums.1);
    let mut frames = 0_u8;
    for chunk in data.chunks(PAGE + 2) {
        let [number, commit, content @ ..] = chunk else { break };
        let mut page = content.to_vec();
        page.resize(PAGE, 0);
        if *number == 1 {
            page[..18].copy_from_slice(b"SQLite format 3\0\x02\x00");
            page[20] = 0;
        }
        if database.len() < usize::from(*pages) * PAGE {
            database.extend_from_slice(&page);
            continue;
        }
        let head = [u32::from(*number).to_be_bytes(), u32::from(*commit).to_be_bytes()].concat();
        frames = frames.wrapping_add(1);
        sums = sum(&page, sum(&head, sums));
        log.extend_from_slice(&head);
        put(&mut log, 7);
        put(&mut log, 9);
        put(&mut log, sums.0 ^ u32::from(frames == *bad));
        put(&mut log, sums.1);
        log.extend_from_slice(&page);
    }
    let length = log.len() as u64;
    let read = Log::read(&mut &log[..], length).expect("its header is right");
    assert!(read.newest.values().all(|at| at + PAGE as u64 <= length));
    let size = u64::from(read.pages) * PAGE as u64;
    let pass = || {
        let overlaid = Overlaid { database: Some(&database[..]), reader: &log[..], log: &read };
        let mut seen = Seen::default();
        if let Ok(mut database) = Database::open(overlaid, size) {
            database.read_each_once(size);
            database.walk(1, 1 << 16, &mut seen);
        }
        let bytes: usize = seen.rows.iter().map(|(_, record)| record.len()).sum();
        assert!(bytes as u64 <= size + PAGE as u64);
        seen
    };
    assert_eq!(pass(), pass());
});
