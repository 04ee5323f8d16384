//! What is in repositories of git is scanned: loose objects and packs, deltas resolved, with
//! the commits that have it. The repositories are made by git itself.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by a panic")]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use sha1::Digest as _;
use snapsift::finding::{Finding, GitReach, Reason};
use support::whole::{Scanned, planted, scan};

/// Runs a shell script in a directory, without the user's configuration; what it printed.
fn sh(dir: &Path, script: &str) -> String {
    let mut bash = Command::new("bash");
    bash.args(["-euo", "pipefail", "-c", script]).current_dir(dir).env("HOME", dir);
    for (name, value) in [
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("GIT_AUTHOR_NAME", "Ann Author"),
        ("GIT_AUTHOR_EMAIL", "ann@example.org"),
        ("GIT_COMMITTER_NAME", "Carl"),
        ("GIT_COMMITTER_EMAIL", "carl@example.org"),
        ("GIT_AUTHOR_DATE", "2021-03-04T05:06:07Z"),
        ("GIT_COMMITTER_DATE", "2021-03-05T00:00:00Z"),
    ] {
        bash.env(name, value);
    }
    let output = bash.output().expect("bash runs");
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// A repository in `srv/app`.
fn repository() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    sh(dir.path(), "git init -q -b main srv/app");
    dir
}

/// The objects with findings: the first 40 characters of the step.
fn objects(scanned: &Scanned) -> BTreeSet<String> {
    let steps = scanned.findings().into_iter().flat_map(|finding| &finding.location.provenance);
    steps.filter(|step| step.kind == "git_object").map(|step| step.name.chars().take(40).collect()).collect()
}

/// The objects in which git itself sees a planted value.
fn objects_by_git(repository: &Path) -> BTreeSet<String> {
    let all =
        "git cat-file --batch-all-objects --unordered --batch-check | grep -v ' tree ' | cut -d' ' -f1,2 |
        while read -r id kind; do git cat-file $kind $id | grep sift_planted_ > /dev/null && echo $id || true; done";
    sh(repository, all).lines().map(str::to_owned).collect()
}

/// Many versions of one long file, so that a pack is full of deltas; two have a value.
fn history(dir: &Path) {
    let app = dir.join("srv/app");
    fs::create_dir_all(app.join("config")).expect("a directory");
    let mut lines: Vec<String> =
        (0..2000).map(|line| format!("line {line} of a file {}", line * 7919 % 1000)).collect();
    for version in 0..12_usize {
        lines[version * 100] = format!("version {version}");
        lines[2] = if version == 5 { format!("KEY={}", planted(1)) } else { format!("KEY={version}") };
        fs::write(app.join("config/prod.env"), lines.join("\n")).expect("a file");
        sh(&app, &format!("git add . && git commit -qm 'version {version}'"));
    }
    sh(&app, &format!("git commit -q --allow-empty -m 'rotate {}'", planted(2)));
    sh(&app, &format!("git tag -a v1 -m 'with {}'", planted(3)));
}

#[test]
fn loose_objects_are_scanned_under_their_ids() {
    let dir = repository();
    history(dir.path());
    let scanned = scan(dir.path());
    assert!(scanned.summary.complete, "{:?}", scanned.problems());
    let expected = objects_by_git(&dir.path().join("srv/app"));
    assert_eq!(expected.len(), 3);
    assert_eq!(objects(&scanned), expected);
    let blob = sh(&dir.path().join("srv/app"), "git rev-parse HEAD~7:config/prod.env");
    let findings = scanned.findings();
    let in_blob = findings.iter().find(|finding| finding.location.whole_path().contains(blob.trim()));
    let location = &in_blob.expect("found").location;
    assert_eq!((location.line, location.column), (3, 5));
    assert_eq!(location.path, format!("/srv/app/.git/objects/{}/{}", &blob[..2], blob[2..].trim()));
}

#[test]
fn packs_give_what_git_gives_of_them() {
    for pack in [
        "git gc -q",
        // Bases by their ids, and no index.
        "git -c repack.useDeltaBaseOffset=false repack -adqf --depth=50 && rm .git/objects/pack/*.idx",
    ] {
        let dir = repository();
        history(dir.path());
        let app = dir.path().join("srv/app");
        let expected = objects_by_git(&app);
        sh(&app, pack);
        assert_eq!(sh(&app, "find .git/objects -name '??' -type d | wc -l").trim(), "0");
        let scanned = scan(dir.path());
        assert!(scanned.summary.complete, "{pack}: {:?}", scanned.problems());
        assert_eq!(objects(&scanned), expected, "{pack}");
        // Every blob, commit and tag: 12, 13 and 1.
        assert_eq!(scanned.coverage().inside.members_seen, 26, "{pack}");
    }
}

#[test]
fn a_blob_that_is_packed_twice_is_told_at_each_place_and_counts_the_same() {
    let dir = repository();
    history(dir.path());
    sh(dir.path(), "cp -r srv/app/.git copy && cd srv/app && git gc -q");
    let scanned = scan(dir.path());
    assert_eq!(objects(&scanned).len(), 3);
    let again = scan(dir.path());
    assert_eq!(scanned.comparable(), again.comparable());
    assert_eq!(scanned.coverage(), again.coverage());
}

/// A pack of objects: type, declared size, what stands before the stream, what is deflated.
fn pack(objects: &[(u8, usize, Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let mut pack = b"PACK\0\0\0\x02".to_vec();
    pack.extend_from_slice(&u32::try_from(objects.len()).expect("few").to_be_bytes());
    for (kind, size, before, content) in objects {
        pack.extend_from_slice(&head(*kind, *size));
        pack.extend_from_slice(before);
        pack.extend_from_slice(&deflate(content));
    }
    let sum = sha1::Sha1::digest(&pack);
    pack.extend_from_slice(&sum);
    pack
}

fn head(kind: u8, size: usize) -> Vec<u8> {
    let mut bytes = vec![kind << 4 | u8::try_from(size & 15).expect("small")];
    let mut rest = size >> 4;
    while rest > 0 {
        *bytes.last_mut().expect("one") |= 0x80;
        bytes.push(u8::try_from(rest & 127).expect("small"));
        rest >>= 7;
    }
    bytes
}

fn deflate(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(content).expect("memory");
    encoder.finish().expect("memory")
}

fn back(mut offset: usize) -> Vec<u8> {
    let mut bytes = vec![u8::try_from(offset & 127).expect("small")];
    while offset > 127 {
        offset = (offset >> 7) - 1;
        bytes.insert(0, 0x80 | u8::try_from(offset & 127).expect("small"));
    }
    bytes
}

/// A blob with a value.
fn value(number: u32) -> (u8, usize, Vec<u8>, Vec<u8>) {
    let content = planted(number).into_bytes();
    (3, content.len(), Vec::new(), content)
}

fn scan_pack(bytes: &[u8]) -> Scanned {
    let dir = tempfile::tempdir().expect("a directory");
    fs::write(dir.path().join("a.pack"), bytes).expect("a file");
    scan(dir.path())
}

fn reasons(scanned: &Scanned) -> Vec<Reason> {
    scanned.problems().into_iter().map(|(_, reason)| reason).collect()
}

fn found(scanned: &Scanned) -> usize {
    scanned.findings().into_iter().map(|finding: &Finding| &finding.id).collect::<BTreeSet<_>>().len()
}

#[test]
fn hostile_47_deltas_in_a_cycle_are_counted_and_the_rest_is_scanned() {
    let delta = [1, 1, 1, b'x'].to_vec();
    let one = (7, 4, vec![1; 20], delta.clone());
    let other = (7, 4, vec![2; 20], delta.clone());
    let itself = (6, 4, vec![0], delta);
    let scanned = scan_pack(&pack(&[one.clone(), value(1), other.clone(), value(2)]));
    assert_eq!((found(&scanned), reasons(&scanned)), (2, vec![Reason::Corrupt]));
    // A delta of itself: nothing tells where the next object would be.
    let scanned = scan_pack(&pack(&[value(1), itself, value(2)]));
    assert_eq!((found(&scanned), reasons(&scanned)), (1, vec![Reason::Corrupt]));
}

#[test]
fn hostile_47_deltas_10000_deep_are_refused_and_the_rest_is_scanned() {
    let mut bytes = b"PACK\0\0\0\x02".to_vec();
    bytes.extend_from_slice(&10_002_u32.to_be_bytes());
    let mut last = bytes.len();
    bytes.extend_from_slice(&head(3, 1));
    bytes.extend_from_slice(&deflate(b"a"));
    for _ in 0..10_000 {
        let at = bytes.len();
        bytes.extend_from_slice(&head(6, 4));
        bytes.extend_from_slice(&back(at - last));
        bytes.extend_from_slice(&deflate(&[1, 1, 1, b'x']));
        last = at;
    }
    let (kind, size, _, content) = value(1);
    bytes.extend_from_slice(&head(kind, size));
    bytes.extend_from_slice(&deflate(&content));
    let sum = sha1::Sha1::digest(&bytes);
    bytes.extend_from_slice(&sum);
    let scanned = scan_pack(&bytes);
    assert_eq!(found(&scanned), 1);
    let problems = &scanned.coverage().inside.problems;
    assert_eq!(problems.values().sum::<u64>(), 10_000 - 4095, "{problems:?}");
    assert_eq!(scanned.coverage().inside.members_seen, 2 + 4095);
}

#[test]
fn hostile_47_a_delta_that_makes_4_gib_is_refused() {
    // Copies 16 MiB less one of a base again and again, and says that it makes 4 GiB.
    let base = vec![b'a'; 1 << 20];
    let mut delta = vec![0x80, 0x80, 0x40, 0x80, 0x80, 0x80, 0x80, 0x10];
    (0..4096).for_each(|_| delta.extend_from_slice(&[0xf0, 0, 0, 0x10]));
    let first = (3, base.len(), Vec::new(), base.clone());
    let length = pack(std::slice::from_ref(&first)).len() - 12 - 20;
    let bomb = (6, delta.len(), back(length), delta);
    let scanned = scan_pack(&pack(&[first, bomb, value(1)]));
    assert_eq!((found(&scanned), reasons(&scanned)), (1, vec![Reason::OverBudget]));
}

#[test]
fn sizes_that_are_not_true_and_streams_that_are_cut_are_damage() {
    let content = planted(1).into_bytes();
    for size in [0, content.len() - 1, content.len() + 1, usize::MAX >> 8] {
        let scanned = scan_pack(&pack(&[value(2), (3, size, Vec::new(), content.clone())]));
        assert_eq!((found(&scanned), reasons(&scanned)), (1, vec![Reason::Corrupt]), "{size}");
    }
    let whole = pack(&[value(1), value(2)]);
    for length in 13..whole.len() {
        let scanned = scan_pack(&whole[..length]);
        assert_eq!(reasons(&scanned), [Reason::Corrupt], "{length}");
    }
    let mut loose = deflate(format!("blob 60\0{}\n", planted(1)).as_bytes());
    let dir = tempfile::tempdir().expect("a directory");
    fs::write(dir.path().join("size"), &loose).expect("a file");
    loose.truncate(loose.len() - 5);
    fs::write(dir.path().join("cut"), &loose).expect("a file");
    let scanned = scan(dir.path());
    assert_eq!((found(&scanned), reasons(&scanned)), (2, vec![Reason::Corrupt; 2]));
}

#[test]
fn a_repository_in_an_archive_is_looked_into() {
    let dir = repository();
    history(dir.path());
    sh(&dir.path().join("srv/app"), "git gc -q && cd ../.. && tar czf backup.tar.gz srv && rm -r srv");
    let scanned = scan(dir.path());
    assert!(scanned.summary.complete, "{:?}", scanned.problems());
    assert_eq!(objects(&scanned).len(), 3);
}

/// What the records say of the history of each object.
fn histories(scanned: &Scanned) -> std::collections::BTreeMap<String, snapsift::finding::GitFacts> {
    let facts = scanned.findings().into_iter().filter_map(|finding| finding.git.as_deref());
    facts.map(|facts| (facts.object.clone(), facts.clone())).collect()
}

#[test]
fn the_commits_that_have_a_secret_are_those_that_git_names() {
    for pack in ["true", "git gc -q", "git clone -q --bare . ../bare && rm -rf .git"] {
        let dir = repository();
        history(dir.path());
        let app = dir.path().join("srv/app");
        let blob = sh(&app, "git rev-parse HEAD~7:config/prod.env").trim().to_owned();
        // The commit that brought it, and the one that took it away.
        let brought = sh(&app, &format!("git log --all --reverse --format=%H --find-object={blob}"));
        let brought: Vec<&str> = brought.lines().collect();
        let message = sh(&app, "git rev-parse HEAD").trim().to_owned();
        sh(&app, pack);
        let scanned = scan(dir.path());
        let histories = histories(&scanned);
        assert_eq!(histories.len(), 3, "{pack}");
        let facts = &histories[&blob];
        let oldest = facts.oldest.as_ref().expect("a commit");
        assert_eq!((facts.commits, oldest.id.as_str()), (1, brought[0]), "{pack}");
        assert_eq!((oldest.author.as_str(), oldest.email.as_str()), ("Ann Author", "ann@example.org"));
        assert_eq!(oldest.path.as_deref(), Some("config/prod.env"));
        assert_eq!(oldest.authored_at.expect("a date").to_string(), "2021-03-04T05:06:07Z");
        assert_eq!((facts.reachable, facts.in_head, facts.incomplete), (GitReach::Ref, Some(false), false));
        let step = format!("{blob}:config/prod.env");
        assert!(scanned.findings().iter().any(|finding| finding.location.whole_path().ends_with(&step)));
        let facts = &histories[&message];
        assert_eq!((facts.reachable, facts.in_head), (GitReach::Ref, None));
        assert_eq!(facts.oldest.as_ref().map(|commit| commit.id.as_str()), Some(message.as_str()));
    }
}

#[test]
fn stashes_reflogs_and_what_nothing_leads_to_are_told_apart() {
    let dir = repository();
    let app = dir.path().join("srv/app");
    let put = |number: u32| format!("echo A={} > a.env && git add a.env", planted(number));
    sh(&app, "git commit -q --allow-empty -m first");
    sh(&app, &format!("{} && git commit -qm here", put(1)));
    sh(&app, &format!("{} && git commit -qm wrong && git reset -q --hard HEAD~1", put(2)));
    sh(&app, &format!("{} && git stash -q", put(3)));
    let lost = sh(&app, &format!("{} && git commit-tree -m lost $(git write-tree)", put(4)));
    sh(&app, &format!("{} && git reset -q --hard", put(5)));
    let unreachable = sh(&app, "git fsck --unreachable --no-reflogs --full 2>/dev/null");
    assert!(unreachable.contains(lost.trim()));
    for pack in ["true", "git repack -adq --keep-unreachable && git prune-packed"] {
        sh(&app, pack);
        let histories = histories(&scan(dir.path()));
        let of = |number: u32| {
            let content = format!("A={}\n", planted(number));
            let id = sha1::Sha1::digest(format!("blob {}\0{content}", content.len()));
            let id: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
            let facts = &histories[&id];
            // Of the stash: the commit of what was changed, and that of the index.
            (facts.reachable, facts.commits, facts.in_head)
        };
        assert_eq!(of(1), (GitReach::Ref, 1, Some(true)), "{pack}");
        assert_eq!(of(2), (GitReach::Reflog, 1, Some(false)), "{pack}");
        assert_eq!(of(3), (GitReach::Stash, 2, Some(false)), "{pack}");
        assert_eq!(of(4), (GitReach::Unreachable, 1, Some(false)), "{pack}");
        assert_eq!(of(5), (GitReach::Unreachable, 0, None), "{pack}");
    }
}

/// What was cut off a reflog may have led to it.
#[test]
fn a_reflog_beyond_its_limit_is_read_in_part_and_that_is_told() {
    let dir = repository();
    let app = dir.path().join("srv/app");
    sh(&app, "git commit -q --allow-empty -m first");
    sh(&app, &format!("echo A={} > a.env && git add a.env && git reset -q --hard", planted(1)));
    let told = || histories(&scan(dir.path())).into_values().next().expect("a finding");
    assert_eq!((told().reachable, told().incomplete), (GitReach::Unreachable, false));
    sh(&app, "truncate -s 100M .git/logs/HEAD");
    assert_eq!((told().reachable, told().incomplete), (GitReach::Unknown, true));
}

#[test]
fn alternates_are_followed_inside_and_a_wrong_index_is_not_believed() {
    let dir = repository();
    history(dir.path());
    let app = dir.path().join("srv/app");
    let script = "git gc -q && cd .. && git clone -q --shared app other && cd other &&
        echo /../../../etc >> .git/objects/info/alternates &&
        sed -i 's,^/.*/srv/,../../../,' .git/objects/info/alternates";
    sh(&app, script);
    sh(&dir.path().join("srv/other"), &format!("echo {} > b && git add b && git commit -qm b", planted(7)));
    let histories_of = |dir: &Path| histories(&scan(dir));
    let all = histories_of(dir.path());
    assert_eq!(all.len(), 4);
    let shared = all.values().find(|facts| facts.repository == "/srv/other/.git").expect("its own");
    assert_eq!((shared.commits, shared.incomplete), (1, false));
    // Each id of the index is said to lie where another one does.
    let index = sh(&app, "ls .git/objects/pack/*.idx");
    let index = app.join(index.trim());
    let mut bytes = fs::read(&index).expect("an index");
    let count = usize::try_from(u32::from_be_bytes(bytes[8 + 1020..8 + 1024].try_into().expect("four")));
    let count = count.expect("few");
    let offsets = 8 + 1024 + 24 * count;
    bytes[offsets..offsets + 4 * count].rotate_left(4);
    sh(&app, "chmod -R u+w .git");
    fs::write(&index, bytes).expect("an index");
    let scanned = scan(dir.path());
    assert_eq!(objects(&scanned).len(), 4);
    let facts = histories(&scanned);
    let of_app: Vec<_> = facts.values().filter(|facts| facts.repository == "/srv/app/.git").collect();
    assert_eq!(of_app.len(), 3);
    assert!(of_app.iter().all(|facts| facts.reachable == GitReach::Unknown && facts.incomplete));
}
