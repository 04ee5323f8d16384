//! Coverage is a promise: seen = scanned + left out, by reason, for files and
//! for bytes, so that a reader can prove that nothing was dropped silently.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Why something was not scanned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// A symbolic link; links are never followed.
    SymbolicLink,
    /// A FIFO, socket or device node; never opened.
    SpecialFile,
    /// On another filesystem than the target (includes procfs and sysfs).
    OtherFilesystem,
    /// Another name of a file that was scanned under its first name.
    HardLink,
    /// Left out by `--exclude`.
    Excluded,
    /// In a directory of test content or documentation samples.
    TestContent,
    /// Larger than `--max-file-size`, or past a limit of the scan.
    OverBudget,
    /// A hole: bytes that the filesystem does not store and that read as zero.
    Hole,
    /// Could not be opened or read: permission, I/O error.
    Unreadable,
    /// Was gone, or became shorter, between being seen and being read.
    ChangedWhileRead,
    /// Damaged structure.
    Corrupt,
    /// A form that this version does not read.
    Unsupported,
    /// Encrypted content.
    Encrypted,
    /// The scan was interrupted before this was reached.
    Interrupted,
    /// `--max-scan-time` was over before this was reached.
    OutOfTime,
}

impl Reason {
    /// The name used on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SymbolicLink => "symbolic_link",
            Self::SpecialFile => "special_file",
            Self::OtherFilesystem => "other_filesystem",
            Self::HardLink => "hard_link",
            Self::Excluded => "excluded",
            Self::TestContent => "test_content",
            Self::OverBudget => "over_budget",
            Self::Hole => "hole",
            Self::Unreadable => "unreadable",
            Self::ChangedWhileRead => "changed_while_read",
            Self::Corrupt => "corrupt",
            Self::Unsupported => "unsupported",
            Self::Encrypted => "encrypted",
            Self::Interrupted => "interrupted",
            Self::OutOfTime => "out_of_time",
        }
    }

    /// Whether leaving something out for this reason makes the scan incomplete:
    /// it could have held a secret, and nobody chose to leave it out.
    #[must_use]
    pub fn is_failure(self) -> bool {
        matches!(
            self,
            Self::Unreadable
                | Self::ChangedWhileRead
                | Self::Corrupt
                | Self::Unsupported
                | Self::Encrypted
                | Self::Interrupted
                | Self::OutOfTime
        )
    }
}

/// Files and bytes left out for one reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LeftOut {
    /// Directory entries other than directories, left out as a whole. Zero where
    /// only a part of a file was left out.
    pub files: u64,
    /// Bytes left out, as the file's size gave them.
    pub bytes: u64,
}

/// Something that a limit of the scan left out, or a part of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Cut {
    /// Where it is in its target, with the way inside of the file; bytes that are not UTF-8 as
    /// `\xNN`.
    pub path: String,
    /// Its size in bytes, as the filesystem or the archive around it gives it.
    pub bytes: u64,
    /// Which limit: `over_budget` or `out_of_time`.
    pub reason: Reason,
}

/// What a scan has seen, scanned and left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Coverage {
    /// Directories entered.
    pub directories: u64,
    /// Directory entries other than directories.
    pub files_seen: u64,
    /// Files of which content was scanned (an empty file counts as scanned).
    pub files_scanned: u64,
    /// Bytes seen: the sizes of all files seen.
    pub bytes_seen: u64,
    /// Bytes that went through the engine.
    pub bytes_scanned: u64,
    /// What was left out. `files_seen = files_scanned + Σ files`,
    /// `bytes_seen = bytes_scanned + Σ bytes`.
    pub left_out: BTreeMap<Reason, LeftOut>,
    /// What is inside of archives and compressed files: counted here and in none of the
    /// numbers above, in which such a file counts with the bytes that are stored.
    #[serde(default, skip_serializing_if = "Inside::is_empty")]
    pub inside: Inside,
    /// The largest of what limits left out, or ended in the middle, the largest first: at most
    /// 10, counted in the numbers above.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cut: Vec<Cut>,
}

/// What a scan has seen inside of archives and compressed files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Inside {
    /// Archives and compressed files that were opened, those inside of others included.
    pub opened: u64,
    /// Contents that are neither: members other than directories, and what was compressed.
    pub members_seen: u64,
    /// Those that were scanned, as far as they can be read.
    pub members_scanned: u64,
    /// Their bytes, unpacked.
    pub bytes_scanned: u64,
    /// What was left out. `members_seen = members_scanned + Σ files`. Bytes as the
    /// archives give them, 0 where they do not.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub left_out: BTreeMap<Reason, LeftOut>,
    /// How often something inside was damaged, went over a limit, or stayed closed. Each
    /// is a problem record, as far as those are listed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub problems: BTreeMap<Reason, u64>,
    /// Hives of the Windows registry that were in use, and of which no log beside them had
    /// anything newer: they were read as they are, which may not be the newest. No problem:
    /// their logs are searched as they are stored.
    #[serde(default, skip_serializing_if = "is_none")]
    pub not_replayed: u64,
}

fn is_none(number: &u64) -> bool {
    *number == 0
}

impl Inside {
    /// Whether nothing was opened nor left closed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Counts a content that was scanned.
    pub fn scan(&mut self, bytes: u64) {
        self.members_seen = self.members_seen.saturating_add(1);
        self.members_scanned = self.members_scanned.saturating_add(1);
        self.bytes_scanned = self.bytes_scanned.saturating_add(bytes);
    }

    /// Counts a content that was left out.
    pub fn leave_out(&mut self, reason: Reason, bytes: u64) {
        self.members_seen = self.members_seen.saturating_add(1);
        let entry = self.left_out.entry(reason).or_default();
        entry.files = entry.files.saturating_add(1);
        entry.bytes = entry.bytes.saturating_add(bytes);
    }

    /// Adds what another counted.
    pub fn merge(&mut self, other: &Self) {
        self.opened = self.opened.saturating_add(other.opened);
        self.members_seen = self.members_seen.saturating_add(other.members_seen);
        self.members_scanned = self.members_scanned.saturating_add(other.members_scanned);
        self.bytes_scanned = self.bytes_scanned.saturating_add(other.bytes_scanned);
        for (reason, left) in &other.left_out {
            let entry = self.left_out.entry(*reason).or_default();
            entry.files = entry.files.saturating_add(left.files);
            entry.bytes = entry.bytes.saturating_add(left.bytes);
        }
        for (reason, number) in &other.problems {
            let entry = self.problems.entry(*reason).or_default();
            *entry = entry.saturating_add(*number);
        }
        self.not_replayed = self.not_replayed.saturating_add(other.not_replayed);
    }
}

impl Coverage {
    /// How many of [`Self::cut`] are listed.
    pub const MAX_CUT: usize = 10;

    /// Lists something that a limit cut off, if it is one of the largest.
    pub fn cut_off(&mut self, bytes: u64, reason: Reason, path: impl FnOnce() -> String) {
        let is_listed =
            self.cut.len() < Self::MAX_CUT || self.cut.last().is_some_and(|last| last.bytes <= bytes);
        if is_listed {
            self.cut.push(Cut { path: path(), bytes, reason });
            self.sort_cut();
        }
    }

    fn sort_cut(&mut self) {
        self.cut.sort_by(|one, other| other.bytes.cmp(&one.bytes).then_with(|| one.path.cmp(&other.path)));
        self.cut.truncate(Self::MAX_CUT);
    }

    /// The scan was ended by its limit of time, and by nobody.
    pub fn ran_out_of_time(&mut self) {
        for left_out in [&mut self.left_out, &mut self.inside.left_out] {
            if let Some(left) = left_out.remove(&Reason::Interrupted) {
                left_out.insert(Reason::OutOfTime, left);
            }
        }
        for cut in self.cut.iter_mut().filter(|cut| cut.reason == Reason::Interrupted) {
            cut.reason = Reason::OutOfTime;
        }
    }

    /// Counts an entry that was seen and left out as a whole.
    pub fn leave_out_file(&mut self, reason: Reason, bytes: u64) {
        self.files_seen += 1;
        self.bytes_seen = self.bytes_seen.saturating_add(bytes);
        let entry = self.left_out.entry(reason).or_default();
        entry.files += 1;
        entry.bytes = entry.bytes.saturating_add(bytes);
    }

    /// Counts a file of which `scanned` bytes were scanned.
    pub fn scan_file(&mut self, scanned: u64) {
        self.files_seen += 1;
        self.files_scanned += 1;
        self.bytes_seen = self.bytes_seen.saturating_add(scanned);
        self.bytes_scanned = self.bytes_scanned.saturating_add(scanned);
    }

    /// Counts scanned bytes that belong to no file.
    pub fn scan_bytes(&mut self, scanned: u64) {
        self.bytes_seen = self.bytes_seen.saturating_add(scanned);
        self.bytes_scanned = self.bytes_scanned.saturating_add(scanned);
    }

    /// Counts bytes of a scanned file that were left out (a hole, a bad block).
    pub fn leave_out_bytes(&mut self, reason: Reason, bytes: u64) {
        self.bytes_seen = self.bytes_seen.saturating_add(bytes);
        let entry = self.left_out.entry(reason).or_default();
        entry.bytes = entry.bytes.saturating_add(bytes);
    }

    /// Adds what another thread counted.
    pub fn merge(&mut self, other: &Self) {
        self.directories += other.directories;
        self.files_seen += other.files_seen;
        self.files_scanned += other.files_scanned;
        self.bytes_seen = self.bytes_seen.saturating_add(other.bytes_seen);
        self.bytes_scanned = self.bytes_scanned.saturating_add(other.bytes_scanned);
        for (reason, left) in &other.left_out {
            let entry = self.left_out.entry(*reason).or_default();
            entry.files += left.files;
            entry.bytes = entry.bytes.saturating_add(left.bytes);
        }
        self.inside.merge(&other.inside);
        self.cut.extend(other.cut.iter().cloned());
        self.sort_cut();
    }

    /// Whether the sums hold. A scan whose sums do not hold has a bug, and
    /// says so in its summary.
    #[must_use]
    pub fn is_balanced(&self) -> bool {
        let files: u64 = self.left_out.values().map(|left| left.files).sum();
        // Three sparse files of 8 EiB are more than can be counted; all sums then
        // stop at the same number.
        let bytes =
            self.left_out.values().fold(self.bytes_scanned, |sum, left| sum.saturating_add(left.bytes));
        let inside = self
            .inside
            .left_out
            .values()
            .fold(self.inside.members_scanned, |sum, left| sum.saturating_add(left.files));
        self.files_seen == self.files_scanned + files
            && self.bytes_seen == bytes
            && self.inside.members_seen == inside
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_hold_after_any_mix_of_counts() {
        let mut one = Coverage::default();
        one.scan_file(10);
        one.leave_out_file(Reason::SymbolicLink, 7);
        one.leave_out_bytes(Reason::Hole, 90);
        let mut two = Coverage::default();
        two.leave_out_file(Reason::SymbolicLink, 1);
        two.merge(&one);
        assert!(two.is_balanced());
        assert_eq!((two.files_seen, two.files_scanned), (3, 1));
        assert_eq!((two.bytes_seen, two.bytes_scanned), (108, 10));
        assert_eq!(two.left_out.get(&Reason::SymbolicLink), Some(&LeftOut { files: 2, bytes: 8 }));
    }

    #[test]
    fn names_equal_the_wire() {
        for reason in [Reason::SymbolicLink, Reason::ChangedWhileRead, Reason::Hole, Reason::Interrupted] {
            assert_eq!(serde_json::to_string(&reason).expect("json"), format!("\"{}\"", reason.as_str()));
        }
    }
}
