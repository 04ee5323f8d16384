//! Reports of Grype, `grype … -o json`.
//!
//! Source: the presenter models of anchore/grype (`Document`, `Match`, `Vulnerability`).

use super::model::{Batch, Vulnerability};
use super::row::Row;
use super::trivy::{is_remote_code, severity};

pub(super) const SHAPE: &str = "grype";

/// An element of `matches`.
pub(super) fn record(row: &Row<'_>, batch: &mut Batch) -> Result<(), String> {
    let exploited =
        row.has("vulnerability.knownExploited") && !row.list("vulnerability.knownExploited").is_empty();
    let vectors = row.list("vulnerability.cvss");
    let remote_code = vectors.iter().any(|one| one.text("vector").is_some_and(is_remote_code));
    let epss = row.list("vulnerability.epss").iter().filter_map(|one| one.float("epss")).fold(None, highest);
    batch.vulnerabilities.push(Vulnerability {
        id: row.need("vulnerability.id")?.to_owned(),
        severity: severity(row.text("vulnerability.severity").unwrap_or_default()),
        package: row.need("artifact.name")?.to_owned(),
        installed: row.string("artifact.version"),
        fixed: row.texts("vulnerability.fix.versions").join(", "),
        // What is used in attacks is as good as shown.
        remote_code: remote_code || exploited,
        exploited,
        purl: row.string("artifact.purl"),
        epss: epss.map(|epss: f64| format!("{epss:.5}")),
        ..Vulnerability::default()
    });
    Ok(())
}

fn highest(best: Option<f64>, one: f64) -> Option<f64> {
    Some(best.map_or(one, |best| best.max(one)))
}

/// Whose the report is: the image as the user called it, or the path of a folder.
pub(super) fn subject(row: &Row<'_>) -> String {
    let target = row.object("source").filter(|source| source.text("type") == Some("image"));
    match target {
        Some(source) => source.string("target.userInput"),
        None => row.any("source.target"),
    }
}
