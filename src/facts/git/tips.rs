//! Where the history of a repository begins: references, the stash, reflogs. Source:
//! gitrepository-layout(5), git-reflog(1).

use super::parse_id;
use super::store::Store;
use crate::source::unpack::git::ObjectId;

/// The most files of references or reflogs, and the most bytes of one.
const MAX_FILES: usize = 20_000;
const MAX_FILE: usize = 16 << 20;
/// The most bytes of all reflogs together.
const MAX_LOGS: usize = 64 << 20;
/// The deepest directory of references.
const MAX_DEPTH: usize = 16;

/// What leads into a repository, each kind apart.
#[derive(Debug, Default)]
pub(super) struct Tips {
    pub(super) head: Option<ObjectId>,
    pub(super) references: Vec<ObjectId>,
    pub(super) stash: Vec<ObjectId>,
    pub(super) reflogs: Vec<ObjectId>,
}

impl Tips {
    pub(super) fn read(store: &Store<'_>, repository: &[u8]) -> Self {
        let mut tips = Self::default();
        let join = |name: &[u8]| [repository, b"/", name].concat();
        let packed = packed(store, &join(b"packed-refs"));
        let mut roots = vec![repository.to_vec()];
        let worktrees = store.list(&join(b"worktrees"), MAX_FILES);
        roots.extend(worktrees.iter().map(|name| join(&[b"worktrees/".as_slice(), name].concat())));
        for (number, root) in roots.iter().enumerate() {
            let head = store.read(&[root, b"/HEAD".as_slice()].concat(), 4096).unwrap_or_default();
            let head = match head.trim_ascii().strip_prefix(b"ref: ") {
                Some(name) => {
                    let loose = name.starts_with(b"refs/").then(|| store.read(&join(name), 4096)).flatten();
                    let packed = || Some(packed.iter().find(|(_, known)| known == name)?.0);
                    loose.and_then(|text| parse_id(text.trim_ascii())).or_else(packed)
                }
                None => parse_id(head.trim_ascii()),
            };
            tips.references.extend(head);
            if number == 0 {
                tips.head = head;
            }
            if store.list(&[root, b"/reftable".as_slice()].concat(), 1).is_empty() {
                continue;
            }
            // References in another form than files are not read.
            store.miss();
        }
        for (id, name) in packed {
            if name == b"refs/stash" { &mut tips.stash } else { &mut tips.references }.push(id);
        }
        let mut logs_left = MAX_LOGS;
        for root in &roots {
            for path in files(store, &[root, b"/refs".as_slice()].concat()) {
                let id = store.read(&path, 4096).and_then(|text| parse_id(text.trim_ascii()));
                let is_stash = path.ends_with(b"/refs/stash");
                if is_stash { &mut tips.stash } else { &mut tips.references }.extend(id);
            }
            for path in files(store, &[root, b"/logs".as_slice()].concat()) {
                let text = read(store, &path, MAX_FILE.min(logs_left));
                logs_left = logs_left.saturating_sub(text.len());
                let is_stash = path.ends_with(b"/logs/refs/stash");
                let ids = if is_stash { &mut tips.stash } else { &mut tips.reflogs };
                for line in text.split(|byte| *byte == b'\n') {
                    let mut words = line.splitn(3, |byte| *byte == b' ');
                    let both = [words.next(), words.next()].into_iter().flatten();
                    // An id of zeros: there was nothing before, or is nothing now.
                    ids.extend(both.filter_map(parse_id).filter(|id| *id != ObjectId::default()));
                }
            }
        }
        tips.reflogs.sort_unstable();
        tips.reflogs.dedup();
        tips
    }
}

/// A file, or its beginning: then something is missed.
fn read(store: &Store<'_>, path: &[u8], max: usize) -> Vec<u8> {
    let text = store.read(path, max.saturating_add(1)).unwrap_or_default();
    if text.len() > max {
        store.miss();
    }
    text
}

/// Id and name of each line.
fn packed(store: &Store<'_>, path: &[u8]) -> Vec<(ObjectId, Vec<u8>)> {
    let text = read(store, path, MAX_FILE);
    let lines = text.split(|byte| *byte == b'\n');
    let one = |line: &[u8]| {
        let (id, name) = line.split_at_checked(40)?;
        Some((parse_id(id)?, name.trim_ascii().to_vec()))
    };
    lines.filter_map(one).collect()
}

/// The files beneath a directory. What is none is told by that nothing can be read of it.
fn files(store: &Store<'_>, directory: &[u8]) -> Vec<Vec<u8>> {
    let mut files = Vec::new();
    let mut open = vec![(directory.to_vec(), 0)];
    while let Some((path, depth)) = open.pop() {
        let names = store.list(&path, MAX_FILES);
        if names.is_empty() {
            files.push(path);
        } else if depth < MAX_DEPTH {
            let below = names.iter().map(|name| ([&path, b"/".as_slice(), name].concat(), depth + 1));
            open.extend(below);
        }
        if files.len().saturating_add(open.len()) > MAX_FILES {
            store.miss();
            break;
        }
    }
    files
}
