//! The graph as GraphML, for Gephi, yEd, networkx and others.
//!
//! Facts: the GraphML Primer, <http://graphml.graphdrawing.org/primer/graphml-primer.html>: every
//! attribute has a `key` of a type. Characters that XML 1.0 has not (section 2.2) are visible
//! escapes.

use std::io::Write;

use super::{EDGES, Exported, NODES, Source, rows};
use crate::fleet::query::{QueryError, Row};
use crate::output::escape::visible;

/// Attributes and their types.
const OF_NODES: [(&str, &str); 12] = [
    ("kind", "string"),
    ("name", "string"),
    ("label", "string"),
    ("provider", "string"),
    ("account", "string"),
    ("region", "string"),
    ("asset_id", "string"),
    ("exposed", "string"),
    ("vulnerable", "string"),
    ("remote_code", "boolean"),
    ("criticality", "string"),
    ("sensitivity", "string"),
];
const OF_EDGES: [(&str, &str); 5] = [
    ("kind", "string"),
    ("as_account", "string"),
    ("root", "boolean"),
    ("evidence", "string"),
    ("state", "string"),
];

pub(super) fn write(source: &Source<'_>, out: &mut dyn Write, done: &mut Exported) -> Result<(), QueryError> {
    out.write_all(
        b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
          <graphml xmlns=\"http://graphml.graphdrawing.org/xmlns\" \
          xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
          xsi:schemaLocation=\"http://graphml.graphdrawing.org/xmlns \
          http://graphml.graphdrawing.org/xmlns/1.0/graphml.xsd\">\n",
    )?;
    for (of, prefix, keys) in [("node", "n", OF_NODES.as_slice()), ("edge", "e", OF_EDGES.as_slice())] {
        for (name, kind) in keys {
            writeln!(
                out,
                "<key id=\"{prefix}_{name}\" for=\"{of}\" attr.name=\"{name}\" attr.type=\"{kind}\"/>"
            )?;
        }
    }
    out.write_all(b"<graph id=\"snapsift\" edgedefault=\"directed\">\n")?;
    done.nodes = rows(source, NODES, &mut |row| {
        write!(out, "<node id=\"{}\">", text(row.text("id")))?;
        data(out, row, "n", &OF_NODES)?;
        Ok(out.write_all(b"</node>\n")?)
    })?;
    done.edges = rows(source, EDGES, &mut |row| {
        write!(
            out,
            "<edge id=\"{}\" source=\"{}\" target=\"{}\">",
            text(row.text("id")),
            text(row.text("from_id")),
            text(row.text("to_id"))
        )?;
        data(out, row, "e", &OF_EDGES)?;
        Ok(out.write_all(b"</edge>\n")?)
    })?;
    out.write_all(b"</graph>\n</graphml>\n")?;
    Ok(())
}

fn data(out: &mut dyn Write, row: &Row<'_>, prefix: &str, keys: &[(&str, &str)]) -> Result<(), QueryError> {
    for (name, kind) in keys {
        let value = if *kind == "boolean" { row.is(name).to_string() } else { text(row.text(name)) };
        if !value.is_empty() {
            write!(out, "<data key=\"{prefix}_{name}\">{value}</data>")?;
        }
    }
    Ok(())
}

/// For an attribute or an element.
fn text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in visible(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            // The two of the plane that are no characters; controls are escaped by now.
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
