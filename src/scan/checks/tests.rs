//! Every example of every built-in pack, through pattern and checks.
//!
//! The packs are read here by a reader of the tests' own, and matched by running
//! each pattern at each place: slow, and independent of the loader and the engine.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use regex::bytes::{Regex, RegexBuilder};
use serde::Deserialize;

use super::{Hit, run};
use crate::finding::{Confidence, Severity};
use crate::rules::{Check, ContextMode, Rule, Side};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pack {
    #[serde(rename = "pack")]
    _pack: BTreeMap<String, String>,
    rule: Vec<RawRule>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Parts {
    One(String),
    Many(Vec<String>),
}

impl Parts {
    fn join(&self) -> String {
        match self {
            Self::One(text) => text.clone(),
            Self::Many(parts) => parts.concat(),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)]
struct RawRule {
    id: String,
    name: String,
    r#type: String,
    provider: String,
    category: String,
    severity: Severity,
    confidence: Confidence,
    description: String,
    remediation: String,
    references: Vec<String>,
    pattern: String,
    literals: Option<Vec<toml::Value>>,
    max_length: Option<u32>,
    not_before: Option<String>,
    not_after: Option<String>,
    #[serde(default)]
    public_prefix: u32,
    #[serde(default)]
    priority: i32,
    #[serde(default)]
    checks: Vec<Check>,
    #[serde(default)]
    context: Vec<RawContext>,
    #[serde(default)]
    nearby: Vec<RawNearby>,
    #[serde(default)]
    ignore: RawIgnore,
    target: Option<RawTarget>,
    #[serde(default)]
    validity: BTreeMap<String, String>,
    example: Vec<RawExample>,
    #[serde(default)]
    counter_example: Vec<RawExample>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawContext {
    pattern: String,
    within: usize,
    #[serde(rename = "lines")]
    _lines: Option<u32>,
    side: Side,
    mode: ContextMode,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawNearby {
    pattern: String,
    within: usize,
    #[serde(rename = "lines")]
    _lines: Option<u32>,
    side: Side,
    required: bool,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawIgnore {
    values: Vec<String>,
    patterns: Vec<String>,
    blake3: Vec<String>,
    sha256: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTarget {
    kind: String,
    id: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawExample {
    text: Parts,
    secret: Option<Parts>,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
}

fn regex(pattern: &str) -> Regex {
    RegexBuilder::new(pattern).unicode(false).build().unwrap_or_else(|error| panic!("{pattern}: {error}"))
}

fn area(text: &[u8], span: &Range<usize>, within: usize, side: Side) -> Range<usize> {
    let before = span.start.saturating_sub(within)..span.start;
    let after = span.end..(span.end + within).min(text.len());
    match side {
        Side::Before => before,
        Side::After => after,
        Side::Around => before.start..after.end,
    }
}

/// Named groups and their places.
type Groups = Vec<(String, Range<usize>)>;

/// The nearest match of a companion, as absolute ranges of its named groups.
fn nearest(text: &[u8], span: &Range<usize>, nearby: &RawNearby) -> Option<Groups> {
    let area = area(text, span, nearby.within, nearby.side);
    let regex = regex(&nearby.pattern);
    let distance =
        |found: &Range<usize>| found.start.saturating_sub(span.end).max(span.start.saturating_sub(found.end));
    let mut best: Option<(usize, Groups)> = None;
    for captures in regex.captures_iter(&text[area.clone()]) {
        let groups: Vec<_> = regex
            .capture_names()
            .flatten()
            .filter_map(|name| {
                let group = captures.name(name)?;
                Some((name.to_owned(), group.start() + area.start..group.end() + area.start))
            })
            .collect();
        let whole = captures.get(0).expect("whole");
        let far = distance(&(whole.start() + area.start..whole.end() + area.start));
        if best.as_ref().is_none_or(|(least, _)| far < *least) {
            best = Some((far, groups));
        }
    }
    best.map(|(_, groups)| groups)
}

/// The verified matches of a rule.
fn matches<'t>(rule: &RawRule, text: &'t [u8]) -> Vec<Hit<'t>> {
    let pattern = regex(&rule.pattern);
    let class = |class: &Option<String>| class.as_ref().map(|class| regex(&format!("[{class}]")));
    let (not_before, not_after) = (class(&rule.not_before), class(&rule.not_after));
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(captures) = pattern.captures_at(text, from) {
        let whole = captures.get(0).expect("whole").range();
        from = whole.start + 1;
        let forbidden = |class: &Option<Regex>, byte: Option<&u8>| {
            class.as_ref().zip(byte).is_some_and(|(class, byte)| class.is_match(&[*byte]))
        };
        if forbidden(&not_before, whole.start.checked_sub(1).and_then(|at| text.get(at)))
            || forbidden(&not_after, text.get(whole.end))
        {
            continue;
        }
        let reach = usize::try_from(Rule::MAX_REACH).expect("fits");
        let low = whole.start.saturating_sub(reach);
        let view = &text[low..(whole.end + reach).min(text.len())];
        let span = whole.start - low..whole.end - low;
        let secret =
            captures.name("secret").map_or(span.clone(), |group| group.start() - low..group.end() - low);
        let mut hit = Hit {
            text: view,
            span: span.clone(),
            secret,
            value: None,
            claims: Vec::new(),
            attributes: Vec::new(),
        };
        for name in pattern.capture_names().flatten().filter(|name| *name != "secret") {
            if let Some(group) = captures.name(name) {
                hit.add_attribute(name.to_owned(), String::from_utf8_lossy(group.as_bytes()));
            }
        }
        if verify(rule, &mut hit) {
            found.push(hit);
        }
    }
    found
}

fn verify(rule: &RawRule, hit: &mut Hit<'_>) -> bool {
    let text = hit.text;
    let fits = |context: &RawContext| {
        let area = area(text, &hit.span, context.within, context.side);
        regex(&context.pattern).is_match(&text[area]) == (context.mode == ContextMode::Require)
    };
    if !rule.context.iter().all(fits) {
        return false;
    }
    for nearby in &rule.nearby {
        let Some(groups) = nearest(text, &hit.span, nearby) else {
            if nearby.required {
                return false;
            }
            continue;
        };
        for (name, range) in groups {
            if name == "secret" {
                hit.claims.push(range.clone());
                hit.secret = range;
            } else {
                let value = String::from_utf8_lossy(&text[range]);
                hit.add_attribute(Cow::Owned(name), value);
            }
        }
    }
    rule.checks.iter().all(|check| run(check, hit).is_ok()) && !is_ignored(rule, hit)
}

fn is_ignored(rule: &RawRule, hit: &Hit<'_>) -> bool {
    use sha2::Digest as _;
    let secret = hit.secret_bytes();
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let known = |value: &String| {
        secret == value.as_bytes() || hit.attributes.iter().any(|(_, attribute)| attribute == value)
    };
    rule.ignore.values.iter().any(known)
        || rule.ignore.patterns.iter().any(|pattern| regex(pattern).is_match(secret))
        || rule.ignore.blake3.contains(&blake3::hash(secret).to_hex().to_string())
        || rule.ignore.sha256.contains(&hex(&sha2::Sha256::digest(secret)))
}

fn packs() -> Vec<(String, Pack)> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("rules");
    let mut packs: Vec<_> = std::fs::read_dir(folder)
        .expect("rules")
        .map(|entry| entry.expect("entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .map(|path| {
            let text = std::fs::read_to_string(&path).expect("a pack");
            let pack = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            (path.display().to_string(), pack)
        })
        .collect();
    packs.sort_by(|one, two| one.0.cmp(&two.0));
    packs
}

#[test]
fn every_example_matches_and_no_counter_example_does() {
    let mut problems = Vec::new();
    for (path, pack) in packs() {
        for rule in &pack.rule {
            assert!(
                rule.example.len() >= 2 && rule.counter_example.len() >= 2,
                "{}: too few examples",
                rule.id
            );
            assert!(rule.references.len() + rule.ignore.values.len() > 0, "{}", rule.id);
            for (index, example) in rule.example.iter().enumerate() {
                let text = example.text.join();
                let found = matches(rule, text.as_bytes());
                let Some(hit) = found.first() else {
                    problems.push(format!(
                        "{path} {} example {index}: no match: {}",
                        rule.id,
                        why(rule, &text)
                    ));
                    continue;
                };
                if found.len() > 1 {
                    problems.push(format!("{} example {index}: {} matches", rule.id, found.len()));
                }
                if let Some(secret) = &example.secret
                    && secret.join().as_bytes() != hit.secret_bytes()
                {
                    problems.push(format!("{} example {index}: another secret", rule.id));
                }
                for (name, value) in &example.attributes {
                    if hit.attribute(name) != Some(value.as_str()) {
                        problems.push(format!(
                            "{} example {index}: {name} = {:?}",
                            rule.id,
                            hit.attribute(name)
                        ));
                    }
                }
                let names = rule.target.iter().flat_map(|target| target.id.split('{').skip(1));
                let wanted = names
                    .filter_map(|rest| rest.split_once('}'))
                    .all(|(name, _)| hit.attribute(name).is_some());
                if !wanted && index == 0 {
                    problems.push(format!("{} example {index}: no target", rule.id));
                }
                for name in rule.validity.values() {
                    if let Some(time) = hit.attribute(name) {
                        assert!(crate::finding::Timestamp::parse(time).is_some(), "{}: {time}", rule.id);
                    }
                }
            }
            for (index, example) in rule.counter_example.iter().enumerate() {
                if !matches(rule, example.text.join().as_bytes()).is_empty() {
                    problems.push(format!("{} counter example {index} matches", rule.id));
                }
            }
            assert!(rule.target.as_ref().is_none_or(|target| !target.kind.is_empty()));
        }
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

/// Where a match stopped: for the message of a failed test.
fn why(rule: &RawRule, text: &str) -> String {
    let pattern = regex(&rule.pattern);
    let Some(captures) = pattern.captures(text.as_bytes()) else { return "pattern".to_owned() };
    let span = captures.get(0).expect("whole").range();
    let secret = captures.name("secret").map_or(span.clone(), |group| group.range());
    let mut hit =
        Hit { text: text.as_bytes(), span, secret, value: None, claims: Vec::new(), attributes: Vec::new() };
    for check in &rule.checks {
        if let Err(refusal) = run(check, &mut hit) {
            return format!("{check:?}: {}", refusal.0);
        }
    }
    "context, companion or ignored".to_owned()
}

#[test]
fn ids_are_unique_and_texts_are_whole() {
    let mut ids = std::collections::BTreeSet::new();
    for (_, pack) in packs() {
        for rule in pack.rule {
            assert!(ids.insert(rule.id.clone()), "{} twice", rule.id);
            for text in [
                &rule.name,
                &rule.r#type,
                &rule.provider,
                &rule.category,
                &rule.description,
                &rule.remediation,
            ] {
                assert!(!text.trim().is_empty(), "{}", rule.id);
            }
        }
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(512))]

    /// Whatever stands around a match, a check ends, and what it says of the secret
    /// lies within the text.
    #[test]
    fn checks_hold_on_any_text(
        words in proptest::collection::vec((0_usize..24, proptest::prelude::any::<[u8; 3]>()), 0..40),
        first in proptest::prelude::any::<proptest::sample::Index>(),
        length in 0_usize..60,
    ) {
        const WORDS: [&[u8]; 24] = [
            b"Server=tcp:", b"a.database.windows.net", b";Password=", b"User ID=", b"\"", b"'", b"&quot;", b"\\u002B",
            b"%2B", b"+ASt", b"sig=", b"&sv=2020-01-01", b"&se=2030-01-01", b"&sr=b", b"AccountName=abc;", b"AccountKey=",
            b"AKIAQAAAAAAAAAAAAAAA", b"secret", b"8Q~", b"-----BEGIN PRIVATE KEY-----", b"-----END PRIVATE KEY-----",
            b"0123456789abcdefghijABCDEFGHIJ0123456789", b"=", b"https://abc.blob.core.windows.net/x?",
        ];
        let text: Vec<u8> =
            words.iter().flat_map(|(word, noise)| [WORDS[*word], &noise[..usize::from(noise[0] % 4)]].concat()).collect();
        let start = if text.is_empty() { 0 } else { first.index(text.len()) };
        let span = start..(start + length).min(text.len());
        for (_, pack) in PACKS.iter() {
            for check in pack.rule.iter().flat_map(|rule| &rule.checks) {
                let mut hit = Hit {
                    text: &text,
                    span: span.clone(),
                    secret: span.clone(),
                    value: None,
                    claims: Vec::new(),
                    attributes: Vec::new(),
                };
                let _ = run(check, &mut hit);
                for range in hit.claims.iter().chain([&hit.secret]) {
                    proptest::prop_assert!(range.start <= range.end && range.end <= text.len());
                }
            }
        }
    }
}

static PACKS: std::sync::LazyLock<Vec<(String, Pack)>> = std::sync::LazyLock::new(packs);

/// Two profiles in which the secret comes first: the nearest secret of the first
/// id is that of the second profile.
#[test]
fn an_aws_secret_stays_in_its_section() {
    let (one, two) = ("kT9vQ2mXr7Lp4WzB8nYcD3sE/q6Hj1Ua5Gf0Rt+x", "Zp3Lm8Qw1Er6Ty4Ui9Op2As7Df5Gh0Jk/c+Vb6Nm");
    let id = |tail: &str| format!("{}{tail}", concat!("AK", "IA"));
    let text = format!(
        "[a]\naws_secret_access_key={one}\noutput=json\ncli_pager=\naws_access_key_id={}\n[b]\naws_secret_access_key={two}\naws_access_key_id={}\n",
        id("RZPUZDIKLIJDIVTY"),
        id("RZPUZDIKLIJDIVTZ"),
    );
    let packs = &*PACKS;
    let rule =
        packs.iter().flat_map(|(_, pack)| &pack.rule).find(|rule| rule.id == "aws-access-key").expect("it");
    let secrets: Vec<Vec<u8>> =
        matches(rule, text.as_bytes()).iter().map(|hit| hit.secret_bytes().to_vec()).collect();
    assert_eq!(secrets, [one.as_bytes(), two.as_bytes()]);
}
