//! Lines of `known_hosts`: which hosts a user has connected to, and by which key
//! they are known (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"; `hostfile.c` of OpenSSH).
//!
//! A name may be hashed: then only a candidate can be tested. The host's key is in
//! clear in either case.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::Sha1;

use super::hmac::hmac;
use super::ssh_pattern::{matches, negation};
use super::ssh_public::PublicKey;

/// The longest line that is read. A key of 16384 bits in 8 KiB of names is shorter.
pub const MAX_LINE: usize = 16 * 1024;
/// The longest pattern that is matched, in bytes: a host name has 253.
const MAX_PATTERN: usize = 1024;
/// The most patterns of a line.
const MAX_PATTERNS: usize = 1024;

/// What the first word of a line says of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marker {
    /// `@cert-authority`: the key signs certificates of hosts.
    CertAuthority,
    /// `@revoked`: the key must not be accepted from anybody.
    Revoked,
}

/// For which hosts a line is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hosts {
    /// Patterns with `*` and `?`, those with `!` before them excepted.
    Patterns(Vec<String>),
    /// `|1|salt|hash`: HMAC-SHA1 of one name under a salt.
    Hashed {
        /// The salt: 20 bytes.
        salt: Vec<u8>,
        /// The hash: 20 bytes.
        hash: [u8; 20],
    },
}

/// A line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownHost {
    /// Its marker.
    pub marker: Option<Marker>,
    /// For which hosts it is.
    pub hosts: Hosts,
    /// Their key.
    pub key: PublicKey,
    /// What follows the key.
    pub comment: Option<String>,
}

/// Why a line is passed over, as ssh does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KnownHostError {
    /// Longer than [`MAX_LINE`], or more patterns than anybody writes.
    #[error("the line is too long")]
    TooLong,
    /// A marker that is not known, or more than one.
    #[error("unknown marker")]
    Marker,
    /// No hosts, or a hash that is none.
    #[error("no hosts")]
    Hosts,
    /// No key, or one that does not decode or is not of its type.
    #[error("no key")]
    Key,
}

impl KnownHost {
    /// Reads a line. `Ok(None)`: blank, or a comment.
    ///
    /// # Errors
    ///
    /// The line is none that ssh would use.
    pub fn parse(line: &[u8]) -> Result<Option<Self>, KnownHostError> {
        let line = line.trim_ascii();
        if line.is_empty() || line.starts_with(b"#") {
            return Ok(None);
        }
        if line.len() > MAX_LINE {
            return Err(KnownHostError::TooLong);
        }
        let (mut hosts, mut rest) = word(line);
        let marker = match hosts {
            b"@cert-authority" => Some(Marker::CertAuthority),
            b"@revoked" => Some(Marker::Revoked),
            _ if hosts.starts_with(b"@") => return Err(KnownHostError::Marker),
            _ => None,
        };
        if marker.is_some() {
            (hosts, rest) = word(rest);
            if hosts.starts_with(b"@") {
                return Err(KnownHostError::Marker);
            }
        }
        let hosts = read_hosts(hosts)?;
        let (type_name, rest) = word(rest);
        let (code, rest) = word(rest);
        let blob = STANDARD.decode(code).map_err(|_| KnownHostError::Key)?;
        let key = PublicKey::from_blob(&blob).map_err(|_| KnownHostError::Key)?;
        // The word must be the type in the key, which the blob begins with.
        if blob.get(4..).is_none_or(|rest| !rest.starts_with(type_name)) || type_name.is_empty() {
            return Err(KnownHostError::Key);
        }
        let comment = String::from_utf8_lossy(rest).into_owned();
        Ok(Some(Self { marker, hosts, key, comment: Some(comment).filter(|text| !text.is_empty()) }))
    }

    /// The hosts as a line has them, in lower case, its marker before them.
    #[must_use]
    pub fn hosts_text(&self) -> String {
        let hosts = match &self.hosts {
            Hosts::Patterns(patterns) => patterns.join(","),
            Hosts::Hashed { salt, hash } => {
                format!("|1|{}|{}", STANDARD.encode(salt), STANDARD.encode(hash))
            }
        };
        match self.marker {
            None => hosts,
            Some(Marker::CertAuthority) => format!("@cert-authority {hosts}"),
            Some(Marker::Revoked) => format!("@revoked {hosts}"),
        }
    }

    /// Whether the line is for a host, by the name under which ssh looks for it: see
    /// [`lookup_name`].
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        self.hosts.matches(name)
    }
}

impl Hosts {
    /// Reads the hosts of a line, without its marker.
    ///
    /// # Errors
    ///
    /// They are none that ssh would use.
    pub fn parse(text: &str) -> Result<Self, KnownHostError> {
        if text.len() > MAX_LINE { Err(KnownHostError::TooLong) } else { read_hosts(text.as_bytes()) }
    }

    /// See [`KnownHost::matches`].
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        match self {
            Self::Hashed { salt, hash } => {
                name.len() <= MAX_PATTERN && hmac::<Sha1>(salt, name.as_bytes()) == hash
            }
            Self::Patterns(patterns) => {
                let bounded = |text: &str| text.len() <= MAX_PATTERN;
                let mut found = false;
                for pattern in patterns.iter().filter(|pattern| bounded(pattern) && bounded(name)) {
                    let (negated, pattern) = negation(pattern.as_bytes());
                    if matches(name.as_bytes(), pattern) {
                        if negated {
                            return false;
                        }
                        found = true;
                    }
                }
                found
            }
        }
    }
}

/// The name under which ssh looks for a host: in lower case; with a port other than
/// 22 `[host]:port`.
#[must_use]
pub fn lookup_name(host: &str, port: u16) -> String {
    let host = host.to_ascii_lowercase();
    if port == 22 { host } else { format!("[{host}]:{port}") }
}

fn read_hosts(hosts: &[u8]) -> Result<Hosts, KnownHostError> {
    let Some(hashed) = hosts.strip_prefix(b"|") else {
        let patterns: Vec<String> = hosts
            .split(|byte| *byte == b',')
            .filter(|pattern| !pattern.is_empty())
            .take(MAX_PATTERNS.saturating_add(1))
            .map(|pattern| String::from_utf8_lossy(pattern).to_ascii_lowercase())
            .collect();
        return match patterns.len() {
            0 => Err(KnownHostError::Hosts),
            1..=MAX_PATTERNS => Ok(Hosts::Patterns(patterns)),
            _ => Err(KnownHostError::TooLong),
        };
    };
    let mut parts = hashed.split(|byte| *byte == b'|');
    let [Some(b"1"), Some(salt), Some(hash), None] = [parts.next(), parts.next(), parts.next(), parts.next()]
    else {
        return Err(KnownHostError::Hosts);
    };
    let decode = |part: &[u8]| STANDARD.decode(part).map_err(|_| KnownHostError::Hosts);
    let salt = decode(salt)?;
    let hash = decode(hash)?.try_into().map_err(|_| KnownHostError::Hosts)?;
    if salt.len() != 20 {
        return Err(KnownHostError::Hosts);
    }
    Ok(Hosts::Hashed { salt, hash })
}

/// The first word, and what follows the blanks after it.
fn word(line: &[u8]) -> (&[u8], &[u8]) {
    let end = memchr::memchr2(b' ', b'\t', line).unwrap_or(line.len());
    let (word, rest) = line.split_at_checked(end).unwrap_or((line, &[]));
    (word, rest.trim_ascii_start())
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICqhu/B++veYpQlayIdLmQD4MTsj5PVZCxUcBfDwI8VY";

    fn parse(line: &str) -> KnownHost {
        KnownHost::parse(line.as_bytes()).expect("a line").expect("not blank")
    }

    #[test]
    fn lines_of_the_manual() {
        let line = parse(&format!("closenet,*.example.net,!bad.example.net,192.0.2.53 {KEY} a comment "));
        assert_eq!((line.marker, line.comment.as_deref()), (None, Some("a comment")));
        assert_eq!(line.key.algorithm, "ed25519");
        for (name, expected) in [
            ("closenet", true),
            ("www.example.net", true),
            ("bad.example.net", false),
            ("example.net", false),
            ("192.0.2.53", true),
            ("192.0.2.5", false),
        ] {
            assert_eq!(line.matches(name), expected, "{name}");
        }
        assert_eq!(parse(&format!("@revoked * {KEY}")).marker, Some(Marker::Revoked));
        assert!(parse(&format!("@revoked * {KEY}")).matches("anything"));
        let ca = parse(&format!("  @cert-authority\t*.mydomain.org,*.mydomain.com {KEY}"));
        assert_eq!((ca.marker, ca.matches("a.mydomain.com")), (Some(Marker::CertAuthority), true));
        let port = parse(&format!("[host.example.org]:2222 {KEY}"));
        assert!(port.matches(&lookup_name("Host.example.org", 2222)));
        assert!(!port.matches(&lookup_name("host.example.org", 22)));
        for blank in ["", "  \t", "# a comment", "  # another"] {
            assert_eq!(KnownHost::parse(blank.as_bytes()), Ok(None));
        }
    }

    #[test]
    fn lines_that_ssh_passes_over() {
        let error = |line: &str| KnownHost::parse(line.as_bytes()).err();
        assert_eq!(error(&format!("@trusted a {KEY}")), Some(KnownHostError::Marker));
        assert_eq!(error(&format!("@revoked @revoked a {KEY}")), Some(KnownHostError::Marker));
        assert_eq!(error("host"), Some(KnownHostError::Key));
        assert_eq!(error("host ssh-ed25519"), Some(KnownHostError::Key));
        assert_eq!(
            error(&format!("host {}", KEY.replace("ssh-ed25519", "ssh-rsa"))),
            Some(KnownHostError::Key)
        );
        assert_eq!(error(&format!("host {}", &KEY[..60])), Some(KnownHostError::Key));
        assert_eq!(error(&format!(",, {KEY}")), Some(KnownHostError::Hosts));
        assert_eq!(error(&format!("|2|AAAA|AAAA {KEY}")), Some(KnownHostError::Hosts));
        assert_eq!(error(&format!("|1|AAAA|AAAA {KEY}")), Some(KnownHostError::Hosts));
        assert_eq!(error(&format!("{} {KEY}", "a,".repeat(2000))), Some(KnownHostError::TooLong));
        assert_eq!(error(&"a".repeat(10 << 20)), Some(KnownHostError::TooLong));
    }

    /// Salt 00 to 13, made by `ssh-keygen -H`'s method with Python's hmac.
    #[test]
    fn hashed_names() {
        let salt = "AAECAwQFBgcICQoLDA0ODxAREhM=";
        let line = parse(&format!("|1|{salt}|/pE4peaossRYDRp6bEWa348eFLI= {KEY}"));
        assert!(line.matches("host.example.com"));
        assert!(!line.matches("host.example.co") && !line.matches("*"));
        let line = parse(&format!("|1|{salt}|E60n+EAvTNRnD+Jf9U9BOI37fPM= {KEY}"));
        assert!(line.matches(&lookup_name("host2.example.com", 2222)));
    }

    #[test]
    fn names_that_ssh_keygen_hashes() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("known_hosts");
        let names = ["one.example.com", "10.0.0.7", "[two.example.com]:2022", "fe80::1"];
        let lines: String = names.iter().map(|name| format!("{name} {KEY}\n")).collect();
        std::fs::write(&file, lines).expect("a file");
        let status = Command::new("ssh-keygen").args(["-H", "-f"]).arg(&file).output().expect("ssh-keygen");
        assert!(status.status.success());
        let hashed = std::fs::read_to_string(&file).expect("a file");
        let lines: Vec<KnownHost> = hashed.lines().map(parse).collect();
        assert_eq!(lines.len(), names.len());
        for (row, line) in lines.iter().enumerate() {
            for (column, name) in names.iter().enumerate() {
                assert_eq!(line.matches(name), row == column, "{name}");
            }
        }
    }

    #[test]
    fn a_pattern_of_stars_takes_no_time() {
        let pattern = "*a".repeat(500);
        let line = parse(&format!("{pattern} {KEY}"));
        assert!(!line.matches(&"a".repeat(499)));
        assert!(line.matches(&"a".repeat(1000)));
        assert!(!line.matches(&format!("{}b", "a".repeat(1000))));
    }

    proptest! {
        #[test]
        fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = KnownHost::parse(&bytes);
            let line = [&b"|1|"[..], &bytes].concat();
            let _ = KnownHost::parse(&line);
        }
    }
}
