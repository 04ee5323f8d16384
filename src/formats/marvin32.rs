//! Marvin32, the keyed checksum in nearly all identifiable keys of Microsoft.
//!
//! Source: `marvin32.c` of SymCrypt and `Marvin.cs` of microsoft/security-utilities;
//! vectors of the latter's tests are below.

/// The 64-bit result.
#[must_use]
pub fn marvin64(seed: u64, data: &[u8]) -> u64 {
    let [a, b, c, d, e, f, g, h] = seed.to_le_bytes();
    let mut state = (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]));
    let mut words = data.chunks_exact(4);
    for word in &mut words {
        if let Ok(word) = <[u8; 4]>::try_from(word) {
            state.0 = state.0.wrapping_add(u32::from_le_bytes(word));
            state = mix(state);
        }
    }
    let last = match *words.remainder() {
        [] => [0x80, 0, 0, 0],
        [a] => [a, 0x80, 0, 0],
        [a, b] => [a, b, 0x80, 0],
        [a, b, c, ..] => [a, b, c, 0x80],
    };
    state.0 = state.0.wrapping_add(u32::from_le_bytes(last));
    state = mix(mix(state));
    u64::from(state.1) << 32 | u64::from(state.0)
}

/// The 32-bit result: the halves of the 64-bit one combined.
#[must_use]
pub fn marvin32(seed: u64, data: &[u8]) -> u32 {
    let [a, b, c, d, e, f, g, h] = marvin64(seed, data).to_le_bytes();
    u32::from_le_bytes([a, b, c, d]) ^ u32::from_le_bytes([e, f, g, h])
}

/// A seed that is written as eight characters, such as `Default0`: their bytes
/// as a big-endian number.
#[must_use]
pub fn seed_from_name(name: &[u8; 8]) -> u64 {
    u64::from_be_bytes(*name)
}

/// The checksum of an Entra ID client secret: the first three of the six digits
/// that write Marvin32 in base 66 (seed `AadPwd00`), over the characters before.
#[must_use]
pub fn entra_secret_checksum(body: &[u8]) -> [u8; 3] {
    const DIGITS: &[u8; 66] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ1234567890.-_~";
    let value = marvin32(seed_from_name(b"AadPwd00"), body);
    let digit = |unit: u32| {
        let index = value.checked_div(unit).and_then(|high| usize::try_from(high.checked_rem(66)?).ok());
        index.and_then(|index| DIGITS.get(index)).copied().unwrap_or_default()
    };
    [digit(66 * 66 * 66 * 66 * 66), digit(66 * 66 * 66 * 66), digit(66 * 66 * 66)]
}

fn mix((mut p0, mut p1): (u32, u32)) -> (u32, u32) {
    p1 ^= p0;
    p0 = p0.rotate_left(20).wrapping_add(p1);
    p1 = p1.rotate_left(9) ^ p0;
    p0 = p0.rotate_left(27).wrapping_add(p1);
    p1 = p1.rotate_left(19);
    (p0, p1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_vectors() {
        assert_eq!(marvin64(0xd53c_d9ce_cd08_93b7, b"abc"), 0x22c7_4339_4927_69bf);
        assert_eq!(marvin32(0xd53c_d9ce_cd08_93b7, b"abc"), 0x6be0_2a86);
        assert_eq!(marvin64(0x0ddd_deee_efff_f000, b"abcdefghijklmnopqrstuvwxyz"), 0xa128_eb7e_7260_aca2);
        assert_eq!(marvin64(0, b""), 0xe424_b006_76a4_eaa8);
    }

    #[test]
    fn entra_checksums_of_synthetic_secrets() {
        let body = |first: &str, fill: &str| format!("{first}8Q~{}", fill.repeat(31));
        assert_eq!(&entra_secret_checksum(body("abc", "x").as_bytes()), b"caS");
        assert_eq!(&entra_secret_checksum(body("zzz", "z").as_bytes()), b"blP");
    }
}
