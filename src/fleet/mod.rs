//! What many machines say together.
//!
//! Role: joins what single scans cannot see. It knows scans through the wire schema
//! only. Not for: reading snapshots.

pub mod correlate;
pub mod diff;
pub mod export;
pub mod govern;
pub mod inventory;
pub mod keys_map;
pub mod query;
pub mod report;
pub mod schema;
pub mod shared_primes;
pub mod store;
