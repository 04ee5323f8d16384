//! snapsift finds secrets on disk snapshots of machines, without an agent.
//!
//! The command line is a thin layer over this library. A program uses as much of
//! it as it needs:
//!
//! | to scan | use |
//! |---|---|
//! | bytes in memory | [`scan::Scanner::scan`] |
//! | a reader, in windows | [`scan::Scanner::scan_reader`] |
//! | a file or a directory, with metadata, coverage and records | [`pipeline::Scan`] |
//!
//! Bytes: rules → engine → a scanner for each thread → matches.
//!
//! ```
//! use snapsift::{rules::RuleSet, scan::Engine};
//!
//! let rules = RuleSet::builtin()?;
//! let engine = Engine::new(&rules);
//! let mut scanner = engine.scanner();
//!
//! let text = format!("token = {}{}\n", "ghp_", "SnapsiftSyntheticTokenBody00014HSzIz");
//! let mut found = Vec::new();
//! scanner.scan(text.as_bytes(), &mut |hit| found.push(hit));
//!
//! assert_eq!(found.len(), 1);
//! assert_eq!(rules.rules()[found[0].rule].secret_type, "GitHub personal access token");
//! assert_eq!(found[0].secret_start, 8);
//! // A secret cannot be printed by accident.
//! assert_eq!(format!("{:?}", found[0].secret), "Secret(40 bytes)");
//! # Ok::<(), snapsift::rules::LoadError>(())
//! ```
//!
//! A file or a tree: a snapshot → a scan → records of the wire schema
//! ([`finding::Record`]), in an order that depends on the input alone.
//!
//! ```
//! use snapsift::finding::Record;
//! use snapsift::pipeline::{Scan, ScanOptions};
//! use snapsift::{rules::RuleSet, scan::Engine, source::Snapshot};
//!
//! let dir = tempfile::tempdir()?;
//! let token = format!("{}{}", "ghp_", "SnapsiftSyntheticTokenBody00014HSzIz");
//! std::fs::write(dir.path().join("app.env"), format!("MODE=live\nTOKEN={token}\n"))?;
//!
//! let engine = Engine::new(&RuleSet::builtin()?);
//! let mut records: Vec<Record> = Vec::new();
//! let summary = Scan::new(Snapshot::open(dir.path())?, engine, ScanOptions::default()).run(&mut records)?;
//!
//! assert!(summary.complete && summary.coverage.is_balanced());
//! let Record::Finding(finding) = &records[1] else { panic!("a finding follows the header") };
//! assert_eq!((finding.location.path.as_str(), finding.location.line), ("/app.env", 2));
//! assert_eq!(finding.secret.preview, "ghp_…SzIz");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Where things are
//!
//! Imports point down this list only, which a test holds: the program's own
//! `cli`, [`pipeline`] (a whole scan), [`triage`] (what the user ignores, and what an
//! earlier scan had), [`fleet`] (what many machines say together), [`output`] (formats), [`enrich`] (matches → findings), [`facts`] (what a snapshot says of its machine), [`source`] (reading
//! disks), [`scan`] (the engine), [`rules`] (rule packs), [`formats`] (pure
//! parsers), [`finding`] (the records).

pub mod enrich;
pub mod facts;
pub mod finding;
pub mod fleet;
pub mod formats;
pub mod output;
pub mod pipeline;
pub mod rules;
pub mod scan;
pub mod source;
mod threads;
pub mod triage;

/// The README's examples compile.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
