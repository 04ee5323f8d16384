//! What follows from the scans and the inventories of a store: the tables `fleet_*` and the views over
//! them, made anew by the statements in `queries/correlate`, which other engines run as they are.

use rusqlite::params;

use super::store::{Store, StoreError};
use crate::finding::Timestamp;

/// In this order.
const STEPS: [&str; 8] = [
    include_str!("../../queries/correlate/10_machines.sql"),
    include_str!("../../queries/correlate/15_exemptions.sql"),
    include_str!("../../queries/correlate/20_keys.sql"),
    include_str!("../../queries/correlate/30_secrets.sql"),
    include_str!("../../queries/correlate/40_paths.sql"),
    include_str!("../../queries/correlate/50_risk.sql"),
    include_str!("../../queries/correlate/55_tasks.sql"),
    include_str!("../../queries/correlate/60_views.sql"),
];

/// What each machine has on its disks is asked for by nearly every view, and costs a second with
/// 100,000 scans: from here on it is read.
const SETTLED: &str = "DROP VIEW v1_machine;
CREATE VIEW v1_machine AS
SELECT disk_id, machine, hostname, target, started, begun, whole, left_out, rules FROM fleet_current;";

/// Works out what each machine has on its disks, for a store of which nothing else is worked out.
///
/// # Errors
///
/// The store cannot be written.
pub(super) fn settle(store: &Store) -> Result<(), StoreError> {
    let transaction = store.transaction()?;
    transaction.execute_batch(
        "DROP TABLE IF EXISTS fleet_current; CREATE TABLE fleet_current AS SELECT * FROM v1_newest;",
    )?;
    transaction.execute_batch(SETTLED)?;
    transaction.commit()?;
    Ok(())
}

/// Makes the tables anew: all of them or, where that fails, none. `now` decides what has
/// expired.
///
/// # Errors
///
/// The store cannot be written.
pub fn correlate(store: &Store, now: Timestamp) -> Result<(), StoreError> {
    let transaction = store.transaction()?;
    transaction.execute(
        "INSERT INTO param VALUES ('now', ?1) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        params![super::store::text(&now)],
    )?;
    super::govern::expand(&transaction)?;
    for step in STEPS {
        for line in step.lines() {
            for kind in ["TABLE", "VIEW"] {
                let Some(name) = line.strip_prefix(&format!("CREATE {kind} ")) else { continue };
                let name = name.split([' ', '(']).next().unwrap_or_default();
                transaction.execute_batch(&format!("DROP {kind} IF EXISTS {name}"))?;
            }
        }
        transaction.execute_batch(step)?;
    }
    transaction.execute_batch(SETTLED)?;
    transaction.commit()?;
    Ok(())
}
