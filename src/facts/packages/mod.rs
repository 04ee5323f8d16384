//! Which installed package a file came with, and whether it is unchanged.
//!
//! Role: paths in a snapshot → what the databases of packages on it say of them,
//! held against the files. The databases are read once, line by line or row by
//! row, and only what they say of the paths asked for is kept: memory follows the
//! number of those, whatever the databases hold. Not for: deciding what it means
//! for a finding (see `enrich`).
//!
//! A digest that is equal proves that the file is what the database names. The
//! database itself is believed: whoever can write it could as well write what
//! anything else on the disk says.

mod apk;
mod cargo;
mod digest;
mod dpkg;
mod lines;
mod python;
mod rpm;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::CString;

use digest::Digest;
use lines::Budget;

use crate::finding::{PackageDatabase, Vendor};
use crate::source::Tree;

/// The most bytes of text that are read of all databases together.
const MAX_TEXT: u64 = 2 << 30;
/// The most claims that are kept of one path: directories may be shared by
/// packages, and files by a few.
const MAX_CLAIMS: usize = 16;
/// Directories that are links into `/usr` on merged systems, while databases still
/// name files through them.
const MERGED: [&[u8]; 6] = [b"bin", b"sbin", b"lib", b"lib32", b"lib64", b"libx32"];

/// What the databases say of the paths that were asked for.
#[derive(Debug, Default)]
pub struct Packages {
    /// By path, those of [`MERGED`] under `/usr`.
    claims: BTreeMap<Vec<u8>, Vec<Claim>>,
    databases: BTreeSet<PackageDatabase>,
}

/// One database's word about a file.
#[derive(Clone, Debug)]
struct Claim {
    manager: &'static str,
    package: String,
    version: Option<String>,
    digest: Digest,
}

impl Packages {
    /// Asks every database of a snapshot about these paths, `/` first.
    #[must_use]
    pub fn find<'p>(root: &dyn Tree, paths: impl IntoIterator<Item = &'p [u8]>) -> Self {
        let claims = paths.into_iter().map(|path| (canonical(path), Vec::new())).collect();
        let mut packages = Self { claims, databases: BTreeSet::new() };
        if !packages.claims.is_empty() {
            let budget = Budget::new(MAX_TEXT);
            dpkg::find(root, &mut packages, &budget);
            rpm::find(root, &mut packages);
            apk::find(root, &mut packages, &budget);
            python::find(root, &mut packages, &budget);
            cargo::find(root, &mut packages, &budget);
        }
        packages.claims.retain(|_, claims| !claims.is_empty());
        packages
    }

    /// The package that a file came with, and whether the file is as it came. The
    /// file is read again for that, to its end, where a database names it.
    #[must_use]
    pub fn check(&self, root: &dyn Tree, path: &[u8]) -> Option<Vendor> {
        let claims = self.claims.get(&canonical(path))?;
        let kinds = claims.iter().map(|claim| claim.digest.kind);
        let file = CString::new(path).ok().and_then(|path| root.open_met(&path).ok());
        let found = file.map(|file| digest::of(file, kinds)).unwrap_or_default();
        let verified = claims.iter().find(|claim| found.contains(&claim.digest));
        let claim = verified.or(claims.first())?;
        Some(Vendor {
            package: claim.package.clone(),
            version: claim.version.clone(),
            manager: claim.manager.to_owned(),
            verified: verified.is_some(),
        })
    }

    /// The databases that were met, in order.
    #[must_use]
    pub fn databases(&self) -> Vec<PackageDatabase> {
        self.databases.iter().cloned().collect()
    }

    /// Whether the path was asked for.
    fn wants(&self, path: &[u8]) -> bool {
        self.claims.contains_key(&canonical(path))
    }

    /// Keeps what a database says, where the path was asked for.
    fn claim(&mut self, path: &[u8], claim: impl FnOnce() -> Claim) {
        if let Some(claims) = self.claims.get_mut(&canonical(path))
            && claims.len() < MAX_CLAIMS
        {
            claims.push(claim());
        }
    }

    /// The paths that were asked for and begin so, with what is claimed of each.
    fn beneath<'s>(&'s mut self, start: &'s [u8]) -> impl Iterator<Item = (&'s Vec<u8>, &'s mut Vec<Claim>)> {
        self.claims.range_mut(start.to_vec()..).take_while(move |(path, _)| path.starts_with(start))
    }

    /// The paths that were asked for.
    fn paths(&self) -> impl Iterator<Item = &[u8]> {
        self.claims.keys().map(Vec::as_slice)
    }

    /// Notes a database that was met, and why it could not be read to its end.
    fn met(&mut self, manager: &str, path: &str, error: Option<String>) {
        let path = format!("/{path}");
        self.databases.insert(PackageDatabase { manager: manager.to_owned(), path, error });
    }
}

/// The path on a merged system, where `/bin` and the like are links into `/usr`.
/// On others two files can share one: what decides is the digest.
fn canonical(path: &[u8]) -> Vec<u8> {
    let relative = path.strip_prefix(b"/").unwrap_or(path);
    let first = relative.split(|byte| *byte == b'/').next().unwrap_or_default();
    let start: &[u8] = if MERGED.contains(&first) { b"/usr/" } else { b"/" };
    [start, relative].concat()
}

/// Text of a database, made valid and short enough to be a name.
fn name(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.get(..bytes.len().min(256)).unwrap_or_default()).into_owned()
}

/// A path for the kernel; `None` for one with a zero byte in it.
fn c_path(parts: &[&[u8]]) -> Option<CString> {
    CString::new(parts.concat()).ok()
}

#[cfg(test)]
mod tests;
