//! Loading from files and folders, the documentation, and the schema.

use super::*;

fn from(paths: Vec<PathBuf>) -> LoadOptions {
    LoadOptions { builtin: false, paths, ..LoadOptions::default() }
}

fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/rules")
}

fn ids(set: &RuleSet) -> Vec<&str> {
    set.rules().iter().map(|rule| rule.id.as_str()).collect()
}

#[test]
fn the_packs_that_are_built_in_are_good() {
    match RuleSet::builtin() {
        Ok(_) => {}
        Err(LoadError::Packs(wrong)) => panic!("{}", super::super::render_all(&wrong, false)),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn a_folder_and_a_file() {
    let folder = RuleSet::load(&from(vec![testdata()])).unwrap();
    let file = RuleSet::load(&from(vec![testdata().join("acme.toml")])).unwrap();
    assert_eq!(ids(&folder), ["acme-key-pair", "acme-token"]);
    assert_eq!(ids(&folder), ids(&file));
    assert_eq!(folder.digest(), file.digest());
    assert_eq!(folder.digest().len(), 64);
}

#[test]
fn only_packs_of_the_folder_itself_are_read_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(testdata().join("acme.toml")).unwrap();
    let write = |name: &str, ids: &str| {
        let text =
            text.replace("acme-key-pair", &format!("{ids}-1")).replace("acme-token", &format!("{ids}-2"));
        fs::write(folder.path().join(name), text).unwrap();
    };
    write("b.toml", "second");
    write("a.toml", "first");
    fs::write(folder.path().join("notes.txt"), "not a pack").unwrap();
    fs::create_dir(folder.path().join("c.toml")).unwrap();
    std::os::unix::fs::symlink(testdata().join("acme.toml"), folder.path().join("d.toml")).unwrap();
    let set = RuleSet::load(&from(vec![folder.path().to_owned()])).unwrap();
    assert_eq!(ids(&set), ["first-1", "first-2", "second-1", "second-2"]);
}

#[test]
fn rules_are_chosen_by_id() {
    let choose = |enable: &[&str], disable: &[&str]| {
        let owned = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect();
        RuleSet::load(&LoadOptions {
            enable: owned(enable),
            disable: owned(disable),
            ..from(vec![testdata()])
        })
    };
    assert_eq!(ids(&choose(&["acme-token"], &[]).unwrap()), ["acme-token"]);
    assert_eq!(ids(&choose(&[], &["acme-token"]).unwrap()), ["acme-key-pair"]);
    let all = choose(&[], &[]).unwrap();
    assert_ne!(choose(&[], &["acme-token"]).unwrap().digest(), all.digest());
    let error = choose(&["acme-tokne"], &[]).unwrap_err().to_string();
    assert_eq!(error, "no rule has the id \"acme-tokne\"; did you mean \"acme-token\"?");
}

#[test]
fn an_id_is_unique_over_all_packs() {
    let file = testdata().join("acme.toml");
    let Err(LoadError::Packs(wrong)) = RuleSet::load(&from(vec![file.clone(), file])) else {
        panic!("accepted")
    };
    assert_eq!(wrong.len(), 2);
    assert!(wrong[0].message.contains("`acme-key-pair`"));
    assert!(wrong[0].help.as_ref().unwrap().contains("acme.toml:8"));
}

#[test]
fn what_cannot_be_read() {
    let missing = RuleSet::load(&from(vec![testdata().join("none.toml")]));
    assert!(matches!(missing, Err(LoadError::Read { .. })));
    let empty = tempfile::tempdir().unwrap();
    assert!(matches!(RuleSet::load(&from(vec![empty.path().to_owned()])), Err(LoadError::Empty { .. })));
    let file = empty.path().join("bad.toml");
    fs::write(&file, b"[pack]\nname = \"\xff\"\n").unwrap();
    let Err(LoadError::Packs(wrong)) = RuleSet::load(&from(vec![file])) else { panic!("accepted") };
    assert_eq!((wrong[0].message.as_str(), wrong[0].line_column()), ("not UTF-8", (2, 9)));
}

#[test]
fn the_pack_in_the_documentation_is_good() {
    let guide = include_str!("../../../docs/rules.md");
    let (_, rest) = guide.split_once("```toml\n").unwrap();
    let (text, _) = rest.split_once("```").unwrap();
    let pack = super::super::parse("docs/rules.md", text)
        .unwrap_or_else(|wrong| panic!("{}", super::super::render_all(&wrong, false)));
    let rule = &pack.rules[0];
    let literals: Vec<&[u8]> = rule.literals.iter().map(|literal| &*literal.bytes).collect();
    assert_eq!(literals, [b"acme_"]);
    assert!(pack.notes.is_empty());
    // Its example holds what it says, by the expressions alone.
    let find = |pattern: &str, text: &str| {
        let regex = regex::bytes::RegexBuilder::new(pattern).unicode(false).build().unwrap();
        regex.captures(text.as_bytes()).map(|groups| {
            let group =
                |name| groups.name(name).map(|found| String::from_utf8_lossy(found.as_bytes()).into_owned());
            (group("account"), group("secret"))
        })
    };
    let example = &rule.examples[0];
    let (account, _) = find(&rule.pattern, &example.text).unwrap();
    let (_, secret) = find(&rule.nearby[0].pattern, &example.text).unwrap();
    assert_eq!(account.as_ref(), example.attributes.get("account"));
    assert_eq!(secret, example.secret);
    assert!(find(&rule.nearby[0].pattern, &rule.counter_examples[0].text).is_none());
}

/// `BLESS=1` writes the schema anew.
#[cfg(feature = "schema")]
#[test]
fn the_schema_is_the_one_that_is_checked_in() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/rule-pack.schema.json");
    let made = pack::json_schema();
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, &made).unwrap();
    }
    let known = fs::read_to_string(&path).unwrap_or_default();
    assert!(made == known, "docs/rule-pack.schema.json is out of date: run this test with BLESS=1");
}
