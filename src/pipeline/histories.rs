//! What repositories of git say of the objects in which something was found.
//!
//! Role: asks each repository once for all of its objects with findings, and writes the
//! answer into the records. Not for: the walk itself (see `facts::git`).

use std::collections::{BTreeMap, HashMap, HashSet};

use rayon::prelude::*;

use super::hits::{Found, InsideHits};
use super::masking::{mask, shown};
use crate::enrich::Enriched;
use crate::facts::git;
use crate::finding::{GitFacts, ProvenanceStep, Secret};
use crate::formats::hex;
use crate::source::Tree;
use crate::source::unpack::git::ObjectId;
use crate::threads::Pool;

/// By target, directory of the repository, and object.
#[derive(Default)]
pub(super) struct Histories(HashMap<(u32, Vec<u8>), HashMap<ObjectId, GitFacts>>);

impl Histories {
    /// Of files by target and path; `trees`: where the targets' files can be read again.
    pub(super) fn read<'f>(
        files: impl Iterator<Item = (u32, &'f [u8], &'f Found)>,
        trees: &[Option<&dyn Tree>],
        pool: &Pool,
    ) -> Self {
        let mut wanted: BTreeMap<(u32, Vec<u8>), HashSet<ObjectId>> = BTreeMap::new();
        // Of a file that was deleted nobody knows which repository it was in.
        for (target, path, found) in files.filter(|(_, _, found)| !found.deleted) {
            let Some(repository) = repository_of(path) else { continue };
            let objects = found.inside.iter().filter_map(|inside| object_of(inside));
            for object in objects {
                wanted.entry((target, repository.to_vec())).or_default().insert(object);
            }
        }
        let look = |((target, repository), objects): ((u32, Vec<u8>), HashSet<ObjectId>)| {
            let tree = (*trees.get(usize::try_from(target).ok()?)?)?;
            let facts = git::look(tree, &repository, &objects);
            Some(((target, repository), facts))
        };
        Self(pool.install(|| wanted.into_par_iter().filter_map(look).collect()))
    }

    /// Says in the records what is known of the object.
    pub(super) fn say(
        &self,
        enriched: &mut Enriched,
        (target, path): (u32, &[u8]),
        inside: &InsideHits,
        secrets: &[&Secret],
    ) {
        let Some((repository, object)) = repository_of(path).zip(object_of(inside)) else { return };
        let known = self.0.get(&(target, repository.to_vec()));
        let Some(facts) = known.and_then(|facts| facts.get(&object)) else { return };
        let mut facts = facts.clone();
        let masked = |text: &mut String| {
            if let Some(masked) = mask(text.as_bytes(), secrets) {
                *text = String::from_utf8_lossy(&masked).into_owned();
            }
        };
        masked(&mut facts.repository);
        if let Some(commit) = &mut facts.oldest {
            masked(&mut commit.author);
            masked(&mut commit.email);
            commit.path.as_mut().map(masked);
        }
        let path = facts.oldest.as_ref().and_then(|commit| commit.path.as_ref());
        let name = |provenance: &mut Vec<ProvenanceStep>| {
            let step = provenance.iter_mut().find(|step| step.kind == ProvenanceStep::GIT_OBJECT);
            if let Some((step, path)) = step.zip(path) {
                step.name = format!("{}:{path}", step.name);
            }
        };
        if let Some(key) = &mut enriched.key {
            name(&mut key.location.provenance);
        }
        if let Some(finding) = &mut enriched.finding {
            name(&mut finding.location.provenance);
            finding.git = Some(Box::new(facts));
        }
    }
}

/// The object of git that lies in the file itself.
fn object_of(inside: &InsideHits) -> Option<ObjectId> {
    let (kind, name) = inside.steps.first()?;
    hex::array(name.as_ref().filter(|_| *kind == ProvenanceStep::GIT_OBJECT)?.as_bytes())
}

/// The directory of the repository that has a pack or a loose object at this path.
fn repository_of(path: &[u8]) -> Option<&[u8]> {
    let path = shown(path);
    let at = memchr::memmem::rfind(path, b"/objects/")?;
    path.get(..at)
}

#[cfg(test)]
mod tests {
    use super::repository_of;

    #[test]
    fn the_repository_is_what_has_the_objects() {
        for (path, repository) in [
            ("/srv/app/.git/objects/ab/cd", Some("/srv/app/.git")),
            ("/srv/objects/app.git/objects/pack/pack-1.pack", Some("/srv/objects/app.git")),
            ("/objects/ab/cd", Some("")),
            ("/srv/a.pack", None),
        ] {
            assert_eq!(repository_of(path.as_bytes()), repository.map(str::as_bytes), "{path}");
        }
    }
}
