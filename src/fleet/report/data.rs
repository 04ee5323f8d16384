//! The data of a report: the answers to its questions, column by column.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use serde::{Serialize, Serializer};
use serde_json::Value;

use super::Written;
use crate::fleet::query::{QueryError, rows, text_of};
use crate::fleet::store::Store;

/// The questions that only the report asks. With each, how many rows of the answer go into
/// it: a browser has to hold them all.
const ASKED: [(&str, &str, usize); 17] = [
    ("totals", include_str!("../../../queries/report/totals.sql"), 100),
    ("machines", include_str!("../../../queries/report/machines.sql"), 200_000),
    ("findings", include_str!("../../../queries/report/findings.sql"), 50_000),
    ("keys", include_str!("../../../queries/report/keys.sql"), 50_000),
    ("holders", include_str!("../../../queries/report/holders.sql"), 100_000),
    ("grants", include_str!("../../../queries/report/grants.sql"), 200_000),
    ("refusals", include_str!("../../../queries/report/refusals.sql"), 20_000),
    ("uses", include_str!("../../../queries/report/uses.sql"), 20_000),
    ("paths", include_str!("../../../queries/report/paths.sql"), 5_000),
    ("entries", include_str!("../../../queries/report/path-entries.sql"), 100_000),
    ("reach", include_str!("../../../queries/report/reach.sql"), 50_000),
    ("opens", include_str!("../../../queries/report/opens.sql"), 50_000),
    ("resources", include_str!("../../../queries/report/resources.sql"), 50_000),
    ("vulnerabilities", include_str!("../../../queries/report/vulnerabilities.sql"), 50_000),
    ("rules", include_str!("../../../queries/report/rules.sql"), 1_000),
    ("remedies", include_str!("../../../queries/report/remedies.sql"), 10_000),
    ("inventories", include_str!("../../../queries/report/inventories.sql"), 1_000),
];
/// Those that `fleet query` asks too.
const NAMED: [(&str, &str, usize); 6] = [
    ("recommendations", "recommendations", 200_000),
    ("types", "recommendations-by-type", 2_000),
    ("chokes", "choke-points", 1_000),
    ("why", "why-no-paths", 1),
    ("new", "new-since-last-scan", 5_000),
    ("gone", "gone-since-last-scan", 5_000),
];

/// Texts are kept once and named by their number.
#[derive(Default)]
struct Texts {
    all: Vec<String>,
    numbers: HashMap<String, i64>,
}

impl Texts {
    fn number(&mut self, text: String) -> i64 {
        if let Some(number) = self.numbers.get(&text) {
            return *number;
        }
        let number = i64::try_from(self.all.len()).unwrap_or(i64::MAX);
        self.all.push(text.clone());
        self.numbers.insert(text, number);
        number
    }
}

/// The cells of one column: numbers, or the numbers of texts. Most columns of a large table
/// have few values, and are written as their places in a list of those.
#[derive(Default)]
struct Column {
    text: bool,
    cells: Vec<Option<i64>>,
}

/// How a column is written: what its cells are (`t`: texts), its values where they are few
/// (`d`), and its cells (`v`).
#[derive(Serialize)]
struct Encoded<'c> {
    #[serde(rename = "t", skip_serializing_if = "is_false")]
    text: bool,
    #[serde(rename = "d", skip_serializing_if = "Option::is_none")]
    values: Option<Vec<Option<i64>>>,
    #[serde(rename = "v")]
    cells: Cow<'c, [Option<i64>]>,
}

fn is_false(flag: &bool) -> bool {
    !*flag
}

impl Serialize for Column {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let few = self.cells.len() / 8;
        let mut places: HashMap<Option<i64>, i64> = HashMap::new();
        let mut values = Vec::new();
        let mut cells = Vec::new();
        for cell in &self.cells {
            if values.len() > few {
                break;
            }
            let next = i64::try_from(values.len()).unwrap_or(i64::MAX);
            let place = *places.entry(*cell).or_insert_with(|| {
                values.push(*cell);
                next
            });
            cells.push(Some(place));
        }
        let column = if values.len() > few {
            Encoded { text: self.text, values: None, cells: Cow::Borrowed(&self.cells) }
        } else {
            // Of one value it is enough to say it.
            let cells = if values.len() > 1 { cells } else { Vec::new() };
            Encoded { text: self.text, values: Some(values), cells: Cow::Owned(cells) }
        };
        column.serialize(serializer)
    }
}

#[derive(Default, Serialize)]
struct Table {
    rows: usize,
    total: u64,
    columns: BTreeMap<String, Column>,
}

/// All of it, in the order in which it is written.
#[derive(Serialize)]
pub(super) struct Data {
    engine: &'static str,
    now: String,
    scans: BTreeMap<String, Value>,
    tables: BTreeMap<&'static str, Table>,
    texts: Vec<String>,
}

/// Asks the store all that the report shows.
pub(super) fn collect(store: &Store) -> Result<Data, QueryError> {
    let mut texts = Texts::default();
    let mut tables = BTreeMap::new();
    for (name, sql, most) in ASKED {
        tables.insert(name, table(store, sql, most, &mut texts)?);
    }
    for (name, question, most) in NAMED {
        let sql = text_of(question).unwrap_or_default();
        tables.insert(name, table(store, sql, most, &mut texts)?);
    }
    let mut scans = BTreeMap::new();
    rows(store, include_str!("../../../queries/report/scans.sql"), &mut |names, cells| {
        scans = names.iter().cloned().zip(cells).collect();
    })?;
    // When what follows from the scans was worked out: that decides what has expired.
    let mut now = String::new();
    rows(store, "SELECT value FROM param WHERE name = 'now'", &mut |_, cells| {
        now = cells.first().and_then(Value::as_str).unwrap_or_default().to_owned();
    })?;
    Ok(Data { engine: env!("CARGO_PKG_VERSION"), now, scans, tables, texts: texts.all })
}

fn table(store: &Store, sql: &str, most: usize, texts: &mut Texts) -> Result<Table, QueryError> {
    let mut table = Table::default();
    let mut columns: Vec<Column> = Vec::new();
    let mut header: Vec<String> = Vec::new();
    rows(store, sql, &mut |names, cells| {
        table.total += 1;
        if table.rows >= most {
            return;
        }
        if columns.is_empty() {
            columns.resize_with(names.len(), Column::default);
            header = names.to_vec();
        }
        for (column, cell) in columns.iter_mut().zip(cells) {
            column.cells.push(match cell {
                Value::Null => None,
                Value::Number(number) if number.is_i64() => number.as_i64(),
                // The questions give whole numbers and texts.
                other => {
                    column.text = true;
                    let text = if let Value::String(text) = other { text } else { other.to_string() };
                    Some(texts.number(text))
                }
            });
        }
        table.rows += 1;
    })?;
    table.columns = header.into_iter().zip(columns).collect();
    Ok(table)
}

impl Data {
    pub(super) fn json(&self) -> Result<String, QueryError> {
        Ok(serde_json::to_string(self).map_err(std::io::Error::from)?)
    }

    pub(super) fn written(&self) -> Written {
        let total = |name: &str| self.tables.get(name).map_or(0, |table| table.total);
        let shown = |table: &Table| u64::try_from(table.rows).unwrap_or(u64::MAX);
        Written {
            machines: total("machines"),
            paths: total("paths"),
            findings: total("findings"),
            left_out: self.tables.values().map(|table| table.total.saturating_sub(shown(table))).sum(),
        }
    }
}
