//! The checksums that a filesystem may have been made with.
//!
//! Specification: Btrfs documentation, "Checksumming"; XXH64 as in the "xxHash
//! fast digest algorithm" description, revision 0.1.1.

use blake2::Blake2b256;
use sha2::{Digest as _, Sha256};

use crate::source::bytes::{u32_le, u64_le};

/// The largest checksum.
const MAX_SIZE: usize = 32;

/// How checksums are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Checksum {
    Crc32c,
    Xxhash64,
    Sha256,
    Blake2b,
}

impl Checksum {
    /// By its number in the superblock.
    pub(super) fn from_number(number: u16) -> Option<Self> {
        match number {
            0 => Some(Self::Crc32c),
            1 => Some(Self::Xxhash64),
            2 => Some(Self::Sha256),
            3 => Some(Self::Blake2b),
            _ => None,
        }
    }

    /// Bytes of a checksum as it is stored.
    pub(super) fn size(self) -> usize {
        match self {
            Self::Crc32c => 4,
            Self::Xxhash64 => 8,
            Self::Sha256 | Self::Blake2b => MAX_SIZE,
        }
    }

    /// Whether `stored` begins with the checksum of `bytes`.
    pub(super) fn holds(self, bytes: &[u8], stored: &[u8]) -> bool {
        let is = |sum: &[u8]| stored.get(..sum.len()) == Some(sum);
        match self {
            Self::Crc32c => is(&crc32c::crc32c(bytes).to_le_bytes()),
            Self::Xxhash64 => is(&xxh64(bytes).to_le_bytes()),
            Self::Sha256 => is(&Sha256::digest(bytes)),
            Self::Blake2b => is(&Blake2b256::digest(bytes)),
        }
    }
}

const PRIMES: [u64; 5] = [
    0x9e37_79b1_85eb_ca87,
    0xc2b2_ae3d_27d4_eb4f,
    0x1656_67b1_9e37_79f9,
    0x85eb_ca77_c2b2_ae63,
    0x27d4_eb2f_1656_67c5,
];

fn round(lane: u64, input: u64) -> u64 {
    let [one, two, ..] = PRIMES;
    lane.wrapping_add(input.wrapping_mul(two)).rotate_left(31).wrapping_mul(one)
}

/// XXH64 with the seed 0.
fn xxh64(bytes: &[u8]) -> u64 {
    let [one, two, three, four, five] = PRIMES;
    let mut lanes = [one.wrapping_add(two), two, 0, 0_u64.wrapping_sub(one)];
    let mut stripes = bytes.chunks_exact(32);
    for stripe in &mut stripes {
        for (lane, input) in lanes.iter_mut().zip(stripe.chunks_exact(8)) {
            *lane = round(*lane, u64_le(input, 0).unwrap_or(0));
        }
    }
    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    let mut sum = five;
    if length >= 32 {
        sum = lanes
            .iter()
            .zip([1, 7, 12, 18])
            .fold(0, |sum: u64, (lane, turn)| sum.wrapping_add(lane.rotate_left(turn)));
        for lane in lanes {
            sum = (sum ^ round(0, lane)).wrapping_mul(one).wrapping_add(four);
        }
    }
    sum = sum.wrapping_add(length);
    let mut rest = stripes.remainder();
    while let Some(input) = u64_le(rest, 0) {
        sum = (sum ^ round(0, input)).rotate_left(27).wrapping_mul(one).wrapping_add(four);
        rest = rest.get(8..).unwrap_or_default();
    }
    if let Some(input) = u32_le(rest, 0) {
        sum =
            (sum ^ u64::from(input).wrapping_mul(one)).rotate_left(23).wrapping_mul(two).wrapping_add(three);
        rest = rest.get(4..).unwrap_or_default();
    }
    for byte in rest {
        sum = (sum ^ u64::from(*byte).wrapping_mul(five)).rotate_left(11).wrapping_mul(one);
    }
    sum = (sum ^ (sum >> 33)).wrapping_mul(two);
    sum = (sum ^ (sum >> 29)).wrapping_mul(three);
    sum ^ (sum >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xxh64_gives_what_xxhsum_gives() {
        let bytes: Vec<u8> = (0..101_u8).collect();
        assert_eq!(xxh64(b""), 0xef46_db37_51d8_e999);
        assert_eq!(xxh64(b"a"), 0xd24e_c4f1_a98c_6e5b);
        assert_eq!(xxh64(b"as"), 0x1c33_0fb2_d66b_e179);
        assert_eq!(xxh64(b"asdf"), 0x4158_72f5_99ce_a71e);
        let long = b"Call me Ishmael. Some years ago--never mind how long precisely-";
        assert_eq!(xxh64(long), 0x02a2_e854_70d6_fd96);
        assert!(Checksum::Xxhash64.holds(&bytes, &xxh64(&bytes).to_le_bytes()));
        assert!(!Checksum::Xxhash64.holds(&bytes, &[0; 4]));
    }
}
