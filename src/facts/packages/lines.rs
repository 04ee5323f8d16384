//! Files of lines, of any size, in bounded memory and time.

use std::cell::Cell;
use std::io::{BufRead as _, BufReader, Read};

/// The longest line that is given, in bytes; longer ones are passed over.
const MAX_LINE: u64 = 64 << 10;

/// How many bytes of databases may still be read, in all. A desktop's dpkg has some
/// 40 MB, and nobody's database makes a scan endless.
#[derive(Debug)]
pub(super) struct Budget(Cell<u64>);

impl Budget {
    pub(super) fn new(bytes: u64) -> Self {
        Self(Cell::new(bytes))
    }

    /// Takes so many bytes, if there are.
    pub(super) fn take(&self, bytes: u64) -> bool {
        let left = self.0.get();
        self.0.set(left.saturating_sub(bytes));
        left >= bytes
    }

    pub(super) fn left(&self) -> u64 {
        self.0.get()
    }
}

/// Gives each line without its end.
///
/// Returns what kept it from the file's end, in words.
pub(super) fn each(file: impl Read, budget: &Budget, visit: &mut dyn FnMut(&[u8])) -> Option<String> {
    let mut reader = BufReader::with_capacity(64 << 10, file.take(budget.left()));
    let mut line = Vec::new();
    let mut cut = false;
    loop {
        line.clear();
        match reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut line) {
            Ok(0) => break,
            Ok(_) => {
                budget.take(u64::try_from(line.len()).unwrap_or(u64::MAX));
                let whole = line.last() == Some(&b'\n');
                if whole {
                    line.pop();
                }
                // The rest of a line that is too long is no line either.
                if !cut && (whole || u64::try_from(line.len()).unwrap_or(MAX_LINE) < MAX_LINE) {
                    visit(&line);
                }
                cut = !whole;
            }
            Err(error) => return Some(error.to_string()),
        }
    }
    (budget.left() == 0).then(|| "there is more of it than is read".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content: &[u8], bytes: u64) -> (Vec<usize>, Option<String>) {
        let mut file = tempfile::tempfile().expect("a file");
        std::io::Write::write_all(&mut file, content).expect("written");
        std::io::Seek::rewind(&mut file).expect("rewound");
        let mut lengths = Vec::new();
        let error = each(file, &Budget::new(bytes), &mut |line| lengths.push(line.len()));
        (lengths, error)
    }

    #[test]
    fn lines_and_no_more_than_may_be_read() {
        assert_eq!(read(b"a\n\nccc", 100), (vec![1, 0, 3], None));
        let long = [vec![b'x'; 200_000], b"\nend\n".to_vec()].concat();
        assert_eq!(read(&long, 1 << 20), (vec![3], None), "a line that is too long is none");
        let (lengths, error) = read(b"aaaa\nbbbb\n", 7);
        assert_eq!((lengths, error.is_some()), (vec![4, 2], true));
    }
}
