//! Reports of Trivy, `trivy … --format json`, SchemaVersion 2.
//!
//! Source: the `Report` and `DetectedVulnerability` types of aquasecurity/trivy and
//! aquasecurity/trivy-db, which its documentation of JSON output shows.

use super::model::{Batch, Vulnerability};
use super::row::Row;

pub(super) const SHAPE: &str = "trivy";

/// An element of `Results`.
pub(super) fn record(row: &Row<'_>, batch: &mut Batch) -> Result<(), String> {
    for one in row.list("Vulnerabilities") {
        if matches!(one.text("Status"), Some("not_affected" | "fixed")) {
            continue;
        }
        let vectors = one.entries("CVSS");
        let remote_code = vectors.iter().any(|(_, scores)| {
            let vector = |name| scores.get(name).and_then(serde_json::Value::as_str).unwrap_or_default();
            is_remote_code(vector("V3Vector")) || is_remote_code(vector("V40Vector"))
        });
        batch.vulnerabilities.push(Vulnerability {
            id: one.need("VulnerabilityID")?.to_owned(),
            severity: severity(one.text("Severity").unwrap_or_default()),
            package: one.string("PkgName"),
            installed: one.string("InstalledVersion"),
            fixed: one.string("FixedVersion"),
            remote_code,
            purl: one.string("PkgIdentifier.PURL"),
            ..Vulnerability::default()
        });
    }
    Ok(())
}

/// A severity in the words of scanners.
pub(super) fn severity(text: &str) -> &'static str {
    match text.to_ascii_lowercase().as_str() {
        "critical" => "critical",
        "high" | "important" => "high",
        "medium" | "moderate" => "medium",
        "low" => "low",
        "negligible" | "none" | "info" => "negligible",
        _ => "unknown",
    }
}

/// Whether a vector of CVSS 3 says: over the network, by anybody, without a user, easily,
/// and all is lost. In CVSS 4 the same metrics of the vulnerable system.
pub(super) fn is_remote_code(vector: &str) -> bool {
    let has = |metric: &&str| vector.split('/').any(|part| part == *metric);
    let common = ["AV:N", "AC:L", "PR:N", "UI:N"];
    let three = ["C:H", "I:H", "A:H"];
    let four = ["AT:N", "VC:H", "VI:H", "VA:H"];
    common.iter().all(has) && (three.iter().all(has) || four.iter().all(has))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remote_code() {
        assert!(is_remote_code("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"));
        assert!(is_remote_code("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"));
        assert!(!is_remote_code("CVSS:3.1/AV:L/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"));
        assert!(!is_remote_code("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:L"));
        assert!(!is_remote_code(""));
    }
}
