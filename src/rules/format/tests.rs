use super::*;

fn formatted(text: &str) -> String {
    let once = format("p.toml", text).unwrap_or_else(|error| panic!("{}", error.render(false)));
    let twice = format("p.toml", &once).unwrap_or_else(|error| panic!("{}", error.render(false)));
    assert_eq!(once, twice, "not the same when formatted again");
    once
}

#[test]
fn keys_and_tables_have_an_order() {
    let text = "[[rule]]\npattern = 'x'\nid = 'a'\n[[rule.example]]\ntext = ''\n[rule.target]\nid='t'\nkind='k'\n\
                [[rule.context]]\nwithin=3\npattern='c'\n[pack]\nname='p'\n";
    let expected = "[pack]\nname = \"p\"\n\n[[rule]]\nid = \"a\"\npattern = '''x'''\n\n[[rule.context]]\n\
                    pattern = '''c'''\nwithin = 3\n\n[rule.target]\nkind = \"k\"\nid = \"t\"\n\n[[rule.example]]\ntext = \"\"\n";
    assert_eq!(formatted(text), expected);
}

#[test]
fn comments_stay_where_they_are() {
    let text = "# The file.\n\n\n[pack] # head\n# of the name\nname = \"p\"  #   name\n\n\n# own\n\n# two\nversion = \"1\"\n\n\n\
                # a rule\n[[rule]]\nid = \"a\"\nchecks = [ # first\n  { check = \"entropy\", min = 3.50 }, # why\n\
                \n  # before\n  { check = \"not-placeholder\" } # last\n  # end\n]\n\n# the end\n";
    let expected = "# The file.\n\n[pack] # head\n# of the name\nname = \"p\" #   name\n\n# own\n\n# two\nversion = \"1\"\n\n\
                    # a rule\n[[rule]]\nid = \"a\"\nchecks = [ # first\n  { check = \"entropy\", min = 3.50 }, # why\n\
                    \x20 # before\n  { check = \"not-placeholder\" }, # last\n  # end\n]\n\n# the end\n";
    assert_eq!(formatted(text), expected);
}

#[test]
fn strings_have_the_form_that_is_read_most_easily() {
    let text = r##"[[rule]]
a = 'plain'
b = "say \"so\""
c = "it's \"so\"\n"
d = """
two
lines"""
e = "\u202E"
description = "short"
remediation = "two\nlines"
pattern = "\\d{3}'"
"##;
    let expected = r##"[[rule]]
description = "short"
remediation = '''
two
lines'''
pattern = "\\d{3}'"
a = "plain"
b = 'say "so"'
c = "it's \"so\"\n"
d = '''
two
lines'''
e = "\u202E"
"##;
    assert_eq!(formatted(text), expected);
}

#[test]
fn long_arrays_are_broken() {
    let word = "x".repeat(40);
    let text = format!("a = ['{word}', '{word}']\nb = ['{word}', '{word}', '{word}']\nc = []\nd = [1,2,]\n");
    let expected = format!(
        "a = [\"{word}\", \"{word}\"]\nb = [\n  \"{word}\",\n  \"{word}\",\n  \"{word}\",\n]\nc = []\nd = [1, 2]\n"
    );
    assert_eq!(formatted(&text), expected);
}

#[test]
fn a_comment_that_cannot_be_kept_is_told() {
    let error = format("p.toml", "a = { b = 1, # why\n c = 2 }\n").expect_err("it would be lost");
    assert!(error.message.contains("# why"), "{error}");
}

#[test]
fn what_is_no_toml_is_told() {
    for bad in ["a = ", "[[rule]\n", "a = 1\na = 2\n", "a = \"\\q\"", "\u{0}"] {
        assert!(format("p.toml", bad).expect_err("no TOML").message.starts_with("not TOML"), "{bad:?}");
    }
    let deep = format!("a = {}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(format("p.toml", &deep).is_err());
    // As deep as the parser allows, and too long for a line.
    let deep = format!("a = {}'{}'{}", "[".repeat(60), "x".repeat(200), "]".repeat(60));
    assert!(formatted(&deep).lines().count() > 100);
    let deep = format!("{} = 1", vec!["a"; 100_000].join("."));
    let _ = format("p.toml", &deep);
    let deep = format!("[{}]\nb = 1", vec!["a"; 100_000].join("."));
    let _ = format("p.toml", &deep);
}

#[test]
fn odd_texts_survive() {
    for text in [
        "",
        "\n\n",
        "# only a comment",
        "a.b.c = 1\na.d = 2\n",
        "\"a b\" = 1\n'' = 2\n",
        "a = 'x' # '\"#'\n",
        "a = '''it's'''\n",
        "a = \"\"\"a\"\"\"\"\" # two quotes\n",
        "a = '''x''''\n",
        "a = 1979-05-27T07:32:00Z\nb = 0x1F\nc = 1_000\nd = inf\n",
        "a = [[1, 2], ['x', { y = 1 }]]\r\nb = 2\r\n",
        "[a.b.c]\nx = 1\n[a]\ny = 2\n",
        "description = \"tab\\tand \\\"\\\"\\\" quotes\\nand 'more'''\"\n",
        "pattern = \"a\\r\\nb'''c\"\n",
    ] {
        let result = formatted(text);
        assert!(result.is_empty() || result.ends_with('\n'), "{text:?} → {result:?}");
    }
}

#[test]
fn built_in_packs_stay_what_they_are() {
    for (name, text) in crate::rules::builtin::PACKS {
        let result = formatted(text);
        assert!(crate::rules::parse(name, &result).is_ok(), "{name}");
    }
}
