//! Crates of Rust that were vendored: `.cargo-checksum.json` beside the sources.
//!
//! Format: "directory sources" of the Cargo reference: an object `files` of paths
//! and SHA-256 in hex.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;

use super::digest::{Digest, Kind};
use super::{Claim, Packages, c_path, name};
use crate::formats::hex;
use crate::source::directory::Root;

/// The most bytes of a list that are read.
const MAX_BYTES: usize = 16 << 20;
/// The most folders that are asked for a list.
const MAX_FOLDERS: usize = 100_000;

#[derive(Deserialize)]
struct Checksums {
    files: HashMap<String, String>,
}

pub(super) fn find(root: &Root, packages: &mut Packages) {
    // A folder, and the paths below it that were asked for.
    let mut folders: BTreeMap<Vec<u8>, Vec<Vec<u8>>> = BTreeMap::new();
    for path in packages.paths() {
        for at in memchr::memchr_iter(b'/', path).skip(1) {
            if folders.len() < MAX_FOLDERS {
                let folder = path.get(..at).unwrap_or_default();
                folders.entry(folder.to_vec()).or_default().push(path.to_vec());
            }
        }
    }
    for (folder, paths) in folders {
        let list = c_path(&[&folder, b"/.cargo-checksum.json"]);
        let Some(bytes) = list.and_then(|list| root.read_beneath(&list, MAX_BYTES)) else { continue };
        let checksums: Option<Checksums> = serde_json::from_slice(&bytes).ok();
        let shown = String::from_utf8_lossy(&folder).trim_start_matches('/').to_owned();
        packages.met("cargo", &shown, checksums.is_none().then(|| "it is no list of checksums".to_owned()));
        let crate_name = folder.rsplit(|byte| *byte == b'/').next().map(name).unwrap_or_default();
        for path in paths {
            let inside = path.get(folder.len() + 1..).map(String::from_utf8_lossy).unwrap_or_default();
            let digest = checksums.as_ref().and_then(|checksums| checksums.files.get(&*inside));
            if let Some(digest) = digest.and_then(|digest| hex::array::<32>(digest.as_bytes())) {
                packages.claim(&path, || Claim {
                    manager: "cargo",
                    package: crate_name.clone(),
                    version: None,
                    digest: Digest::new(Kind::Sha256, &digest),
                });
            }
        }
    }
}
