//! What a vendor or a team says of vulnerabilities that a scanner reports: VEX documents, and the
//! catalogue of those that are known to be used in attacks.
//!
//! Role: keeps the statements, and works out which reported vulnerabilities they take away
//! (status not affected or fixed), with the reason. A statement is about a package by its package
//! URL: the product itself, or a subcomponent of a product that is the report's subject. Of
//! several, the newest counts. Reports stay as they are; what is not counted can be told.
//!
//! Sources: OpenVEX Specification v0.2.0; CycloneDX 1.4 to 1.6, «vulnerabilities» and `analysis`;
//! package-url specification; CISA «Known Exploited Vulnerabilities Catalog», its JSON schema.

use std::collections::HashMap;

use rusqlite::{Connection, params};
use serde_json::Value;

use super::model::{Batch, VexStatement};
use super::row::Row;

pub(super) const OPENVEX: &str = "openvex";
pub(super) const CYCLONEDX: &str = "cyclonedx_vex";
pub(super) const KEV: &str = "cisa_kev";

/// Which of these a document is.
pub(super) fn shape(document: &Value) -> Option<&'static str> {
    let text = |name: &str| document.get(name).and_then(Value::as_str).unwrap_or_default();
    if text("@context").starts_with("https://openvex.dev/ns") {
        Some(OPENVEX)
    } else if text("bomFormat") == "CycloneDX" {
        Some(CYCLONEDX)
    } else if document.pointer("/vulnerabilities/0/cveID").is_some()
        || document.get("catalogVersion").is_some()
    {
        Some(KEV)
    } else {
        None
    }
}

/// What a document is called, so that a newer one of the name replaces it.
pub(super) fn name(document: &Value) -> String {
    let text = |name: &str| document.get(name).and_then(Value::as_str).unwrap_or_default();
    let name = if text("@id").is_empty() { text("serialNumber") } else { text("@id") };
    name.chars().take(300).collect()
}

/// Reads a record of a document: a statement or a vulnerability. `document` is what else it says.
pub(super) fn record(
    shape: &str,
    document: &Value,
    parts: &HashMap<String, String>,
    row: &Row<'_>,
    batch: &mut Batch,
) -> Result<(), String> {
    match shape {
        OPENVEX => openvex(document, row, batch),
        CYCLONEDX => cyclonedx(document, parts, row, batch),
        _ => {
            batch.known_exploited.push(row.need("cveID")?.to_uppercase());
            Ok(())
        }
    }
}

/// The list of a document's records.
pub(super) fn records<'d>(shape: &str, document: &'d Value) -> &'d [Value] {
    let list = if shape == OPENVEX { "statements" } else { "vulnerabilities" };
    document.get(list).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn openvex(document: &Value, row: &Row<'_>, batch: &mut Batch) -> Result<(), String> {
    // In version 0.0 it is a text.
    let vulnerability = match row.object("vulnerability") {
        Some(one) => one.need("name")?.to_owned(),
        None => row.need("vulnerability")?.to_owned(),
    };
    let mut names = vec![vulnerability];
    if let Some(one) = row.object("vulnerability") {
        names.extend(one.texts("aliases").into_iter().map(str::to_owned));
    }
    let status = row.need("status")?;
    let suppressed = match status {
        "not_affected" | "fixed" => true,
        "affected" | "under_investigation" => false,
        other => return Err(format!("its status {other} is none of OpenVEX")),
    };
    let why = ["justification", "impact_statement", "status_notes"];
    let why = why.iter().find_map(|name| row.text(name)).unwrap_or_default();
    let from = |name: &str| document.get(name).and_then(Value::as_str);
    let at = row.text("timestamp").or_else(|| from("last_updated")).or_else(|| from("timestamp"));
    let mut products = Vec::new();
    for product in row.list("products") {
        let id = |one: &Row<'_>| one.text("identifiers.purl").or_else(|| one.text("@id")).map(str::to_owned);
        let Some(product_id) = id(&product) else { continue };
        let parts: Vec<String> = product.list("subcomponents").iter().filter_map(id).collect();
        if parts.is_empty() {
            products.push((product_id.clone(), product_id));
        } else {
            products.extend(parts.into_iter().map(|part| (product_id.clone(), part)));
        }
    }
    if products.is_empty() {
        return Err("it names no product".to_owned());
    }
    keep(&names, &products, if suppressed { status } else { "" }, why, at.unwrap_or_default(), batch);
    Ok(())
}

/// Components of a document by what their references are.
pub(super) fn parts(document: &Value) -> HashMap<String, String> {
    let mut left: Vec<&Value> = document.pointer("/metadata/component").into_iter().collect();
    left.extend(document.get("components").and_then(Value::as_array).into_iter().flatten());
    let mut parts = HashMap::new();
    while let Some(component) = left.pop() {
        let text = |name: &str| component.get(name).and_then(Value::as_str);
        if let (Some(reference), Some(purl)) = (text("bom-ref"), text("purl")) {
            parts.insert(reference.to_owned(), purl.to_owned());
        }
        left.extend(component.get("components").and_then(Value::as_array).into_iter().flatten());
    }
    parts
}

fn cyclonedx(
    document: &Value,
    parts: &HashMap<String, String>,
    row: &Row<'_>,
    batch: &mut Batch,
) -> Result<(), String> {
    let id = row.need("id")?.to_owned();
    // Without an analysis it only says that there is the vulnerability.
    let Some(state) = row.text("analysis.state") else { return Ok(()) };
    let status = match state {
        "not_affected" | "false_positive" | "resolved" | "resolved_with_pedigree" => state,
        "exploitable" | "in_triage" => "",
        other => return Err(format!("its state {other} is none of CycloneDX")),
    };
    let why = row.text("analysis.justification").or_else(|| row.text("analysis.detail")).unwrap_or_default();
    let said = document.pointer("/metadata/timestamp").and_then(Value::as_str);
    let at = row.text("analysis.lastUpdated").or_else(|| row.text("updated")).or(said).unwrap_or_default();
    let product = document.pointer("/metadata/component/purl").and_then(Value::as_str);
    let mut products = Vec::new();
    for affected in row.list("affects") {
        let reference = affected.need("ref")?;
        // Of another document: `urn:cdx:SERIAL/VERSION#REF`.
        let reference = match reference.split_once('#') {
            Some((urn, reference)) if urn.starts_with("urn:cdx:") => reference,
            _ => reference,
        };
        let purl = parts
            .get(reference)
            .cloned()
            .unwrap_or_else(|| reference.replace("%2F", "/").replace("%40", "@"));
        products.push((purl.clone(), purl));
    }
    if let (true, Some(product)) = (products.is_empty(), product) {
        products.push((product.to_owned(), product.to_owned()));
    }
    if products.is_empty() {
        return Err("it names nothing that is affected".to_owned());
    }
    keep(&[id], &products, status, why, at, batch);
    Ok(())
}

fn keep(
    vulnerabilities: &[String],
    products: &[(String, String)],
    status: &str,
    why: &str,
    at: &str,
    batch: &mut Batch,
) {
    for vulnerability in vulnerabilities {
        for (product, package) in products {
            batch.vex.push(VexStatement {
                vulnerability: vulnerability.to_uppercase(),
                product: product.clone(),
                package: package.clone(),
                status: status.to_owned(),
                why: why.chars().take(300).collect(),
                at: at.to_owned(),
            });
        }
    }
}

/// A package URL in its parts: what it is of, and its version where it has one. Qualifiers and
/// subpaths are left out.
fn purl(text: &str) -> Option<(String, Option<String>)> {
    let text = text.strip_prefix("pkg:")?;
    let text = text.split(['?', '#']).next().unwrap_or_default().trim_start_matches('/');
    let decoded = text.replace("%40", "@").replace("%2B", "+").replace("%2b", "+").replace("%3A", ":");
    // A scope of npm has an `@` at its beginning.
    let (name, version) = match decoded.rsplit_once('@') {
        Some((name, version)) if !name.ends_with('/') => (name.to_owned(), Some(version.to_owned())),
        _ => (decoded, None),
    };
    Some((name.to_lowercase(), version))
}

/// Whether a statement about `said` is one about a package of a report.
fn same_package(said: &str, reported: &str) -> bool {
    match (purl(said), purl(reported)) {
        (Some((one, version)), Some((other, installed))) => {
            one == other && (version.is_none() || version == installed)
        }
        _ => false,
    }
}

/// What an image or a machine is called, without tag or digest.
fn bare(subject: &str) -> &str {
    let subject = subject.split('@').next().unwrap_or_default();
    match subject.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name,
        _ => subject,
    }
}

/// Whether a product is the subject of a report.
fn is_subject(product: &str, subject: &str) -> bool {
    let product = product.to_lowercase();
    if product == subject {
        return true;
    }
    let Some(rest) = product.strip_prefix("pkg:oci/") else { return false };
    let address = rest.split(['?', '&']).find_map(|part| part.strip_prefix("repository_url="));
    let name = rest.split(['@', '?', '#']).next().unwrap_or_default();
    let tag = rest.split(['?', '&']).find_map(|part| part.strip_prefix("tag="));
    let tagged = subject.strip_prefix(bare(subject)).and_then(|rest| rest.strip_prefix(':'));
    if tag.is_some() && tagged.is_some() && tag != tagged {
        return false;
    }
    match address.map(|address| address.replace("%2f", "/").replace("%3a", ":")) {
        Some(address) => bare(subject) == address || bare(subject) == format!("{address}/{name}"),
        None => false,
    }
}

/// Works out anew which reported vulnerabilities statements take away, and which are known to be
/// used in attacks; then what is left of each report.
pub(super) fn work_out(connection: &Connection) -> Result<u64, rusqlite::Error> {
    let some = "SELECT EXISTS (SELECT 1 FROM vex_statement) OR EXISTS (SELECT 1 FROM known_exploited)";
    if !connection.query_row(some, [], |row| row.get::<_, bool>(0))? {
        return Ok(0);
    }
    connection.execute_batch(
        "UPDATE vulnerability SET not_counted = '' WHERE not_counted <> '';
         UPDATE vulnerability SET exploited = 1
         WHERE exploited = 0 AND UPPER(vulnerability) IN (SELECT vulnerability FROM known_exploited);",
    )?;
    let mut statements = connection.prepare(
        "SELECT vulnerability, product, package, status, why, of_subject FROM vex_statement
         ORDER BY at_time, inventory_id, vulnerability, product, package",
    )?;
    let mut reported = connection
        .prepare("SELECT rowid, subject, purl FROM vulnerability WHERE vulnerability = ?1 COLLATE NOCASE")?;
    let mut update = connection.prepare("UPDATE vulnerability SET not_counted = ?2 WHERE rowid = ?1")?;
    let mut rows = statements.query([])?;
    while let Some(row) = rows.next()? {
        let [vulnerability, product, package, status, why, of_subject]: [String; 6] =
            [row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?];
        let found = reported.query_map([&vulnerability], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?))
        })?;
        for one in found.collect::<Result<Vec<_>, _>>()? {
            let (number, subject, purl) = one;
            let whose = if of_subject.is_empty() {
                product == package || is_subject(&product, &subject)
            } else {
                of_subject == subject
            };
            // Of a product that is the subject as a whole, every package is meant.
            let other = !package.starts_with("pkg:") || package.starts_with("pkg:oci/");
            let whole =
                product == package && (is_subject(&product, &subject) || (of_subject == subject && other));
            if whose && (whole || same_package(&package, &purl)) {
                let said = match (status.as_str(), why.as_str()) {
                    ("", _) => String::new(),
                    (status, "") => format!("VEX: {status}"),
                    (status, why) => format!("VEX: {status}, {why}"),
                };
                update.execute(params![number, said])?;
            }
        }
    }
    connection.execute_batch(
        "UPDATE vulnerable SET not_counted = 0, vulnerable = (critical + high > 0) WHERE not_counted > 0;
         UPDATE vulnerable SET not_counted = d.critical + d.high, exploited = d.exploited, remote_code = d.remote_code,
           vulnerable = (vulnerable.critical + vulnerable.high > d.critical + d.high)
         FROM (SELECT subject, inventory_id,
                      SUM(CASE WHEN not_counted <> '' AND severity = 'critical' THEN 1 ELSE 0 END) AS critical,
                      SUM(CASE WHEN not_counted <> '' AND severity = 'high' THEN 1 ELSE 0 END) AS high,
                      MAX(CASE WHEN not_counted = '' THEN exploited ELSE 0 END) AS exploited,
                      MAX(CASE WHEN not_counted = '' THEN remote_code ELSE 0 END) AS remote_code
               FROM vulnerability GROUP BY subject, inventory_id) d
         WHERE d.subject = vulnerable.subject AND d.inventory_id = vulnerable.inventory_id;",
    )?;
    let count: i64 =
        connection
            .query_row("SELECT COUNT(*) FROM vulnerability WHERE not_counted <> ''", [], |row| row.get(0))?;
    Ok(u64::try_from(count).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages() {
        assert!(same_package(
            "pkg:deb/debian/openssl@3.0.11-1?arch=amd64",
            "pkg:deb/debian/openssl@3.0.11-1?distro=debian-12"
        ));
        assert!(same_package("pkg:deb/debian/openssl", "pkg:deb/debian/openssl@3.0.11-1"));
        assert!(!same_package("pkg:deb/debian/openssl@3.0.12", "pkg:deb/debian/openssl@3.0.11-1"));
        assert!(!same_package("pkg:deb/ubuntu/openssl", "pkg:deb/debian/openssl@1"));
        assert!(same_package("pkg:npm/%40scope/name@1.0.0", "pkg:npm/%40scope/name@1.0.0"));
        assert!(same_package("pkg:npm/%40scope/name", "pkg:npm/%40scope/name@1.0.0"));
        assert!(!same_package("openssl", "openssl") && !same_package("", ""));
    }

    #[test]
    fn subjects() {
        let subject = "registry.example/team/app:1.2";
        assert!(is_subject("registry.example/team/app:1.2", subject));
        assert!(is_subject("pkg:oci/app@sha256:0?repository_url=registry.example/team/app", subject));
        assert!(is_subject("pkg:oci/app?repository_url=registry.example%2Fteam&tag=1.2", subject));
        assert!(!is_subject("pkg:oci/app?repository_url=registry.example/team&tag=1.3", subject));
        assert!(!is_subject("pkg:oci/app?repository_url=other.example/team", subject));
        assert!(!is_subject("pkg:oci/app", subject) && !is_subject("", subject));
    }
}
