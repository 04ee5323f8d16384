//! The wire types of SSH (RFC 4251 section 5): `uint32` is big endian, `string`
//! is a `uint32` length and as many bytes, `mpint` is a string that holds a
//! signed number in as few bytes as possible.

/// The bytes ended inside a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Truncated;

/// Reads fields one after another; every length is held against what is left.
#[derive(Clone, Debug)]
pub(crate) struct WireReader<'a> {
    rest: &'a [u8],
}

impl<'a> WireReader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Result<&'a [u8], Truncated> {
        let (head, tail) = self.rest.split_at_checked(count).ok_or(Truncated)?;
        self.rest = tail;
        Ok(head)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Truncated> {
        let (head, tail) = self.rest.split_first_chunk::<4>().ok_or(Truncated)?;
        self.rest = tail;
        Ok(u32::from_be_bytes(*head))
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Truncated> {
        let (head, tail) = self.rest.split_first_chunk::<8>().ok_or(Truncated)?;
        self.rest = tail;
        Ok(u64::from_be_bytes(*head))
    }

    pub(crate) fn string(&mut self) -> Result<&'a [u8], Truncated> {
        let length = usize::try_from(self.u32()?).map_err(|_| Truncated)?;
        self.bytes(length)
    }
}

/// Appends a string. Lengths past `u32` cannot come up: everything that is
/// written here was read from a bounded text.
pub(crate) fn put_string(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(bytes);
}

/// Appends an unsigned number, given big endian, as an `mpint`.
pub(crate) fn put_mpint(out: &mut Vec<u8>, number: &[u8]) {
    let number = strip_zeros(number);
    let sign = usize::from(number.first().is_some_and(|byte| byte & 0x80 != 0));
    let length = number.len().saturating_add(sign);
    out.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
    if sign == 1 {
        out.push(0);
    }
    out.extend_from_slice(number);
}

/// A big-endian number without its leading zero bytes.
pub(crate) fn strip_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

/// The number of bits of a big-endian number.
pub(crate) fn bit_length(number: &[u8]) -> u32 {
    let number = strip_zeros(number);
    let Some(first) = number.first() else { return 0 };
    let bytes = u32::try_from(number.len()).unwrap_or(u32::MAX);
    bytes.saturating_mul(8).saturating_sub(first.leading_zeros())
}
