//! The engine against a reference that knows no prefilter, no windows and no
//! groups: it looks for each literal by comparing at every position, runs each
//! regex there over the whole text, and resolves all matches against each other.

mod encoded;

use regex_automata::{Anchored, Input, meta};

use super::decode::View;
use super::resolve::Pending;
use super::verify::Lazy;
use super::watch::Unwatched;
use super::{Engine, Kernel, Match};
use crate::rules::{ByteSet, Context, ContextMode, Literal, Nearby, Rule, RuleSet, Side};

fn literal(text: &str, offsets: (u32, u32)) -> Literal {
    Literal { bytes: text.as_bytes().into(), fold: false, min_offset: offsets.0, max_offset: offsets.1 }
}

fn set(ranges: &[(u8, u8)]) -> ByteSet {
    let mut set = ByteSet::empty();
    ranges.iter().for_each(|(first, last)| set.insert_range(*first, *last));
    set
}

/// One rule for each thing that a rule can ask for.
fn rules() -> RuleSet {
    let word = set(&[(b'a', b'z'), (b'0', b'9'), (b'_', b'_')]);
    let plain = Rule {
        not_before: word,
        not_after: word,
        ..Rule::new("plain", "(?P<secret>tok_[a-z0-9]{8})", vec![literal("tok_", (0, 0))])
    };
    let folded = Rule {
        max_length: 16,
        ..Rule::new(
            "folded",
            "(?i:key=)(?P<secret>[A-Za-z]{3,12})",
            vec![Literal { fold: true, ..literal("key=", (0, 0)) }],
        )
    };
    let inside = Rule {
        priority: 60,
        ..Rule::new("inside", r"(?P<host>[a-z]{1,5})\.host\.net", vec![literal(".host.net", (1, 5))])
    };
    let short = Rule::new("short", "[a-z]{3}8Q~[a-z]{4}", vec![literal("8Q~", (3, 3))]);
    let branches = Rule {
        max_length: 12,
        ..Rule::new(
            "branches",
            r"(?:AB|CD)XY[0-9]+\b",
            vec![literal("ABXY", (0, 0)), literal("CDXY", (0, 0))],
        )
    };
    let pair = Rule {
        priority: 70,
        nearby: vec![Nearby {
            pattern: "pw:(?P<secret>[a-z]{6})".into(),
            within_bytes: 40,
            within_lines: Some(1),
            side: Side::Around,
            required: true,
        }],
        ..Rule::new("pair", "(?P<id>id-[0-9]{4})", vec![literal("id-", (0, 0))])
    };
    let alone =
        Rule { priority: 10, ..Rule::new("alone", "(?P<secret>id-[0-9]{4})", vec![literal("id-", (0, 0))]) };
    let forbidden = Rule {
        context: vec![Context {
            pattern: "sample".into(),
            within_bytes: 30,
            within_lines: None,
            side: Side::Before,
            mode: ContextMode::Forbid,
        }],
        ..Rule::new("forbidden", "zz[0-9]{3}zz", vec![literal("zz", (0, 0)), literal("zz0", (0, 0))])
    };
    // A literal of two bytes is never used: the rule needs one of three.
    let forbidden =
        Rule { literals: (0..10).map(|digit| literal(&format!("zz{digit}"), (0, 0))).collect(), ..forbidden };
    let long = Rule {
        max_length: 3008,
        ..Rule::new("long", r"BEGIN(?P<secret>[\s\S]{0,3000}?)END", vec![literal("BEGIN", (0, 0))])
    };
    let twice =
        Rule { priority: 55, ..Rule::new("twice", "[abc]{0,9}lit[abc]{0,4}", vec![literal("lit", (0, 9))]) };
    RuleSet::new(
        vec![plain, folded, inside, short, branches, pair, alone, forbidden, long, twice],
        "test".into(),
    )
}

type Seen = (String, u64, u64, u64, Vec<u8>, Vec<(String, String)>);

fn seen(rules: &RuleSet, found: &Match) -> Seen {
    let rule = rules.rules()[found.rule].id.clone();
    let attributes = found.attributes.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
    (rule, found.start, found.end, found.secret_start, found.secret.expose().to_vec(), attributes)
}

fn by_slice(engine: &Engine, text: &[u8]) -> Vec<Seen> {
    let mut all = Vec::new();
    engine.scanner().scan(text, &mut |found| all.push(seen(engine.rules(), &found)));
    all.sort();
    all
}

/// In windows that grow by steps of the given sizes, in turn.
fn by_windows(engine: &Engine, text: &[u8], steps: &[usize]) -> Vec<Seen> {
    let mut all = Vec::new();
    let mut scanner = engine.scanner();
    scanner.begin(0);
    let (mut from, mut to) = (0, 0);
    let mut steps = steps.iter().cycle();
    loop {
        to = text.len().min(to + steps.next().expect("a step"));
        let mut sink = |found: Match| all.push(seen(engine.rules(), &found));
        let keep = scanner.feed(&text[from..to], from as u64, to == text.len(), &mut sink);
        if to == text.len() {
            break;
        }
        from = usize::try_from(keep).expect("small");
    }
    all.sort();
    all
}

fn by_reference(rules: &RuleSet, text: &[u8]) -> Vec<Seen> {
    let mut all: Vec<Pending> = Vec::new();
    for (number, rule) in rules.rules().iter().enumerate() {
        let syntax = regex_automata::util::syntax::Config::new().unicode(false).utf8(false);
        let regex = meta::Builder::new().syntax(syntax).build(&rule.pattern).expect("a pattern");
        let lazy = Lazy::new();
        let compiled = lazy.get(rule).expect("a pattern");
        let mut scratch = compiled.scratch();
        let mut spans = std::collections::BTreeSet::new();
        for literal in &rule.literals {
            let len = literal.bytes.len();
            for start in 0..(text.len() + 1).saturating_sub(len) {
                let there = &text[start..start + len];
                let equal = if literal.fold {
                    there.eq_ignore_ascii_case(&literal.bytes)
                } else {
                    there == &*literal.bytes
                };
                if !equal {
                    continue;
                }
                for offset in (literal.min_offset..=literal.max_offset).rev() {
                    let Some(from) = start.checked_sub(offset as usize) else { continue };
                    if from > 0 && rule.not_before.contains(text[from - 1]) {
                        continue;
                    }
                    let limit = text.len().min(from + rule.max_length as usize);
                    let Some(found) =
                        regex.search(&Input::new(text).range(from..limit).anchored(Anchored::Yes))
                    else {
                        continue;
                    };
                    let end = found.end();
                    if end >= start + len && !text.get(end).is_some_and(|byte| rule.not_after.contains(*byte))
                    {
                        spans.insert((from, end, start, offset));
                        break;
                    }
                }
            }
        }
        let spans: std::collections::BTreeMap<(usize, usize), usize> =
            spans.into_iter().map(|(from, end, start, _)| ((from, end), start)).collect();
        for ((from, end), start) in spans {
            // Conditions are the same code: they see the text around the match only.
            let literal = rule.literals.iter().find(|literal| {
                text.get(start..start + literal.bytes.len())
                    .is_some_and(|t| t.eq_ignore_ascii_case(&literal.bytes))
            });
            let literal = literal.expect("a literal");
            let offset = start - from;
            let span = compiled.find(rule, literal, (offset, offset), text, start, &mut scratch);
            assert_eq!(span, Some(from..end));
            if let Ok(hit) = compiled.judge(rule, text, from..end, &scratch, &mut Unwatched) {
                let first = from.saturating_sub(Rule::MAX_REACH as usize);
                let hits = std::iter::once(hit.clone()).chain(hit.further());
                all.extend(
                    hits.map(|hit| super::scanner::pending(number, rule, &hit, &View::plain(text, 0), first)),
                );
            }
        }
    }
    all.sort_by_key(|pending| std::cmp::Reverse(pending.rank()));
    let mut kept: Vec<Pending> = Vec::new();
    for pending in all {
        if !kept.iter().any(|better| better.claims_secret_of(&pending)) {
            kept.push(pending);
        }
    }
    let mut kept: Vec<Seen> = kept.iter().map(|pending| seen(rules, &pending.found)).collect();
    kept.sort();
    kept
}

/// A small generator: the same inputs in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        // splitmix64
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).expect("small")
    }
}

const PIECES: &[&[u8]] = &[
    b"tok_abcd1234",
    b"tok_",
    b"tok",
    b"_abcd1234x",
    b"KEY=secret",
    b"key=ab",
    b"Key=Abcdefghijklmnop",
    b"abc.host.net",
    b".host.net",
    b"abcdefgh.host.net.host.net",
    b"abc8Q~wxyz",
    b"8Q~",
    b"abc8Q~",
    b"ABXY123",
    b"CDXY9999999999999",
    b"ABXY",
    b"id-1234",
    b"pw:abcdef",
    b"id-12",
    b"id-",
    b"\n",
    b"\n\n",
    b" ",
    b"zz123zz",
    b"zz123zz123zz",
    b"sample",
    b"BEGIN",
    b"END",
    b"BEGINEND",
    b"aalitbb",
    b"litlit",
    b"abcabcabclitabcab",
    b"\0",
    b"\xff\xfe",
    b"\xf4\xef\xeb",
    b"=",
    b"abc",
    b"lit",
];

fn input(random: &mut Random, pieces: usize, filler: usize) -> Vec<u8> {
    let mut text = Vec::new();
    for _ in 0..random.below(pieces) {
        match random.below(4) {
            0 => {
                for _ in 0..random.below(filler) {
                    text.push(random.next().to_le_bytes()[0]);
                }
            }
            1 => {
                for _ in 0..random.below(filler) {
                    text.push(b"abtokeyidlz8Q~_=-.0 \n"[random.below(21)]);
                }
            }
            _ => {
                let piece = PIECES[random.below(PIECES.len())];
                // Sometimes only a part of it.
                let end = if random.below(6) == 0 { random.below(piece.len() + 1) } else { piece.len() };
                text.extend_from_slice(&piece[..end]);
            }
        }
    }
    text
}

fn engines(rules: &RuleSet) -> Vec<Engine> {
    let available = Kernel::ALL.into_iter().filter(|kernel| kernel.is_available());
    available.map(|kernel| Engine::with_kernel(rules, kernel)).collect()
}

#[test]
fn ten_thousand_inputs_give_the_same_by_every_kernel_and_by_reference() {
    let rules = rules();
    let engines = engines(&rules);
    let mut random = Random(1);
    let mut total = 0;
    for round in 0..10_000 {
        let text = input(&mut random, 24, 40);
        let expected = by_reference(&rules, &text);
        total += expected.len();
        for engine in &engines {
            let found = by_slice(engine, &text);
            assert_eq!(
                found,
                expected,
                "round {round}, {:?}, {:?}",
                engine.kernel(),
                text.escape_ascii().to_string()
            );
        }
    }
    // The inputs are not all empty of matches: about two in each.
    assert!(total > 15_000, "{total}");
}

#[test]
fn windows_of_any_size_give_the_same_as_the_slice() {
    let rules = rules();
    let engine = Engine::new(&rules);
    let mut random = Random(2);
    for round in 0..150 {
        let text = input(&mut random, 400, 600);
        let expected = by_slice(&engine, &text);
        for _ in 0..3 {
            let steps: Vec<usize> = (0..4).map(|_| 1 + random.below(12_000)).collect();
            assert_eq!(by_windows(&engine, &text, &steps), expected, "round {round}, steps {steps:?}");
        }
    }
}

#[test]
fn a_long_match_across_every_border_is_found_once() {
    let rules = rules();
    let engine = Engine::new(&rules);
    let mut text = vec![b'.'; 20_000];
    text[9_000..9_005].copy_from_slice(b"BEGIN");
    text[11_990..11_993].copy_from_slice(b"END");
    let expected = by_slice(&engine, &text);
    assert_eq!(expected.len(), 1);
    for border in (8_000..13_000).step_by(7) {
        assert_eq!(by_windows(&engine, &text, &[border, 4_096]), expected, "border {border}");
    }
}

#[test]
fn every_kernel_takes_texts_of_every_length() {
    let rules = rules();
    for engine in engines(&rules) {
        for len in 0..200 {
            let mut text = vec![b'x'; len];
            for start in 0..(len + 1).saturating_sub(12) {
                text.fill(b' ');
                text[start..start + 12].copy_from_slice(b"tok_abcd1234");
                assert_eq!(by_slice(&engine, &text).len(), 1, "{:?} {len} {start}", engine.kernel());
            }
        }
    }
}

#[test]
fn candidates_are_found_at_every_place_of_a_dense_text() {
    let rules = RuleSet::new(vec![Rule::new("dense", "aaaa", vec![literal("aaaa", (0, 0))])], String::new());
    let text = vec![b'a'; 10_000];
    for engine in engines(&rules) {
        let mut scanner = engine.scanner();
        let mut found = 0;
        scanner.scan(&text, &mut |_| found += 1);
        assert_eq!(scanner.stats().literals, 9_997, "{:?}", engine.kernel());
        // Matches do not overlap, as a regex finds them.
        assert_eq!(found, 2_500, "{:?}", engine.kernel());
    }
}

#[test]
fn a_thousand_literals_are_all_found() {
    let names: Vec<String> =
        (0..1000).map(|n| format!("{}_{n:03}k", ["ab", "Qz", "x-", "7f"][n % 4])).collect();
    let all = names.iter().map(|name| Rule::new(name, name, vec![literal(name, (0, 0))])).collect();
    let rules = RuleSet::new(all, String::new());
    let text = names.join(" ").into_bytes();
    for engine in engines(&rules) {
        assert_eq!(by_slice(&engine, &text).len(), 1000, "{:?}", engine.kernel());
    }
}

#[test]
fn a_rule_whose_pattern_cannot_be_built_is_named() {
    let rules = RuleSet::new(
        vec![Rule::new("huge", "abc(?:[a-z]{1000}){1000}", vec![literal("abc", (0, 0))])],
        String::new(),
    );
    let engine = Engine::new(&rules);
    assert!(engine.broken_rules().is_empty());
    // What cannot be a match does not need the pattern.
    assert!(by_slice(&engine, b"xabcx").is_empty());
    assert!(engine.broken_rules().is_empty());
    assert!(by_slice(&engine, &[b"xabc", [b'a'; 2000].as_slice()].concat()).is_empty());
    assert_eq!(engine.broken_rules(), ["huge"]);
}

#[test]
fn the_examples_of_the_rules_that_are_built_in_are_right() {
    let rules = RuleSet::builtin().expect("the built-in packs load");
    let faults = super::examples::check(&rules);
    assert!(faults.is_empty(), "{}", crate::rules::render_all(&faults, false));
}
