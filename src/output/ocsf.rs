//! OCSF: each finding as a Data Security Finding (class 2006) of version 1.6.0,
//! one JSON object a line.
//!
//! Facts: the Open Cybersecurity Schema Framework, `events/findings` and `objects`.
//! The class has no place for what to do: it is in `finding_info.desc`, and what
//! else the schema has no attribute for in `unmapped`. `pattern_match` is never
//! filled: it would be the secret.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::{RecordSink, json};
use crate::finding::{
    BaselineState, Confidence, FileFacts, Finding, Record, ScanRecord, Severity, Timestamp,
};

/// The version of the schema.
pub(crate) const VERSION: &str = "1.6.0";
/// Data Security Finding, in the category Findings.
pub(crate) const CLASS: i64 = 2006;

/// Writes each finding as one event; flushed at the summary.
#[derive(Debug)]
pub struct Ocsf<W> {
    writer: W,
    scan: Option<ScanRecord>,
}

impl<W: Write> Ocsf<W> {
    /// Writes into `writer`; give it a buffered one.
    pub fn new(writer: W) -> Self {
        Self { writer, scan: None }
    }
}

impl<W: Write> RecordSink for Ocsf<W> {
    fn record(&mut self, record: &Record) -> io::Result<()> {
        match record {
            Record::Scan(scan) => self.scan = Some(scan.clone()),
            Record::Finding(finding) => {
                json::write(&mut self.writer, &event(finding, self.scan.as_ref()))?;
                self.writer.write_all(b"\n")?;
            }
            Record::Key(_) | Record::Machine(_) | Record::Problem(_) => {}
            Record::Summary(_) => self.writer.flush()?,
        }
        Ok(())
    }
}

fn event(finding: &Finding, scan: Option<&ScanRecord>) -> Value {
    let now = scan.map_or(0, |scan| scan.started_at.unix_milliseconds());
    // What an earlier scan had is an event that goes on.
    let (activity, activity_name) = match finding.baseline {
        Some(BaselineState::Unchanged) => (2, "Update"),
        Some(BaselineState::New) | None => (1, "Create"),
    };
    let (severity, severity_name) = severity(finding.severity);
    let (confidence, confidence_name) = confidence(finding.confidence);
    let (status, status_name) = if finding.ignored.is_some() { (3, "Suppressed") } else { (1, "New") };
    let mut event = object(json!({
        "activity_id": activity,
        "activity_name": activity_name,
        "category_uid": 2,
        "category_name": "Findings",
        "class_uid": CLASS,
        "class_name": "Data Security Finding",
        "type_uid": CLASS * 100 + activity,
        "type_name": format!("Data Security Finding: {activity_name}"),
        "time": now,
        "severity_id": severity,
        "severity": severity_name,
        "confidence_id": confidence,
        "confidence": confidence_name,
        "status_id": status,
        "status": status_name,
        "is_alert": finding.severity >= Severity::Medium && finding.ignored.is_none(),
        "message": title(finding),
        "metadata": metadata(scan),
        "finding_info": finding_info(finding, now),
        "data_security": data_security(&finding.rule_id),
        "file": file(finding),
        "resources": resources(finding),
        "unmapped": unmapped(finding),
    }));
    if let Some(ignored) = &finding.ignored {
        event.insert("comment".into(), json!(ignored.reason));
        event.insert("status_detail".into(), json!(ignored.reason));
    }
    Value::Object(event)
}

/// `severity_id` and its name.
pub(crate) fn severity(severity: Severity) -> (i64, &'static str) {
    match severity {
        Severity::Info => (1, "Informational"),
        Severity::Low => (2, "Low"),
        Severity::Medium => (3, "Medium"),
        Severity::High => (4, "High"),
        Severity::Critical => (5, "Critical"),
    }
}

/// `confidence_id` and its name.
pub(crate) fn confidence(confidence: Confidence) -> (i64, &'static str) {
    match confidence {
        Confidence::Low => (1, "Low"),
        Confidence::Medium => (2, "Medium"),
        Confidence::High => (3, "High"),
    }
}

/// The object `data_security`; its `pattern_match` would be the secret.
pub(crate) fn data_security(rule: &str) -> Value {
    json!({
        "detection_pattern": rule,
        "detection_system_id": 4,
        "detection_system": "Data Discovery & Classification",
        "data_lifecycle_state_id": 1,
        "data_lifecycle_state": "Data at-Rest",
        "category_id": 6,
        "category": "Security",
    })
}

fn title(finding: &Finding) -> String {
    format!("{} in {}", finding.secret_type, finding.location.whole_path())
}

fn metadata(scan: Option<&ScanRecord>) -> Value {
    let mut product = object(json!({ "name": "snapsift", "vendor_name": "snapsift" }));
    let mut metadata = object(json!({ "version": VERSION, "log_name": "snapsift", "profiles": [] }));
    if let Some(scan) = scan {
        product.insert("version".into(), json!(scan.engine_version));
        metadata.insert("correlation_uid".into(), json!(scan.scan_id));
    }
    metadata.insert("product".into(), Value::Object(product));
    Value::Object(metadata)
}

fn finding_info(finding: &Finding, now: i64) -> Value {
    json!({
        "uid": finding.id,
        // The same while lines move: what to join scans by.
        "uid_alt": finding.identity(),
        "title": title(finding),
        "desc": finding.remediation,
        "types": [finding.secret_type],
        "created_time": now,
        "last_seen_time": now,
        "analytic": { "name": finding.rule_id, "uid": finding.rule_id, "type_id": 1, "type": "Rule" },
        "data_sources": ["disk snapshot"],
    })
}

fn file(finding: &Finding) -> Value {
    let path = &finding.location.path;
    let name = path.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or(path);
    let mut file = object(json!({ "name": name, "path": path, "type_id": 1, "type": "Regular File" }));
    if finding.location.deleted {
        file.insert("is_deleted".into(), json!(true));
    }
    let Some(facts) = &finding.file else { return Value::Object(file) };
    file.insert("size".into(), json!(facts.size));
    file.insert("uid".into(), json!(facts.inode.to_string()));
    file.insert("owner".into(), owner(facts));
    let times =
        [("accessed_time", facts.atime), ("modified_time", facts.mtime), ("created_time", facts.btime)];
    for (name, time) in times {
        if let Some(time) = time {
            file.insert(name.into(), json!(time.unix_milliseconds()));
        }
    }
    Value::Object(file)
}

fn owner(facts: &FileFacts) -> Value {
    let mut user = object(json!({ "uid": facts.uid.to_string() }));
    if let Some(name) = &facts.owner {
        user.insert("name".into(), json!(name));
    }
    Value::Object(user)
}

/// The machine's disk, and what the secret opens.
fn resources(finding: &Finding) -> Value {
    let disk = finding.location.provenance.first();
    let disk = disk.map(|step| json!({ "uid": step.name, "name": step.name, "type": "disk snapshot" }));
    let target = finding.target.as_ref();
    let target = target.map(|target| json!({ "uid": target.id, "name": target.id, "type": target.kind }));
    disk.into_iter().chain(target).collect()
}

fn unmapped(finding: &Finding) -> Value {
    let mut value = serde_json::to_value(finding).map(object).unwrap_or_default();
    for mapped in ["id", "rule_id", "severity", "confidence", "remediation", "file", "secret_type"] {
        value.remove(mapped);
    }
    let time = |time: Option<Timestamp>| time.map(|time| json!(time.to_string()));
    if let Some(facts) = &finding.file {
        let mut rest = object(json!({ "mode": facts.mode, "gid": facts.gid, "links": facts.links }));
        if let Some(group) = &facts.group {
            rest.insert("group".into(), json!(group));
        }
        if let Some(changed) = time(facts.ctime) {
            rest.insert("ctime".into(), changed);
        }
        value.insert("file".into(), Value::Object(rest));
    }
    value.insert("remediation".into(), json!(finding.remediation));
    Value::Object(value)
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests;
