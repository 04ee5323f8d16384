//! The packs that are built in.

/// File name and text of each pack under `rules/`, in order of their names: for
/// each a line of `("acme.toml", include_str!("../../rules/acme.toml")),`.
pub(super) const PACKS: &[(&str, &str)] = &[];
