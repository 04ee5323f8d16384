//! What PAM's stages of account and session say, as far as their configuration tells.
//!
//! Facts: pam.conf(5), pam_unix(8), pam_nologin(8), pam_access(8). Modules that let
//! local accounts pass whatever they find are passed over, and so are those whose
//! refusal does not count (`sufficient`, `optional`, `default=ignore`); what another
//! module decides is not known. The stage that authenticates is not asked of a key.

use super::super::reader::{Content, Reader};
use super::config::glob;

/// How deep includes go.
const MAX_DEPTH: usize = 8;
/// The most lines that are read of all files.
const MAX_LINES: usize = 2000;
/// Modules whose account stage refuses no local account.
const HARMLESS: [&str; 10] = [
    "pam_permit",
    "pam_env",
    "pam_localuser",
    "pam_faillock",
    "pam_sss",
    "pam_ldap",
    "pam_winbind",
    "pam_krb5",
    "pam_systemd_home",
    "pam_motd",
];

/// Modules that refuse nobody's session.
const HARMLESS_SESSIONS: [&str; 25] = [
    "pam_ck_connector",
    "pam_cap",
    "pam_env",
    "pam_gnome_keyring",
    "pam_keyinit",
    "pam_krb5",
    "pam_lastlog",
    "pam_lastlog2",
    "pam_ldap",
    "pam_limits",
    "pam_loginuid",
    "pam_mail",
    "pam_mkhomedir",
    "pam_motd",
    "pam_namespace",
    "pam_oddjob_mkhomedir",
    "pam_permit",
    "pam_selinux",
    "pam_sss",
    "pam_systemd",
    "pam_systemd_home",
    "pam_umask",
    "pam_unix",
    "pam_winbind",
    "pam_xauth",
];

/// The account stage of the server's service.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Pam {
    /// Expired accounts and passwords are refused.
    pub(in super::super) unix: bool,
    /// `/etc/nologin` is asked.
    pub(in super::super) nologin: bool,
    /// A module that lets pass skips what follows, in either stage.
    passed: bool,
    session_passed: bool,
    /// Something that decides in a way that is not known.
    pub(in super::super) unknown: Option<String>,
}

impl Pam {
    pub(in super::super) fn read(reader: &mut Reader<'_>) -> Self {
        let mut pam = Self::default();
        let mut lines = MAX_LINES;
        if !pam.service(reader, "sshd", 0, &mut lines) && !pam.service(reader, "other", 0, &mut lines) {
            pam.unknown = Some("it has no configuration for sshd".to_owned());
        } else if !pam.unix && pam.unknown.is_none() {
            pam.unknown = Some("pam_unix is not asked".to_owned());
        }
        pam
    }

    /// Reads a service's file; whether there is one.
    fn service(&mut self, reader: &mut Reader<'_>, name: &str, depth: usize, lines: &mut usize) -> bool {
        let name = name.rsplit('/').next().unwrap_or(name);
        let read = ["etc/pam.d", "usr/lib/pam.d"]
            .into_iter()
            .find_map(|directory| reader.file(format!("{directory}/{name}").as_bytes(), 64 << 10).bytes());
        let Some(bytes) = read else { return false };
        let text = String::from_utf8_lossy(&bytes).replace("\\\n", " ");
        for line in text.lines() {
            let line = line.split('#').next().unwrap_or_default().trim();
            if *lines == 0 {
                self.unknown = Some("its configuration has more lines than are read".to_owned());
                return true;
            }
            *lines -= 1;
            self.line(reader, line, depth, lines);
        }
        true
    }

    fn line(&mut self, reader: &mut Reader<'_>, line: &str, depth: usize, lines: &mut usize) {
        let mut words = line.split_ascii_whitespace();
        let first = words.next().unwrap_or_default();
        if first == "@include" {
            self.include(reader, words.next(), depth, lines);
            return;
        }
        let stage = first.trim_start_matches('-').to_ascii_lowercase();
        if stage != "account" && stage != "session" {
            return;
        }
        let rest = line.get(first.len()..).unwrap_or_default().trim_start();
        // The control is one word or stands in brackets.
        let (control, rest) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((control, rest)) => (control, rest),
            None => rest.split_once([' ', '\t']).unwrap_or((rest, "")),
        };
        let mut arguments = rest.split_ascii_whitespace();
        let module = arguments.next().unwrap_or_default();
        if matches!(control, "include" | "substack") {
            self.include(reader, Some(module), depth, lines);
            return;
        }
        let module = module.rsplit('/').next().unwrap_or_default().trim_end_matches(".so");
        let known = if stage == "session" {
            // Debian's files jump over a `pam_deny` by `[default=1] pam_permit`.
            self.session_passed |= module == "pam_permit" && control.contains("default=1");
            match module {
                "pam_deny" => self.session_passed,
                "pam_access" => !has_access_rules(reader, arguments),
                module => HARMLESS_SESSIONS.contains(&module),
            }
        } else {
            match module {
                "pam_unix" => {
                    self.unix = true;
                    // Whatever is asked of others afterwards, as in Debian's files.
                    self.passed |= control == "sufficient" || control.contains("success=");
                    true
                }
                "pam_nologin" => {
                    self.nologin |= refuses(control);
                    true
                }
                // What stands behind a module that jumps over it.
                "pam_deny" => self.passed,
                "pam_access" => !has_access_rules(reader, arguments),
                "pam_time" => {
                    !arguments.any(|word| word.starts_with("conffile="))
                        && !has_rules(reader, b"etc/security/time.conf")
                }
                module => HARMLESS.contains(&module),
            }
        };
        if !known && refuses(control) {
            self.unknown = Some(module.chars().take(64).collect());
        }
    }

    fn include(&mut self, reader: &mut Reader<'_>, name: Option<&str>, depth: usize, lines: &mut usize) {
        let found =
            depth < MAX_DEPTH && name.is_some_and(|name| self.service(reader, name, depth + 1, lines));
        if !found {
            self.unknown = Some("an included file is not there".to_owned());
        }
    }
}

/// Whether a failure of a module counts.
fn refuses(control: &str) -> bool {
    let control = control.to_ascii_lowercase();
    match control.as_str() {
        "sufficient" | "optional" => false,
        "required" | "requisite" => true,
        // `[success=1 default=ignore]`: anything but success is passed over.
        actions => {
            let mut words = actions.split_ascii_whitespace();
            let ignored = |word: &str| word == "default=ignore" || !word.starts_with("default=");
            let fails = |word: &str| word.ends_with("=bad") || word.ends_with("=die");
            !actions.contains("default=") || words.any(|word| !ignored(word) || fails(word))
        }
    }
}

/// Whether `pam_access` has rules, or takes them from a file of its own.
fn has_access_rules<'a>(reader: &mut Reader<'_>, mut arguments: impl Iterator<Item = &'a str>) -> bool {
    arguments.any(|word| word.starts_with("accessfile="))
        || has_rules(reader, b"etc/security/access.conf")
        || glob(reader, b"etc/security/access.d/*.conf").iter().any(|path| has_rules(reader, path))
}

/// Whether a file has a line that is no comment, or may have one.
fn has_rules(reader: &mut Reader<'_>, path: &[u8]) -> bool {
    match reader.file(path, 1 << 20) {
        Content::Missing => false,
        Content::Unreadable | Content::Part(..) => true,
        Content::Whole(bytes, _) => bytes
            .split(|byte| *byte == b'\n')
            .map(<[u8]>::trim_ascii)
            .any(|line| !line.is_empty() && line.first() != Some(&b'#')),
    }
}
