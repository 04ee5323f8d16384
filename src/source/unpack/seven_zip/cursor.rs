//! Numbers, bits and lists of a 7z header, where they stand.

/// Bytes that are taken in order; none where they end before.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cursor<'h>(pub(super) &'h [u8]);

impl<'h> Cursor<'h> {
    pub(super) fn take(&mut self, length: usize) -> Option<&'h [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// A number: as many of the first bits are set as bytes follow.
    pub(super) fn number(&mut self) -> Option<u64> {
        let first = self.byte()?;
        let more = first.leading_ones();
        let mut value = 0;
        for at in 0..more {
            value |= u64::from(self.byte()?) << (8 * at);
        }
        let rest = u64::from(first) & (0x7f_u64 >> more);
        Some(value | rest.checked_shl(8 * more).unwrap_or(0))
    }

    pub(super) fn length(&mut self) -> Option<usize> {
        usize::try_from(self.number()?).ok()
    }

    /// A list of bits, the highest of a byte first.
    pub(super) fn bits(&mut self, number: usize) -> Option<Bits<'h>> {
        self.take(number.div_ceil(8)).map(|bytes| Bits(Some(bytes)))
    }

    /// A list of bits that may be said to be all set.
    pub(super) fn bits_or_all(&mut self, number: usize) -> Option<Bits<'h>> {
        match self.byte()? {
            0 => self.bits(number),
            _ => Some(Bits(None)),
        }
    }

    /// Passes over so many numbers.
    pub(super) fn pass_numbers(&mut self, number: u64) -> Option<()> {
        for _ in 0..number {
            self.number()?;
        }
        Some(())
    }
}

/// Bits; none: all are set.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bits<'h>(pub(super) Option<&'h [u8]>);

impl Bits<'_> {
    pub(super) fn get(&self, at: usize) -> bool {
        self.0.is_none_or(|bytes| bytes.get(at / 8).is_some_and(|byte| byte & (0x80 >> (at % 8)) != 0))
    }
}

/// Values of which some may be missing, in order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Values<'h, const N: usize> {
    is_given: Bits<'h>,
    values: Cursor<'h>,
    at: usize,
}

impl<const N: usize> Default for Values<'_, N> {
    fn default() -> Self {
        Self { is_given: Bits(Some(&[])), values: Cursor::default(), at: 0 }
    }
}

impl<'h, const N: usize> Values<'h, N> {
    pub(super) fn new(is_given: Bits<'h>, values: Cursor<'h>) -> Self {
        Self { is_given, values, at: 0 }
    }

    pub(super) fn next(&mut self) -> Option<[u8; N]> {
        let is_given = self.is_given.get(self.at);
        self.at += 1;
        is_given.then(|| self.values.array()).flatten()
    }
}

/// Checksums behind one another.
pub(super) fn sums<'h>(cursor: &mut Cursor<'h>, number: usize) -> Option<Values<'h, 4>> {
    let is_given = cursor.bits_or_all(number)?;
    let values = Values::new(is_given, *cursor);
    for at in 0..number {
        if is_given.get(at) {
            cursor.take(4)?;
        }
    }
    Some(values)
}
