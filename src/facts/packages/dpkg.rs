//! Debian and Ubuntu: the digests in `var/lib/dpkg/info/*.md5sums`, configuration
//! files in `var/lib/dpkg/status`; images without dpkg itself have both in
//! `var/lib/dpkg/status.d`.
//!
//! A file that another package has diverted lies where the diversion says.

use std::collections::HashMap;

use super::digest::{Digest, Kind};
use super::lines::Budget;
use super::{Claim, Packages, c_path, lines, name};
use crate::formats::dpkg::{Status, md5sums_line};
use crate::source::{Tree, TreeFile};

const INFO: &[u8] = b"var/lib/dpkg/info/";
const STATUS_D: &[u8] = b"var/lib/dpkg/status.d/";
/// The most files that are read of a folder; a large desktop has 5,000 packages
/// with 5 files each.
const MAX_FILES: usize = 400_000;
const MAX_DIVERSIONS: usize = 100_000;

/// A path, where it was diverted to, and for which package's file it holds not.
type Diversions = HashMap<Vec<u8>, (Vec<u8>, Vec<u8>)>;

pub(super) fn find(root: &dyn Tree, packages: &mut Packages, budget: &Budget) {
    let diversions = diversions(root, budget);
    let mut versions = Versions::default();
    let mut error = None;
    let mut met = false;
    for folder in [INFO, STATUS_D] {
        let Some(path) = c_path(&[folder]) else { continue };
        let Ok(files) = root.list_beneath(&path, MAX_FILES) else { continue };
        met = true;
        for file in files {
            let Some(package) = file.strip_suffix(b".md5sums") else { continue };
            let opened = c_path(&[folder, &file]).and_then(|path| root.open_beneath(&path).ok());
            if let Some(opened) = opened {
                let fault = md5sums(opened, package, &diversions, packages, &mut versions, budget);
                error = error.or(fault);
            }
        }
    }
    let status = c"var/lib/dpkg/status".to_owned();
    let mut stati = vec![status];
    if let Some(Ok(files)) = c_path(&[STATUS_D]).map(|path| root.list_beneath(&path, MAX_FILES)) {
        let files = files.iter().filter(|file| !file.ends_with(b".md5sums"));
        stati.extend(files.filter_map(|file| c_path(&[STATUS_D, file])));
    }
    for path in stati {
        let Ok(file) = root.open_beneath(&path) else { continue };
        met = true;
        let mut stanza = Status::default();
        let fault = lines::each(file, budget, &mut |line| {
            if line.starts_with(b"Version: ") {
                // Name and architecture stand before it.
                versions.tell(&stanza, line.get(9..).unwrap_or_default());
            }
            if let Some((path, digest)) = stanza.line(line) {
                packages.claim(path, || Claim {
                    manager: "dpkg",
                    package: name(&stanza.package),
                    version: Some(name(&stanza.version)),
                    digest: Digest::new(Kind::Md5, &digest),
                });
            }
        });
        error = error.or(fault);
    }
    for claim in packages.claims.values_mut().flatten().filter(|claim| claim.manager == "dpkg") {
        if claim.version.is_none() {
            claim.version = versions.of(&claim.package);
        }
        // The architecture belongs to the name of the file only.
        claim.package = claim.package.split(':').next().unwrap_or_default().to_owned();
    }
    if met {
        packages.met("dpkg", "var/lib/dpkg", error);
    }
}

fn md5sums(
    file: TreeFile<'_>,
    package: &[u8],
    diversions: &Diversions,
    packages: &mut Packages,
    versions: &mut Versions,
    budget: &Budget,
) -> Option<String> {
    let plain = package.split(|byte| *byte == b':').next().unwrap_or_default();
    lines::each(file, budget, &mut |line| {
        let Some((path, digest)) = md5sums_line(line) else { return };
        let path = [b"/", path].concat();
        // The diverting package's own file lies where it says.
        let path = match diversions.get(&path) {
            Some((to, by)) if by != plain => to,
            _ => &path,
        };
        if packages.wants(path) {
            versions.want(package);
            packages.claim(path, || Claim {
                manager: "dpkg",
                package: name(package),
                version: None,
                digest: Digest::new(Kind::Md5, &digest),
            });
        }
    })
}

/// Three lines each: from, to, package (`:` for the administrator).
fn diversions(root: &dyn Tree, budget: &Budget) -> Diversions {
    let mut diversions = Diversions::new();
    let mut lines = Vec::new();
    if let Ok(file) = root.open_beneath(c"var/lib/dpkg/diversions") {
        lines::each(file, budget, &mut |line| {
            lines.push(line.to_vec());
            if lines.len() == 3 && diversions.len() < MAX_DIVERSIONS {
                let mut three = lines.drain(..);
                if let (Some(from), Some(to), Some(by)) = (three.next(), three.next(), three.next()) {
                    diversions.insert(from, (to, by));
                }
            }
            lines.truncate(2);
        });
    }
    diversions
}

/// The versions of packages that claim something, by the names of their files:
/// `name` or `name:architecture`.
#[derive(Debug, Default)]
struct Versions(HashMap<String, Option<String>>);

impl Versions {
    fn want(&mut self, package: &[u8]) {
        self.0.entry(name(package)).or_insert(None);
    }

    fn tell(&mut self, stanza: &Status, version: &[u8]) {
        let plain = name(&stanza.package);
        for key in [format!("{plain}:{}", name(&stanza.architecture)), plain] {
            if let Some(slot) = self.0.get_mut(&key) {
                *slot = Some(name(version));
            }
        }
    }

    fn of(&self, package: &str) -> Option<String> {
        self.0.get(package).cloned().flatten()
    }
}
