use super::*;
use crate::rules::parse;

/// A rule with an example and a counter example that hold.
fn rule(id: &str, rest: &str) -> String {
    format!(
        "[[rule]]\nid = \"{id}\"\nname = \"n\"\ntype = \"{id}\"\nprovider = \"p\"\ncategory = \"c\"\nseverity = \"low\"\n\
         confidence = \"low\"\ndescription = \"d\"\nremediation = \"r\"\n{rest}\n"
    )
}

const TESTED: &str =
    "[[rule.example]]\ntext = \"zq_123456\"\n[[rule.counter_example]]\ntext = \"zq_12345\"\n";

fn codes(rules: &[String]) -> Vec<String> {
    let pack = parse("p.toml", &format!("[pack]\nname = \"p\"\n{}", rules.concat())).expect("a pack");
    let rules = RuleSet::new(pack.rules, String::new());
    let found = check(&rules);
    found.iter().map(|objection| format!("{} {}", objection.level.as_str(), objection.code)).collect()
}

#[test]
fn a_good_rule_has_no_objection() {
    assert_eq!(
        codes(&[rule("a", &format!("pattern = '''zq_[0-9]{{6}}'''\n{TESTED}"))]),
        Vec::<String>::new()
    );
}

#[test]
fn untested_rules() {
    let found = codes(&[rule("a", "pattern = '''zq_[0-9]{6}'''")]);
    assert_eq!(found, ["warning no-example", "warning no-counter-example"]);
}

#[test]
fn a_place_that_names_no_rule() {
    let place = |id: &str| format!("[[rule.place]]\npath = \"/x\"\nas = \"{id}\"\n");
    let with =
        |id: &str| codes(&[rule("a", &format!("pattern = '''zq_[0-9]{{6}}'''\n{}{TESTED}", place(id)))]);
    assert_eq!(with("a"), Vec::<String>::new());
    assert_eq!(with("b"), ["warning unknown-rule"]);
}

#[test]
fn costs() {
    let frequent = rule("a", &format!("pattern = '''(?:the |zq_)[0-9a-z]{{6}}'''\n{TESTED}"));
    assert_eq!(codes(&[frequent]), ["warning frequent-literal"]);
    let wide = rule("a", &format!("pattern = '''[^\\n]{{0,200}}zq_[0-9]{{6}}'''\n{TESTED}"));
    assert_eq!(codes(&[wide]), ["warning wide-gap"]);
    // 201 places of 40,203 bytes each are 8 MB; two states a digit are 80,000.
    let slow = rule("a", &format!("pattern = '''[^\\n]{{0,200}}zq_[0-9]{{6,40000}}'''\n{TESTED}"));
    assert_eq!(codes(&[slow]), ["warning wide-gap", "warning slow-worst-case", "warning large-pattern"]);
}

#[test]
fn one_rule_hides_another() {
    let pattern = format!("pattern = '''zq_[0-9]{{6}}'''\n{TESTED}");
    let check = "checks = [{ check = \"entropy\", min = 1.0 }]\n";
    let twice = codes(&[rule("a", &pattern), rule("b", &pattern)]);
    assert_eq!(twice, ["warning unreachable"]);
    // What asks for more can be outranked, and can outrank.
    let stricter = rule("b", &format!("{check}{pattern}"));
    assert_eq!(codes(&[rule("a", &pattern), stricter.clone()]), ["warning unreachable"]);
    let first = rule("b", &format!("priority = 60\n{check}{pattern}"));
    let found = codes(&[rule("a", &pattern), first]);
    assert_eq!(found, ["warning same-pattern", "warning unreachable"]);
}

#[test]
fn an_example_that_another_rule_reports() {
    let wide = rule(
        "wide",
        "priority = 60\npattern = '''zq_[0-9a-f]{6}'''\n[[rule.example]]\ntext = \"zq_abcdef\"\n\
         [[rule.counter_example]]\ntext = \"zq_\"",
    );
    let narrow = |more: &str| rule("narrow", &format!("pattern = '''[xz]q_[0-9]{{6}}'''\n{TESTED}{more}"));
    assert_eq!(codes(&[wide.clone(), narrow("")]), ["warning unreachable"]);
    let more = "[[rule.example]]\ntext = \"xq_123456\"\n";
    assert_eq!(codes(&[wide.clone(), narrow(more)]), ["warning overlap"]);
    // Two rules of one type lose nothing.
    let same_type = narrow(more).replace("type = \"narrow\"", "type = \"wide\"");
    assert_eq!(codes(&[wide, same_type]), ["note overlap"]);
}
