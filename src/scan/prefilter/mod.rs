//! The prefilter: which positions of the text may begin a window.
//!
//! A kernel runs over every byte, so all of the engine's speed is here. It is
//! given tables ([`buckets`]) and writes positions into a small list. All kernels
//! find every position at which a window stands; what else they let through
//! differs and is thrown out by the confirm step, so that all give the same
//! matches. The choice is made once, when the engine is built.

pub(crate) mod buckets;
pub(crate) mod filter;
pub(crate) mod lanes;
mod portable;
mod simd;

use std::sync::Arc;

use buckets::{LookUp, Tables};
use filter::Filter;

use super::windows::{WINDOW, Window};

/// Which kernel runs. The order is from the slowest to the fastest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kernel {
    /// aho-corasick over the windows: everywhere.
    Portable,
    /// 16 bytes a step on `aarch64`.
    Neon,
    /// 16 bytes a step on `x86_64`.
    Ssse3,
    /// 64 bytes a step, in two halves, on `x86_64`.
    Avx2,
    /// 64 bytes a step on `x86_64` with AVX-512 VBMI.
    Avx512,
}

impl Kernel {
    /// Every kernel, whether this machine has it or not.
    pub const ALL: [Self; 5] = [Self::Portable, Self::Neon, Self::Ssse3, Self::Avx2, Self::Avx512];

    /// Its name, as the environment variable `SNAPSIFT_KERNEL` and `bench` take it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::Neon => "neon",
            Self::Ssse3 => "ssse3",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
        }
    }

    /// The kernel of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kernel| kernel.name() == name)
    }

    /// Whether this machine can run it.
    #[must_use]
    pub fn is_available(self) -> bool {
        self == Self::Portable || simd::is_available(self)
    }

    /// The fastest kernel of this machine.
    #[must_use]
    pub fn best() -> Self {
        Self::ALL.into_iter().rev().find(|kernel| kernel.is_available()).unwrap_or(Self::Portable)
    }
}

/// How many positions a kernel may write before it returns.
const CAPACITY: usize = 1024;
/// How many more it may write at once: a bit for each byte of 64 steps of 64 bytes.
const MARGIN: usize = 4096;
/// The positions of a mask and the bytes after them that a window may have.
const BLOCK: usize = 64 + WINDOW - 1;
/// Room for both; a power of two, so that no place of a position need be tested.
const ROOM: usize = (CAPACITY + MARGIN).next_power_of_two();

/// Positions that may begin a window, in order, and how far the kernel came.
pub(crate) struct Candidates {
    filter: Arc<Filter>,
    positions: [u32; ROOM],
    len: usize,
}

impl Candidates {
    fn new(filter: Arc<Filter>) -> Box<Self> {
        Box::new(Self { filter, positions: [0; ROOM], len: 0 })
    }

    pub(crate) fn as_slice(&self) -> &[u32] {
        self.positions.get(..self.len).unwrap_or_default()
    }

    /// Adds `start + i` for each bit `i` of the mask at which a window may stand. The
    /// caller adds at most [`MARGIN`] before it looks whether the list
    /// [is full](Self::is_full), and returns then.
    #[inline]
    fn push_mask(&mut self, text: &[u8], start: usize, mask: u64) {
        let rest = text.get(start..).unwrap_or_default();
        if let Some(block) = rest.first_chunk() {
            return self.push_block(block, start, mask);
        }
        let mut end = [0; BLOCK];
        end.iter_mut().zip(rest).for_each(|(slot, byte)| *slot = *byte);
        self.push_block(&end, start, mask);
    }

    /// The same where the block is at hand.
    #[inline(always)]
    fn push_block(&mut self, block: &[u8; BLOCK], start: usize, mut mask: u64) {
        let filter = &*self.filter;
        let from = u32::try_from(start).unwrap_or(u32::MAX);
        let mut len = self.len;
        while mask != 0 {
            let bit = mask.trailing_zeros() % 64;
            mask &= mask - 1;
            if let Some(slot) = self.positions.get_mut(len % ROOM) {
                *slot = from.wrapping_add(bit);
            }
            let bytes = block.get(usize::try_from(bit).unwrap_or(0)..).and_then(|rest| rest.first_chunk());
            // No branch on what hardly ever holds: the next one overwrites it.
            len += usize::from(filter.passes(u32::from_le_bytes(bytes.copied().unwrap_or_default())));
        }
        self.len = len;
    }

    #[inline(always)]
    fn is_full(&self) -> bool {
        self.len >= CAPACITY
    }
}

/// The tables of one rule set and the kernel that reads them.
pub(crate) struct Prefilter {
    filter: Arc<Filter>,
    inner: Inner,
    kernel: Kernel,
    expected: f32,
}

enum Inner {
    /// No window at all: nothing is ever a candidate.
    Empty,
    Portable(portable::Portable),
    Simd(Box<simd::Simd>),
}

/// Above this expected share of candidates (the model, which takes places as
/// independent, expects about a tenth of what real text has, and less of it the more
/// windows there are) a nibble kernel gets 16 buckets: a candidate costs about 2 ns, a
/// set of tables 0.06 ns a byte. The exact kernel always has 16: its second set costs
/// nothing measurable.
const WIDE_FROM: f32 = 0.0014;
/// Above this one the AVX2 kernel gets 32: with 1,650 windows (the built-in pack) 23
/// positions in 100 of `/usr/lib` are candidates of 8 buckets, 18 of 16, 9 of 32.
const WIDEST_SHARE: f32 = 0.1;
/// From so many windows on they surely are: the buckets need not be tried.
const MANY: usize = 1024;
/// From so many windows on the exact kernel gets 32 buckets: with 1,000 windows a
/// position in 14 is a candidate of 16.
const WIDEST_FROM: usize = 256;

impl Prefilter {
    /// Builds the tables. A kernel that this machine does not have becomes the
    /// portable one.
    pub(crate) fn new(windows: &[Window], kernel: Kernel) -> Self {
        let filter = Arc::new(Filter::new(windows));
        if windows.is_empty() {
            return Self { filter, inner: Inner::Empty, kernel, expected: 0.0 };
        }
        let tables = match kernel {
            Kernel::Avx512 if windows.len() >= WIDEST_FROM => buckets::group(windows, LookUp::Exact, 4),
            Kernel::Avx512 => buckets::group(windows, LookUp::Exact, 2),
            Kernel::Avx2 if windows.len() >= MANY => buckets::group(windows, LookUp::Nibbles, 4),
            _ => match buckets::group(windows, LookUp::Nibbles, 1) {
                tables if tables.expected <= WIDE_FROM => tables,
                tables if tables.expected <= WIDEST_SHARE || kernel != Kernel::Avx2 => {
                    buckets::group(windows, LookUp::Nibbles, 2)
                }
                _ => buckets::group(windows, LookUp::Nibbles, 4),
            },
        };
        let expected = tables.expected;
        match simd::Simd::new(kernel, &tables) {
            Some(simd) => Self { filter, inner: Inner::Simd(Box::new(simd)), kernel, expected },
            None => Self {
                filter,
                inner: Inner::Portable(portable::Portable::new(windows)),
                kernel: Kernel::Portable,
                expected,
            },
        }
    }

    /// A list for [`Prefilter::find`].
    pub(crate) fn candidates(&self) -> Box<Candidates> {
        Candidates::new(Arc::clone(&self.filter))
    }

    /// The kernel in use.
    pub(crate) fn kernel(&self) -> Kernel {
        self.kernel
    }

    /// The share of positions that the model expects to be candidates.
    pub(crate) fn expected(&self) -> f32 {
        self.expected
    }

    /// For each [`lanes::LANE`] bytes of `text` a bit in `words`, set where they may
    /// be base64 of text. Only three in a row count: of others a bit may be missing.
    pub(crate) fn lanes(&self, text: &[u8], words: &mut [u64]) {
        match &self.inner {
            Inner::Simd(simd) => simd.lanes(text, words),
            Inner::Empty | Inner::Portable(_) => lanes::portable(text, words),
        }
    }

    /// Writes the candidate positions in `from..to` in order, as far as the list
    /// has room, and returns where to go on: `to` when all is done. Bytes after
    /// the end of `text` count as zero. `text` has less than 2^32 bytes.
    pub(crate) fn find(&self, text: &[u8], from: usize, to: usize, out: &mut Candidates) -> usize {
        out.len = 0;
        let to = to.min(text.len());
        if from >= to {
            return to;
        }
        match &self.inner {
            Inner::Empty => to,
            Inner::Portable(portable) => portable.find(text, from, to, out),
            Inner::Simd(simd) => simd.find(text, from, to, out),
        }
    }
}

/// The vector kernels' work one byte at a time, for the last bytes of a text,
/// where a whole vector cannot be loaded.
#[inline]
fn scalar(tables: &Tables, text: &[u8], from: usize, to: usize, out: &mut Candidates) -> usize {
    // The tables have 256 entries, one for each byte.
    let at = |position: usize| usize::from(text.get(position).copied().unwrap_or(0));
    for position in from..to {
        let [t0, t1, t2, t3] = &tables.exact;
        let accepted = t0[at(position)] & t1[at(position + 1)] & t2[at(position + 2)] & t3[at(position + 3)];
        if accepted != 0 {
            out.push_mask(text, position, 1);
            if out.is_full() {
                return position + 1;
            }
        }
    }
    to
}
