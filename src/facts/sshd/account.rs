//! Whether an account may log in at all with some key, in the order in which the
//! server asks.

use super::Client;
use super::effective::{Effective, Subject, Truth};
use super::pam::Pam;
use super::server::Server;
use super::wrap::Access;
use crate::facts::reader::Reader;
use crate::facts::users::Users;
use crate::finding::{PasswordState, Refusal, Restriction, RestrictionKind, Timestamp, Undecided, Verdict};
use crate::formats::passwd::{Password, User};
use crate::formats::sam::UserState;
use crate::formats::ssh_pattern;

/// Shells that end a session at once.
const NO_SHELLS: [&str; 6] = ["nologin", "false", "true", "sync", "shutdown", "halt"];

/// What the account's own settings come to in one world.
#[derive(Clone, Debug)]
pub(in super::super) struct Gate {
    /// It may not log in with any key, or that is not known.
    pub(in super::super) closed: Option<Verdict>,
    /// What holds for every key.
    pub(in super::super) restrictions: Vec<Restriction>,
    /// Its shell ends every session.
    pub(in super::super) no_shell: Option<String>,
    /// Ports may be forwarded.
    pub(in super::super) forwarding: bool,
    /// Root needs a forced command on the key.
    pub(in super::super) needs_command: bool,
}

/// What the machine says, for all accounts alike.
#[derive(Debug)]
pub(in super::super) struct Machine<'m> {
    pub(in super::super) users: &'m Users,
    pub(in super::super) server: &'m Server,
    pub(in super::super) pam: &'m Pam,
    /// `/etc/nologin` is there.
    pub(in super::super) nologin: bool,
    /// Which clients may connect.
    pub(in super::super) access: Access,
    /// Days since 1970.
    pub(in super::super) today: i64,
}

impl Gate {
    /// Asks about one account in one world.
    pub(in super::super) fn of(
        user: &User,
        effective: &Effective<'_>,
        subject: Subject<'_>,
        machine: &Machine<'_>,
        reader: &Reader<'_>,
    ) -> Self {
        let mut gate = Self::open(effective);
        gate.closed = gate.ask(user, effective, subject, machine, reader);
        gate
    }

    fn open(effective: &Effective<'_>) -> Self {
        Self {
            closed: None,
            restrictions: Vec::new(),
            no_shell: None,
            forwarding: forwarding(effective),
            needs_command: false,
        }
    }

    /// Asks about a local account of Windows, which has no shell, no PAM and no root.
    pub(in super::super) fn of_windows(
        state: &UserState,
        effective: &Effective<'_>,
        subject: Subject<'_>,
        now: Timestamp,
    ) -> Self {
        let mut gate = Self::open(effective);
        let expired = state.expires.filter(|time| *time <= now.unix_seconds());
        let closed = state.is_disabled.then(|| Verdict::refused(Refusal::AccountLocked, "it is disabled"));
        let closed = closed
            .or_else(|| Some(Verdict::refused(Refusal::AccountExpired, day(expired?.div_euclid(86_400)))));
        let closed = closed.or_else(|| gate.lists(effective, subject));
        gate.closed = closed.or_else(|| keys_off(effective)).or_else(|| gate.methods(effective));
        if gate.closed.is_none() {
            gate.settings(effective, effective.path("chrootdirectory"));
        }
        gate
    }

    fn ask(
        &mut self,
        user: &User,
        effective: &Effective<'_>,
        subject: Subject<'_>,
        machine: &Machine<'_>,
        reader: &Reader<'_>,
    ) -> Option<Verdict> {
        let use_pam = effective.flag("usepam", false) && machine.server.has_pam;
        let chroot = effective.path("chrootdirectory");
        // libwrap is asked before anybody says who they are.
        let closed = match machine.access {
            Access::Everybody => None,
            Access::Some(path) => {
                self.restrictions.push(Restriction::new(RestrictionKind::Source, path));
                None
            }
            Access::Nobody(path) => Some(Verdict::refused(Refusal::HostsAccess, path)),
        };
        let closed = closed.or_else(|| (!use_pam).then(|| without_pam(user, machine)).flatten());
        let closed = closed.or_else(|| if chroot.is_none() { self.shell(user, reader) } else { None });
        let closed = closed.or_else(|| self.lists(effective, subject));
        let closed = closed.or_else(|| keys_off(effective));
        let closed = closed.or_else(|| self.methods(effective)).or_else(|| self.root(user, effective));
        let closed = closed.or_else(|| use_pam.then(|| with_pam(user, machine)).flatten());
        let keeps_out = machine.nologin && user.uid != 0;
        let closed = closed.or_else(|| {
            (keeps_out && use_pam && machine.pam.nologin).then(|| Verdict::refused(Refusal::NoLogin, ""))
        });
        // By itself the server asks for the file when a session begins, which
        // forwarding does without.
        if keeps_out && !use_pam {
            self.no_shell = Some("/etc/nologin".to_owned());
        }
        if closed.is_none() {
            self.settings(effective, chroot);
        }
        closed
    }

    fn shell(&mut self, user: &User, reader: &Reader<'_>) -> Option<Verdict> {
        let shell: &[u8] = if user.shell.is_empty() { b"/bin/sh" } else { &user.shell };
        let text = String::from_utf8_lossy(shell).into_owned();
        let resolved = reader.root.resolve(shell);
        let Some(stat) = resolved.as_ref().ok().and_then(|resolved| resolved.last()) else {
            return Some(Verdict::refused(Refusal::Shell, format!("{text} is not there")));
        };
        if !stat.file_type.is_file() || stat.permissions & 0o111 == 0 {
            return Some(Verdict::refused(Refusal::Shell, format!("{text} cannot be run")));
        }
        let name = text.rsplit('/').next().unwrap_or_default();
        if NO_SHELLS.contains(&name) {
            self.no_shell = Some(text);
        }
        None
    }

    fn lists(&mut self, effective: &Effective<'_>, subject: Subject<'_>) -> Option<Verdict> {
        let user = subject.user;
        for pattern in effective.list("denyusers") {
            match names_user(pattern, subject) {
                Truth::Yes => return Some(Verdict::refused(Refusal::DenyUsers, pattern)),
                Truth::Open => {
                    self.restrictions
                        .push(Restriction::new(RestrictionKind::Source, format!("DenyUsers {pattern}")));
                }
                Truth::No => {}
            }
        }
        let allowed = effective.list("allowusers");
        if !allowed.is_empty() {
            let truths: Vec<(&str, Truth)> =
                allowed.iter().map(|pattern| (*pattern, names_user(pattern, subject))).collect();
            if !truths.iter().any(|(_, truth)| *truth == Truth::Yes) {
                let mut open = truths.iter().filter(|(_, truth)| *truth == Truth::Open).peekable();
                if open.peek().is_none() {
                    return Some(Verdict::refused(Refusal::AllowUsers, user));
                }
                let patterns: Vec<&str> = open.map(|(pattern, _)| *pattern).collect();
                let detail = format!("AllowUsers {}", patterns.join(" "));
                self.restrictions.push(Restriction::new(RestrictionKind::Source, detail));
            }
        }
        let in_group = |patterns: &[&str]| -> Option<String> {
            let named = |group: &&&str| {
                patterns.iter().any(|pattern| ssh_pattern::matches(group.as_bytes(), pattern.as_bytes()))
            };
            subject.groups.iter().find(named).map(|group| (*group).to_owned())
        };
        let (denied, allowed) = (effective.list("denygroups"), effective.list("allowgroups"));
        if let Some(group) = in_group(&denied) {
            return Some(Verdict::refused(Refusal::DenyGroups, group));
        }
        if !allowed.is_empty() && in_group(&allowed).is_none() && !subject.groups_open {
            return Some(Verdict::refused(Refusal::AllowGroups, allowed.join(" ")));
        }
        let asked = !denied.is_empty() || (!allowed.is_empty() && in_group(&allowed).is_none());
        (asked && subject.groups_open).then(|| {
            Verdict::unverified(Undecided::Directory, "groups may come from a directory on the network")
        })
    }

    /// `AuthenticationMethods`: each word is a way to log in, a list of methods.
    fn methods(&mut self, effective: &Effective<'_>) -> Option<Verdict> {
        let ways = effective.get(&["authenticationmethods"])?;
        if matches!(ways, [only] if only.eq_ignore_ascii_case("any")) {
            return None;
        }
        let password = effective.flag("passwordauthentication", true);
        let is_off = |way: &str| way.split(',').any(|method| method == "password" && !password);
        let with_key = |way: &&String| way.split(',').any(|method| method == "publickey") && !is_off(way);
        let mut ways = ways.iter().filter(with_key).peekable();
        if ways.peek().is_none() {
            return Some(Verdict::refused(Refusal::AuthenticationMethods, ""));
        }
        let ways: Vec<&String> = ways.collect();
        if !ways.iter().any(|way| *way == "publickey") {
            let detail = ways.iter().map(|way| way.as_str()).collect::<Vec<_>>().join(" ");
            self.restrictions.push(Restriction::new(RestrictionKind::SecondFactor, detail));
        }
        None
    }

    fn root(&mut self, user: &User, effective: &Effective<'_>) -> Option<Verdict> {
        if user.uid != 0 {
            return None;
        }
        let word = effective.word(&["permitrootlogin"]).unwrap_or_default().to_ascii_lowercase();
        self.needs_command = word == "forced-commands-only";
        (word == "no").then(|| Verdict::refused(Refusal::RootLoginOff, ""))
    }

    /// What the configuration takes away from every key.
    fn settings(&mut self, effective: &Effective<'_>, chroot: Option<&str>) {
        let mut add = |kind, detail: &str| self.restrictions.push(Restriction::new(kind, detail));
        if let Some(command) = effective
            .get(&["forcecommand"])
            .filter(|words| words.first().is_some_and(|word| !word.eq_ignore_ascii_case("none")))
        {
            add(RestrictionKind::ForceCommand, &program(&command.join(" ")));
        }
        if let Some(chroot) = chroot {
            add(RestrictionKind::Chroot, chroot);
        }
        if !effective.flag("permittty", true) {
            add(RestrictionKind::NoPty, "");
        }
        if !forwarding(effective) {
            add(RestrictionKind::NoPortForwarding, "");
        }
    }
}

/// The program of a command line. Its arguments may hold secrets, and so may
/// variables before it.
pub(super) fn program(command: &str) -> String {
    let mut words = command.split_ascii_whitespace();
    let first = words.find(|word| !word.contains('=')).unwrap_or_default();
    let more = if words.next().is_some() { " …" } else { "" };
    format!("{}{more}", first.chars().take(128).collect::<String>())
}

fn keys_off(effective: &Effective<'_>) -> Option<Verdict> {
    let off = !effective.flag("pubkeyauthentication", true);
    off.then(|| Verdict::refused(Refusal::PubkeyAuthenticationOff, ""))
}

fn forwarding(effective: &Effective<'_>) -> bool {
    let word = effective.word(&["allowtcpforwarding"]);
    !effective.flag("disableforwarding", false) && word.is_none_or(|word| !word.eq_ignore_ascii_case("no"))
}

/// Whether `user` or `user@host` names the account.
fn names_user(pattern: &str, subject: Subject<'_>) -> Truth {
    let holds = |yes: bool| if yes { Truth::Yes } else { Truth::No };
    let Some((user, host)) = pattern.split_once('@') else {
        return holds(ssh_pattern::matches(subject.user.as_bytes(), pattern.as_bytes()));
    };
    if !ssh_pattern::matches(subject.user.as_bytes(), user.as_bytes()) {
        return Truth::No;
    }
    match subject.client {
        Some(Client { address, .. }) if !subject.use_dns => {
            let text = address.to_string();
            holds(ssh_pattern::matches_client(text.as_bytes(), *address, host.as_bytes()))
        }
        _ if subject.use_dns || ssh_pattern::can_match_an_address(host.as_bytes()) => Truth::Open,
        _ => Truth::No,
    }
}

/// The server's own test, which it makes only where PAM is not asked.
fn without_pam(user: &User, machine: &Machine<'_>) -> Option<Verdict> {
    if machine.users.password(user) == PasswordState::Unknown {
        let why = "the account's entry in /etc/shadow could not be read";
        // Without an entry there is nothing that could lock it; without the file,
        // nobody knows.
        return (!machine.users.shadow_known).then(|| Verdict::unverified(Undecided::Unreadable, why));
    }
    if machine.users.password(user) == PasswordState::Locked {
        return Some(Verdict::refused(Refusal::AccountLocked, ""));
    }
    let expires = machine.users.shadow_of(user)?.expires?;
    (expires < machine.today).then(|| Verdict::refused(Refusal::AccountExpired, day(expires)))
}

/// What `pam_unix` says of an account and its password's age.
fn with_pam(user: &User, machine: &Machine<'_>) -> Option<Verdict> {
    if let Some(unknown) = &machine.pam.unknown {
        return Some(Verdict::unverified(Undecided::Pam, unknown.as_str()));
    }
    let Some(shadow) = machine.users.shadow_of(user) else {
        let unknown = !machine.users.shadow_known || user.password == Password::Elsewhere;
        let why = "the account has no entry in /etc/shadow that could be read";
        return unknown.then(|| Verdict::unverified(Undecided::Unreadable, why));
    };
    if let Some(expires) = shadow.expires.filter(|expires| *expires <= machine.today) {
        return Some(Verdict::refused(Refusal::AccountExpired, day(expires)));
    }
    let changed = shadow.changed?;
    if changed == 0 {
        return Some(Verdict::refused(Refusal::PasswordExpired, "it must be changed at the next login"));
    }
    let age = machine.today.saturating_sub(changed);
    let maximum = shadow.maximum?;
    (age > maximum).then(|| Verdict::refused(Refusal::PasswordExpired, day(changed.saturating_add(maximum))))
}

/// A day since 1970 as a date.
pub(in super::super) fn day(days: i64) -> String {
    let time = days.checked_mul(86_400).and_then(|seconds| Timestamp::from_unix(seconds, 0));
    time.map(|time| time.to_string().chars().take(10).collect()).unwrap_or_default()
}
