//! The whole of it on a real Debian root: a root made by debootstrap, keys made by
//! ssh-keygen, openssl and puttygen, and a synthetic secret of every built-in rule
//! are scanned by the built program. What is planted is found, once for each place,
//! with all that can be known of it; what is found besides is listed and explained
//! in `testdata/debian-root-findings.txt`.
//!
//! Needs root and debootstrap, and the network the first time: elsewhere it says
//! that it was skipped, and fails where `CI` is set.
#![allow(clippy::expect_used, clippy::panic, reason = "a test stops where it cannot go on")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use snapsift::finding::{Finding, KeyRecord, Reason, Record, Revealed, Severity};
use snapsift::rules::{Rule, RuleSet};
use support::debian;
use support::planted::{self, Expected, Planted};
use support::program::{code, findings, records, scan, stderr, stdout, summary, write};

/// A second name of a planted file: another place for the same secret.
const SECOND_NAME: (&str, &str) = ("srv/app/.env", "srv/app/.env.old");
/// Where the keys lie.
const KEYS: &str = "/home/deploy/.ssh";

/// Where the first example of each rule lies for which nothing is planted by hand.
const EXAMPLES: &str = "/opt/inventory/conf";

/// The rules for which nothing is planted by hand.
static BY_EXAMPLE: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    let planted = planted::all();
    let mut by_hand: BTreeSet<&str> =
        planted.iter().flat_map(|file| &file.secrets).map(|secret| secret.rule).collect();
    by_hand.extend(["private-key-pem", "private-key-putty"]);
    let builtin = RuleSet::builtin().expect("the built-in rules load");
    builtin.rules().iter().filter(|rule| !by_hand.contains(&*rule.id)).cloned().collect()
});

/// The planted root and the scan of it.
struct World {
    target: PathBuf,
    planted: Vec<Planted>,
    /// What `make-keys.sh` prints: a row for each key.
    keys: String,
    records: Vec<Record>,
    output: String,
    users: Vec<(String, u32)>,
    groups: Vec<(String, u32)>,
}

static WORLD: LazyLock<Option<World>> = LazyLock::new(|| debian::root().map(|root| make(&root)));

fn make(root: &Path) -> World {
    let target = debian::copy(root);
    add_line(&target.join("etc/passwd"), "deploy:x:4242:4343:Deployment,,,:/home/deploy:/bin/bash");
    add_line(&target.join("etc/group"), "deploy:x:4343:");
    let (users, groups) = (debian::numbers(&target, "passwd"), debian::numbers(&target, "group"));
    let planted = planted::all();
    for file in planted.iter().chain(&planted::decoys()) {
        write(&target, file.path, &file.content);
        let path = target.join(file.path);
        let number = |all: &[(String, u32)], name| all.iter().find(|(known, _)| known == name).map(|e| e.1);
        let (user, group) = (number(&users, file.owner.0), number(&groups, file.owner.1));
        std::os::unix::fs::chown(&path, user, group).expect("chown");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(file.mode)).expect("chmod");
    }
    for rule in &*BY_EXAMPLE {
        let example = rule.examples.first().expect("a rule has an example");
        write(&target, &format!("{}/{}", &EXAMPLES[1..], rule.id), example.text.as_bytes());
    }
    let (first, second) = SECOND_NAME;
    std::fs::hard_link(target.join(first), target.join(second)).expect("a hard link");
    // A link to a file is no place of its own.
    std::os::unix::fs::symlink("/srv/app/.env", target.join("srv/app/current.env")).expect("a link");

    let folder = target.join(&KEYS[1..]);
    std::fs::create_dir_all(&folder).expect("a folder");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/make-keys.sh");
    let made = Command::new("sh").arg(script).arg(&folder).output().expect("sh");
    assert!(made.status.success(), "{}", stderr(&made));

    let output = scan(&["--format", "jsonl", "--reveal"], &target);
    assert_eq!(stderr(&output), "");
    assert_eq!(code(&output), 0, "whatever was found");
    let text = stdout(&output);
    World { target, planted, keys: stdout(&made), records: records(&text), output: text, users, groups }
}

fn add_line(file: &Path, line: &str) {
    let text = std::fs::read_to_string(file).expect("it is there");
    std::fs::write(file, text + line + "\n").expect("written");
}

impl World {
    fn findings_by_path(&self) -> BTreeMap<&str, Vec<&Finding>> {
        let mut by_path: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
        for finding in findings(&self.records) {
            by_path.entry(&finding.location.path).or_default().push(finding);
        }
        by_path
    }

    /// Every path of what is planted.
    fn places(&self) -> impl Iterator<Item = (String, &Planted)> {
        self.planted.iter().flat_map(|file| {
            let second = (file.path == SECOND_NAME.0).then_some(SECOND_NAME.1);
            [Some(file.path), second].into_iter().flatten().map(move |path| (format!("/{path}"), file))
        })
    }

    fn name(all: &[(String, u32)], number: u32) -> Option<&str> {
        all.iter().find(|(_, known)| *known == number).map(|(name, _)| name.as_str())
    }
}

/// Among all rules, and not alone as `rules check` tries it: the secret is that of
/// the example, whichever rule is the more specific.
#[test]
fn the_first_example_of_every_other_rule_is_found() {
    let Some(world) = &*WORLD else { return };
    let by_path = world.findings_by_path();
    for rule in &*BY_EXAMPLE {
        let found = by_path.get(&*format!("{EXAMPLES}/{}", rule.id)).cloned().unwrap_or_default();
        let secret = rule.examples.first().and_then(|example| example.secret.as_deref());
        let is_it = |finding: &&Finding| {
            finding.rule_id == rule.id
                || secret
                    .is_some_and(|secret| finding.secret.raw.as_ref().map(Revealed::as_str) == Some(secret))
        };
        assert!(found.iter().any(is_it), "{}: {found:?}", rule.id);
    }
}

#[test]
fn every_planted_secret_is_found_once_with_all_that_can_be_known() {
    let Some(world) = &*WORLD else { return };
    let by_path = world.findings_by_path();
    for (path, file) in world.places() {
        let found = by_path.get(path.as_str()).cloned().unwrap_or_default();
        assert_eq!(found.len(), file.secrets.len(), "{path}: {found:?}");
        for (finding, expected) in found.iter().zip(&file.secrets) {
            compare(finding, expected, file, &path);
        }
    }
}

fn compare(finding: &Finding, expected: &Expected, file: &Planted, path: &str) {
    assert_eq!((&*finding.rule_id, &*finding.secret_type), (expected.rule, expected.secret_type), "{path}");
    assert_eq!(finding.severity, expected.severity, "{path}");
    // The secret, and where it stands: counted here, byte by byte.
    let raw = finding.secret.raw.as_ref().map(Revealed::as_str);
    assert!(raw == Some(&expected.secret), "{path}: another secret than that of {}", expected.rule);
    let written = expected.written.as_bytes();
    let offset = file.content.windows(written.len()).position(|part| part == written).expect("planted");
    let before = &file.content[..offset];
    let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
    let column = 1 + before.iter().rev().take_while(|byte| **byte != b'\n').count();
    let place = (finding.location.line, finding.location.column, finding.location.offset);
    assert_eq!(place, (line as u64, column as u64, offset as u64), "{path}: {}", expected.rule);

    let attributes: BTreeMap<String, String> =
        expected.attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    assert_eq!(finding.attributes, attributes, "{path}: {}", expected.rule);
    let target = finding.target.as_ref().map(|target| (&*target.kind, &*target.id));
    assert_eq!(target, expected.target.as_ref().map(|(kind, id)| (*kind, &**id)), "{path}");
    let expiry = finding.validity.as_ref().and_then(|validity| {
        Some((serde_json::to_value(validity.expires_at?).expect("JSON"), validity.expired?))
    });
    assert_eq!(expiry, expected.expiry.map(|(at, past)| (at.into(), past)), "{path}");

    let facts = finding.file.as_ref().expect("facts of the file");
    assert_eq!(facts.size, file.content.len() as u64, "{path}");
    assert_eq!(facts.mode, format!("{:04o}", file.mode), "{path}");
    let owner = (facts.owner.as_deref(), facts.group.as_deref());
    assert_eq!(owner, (Some(file.owner.0), Some(file.owner.1)), "{path}");
}

#[test]
fn keys_are_what_the_programs_that_made_them_say() {
    let Some(world) = &*WORLD else { return };
    let by_path = world.findings_by_path();
    let mut records: BTreeMap<&str, Vec<&KeyRecord>> = BTreeMap::new();
    for record in &world.records {
        if let Record::Key(key) = record {
            records.entry(&key.location.path).or_default().push(key);
        }
    }
    let mut paths = BTreeSet::new();
    for row in world.keys.lines() {
        let fields: Vec<&str> = row.split('|').collect();
        let [file, format, algorithm, encrypted, cipher, kdf, comment, public] = fields[..] else {
            panic!("not a row: {row}")
        };
        let some = |field: &str| (field != "-").then(|| field.to_owned());
        let path = format!("{KEYS}/{file}");
        let [key] = records.get(&*path).map_or(&[][..], |keys| keys) else {
            panic!("{path}: not one key record")
        };
        let [finding] = by_path.get(&*path).map_or(&[][..], |found| found) else {
            panic!("{path}: not one finding")
        };
        let container = (&*key.format, key.encrypted, key.private);
        assert_eq!(container, (format, encrypted == "yes", true), "{path}");
        assert_eq!(key.algorithm, some(algorithm), "{path}");
        assert_eq!((&key.cipher, &key.kdf), (&some(cipher), &some(kdf)), "{path}");
        assert_eq!(key.comment, some(comment), "{path}");
        match some(public) {
            None => assert_eq!((&key.fingerprint, &key.fingerprint_md5), (&None, &None), "{path}"),
            Some(public) => {
                let public = world.target.join(&KEYS[1..]).join(public);
                let (bits, sha256) = keygen(&public, "sha256");
                assert_eq!((key.bits, key.fingerprint.clone()), (Some(bits), Some(sha256)), "{path}");
                assert_eq!(key.fingerprint_md5, Some(keygen(&public, "md5").1), "{path}");
            }
        }
        assert_eq!(key.finding_id.as_ref(), Some(&finding.id), "{path}");
        assert_eq!(finding.key_fingerprint, key.fingerprint, "{path}");
        // Kinds that SSH does not know are keys of something else.
        let unknown_to_ssh = matches!(algorithm, "x25519" | "x448" | "ed448") || file == "k256.pem";
        let (rule, secret_type) = match format {
            _ if unknown_to_ssh => ("private-key-certificate", "private key"),
            "ppk2" | "ppk3" => ("private-key-putty", "insecure SSH private key"),
            "ssh2" => ("private-key-ssh2", "insecure SSH private key"),
            _ => ("private-key-pem", "insecure SSH private key"),
        };
        assert_eq!((&*finding.rule_id, &*finding.secret_type), (rule, secret_type), "{path}");
        let severity = if key.encrypted { Severity::Medium } else { Severity::High };
        assert_eq!(finding.severity, severity, "{path}");
        paths.insert(path);
    }
    assert!(paths.len() > 40, "{}", world.keys);
    // The folder holds public keys and a password file, too: no private keys.
    let private = records.iter().filter(|(_, keys)| keys.iter().any(|key| key.private));
    let besides: Vec<&&str> = private
        .map(|(path, _)| path)
        .filter(|path| path.starts_with(KEYS) && !paths.contains(**path))
        .collect();
    assert!(besides.is_empty(), "{besides:?}");
}

/// Bits and fingerprint by ssh-keygen. Where it does not know the type any more
/// (DSA from OpenSSH 10 on), by puttygen.
fn keygen(public: &Path, hash: &str) -> (u32, String) {
    let output =
        Command::new("ssh-keygen").args(["-E", hash, "-lf"]).arg(public).output().expect("ssh-keygen");
    let (line, skip) = if output.status.success() {
        (stdout(&output), 0)
    } else {
        let output =
            Command::new("puttygen").arg(public).args(["-l", "-E", hash]).output().expect("puttygen");
        assert!(output.status.success(), "{}", public.display());
        (stdout(&output), 1)
    };
    let words: Vec<&str> = line.split_whitespace().skip(skip).collect();
    let print = if hash == "md5" && skip == 1 { format!("MD5:{}", words[1]) } else { words[1].to_owned() };
    (words[0].parse().expect("bits"), print)
}

/// A package of the cache without its version, which changes with each update of Debian's.
fn of_any_version(path: &str) -> String {
    match (path.strip_prefix("/var/cache/apt/archives/"), path.split_once('_')) {
        (Some(_), Some((start, _))) => format!("{start}_*.deb"),
        _ => path.to_owned(),
    }
}

/// The list has a line for each: rule, path, why it is there.
#[test]
fn what_is_found_besides_is_explained() {
    let Some(world) = &*WORLD else { return };
    let list = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/debian-root-findings.txt");
    let list = std::fs::read_to_string(list).expect("the list");
    let explained: Vec<(String, String)> = list
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            let fields: Vec<&str> = line.split('|').map(str::trim).collect();
            let [rule, path, why] = fields[..] else { panic!("not a line of the list: {line}") };
            assert!(!why.is_empty(), "{line}");
            (rule.to_owned(), path.to_owned())
        })
        .collect();
    let ours = |path: &str| {
        path.starts_with(KEYS)
            || path.starts_with(EXAMPLES)
            || world.places().any(|(planted, _)| path == planted)
    };
    let found: Vec<(String, String)> = findings(&world.records)
        .into_iter()
        .filter(|finding| !ours(&finding.location.path))
        .map(|finding| (finding.rule_id.clone(), of_any_version(&finding.location.path)))
        .collect();
    assert_eq!(found, explained, "found, and the list of what is explained");
}

#[test]
fn names_are_those_of_the_root() {
    let Some(world) = &*WORLD else { return };
    for finding in findings(&world.records) {
        let facts = finding.file.as_ref().expect("facts of the file");
        assert_eq!(facts.owner.as_deref(), World::name(&world.users, facts.uid), "{}", finding.location.path);
        assert_eq!(
            facts.group.as_deref(),
            World::name(&world.groups, facts.gid),
            "{}",
            finding.location.path
        );
    }
}

#[test]
fn coverage_adds_up() {
    let Some(world) = &*WORLD else { return };
    let summary = summary(&world.records);
    assert!(summary.complete && !summary.interrupted && summary.problems == 0);
    let coverage = &summary.coverage;
    let left = coverage.left_out.values();
    let left = left.fold((0, 0), |sum, part| (sum.0 + part.files, sum.1 + part.bytes));
    assert_eq!(coverage.files_seen, coverage.files_scanned + left.0);
    assert_eq!(coverage.bytes_seen, coverage.bytes_scanned + left.1);
    // What `find` sees.
    let count = |arguments: &[&str]| {
        let mut find = Command::new("find");
        find.arg(&world.target).args(arguments).args(["-printf", "."]);
        u64::try_from(find.output().expect("find").stdout.len()).expect("a number")
    };
    assert_eq!(coverage.files_seen, count(&["-not", "-type", "d"]));
    let left_out = |reason: Reason| coverage.left_out.get(&reason).map_or(0, |part| part.files);
    assert!(left_out(Reason::HardLink) > 0 && left_out(Reason::TestContent) > 0);
    assert!(count(&["-type", "l"]) >= left_out(Reason::SymbolicLink));
    let counted: u64 = summary.findings.values().sum();
    assert_eq!(counted, findings(&world.records).len() as u64);
}

#[test]
fn secrets_are_shown_only_on_demand() {
    let Some(world) = &*WORLD else { return };
    let secrets = || world.planted.iter().flat_map(|file| &file.secrets);
    for format in ["text", "jsonl", "csv", "sarif", "ocsf"] {
        let output = scan(&["--format", format, "--fail-on", "high"], &world.target);
        assert_eq!(code(&output), 1, "there are findings at or above high");
        let text = stdout(&output);
        for expected in secrets() {
            // An id of AWS alone is no secret: its rule shows it.
            let public = expected.rule == "aws-access-key-id";
            let shown = text.contains(&expected.secret) || text.contains(&expected.written);
            assert!(public || !shown, "{format} shows the secret of {}", expected.rule);
        }
    }
    let all = secrets().count();
    let raw = findings(&world.records).iter().filter(|finding| finding.secret.raw.is_some()).count();
    assert!(raw > all);
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let Some(world) = &*WORLD else { return };
    let of = |jobs| {
        let output = scan(&["--format", "jsonl", "--reveal", "--jobs", jobs], &world.target);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        comparable(&stdout(&output))
    };
    let one = of("1");
    assert!(one == of("8"), "one thread and eight");
    assert!(one == comparable(&world.output), "one thread and as many as there are");
}

/// The output without the scan's id and times.
fn comparable(output: &str) -> String {
    let mut lines = Vec::new();
    for line in output.lines() {
        let mut value: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let kind = value["type"].as_str().map(str::to_owned);
        if let Some("scan" | "summary") = kind.as_deref() {
            let object = value.as_object_mut().expect("an object");
            for name in ["scan_id", "started_at", "finished_at", "elapsed_seconds"] {
                object.remove(name);
            }
            lines.push(value.to_string());
        } else {
            // Findings, keys and problems byte by byte.
            lines.push(line.to_owned());
        }
    }
    lines.join("\n")
}
