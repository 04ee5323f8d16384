use super::*;
use crate::pipeline::labels;
use crate::rules::{Literal, Rule};

/// Two types: `key` by two rules, `tok` by one.
fn rules() -> RuleSet {
    let rule = |id: &str, secret_type: &str, pattern: &str, literal: &str| {
        let literal = Literal { bytes: literal.as_bytes().into(), fold: false, min_offset: 0, max_offset: 0 };
        Rule { secret_type: secret_type.into(), ..Rule::new(id, pattern, vec![literal]) }
    };
    let rules = vec![
        rule("tok", "Token", "tok_(?P<secret>(?P<kind>[a-z])[0-9]{5})", "tok_"),
        rule("key-a", "Key", "keyA_(?P<secret>[0-9]{6})", "keyA_"),
        rule("key-b", "Key", "keyB_(?P<secret>[0-9]{6})", "keyB_"),
    ];
    RuleSet::new(rules, String::new())
}

fn measured(files: &[(&str, &str)], labels: &str) -> Evaluation {
    let corpus = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        let path = corpus.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }
    std::fs::write(corpus.path().join(LABELS_FILE), labels).expect("a file");
    let labels = labels::read(labels.as_bytes()).expect("labels");
    evaluate(corpus.path(), &rules(), &labels).expect("figures")
}

fn score(expected: u64, found: u64, false_positives: u64) -> Score {
    Score { expected, found, false_positives }
}

#[test]
fn hits_misses_and_false_positives_are_counted() {
    let files = [
        ("a/.env", "x=tok_a12345\ny=tok_b12345\n"),
        ("tests/b", "keyA_123456 keyB_123456\n"),
        ("clean", "keyB_777777\n"),
    ];
    let labels = "{\"path\": \"a/.env\", \"secret_type\": \"Token\", \"line\": 1}\n\
                  {\"path\": \"./a/.env\", \"secret_type\": \"Token\", \"offset\": 19}\n\
                  {\"path\": \"/tests/b\", \"secret_type\": \"Key\"}\n\
                  {\"path\": \"tests/b\", \"secret_type\": \"Key\"}\n\
                  {\"path\": \"gone\", \"secret_type\": \"Token\"}\n\
                  {\"path\": \"gone\", \"secret_type\": \"Key\", \"rule\": \"key-a\"}\n";
    let told = measured(&files, labels);
    assert!(told.complete);
    assert_eq!(told.files, 3);
    assert_eq!(told.by_type["Token"], score(3, 2, 0));
    assert_eq!(told.by_type["Key"], score(3, 2, 1));
    assert_eq!(told.total, score(6, 4, 1));
    assert_eq!(told.by_rule["tok"], score(3, 2, 0));
    assert_eq!(told.by_rule["key-a"], score(2, 1, 0));
    assert_eq!(told.by_rule["key-b"], score(1, 1, 1));
    assert_eq!(told.misses.len(), 2);
    assert_eq!(told.false_positives.len(), 1);
    let wrong = &told.false_positives[0];
    assert_eq!((wrong.path.as_str(), wrong.line, wrong.column), ("clean", 1, 6));
    // Two thirds and four fifths, by hand.
    assert_eq!(told.by_type["Key"].recall(), Some(2.0 / 3.0));
    assert_eq!(told.total.precision(), Some(0.8));
    assert_eq!((Score::default().recall(), Score::default().precision()), (None, None));
}

#[test]
fn a_label_is_used_once_and_by_its_surest_name() {
    // The same secret twice in a file, one label: the other is a false positive.
    let digest = blake3::hash(b"a12345").to_hex();
    let label = format!("{{\"path\": \"f\", \"secret_type\": \"Token\", \"secret_blake3\": \"{digest}\"}}\n");
    let told = measured(&[("f", "tok_a12345\ntok_a12345\n")], &label);
    assert_eq!(told.total, score(1, 1, 1));
    let told = measured(&[("f", "tok_a12345\ntok_a12345\n")], &label.repeat(2));
    assert_eq!(told.total, score(2, 2, 0));
    // The label by line would take the first, which the other names by its offset.
    let labels = "{\"path\": \"f\", \"secret_type\": \"Token\", \"line\": 1}\n\
                  {\"path\": \"f\", \"secret_type\": \"Token\", \"offset\": 4}\n";
    assert_eq!(measured(&[("f", "tok_a12345 tok_b12345\n")], labels).total, score(2, 2, 0));
    // Nothing that the label gives is as it says.
    let labels = "{\"path\": \"f\", \"secret_type\": \"Token\", \"line\": 9, \"offset\": 9}\n";
    assert_eq!(measured(&[("f", "tok_a12345\n")], labels).total, score(1, 0, 1));
}

#[test]
fn what_the_label_says_of_the_finding_must_hold() {
    let label =
        |more: &str| format!("{{\"path\": \"f\", \"secret_type\": \"Token\", \"line\": 1, {more}}}\n");
    let told = |more: &str| measured(&[("f", "tok_a12345 tok_b12345\n")], &label(more));
    assert_eq!(told("\"attributes\": {\"kind\": \"b\"}").total, score(1, 1, 1));
    let wrong = told("\"attributes\": {\"kind\": \"c\"}");
    // Neither found nor a false positive; the second one is.
    assert_eq!(wrong.total, score(1, 0, 1));
    assert_eq!(wrong.misses[0].wrong.as_deref(), Some("attribute kind is \"a\", not \"c\""));
    assert!(told("\"target\": {\"kind\": \"k\", \"id\": \"i\"}").misses[0].wrong.is_some());
    assert!(told("\"expires_at\": \"2027-01-31T00:00:00Z\"").misses[0].wrong.is_some());
    assert!(told("\"rule\": \"key-a\"").misses[0].wrong.is_some());
}

#[test]
fn what_is_optional_counts_in_neither_way() {
    // The second of the line may be found, and a third is too many.
    let labels = "{\"path\": \"f\", \"secret_type\": \"Token\", \"line\": 1, \"optional\": true}\n\
                  {\"path\": \"f\", \"secret_type\": \"Token\", \"line\": 1}\n";
    assert_eq!(measured(&[("f", "tok_a12345\n")], labels).total, score(1, 1, 0));
    assert_eq!(measured(&[("f", "tok_a12345 tok_b12345\n")], labels).total, score(1, 1, 0));
    assert_eq!(measured(&[("f", "tok_a12345 tok_b12345 tok_c12345\n")], labels).total, score(1, 1, 1));
    let told = measured(&[("f", "nothing\n")], labels);
    assert_eq!((told.total, told.misses.len(), told.hits.len()), (score(1, 0, 0), 1, 0));
}

#[test]
fn near_misses_are_counted_apart() {
    let labels = "{\"path\": \"f\", \"secret_type\": \"Token\", \"near_miss\": true}\n\
                  {\"path\": \"g\", \"secret_type\": \"Token\", \"near_miss\": true}\n";
    let told = measured(&[("f", "tok_a12345\n"), ("g", "tok_a1234\n")], labels);
    assert_eq!((told.near_misses, told.near_misses_found), (2, 1));
    assert_eq!(told.total, score(0, 0, 1));
    assert!(told.false_positives[0].near_miss);
}

#[test]
fn another_type_at_the_place_is_named() {
    let labels = "{\"path\": \"f\", \"secret_type\": \"Key\", \"line\": 1}\n";
    let told = measured(&[("f", "tok_a12345\n")], labels);
    assert_eq!(told.misses[0].wrong.as_deref(), Some("in its line tok finds: Token"));
}
