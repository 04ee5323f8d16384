//! An earlier scan, to tell what is new.
//!
//! Format: the JSON Lines of an earlier `snapsift scan --format jsonl`. A finding
//! is the same one where rule, secret and file are the same
//! ([`Finding::identity`]): lines may move.

use std::collections::HashMap;
use std::io::{self, BufRead};
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Deserialize;

use crate::finding::{BaselineState, Finding, Record, SCHEMA};

/// The longest line that is read, in bytes: many times the longest finding.
const MAX_LINE: u64 = 64 << 20;
/// The most findings, at some 50 bytes of memory each.
const MAX_FINDINGS: usize = 20_000_000;

/// Why a file is no baseline.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// It cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A line is not what a scan writes.
    #[error("line {line}: {message}; a baseline is the output of `snapsift scan --format jsonl`")]
    Line {
        /// The line, from 1.
        line: u64,
        /// What is wrong.
        message: String,
    },
    /// It is a part.
    #[error("it does not end with a summary: that scan was killed, or its output cut; scan again")]
    Unfinished,
    /// Its fingerprints cannot be compared with those of this scan.
    #[error(
        "its fingerprints are {}keyed and those of this scan are{}: give both the same --fingerprint-key-file",
        if *keyed { "" } else { "not " },
        if *keyed { " not" } else { "" }
    )]
    OtherKey {
        /// Whether the baseline's are keyed.
        keyed: bool,
    },
}

/// The findings of an earlier scan, and which of them this scan has met.
#[derive(Debug)]
pub struct Baseline {
    scan_id: String,
    met: HashMap<u128, AtomicBool>,
}

/// What every line has.
#[derive(Deserialize)]
struct Line {
    r#type: String,
}

impl Baseline {
    /// Reads the lines of an earlier scan. `keyed`: whether the fingerprints of
    /// this scan are keyed.
    ///
    /// # Errors
    ///
    /// [`BaselineError`] where it is no such thing, or only a part of one.
    pub fn read(mut reader: impl BufRead, keyed: bool) -> Result<Self, BaselineError> {
        let mut baseline = Self { scan_id: String::new(), met: HashMap::new() };
        let mut bytes = Vec::new();
        let mut finished = false;
        for line in 1.. {
            let wrong = |message: String| BaselineError::Line { line, message };
            bytes.clear();
            if io::Read::take(&mut reader, MAX_LINE).read_until(b'\n', &mut bytes)? == 0 {
                break;
            }
            if u64::try_from(bytes.len()).unwrap_or(u64::MAX) >= MAX_LINE {
                return Err(wrong("it is longer than any record".into()));
            }
            // Where in a record, and nothing of it: a message may be kept.
            let not_json = |error: serde_json::Error| wrong(format!("no record (column {})", error.column()));
            let kind: Line = serde_json::from_slice(&bytes).map_err(not_json)?;
            if line == 1 && kind.r#type != "scan" {
                return Err(wrong("it is not the header of a scan".into()));
            }
            finished = kind.r#type == "summary";
            match &*kind.r#type {
                "scan" | "finding" => {
                    baseline.take(serde_json::from_slice(&bytes).map_err(not_json)?, keyed, &wrong)?;
                }
                _ => {}
            }
        }
        if finished { Ok(baseline) } else { Err(BaselineError::Unfinished) }
    }

    fn take(
        &mut self,
        record: Record,
        keyed: bool,
        wrong: &dyn Fn(String) -> BaselineError,
    ) -> Result<(), BaselineError> {
        match record {
            Record::Scan(scan) if scan.schema != SCHEMA => Err(wrong(format!("its schema is not {SCHEMA}"))),
            Record::Scan(scan) if scan.fingerprints_keyed != keyed => {
                Err(BaselineError::OtherKey { keyed: scan.fingerprints_keyed })
            }
            Record::Scan(scan) => {
                self.scan_id = scan.scan_id;
                Ok(())
            }
            Record::Finding(finding) => {
                if self.met.len() >= MAX_FINDINGS {
                    return Err(wrong("more findings than can be compared".into()));
                }
                self.met.insert(key(&finding), AtomicBool::new(false));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Whether the earlier scan had this finding.
    #[must_use]
    pub fn check(&self, finding: &Finding) -> BaselineState {
        match self.met.get(&key(finding)) {
            Some(met) => {
                met.store(true, Ordering::Relaxed);
                BaselineState::Unchanged
            }
            None => BaselineState::New,
        }
    }

    /// The id of the earlier scan.
    #[must_use]
    pub fn scan_id(&self) -> &str {
        &self.scan_id
    }

    /// How many of its secrets in files have not been met.
    #[must_use]
    pub fn gone(&self) -> u64 {
        let gone = self.met.values().filter(|met| !met.load(Ordering::Relaxed)).count();
        u64::try_from(gone).unwrap_or(u64::MAX)
    }
}

/// The identity in 16 bytes.
fn key(finding: &Finding) -> u128 {
    u128::from_str_radix(&finding.identity(), 16).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::samples;

    fn lines(records: &[Record]) -> String {
        records.iter().map(|record| serde_json::to_string(record).expect("JSON") + "\n").collect()
    }

    #[test]
    fn a_finding_is_the_same_on_another_line_and_not_in_another_file() {
        let before =
            lines(&samples::records(vec![samples::finding("/a", 3), samples::finding("/b", 1)], false));
        let baseline = Baseline::read(before.as_bytes(), false).expect("a baseline");
        assert_eq!(baseline.scan_id(), "000102030405060708090a0b0c0d0e0f");
        let mut moved = samples::finding("/a", 90);
        moved.severity = crate::finding::Severity::Low;
        moved.location.provenance[0].name = "/mnt/elsewhere".into();
        // The samples have the path in the provenance too.
        assert_eq!(baseline.check(&moved), BaselineState::Unchanged);
        assert_eq!(baseline.check(&samples::finding("/c", 3)), BaselineState::New);
        let mut other = samples::finding("/a", 3);
        other.secret.fingerprint = "blake3:99112233445566778899aabbccddeeff".into();
        assert_eq!(baseline.check(&other), BaselineState::New);
        let mut rule = samples::finding("/a", 3);
        rule.rule_id = "another".into();
        assert_eq!(baseline.check(&rule), BaselineState::New);
        assert_eq!(baseline.gone(), 1);
    }

    #[test]
    fn what_is_no_whole_scan_is_refused() {
        let whole = lines(&samples::scan());
        let without_end: String = whole.lines().take(3).map(|line| format!("{line}\n")).collect();
        let refused =
            |text: &str| Baseline::read(text.as_bytes(), false).expect_err("no baseline").to_string();
        assert!(refused(&without_end).contains("does not end with a summary"));
        assert!(refused("").contains("does not end with a summary"));
        assert!(refused("severity,path\r\n").contains("line 1"));
        assert!(refused(&whole[whole.find('\n').expect("lines") + 1..]).contains("not the header"));
        assert!(refused(&whole.replace("snapsift/1", "snapsift/9")).contains("schema"));
        let cut = &whole[..whole.len() - 40];
        assert!(refused(cut).contains("no record"), "{}", refused(cut));
        assert!(
            Baseline::read(whole.as_bytes(), true).expect_err("another key").to_string().contains("keyed")
        );
        // A type of a later version is passed over.
        let more = whole.replacen('\n', "\n{\"type\":\"comet\",\"tail\":[1]}\n", 1);
        assert!(Baseline::read(more.as_bytes(), false).is_ok());
    }
}
