//! The graph for Neo4j: two CSV files with typed headers, and a file of statements.
//!
//! Facts: `neo4j-admin database import full`,
//! <https://neo4j.com/docs/operations-manual/current/import/full-import/> (header fields `:ID`,
//! `:LABEL`, `:START_ID`, `:END_ID`, `:TYPE`, types after a colon, quotes doubled). Values have
//! no line ends, which the import refuses unless told to take them. A cell that a spreadsheet
//! would run gets a `'` in front, as everywhere; ids begin with their kind and need none.

use std::io::{self, Write};

use super::{EDGES, Exported, Files, NODES, Source, rows};
use crate::fleet::query::{QueryError, Row};
use crate::output::csv::neutral;
use crate::output::escape::visible;

const NODE_HEADER: [&str; 14] = [
    "id:ID",
    ":LABEL",
    "kind",
    "name",
    "label",
    "provider",
    "account",
    "region",
    "asset_id",
    "exposed",
    "vulnerable",
    "remote_code:boolean",
    "criticality",
    "sensitivity",
];
const EDGE_HEADER: [&str; 8] =
    [":START_ID", ":END_ID", ":TYPE", "id", "as_account", "root:boolean", "evidence", "state"];

pub(super) fn write(
    source: &Source<'_>,
    files: &mut dyn Files,
    done: &mut Exported,
) -> Result<(), QueryError> {
    files.file("nodes.csv", &mut |out| {
        done.nodes = table(source, out, NODES, &NODE_HEADER, &|row| {
            let label = match row.text("kind") {
                "machine" => "Machine",
                "key" => "Key",
                "secret" => "Secret",
                _ => "Resource",
            };
            vec![row.text("id").to_owned(), label.to_owned()]
        })?;
        Ok(())
    })?;
    files.file("relationships.csv", &mut |out| {
        done.edges = table(source, out, EDGES, &EDGE_HEADER, &|row| {
            let kind = row.text("kind").to_uppercase();
            vec![row.text("from_id").to_owned(), row.text("to_id").to_owned(), kind]
        })?;
        Ok(())
    })?;
    files.file("import.cypher", &mut |out| Ok(out.write_all(CYPHER.as_bytes())?))?;
    done.files = 3;
    Ok(())
}

/// `first` are the cells whose header begins with a colon or ends with `:ID`; the others are
/// columns by the name of their header.
fn table(
    source: &Source<'_>,
    out: &mut dyn Write,
    sql: &str,
    header: &[&str],
    first: &dyn Fn(&Row<'_>) -> Vec<String>,
) -> Result<u64, QueryError> {
    let error = |error: csv::Error| io::Error::other(error.to_string());
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(header).map_err(error)?;
    let number = rows(source, sql, &mut |row| {
        let mut cells = first(row);
        for name in header.iter().skip(cells.len()) {
            cells.push(match name.strip_suffix(":boolean") {
                Some(name) => row.is(name).to_string(),
                None => neutral(row.text(name)).into_owned(),
            });
        }
        Ok(writer.write_record(cells.iter().map(|cell| visible(cell).into_owned())).map_err(error)?)
    })?;
    writer.flush()?;
    Ok(number)
}

const CYPHER: &str = "\
// neo4j-admin database import full --nodes=nodes.csv --relationships=relationships.csv neo4j
// Then, in the database:
CREATE CONSTRAINT machine_id IF NOT EXISTS FOR (n:Machine) REQUIRE n.id IS UNIQUE;
CREATE CONSTRAINT key_id IF NOT EXISTS FOR (n:Key) REQUIRE n.id IS UNIQUE;
CREATE CONSTRAINT secret_id IF NOT EXISTS FOR (n:Secret) REQUIRE n.id IS UNIQUE;
CREATE CONSTRAINT resource_id IF NOT EXISTS FOR (n:Resource) REQUIRE n.id IS UNIQUE;

// Machines that one can move to from one that is exposed and vulnerable, by one key.
MATCH (a:Machine {exposed: 'yes', vulnerable: 'yes'})-[:HOLDS]->(k:Key)-[o:OPENS]->(b:Machine)
WHERE a <> b RETURN a.name, k.name, o.as_account, b.name LIMIT 100;

// The shortest way from such a machine to a resource with sensitive data.
MATCH p = shortestPath((a:Machine {exposed: 'yes', vulnerable: 'yes'})
  -[:HOLDS|OPENS|CONTAINS|AUTHENTICATES_TO*..9]->(r:Resource))
WHERE r.sensitivity IN ['very_high', 'high'] RETURN p LIMIT 25;

// Keys that lie on the most machines.
MATCH (m:Machine)-[:HOLDS]->(k:Key) RETURN k.name, count(m) AS machines ORDER BY machines DESC LIMIT 25;

// Keys that open the most machines as root.
MATCH (k:Key)-[:OPENS {root: true}]->(m:Machine) RETURN k.name, count(DISTINCT m) AS machines ORDER BY machines DESC LIMIT 25;

// What a machine's secrets open.
MATCH (m:Machine {name: 'NAME'})-[:CONTAINS]->(:Secret)-[:AUTHENTICATES_TO]->(r:Resource) RETURN r.name, r.label;
";
