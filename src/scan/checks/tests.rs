//! The checks through the rules that are built in: what their examples must have
//! beyond what `scan::examples` holds, and that no text makes a check misbehave.

use std::sync::LazyLock;

use super::run;
use crate::finding::Timestamp;
use crate::rules::RuleSet;
use crate::scan::{Engine, Hit, Match};

static RULES: LazyLock<RuleSet> = LazyLock::new(|| RuleSet::builtin().expect("the built-in packs load"));

fn matches(engine: &Engine, text: &str) -> Vec<Match> {
    let mut found = Vec::new();
    engine.scanner().scan(text.as_bytes(), &mut |hit| found.push(hit));
    found
}

#[test]
fn examples_show_each_form_with_target_and_validity() {
    for rule in RULES.rules() {
        let id = &rule.id;
        assert!(rule.examples.len() >= 2 && rule.counter_examples.len() >= 2, "{id}: too few examples");
        assert!(!rule.references.is_empty(), "{id}: no reference");
        let engine = Engine::new(&RuleSet::new(vec![rule.clone()], String::new()));
        for (index, example) in rule.examples.iter().enumerate() {
            let found = matches(&engine, &example.text);
            assert_eq!(found.len(), 1, "{id} example {index}");
            let attributes = &found[0].attributes;
            let places = rule.target.iter().flat_map(|target| target.id.split('{').skip(1));
            let names = places.filter_map(|rest| rest.split_once('}')).map(|(name, _)| name);
            // The first example is the full form.
            assert!(
                index > 0 || names.into_iter().all(|name| attributes.contains_key(name)),
                "{id}: no target"
            );
            let times = &rule.validity;
            for name in [&times.issued_at, &times.not_before, &times.expires_at].into_iter().flatten() {
                let time = attributes.get(name).map(|time| Timestamp::parse(time));
                assert_ne!(time, Some(None), "{id} example {index}: {name} is no time");
            }
        }
    }
}

/// Attributes are printed in clear. None holds the secret, a long part of it, or
/// another secret of the same text. The id of an AWS key is public: where it stands
/// alone it is what is reported, so that somebody looks for the key.
#[test]
fn attributes_hold_no_secret() {
    let engine = Engine::new(&RULES);
    for rule in RULES.rules() {
        for (index, example) in rule.examples.iter().enumerate() {
            let found = matches(&engine, &example.text);
            let secrets = || {
                let public = |hit: &&Match| RULES.rules()[hit.rule].id != "aws-access-key-id";
                found.iter().filter(public).map(|hit| hit.secret.expose()).filter(|secret| secret.len() >= 8)
            };
            for (name, value) in found.iter().flat_map(|hit| &hit.attributes) {
                let value = value.as_bytes();
                let holds = secrets().any(|secret| memchr::memmem::find(value, secret).is_some());
                let part = value.len() >= 24
                    && secrets().any(|secret| memchr::memmem::find(secret, value).is_some());
                assert!(!holds && !part, "{} example {index}: {name}", rule.id);
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
        words in proptest::collection::vec((0_usize..36, proptest::prelude::any::<[u8; 3]>()), 0..40),
        first in proptest::prelude::any::<proptest::sample::Index>(),
        length in 0_usize..60,
    ) {
        const WORDS: [&[u8]; 36] = [
            b"Server=tcp:", b"a.database.windows.net", b";Password=", b"User ID=", b"\"", b"'", b"&quot;", b"\\u002B",
            b"%2B", b"+ASt", b"sig=", b"&sv=2020-01-01", b"&se=2030-01-01", b"&sr=b", b"AccountName=abc;", b"AccountKey=",
            b"AKIAQAAAAAAAAAAAAAAA", b"secret", b"8Q~", b"-----BEGIN PRIVATE KEY-----", b"-----END PRIVATE KEY-----",
            b"0123456789abcdefghijABCDEFGHIJ0123456789", b"=", b"https://abc.blob.core.windows.net/x?",
            b"{\"kty\":\"EC\",", b"\"d\":\"", b"}", b"<machineKey validationKey=\"", b"eyJhbGciOiJIUzI1NiJ9.", b"Basic dXNlcjp",
            b"MIIGXwIBAzCCBh0GCSqGSIb3DQEHAaCC", b"\x30\x82\x00\x20\x02\x01\x03", b"<RSAKeyValue><D>", b"</D></RSAKeyValue>",
            b"AGE-SECRET-KEY-1", b"-----BEGIN PGP PRIVATE KEY BLOCK-----\n",
        ];
        let text: Vec<u8> =
            words.iter().flat_map(|(word, noise)| [WORDS[*word], &noise[..usize::from(noise[0] % 4)]].concat()).collect();
        let start = if text.is_empty() { 0 } else { first.index(text.len()) };
        let span = start..(start + length).min(text.len());
        for check in RULES.rules().iter().flat_map(|rule| &rule.checks) {
            let mut hit = Hit {
                text: &text,
                span: span.clone(),
                secret: span.clone(),
                value: None,
                claims: Vec::new(),
                more: Vec::new(),
                attributes: Vec::new(),
            };
            let _ = run(check, &mut hit);
            for range in hit.claims.iter().chain([&hit.secret]) {
                proptest::prop_assert!(range.start <= range.end && range.end <= text.len());
            }
        }
    }
}

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
    let found = matches(&Engine::new(&RULES), &text);
    let secrets: Vec<&[u8]> = found.iter().map(|found| found.secret.expose()).collect();
    assert_eq!(secrets, [one.as_bytes(), two.as_bytes()]);
}
