//! Files of lines, of any size, in bounded memory.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};

/// The longest line that is given, in bytes; longer ones are passed over.
const MAX_LINE: u64 = 64 << 10;

/// Gives each line without its end, of at most `max` bytes of the file.
///
/// Returns what kept it from the file's end, in words.
pub(super) fn each(file: File, max: u64, visit: &mut dyn FnMut(&[u8])) -> Option<String> {
    let mut reader = BufReader::with_capacity(64 << 10, file.take(max));
    let mut line = Vec::new();
    let mut cut = false;
    loop {
        line.clear();
        match reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut line) {
            Ok(0) => break,
            Ok(_) => {
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
    (reader.into_inner().limit() == 0).then(|| format!("it has more than {max} bytes"))
}
