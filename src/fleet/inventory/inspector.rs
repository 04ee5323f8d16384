//! Findings of Amazon Inspector, `aws inspector2 list-findings`.
//!
//! Source: Inspector API Reference, `Finding`, `PackageVulnerabilityDetails`,
//! `NetworkReachabilityDetails`.

use serde_json::Value;

use super::model::{Batch, Link, Vulnerability};
use super::row::Row;
use super::trivy::{is_remote_code, severity};

pub(super) const SHAPE: &str = "aws_inspector";

/// Whether an element of `findings` is one of Inspector.
pub(super) fn is(record: &Value) -> bool {
    record.get("findingArn").is_some_and(Value::is_string) && record.get("resources").is_some()
}

/// A finding: of a package, or of what the internet reaches. Those that are closed or suppressed
/// there are left alone.
pub(super) fn record(row: &Row<'_>, batch: &mut Batch) -> Result<(), String> {
    if row.text("status").is_some_and(|status| status != "ACTIVE") {
        return Ok(());
    }
    for resource in row.list("resources") {
        let subject = resource.need("id")?;
        match row.need("type")? {
            "PACKAGE_VULNERABILITY" => {
                let details = row
                    .object("packageVulnerabilityDetails")
                    .ok_or("it has no packageVulnerabilityDetails")?;
                package(subject, row, &details, batch)?;
            }
            "NETWORK_REACHABILITY" => {
                let range =
                    |name: &str| row.number(&format!("networkReachabilityDetails.openPortRange.{name}"));
                let protocol = row.lower("networkReachabilityDetails.protocol");
                if let (Some(begin), Some(end)) = (range("begin"), range("end")) {
                    let to = format!("{protocol}/{begin}-{end}");
                    batch.links.push(Link { from: subject.to_owned(), kind: "reachable", to });
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn package(subject: &str, row: &Row<'_>, details: &Row<'_>, batch: &mut Batch) -> Result<(), String> {
    let id = details.need("vulnerabilityId")?;
    let remote_code =
        details.list("cvss").iter().any(|one| one.text("scoringVector").is_some_and(is_remote_code));
    // An exploit that exists is no attack; one that was seen is.
    let exploited = row.has("exploitabilityDetails.lastKnownExploitAt");
    let packages = details.list("vulnerablePackages");
    let first = packages.first();
    let text = |name: &str| first.map(|one| one.string(name)).unwrap_or_default();
    batch.vulnerabilities.push(Vulnerability {
        subject: subject.to_owned(),
        id: id.to_owned(),
        severity: severity(row.text("severity").unwrap_or_default()),
        package: packages.iter().filter_map(|one| one.text("name")).collect::<Vec<_>>().join(", "),
        installed: text("version"),
        fixed: text("fixedInVersion"),
        remote_code: remote_code || exploited,
        exploited,
        epss: row.float("epss.score").map(|score| format!("{score:.5}")),
        ..Vulnerability::default()
    });
    Ok(())
}
