//! What many machines say together.
//!
//! Role: joins what single scans cannot see. It knows scans through the wire schema
//! only. Not for: reading snapshots.

pub mod shared_primes;
