//! A file or directory: the attributes of its base record and of those that
//! continue it.

use super::record::{Attribute, Form, Record, kind};
use super::runs::{self, Run};
use super::volume::Volume;
use crate::source::bytes::{u32_le, u64_le};
use crate::source::disk::{DiskError, DiskResult};

/// `$I30` in UTF-16: the name of the index of a directory.
pub(super) const DIRECTORY_INDEX: &[u8] = b"$\0I\x003\x000\0";

/// Among the flags of an attribute.
const ENCRYPTED: u16 = 0x4000;

/// The records of a file.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) base: Record,
    pub(super) more: Vec<Record>,
    /// Why some of its attributes could not be read.
    pub(super) missing: Option<DiskError>,
}

/// The content of an attribute.
#[derive(Debug)]
pub(super) struct Stream {
    /// Compressed, encrypted, sparse.
    pub(super) flags: u16,
    /// Binary logarithm of the clusters of a compression unit, or 0.
    pub(super) unit: u8,
    /// Bytes of the content.
    pub(super) size: u64,
    /// Bytes that were ever written; the rest is zero.
    pub(super) initialized: u64,
    /// Where its record lies on the disk, for errors.
    pub(super) offset: u64,
    pub(super) body: Body,
}

/// Where the bytes of an attribute are.
#[derive(Debug)]
pub(super) enum Body {
    Resident(Vec<u8>),
    Runs(Vec<Run>),
}

impl Stream {
    pub(super) fn is_compressed(&self) -> bool {
        self.flags & 0xff != 0
    }

    pub(super) fn is_encrypted(&self) -> bool {
        self.flags & ENCRYPTED != 0
    }

    /// Fills `bytes` from an offset of a content that is neither compressed nor
    /// encrypted.
    ///
    /// # Errors
    ///
    /// A byte that is past its end or cannot be read.
    pub(super) fn read(&self, volume: &Volume, bytes: &mut [u8], offset: u64) -> DiskResult<()> {
        let corrupt = |message: &'static str| DiskError::corrupt(self.offset, message);
        if self.is_compressed() || self.is_encrypted() {
            return Err(corrupt("a structure is compressed or encrypted"));
        }
        match &self.body {
            Body::Resident(all) => {
                let from = usize::try_from(offset).unwrap_or(usize::MAX);
                let part = from.checked_add(bytes.len()).and_then(|end| all.get(from..end));
                bytes.copy_from_slice(part.ok_or_else(|| corrupt("a structure is too short"))?);
                Ok(())
            }
            Body::Runs(runs) => volume.read_mapped(runs, bytes, offset).map(|_| ()),
        }
    }
}

impl Node {
    fn records(&self) -> impl Iterator<Item = &Record> {
        std::iter::once(&self.base).chain(&self.more)
    }

    /// All attributes of a type.
    pub(super) fn attributes(&self, kind: u32) -> impl Iterator<Item = (&Record, &Attribute)> {
        self.records().flat_map(move |record| {
            let wanted = record.attributes.iter().filter(move |attribute| attribute.kind == kind);
            wanted.map(move |attribute| (record, attribute))
        })
    }

    /// The contents of all attributes of a type that are in the records.
    pub(super) fn residents(&self, kind: u32) -> impl Iterator<Item = &[u8]> {
        self.attributes(kind).filter_map(|(record, attribute)| record.resident(attribute))
    }

    /// Puts the content of an attribute together. `None` where there is none.
    ///
    /// # Errors
    ///
    /// A map that makes no sense; an attribute that is not found where attributes
    /// could not be read.
    pub(super) fn stream(&self, volume: &Volume, kind: u32, name: &[u8]) -> DiskResult<Option<Stream>> {
        let named = self.attributes(kind).filter(|(record, attribute)| record.name(attribute) == name);
        let mut parts = Vec::new();
        for (record, attribute) in named {
            match &attribute.form {
                Form::Resident(_) => {
                    let bytes = record.resident(attribute).unwrap_or_default().to_vec();
                    let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                    return Ok(Some(Stream {
                        // What is in a record is never compressed.
                        flags: attribute.flags & ENCRYPTED,
                        unit: 0,
                        size,
                        initialized: size,
                        offset: record.offset,
                        body: Body::Resident(bytes),
                    }));
                }
                Form::Runs(mapped) => parts.push((record, attribute.flags, mapped)),
            }
        }
        parts.sort_by_key(|(_, _, mapped)| mapped.first);
        let Some((record, flags, head)) = parts.first() else {
            return self.missing.clone().map_or(Ok(None), Err);
        };
        let offset = record.offset;
        let corrupt = |message: &'static str| DiskError::corrupt(offset, message);
        if i64::try_from(head.size).is_err() {
            return Err(corrupt("a content has a size that no file can have"));
        }
        let mut runs = Vec::new();
        let mut next = 0;
        for (record, _, mapped) in &parts {
            if mapped.first != next {
                return Err(corrupt("a part of the map of a content is missing"));
            }
            next = runs::decode(record.pairs(mapped), next, volume.limits(), &mut runs)
                .map_err(|message| DiskError::corrupt(record.offset, message))?;
            if mapped.last != next.wrapping_sub(1) {
                return Err(DiskError::corrupt(record.offset, "the map of a content has a wrong length"));
            }
        }
        let initialized = head.initialized.min(head.size);
        if initialized > next.saturating_mul(volume.boot.cluster_size) {
            return Err(corrupt("a content is longer than its map"));
        }
        Ok(Some(Stream {
            flags: *flags,
            unit: head.unit,
            size: head.size,
            initialized,
            offset,
            body: Body::Runs(runs),
        }))
    }

    /// The size of an attribute and the bytes set aside for it, without its map.
    pub(super) fn size(&self, kind: u32, name: &[u8]) -> Option<(u64, u64)> {
        let mut named = self.attributes(kind).filter(|(record, attribute)| record.name(attribute) == name);
        named.find_map(|(record, attribute)| match &attribute.form {
            Form::Resident(_) => {
                let length = record.resident(attribute).map_or(0, <[u8]>::len);
                Some((u64::try_from(length).unwrap_or(u64::MAX), 0))
            }
            Form::Runs(mapped) if mapped.first == 0 => {
                Some((mapped.size, mapped.stored.unwrap_or(mapped.allocated)))
            }
            Form::Runs(_) => None,
        })
    }

    /// Reads all of an attribute that has at most `most` bytes.
    ///
    /// # Errors
    ///
    /// As [`Self::stream`]; a larger one.
    pub(super) fn bytes(
        &self,
        volume: &Volume,
        kind: u32,
        name: &[u8],
        most: u64,
    ) -> DiskResult<Option<Vec<u8>>> {
        let Some(stream) = self.stream(volume, kind, name)? else { return Ok(None) };
        if stream.size > most {
            return Err(DiskError::corrupt(stream.offset, "a structure is larger than any can be"));
        }
        let mut bytes = vec![0; usize::try_from(stream.size).unwrap_or(0)];
        stream.read(volume, &mut bytes, 0)?;
        Ok(Some(bytes))
    }

    /// The names of the streams that are not the file's own content, in UTF-16, each once.
    pub(super) fn stream_names(&self) -> Vec<&[u8]> {
        let mut names: Vec<&[u8]> = Vec::new();
        for (record, attribute) in self.attributes(kind::DATA) {
            let first = match &attribute.form {
                Form::Resident(_) => true,
                Form::Runs(mapped) => mapped.first == 0,
            };
            let name = record.name(attribute);
            if first && !name.is_empty() {
                names.push(name);
            }
        }
        names.sort_unstable();
        names.dedup();
        names
    }

    /// `$STANDARD_INFORMATION`.
    pub(super) fn standard(&self) -> Option<Standard> {
        let bytes = self.residents(kind::STANDARD_INFORMATION).next()?;
        Some(Standard {
            made: u64_le(bytes, 0)?,
            changed: u64_le(bytes, 8)?,
            record_changed: u64_le(bytes, 16)?,
            read: u64_le(bytes, 24)?,
            flags: u32_le(bytes, 32)?,
        })
    }
}

/// What `$STANDARD_INFORMATION` says, times in 100 ns since 1601.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standard {
    pub(super) made: u64,
    pub(super) changed: u64,
    pub(super) record_changed: u64,
    pub(super) read: u64,
    pub(super) flags: u32,
}
