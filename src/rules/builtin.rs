//! The packs that are built in.

/// File name and text of each pack under `rules/`, in order of their names: for
/// each a line of `("acme.toml", include_str!("../../rules/acme.toml")),`.
pub(super) const PACKS: &[(&str, &str)] = &[
    ("aws.toml", include_str!("../../rules/aws.toml")),
    ("azure-ai.toml", include_str!("../../rules/azure-ai.toml")),
    ("azure-cosmos.toml", include_str!("../../rules/azure-cosmos.toml")),
    ("azure-entra.toml", include_str!("../../rules/azure-entra.toml")),
    ("azure-event-grid.toml", include_str!("../../rules/azure-event-grid.toml")),
    ("azure-iot.toml", include_str!("../../rules/azure-iot.toml")),
    ("azure-messaging.toml", include_str!("../../rules/azure-messaging.toml")),
    ("azure-platform.toml", include_str!("../../rules/azure-platform.toml")),
    ("azure-realtime.toml", include_str!("../../rules/azure-realtime.toml")),
    ("azure-sql.toml", include_str!("../../rules/azure-sql.toml")),
    ("azure-storage.toml", include_str!("../../rules/azure-storage.toml")),
    ("azure-web.toml", include_str!("../../rules/azure-web.toml")),
    ("github.toml", include_str!("../../rules/github.toml")),
    ("google.toml", include_str!("../../rules/google.toml")),
    ("npm.toml", include_str!("../../rules/npm.toml")),
    ("openai.toml", include_str!("../../rules/openai.toml")),
    ("ssh.toml", include_str!("../../rules/ssh.toml")),
];
