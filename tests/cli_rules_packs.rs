//! `snapsift rules check`, `mutate`, `fmt`, `new` and `import` on packs from disk.
#![allow(clippy::expect_used, clippy::panic, reason = "a test stops where it cannot go on")]

mod support;

use std::io::Write as _;
use std::path::Path;
use std::process::{Output, Stdio};

use serde_json::Value;
use support::program::{MEMORY, code, limited, snapsift, stderr, stdout, write};

/// A rule that every check of packs is content with.
fn rule(id: &str, prefix: &str) -> String {
    format!(
        "[[rule]]\nid = \"{id}\"\nname = \"Acme key\"\ntype = \"{id}\"\nprovider = \"Acme\"\ncategory = \"cloud\"\n\
         severity = \"high\"\nconfidence = \"high\"\ndescription = \"Opens Acme.\"\nremediation = \"Revoke it.\"\n\
         pattern = '''{prefix}_[0-9]{{6}}'''\nnot_after = \"0-9\"\n\
         \n[[rule.example]]\ntext = \"{prefix}_123456\"\nsecret = \"{prefix}_123456\"\n\
         \n[[rule.counter_example]]\ntext = \"{prefix}_12345\"\n\
         \n[[rule.counter_example]]\ntext = \"{prefix}_1234567\"\n\
         \n[[rule.counter_example]]\ntext = \"{prefix}_abcdef\"\n"
    )
}

fn pack(rules: &[String]) -> String {
    format!("[pack]\nname = \"acme\"\n\n{}", rules.join("\n"))
}

fn run(arguments: &[&str], folder: &Path) -> Output {
    snapsift().arg("rules").args(arguments).current_dir(folder).output().expect("the program runs")
}

fn json_lines(output: &Output) -> Vec<Value> {
    stdout(output).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn folder_with(file: &str, text: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), file, text.as_bytes());
    folder
}

#[test]
fn a_good_pack_passes_everything() {
    let folder = folder_with("a.toml", &pack(&[rule("acme-key", "zqa"), rule("acme-other", "zqb")]));
    let check = run(&["check", "--strict", "a.toml"], folder.path());
    assert_eq!(code(&check), 0, "{}", stderr(&check));
    assert_eq!(stdout(&check), "2 rules checked, no fault\n");
    let mutate = run(&["mutate", "--min-score", "100", "a.toml"], folder.path());
    assert_eq!(code(&mutate), 0, "{}{}", stdout(&mutate), stderr(&mutate));
    assert!(stdout(&mutate).ends_with("12 of 12 parts defended: 100.0 %\n"), "{}", stdout(&mutate));
    let format = run(&["fmt", "--check", "a.toml"], folder.path());
    assert_eq!(code(&format), 0, "{}", stdout(&format));
}

#[test]
fn warnings_are_told_and_fail_only_where_asked() {
    let untested = rule("acme-key", "zqa").split("\n[[rule.example]]").next().expect("a part").to_owned();
    let twin = rule("acme-twin", "zqa");
    let folder = folder_with("a.toml", &pack(&[untested, twin]));
    let check = run(&["check", "a.toml"], folder.path());
    assert_eq!(code(&check), 0);
    assert_eq!(stdout(&check), "2 rules checked, no fault, 3 warnings\n");
    let told = stderr(&check);
    for part in ["warning[no-example]", "warning[no-counter-example]", "warning[unreachable]", "a.toml:"] {
        assert!(told.contains(part), "{part} in {told}");
    }
    // The names of both.
    assert!(told.contains("`acme-twin` never reports anything: `acme-key`"), "{told}");
    assert_eq!(code(&run(&["check", "--strict", "a.toml"], folder.path())), 1);
    // The rule without an example cannot be mutated.
    let mutate = run(&["mutate", "--min-score", "0", "a.toml"], folder.path());
    assert_eq!(code(&mutate), 1);
    assert!(stderr(&mutate).contains("acme-key was left out"), "{}", stderr(&mutate));
    let lines = json_lines(&run(&["check", "--format", "json", "a.toml"], folder.path()));
    assert_eq!(lines.len(), 3);
    for line in &lines {
        assert_eq!(line["level"], "warning");
        assert_eq!(line["file"], "a.toml");
        assert!(line["code"].is_string() && line["line"].is_u64() && line["column"].is_u64(), "{line}");
    }
}

#[test]
fn an_example_that_another_pack_reports() {
    let folder = folder_with("packs/a.toml", &pack(&[rule("acme-key", "zqa")]));
    let wide = rule("wide", "zq[a-c]")
        .replace("text = \"zq[a-c]_", "text = \"zqb_")
        .replace("secret = \"zq[a-c]_", "secret = \"zqb_")
        .replace("pattern =", "priority = 60\npattern =");
    write(folder.path(), "packs/b.toml", pack(&[wide]).replace("acme\"", "b\"").as_bytes());
    let lines = json_lines(&run(&["check", "--format", "json", "packs"], folder.path()));
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!(lines[0]["code"], "unreachable");
    let message = lines[0]["message"].as_str().expect("a text");
    assert!(message.contains("`acme-key`") && message.contains("`wide`"), "{message}");
}

#[test]
fn what_no_example_defends_is_listed() {
    let weak = rule("acme-key", "zqa").replace("\n[[rule.counter_example]]\ntext = \"zqa_1234567\"\n", "");
    let folder = folder_with("a.toml", &pack(&[weak, rule("acme-other", "zqb")]));
    let mutate = run(&["mutate", "--format", "json", "a.toml"], folder.path());
    assert_eq!(code(&mutate), 0, "{}", stderr(&mutate));
    let lines = json_lines(&mutate);
    let (summary, survivors) = lines.split_last().expect("a summary");
    // Without the long counter example both the boundary and the upper bound of the
    // count can go.
    let kinds: Vec<&str> = survivors.iter().filter_map(|line| line["kind"].as_str()).collect();
    assert_eq!(kinds, ["count", "boundary"], "{survivors:?}");
    assert!(survivors.iter().all(|line| line["rule"] == "acme-key" && line["line"].is_u64()));
    assert_eq!((&summary["killed"], &summary["survived"]), (&Value::from(10), &Value::from(2)));
    assert_eq!(code(&run(&["mutate", "--min-score", "90", "a.toml"], folder.path())), 1);
    let one = run(&["mutate", "--rule", "acme-other", "a.toml"], folder.path());
    assert!(stdout(&one).ends_with("6 of 6 parts defended: 100.0 %\n"), "{}", stdout(&one));
    assert_eq!(code(&run(&["mutate", "--rule", "nothing", "a.toml"], folder.path())), 2);
    assert_eq!(code(&run(&["mutate", "/nowhere.toml"], folder.path())), 2);
}

#[test]
fn the_built_in_rules_are_mutated_in_time() {
    let mutate = run(&["mutate", "--format", "json"], Path::new("."));
    assert_eq!(code(&mutate), 0, "{}", stderr(&mutate));
    let lines = json_lines(&mutate);
    let summary = lines.last().expect("a summary");
    assert_eq!(summary["skipped"], Value::Array(Vec::new()));
    assert!(summary["killed"].as_u64().is_some_and(|killed| killed > 0));
}

#[test]
fn formatting_in_place_and_the_check_of_it() {
    let ugly = "# ours\n[pack]\nname='acme'\n\n\n[[rule]]\npattern='zqa_[0-9]{6}' # why\nid = 'a'\n";
    let folder = folder_with("a.toml", ugly);
    let path = folder.path().join("a.toml");
    let check = run(&["fmt", "--check", "a.toml"], folder.path());
    assert_eq!(code(&check), 1);
    assert!(stdout(&check).contains("-name='acme'\n") && stdout(&check).contains("+name = \"acme\"\n"));
    assert_eq!(std::fs::read_to_string(&path).expect("a file"), ugly, "--check writes nothing");
    assert_eq!(code(&run(&["fmt", "a.toml"], folder.path())), 0);
    let pretty = std::fs::read_to_string(&path).expect("a file");
    let expected =
        "# ours\n[pack]\nname = \"acme\"\n\n[[rule]]\nid = \"a\"\npattern = '''zqa_[0-9]{6}''' # why\n";
    assert_eq!(pretty, expected);
    assert_eq!(code(&run(&["fmt", "--check", "a.toml"], folder.path())), 0);
    // What is formatted already is not written.
    let before = std::fs::metadata(&path).and_then(|data| data.modified()).expect("a time");
    assert_eq!(code(&run(&["fmt", "a.toml"], folder.path())), 0);
    assert_eq!(std::fs::metadata(&path).and_then(|data| data.modified()).expect("a time"), before);
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1, "no file is left over");
}

#[test]
fn formatting_keeps_permissions_and_reads_standard_input() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = folder_with("a.toml", "[pack]\nname='a'\n");
    let path = folder.path().join("a.toml");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).expect("a file");
    assert_eq!(code(&run(&["fmt", "a.toml"], folder.path())), 0);
    assert_eq!(std::fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o640);
    let mut child = snapsift()
        .args(["rules", "fmt", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program runs");
    child.stdin.take().expect("a pipe").write_all(b"[pack]\nname='a'\n").expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "[pack]\nname = \"a\"\n");
}

#[test]
fn what_cannot_be_formatted_is_exit_2_and_left_alone() {
    for bad in [&b"[[rule]\n"[..], b"\xff\xfe", b"a = { b = 1, # why\nc = 2 }\n", b"a = 1\na = 2\n"] {
        let folder = tempfile::tempdir().expect("a folder");
        write(folder.path(), "a.toml", bad);
        let output = run(&["fmt", "a.toml"], folder.path());
        assert_eq!(code(&output), 2);
        assert!(stderr(&output).contains("a.toml"), "{}", stderr(&output));
        assert_eq!(std::fs::read(folder.path().join("a.toml")).expect("a file"), bad);
    }
    assert_eq!(code(&run(&["fmt", "/nowhere.toml"], Path::new("."))), 2);
}

#[test]
fn a_new_pack_has_nothing_doubtful() {
    let folder = tempfile::tempdir().expect("a folder");
    assert_eq!(code(&run(&["new", "acme-api-key.toml"], folder.path())), 0);
    // Never over a file that is there.
    assert_eq!(code(&run(&["new", "acme-api-key.toml"], folder.path())), 2);
    for id in ["acme-api-key", "x", "the-key", "password-of-7"] {
        let output = run(&["new", id], folder.path());
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        write(folder.path(), "new.toml", stdout(&output).as_bytes());
        let check = run(&["check", "--strict", "new.toml"], folder.path());
        assert_eq!(code(&check), 0, "{id}: {}", stderr(&check));
        assert_eq!(code(&run(&["fmt", "--check", "new.toml"], folder.path())), 0);
    }
    let mutate = run(&["mutate", "--min-score", "90", "acme-api-key.toml"], folder.path());
    assert_eq!(code(&mutate), 0, "{}{}", stdout(&mutate), stderr(&mutate));
    for bad in ["Acme", "a b", "", "a--b", "-a", "A.toml", ".toml"] {
        assert_eq!(code(&run(&["new", "--", bad], folder.path())), 2, "{bad}");
    }
}

const GITLEAKS: &str = r##"
title = "rules of ours"
[[rules]]
id = "acme-key"
description = "An Acme key."
regex = '''\b(zqa_[a-z0-9]{20})(?:[\x60'"\s;]|$)'''
entropy = 3
keywords = ["zqa_"]
[[rules.allowlists]]
stopwords = ["sample"]
[[rules]]
id = "hex"
regex = '''[0-9a-f]{32}'''
path = '''\.env$'''
"##;

const KINGFISHER: &str = r#"
rules:
- name: Acme Key
  id: kingfisher.acme.1
  pattern: |
    (?x)
    \b (zqk_[a-z0-9]{20}) \b
  min_entropy: 3.0
  confidence: high
  examples:
  - key = zqk_abcdefghij0123456789
  - nothing at all
  validation: {type: Http}
"#;

const NOSEY_PARKER: &str = r"
rules:
- name: Acme Key
  id: np.acme.1
  pattern: '\b(zqn_[a-z0-9]{20})\b'
  categories: [api, secret]
  examples: ['zqn_abcdefghij0123456789']
  negative_examples: ['zqn_abcdefghij', 'zqn_abcdefghij0123456789']
";

#[test]
fn rules_of_other_scanners_become_a_pack_that_scans() {
    let folder = folder_with("g.toml", GITLEAKS);
    write(folder.path(), "k.yml", KINGFISHER.as_bytes());
    write(folder.path(), "n.yaml", NOSEY_PARKER.as_bytes());
    let arguments = ["import", "--format", "json", "-o", "pack.toml", "g.toml", "k.yml", "n.yaml"];
    let import = run(&arguments, folder.path());
    assert_eq!(code(&import), 0, "{}", stderr(&import));
    let lines = json_lines(&import);
    let files: Vec<(&str, u64)> = lines
        .iter()
        .filter(|line| line["type"] == "file")
        .map(|line| (line["origin"].as_str().expect("a name"), line["refused"].as_u64().expect("a number")))
        .collect();
    assert_eq!(files, [("Gitleaks", 1), ("Kingfisher", 0), ("Nosey Parker", 0)]);
    let of = |source: &str| lines.iter().find(|line| line["source"] == source).expect("a rule").clone();
    assert_eq!(
        (&of("acme-key")["dropped"], &of("acme-key")["refused"]),
        (&Value::Array(vec![]), &Value::Null)
    );
    assert!(of("hex")["refused"].as_str().is_some_and(|why| why.contains("no literal")));
    let dropped = |source: &str| of(source)["dropped"].to_string();
    assert!(dropped("kingfisher.acme.1").contains("validation"));
    assert!(dropped("kingfisher.acme.1").contains("an example: none of the rule's literals"));
    assert!(dropped("np.acme.1").contains("a counter example: the rule finds a secret here"));

    let check = run(&["check", "pack.toml"], folder.path());
    assert_eq!(code(&check), 0, "{}", stderr(&check));
    assert!(stdout(&check).starts_with("3 rules checked"));
    assert_eq!(code(&run(&["fmt", "--check", "pack.toml"], folder.path())), 0);
    let text = std::fs::read_to_string(folder.path().join("pack.toml")).expect("a pack");
    assert!(text.contains("# Not a rule: ") && text.contains("# pattern = '''[0-9a-f]{32}'''"), "{text}");

    // The pack finds what the rules were written for, and not what they leave out.
    let token = "zqa_q8zr3xv1nw6tb0ky4hs7";
    let sample = "zqa_sample3xv1nw6tb0ky4h";
    write(folder.path(), "root/a.env", format!("KEY='{token}'\nKEY='{sample}'\n").as_bytes());
    let scan = snapsift()
        .args(["scan", "--format", "jsonl", "--no-builtin", "--rules"])
        .arg(folder.path().join("pack.toml"))
        .arg(folder.path().join("root"))
        .output()
        .expect("the program runs");
    let findings: Vec<Value> =
        json_lines(&scan).into_iter().filter(|line| line["type"] == "finding").collect();
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!(findings[0]["rule"]["id"].as_str().or(findings[0]["rule_id"].as_str()), Some("acme-key"));
}

#[test]
fn the_report_is_for_a_person_too() {
    let folder = folder_with("g.toml", GITLEAKS);
    let import = run(&["import", "g.toml"], folder.path());
    assert_eq!(code(&import), 0);
    assert!(stdout(&import).contains("[[rule]]"));
    let report = stderr(&import);
    assert!(report.contains("hex: not a rule: "), "{report}");
    assert!(report.contains("g.toml: 1 of 2 rules of Gitleaks became rules"), "{report}");
    assert_eq!(code(&run(&["import", "--strict", "g.toml"], folder.path())), 1);
    assert_eq!(code(&run(&["import", "--format", "json", "g.toml"], folder.path())), 2);
    assert_eq!(code(&run(&["import", "--from", "kingfisher", "g.toml"], folder.path())), 2);
}

#[test]
fn hostile_files_are_refused_in_bounded_memory_and_time() {
    let mut laughs = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
    for level in 1..12 {
        let before = vec![format!("*a{}", level - 1); 10].join(", ");
        laughs.push_str(&format!("a{level}: &a{level} [{before}]\n"));
    }
    laughs.push_str("rules: *a11\n");
    let cases: [(&str, Vec<u8>); 8] = [
        ("laughs.yml", laughs.into_bytes()),
        ("cycle.yml", b"rules: &a [*a]\n".to_vec()),
        ("deep.yml", "[".repeat(1 << 20).into_bytes()),
        ("deep.toml", format!("rules = {}", "[".repeat(1 << 20)).into_bytes()),
        ("latin.yml", b"rules: [\xe9]\n".to_vec()),
        ("binary.toml", vec![0; 1 << 20]),
        ("empty.yml", Vec::new()),
        ("huge.yml", vec![b' '; (32 << 20) + 1]),
    ];
    for (name, bytes) in cases {
        let folder = tempfile::tempdir().expect("a folder");
        write(folder.path(), name, &bytes);
        let output = limited(MEMORY)
            .args(["rules", "import"])
            .arg(folder.path().join(name))
            .output()
            .expect("the program runs");
        assert_eq!(code(&output), 2, "{name}: {}", stderr(&output));
        assert!(stdout(&output).is_empty(), "{name}");
        let told = stderr(&output);
        assert!(told.contains(name) && told.len() < 4096, "{name}: {} bytes", told.len());
    }
}

#[test]
fn a_text_of_theirs_reaches_no_terminal() {
    let bad = "[[rules]]\nid = \"a\\u001b[31m\"\ndescription = \"\\u001b]0;x\\u0007\"\nregex = '''zqa_[0-9]{6}'''\n\"k\\u001b\" = 1\n";
    let folder = folder_with("g.toml", bad);
    let import = run(&["import", "g.toml"], folder.path());
    assert_eq!(code(&import), 0, "{}", stderr(&import));
    for text in [stdout(&import), stderr(&import)] {
        assert!(!text.contains(['\u{1b}', '\u{7}']), "{text:?}");
    }
}
