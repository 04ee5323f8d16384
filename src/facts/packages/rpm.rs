//! Red Hat, SUSE, Amazon and others: the database of rpm in each of its forms:
//! `rpmdb.sqlite`, `Packages.db` (ndb), `Packages` (a hash of Berkeley DB).

use super::digest::{Digest, Kind};
use super::lines::Budget;
use super::{Claim, Packages};
use crate::formats::hex;
use crate::formats::rpm::{Header, ndb_blob, ndb_slots, ndb_slots_length};
use crate::formats::rpm_bdb;
use crate::formats::sqlite::Database;
use crate::source::{Tree, TreeFile};

/// The longest header that is read, in bytes; that of a package of 300,000 files
/// has some 40 MiB.
const MAX_HEADER: usize = 128 << 20;
/// The most bytes of headers that are read.
const MAX_READ: u64 = 4 << 30;
/// The most packages of a database.
const MAX_PACKAGES: usize = 1 << 20;

/// Where rpm keeps its database: as always, since 2022, and on image-based systems.
const FOLDERS: [&str; 3] = ["var/lib/rpm", "usr/lib/sysimage/rpm", "usr/share/rpm"];

pub(super) fn find(root: &dyn Tree, packages: &mut Packages) {
    for folder in FOLDERS {
        type Reader = fn(&TreeFile<'_>, &mut Packages) -> Result<(), String>;
        let forms: [(&str, Reader); 3] = [("rpmdb.sqlite", sqlite), ("Packages.db", ndb), ("Packages", bdb)];
        for (name, read) in forms {
            let path = format!("{folder}/{name}");
            let opened =
                std::ffi::CString::new(path.as_str()).ok().and_then(|path| root.open_beneath(&path).ok());
            if let Some(file) = opened {
                let error = read(&file, packages).err();
                packages.met("rpm", &path, error);
                return;
            }
        }
    }
}

fn length(file: &TreeFile<'_>) -> Result<u64, String> {
    file.stat.size.ok_or_else(|| "the filesystem gives a negative size".to_owned())
}

/// The table `Packages`: a number and the header.
fn sqlite(file: &TreeFile<'_>, packages: &mut Packages) -> Result<(), String> {
    let mut database = Database::open(file, length(file)?).map_err(|error| error.to_string())?;
    let root = database.table("Packages").map_err(|error| error.to_string())?;
    let root = root.ok_or("it has no table of packages")?;
    database
        .rows(root, MAX_HEADER, &mut |row| {
            if let Some(header) = row.column(1) {
                package(header, packages);
            }
        })
        .map_err(|error| error.to_string())
}

fn ndb(file: &TreeFile<'_>, packages: &mut Packages) -> Result<(), String> {
    let read = |offset, length: usize| {
        let mut bytes = vec![0; length];
        file.read_exact_at(&mut bytes, offset).map(|()| bytes).map_err(|error| error.to_string())
    };
    let slots = ndb_slots_length(&read(0, 32)?).ok_or("it is no database of rpm")?;
    let slots = usize::try_from(slots).ok().filter(|length| *length <= MAX_PACKAGES * 16);
    let slots = read(0, slots.ok_or("it has more packages than any machine")?)?;
    let mut damaged = 0_u32;
    let budget = Budget::new(MAX_READ);
    for (offset, length) in ndb_slots(&slots) {
        let blob = usize::try_from(length).ok().filter(|size| *size <= MAX_HEADER && budget.take(length));
        match blob.and_then(|length| read(offset, length).ok()) {
            Some(blob) => match ndb_blob(&blob) {
                Some(header) => package(header, packages),
                None => damaged += 1,
            },
            None => damaged += 1,
        }
    }
    if damaged == 0 { Ok(()) } else { Err(format!("{damaged} of its packages cannot be read")) }
}

fn bdb(file: &TreeFile<'_>, packages: &mut Packages) -> Result<(), String> {
    rpm_bdb::values(&mut &*file, length(file)?, MAX_HEADER, &mut |header| package(header, packages))
        .map_err(|error| error.to_string())
}

/// What a header says of the paths that were asked for. One that is damaged says
/// nothing.
fn package(header: &[u8], packages: &mut Packages) {
    let Some(header) = Header::parse(header) else { return };
    let kind = match header.digest_algorithm() {
        1 => Kind::Md5,
        2 => Kind::Sha1,
        8 => Kind::Sha256,
        9 => Kind::Sha384,
        10 => Kind::Sha512,
        11 => Kind::Sha224,
        _ => return,
    };
    header.files(&mut |path, digest| {
        if !digest.is_empty() && packages.wants(path) {
            let Some(value) = hex::decode(digest) else { return };
            packages.claim(path, || Claim {
                manager: "rpm",
                package: header.name().unwrap_or_default(),
                version: header.version(),
                digest: Digest::new(kind, &value),
            });
        }
    });
}
