//! Rules that were converted from another scanner's, held to what every rule is
//! held to: a rule that packs refuse is marked so with the reason, and examples that
//! do not hold are left out and told.

use rayon::prelude::*;

use super::examples;
use crate::rules::import::{Import, Imported};
use crate::rules::{Level, Rule, RuleSet, parse};
use crate::threads::Pool;

/// The most rounds of leaving out examples: in one all that fail go.
const ROUNDS: usize = 3;

/// Judges every rule.
pub fn settle(imports: &mut [Import]) {
    let mut rules: Vec<&mut Imported> = imports.iter_mut().flat_map(|import| &mut import.rules).collect();
    let mut work = || rules.par_iter_mut().for_each(|rule| judge(rule));
    match Pool::of_cores() {
        Ok(pool) => pool.install(work),
        Err(_) => work(),
    }
}

fn judge(imported: &mut Imported) {
    if imported.refused.is_some() {
        return;
    }
    let mut rule = match read(imported) {
        Ok(rule) => rule,
        Err(why) if imported.declare_literals() => match read(imported) {
            Ok(rule) => rule,
            Err(_) => return imported.refused = Some(why),
        },
        Err(why) => return imported.refused = Some(why),
    };
    for _ in 0..ROUNDS {
        if !drop_failing(imported, &rule) {
            return;
        }
        match read(imported) {
            Ok(again) => rule = again,
            Err(why) => return imported.refused = Some(why),
        }
    }
}

/// The rule of a draft, or why there is none.
fn read(imported: &Imported) -> Result<Rule, String> {
    match parse("imported", &imported.pack()) {
        Ok(pack) => pack.rules.into_iter().next().ok_or_else(|| "it is empty".to_owned()),
        Err(faults) => {
            let first = faults.iter().find(|fault| fault.level == Level::Error).map(|fault| {
                let help = fault.help.as_deref().map(|help| format!("; {help}")).unwrap_or_default();
                format!("{}{help}", fault.message)
            });
            Err(first.unwrap_or_default())
        }
    }
}

/// Leaves out the examples that fail. Returns whether there were any.
fn drop_failing(imported: &mut Imported, rule: &Rule) -> bool {
    let alone = RuleSet::new(vec![rule.clone()], String::new());
    let faults = examples::check(&alone);
    // From the last, so that the numbers before stay what they are.
    for (number, example) in rule.examples.iter().enumerate().rev() {
        if let Some(fault) = faults.iter().find(|fault| fault.span == example.span) {
            imported.drop_example(number, &fault.label);
        }
    }
    for (number, example) in rule.counter_examples.iter().enumerate().rev() {
        if let Some(fault) = faults.iter().find(|fault| fault.span == example.span) {
            imported.drop_counter_example(number, &fault.label);
        }
    }
    if faults.iter().any(|fault| fault.span == rule.source.pattern) {
        imported.refused = Some("its expression cannot be built: it is too large".to_owned());
        return false;
    }
    !faults.is_empty()
}
