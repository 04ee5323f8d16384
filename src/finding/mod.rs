//! The leaf of the crate: what a scan says, as types.
//!
//! Role: the records of the wire schema `snapsift/1` ([`record`]), the redacted
//! [`Secret`], the promise that every byte is accounted for ([`coverage`]), and
//! the small vocabulary they share. Everything imports this module; it imports
//! nothing of the crate. It does no I/O.

pub mod coverage;
mod encoding;
pub mod git;
pub mod location;
pub mod machine;
pub mod marks;
pub mod record;
mod secret;
mod severity;
mod time;
pub mod verdict;

pub use coverage::{Coverage, Cut, Inside, LeftOut, Reason};
pub use encoding::Encoding;
pub use git::{GitCommit, GitFacts, GitReach};
pub(crate) use location::path_inside;
pub use location::{Location, ProvenanceStep};
pub use machine::{
    AccountFacts, FactProblem, IdentityKind, KeyUse, Login, MachineIdentity, MachineRecord, OsRelease,
    PasswordState, SshHost, SshdFacts,
};
pub use marks::{
    BaselineState, BaselineSummary, IgnoreEntry, IgnoreSummary, Ignored, IgnoredBy, Marks, PackageDatabase,
    Vendor,
};
pub use record::{
    CertificateFacts, FileFacts, Finding, KeyRecord, KeyRole, KeyWeakness, MemberFacts, ProblemRecord,
    Record, ScanRecord, SecretFacts, SummaryRecord, Target, TargetExists, Validity,
};
pub use secret::{Fingerprinter, Revealed, Secret};
pub use severity::{Confidence, Severity};
pub use time::Timestamp;
pub use verdict::{AccountVerdict, Refusal, Restriction, RestrictionKind, Undecided, Verdict};

/// The version of the wire schema that this crate writes and reads.
pub const SCHEMA: &str = "snapsift/1";
