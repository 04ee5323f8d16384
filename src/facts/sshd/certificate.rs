//! The verdict about a certificate: a key that an authority has signed for somebody.
//!
//! Facts: TrustedUserCAKeys, AuthorizedPrincipalsFile and CASignatureAlgorithms in
//! sshd_config(5), `cert-authority` and `principals` in sshd(8), CERTIFICATES in
//! ssh-keygen(1), and `PROTOCOL.certkeys` of OpenSSH: a critical option that is not
//! known refuses the certificate, an extension that is not known does not, and what no
//! extension permits is not permitted.

use super::account::program;
use super::algorithms;
use super::decide::{Bench, Revoked};
use crate::finding::{Refusal, Restriction, RestrictionKind, Timestamp, Undecided, Verdict};
use crate::formats::authorized_keys::{OptionFault, Options};
use crate::formats::ssh_certificate::{Certificate, CertificateKind, Signature};
use crate::formats::ssh_pattern;

/// What a certificate must permit for a session to have it.
const PERMITS: [(&str, RestrictionKind); 5] = [
    ("permit-pty", RestrictionKind::NoPty),
    ("permit-port-forwarding", RestrictionKind::NoPortForwarding),
    ("permit-agent-forwarding", RestrictionKind::NoAgentForwarding),
    ("permit-X11-forwarding", RestrictionKind::NoX11Forwarding),
    ("permit-user-rc", RestrictionKind::NoUserRc),
];

/// By what the certificate's names are taken.
#[derive(Clone, Copy, Debug)]
pub(in super::super) enum Names<'n> {
    /// The account's own name must be among them.
    Account(&'n str),
    /// As before, and a certificate without names is for everybody, up to OpenSSH 9.
    AccountOrNone(&'n str),
    /// One of this list must be among them.
    Listed(&'n str),
    /// A file of principals has one of them.
    Taken,
}

impl Bench<'_> {
    /// Judges a certificate whose authority is trusted. `options` are those of the
    /// authority's line or of the principal's.
    pub(in super::super) fn judge_certificate(
        &self,
        certificate: &Certificate,
        options: &Result<Options, OptionFault>,
        names: Names<'_>,
    ) -> Verdict {
        if let Some(closed) = &self.gate.closed {
            return closed.clone();
        }
        if let Some(revoked) = self.revoked_certificate(certificate) {
            return revoked;
        }
        if let Some(refused) = algorithms::refuses_certificate(certificate, &self.effective, self.server) {
            return refused;
        }
        let options = match options {
            Ok(options) => options,
            Err(OptionFault::Permit(name)) => return Verdict::unverified(Undecided::Options, *name),
            Err(fault) => return Verdict::refused(Refusal::Options, fault.to_string()),
        };
        if options.cert_authority && matches!(names, Names::Taken) {
            return Verdict::refused(Refusal::Options, "cert-authority in a file of principals");
        }
        if let Some((name, _)) = options.since.iter().find(|(_, since)| !self.server.since(*since)) {
            return Verdict::refused(Refusal::Options, format!("this version does not know {name}"));
        }
        if certificate.kind != CertificateKind::User {
            return Verdict::refused(Refusal::Certificate, "it is not for users");
        }
        if !u64::try_from(self.now.unix_seconds()).is_ok_and(|now| certificate.is_valid_at(now)) {
            let end = certificate.expires_at().and_then(time).map(|time| time.to_string());
            return Verdict::refused(Refusal::CertificateTime, end.unwrap_or_default());
        }
        if !self.is_for(certificate, names) {
            return Verdict::refused(Refusal::CertificatePrincipal, certificate.principals.join(", "));
        }
        let forced = match self.critical(certificate, options) {
            Ok(forced) => forced,
            Err(refused) => return refused,
        };
        if let Some(refused) = self.refused_by_options(options, forced.is_some() || options.command.is_some())
        {
            return refused;
        }
        match certificate.signature {
            Signature::Good => {}
            Signature::Bad => return Verdict::refused(Refusal::Signature, ""),
            Signature::Unknown => {
                return Verdict::unverified(Undecided::Signature, certificate.signature_algorithm.as_str());
            }
        }
        self.outcome(self.restrictions(certificate, options, forced))
    }

    fn revoked_certificate(&self, certificate: &Certificate) -> Option<Verdict> {
        let prints = [certificate.key.fingerprint_sha256(), certificate.authority_fingerprint()];
        match self.revoked {
            Revoked::None => None,
            Revoked::Keys(keys) => prints
                .iter()
                .any(|print| keys.contains(print))
                .then(|| Verdict::refused(Refusal::Revoked, "")),
            Revoked::List(list) => list
                .is_revoked(&certificate.key, Some(certificate))
                .map(|_| Verdict::refused(Refusal::Revoked, "")),
            Revoked::Unreadable(path) => {
                Some(Verdict::refused(Refusal::RevokedKeysUnreadable, path.as_str()))
            }
            Revoked::Unknown(path) => Some(Verdict::unverified(Undecided::RevocationList, path.as_str())),
        }
    }

    fn is_for(&self, certificate: &Certificate, names: Names<'_>) -> bool {
        let has = |name: &str| certificate.principals.iter().any(|principal| principal == name);
        match names {
            Names::Account(name) => has(name),
            Names::AccountOrNone(name) => {
                let any = certificate.principals.is_empty() && !self.server.since((10, 0));
                any || has(name)
            }
            Names::Listed(list) => list.split(',').any(has),
            Names::Taken => true,
        }
    }

    /// The command that the certificate forces, or why its critical options refuse it.
    fn critical<'c>(
        &self,
        certificate: &'c Certificate,
        options: &Options,
    ) -> Result<Option<&'c str>, Verdict> {
        let refused = |what: &str| Err(Verdict::refused(Refusal::CertificateOption, what));
        let mut forced = None;
        let mut seen: Vec<&str> = Vec::new();
        for (name, value) in &certificate.critical_options {
            if seen.contains(&name.as_str()) {
                return refused("an option is there more than once");
            }
            seen.push(name);
            match name.as_str() {
                "force-command" => forced = Some(value.as_str()),
                "source-address" => {
                    let address = self.client.map(|client| client.address);
                    match ssh_pattern::matches_networks(address, value.as_bytes()) {
                        Err(_) => return refused("source-address is no list of addresses"),
                        Ok(false) if address.is_some() => {
                            return Err(Verdict::refused(Refusal::From, value.as_str()));
                        }
                        Ok(_) => {}
                    }
                }
                "verify-required" if self.server.since((8, 4)) => {}
                _ => return refused(name),
            }
        }
        match (&options.command, forced) {
            (Some(one), Some(other)) if one != other => refused("force-command is not the line's command"),
            _ => Ok(forced),
        }
    }

    fn restrictions(
        &self,
        certificate: &Certificate,
        options: &Options,
        forced: Option<&str>,
    ) -> Vec<Restriction> {
        let mut restrictions = self.gate.restrictions.clone();
        self.restrict(options, &mut restrictions);
        // The line is an authority's: the certificate is not.
        restrictions.retain(|one| one.kind != RestrictionKind::CertAuthority);
        let mut add = |kind, detail: String| {
            let one = Restriction::new(kind, detail);
            if !restrictions.contains(&one) {
                restrictions.push(one);
            }
        };
        if let Some(command) = forced {
            add(RestrictionKind::Command, program(command));
        }
        if let Some((_, list)) =
            certificate.critical_options.iter().find(|(name, _)| name == "source-address")
        {
            add(RestrictionKind::From, list.clone());
        }
        if certificate.critical_options.iter().any(|(name, _)| name == "verify-required") {
            add(RestrictionKind::VerifyRequired, String::new());
        }
        if let Some(end) = certificate.expires_at().and_then(time) {
            add(RestrictionKind::Expires, end.to_string());
        }
        for (permit, kind) in PERMITS {
            if !certificate.extensions.iter().any(|extension| extension == permit) {
                add(kind, String::new());
            }
        }
        restrictions
    }
}

fn time(seconds: u64) -> Option<Timestamp> {
    Timestamp::from_unix(i64::try_from(seconds).ok()?, 0)
}
