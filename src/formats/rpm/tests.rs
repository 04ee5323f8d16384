//! Headers that rpm itself wrote (`testdata/make-rpm-databases.sh`), whole and cut.

use super::*;
use crate::formats::rpm_bdb;

const NDB: &[u8] = include_bytes!("../../../testdata/rpm/Packages.db");
const BDB: &[u8] = include_bytes!("../../../testdata/rpm/Packages");

fn from_ndb(bytes: &[u8]) -> Option<&[u8]> {
    let slots = usize::try_from(ndb_slots_length(bytes)?).ok()?;
    let (offset, length) = ndb_slots(bytes.get(..slots)?).next()?;
    let start = usize::try_from(offset).ok()?;
    ndb_blob(bytes.get(start..)?.get(..usize::try_from(length).ok()?)?)
}

fn files(header: &[u8]) -> Vec<(String, String)> {
    let mut files = Vec::new();
    let Some(header) = Header::parse(header) else { return files };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    header.files(&mut |path, digest| files.push((text(path), text(digest))));
    files
}

#[test]
fn a_header_names_the_package_and_its_files() {
    let bytes = from_ndb(NDB).expect("a package");
    let header = Header::parse(bytes).expect("a header");
    assert_eq!(header.name().as_deref(), Some("acme-tools"));
    assert_eq!(header.version().as_deref(), Some("1.2-3"));
    assert_eq!(header.digest_algorithm(), 8);
    let files = files(bytes);
    // Three files, sixty more, and the folder that the package owns.
    assert_eq!(files.len(), 64);
    let digest =
        |path: &str| files.iter().find(|(known, _)| known == path).map(|(_, digest)| digest.as_str());
    // By sha256sum.
    assert_eq!(
        digest("/opt/acme/file-number-1.txt"),
        Some("6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b")
    );
    assert_eq!(digest("/opt/acme"), Some(""));
    assert_eq!(digest("/etc/acme/changed.conf").map(str::len), Some(64));
}

#[test]
fn the_older_databases_hold_the_same_header() {
    let mut found = Vec::new();
    let length = BDB.len() as u64;
    rpm_bdb::values(&mut { BDB }, length, 1 << 20, &mut |value| found.push(value.to_vec()))
        .expect("a database");
    assert_eq!(found, [from_ndb(NDB).expect("a package")]);
    let refused = rpm_bdb::values(&mut { BDB }, length, 100, &mut |_| {});
    assert!(refused.is_err(), "a header longer than is allowed");
    assert_eq!(rpm_bdb::values(&mut { NDB }, length, 1 << 20, &mut |_| {}), Err(rpm_bdb::BdbError::Header));
}

#[test]
fn what_is_damaged_says_nothing_and_ends() {
    let header = from_ndb(NDB).expect("a package");
    for length in 0..header.len() {
        let _ = files(&header[..length]);
    }
    for (bytes, step) in [(NDB, 7), (BDB, 3)] {
        for at in (0..bytes.len()).step_by(step) {
            for value in [0, 1, 0x7f, 0xff] {
                let mut bad = bytes.to_vec();
                bad[at] = value;
                let _ = from_ndb(&bad).map(files);
                let _ = rpm_bdb::values(&mut bad.as_slice(), bad.len() as u64, 1 << 20, &mut |_| {});
            }
        }
    }
}
