//! Which RSA moduli of many share a prime with another: keys of machines that had no
//! randomness when they made them. Whoever has both public keys has both private
//! ones.
//!
//! The method is that of Bernstein's batch greatest common divisor (Heninger and
//! others 2012), with sums instead of squares: for the product `P` of all moduli the
//! tree of products also gives `S`, the sum of all `P / nᵢ`. All terms of it but one
//! are divisible by `nᵢ`, so `S mod nᵢ` is `P / nᵢ mod nᵢ`, whose greatest common
//! divisor with `nᵢ` is what is sought. The numbers that a tree of remainders takes
//! down are then half as long as with squares.
//!
//! Memory is bounded by blocks of moduli: a tree of one block at a time, and the
//! product of each block, which the others are multiplied by.

// `UBig` has no upper end; nothing is divided by a number that can be zero.
#![allow(clippy::arithmetic_side_effects)]

use std::collections::{BTreeMap, HashMap};

use dashu_int::UBig;
use dashu_int::ops::Gcd as _;
use rayon::prelude::*;

use crate::formats::ssh_public::MAX_RSA_BITS;
use crate::formats::weak_key::without_small_factors;

/// How many moduli a block has. Its tree takes 17 times their size, 300 MB at 2048
/// bits; a smaller block costs time in proportion to the square of their number.
const BLOCK: usize = 1 << 16;
/// With how many others a modulus is compared of which both primes are shared.
const MAX_COMPARED: usize = 1000;

/// How far the work is. The steps are not of equal length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Steps done.
    pub done: usize,
    /// Steps in all.
    pub total: usize,
}

/// Finds the groups of moduli that share a prime. Each group has two or more places in
/// `moduli`, sorted; a modulus of which both primes are shared is in two groups. The
/// prime itself is not given.
///
/// `moduli` are big endian. Equal ones count once, by the first of them: to be the
/// same key is no shared prime. What is no modulus (more than 16384 bits, even, one)
/// is passed over. `progress` is called after every step.
///
/// Time: 100,000 moduli of 2048 bits take minutes on two cores, see
/// `benches/batch_gcd.rs`; twice as many take about 2.7 times as long, and beyond a
/// block (65,536) the time grows with the square of the number.
pub fn shared_primes(moduli: &[&[u8]], progress: &mut dyn FnMut(Progress)) -> Vec<Vec<usize>> {
    in_blocks(moduli, BLOCK, progress)
}

fn in_blocks(moduli: &[&[u8]], block: usize, progress: &mut dyn FnMut(Progress)) -> Vec<Vec<usize>> {
    let mut seen: HashMap<&[u8], ()> = HashMap::with_capacity(moduli.len());
    let mut places = Vec::with_capacity(moduli.len());
    for (place, bytes) in moduli.iter().enumerate() {
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        let bytes = bytes.get(zeros..).unwrap_or_default();
        let bits = bytes.len().saturating_mul(8);
        let odd = bytes.last().is_some_and(|last| last & 1 == 1) && bytes != [1];
        if odd
            && u32::try_from(bits).is_ok_and(|bits| bits <= MAX_RSA_BITS)
            && seen.insert(bytes, ()).is_none()
        {
            places.push((place, UBig::from_be_bytes(bytes)));
        }
    }
    drop(seen);
    let blocks: Vec<&[(usize, UBig)]> = places.chunks(block.max(2)).collect();
    let depth = usize::try_from(block.max(2).ilog2()).unwrap_or(0) + 1;
    let mut steps = Steps { done: 0, total: blocks.len() * (1 + 2 * depth + blocks.len()), tell: progress };
    // The products of the blocks, for which a tree is built and forgotten.
    let products: Vec<UBig> = match blocks.len() {
        0 | 1 => Vec::new(),
        _ => blocks
            .iter()
            .map(|numbers| {
                steps.done(1);
                product(numbers.iter().map(|(_, n)| n.clone()).collect())
            })
            .collect(),
    };
    let mut hits = Vec::new();
    for (at, numbers) in blocks.iter().enumerate() {
        hits.extend(of_block(numbers, at, &products, &mut steps));
    }
    steps.finish();
    groups(&hits)
}

/// The product, level by level, so that factors are of equal length.
fn product(mut level: Vec<UBig>) -> UBig {
    while level.len() > 1 {
        level = level.par_chunks(2).map(|pair| pair.iter().product()).collect();
    }
    level.pop().unwrap_or(UBig::ONE)
}

/// Counts steps and tells them.
struct Steps<'a> {
    done: usize,
    total: usize,
    tell: &'a mut dyn FnMut(Progress),
}

impl Steps<'_> {
    fn done(&mut self, steps: usize) {
        self.done = (self.done + steps).min(self.total);
        (self.tell)(Progress { done: self.done, total: self.total });
    }

    fn finish(&mut self) {
        if self.done < self.total {
            self.done(self.total);
        }
    }
}

/// A modulus that shares something.
struct Shared {
    place: usize,
    modulus: UBig,
    /// What it shares, small primes left out: a modulus with those is no modulus, and
    /// says nothing of another one.
    factor: UBig,
}

fn of_block(numbers: &[(usize, UBig)], at: usize, products: &[UBig], steps: &mut Steps<'_>) -> Vec<Shared> {
    let mut levels: Vec<Vec<UBig>> = vec![numbers.iter().map(|(_, n)| n.clone()).collect()];
    let mut sums: Vec<UBig> = vec![UBig::ONE; numbers.len()];
    while let Some(level) = levels.last().filter(|level| level.len() > 1) {
        let pairs = level.par_chunks(2).zip(sums.par_chunks(2));
        let (products, next): (Vec<UBig>, Vec<UBig>) = pairs
            .map(|pair| match pair {
                ([left, right], [of_left, of_right]) => {
                    let (product, (one, other)) =
                        rayon::join(|| left * right, || rayon::join(|| of_left * right, || of_right * left));
                    (product, one + other)
                }
                ([alone, ..], [sum, ..]) => (alone.clone(), sum.clone()),
                _ => (UBig::ONE, UBig::ONE),
            })
            .unzip();
        levels.push(products);
        sums = next;
        steps.done(1);
    }
    let Some(product) = levels.last().and_then(|level| level.first()).cloned() else { return Vec::new() };
    let mut rests = sums;
    // Times the other blocks' products, so that a prime of another block shows.
    for (other, factor) in products.iter().enumerate().filter(|(other, _)| *other != at) {
        let _ = other;
        rests = rests.into_iter().map(|rest| rest * (factor % &product) % &product).collect();
        steps.done(1);
    }
    while let Some(level) = levels.pop() {
        let above = &rests;
        let single = level.len() == above.len();
        rests = level
            .par_iter()
            .enumerate()
            .map(|(index, n)| {
                let parent = above.get(if single { index } else { index / 2 });
                parent.map_or(UBig::ONE, |parent| parent % n)
            })
            .collect();
        steps.done(1);
    }
    numbers
        .par_iter()
        .zip(rests.par_iter())
        .filter_map(|((place, n), rest)| {
            // A rest of zero: both primes are shared.
            let common = if *rest == UBig::ZERO { n.clone() } else { rest.gcd(n) };
            let factor = if common.is_one() { common } else { without_small_factors(&common) };
            (!factor.is_one()).then(|| Shared { place: *place, modulus: n.clone(), factor })
        })
        .collect()
}

/// Puts those together that share the same prime.
fn groups(hits: &[Shared]) -> Vec<Vec<usize>> {
    let mut by_prime: BTreeMap<UBig, Vec<usize>> = BTreeMap::new();
    for hit in hits {
        if hit.factor != hit.modulus {
            by_prime.entry(hit.factor.clone()).or_default().push(hit.place);
            continue;
        }
        // Both primes are shared: another that has one of them tells them apart.
        let others = hits.iter().filter(|other| other.place != hit.place).take(MAX_COMPARED);
        let mut common = others.map(|other| (&hit.modulus).gcd(&other.modulus));
        match common.find(|common| !common.is_one() && *common != hit.modulus) {
            Some(prime) => {
                by_prime.entry(&hit.modulus / &prime).or_default().push(hit.place);
                by_prime.entry(prime).or_default().push(hit.place);
            }
            None => by_prime.entry(hit.modulus.clone()).or_default().push(hit.place),
        }
    }
    let mut groups: Vec<Vec<usize>> = by_prime.into_values().filter(|places| places.len() > 1).collect();
    groups.iter_mut().for_each(|places| places.sort_unstable());
    groups.sort();
    groups
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Primes above the small ones, by trial division.
    fn primes(count: usize) -> Vec<u64> {
        let is_prime = |n: &u64| (2..).take_while(|d| d * d <= *n).all(|d| !n.is_multiple_of(d));
        (70_000_u64..).filter(is_prime).take(count).collect()
    }

    fn find(moduli: &[u64], block: usize) -> Vec<Vec<usize>> {
        let bytes: Vec<[u8; 8]> = moduli.iter().map(|n| n.to_be_bytes()).collect();
        let slices: Vec<&[u8]> = bytes.iter().map(|bytes| &bytes[..]).collect();
        let mut last = 0;
        in_blocks(&slices, block, &mut |progress| {
            assert!(progress.done >= last && progress.done <= progress.total);
            last = progress.done;
        })
    }

    #[test]
    fn primes_that_are_shared() {
        let p = primes(12);
        let n = |a: usize, b: usize| p[a] * p[b];
        for block in [2, 3, 4, 100] {
            assert_eq!(find(&[n(0, 1), n(2, 3), n(0, 4), n(5, 6)], block), [[0, 2]], "{block}");
            // Both primes of the first; the same modulus twice.
            let chain = [n(0, 1), n(1, 2), n(3, 4), n(0, 5), n(3, 4)];
            assert_eq!(find(&chain, block), [vec![0, 1], vec![0, 3]], "{block}");
            let three = [n(0, 1), n(0, 2), n(6, 7), n(0, 3)];
            assert_eq!(find(&three, block), [[0, 1, 3]], "{block}");
            let triangle = [n(0, 1), n(1, 2), n(2, 0)];
            assert_eq!(find(&triangle, block), [[0, 1], [0, 2], [1, 2]], "{block}");
            assert_eq!(find(&[n(0, 1), n(0, 1), n(0, 1)], block), Vec::<Vec<usize>>::new());
            assert_eq!(find(&[n(0, 1)], block), Vec::<Vec<usize>>::new());
            assert_eq!(find(&[], block), Vec::<Vec<usize>>::new());
        }
    }

    #[test]
    fn what_is_no_modulus() {
        let p = primes(4);
        // Zero, one, an even number, and two that share a small prime only.
        let moduli = [0, 1, p[0] * 2, p[0] * p[1], 65521 * p[2], 65521 * p[3], p[0] * p[3]];
        assert_eq!(find(&moduli, 100), [vec![3, 6], vec![5, 6]]);
        let long = vec![0xff; 5000];
        let short = (p[0] * p[1]).to_be_bytes();
        assert!(shared_primes(&[&long, &short, &[]], &mut |_| ()).is_empty());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Against the definition: pairs with a common divisor.
        #[test]
        fn as_every_pair_says(pairs in proptest::collection::vec((0_usize..40, 0_usize..40), 0..40), block in 2_usize..20) {
            let p = primes(40);
            let moduli: Vec<u64> = pairs.iter().filter(|(a, b)| a != b).map(|(a, b)| p[*a] * p[*b]).collect();
            let first = |n: &u64| moduli.iter().position(|other| other == n);
            let mut expected = Vec::new();
            for prime in &p {
                let with: Vec<usize> =
                    (0..moduli.len()).filter(|i| moduli[*i].is_multiple_of(*prime) && first(&moduli[*i]) == Some(*i)).collect();
                if with.len() > 1 {
                    expected.push(with);
                }
            }
            expected.sort();
            prop_assert_eq!(find(&moduli, block), expected);
        }
    }
}
