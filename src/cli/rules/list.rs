//! `snapsift rules list`: one line a rule.

use std::io::Write as _;

use snapsift::output::escape;
use snapsift::rules::RuleSet;

use crate::cli::exit::Exit;

pub(super) fn run(rules: &RuleSet) -> anyhow::Result<Exit> {
    let columns = rules.rules().iter().map(|rule| rule.id.len()).max().unwrap_or(0);
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for rule in rules.rules() {
        // Ids are lower case, digits and dashes: a column of theirs is a byte.
        let id = escape::visible(&rule.id);
        writeln!(out, "{id:columns$}  {:8}  {}", rule.severity, escape::visible(&rule.secret_type))?;
    }
    out.flush()?;
    Ok(Exit::Complete)
}
