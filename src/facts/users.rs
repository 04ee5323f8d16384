//! The accounts of a machine, as its C library would give them.

use std::collections::{HashMap, HashSet};

use super::reader::{Content, Reader};
use crate::finding::PasswordState;
use crate::formats::passwd::{self, Group, Line, Password, Shadow, User};

/// The most bytes of a file that are read.
const MAX_FILE: usize = 16 << 20;
/// The most accounts and groups that are kept.
const MAX_ENTRIES: usize = 1 << 16;
/// The most memberships that are kept of all groups together.
const MAX_MEMBERSHIPS: usize = 1 << 20;

/// Accounts and groups.
#[derive(Debug, Default)]
pub(super) struct Users {
    /// In the order of the file; of those with the same name the first.
    pub(super) users: Vec<User>,
    groups: Vec<Group>,
    shadow: HashMap<String, Shadow>,
    /// Whether `shadow` was there and all of it was understood.
    pub(super) shadow_known: bool,
    /// By the number of a primary group: the accounts.
    by_primary: HashMap<u32, Vec<usize>>,
    /// By the name of an account: the groups that name it.
    by_member: HashMap<String, Vec<usize>>,
    by_gid: HashMap<u32, usize>,
    by_uid: HashMap<u32, usize>,
    /// Every line of `passwd` and `group` was read and understood: only then is it
    /// known who else is in a group.
    members_known: bool,
    /// Accounts or groups may come from the network as well.
    pub(super) elsewhere: bool,
}

impl Users {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let mut users = Self::default();
        let mut names = HashSet::new();
        let (passwd, passwd_whole) = entries(reader, "etc/passwd", passwd::user);
        let (group, group_whole) = entries(reader, "etc/group", passwd::group);
        users.members_known = passwd_whole && group_whole;
        for user in passwd {
            if names.insert(user.name.clone()) {
                users.by_primary.entry(user.gid).or_default().push(users.users.len());
                users.by_uid.entry(user.uid).or_insert(users.users.len());
                users.users.push(user);
            } else {
                reader.problem(b"etc/passwd", "an account's name is there more than once: the first counts");
            }
        }
        let mut memberships = 0;
        for group in group {
            let at = users.groups.len();
            users.by_gid.entry(group.gid).or_insert(at);
            for member in &group.members {
                memberships += 1;
                if memberships <= MAX_MEMBERSHIPS {
                    users.by_member.entry(member.clone()).or_default().push(at);
                }
            }
            users.groups.push(group);
        }
        let (shadow, whole) = entries(reader, "etc/shadow", passwd::shadow);
        users.shadow_known = whole;
        let known = memberships <= MAX_MEMBERSHIPS && (group_whole || !reader.exists("etc/group"));
        for entry in shadow {
            users.shadow.entry(entry.name.clone()).or_insert(entry);
        }
        users.elsewhere = !known
            || reader
                .file(b"etc/nsswitch.conf", 64 << 10)
                .bytes()
                .is_some_and(|bytes| from_network(&String::from_utf8_lossy(&bytes)));
        users
    }

    /// The names of an account's groups, the primary one first.
    pub(super) fn groups_of(&self, user: &User) -> Vec<&str> {
        let primary = self.by_gid.get(&user.gid).into_iter();
        let others = self.by_member.get(&user.name).into_iter().flatten();
        let mut names: Vec<&str> = Vec::new();
        for group in primary.chain(others).filter_map(|at| self.groups.get(*at)) {
            if !names.contains(&group.name.as_str()) {
                names.push(&group.name);
            }
        }
        names
    }

    /// The numbers of an account's groups.
    pub(super) fn gids_of(&self, user: &User) -> Vec<u32> {
        let others = self.by_member.get(&user.name).into_iter().flatten();
        let others = others.filter_map(|at| self.groups.get(*at)).map(|group| group.gid);
        std::iter::once(user.gid).chain(others).collect()
    }

    /// Whether an account is the only member of a group, as Debian's sshd asks it.
    pub(super) fn is_only_member(&self, uid: u32, gid: u32) -> bool {
        let Some(group) = self.by_gid.get(&gid).and_then(|at| self.groups.get(*at)) else { return false };
        if !self.members_known {
            return false;
        }
        let primary = self.by_primary.get(&gid).map(Vec::as_slice).unwrap_or_default();
        let of_at = |at: &usize| self.users.get(*at);
        if primary.iter().filter_map(of_at).any(|user| user.uid != uid) {
            return false;
        }
        let Some(owner) = self.by_uid.get(&uid).and_then(of_at) else { return false };
        match group.members.as_slice() {
            [] => !primary.is_empty(),
            [only] => *only == owner.name,
            _ => false,
        }
    }

    /// What `shadow` says of an account.
    pub(super) fn shadow_of(&self, user: &User) -> Option<&Shadow> {
        self.shadow.get(&user.name)
    }

    /// What the password field says, that of `shadow` where `passwd` refers to it.
    pub(super) fn password(&self, user: &User) -> PasswordState {
        let said = match user.password {
            Password::Elsewhere => self.shadow_of(user).map(|shadow| shadow.password),
            password => Some(password),
        };
        match said {
            Some(Password::Set) => PasswordState::Set,
            Some(Password::Empty) => PasswordState::Empty,
            Some(Password::Unusable) => PasswordState::Unusable,
            Some(Password::Locked) => PasswordState::Locked,
            Some(Password::Elsewhere) | None => PasswordState::Unknown,
        }
    }
}

/// Entries of a file, and whether it was there, was read to its end, and had no line
/// that was not understood.
fn entries<T>(reader: &mut Reader<'_>, path: &str, read: fn(&[u8]) -> Line<T>) -> (Vec<T>, bool) {
    let (bytes, mut whole) = match reader.file(path.as_bytes(), MAX_FILE) {
        Content::Whole(bytes, _) => (bytes, true),
        Content::Part(bytes, _) => (bytes, false),
        Content::Missing | Content::Unreadable => return (Vec::new(), false),
    };
    let mut entries = Vec::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        match read(line) {
            Line::Nothing => {}
            Line::Faulty => {
                whole = false;
                reader.problem(path.as_bytes(), "a line that has not the form of the file");
            }
            Line::Entry(_) if entries.len() >= MAX_ENTRIES => {
                reader.problem(path.as_bytes(), "more entries than are read");
                return (entries, false);
            }
            Line::Entry(entry) => entries.push(entry),
        }
    }
    (entries, whole)
}

/// Whether `nsswitch.conf` names more than files for accounts and groups.
fn from_network(text: &str) -> bool {
    const LOCAL: [&str; 5] = ["files", "compat", "systemd", "db", "altfiles"];
    text.lines().any(|line| {
        let line = line.split('#').next().unwrap_or_default();
        line.split_once(':').is_some_and(|(database, sources)| {
            matches!(database.trim(), "passwd" | "group" | "passwd_compat" | "group_compat" | "initgroups")
                && sources.split_ascii_whitespace().any(|source| {
                    !source.starts_with('[') && !source.ends_with(']') && !LOCAL.contains(&source)
                })
        })
    })
}
