//! Public keys that are weak by themselves: too short, out of use, or made by a
//! generator that is known to be broken. Only the public half is looked at.
//!
//! Nothing that these tests find out is a secret that was not public already, but
//! factors are told only where they are trivial: a reader needs the proof that a key
//! is broken, not the key.

// Numbers of any size; each division is by a number that is known not to be zero.
#![allow(clippy::arithmetic_side_effects)]

use std::sync::LazyLock;

use dashu_int::UBig;
use dashu_int::fast_div::ConstDivisor;
use dashu_int::ops::{BitTest as _, Gcd as _, SquareRoot as _};

use super::bignum::number;
use super::debian_2008;
use super::rsa_private::is_square;
use super::ssh_public::{PublicKey, rsa_numbers};

/// Below this NIST has disallowed RSA since 2014 (SP 800-131A), and an attacker with
/// means can factor.
pub const MIN_RSA_BITS: u32 = 2048;
/// Primes below this are looked for as factors.
const SMALL: u32 = 1 << 16;
/// How many steps Fermat's method is given. A key of sound primes would need more
/// than 2^200; those of broken generators need a handful.
const FERMAT_STEPS: u32 = 100;
/// How many equal bytes in a row no random modulus has.
const EQUAL_BYTES: usize = 16;

/// In which way a key is weak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum WeaknessKind {
    /// RSA with a modulus of fewer than [`MIN_RSA_BITS`] bits.
    ShortRsa,
    /// DSA: 1024 bits in SSH, and gone from OpenSSH 10.
    Dsa,
    /// An RSA exponent that makes no encryption: even, or one.
    BrokenExponent,
    /// A modulus with a small prime factor: no product of two primes.
    SmallFactor,
    /// Two primes so close to each other that Fermat's method finds them
    /// (CVE-2022-26320).
    ClosePrimes,
    /// Primes as Infineon's library made them (ROCA, CVE-2017-15361).
    Roca,
    /// A modulus with a long run of equal bytes.
    BytePattern,
    /// One of the keys that the broken generator of Debian made in 2006 to 2008
    /// (CVE-2008-0166).
    Debian2008,
    /// The private half is published.
    Published,
    /// Shares a prime with another key.
    SharedPrime,
    /// Passphrases can be guessed fast: the derivation is one hash.
    WeakKdf,
    /// ECDSA on P-521 in PuTTY's form: PuTTY 0.68 to 0.80 gave the key away by its
    /// signatures (CVE-2024-31497). Only if it was used with one of these.
    PuttyP521,
}

impl WeaknessKind {
    /// The name used on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ShortRsa => "short_rsa",
            Self::Dsa => "dsa",
            Self::BrokenExponent => "broken_exponent",
            Self::SmallFactor => "small_factor",
            Self::ClosePrimes => "close_primes",
            Self::Roca => "roca",
            Self::BytePattern => "byte_pattern",
            Self::Debian2008 => "debian_2008",
            Self::Published => "published",
            Self::SharedPrime => "shared_prime",
            Self::WeakKdf => "weak_kdf",
            Self::PuttyP521 => "putty_p521",
        }
    }
}

/// A weakness with what shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weakness {
    /// Which.
    pub kind: WeaknessKind,
    /// What shows it, for a person.
    pub evidence: String,
}

impl Weakness {
    pub(crate) fn new(kind: WeaknessKind, evidence: impl Into<String>) -> Self {
        Self { kind, evidence: evidence.into() }
    }
}

/// The weaknesses of a public key in plain wire form. Bytes that are no key have none.
#[must_use]
pub fn weaknesses(blob: &[u8]) -> Vec<Weakness> {
    let Ok(key) = PublicKey::from_blob(blob) else { return Vec::new() };
    let mut found = Vec::new();
    if matches!(key.algorithm, "dsa" | "rsa") && debian_2008::contains(&key.blob) {
        let what = "one of those that Debian's broken generator made";
        found.push(Weakness::new(WeaknessKind::Debian2008, what));
    }
    match key.algorithm {
        "dsa" => found.push(Weakness::new(WeaknessKind::Dsa, format!("{} bits", key.bits))),
        "rsa" => {
            let Some((e, n)) = rsa_numbers(&key.blob) else { return found };
            if key.bits < MIN_RSA_BITS {
                found.push(Weakness::new(WeaknessKind::ShortRsa, format!("{} bits", key.bits)));
            }
            rsa(n, e, &mut found);
        }
        _ => {}
    }
    found
}

/// The tests of RSA keys. Numbers are big endian without leading zeros.
fn rsa(n: &[u8], e: &[u8], found: &mut Vec<Weakness>) {
    let (modulus, exponent) = (number(n), number(e));
    if !exponent.bit(0) || exponent.is_one() {
        let what = if exponent.is_one() { "the exponent is 1" } else { "the exponent is even" };
        found.push(Weakness::new(WeaknessKind::BrokenExponent, what));
    }
    if let Some(factor) = small_factor(&modulus) {
        // Nothing of what follows says more of a number that is no such product.
        found.push(Weakness::new(WeaknessKind::SmallFactor, format!("divisible by {factor}")));
        return;
    }
    if let Some(steps) = fermat(&modulus) {
        let steps = if steps == 1 { "1 step".to_owned() } else { format!("{steps} steps") };
        found
            .push(Weakness::new(WeaknessKind::ClosePrimes, format!("Fermat's method finds both in {steps}")));
    }
    if is_roca(&modulus) {
        let what = "in the subgroup that 65537 generates modulo the product of the primes up to 167";
        found.push(Weakness::new(WeaknessKind::Roca, what));
    }
    if n.chunk_by(|one, other| one == other).any(|run| run.len() >= EQUAL_BYTES) {
        let what = format!("{EQUAL_BYTES} equal bytes in a row");
        found.push(Weakness::new(WeaknessKind::BytePattern, what));
    }
}

/// The primes below [`SMALL`] and their product.
static PRIMES: LazyLock<(Vec<u32>, UBig)> = LazyLock::new(|| {
    let mut composite = vec![false; usize::try_from(SMALL).unwrap_or(0)];
    let mut primes = Vec::new();
    for candidate in 2..SMALL {
        let at = usize::try_from(candidate).unwrap_or(0);
        if composite.get(at) == Some(&false) {
            primes.push(candidate);
            composite.iter_mut().skip(at).step_by(at).for_each(|multiple| *multiple = true);
        }
    }
    let product = product(&primes.iter().map(|prime| UBig::from(*prime)).collect::<Vec<_>>());
    (primes, product)
});

/// The product, in a tree, whose depth is the logarithm of the length.
fn product(numbers: &[UBig]) -> UBig {
    match numbers {
        [] => UBig::ONE,
        [one] => one.clone(),
        _ => {
            let (left, right) = numbers.split_at(numbers.len() / 2);
            product(left) * product(right)
        }
    }
}

/// A number without its prime factors below 2^16. Zero has none.
pub(crate) fn without_small_factors(n: &UBig) -> UBig {
    let mut rest = n.clone();
    while !rest.is_zero() {
        let common = (&PRIMES.1 % &rest).gcd(&rest);
        if common.is_one() || common.is_zero() {
            break;
        }
        rest /= common;
    }
    rest
}

/// The smallest prime factor below [`SMALL`] of a number above it.
fn small_factor(n: &UBig) -> Option<u32> {
    let (primes, product) = &*PRIMES;
    if *n <= UBig::from(SMALL) || (product % n).gcd(n).is_one() {
        return None;
    }
    primes.iter().copied().find(|prime| (n % UBig::from(*prime)).is_zero())
}

/// How many steps of Fermat's method factor the number, if few do: it looks for an
/// `a` from the root on, such that `a² - n` is a square.
fn fermat(n: &UBig) -> Option<u32> {
    let root = n.sqrt();
    let mut a = if &root * &root == *n { root } else { root + UBig::ONE };
    let mut rest = &a * &a - n;
    for step in 1..=FERMAT_STEPS {
        if may_be_square(&rest) && is_square(&rest) {
            return Some(step);
        }
        // (a + 1)² - n = a² - n + 2 a + 1
        rest += &a * UBig::from(2_u8) + UBig::ONE;
        a += UBig::ONE;
    }
    None
}

/// Of 64 residues modulo 64 squares have 12.
fn may_be_square(number: &UBig) -> bool {
    let low = (number % UBig::from(64_u8)).try_into().unwrap_or(0_u8);
    matches!(low, 0 | 1 | 4 | 9 | 16 | 17 | 25 | 33 | 36 | 41 | 49 | 57)
}

/// The primes up to 167 modulo which 65537 does not generate every residue: a
/// random number is in the subgroups of all of them once in 2.4 · 10^8 times.
const ROCA_PRIMES: [u32; 17] = [11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157];

/// The order of 65537 modulo the product of the primes up to 167, as powers of
/// primes.
const ROCA_ORDER: [u32; 13] = [16, 81, 25, 7, 11, 13, 17, 23, 29, 37, 41, 53, 83];

/// For each of [`ROCA_PRIMES`] the powers of 65537, as bits.
static ROCA_RESIDUES: LazyLock<[u128; 2 * ROCA_PRIMES.len()]> = LazyLock::new(|| {
    let mut sets = [0; 2 * ROCA_PRIMES.len()];
    for (set, prime) in sets.chunks_exact_mut(2).zip(ROCA_PRIMES) {
        let mut power = 1;
        for _ in 0..prime {
            if let Some(half) = set.get_mut(usize::from(power >= 128)) {
                *half |= 1_u128 << (power % 128);
            }
            power = power * (65537 % prime) % prime;
        }
    }
    sets
});

/// Whether a modulus is in the subgroup that 65537 generates modulo the product of
/// the primes up to 167, as all of Infineon's are (Nemec and others 2017, section 2).
/// The chance for another one is 2^-154.
fn is_roca(n: &UBig) -> bool {
    let in_subgroup = |(prime, set): (&u32, &[u128])| {
        let residue: u32 = (n % UBig::from(*prime)).try_into().unwrap_or(0);
        set.get(usize::from(residue >= 128)).is_some_and(|half| half >> (residue % 128) & 1 == 1)
    };
    ROCA_PRIMES.iter().zip(ROCA_RESIDUES.chunks_exact(2)).all(in_subgroup) && has_roca_logarithm(n)
}

/// The method of Pohlig and Hellman: there is a logarithm if there is one in each
/// part of the group.
fn has_roca_logarithm(n: &UBig) -> bool {
    let primes = PRIMES.0.iter().take_while(|prime| **prime <= 167);
    let ring = ConstDivisor::new(product(&primes.map(|prime| UBig::from(*prime)).collect::<Vec<_>>()));
    let order: UBig = product(&ROCA_ORDER.map(UBig::from));
    let (base, target) = (ring.reduce(65537_u32), ring.reduce(n.clone()));
    if target.pow(&order) != ring.reduce(1_u32) {
        return false;
    }
    ROCA_ORDER.iter().all(|part| {
        let cofactor = &order / UBig::from(*part);
        let (base, target) = (base.pow(&cofactor), target.pow(&cofactor));
        let mut power = ring.reduce(1_u32);
        (0..*part).any(|_| {
            let found = power == target;
            power *= &base;
            found
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::bignum::bytes;
    use crate::formats::wire::{put_mpint, put_string};

    fn blob(e: &UBig, n: &UBig) -> Vec<u8> {
        let mut out = Vec::new();
        put_string(&mut out, b"ssh-rsa");
        put_mpint(&mut out, &bytes(e));
        put_mpint(&mut out, &bytes(n));
        out
    }

    fn kinds(e: u32, n: &UBig) -> Vec<WeaknessKind> {
        weaknesses(&blob(&UBig::from(e), n)).into_iter().map(|weakness| weakness.kind).collect()
    }

    /// Numbers that look random and are the same each time.
    fn noise(bits: usize, seed: u8) -> UBig {
        let mut hash = blake3::Hasher::new();
        hash.update(&[seed]);
        let mut bytes = vec![0; bits / 8];
        hash.finalize_xof().fill(&mut bytes);
        bytes[0] |= 0xc0;
        number(&bytes)
    }

    /// The next number that a test to the bases 2, 3 and 5 takes for a prime.
    fn next_prime(mut from: UBig) -> UBig {
        if !from.bit(0) {
            from += UBig::ONE;
        }
        loop {
            let ring = ConstDivisor::new(from.clone());
            let exponent = &from - UBig::ONE;
            let fermat = |base: u8| ring.reduce(base).pow(&exponent) == ring.reduce(1_u8);
            if (PRIMES.1.clone() % &from).gcd(&from).is_one() && [2, 3, 5].into_iter().all(fermat) {
                return from;
            }
            from += UBig::from(2_u8);
        }
    }

    #[test]
    fn sound_keys_have_no_weakness() {
        for seed in 0..6 {
            let n = next_prime(noise(1024, seed)) * next_prime(noise(1024, seed + 100));
            assert_eq!(kinds(65537, &n), [], "{seed}");
        }
    }

    #[test]
    fn short_and_broken_numbers() {
        let n = next_prime(noise(512, 1)) * next_prime(noise(512, 2));
        assert_eq!(kinds(65537, &n), [WeaknessKind::ShortRsa]);
        let n = next_prime(noise(1024, 1)) * next_prime(noise(1024, 2));
        assert_eq!(kinds(1, &n), [WeaknessKind::BrokenExponent]);
        assert_eq!(kinds(65536, &n), [WeaknessKind::BrokenExponent]);
        assert_eq!(kinds(3, &n), []);
        // 65521 is the largest prime below 2^16.
        for factor in [2_u32, 3, 251, 65521] {
            let n = next_prime(noise(2048, 3)) * UBig::from(factor);
            let found = weaknesses(&blob(&UBig::from(3_u8), &n));
            assert_eq!(found, [Weakness::new(WeaknessKind::SmallFactor, format!("divisible by {factor}"))]);
        }
        // 65537 is the smallest above.
        assert_eq!(kinds(3, &(next_prime(noise(2048, 3)) * UBig::from(65537_u32))), []);
        let run = next_prime((noise(1024, 4) << 1024) + (UBig::ones(128) << 512) + noise(256, 1));
        assert_eq!(kinds(3, &run), [WeaknessKind::BytePattern]);
        assert_eq!(weaknesses(b"nothing"), []);
    }

    #[test]
    fn close_primes_are_found() {
        let p = next_prime(noise(1024, 5));
        for distance in [2_u32, 10, 500] {
            // (p + q)/2 - √pq = (p - q)²/8√pq: less than one for all of these.
            let q = next_prime(&p + (UBig::ONE << 480) * UBig::from(distance));
            let found = weaknesses(&blob(&UBig::from(65537_u32), &(&p * &q)));
            assert_eq!(found.len(), 1, "{distance}");
            assert_eq!(found[0].kind, WeaknessKind::ClosePrimes);
            assert_eq!(found[0].evidence, "Fermat's method finds both in 1 step");
            assert!(!found[0].evidence.contains(&p.to_string()));
        }
        assert_eq!(kinds(65537, &(&p * &p)), [WeaknessKind::ClosePrimes]);
        // About (2^518)²/(8 · 2^1024) = 2^9 steps away.
        let q = next_prime(&p + (UBig::ONE << 518));
        assert_eq!(kinds(65537, &(&p * q)), []);
    }

    /// Primes as the paper says that the library makes them: k·M + 65537^a mod M.
    #[test]
    fn keys_of_infineon_are_found() {
        let m39: UBig =
            product(&PRIMES.0.iter().take(39).map(|prime| UBig::from(*prime)).collect::<Vec<_>>());
        assert_eq!(PRIMES.0[38], 167);
        let published = "924CBA6AE99DFA084537FACC54948DF0C23DA044D8CABE0EDD75BC6";
        assert_eq!(format!("{m39:X}"), published);
        // The larger product, of keys of 1024 to 1984 bits, and the one of those of 512.
        for (primes, seed) in [(39, 6_u8), (71, 7), (126, 8)] {
            let all: Vec<UBig> = PRIMES.0.iter().take(primes).map(|prime| UBig::from(*prime)).collect();
            let m = product(&all);
            let ring = ConstDivisor::new(m.clone());
            let prime = |seed: u8| {
                let tail = ring.reduce(65537_u32).pow(&noise(64, seed)).residue();
                let mut k = noise(1024 - m.bit_len(), seed.wrapping_add(50));
                loop {
                    let p = &k * &m + &tail;
                    if next_prime(p.clone()) == p {
                        return p;
                    }
                    k += UBig::ONE;
                }
            };
            let n = prime(seed) * prime(seed + 20);
            assert!(kinds(65537, &n).contains(&WeaknessKind::Roca), "{primes} primes");
            // The next number of the same kind modulo the quick test's primes alone is
            // not taken: it has no logarithm modulo a prime between.
            let quick: UBig = product(&ROCA_PRIMES.map(UBig::from));
            let near = (1_u32..50).map(|step| &n + &quick * UBig::from(2 * step));
            assert!(near.into_iter().any(|near| !is_roca(&near)));
        }
    }

    #[test]
    fn random_numbers_are_not_of_infineon() {
        assert!((0..200).all(|seed| !is_roca(&(noise(2048, seed) | UBig::ONE))));
    }

    /// The order by its definition, over the factors that the notes on the attack give.
    #[test]
    fn the_order_of_65537() {
        let order: UBig = product(&ROCA_ORDER.map(UBig::from));
        assert_eq!(order, UBig::from(2_454_106_387_091_158_800_u64));
        let m39 = product(&PRIMES.0.iter().take(39).map(|prime| UBig::from(*prime)).collect::<Vec<_>>());
        let ring = ConstDivisor::new(m39);
        let power = |exponent: &UBig| ring.reduce(65537_u32).pow(exponent);
        assert_eq!(power(&order), ring.reduce(1_u8));
        for prime in [2_u8, 3, 5, 7, 11, 13, 17, 23, 29, 37, 41, 53, 83] {
            assert_ne!(power(&(&order / UBig::from(prime))), ring.reduce(1_u8));
        }
    }

    #[test]
    fn the_largest_modulus_takes_no_time() {
        let n = noise(16_384, 9) | UBig::ONE;
        let _ = kinds(3, &n);
        let start = std::time::Instant::now();
        let _ = kinds(65537, &n);
        assert!(start.elapsed().as_secs() < 2, "{:?}", start.elapsed());
    }
}
