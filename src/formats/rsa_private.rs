//! The private numbers of an RSA key: whether they belong together, and the key as
//! PKCS#8, over which a cloud makes its fingerprint.

// See `bignum`: every subtraction and division is guarded where it stands.
#![allow(clippy::arithmetic_side_effects)]

use dashu_int::UBig;
use dashu_int::fast_div::ConstDivisor;
use dashu_int::ops::{BitTest as _, DivRem as _, SquareRoot as _};
use sha1::Sha1;
use sha2::Digest as _;

use super::bignum::{bytes, number};
use super::der::{OCTET_STRING, RSA_ALGORITHM, SEQUENCE, write_element, write_unsigned};
use super::ssh_public::MAX_RSA_BITS;
use super::wire::bit_length;

/// A key of two primes.
pub(crate) struct RsaPrivate {
    n: UBig,
    e: UBig,
    d: UBig,
    p: UBig,
    q: UBig,
}

impl RsaPrivate {
    /// Takes the numbers, big endian. `None` when one is out of the range of such
    /// keys, so that nothing that is done with them takes long.
    pub(crate) fn new(n: &[u8], e: &[u8], d: &[u8], p: &[u8], q: &[u8]) -> Option<Self> {
        let bits = bit_length(n);
        let fits = |part: &[u8]| (1..=bits).contains(&bit_length(part));
        if bits > MAX_RSA_BITS || ![e, d, p, q].into_iter().all(fits) {
            return None;
        }
        let key = Self { n: number(n), e: number(e), d: number(d), p: number(p), q: number(q) };
        let odd = [&key.n, &key.p, &key.q].into_iter().all(|part| part.bit(0) && *part > UBig::ONE);
        odd.then_some(key)
    }

    /// Whether the primes make the modulus and the exponents undo each other.
    pub(crate) fn fits(&self) -> bool {
        let undoes = |prime: &UBig| (&self.d * &self.e) % (prime - UBig::ONE) == UBig::ONE;
        &self.p * &self.q == self.n && undoes(&self.p) && undoes(&self.q)
    }

    /// SHA-1 over the key as unencrypted PKCS#8 in DER: what EC2 shows for a key
    /// that it made itself. `None` when the numbers make no key.
    pub(crate) fn pkcs8_sha1(&self) -> Option<[u8; 20]> {
        let ring = ConstDivisor::new(self.p.clone());
        let inverse = ring.reduce(self.q.clone()).inv()?.residue();
        let [of_p, of_q] = [&self.p, &self.q].map(|prime| &self.d % (prime - UBig::ONE));
        let mut numbers = vec![2, 1, 0];
        for part in [&self.n, &self.e, &self.d, &self.p, &self.q, &of_p, &of_q, &inverse] {
            write_unsigned(&mut numbers, &bytes(part));
        }
        let mut inner = Vec::with_capacity(numbers.len().saturating_add(8));
        write_element(&mut inner, SEQUENCE, &numbers);
        let mut fields = vec![2, 1, 0];
        write_element(&mut fields, SEQUENCE, &RSA_ALGORITHM);
        write_element(&mut fields, OCTET_STRING, &inner);
        let mut whole = Vec::with_capacity(fields.len().saturating_add(8));
        write_element(&mut whole, SEQUENCE, &fields);
        Some(Sha1::digest(whole).into())
    }
}

/// As many convergents are looked at: a fraction of numbers of 32 bits has no more.
const MAX_CONVERGENTS: usize = 48;

/// Whether a private exponent belongs to a public key, without the primes, for the
/// small public exponents that are in use.
///
/// `e · d - 1` is a multiple of λ(n), so that its ratio to φ(n) is a fraction of small
/// numbers, whatever p - 1 and q - 1 have in common. As φ(n) is n but for the lower
/// half of its digits, that fraction is a convergent of the ratio to n (Legendre); it
/// gives φ(n), from which p + q follows, and only the right one has a discriminant
/// that is a square.
pub(crate) fn is_private_exponent(n: &[u8], e: &[u8], d: &[u8]) -> bool {
    let usual = bit_length(n) <= MAX_RSA_BITS && (1..=33).contains(&bit_length(e));
    if !usual || d.is_empty() || bit_length(d) > bit_length(n) {
        return false;
    }
    let (n, product) = (number(n), number(e) * number(d));
    if n.is_zero() || product <= UBig::ONE {
        return false;
    }
    let multiple = product - UBig::ONE;
    let (mut above, mut below) = (multiple.clone(), n.clone());
    let (mut over, mut over_before) = (UBig::ONE, UBig::ZERO);
    let (mut under, mut under_before) = (UBig::ZERO, UBig::ONE);
    for _ in 0..MAX_CONVERGENTS {
        if below.is_zero() {
            break;
        }
        let (whole, rest) = above.div_rem(&below);
        (above, below) = (below, rest);
        (over, over_before) = (&whole * &over + over_before, over);
        (under, under_before) = (&whole * &under + under_before, under);
        if over.is_zero() {
            continue;
        }
        let (totient, rest) = (&multiple * &under).div_rem(&over);
        if rest.is_zero() && is_totient(&n, totient) {
            return true;
        }
    }
    false
}

/// Whether there are two numbers whose product is `n` and of which this is the product
/// when each is one less.
fn is_totient(n: &UBig, totient: UBig) -> bool {
    if totient > *n {
        return false;
    }
    let sum = n - totient + UBig::ONE;
    let (square, fourfold) = (&sum * &sum, n * UBig::from(4_u32));
    square >= fourfold && is_square(&(square - fourfold))
}

/// Whether a number is a square.
pub(crate) fn is_square(number: &UBig) -> bool {
    let root = number.sqrt();
    &root * &root == *number
}

#[cfg(test)]
mod tests {
    use super::*;

    // 61 · 53 = 3233, λ = 780, φ = 3120; 17 · 413 = 7021 = 9 · 780 + 1,
    // 17 · 2753 = 46801 = 15 · 3120 + 1.
    const N: [u8; 2] = [0x0c, 0xa1];

    #[test]
    fn a_key_by_hand() {
        for d in [&[0x01, 0x9d][..], &[0x0a, 0xc1]] {
            assert!(RsaPrivate::new(&N, &[17], d, &[61], &[53]).is_some_and(|key| key.fits()));
        }
        assert!(!RsaPrivate::new(&N, &[17], &[0x01, 0x9e], &[61], &[53]).is_some_and(|key| key.fits()));
        assert!(!RsaPrivate::new(&N, &[17], &[0x01, 0x9d], &[59], &[53]).is_some_and(|key| key.fits()));
    }

    #[test]
    fn an_exponent_by_hand() {
        // 1009 · 1013 = 1022117, λ = 255024, φ = 4 · λ = 1020096;
        // 5 · 51005 = λ + 1, 5 · 816077 = 4 · φ + 1.
        let n = [0x0f, 0x98, 0xa5];
        assert!(is_private_exponent(&n, &[5], &[0xc7, 0x3d]));
        assert!(is_private_exponent(&n, &[5], &[0x0c, 0x73, 0xcd]));
        assert!(!is_private_exponent(&n, &[5], &[0xc7, 0x3e]));
        assert!(!is_private_exponent(&n, &[5], &[]));
        assert!(!is_private_exponent(&[], &[5], &[3]));
        // 1021 · 1123 = 1146583, φ = 102 · λ: one key in thirty has more than 32 in common;
        // 7 · 1603 = λ + 1.
        assert!(is_private_exponent(&[0x11, 0x7e, 0xd7], &[7], &[0x06, 0x43]));
        assert!(!is_private_exponent(&[0x11, 0x7e, 0xd7], &[7], &[0x06, 0x44]));
    }

    #[test]
    fn numbers_of_no_key() {
        assert!(RsaPrivate::new(&N, &[17], &[1], &[1], &[53]).is_none());
        assert!(RsaPrivate::new(&N, &[17], &[1], &[60], &[53]).is_none());
        assert!(RsaPrivate::new(&N, &[], &[1], &[61], &[53]).is_none());
        assert!(RsaPrivate::new(&[1; 200_000], &[3], &[1], &[61], &[53]).is_none());
    }
}
