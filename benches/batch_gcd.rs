//! How long it takes to find shared primes among RSA moduli.
//!
//! `cargo bench --bench batch_gcd -- [MODULI] [BITS]`: so many moduli (20000) of so
//! many bits (2048) by a seeded generator, of which ten pairs share a prime. Prints the
//! time, and stops where a pair is not found. Those of the pairs are products of primes (by
//! Fermat's test), the others of random odd numbers: to make primes of all would take
//! longer than to find those that are shared, and no step depends on it.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints its figures")]

use std::time::Instant;

use dashu_int::UBig;
use dashu_int::fast_div::ConstDivisor;
use snapsift::fleet::shared_primes::shared_primes;

/// How many pairs share a prime.
const PAIRS: u64 = 10;

/// The first probable prime from an odd number on.
fn next_prime(mut number: UBig) -> UBig {
    let two = UBig::from(2_u8);
    loop {
        let ring = ConstDivisor::new(number.clone());
        if ring.reduce(two.clone()).pow(&(&number - UBig::ONE)).residue().is_one() {
            return number;
        }
        number += &two;
    }
}

fn main() {
    let mut numbers = std::env::args().skip(1).filter_map(|argument| argument.parse::<usize>().ok());
    let count = numbers.next().unwrap_or(20_000);
    let bits = numbers.next().unwrap_or(2048);
    let odd = |seed: u64| {
        let mut hash = blake3::Hasher::new();
        hash.update(&seed.to_le_bytes());
        let mut bytes = vec![0; bits / 16];
        hash.finalize_xof().fill(&mut bytes);
        if let [first, .., last] = &mut bytes[..] {
            *first |= 0xc0;
            *last |= 1;
        }
        UBig::from_be_bytes(&bytes)
    };
    let moduli: Vec<Box<[u8]>> = (0_u64..)
        .take(count)
        .map(|at| {
            // The first ones and those behind the middle share their first factor.
            let half = u64::try_from(count / 2).unwrap_or(0);
            let first = if (half..half + PAIRS).contains(&at) { at - half } else { at };
            let is_planted = first < PAIRS;
            let factor = |seed| if is_planted { next_prime(odd(seed)) } else { odd(seed) };
            (factor(first * 2) * factor(at * 2 + 1)).to_be_bytes()
        })
        .collect();
    let slices: Vec<&[u8]> = moduli.iter().map(AsRef::as_ref).collect();
    let start = Instant::now();
    let mut told = 0;
    let groups = shared_primes(&slices, &mut |progress| {
        let percent = progress.done * 100 / progress.total.max(1);
        if percent > told {
            told = percent;
            eprint!("\r{percent} % after {:.1} s", start.elapsed().as_secs_f64());
        }
    });
    let planted = groups
        .iter()
        .filter(|group| matches!(group[..], [one, other, ..] if other == one + count / 2))
        .count();
    println!(
        "\r{count} moduli of {bits} bits: {:.1} s on {} threads, {planted} of {PAIRS} planted pairs",
        start.elapsed().as_secs_f64(),
        rayon::current_num_threads(),
    );
    assert_eq!(u64::try_from(planted), Ok(PAIRS), "a pair that shares a prime was not found");
}
