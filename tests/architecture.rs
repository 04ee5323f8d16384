//! Imports point one way: the modules of `src/` stand in an order, and each may
//! use only those below it. Read from the sources themselves: every `use` and
//! every path, comments and strings aside.
#![allow(clippy::expect_used, clippy::panic, reason = "a test stops where it cannot go on")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use support::rust_paths::{Reference, references};

/// The modules from the top down: each may use those after it.
const ORDER: [&str; 14] = [
    "main", "cli", "pipeline", "triage", "fleet", "output", "enrich", "facts", "source", "scan", "rules",
    "formats", "finding", "threads",
];

/// Downward edges that are forbidden all the same, with the reason.
const FORBIDDEN: [(&str, &str, &str); 2] = [
    ("fleet", "scan", "the fleet knows scans through the wire schema only"),
    ("fleet", "pipeline", "the fleet knows scans through the wire schema only"),
];

/// A source file: its module path (`["scan", "verify"]`; the crate's root is
/// `["lib"]`, the program's `["main"]`) and its text.
type Source = (Vec<String>, String);

fn violations(sources: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    let mut siblings: BTreeMap<String, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
    for (module, text) in sources {
        let from = module.first().map_or("", String::as_str);
        let shown = module.join("::");
        if from == "lib" {
            // The root declares the modules; there is nothing below it to break.
            continue;
        }
        if rank(from).is_none() {
            found.push(format!("{shown}: the module {from} has no place in the order"));
            continue;
        }
        for Reference { path, line, test } in references(text, module) {
            let Some(to) = path.first() else { continue };
            if to == "*" {
                found.push(format!("{shown}:{line}: names the whole crate, so its edges cannot be seen"));
            } else if let Some(problem) = edge(from, to) {
                found.push(format!("{shown}:{line}: uses {}: {problem}", path.join("::")));
            } else if to == from && !test {
                // Tests of one module may look at what another makes of it.
                let edges = siblings.entry(from.to_owned()).or_default();
                if let (Some(one), Some(other)) = (module.get(1), path.get(1))
                    && one != other
                {
                    edges.entry(one.clone()).or_default().insert(other.clone());
                }
            }
        }
        if from != "cli" && from != "main" && references_crate(text, "anyhow") {
            found.push(format!("{shown}: uses anyhow, which is for the command line only"));
        }
    }
    let known: BTreeSet<(String, String)> =
        sources.iter().filter_map(|(m, _)| Some((m.first()?.clone(), m.get(1)?.clone()))).collect();
    for (parent, edges) in &siblings {
        // Only what is a module: `crate::scan::Engine` is an item of the parent.
        let edges = edges
            .iter()
            .map(|(from, to)| {
                let to = to.iter().filter(|to| known.contains(&(parent.clone(), (*to).clone()))).cloned();
                (from.clone(), to.collect())
            })
            .collect();
        if let Some(cycle) = cycle(&edges) {
            found.push(format!("{parent}: a cycle among its modules: {}", cycle.join(" → ")));
        }
    }
    found
}

fn rank(module: &str) -> Option<usize> {
    ORDER.iter().position(|name| *name == module)
}

/// What is wrong with `from` using `to`.
fn edge(from: &str, to: &str) -> Option<String> {
    let (Some(above), Some(below)) = (rank(from), rank(to)) else {
        return Some(format!("{to} has no place in the order"));
    };
    if above > below {
        return Some(format!("{from} is below {to}"));
    }
    let reason = FORBIDDEN.iter().find(|(one, other, _)| *one == from && *other == to)?.2;
    Some(reason.to_owned())
}

fn references_crate(text: &str, name: &str) -> bool {
    support::rust_paths::tokens(text).iter().any(|(token, _)| token == name)
}

/// A cycle of the graph, closed, if it has one.
fn cycle(edges: &BTreeMap<String, BTreeSet<String>>) -> Option<Vec<String>> {
    fn visit(
        node: &str,
        edges: &BTreeMap<String, BTreeSet<String>>,
        path: &mut Vec<String>,
        done: &mut BTreeSet<String>,
    ) -> Option<Vec<String>> {
        if let Some(start) = path.iter().position(|other| other == node) {
            let mut cycle = path[start..].to_vec();
            cycle.push(node.to_owned());
            return Some(cycle);
        }
        if !done.insert(node.to_owned()) {
            return None;
        }
        path.push(node.to_owned());
        let found = edges.get(node).into_iter().flatten().find_map(|next| visit(next, edges, path, done));
        path.pop();
        found
    }
    let mut done = BTreeSet::new();
    edges.keys().find_map(|node| visit(node, edges, &mut Vec::new(), &mut done))
}

fn read(folder: &Path, module: &[String], out: &mut Vec<Source>) {
    let mut entries: Vec<_> =
        std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    entries.sort();
    for path in entries {
        let stem = path.file_stem().and_then(|stem| stem.to_str()).expect("a name").to_owned();
        let mut inner = module.to_vec();
        if stem != "mod" || path.is_dir() {
            inner.push(stem);
        }
        if path.is_dir() {
            read(&path, &inner, out);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            out.push((inner, std::fs::read_to_string(&path).expect("a source file")));
        }
    }
}

#[test]
fn imports_point_down() {
    let mut sources = Vec::new();
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &[], &mut sources);
    assert!(sources.len() > 20, "the sources were not found");
    let found = violations(&sources);
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn the_sources_use_each_other_at_all() {
    let mut sources = Vec::new();
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &[], &mut sources);
    let edges: BTreeSet<(String, String)> = sources
        .iter()
        .flat_map(|(module, text)| {
            let from = module[0].clone();
            references(text, module)
                .into_iter()
                .filter_map(move |r| Some((from.clone(), r.path.first()?.clone())))
        })
        .collect();
    for (from, to) in [("cli", "output"), ("cli", "finding"), ("output", "finding"), ("rules", "finding")] {
        assert!(edges.contains(&(from.into(), to.into())), "{from} → {to} was not seen");
    }
}

/// Made-up sources: this test can fail.
mod made_up {
    use super::*;

    fn check(sources: &[(&str, &str)]) -> Vec<String> {
        let sources: Vec<Source> = sources
            .iter()
            .map(|(module, text)| (module.split("::").map(str::to_owned).collect(), (*text).to_owned()))
            .collect();
        violations(&sources)
    }

    #[track_caller]
    fn refused(module: &str, text: &str, expected: &str) {
        let found = check(&[(module, text)]);
        assert!(found.iter().any(|line| line.contains(expected)), "{text}: {found:?}");
    }

    #[test]
    fn downward_edges_pass() {
        let text =
            "use crate::finding::{Severity, Secret};\nuse crate::rules::Rule;\nuse super::source as _;";
        assert!(check(&[("pipeline::run", text)]).is_empty());
        assert!(
            check(&[("scan", "pub mod verify; use verify::Verify; fn f() { crate::rules::x() }")]).is_empty()
        );
        assert!(check(&[("scan::verify", "use super::hit::Hit;"), ("scan::hit", "")]).is_empty());
    }

    #[test]
    fn upward_edges_fail_however_they_are_written() {
        refused("scan", "use crate::source::Blob;", "scan is below source");
        refused("scan", "use crate::{finding::X, source::{Blob, Other}};", "scan is below source");
        refused("scan", "use {std::io, crate::pipeline};", "scan is below pipeline");
        refused("scan::verify", "fn f() -> crate :: output::Text { todo() }", "scan is below output");
        refused("scan::verify", "use super::super::source::Blob;", "scan is below source");
        refused("scan::a::b", "use super::super::super::{finding, enrich::X};", "scan is below enrich");
        refused("scan", "mod tests { use super::super::enrich; }", "scan is below enrich");
        refused("rules", "use ::snapsift::scan::Engine;", "rules is below scan");
        refused("finding", "pub(in crate::rules) fn f() {}", "finding is below rules");
        refused("output", "macro_rules! m { () => { $crate::pipeline::f() } }", "output is below pipeline");
        refused(
            "finding::a",
            "fn f<'a>(x: &'a str) -> char { '\"' } use crate::rules;",
            "finding is below rules",
        );
    }

    #[test]
    fn what_cannot_be_followed_fails() {
        refused("scan", "use crate::*;", "whole crate");
        refused("scan", "use crate as everything;", "whole crate");
        refused("scan", "use super::*;", "whole crate");
        refused("scan", "use crate::helpers::x;", "helpers has no place");
        refused("helpers", "", "helpers has no place");
    }

    #[test]
    fn forbidden_downward_edges_fail() {
        refused("fleet::store", "use crate::scan::Engine;", "wire schema only");
        refused("scan", "use anyhow::Context;", "anyhow");
        assert!(check(&[("cli::scan", "use anyhow::Context; use snapsift::pipeline::Scan;")]).is_empty());
    }

    #[test]
    fn nothing_imports_the_command_line() {
        for module in &ORDER[2..] {
            refused(module, "use crate::cli::args::Args;", "is below cli");
        }
    }

    #[test]
    fn cycles_among_the_modules_of_a_module_fail() {
        let found = check(&[
            ("scan::a", "use super::b::X;"),
            ("scan::b", "use crate::scan::c::Y;"),
            ("scan::c", "use super::a::Z;"),
        ]);
        assert_eq!(found, ["scan: a cycle among its modules: a → b → c → a"]);
        let found = check(&[("scan::a::deep", "use super::super::b::X;"), ("scan::b", "use super::a::Z;")]);
        assert_eq!(found, ["scan: a cycle among its modules: a → b → a"]);
        let tests = "mod tests { use super::super::b::X; fn f() {} } fn g() {}";
        assert!(check(&[("scan::a", tests), ("scan::b", "use super::a::Z;")]).is_empty());
        assert!(
            check(&[("scan::a::tests", "use crate::scan::b::X;"), ("scan::b", "use super::a::Z;")])
                .is_empty()
        );
        let after = "mod tests { fn f() {} } use super::b::X;";
        assert!(!check(&[("scan::a", after), ("scan::b", "use super::a::Z;")]).is_empty());
    }

    #[test]
    fn comments_and_strings_are_no_edges() {
        let text = r####"
            //! See [`crate::pipeline`].
            /* use crate::source::X; /* nested crate::cli */ */
            const A: &str = "crate::pipeline \" crate::cli";
            const B: &str = r#"crate::source " "#;
            const C: u8 = b'"'; const D: &[u8] = br##"crate::cli"# "##;
            const E: char = '\''; // crate::output
        "####;
        assert!(check(&[("finding", text)]).is_empty());
    }

    #[test]
    fn lines_are_right() {
        let found = check(&[("finding", "\n// one\nuse\n crate::rules::R;\n")]);
        assert_eq!(found, ["finding:4: uses rules::R: finding is below rules"]);
    }
}
