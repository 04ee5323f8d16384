//! Packs that are good and packs that are wrong in each way.

use super::*;
use crate::finding::{Confidence, Severity};
use crate::rules::{Check, ContextMode, Level, Side};

const HEAD: &str = "[pack]\nname = \"acme\"\nversion = \"1\"\n";

/// A rule with the keys that each must have, and more.
fn rule(id: &str, pattern: &str, more: &str) -> String {
    format!(
        "\n[[rule]]\nid = \"{id}\"\nname = \"Acme token\"\ntype = \"Acme API token\"\nprovider = \"Acme\"\n\
         category = \"cloud\"\nseverity = \"high\"\nconfidence = \"medium\"\ndescription = \"Opens Acme.\"\n\
         remediation = \"Revoke it.\"\npattern = '''{pattern}'''\n{more}\n"
    )
}

fn pack(rules: &[String]) -> String {
    HEAD.to_owned() + &rules.concat()
}

fn good(text: &str) -> Pack {
    parse("acme.toml", text).unwrap_or_else(|errors| panic!("{}", crate::rules::render_all(&errors, false)))
}

fn wrong(text: &str) -> Vec<Diagnostic> {
    parse("acme.toml", text).expect_err("the pack should be refused")
}

/// The only error of a pack of one rule: the underlined text, the message, the advice.
fn only(pattern: &str, more: &str) -> (String, String, String) {
    let text = pack(&[rule("acme", pattern, more)]);
    let errors = wrong(&text);
    assert_eq!(errors.len(), 1, "{}", crate::rules::render_all(&errors, false));
    let error = errors[0].clone();
    (text[error.span].to_owned(), error.message, error.help.unwrap_or_default())
}

/// Asserts that what is underlined, the message and the advice contain the texts.
fn refused(pattern: &str, more: &str, expected: [&str; 3]) {
    let (underlined, message, help) = only(pattern, more);
    for (found, part) in [(&underlined, expected[0]), (&message, expected[1]), (&help, expected[2])] {
        assert!(found.contains(part), "{part:?} not in {found:?} of {message:?}, {help:?}");
    }
    assert!(underlined.len() <= expected[0].len() + 8, "too much is underlined: {underlined:?}");
}

#[test]
fn every_key_is_read() {
    let more = r#"
references = ["https://acme.example/docs"]
literals = ["acme_", { text = "Acme_", fold = true }]
max_length = 25
not_before = "A-Za-z0-9_"
not_after = "="
public_prefix = 5
priority = 60
checks = [{ check = "entropy", min = 3 }, { check = "entropy", min = 2.5 }]
[[rule.context]]
pattern = '''(?i)client.?secret'''
within = 200
lines = 3
side = "before"
mode = "forbid"
[[rule.context]]
pattern = '''acme'''
within = 4096
[[rule.nearby]]
pattern = '''user=(?P<user>\w+)'''
within = 512
lines = 10
side = "after"
required = false
[rule.ignore]
values = ["x", ["ac", "me"]]
patterns = ['''^xx''']
blake3 = ["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"]
sha256 = []
[rule.target]
kind = "acme_account"
id = "{account}.acme.{suffix}"
[rule.validity]
expires_at = "until"
[[rule.example]]
text = ["token = ac", "me_0"]
secret = ["ac", "me_0"]
attributes = { account = "a", user = ["b", "c"] }
[[rule.counter_example]]
text = "nothing"
"#;
    let text = pack(&[rule("acme-token", "acme_[a-z0-9]{20}", more)]);
    let pack = good(&text);
    assert_eq!((pack.name.as_str(), pack.version.as_deref()), ("acme", Some("1")));
    let rule = &pack.rules[0];
    assert_eq!((rule.id.as_str(), rule.secret_type.as_str()), ("acme-token", "Acme API token"));
    assert_eq!((rule.severity, rule.confidence), (Severity::High, Confidence::Medium));
    assert_eq!((rule.max_length, rule.public_prefix, rule.priority), (25, 5, 60));
    assert!(
        rule.not_before.contains(b'_') && rule.not_before.contains(b'Z') && !rule.not_before.contains(b'-')
    );
    assert!(rule.not_after.contains(b'=') && rule.not_after.len() == 1);
    assert_eq!(rule.checks, [Check::Entropy { min: 3.0 }, Check::Entropy { min: 2.5 }]);
    assert_eq!(&text[rule.source.checks[1].clone()], "{ check = \"entropy\", min = 2.5 }");
    assert_eq!(&text[rule.source.pattern.clone()], "'''acme_[a-z0-9]{20}'''");
    assert_eq!(&text[rule.source.span.clone()], "[[rule]]");
    assert_eq!((rule.context[0].side, rule.context[0].mode), (Side::Before, ContextMode::Forbid));
    assert_eq!((rule.context[1].side, rule.context[1].within_lines), (Side::Around, None));
    assert_eq!((rule.nearby[0].within_bytes, rule.nearby[0].required), (512, false));
    assert_eq!(rule.ignore.values, ["x", "acme"]);
    assert_eq!(rule.ignore.blake3, ["a".repeat(64)]);
    assert_eq!(rule.target.as_ref().unwrap().id, "{account}.acme.{suffix}");
    assert_eq!(rule.validity.expires_at.as_deref(), Some("until"));
    assert_eq!(rule.examples[0].text, "token = acme_0");
    assert_eq!(rule.examples[0].secret.as_deref(), Some("acme_0"));
    assert_eq!(rule.examples[0].attributes["user"], "bc");
    assert_eq!(&text[rule.examples[0].span.clone()], "[\"token = ac\", \"me_0\"]");
    assert_eq!(&text[rule.counter_examples[0].span.clone()], "\"nothing\"");
    assert!(pack.notes.is_empty());
}

#[test]
fn defaults() {
    let pack = good(&pack(&[rule("acme", "acme_[a-z0-9]{20}", "")]));
    let rule = &pack.rules[0];
    assert_eq!((rule.max_length, rule.public_prefix, rule.priority), (25, 0, 50));
    assert_eq!(&*rule.literals[0].bytes, b"acme_");
}

#[test]
fn an_unbounded_pattern_is_given_a_bound_and_noted() {
    let open = good(&pack(&[rule("acme", "acme_[a-z0-9]+", "")]));
    assert_eq!(open.rules[0].max_length, 4096);
    assert_eq!(open.notes.len(), 1);
    assert_eq!(open.notes[0].level, Level::Note);
    let bounded = good(&pack(&[rule("acme", "acme_[a-z0-9]+", "max_length = 100")]));
    assert_eq!((bounded.rules[0].max_length, bounded.notes.len()), (100, 0));
}

#[test]
fn bad_values_are_underlined_with_advice() {
    let token = "acme_[a-z0-9]{20}";
    refused(token, "patern = 'x'", ["patern", "unknown key `patern`", "did you mean `pattern`?"]);
    refused(token, "max_length = 'x'", ["'x'", "bad value for `max_length`", ""]);
    refused(token, "max_length = 70000", ["70000", "too large", "65536"]);
    refused(token, "max_length = 10", ["10", "less than the 25 bytes", ""]);
    refused(token, "max_length = -1", ["-1", "bad value for `max_length`", ""]);
    refused(token, "not_before = 'z-a'", ["z-a", "range", ""]);
    refused(token, "not_before = 'a]b'", ["'a]b'", "not a set of bytes", "A-Za-z0-9_"]);
    refused(token, "not_after = 'é'", ["é", "Unicode", "\\xNN"]);
    refused(token, "references = ['acme']", ["'acme'", "not a web address", "https://"]);
    refused(token, "public_prefix = 26", ["26", "longer than any match", ""]);
    refused(token, "priority = 'high'", ["'high'", "bad value for `priority`", ""]);
    refused(token, "[[rule.context]]\npattern = 'a'\nwithin = 5000", ["5000", "out of range", "4096"]);
    refused(
        token,
        "[[rule.context]]\npattern = 'a'\nwithin = 50\nside = 'befor'",
        ["'befor'", "`side` cannot be `befor`", "`before`"],
    );
    refused(
        token,
        "[[rule.context]]\npattern = 'a'\n",
        ["[[rule.context]]", "`context` lacks the key `within`", ""],
    );
    refused(
        token,
        "[[rule.context]]\npattern = 'a'\nwithin = 1\nwitin = 2",
        ["witin", "unknown key `witin` in `context`", "`within`"],
    );
    refused(token, "[[rule.nearby]]\npattern = 'a*'\nwithin = 1", ["'a*'", "empty text", ""]);
    refused(token, "[[rule.nearby]]\npattern = 'abc'\nwithin = 1", ["'abc'", "named group", "(?P<secret>"]);
    refused(token, "ignore = { patterns = ['a('] }", ["(", "unclosed group", ""]);
    refused(token, "ignore = { sha256 = ['abc'] }", ["'abc'", "not a digest", "sha256sum"]);
    refused(token, "target = { kind = 'x', id = '{a}{b' }", ["'{a}{b'", "bad template", ""]);
    refused(token, "[[rule.example]]\ntext = 5", ["5", "bad value for `text`", ""]);
    refused(
        token,
        "[rule.examples]\ntext = 5",
        ["examples", "unknown key `examples`", "did you mean `example`?"],
    );
}

#[test]
fn checks_by_name() {
    let token = "acme_[a-z0-9]{20}";
    refused(
        token,
        "checks = [{ check = 'entropi', min = 1 }]",
        ["'entropi'", "no check `entropi`", "`entropy`"],
    );
    refused(
        token,
        "checks = [{ check = 'entropy', mim = 1 }]",
        ["{ check = 'entropy', mim = 1 }", "unknown key `mim`", "`min`"],
    );
    refused(token, "checks = [{ check = 'entropy' }]", ["{ check = 'entropy' }", "lacks the key `min`", ""]);
    refused(
        token,
        "checks = [{ check = 'entropy', min = 'x' }]",
        ["{ check = 'entropy', min = 'x' }", "bad value", ""],
    );
    refused(token, "checks = ['entropy']", ["'entropy'", "bad value for `checks`", ""]);
}

#[test]
fn bad_patterns_are_underlined_within_the_literal() {
    refused("acme_[a-z", "", ["[", "unclosed character class", ""]);
    refused("acme_(?=x)", "", ["(?=", "look-around", "not_before"]);
    refused("acme_{5,2}", "", ["{5,2}", "repetition", "least count"]);
    refused("(acme)_\\1", "", ["\\1", "backreference", ""]);
    refused("acme_\\p{L}", "", ["\\p{L}", "Unicode", "(?u)"]);
    refused("acme_[a&&b]", "", ["'''acme_[a&&b]'''", "never match", ""]);
    refused("(acme_)?", "", ["'''(acme_)?'''", "empty text", ""]);
    refused("[0-9a-f]{32}", "", ["'''[0-9a-f]{32}'''", "no literal", "at least 3 fixed bytes"]);
    refused(
        "[a-z]+\\.acme\\.example",
        "max_length = 99",
        ["'''[a-z]+\\.acme\\.example'''", "too far", "bound the repetitions"],
    );
    refused(
        "(?:acme_abcdefghijklmnopqrstuvwxyz){1,2200}",
        "",
        ["'''(?:acme_abcdefghijklmnopqrstuvwxyz){1,2200}'''", "more than 65536 bytes", "max_length"],
    );
}

/// The flags of one expression say nothing of the next.
#[test]
fn flags_end_with_their_expression() {
    let folded = "[[rule.context]]\npattern = '(?ix)a b c'\nwithin = 9\n";
    let pack = good(&pack(&[rule("acme", "acme_[a-z]{4}", folded), rule("zeta", "zeta [a-z]{4}", "")]));
    let literal = &pack.rules[1].literals[0];
    assert_eq!((&*literal.bytes, literal.fold), (&b"zeta "[..], false));
}

#[test]
fn declared_literals_must_hold() {
    let two = "(?:acme|zzzz)_[a-z]{4}";
    refused(two, "literals = ['acme_']", ["['acme_']", "also matches \"zzzz_", "leave `literals` out"]);
    refused(two, "literals = ['ac']", ["'ac'", "2 bytes", "at least 3 bytes"]);
    refused(two, "literals = []", ["[]", "0 literals", ""]);
    refused(two, "literals = [{ txet = 'acme_' }]", ["txet", "unknown key `txet`", "`text`"]);
    refused("[a-z]{1,300}acme_", "literals = ['acme_']", ["['acme_']", "not bounded", "{1,64}"]);
    let begin = "-----BEGIN OPENSSH ACME TOKEN-----";
    let long = good(&pack(&[rule("acme", begin, &format!("literals = ['{begin}']"))]));
    assert_eq!(&*long.rules[0].literals[0].bytes, &begin.as_bytes()[..32]);
    let pack = good(&pack(&[rule("acme", two, "literals = ['acme', 'zzz_']")]));
    assert_eq!(pack.rules[0].literals.len(), 2);
}

#[test]
fn all_errors_are_reported_in_order() {
    let text = HEAD.to_owned()
        + "nmae = 1\n"
        + &rule("Bad_Id", "acme_(", "patern = 1\nmax_length = 'x'")
        + "\n[[rule]]\nid = 'half'\n"
        + &rule("good", "acme_[a-z]{9}", "")
        + &rule("good", "acme_[a-z]{9}", "");
    let errors = wrong(&text);
    let messages: Vec<&str> = errors.iter().map(|error| error.message.as_str()).collect();
    assert_eq!(
        messages,
        [
            "unknown key `nmae` in `pack`",
            "bad id",
            "unclosed group",
            "unknown key `patern` in `rule`",
            "bad value for `max_length`: invalid type: string \"x\", expected u32",
            "the rule lacks `name`, `type`, `provider`, `category`, `severity`, `confidence`, `description`, `remediation`, `pattern`",
            "a second rule with the id `good`",
        ]
    );
    assert!(errors[6].help.as_ref().unwrap().contains("acme.toml:"));
}

#[test]
fn a_rule_is_shown_with_its_line() {
    let text = pack(&[rule("acme", "acme_[a-z]{9}", "patern = 'x'")]);
    let shown = wrong(&text)[0].render(false);
    assert_eq!(
        shown,
        "error: unknown key `patern` in `rule`\n  --> acme.toml:16:1\n   |\n16 | patern = 'x'\n   | ^^^^^^\n   |\n   = help: did you mean `pattern`?"
    );
}

#[test]
fn headers() {
    let one = rule("acme", "acme_[a-z]{9}", "");
    assert_eq!(wrong(&one)[0].message, "the pack has no header");
    assert_eq!(wrong("")[0].message, "the pack has no header");
    assert_eq!(wrong("[pack]\nversion = 'x'\n")[0].message, "`pack` lacks the key `name`");
    assert_eq!(wrong(&format!("{HEAD}[rules]\n"))[0].message, "unknown key `rules` in a pack");
    assert!(wrong(&format!("{HEAD}[rules]\n"))[0].help.as_ref().unwrap().contains("did you mean `rule`?"));
    assert!(wrong(&format!("{HEAD}[rule]\n"))[0].help.as_ref().unwrap().contains("[[rule]]"));
    assert!(wrong("x = \n")[0].message.starts_with("not TOML"));
    assert_eq!(good(HEAD).rules.len(), 0);
}

#[test]
fn a_pack_cut_into_parts_means_what_the_whole_means() {
    let filler = "#".repeat(CHUNK);
    // Parts by the thousand, with spans from the start of the file.
    let text = pack(
        &(0..300).map(|n| rule(&format!("acme-{n}"), "acme_[a-z]{9}", &filler[..500])).collect::<Vec<_>>(),
    );
    let read = good(&text);
    assert_eq!(read.rules.len(), 300);
    for (n, rule) in read.rules.iter().enumerate() {
        assert_eq!(rule.id, format!("acme-{n}"));
        assert_eq!(&text[rule.source.pattern.clone()], "'''acme_[a-z]{9}'''");
    }
    // A line that looks like a rule within a string.
    let example = format!("# {filler}\n[[rule.example]]\ntext = '''\n[[rule]]\n{filler}\n[[rule]]\nx'''\n");
    let text = pack(&[rule("acme-1", "acme_[a-z]{9}", &example), rule("acme-2", "acme_[a-z]{9}", "")]);
    let read = good(&text);
    assert_eq!((read.rules.len(), read.rules[0].examples.len()), (2, 1));
    // A second header in another part.
    let text = format!(
        "{HEAD}{}# {filler}\n{}\n{HEAD}",
        rule("a", "acme_[a-z]{9}", ""),
        rule("b", "acme_[a-z]{9}", "")
    );
    assert!(!wrong(&text).is_empty());
}

/// Hostile input 48: each is refused with advice, in bounded time and memory.
#[test]
fn hostile_48_packs_that_want_too_much() {
    let token = "acme_[a-z0-9]{20}";
    refused(
        "acme_((a{1000}){1000}){1000}",
        "",
        ["'''acme_((a{1000}){1000}){1000}'''", "too large", "smaller counts"],
    );
    refused("acme_(?:a{50000}|[b-z]{50001})", "", ["'''acme_(?:a{50000}|[b-z]{50001})'''", "too large", ""]);
    let nested = format!("acme_{}{}", "(".repeat(5000), ")".repeat(5000));
    refused(&nested, "", [&nested[105..nested.len() - 100], "nest", ""]);
    // Repetitions that make a backtracking engine catastrophic are harmless here.
    good(&pack(&[rule("acme", "acme_(?:(?:a+)+)+b", "max_length = 100")]));

    let escape = pack(&[rule("acme", token, "")]).replace("Acme token", "\\u001b[31mAcme");
    let errors = wrong(&escape);
    assert!(errors[0].message.contains("control character"), "{errors:?}");
    let head = pack(&[rule("acme", token, "")]).replacen("name = \"", "name = \"\\u001b[31m", 1);
    assert!(wrong(&head)[0].message.contains("control character"));
    let raw = pack(&[rule("acme", token, "")]).replace("Acme token", "\u{1b}[31mAcme");
    let shown = crate::rules::render_all(&wrong(&raw), false);
    assert!(!shown.contains('\u{1b}') && shown.contains('\u{241b}'), "{shown}");

    let many = HEAD.to_owned() + &"[[rule]]\n".repeat(1_000_000);
    assert!(wrong(&many)[0].message.contains("more than 30000 rules"));
    let inline = HEAD.to_owned() + "\n[x]\nrule = [" + &"{},".repeat(1_000_000) + "]";
    assert!(wrong(&inline)[0].message.contains("more than 1048576 bytes"));
    let wrong_ones = HEAD.to_owned() + &"[[rule]]\nx = 1\n".repeat(5_000);
    assert!(wrong(&wrong_ones).len() <= 200);
    assert!(wrong(&"[".repeat(MAX_PART)).len() <= 200);
    assert!(wrong(&format!("x = {}", "[".repeat(MAX_PART - 10))).len() <= 200);
    assert!(wrong(&" ".repeat(MAX_FILE + 1))[0].message.contains("at most"));
}
