//! Patterns of OpenSSH: names with `*` and `?`, lists of them with `!`, and lists
//! of addresses.
//!
//! Facts: PATTERNS in ssh_config(5), the criteria of `Match` in sshd_config(5), and
//! what `match.c` and `addrmatch.c` do where the manual is silent: in a list, a
//! negated pattern that matches decides at once; a list of negated patterns alone
//! never matches.

use std::net::IpAddr;

/// The longest pattern within a list; OpenSSH takes no longer one.
const MAX_PATTERN: usize = 1023;

/// What a list says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListMatch {
    /// A pattern matches.
    Yes,
    /// None does.
    No,
    /// A negated pattern matches.
    Negated,
}

/// Whether a text matches a pattern as a whole. Linear in the product of both.
#[must_use]
pub fn matches(text: &[u8], pattern: &[u8]) -> bool {
    // Where the last `*` was, to go on from when what follows it does not match.
    let (mut text_at, mut pattern_at) = (0_usize, 0_usize);
    let mut star: Option<(usize, usize)> = None;
    while let Some(byte) = text.get(text_at) {
        match pattern.get(pattern_at) {
            Some(b'*') => {
                star = Some((pattern_at, text_at));
                pattern_at = pattern_at.saturating_add(1);
            }
            Some(wanted) if *wanted == b'?' || wanted == byte => {
                text_at = text_at.saturating_add(1);
                pattern_at = pattern_at.saturating_add(1);
            }
            _ => {
                let Some((star_pattern, star_text)) = star else { return false };
                let next = star_text.saturating_add(1);
                star = Some((star_pattern, next));
                text_at = next;
                pattern_at = star_pattern.saturating_add(1);
            }
        }
    }
    pattern.get(pattern_at..).unwrap_or_default().iter().all(|byte| *byte == b'*')
}

/// Matches a text against a comma-separated list.
#[must_use]
pub fn matches_list(text: &[u8], list: &[u8]) -> ListMatch {
    let mut found = ListMatch::No;
    for pattern in list.split(|byte| *byte == b',') {
        let (negated, pattern) = negation(pattern);
        if pattern.len() > MAX_PATTERN {
            return ListMatch::No;
        }
        if matches(text, pattern) {
            if negated {
                return ListMatch::Negated;
            }
            found = ListMatch::Yes;
        }
    }
    found
}

/// A pattern without its `!`, and whether it had one.
#[must_use]
pub fn negation(pattern: &[u8]) -> (bool, &[u8]) {
    match pattern.strip_prefix(b"!") {
        Some(rest) => (true, rest),
        None => (false, pattern),
    }
}

/// Why a list of addresses is none: a part is empty or has bits beyond its mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the list of addresses is not valid")]
pub struct BadAddressList;

/// Matches an address against a comma-separated list of addresses, networks in CIDR
/// form, and patterns over the text of the address.
///
/// # Errors
///
/// A part that OpenSSH refuses; it then refuses the whole list.
pub fn matches_addresses(address: IpAddr, list: &[u8]) -> Result<ListMatch, BadAddressList> {
    let text = address.to_string();
    let mut found = ListMatch::No;
    for part in list.split(|byte| *byte == b',') {
        let (negated, part) = negation(part);
        let matched = match network(part)? {
            Some(network) => network.contains(address),
            None => matches(text.as_bytes(), part),
        };
        if matched {
            if negated {
                return Ok(ListMatch::Negated);
            }
            found = ListMatch::Yes;
        }
    }
    Ok(found)
}

/// Whether a list of addresses is one that OpenSSH takes.
#[must_use]
pub fn is_address_list(list: &[u8]) -> bool {
    list.split(|byte| *byte == b',').all(|part| network(negation(part).1).is_ok())
}

/// Matches an address against a comma-separated list of addresses and networks, as
/// the option `source-address` of a certificate holds one. Without an address it is
/// only read.
///
/// # Errors
///
/// A part that is neither; OpenSSH then refuses the whole list.
pub fn matches_networks(address: Option<IpAddr>, list: &[u8]) -> Result<bool, BadAddressList> {
    let mut found = false;
    for part in list.split(|byte| *byte == b',') {
        let network = network(part)?.ok_or(BadAddressList)?;
        found |= address.is_some_and(|address| network.contains(address));
    }
    Ok(found)
}

/// Matches a client against a list of names, addresses and networks, as `from=` and
/// the part behind `@` of `AllowUsers` hold one. `host` is what the server calls the
/// client: its address as text unless it looks names up.
#[must_use]
pub fn matches_client(host: &[u8], address: IpAddr, list: &[u8]) -> bool {
    match matches_addresses(address, list) {
        Err(_) | Ok(ListMatch::Negated) => false,
        Ok(by_address) => match matches_list(&host.to_ascii_lowercase(), &list.to_ascii_lowercase()) {
            ListMatch::Negated => false,
            ListMatch::Yes => true,
            ListMatch::No => by_address == ListMatch::Yes,
        },
    }
}

/// Whether any client at all can match a list, for a server that knows clients by
/// their addresses only.
#[must_use]
pub fn can_match_an_address(list: &[u8]) -> bool {
    is_address_list(list)
        && list.split(|byte| *byte == b',').any(|part| {
            let (negated, part) = negation(part);
            let of_address = |byte: &u8| {
                byte.is_ascii_hexdigit() || matches!(byte, b'.' | b':' | b'*' | b'?' | b'%' | b'/')
            };
            // A zone may follow a `%`.
            !negated && !part.is_empty() && (part.contains(&b'%') || part.iter().all(of_address))
        })
}

struct Network {
    address: IpAddr,
    bits: u32,
}

impl Network {
    fn contains(&self, other: IpAddr) -> bool {
        match (self.address, other) {
            (IpAddr::V4(one), IpAddr::V4(other)) => {
                let mask = u32::MAX.checked_shl(32_u32.saturating_sub(self.bits)).unwrap_or(0);
                (one.to_bits() ^ other.to_bits()) & mask == 0
            }
            (IpAddr::V6(one), IpAddr::V6(other)) => {
                let mask = u128::MAX.checked_shl(128_u32.saturating_sub(self.bits)).unwrap_or(0);
                (one.to_bits() ^ other.to_bits()) & mask == 0
            }
            _ => false,
        }
    }
}

/// An address or a network; `None`: neither, so a pattern.
fn network(part: &[u8]) -> Result<Option<Network>, BadAddressList> {
    if part.is_empty() {
        return Err(BadAddressList);
    }
    let Ok(text) = std::str::from_utf8(part) else { return Ok(None) };
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(bits)),
        None => (text, None),
    };
    let Ok(address) = address.parse::<IpAddr>() else { return Ok(None) };
    let width = if address.is_ipv4() { 32 } else { 128 };
    let bits = match bits {
        None => width,
        Some(bits) => match bits.parse::<u32>() {
            Ok(bits) if bits <= width => bits,
            _ => return Ok(None),
        },
    };
    // Bits of the host must be clear.
    let host_bits = match address {
        IpAddr::V4(four) => four.to_bits().checked_shl(bits).unwrap_or(0) != 0,
        IpAddr::V6(six) => six.to_bits().checked_shl(bits).unwrap_or(0) != 0,
    };
    if host_bits { Err(BadAddressList) } else { Ok(Some(Network { address, bits })) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (text, pattern, expected) in [
            ("alice", "a*e", true),
            ("alice", "a?ice", true),
            ("alice", "a?ce", false),
            ("", "*", true),
            ("", "?", false),
            ("abcabc", "*abc", true),
            ("Alice", "alice", false),
        ] {
            assert_eq!(matches(text.as_bytes(), pattern.as_bytes()), expected, "{text} {pattern}");
        }
        // Time stays within the product of the lengths.
        assert!(!matches(&[b'a'; 5000], &b"a*".repeat(500).into_iter().chain(*b"b").collect::<Vec<u8>>()));
    }

    #[test]
    fn lists() {
        assert_eq!(matches_list(b"bob", b"alice,b*"), ListMatch::Yes);
        assert_eq!(matches_list(b"bob", b"*,!bob"), ListMatch::Negated);
        assert_eq!(matches_list(b"eve", b"!bob"), ListMatch::No);
    }

    #[test]
    fn addresses() {
        let here: IpAddr = "127.0.0.1".parse().unwrap();
        assert_eq!(matches_addresses(here, b"127.0.0.0/8"), Ok(ListMatch::Yes));
        assert_eq!(matches_addresses(here, b"127.0.0.0/8,!127.0.0.1"), Ok(ListMatch::Negated));
        assert_eq!(matches_addresses(here, b"127.*"), Ok(ListMatch::Yes));
        assert_eq!(matches_addresses(here, b"::1,10.0.0.0/8"), Ok(ListMatch::No));
        assert_eq!(matches_addresses(here, b"0.0.0.0/0"), Ok(ListMatch::Yes));
        assert_eq!(matches_addresses(here, b"127.0.0.1/8"), Err(BadAddressList));
        assert_eq!(matches_addresses(here, b""), Err(BadAddressList));
        assert!(!can_match_an_address(b"localhost"));
        assert!(!can_match_an_address(b"!10.0.0.0/8"));
        assert!(can_match_an_address(b"build.example.com,10.0.0.?"));
    }

    /// By its definition: the slow way.
    fn matches_slowly(text: &[u8], pattern: &[u8]) -> bool {
        match (pattern.split_first(), text.split_first()) {
            (None, None) => true,
            (Some((b'*', rest)), after) => {
                matches_slowly(text, rest) || after.is_some_and(|(_, after)| matches_slowly(after, pattern))
            }
            (Some((b'?', rest)), Some((_, after))) => matches_slowly(after, rest),
            (Some((one, rest)), Some((other, after))) => one == other && matches_slowly(after, rest),
            _ => false,
        }
    }

    proptest::proptest! {
        #[test]
        fn a_pattern_is_what_it_means(pattern in "[ab*?]{0,8}", text in "[ab]{0,8}") {
            let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
            proptest::prop_assert_eq!(matches(text, pattern), matches_slowly(text, pattern));
        }
    }
}
