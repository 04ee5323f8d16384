//! The packs that are built in.

/// File name and text of each pack under `rules/`, in order of their names: for
/// each a line of `("acme.toml", include_str!("../../rules/acme.toml")),`.
pub(super) const PACKS: &[(&str, &str)] = &[
    ("aws.toml", include_str!("../../rules/aws.toml")),
    ("azure-entra.toml", include_str!("../../rules/azure-entra.toml")),
    ("azure-sql.toml", include_str!("../../rules/azure-sql.toml")),
    ("azure-storage.toml", include_str!("../../rules/azure-storage.toml")),
    ("databases.toml", include_str!("../../rules/databases.toml")),
    ("github.toml", include_str!("../../rules/github.toml")),
    ("google.toml", include_str!("../../rules/google.toml")),
    ("logins.toml", include_str!("../../rules/logins.toml")),
    ("npm.toml", include_str!("../../rules/npm.toml")),
    ("openai.toml", include_str!("../../rules/openai.toml")),
    ("passwords.toml", include_str!("../../rules/passwords.toml")),
    ("ssh.toml", include_str!("../../rules/ssh.toml")),
];
