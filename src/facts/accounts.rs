//! Names of users and groups, from the snapshot's `etc/passwd` and `etc/group`.
//!
//! Format: passwd(5) and group(5); one entry a line, fields separated by colons,
//! the name first, the number third.

use std::collections::HashMap;

use crate::source::Tree;

/// The most bytes of a file that are read; 16 MiB are some 250,000 accounts.
const MAX_FILE: usize = 16 << 20;
/// The most names that are kept of a file.
const MAX_NAMES: usize = 1 << 18;
/// The longest name that is believed, in bytes. Linux tools allow 32.
const MAX_NAME: usize = 256;

/// Users and groups by number. Where a number has several names, the first line
/// wins, as it does for the C library.
#[derive(Clone, Debug, Default)]
pub struct Accounts {
    users: HashMap<u32, String>,
    groups: HashMap<u32, String>,
}

impl Accounts {
    /// Reads both files of a snapshot; a file that is missing, is no regular file,
    /// or cannot be read gives no names. Links are followed inside the snapshot.
    #[must_use]
    pub fn read(root: &dyn Tree) -> Self {
        let parse = |path| root.read_beneath(path, MAX_FILE).map(|bytes| names(&bytes)).unwrap_or_default();
        Self { users: parse(c"etc/passwd"), groups: parse(c"etc/group") }
    }

    /// Reads the contents of a passwd and a group file.
    #[must_use]
    pub fn from_contents(passwd: &[u8], group: &[u8]) -> Self {
        Self { users: names(passwd), groups: names(group) }
    }

    /// The name of a user.
    #[must_use]
    pub fn user(&self, uid: u32) -> Option<&str> {
        self.users.get(&uid).map(String::as_str)
    }

    /// The name of a group.
    #[must_use]
    pub fn group(&self, gid: u32) -> Option<&str> {
        self.groups.get(&gid).map(String::as_str)
    }
}

/// Numbers and names of a file; a line that has not the form is passed over.
fn names(bytes: &[u8]) -> HashMap<u32, String> {
    let mut names = HashMap::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        if names.len() >= MAX_NAMES {
            break;
        }
        let mut fields = line.splitn(4, |byte| *byte == b':');
        let (Some(name), Some(_), Some(number)) = (fields.next(), fields.next(), fields.next()) else {
            continue;
        };
        let usable = !name.is_empty() && name.len() <= MAX_NAME && !name.starts_with(b"#");
        let digits = !number.is_empty() && number.iter().all(u8::is_ascii_digit);
        // `+` and `-` first are references to a network directory, not names.
        if !usable || !digits || matches!(name.first(), Some(b'+' | b'-')) {
            continue;
        }
        let Some(number) = std::str::from_utf8(number).ok().and_then(|text| text.parse().ok()) else {
            continue;
        };
        names.entry(number).or_insert_with(|| String::from_utf8_lossy(name).into_owned());
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(bytes: &[u8]) -> Vec<(u32, String)> {
        let mut all: Vec<_> = names(bytes).into_iter().collect();
        all.sort();
        all
    }

    #[test]
    fn lines_of_passwd_and_group_are_read() {
        let text = b"root:x:0:0:root:/root:/bin/bash\ntoor:x:0:0::/root:/bin/sh\nsync:*:4:65534\nadm:x:5:a,b";
        let expected = [(0, "root".into()), (4, "sync".into()), (5, "adm".into())];
        assert_eq!(sorted(text), expected);
    }

    #[test]
    fn bad_lines_are_passed_over() {
        let text = b"\n:x:1:\nplus\n+::5:\n-bad:x:6:\n# a:x:7:\nneg:x:-1:\nbig:x:4294967296:\nsp:x: 3:\n\
            max:x:4294967295:\nraw\xff:x:8:\nno:x:";
        assert_eq!(sorted(text), [(8, "raw\u{fffd}".into()), (u32::MAX, "max".into())]);
        assert!(names(&[b'a'; 100_000]).is_empty());
    }

    #[test]
    fn a_link_stays_in_the_snapshot() {
        let dir = tempfile::tempdir().expect("a directory");
        let etc = dir.path().join("etc");
        std::fs::create_dir(&etc).expect("etc");
        std::fs::create_dir(dir.path().join("real")).expect("real");
        std::fs::write(dir.path().join("real/passwd"), "inside:x:7:7::/:/bin/sh\n").expect("a file");
        // An absolute link means the snapshot's own root.
        std::os::unix::fs::symlink("/real/passwd", etc.join("passwd")).expect("a link");
        std::os::unix::fs::symlink("../../../../../../etc/group", etc.join("group")).expect("a link");
        let snapshot = crate::source::Snapshot::open(dir.path()).expect("a snapshot");
        let crate::source::SnapshotKind::Directory(root) = snapshot.kind() else { panic!("a directory") };
        let accounts = Accounts::read(root);
        assert_eq!(accounts.user(7), Some("inside"));
        assert_eq!(accounts.user(0), None);
        assert_eq!(accounts.group(0), None, "a link to itself has no content, and this machine is not asked");
    }
}
