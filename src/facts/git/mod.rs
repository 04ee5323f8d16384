//! Which commits of a repository have an object: asked only where something was found in it.
//!
//! Role: from the files of a repository in a snapshot and the ids of objects to what its
//! history says of them. Commits are walked from the references, then from the stash, then
//! from reflogs, and where an object is in none of these, all that there are. Not for: the
//! contents (see `source::unpack::git`). Nothing outside of the snapshot is asked, and git is
//! not run. Source: gitformat-pack(5), gitrepository-layout(5), "Git Internals".

mod store;
mod tips;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;

use crate::finding::{GitCommit, GitFacts, GitReach, Timestamp};
use crate::formats::hex;
use crate::source::Tree;
use crate::source::unpack::git::{ObjectId, ObjectKind};
use store::Store;
use tips::Tips;

/// The deepest directory in a commit.
const MAX_DEPTH: usize = 128;
/// The most places of wanted objects in one directory, and in all that are remembered.
const MAX_PLACES: usize = 64;
const MAX_REMEMBERED: usize = 100_000;

/// An id of 40 hex digits.
pub(crate) fn parse_id(digits: &[u8]) -> Option<ObjectId> {
    hex::array(digits)
}

/// What a repository's history says of some of its objects.
#[must_use]
pub fn look(tree: &dyn Tree, repository: &[u8], wanted: &HashSet<ObjectId>) -> HashMap<ObjectId, GitFacts> {
    let store = Store::open(tree, repository);
    let tips = Tips::read(&store, repository);
    let mut walk = Walk {
        store: &store,
        wanted,
        met: HashSet::new(),
        without: HashSet::new(),
        with: HashMap::new(),
        remembered: 0,
        seen: HashMap::new(),
    };
    walk.walk(&tips.references, GitReach::Ref);
    walk.walk(&tips.stash, GitReach::Stash);
    walk.walk(&tips.reflogs, GitReach::Reflog);
    let is_whole = !store.missed();
    if wanted.iter().any(|id| !walk.seen.contains_key(id)) {
        walk.walk_all(&store.all());
    }
    let in_head = walk.in_head(tips.head);
    let incomplete = store.missed();
    let mut facts = HashMap::new();
    for id in wanted {
        let seen = walk.seen.remove(id).unwrap_or_default();
        let reachable = match seen.reach {
            Some(reach @ (GitReach::Ref | GitReach::Stash | GitReach::Reflog)) => reach,
            _ if is_whole => GitReach::Unreachable,
            _ => GitReach::Unknown,
        };
        let oldest = seen.oldest.map(|(_, id, commit)| GitCommit { id: hex::encode(&id), ..commit });
        let one = GitFacts {
            object: hex::encode(id),
            repository: if repository.is_empty() { "/".to_owned() } else { text(repository) },
            reachable,
            commits: seen.commits,
            oldest,
            in_head: in_head.as_ref().map(|head| head.contains(id)).filter(|_| seen.in_trees),
            incomplete,
        };
        facts.insert(*id, one);
    }
    facts
}

/// What is known of a wanted object.
#[derive(Default)]
struct Seen {
    reach: Option<GitReach>,
    commits: u64,
    /// By the author's date; then by id, so that it does not depend on the order of the walk.
    oldest: Option<(i64, ObjectId, GitCommit)>,
    /// It is in a commit, not one itself.
    in_trees: bool,
}

/// Wanted objects beneath a directory, and their paths from there.
type Places = Rc<Vec<(ObjectId, Vec<u8>)>>;

struct Walk<'w, 't> {
    store: &'w Store<'t>,
    wanted: &'w HashSet<ObjectId>,
    /// Commits and tags.
    met: HashSet<ObjectId>,
    /// Directories with nothing that is wanted, and with something.
    without: HashSet<ObjectId>,
    with: HashMap<ObjectId, Places>,
    remembered: usize,
    seen: HashMap<ObjectId, Seen>,
}

impl Walk<'_, '_> {
    fn reach(&mut self, id: ObjectId, reach: GitReach) -> &mut Seen {
        let seen = self.seen.entry(id).or_default();
        seen.reach.get_or_insert(reach);
        seen
    }

    fn walk(&mut self, tips: &[ObjectId], reach: GitReach) {
        let mut open = tips.to_vec();
        while let Some(id) = open.pop() {
            if !self.met.insert(id) {
                continue;
            }
            let Some((kind, content)) = self.store.get(&id) else { continue };
            if self.wanted.contains(&id) {
                self.reach(id, reach);
            }
            match kind {
                ObjectKind::Commit => self.commit(id, &content, reach, &mut open),
                ObjectKind::Tag => open.extend(header(&content, b"object ").and_then(parse_id)),
                ObjectKind::Tree => {
                    for (found, _) in self.places(id, 0).iter() {
                        self.reach(*found, reach);
                    }
                }
                ObjectKind::Blob => {}
            }
        }
    }

    /// From every commit that there is.
    fn walk_all(&mut self, all: &[ObjectId]) {
        for id in all {
            if !self.met.contains(id)
                && !self.without.contains(id)
                && let Some((ObjectKind::Commit, _)) = self.store.get(id)
            {
                self.walk(&[*id], GitReach::Unreachable);
            }
        }
    }

    fn commit(&mut self, id: ObjectId, content: &[u8], reach: GitReach, open: &mut Vec<ObjectId>) {
        for line in headers(content) {
            open.extend(line.strip_prefix(b"parent ").and_then(parse_id));
        }
        if self.wanted.contains(&id) {
            let (date, commit) = author(content, None);
            let seen = self.reach(id, reach);
            seen.commits = 1;
            seen.oldest = Some((date, id, commit));
        }
        let Some(tree) = header(content, b"tree ").and_then(parse_id) else { return };
        let places = self.places(tree, 0);
        // One object may lie at several paths of one commit: the first counts.
        let first: BTreeMap<ObjectId, &Vec<u8>> =
            places.iter().rev().map(|(found, path)| (*found, path)).collect();
        for (found, path) in first {
            let (date, commit) = author(content, Some(text(path)));
            let seen = self.reach(found, reach);
            seen.in_trees = true;
            seen.commits = seen.commits.saturating_add(1);
            if seen.oldest.as_ref().is_none_or(|(known, other, _)| (date, id) < (*known, *other)) {
                seen.oldest = Some((date, id, commit));
            }
        }
    }

    /// What is wanted beneath a directory.
    fn places(&mut self, tree: ObjectId, depth: usize) -> Places {
        if self.without.contains(&tree) {
            return Places::default();
        }
        if let Some(places) = self.with.get(&tree) {
            return Rc::clone(places);
        }
        if depth >= MAX_DEPTH {
            self.store.miss();
            return Places::default();
        }
        let Some((ObjectKind::Tree, content)) = self.store.get(&tree) else { return Places::default() };
        let mut places = Vec::new();
        for (is_directory, name, id) in entries(&content) {
            if self.wanted.contains(&id) {
                places.push((id, name.to_vec()));
            }
            if is_directory {
                let below = self.places(id, depth + 1);
                let beneath =
                    |(id, path): &(ObjectId, Vec<u8>)| (*id, [name, b"/", path.as_slice()].concat());
                places.extend(below.iter().map(beneath));
            }
            if places.len() > MAX_PLACES {
                self.store.miss();
                places.truncate(MAX_PLACES);
            }
        }
        let places = Rc::new(places);
        if places.is_empty() {
            self.without.insert(tree);
        } else if self.remembered < MAX_REMEMBERED {
            self.remembered += places.len();
            self.with.insert(tree, Rc::clone(&places));
        }
        places
    }

    /// What is wanted of that which is checked out.
    fn in_head(&mut self, head: Option<ObjectId>) -> Option<HashSet<ObjectId>> {
        let (ObjectKind::Commit, content) = self.store.get(&head?)? else { return None };
        let tree = header(&content, b"tree ").and_then(parse_id)?;
        Some(self.places(tree, 0).iter().map(|(id, _)| *id).collect())
    }
}

/// The lines before the text.
fn headers(content: &[u8]) -> impl Iterator<Item = &[u8]> {
    content.split(|byte| *byte == b'\n').take_while(|line| !line.is_empty())
}

fn header<'c>(content: &'c [u8], name: &[u8]) -> Option<&'c [u8]> {
    headers(content).find_map(|line| line.strip_prefix(name))
}

/// Date and author of a commit: `A U Thor <author@example.org> 1614834367 +0100`.
fn author(content: &[u8], path: Option<String>) -> (i64, GitCommit) {
    let line = header(content, b"author ").unwrap_or_default();
    let open = memchr::memchr(b'<', line).unwrap_or(line.len());
    let (name, rest) = line.split_at_checked(open).unwrap_or_default();
    let rest = rest.strip_prefix(b"<").unwrap_or_default();
    let (email, rest) = rest.split_at_checked(memchr::memrchr(b'>', rest).unwrap_or(0)).unwrap_or_default();
    let words = rest.strip_prefix(b">").unwrap_or_default().trim_ascii();
    let seconds = words.split(|byte| *byte == b' ').next().and_then(|word| std::str::from_utf8(word).ok());
    let seconds: Option<i64> = seconds.and_then(|word| word.parse().ok());
    let commit = GitCommit {
        id: String::new(),
        author: text(name.trim_ascii()),
        email: text(email),
        authored_at: seconds.and_then(|seconds| Timestamp::from_unix(seconds, 0)),
        path,
    };
    (seconds.unwrap_or(i64::MAX), commit)
}

/// The entries of a directory: whether it is one itself, name, id.
fn entries(mut content: &[u8]) -> impl Iterator<Item = (bool, &[u8], ObjectId)> {
    std::iter::from_fn(move || {
        let (head, rest) = content.split_at_checked(memchr::memchr(0, content)?)?;
        let (id, behind) = rest.get(1..)?.split_first_chunk::<20>()?;
        content = behind;
        let (mode, name) = head.split_at_checked(memchr::memchr(b' ', head)?)?;
        Some((matches!(mode, b"40000" | b"040000"), name.get(1..)?, *id))
    })
}

/// As text; bytes that are not UTF-8 as `\xNN`.
fn text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        chunk.invalid().iter().for_each(|byte| text.push_str(&format!("\\x{byte:02x}")));
    }
    text
}
