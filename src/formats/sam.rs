//! What the SAM hive of Windows keeps of local accounts and groups.
//!
//! Facts: [MS-DTYP] 2.4.2.2 (the bytes of a SID), [MS-SAMR] 2.2.1.12 (the bits of an
//! account), libyal's winreg-kb, "Security Accounts Manager: Domains" (the values `F`, `V`
//! and `C` of `SAM\Domains`). Times are in units of 100 ns since 1601 ([MS-DTYP] 2.3.3).
//! Hashes of passwords, which `V` has as well, are not looked at.

/// Bit of an account: nobody can log in to it.
const DISABLED: u16 = 1;
/// What the descriptors of `V` are followed by: 17 of 12 bytes.
const USER_DATA: usize = 17 * 12;
/// What stands before the data of `C`.
const ALIAS_DATA: usize = 52;
/// The most members of a group that are read.
const MAX_MEMBERS: usize = 1 << 16;
/// A SID has at most so many numbers of 4 bytes.
const MAX_SUBAUTHORITIES: u8 = 15;
/// From 1601 to 1970 in seconds.
const TO_1970: i64 = 11_644_473_600;

/// The state of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserState {
    /// The last number of its SID.
    pub rid: u32,
    /// It is disabled.
    pub is_disabled: bool,
    /// When it expires, in seconds since 1970; none for never.
    pub expires: Option<i64>,
}

/// The state in the value `F` of `Users\%RID%`.
#[must_use]
pub fn user_state(f: &[u8]) -> Option<UserState> {
    let expires = u64::from_le_bytes(*f.get(32..)?.first_chunk()?);
    let rid = le32(f, 48)?;
    let bits = u16::from_le_bytes(*f.get(56..)?.first_chunk()?);
    // Never is written as 0 or as the largest number.
    let expires = i64::try_from(expires).ok().filter(|time| !matches!(*time, 0 | i64::MAX));
    let expires = expires.map(|time| (time / 10_000_000).saturating_sub(TO_1970));
    Some(UserState { rid, is_disabled: bits & DISABLED != 0, expires })
}

/// The name in the value `V` of `Users\%RID%`.
#[must_use]
pub fn user_name(v: &[u8]) -> Option<String> {
    text(v, 12, USER_DATA)
}

/// The SID of the machine's own accounts without their last number: it ends the value `V`
/// of `Domains\Account`.
#[must_use]
pub fn machine_sid(v: &[u8]) -> Option<String> {
    let (sid, length) = sid(v.last_chunk::<24>()?)?;
    (length == 24 && sid.starts_with("S-1-5-21-")).then_some(sid)
}

/// A local group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alias {
    /// Its name.
    pub name: String,
    /// The SIDs of its members.
    pub members: Vec<String>,
}

/// The group in the value `C` of `Aliases\%RID%`.
#[must_use]
pub fn alias(c: &[u8]) -> Option<Alias> {
    let name = text(c, 16, ALIAS_DATA)?;
    let start = usize::try_from(le32(c, 40)?).ok()?.checked_add(ALIAS_DATA)?;
    let count = usize::try_from(le32(c, 48)?).ok()?.min(MAX_MEMBERS);
    let mut rest = c.get(start..)?;
    let mut members = Vec::new();
    for _ in 0..count {
        let (member, length) = sid(rest)?;
        members.push(member);
        rest = rest.get(length..)?;
    }
    Some(Alias { name, members })
}

/// A SID as text, `S-1-5-32-544`, and how many bytes it has.
#[must_use]
pub fn sid(bytes: &[u8]) -> Option<(String, usize)> {
    let [1, count, authority @ ..] = bytes.first_chunk::<8>()? else { return None };
    if *count > MAX_SUBAUTHORITIES {
        return None;
    }
    let authority = authority.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    let mut text = format!("S-1-{authority}");
    let numbers = bytes.get(8..)?.as_chunks::<4>().0.get(..usize::from(*count))?;
    for number in numbers {
        text.push('-');
        text.push_str(&u32::from_le_bytes(*number).to_string());
    }
    Some((text, usize::from(*count).saturating_mul(4).saturating_add(8)))
}

/// The text that a descriptor (offset, length) at `at` points to, from `data` on.
fn text(bytes: &[u8], at: usize, data: usize) -> Option<String> {
    let start = usize::try_from(le32(bytes, at)?).ok()?.checked_add(data)?;
    let length = usize::try_from(le32(bytes, at.checked_add(4)?)?).ok()?;
    let text = bytes.get(start..start.checked_add(length)?)?;
    let units = text.as_chunks::<2>().0.iter().map(|unit| u16::from_le_bytes(*unit));
    let name: String = char::decode_utf16(units).collect::<Result<_, _>>().ok()?;
    (!name.is_empty() && name.len() <= 1024).then_some(name)
}

fn le32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sids_are_written_as_windows_writes_them() {
        // [MS-DTYP] 2.4.2.4: BUILTIN_ADMINISTRATORS.
        let administrators = [1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 32, 2, 0, 0];
        assert_eq!(sid(&administrators), Some(("S-1-5-32-544".to_owned(), 16)));
        assert_eq!(sid(&[1, 0, 0, 0, 0, 0, 0, 5]), Some(("S-1-5".to_owned(), 8)));
        for length in 0..16 {
            assert_eq!(sid(&administrators[..length]), None, "cut at {length}");
        }
        assert_eq!(sid(&[2, 0, 0, 0, 0, 0, 0, 5]), None);
        assert_eq!(sid(&[[1, 16, 0, 0, 0, 0, 0, 5].as_slice(), &[0; 64]].concat()), None);
    }

    #[test]
    fn states_are_in_their_places() {
        let mut f = vec![0; 80];
        f[48..52].copy_from_slice(&1001_u32.to_le_bytes());
        f[56..58].copy_from_slice(&0x0211_u16.to_le_bytes());
        f[32..40].copy_from_slice(&i64::MAX.to_le_bytes());
        assert_eq!(user_state(&f), Some(UserState { rid: 1001, is_disabled: true, expires: None }));
        // 2024-01-01 00:00 UTC.
        f[32..40].copy_from_slice(&133_485_408_000_000_000_u64.to_le_bytes());
        f[56] = 0x10;
        let expires = Some(1_704_067_200);
        assert_eq!(user_state(&f), Some(UserState { rid: 1001, is_disabled: false, expires }));
        assert_eq!(user_state(&f[..57]), None);
    }

    #[test]
    fn what_points_outside_is_nothing() {
        let mut c = vec![0xff; 60];
        assert_eq!(alias(&c), None);
        c[16..24].copy_from_slice(&[0, 0, 0, 0, 4, 0, 0, 0]);
        c[52..56].copy_from_slice(b"a\0b\0");
        assert_eq!(alias(&c), None);
        c[40..52].copy_from_slice(&[4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(alias(&c), Some(Alias { name: "ab".to_owned(), members: Vec::new() }));
        c[48] = 1;
        assert_eq!(alias(&c), None, "a member that is not there");
        assert_eq!((user_name(&c), machine_sid(&[1; 24])), (None, None));
    }
}
