//! AWS access key ids: what kind of key, and which account it belongs to.
//!
//! Sources: IAM user guide, "IAM identifiers" (the prefixes); the account's place
//! in the id: Tal Be'ery, "A short note on AWS key ids" (2023), and Aidan Steele
//! (2020). Ids made before about 2019 have `I` or `J` as fifth character and do
//! not hold the account.

/// What a key id is for, by its first four characters.
#[must_use]
pub fn kind(id: &[u8]) -> Option<&'static str> {
    match id.get(..4)? {
        b"AKIA" => Some("long_term"),
        b"ASIA" => Some("temporary"),
        b"ABIA" => Some("sts_service_bearer"),
        b"ACCA" => Some("context_specific"),
        _ => None,
    }
}

/// The account that is coded in a key id of 20 characters. `None` when the id is
/// of a layout that does not hold it.
///
/// # Errors
///
/// [`NotAKeyId`] when the characters are not an id.
pub fn account(id: &[u8]) -> Result<Option<String>, NotAKeyId> {
    let coded: &[u8; 16] = id.get(4..).and_then(|rest| rest.try_into().ok()).ok_or(NotAKeyId)?;
    let mut bits = 0_u128;
    for character in coded {
        bits = bits << 5 | u128::from(base32_value(*character).ok_or(NotAKeyId)?);
    }
    // 16 characters are 80 bits; the account is in the first 48 of them.
    if bits >> 79 == 0 {
        return Ok(None);
    }
    let account = (bits >> 32 & 0x7fff_ffff_ff80) >> 7;
    // No account has more than twelve digits: the layout is another one.
    Ok((account <= 999_999_999_999).then(|| format!("{account:012}")))
}

/// The partition (the first part of a resource name) to which a region belongs.
#[must_use]
pub fn partition(region: &str) -> &'static str {
    // Source: the partitions of botocore's `partitions.json`.
    const BY_PREFIX: [(&str, &str); 7] = [
        ("cn-", "aws-cn"),
        ("us-gov-", "aws-us-gov"),
        ("us-isob-", "aws-iso-b"),
        ("us-isof-", "aws-iso-f"),
        ("eu-isoe-", "aws-iso-e"),
        ("us-iso-", "aws-iso"),
        ("eusc-", "aws-eusc"),
    ];
    BY_PREFIX.iter().find(|(prefix, _)| region.starts_with(prefix)).map_or("aws", |(_, partition)| partition)
}

/// The characters are not an access key id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an access key id")]
pub struct NotAKeyId;

/// The value of a base-32 digit (RFC 4648, upper case).
fn base32_value(character: u8) -> Option<u8> {
    match character {
        b'A'..=b'Z' => character.checked_sub(b'A'),
        b'2'..=b'7' => character.checked_sub(b'2').and_then(|value| value.checked_add(26)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts() {
        let id = concat!("AK", "IARZPUZDIKLIJDIVTY");
        assert_eq!(account(id.as_bytes()), Ok(Some("123456789012".into())));
        let published = concat!("AS", "IAY34FZKBOKMUTVV7A");
        assert_eq!(account(published.as_bytes()), Ok(Some("609629065308".into())));
        let old = concat!("AK", "IAIOSFODNN7EXAMPLE");
        assert_eq!(account(old.as_bytes()), Ok(None));
        assert_eq!(account(concat!("AK", "IA7777777777777777").as_bytes()), Ok(None));
        assert_eq!(account(concat!("AK", "IA0777777777777777").as_bytes()), Err(NotAKeyId));
        assert_eq!(account(b"AKIA"), Err(NotAKeyId));
        assert_eq!(kind(id.as_bytes()), Some("long_term"));
        assert_eq!(kind(b"AROA"), None);
        assert_eq!(partition("eu-central-1"), "aws");
        assert_eq!(partition("cn-north-1"), "aws-cn");
        assert_eq!(partition("us-gov-west-1"), "aws-us-gov");
        assert_eq!(partition("us-isob-east-1"), "aws-iso-b");
    }
}
