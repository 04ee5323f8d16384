//! What the tests of whole scans share: one rule, planted values, short ways to
//! scan.

#![allow(dead_code, reason = "each test program uses a part")]

use std::path::Path;

use snapsift::finding::{Coverage, Finding, LeftOut, Reason, Record, Severity, SummaryRecord};
use snapsift::pipeline::{Scan, ScanOptions};
use snapsift::rules::{Literal, Rule, RuleSet};
use snapsift::scan::Engine;
use snapsift::source::Snapshot;

/// A value that the rule of [`rules`] matches.
pub(crate) fn planted(number: u32) -> String {
    format!("{}_{number:08}", "sift_planted")
}

/// One rule without checks.
pub(crate) fn rules() -> RuleSet {
    let literal = b"sift_planted_".as_slice();
    let literal = Literal { bytes: literal.into(), fold: false, min_offset: 0, max_offset: 0 };
    let rule = Rule {
        secret_type: "Planted value".into(),
        severity: Severity::High,
        max_length: 21,
        public_prefix: 13,
        ..Rule::new("planted", "sift_planted_[0-9]{8}", vec![literal])
    };
    RuleSet::new(vec![rule], "00".repeat(32))
}

/// The records of a scan.
pub(crate) struct Scanned {
    pub(crate) records: Vec<Record>,
    pub(crate) summary: SummaryRecord,
}

impl Scanned {
    pub(crate) fn findings(&self) -> Vec<&Finding> {
        let records = self.records.iter();
        records
            .filter_map(|record| match record {
                Record::Finding(finding) => Some(&**finding),
                _ => None,
            })
            .collect()
    }

    /// Paths of findings, in their order.
    pub(crate) fn paths(&self) -> Vec<&str> {
        self.findings().iter().map(|finding| finding.location.path.as_str()).collect()
    }

    pub(crate) fn coverage(&self) -> &Coverage {
        &self.summary.coverage
    }

    pub(crate) fn left_out(&self, reason: Reason) -> LeftOut {
        self.coverage().left_out.get(&reason).copied().unwrap_or_default()
    }

    /// Problems: path and reason.
    pub(crate) fn problems(&self) -> Vec<(&str, Reason)> {
        let records = self.records.iter();
        records
            .filter_map(|record| match record {
                Record::Problem(problem) => Some((problem.path.as_str(), problem.reason)),
                _ => None,
            })
            .collect()
    }

    /// The records as lines, without what differs from run to run.
    pub(crate) fn comparable(&self) -> String {
        let mut text = String::new();
        for record in &self.records {
            match record {
                Record::Scan(_) | Record::Summary(_) => {}
                other => text += &(serde_json::to_string(other).expect("json") + "\n"),
            }
        }
        text + &serde_json::to_string(self.coverage()).expect("json")
    }
}

/// Options for two threads.
pub(crate) fn options() -> ScanOptions {
    ScanOptions { jobs: 2, ..ScanOptions::default() }
}

/// Scans and checks what must hold of every scan.
pub(crate) fn scan_with(target: &Path, options: ScanOptions) -> Scanned {
    scan_by(&rules(), target, options)
}

/// The same by other rules.
pub(crate) fn scan_by(rules: &RuleSet, target: &Path, options: ScanOptions) -> Scanned {
    let scan = Scan::new(Snapshot::open(target).expect("a target"), Engine::new(rules), options);
    let mut records: Vec<Record> = Vec::new();
    let summary = scan.run(&mut records).expect("a scan");
    assert!(matches!(records.first(), Some(Record::Scan(_))), "the header comes first");
    assert!(matches!(records.last(), Some(Record::Summary(_))), "the summary comes last");
    assert!(summary.coverage.is_balanced(), "{:?}", summary.coverage);
    Scanned { records, summary }
}

pub(crate) fn scan(target: &Path) -> Scanned {
    scan_with(target, options())
}

/// Whether this process is root, for tests that need what only root may do.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Runs a program and says whether it succeeded.
pub(crate) fn run(program: &str, arguments: &[&std::ffi::OsStr]) -> bool {
    let output = std::process::Command::new(program).args(arguments).output();
    output.is_ok_and(|output| output.status.success())
}
