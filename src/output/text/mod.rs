//! What a person reads: findings grouped by secret, most severe first, then a
//! summary that says what was covered and whether the scan is complete.
//!
//! Grouping by secret, because a secret is what has to be revoked, once, however
//! many files hold it. Everything is held until the summary is there, since only
//! then is it known where else a secret stands; of a secret in very many places
//! only the first [`PLACES_SHOWN`] are held, so memory follows the number of
//! different secrets.

mod accounts;
mod block;
pub(crate) mod layout;
mod marks;
mod summary;

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::io::{self, Write};

use layout::Paint;

use super::RecordSink;
use crate::finding::{
    BaselineState, FileFacts, Finding, GitFacts, Location, ProblemRecord, Record, ScanRecord, SummaryRecord,
    Vendor,
};

/// Of how many places of one secret the path is shown.
const PLACES_SHOWN: usize = 10;
/// How many problems are shown with their path.
const PROBLEMS_SHOWN: usize = 10;

/// How the text looks.
#[derive(Clone, Copy, Debug)]
pub struct TextOptions {
    /// Whether to write colours.
    pub colour: bool,
    /// Columns at which texts are wrapped; paths never are. Used within 60 to 120.
    pub width: usize,
}

impl Default for TextOptions {
    /// No colours, 100 columns.
    fn default() -> Self {
        Self { colour: false, width: 100 }
    }
}

/// Writes a scan for a person, all of it when the summary comes.
#[derive(Debug)]
pub struct Text<W> {
    writer: W,
    paint: Paint,
    width: usize,
    held: Held,
}

/// What is known so far.
#[derive(Debug, Default)]
struct Held {
    scan: Option<ScanRecord>,
    groups: Vec<Group>,
    /// Rule, fingerprint, and whether it is ignored → index into `groups`.
    by_secret: HashMap<(String, String, bool), usize>,
    keys: KeyCounts,
    problems: Vec<ProblemRecord>,
    /// What is said of each machine, in a line.
    machines: Vec<String>,
}

/// One secret and the places where it stands.
#[derive(Debug)]
struct Group {
    /// The first finding of it, in the scan's order, with the worst severity of all
    /// its places: one of them may be a vendor's file.
    finding: Finding,
    places: Vec<Place>,
    /// How many places there are, those not held included.
    total: u64,
}

impl Group {
    fn is_ignored(&self) -> bool {
        self.finding.ignored.is_some()
    }

    fn is_expired(&self) -> bool {
        self.finding.validity.as_ref().is_some_and(|validity| validity.expired == Some(true))
    }
}

#[derive(Debug)]
struct Place {
    location: Location,
    file: Option<FileFacts>,
    vendor: Option<Vendor>,
    is_new: bool,
    git: Option<Box<GitFacts>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct KeyCounts {
    private: u64,
    encrypted: u64,
    public: u64,
}

impl<W: Write> Text<W> {
    /// Writes into `writer`; give it a buffered one.
    pub fn new(writer: W, options: TextOptions) -> Self {
        Self {
            writer,
            paint: Paint { colour: options.colour },
            width: options.width.clamp(60, 120),
            held: Held::default(),
        }
    }

    fn finish(&mut self, summary: &SummaryRecord) -> io::Result<()> {
        let mut held = std::mem::take(&mut self.held);
        // What still opens something comes before what has expired. Stable: among
        // equals the scan's own order stays.
        held.groups.sort_by_key(|group| (Reverse(group.finding.severity), group.is_expired()));
        let now = held.scan.as_ref().map_or(summary.finished_at, |scan| scan.started_at);
        let view = block::View { now, paint: self.paint, columns: self.width };
        // What to do is said once for each rule, not once more with each secret.
        let mut told: HashSet<(&str, &str)> = HashSet::new();
        for group in held.groups.iter().filter(|group| !group.is_ignored()) {
            let finding = &group.finding;
            let first = told.insert((&finding.rule_id, &finding.remediation));
            block::write(&mut self.writer, group, first, view)?;
        }
        summary::write(&mut self.writer, &held, summary, self.paint, self.width)?;
        self.writer.flush()
    }
}

impl Held {
    fn finding(&mut self, finding: &Finding) {
        let key = (finding.rule_id.clone(), finding.secret.fingerprint.clone(), finding.ignored.is_some());
        let place = || Place {
            location: finding.location.clone(),
            file: finding.file.clone(),
            vendor: finding.vendor.clone(),
            is_new: finding.baseline == Some(BaselineState::New),
            git: finding.git.clone(),
        };
        if let Some(group) = self.by_secret.get(&key).and_then(|at| self.groups.get_mut(*at)) {
            group.total += 1;
            group.finding.severity = group.finding.severity.max(finding.severity);
            if group.places.len() < PLACES_SHOWN {
                group.places.push(place());
            }
            return;
        }
        self.by_secret.insert(key, self.groups.len());
        self.groups.push(Group { finding: finding.clone(), places: vec![place()], total: 1 });
    }
}

impl<W: Write> RecordSink for Text<W> {
    fn record(&mut self, record: &Record) -> io::Result<()> {
        match record {
            Record::Scan(scan) => self.held.scan = Some(scan.clone()),
            Record::Machine(machine) => self.held.machines.push(accounts::machine(machine)),
            Record::Finding(finding) => self.held.finding(finding),
            Record::Key(key) => {
                let keys = &mut self.held.keys;
                keys.private += u64::from(key.private);
                keys.public += u64::from(!key.private);
                keys.encrypted += u64::from(key.private && key.encrypted);
            }
            Record::Problem(problem) => {
                if self.held.problems.len() < PROBLEMS_SHOWN {
                    self.held.problems.push(problem.clone());
                }
            }
            Record::Summary(summary) => self.finish(summary)?,
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
