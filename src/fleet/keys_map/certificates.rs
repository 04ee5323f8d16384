//! Which accounts of other machines take a certificate of a key.
//!
//! The machine that has the certificate says of its own accounts what its server would.
//! Of another machine it is known that it trusts the authority, and for which names: so a
//! certificate that does not fit is refused here, and one that fits is unverified, since
//! no server's configuration was held against the certificate itself.

use super::{Account, MappedKey};
use crate::finding::{Refusal, RestrictionKind, Undecided, Verdict};
use crate::fleet::store::{Store, StoreError};

/// What is known of a certificate.
struct Known {
    principals: String,
    critical_options: String,
    out_of_time: bool,
    signature: String,
}

/// Adds the accounts to `keys`, which are sorted by fingerprint.
pub(super) fn add(store: &Store, keys: &mut [MappedKey]) -> Result<(), StoreError> {
    let mut statement = store.connection().prepare(include_str!("../../../queries/keys_certificates.sql"))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let fingerprint: String = row.get("fingerprint")?;
        let Ok(place) = keys.binary_search_by(|key| key.fingerprint.cmp(&fingerprint)) else { continue };
        let Some(key) = keys.get_mut(place) else { continue };
        let known = Known {
            principals: row.get("principals")?,
            critical_options: row.get("critical_options")?,
            out_of_time: row.get("out_of_time")?,
            signature: row.get("signature")?,
        };
        let account: String = row.get("account")?;
        let of_authority: String = row.get("verdict")?;
        let verdict =
            serde_json::from_str(&of_authority).ok().map(|verdict| known.verdict(&verdict, &account));
        let (path, line): (String, i64) = (row.get("path")?, row.get("line")?);
        key.accounts.push(Account {
            machine: row.get("machine")?,
            hostname: row.get("hostname")?,
            account,
            role: "certificate".to_owned(),
            from_elsewhere: false,
            verdict,
            place: format!("{path}:{line}"),
            last_login: row.get("last_login")?,
            last_login_from: row.get("last_login_from")?,
        });
    }
    Ok(())
}

impl Known {
    /// The verdict about the certificate, where that about its authority is known.
    fn verdict(&self, of_authority: &Verdict, account: &str) -> Verdict {
        if !of_authority.authenticates() {
            return of_authority.clone();
        }
        if self.signature == "bad" {
            return Verdict::refused(Refusal::Signature, "");
        }
        if self.out_of_time {
            return Verdict::refused(Refusal::CertificateTime, "");
        }
        let named = of_authority.restrictions().iter().find(|one| one.kind == RestrictionKind::CertAuthority);
        let named = named.and_then(|one| one.detail.as_deref());
        // Without names it is the account's own that must be in the certificate; one that is
        // for nobody in particular is for everybody, up to OpenSSH 9.
        let taken: Vec<&str> = named.map_or_else(|| vec![account], |names| names.split(',').collect());
        let fits = self.principals.lines().find(|principal| taken.contains(principal));
        if fits.is_none() && !(self.principals.is_empty() && named.is_none()) {
            let names: Vec<&str> = self.principals.lines().collect();
            return Verdict::refused(Refusal::CertificatePrincipal, names.join(", "));
        }
        let mut detail = format!("the authority is trusted, for {}", fits.unwrap_or(account));
        for option in self.critical_options.lines() {
            detail.push_str(", ");
            detail.push_str(option);
        }
        Verdict::unverified(Undecided::Certificate, detail)
    }
}
