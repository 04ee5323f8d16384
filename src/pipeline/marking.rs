//! Marks what the user has decided on findings, and counts what is marked.

use super::ScanOptions;
use super::hits::Tally;
use crate::finding::{BaselineState, BaselineSummary, Finding, Marks, PackageDatabase};
use crate::triage::{Baseline, IgnoreFile};

/// What findings are held against.
pub(super) struct Marking<'o> {
    ignore: Option<&'o IgnoreFile>,
    baseline: Option<&'o Baseline>,
}

/// Counts of findings that are marked.
#[derive(Debug, Default)]
pub(super) struct Marked {
    ignored: Tally,
    /// New and not ignored.
    new: Tally,
    unchanged: u64,
    vendor: u64,
    known: u64,
}

impl Marked {
    pub(super) fn count(&mut self, finding: &Finding) {
        if finding.ignored.is_some() {
            self.ignored.add(finding.severity, 1);
        } else if finding.baseline == Some(BaselineState::New) {
            self.new.add(finding.severity, 1);
        }
        self.unchanged += u64::from(finding.baseline == Some(BaselineState::Unchanged));
        self.vendor += u64::from(finding.vendor.as_ref().is_some_and(|vendor| vendor.verified));
        self.known += u64::from(finding.known.is_some());
    }
}

impl<'o> Marking<'o> {
    pub(super) fn new(options: &'o ScanOptions) -> Self {
        Self { ignore: options.ignore.as_deref(), baseline: options.baseline.as_deref() }
    }

    /// Marks a finding that is otherwise complete.
    pub(super) fn mark(&self, finding: &mut Finding) {
        finding.ignored = self.ignore.and_then(|ignore| ignore.check(finding));
        finding.baseline = self.baseline.map(|baseline| baseline.check(finding));
    }

    /// What came of all of it, after the last finding.
    pub(super) fn summary(
        &self,
        marked: &Marked,
        unlisted: &Tally,
        databases: Vec<PackageDatabase>,
    ) -> Marks {
        let mut new = marked.new;
        // They cannot be compared, so they are not known to be old.
        new.add_all(unlisted, 1);
        Marks {
            ignored: marked.ignored.iter().collect(),
            vendor: marked.vendor,
            known: marked.known,
            ignore: self.ignore.map(IgnoreFile::summary),
            baseline: self.baseline.map(|baseline| BaselineSummary {
                scan_id: baseline.scan_id().to_owned(),
                new: new.iter().collect(),
                unchanged: marked.unchanged,
                gone: baseline.gone(),
            }),
            package_databases: databases,
        }
    }
}
