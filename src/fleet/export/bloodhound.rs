//! The graph as BloodHound OpenGraph.
//!
//! Facts: <https://bloodhound.specterops.io/opengraph/developer/nodes> and `…/edges`: an id that
//! is unique everywhere, one to three kinds with a prefix of their own, properties of primitives
//! under names in lower case (never `objectid`; `lastseen` is overwritten), kinds of edges of
//! letters, digits and underscores, ends matched by id. BloodHound finds paths only over kinds
//! of edges that an extension declares traversable
//! (<https://bloodhound.specterops.io/opengraph/developer/graph-definition>), so one comes with it,
//! to be installed once. Ids are digests, since BloodHound writes
//! them in upper case and takes no colons; `identity` has what they are of.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use serde_json::{Map, Value, json};

use super::{EDGES, Exported, Files, NODES, Source, part, rows};
use crate::fleet::query::{QueryError, Row};
use crate::output::escape::visible;
use crate::output::json as safe;

/// The extension: kinds of nodes and of edges.
const EXTENSION: &str = include_str!("bloodhound.json");

pub(super) fn write(
    source: &Source<'_>,
    files: &mut dyn Files,
    done: &mut Exported,
) -> Result<(), QueryError> {
    files.file("extension.json", &mut |out| Ok(out.write_all(EXTENSION.as_bytes())?))?;
    files.file("graph.json", &mut |out| graph(source, out, done))?;
    done.files = 2;
    Ok(())
}

fn graph(source: &Source<'_>, out: &mut dyn Write, done: &mut Exported) -> Result<(), QueryError> {
    let mut out = out;
    out.write_all(b"{\"metadata\":{\"source_kind\":\"Snapsift\"},\"graph\":{\"nodes\":[\n")?;
    let mut first = true;
    done.nodes = rows(source, NODES, &mut |row| {
        part(out, &mut first)?;
        Ok(safe::write(&mut out, &node(row))?)
    })?;
    out.write_all(b"],\"edges\":[\n")?;
    first = true;
    // BloodHound has one edge of a kind between two nodes; the accounts of one stand together.
    let mut open: Option<Edge> = None;
    rows(source, EDGES, &mut |row| {
        match &mut open {
            Some(edge) if edge.is_of(row) => edge.add(row),
            _ => {
                if let Some(edge) = open.replace(Edge::new(row)) {
                    part(out, &mut first)?;
                    safe::write(&mut out, &edge.value())?;
                    done.edges += 1;
                }
            }
        }
        Ok(())
    })?;
    if let Some(edge) = open {
        part(out, &mut first)?;
        safe::write(&mut out, &edge.value())?;
        done.edges += 1;
    }
    out.write_all(b"]}}\n")?;
    Ok(())
}

/// 128 bits in hex, in upper case as BloodHound keeps it.
fn id(text: &str) -> String {
    let digest = blake3::hash(text.as_bytes()).to_hex();
    format!("SNAPSIFT-{}", digest.chars().take(32).collect::<String>().to_uppercase())
}

fn node(row: &Row<'_>) -> Value {
    let kind = match row.text("kind") {
        "machine" => "Snapsift_Machine",
        "key" => "Snapsift_Key",
        "secret" => "Snapsift_Secret",
        _ => "Snapsift_Resource",
    };
    let mut properties = properties(
        row,
        &[
            "name",
            "label",
            "provider",
            "account",
            "region",
            "asset_id",
            "exposed",
            "vulnerable",
            "criticality",
            "sensitivity",
        ],
    );
    properties.insert("identity".into(), json!(visible(row.text("id"))));
    properties.insert("remote_code".into(), json!(row.is("remote_code")));
    json!({ "id": id(row.text("id")), "kinds": [kind, "Snapsift"], "properties": properties })
}

/// The rows of one kind between two nodes.
struct Edge {
    kind: String,
    from: String,
    to: String,
    /// Of the account, the evidence and the state, what each row says.
    texts: BTreeMap<&'static str, BTreeSet<String>>,
    root: bool,
}

impl Edge {
    fn new(row: &Row<'_>) -> Self {
        let text = |name: &str| row.text(name).to_owned();
        let mut edge = Self {
            kind: text("kind"),
            from: text("from_id"),
            to: text("to_id"),
            texts: BTreeMap::new(),
            root: false,
        };
        edge.add(row);
        edge
    }

    fn is_of(&self, row: &Row<'_>) -> bool {
        self.kind == row.text("kind") && self.from == row.text("from_id") && self.to == row.text("to_id")
    }

    fn add(&mut self, row: &Row<'_>) {
        self.root |= row.is("root");
        for (name, column) in [("accounts", "as_account"), ("evidence", "evidence"), ("states", "state")] {
            let text = visible(row.text(column)).into_owned();
            if !text.is_empty() {
                self.texts.entry(name).or_default().insert(text);
            }
        }
    }

    fn value(&self) -> Value {
        let kind = match self.kind.as_str() {
            "holds" => "Snapsift_HoldsKey",
            "opens" => "Snapsift_OpensAccount",
            "contains" => "Snapsift_ContainsCredentialsFor",
            _ => "Snapsift_AuthenticatesTo",
        };
        let lists = self.texts.iter().map(|(name, texts)| ((*name).to_owned(), json!(texts)));
        let mut properties: Map<String, Value> = lists.collect();
        properties.insert("root".into(), json!(self.root));
        let end = |text: &str| json!({ "match_by": "id", "value": id(text) });
        json!({ "kind": kind, "start": end(&self.from), "end": end(&self.to), "properties": properties })
    }
}

/// Of texts, those that say something.
fn properties(row: &Row<'_>, names: &[&str]) -> Map<String, Value> {
    let texts = names.iter().map(|name| ((*name).to_owned(), visible(row.text(name)).into_owned()));
    texts.filter(|(_, text)| !text.is_empty()).map(|(name, text)| (name, json!(text))).collect()
}
