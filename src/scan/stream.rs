//! Content that comes from a reader.

use std::io::{self, Read};

use super::Match;
use super::scanner::Scanner;

/// Bytes read at a time.
const STEP: usize = 1 << 20;

impl Scanner {
    /// Scans what a reader gives, to its end, in windows: the same matches as
    /// [`Scanner::scan`] over the whole, in memory of about 2 MiB. Returns the
    /// number of bytes read.
    ///
    /// # Errors
    ///
    /// What the reader fails with. Matches that were found before it have been
    /// given to the sink, or are lost with the unfinished window.
    pub fn scan_reader(&mut self, mut reader: impl Read, sink: &mut dyn FnMut(Match)) -> io::Result<u64> {
        let mut buffer = Vec::with_capacity(2 * STEP);
        let mut base = 0;
        self.begin(0);
        loop {
            let wanted = STEP as u64;
            let read = reader.by_ref().take(wanted).read_to_end(&mut buffer)?;
            let last = (read as u64) < wanted;
            let keep = self.feed(&buffer, base, last, sink);
            if last {
                return Ok(base + buffer.len() as u64);
            }
            let done = usize::try_from(keep - base).unwrap_or(buffer.len()).min(buffer.len());
            buffer.drain(..done);
            base = keep;
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::{Literal, Rule, RuleSet};
    use crate::scan::Engine;

    #[test]
    fn a_reader_gives_what_the_slice_gives() {
        let literal = Literal { bytes: b"tok_".as_slice().into(), fold: false, min_offset: 0, max_offset: 0 };
        let rules = RuleSet::new(vec![Rule::new("r", "tok_[0-9]{6}", vec![literal])], String::new());
        let mut text = vec![b' '; 3_500_000];
        for start in (0..text.len() - 10).step_by(99_991) {
            text[start..start + 10].copy_from_slice(b"tok_123456");
        }
        let mut scanner = Engine::new(&rules).scanner();
        let (mut by_slice, mut by_reader) = (Vec::new(), Vec::new());
        scanner.scan(&text, &mut |found| by_slice.push(found.start));
        let read =
            scanner.scan_reader(text.as_slice(), &mut |found| by_reader.push(found.start)).expect("reads");
        assert_eq!(read, text.len() as u64);
        assert_eq!(by_slice.len(), 36);
        assert_eq!(by_reader, by_slice);
    }
}
