//! What a store says, in the formats of other tools.
//!
//! Role: turns rows of the statements in `queries/export` into files. Joins are there, not
//! here; ids are made of what stays the same from scan to scan, so that a tool which has an
//! earlier export updates it. Every text of a disk or an inventory is escaped for its format.
//! Not for: the formats of a single scan (see `output`), which this shares its parts with.

mod bloodhound;
mod defectdojo;
mod graphml;
mod neo4j;
mod ocsf;
mod sarif;

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::query::{QueryError, Row, Rows, ask, each_row};
use super::store::Store;

const FINDINGS: &str = include_str!("../../../queries/export/findings.sql");
const FINDINGS_CSV: &str = include_str!("../../../queries/export/findings-csv.sql");
const PATHS: &str = include_str!("../../../queries/export/paths.sql");
const NODES: &str = include_str!("../../../queries/export/nodes.sql");
const EDGES: &str = include_str!("../../../queries/export/edges.sql");

/// A format of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Findings and attack paths as events of the Open Cybersecurity Schema Framework.
    Ocsf,
    /// Findings for code scanning: a file for each machine.
    Sarif,
    /// Findings for a spreadsheet.
    Csv,
    /// Findings for DefectDojo.
    DefectDojo,
    /// The graph for Gephi, yEd and others.
    GraphMl,
    /// The graph for Neo4j: several files.
    Neo4j,
    /// The graph for BloodHound, and the extension that it belongs to.
    BloodHound,
}

impl Format {
    /// Whether it makes several files, in a folder.
    #[must_use]
    pub fn is_folder(self) -> bool {
        matches!(self, Self::Sarif | Self::Neo4j | Self::BloodHound)
    }
}

/// Where files go.
pub trait Files {
    /// Makes a file of a name that is safe in a folder, and has it written.
    ///
    /// # Errors
    ///
    /// What the file or the writing says.
    fn file(
        &mut self,
        name: &str,
        write: &mut dyn FnMut(&mut dyn Write) -> Result<(), QueryError>,
    ) -> Result<(), QueryError>;
}

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    /// Findings.
    pub findings: u64,
    /// Attack paths.
    pub paths: u64,
    /// Nodes.
    pub nodes: u64,
    /// Edges.
    pub edges: u64,
    /// Files.
    pub files: u64,
}

/// What is asked, and with what.
struct Source<'s> {
    store: &'s Store,
    set: BTreeMap<String, String>,
}

/// Writes an export. `paths_only`: of the graph, only what the examples of attack paths go over.
///
/// # Errors
///
/// The store cannot be read, or a file cannot be written.
pub fn export(
    store: &Store,
    format: Format,
    paths_only: bool,
    files: &mut dyn Files,
) -> Result<Exported, QueryError> {
    let mut source = Source { store, set: BTreeMap::new() };
    if paths_only {
        source.set.insert("paths_only".to_owned(), "yes".to_owned());
    }
    let source = &source;
    let mut done = Exported { files: 1, ..Exported::default() };
    let single: &mut dyn FnMut(&mut dyn Write) -> Result<(), QueryError> = &mut |out| {
        match format {
            Format::Ocsf => ocsf::write(source, out, &mut done),
            Format::DefectDojo => defectdojo::write(source, out, &mut done),
            Format::GraphMl => graphml::write(source, out, &mut done),
            // The others are folders.
            Format::Csv | Format::Sarif | Format::Neo4j | Format::BloodHound => {
                done.findings = ask(store, FINDINGS_CSV, &source.set, Rows::Csv, out)?;
                Ok(())
            }
        }
    };
    match format {
        Format::Sarif => sarif::write(source, files, &mut done)?,
        Format::Neo4j => neo4j::write(source, files, &mut done)?,
        Format::BloodHound => bloodhound::write(source, files, &mut done)?,
        _ => files.file("export", single)?,
    }
    Ok(done)
}

/// Gives each row of a statement of `queries/export`.
fn rows(
    source: &Source<'_>,
    sql: &str,
    give: &mut dyn FnMut(&Row<'_>) -> Result<(), QueryError>,
) -> Result<u64, QueryError> {
    each_row(source.store, sql, &source.set, give)
}

/// A comma and a new line between the elements of a list.
fn part(out: &mut dyn Write, first: &mut bool) -> io::Result<()> {
    if std::mem::replace(first, false) { Ok(()) } else { out.write_all(b",\n") }
}

/// Eight hex digits of a text: tells things of one name apart.
fn short_digest(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex().chars().take(8).collect()
}
