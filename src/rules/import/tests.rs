use super::*;
use crate::rules::{Check, ContextMode, Rule, parse};

fn read(origin: Option<Origin>, file: &str, text: &str) -> Import {
    Importer::default().read(origin, file, text).unwrap_or_else(|error| panic!("{error}"))
}

/// The rule that the only one of a file became.
fn only(file: &str, text: &str) -> (Imported, Rule) {
    let import = read(None, file, text);
    assert_eq!(import.rules.len(), 1);
    let imported = import.rules.into_iter().next().expect("one");
    assert_eq!(imported.refused, None);
    let pack = parse("imported", &imported.pack());
    let pack = pack.unwrap_or_else(|errors| panic!("{}", crate::rules::render_all(&errors, false)));
    (imported, pack.rules.into_iter().next().expect("one"))
}

fn gitleaks(rule: &str) -> (Imported, Rule) {
    only("g.toml", &format!("[[rules]]\nid = \"acme-api-key\"\n{rule}\n"))
}

fn kingfisher(rule: &str) -> (Imported, Rule) {
    only("k.yml", &format!("rules:\n- id: kingfisher.acme.1\n  name: Acme key\n{rule}\n"))
}

#[test]
fn a_rule_of_gitleaks() {
    let (imported, rule) = gitleaks(
        "description = \"Found an Acme key.\"\nregex = '''\\b(acme_[a-z0-9]{20})(?:['\"\\s]|$)'''\nentropy = 3\n\
         keywords = [\"acme_\"]\ntags = [\"cloud\"]",
    );
    assert_eq!((rule.id.as_str(), rule.secret_type.as_str()), ("acme-api-key", "Acme API key"));
    assert_eq!((rule.provider.as_str(), rule.category.as_str()), ("Acme", "cloud"));
    assert_eq!(rule.description, "Found an Acme key.");
    assert_eq!(rule.pattern, r#"\b(?P<secret>acme_[a-z0-9]{20})(?:['"\s]|$)"#);
    assert_eq!(rule.checks, [Check::Entropy { min: 3.0 }]);
    assert_eq!(&*rule.literals[0].bytes, b"acme_");
    assert_eq!(imported.dropped, Vec::<String>::new());
}

#[test]
fn groups_that_are_the_secret() {
    let pattern = |rule: &str| gitleaks(rule).1.pattern;
    assert_eq!(pattern("regex = '''acme_[0-9]{6}'''"), "acme_[0-9]{6}");
    assert_eq!(pattern("regex = '''(acme)_([0-9]{6})'''\nsecretGroup = 2"), "(acme)_(?P<secret>[0-9]{6})");
    let named = pattern("regex = '''(?P<User>acme)_(?P<Key>[0-9]{6})(?P<secret>x)'''\nsecretGroup = 2");
    assert_eq!(named, "(?P<user>acme)_(?P<secret>[0-9]{6})(?P<secret_2>x)");
    let (imported, _) = gitleaks("regex = '''acme_[0-9]{6}'''\nsecretGroup = 3");
    assert!(imported.dropped[0].contains("group 3"), "{:?}", imported.dropped);
    let (imported, _) = gitleaks("regex = '''acme_(?:a([0-9]{6})|b([0-9]{6}))'''");
    assert!(imported.dropped[0].contains("groups after the first"), "{:?}", imported.dropped);
    let (_, token) = kingfisher("  pattern: 'acme_(?P<ID>[a-z]{4})_(?P<TOKEN>[0-9]{6})'");
    assert_eq!(token.pattern, "acme_(?P<id>[a-z]{4})_(?P<secret>[0-9]{6})");
}

#[test]
fn expressions_of_go() {
    let pattern = |regex: &str| gitleaks(&format!("regex = '''{regex}'''")).1.pattern;
    // In a class of RE2 a bracket is itself, and there are no operations on sets.
    assert_eq!(pattern("acme[_[]x"), r"acme[_\[]x");
    assert_eq!(pattern("acme[^]_]x"), "acme[^]_]x");
    assert_eq!(pattern("acme[[:alpha:][]x"), r"acme[[:alpha:]\[]x");
    assert_eq!(pattern("acme[+--]x"), r"acme[+\--]x");
    assert_eq!(pattern(r"acme[\]&&]x"), r"acme[\]\&&]x");
    // A brace that is no count is itself.
    assert_eq!(pattern(r"acme\${x}"), r"acme\$\{x}");
    assert_eq!(pattern("acme{{ x"), r"acme\{\{ x");
    assert_eq!(pattern("acme[0-9]{3}{x,}"), r"acme[0-9]{3}\{x,}");
}

#[test]
fn what_is_no_expression_here_is_refused() {
    for (regex, why) in [
        ("acme(?=x)", "looks around"),
        (r"(acme)\1", "own groups"),
        ("acme(", "cannot be read"),
        ("", "no regex"),
    ] {
        let import = read(None, "g.toml", &format!("[[rules]]\nid = \"a\"\nregex = '''{regex}'''\n"));
        let refused = import.rules[0].refused.clone().expect("refused");
        assert!(refused.contains(why), "{regex}: {refused}");
    }
    let long = format!("[[rules]]\nid = \"a\"\nregex = \'\'\'{}\'\'\'\n", "[[:".repeat(1 << 20));
    assert!(read(None, "g.toml", &long).rules[0].refused.as_ref().is_some_and(|why| why.contains("longer")));
    let many = "{".repeat(1000);
    let import = read(None, "g.toml", &format!("[[rules]]\nid = \"a\"\nregex = '''acme{many}'''\n"));
    assert!(import.rules[0].refused.is_some());
}

#[test]
fn allowlists() {
    let (imported, rule) = gitleaks(
        "regex = '''acme_[0-9]{6}'''\npath = '''x'''\n\
         [[rules.allowlists]]\nregexes = ['''^0+$''']\nstopwords = [\"sample\", \"a.b\"]\npaths = ['''y''']\n\
         [[rules.allowlists]]\nregexTarget = \"line\"\nregexes = ['''mock''']\n\
         [[rules.allowlists]]\nregexTarget = \"match\"\nregexes = ['''acme_9''', '''^acme''']\n\
         [[rules.allowlists]]\ncondition = \"AND\"\nregexes = ['''1''']\nstopwords = [\"2\"]\n",
    );
    assert_eq!(rule.ignore.patterns, ["^0+$", r"(?i)sample|a\.b"]);
    let contexts: Vec<_> =
        rule.context.iter().map(|c| (c.pattern.as_str(), c.within_bytes, c.within_lines, c.mode)).collect();
    let forbid = ContextMode::Forbid;
    assert_eq!(contexts, [("mock", 4096, Some(0), forbid), ("acme_9", 1, Some(0), forbid)]);
    let dropped = imported.dropped.join("; ");
    for what in ["path: ", "its paths", "anchored", "must all hold"] {
        assert!(dropped.contains(what), "{what} in {dropped}");
    }
}

#[test]
fn lists_of_the_whole_file() {
    let text = "title = \"t\"\n[extend]\nuseDefault = true\n[allowlist]\nregexes = ['''^x''']\npaths = ['''p''']\n\
                [[allowlists]]\ntargetRules = [\"b\"]\nstopwords = [\"word\"]\n\
                [[rules]]\nid = \"a\"\nregex = '''acme_[0-9]{6}'''\n[[rules]]\nid = \"b\"\nregex = '''acme_[a-f]{6}'''\n";
    let import = read(None, "g.toml", text);
    assert_eq!(import.rules[0].draft.ignored, ["^x"]);
    assert_eq!(import.rules[1].draft.ignored, ["^x", "(?i)word"]);
    assert!(import.rules.iter().all(|rule| rule.dropped.is_empty()));
    assert_eq!(import.dropped.len(), 2, "{:?}", import.dropped);
}

#[test]
fn what_would_grow_without_bound_is_told_instead() {
    let rules = "[[rules]]\nid = \"a\"\nregex = \"acme_[0-9]{6}\"\n".repeat(3000);
    let words: Vec<String> = (0..2000).map(|number| format!("\"word{number}\"")).collect();
    let text = format!("[allowlist]\nstopwords = [{}]\n{rules}", words.join(", "));
    let import = read(None, "g.toml", &text);
    assert!(import.dropped.iter().any(|what| what.contains("too much")), "{:?}", import.dropped);
    assert!(import.rules.iter().all(|rule| rule.draft.ignored.is_empty()));
    assert_eq!(import.rules[2999].id, "a-3000");
}

#[test]
fn a_rule_of_kingfisher() {
    let (imported, rule) = kingfisher(
        "  pattern: |\n    (?xi)\n    \\b\n    (acme_[a-z0-9]{20})  # the key\n    \\b\n  min_entropy: 3.3\n  confidence: high\n\
         \x20 visible: false\n  pattern_requirements:\n    min_digits: 2\n    min_special_chars: 1\n    ignore_if_contains: [test, '${']\n\
         \x20 examples:\n  - key = acme_0123456789abcdefghij\n  references:\n  - https://acme.example/docs\n  - a book\n\
         \x20 validation:\n    type: Http\n  depends_on_rule:\n  - rule_id: x\n    variable: Y\n  other: 1\n",
    );
    assert_eq!(
        (rule.id.as_str(), rule.name.as_str(), rule.provider.as_str()),
        ("kingfisher-acme-1", "Acme key", "Acme")
    );
    assert_eq!(rule.confidence.to_string(), "high");
    assert_eq!(rule.severity.to_string(), "info");
    assert!(rule.pattern.starts_with("(?xi)\n\\b\n(?P<secret>acme_"), "{}", rule.pattern);
    assert_eq!(rule.checks, [Check::Entropy { min: 3.3 }]);
    assert_eq!(rule.ignore.patterns, ["^(?:[^0-9]+|(?:[^0-9]*[0-9]){1,1}[^0-9]*)$", r"(?i)test|\$\{"]);
    assert_eq!(rule.references, ["https://acme.example/docs"]);
    assert_eq!(rule.examples[0].text, "key = acme_0123456789abcdefghij");
    let dropped = imported.dropped.join("; ");
    for what in
        ["min_special_chars", "web address", "validation", "depends_on_rule", "visible", "the key other"]
    {
        assert!(dropped.contains(what), "{what} in {dropped}");
    }
}

#[test]
fn a_rule_of_nosey_parker() {
    let text = "rules:\n- name: Acme Key\n  id: np.acme.1\n  pattern: '\\b(acme_[0-9]{6})\\b'\n  categories: [api, secret]\n\
                \x20 examples:\n  - 'acme_123456'\n  negative_examples:\n  - 'acme_12345'\n";
    let import = read(None, "np.yml", text);
    assert_eq!(import.origin, Origin::NoseyParker);
    let (imported, rule) = only("np.yml", text);
    assert_eq!((rule.id.as_str(), rule.category.as_str()), ("np-acme-1", "api"));
    assert_eq!((rule.examples.len(), rule.counter_examples.len()), (1, 1));
    assert!(imported.dropped.is_empty());
}

#[test]
fn secrets_are_cut_in_the_pack() {
    let token = "acme_0123456789abcdefghijklmnopqrstuvwxyz";
    let (imported, rule) = kingfisher(&format!("  pattern: 'acme_[a-z0-9]{{36}}'\n  examples: ['{token}']"));
    assert_eq!(rule.examples[0].text, token);
    assert!(!imported.pack().contains("acme_0123"), "{}", imported.pack());
}

#[test]
fn ids_are_unique_and_names_are_clean() {
    let mut importer = Importer::default();
    let text =
        "[[rules]]\nid = \"A_b.c--d \"\ndescription = \"x\\u0007y\\nz\"\nregex = '''acme_[0-9]{6}'''\n";
    let one = importer.read(None, "a.toml", text).expect("rules");
    let two = importer.read(None, "b.toml", text).expect("rules");
    assert_eq!((one.rules[0].id.as_str(), two.rules[0].id.as_str()), ("a-b-c-d", "a-b-c-d-2"));
    assert_eq!(one.rules[0].draft.description, "x y z");
    let pack = pack(&[one, two]);
    assert_eq!(parse("p.toml", &pack).expect("a pack").rules.len(), 2);
    // It is formatted as every pack is.
    assert_eq!(crate::rules::format("p.toml", &pack).expect("TOML"), pack);
}

#[test]
fn files_that_are_none_of_these() {
    let error = |file: &str, text: &str| Importer::default().read(None, file, text).expect_err("no rules");
    assert!(matches!(error("a.toml", "a = "), ImportError::NotToml(_)));
    assert!(matches!(error("a.yml", "a: [1"), ImportError::NotYaml(_)));
    for (file, text) in
        [("a.toml", "a = 1"), ("a.yml", "a: 1"), ("a.yml", "rules: []"), ("a.yml", ""), ("x", "")]
    {
        assert_eq!(error(file, text), ImportError::NoRules, "{text}");
    }
    // Rules that are no tables are no rules, and no reason to stop.
    let import = read(None, "a.yml", "rules: [1, null, [2], {}]");
    assert!(import.rules.iter().all(|rule| rule.refused.is_some()));
}

#[test]
fn hostile_yaml_is_refused() {
    let error = |text: &str| Importer::default().read(None, "a.yml", text).expect_err("refused");
    let mut laughs = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
    for level in 1..12 {
        let before = vec![format!("*a{}", level - 1); 10].join(", ");
        laughs.push_str(&format!("a{level}: &a{level} [{before}]\n"));
    }
    laughs.push_str("rules: *a11\n");
    assert!(matches!(error(&laughs), ImportError::NotYaml(_)));
    assert!(matches!(error("rules: &a [*a]\n"), ImportError::NotYaml(_)));
    assert!(matches!(error(&"[".repeat(100_000)), ImportError::NotYaml(_)));
    assert!(matches!(error(&"- ".repeat(100_000)), ImportError::NotYaml(_)));
    assert!(matches!(error(&format!("a: {}", "{a: ".repeat(100_000))), ImportError::NotYaml(_)));
    assert_eq!(error(&" ".repeat(MAX_FILE + 1)), ImportError::TooLong);
}
