//! Arithmetic on the numbers of keys: just enough to tell a whole key from a
//! damaged one and to compute what a container leaves out. Nothing here is
//! constant-time, and nothing here is kept.

// A `UBig` has no upper end; every subtraction and division is guarded where it
// stands.
#![allow(clippy::arithmetic_side_effects)]

use dashu_int::UBig;
use dashu_int::fast_div::ConstDivisor;
use dashu_int::ops::BitTest as _;

/// The largest modulus of [`power`], in bytes: 3072 bits, the largest of FIPS 186.
const MAX_MODULUS: usize = 384;
/// The largest exponent of [`power`], in bytes.
const MAX_EXPONENT: usize = 32;

/// The largest modulus and exponent of [`public_power`], in bytes.
const MAX_PUBLIC_MODULUS: usize = 2048;
const MAX_PUBLIC_EXPONENT: usize = 8;

/// A big-endian number.
pub(crate) fn number(bytes: &[u8]) -> UBig {
    UBig::from_be_bytes(bytes)
}

/// Big endian without leading zeros.
pub(crate) fn bytes(number: &UBig) -> Vec<u8> {
    super::wire::strip_zeros(&number.to_be_bytes()).to_vec()
}

/// Whether `a · b = product`. All are big endian without leading zeros. The time
/// is the product of the two lengths: the caller bounds them.
pub(crate) fn is_product(a: &[u8], b: &[u8], product: &[u8]) -> bool {
    // A product of an m-byte and an n-byte number has m + n or m + n - 1 bytes.
    let most = a.len().saturating_add(b.len());
    product.len() <= most
        && product.len().saturating_add(1) >= most
        && number(a) * number(b) == number(product)
}

/// `base ^ exponent mod modulus`, big endian without leading zeros. `None` for a
/// modulus or an exponent that no DSA key has.
pub(crate) fn power(base: &[u8], exponent: &[u8], modulus: &[u8]) -> Option<Vec<u8>> {
    let fits = modulus.len() <= MAX_MODULUS && exponent.len() <= MAX_EXPONENT;
    if fits { power_of(base, exponent, modulus) } else { None }
}

/// As [`power`], for the public exponent of an RSA key, which is short.
pub(crate) fn public_power(base: &[u8], exponent: &[u8], modulus: &[u8]) -> Option<Vec<u8>> {
    let fits = modulus.len() <= MAX_PUBLIC_MODULUS && exponent.len() <= MAX_PUBLIC_EXPONENT;
    if fits { power_of(base, exponent, modulus) } else { None }
}

fn power_of(base: &[u8], exponent: &[u8], modulus: &[u8]) -> Option<Vec<u8>> {
    let fits = base.len() <= modulus.len();
    let (base, exponent, modulus) = fits.then(|| (number(base), number(exponent), number(modulus)))?;
    if modulus <= UBig::ONE || !modulus.bit(0) || base >= modulus {
        return None;
    }
    let ring = ConstDivisor::new(modulus);
    Some(bytes(&ring.reduce(base).pow(&exponent).residue()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_by_hand() {
        assert_eq!(power(&[3], &[5], &[7]), Some(vec![5])); // 243 = 34 · 7 + 5
        assert_eq!(power(&[2], &[64], &[0xff, 0xff, 0xff, 0xfb]), Some(vec![25])); // 2^32 ≡ 5
        // 2^256 ≡ (2^64)^4 ≡ (-1)^4
        assert_eq!(power(&[2], &[1, 0], &[1, 0, 0, 0, 0, 0, 0, 0, 1]), Some(vec![1]));
        assert_eq!(power(&[2], &[3], &[8]), None);
        assert_eq!(power(&[2], &[3], &[1]), None);
        assert_eq!(power(&[2], &[3], &[]), None);
        assert_eq!(power(&[9], &[3], &[7]), None);
        assert_eq!(power(&[2], &[1; 33], &[7]), None);
    }

    #[test]
    fn products_by_hand() {
        assert!(is_product(&[3], &[5], &[15]));
        assert!(is_product(&[0xff; 4], &[0xff; 4], &[0xff, 0xff, 0xff, 0xfe, 0, 0, 0, 1]));
        // (2^64 - 1)² = 2^128 - 2^65 + 1
        let mut square = vec![0xff; 8];
        square[7] = 0xfe;
        square.extend([0, 0, 0, 0, 0, 0, 0, 1]);
        assert!(is_product(&[0xff; 8], &[0xff; 8], &square));
        assert!(!is_product(&[3], &[5], &[16]));
        assert!(!is_product(&[3], &[5], &[1, 15]));
        assert!(!is_product(&[], &[5], &[15]));
        assert!(is_product(&[1, 0, 0, 0, 0], &[1, 0, 0, 0, 0], &[1, 0, 0, 0, 0, 0, 0, 0, 0]));
    }
}
