use super::*;
use crate::rules::{Literal, RuleSet, parse};

const HEAD: &str = "name = \"n\"\ntype = \"t\"\nprovider = \"p\"\ncategory = \"c\"\nseverity = \"low\"\n\
                    confidence = \"low\"\ndescription = \"d\"\nremediation = \"r\"\n";

fn rules(rules: &[&str]) -> RuleSet {
    let rules = rules
        .iter()
        .enumerate()
        .map(|(number, rule)| format!("[[rule]]\nid = \"r{number}\"\n{HEAD}{rule}\n"));
    let text = format!("[pack]\nname = \"p\"\n{}", rules.collect::<String>());
    RuleSet::new(parse("p.toml", &text).expect("a pack").rules, String::new())
}

fn ask(set: &RuleSet, text: &str, within: Option<Range<u64>>) -> Vec<RuleExplanation> {
    let question = Question { within, most: 3 };
    let told = explain(&Engine::new(set), text.as_bytes(), &question).expect("reads");
    assert_eq!(told.bytes, text.len() as u64);
    told.rules
}

/// The one attempt of the one rule.
#[track_caller]
fn only(rule: &str, text: &str) -> Attempt {
    let mut told = ask(&rules(&[rule]), text, None);
    assert_eq!((told.len(), told[0].attempts.len()), (1, 1), "{told:?}");
    told.remove(0).attempts.remove(0)
}

#[track_caller]
fn stopped(rule: &str, text: &str) -> Stopped {
    match only(rule, text).outcome {
        Outcome::NoMatch(stopped) => stopped,
        Outcome::Match(judged) => panic!("it matches: {judged:?}"),
    }
}

#[track_caller]
fn judged(rule: &str, text: &str) -> Judged {
    match only(rule, text).outcome {
        Outcome::Match(judged) => *judged,
        Outcome::NoMatch(stopped) => panic!("it does not match: {stopped:?}"),
    }
}

#[test]
fn the_part_of_the_pattern_that_stops_is_told() {
    let pattern = "(?P<key>tok_(?:live|test)_)(?P<secret>[0-9]{6})";
    let rule = format!("pattern = '''{pattern}'''\nliterals = [\"tok_\"]");
    let part = |text: &str| {
        let stopped = stopped(&rule, text);
        let Why::Pattern { at, byte, part } = stopped.why else { panic!("{stopped:?}") };
        (stopped.start, at, byte, &pattern[part])
    };
    assert_eq!(part("a tok_live_1234x"), (2, 15, Some(b'x'), "[0-9]{6}"));
    assert_eq!(part("a tok_live_1234"), (2, 15, None, "[0-9]{6}"));
    assert_eq!(part("a tok_lively"), (2, 10, Some(b'l'), "_"));
    assert_eq!(part("tok_dead_123456"), (0, 4, Some(b'd'), "(?:live|test)"));
}

#[test]
fn the_start_that_comes_furthest_is_told() {
    // The literal stands 2 to 4 bytes from the start.
    let rule = "pattern = '''[a-z]{2,4}\\.blob\\.(?P<secret>[0-9]{4})'''";
    let stopped = stopped(rule, "1ab.blob.12x4");
    assert_eq!(stopped.start, 1);
    assert!(matches!(stopped.why, Why::Pattern { at: 11, byte: Some(b'x'), .. }), "{stopped:?}");
}

#[test]
fn boundaries_and_lengths_are_told() {
    let rule = "pattern = '''tok_(?P<secret>[0-9]{4})'''\nnot_before = \"a-z\"\nnot_after = \"0-9\"";
    assert_eq!(stopped(rule, "xtok_1234").why, Why::Before { byte: b'x', end: 9 });
    assert_eq!(stopped(rule, "tok_12345").why, Why::After { byte: b'5', end: 8 });
    let rule = "pattern = '''tok_[0-9]+;'''\nmax_length = 8";
    assert_eq!(stopped(rule, "tok_123456789;").why, Why::TooLong { at: 8 });
    let rule = "pattern = '''[a-z]{4}\\.blob\\.'''";
    assert_eq!(stopped(rule, "ab.blob.").why, Why::NoRoom);
}

#[test]
fn a_match_that_ends_before_the_literal_is_told() {
    // Of two branches the first wins.
    let literal = Literal { bytes: b"d_tok"[..].into(), fold: false, min_offset: 3, max_offset: 3 };
    let set = RuleSet::new(vec![Rule::new("r", "ab(?:c|cd_tok)", vec![literal])], String::new());
    let told = ask(&set, "abcd_tok", None);
    let Outcome::NoMatch(stopped) = &told[0].attempts[0].outcome else { panic!("{told:?}") };
    assert_eq!(*stopped, Stopped { start: 0, why: Why::TooShort { end: 3 } });
}

#[test]
fn each_condition_is_told_in_order_up_to_the_first_that_refuses() {
    let rule = "pattern = '''tok_(?P<secret>[0-9]{6})'''\n\
                checks = [{ check = \"entropy\", min = 2.0 }, { check = \"entropy\", min = 9.0 }, \
                { check = \"not-placeholder\" }]\n\
                [[rule.context]]\npattern = 'live'\nwithin = 20\nmode = \"require\"\n\
                [[rule.nearby]]\npattern = 'id=(?P<id>[0-9]+)'\nwithin = 40";
    let told = judged(rule, "live id=77 tok_384756");
    let steps: Vec<_> =
        told.steps.iter().map(|step| (step.condition, step.place.clone(), step.refused)).collect();
    assert_eq!(
        steps,
        [
            (Condition::Context(0), Some(0..4), None),
            (Condition::Nearby(0), Some(5..10), None),
            (Condition::Check(0), None, None),
            (Condition::Check(1), None, Some("entropy too low")),
        ]
    );
    assert_eq!(told.refused, Some("entropy too low"));
    assert_eq!((told.span.clone(), told.secret.clone()), (11..21, 15..21));
    assert_eq!(told.attributes["id"], "77");
    assert!(!told.is_finding());
    let without = judged(rule, "id=77 tok_384756");
    assert_eq!(without.refused, Some("its context is missing"));
    assert_eq!(without.steps.len(), 1);
    assert_eq!(conditions(&rules(&[rule]).rules()[0]).len(), 6);
}

#[test]
fn what_is_ignored_is_told_by_its_entry() {
    let rule = "pattern = '''tok_(?P<secret>[0-9]{6})'''\n[rule.ignore]\nvalues = [\"1\", \"384756\"]";
    let told = judged(rule, "tok_384756");
    assert_eq!(
        told.steps.last().map(|step| step.condition),
        Some(Condition::Ignored(Some(Ignored::Value(1))))
    );
    assert_eq!(told.refused, Some("an ignored value"));
}

#[test]
fn the_better_match_is_told() {
    let narrow = "pattern = '''tok_(?P<secret>[0-9]{6})'''";
    let wide = "pattern = '''key=tok_(?P<secret>[0-9]{6})'''\npriority = 60";
    let told = ask(&rules(&[narrow, wide]), "key=tok_384756 ", None);
    let by = |number: usize| match &told[number].attempts[0].outcome {
        Outcome::Match(judged) => judged.claimed_by,
        Outcome::NoMatch(stopped) => panic!("{stopped:?}"),
    };
    assert_eq!(by(0), Some(Claimant { rule: 1, priority: 60, start: 0, end: 14, decoded: false }));
    assert_eq!(by(1), None);
}

#[test]
fn only_what_was_asked_for_and_never_without_end() {
    let set = rules(&["pattern = '''tok_(?P<secret>[0-9]{6})'''"]);
    let text = "tok_384756\ntok_x\n".repeat(1000);
    let told = ask(&set, &text, None);
    assert_eq!((told[0].literals, told[0].matched, told[0].unmatched), (2000, 1000, 1000));
    assert_eq!((told[0].attempts.len(), told[0].not_listed()), (6, 1994));
    let told = ask(&set, &text, Some(11..16));
    assert_eq!((told[0].matched, told[0].unmatched), (0, 1));
}

#[test]
fn it_says_what_a_scan_says() {
    let set = RuleSet::builtin().expect("rules");
    let engine = Engine::new(&set);
    for rule in set.rules() {
        for text in rule
            .examples
            .iter()
            .map(|example| &example.text)
            .chain(rule.counter_examples.iter().map(|example| &example.text))
        {
            let mut found = Vec::new();
            engine.scanner().scan(text.as_bytes(), &mut |hit| found.push((hit.rule, hit.start, hit.end)));
            let question = Question { within: None, most: usize::MAX };
            let told = explain(&engine, text.as_bytes(), &question).expect("reads");
            let mut explained = Vec::new();
            for (number, told) in told.rules.iter().enumerate() {
                for attempt in &told.attempts {
                    if let Outcome::Match(judged) = &attempt.outcome
                        && judged.is_finding()
                    {
                        explained.push((number, judged.span.start, judged.span.end));
                    }
                }
            }
            found.sort_unstable();
            explained.sort_unstable();
            assert_eq!(found, explained, "{}: {text}", rule.id);
        }
    }
}

#[test]
fn what_is_encoded_is_told_by_its_place_in_the_original() {
    let rule = "pattern = '''tok_(?P<secret>[0-9]{6})'''\n\
                [[rule.context]]\npattern = 'user=[a-z]+'\nwithin = 90\nmode = \"require\"";
    // `printf 'my user=ana has the tok_384756 and more' | base64`
    let text = "data: bXkgdXNlcj1hbmEgaGFzIHRoZSB0b2tfMzg0NzU2IGFuZCBtb3Jl\n";
    let attempt = only(rule, text);
    assert_eq!(attempt.encodings, [Encoding::Base64]);
    let Outcome::Match(judged) = attempt.outcome else { panic!("{attempt:?}") };
    assert!(judged.is_finding(), "{judged:?}");
    // The token is bytes 20 to 30 of the text: characters 26 (and two thirds) on.
    assert_eq!((judged.span.start, attempt.place.start), (6 + 26, 6 + 26));
    // `user` is bytes 3 to 11: characters 4 on.
    assert_eq!(judged.steps[0].place.as_ref().map(|place| place.start), Some(6 + 4));
    assert_eq!(judged.value.expose(), b"384756");
    // Escapes: as it is the pattern does not match, undone it does.
    let rule = "pattern = '''tok_=(?P<secret>[0-9]{6})'''\nliterals = [\"tok_\"]";
    let attempt = only(rule, "a tok_%3D384756 b");
    assert_eq!(attempt.encodings, [Encoding::Url]);
    assert!(matches!(attempt.outcome, Outcome::Match(judged) if judged.span == (2..15)));
}

/// The value of a Kubernetes object is matched as it is and decoded, at one place.
#[test]
fn what_is_decoded_wins_over_what_stands_there() {
    let rule = "pattern = '''(?m)^  pass: (?P<secret>\\S{6,40})$'''";
    // `printf 'k7x2m9q4z8' | base64`
    let text = "kind: Secret\ndata:\n  pass: azd4Mm05cTR6OA==\n";
    let told = ask(&rules(&[rule]), text, None);
    let matches = told[0].attempts.iter().filter_map(|attempt| match &attempt.outcome {
        Outcome::Match(judged) => Some((judged.decoded, judged.value.expose(), judged.is_finding())),
        Outcome::NoMatch(_) => None,
    });
    assert_eq!(
        matches.collect::<Vec<_>>(),
        [(false, &b"azd4Mm05cTR6OA=="[..], false), (true, b"k7x2m9q4z8", true)]
    );
}

#[test]
fn hostile_content_is_explained_in_time() {
    let endless = "pattern = '''tok_[a-z]{1,3000}[0-9]'''\nmax_length = 65536";
    let many = "pattern = '''(?:a|ab|b){1,120}tok_x{1,9}Z'''";
    let text = format!("{}tok_{}", "ab".repeat(500), "x".repeat(3 << 20)) + &"tok_".repeat(10_000);
    let began = std::time::Instant::now();
    let told = ask(&rules(&[endless, many]), &text, None);
    assert!(told.iter().all(|told| told.unmatched > 0 && told.attempts.len() <= 3), "{told:?}");
    assert!(began.elapsed() < std::time::Duration::from_secs(20), "{:?}", began.elapsed());
}
