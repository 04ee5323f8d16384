//! OCSF 1.6.0, one JSON object a line: findings as Data Security Finding (2006), attack paths
//! as Detection Finding (2004) with `finding_info.attack_graph`.
//!
//! Facts: the Open Cybersecurity Schema Framework, `events/findings/data_security_finding.json`,
//! `events/findings/detection_finding.json`, `objects/finding_info.json`, `objects/graph.json`,
//! `objects/node.json` and `objects/edge.json`, <https://github.com/ocsf/ocsf-schema>.

use std::collections::BTreeMap;
use std::io::Write;

use serde_json::{Map, Value, json};

use super::{Exported, FINDINGS, PATHS, Source, rows};
use crate::finding::{Confidence, Severity, Timestamp};
use crate::fleet::query::{QueryError, Row};
use crate::output::{json as safe, ocsf};

/// Detection Finding.
const PATH_CLASS: i64 = 2004;

pub(super) fn write(source: &Source<'_>, out: &mut dyn Write, done: &mut Exported) -> Result<(), QueryError> {
    let mut out = out;
    done.findings = rows(source, FINDINGS, &mut |row| {
        safe::write(&mut out, &finding(row))?;
        Ok(out.write_all(b"\n")?)
    })?;
    // The rows of one path stand together.
    let mut path: Option<Path> = None;
    let mut paths = 0;
    rows(source, PATHS, &mut |row| {
        if path.as_ref().is_none_or(|path| path.id != row.text("path_id")) {
            if let Some(path) = path.take() {
                safe::write(&mut out, &path.event())?;
                out.write_all(b"\n")?;
            }
            paths += 1;
            path = Some(Path::new(row));
        }
        if let Some(path) = &mut path {
            path.edge(row);
        }
        Ok(())
    })?;
    if let Some(path) = path {
        safe::write(&mut out, &path.event())?;
        out.write_all(b"\n")?;
    }
    done.paths = paths;
    Ok(())
}

/// `profiles`: those whose attributes the event has.
fn metadata(profiles: &[&str]) -> Value {
    json!({
        "version": ocsf::VERSION,
        "log_name": "snapsift",
        "profiles": profiles,
        "product": { "name": "snapsift", "vendor_name": "snapsift", "version": env!("CARGO_PKG_VERSION") },
    })
}

/// `risk_level_id` and its name.
fn risk(level: &str) -> Option<(i64, &'static str)> {
    match level {
        "critical" => Some((4, "Critical")),
        "high" => Some((3, "High")),
        "medium" => Some((2, "Medium")),
        "low" => Some((1, "Low")),
        _ => None,
    }
}

fn put_status(event: &mut Map<String, Value>, reason: &str) {
    let (id, name) = if reason.is_empty() { (1, "New") } else { (3, "Suppressed") };
    event.insert("status_id".into(), json!(id));
    event.insert("status".into(), json!(name));
    if !reason.is_empty() {
        event.insert("status_detail".into(), json!(reason));
        event.insert("comment".into(), json!(reason));
    }
}

fn milliseconds(text: &str) -> Option<i64> {
    Timestamp::parse(text).map(Timestamp::unix_milliseconds)
}

/// Those of the fields that have something.
fn some(fields: &[(&str, Option<Value>)]) -> Map<String, Value> {
    let there = fields.iter().filter_map(|(name, value)| Some(((*name).to_owned(), value.clone()?)));
    there.collect()
}

fn text(row: &Row<'_>, name: &str) -> Option<Value> {
    let text = row.text(name);
    (!text.is_empty()).then(|| json!(text))
}

fn finding(row: &Row<'_>) -> Value {
    let time = row.number("scanned_ms").unwrap_or(0);
    let first = milliseconds(row.text("first_seen"));
    // What an earlier scan had is an event that goes on.
    let (activity, activity_name) =
        if first.is_some_and(|first| first < time) { (2, "Update") } else { (1, "Create") };
    let read =
        |name: &str| serde_json::from_value::<Severity>(json!(row.text(name))).unwrap_or(Severity::Info);
    let (severity, severity_name) = ocsf::severity(read("severity"));
    let sure = serde_json::from_value::<Confidence>(json!(row.text("confidence"))).unwrap_or(Confidence::Low);
    let (confidence, confidence_name) = ocsf::confidence(sure);
    let title = format!("{} in {}", row.text("secret_type"), row.text("path"));
    let exempt = row.text("exempt_reason");
    let mut event = some(&[
        ("activity_id", Some(json!(activity))),
        ("activity_name", Some(json!(activity_name))),
        ("category_uid", Some(json!(2))),
        ("category_name", Some(json!("Findings"))),
        ("class_uid", Some(json!(ocsf::CLASS))),
        ("class_name", Some(json!("Data Security Finding"))),
        ("type_uid", Some(json!(ocsf::CLASS * 100 + activity))),
        ("type_name", Some(json!(format!("Data Security Finding: {activity_name}")))),
        ("time", Some(json!(time))),
        ("severity_id", Some(json!(severity))),
        ("severity", Some(json!(severity_name))),
        ("confidence_id", Some(json!(confidence))),
        ("confidence", Some(json!(confidence_name))),
        ("is_alert", Some(json!(severity >= 3 && exempt.is_empty()))),
        ("message", Some(json!(title))),
        ("metadata", Some(metadata(if cloud(row).is_some() { &["cloud"] } else { &[] }))),
        ("cloud", cloud(row)),
        ("data_security", Some(ocsf::data_security(row.text("rule")))),
        ("file", Some(file(row))),
        ("resources", Some(resources(row))),
        ("risk_details", text(row, "why")),
    ]);
    if let Some((id, name)) = risk(row.text("risk")) {
        event.insert("risk_level_id".into(), json!(id));
        event.insert("risk_level".into(), json!(name));
    }
    put_status(&mut event, exempt);
    event.insert("finding_info".into(), finding_info(row, &title, first, time));
    event.insert("unmapped".into(), unmapped(row));
    Value::Object(event)
}

fn finding_info(row: &Row<'_>, title: &str, first: Option<i64>, time: i64) -> Value {
    Value::Object(some(&[
        // One secret at one place of two machines is two findings.
        (
            "uid",
            Some(json!(format!("{}-{}", row.text("finding_id"), super::short_digest(row.text("machine"))))),
        ),
        ("uid_alt", Some(json!(row.text("finding_id")))),
        ("title", Some(json!(title))),
        ("desc", text(row, "remedy")),
        ("types", Some(json!([row.text("secret_type")]))),
        ("first_seen_time", first.map(|first| json!(first))),
        ("created_time", first.map(|first| json!(first))),
        ("last_seen_time", Some(json!(time))),
        (
            "analytic",
            Some(json!({ "name": row.text("rule"), "uid": row.text("rule"), "type_id": 1, "type": "Rule" })),
        ),
        ("data_sources", Some(json!(["disk snapshot"]))),
    ]))
}

/// What the class has no attribute for.
fn unmapped(row: &Row<'_>) -> Value {
    Value::Object(some(&[
        ("secret_fingerprint", text(row, "secret")),
        ("secret_preview", text(row, "preview")),
        ("key_fingerprint", text(row, "key_fingerprint")),
        ("line", row.number("line").map(|line| json!(line))),
        ("mode", text(row, "mode")),
        ("expires", text(row, "expires")),
        ("target_exists", text(row, "target_exists")),
        ("opens_machines", row.number("opens_machines").map(|number| json!(number))),
        ("attack_paths", row.number("attack_paths").map(|number| json!(number))),
        ("recommendation", text(row, "title")),
        ("owner", text(row, "owner")),
        ("due", text(row, "due")),
        ("task_status", text(row, "status")),
        ("exemption", text(row, "exemption")),
        ("exempt_category", text(row, "exempt_category")),
        ("remediation", text(row, "remedy")),
    ]))
}

fn file(row: &Row<'_>) -> Value {
    let path = row.text("path");
    let name = path.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or(path);
    let time = |name: &str| milliseconds(row.text(name)).map(|time| json!(time));
    Value::Object(some(&[
        ("name", Some(json!(name))),
        ("path", Some(json!(path))),
        ("type_id", Some(json!(1))),
        ("type", Some(json!("Regular File"))),
        ("is_deleted", row.is("deleted").then_some(Value::Bool(true))),
        ("accessed_time", time("last_read")),
        ("modified_time", time("written")),
        ("owner", text(row, "file_owner").map(|name| json!({ "name": name }))),
    ]))
}

/// Where the machine runs, of the profile «cloud»: of no cloud there is nothing to say.
fn cloud(row: &Row<'_>) -> Option<Value> {
    let provider = match row.text("provider") {
        "aws" => "AWS",
        "azure" => "Azure",
        "gcp" => "GCP",
        _ => return None,
    };
    let account = text(row, "account").map(|uid| json!({ "uid": uid }));
    let facts = [("provider", Some(json!(provider))), ("region", text(row, "region")), ("account", account)];
    Some(Value::Object(some(&facts)))
}

/// The machine, and what the secret opens.
fn resources(row: &Row<'_>) -> Value {
    let machine = some(&[
        (
            "uid",
            Some(json!(if row.text("asset_id").is_empty() {
                row.text("machine")
            } else {
                row.text("asset_id")
            })),
        ),
        ("name", Some(json!(row.text("hostname")))),
        ("type", Some(json!("machine"))),
        ("region", text(row, "region").filter(|_| cloud(row).is_some())),
    ]);
    let target = text(row, "target")
        .map(|target| json!({ "uid": target, "name": target, "type": row.text("target_kind") }));
    std::iter::once(Value::Object(machine)).chain(target).collect()
}

/// An attack path, while its edges come.
struct Path {
    id: String,
    event: Map<String, Value>,
    info: Map<String, Value>,
    nodes: BTreeMap<String, Value>,
    edges: Vec<Value>,
}

impl Path {
    fn new(row: &Row<'_>) -> Self {
        let (id, title, level) = (row.text("path_id"), row.text("title"), row.text("level"));
        let severity = if level == "critical" { Severity::Critical } else { Severity::High };
        let (severity, severity_name) = ocsf::severity(severity);
        let time = row.number("scanned_ms").unwrap_or(0);
        let remedy = format!(
            "Take the {} with the fingerprint {} off the machines where it lies, and replace it.",
            row.text("secret_type"),
            row.text("by_secret")
        );
        let machine = json!({
            "uid": row.text("entry"), "name": row.text("entry_hostname"), "type": "machine", "role_id": 3,
            "role": "Affected",
        });
        let target = text(row, "target").map(|target| {
            json!({ "uid": target, "name": row.text("target_name"), "type": row.text("target_kind"), "role_id": 1,
                "role": "Target" })
        });
        let resources: Value = std::iter::once(machine).chain(target).collect();
        let mut event = some(&[
            ("activity_id", Some(json!(1))),
            ("activity_name", Some(json!("Create"))),
            ("category_uid", Some(json!(2))),
            ("category_name", Some(json!("Findings"))),
            ("class_uid", Some(json!(PATH_CLASS))),
            ("class_name", Some(json!("Detection Finding"))),
            ("type_uid", Some(json!(PATH_CLASS * 100 + 1))),
            ("type_name", Some(json!("Detection Finding: Create"))),
            ("time", Some(json!(time))),
            ("severity_id", Some(json!(severity))),
            ("severity", Some(json!(severity_name))),
            ("is_alert", Some(json!(row.text("exempt_reason").is_empty()))),
            ("message", Some(json!(title))),
            ("metadata", Some(metadata(&[]))),
            ("remediation", Some(json!({ "desc": remedy }))),
            ("resources", Some(resources)),
            (
                "unmapped",
                Some(json!({
                    "entries": row.number("entries"), "targets": row.number("targets"), "hops": row.number("hops"),
                    "needs_root": row.is("needs_root"), "by_secret": row.text("by_secret"),
                })),
            ),
        ]);
        if let Some((id, name)) = risk(level) {
            event.insert("risk_level_id".into(), json!(id));
            event.insert("risk_level".into(), json!(name));
        }
        put_status(&mut event, row.text("exempt_reason"));
        let rule = row.text("rule");
        let info = some(&[
            ("uid", Some(json!(id))),
            ("title", Some(json!(title))),
            ("types", Some(json!(["Attack path"]))),
            ("created_time", Some(json!(time))),
            ("last_seen_time", Some(json!(time))),
            ("analytic", Some(json!({ "name": rule, "uid": rule, "type_id": 1, "type": "Rule" }))),
        ]);
        Self { id: id.to_owned(), event, info, nodes: BTreeMap::new(), edges: Vec::new() }
    }

    fn edge(&mut self, row: &Row<'_>) {
        let (from, to) = (row.text("from_id"), row.text("to_id"));
        if from.is_empty() || to.is_empty() {
            return;
        }
        for (id, name, kind) in [(from, "from_name", "from_kind"), (to, "to_name", "to_kind")] {
            self.nodes
                .entry(id.to_owned())
                .or_insert_with(|| json!({ "uid": id, "name": row.text(name), "type": row.text(kind) }));
        }
        self.edges.push(json!({
            "uid": row.text("edge_id"), "source": from, "target": to, "relation": row.text("kind"),
            "name": row.text("kind"), "is_directed": true,
        }));
    }

    fn event(mut self) -> Value {
        if !self.edges.is_empty() {
            let nodes: Vec<Value> = self.nodes.into_values().collect();
            let graph = json!({
                "uid": self.id, "name": "attack path", "is_directed": true, "nodes": nodes, "edges": self.edges,
            });
            self.info.insert("attack_graph".into(), graph);
        }
        self.event.insert("finding_info".into(), Value::Object(self.info));
        Value::Object(self.event)
    }
}
