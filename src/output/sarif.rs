//! SARIF 2.1.0: one run, for code scanning.
//!
//! Facts: SARIF Version 2.1.0, OASIS Standard with errata 01, and what GitHub's
//! code scanning reads of it (`security-severity`, `precision`, `tags`,
//! `partialFingerprints.primaryLocationLineHash`).
//!
//! Written as the records come: the rules with the header, then each finding as a
//! result, then each problem as a notification, and what only the summary knows at
//! the end, since the order of properties has no meaning. So memory does not grow
//! with the findings; a file without its end is no JSON, and so never looks whole.
//!
//! There is no snippet: a result says where a secret stands and never what it is,
//! unless `--reveal` put it into the record.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::Path;

use serde_json::{Map, Value, json};

use super::escape::visible;
use super::{RecordSink, json};
use crate::finding::{
    BaselineState, Confidence, Finding, IgnoreEntry, ProblemRecord, ProvenanceStep, Record, ScanRecord,
    Severity, SummaryRecord,
};
use crate::rules::{Rule, RuleSet};

pub(crate) const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// Writes a scan as one SARIF run, whole when the summary has come.
#[derive(Debug)]
pub struct Sarif<W> {
    writer: W,
    rules: RuleSet,
    /// Rule id → index in `rules`.
    index: HashMap<String, usize>,
    started_at: Option<crate::finding::Timestamp>,
    /// The first steps of provenance, in the order in which they were met.
    targets: Vec<ProvenanceStep>,
    /// How often each identity has come in the file at hand.
    seen: HashMap<String, u64>,
    path: String,
    part: Part,
    /// Whether the list that is open has an element.
    listed: bool,
}

/// What has been written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Nothing,
    Results,
    Notifications,
}

impl<W: Write> Sarif<W> {
    /// Writes into `writer`; give it a buffered one. `rules` are those of the scan.
    pub fn new(writer: W, rules: &RuleSet) -> Self {
        let index = rules.rules().iter().enumerate().map(|(at, rule)| (rule.id.clone(), at)).collect();
        Self {
            writer,
            rules: rules.clone(),
            index,
            started_at: None,
            targets: Vec::new(),
            seen: HashMap::new(),
            path: String::new(),
            part: Part::Nothing,
            listed: false,
        }
    }

    fn begin(&mut self, scan: &ScanRecord) -> io::Result<()> {
        self.started_at = Some(scan.started_at);
        write!(
            self.writer,
            "{{\"$schema\":\"{SCHEMA}\",\"version\":\"2.1.0\",\"runs\":[{{\"tool\":{{\"driver\":"
        )?;
        let rules: Vec<Value> = self.rules.rules().iter().map(descriptor).collect();
        let driver = json!({
            "name": "snapsift",
            "semanticVersion": scan.engine_version,
            "version": scan.engine_version,
            "rules": rules,
            "properties": { "rules_blake3": scan.rules_blake3 },
        });
        json::write(&mut self.writer, &driver)?;
        self.writer.write_all(b"},\"automationDetails\":")?;
        // Up to the last slash it is what code scanning tells analyses apart by.
        let id = format!("snapsift/{}/", visible(&scan.targets.join(",")));
        json::write(&mut self.writer, &json!({ "id": id }))?;
        self.writer.write_all(b",\"properties\":")?;
        let properties = json!({
            "scan_id": scan.scan_id,
            "targets": scan.targets,
            "fingerprints_keyed": scan.fingerprints_keyed,
        });
        json::write(&mut self.writer, &properties)?;
        self.writer.write_all(b",\"results\":[")?;
        self.part = Part::Results;
        Ok(())
    }

    fn element(&mut self, value: &Value) -> io::Result<()> {
        if std::mem::replace(&mut self.listed, true) {
            self.writer.write_all(b",")?;
        }
        self.writer.write_all(b"\n")?;
        json::write(&mut self.writer, value)
    }

    fn result(&mut self, finding: &Finding) -> io::Result<()> {
        // Findings come in the order of their paths.
        if finding.location.path != self.path {
            self.path.clone_from(&finding.location.path);
            self.seen.clear();
        }
        let identity = finding.identity();
        let number = self.seen.entry(identity.clone()).or_insert(0);
        *number += 1;
        let line_hash = format!("{identity}:{number}");
        let location = &finding.location;
        let artifact = self.artifact(&location.provenance, &location.path, location.path_hex.as_deref());
        let mut place = json!({
            "physicalLocation": {
                "artifactLocation": artifact,
                "region": {
                    "startLine": location.line,
                    "startColumn": location.column,
                    "byteOffset": location.offset,
                },
            },
        });
        // How long it is before an encoding is undone is not known.
        if location.encodings.is_empty()
            && let Some(region) = place.pointer_mut("/physicalLocation/region")
        {
            put(region, "byteLength", json!(finding.secret.length));
        }
        if location.provenance.len() > 1 {
            let inner: Vec<&str> =
                location.provenance.iter().skip(1).map(|step| step.name.as_str()).collect();
            put(
                &mut place,
                "logicalLocations",
                json!([{ "fullyQualifiedName": visible(&inner.join("!/")) }]),
            );
        }
        let suppressions: Vec<Value> = finding
            .ignored
            .iter()
            .map(|ignored| {
                json!({
                    "kind": "external",
                    "status": "accepted",
                    "justification": ignored.reason,
                    "properties": ignored,
                })
            })
            .collect();
        let mut result = json!({
            "ruleId": finding.rule_id,
            "level": level(finding.severity),
            "message": { "text": message(finding) },
            "locations": [place],
            "partialFingerprints": {
                "primaryLocationLineHash": line_hash,
                "snapsiftSecret/v1": finding.secret.fingerprint,
            },
            "suppressions": suppressions,
            "properties": properties(finding),
        });
        if let Some(at) = self.index.get(&finding.rule_id) {
            put(&mut result, "ruleIndex", json!(at));
        }
        if let Some(state) = finding.baseline {
            let state = if state == BaselineState::New { "new" } else { "unchanged" };
            put(&mut result, "baselineState", json!(state));
        }
        self.element(&result)
    }

    /// The results are complete: what follows belongs to the invocation.
    fn open_notifications(&mut self) -> io::Result<()> {
        if self.part == Part::Results {
            self.part = Part::Notifications;
            self.listed = false;
            self.writer.write_all(b"],\"invocations\":[{\"toolExecutionNotifications\":[")?;
        }
        Ok(())
    }

    fn problem(&mut self, problem: &ProblemRecord) -> io::Result<()> {
        self.open_notifications()?;
        let artifact = self.artifact(&problem.provenance, &problem.path, problem.path_hex.as_deref());
        let level = if problem.reason.is_failure() { "error" } else { "warning" };
        let text = format!("{}: {}", problem.reason.as_str(), plain(&problem.message));
        let mut place = json!({ "artifactLocation": artifact });
        if let Some(offset) = problem.offset {
            put(&mut place, "region", json!({ "byteOffset": offset, "byteLength": 0 }));
        }
        self.element(&json!({
            "level": level,
            "message": { "text": text },
            "locations": [{ "physicalLocation": place }],
        }))
    }

    fn finish(&mut self, summary: &SummaryRecord) -> io::Result<()> {
        self.open_notifications()?;
        for database in &summary.marks.package_databases {
            if let Some(error) = &database.error {
                let text = format!(
                    "the {} database {} was not read: {}",
                    plain(&database.manager),
                    plain(&database.path),
                    plain(error)
                );
                self.element(&json!({ "level": "note", "message": { "text": text } }))?;
            }
        }
        self.writer.write_all(b"],\"toolConfigurationNotifications\":")?;
        let entries: Vec<Value> = summary.marks.ignore.iter().flat_map(|ignore| {
            let note = |what: &str, entry: &IgnoreEntry| json!({ "level": "note", "message": { "text": told(what, entry) } });
            let unused = ignore.unused.iter().map(move |entry| note("names no finding", entry));
            unused.chain(ignore.expired.iter().map(move |entry| note("has expired", entry))).collect::<Vec<_>>()
        }).collect();
        json::write(&mut self.writer, &entries)?;
        let started = self.started_at.unwrap_or(summary.finished_at);
        write!(
            self.writer,
            ",\"startTimeUtc\":\"{started}\",\"endTimeUtc\":\"{}\",\"executionSuccessful\":{},\"properties\":",
            summary.finished_at, summary.complete
        )?;
        json::write(&mut self.writer, summary)?;
        self.writer.write_all(b"}],\"originalUriBaseIds\":")?;
        let bases: Map<String, Value> =
            self.targets.iter().enumerate().map(|(at, step)| (base_id(at), base(step))).collect();
        json::write(&mut self.writer, &bases)?;
        self.writer.write_all(b"}]}\n")?;
        self.writer.flush()
    }

    /// The path relative to its target, and which target that is.
    fn artifact(&mut self, provenance: &[ProvenanceStep], path: &str, hex: Option<&str>) -> Value {
        let bytes = hex
            .and_then(|hex| crate::formats::hex::decode(hex.as_bytes()))
            .unwrap_or_else(|| path.as_bytes().to_vec());
        let relative = bytes.strip_prefix(b"/").unwrap_or(&bytes);
        let mut artifact = json!({ "uri": encode(relative) });
        if let Some(step) = provenance.first() {
            let at = self.targets.iter().position(|known| known == step).unwrap_or_else(|| {
                self.targets.push(step.clone());
                self.targets.len() - 1
            });
            put(&mut artifact, "uriBaseId", base_id(at).into());
        }
        artifact
    }
}

impl<W: Write> RecordSink for Sarif<W> {
    fn record(&mut self, record: &Record) -> io::Result<()> {
        match record {
            Record::Scan(scan) => self.begin(scan),
            Record::Finding(finding) => self.result(finding),
            Record::Key(_) | Record::Machine(_) => Ok(()),
            Record::Problem(problem) => self.problem(problem),
            Record::Summary(summary) => self.finish(summary),
        }
    }
}

fn put(object: &mut Value, name: &str, value: Value) {
    if let Some(object) = object.as_object_mut() {
        object.insert(name.to_owned(), value);
    }
}

fn base_id(at: usize) -> String {
    if at == 0 { "TARGET".into() } else { format!("TARGET{}", at + 1) }
}

/// The directory that paths are relative to, as a URI with a final slash.
fn base(step: &ProvenanceStep) -> Value {
    let name = Path::new(&step.name);
    let absolute = std::path::absolute(name).unwrap_or_else(|_| name.to_owned());
    let directory = if step.kind == "file" { absolute.parent().unwrap_or(&absolute) } else { &absolute };
    let path = encode(directory.as_os_str().as_encoded_bytes());
    json!({ "uri": format!("file://{}/", path.trim_end_matches('/')) })
}

/// Percent-encodes all but the unreserved characters (RFC 3986 section 2.3) and `/`.
pub(crate) fn encode(path: &[u8]) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(byte) {
            out.push(char::from(*byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// Text from a disk for a message, where brackets make links and braces
/// placeholders (SARIF 3.11).
pub(crate) fn plain(text: &str) -> String {
    visible(text).replace(['[', ']', '{', '}'], ".")
}

fn message(finding: &Finding) -> String {
    let mut text = format!("{} {}", plain(&finding.secret_type), plain(&finding.secret.preview));
    if let Some(target) = &finding.target {
        let _ = write!(text, ", opens {}", plain(&target.id));
    }
    if finding.validity.as_ref().is_some_and(|validity| validity.expired == Some(true)) {
        text.push_str(", expired");
    }
    if let Some(known) = &finding.known {
        let _ = write!(text, ", published: {}", plain(known));
    }
    if let Some(vendor) = finding.vendor.as_ref().filter(|vendor| vendor.verified) {
        let _ = write!(text, ", shipped with the package {}", plain(&vendor.package));
    }
    text.push_str(". ");
    text.push_str(&plain(&finding.remediation));
    text
}

/// The finding without what the result says elsewhere.
fn properties(finding: &Finding) -> Value {
    let mut value = serde_json::to_value(finding).unwrap_or_default();
    if let Some(object) = value.as_object_mut() {
        for elsewhere in ["rule_id", "location", "remediation", "ignored", "baseline"] {
            object.remove(elsewhere);
        }
    }
    value
}

fn told(what: &str, entry: &IgnoreEntry) -> String {
    let names = [("fingerprint", &entry.fingerprint), ("rule", &entry.rule), ("path", &entry.path)];
    let named: Vec<String> = names
        .iter()
        .filter_map(|(name, value)| Some(format!("{name} {}", plain(value.as_deref()?))))
        .collect();
    format!("line {} of the ignore file {what}: {}", entry.line, named.join(", "))
}

pub(crate) fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Info => "note",
    }
}

/// Above 9.0 is critical, from 7.0 high, from 4.0 medium, below low.
pub(crate) fn security_severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.5",
        Severity::Low => "3.0",
        Severity::Info => "1.0",
    }
}

fn descriptor(rule: &Rule) -> Value {
    let precision = match rule.confidence {
        Confidence::High => "very-high",
        Confidence::Medium => "high",
        Confidence::Low => "medium",
    };
    let (about, fix) = (rule.description.trim(), rule.remediation.trim());
    let mut markdown = format!("{about}\n\n**What to do:** {fix}\n");
    if !rule.references.is_empty() {
        markdown.push_str("\n**References:**\n\n");
        markdown.extend(rule.references.iter().map(|reference| format!("- <{reference}>\n")));
    }
    let mut value = json!({
        "id": rule.id,
        "name": pascal_case(&rule.id),
        "shortDescription": { "text": if rule.name.is_empty() { &rule.secret_type } else { &rule.name } },
        "fullDescription": { "text": if about.is_empty() { &rule.secret_type } else { about } },
        "help": { "text": format!("{about} {fix}"), "markdown": markdown },
        "defaultConfiguration": { "level": level(rule.severity) },
        "properties": {
            "tags": ["security", "secret", rule.category, rule.provider, "external/cwe/cwe-798"],
            "precision": precision,
            "problem.severity": match level(rule.severity) { "note" => "recommendation", other => other },
            "security-severity": security_severity(rule.severity),
            "secret_type": rule.secret_type,
        },
    });
    if let Some(reference) = rule.references.iter().find(|reference| reference.starts_with("https://")) {
        put(&mut value, "helpUri", json!(reference));
    }
    value
}

/// `aws-access-key` → `AwsAccessKey`.
pub(crate) fn pascal_case(id: &str) -> String {
    id.split('-')
        .flat_map(|word| {
            let mut letters = word.chars();
            letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters)
        })
        .collect()
}

#[cfg(test)]
mod tests;
