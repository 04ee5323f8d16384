//! Exports, by the rules of those who read them; and what changed between two states.
//!
//! SARIF is held against the official schema, GraphML, CSV and OpenGraph are read by programs
//! of others (`testdata/export_consumers.py`), OCSF is held against its published schema, DefectDojo against its
//! documented rules: required and allowed attributes, and the values of enumerations.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::stream::Scan;
use super::support::json_schema::violations;
use super::support::program::{code, stderr, stdout};
use super::{Fleet, asset, snapsift, write};

/// Of every kind that a format could be confused by: XML, JSON, CSV, terminals, formulas.
const HOSTILE: &str = "/srv/=cmd|'<b>&\"\\,;\x1b[2J\u{202e}\u{ffff}\n]]>.env";

fn fleet() -> Fleet {
    let fleet = Fleet::new();
    fleet.inventory(&(asset("a", "azure", true, true, "low")
        + &asset("b", "azure", false, false, "low")
        + &asset("c", "azure", false, false, "high")
        + "INSERT INTO asset VALUES ('store', 'storage', 'azure', 'x', 'account', 'region', '=store\"<&', '', 'no', '', '',
             'unknown', 'high', 'unknown', '', '', 1, NULL);
           INSERT INTO asset_name VALUES ('store', 'endpoint', 'store.example', 1);"));
    let target =
        json!({"target": {"kind": "k", "id": "store.example", "exists": "unknown", "determined_by": "form"}});
    let accepted = json!({"state": "accepted"});
    let mut a = Scan::new("a1", "a", "2026-01-01T00:00:00Z");
    a.holds("SHA256:K1", "root", false);
    a.finding("S", "a type", HOSTILE, target);
    let mut b = Scan::new("b1", "b", "2026-01-02T00:00:00Z");
    b.accepts("SHA256:K1", "app", &accepted);
    b.accepts("SHA256:K1", "root", &accepted);
    b.holds("SHA256:K2", "app", false);
    let mut c = Scan::new("c1", "c", "2026-01-03T00:00:00Z");
    c.accepts("SHA256:K2", "root", &accepted);
    c.finding("T", "=a 'type'", "/waived", json!({}));
    fleet.add(&[a.text(), b.text(), c.text()]);
    let file = fleet.folder.path().join("g.toml");
    write(
        &file,
        "[[exempt]]\nname = \"w\"\ncategory = \"waiver\"\nreason = \"known\"\nauthor = \"ann\"\npath = \"/waived\"\n",
    );
    let store = fleet.path();
    let output =
        snapsift(&["fleet", "govern", store.to_str().expect("UTF-8"), file.to_str().expect("UTF-8")]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    fleet
}

impl Fleet {
    fn export(&self, format: &str, output: &str) -> std::path::PathBuf {
        let path = self.folder.path().join(output);
        let (store, to) = (self.path(), path.clone());
        let output = snapsift(&[
            "fleet",
            "export",
            store.to_str().expect("UTF-8"),
            "--format",
            format,
            "--output",
            to.to_str().expect("UTF-8"),
        ]);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        path
    }

    fn exported(&self, format: &str) -> String {
        std::fs::read_to_string(self.export(format, &format!("{format}.out"))).expect("a file")
    }

    /// Exit code, changes, and the summary.
    fn diff(&self, more: &[&str]) -> (i32, Vec<Value>, String) {
        let store = self.path();
        let mut arguments = vec!["fleet", "diff", store.to_str().expect("UTF-8"), "--format", "jsonl"];
        arguments.extend(more);
        let output = snapsift(&arguments);
        let rows = stdout(&output).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        (code(&output), rows, stderr(&output))
    }
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// Nothing of a disk reaches a terminal as it is.
fn harmless(text: &str) {
    assert!(!text.contains('\x1b') && !text.contains('\u{202e}'), "{text}");
}

#[test]
fn exports_are_the_same_every_time() {
    let fleet = fleet();
    for format in ["ocsf", "csv", "defectdojo", "graphml"] {
        let text = fleet.exported(format);
        harmless(&text);
        assert_eq!(text, fleet.exported(format), "{format}");
    }
}

#[test]
fn ocsf_has_what_its_classes_require() {
    let fleet = fleet();
    let events = lines(&fleet.exported("ocsf"));
    for event in &events {
        for name in
            ["activity_id", "category_uid", "class_uid", "type_uid", "time", "severity_id", "metadata"]
        {
            assert!(!event[name].is_null(), "{name}: {event}");
        }
        let (class, activity) =
            (event["class_uid"].as_i64(), event["activity_id"].as_i64().expect("a number"));
        assert!(matches!(class, Some(2006 | 2004)));
        assert_eq!(event["type_uid"].as_i64(), class.map(|class| class * 100 + activity));
        assert!(event["finding_info"]["uid"].is_string() && event["finding_info"]["title"].is_string());
        assert_eq!(event["metadata"]["version"], "1.6.0");
        assert!(event["metadata"]["product"]["name"].is_string());
        assert!(event["time"].as_i64().expect("milliseconds") > 1_600_000_000_000);
        assert!(event["data_security"]["pattern_match"].is_null());
        if let Some(level) = event.get("risk_level_id") {
            assert!((0..=4).contains(&level.as_i64().expect("a number")));
        }
        let mut known: BTreeSet<&str> = [
            "activity_id",
            "activity_name",
            "category_uid",
            "category_name",
            "class_uid",
            "class_name",
            "type_uid",
            "type_name",
            "time",
            "severity_id",
            "severity",
            "confidence_id",
            "confidence",
            "status_id",
            "status",
            "status_detail",
            "comment",
            "is_alert",
            "message",
            "metadata",
            "finding_info",
            "resources",
            "unmapped",
            "risk_level_id",
            "risk_level",
            "risk_details",
        ]
        .into();
        known.extend(if class == Some(2006) {
            ["data_security", "file", "cloud"].as_slice()
        } else {
            ["remediation", "evidences"].as_slice()
        });
        for name in event.as_object().expect("an object").keys() {
            assert!(known.contains(name.as_str()), "{name} is no attribute of {class:?}");
        }
    }
    // By the schema that OCSF publishes: no attribute that a class has not, no value of another type.
    let schemas: Value = serde_json::from_str(include_str!("../../testdata/ocsf-1.6.0.json")).expect("JSON");
    for event in &events {
        let class = match event["metadata"]["profiles"].as_array().expect("a list").as_slice() {
            [cloud] if cloud == "cloud" => "data_security_finding, cloud",
            _ if event["class_uid"] == 2006 => "data_security_finding",
            _ => "detection_finding",
        };
        assert_eq!(violations(&schemas[class], event), Vec::<String>::new(), "{event}");
    }
    let mut wrong = events[0].clone();
    wrong["finding_info"]["uid"] = json!(7);
    wrong["pattern"] = json!("x");
    assert_eq!(violations(&schemas["data_security_finding, cloud"], &wrong).len(), 2);
    assert_eq!(
        wrong["cloud"],
        json!({"provider": "Azure", "region": "region", "account": {"uid": "account"}})
    );
    let waived = events.iter().find(|event| event["file"]["path"] == "/waived").expect("it");
    assert_eq!((&waived["status_id"], &waived["status_detail"]), (&json!(3), &json!("known")));
    let paths: Vec<&Value> = events.iter().filter(|event| event["class_uid"] == 2004).collect();
    let hops = paths.iter().find(|event| event["finding_info"]["analytic"]["uid"] == "MH1").expect("it");
    let graph = &hops["finding_info"]["attack_graph"];
    let edges: Vec<(&str, &str)> = graph["edges"]
        .as_array()
        .expect("edges")
        .iter()
        .filter_map(|edge| Some((edge["source"].as_str()?, edge["target"].as_str()?)))
        .collect();
    assert_eq!(
        edges,
        [
            ("machine:instance:i-a", "key:SHA256:K1"),
            ("key:SHA256:K1", "machine:instance:i-b"),
            ("machine:instance:i-b", "key:SHA256:K2"),
            ("key:SHA256:K2", "machine:instance:i-c"),
        ]
    );
    for path in &paths {
        let graph = &path["finding_info"]["attack_graph"];
        let nodes: BTreeSet<&str> = graph["nodes"]
            .as_array()
            .expect("nodes")
            .iter()
            .filter_map(|node| node["uid"].as_str())
            .collect();
        for edge in graph["edges"].as_array().expect("edges") {
            assert!(nodes.contains(edge["source"].as_str().expect("text")), "{path}");
            assert!(nodes.contains(edge["target"].as_str().expect("text")), "{path}");
        }
    }
    assert_eq!(paths.len(), fleet.ask("attack-paths", &[]).len());
}

#[test]
fn sarif_fits_its_schema_machine_by_machine() {
    let fleet = fleet();
    let folder = fleet.export("sarif", "sarif");
    let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/sarif-schema-2.1.0.json");
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(schema).expect("it")).expect("JSON");
    let mut names: Vec<_> =
        std::fs::read_dir(&folder).expect("a folder").map(|one| one.expect("it").path()).collect();
    names.sort();
    assert_eq!(names.len(), 3);
    let mut ids = BTreeSet::new();
    for name in &names {
        let text = std::fs::read_to_string(name).expect("a file");
        harmless(&text);
        let log: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(violations(&schema, &log), Vec::<String>::new(), "{text}");
        assert!(ids.insert(log["runs"][0]["automationDetails"]["id"].to_string()), "one analysis twice");
        let results = log["runs"][0]["results"].as_array().expect("results");
        for result in results {
            let uri =
                result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].as_str().expect("text");
            assert!(uri.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~/%".contains(&b)), "{uri}");
            assert_eq!(result["locations"][0]["physicalLocation"]["region"].get("snippet"), None);
            let waived = uri == "c/waived";
            assert_eq!(result["suppressions"].as_array().map(Vec::len), Some(usize::from(waived)), "{uri}");
        }
    }
}

/// The fields that `dojo/tools/generic/json_parser.py` allows, of those that are written.
#[test]
fn defectdojo_gets_the_fields_that_it_allows() {
    let fleet = fleet();
    let file: Value = serde_json::from_str(&fleet.exported("defectdojo")).expect("JSON");
    let findings = file["findings"].as_array().expect("findings");
    assert_eq!(findings.len(), 4);
    let allowed = [
        "title",
        "severity",
        "description",
        "date",
        "cwe",
        "mitigation",
        "severity_justification",
        "active",
        "verified",
        "risk_accepted",
        "is_mitigated",
        "line",
        "file_path",
        "component_name",
        "static_finding",
        "dynamic_finding",
        "unique_id_from_tool",
        "vuln_id_from_tool",
        "service",
        "planned_remediation_date",
        "tags",
    ];
    let mut ids = BTreeSet::new();
    for finding in findings {
        for (name, value) in finding.as_object().expect("an object") {
            assert!(allowed.contains(&name.as_str()), "{name}");
            assert!(!value.is_object(), "{name}");
        }
        for name in ["title", "severity", "description"] {
            assert!(finding[name].as_str().is_some_and(|text| !text.is_empty()), "{name}: {finding}");
        }
        assert!(
            ["Info", "Low", "Medium", "High", "Critical"]
                .contains(&finding["severity"].as_str().expect("text"))
        );
        assert!(ids.insert(finding["unique_id_from_tool"].to_string()));
        let accepted = finding["file_path"] == "/waived";
        assert_eq!((&finding["risk_accepted"], &finding["active"]), (&json!(accepted), &json!(!accepted)));
    }
}

#[test]
fn no_cell_of_a_table_begins_a_formula() {
    let fleet = fleet();
    let neo4j = fleet.export("neo4j", "neo4j");
    let tables = [fleet.export("csv", "f.csv"), neo4j.join("nodes.csv"), neo4j.join("relationships.csv")];
    for table in tables {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_path(&table).expect("a table");
        let rows: Vec<_> = reader.records().map(|row| row.expect("a row")).collect();
        assert!(rows.len() > 3, "{}", table.display());
        for cell in rows.iter().flat_map(|row| row.iter()) {
            assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{cell}");
            assert!(!cell.contains(['\n', '\x1b']), "{cell}");
        }
    }
}

#[test]
fn opengraph_keeps_to_its_rules() {
    let fleet = fleet();
    let folder = fleet.export("bloodhound", "bloodhound");
    let read = |name: &str| -> Value {
        let text = std::fs::read_to_string(folder.join(name)).expect("a file");
        harmless(&text);
        serde_json::from_str(&text).expect("JSON")
    };
    let (file, extension) = (read("graph.json"), read("extension.json"));
    let declared = |list: &str| -> BTreeSet<String> {
        let names = extension[list].as_array().expect("a list").iter().filter_map(|one| one["name"].as_str());
        names.inspect(|name| assert!(name.starts_with("Snapsift_"))).map(str::to_owned).collect()
    };
    let (kinds, relations) = (declared("node_kinds"), declared("relationship_kinds"));
    let primitive = |value: &Value| value.is_string() || value.is_number() || value.is_boolean();
    let flat = |properties: &Value| {
        for (name, value) in properties.as_object().expect("an object") {
            assert!(name.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{name}");
            assert!(!["objectid", "lastseen"].contains(&name.as_str()));
            let list =
                value.as_array().is_some_and(|list| !list.is_empty() && list.iter().all(Value::is_string));
            assert!(primitive(value) || list, "{name}");
        }
    };
    let mut ids = BTreeSet::new();
    for node in file["graph"]["nodes"].as_array().expect("nodes") {
        let id = node["id"].as_str().expect("text");
        assert!(!id.contains(':') && ids.insert(id.to_owned()), "{id}");
        assert!((1..=3).contains(&node["kinds"].as_array().expect("kinds").len()));
        assert!(kinds.contains(node["kinds"][0].as_str().expect("text")), "{node}");
        flat(&node["properties"]);
    }
    let edges = file["graph"]["edges"].as_array().expect("edges");
    for edge in edges {
        let kind = edge["kind"].as_str().expect("text");
        assert!(kind.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'), "{kind}");
        assert!(relations.contains(kind), "{kind}");
        for end in ["start", "end"] {
            assert_eq!(edge[end]["match_by"], "id");
            assert!(ids.contains(edge[end]["value"].as_str().expect("text")));
        }
        flat(&edge["properties"]);
    }
    let both = edges.iter().find(|edge| edge["properties"]["accounts"] == json!(["app", "root"]));
    assert!(both.is_some_and(|edge| edge["properties"]["root"] == true), "{edges:?}");
}

#[test]
fn a_graph_of_paths_has_all_that_they_go_over_and_nothing_else() {
    let fleet = fleet();
    // A key beside the paths: nobody comes to it.
    let mut d = Scan::new("d1", "d", "2026-01-03T00:00:00Z");
    d.holds("SHA256:K3", "app", false);
    d.accepts("SHA256:K3", "app", &json!({"state": "accepted"}));
    fleet.add(&[d.text()]);
    let (store, folder) = (fleet.path(), fleet.folder.path().join("paths"));
    let (store, to) = (store.to_str().expect("UTF-8"), folder.to_str().expect("UTF-8"));
    let output = snapsift(&["fleet", "export", store, "--format", "neo4j", "--paths-only", "-o", to]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let count = |folder: &Path, table: &str| {
        std::fs::read_to_string(folder.join(table)).expect("a table").lines().count() - 1
    };
    assert_eq!((count(&folder, "nodes.csv"), count(&folder, "relationships.csv")), (7, 6));
    let whole = fleet.export("neo4j", "whole");
    assert_eq!((count(&whole, "nodes.csv"), count(&whole, "relationships.csv")), (9, 9));
}

/// Programs of others read the graph: `SNAPSIFT_PYTHON` names an interpreter that has them.
#[test]
fn others_read_the_graph() {
    let fleet = fleet();
    let neo4j = fleet.export("neo4j", "neo4j");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = std::env::var("SNAPSIFT_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let output = Command::new(python)
        .arg(root.join("testdata/export_consumers.py"))
        .args([fleet.export("graphml", "g.graphml"), fleet.export("bloodhound", "g").join("graph.json")])
        .args([neo4j.join("nodes.csv"), neo4j.join("relationships.csv")])
        .output()
        .expect("python3 runs");
    if output.status.code() == Some(77) {
        assert!(std::env::var_os("CI").is_none(), "{}", stdout(&output));
        let _ = writeln!(std::io::stderr(), "\nSKIPPED: exports read by others: {}", stdout(&output).trim());
        return;
    }
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    let read: Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    // Three machines, two keys, a secret, a store; two hold, three open, one contains, one leads on.
    for (name, number) in [
        ("graphml_nodes", 7),
        ("graphml_edges", 7),
        ("neo4j_nodes", 7),
        ("neo4j_edges", 7),
        ("bloodhound_nodes", 7),
        ("bloodhound_edges", 6),
        ("roots", 2),
    ] {
        assert_eq!(read[name], json!(number), "{name}: {read}");
    }
    assert_eq!(read["bloodhound_errors"], json!([]));
    assert!(read["names"].as_array().expect("names").contains(&json!("=store\"<&")), "{read}");
}

fn second() -> Scan {
    let mut a = Scan::new("a2", "a", "2026-02-01T00:00:00Z");
    a.holds("SHA256:K1", "root", false);
    a.finding("S", "a type", "/moved.env", json!({}));
    a.finding("N", "a type", "/new.env", json!({}));
    a
}

fn kinds(rows: &[Value]) -> Vec<(&str, &str)> {
    rows.iter().filter_map(|row| Some((row["change"].as_str()?, row["path"].as_str()?))).collect()
}

#[test]
fn a_diff_tells_new_from_moved_and_fixed_from_not_looked_at() {
    let fleet = fleet();
    let mut c = Scan::new("c2", "c", "2026-02-01T00:00:00Z");
    c.accepts("SHA256:K2", "root", &json!({"state": "accepted"}));
    let mut b = Scan::new("b2", "b", "2026-02-01T00:00:00Z");
    b.accepts("SHA256:K1", "app", &json!({"state": "accepted"}));
    let b = b.text().replace("\"complete\":true", "\"complete\":false");
    fleet.add(&[second().text(), c.text(), b]);
    let before = std::fs::read(fleet.path()).expect("a store");
    let (exit, rows, summary) = fleet.diff(&["--fail-on", "critical"]);
    assert_eq!(exit, 3, "one scan could not read everything: {summary}");
    assert_eq!(
        kinds(&rows),
        [
            ("new", "/new.env"),
            ("moved", "/moved.env"),
            ("not looked at", "/home/app/SHA256:K2"),
            ("fixed", "/waived"),
            ("ended path", ""),
            ("ended path", ""),
        ]
    );
    assert_eq!(rows[1]["was"], json!(HOSTILE));
    assert!(summary.contains("1 new, 1 fixed, 1 moved, 1 unchanged, 1 not looked at again"), "{summary}");
    let (exit, _, _) = fleet.diff(&["--fail-on", "high"]);
    assert_eq!(exit, 1);
    // The same by time and by the ids of scans.
    assert_eq!(kinds(&fleet.diff(&["--since", "2026-01-15"]).1), kinds(&rows));
    let (exit, one, _) = fleet.diff(&["--from", "a1", "--to", "a2"]);
    assert_eq!(exit, 0);
    assert_eq!(kinds(&one)[..2], [("new", "/new.env"), ("moved", "/moved.env")]);
    let (exit, back, _) = fleet.diff(&["--from", "a2", "--to", "a1"]);
    assert_eq!(exit, 0);
    assert_eq!(kinds(&back)[0], ("new path", ""), "what was fixed comes back: {back:?}");
    // Nothing has changed since the newest scans.
    let (exit, none, _) = fleet.diff(&["--since", "2026-06-01T00:00:00Z", "--fail-on", "info"]);
    assert_eq!((exit, none.len()), (3, 0));
    assert!(before == std::fs::read(fleet.path()).expect("a store"), "the store is only read");
}

#[test]
fn what_is_exempted_fails_nobody_and_wrong_scans_are_named() {
    let fleet = fleet();
    fleet.add(&[second().text()]);
    let file = fleet.folder.path().join("g.toml");
    write(
        &file,
        "[[exempt]]\nname = \"w\"\ncategory = \"waiver\"\nreason = \"known\"\nauthor = \"ann\"\npath = \"/new.env\"\n",
    );
    let store = fleet.path();
    snapsift(&["fleet", "govern", store.to_str().expect("UTF-8"), file.to_str().expect("UTF-8")]);
    // The first scans of b and c are all new: only a's is asked about.
    let (exit, rows, _) = fleet.diff(&["--from", "a1", "--to", "a2", "--fail-on", "info"]);
    assert_eq!((exit, rows[0]["exempted"].as_str()), (0, Some("waiver: known")));
    let (exit, _, error) = fleet.diff(&["--from", "no such scan"]);
    assert!(exit == 2 && error.contains("no such scan"), "{error}");
    let (exit, _, error) = fleet.diff(&["--from", "b1", "--to", "a2"]);
    assert!(exit == 2 && error.contains("no machine in common"), "{error}");
    let (exit, _, error) = fleet.diff(&["--since", "yesterday"]);
    assert!(exit == 2 && error.contains("a day, is wanted"), "{error}");
}

#[test]
fn a_first_scan_is_all_new() {
    let (exit, rows, _) = fleet().diff(&["--fail-on", "high"]);
    assert_eq!(exit, 1);
    let new = rows.iter().filter(|row| row["change"] == "new").count();
    assert_eq!(new, 4);
    assert!(rows.iter().any(|row| row["change"] == "new path"), "{rows:?}");
}
