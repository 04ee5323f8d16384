use super::*;

const WHOLE: &str = r#"
[[exempt]]
name = "ci"
rule = "a-rule"
path = "/srv/test/**"
machine = "ci-*"
tag = "Env=test"
category = "waiver"
reason = "throw-away keys"
author = "ann"
created = 2026-01-01
expires = "2026-12-31"

[[owner]]
name = "production"
priority = 1
severity = ["critical", "high"]
risk = ["not evaluated"]
tag = "Env=prod"
owner_tags = ["Owner", "team"]
owner = "security"
due_days = 14
grace_days = 7
"#;

fn faults(text: &str) -> Vec<String> {
    Governance::parse(text).expect_err("a fault").iter().map(ToString::to_string).collect()
}

#[test]
fn a_file_is_read_whole() {
    let read = Governance::parse(WHOLE).expect("right");
    assert_eq!((read.exemptions(), read.owners()), (1, 1));
    let one = &read.exemptions[0];
    assert_eq!(one.tag, ("env".to_owned(), "test".to_owned()), "names of tags have no case");
    assert_eq!((one.created.as_str(), one.expires.as_str()), ("2026-01-01", "2026-12-31"));
    assert_eq!(read.owners[0].due_days, 14);
    assert_eq!(Governance::parse(""), Ok(Governance::default()));
}

#[test]
fn every_fault_has_its_line() {
    for (old, new, line, message) in [
        ("\"throw-away keys\"", "\"\"", 2, "`reason` is empty"),
        ("\"ann\"", "\" \"", 2, "`author` is empty"),
        ("\"2026-12-31\"", "\"2026-02-30\"", 2, "`expires` is no day"),
        ("\"2026-12-31\"", "2026-01-01T00:00:00Z", 2, "`expires` is no day"),
        ("\"2026-12-31\"", "\"2025-12-31\"", 2, "expires before"),
        ("/srv/test/**", "/srv/[", 2, "cannot be used"),
        ("ci-*", "[", 2, "\"ci\""),
        ("Env=test", "Env", 2, "no name=value"),
        ("\"waiver\"", "\"never\"", 8, "never"),
        ("rule = ", "rules = ", 4, "unknown field"),
        ("priority = 1", "priority = 0", 14, "`priority`"),
        ("due_days = 14", "due_days = -1", 14, "`due_days`"),
        ("\"critical\", \"high\"", "\"worst\"", 14, "\"worst\" is none of"),
        ("[[owner]]", "[[owners]]", 14, "unknown field"),
        ("\"production\"", "\"\"", 14, "name is empty"),
    ] {
        let found = faults(&WHOLE.replacen(old, new, 1));
        assert!(found[0].contains(message), "{new}: {found:?}");
        assert!(found[0].starts_with(&format!("line {line}: ")), "{new}: {found:?}");
    }
}

#[test]
fn an_entry_without_conditions_would_hide_everything() {
    let text = "[[exempt]]\nname = \"a\"\ncategory = \"waiver\"\nreason = \"b\"\nauthor = \"c\"\n";
    assert!(faults(text)[0].contains("it would exempt everything"));
    let twice = format!("{text}rule = \"r\"\n{text}rule = \"r\"\n");
    assert!(faults(&twice)[0].contains("another entry has the name"));
    let nobody = "[[owner]]\nname = \"a\"\npriority = 5\ndue_days = 3\n";
    assert!(faults(nobody)[0].contains("it names nobody"));
}
