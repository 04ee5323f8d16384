//! Media that misbehave, and a sink that checks what it is given.

use super::*;

/// A medium in memory with bad blocks, holes and a false size.
struct Fake {
    bytes: Vec<u8>,
    bad: Vec<std::ops::Range<u64>>,
    data: Option<Vec<(u64, u64)>>,
    /// The most that one read gives.
    max_read: usize,
}

impl Fake {
    fn new(len: usize) -> Self {
        let bytes = (0..len).map(|at| u8::try_from(at % 251).expect("below 251")).collect();
        Self { bytes, bad: Vec::new(), data: None, max_read: usize::MAX }
    }
}

fn io_error(offset: u64) -> DiskError {
    DiskError::io(offset, &Errno::IO.into())
}

impl ReadAt for Fake {
    fn read_at(&self, out: &mut [u8], offset: u64) -> Result<usize, DiskError> {
        if self.bad.iter().any(|bad| bad.contains(&offset)) {
            return Err(io_error(offset));
        }
        let next_bad = self.bad.iter().map(|bad| bad.start).filter(|start| *start > offset).min();
        let stop = next_bad.unwrap_or(u64::MAX).min(widen(self.bytes.len()));
        let len =
            usize::try_from(stop.saturating_sub(offset)).expect("fits").min(out.len()).min(self.max_read);
        let offset = usize::try_from(offset).expect("fits");
        out[..len].copy_from_slice(self.bytes.get(offset..offset + len).unwrap_or_default());
        Ok(len)
    }

    fn next_data(&self, from: u64) -> Result<Option<(u64, u64)>, DiskError> {
        let data = self.data.as_ref().ok_or_else(|| io_error(from))?;
        Ok(data.iter().find(|(_, end)| *end > from).map(|(start, end)| ((*start).max(from), *end)))
    }
}

/// Notes which bytes came, checks that repeated ones are the same, and asks for
/// `repeat` bytes again each time.
#[derive(Default)]
struct Check {
    /// By offset; `None` where nothing came.
    seen: Vec<Option<u8>>,
    repeat: u64,
    begun: Vec<u64>,
    flushed: bool,
    stop: bool,
}

impl Check {
    fn note(&mut self, bytes: &[u8], base: u64) {
        if bytes.is_empty() {
            return;
        }
        let base = usize::try_from(base).expect("fits");
        let end = base + bytes.len();
        self.seen.resize(self.seen.len().max(end), None);
        for (at, (seen, byte)) in self.seen[base..end].iter_mut().zip(bytes).enumerate() {
            assert!(seen.is_none_or(|seen| seen == *byte), "offset {} changed", base + at);
            *seen = Some(*byte);
        }
    }
}

impl Sink for Check {
    fn whole(&mut self, bytes: &[u8]) {
        self.note(bytes, 0);
        self.flushed = true;
    }
    fn begin(&mut self, base: u64) {
        self.begun.push(base);
        self.flushed = false;
    }
    fn window(&mut self, bytes: &[u8], base: u64, last: bool) -> u64 {
        assert!(!self.flushed, "a window after the last");
        self.note(bytes, base);
        self.flushed = last;
        (base + widen(bytes.len())).saturating_sub(self.repeat).max(base)
    }
    fn should_stop(&self) -> bool {
        self.stop
    }
}

fn run(medium: &Fake, size: u64, stored: u64, repeat: u64) -> (Outcome, Check) {
    let mut sink = Check { repeat, ..Check::default() };
    let extent = Extent { size, stored, max_unsized: 8 << 20 };
    let outcome = read(medium, extent, &mut ReadBuffer::new(), &mut sink);
    for (at, byte) in sink.seen.iter().enumerate() {
        assert!(byte.is_none_or(|byte| byte == medium.bytes[at]), "offset {at}");
    }
    let seen = sink.seen.iter().flatten().count();
    assert_eq!(outcome.scanned, widen(seen), "each byte is counted once");
    assert!(sink.flushed || sink.begun.is_empty() || outcome.scanned == 0, "the end was told");
    if size > 0 {
        let gaps: u64 = outcome.gaps.iter().map(|gap| gap.length).sum();
        assert_eq!(outcome.scanned + outcome.holes + gaps, size, "every byte is accounted for");
    }
    (outcome, sink)
}

#[test]
fn every_size_is_read_whole_with_any_overlap() {
    for len in [0, 1, 4095, WINDOW - 1, WINDOW, WINDOW + 1, 2 * WINDOW, 3 * WINDOW + 77] {
        for (repeat, max_read) in
            [(0, usize::MAX), (1, 300_001), (70_000, usize::MAX), (widen(MAX_CARRY), 700_001)]
        {
            {
                let medium = Fake { max_read, ..Fake::new(len) };
                let (outcome, _) = run(&medium, widen(len), widen(len), repeat);
                assert_eq!((outcome.scanned, outcome.gaps.len()), (widen(len), 0), "{len} {repeat}");
            }
        }
    }
}

#[test]
fn hostile_06_a_read_error_costs_only_its_block() {
    let len = 2 * WINDOW + 12_345;
    let blocks = widen(len) / BAD_BLOCK;
    for block in (0..=blocks).step_by(97).chain([0, 1, 255, 256, 257, blocks]) {
        let mut medium = Fake::new(len);
        let bad = block * BAD_BLOCK..((block + 1) * BAD_BLOCK).min(widen(len));
        medium.bad.push(bad.clone());
        let (outcome, sink) = run(&medium, widen(len), widen(len), 1000);
        assert_eq!(outcome.gaps.len(), 1, "block {block}");
        let gap = &outcome.gaps[0];
        assert_eq!((gap.offset, gap.length), (bad.start, bad.end - bad.start), "block {block}");
        assert_eq!((gap.reason, gap.error.clone()), (Reason::Unreadable, Some(io_error(bad.start))));
        let at = |offset: u64| usize::try_from(offset).expect("fits").min(sink.seen.len());
        assert!(sink.seen[at(bad.start)..at(bad.end)].iter().all(Option::is_none));
    }
    // The same for a file that would be read at once.
    let mut medium = Fake::new(20_000);
    medium.bad.push(8192..12_288);
    let (outcome, _) = run(&medium, 20_000, 20_480, 0);
    assert_eq!((outcome.scanned, outcome.gaps[0].offset), (20_000 - 4096, 8192));
}

#[test]
fn a_wholly_bad_medium_ends_soon() {
    let mut medium = Fake::new(10);
    medium.bad.push(0..u64::MAX);
    let huge = 1 << 62;
    let (outcome, _) = run(&medium, huge, huge, 0);
    assert_eq!(
        outcome.gaps,
        [Gap { offset: 0, length: huge, reason: Reason::Unreadable, error: Some(io_error(0)) }]
    );
}

#[test]
fn a_shrunken_content_is_counted_as_changed() {
    for (len, size) in [(10_usize, 20_u64), (0, 20), (WINDOW + 5, widen(3 * WINDOW)), (0, 1 << 40)] {
        let (outcome, _) = run(&Fake::new(len), size, size, 10);
        assert_eq!(outcome.scanned, widen(len));
        let gap = Gap {
            offset: widen(len),
            length: size - widen(len),
            reason: Reason::ChangedWhileRead,
            error: None,
        };
        assert_eq!(outcome.gaps, [gap]);
    }
}

#[test]
fn holes_are_not_read() {
    let mut medium = Fake::new(4 * WINDOW);
    medium.data = Some(vec![
        (4096, 8192),
        (widen(WINDOW), widen(3 * WINDOW)),
        (widen(3 * WINDOW) + 4096, widen(3 * WINDOW) + 8192),
    ]);
    let (outcome, sink) = run(&medium, widen(4 * WINDOW), 12_288, 5000);
    assert_eq!(outcome.scanned, 8192 + widen(2 * WINDOW));
    assert_eq!(outcome.holes, widen(2 * WINDOW) - 8192);
    assert_eq!(sink.begun, [4096, widen(WINDOW), widen(3 * WINDOW) + 4096]);
    // A medium that cannot tell is read whole.
    let medium = Fake::new(2 * WINDOW);
    let (outcome, _) = run(&medium, widen(2 * WINDOW), 0, 0);
    assert_eq!((outcome.scanned, outcome.holes), (widen(2 * WINDOW), 0));
    // A hole of 8 EiB takes no time.
    let medium = Fake { data: Some(Vec::new()), ..Fake::new(0) };
    let size = u64::MAX >> 1;
    assert_eq!(run(&medium, size, 0, 0).0.holes, size);
}

#[test]
fn a_content_without_a_size_is_read_up_to_the_limit() {
    let (outcome, _) = run(&Fake::new(3 * WINDOW + 9), 0, 0, 100);
    assert_eq!((outcome.scanned, outcome.gaps.len()), (widen(3 * WINDOW + 9), 0));
    let (outcome, _) = run(&Fake::new(9 << 20), 0, 0, 100);
    assert_eq!(outcome.scanned, 8 << 20);
    assert_eq!((outcome.gaps[0].reason, outcome.gaps[0].length), (Reason::OverBudget, 0));
}

#[test]
fn a_stop_ends_the_reading() {
    let mut sink = Check { stop: true, ..Check::default() };
    let extent = Extent { size: 5 << 20, stored: 5 << 20, max_unsized: 0 };
    let outcome = read(&Fake::new(5 << 20), extent, &mut ReadBuffer::new(), &mut sink);
    assert_eq!((outcome.scanned, outcome.gaps[0].reason), (0, Reason::Interrupted));
}
