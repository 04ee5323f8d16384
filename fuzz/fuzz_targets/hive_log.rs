//! Transaction logs of a registry hive, with sums that are right, over a hive of any bytes. The
//! first byte says which form the log has. Whatever they hold, reading ends, the hive does not
//! become longer than its file and its log, and a second pass gives the same.
#![no_main]

use std::ops::ControlFlow;

use libfuzzer_sys::fuzz_target;
use snapsift::formats::hive::{Hive, HiveError, Replay, Replayed, Value, Visit};
use snapsift::formats::marvin32::marvin64;
use snapsift::formats::sqlite::ReadPages;

const SEED: u64 = 0x82ef_4d88_7a4e_55c5;

#[derive(Debug)]
struct Bytes(Vec<u8>);

impl ReadPages for Bytes {
    fn read(&mut self, offset: u64, page: &mut [u8]) -> bool {
        let from = usize::try_from(offset).ok().and_then(|at| self.0.get(at..)?.get(..page.len()));
        from.map(|from| page.copy_from_slice(from)).is_some()
    }
}

#[derive(Default, PartialEq, Debug)]
struct Seen {
    values: Vec<(Vec<String>, String, Vec<u8>)>,
    path: Vec<String>,
    errors: Vec<HiveError>,
}

impl Visit for Seen {
    fn key(&mut self, path: &[String]) -> ControlFlow<()> {
        self.path = path.to_vec();
        ControlFlow::Continue(())
    }

    fn value(&mut self, value: &Value<'_>) {
        self.values.push((self.path.clone(), value.name.to_owned(), value.data.to_vec()));
    }

    fn damaged(&mut self, error: HiveError) -> ControlFlow<()> {
        self.errors.push(error);
        ControlFlow::Continue(())
    }
}

fn set(bytes: &mut [u8], at: usize, number: u32) {
    if let Some(place) = bytes.get_mut(at..at + 4) {
        place.copy_from_slice(&number.to_le_bytes());
    }
}

fn get(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).map_or(0, |part| u32::from_le_bytes([part[0], part[1], part[2], part[3]]))
}

/// Puts the sum over a base block right.
fn seal(block: &mut [u8]) {
    let sum = (0..127).fold(0, |sum, word| sum ^ get(block, word * 4));
    set(
        block,
        508,
        match sum {
            0 => 1,
            u32::MAX => u32::MAX - 1,
            sum => sum,
        },
    );
}

fuzz_target!(|data: &[u8]| {
    let Some((&kind, rest)) = data.split_first() else { return };
    let (hive, log) = rest.split_at(rest.len() / 2);
    let mut hive = hive.to_vec();
    if hive.len() < 512 || log.len() < 512 {
        return;
    }
    hive[..4].copy_from_slice(b"regf");
    for (at, number) in [(4, 2), (8, 1), (20, 1), (24, 5), (28, 0)] {
        set(&mut hive, at, number);
    }
    seal(&mut hive);
    let is_old = kind & 1 != 0;
    let mut own = hive[..512].to_vec();
    set(&mut own, 4, 1);
    set(&mut own, 28, if is_old { 1 } else { 6 });
    set(&mut own, 40, get(log, 40) & 0x3f_ffff);
    seal(&mut own);
    let mut log = [&own, log].concat();
    if is_old {
        log[512..516].copy_from_slice(b"DIRT");
    } else {
        let mut at = 512;
        let mut number = 1;
        while log.len() >= at + 512 {
            let size = (get(&log, at + 4) as usize % 16 + 1) * 512;
            let Some(entry) = log.get_mut(at..at + size) else { break };
            entry[..4].copy_from_slice(b"HvLE");
            set(entry, 4, size as u32);
            set(entry, 12, number);
            let bins = get(entry, 16) & 0x3f_f000;
            set(entry, 16, bins);
            let count = get(entry, 20) % 8;
            set(entry, 20, count);
            for page in 0..count as usize {
                for at in [40 + page * 8, 44 + page * 8] {
                    let number = get(entry, at) & if at % 8 == 0 { 0x3f_fe00 } else { 0x1e00 };
                    set(entry, at, number);
                }
            }
            let sum = marvin64(SEED, &entry[40..]).to_le_bytes();
            entry[24..32].copy_from_slice(&sum);
            let sum = marvin64(SEED, &entry[..32]).to_le_bytes();
            entry[32..40].copy_from_slice(&sum);
            (at, number) = (at + size, number + 1);
        }
    }
    let pass = || {
        let length = hive.len() as u64;
        let mut logs = vec![(Bytes(log.clone()), log.len() as u64)];
        let block = <[u8; 512]>::try_from(&hive[..512]).expect("512");
        let replay = Replay::read(&block, &mut logs);
        assert!(replay.length(length, log.len() as u64) <= length + log.len() as u64);
        let mut seen = Seen::default();
        let replayed = Replayed { hive: Bytes(hive.clone()), logs, replay: replay.into() };
        if let Ok(mut hive) = Hive::open_replayed(replayed, length) {
            hive.walk(1 << 16, &mut seen);
        }
        seen
    };
    assert_eq!(pass(), pass());
});
