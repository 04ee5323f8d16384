//! What people decide about findings: which are exempted, who owns the others, and until when
//! they are due.
//!
//! Role: takes one reviewed file into the store, of which it replaces all that an earlier file
//! said, so that the file is the truth. What follows from it is worked out by the statements in
//! `queries/correlate`, except for globs and days, which the dialect of these statements has
//! not: `expand` makes tables of them. Not for: the ignore file of a scan (see `triage`).
//!
//! Model: exemptions (mitigated, waiver) and governance rules of Microsoft Defender for Cloud,
//! <https://learn.microsoft.com/azure/defender-for-cloud/exempt-resource> and
//! <https://learn.microsoft.com/azure/defender-for-cloud/governance-rules>.

mod file;

use std::collections::BTreeSet;

use globset::GlobBuilder;
use rusqlite::{Connection, OptionalExtension as _, params};

pub use self::file::{Fault, Governance};
use super::store::{Store, StoreError};
use crate::finding::Timestamp;
use crate::source::Exclude;

const DAY_SECONDS: i64 = 86_400;
const DAY_MILLISECONDS: i64 = 86_400_000;

/// Why a file was not taken.
#[derive(Debug, thiserror::Error)]
pub enum GovernError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Everything that is wrong with the file.
    #[error("{}", .0.iter().map(Fault::to_string).collect::<Vec<_>>().join("\n"))]
    File(Vec<Fault>),
}

impl From<rusqlite::Error> for GovernError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

/// Replaces what the store has by what the file says: all of it, or nothing. It counts when the
/// store is correlated next.
///
/// # Errors
///
/// The store cannot be written.
pub fn replace(store: &Store, governance: &Governance) -> Result<(), GovernError> {
    let transaction = store.transaction()?;
    transaction.execute_batch(
        "DELETE FROM exemption; DELETE FROM owner_rule; DELETE FROM owner_tag; DELETE FROM detached;",
    )?;
    for one in &governance.detached {
        transaction
            .execute("INSERT INTO detached VALUES (?1, ?2, ?3)", [&one.machine, &one.target, &one.reason])?;
    }
    for (place, one) in (0_i64..).zip(&governance.exemptions) {
        transaction.execute(
            "INSERT INTO exemption VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
            params![
                one.name,
                place,
                one.category.as_str(),
                one.finding,
                one.fingerprint,
                one.rule,
                one.secret_type,
                one.path,
                one.machine,
                one.tag.0,
                one.tag.1,
                one.reason,
                one.author,
                one.created,
                one.expires,
            ],
        )?;
    }
    for (place, rule) in (0_i64..).zip(&governance.owners) {
        transaction.execute(
            "INSERT INTO owner_rule VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
            params![
                rule.name,
                rule.priority,
                place,
                barred(&rule.severities),
                barred(&rule.risks),
                rule.secret_type,
                rule.tag.0,
                rule.tag.1,
                rule.account,
                rule.owner,
                rule.due_days,
                rule.grace_days,
            ],
        )?;
        for (tag_place, tag) in (0_i64..).zip(&rule.owner_tags) {
            transaction.execute(
                "INSERT INTO owner_tag VALUES (?1, ?2, ?3)",
                params![rule.name, tag_place, tag.to_lowercase()],
            )?;
        }
    }
    transaction.commit()?;
    Ok(())
}

/// What has passed its day since the store was worked out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stale {
    /// The day of which it was worked out.
    pub day: String,
    /// Exemptions that have expired since: they count still.
    pub exemptions: i64,
    /// Findings whose due day has passed since.
    pub due: i64,
    /// Secrets that have expired since: they are still taken to open something.
    pub secrets: i64,
}

/// What has passed its day between that of which the store was worked out and `now`.
///
/// # Errors
///
/// The store cannot be read.
pub fn stale(store: &Store, now: Timestamp) -> Result<Stale, StoreError> {
    let now = now.to_string();
    let today: String = now.chars().take(10).collect();
    let worked_out: Option<String> = store
        .connection()
        .query_row("SELECT value FROM param WHERE name = 'now'", [], |row| row.get(0))
        .optional()?;
    // Nothing was worked out, or just now.
    let Some(then) = worked_out.filter(|then| *then < now) else { return Ok(Stale::default()) };
    let day: String = then.chars().take(10).collect();
    let count = |sql: &str, from: &str, to: &str| -> Result<i64, rusqlite::Error> {
        store.connection().query_row(sql, [from, to], |row| row.get(0))
    };
    Ok(Stale {
        exemptions: count(
            "SELECT COUNT(*) FROM exemption WHERE expires <> '' AND expires >= ?1 AND expires < ?2",
            &day,
            &today,
        )?,
        due: count(
            "SELECT COUNT(*) FROM fleet_task WHERE status = 'on time' AND due <> '' AND due >= ?1 AND due < ?2",
            &day,
            &today,
        )?,
        secrets: count(
            "SELECT COUNT(*) FROM fleet_secret WHERE usable = 1 AND expires >= ?1 AND expires < ?2",
            &then,
            &now,
        )?,
        day,
    })
}

/// `|high|critical|`, and nothing of nothing.
fn barred(words: &[String]) -> String {
    if words.is_empty() { String::new() } else { format!("|{}|", words.join("|")) }
}

/// Makes tables of what SQL cannot tell by itself: which paths and machines the globs of
/// exemptions mean, and which days findings are due.
pub(super) fn expand(connection: &Connection) -> Result<(), StoreError> {
    connection.execute_batch("DELETE FROM glob_match; DELETE FROM calendar;")?;
    let globs =
        |column| texts(connection, &format!("SELECT DISTINCT {column} FROM exemption WHERE {column} <> ''"));
    let mut insert = connection.prepare("INSERT INTO glob_match VALUES (?1, ?2, ?3)")?;
    let paths = globs("path")?;
    if !paths.is_empty() {
        let places = texts(connection, "SELECT DISTINCT path FROM finding")?;
        for glob in paths {
            // It was tried when the file was read.
            let Ok(compiled) = Exclude::new(&[&glob]) else { continue };
            for place in places.iter().filter(|place| compiled.matches_beneath(place.as_bytes())) {
                insert.execute(params!["path", glob, place])?;
            }
        }
    }
    let machines = globs("machine")?;
    if !machines.is_empty() {
        let names = texts(
            connection,
            "SELECT hostname FROM disk UNION SELECT machine FROM disk
             UNION SELECT asset_id FROM asset WHERE kind = 'machine'",
        )?;
        for glob in machines {
            let Ok(compiled) = machine_glob(&glob) else { continue };
            for name in names.iter().filter(|name| compiled.is_match(name)) {
                insert.execute(params!["machine", glob, name])?;
            }
        }
    }
    calendar(connection)
}

/// The days from which something is due, and those on which its grace ends: of every day on
/// which a scan began, by every rule.
fn calendar(connection: &Connection) -> Result<(), StoreError> {
    let numbers = |sql: &str| -> Result<BTreeSet<i64>, rusqlite::Error> {
        connection.prepare(sql)?.query_map([], |row| row.get(0))?.collect()
    };
    let begun = numbers("SELECT DISTINCT CAST(started AS INTEGER) FROM scan")?;
    let begun: BTreeSet<i64> =
        begun.into_iter().filter(|at| *at >= 0).map(|at| at - at % DAY_MILLISECONDS).collect();
    let terms =
        numbers("SELECT due_days FROM owner_rule UNION SELECT due_days + grace_days FROM owner_rule")?;
    let days: BTreeSet<i64> = terms
        .iter()
        .filter_map(|days| days.checked_mul(DAY_MILLISECONDS))
        .flat_map(|term| begun.iter().filter_map(move |day| day.checked_add(term)))
        .collect();
    let mut insert = connection.prepare("INSERT INTO calendar VALUES (?1, ?2)")?;
    for day in days {
        let Some(time) = Timestamp::from_unix(day / 1000 / DAY_SECONDS * DAY_SECONDS, 0) else { continue };
        insert.execute(params![day, time.to_string().chars().take(10).collect::<String>()])?;
    }
    Ok(())
}

/// Over names, without case; `*` stands for anything.
fn machine_glob(glob: &str) -> Result<globset::GlobMatcher, globset::Error> {
    Ok(GlobBuilder::new(glob).case_insensitive(true).build()?.compile_matcher())
}

fn texts(connection: &Connection, sql: &str) -> Result<Vec<String>, rusqlite::Error> {
    connection.prepare(sql)?.query_map([], |row| row.get(0))?.collect()
}

#[cfg(test)]
mod tests;
