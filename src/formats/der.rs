//! A small strict reader of DER (ITU-T X.690): definite lengths in their
//! shortest form, tags below 31, nothing past the end. It descends only where
//! its caller says, so nesting costs nothing, and it borrows, so lengths cost
//! nothing.

use thiserror::Error;

use super::wire::strip_zeros;

/// Tag of INTEGER.
pub const INTEGER: u8 = 0x02;
/// Tag of BIT STRING.
pub const BIT_STRING: u8 = 0x03;
/// Tag of OCTET STRING.
pub const OCTET_STRING: u8 = 0x04;
/// Tag of OBJECT IDENTIFIER.
pub const OID: u8 = 0x06;
/// Tag of SEQUENCE.
pub const SEQUENCE: u8 = 0x30;
/// Tag of context-specific constructed element 0.
pub const CONTEXT_0: u8 = 0xa0;
/// Tag of context-specific constructed element 1.
pub const CONTEXT_1: u8 = 0xa1;
/// Tag of context-specific primitive element 1.
pub const CONTEXT_1_PRIMITIVE: u8 = 0x81;

/// `rsaEncryption` (1.2.840.113549.1.1.1) and NULL, as an AlgorithmIdentifier has
/// them (RFC 8017 appendix A.1).
pub(crate) const RSA_ALGORITHM: [u8; 13] =
    [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];

/// What is wrong, with the offset from the start of the innermost element that
/// is being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DerError {
    /// The bytes ended inside an element.
    #[error("DER ends early at offset {offset}")]
    Truncated {
        /// Where the element begins.
        offset: usize,
    },
    /// A length or a number that DER does not allow.
    #[error("DER is malformed at offset {offset}")]
    Malformed {
        /// Where the element begins.
        offset: usize,
    },
    /// Another element than the structure asks for.
    #[error("unexpected DER element at offset {offset}")]
    Unexpected {
        /// Where the element begins.
        offset: usize,
    },
    /// Bytes after the end of the structure.
    #[error("bytes after the end of the DER structure at offset {offset}")]
    Trailing {
        /// Where they begin.
        offset: usize,
    },
}

/// Reads elements one after another.
#[derive(Clone, Debug)]
pub struct DerReader<'a> {
    rest: &'a [u8],
    offset: usize,
}

impl<'a> DerReader<'a> {
    /// Reads from the first byte.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, offset: 0 }
    }

    /// Whether nothing is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The tag of the next element.
    #[must_use]
    pub fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// The next element: its tag and content.
    ///
    /// # Errors
    ///
    /// The bytes end early or break the encoding rules.
    pub fn element(&mut self) -> Result<(u8, &'a [u8]), DerError> {
        let offset = self.offset;
        let truncated = DerError::Truncated { offset };
        let malformed = DerError::Malformed { offset };
        let (tag, rest) = self.rest.split_first().ok_or(truncated)?;
        if tag & 0x1f == 0x1f {
            return Err(malformed);
        }
        let (first, rest) = rest.split_first().ok_or(truncated)?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(*first), rest),
            0x81..=0x84 => {
                let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f)).ok_or(truncated)?;
                let length = digits.iter().fold(0_u64, |sum, digit| sum << 8 | u64::from(*digit));
                if digits.first() == Some(&0) || length < 0x80 {
                    return Err(malformed);
                }
                (usize::try_from(length).map_err(|_| malformed)?, rest)
            }
            _ => return Err(malformed),
        };
        let (content, rest) = rest.split_at_checked(length).ok_or(truncated)?;
        self.offset = self.offset.saturating_add(self.rest.len().saturating_sub(rest.len()));
        self.rest = rest;
        Ok((*tag, content))
    }

    /// The content of the next element, which must have this tag.
    ///
    /// # Errors
    ///
    /// As [`Self::element`], or the tag is another one.
    pub fn expect(&mut self, tag: u8) -> Result<&'a [u8], DerError> {
        let offset = self.offset;
        if self.peek().is_some_and(|next| next != tag) {
            return Err(DerError::Unexpected { offset });
        }
        self.element().map(|(_, content)| content)
    }

    /// The content of the next element if it has this tag.
    ///
    /// # Errors
    ///
    /// As [`Self::element`].
    pub fn optional(&mut self, tag: u8) -> Result<Option<&'a [u8]>, DerError> {
        if self.peek() == Some(tag) { self.expect(tag).map(Some) } else { Ok(None) }
    }

    /// A SEQUENCE, as a reader over its content.
    ///
    /// # Errors
    ///
    /// As [`Self::expect`].
    pub fn sequence(&mut self) -> Result<DerReader<'a>, DerError> {
        self.expect(SEQUENCE).map(DerReader::new)
    }

    /// The next element if it has this tag, as a reader over as much of its content
    /// as is there: for structures that end early.
    pub(crate) fn cut(&mut self, tag: u8) -> Option<DerReader<'a>> {
        if let Ok(content) = self.clone().expect(tag) {
            self.expect(tag).ok()?;
            return Some(DerReader::new(content));
        }
        let after_tag = self.rest.strip_prefix(&[tag])?;
        let (first, rest) = after_tag.split_first()?;
        let digits = if *first < 0x80 { 0 } else { usize::from(first & 0x7f) };
        let content = (digits <= 4).then(|| rest.get(digits..))??;
        self.rest = &[];
        Some(DerReader::new(content))
    }

    /// A number that is not negative: big endian, without leading zeros (empty
    /// for zero).
    ///
    /// # Errors
    ///
    /// As [`Self::expect`], or the number is negative or not in its shortest form.
    pub fn unsigned(&mut self) -> Result<&'a [u8], DerError> {
        let offset = self.offset;
        let content = self.expect(INTEGER)?;
        match content {
            [] | [0x80..=0xff, ..] | [0, 0..=0x7f, ..] if content != [0] => {
                Err(DerError::Malformed { offset })
            }
            _ => Ok(strip_zeros(content)),
        }
    }

    /// Ends the structure.
    ///
    /// # Errors
    ///
    /// Bytes are left.
    pub fn finish(&self) -> Result<(), DerError> {
        if self.rest.is_empty() { Ok(()) } else { Err(DerError::Trailing { offset: self.offset }) }
    }
}

/// Appends an element.
pub(crate) fn write_element(out: &mut Vec<u8>, tag: u8, content: &[u8]) {
    out.push(tag);
    let length = content.len().to_be_bytes();
    let length = strip_zeros(&length);
    match (length, content.len()) {
        (_, 0..0x80) => out.push(length.first().copied().unwrap_or(0)),
        _ => {
            out.push(0x80 | u8::try_from(length.len()).unwrap_or(0x7f));
            out.extend_from_slice(length);
        }
    }
    out.extend_from_slice(content);
}

/// Appends a number, given big endian.
pub(crate) fn write_unsigned(out: &mut Vec<u8>, number: &[u8]) {
    let number = strip_zeros(number);
    let zero: &[u8] = if number.first().is_none_or(|first| first & 0x80 != 0) { &[0] } else { &[] };
    write_element(out, INTEGER, &[zero, number].concat());
}
