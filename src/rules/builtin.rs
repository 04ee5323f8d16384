//! The packs that are built in.

/// File name and text of each pack under `rules/`, in order of their names: for
/// each a line of `("acme.toml", include_str!("../../rules/acme.toml")),`.
pub(super) const PACKS: &[(&str, &str)] = &[
    ("ai.toml", include_str!("../../rules/ai.toml")),
    ("aws.toml", include_str!("../../rules/aws.toml")),
    ("azure-entra.toml", include_str!("../../rules/azure-entra.toml")),
    ("azure-sql.toml", include_str!("../../rules/azure-sql.toml")),
    ("azure-storage.toml", include_str!("../../rules/azure-storage.toml")),
    ("extended-a-c.toml", include_str!("../../rules/extended-a-c.toml")),
    ("extended-context.toml", include_str!("../../rules/extended-context.toml")),
    ("extended-d-l.toml", include_str!("../../rules/extended-d-l.toml")),
    ("extended-m-r.toml", include_str!("../../rules/extended-m-r.toml")),
    ("extended-s-z.toml", include_str!("../../rules/extended-s-z.toml")),
    ("github.toml", include_str!("../../rules/github.toml")),
    ("gitlab.toml", include_str!("../../rules/gitlab.toml")),
    ("google.toml", include_str!("../../rules/google.toml")),
    ("npm.toml", include_str!("../../rules/npm.toml")),
    ("openai.toml", include_str!("../../rules/openai.toml")),
    ("slack.toml", include_str!("../../rules/slack.toml")),
    ("ssh.toml", include_str!("../../rules/ssh.toml")),
    ("travis.toml", include_str!("../../rules/travis.toml")),
];
