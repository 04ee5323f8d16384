//! Distributions of Python: `RECORD` in the `.dist-info` folders beside the code.

use std::collections::{BTreeMap, HashMap};

use super::digest::{Digest, Kind};
use super::lines::Budget;
use super::{Claim, Packages, c_path, lines};
use crate::formats::wheel::{dist_info_name, record_line};
use crate::source::Tree;

/// Folders of distributions in each other: more are no installation.
const MAX_NESTED: usize = 4;
/// The most names of a folder of distributions.
const MAX_FILES: usize = 100_000;

pub(super) fn find(root: &dyn Tree, packages: &mut Packages, budget: &Budget) {
    // Folder of distributions → paths in it → paths in the snapshot.
    let mut sites: BTreeMap<Vec<u8>, HashMap<Vec<u8>, Vec<u8>>> = BTreeMap::new();
    for path in packages.paths() {
        for folder in [b"/site-packages/".as_slice(), b"/dist-packages/"] {
            for at in memchr::memmem::find_iter(path, folder).take(MAX_NESTED) {
                let (site, inside) = path.split_at(at + folder.len());
                sites.entry(site.to_vec()).or_default().insert(inside.to_vec(), path.to_vec());
            }
        }
    }
    for (site, files) in &sites {
        let Some(Ok(names)) = c_path(&[site]).map(|path| root.list_beneath(&path, MAX_FILES)) else {
            continue;
        };
        let mut error = None;
        let mut met = false;
        for folder in names {
            let text = String::from_utf8_lossy(&folder);
            let Some((package, version)) = dist_info_name(&text) else { continue };
            let path = c_path(&[site, &folder, b"/RECORD"]);
            let Some(Ok(file)) = path.map(|path| root.open_beneath(&path)) else { continue };
            met = true;
            let fault = lines::each(file, budget, &mut |line| {
                let Some((inside, digest)) = record_line(line) else { return };
                let Some(path) = files.get(&inside) else { return };
                packages.claim(path, || Claim {
                    manager: "python",
                    package: package.chars().take(256).collect(),
                    version: Some(version.chars().take(256).collect()),
                    digest: Digest::new(Kind::Sha256, &digest),
                });
            });
            error = error.or(fault);
        }
        if met {
            let shown = String::from_utf8_lossy(site);
            packages.met("python", shown.trim_matches('/'), error);
        }
    }
}
