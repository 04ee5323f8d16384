//! The private numbers of an RSA key: whether they belong together, and the key as
//! PKCS#8, over which a cloud makes its fingerprint.

// See `bignum`: every subtraction and division is guarded where it stands.
#![allow(clippy::arithmetic_side_effects)]

use dashu_int::UBig;
use dashu_int::fast_div::ConstDivisor;
use dashu_int::ops::{BitTest as _, SquareRoot as _};
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

/// Whether a private exponent belongs to a public key, without the primes: from
/// `e · d - 1`, a multiple of λ(n), follows φ(n) and from that p + q, and only the
/// right exponent gives a p + q whose discriminant is a square. For the small
/// public exponents that are in use.
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
    // φ is λ times a small even number, since p - 1 and q - 1 are both even.
    (1_u32..=32).any(|share| {
        let scaled = &multiple * UBig::from(share);
        let quotient = &scaled / &n + UBig::ONE;
        if !(&scaled % &quotient).is_zero() {
            return false;
        }
        let totient = scaled / quotient;
        if totient > n {
            return false;
        }
        let sum = &n - totient + UBig::ONE;
        let (square, fourfold) = (&sum * &sum, &n * UBig::from(4_u32));
        square >= fourfold && is_square(&(square - fourfold))
    })
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
            assert!(is_private_exponent(&N, &[17], d));
        }
        assert!(!is_private_exponent(&N, &[17], &[0x01, 0x9e]));
        assert!(!is_private_exponent(&N, &[17], &[]));
        assert!(!is_private_exponent(&[], &[17], &[3]));
        assert!(!RsaPrivate::new(&N, &[17], &[0x01, 0x9e], &[61], &[53]).is_some_and(|key| key.fits()));
        assert!(!RsaPrivate::new(&N, &[17], &[0x01, 0x9d], &[59], &[53]).is_some_and(|key| key.fits()));
    }

    #[test]
    fn numbers_of_no_key() {
        assert!(RsaPrivate::new(&N, &[17], &[1], &[1], &[53]).is_none());
        assert!(RsaPrivate::new(&N, &[17], &[1], &[60], &[53]).is_none());
        assert!(RsaPrivate::new(&N, &[], &[1], &[61], &[53]).is_none());
        assert!(RsaPrivate::new(&[1; 200_000], &[3], &[1], &[61], &[53]).is_none());
    }
}
