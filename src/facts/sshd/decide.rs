//! The verdict about a line of an account's file, in one world and over all.

use std::collections::HashSet;
use std::rc::Rc;

use super::Client;
use super::account::{Gate, program};
use super::algorithms;
use super::effective::Effective;
use super::server::Server;
use crate::finding::{Refusal, Restriction, RestrictionKind, Timestamp, Undecided, Verdict};
use crate::formats::authorized_keys::{Entry, OptionFault, Options, Toggle};
use crate::formats::krl::Krl;
use crate::formats::ssh_pattern;

/// Keys that the server refuses whatever files say.
#[derive(Clone, Debug, Default)]
pub(in super::super) enum Revoked {
    /// None.
    #[default]
    None,
    /// These, by fingerprint.
    Keys(Rc<HashSet<String>>),
    /// Those of a list in binary form.
    List(Rc<Krl>),
    /// The file cannot be read: all.
    Unreadable(String),
    /// It is not read here: too long, damaged, or of a later form.
    Unknown(String),
}

/// What a line is judged with, in one world.
#[derive(Debug)]
pub(in super::super) struct Bench<'b> {
    pub(in super::super) effective: Effective<'b>,
    pub(in super::super) gate: &'b Gate,
    pub(in super::super) server: &'b Server,
    pub(in super::super) revoked: &'b Revoked,
    pub(in super::super) client: Option<&'b Client>,
    pub(in super::super) use_dns: bool,
    pub(in super::super) now: Timestamp,
    /// The machine's time zone.
    pub(in super::super) zone: &'b jiff::tz::TimeZone,
}

impl Bench<'_> {
    /// Judges one line of a file that the server reads and uses.
    pub(in super::super) fn judge(&self, entry: &Entry, fingerprint: &str) -> Verdict {
        if let Some(closed) = &self.gate.closed {
            return closed.clone();
        }
        match self.revoked {
            Revoked::None => {}
            Revoked::Keys(keys) if !keys.contains(fingerprint) => {}
            Revoked::List(list) if list.is_revoked(&entry.key, None).is_none() => {}
            Revoked::Keys(_) | Revoked::List(_) => return Verdict::refused(Refusal::Revoked, ""),
            Revoked::Unreadable(path) => {
                return Verdict::refused(Refusal::RevokedKeysUnreadable, path.as_str());
            }
            Revoked::Unknown(path) => return Verdict::unverified(Undecided::RevocationList, path.as_str()),
        }
        if entry.key.certificate {
            return Verdict::refused(Refusal::Certificate, "");
        }
        let options = match &entry.options {
            Ok(options) => options,
            Err(OptionFault::Permit(name)) => return Verdict::unverified(Undecided::Options, *name),
            Err(fault) => return Verdict::refused(Refusal::Options, fault.to_string()),
        };
        if let Some((name, _)) = options.since.iter().find(|(_, since)| !self.server.since(*since)) {
            return Verdict::refused(Refusal::Options, format!("this version does not know {name}"));
        }
        // An authority's key signs; it is the certified key that authenticates.
        if !options.cert_authority
            && let Some(refused) = algorithms::refuses(&entry.key, &self.effective, self.server)
        {
            return refused;
        }
        if let Some(refused) = self.refused_by_options(options, options.command.is_some()) {
            return refused;
        }
        let until = match entry.comment.as_deref().and_then(google_expiry) {
            None => None,
            Some(Some(until)) if until >= self.now => Some(until),
            Some(Some(past)) => return Verdict::unverified(Undecided::Agent, format!("expireOn {past}")),
            Some(None) => return Verdict::unverified(Undecided::Agent, "expireOn is no time"),
        };
        let mut restrictions = self.gate.restrictions.clone();
        self.restrict(options, &mut restrictions);
        if let Some(until) = until {
            restrictions
                .push(Restriction::new(RestrictionKind::Expires, format!("{until} (Google's agent)")));
        }
        self.outcome(restrictions)
    }

    /// What these restrictions leave of a login.
    pub(in super::super) fn outcome(&self, mut restrictions: Vec<Restriction>) -> Verdict {
        let closed_forwarding = !self.gate.forwarding
            || restrictions.iter().any(|one| one.kind == RestrictionKind::NoPortForwarding);
        let forced = restrictions
            .iter()
            .any(|one| matches!(one.kind, RestrictionKind::ForceCommand | RestrictionKind::Command));
        if let Some(shell) = &self.gate.no_shell {
            // A forced command is run by the shell as well, save the built-in one.
            let built_in = forced
                && restrictions
                    .iter()
                    .any(|one| one.detail.as_deref().is_some_and(|text| text.starts_with("internal-sftp")));
            if !built_in {
                if closed_forwarding {
                    return Verdict::refused(Refusal::NothingAllowed, shell.as_str());
                }
                restrictions.insert(0, Restriction::new(RestrictionKind::NoShell, shell.as_str()));
                return Verdict::ForwardingOnly { restrictions };
            }
        }
        if restrictions.is_empty() {
            return Verdict::Accepted;
        }
        Verdict::Restricted { restrictions }
    }

    /// `forced`: the line or the certificate forces a command.
    pub(super) fn refused_by_options(&self, options: &Options, forced: bool) -> Option<Verdict> {
        if let Some(expired) = self.expiries(options).find(|time| *time < self.now) {
            return Some(Verdict::refused(Refusal::Expired, expired.to_string()));
        }
        if options.principals.is_some() && !options.cert_authority {
            return Some(Verdict::refused(Refusal::Principals, ""));
        }
        if let Some(list) = &options.from {
            let can = match self.client {
                Some(client) if !self.use_dns => {
                    let host = client.address.to_string();
                    ssh_pattern::matches_client(host.as_bytes(), client.address, list.as_bytes())
                }
                _ => self.use_dns || ssh_pattern::can_match_an_address(list.as_bytes()),
            };
            if !can {
                return Some(Verdict::refused(Refusal::From, list.as_str()));
            }
        }
        (self.gate.needs_command && !forced).then(|| Verdict::refused(Refusal::RootNeedsCommand, ""))
    }

    pub(super) fn restrict(&self, options: &Options, restrictions: &mut Vec<Restriction>) {
        let mut add = |kind, detail: String| {
            let one = Restriction::new(kind, detail);
            if !restrictions.contains(&one) {
                restrictions.push(one);
            }
        };
        if options.cert_authority {
            add(RestrictionKind::CertAuthority, options.principals.clone().unwrap_or_default());
        }
        if let Some(from) = &options.from {
            add(RestrictionKind::From, from.clone());
        }
        if let Some(command) = &options.command {
            add(RestrictionKind::Command, program(command));
        }
        if let Some(first) = self.expiries(options).min() {
            add(RestrictionKind::Expires, first.to_string());
        }
        for toggle in &options.off {
            let kind = match toggle {
                Toggle::Pty => RestrictionKind::NoPty,
                Toggle::PortForwarding => RestrictionKind::NoPortForwarding,
                Toggle::AgentForwarding => RestrictionKind::NoAgentForwarding,
                Toggle::X11Forwarding => RestrictionKind::NoX11Forwarding,
                Toggle::UserRc => RestrictionKind::NoUserRc,
            };
            add(kind, String::new());
        }
        if !options.permit_open.is_empty() {
            add(RestrictionKind::PermitOpen, options.permit_open.join(", "));
        }
        if !options.permit_listen.is_empty() {
            add(RestrictionKind::PermitListen, options.permit_listen.join(", "));
        }
        if options.verify_required {
            add(RestrictionKind::VerifyRequired, String::new());
        }
    }

    fn expiries(&self, options: &Options) -> impl Iterator<Item = Timestamp> {
        options.expiries.iter().filter_map(|expiry| {
            let seconds = if expiry.is_utc {
                expiry.seconds
            } else {
                let utc = jiff::Timestamp::from_second(expiry.seconds).ok()?;
                let local = jiff::tz::TimeZone::UTC.to_datetime(utc);
                self.zone.to_timestamp(local).ok()?.as_second()
            };
            Timestamp::from_unix(seconds, 0)
        })
    }
}

/// Until when a key of a Google instance's metadata is good: its comment is
/// `google-ssh {"userName":"…","expireOn":"2026-01-02T03:04:05+0000"}`. sshd does not
/// know; the guest agent takes the line away. `Some(None)`: it is no time.
fn google_expiry(comment: &str) -> Option<Option<Timestamp>> {
    #[derive(serde::Deserialize)]
    struct Comment {
        #[serde(rename = "expireOn")]
        expire_on: String,
    }
    let json = comment.trim().strip_prefix("google-ssh")?;
    let text = serde_json::from_str::<Comment>(json).ok()?.expire_on;
    // ISO 8601, with the offset as the agent reads it or with a colon.
    let zoned = jiff::fmt::strtime::parse("%Y-%m-%dT%H:%M:%S%z", &text).and_then(|time| time.to_timestamp());
    let time = zoned.or_else(|_| text.parse::<jiff::Timestamp>()).ok();
    Some(time.and_then(|time| Timestamp::from_unix(time.as_second(), 0)))
}

/// One verdict over all worlds.
pub(in super::super) fn over_worlds(verdicts: &[Verdict], depends_on: &[String]) -> Verdict {
    let Some(first) = verdicts.first().cloned() else {
        return Verdict::unverified(Undecided::Configuration, "");
    };
    if verdicts.iter().all(|verdict| *verdict == first) {
        return first;
    }
    if let Some(open) = verdicts.iter().find(|verdict| matches!(verdict, Verdict::Unverified { .. })) {
        return open.clone();
    }
    let source = Restriction::new(RestrictionKind::Source, depends_on.join("; "));
    let weakest = verdicts.iter().filter(|verdict| verdict.authenticates()).min_by_key(|verdict| {
        (matches!(verdict, Verdict::ForwardingOnly { .. }), verdict.restrictions().len())
    });
    let with_source = |verdict: &Verdict| {
        let mut restrictions = verdict.restrictions().to_vec();
        restrictions.push(source.clone());
        restrictions
    };
    match weakest {
        Some(verdict @ Verdict::ForwardingOnly { .. }) => {
            Verdict::ForwardingOnly { restrictions: with_source(verdict) }
        }
        Some(verdict) => Verdict::Restricted { restrictions: with_source(verdict) },
        None => first,
    }
}
