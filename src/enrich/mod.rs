//! enrich

mod enrich_stub;

pub use enrich_stub::{Enriched, Enricher};
