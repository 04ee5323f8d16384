//! Just enough arithmetic on large numbers to tell a whole key from a damaged
//! one. Public values of keys only; nothing here is constant-time.

/// A big-endian number as 32-bit limbs, least first.
fn limbs(number: &[u8]) -> Vec<u32> {
    number.rchunks(4).map(|chunk| chunk.iter().fold(0_u32, |sum, byte| sum << 8 | u32::from(*byte))).collect()
}

/// Whether `a · b = product`. All are big endian without leading zeros. The time
/// is the product of the two lengths: the caller bounds them.
pub(crate) fn is_product(a: &[u8], b: &[u8], product: &[u8]) -> bool {
    // A product of an m-byte and an n-byte number has m + n or m + n - 1 bytes.
    let most = a.len().saturating_add(b.len());
    if product.len() > most || product.len().saturating_add(1) < most {
        return false;
    }
    let (a, b, expected) = (limbs(a), limbs(b), limbs(product));
    let mut result = vec![0_u32; a.len().saturating_add(b.len())];
    for (shift, left) in a.iter().enumerate() {
        let mut carry = 0_u64;
        let Some(row) = result.get_mut(shift..) else { return false };
        let (columns, above) = row.split_at_mut_checked(b.len()).unwrap_or((&mut [], &mut []));
        for (column, right) in columns.iter_mut().zip(&b) {
            // (2^32 - 1)² + 2 (2^32 - 1) = 2^64 - 1: this cannot wrap.
            let sum = u64::from(*left)
                .wrapping_mul(u64::from(*right))
                .wrapping_add(u64::from(*column))
                .wrapping_add(carry);
            *column = low(sum);
            carry = sum >> 32;
        }
        if let Some(next) = above.first_mut() {
            *next = low(carry);
        }
    }
    while result.len() > expected.len() && result.last() == Some(&0) {
        result.pop();
    }
    result == expected
}

/// The largest modulus of [`power`], in bytes: 3072 bits, the largest of FIPS 186.
const MAX_MODULUS: usize = 384;
/// The largest exponent of [`power`], in bytes.
const MAX_EXPONENT: usize = 32;

/// `base ^ exponent mod modulus`, big endian without leading zeros. `None` for a
/// modulus or an exponent that no DSA key has. At most 514 products of 96 by 96
/// limbs, by Montgomery's method.
pub(crate) fn power(base: &[u8], exponent: &[u8], modulus: &[u8]) -> Option<Vec<u8>> {
    let fits = modulus.len() <= MAX_MODULUS && exponent.len() <= MAX_EXPONENT && base.len() <= modulus.len();
    if !fits
        || modulus.last().is_none_or(|byte| byte & 1 == 0)
        || base.len() == modulus.len() && base >= modulus
    {
        return None;
    }
    let modulus = limbs(modulus);
    let mut base = limbs(base);
    base.resize(modulus.len(), 0);
    let mut one = vec![0; modulus.len()];
    *one.first_mut()? = 1;
    // R = 2^(32 n): R mod m stands for 1, and R² mod m brings a number over.
    let doublings = modulus.len().checked_mul(32)?;
    let unit = doubled(one.clone(), doublings, &modulus);
    let square = doubled(unit.clone(), doublings, &modulus);
    let inverse = negative_inverse(*modulus.first()?);
    let base = montgomery(&base, &square, &modulus, inverse);
    let mut result = unit;
    for byte in exponent {
        for shift in (0..8).rev() {
            result = montgomery(&result, &result, &modulus, inverse);
            if byte >> shift & 1 == 1 {
                result = montgomery(&result, &base, &modulus, inverse);
            }
        }
    }
    let result = montgomery(&result, &one, &modulus, inverse);
    let bytes: Vec<u8> = result.iter().rev().flat_map(|limb| limb.to_be_bytes()).collect();
    Some(super::wire::strip_zeros(&bytes).to_vec())
}

/// A number doubled so many times, mod the modulus.
fn doubled(mut number: Vec<u32>, times: usize, modulus: &[u32]) -> Vec<u32> {
    for _ in 0..times {
        let other = number.clone();
        add_mod(&mut number, &other, modulus);
    }
    number
}

/// The number that gives -1 when it is multiplied with an odd one, mod 2^32: by
/// Newton's method, which doubles the right bits each time from three on.
fn negative_inverse(odd: u32) -> u32 {
    let mut inverse = odd;
    for _ in 0..4 {
        inverse = inverse.wrapping_mul(2_u32.wrapping_sub(odd.wrapping_mul(inverse)));
    }
    inverse.wrapping_neg()
}

/// `a · b / R mod modulus`, limb by limb (Koç, Acar and Kaliski 1996, "CIOS").
fn montgomery(a: &[u32], b: &[u32], modulus: &[u32], inverse: u32) -> Vec<u32> {
    let mut sum = vec![0_u32; modulus.len()];
    let mut above = 0_u64;
    for limb in a {
        let carry = add_multiple(&mut sum, b, *limb);
        let top = above.wrapping_add(carry);
        let factor = sum.first().copied().unwrap_or(0).wrapping_mul(inverse);
        let carry = add_multiple(&mut sum, modulus, factor);
        // The lowest limb is zero now: drop it.
        let top = top.wrapping_add(carry);
        sum.rotate_left(1);
        if let Some(last) = sum.last_mut() {
            *last = low(top);
        }
        above = top >> 32;
    }
    reduce(&mut sum, above != 0, modulus);
    sum
}

/// `sum += other · factor`; returns what does not fit.
fn add_multiple(sum: &mut [u32], other: &[u32], factor: u32) -> u64 {
    let mut carry = 0_u64;
    for (limb, other) in sum.iter_mut().zip(other) {
        // See `is_product`: this cannot wrap.
        let total = u64::from(*other)
            .wrapping_mul(u64::from(factor))
            .wrapping_add(u64::from(*limb))
            .wrapping_add(carry);
        *limb = low(total);
        carry = total >> 32;
    }
    carry
}

/// `sum = sum + other mod modulus`; both less than the modulus.
fn add_mod(sum: &mut [u32], other: &[u32], modulus: &[u32]) {
    let mut carry = 0_u64;
    for (limb, other) in sum.iter_mut().zip(other) {
        let total = u64::from(*limb).wrapping_add(u64::from(*other)).wrapping_add(carry);
        *limb = low(total);
        carry = total >> 32;
    }
    reduce(sum, carry != 0, modulus);
}

/// Takes the modulus away once if the number, with `carry` above it, is not less.
fn reduce(sum: &mut [u32], carry: bool, modulus: &[u32]) {
    if !carry && sum.iter().rev().lt(modulus.iter().rev()) {
        return;
    }
    let mut borrow = false;
    for (limb, modulus) in sum.iter_mut().zip(modulus) {
        let (first, one) = limb.overflowing_sub(*modulus);
        let (second, two) = first.overflowing_sub(u32::from(borrow));
        *limb = second;
        borrow = one || two;
    }
}

/// The lower 32 bits.
fn low(word: u64) -> u32 {
    let [a, b, c, d, ..] = word.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
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
