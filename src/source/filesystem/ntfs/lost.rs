//! Names that a damaged index no longer gives, from the records that they name.
//!
//! Every record says in `$FILE_NAME` in which directory it stands. The first damaged
//! directory makes all records be read once; kept are eight bytes for each name.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::ops::ControlFlow;
use std::sync::OnceLock;

use super::index;
use super::name::FileName;
use super::node::Node;
use super::record::{kind, number, sequence};
use super::scan;
use super::volume::Volume;
use crate::source::disk::DiskError;

/// The most names that are kept: 256 MiB of them.
const MAX_NAMES: usize = 32 << 20;

/// Which records say that they stand in which directory: (directory, record), sorted.
#[derive(Debug, Default)]
pub(super) struct Children(OnceLock<Vec<(u32, u32)>>);

impl Children {
    fn all(&self, volume: &Volume) -> &[(u32, u32)] {
        self.0.get_or_init(|| {
            let mut all = Vec::new();
            let scanned = scan::records(volume, &mut |record| {
                // What continues another record may hold a name of it.
                let owner = if number(record.base) == 0 { record.number } else { number(record.base) };
                for attribute in
                    record.attributes.iter().filter(|attribute| attribute.kind == kind::FILE_NAME)
                {
                    let name = record.resident(attribute).and_then(FileName::parse);
                    let Some(name) = name.filter(|name| record.in_use && !name.is_dos()) else { continue };
                    match (u32::try_from(number(name.parent)), u32::try_from(owner)) {
                        (Ok(parent), Ok(owner)) if all.len() < MAX_NAMES => all.push((parent, owner)),
                        _ => volume.problems.add(DiskError::over_budget(
                            record.offset,
                            "there are more names than are kept for damaged directories",
                        )),
                    }
                }
                ControlFlow::Continue(())
            });
            if let Err(error) = scanned {
                volume.problems.add(error);
            }
            all.sort_unstable();
            all.dedup();
            all.shrink_to_fit();
            all
        })
    }

    /// Gives the entries of a directory that its damaged index does not give.
    pub(super) fn give(
        &self,
        volume: &Volume,
        dir: &Node,
        each: &mut dyn FnMut(u64, &[u8]) -> ControlFlow<()>,
    ) {
        let mut given = HashSet::new();
        let _ = index::entries(volume, dir, &mut |reference, key| {
            if let Some(name) = FileName::parse(key) {
                given.insert(fingerprint(number(reference), name.name));
            }
            ControlFlow::Continue(())
        });
        let Ok(parent) = u32::try_from(dir.base.number) else { return };
        let all = self.all(volume);
        let from = all.partition_point(|(directory, _)| *directory < parent);
        let children = all.iter().skip(from).take_while(|(directory, _)| *directory == parent);
        for (_, child) in children {
            let Ok(node) = volume.node(u64::from(*child)) else { continue };
            let reference = node.base.number | u64::from(node.base.sequence) << 48;
            for key in node.residents(kind::FILE_NAME) {
                let Some(name) = FileName::parse(key) else { continue };
                if number(name.parent) == dir.base.number
                    && sequence(name.parent) == dir.base.sequence
                    && given.insert(fingerprint(node.base.number, name.name))
                    && each(reference, key).is_break()
                {
                    return;
                }
            }
        }
    }
}

/// Stands for a name of a record, so that a large directory's names need not be kept.
fn fingerprint(record: u64, name: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    (record, name).hash(&mut hasher);
    hasher.finish()
}
