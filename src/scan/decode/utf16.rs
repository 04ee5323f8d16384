//! UTF-16 of either byte order, found by one of its words.

use std::ops::Range;

use super::Decoded;
use crate::finding::Encoding;

/// Units of other scripts in a row that do not end a text.
const MAX_OTHER: usize = 16;

/// The text around the word that begins at `word`: bytes that are the low halves
/// of units, each followed by its high half. Text of the other byte order looks
/// the same one byte further.
pub(crate) fn region(text: &[u8], word: usize, bounds: &Range<usize>) -> (Range<usize>, Encoding) {
    let mut start = word;
    let mut others = 0;
    let mut at = word;
    while let Some(before) = at.checked_sub(2).filter(|before| *before >= bounds.start) {
        match unit(text, before) {
            Unit::Latin => (start, others) = (before, 0),
            Unit::Other if others < MAX_OTHER => others += 1,
            Unit::Other | Unit::End => break,
        }
        at = before;
    }
    let mut end = word;
    let mut others = 0;
    let mut at = word;
    while at + 2 <= bounds.end.min(text.len()) {
        match unit(text, at) {
            Unit::Latin => (end, others) = (at + 2, 0),
            Unit::Other if others < MAX_OTHER => others += 1,
            Unit::Other | Unit::End => break,
        }
        at += 2;
    }
    // The second byte of the other order's mark looks like a character.
    let marked = start.checked_sub(1).and_then(|mark| text.get(mark..start + 1)) == Some(&[0xfe, 0xff]);
    start += if marked { 2 } else { 0 };
    let before = |length: usize| start.checked_sub(length).and_then(|first| text.get(first..start));
    let little = before(2) == Some(&[0xff, 0xfe]);
    let big = !little
        && start.checked_sub(1).and_then(|last| text.get(last)) == Some(&0)
        && (marked || before(2).is_none_or(|pair| pair != [0, 0]));
    if big {
        // The last character's high half stands before it.
        let closes = text.get(end).is_some_and(|byte| is_latin(*byte)) && end < bounds.end;
        return (start..end + usize::from(closes), Encoding::Utf16Be);
    }
    (start..end, Encoding::Utf16Le)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    /// A character of Latin-1 that stands in text, or the end of a string in a list.
    Latin,
    /// Of another script, perhaps.
    Other,
    /// Not text.
    End,
}

fn is_latin(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' | b'\t' | b'\n' | b'\r' | 0xa0..)
}

fn unit(text: &[u8], at: usize) -> Unit {
    match text.get(at..) {
        Some([low, 0, ..]) if is_latin(*low) => Unit::Latin,
        Some([_, 0, ..]) | None | Some([] | [_]) => Unit::End,
        Some(_) => Unit::Other,
    }
}

/// Decodes a region from its first low half on. Places are from its start.
pub(crate) fn decode(region: &[u8]) -> Decoded {
    let units = region.chunks(2).map(|unit| match unit {
        [low, high] => u16::from_le_bytes([*low, *high]),
        [low] => u16::from(*low),
        _ => 0,
    });
    let mut decoded = Decoded::default();
    let mut at = 0;
    for character in char::decode_utf16(units) {
        let character = character.unwrap_or(char::REPLACEMENT_CHARACTER);
        let mut buffer = [0; 4];
        for byte in character.encode_utf8(&mut buffer).bytes() {
            decoded.push(byte, at);
        }
        at += 2 * character.len_utf16();
    }
    decoded.end(region.len());
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Windows and `iconv` write it.
    fn wide(text: &str, big: bool, mark: bool) -> Vec<u8> {
        let units = mark.then_some(0xfeff).into_iter().chain(text.encode_utf16());
        units.flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
    }

    #[test]
    fn both_orders_with_and_without_a_mark() {
        for big in [false, true] {
            for mark in [false, true] {
                let mut file = wide("Kennwort für \"web\":\r\npassword=Zü9x", big, mark);
                let text_start = usize::from(mark) * 2;
                let character = text_start + 2 * "Kennwort f".len() + usize::from(big);
                assert_eq!(file[character], 0xfc, "the ü");
                file.extend_from_slice(&[0xff; 8]);
                let word = file.windows(3).position(|part| part == b"p\0a").expect("it is there");
                let (region, encoding) = region(&file, word, &(0..file.len()));
                assert_eq!(encoding, if big { Encoding::Utf16Be } else { Encoding::Utf16Le });
                let decoded = decode(&file[region.clone()]);
                assert_eq!(region.start, text_start + usize::from(big));
                assert_eq!(
                    String::from_utf8(decoded.text).expect("UTF-8"),
                    "Kennwort für \"web\":\r\npassword=Zü9x"
                );
                assert_eq!(&decoded.places[..3], [0, 2, 4]);
            }
        }
    }

    #[test]
    fn binary_data_ends_it() {
        let mut file = vec![1, 0, 2, 0, 0, 0];
        file.extend(wide("secret", false, false));
        file.extend([0, 0, 5, 0]);
        let (region, _) = region(&file, 8, &(0..file.len()));
        assert_eq!(decode(&file[region]).text, b"secret");
    }
}
