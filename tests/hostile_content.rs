//! Content that is made to take time or memory: one long line, a key by the
//! hundred thousand, literals without an end, near misses; and rule packs of that
//! kind. Each test is named for its number in the list of hostile inputs.
#![allow(clippy::expect_used, clippy::panic, reason = "a test stops where it cannot go on")]

mod support;

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use snapsift::output::escape::is_unsafe;
use snapsift::rules::RuleSet;
use snapsift::scan::{Engine, Match, Stats};
use support::program::{
    MEMORY, code, findings, limited, memory_dir, records, stderr, stdout, summary, token, tree, write,
};

const FORMATS: [&str; 3] = ["text", "jsonl", "csv"];

/// Scans with two threads in no more than 150 MiB.
fn scan_bounded(format: &str, target: &Path) -> std::process::Output {
    let output = limited(MEMORY).args(["scan", "-j", "2", "-f", format]).arg(target).output().expect("runs");
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    output
}

#[test]
fn hostile_08_a_line_of_a_quarter_of_a_gigabyte() {
    let dir = memory_dir();
    // Nothing in it ends a line or a word for good; the memory allowed is less
    // than the line.
    let block = b"abcdefghij0123456789 =:;{}\"\\,._-".repeat(1 << 15);
    let mut file = std::fs::File::create(dir.path().join("line")).expect("a file");
    for _ in 0..256 {
        file.write_all(&block).expect("a write");
    }
    write!(file, " TOKEN={}", token(8)).expect("a write");
    let size = file.metadata().expect("metadata").len();
    // The header of records names every rule, with quotes and a comma.
    let rules = RuleSet::builtin().expect("rules");
    let names: usize = rules.rules().iter().map(|rule| rule.id.len() + 3).sum();
    for format in FORMATS {
        let text = stdout(&scan_bounded(format, dir.path()));
        let named = if format == "jsonl" { names } else { 0 };
        assert!(text.len() < 4096 + named, "{format}: {} bytes of output", text.len());
        assert!(!text.contains(&token(8)), "{format}");
    }
    let lines = records(&stdout(&scan_bounded("jsonl", dir.path())));
    let found = findings(&lines);
    let offset = size - 40;
    assert_eq!(found.len(), 1);
    let location = &found[0].location;
    assert_eq!((location.line, location.column, location.offset), (1, offset + 1, offset));
    assert_eq!(summary(&lines).coverage.bytes_scanned, size);
}

/// Scans a content of its own.
fn scan_bytes(engine: &Engine, bytes: &[u8]) -> (Vec<Match>, Stats) {
    let mut scanner = engine.scanner();
    let mut found = Vec::new();
    scanner.scan(bytes, &mut |hit| found.push(hit));
    (found, scanner.stats().clone())
}

fn count(number: usize) -> u64 {
    u64::try_from(number).expect("small")
}

#[test]
fn hostile_09_three_hundred_thousand_copies_of_one_key() {
    const COPIES: usize = 300_000;
    let engine = Engine::new(&RuleSet::builtin().expect("rules"));
    // The work: one look at each copy and no more, on lines of their own and on one.
    for separator in ["\n", " "] {
        let copies = 20_000;
        let (found, stats) = scan_bytes(&engine, (token(9) + separator).repeat(copies).as_bytes());
        assert_eq!(found.len(), copies);
        let looked: Vec<u64> = stats.by_rule.iter().map(|rule| rule.literals).filter(|n| *n > 0).collect();
        assert_eq!(looked, [count(copies)]);
    }
    let dir = memory_dir();
    write(dir.path(), "keys", (token(9) + "\n").repeat(COPIES).as_bytes());
    let lines = records(&stdout(&scan_bounded("jsonl", dir.path())));
    let found = findings(&lines);
    assert_eq!(found.len(), 1000);
    assert!((1..).zip(&found).all(|(line, finding)| finding.location.line == line));
    assert_eq!(summary(&lines).findings_not_listed, count(COPIES) - 1000);
    assert_eq!(summary(&lines).findings.values().sum::<u64>(), count(COPIES));
    // A person sees one secret, not a thousand.
    let text = stdout(&scan_bounded("text", dir.path()));
    assert!(text.lines().count() < 100, "{} lines", text.lines().count());
    assert!(text.contains("299,000"), "{text}");
}

#[test]
fn hostile_10_literals_without_an_end() {
    const SIZE: usize = 8 << 10;
    let rules = RuleSet::builtin().expect("rules");
    let dir = memory_dir();
    write(dir.path(), "akia", "AKIA".repeat(2 << 20).as_bytes());
    // What is found says that the files were looked at.
    write(dir.path(), "token", token(10).as_bytes());
    let mut number = 2_usize;
    for literal in rules.rules().iter().filter_map(|rule| rule.literals.first()) {
        for separator in [&b""[..], b"=", b"\n"] {
            let one = [&literal.bytes, separator].concat();
            write(dir.path(), &format!("literal-{number}"), &one.repeat(SIZE / one.len()));
            number += 1;
        }
    }
    assert!(number > 2 * rules.rules().len(), "{number} files");
    let lines = records(&stdout(&scan_bounded("jsonl", dir.path())));
    let found = findings(&lines);
    let others: Vec<_> = found.iter().filter(|finding| finding.location.path != "/token").collect();
    assert_eq!((found.len(), others.len()), (1, 0), "{:?}", others.first());
    assert_eq!(summary(&lines).coverage.files_scanned, count(number));
    assert!(summary(&lines).complete);
}

/// The example with the end of its secret broken, as far as the rule finds one.
fn near_miss(alone: &Engine, text: &str) -> Option<Vec<u8>> {
    let (found, _) = scan_bytes(alone, text.as_bytes());
    let secret = found.first()?.secret_start;
    let end = usize::try_from(secret).ok()? + found.first()?.secret.len();
    let mut broken = text.as_bytes().to_vec();
    *broken.get_mut(end - 1)? = b'\x01';
    Some(broken)
}

/// What was done: positions, literals, literals of rules, matches.
fn work(engine: &Engine, content: &[u8]) -> [u64; 4] {
    let (_, stats) = scan_bytes(engine, content);
    let looks = stats.by_rule.iter().map(|rule| rule.literals).sum();
    let matches = stats.by_rule.iter().map(|rule| rule.matched).sum();
    [stats.candidates, stats.literals, looks, matches]
}

/// Whether the work for contents of which each is twice as long as the one before
/// grows no more than they do. What stands at a border, or needs a few copies to be
/// whole, is work that no growth follows from: only what one doubling adds is held
/// against what the next one adds.
fn is_linear(short: u64, double: u64, quadruple: u64) -> bool {
    const BORDER: u64 = 32;
    quadruple.saturating_sub(double) <= 2 * double.saturating_sub(short) + BORDER
}

#[test]
fn hostile_11_near_misses_cost_no_more_than_their_number() {
    assert!(is_linear(160, 320, 640) && is_linear(1202, 1714, 2738));
    assert!(!is_linear(16 * 16, 32 * 32, 64 * 64));
    let rules = RuleSet::builtin().expect("rules");
    let engine = Engine::new(&rules);
    let mut tried = 0;
    for rule in rules.rules() {
        let alone = Engine::new(&RuleSet::new(vec![rule.clone()], String::new()));
        for example in &rule.examples {
            let Some(mut broken) = near_miss(&alone, &example.text) else { continue };
            broken.push(b'\n');
            tried += 1;
            let [short, double, quadruple] = [16, 32, 64].map(|copies| work(&engine, &broken.repeat(copies)));
            for ((short, double), quadruple) in short.into_iter().zip(double).zip(quadruple) {
                let id = &rule.id;
                assert!(is_linear(short, double, quadruple), "{id}: {short}, {double}, {quadruple}");
            }
        }
    }
    assert!(tried > rules.rules().len() / 2, "{tried} examples");
}

#[test]
fn hostile_11_manifests_that_stand_close_are_decoded_once() {
    let engine = Engine::new(&RuleSet::builtin().expect("rules"));
    // More of them than one manifest reaches.
    for manifest in
        ["kind: Secret\ndata:\n  a: ZGVwbG95\n", "{\"kind\":\"Secret\",\"data\":{\"a\":\"ZGVwbG95\"}}"]
    {
        let [short, double, quadruple] =
            [1024, 2048, 4096].map(|copies| work(&engine, manifest.repeat(copies).as_bytes()));
        for ((short, double), quadruple) in short.into_iter().zip(double).zip(quadruple) {
            assert!(is_linear(short, double, quadruple), "{manifest}: {short}, {double}, {quadruple}");
        }
    }
}

/// Three layers are decoded, and of twenty no more than of three.
#[test]
fn hostile_46_base64_in_base64_twenty_deep() {
    use base64::Engine as _;
    let engine = Engine::new(&RuleSet::builtin().expect("rules"));
    let nested = |copies: usize, depth: usize| {
        let text = format!("TOKEN={}\n", token(46)).repeat(copies).into_bytes();
        (0..depth).fold(text, |text, _| base64::engine::general_purpose::STANDARD.encode(text).into_bytes())
    };
    for (depth, found) in [(1, 1), (3, 1), (4, 0), (20, 0)] {
        assert_eq!(scan_bytes(&engine, &nested(1, depth)).0.len(), found, "{depth}");
    }
    // 20 times 4/3: each token becomes 15 kB.
    let [short, quadruple] = [32, 128].map(|copies| work(&engine, &nested(copies, 20)));
    for (short, quadruple) in short.into_iter().zip(quadruple) {
        assert!(quadruple <= OVERLAP * short, "{short}, {quadruple}");
    }
}

/// Four times the content takes four times the work, and what is encoded across the
/// borders of segments is looked at twice. A square would be 16.
const OVERLAP: u64 = 5;

#[test]
fn hostile_46_utf_16_without_an_end() {
    let engine = Engine::new(&RuleSet::builtin().expect("rules"));
    let wide = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    assert_eq!(scan_bytes(&engine, &wide(&format!("TOKEN={}\n", token(46)))).0.len(), 1);
    for endless in ["AKIA", "password=", "TOKEN=ghp_"] {
        let [short, quadruple] =
            [1 << 14, 1 << 16].map(|copies| work(&engine, &wide(&endless.repeat(copies))));
        for (short, quadruple) in short.into_iter().zip(quadruple) {
            assert!(quadruple <= OVERLAP * short, "{endless}: {short}, {quadruple}");
        }
    }
}

const HEAD: &str = "[pack]\nname = \"hostile\"\n";

fn rule(id: &str, pattern: &str) -> String {
    format!(
        "[[rule]]\nid = \"{id}\"\nname = \"n\"\ntype = \"t\"\nprovider = \"p\"\ncategory = \"cloud\"\n\
         severity = \"high\"\nconfidence = \"low\"\ndescription = \"d\"\nremediation = \"r\"\n\
         pattern = '''{pattern}'''\n"
    )
}

/// Checks and uses a pack: both refuse it, with advice, within the limit of memory.
fn refused(pack: &[u8], said: &str) {
    let tree = tree();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("pack.toml");
    std::fs::write(&path, pack).expect("a pack");
    for (arguments, expected) in [(&["rules", "check"][..], 1), (&["scan", ".", "--rules"], 2)] {
        let output =
            limited(MEMORY).args(arguments).arg(&path).current_dir(tree.path()).output().expect("runs");
        let told = stderr(&output);
        assert_eq!(code(&output), expected, "{said}: {told}");
        assert!(told.contains(said), "{said}: {told}");
        assert!(told.len() < 200_000, "{said}: {} bytes of messages", told.len());
        assert!(!told.lines().any(|line| line.chars().any(is_unsafe)), "{said}: {told}");
        assert_eq!(stdout(&output), "");
    }
}

#[test]
fn hostile_48_packs_are_refused_with_advice() {
    let mut many = HEAD.to_owned();
    for number in 0..100_000 {
        write!(many, "[[rule]]\nid = \"r-{number}\"\n").expect("a string");
    }
    refused(many.as_bytes(), "help: cut it into several packs");
    let named = |name: &str| HEAD.to_owned() + &rule("a", "acme_[a-z]{9}").replace("\"n\"", name);
    refused(named("\"\\u001b]0;owned\\u0007\"").as_bytes(), "help: it would reach the terminal");
    refused(named("\"\u{1b}[31m\"").as_bytes(), "not TOML");
    refused(b"[pack]\nname = \"\\u001b[31m\"\n", "help: leave it out");
    let huge = HEAD.to_owned() + &rule("a", "acme_(?:[a-z]{1000}){1000}");
    refused(huge.as_bytes(), "use smaller counts");
    let deep = HEAD.to_owned() + &rule("a", &format!("acme_{}{}", "(".repeat(5000), ")".repeat(5000)));
    refused(deep.as_bytes(), "nest");
    refused(format!("{HEAD}x = {}", "[".repeat(500_000)).as_bytes(), "not TOML");
    refused(format!("{HEAD}x = {}", "{a=".repeat(100_000)).as_bytes(), "not TOML");
    refused(format!("{HEAD}{}a = 1\n", "a.".repeat(100_000)).as_bytes(), "help: a pack needs no such depth");
    refused(&[0; 5000], "not TOML");
    refused(&[0xff; 5000], "help: save the file as UTF-8");
    refused(&vec![b'#'; 40 << 20], "help: cut the pack into several files");
    refused(b"", "help: start the file with [pack]");
}

#[test]
fn hostile_48_a_pack_may_be_large_and_its_repeats_catastrophic() {
    let tree = tree();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("pack.toml");
    let mut pack = HEAD.to_owned() + &rule("backtrack", "acme_(?:(?:a+)+)+b") + "max_length = 1000\n";
    for number in 0..3000 {
        pack.push_str(&rule(&format!("r-{number}"), &format!("vendor{number:04}_[a-z0-9]{{20}}")));
    }
    std::fs::write(&path, pack).expect("a pack");
    write(tree.path(), "long", format!("acme_{}c\n", "a".repeat(100_000)).repeat(3).as_bytes());
    let output = limited(MEMORY)
        .args(["scan", "-f", "jsonl", "--rules"])
        .args([&path, tree.path()])
        .output()
        .expect("runs");
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert_eq!(findings(&records(&stdout(&output))).len(), 1);
}
