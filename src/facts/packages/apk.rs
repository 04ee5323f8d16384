//! Alpine: `lib/apk/db/installed`, under `usr` from version 3 on.

use super::digest::{Digest, Kind};
use super::lines::Budget;
use super::{Claim, Packages, lines, name};
use crate::formats::apk::Installed;
use crate::source::Tree;

pub(super) fn find(root: &dyn Tree, packages: &mut Packages, budget: &Budget) {
    for (c_path, path) in [
        (c"lib/apk/db/installed", "lib/apk/db/installed"),
        (c"usr/lib/apk/db/installed", "usr/lib/apk/db/installed"),
    ] {
        let Ok(file) = root.open_beneath(c_path) else { continue };
        let mut installed = Installed::default();
        let error = lines::each(file, budget, &mut |line| {
            let Some((path, value)) = installed.line(line) else { return };
            packages.claim(&path, || Claim {
                manager: "apk",
                package: name(&installed.package),
                version: Some(name(&installed.version)),
                digest: Digest::new(if value.len() == 20 { Kind::Sha1 } else { Kind::Sha256 }, &value),
            });
        });
        packages.met("apk", path, error);
        return;
    }
}
