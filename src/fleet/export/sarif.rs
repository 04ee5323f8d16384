//! SARIF 2.1.0 for code scanning: a file of one run for each machine.
//!
//! Facts: as `output::sarif`, and GitHub's limits: 25,000 results in a run
//! (<https://docs.github.com/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning>);
//! a machine with more has several files. The store keeps no columns and no offsets, so a
//! region is a line.

use std::collections::BTreeMap;
use std::io::Write;

use serde_json::{Value, json};

use super::{Exported, FINDINGS, Files, Source, part, rows, short_digest};
use crate::finding::Severity;
use crate::fleet::query::{QueryError, Row};
use crate::output::escape::visible;
use crate::output::json as safe;
use crate::output::sarif::{SCHEMA, encode, level, pascal_case, plain, security_severity};

/// The most results of a file.
const MOST: usize = 25_000;

/// The results of one file.
#[derive(Default)]
struct Run {
    machine: String,
    hostname: String,
    number: usize,
    rules: BTreeMap<String, Value>,
    results: Vec<Value>,
}

pub(super) fn write(
    source: &Source<'_>,
    files: &mut dyn Files,
    done: &mut Exported,
) -> Result<(), QueryError> {
    let mut run = Run::default();
    done.files = 0;
    done.findings = rows(source, FINDINGS, &mut |row| {
        let other = run.machine != row.text("machine");
        if other || run.results.len() >= MOST {
            run.flush(files, done)?;
            run.number = if other { 1 } else { run.number + 1 };
            row.text("machine").clone_into(&mut run.machine);
            row.text("hostname").clone_into(&mut run.hostname);
        }
        run.add(row);
        Ok(())
    })?;
    run.flush(files, done)
}

impl Run {
    fn add(&mut self, row: &Row<'_>) {
        let rule = row.text("rule");
        if !self.rules.contains_key(rule) {
            self.rules.insert(rule.to_owned(), descriptor(row));
        }
        self.results.push(result(row));
    }

    /// Writes what there is, if anything.
    fn flush(&mut self, files: &mut dyn Files, done: &mut Exported) -> Result<(), QueryError> {
        if self.results.is_empty() {
            return Ok(());
        }
        let safe_name: String = self
            .hostname
            .chars()
            .take(80)
            .map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' })
            .collect();
        let part_name = if self.number > 1 { format!("-{}", self.number) } else { String::new() };
        let name = format!("{safe_name}-{}{part_name}.sarif", short_digest(&self.machine));
        files.file(&name, &mut |out| self.write(out))?;
        done.files += 1;
        self.results.clear();
        self.rules.clear();
        Ok(())
    }

    fn write(&self, out: &mut dyn Write) -> Result<(), QueryError> {
        let mut out = out;
        let rules: Vec<&Value> = self.rules.values().collect();
        let version = env!("CARGO_PKG_VERSION");
        let driver =
            json!({ "name": "snapsift", "semanticVersion": version, "version": version, "rules": rules });
        write!(out, "{{\"$schema\":\"{SCHEMA}\",\"version\":\"2.1.0\",\"runs\":[{{\"tool\":{{\"driver\":")?;
        safe::write(&mut out, &driver)?;
        out.write_all(b"},\"automationDetails\":")?;
        // Up to the last slash it is what code scanning tells analyses apart by.
        let id = format!("snapsift/{}/{}/", visible(&self.machine), self.number);
        safe::write(&mut out, &json!({ "id": id }))?;
        out.write_all(b",\"results\":[\n")?;
        let mut first = true;
        for result in &self.results {
            part(out, &mut first)?;
            safe::write(&mut out, result)?;
        }
        out.write_all(b"]}]}\n")?;
        Ok(())
    }
}

fn severity(row: &Row<'_>) -> Severity {
    serde_json::from_value(json!(row.text("severity"))).unwrap_or(Severity::Info)
}

fn descriptor(row: &Row<'_>) -> Value {
    let (rule, kind, remedy) = (row.text("rule"), plain(row.text("secret_type")), plain(row.text("remedy")));
    let severity = severity(row);
    json!({
        "id": rule,
        "name": pascal_case(rule),
        "shortDescription": { "text": kind },
        "fullDescription": { "text": kind },
        "help": { "text": if remedy.is_empty() { &kind } else { &remedy } },
        "defaultConfiguration": { "level": level(severity) },
        "properties": {
            "tags": ["security", "secret", "external/cwe/cwe-798"],
            "security-severity": security_severity(severity),
        },
    })
}

fn result(row: &Row<'_>) -> Value {
    let path = row.text("path");
    let relative = path.strip_prefix('/').unwrap_or(path);
    // Relative and stable: the machine is the first part.
    let uri = format!("{}/{}", encode(row.text("hostname").as_bytes()), encode(relative.as_bytes()));
    let mut text = format!("{} {}", plain(row.text("secret_type")), plain(row.text("preview")));
    if !row.text("target").is_empty() {
        text.push_str(&format!(", opens {}", plain(row.text("target"))));
    }
    text.push_str(&format!(". Risk: {}. {}", row.text("risk"), plain(row.text("remedy"))));
    let reason = row.text("exempt_reason");
    let suppressions = if reason.is_empty() {
        json!([])
    } else {
        json!([{ "kind": "external", "status": "accepted", "justification": reason }])
    };
    json!({
        "ruleId": row.text("rule"),
        "level": level(severity(row)),
        "message": { "text": text },
        "locations": [{ "physicalLocation": {
            "artifactLocation": { "uri": uri },
            "region": { "startLine": row.number("line").unwrap_or(1).max(1) },
        } }],
        "partialFingerprints": {
            "primaryLocationLineHash": format!("{}:1", row.text("finding_id")),
            "snapsiftSecret/v1": row.text("secret"),
        },
        "suppressions": suppressions,
        "properties": {
            "risk": row.text("risk"),
            "why": row.text("why"),
            "owner": row.text("owner"),
            "due": row.text("due"),
            "status": row.text("status"),
            "attack_paths": row.number("attack_paths").unwrap_or(0),
            "first_seen": row.text("first_seen"),
        },
    })
}
