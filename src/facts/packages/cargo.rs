//! Crates of Rust that were vendored: `.cargo-checksum.json` beside the sources.
//!
//! Format: "directory sources" of the Cargo reference: an object `files` of paths
//! and SHA-256 in hex.

use std::collections::{BTreeSet, HashMap};

use serde::Deserialize;

use super::digest::{Digest, Kind};
use super::lines::Budget;
use super::{Claim, Packages, c_path, name};
use crate::formats::hex;
use crate::source::Tree;

/// The most bytes of a list that are read.
const MAX_BYTES: usize = 16 << 20;
/// The most folders that are asked for a list, and the longest path of one.
const MAX_FOLDERS: usize = 50_000;
const MAX_PATH: usize = 512;

#[derive(Deserialize)]
struct Checksums {
    files: HashMap<String, String>,
}

pub(super) fn find(root: &dyn Tree, packages: &mut Packages, budget: &Budget) {
    for folder in folders(packages) {
        let list = c_path(&[&folder, b"/.cargo-checksum.json"]);
        let Some(bytes) = list.and_then(|list| root.read_beneath(&list, MAX_BYTES)) else { continue };
        if !budget.take(u64::try_from(bytes.len()).unwrap_or(u64::MAX)) {
            return;
        }
        let checksums: Option<Checksums> = serde_json::from_slice(&bytes).ok();
        let shown = String::from_utf8_lossy(&folder).trim_start_matches('/').to_owned();
        packages.met("cargo", &shown, checksums.is_none().then(|| "it is no list of checksums".to_owned()));
        let crate_name = folder.rsplit(|byte| *byte == b'/').next().map(name).unwrap_or_default();
        let start = [folder.as_slice(), b"/"].concat();
        for (path, claims) in packages.beneath(&start) {
            let inside = path.get(start.len()..).map(String::from_utf8_lossy).unwrap_or_default();
            let digest = checksums.as_ref().and_then(|checksums| checksums.files.get(&*inside));
            if let Some(digest) = digest.and_then(|digest| hex::array::<32>(digest.as_bytes())) {
                claims.push(Claim {
                    manager: "cargo",
                    package: crate_name.clone(),
                    version: None,
                    digest: Digest::new(Kind::Sha256, &digest),
                });
            }
        }
    }
}

/// The folders above the paths that were asked for.
fn folders(packages: &Packages) -> BTreeSet<Vec<u8>> {
    let mut folders = BTreeSet::new();
    for path in packages.paths() {
        for at in memchr::memchr_iter(b'/', path).skip(1).take_while(|at| *at <= MAX_PATH) {
            if folders.len() >= MAX_FOLDERS {
                return folders;
            }
            let folder = path.get(..at).unwrap_or_default();
            if !folders.contains(folder) {
                folders.insert(folder.to_vec());
            }
        }
    }
    folders
}
