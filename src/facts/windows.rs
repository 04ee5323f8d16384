//! Where Windows has the files of its OpenSSH server, below the root of a drive.
//!
//! Facts: the `sshd_config` that comes with it ends with a block for the group of
//! administrators, whose keys are all in one file; names have no case.

use super::reader::Reader;

/// A file with keys and whose it is.
pub(super) struct KeyFile {
    pub(super) account: String,
    pub(super) path: Vec<u8>,
}

/// The name under which administrators' keys are told.
pub(super) const ADMINISTRATORS: &str = "Administrators";
/// The most profiles that are looked at.
const MAX_PROFILES: usize = 1000;

/// The folder of the server, where there is one.
pub(super) fn server(reader: &mut Reader<'_>) -> Option<Vec<u8>> {
    find(reader, &["ProgramData", "ssh"])
}

/// The folders of profiles, by the names of their accounts.
pub(super) fn profiles(reader: &mut Reader<'_>) -> Vec<(String, Vec<u8>)> {
    let Some(users) = find(reader, &["Users"]) else { return Vec::new() };
    let not_accounts = ["public", "default", "default user", "all users", "desktop.ini"];
    let names = reader.list(&users).into_iter().take(MAX_PROFILES);
    names
        .map(|name| (String::from_utf8_lossy(&name).into_owned(), [&*users, b"/", &name].concat()))
        .filter(|(name, _)| !not_accounts.contains(&name.to_ascii_lowercase().as_str()))
        .collect()
}

/// The files with keys.
pub(super) fn key_files(reader: &mut Reader<'_>, profiles: &[(String, Vec<u8>)]) -> Vec<KeyFile> {
    let mut files = Vec::new();
    if let Some(path) = find(reader, &["ProgramData", "ssh", "administrators_authorized_keys"]) {
        files.push(KeyFile { account: ADMINISTRATORS.to_owned(), path });
    }
    for (account, home) in profiles {
        files
            .push(KeyFile { account: account.clone(), path: [home, &b"/.ssh/authorized_keys"[..]].concat() });
    }
    files
}

/// A path by names whose case does not matter.
fn find(reader: &mut Reader<'_>, names: &[&str]) -> Option<Vec<u8>> {
    let mut path = Vec::new();
    for wanted in names {
        let names = reader.list(if path.is_empty() { b"." } else { &path });
        let name = names.into_iter().find(|name| name.eq_ignore_ascii_case(wanted.as_bytes()))?;
        if !path.is_empty() {
            path.push(b'/');
        }
        path.extend_from_slice(&name);
    }
    Some(path)
}
