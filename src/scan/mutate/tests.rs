use super::*;
use crate::rules::parse;

const HEAD: &str = "[pack]\nname = \"p\"\n[[rule]]\nid = \"r\"\nname = \"n\"\ntype = \"t\"\nprovider = \"p\"\n\
                    category = \"c\"\nseverity = \"low\"\nconfidence = \"low\"\ndescription = \"d\"\nremediation = \"r\"\n";

fn set(rule: &str) -> RuleSet {
    let pack = parse("p.toml", &format!("{HEAD}{rule}")).expect("a pack");
    RuleSet::new(pack.rules, String::new())
}

fn mutation(rule: &str) -> Mutation {
    run(&set(rule))
}

/// Each survivor: its kind, and the text that is underlined.
fn survivors(rule: &str) -> Vec<(&'static str, String)> {
    let text = format!("{HEAD}{rule}");
    let survivors = mutation(rule).survivors;
    survivors.iter().map(|one| (one.kind.as_str(), text[one.diagnostic.span.clone()].to_owned())).collect()
}

fn example(text: &str) -> String {
    format!("[[rule.example]]\ntext = \"{text}\"\n")
}

fn counter(text: &str) -> String {
    format!("[[rule.counter_example]]\ntext = \"{text}\"\n")
}

#[test]
fn parts_of_a_pattern_that_nothing_defends() {
    let rule = format!("pattern = '''tok_[0-9]{{6}}'''\nnot_after = \"0-9\"\n{}", example("tok_123456"));
    let expected = [
        // The digits alone match, and nothing says what the secret is.
        ("element", "tok_"),
        ("class", "[0-9]"),
        ("count", "{6}"),
        ("count", "{6}"),
        ("boundary", "\"0-9\""),
    ];
    let found: Vec<(&str, String)> = survivors(&rule);
    let found: Vec<(&str, &str)> = found.iter().map(|(kind, text)| (*kind, text.as_str())).collect();
    // Without `[0-9]{6}` the boundary refuses the example.
    assert_eq!(found, expected);
}

#[test]
fn examples_defend() {
    let rule = format!(
        "pattern = '''tok_[0-9]{{6}}'''\nnot_after = \"0-9\"\n{}secret = \"tok_123456\"\n{}{}{}",
        example("tok_123456"),
        counter("tok_12345"),
        counter("tok_1234567"),
        counter("tok_abcdef"),
    );
    let mutation = mutation(&rule);
    assert!(mutation.survivors.is_empty(), "{:?}", mutation.survivors);
    // Two elements, a class, two counts, a boundary.
    assert_eq!((mutation.killed, mutation.unjudged), (6, 0));
    assert!((mutation.score() - 1.0).abs() < f64::EPSILON);
}

#[test]
fn branches_options_flags_and_groups() {
    let rule = format!("pattern = '''(?i)(?P<kind>tok|key)_x?[0-9]{{6}}z'''\n{}", example("tok_123456z"));
    let found = survivors(&rule);
    for expected in [("flag", "(?i)"), ("group", "kind"), ("branch", "key"), ("element", "x?")] {
        assert!(
            found.iter().any(|(kind, text)| (*kind, text.as_str()) == expected),
            "{expected:?} in {found:?}"
        );
    }
    // What the example needs does not survive.
    for killed in [("branch", "tok"), ("optional", "?")] {
        assert!(!found.iter().any(|(kind, text)| (*kind, text.as_str()) == killed), "{killed:?}");
    }
    let more = format!(
        "{rule}attributes = {{ kind = \"tok\" }}\n{}attributes = {{ kind = \"KEY\" }}\n",
        example("KEY_x123456z")
    );
    let found = survivors(&more);
    for defended in ["(?i)", "kind", "key", "x?"] {
        assert!(!found.iter().any(|(_, text)| text == defended), "{defended} in {found:?}");
    }
}

#[test]
fn conditions() {
    let rule = format!(
        "pattern = '''tok_(?P<secret>[0-9]{{6}})'''\nchecks = [{{ check = \"entropy\", min = 2.0 }}]\n\
         [[rule.context]]\npattern = '''acme'''\nwithin = 20\n\
         [[rule.nearby]]\npattern = '''user=(?P<user>[a-z]+)'''\nwithin = 20\n\
         [rule.ignore]\nvalues = [\"123457\"]\npatterns = ['''^987''']\n{}",
        example("acme user=ana tok_123456")
    );
    let kinds: Vec<&str> = survivors(&rule).into_iter().map(|(kind, _)| kind).collect();
    for kind in ["check", "context", "companion", "ignored", "group"] {
        assert!(kinds.contains(&kind), "{kind} in {kinds:?}");
    }
    let defended = format!(
        "{rule}secret = \"123456\"\nattributes = {{ user = \"ana\" }}\n{}{}{}{}{}",
        counter("acme user=ana tok_111111"),
        counter("user=ana tok_123456"),
        counter("acme tok_123456"),
        counter("acme user=ana tok_123457"),
        counter("acme user=ana tok_987123"),
    );
    let kinds: Vec<&str> = survivors(&defended).into_iter().map(|(kind, _)| kind).collect();
    for kind in ["check", "context", "companion", "ignored", "group"] {
        assert!(!kinds.contains(&kind), "{kind} in {kinds:?}");
    }
}

#[test]
fn a_rule_that_fails_or_has_no_example_is_not_judged() {
    let rule = "pattern = '''tok_[0-9]{6}'''\n";
    assert_eq!(mutation(rule).skipped, ["r"]);
    assert_eq!(mutation(&format!("{rule}{}", example("nothing"))).skipped, ["r"]);
}

#[test]
fn what_is_too_much_is_counted() {
    let branches: Vec<String> = (0..500).map(|number| format!("tok{number:03}")).collect();
    let rule = format!("pattern = '''zqx_(?:{})'''\n{}", branches.join("|"), example("zqx_tok000"));
    let mutation = mutation(&rule);
    assert!(mutation.unjudged > 0);
    assert!(mutation.survivors.len() + mutation.killed <= 400);
    // A text that is too long to be tried at every place.
    let long = format!("tok_123456{}", " ".repeat(20_000));
    let rule = format!("pattern = '''tok_[0-9]{{6}}'''\n{}", example(&long));
    assert_eq!(run(&set(&rule)).unjudged, 1);
}
