//! Names: eight letters and three, and the long ones beside them.
//!
//! Follows "Microsoft FAT Specification", sections 6 and 7.

use crate::source::bytes::u8_at;
use crate::source::filesystem::wtf8::wtf8;

/// Bytes above 127 of short names are those of a code page that is not told; this is the
/// one that Linux takes, 437.
const CODE_PAGE: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}";

/// Characters in an entry of a long name, and the most entries.
const PART: usize = 13;
const MAX_PARTS: u8 = 20;

/// What stands for the first byte of a deleted file's short name, which is lost.
const LOST: u8 = b'_';

/// The sum of a short name by which long names belong to it.
pub(super) fn checksum(short: &[u8; 11]) -> u8 {
    short.iter().fold(0, |sum: u8, byte| sum.rotate_right(1).wrapping_add(*byte))
}

/// A short name as it is shown: in small letters where its entry says so. `is_deleted`: its
/// first byte is lost.
pub(super) fn short(name: &[u8; 11], case: u8, is_deleted: bool) -> Vec<u8> {
    let mut shown = String::new();
    let (base, extension) = name.split_at(8);
    for (part, is_small) in [(base, case & 0x08 != 0), (extension, case & 0x10 != 0)] {
        let length = part.iter().rposition(|byte| *byte != b' ').map_or(0, |last| last + 1);
        if part.len() == 3 && length > 0 {
            shown.push('.');
        }
        for (at, byte) in part.iter().take(length).enumerate() {
            let is_first = part.len() == 8 && at == 0;
            let byte = match *byte {
                _ if is_first && is_deleted => LOST,
                // The mark of deleted files, as a letter.
                0x05 if is_first => 0xe5,
                byte => byte,
            };
            let character = character(byte);
            shown.push(if is_small {
                character.to_lowercase().next().unwrap_or(character)
            } else {
                character
            });
        }
    }
    shown.into_bytes()
}

/// The entries of a long name, which come before that of the short one, the last part
/// first.
#[derive(Debug, Default)]
pub(super) struct LongName {
    /// In UTF-16, the parts in the order of the name.
    units: Vec<u8>,
    checksum: u8,
    /// The number of the next part: 0 when all are there.
    next: u8,
    is_deleted: bool,
}

impl LongName {
    /// Takes an entry of a long name.
    pub(super) fn take(&mut self, entry: &[u8; 32]) {
        let order = u8_at(entry, 0).unwrap_or(0);
        let sum = u8_at(entry, 13).unwrap_or(0);
        let is_deleted = order == 0xe5;
        let (is_last, number) = (order & 0x40 != 0, order & 0x3f);
        let goes_on = !self.units.is_empty() && sum == self.checksum && is_deleted == self.is_deleted;
        if is_deleted {
            // The numbers are lost: parts belong together that have the same sum.
            if !goes_on || self.units.len() >= usize::from(MAX_PARTS) * PART * 2 {
                *self = Self { checksum: sum, is_deleted, ..Self::default() };
            }
        } else if is_last && (1..=MAX_PARTS).contains(&number) {
            *self = Self { checksum: sum, next: number, ..Self::default() };
        } else if !goes_on || number == 0 || number != self.next {
            *self = Self::default();
            return;
        }
        let parts = [entry.get(1..11), entry.get(14..26), entry.get(28..32)];
        let mut units: Vec<u8> = parts.into_iter().flatten().flatten().copied().collect();
        units.append(&mut self.units);
        self.units = units;
        self.next = self.next.saturating_sub(1);
    }

    /// The long name of the entry with a short name, if it has one.
    pub(super) fn of(self, short: &[u8; 11], is_deleted: bool) -> Option<Vec<u8>> {
        if self.units.is_empty() || self.next != 0 || self.is_deleted != is_deleted {
            return None;
        }
        let fits = if is_deleted {
            // The first byte is lost: there is one with which the sum is right.
            let mut short = *short;
            (0x21..=0xff).filter(|byte: &u8| !byte.is_ascii_lowercase()).any(|byte| {
                short[0] = byte;
                checksum(&short) == self.checksum
            })
        } else {
            checksum(short) == self.checksum
        };
        if !fits {
            return None;
        }
        let length = self
            .units
            .chunks_exact(2)
            .position(|unit| unit == [0, 0])
            .map_or(self.units.len(), |end| end * 2);
        let name = wtf8(self.units.get(..length)?);
        is_name(&name).then_some(name)
    }
}

/// Whether a name can be one.
pub(in crate::source::filesystem) fn is_name(name: &[u8]) -> bool {
    !name.is_empty() && name != b"." && name != b".." && !name.iter().any(|byte| matches!(byte, b'/' | 0))
}

/// A label: eleven bytes with spaces at the end.
pub(super) fn label(bytes: &[u8; 11]) -> Option<String> {
    let text: String = bytes.iter().map(|byte| character(*byte)).collect();
    let text = text.trim_end_matches([' ', '\0']);
    (!text.is_empty() && text != "NO NAME").then(|| text.to_owned())
}

fn character(byte: u8) -> char {
    match byte.checked_sub(0x80) {
        Some(high) => CODE_PAGE.chars().nth(usize::from(high)).unwrap_or('\u{fffd}'),
        None => char::from(byte),
    }
}
