//! Inventories of clouds, and reports of vulnerabilities, into the store.
//!
//! Role: tells what a file is by its content, has each record read by the importer of its
//! shape, and keeps what the whitelist of fields gives: one transaction for each file, none
//! of a file twice. Then works out what is exposed, from all that the store has.
//! Not for: joining assets with scans.

mod aws;
mod azure;
mod csv;
mod exposure;
mod gcp;
mod grype;
mod iam;
mod inspector;
mod model;
mod permissions;
mod policy;
mod ports;
mod row;
mod sink;
mod stream;
mod tags;
mod terraform;
mod trivy;
mod vex;

use std::collections::BTreeMap;
use std::io::Read;

use serde::Serialize;
use serde_json::{Map, Value};

use self::model::Batch;
use self::row::{Row, Used};
use self::sink::Sink;
use self::stream::{Input, Taker};
use super::store::Store;

pub use self::exposure::{Exposure, work_out};

/// At most so many records that are wrong are named; all are counted.
const NAMED_PROBLEMS: usize = 100;

/// The shapes that are known, for a message.
pub const SHAPES: &str = "Azure Resource Graph, Entra service principals, AWS (describe-instances, describe-security-groups, \
describe-key-pairs, describe-db-instances, describe-db-clusters, list-buckets, list-access-keys, \
get-account-authorization-details, Resource Explorer, Config), GCP Cloud Asset Inventory, Terraform state and `terraform show -json`, Trivy, Grype, \
Inspector, OpenVEX, CycloneDX VEX, the catalogue of CISA (KEV), and CSV with a header \
that has `id,kind` or `subject,vulnerability,severity`";

/// Why a file was not taken in. Nothing of it is in the store.
#[derive(Debug, thiserror::Error)]
pub enum InventoryError {
    /// SQLite says so.
    #[error("the store: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The file cannot be read.
    #[error("{0}")]
    File(#[from] std::io::Error),
    /// It cannot be parsed, from there on.
    #[error("{0}; nothing of this file was taken")]
    Content(String),
    /// None of its records is of a known shape.
    #[error("it is of no known shape; these are known: {SHAPES}")]
    Shape,
    /// A part was said to be whole.
    #[error("it says itself that it is a part (it goes on after a token), so it cannot be whole")]
    Part,
}

/// What the user says of files.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Whose the report of vulnerabilities is.
    pub machine: Option<String>,
    /// What the file covers: an account, a subscription, a project.
    pub scope: Option<String>,
    /// It lists all resources of its kinds in its scope.
    pub whole: bool,
    /// When it was taken, where it does not say so itself: RFC 3339.
    pub taken: String,
}

/// What became of a file.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Taken {
    /// The file.
    pub source: String,
    /// Its shape.
    pub shape: String,
    /// What it covers.
    pub scope: String,
    /// The store had it already: nothing was done.
    pub known: bool,
    /// Whether it was taken as all there is.
    pub whole: bool,
    /// Records that were taken.
    pub records: u64,
    /// Records that were not.
    pub skipped: u64,
    /// Those of them that are named, and remarks.
    pub problems: Vec<Problem>,
    /// Assets by kind.
    pub kinds: BTreeMap<String, u64>,
    /// Public keys that machines were set up with.
    pub grants: u64,
    /// Vulnerabilities.
    pub vulnerabilities: u64,
    /// Assets that a whole file no longer lists.
    pub gone: u64,
    /// The fields that were used.
    pub fields: Vec<String>,
}

/// A record that was left out, or a part of one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Its number in the file, from 1.
    pub record: u64,
    /// Why.
    pub reason: String,
}

/// Takes a file in.
///
/// # Errors
///
/// See [`InventoryError`]; nothing of the file is then in the store.
pub fn take(
    store: &Store,
    source: &str,
    file: impl Read + 'static,
    options: &Options,
) -> Result<Taken, InventoryError> {
    let mut input = Input::new(file)?;
    let transaction = store.transaction()?;
    let used = Used::default();
    let mut import = Import {
        sink: Sink::begin(&transaction, options)?,
        used: &used,
        shape: None,
        numbered: 0,
        part: false,
        taken: Taken { source: source.to_owned(), whole: options.whole, ..Taken::default() },
        report: Report::default(),
        failed: None,
    };
    let read = match input.first()? {
        None => return Err(InventoryError::Shape),
        Some(b'{' | b'[') => stream::documents(&mut input, &mut import),
        Some(_) => csv::read(&mut input, &mut import),
    };
    if let Some(error) = import.failed {
        return Err(error.into());
    }
    let Some(shape) = import.shape else {
        // What is broken before its shape shows is told as broken.
        return Err(read.err().map_or(InventoryError::Shape, InventoryError::Content));
    };
    read.map_err(InventoryError::Content)?;
    if options.whole && import.part {
        return Err(InventoryError::Part);
    }
    let mut taken = import.taken;
    taken.shape = shape.to_owned();
    taken.fields = used.fields.take().into_iter().collect();
    let mut report = import.report;
    if [trivy::SHAPE, grype::SHAPE].contains(&shape) {
        report.subject = options.machine.clone().unwrap_or(report.subject);
    }
    if import.sink.end(&mut taken, &report, &input.digest())? {
        transaction.commit()?;
    } else {
        taken = Taken { known: true, source: taken.source, shape: taken.shape, ..Taken::default() };
    }
    Ok(taken)
}

/// What a report of vulnerabilities says of itself.
#[derive(Debug, Default)]
struct Report {
    subject: String,
    made: Option<String>,
}

struct Import<'c> {
    sink: Sink<'c>,
    used: &'c Used,
    shape: Option<&'static str>,
    numbered: u64,
    part: bool,
    taken: Taken,
    report: Report,
    failed: Option<rusqlite::Error>,
}

/// An importer: reads one record.
type Importer = fn(&Row<'_>, &mut Batch) -> Result<(), String>;

impl Import<'_> {
    fn problem(&mut self, record: u64, reason: String) {
        if self.taken.problems.len() < NAMED_PROBLEMS {
            self.taken.problems.push(Problem { record, reason });
        }
    }

    fn skip(&mut self, reason: String) {
        self.taken.skipped = self.taken.skipped.saturating_add(1);
        self.problem(self.numbered, reason);
    }

    /// Reads a record, and keeps what it says. An error ends the reading.
    fn read(&mut self, shape: &'static str, importer: Importer, value: &Value) -> Result<(), String> {
        self.shape.get_or_insert(shape);
        if !value.is_object() {
            self.skip("it is no object".to_owned());
            return Ok(());
        }
        let mut batch = Batch::default();
        let result = importer(&Row::new(value, "", self.used), &mut batch);
        self.keep(result, batch)
    }

    /// Reads the records of a document about vulnerabilities.
    fn statements(&mut self, shape: &'static str, document: &Value) -> Result<(), String> {
        self.shape.get_or_insert(shape);
        self.report.subject = vex::name(document);
        let parts = vex::parts(document);
        for record in vex::records(shape, document) {
            self.numbered = self.numbered.saturating_add(1);
            if !record.is_object() {
                self.skip("it is no object".to_owned());
                continue;
            }
            let mut batch = Batch::default();
            let result = vex::record(shape, document, &parts, &Row::new(record, "", self.used), &mut batch);
            self.keep(result, batch)?;
        }
        Ok(())
    }

    fn keep(&mut self, result: Result<(), String>, mut batch: Batch) -> Result<(), String> {
        let wrong = self.used.take_wrong();
        if let Some(reason) = wrong.or(result.err()) {
            self.skip(reason);
            return Ok(());
        }
        self.taken.records = self.taken.records.saturating_add(1);
        for remark in std::mem::take(&mut batch.remarks) {
            self.problem(self.numbered, remark);
        }
        self.sink.keep(batch, &mut self.taken).map_err(|error| {
            let text = error.to_string();
            self.failed = Some(error);
            text
        })
    }
}

impl Taker for Import<'_> {
    fn list(&mut self, list: &str) {
        if let Some((shape, _)) = aws::importer(list) {
            self.shape.get_or_insert(shape);
        }
        match list {
            "data" => _ = self.shape.get_or_insert(azure::SHAPE),
            "configurationItems" => _ = self.shape.get_or_insert(aws::CONFIG),
            _ => {}
        }
    }

    fn record(&mut self, list: &str, record: &Value) -> Result<(), String> {
        self.numbered = self.numbered.saturating_add(1);
        if let Some((shape, importer)) = aws::importer(list) {
            return self.read(shape, importer, record);
        }
        match (list, record) {
            ("data", _) => self.read(azure::SHAPE, azure::record, record),
            ("configurationItems", _) => self.read(aws::CONFIG, aws::config, record),
            ("Results", Value::String(text)) => match serde_json::from_str::<Value>(text) {
                Ok(item) => self.read(aws::CONFIG, aws::config, &item),
                Err(_) => {
                    self.skip("it is no JSON in a text".to_owned());
                    Ok(())
                }
            },
            ("Results", _) if record.get("Target").is_some() => {
                self.read(trivy::SHAPE, trivy::record, record)
            }
            ("matches", _) => self.read(grype::SHAPE, grype::record, record),
            ("findings", _) if inspector::is(record) => {
                self.read(inspector::SHAPE, inspector::record, record)
            }
            ("resources", _) if record.get("instances").is_some() => {
                self.read(terraform::SHAPE, terraform::state, record)
            }
            ("" | "value" | "results", _) if gcp::is(record) => self.read(gcp::SHAPE, gcp::record, record),
            ("" | "value", _) if azure::is_application(record) => {
                self.read(azure::APPLICATIONS, azure::application, record)
            }
            ("" | "value", _) if azure::is(record) => self.read(azure::SHAPE, azure::record, record),
            _ => {
                self.skip("it is of no known shape".to_owned());
                Ok(())
            }
        }
    }

    fn document(&mut self, rest: Map<String, Value>) -> Result<(), String> {
        let goes_on = ["skip_token", "$skipToken", "NextToken", "nextToken", "nextPageToken", "Marker"];
        self.part |=
            goes_on.iter().any(|name| rest.get(*name).and_then(Value::as_str).is_some_and(|t| !t.is_empty()));
        let rest = Value::Object(rest);
        if let Some(shape) = vex::shape(&rest) {
            return self.statements(shape, &rest);
        }
        if gcp::is(&rest) {
            self.numbered = self.numbered.saturating_add(1);
            return self.read(gcp::SHAPE, gcp::record, &rest);
        }
        if azure::is(&rest) {
            self.numbered = self.numbered.saturating_add(1);
            return self.read(azure::SHAPE, azure::record, &rest);
        }
        if rest.get("format_version").is_some() && rest.get("values").is_some() {
            self.shape.get_or_insert(terraform::SHOWN);
            let mut resources = Vec::new();
            terraform::resources(rest.pointer("/values/root_module"), &mut resources);
            for resource in resources {
                self.numbered = self.numbered.saturating_add(1);
                self.read(terraform::SHOWN, terraform::shown, resource)?;
            }
        } else if rest.get("terraform_version").is_some() {
            self.shape.get_or_insert(terraform::SHAPE);
        } else if rest.get("ArtifactName").is_some() {
            self.shape.get_or_insert(trivy::SHAPE);
            let row = Row::new(&rest, "", self.used);
            self.report.subject = row.string("ArtifactName");
            self.report.made = row.text("CreatedAt").map(str::to_owned);
        } else if self.shape == Some(grype::SHAPE) || rest.get("descriptor").is_some() {
            let row = Row::new(&rest, "", self.used);
            if row.text("descriptor.name") == Some("grype") {
                self.shape.get_or_insert(grype::SHAPE);
                self.report.subject = grype::subject(&row);
                self.report.made = row.text("descriptor.timestamp").map(str::to_owned);
            }
        } else if rest.as_object().is_some_and(|rest| !rest.is_empty()) && self.shape.is_none() {
            self.numbered = self.numbered.saturating_add(1);
            self.skip("it is of no known shape".to_owned());
        }
        _ = self.used.take_wrong();
        Ok(())
    }
}
