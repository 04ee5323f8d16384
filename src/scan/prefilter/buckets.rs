//! Windows → buckets → the tables that the kernels look bytes up in.
//!
//! Each of 8, 16 or 32 buckets holds, for each of the 4 places of a window, the set
//! of bytes that some window of the bucket has there. A position of the text is
//! a candidate when one bucket accepts its 4 bytes. Windows are put together so
//! that the buckets accept as little else as possible: greedily, then each window
//! is moved to where it costs least, a few times over.
//!
//! A kernel that looks bytes up by their nibbles accepts, at each place, every
//! byte whose two halves are accepted there; the cost of a bucket is then that of
//! its closure. (On a Debian `/usr` with 300 literals that grouping lets a fifth
//! of the candidates through that grouping by exact sets does.)

// Indexing: tables of 256 are indexed by a byte; `order` holds the indexes of `windows`
// and `home`, `home` those of `buckets`; kinds of text are fewer than `Shares` has.

use std::sync::LazyLock;

use super::super::background::{BACKGROUND, Shares};
use super::super::windows::{WINDOW, Window};

/// Buckets of one group: a table of 8 bits.
pub(crate) const GROUP: usize = 8;

/// Rounds of moving windows between buckets; more changes nothing measurable.
const ROUNDS: usize = 2;

/// For each place of a window and each byte: the buckets that accept it.
#[derive(Clone)]
pub(crate) struct Tables {
    pub(crate) exact: [[u32; 256]; WINDOW],
    /// How many groups of buckets are in use: 1, 2 or 4.
    pub(crate) groups: usize,
    /// The expected share of positions that are candidates.
    pub(crate) expected: f32,
}

/// How a kernel looks bytes up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LookUp {
    /// As they are.
    Exact,
    /// By their two nibbles.
    Nibbles,
}

/// Puts the windows into the buckets of 1, 2 or 4 groups.
pub(crate) fn group(windows: &[Window], look_up: LookUp, groups: usize) -> Tables {
    let mut buckets: Vec<Bucket> = (0..groups * GROUP).map(|_| Bucket::new(look_up)).collect();
    // The most common windows first: they found the buckets.
    let mut order: Vec<usize> = (0..windows.len()).collect();
    order.sort_by(|a, b| windows[*b].share().total_cmp(&windows[*a].share()).then(a.cmp(b)));
    let mut home = vec![0_usize; windows.len()];
    for index in &order {
        home[*index] = cheapest(&buckets, &windows[*index]);
        buckets[home[*index]].add(&windows[*index], true);
    }
    for _ in 0..ROUNDS {
        let mut moved = false;
        for index in &order {
            let window = &windows[*index];
            buckets[home[*index]].add(window, false);
            let best = cheapest(&buckets, window);
            moved |= best != home[*index];
            home[*index] = best;
            buckets[best].add(window, true);
        }
        if !moved {
            break;
        }
    }
    let mut exact = [[0_u32; 256]; WINDOW];
    for (number, bucket) in buckets.iter().enumerate() {
        for (table, place) in exact.iter_mut().zip(bucket.places.iter()) {
            for (slot, uses) in table.iter_mut().zip(&place.counts) {
                if *uses > 0 || place.any > 0 {
                    *slot |= 1 << number;
                }
            }
        }
    }
    let expected = buckets.iter().map(|bucket| bucket.cost).sum::<f32>().min(1.0);
    Tables { exact, groups, expected }
}

fn cheapest(buckets: &[Bucket], window: &Window) -> usize {
    let mut least = (0, f32::INFINITY);
    for (number, bucket) in buckets.iter().enumerate() {
        let more = bucket.cost_with(window) - bucket.cost;
        if more < least.1 {
            least = (number, more);
        }
        // It accepts the window as it is.
        if more <= 0.0 {
            break;
        }
    }
    least.0
}

/// A bucket under construction.
struct Bucket {
    places: Box<[Place; WINDOW]>,
    look_up: LookUp,
    /// The expected share of positions that it accepts, its places taken as
    /// independent in each kind of text.
    cost: f32,
}

/// What a bucket accepts at one place.
#[derive(Clone, Copy)]
struct Place {
    /// How many of its windows accept each byte.
    counts: [u16; 256],
    /// How many of its windows accept any byte.
    any: u16,
    /// The share of bytes in `counts`, and of those that the kernel takes for one
    /// of them.
    exact: Shares,
    share: Shares,
    /// Bits for the nibbles in use.
    low: u16,
    high: u16,
}

impl Place {
    /// The share of bytes accepted when these bytes are added.
    fn share_with(&self, bytes: [u8; 2], look_up: LookUp) -> Shares {
        if self.any > 0 {
            return ALL;
        }
        match look_up {
            LookUp::Exact => distinct(bytes)
                .filter(|byte| self.counts[usize::from(*byte)] == 0)
                .fold(self.share, |share, byte| add(share, BACKGROUND.by_kind(byte))),
            LookUp::Nibbles => {
                let (low, high) = nibbles(bytes);
                if low & !self.low == 0 && high & !self.high == 0 {
                    return self.share;
                }
                NIBBLE_SHARES.of(self.low | low, self.high | high)
            }
        }
    }

    /// One window more or less that accepts these bytes, or any.
    fn count(&mut self, bytes: Option<[u8; 2]>, more: bool, look_up: LookUp) {
        let step = |count: &mut u16| *count = if more { *count + 1 } else { *count - 1 };
        let Some(bytes) = bytes else { return step(&mut self.any) };
        for byte in distinct(bytes) {
            let count = &mut self.counts[usize::from(byte)];
            step(count);
            // The byte is accepted from now on, or no more.
            match *count {
                1 if more => self.exact = add(self.exact, BACKGROUND.by_kind(byte)),
                0 => self.exact = add(self.exact, &BACKGROUND.by_kind(byte).map(|share| -share)),
                _ => continue,
            }
            if look_up == LookUp::Nibbles {
                self.close();
            }
        }
        self.share = match look_up {
            LookUp::Exact => self.exact.map(|share| share.max(0.0)),
            LookUp::Nibbles => NIBBLE_SHARES.of(self.low, self.high),
        };
    }

    /// The nibbles of all bytes that are accepted.
    fn close(&mut self) {
        (self.low, self.high) = (0, 0);
        for (byte, _) in (0_u8..=255).zip(&self.counts).filter(|(_, count)| **count > 0) {
            let (low, high) = nibbles([byte, byte]);
            self.low |= low;
            self.high |= high;
        }
    }

    /// The share of bytes that the kernel will accept.
    fn share(&self) -> Shares {
        if self.any > 0 { ALL } else { self.share }
    }
}

impl Bucket {
    fn new(look_up: LookUp) -> Self {
        let place = Place { counts: [0; 256], any: 0, exact: NONE, share: NONE, low: 0, high: 0 };
        Self { places: Box::new([place; WINDOW]), look_up, cost: 0.0 }
    }

    fn cost_with(&self, window: &Window) -> f32 {
        cost(self.places.iter().enumerate().map(|(number, place)| match window.accepts(number) {
            Some(bytes) => place.share_with(bytes, self.look_up),
            None => ALL,
        }))
    }

    fn add(&mut self, window: &Window, more: bool) {
        for (number, place) in self.places.iter_mut().enumerate() {
            place.count(window.accepts(number), more, self.look_up);
        }
        self.cost = cost(self.places.iter().map(Place::share));
    }
}

const NONE: Shares = [0.0; 3];
const ALL: Shares = [1.0; 3];

fn add(shares: Shares, others: &Shares) -> Shares {
    std::array::from_fn(|kind| shares[kind] + others[kind])
}

/// The share of positions of which these are the shares at each place.
fn cost(places: impl Iterator<Item = Shares>) -> f32 {
    let all = places.fold(ALL, |all, place| std::array::from_fn(|kind| all[kind] * place[kind].min(1.0)));
    BACKGROUND.overall(&all)
}

fn distinct(bytes: [u8; 2]) -> impl Iterator<Item = u8> {
    let second = (bytes[1] != bytes[0]).then_some(bytes[1]);
    std::iter::once(bytes[0]).chain(second)
}

/// A bit for each low and each high nibble of the bytes.
fn nibbles(bytes: [u8; 2]) -> (u16, u16) {
    bytes.iter().fold((0, 0), |(low, high), byte| (low | 1 << (byte & 15), high | 1 << (byte >> 4)))
}

/// The share of bytes whose nibbles are in two sets, by partial sums.
struct NibbleShares {
    /// By high nibble, half of the low nibbles (0 to 7, 8 to 15), and their bits.
    sums: Vec<[[Shares; 256]; 2]>,
}

static NIBBLE_SHARES: LazyLock<NibbleShares> = LazyLock::new(|| {
    let sum = |high: u8, half: u8, bits: u8| {
        let low = (0..8_u8).filter(|bit| bits >> bit & 1 == 1).map(|bit| half * 8 + bit);
        low.fold(NONE, |sum, low| add(sum, BACKGROUND.by_kind(high << 4 | low)))
    };
    let halves = |high: u8| {
        [0_u8, 1].map(|half| {
            let mut sums = [NONE; 256];
            (0_u8..=255).zip(sums.iter_mut()).for_each(|(bits, slot)| *slot = sum(high, half, bits));
            sums
        })
    };
    NibbleShares { sums: (0..16).map(halves).collect() }
});

impl NibbleShares {
    fn of(&self, low: u16, high: u16) -> Shares {
        let [first, second] = low.to_le_bytes().map(usize::from);
        let rows = self.sums.iter().enumerate().filter(|(number, _)| high >> number & 1 == 1);
        rows.fold(NONE, |sum, (_, halves)| add(add(sum, &halves[0][first]), &halves[1][second]))
    }
}
