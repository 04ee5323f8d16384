//! Records of `wtmp` and `lastlog` as the C library of Linux writes them (utmp(5),
//! lastlog(8)), little endian.
//!
//! Where time has 32 bits in them, which is so on x86, POWER and others, a record of
//! `wtmp` has 384 bytes and one of `lastlog` 292; on ARM and RISC-V of 64 bits 400 and
//! 296. Nothing says which: the length of the file does, and what stands in a record.

/// The type of a record that begins a session.
const USER_PROCESS: u16 = 7;
/// The greatest type of a record.
const MAX_TYPE: u16 = 9;
/// 2100-01-01: a time after it is none.
const MAX_TIME: i64 = 4_102_444_800;

/// Which width times have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// 32 bits.
    Narrow,
    /// 64 bits.
    Wide,
}

impl Width {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Narrow, Self::Wide];

    /// The length of a record of `wtmp`.
    #[must_use]
    pub fn session_length(self) -> usize {
        if self == Self::Narrow { 384 } else { 400 }
    }

    /// The length of a record of `lastlog`.
    #[must_use]
    pub fn last_length(self) -> usize {
        if self == Self::Narrow { 292 } else { 296 }
    }

    /// That of a file of `wtmp`, by its first records; `None`: it is none.
    #[must_use]
    pub fn of_sessions(bytes: &[u8]) -> Option<Self> {
        let fits = |width: &Self| {
            let mut records = bytes.chunks_exact(width.session_length()).take(64).peekable();
            records.peek().is_some() && records.all(|record| is_session(record, *width))
        };
        Self::ALL.into_iter().find(fits)
    }
}

/// A login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// The account; empty in `lastlog`, whose records stand at the number of theirs.
    pub user: String,
    /// Where the client was: an address or a name; empty at the machine itself.
    pub host: String,
    /// When, in seconds since 1970.
    pub seconds: i64,
}

/// The login that a record of `wtmp` tells of; `None`: it tells of something else.
#[must_use]
pub fn session(record: &[u8], width: Width) -> Option<Login> {
    if record.len() != width.session_length() || u16_at(record, 0)? != USER_PROCESS {
        return None;
    }
    let seconds = session_time(record, width)?;
    let user = text(record.get(44..76)?)?;
    (!user.is_empty()).then_some(Login { user, host: text(record.get(76..332)?)?, seconds })
}

/// The login that a record of `lastlog` tells of; `None`: there was none.
#[must_use]
pub fn last(record: &[u8], width: Width) -> Option<Login> {
    if record.len() != width.last_length() {
        return None;
    }
    let (seconds, rest) = match width {
        Width::Narrow => (i64::from(u32_at(record, 0)?), record.get(4..)?),
        Width::Wide => (i64_at(record, 0)?, record.get(8..)?),
    };
    text(rest.get(..32)?)?;
    Some(Login { user: String::new(), host: text(rest.get(32..)?)?, seconds: time(seconds)? })
}

/// An empty record is all zero; any other has a time.
fn is_session(record: &[u8], width: Width) -> bool {
    match u16_at(record, 0) {
        Some(0) => record.iter().all(|byte| *byte == 0),
        Some(1..=MAX_TYPE) => {
            let texts = [record.get(8..40), record.get(44..76)];
            session_time(record, width).is_some()
                && texts.into_iter().all(|field| field.and_then(text).is_some())
        }
        _ => false,
    }
}

fn session_time(record: &[u8], width: Width) -> Option<i64> {
    match width {
        Width::Narrow => time(i64::from(u32_at(record, 340)?)),
        Width::Wide => time(i64_at(record, 344)?),
    }
}

fn time(seconds: i64) -> Option<i64> {
    Some(seconds).filter(|seconds| (1..MAX_TIME).contains(seconds))
}

/// What stands before the first zero byte, where all of it can be shown.
fn text(field: &[u8]) -> Option<String> {
    let text = field.split(|byte| *byte == 0).next().unwrap_or_default();
    let text = std::str::from_utf8(text).ok()?;
    (!text.chars().any(char::is_control)).then(|| text.to_owned())
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|bytes| u16::from_le_bytes(*bytes))
}

/// Times of 32 bits are taken as unsigned: there are none from before 1970.
fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

fn i64_at(bytes: &[u8], at: usize) -> Option<i64> {
    bytes.get(at..)?.first_chunk().map(|bytes| i64::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;

    /// A record as its C declaration lays it out.
    fn record(width: Width, kind: u16, user: &str, host: &str, seconds: u32) -> Vec<u8> {
        let mut record = vec![0; width.session_length()];
        record[..2].copy_from_slice(&kind.to_le_bytes());
        record[8..13].copy_from_slice(b"pts/0");
        record[44..44 + user.len()].copy_from_slice(user.as_bytes());
        record[76..76 + host.len()].copy_from_slice(host.as_bytes());
        let at = if width == Width::Narrow { 340 } else { 344 };
        record[at..at + 4].copy_from_slice(&seconds.to_le_bytes());
        record
    }

    #[test]
    fn records_of_both_widths() {
        for width in Width::ALL {
            let boot = record(width, 2, "reboot", "6.1.0", 1_700_000_000);
            let login = record(width, 7, "ana", "192.0.2.9", 1_700_000_100);
            let file = [boot.clone(), login.clone()].concat();
            assert_eq!(Width::of_sessions(&file), Some(width));
            let expected =
                Login { user: "ana".to_owned(), host: "192.0.2.9".to_owned(), seconds: 1_700_000_100 };
            assert_eq!(session(&login, width), Some(expected));
            assert_eq!(session(&boot, width), None);
        }
        assert_eq!(Width::of_sessions(&[0xff; 4000]), None);
        assert_eq!(Width::of_sessions(b""), None);
    }

    #[test]
    fn records_of_lastlog() {
        for width in Width::ALL {
            let mut record = vec![0; width.last_length()];
            assert_eq!(last(&record, width), None);
            record[..4].copy_from_slice(&1_700_000_000_u32.to_le_bytes());
            let at = width.last_length() - 256;
            record[at..at + 9].copy_from_slice(b"192.0.2.9");
            let login = last(&record, width).expect("a login");
            assert_eq!((&*login.host, login.seconds), ("192.0.2.9", 1_700_000_000));
        }
    }

    /// `last -f` of util-linux reads what is read here. It is not everywhere.
    #[test]
    fn what_last_prints() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("wtmp");
        std::fs::write(&file, record(Width::Narrow, 7, "ana", "192.0.2.9", 1_700_000_100)).expect("a file");
        let output =
            Command::new("last").env("TZ", "UTC").args(["--time-format", "iso", "-f"]).arg(&file).output();
        let Ok(output) = output else { return };
        let text = String::from_utf8_lossy(&output.stdout);
        let words: Vec<&str> = text.lines().next().expect("a line").split_ascii_whitespace().collect();
        assert_eq!(
            words.get(..4),
            Some(&["ana", "pts/0", "192.0.2.9", "2023-11-14T22:15:00+00:00"][..]),
            "{text}"
        );
    }

    proptest! {
        #[test]
        fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..900)) {
            if let Some(width) = Width::of_sessions(&bytes) {
                for record in bytes.chunks(width.session_length()) {
                    let _ = session(record, width);
                }
            }
            for width in Width::ALL {
                let _ = last(bytes.get(..width.last_length()).unwrap_or_default(), width);
            }
        }
    }
}
