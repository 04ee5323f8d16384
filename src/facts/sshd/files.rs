//! Which files an account's keys are read from, and whether the server would use
//! one as it lies there.

use crate::facts::reader::Reader;
use crate::facts::users::Users;
use crate::finding::{Refusal, Undecided, Verdict};
use crate::formats::passwd::User;
use crate::source::FileStat;

/// The most patterns of `AuthorizedKeysFile`.
const MAX_PATTERNS: usize = 16;

/// The paths that `AuthorizedKeysFile` names for an account: tokens replaced,
/// relative ones in its home. `None`: a token that no version knows, which ends the
/// server's process.
pub(in super::super) fn paths(patterns: &[String], user: &User) -> Option<Vec<Vec<u8>>> {
    let used = patterns.iter().filter(|pattern| !pattern.eq_ignore_ascii_case("none"));
    used.take(MAX_PATTERNS).map(|pattern| path(pattern, user)).collect()
}

/// Replaces the tokens of one pattern.
fn path(pattern: &str, user: &User) -> Option<Vec<u8>> {
    let mut path = Vec::new();
    let mut bytes = pattern.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            path.push(byte);
            continue;
        }
        match bytes.next()? {
            b'%' => path.push(b'%'),
            b'h' => path.extend_from_slice(&user.home),
            b'u' => path.extend_from_slice(user.name.as_bytes()),
            b'U' => path.extend_from_slice(user.uid.to_string().as_bytes()),
            _ => return None,
        }
    }
    if path.first() == Some(&b'/') { Some(path) } else { Some([&*user.home, b"/", &path].concat()) }
}

/// Why the server would not use a file; `None`: it would.
pub(in super::super) fn refuses(
    path: &[u8],
    user: &User,
    users: &Users,
    strict: bool,
    group_patch: bool,
    reader: &Reader<'_>,
) -> Option<Verdict> {
    let Ok(resolved) = reader.root.resolve(path) else {
        return Some(Verdict::unverified(Undecided::Unreadable, String::from_utf8_lossy(path)));
    };
    let shown = |depth: usize| -> String {
        let mut at = Vec::new();
        for name in resolved.path.split(|byte| *byte == b'/').filter(|name| !name.is_empty()).take(depth) {
            at.push(b'/');
            at.extend_from_slice(name);
        }
        if at.is_empty() { "/".to_owned() } else { String::from_utf8_lossy(&at).into_owned() }
    };
    let file = resolved.last()?;
    let gids = users.gids_of(user);
    let may = |stat: &FileStat, bit: u32| {
        let shift = match stat {
            stat if stat.uid == user.uid => 6,
            stat if gids.contains(&stat.gid) => 3,
            _ => 0,
        };
        user.uid == 0 || stat.permissions >> shift & bit != 0
    };
    let directories = resolved.stats.get(..resolved.depth()).unwrap_or_default();
    if !may(file, 4) || !directories.iter().chain(&resolved.passed).all(|stat| may(stat, 1)) {
        return Some(Verdict::refused(Refusal::FileUnreadable, shown(resolved.depth())));
    }
    if !strict {
        return None;
    }
    // From the file up to and including the home, or the root where it is not there.
    let home = reader.root.resolve(&user.home).ok();
    let last = match &home {
        Some(home) if is_in(&resolved.path, &home.path) => home.depth(),
        _ => 0,
    };
    for (depth, stat) in resolved.stats.iter().enumerate().rev().take_while(|(depth, _)| *depth >= last) {
        if let Some(why) = weak(stat, user, users, group_patch) {
            return Some(Verdict::refused(Refusal::StrictModes, format!("{} {why}", shown(depth))));
        }
    }
    None
}

fn is_in(path: &[u8], directory: &[u8]) -> bool {
    directory == b"/" || path.strip_prefix(directory).is_some_and(|rest| rest.first() == Some(&b'/'))
}

/// Who else can write it.
fn weak(stat: &FileStat, user: &User, users: &Users, group_patch: bool) -> Option<String> {
    if stat.uid != 0 && stat.uid != user.uid {
        return Some(format!("belongs to user {}", stat.uid));
    }
    if stat.permissions & 0o002 != 0 {
        return Some("can be written by everyone".to_owned());
    }
    if stat.permissions & 0o020 != 0 && !(group_patch && users.is_only_member(user.uid, stat.gid)) {
        return Some("can be written by its group".to_owned());
    }
    None
}
