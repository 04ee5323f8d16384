//! The map for Graphviz: machine → key → machine.

use std::collections::BTreeSet;
use std::io::{self, Write};

use super::KeysMap;
use super::text::verdict;
use crate::output::escape::visible;

/// Writes the map as a Graphviz graph of machines and keys.
///
/// # Errors
///
/// `out` cannot be written.
pub fn write(map: &KeysMap, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "digraph keys {{\n  rankdir=LR;")?;
    let mut machines = BTreeSet::new();
    for key in &map.keys {
        let id = quoted(&key.fingerprint);
        writeln!(out, "  {id} [shape=ellipse];")?;
        for place in &key.places {
            machines.insert((&place.machine, &place.hostname));
            writeln!(out, "  {} -> {id} [label={}];", quoted(&place.machine), quoted(&place.path))?;
        }
        for account in &key.accounts {
            machines.insert((&account.machine, &account.hostname));
            let style = match account.state() {
                "accepted" | "restricted" | "forwarding_only" => "solid",
                "refused" => "dotted",
                _ => "dashed",
            };
            let label = quoted(&format!("{}: {}", account.account, verdict(account)));
            writeln!(out, "  {id} -> {} [label={label}, style={style}];", quoted(&account.machine))?;
        }
    }
    for (machine, hostname) in machines {
        writeln!(out, "  {} [shape=box, label={}];", quoted(machine), quoted(hostname))?;
    }
    writeln!(out, "}}")
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", visible(text).replace('\\', "\\\\").replace('"', "\\\""))
}
