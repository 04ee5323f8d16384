//! The packs that are built in.

/// File name and text of each pack under `rules/`, in order of their names.
pub(super) const PACKS: &[(&str, &str)] = &[];
