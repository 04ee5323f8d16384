//! What PAM's account stage says, as far as its configuration tells.
//!
//! Facts: pam.conf(5), pam_unix(8), pam_nologin(8). Modules that let local accounts
//! pass whatever they find are passed over; what another module decides is not
//! known.

use super::super::reader::Reader;

/// How deep includes go.
const MAX_DEPTH: usize = 8;
/// The most lines that are read of all files.
const MAX_LINES: usize = 2000;
/// Modules whose account stage refuses no local account.
const HARMLESS: [&str; 13] = [
    "pam_permit",
    "pam_deny",
    "pam_env",
    "pam_localuser",
    "pam_usertype",
    "pam_succeed_if",
    "pam_faillock",
    "pam_sss",
    "pam_ldap",
    "pam_winbind",
    "pam_krb5",
    "pam_systemd_home",
    "pam_motd",
];

/// The account stage of the server's service.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Pam {
    /// Expired accounts and passwords are refused.
    pub(in super::super) unix: bool,
    /// `/etc/nologin` is asked.
    pub(in super::super) nologin: bool,
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
        if first.trim_start_matches('-') != "account" {
            return;
        }
        let rest = line.get(first.len()..).unwrap_or_default().trim_start();
        // The control is one word or stands in brackets.
        let (control, rest) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((control, rest)) => (control, rest),
            None => rest.split_once([' ', '\t']).unwrap_or((rest, "")),
        };
        let module = rest.split_ascii_whitespace().next().unwrap_or_default();
        if matches!(control, "include" | "substack") {
            self.include(reader, Some(module), depth, lines);
            return;
        }
        let module = module.rsplit('/').next().unwrap_or_default().trim_end_matches(".so");
        match module {
            "pam_unix" => self.unix = true,
            "pam_nologin" => self.nologin = true,
            "pam_access" if !has_rules(reader, "etc/security/access.conf") => {}
            "pam_time" if !has_rules(reader, "etc/security/time.conf") => {}
            module if HARMLESS.contains(&module) => {}
            module => self.unknown = Some(module.chars().take(64).collect()),
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

/// Whether a file has a line that is no comment.
fn has_rules(reader: &mut Reader<'_>, path: &str) -> bool {
    reader.file(path.as_bytes(), 1 << 20).bytes().is_some_and(|bytes| {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        text.lines().any(|line| !line.trim_start().starts_with('#') && !line.trim().is_empty())
    })
}
