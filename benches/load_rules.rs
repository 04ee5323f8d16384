//! How long it takes to load a pack of many rules: the part of start-up that
//! depends on them.
//!
//! `cargo bench --bench load_rules -- [RULES] [ROUNDS]`: writes a pack of so many
//! rules (5000) of the usual kinds to a temporary folder, loads it so many times
//! (21), and prints minimum and median. With `--write FILE` it writes the pack
//! there and does nothing else.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::fmt::Write;
use std::time::{Duration, Instant};

use snapsift::rules::{LoadOptions, RuleSet};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut numbers = std::env::args().skip(1).filter_map(|argument| argument.parse::<usize>().ok());
    let rules = numbers.next().unwrap_or(5000);
    let rounds = numbers.next().unwrap_or(21).max(1);
    let text = pack(rules)?;
    if let Some(file) = std::env::args().skip_while(|argument| argument != "--write").nth(1) {
        return Ok(std::fs::write(file, text)?);
    }
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("many.toml");
    std::fs::write(&file, &text)?;
    let options = LoadOptions { builtin: false, paths: vec![file], ..LoadOptions::default() };
    let mut times = Vec::new();
    for _ in 0..rounds {
        let start = Instant::now();
        let set = RuleSet::load(&options)?;
        times.push(start.elapsed());
        assert_eq!(set.rules().len(), rules);
    }
    let first = times.first().copied().unwrap_or_default();
    times.sort();
    let at = |index: usize| times.get(index).copied().unwrap_or_default();
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    println!(
        "{rules} rules, {} KiB: first {:.1} ms, minimum {:.1} ms, median {:.1} ms over {rounds} rounds, {} threads",
        text.len() / 1024,
        ms(first),
        ms(at(0)),
        ms(at(rounds / 2)),
        rayon::current_num_threads(),
    );
    Ok(())
}

/// Rules of five kinds, of the length that rules with all their texts have.
fn pack(rules: usize) -> Result<String, std::fmt::Error> {
    let patterns = [
        "(?P<secret>pfx{n}_[A-Za-z0-9]{36})",
        "(?i)vendor{n}[_-]?(?:api|access)[_-]?key\\s{0,8}[=:]\\s{0,8}[\"']?(?P<secret>[a-z0-9]{32})",
        "(?P<account>[a-z0-9]{3,24})\\.svc{n}\\.example\\.com/(?P<secret>[A-Za-z0-9+/]{40,86}={0,2})",
        "(?:AK{n}|AS{n})[A-Z2-7]{16}",
        "(?x) sk{n}- (?: live | test | proj ) - (?P<secret> [A-Za-z0-9_-]{20,128} )",
    ];
    let mut text = "[pack]\nname = \"many\"\nversion = \"1\"\n".to_owned();
    for (n, pattern) in (0..rules).zip(patterns.iter().cycle()) {
        let pattern = pattern.replace("{n}", &n.to_string());
        write!(
            text,
            r#"
[[rule]]
id = "vendor-{n}-token"
name = "Vendor {n} token"
type = "Vendor {n} API token"
provider = "Vendor {n}"
category = "developer-platform"
severity = "high"
confidence = "medium"
description = '''
A token of the API of vendor {n}. Whoever holds it acts as its owner: reads and
changes what the owner can, until the token is revoked or runs out.'''
remediation = '''
Revoke the token in the settings of the account under "API tokens", make a new one
with the least permissions that its user needs, and look through the audit log.'''
references = ["https://docs.example.com/vendor-{n}/tokens"]
pattern = '''{pattern}'''
not_before = "A-Za-z0-9_"
not_after = "A-Za-z0-9_"
public_prefix = 3
checks = [{{ check = "entropy", min = 3.0 }}]
"#
        )?;
        if n % 5 == 1 {
            write!(
                text,
                "[[rule.nearby]]\npattern = '''(?i)secret{n}\\w{{0,16}}\\s{{0,8}}[=:]\\s{{0,8}}(?P<secret>[A-Za-z0-9/+]{{40}})'''\nwithin = 512\n"
            )?;
        }
        if n % 5 == 3 {
            write!(
                text,
                "[[rule.context]]\npattern = '''(?i)client{n}.?secret'''\nwithin = 200\nlines = 3\n"
            )?;
        }
        text.push_str("[rule.ignore]\nvalues = [\"changeme\"]\npatterns = ['''^x{8}''']\n[[rule.example]]\ntext = [\"token = pf\", \"x_0123456789\"]\nsecret = [\"pf\", \"x_0123456789\"]\n[[rule.counter_example]]\ntext = \"nothing to see\"\n");
    }
    Ok(text)
}
