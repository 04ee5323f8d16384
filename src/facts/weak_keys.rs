//! The lists of weak keys that a snapshot of an old Debian or Ubuntu has itself.

use std::ffi::CStr;

use crate::formats::weak_list::{ListKind, WeakList};
use crate::source::Tree;

/// The most bytes of a list that are read; the largest published has 3 MB.
const MAX_FILE: usize = 16 << 20;

/// The files of the packages openssh-blacklist, openssh-blacklist-extra and
/// openssl-blacklist, and where sshd looked for more.
const LISTS: [(&CStr, ListKind); 18] = [
    (c"usr/share/ssh/blacklist.RSA-1023", ListKind::Fingerprints),
    (c"usr/share/ssh/blacklist.RSA-1024", ListKind::Fingerprints),
    (c"usr/share/ssh/blacklist.RSA-2047", ListKind::Fingerprints),
    (c"usr/share/ssh/blacklist.RSA-2048", ListKind::Fingerprints),
    (c"usr/share/ssh/blacklist.RSA-4096", ListKind::Fingerprints),
    (c"usr/share/ssh/blacklist.DSA-1024", ListKind::Fingerprints),
    (c"usr/share/ssh/blacklist.DSA-2048", ListKind::Fingerprints),
    (c"etc/ssh/blacklist.RSA-1023", ListKind::Fingerprints),
    (c"etc/ssh/blacklist.RSA-1024", ListKind::Fingerprints),
    (c"etc/ssh/blacklist.RSA-2047", ListKind::Fingerprints),
    (c"etc/ssh/blacklist.RSA-2048", ListKind::Fingerprints),
    (c"etc/ssh/blacklist.RSA-4096", ListKind::Fingerprints),
    (c"etc/ssh/blacklist.DSA-1024", ListKind::Fingerprints),
    (c"etc/ssh/blacklist.DSA-2048", ListKind::Fingerprints),
    (c"usr/share/openssl-blacklist/blacklist.RSA-512", ListKind::Moduli),
    (c"usr/share/openssl-blacklist/blacklist.RSA-1024", ListKind::Moduli),
    (c"usr/share/openssl-blacklist/blacklist.RSA-2048", ListKind::Moduli),
    (c"usr/share/openssl-blacklist/blacklist.RSA-4096", ListKind::Moduli),
];

/// Reads the lists of a snapshot; those that are missing list nothing. Links are
/// followed inside the snapshot.
#[must_use]
pub fn read_weak_keys(root: &dyn Tree) -> WeakList {
    let mut list = WeakList::default();
    for (path, kind) in LISTS {
        if let Some(text) = root.read_beneath(path, MAX_FILE) {
            list.add(kind, &text);
        }
    }
    list
}
