//! The public half of a key on a NIST curve from its private number, which a
//! container may leave out, and which proves that both belong together.

use p256::elliptic_curve::sec1::{FromSec1Point, ModulusSize, ToSec1Point};
use p256::elliptic_curve::{AffinePoint, CurveArithmetic, FieldBytesSize, SecretKey};

use super::wire::strip_zeros;

/// The point `d · G`, uncompressed (SEC 1 section 2.3.3), on the curve of this name
/// in SSH. `None` for a curve that SSH has no keys on, and for a number that is no
/// private key on it: zero, or not less than the order.
pub(crate) fn public_point(curve: &str, private: &[u8]) -> Option<Vec<u8>> {
    match curve {
        "nistp256" => point::<p256::NistP256>(private, 32),
        "nistp384" => point::<p384::NistP384>(private, 48),
        "nistp521" => point::<p521::NistP521>(private, 66),
        _ => None,
    }
}

/// Whether an encoded point, compressed or not, is this uncompressed one.
pub(crate) fn is_point(encoded: &[u8], uncompressed: &[u8]) -> bool {
    match encoded.split_first() {
        Some((form @ (2 | 3), x)) => {
            let odd = uncompressed.last().is_some_and(|last| last & 1 == 1);
            let half = uncompressed.len().checked_div(2).unwrap_or(0).saturating_add(1);
            (*form == 3) == odd && uncompressed.get(1..half) == Some(x)
        }
        _ => encoded == uncompressed,
    }
}

fn point<C>(private: &[u8], length: usize) -> Option<Vec<u8>>
where
    C: CurveArithmetic,
    FieldBytesSize<C>: ModulusSize,
    AffinePoint<C>: ToSec1Point<C> + FromSec1Point<C>,
{
    let private = strip_zeros(private);
    let zeros = length.checked_sub(private.len())?;
    let padded = [vec![0; zeros], private.to_vec()].concat();
    let key = SecretKey::<C>::from_slice(&padded).ok()?;
    Some(key.public_key().to_sec1_point(false).as_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::hex;

    /// RFC 5903 section 8: private keys and public points of an exchange.
    #[test]
    fn points_of_the_rfc() {
        let private =
            hex::decode(b"c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433").expect("hex");
        let x =
            hex::decode(b"dad0b65394221cf9b051e1feca5787d098dfe637fc90b9ef945d0c3772581180").expect("hex");
        let y =
            hex::decode(b"5271a0461cdb8252d61f1c456fa3e59ab1f45b33accf5f58389e0577b8990bb3").expect("hex");
        let point = public_point("nistp256", &private).expect("a point");
        assert_eq!(point, [&[4][..], &x, &y].concat());
        assert!(is_point(&point, &point));
        assert!(is_point(&[&[3][..], &x].concat(), &point));
        assert!(!is_point(&[&[2][..], &x].concat(), &point));
        assert!(!is_point(&[&[3][..], &y].concat(), &point));
        assert!(!is_point(&[], &point));
    }

    #[test]
    fn numbers_that_are_no_keys() {
        for curve in ["nistp256", "nistp384", "nistp521"] {
            assert_eq!(public_point(curve, &[0; 66]), None);
            assert_eq!(public_point(curve, &[0xff; 66]), None);
            assert!(public_point(curve, &[1]).is_some());
        }
        assert_eq!(public_point("nistp224", &[1]), None);
        assert_eq!(public_point("nistp256", &[1; 33]), None);
    }
}
