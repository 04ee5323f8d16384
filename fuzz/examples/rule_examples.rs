//! Writes the texts of the built-in rules' examples and counter-examples, one to a
//! file, as seeds: `rule_examples DIRECTORY`.

use std::path::PathBuf;

fn main() -> std::io::Result<()> {
    let folder = PathBuf::from(std::env::args_os().nth(1).expect("usage: rule_examples DIRECTORY"));
    let rules = snapsift::rules::RuleSet::builtin().expect("the built-in rules load");
    for rule in rules.rules() {
        let good = rule.examples.iter().map(|example| &example.text);
        let bad = rule.counter_examples.iter().map(|example| &example.text);
        for (number, text) in good.chain(bad).enumerate() {
            std::fs::write(folder.join(format!("{}-{number}", rule.id)), text)?;
        }
    }
    Ok(())
}
