//! Lines of the server's log that say with which key somebody logged in.
//!
//! Form: what sshd hands to syslog, `Accepted publickey for USER from ADDRESS port PORT
//! ssh2: TYPE SHA256:…`, behind the head that syslog writes: a time of RFC 3164, which
//! has no year and no zone, or of RFC 3339; the host; the program and its process. A
//! certificate has ` ID NAME (serial N) CA TYPE SHA256:…` behind it.

use crate::finding::Timestamp;

/// What every such line has.
pub const MARK: &[u8] = b"]: Accepted publickey for ";
/// The longest line that is read.
pub const MAX_LINE: usize = 16 << 10;
/// The longest name of an account.
const MAX_USER: usize = 256;
/// The longest address.
const MAX_ADDRESS: usize = 64;

/// When a line was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stamp {
    /// At this time.
    Known(Timestamp),
    /// On this day of some year, in the machine's own time zone.
    NoYear {
        /// From 1.
        month: u8,
        /// From 1.
        day: u8,
        /// Seconds since midnight.
        second: u32,
    },
}

/// A login with a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyLogin {
    /// When.
    pub stamp: Stamp,
    /// The account.
    pub user: String,
    /// Where the client was.
    pub address: String,
    /// `SHA256:…` of the key; of a certificate that of the key in it.
    pub fingerprint: String,
    /// `SHA256:…` of the authority that signed the certificate.
    pub authority: Option<String>,
}

/// Reads a line, without its end.
#[must_use]
pub fn key_login(line: &[u8]) -> Option<KeyLogin> {
    if line.len() > MAX_LINE {
        return None;
    }
    let line = std::str::from_utf8(line).ok()?;
    let (stamp, rest) = stamp(line)?;
    // The host, then the program: what stands in the message is not taken for either.
    let (_, rest) = rest.split_once(' ')?;
    let (program, message) = rest.split_once(": ")?;
    let (name, process) = program.split_once('[')?;
    let is_process =
        process.strip_suffix(']').is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_digit()));
    if !is_process || !matches!(name, "sshd" | "sshd-session" | "sshd-auth") {
        return None;
    }
    let rest = message.strip_prefix("Accepted publickey for ")?;
    let (client, key) = rest.split_once(" ssh2: ")?;
    let (client, port) = client.rsplit_once(" port ")?;
    let (user, address) = client.rsplit_once(" from ")?;
    port.parse::<u16>().ok()?;
    if user.is_empty() || user.len() > MAX_USER || address.is_empty() || address.len() > MAX_ADDRESS {
        return None;
    }
    let (_, key) = key.split_once(' ')?;
    let (fingerprint, rest) = key.split_once(' ').unwrap_or((key, ""));
    // The name in a certificate may hold anything: the authority is what stands last.
    let authority = rest.rsplit_once(" CA ").and_then(|(_, authority)| authority.split_once(' '));
    let authority = authority.map(|(_, print)| print.trim_end()).filter(|print| is_fingerprint(print));
    is_fingerprint(fingerprint.trim_end()).then(|| KeyLogin {
        stamp,
        user: user.to_owned(),
        address: address.to_owned(),
        fingerprint: fingerprint.trim_end().to_owned(),
        authority: authority.map(str::to_owned),
    })
}

/// `SHA256:` and 43 characters of base64.
fn is_fingerprint(text: &str) -> bool {
    text.strip_prefix("SHA256:").is_some_and(|rest| {
        rest.len() == 43
            && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
    })
}

/// The time at the start of a line, and what follows it and a blank.
fn stamp(line: &str) -> Option<(Stamp, &str)> {
    if line.as_bytes().first()?.is_ascii_digit() {
        let (time, rest) = line.split_once(' ')?;
        return Some((Stamp::Known(Timestamp::parse(time)?), rest));
    }
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (head, rest) = (line.get(..15)?, line.get(15..)?.strip_prefix(' ')?);
    let name = head.get(..3)?;
    let month = (1_u8..).zip(MONTHS).find(|(_, month)| *month == name)?.0;
    let day: u8 = head.get(4..6)?.trim_start().parse().ok().filter(|day| (1..=31).contains(day))?;
    let mut clock = head.get(7..)?.split(':').map(|part| part.parse::<u32>().ok());
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    if hour > 23 || minute > 59 || second > 60 || clock.next().is_some() {
        return None;
    }
    let second = hour.checked_mul(3600)?.checked_add(minute.checked_mul(60)?)?.checked_add(second.min(59))?;
    Some((Stamp::NoYear { month, day, second }, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: &str = "SHA256:h+GBLAEJB6GzKwd4FZHk3ZKG3H8gAZ8YhSZ5q2aTEMQ";
    const OTHER: &str = "SHA256:Cn7DY9uAaSMdRnYdcnsxq2P1wDh3b7V9gXw5Yc0Kz1E";

    fn read(line: &str) -> Option<KeyLogin> {
        key_login(line.as_bytes())
    }

    #[test]
    fn lines_of_both_forms() {
        let login = read(&format!(
            "Nov  9 07:03:38 web sshd[123]: Accepted publickey for ana from 192.0.2.9 port 50122 ssh2: ED25519 {KEY}"
        ))
        .expect("a login");
        let second = 7 * 3600 + 3 * 60 + 38;
        assert_eq!(login.stamp, Stamp::NoYear { month: 11, day: 9, second });
        assert_eq!((&*login.user, &*login.address, &*login.fingerprint), ("ana", "192.0.2.9", KEY));
        let login = read(&format!(
            "2026-11-29T01:03:38.123456+01:00 web sshd-session[9]: Accepted publickey for a from b from 2001:db8::7 port 2 ssh2: RSA {KEY}"
        ))
        .expect("a login");
        let expected = Timestamp::parse("2026-11-29T00:03:38.123456Z").expect("a time");
        assert_eq!((login.stamp, &*login.user), (Stamp::Known(expected), "a from b"));
        assert_eq!(login.address, "2001:db8::7");
    }

    #[test]
    fn a_certificate_and_its_authority() {
        let login = read(&format!(
            "Nov 29 00:03:38 web sshd[1]: Accepted publickey for root from 192.0.2.9 port 1 ssh2: \
             ED25519-CERT {KEY} ID x CA RSA {KEY} (serial 7) CA ED25519 {OTHER}"
        ))
        .expect("a login");
        assert_eq!((&*login.fingerprint, login.authority.as_deref()), (KEY, Some(OTHER)));
    }

    /// What a client may write into a log is no login.
    #[test]
    fn lines_that_say_something_else() {
        let accepted = format!("Accepted publickey for root from 192.0.2.9 port 1 ssh2: RSA {KEY}");
        for line in [
            format!("Nov 29 00:03:38 web sshd[1]: Invalid user x]: {accepted} from 192.0.2.1 port 5"),
            format!("Nov 29 00:03:38 web su[1]: {accepted}"),
            format!("Nov 29 00:03:38 web x: sshd[1]: {accepted}"),
            format!("Nov 29 00:03:38 web sshd[1x]: {accepted}"),
            format!("Now 29 00:03:38 web sshd[1]: {accepted}"),
            format!("Nov 32 00:03:38 web sshd[1]: {accepted}"),
            format!("Nov 29 24:03:38 web sshd[1]: {accepted}"),
            format!("Nov 29 00:03:38 web sshd[1]: {}", accepted.replace("SHA256:h", "SHA256:")),
            format!("Nov 29 00:03:38 web sshd[1]: {}", accepted.replace("publickey", "password")),
            "Nov 29 00:03:38 web sshd[1]: Accepted publickey for root from 192.0.2.9 port 1 ssh2: RSA MD5:00"
                .into(),
            accepted.clone(),
            String::new(),
        ] {
            assert_eq!(read(&line), None, "{line}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = key_login(&bytes);
            let line = [b"Nov 29 00:03:38 web sshd[1]: Accepted publickey for ", &bytes[..]].concat();
            let _ = key_login(&line);
        }
    }
}
