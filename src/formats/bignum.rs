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

/// The lower 32 bits.
fn low(word: u64) -> u32 {
    let [a, b, c, d, ..] = word.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

#[cfg(test)]
mod tests {
    use super::*;

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
