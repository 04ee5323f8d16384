//! What databases and hives keep in pages and cells is found whole, with its names in the
//! way to it; they are made by SQLite and by hivex.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by a panic")]

#[path = "../support/mod.rs"]
mod support;

mod events;
mod hive;
mod journal;
mod keystores;
mod tables;

use std::fs;
use std::ops::Range;
use std::path::Path;
use std::process::Command;

use snapsift::finding::Reason;
use snapsift::pipeline::ScanOptions;
use snapsift::source::content::ReadAt;
use snapsift::source::disk::DiskError;
use snapsift::source::store::{Record, Source, Visitor, detect, guess};
use support::whole::{Scanned, options, planted, scan, scan_by, scan_with};

/// Bytes that are a store.
pub(crate) struct Bytes<'b>(pub(crate) &'b [u8]);

impl ReadAt for Bytes<'_> {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> Result<usize, DiskError> {
        let rest = usize::try_from(offset).ok().and_then(|at| self.0.get(at..)).unwrap_or_default();
        let length = rest.len().min(bytes.len());
        bytes[..length].copy_from_slice(&rest[..length]);
        Ok(length)
    }

    fn next_data(&self, from: u64) -> Result<Option<(u64, u64)>, DiskError> {
        let size = self.0.len() as u64;
        Ok((from < size).then_some((from, size)))
    }
}

/// What a store tells: of each field the text before it, its value and its full name.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) fields: Vec<(String, Vec<u8>, String)>,
    pub(crate) problems: Vec<Reason>,
}

impl Visitor for Seen {
    fn record(&mut self, record: &Record<'_>) {
        let mut before = 0;
        for field in record.fields {
            let label = String::from_utf8_lossy(&record.text[before..field.value.start]).into_owned();
            before = field.value.end;
            let name = (record.name)(field);
            self.fields.push((label, record.text[field.value.clone()].to_vec(), name));
        }
    }

    fn problem(&mut self, reason: Reason, _: Option<u64>, _: String) {
        self.problems.push(reason);
    }

    fn not_replayed(&mut self) {}

    fn unpacked(&mut self, _: Range<u64>) {}

    fn should_stop(&self) -> bool {
        false
    }
}

/// What bytes tell that are a store; nothing where they are none.
pub(crate) fn seen(bytes: &[u8]) -> Seen {
    let size = u64::try_from(bytes.len()).expect("small");
    let source = Source { file: &Bytes(bytes), size, path: b"/j", tree: None, is_scanned: &|_, _| false };
    let mut seen = Seen::default();
    if let Some(store) = detect(bytes).or_else(|| guess(bytes)) {
        store.read(&source, &mut seen);
    }
    seen
}

/// Runs Python's SQLite over `app.db` in a directory, opened as `db`; `value(n)` is a
/// planted value. What is written is committed.
fn database(dir: &Path, script: &str) {
    let lead = "import sqlite3\nvalue = lambda n: 'sift_' + 'planted_%08d' % n\n\
                db = sqlite3.connect('app.db')\n";
    let script = format!("{lead}{script}\ndb.commit()\ndb.close()\n");
    let output =
        Command::new("python3").args(["-c", &script]).current_dir(dir).output().expect("python runs");
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Runs a shell script in a directory; it must succeed.
fn sh(dir: &Path, script: &str) {
    let script = format!("export PATH=$PATH:/usr/sbin:/sbin; {script}");
    let output = Command::new("bash").args(["-euo", "pipefail", "-c", &script]).current_dir(dir).output();
    let output = output.expect("bash runs");
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Where each finding is, with its line, column and offset.
fn places(scanned: &Scanned) -> Vec<(String, u64, u64, u64)> {
    let place = |finding: &&snapsift::finding::Finding| {
        let location = &finding.location;
        (location.whole_path().into_owned(), location.line, location.column, location.offset)
    };
    scanned.findings().iter().map(place).collect()
}

fn place(path: &str, line: u64, column: u64, offset: u64) -> (String, u64, u64, u64) {
    (path.to_owned(), line, column, offset)
}

#[test]
fn rows_are_told_with_table_row_and_column() {
    let dir = tempfile::tempdir().expect("a directory");
    database(
        dir.path(),
        "db.execute('create table tokens(id integer primary key, owner text, value text)')\n\
         db.execute('create index by_value on tokens(value)')\n\
         db.execute('insert into tokens values(7, ?, ?)', ('alice', value(1)))\n\
         db.execute('insert into tokens values(9, ?, ?)', ('bob', 'a\\nb ' + value(2)))\n\
         db.execute('create table kv(name text, value blob, primary key(name)) without rowid')\n\
         db.execute('insert into kv values(?, ?)', ('x', value(3).encode()))",
    );
    let scanned = scan(dir.path());
    // Of an index the values are in no row of their own, and told once.
    let expected = [
        place("/app.db → kv.value", 1, 1, 0),
        place("/app.db → tokens[7].value", 1, 1, 0),
        place("/app.db → tokens[9].value", 2, 3, 4),
    ];
    let mut found = places(&scanned);
    found.sort();
    assert_eq!(found, expected, "{:?}", scanned.problems());
    assert!(scanned.summary.complete, "{:?}", scanned.problems());
    let kinds: Vec<&str> =
        scanned.findings()[0].location.provenance.iter().map(|step| step.kind.as_str()).collect();
    assert_eq!(kinds, ["directory", "row"]);
    let coverage = scanned.coverage();
    assert_eq!((coverage.inside.opened, coverage.files_scanned), (1, 1));
    // Left closed, it is searched as any file.
    let closed = scan_with(dir.path(), ScanOptions { max_archive_depth: 0, ..options() });
    assert!(places(&closed).iter().all(|(path, ..)| path == "/app.db"));
    assert!(closed.coverage().inside.is_empty());
}

/// A value that lies over the end of an overflow page is in no file's bytes as a whole.
#[test]
fn what_overflow_pages_tear_apart_is_found_whole() {
    let dir = tempfile::tempdir().expect("a directory");
    database(
        dir.path(),
        "db.execute('pragma page_size = 512')\n\
         db.execute('create table notes(body text)')\n\
         for at in range(100): db.execute('insert into notes values(?)', ('x' * (1000 + 13 * at) + ' ' + value(at) + ' ' + 'y' * (490 + at),))",
    );
    let closed = scan_with(dir.path(), ScanOptions { max_archive_depth: 0, ..options() });
    let scanned = scan(dir.path());
    assert!(closed.findings().len() < 100, "some are torn");
    let expected: Vec<_> = (0..100_u64)
        .map(|at| place(&format!("/app.db → notes[{}].body", at + 1), 1, 1002 + 13 * at, 1001 + 13 * at))
        .collect();
    let mut found = places(&scanned);
    found.sort_by_key(|(_, _, _, offset)| *offset);
    assert_eq!(found, expected);
    assert!(scanned.summary.complete, "{:?}", scanned.problems());
}

#[test]
fn utf_16_is_decoded() {
    for encoding in ["UTF-16le", "UTF-16be"] {
        let dir = tempfile::tempdir().expect("a directory");
        database(
            dir.path(),
            &format!(
                "db.execute('pragma encoding = \"{encoding}\"')\n\
                 db.execute('create table \"a b\"(\"c d\" text)')\n\
                 db.execute('insert into \"a b\" values(?)', ('\\u00e4 ' + value(1) + ' ' + 'z' * 9000 + ' ' + value(2),))"
            ),
        );
        let scanned = scan(dir.path());
        let expected = [place("/app.db → a b[1].c d", 1, 4, 3), place("/app.db → a b[1].c d", 1, 9027, 9026)];
        assert_eq!(places(&scanned), expected, "{encoding}");
    }
}

/// Nothing that is in no row is lost: what was deleted.
#[test]
fn deleted_rows_are_found_in_the_bytes() {
    let dir = tempfile::tempdir().expect("a directory");
    database(
        dir.path(),
        "db.execute('pragma secure_delete = 0')\n\
         db.execute('create table t(v text)')\n\
         db.execute('insert into t values(?)', (value(1),))\n\
         db.execute('insert into t values(?)', (value(2),))\n\
         db.commit()\ndb.execute('delete from t where rowid = 1')",
    );
    let found = places(&scan(dir.path()));
    let paths: Vec<&str> = found.iter().map(|(path, ..)| path.as_str()).collect();
    assert_eq!(paths, ["/app.db", "/app.db → t[2].v"]);
}

#[test]
fn hostile_47_pages_in_a_cycle_end_and_the_rest_is_scanned() {
    let dir = tempfile::tempdir().expect("a directory");
    database(
        dir.path(),
        "db.execute('pragma page_size = 512')\n\
         db.execute('create table t(v text)')\n\
         for at in range(400): db.execute('insert into t values(?)', (value(at) + ' ' + 'x' * 100,))",
    );
    let path = dir.path().join("app.db");
    let whole = fs::read(&path).expect("the database");
    let first = |kind: u8| (1..whole.len() / 512).find(|page| whole[page * 512] == kind).expect("there");
    let (inner, leaf) = (first(5), first(13));
    // An inner page whose last child is itself; a leaf all of whose cells are one, and
    // that claims a payload without end.
    let damages: [fn(&mut [u8], u32); 3] = [
        |page, number| page[8..12].copy_from_slice(&number.to_be_bytes()),
        |page, _| (5..8).for_each(|cell| page.copy_within(8..10, 2 * cell)),
        |page, _| {
            let at = usize::from(u16::from_be_bytes([page[8], page[9]]));
            page[at..at + 9].fill(0xff);
        },
    ];
    for (number, (page, damage)) in [inner, leaf, leaf].into_iter().zip(damages).enumerate() {
        let mut bytes = whole.clone();
        let name = u32::try_from(page + 1).expect("small");
        damage(&mut bytes[page * 512..page * 512 + 512], name);
        fs::write(&path, &bytes).expect("a file");
        let scanned = scan(dir.path());
        // Each value is in a row or in the bytes: those of which a byte was overwritten aside.
        let values: std::collections::BTreeSet<_> =
            scanned.findings().iter().map(|finding| finding.secret.fingerprint.clone()).collect();
        assert!(values.len() >= 398, "{number}: {} values", values.len());
        assert!(number == 1 || !scanned.summary.complete, "{number}");
        assert!(number == 1 || scanned.problems().contains(&("/app.db", Reason::Corrupt)) || number == 2);
    }
    for length in [99, 512, 700, whole.len() / 2, whole.len() - 1] {
        fs::write(&path, &whole[..length]).expect("a file");
        let scanned = scan(dir.path());
        assert!(!scanned.summary.complete || length == 99, "cut to {length}");
        let first = planted(0);
        assert!(
            length < whole.len() / 2
                || scanned.findings().iter().any(|found| found.secret.length == first.len() as u64)
        );
    }
}

/// Runs Python's SQLite over a database in WAL mode, and copies it with its log while it is
/// open. `keep()`: from then on nothing goes from the log into the database by itself.
fn logged(dir: &Path, script: &str) {
    let made = tempfile::tempdir().expect("a directory");
    let to = format!("{:?}", dir.to_str().expect("UTF-8"));
    let script = format!(
        "db.isolation_level = None\n\
         def keep(): db.execute('pragma wal_checkpoint(truncate)')\n\
         db.execute('pragma page_size = 512')\n\
         db.execute('pragma journal_mode = wal')\n\
         db.execute('pragma wal_autocheckpoint = 0')\n\
         {script}\n\
         import shutil\n\
         for name in ('app.db', 'app.db-wal'): shutil.copy(name, {to})"
    );
    database(made.path(), &script);
}

#[test]
fn rows_that_only_a_log_has_are_told_with_it() {
    let dir = tempfile::tempdir().expect("a directory");
    // A row before; then one for which the database has pages, and one that overflows.
    logged(
        dir.path(),
        "db.execute('create table t(a text, v text)')\n\
         db.execute('insert into t values(?, ?)', ('x', value(1)))\n\
         keep()\n\
         db.execute('insert into t values(?, ?)', ('y', value(2)))\n\
         for at in range(20): db.execute('insert into t values(?, ?)', ('z', 'x' * (1000 + 13 * at) + ' ' + value(10 + at)))\n\
         db.execute('begin')\n\
         db.execute('pragma cache_size = 1')\n\
         db.execute('create table never(v text)')\n\
         db.execute('insert into never values(?)', (value(3),))\n\
         db.execute('insert into never values(?)', ('x' * 9000,))\n\
         read = db\n\
         db = sqlite3.connect('app.db')",
    );
    let scanned = scan(dir.path());
    let mut expected = vec![place("/app.db → t[1].v", 1, 1, 0), place("/app.db-wal → t[2].v", 1, 1, 0)];
    expected.extend(
        (0..20_u64)
            .map(|at| place(&format!("/app.db-wal → t[{}].v", 3 + at), 1, 1002 + 13 * at, 1001 + 13 * at)),
    );
    let found = places(&scanned);
    // What was never committed is in the bytes, if it was written.
    let in_rows: Vec<_> = found.iter().filter(|(path, ..)| path.contains(" → ")).cloned().collect();
    let sorted = |mut places: Vec<(String, u64, u64, u64)>| {
        places.sort();
        places
    };
    assert_eq!(sorted(in_rows), sorted(expected), "{:?}", scanned.problems());
    let others: Vec<_> = found.iter().filter(|(path, ..)| !path.contains(" → ")).collect();
    assert!(others.len() <= 1, "{others:?}");
    assert!(scanned.summary.complete, "{:?}", scanned.problems());

    // A frame that is damaged ends the log: the rest is in the bytes.
    let wal = dir.path().join("app.db-wal");
    let whole = fs::read(&wal).expect("the log");
    let mut bytes = whole.clone();
    bytes[32 + 24 + 100] ^= 1;
    fs::write(&wal, &bytes).expect("a file");
    let scanned = scan(dir.path());
    assert!(places(&scanned).iter().all(|(path, ..)| !path.contains("wal →")));
    assert!(places(&scanned).iter().any(|(path, ..)| path == "/app.db-wal"));
    let mut bytes = whole.clone();
    bytes[20] ^= 1;
    fs::write(&wal, &bytes).expect("a file");
    assert_eq!(scan(dir.path()).problems(), [("/app.db-wal", Reason::Corrupt)]);
    for length in [33, 600, whole.len() / 2, whole.len() - 1] {
        fs::write(&wal, &whole[..length]).expect("a file");
        assert!(!scan(dir.path()).findings().is_empty());
    }
    // Without its database: the log has the first page, and all that it has are rows.
    fs::write(&wal, &whole).expect("a file");
    fs::remove_file(dir.path().join("app.db")).expect("it goes");
    let scanned = scan(dir.path());
    assert!(scanned.findings().len() >= 20);
}

/// Without the first page nothing tells what the others are.
#[test]
fn a_log_without_its_database_is_told() {
    let dir = tempfile::tempdir().expect("a directory");
    logged(
        dir.path(),
        "db.execute('create table t(v text)')\n\
         db.execute('insert into t values(?)', (value(1),))\n\
         keep()\n\
         db.execute('update t set v = ?', (value(2),))",
    );
    let mut found = places(&scan(dir.path()));
    found.sort();
    assert_eq!(found, [place("/app.db → t[1].v", 1, 1, 0), place("/app.db-wal → t[1].v", 1, 1, 0)]);
    fs::remove_file(dir.path().join("app.db")).expect("it goes");
    let scanned = scan(dir.path());
    assert_eq!(scanned.problems(), [("/app.db-wal", Reason::Unsupported)]);
    assert_eq!(scanned.paths(), ["/app.db-wal"]);
}

/// A log is kept when its pages are in the database: what both have is told once.
#[test]
fn rows_that_a_database_has_too_are_told_once() {
    let dir = tempfile::tempdir().expect("a directory");
    logged(
        dir.path(),
        "db.execute('create table t(v text)')\n\
         for at in range(40): db.execute('insert into t values(?)', (value(at) + ' ' + 'x' * 100,))\n\
         db.execute('pragma wal_checkpoint(passive)')",
    );
    let scanned = scan(dir.path());
    let found = places(&scanned);
    assert_eq!(found.len(), 40, "{:?}", scanned.problems());
    assert!(found.iter().all(|(path, ..)| path.starts_with("/app.db → t[")), "{found:?}");
    assert!(scanned.summary.complete);
    // The log alone: its database is asked for the names, but is not scanned.
    let alone = scan(&dir.path().join("app.db-wal"));
    let found = places(&alone);
    assert_eq!(found.len(), 40);
    assert!(found.iter().all(|(path, ..)| path.starts_with("/app.db-wal → t[")), "{found:?}");
    // All of the database is in the log: it is not needed.
    fs::remove_file(dir.path().join("app.db")).expect("it goes");
    let scanned = scan(dir.path());
    assert_eq!(places(&scanned).len(), 40);
    assert!(places(&scanned).iter().all(|(path, ..)| path.starts_with("/app.db-wal → t[")));
    assert!(scanned.summary.complete, "{:?}", scanned.problems());
}

/// Stores are read as such wherever they lie: in archives, compressed, and on disks in files.
#[test]
fn stores_in_archives_and_on_inner_disks_are_read_as_such() {
    let dir = tempfile::tempdir().expect("a directory");
    let tree = dir.path().join("tree");
    fs::create_dir(&tree).expect("a directory");
    // A value over the end of an overflow page is in no bytes as a whole; a row that only the
    // log has.
    let torn = "' ' * 490 + value(1)";
    logged(
        &tree,
        &format!(
            "db.execute('create table t(v text)')\n\
             db.execute('insert into t values(?)', ({torn} + ' ' * 1000,))\n\
             keep()\n\
             db.execute('insert into t values(?)', (value(2),))"
        ),
    );
    support::hives::hive(
        &tree.join("SOFTWARE"),
        &[(r"\Vendor\App", &[support::hives::text("Token", &planted(3))])],
    );
    sh(
        dir.path(),
        "mkdir out; tar czf a.tgz --sort=name -C tree .; tar cf out/layers.tar a.tgz; gzip -c tree/app.db > out/app.db.gz
         truncate -s 8M out/disk.img; mke2fs -q -t ext4 -d tree out/disk.img",
    );
    let scanned = scan(&dir.path().join("out"));
    let expected = [
        place("/app.db.gz → t[1].v", 1, 491, 490),
        place(r"/disk.img → ext4:/SOFTWARE → Vendor\App\Token", 1, 1, 0),
        place("/disk.img → ext4:/app.db → t[1].v", 1, 491, 490),
        place("/disk.img → ext4:/app.db-wal → t[2].v", 1, 1, 0),
        place(r"/layers.tar → a.tgz → ./SOFTWARE → Vendor\App\Token", 1, 1, 0),
        place("/layers.tar → a.tgz → ./app.db → t[1].v", 1, 491, 490),
        place("/layers.tar → a.tgz → ./app.db-wal", 1, 2, 1),
    ];
    let mut found = places(&scanned);
    found.sort();
    // In an archive a log has no database beside it: it is searched as it is stored.
    let is_log = |(path, ..): &(String, u64, u64, u64)| path == "/layers.tar → a.tgz → ./app.db-wal";
    let without = |places: &[(String, u64, u64, u64)]| {
        places.iter().filter(|place| !is_log(place)).cloned().collect::<Vec<_>>()
    };
    assert_eq!(without(&found), without(&expected), "{:?}", scanned.problems());
    assert_eq!(found.iter().filter(|place| is_log(place)).count(), 1);
    assert_eq!(scanned.problems(), [("/layers.tar", Reason::Unsupported)]);
    let finding = scanned.findings().into_iter().find(|one| one.location.path == "/layers.tar").expect("one");
    let kinds: Vec<&str> = finding.location.provenance.iter().map(|step| step.kind.as_str()).collect();
    assert_eq!(kinds, ["directory", "member", "stream", "member", "registry_value"]);
    let member = finding.file.as_ref().and_then(|file| file.member.as_ref()).expect("what tar says of it");
    assert_eq!(member.size, Some(fs::metadata(tree.join("SOFTWARE")).expect("the hive").len()));
    // Left closed, the disk and the archives are bytes, and what is torn is not found.
    let closed = scan_with(&dir.path().join("out"), ScanOptions { max_archive_depth: 0, ..options() });
    assert!(closed.coverage().inside.is_empty());
    // The same, whichever thread comes first.
    assert_eq!(scan(&dir.path().join("out")).comparable(), scanned.comparable());
}

/// A dump that the kernel made, or gdb where the kernel gives dumps to a program; `None`
/// where there is neither. It is called `core`.
fn core_dump(dir: &Path, environment: &[(&str, &str)]) -> Option<()> {
    let pattern = fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap_or_default();
    let mut command = Command::new("/bin/sh");
    command.env_clear().envs(environment.iter().copied()).current_dir(dir);
    let script = "ulimit -c unlimited; exec sleep 60";
    let mut child = command.args(["-c", script]).spawn().expect("sh runs");
    // The environment is that of `sleep` once the shell has become it.
    let became = format!("/proc/{}/comm", child.id());
    while fs::read_to_string(&became).is_ok_and(|name| name.trim() != "sleep") {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let pid = child.id().to_string();
    let by_kernel = !pattern.trim().is_empty() && !pattern.contains(['|', '/']);
    if !by_kernel {
        let _ = Command::new("gcore").args(["-o", "core", &pid]).current_dir(dir).output();
    }
    let signal = if by_kernel { "-ABRT" } else { "-KILL" };
    Command::new("kill").args([signal, &pid]).status().expect("kill runs");
    child.wait().expect("it ends");
    let made = fs::read_dir(dir)
        .expect("a directory")
        .flatten()
        .find(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()))?;
    fs::rename(made.path(), dir.join("core")).ok()
}

#[test]
fn the_environment_of_a_core_dump_is_told_once() {
    let dir = tempfile::tempdir().expect("a directory");
    let secret = planted(1);
    let password = hive::password(1);
    let environment = [
        ("APP_TOKEN", secret.as_str()),
        ("DB_USER", "shop"),
        ("DB_PASSWORD", password.as_str()),
        ("DB_HOST", "db1.corp.acme.io"),
    ];
    if core_dump(dir.path(), &environment).is_none() {
        eprintln!("skipped: neither the kernel nor gcore makes core dumps here");
        return;
    }
    let scanned = scan(dir.path());
    assert_eq!(
        places(&scanned),
        [place("/core → sleep environ APP_TOKEN", 1, 1, 0)],
        "{:?}",
        scanned.problems()
    );
    assert!(scanned.summary.complete, "{:?}", scanned.problems());
    // What belongs together in the environment is put together.
    let rules = snapsift::rules::RuleSet::builtin().expect("rules");
    let scanned = scan_by(&rules, dir.path(), options());
    let logins: Vec<_> = scanned
        .findings()
        .into_iter()
        .filter(|finding| finding.attributes.get("user").is_some_and(|user| user == "shop"))
        .collect();
    let [login] = logins.as_slice() else { panic!("{logins:?}") };
    assert_eq!(login.location.whole_path(), "/core → sleep environ DB_PASSWORD");
    assert_eq!(login.attributes.get("server").map(String::as_str), Some("db1.corp.acme.io"));
    // As systemd keeps it, and in an archive: what passes once tells the same.
    let packed = tempfile::tempdir().expect("a directory");
    sh(
        dir.path(),
        &format!(
            "zstd -qc core > {0}/a.zst; lz4 -qc core > {0}/b.lz4; xz -0c core > {0}/c.xz; tar cf {0}/d.tar core",
            packed.path().display()
        ),
    );
    let names = ["/a.zst", "/b.lz4", "/c.xz", "/d.tar → core"];
    let expected = names.map(|name| place(&format!("{name} → sleep environ APP_TOKEN"), 1, 1, 0));
    let scanned = scan(packed.path());
    assert_eq!(places(&scanned), expected, "{:?}", scanned.problems());
    assert!(scanned.summary.complete, "{:?}", scanned.problems());
    // Cut short, as by a limit on its size.
    let whole = fs::read(dir.path().join("core")).expect("the dump");
    fs::write(dir.path().join("core"), &whole[..whole.len() / 2]).expect("a file");
    assert_eq!(scan(dir.path()).problems(), [("/core", Reason::Corrupt)]);
}
