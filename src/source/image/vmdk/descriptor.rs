//! The descriptor of a VMDK: lines of text, `key = value` and extents.

use super::super::super::disk::{DiskError, DiskResult};
use super::super::file::shown;

/// The longest descriptor.
pub(super) const MAX_BYTES: u64 = 1 << 20;

/// How many extents a disk has at most: more than any disk of 2 GiB parts needs.
const MAX_EXTENTS: usize = 4096;

/// What `parentCID` says where there is no parent.
const NO_PARENT: u32 = u32::MAX;

#[derive(Debug, Default)]
pub(super) struct Descriptor {
    pub(super) content_id: Option<u32>,
    /// Content identifier of the parent, and the name that is given for it.
    pub(super) parent: Option<(u32, Option<Vec<u8>>)>,
    pub(super) extents: Vec<Extent>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) sectors: u64,
    pub(super) form: Form,
    pub(super) file: Vec<u8>,
    /// Where it starts in the file, in sectors; for flat ones.
    pub(super) from: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Flat,
    Sparse,
    Zero,
}

impl Descriptor {
    pub(super) fn parse(text: &[u8]) -> DiskResult<Self> {
        let mut descriptor = Self::default();
        let mut parent_id = None;
        let mut hint = None;
        // Padding follows the text where it lies in an extent.
        let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
        for line in text.split(|byte| matches!(byte, b'\n' | b'\r')).map(<[u8]>::trim_ascii) {
            if line.is_empty() || line.starts_with(b"#") {
                continue;
            }
            if let Some(extent) = extent(line)? {
                if descriptor.extents.len() >= MAX_EXTENTS {
                    return Err(DiskError::over_budget(0, "the VMDK has too many extents"));
                }
                descriptor.extents.push(extent);
                continue;
            }
            let Some((key, value)) = key_and_value(line) else { continue };
            match key.to_ascii_lowercase().as_slice() {
                b"cid" => descriptor.content_id = hex(value),
                b"parentcid" => parent_id = hex(value),
                b"parentfilenamehint" => hint = Some(value.to_vec()),
                b"encryption.keysafe" => return Err(DiskError::encrypted(0, "the VMDK is encrypted")),
                _ => {}
            }
        }
        descriptor.parent = parent_id.filter(|id| *id != NO_PARENT).map(|id| (id, hint));
        Ok(descriptor)
    }
}

fn hex(value: &[u8]) -> Option<u32> {
    u32::from_str_radix(std::str::from_utf8(value).ok()?, 16).ok()
}

/// `key = value`, the value perhaps in quotes.
fn key_and_value(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = line.iter().position(|byte| *byte == b'=')?;
    let (key, value) = (line.get(..at)?.trim_ascii(), line.get(at + 1..)?.trim_ascii());
    let inner = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\""));
    Some((key, inner.unwrap_or(value)))
}

/// `RW 4192256 SPARSE "name.vmdk"`, `RW 63 FLAT "name.vmdk" 0`, `RW 63 ZERO`.
fn extent(line: &[u8]) -> DiskResult<Option<Extent>> {
    let mut rest = line;
    let mut word = || {
        let end = rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len());
        let (word, after) = rest.split_at_checked(end).unwrap_or_default();
        rest = after.trim_ascii_start();
        word
    };
    if !matches!(word(), b"RW" | b"RDONLY" | b"NOACCESS") {
        return Ok(None);
    }
    let bad = || DiskError::corrupt(0, format!("an extent of the VMDK cannot be read: {}", shown(line)));
    let number = |word: &[u8]| std::str::from_utf8(word).ok()?.parse::<u64>().ok();
    let sectors = number(word()).ok_or_else(bad)?;
    let form = match word() {
        b"FLAT" | b"VMFS" => Form::Flat,
        b"SPARSE" | b"VMFSSPARSE" => Form::Sparse,
        b"ZERO" => return Ok(Some(Extent { sectors, form: Form::Zero, file: Vec::new(), from: 0 })),
        other => {
            let message = format!("extents of the form {} are not read", shown(other));
            return Err(DiskError::unsupported(0, message));
        }
    };
    let quoted = rest.strip_prefix(b"\"").ok_or_else(bad)?;
    let end = quoted.iter().position(|byte| *byte == b'"').ok_or_else(bad)?;
    let (file, after) = quoted.split_at_checked(end).ok_or_else(bad)?;
    let offset = after.get(1..).unwrap_or_default().trim_ascii();
    let from = if offset.is_empty() {
        0
    } else {
        number(offset.split(u8::is_ascii_whitespace).next().unwrap_or_default()).ok_or_else(bad)?
    };
    Ok(Some(Extent { sectors, form, file: file.to_vec(), from }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_descriptor_of_a_child_in_two_parts() {
        let text = b"# Disk DescriptorFile\nversion=1\nCID=fffffffe\nparentCID=0123abcd\n\
            createType=\"twoGbMaxExtentSparse\"\nparentFileNameHint=\"a base.vmdk\"\n\
            RW 4192256 SPARSE \"x s001.vmdk\"\nRW 63 FLAT \"x-f002.vmdk\" 128\nRDONLY 5 ZERO\n\0\0";
        let found = Descriptor::parse(text).expect("a descriptor");
        assert_eq!(found.content_id, Some(0xffff_fffe));
        assert_eq!(found.parent, Some((0x0123_abcd, Some(b"a base.vmdk".to_vec()))));
        let extent = |sectors, form, file: &[u8], from| Extent { sectors, form, file: file.to_vec(), from };
        assert_eq!(
            found.extents,
            [
                extent(4_192_256, Form::Sparse, b"x s001.vmdk", 0),
                extent(63, Form::Flat, b"x-f002.vmdk", 128),
                extent(5, Form::Zero, b"", 0),
            ]
        );
    }

    #[test]
    fn what_cannot_be_read_is_no_extent_of_nothing() {
        for line in ["RW x FLAT \"a\"", "RW 5 FLAT a", "RW 5 FLAT \"a", "RW 5 FLAT \"a\" x"] {
            assert!(Descriptor::parse(line.as_bytes()).is_err(), "{line}");
        }
    }
}
