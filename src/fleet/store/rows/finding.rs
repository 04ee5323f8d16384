//! A finding as a row.

use rusqlite::params;

use super::{ScanRows, text};
use crate::finding::Finding;
use crate::fleet::store::StoreError;

impl ScanRows<'_, '_> {
    /// Adds a finding. The secret stays out even where the scan was told to reveal it.
    pub(super) fn finding(&mut self, finding: &Finding) -> Result<(), StoreError> {
        let disk = self.disk_of(&finding.location.provenance)?;
        let file = finding.file.as_ref();
        let validity = finding.validity.as_ref();
        let details = serde_json::to_string(&finding.attributes).unwrap_or_default();
        let credential = credential(finding);
        let readable = file
            .and_then(|file| u32::from_str_radix(&file.mode, 8).ok())
            .is_some_and(|mode| mode & 0o004 != 0);
        self.connection
            .prepare_cached(
                "INSERT INTO finding VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15,
                 ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28)",
            )?
            .execute(params![
                disk,
                finding.id,
                finding.rule_id,
                finding.secret_type,
                finding.provider,
                text(&finding.severity),
                text(&finding.confidence),
                finding.secret.fingerprint,
                finding.secret.preview,
                finding.location.whole_path(),
                i64::try_from(finding.location.line).unwrap_or(i64::MAX),
                finding.location.deleted,
                file.map(|file| &file.mode),
                file.map(|file| file.owner.clone().unwrap_or_else(|| file.uid.to_string())),
                readable,
                file.and_then(|file| file.atime.as_ref()).map(text),
                file.and_then(|file| file.mtime.as_ref()).map(text),
                validity.and_then(|validity| validity.expires_at.as_ref()).map(text),
                validity.and_then(|validity| validity.expired),
                finding.target.as_ref().map(|target| &target.kind),
                finding.target.as_ref().map(|target| &target.id),
                finding.key_fingerprint,
                finding.known,
                finding.vendor.as_ref().is_some_and(|vendor| vendor.verified),
                finding.ignored.is_some(),
                details,
                credential.map(|(id, _)| id),
                credential.map(|(_, account)| account),
            ])?;
        self.connection
            .prepare_cached("INSERT INTO remedy VALUES (?1, ?2) ON CONFLICT (rule) DO NOTHING")?
            .execute(params![finding.rule_id, finding.remediation])?;
        Ok(())
    }
}

/// What the issuer of a secret calls it, and the account or project that it is of. Temporary
/// credentials are in no inventory, and an identifier without its secret opens nothing.
fn credential(finding: &Finding) -> Option<(&str, &str)> {
    let attribute = |name: &str| finding.attributes.get(name).map(String::as_str);
    let id = attribute("key_id").filter(|id| u64::try_from(id.len()) != Ok(finding.secret.length))?;
    match finding.target.as_ref()?.kind.as_str() {
        "aws_account" if attribute("key_kind") == Some("long_term") => {
            Some((id, attribute("account").unwrap_or_default()))
        }
        "gcp_service_account" => Some((id, attribute("project").unwrap_or_default())),
        _ => None,
    }
}
