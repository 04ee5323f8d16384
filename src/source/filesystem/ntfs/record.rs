//! MFT records: fix-ups, header and attributes.
//!
//! A record is written over several sectors, whose last two bytes hold a number
//! that must be the same in all; what belongs there is kept in the record's head.
//! Attributes follow each other up to the type `0xffffffff`.

use std::ops::Range;

use crate::source::bytes::{array, u8_at, u16_le, u32_le, u64_le};

/// How far fix-ups lie apart, whatever the size of a sector.
const STRIDE: usize = 512;
/// The most attributes of one record that are read: a record of 64 KiB has no room for more.
const MAX_ATTRIBUTES: usize = 4096;

/// Types of attributes.
pub(super) mod kind {
    pub(in super::super) const STANDARD_INFORMATION: u32 = 0x10;
    pub(in super::super) const ATTRIBUTE_LIST: u32 = 0x20;
    pub(in super::super) const FILE_NAME: u32 = 0x30;
    pub(in super::super) const VOLUME_NAME: u32 = 0x60;
    pub(in super::super) const VOLUME_INFORMATION: u32 = 0x70;
    pub(in super::super) const DATA: u32 = 0x80;
    pub(in super::super) const INDEX_ROOT: u32 = 0x90;
    pub(in super::super) const INDEX_ALLOCATION: u32 = 0xa0;
    pub(in super::super) const BITMAP: u32 = 0xb0;
    pub(in super::super) const REPARSE_POINT: u32 = 0xc0;
    pub(in super::super) const EA: u32 = 0xe0;
    const END: u32 = 0xffff_ffff;

    /// Whether attributes end here.
    pub(super) fn is_end(kind: u32) -> bool {
        kind == END
    }
}

/// The number of a record in a reference; the rest is its sequence number.
pub(super) fn number(reference: u64) -> u64 {
    reference & 0xffff_ffff_ffff
}

/// The sequence number in a reference: it grows when a record is used again.
pub(super) fn sequence(reference: u64) -> u16 {
    u16::try_from(reference >> 48).unwrap_or(0)
}

/// Checks and undoes the fix-ups of a record or an index block.
///
/// # Errors
///
/// What is wrong: the record was written in part, or damaged.
pub(super) fn fix_up(bytes: &mut [u8]) -> Result<(), &'static str> {
    let from = u16_le(bytes, 4).map(usize::from);
    let count = u16_le(bytes, 6).map_or(0, usize::from);
    if !bytes.len().is_multiple_of(STRIDE) || count != bytes.len() / STRIDE + 1 {
        return Err("a record has the wrong number of fix-ups");
    }
    let kept = from.and_then(|from| bytes.get(from..from + 2 * count)).map(<[u8]>::to_vec);
    let kept = kept.filter(|_| from.is_some_and(|from| from + 2 * count <= STRIDE - 2));
    let kept = kept.ok_or("the fix-ups of a record lie outside of its first sector")?;
    let mut kept = kept.chunks_exact(2);
    let mark = kept.next().unwrap_or_default();
    for (sector, right) in bytes.chunks_exact_mut(STRIDE).zip(kept) {
        let Some(end) = sector.get_mut(STRIDE - 2..) else { continue };
        if end != mark {
            return Err("a record was written in part: its fix-ups differ");
        }
        end.copy_from_slice(right);
    }
    Ok(())
}

/// An MFT record.
#[derive(Debug)]
pub(super) struct Record {
    /// Its number.
    pub(super) number: u64,
    /// Where it lies on the volume, in bytes.
    pub(super) offset: u64,
    /// The number that grows whenever the record is used again.
    pub(super) sequence: u16,
    /// Whether it is in use.
    pub(super) in_use: bool,
    /// Whether it is a directory.
    pub(super) directory: bool,
    /// The reference of the record that this one continues; 0 for none.
    pub(super) base: u64,
    /// What it holds, as far as it could be read.
    pub(super) attributes: Vec<Attribute>,
    /// Why attributes could not be read further.
    pub(super) damage: Option<&'static str>,
    bytes: Vec<u8>,
}

/// Where an attribute lies in its record.
#[derive(Clone, Debug)]
pub(super) struct Attribute {
    /// Its type.
    pub(super) kind: u32,
    /// Compressed, encrypted, sparse.
    pub(super) flags: u16,
    /// Its content, or where that lies.
    pub(super) form: Form,
    name: Range<usize>,
}

/// Where the content of an attribute is.
#[derive(Clone, Debug)]
pub(super) enum Form {
    /// In the record.
    Resident(Range<usize>),
    /// In clusters, or a part of it.
    Runs(Mapped),
}

/// The head of an attribute whose content is in clusters.
#[derive(Clone, Debug)]
pub(super) struct Mapped {
    /// The first cluster of the attribute that is mapped here.
    pub(super) first: u64,
    /// The last; one before the first where there is none.
    pub(super) last: u64,
    /// Binary logarithm of the clusters of a compression unit, or 0.
    pub(super) unit: u8,
    /// Bytes that its clusters cover. This and what follows is right where `first` is 0 only.
    pub(super) allocated: u64,
    /// Bytes of the content.
    pub(super) size: u64,
    /// Bytes that were ever written; the rest is zero.
    pub(super) initialized: u64,
    /// Bytes of the clusters that are not holes, where the attribute is compressed or sparse.
    pub(super) stored: Option<u64>,
    pairs: Range<usize>,
}

impl Record {
    /// Reads a record, fix-ups included.
    ///
    /// # Errors
    ///
    /// What is wrong with its head.
    pub(super) fn parse(number: u64, offset: u64, mut bytes: Vec<u8>) -> Result<Self, &'static str> {
        const CUT: &str = "an MFT record is too short";
        if array(&bytes, 0) != Some(*b"FILE") {
            return Err("an MFT record does not begin with FILE");
        }
        fix_up(&mut bytes)?;
        let flags = u16_le(&bytes, 22).ok_or(CUT)?;
        let first = usize::from(u16_le(&bytes, 20).ok_or(CUT)?);
        let used = u32_le(&bytes, 24).and_then(|used| usize::try_from(used).ok()).ok_or(CUT)?;
        let mut record = Self {
            number,
            offset,
            sequence: u16_le(&bytes, 16).ok_or(CUT)?,
            in_use: flags & 1 != 0,
            directory: flags & 2 != 0,
            base: u64_le(&bytes, 32).ok_or(CUT)?,
            attributes: Vec::new(),
            damage: None,
            bytes,
        };
        record.damage = record.read_attributes(first, used).err();
        Ok(record)
    }

    fn read_attributes(&mut self, first: usize, used: usize) -> Result<(), &'static str> {
        const DAMAGED: &str = "the attributes of an MFT record do not end where it does";
        let all = self.bytes.get(..used).ok_or(DAMAGED)?;
        let mut at = first;
        for _ in 0..MAX_ATTRIBUTES {
            let kind = u32_le(all, at).ok_or(DAMAGED)?;
            if kind::is_end(kind) {
                return Ok(());
            }
            let length = u32_le(all, at + 4).and_then(|length| usize::try_from(length).ok());
            let end = length.filter(|length| *length >= 24).and_then(|length| at.checked_add(length));
            let end = end.filter(|end| *end <= used).ok_or(DAMAGED)?;
            let attribute =
                Attribute::parse(all, at..end).ok_or("an attribute lies outside of its own bounds")?;
            self.attributes.push(attribute);
            at = end;
        }
        Err(DAMAGED)
    }

    /// The content of an attribute, where it is in the record.
    pub(super) fn resident(&self, attribute: &Attribute) -> Option<&[u8]> {
        match &attribute.form {
            Form::Resident(range) => self.bytes.get(range.clone()),
            Form::Runs(_) => None,
        }
    }

    /// The name of an attribute in UTF-16.
    pub(super) fn name(&self, attribute: &Attribute) -> &[u8] {
        self.bytes.get(attribute.name.clone()).unwrap_or_default()
    }

    /// The mapping pairs of an attribute.
    pub(super) fn pairs(&self, mapped: &Mapped) -> &[u8] {
        self.bytes.get(mapped.pairs.clone()).unwrap_or_default()
    }
}

impl Attribute {
    fn parse(record: &[u8], range: Range<usize>) -> Option<Self> {
        let bytes = record.get(range.clone())?;
        let within = |from: usize, length: usize| {
            let end = from.checked_add(length)?;
            (end <= bytes.len()).then(|| range.start + from..range.start + end)
        };
        let name_length = usize::from(u8_at(bytes, 9)?) * 2;
        let name = if name_length == 0 { 0..0 } else { within(u16_le(bytes, 10)?.into(), name_length)? };
        let flags = u16_le(bytes, 12)?;
        let form = if u8_at(bytes, 8)? == 0 {
            let length = usize::try_from(u32_le(bytes, 16)?).ok()?;
            Form::Resident(within(usize::from(u16_le(bytes, 20)?), length)?)
        } else {
            let pairs = usize::from(u16_le(bytes, 32)?);
            let first = u64_le(bytes, 16)?;
            Form::Runs(Mapped {
                first,
                last: u64_le(bytes, 24)?,
                unit: u8_at(bytes, 34)?,
                allocated: u64_le(bytes, 40)?,
                size: u64_le(bytes, 48)?,
                initialized: u64_le(bytes, 56)?,
                stored: (first == 0 && flags & 0x80ff != 0).then(|| u64_le(bytes, 64)).flatten(),
                pairs: within(pairs, bytes.len().checked_sub(pairs)?)?,
            })
        };
        Some(Self { kind: u32_le(bytes, 0)?, flags, form, name })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_29_fix_ups_past_the_record() {
        for (from, count) in [(0x3f0_u16, 3_u16), (0x1fe, 3), (48, 60000), (48, 0), (48, 2), (0xffff, 3)] {
            let mut bytes = vec![0; 1024];
            bytes[4..6].copy_from_slice(&from.to_le_bytes());
            bytes[6..8].copy_from_slice(&count.to_le_bytes());
            assert!(fix_up(&mut bytes).is_err(), "{from} {count}");
        }
    }

    #[test]
    fn fix_ups_are_undone_and_a_torn_record_is_told() {
        let mut bytes = vec![7; 1024];
        bytes[4..8].copy_from_slice(&[48, 0, 3, 0]);
        bytes[48..54].copy_from_slice(&[1, 2, 3, 4, 5, 6]);
        for end in [510, 1022] {
            bytes[end..end + 2].copy_from_slice(&[1, 2]);
        }
        let mut torn = bytes.clone();
        torn[1022] = 0;
        assert!(fix_up(&mut torn).is_err());
        assert_eq!(fix_up(&mut bytes), Ok(()));
        assert_eq!((bytes[510], bytes[511], bytes[1022], bytes[1023]), (3, 4, 5, 6));
    }
}
