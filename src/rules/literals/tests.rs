//! Literals that are derived by hand from the pattern, and a proof by trial: no
//! random match lacks a literal.

use proptest::prelude::*;
use regex_automata::meta::Regex;
use regex_automata::util::syntax;

use super::*;
use crate::rules::pattern::Patterns;

fn hir(pattern: &str) -> Hir {
    Patterns::new().parse(pattern).unwrap()
}

/// `text@min..max`, a `~` before what is folded; in order of the text.
fn shown(literals: &[Literal]) -> Vec<String> {
    let mut shown: Vec<String> = literals
        .iter()
        .map(|literal| {
            let fold = if literal.fold { "~" } else { "" };
            let text = String::from_utf8_lossy(&literal.bytes);
            format!("{fold}{text}@{}..{}", literal.min_offset, literal.max_offset)
        })
        .collect();
    shown.sort();
    shown
}

fn derived(pattern: &str) -> Vec<String> {
    shown(&derive(&hir(pattern)).unwrap())
}

#[test]
fn a_prefix() {
    assert_eq!(derived("(?P<secret>ghp_[A-Za-z0-9]{36})"), ["ghp_@0..0"]);
}

#[test]
fn a_small_class_is_spelled_out() {
    let all = ["gho_@0..0", "ghp_@0..0", "ghr_@0..0", "ghs_@0..0", "ghu_@0..0"];
    assert_eq!(derived("gh[pousr]_[A-Za-z0-9]{36}"), all);
}

#[test]
fn case_is_folded_not_spelled_out() {
    assert_eq!(derived("(?i)accountkey=[a-z0-9+/]{86}=="), ["~accountkey=@0..0"]);
    assert_eq!(derived("[Xx]-[Aa]uth-q[0-9a-f]{32}"), ["~x-auth-q@0..0"]);
}

#[test]
fn inside_the_pattern() {
    assert_eq!(derived(r"[a-z0-9]{3,24}\.blob\.qx[a-z]+"), [".blob.qx@3..24"]);
}

#[test]
fn each_branch_gives_its_own() {
    assert_eq!(
        derived("(?:AKIA|ASIA)[A-Z2-7]{16}|xoxb-[0-9]+|LTAI[A-Za-z0-9]{20}"),
        ["AKIA@0..0", "ASIA@0..0", "LTAI@0..0", "xoxb-@0..0"]
    );
    // What stands before an alternation goes on into its branches.
    assert_eq!(derived("sk-(?:proj-[a-z]{20}|svc-[a-z]{30})"), ["sk-proj-@0..0", "sk-svc-@0..0"]);
}

#[test]
fn what_follows_a_class_is_tried_by_itself() {
    assert_eq!(derived("[a-f]{2}zqsecretqz"), ["zqsecretqz@2..2"]);
}

#[test]
fn repetitions() {
    assert_eq!(derived("(?:abc){2}q[a-z]*"), ["abcabcq@0..0"]);
    assert_eq!(derived("(?:x[0-9]?qqq)+"), ["qqq@1..2"]);
    assert_eq!(derived("(?:qqqx){3,9}"), ["qqqxqqqx@0..0"]);
}

#[test]
fn an_optional_part_only_where_nothing_else_is_left() {
    assert_eq!(derived("abq?cd[a-z]+"), ["abcd@0..0", "abqcd@0..0"]);
    assert_eq!(derived("abq?cdef[a-z]+"), ["cdef@2..3"]);
}

#[test]
fn long_text_is_cut() {
    let begin = concat!("-----BEGIN ", "OPENSSH PRIVATE KEY-----");
    let literals = derive(&hir(begin)).unwrap();
    assert_eq!(literals.len(), 1);
    assert_eq!(literals[0].bytes.len(), MAX_LENGTH);
}

#[test]
fn none_and_too_far() {
    assert_eq!(derive(&hir("[0-9a-f]{32}")), Err(NoLiteral::None));
    assert_eq!(derive(&hir("[0-9a-f]{32}|abcd")), Err(NoLiteral::None));
    assert_eq!(derive(&hir("[0-9a-f]+abcd")), Err(NoLiteral::TooFar));
    assert_eq!(derive(&hir("[0-9a-f]{1,257}abcd")), Err(NoLiteral::TooFar));
    assert_eq!(shown(&derive(&hir("[0-9a-f]{1,256}zbcd")).unwrap()), ["zbcd@1..256"]);
}

#[test]
fn declared_literals_are_proven() {
    let declared = |text: &str, fold| Declared { bytes: text.as_bytes().into(), fold };
    let prove =
        |pattern: &str, literals: &[Declared]| prove(&hir(pattern), literals).map(|found| shown(&found));
    let token = "(?:ghp|gho)_[a-z0-9]{36}";
    assert_eq!(
        prove(token, &[declared("ghp", false), declared("gho_", false)]),
        Some(vec!["gho_@0..0".to_owned(), "ghp@0..0".to_owned()])
    );
    assert_eq!(prove(token, &[declared("ghp", false)]), None);
    assert_eq!(prove("(?i)secret[0-9]", &[declared("secret", true)]), Some(vec!["~secret@0..0".to_owned()]));
    assert_eq!(prove("(?i)secret[0-9]", &[declared("secret", false)]), None);
    assert_eq!(prove("SeCret[0-9]", &[declared("ecre", true)]), Some(vec!["~ecre@1..1".to_owned()]));
    assert_eq!(
        prove("%2[Bb]x", &[declared("%2B", false), declared("%2b", false)]),
        Some(vec!["%2B@0..0".to_owned(), "%2b@0..0".to_owned()])
    );
    assert_eq!(prove("%2[Bb]x", &[declared("%2B", false)]), None);
    let branches = "(?:name=[a-z]{1,9};key=|password:)[a-z]+";
    assert_eq!(
        prove(branches, &[declared("word", false), declared("key=", false)]),
        Some(vec!["key=@7..15".to_owned(), "word@4..4".to_owned()])
    );
}

#[test]
fn no_pattern_takes_long() {
    for pattern in [
        "(?:(?:(?:a?){30}b?){30}c?){20}".to_owned(),
        "(?:ab|[a-z]{3}c|d)".repeat(2000),
        format!("(?:{})", vec!["[a-z]+q"; 4000].join("|")),
        format!("{}{}", "(?:a|[b-z]+".repeat(20), ")".repeat(20)),
        "[a-j]".repeat(5000),
    ] {
        let _ = derive(&hir(&pattern));
    }
}

/// Whether one of the literals stands at one of its places in the match.
fn holds(literals: &[Literal], matched: &[u8]) -> bool {
    literals.iter().any(|literal| {
        (literal.min_offset..=literal.max_offset).any(|offset| {
            let start = usize::try_from(offset).unwrap();
            matched.get(start..start + literal.bytes.len()).is_some_and(|text| {
                if literal.fold { text.eq_ignore_ascii_case(&literal.bytes) } else { text == &*literal.bytes }
            })
        })
    })
}

fn expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        4 => "[a-d_]{1,6}",
        1 => "[a-c]{33,70}",
        2 => Just("[a-c]".to_owned()),
        1 => Just("[aA]".to_owned()),
        1 => Just("[a-z]".to_owned()),
        1 => Just("(?i:abcd)".to_owned()),
        1 => Just(r"\b".to_owned()),
        1 => Just("(?s:.)".to_owned()),
        1 => Just(String::new()),
    ];
    leaf.prop_recursive(5, 40, 4, |inner| {
        let suffix = prop_oneof![
            Just("?"), Just("*"), Just("+"), Just("{2}"), Just("{3}"), Just("{1,3}"), Just("{0,2}"), Just("{2,}")
        ];
        prop_oneof![
            3 => prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| parts.concat()),
            2 => prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| format!("(?:{})", parts.join("|"))),
            1 => inner.clone().prop_map(|part| format!("({part})")),
            2 => (inner, suffix).prop_map(|(part, suffix)| format!("(?:{part}){suffix}")),
        ]
    })
}

/// A random text that the expression matches, but for what it says of borders.
fn generate(hir: &Hir, choice: &mut impl FnMut(usize) -> usize, text: &mut Vec<u8>) {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => text.extend_from_slice(&literal.0),
        HirKind::Class(class) => {
            let class = match class {
                Class::Bytes(class) => class.clone(),
                // regex-syntax makes one of an alternation of single ASCII letters.
                Class::Unicode(class) => class.to_byte_class().unwrap(),
            };
            let all: Vec<u8> = class.ranges().iter().flat_map(|range| range.start()..=range.end()).collect();
            text.push(all[choice(all.len())]);
        }
        HirKind::Capture(capture) => generate(&capture.sub, choice, text),
        HirKind::Concat(parts) => parts.iter().for_each(|part| generate(part, choice, text)),
        HirKind::Alternation(parts) => generate(&parts[choice(parts.len())], choice, text),
        HirKind::Repetition(repetition) => {
            let max = repetition.max.unwrap_or(repetition.min + 3).min(repetition.min + 3);
            let more = choice(usize::try_from(max - repetition.min).unwrap() + 1);
            for _ in 0..usize::try_from(repetition.min).unwrap() + more {
                generate(&repetition.sub, choice, text);
            }
        }
    }
}

fn regex(hir: &Hir) -> Regex {
    Regex::builder()
        .syntax(syntax::Config::new().unicode(false).utf8(false))
        .configure(Regex::config().utf8_empty(false))
        .build_from_hir(hir)
        .unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_match_contains_a_literal(pattern in expression(), seeds in prop::collection::vec(any::<u64>(), 8)) {
        let hir = hir(&pattern);
        let found = derive(&hir);
        let Ok(literals) = found else { return Ok(()) };
        prop_assert!(!literals.is_empty() && literals.len() <= MAX_LITERALS);
        for literal in &literals {
            prop_assert!((MIN_LENGTH..=MAX_LENGTH).contains(&literal.bytes.len()));
            prop_assert!(literal.min_offset <= literal.max_offset);
            prop_assert!(literal.max_offset <= Rule::MAX_LITERAL_OFFSET);
            prop_assert!(!literal.fold || !literal.bytes.iter().any(u8::is_ascii_uppercase));
        }
        let regex = regex(&hir);
        // What was derived, declared, is proven too.
        let declared: Vec<Declared> = literals.iter()
            .map(|literal| Declared { bytes: literal.bytes.clone(), fold: literal.fold }).collect();
        let proven = prove(&hir, &declared);
        for seed in seeds {
            let mut state = seed | 1;
            let mut choice = |count: usize| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                usize::try_from(state >> 33).unwrap() % count
            };
            let mut text = b"a-".to_vec();
            generate(&hir, &mut choice, &mut text);
            text.extend_from_slice(b" b");
            for found in regex.find_iter(&text) {
                prop_assert!(holds(&literals, &text[found.range()]), "{:?} in {:?}", shown(&literals), String::from_utf8_lossy(&text));
                if let Some(proven) = &proven {
                    prop_assert!(holds(proven, &text[found.range()]), "proof {:?}", shown(proven));
                }
            }
        }
    }
}
