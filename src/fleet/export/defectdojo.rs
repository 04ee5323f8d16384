//! DefectDojo's Generic Findings Import, in JSON.
//!
//! Facts: <https://docs.defectdojo.com/supported_tools/parsers/generic_findings_import/> and the
//! fields that `dojo/tools/generic/json_parser.py` of DefectDojo/django-DefectDojo allows: one
//! that it does not know fails the import. `unique_id_from_tool` is the same in every export;
//! for a re-import to update by it, the test type "snapsift Scan (Generic Findings Import)"
//! must be set to deduplicate by unique id (`DEDUPLICATION_ALGORITHM_PER_PARSER`).

use std::io::Write;

use serde_json::{Map, Value, json};

use super::{Exported, FINDINGS, Source, part, rows, short_digest};
use crate::fleet::query::{QueryError, Row};
use crate::output::escape::visible;
use crate::output::json as safe;

pub(super) fn write(source: &Source<'_>, out: &mut dyn Write, done: &mut Exported) -> Result<(), QueryError> {
    let mut out = out;
    let version = env!("CARGO_PKG_VERSION");
    writeln!(
        out,
        "{{\"name\":\"snapsift\",\"type\":\"snapsift\",\"version\":\"{version}\",\"static_tool\":true,\"findings\":["
    )?;
    let mut first = true;
    done.findings = rows(source, FINDINGS, &mut |row| {
        part(out, &mut first)?;
        Ok(safe::write(&mut out, &finding(row))?)
    })?;
    out.write_all(b"]}\n")?;
    Ok(())
}

fn finding(row: &Row<'_>) -> Value {
    let text = |name: &str| visible(row.text(name)).into_owned();
    let severity = match row.text("severity") {
        "critical" => "Critical",
        "high" => "High",
        "medium" => "Medium",
        "low" => "Low",
        _ => "Info",
    };
    let (category, path) = (row.text("exempt_category"), text("path"));
    let description = facts(row)
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("- {name}: {}", code(value)))
        .collect::<Vec<_>>()
        .join("\n");
    let mut finding = Map::new();
    let mut put = |name: &str, value: Value| {
        if value != json!("") {
            finding.insert(name.to_owned(), value);
        }
    };
    // No longer is a title there.
    let title: String =
        format!("{} on {} in {path}", text("secret_type"), text("hostname")).chars().take(500).collect();
    put("title", json!(title));
    put("severity", json!(severity));
    put("description", json!(description));
    put("mitigation", json!(text("remedy")));
    put("severity_justification", json!(text("why")));
    put("date", json!(row.text("first_seen").get(..10).unwrap_or_default()));
    put("cwe", json!(798));
    put("active", json!(category.is_empty()));
    put("verified", json!(row.is("usable") && row.text("target_exists") == "yes"));
    put("risk_accepted", json!(category == "waiver"));
    put("is_mitigated", json!(category == "mitigated"));
    put("static_finding", json!(true));
    put("dynamic_finding", json!(false));
    put("file_path", json!(path));
    if let Some(line) = row.number("line") {
        put("line", json!(line));
    }
    put("component_name", json!(text("hostname").chars().take(500).collect::<String>()));
    put("service", json!(text("account").chars().take(200).collect::<String>()));
    put("vuln_id_from_tool", json!(text("rule")));
    put(
        "unique_id_from_tool",
        json!(format!("{}-{}", row.text("finding_id"), short_digest(row.text("machine")))),
    );
    put("planned_remediation_date", json!(row.text("due")));
    put("tags", json!(tags(row)));
    Value::Object(finding)
}

/// What a person wants to know, none of it secret.
fn facts(row: &Row<'_>) -> Vec<(&'static str, String)> {
    let text = |name: &str| visible(row.text(name)).into_owned();
    let number =
        |name: &str| row.number(name).filter(|number| *number > 0).map(|n| n.to_string()).unwrap_or_default();
    vec![
        ("Recommendation", text("title")),
        ("Risk", text("risk")),
        ("Why", text("why")),
        ("Secret", text("preview")),
        ("Fingerprint of the secret", text("secret")),
        ("Fingerprint of the key", text("key_fingerprint")),
        ("Machine", text("machine")),
        ("Resource", text("asset_id")),
        ("Opens", text("target")),
        ("What it opens exists", text("target_exists")),
        ("Machines that take it", number("opens_machines")),
        ("Attack paths", number("attack_paths")),
        ("Owner of the file", text("file_owner")),
        ("Mode of the file", text("mode")),
        ("Last read", text("last_read")),
        ("Expires", text("expires")),
        ("Owner", text("owner")),
        ("Exempted", text("exempt_reason")),
    ]
}

/// Markdown shows it as it is: nothing of a disk becomes a link or HTML.
fn code(text: &str) -> String {
    format!("`{}`", text.replace('`', "'"))
}

/// Of letters, digits and a few signs.
fn tags(row: &Row<'_>) -> Vec<String> {
    let plain = |text: &str| -> String {
        text.chars()
            .map(|c| if c.is_alphanumeric() || "-_.@:".contains(c) { c } else { '-' })
            .take(90)
            .collect()
    };
    let pairs = [("risk", "risk"), ("owner", "owner"), ("provider", "provider"), ("status", "status")];
    pairs
        .iter()
        .filter(|(_, column)| !row.text(column).is_empty())
        .map(|(name, column)| format!("{name}:{}", plain(row.text(column))))
        .collect()
}
