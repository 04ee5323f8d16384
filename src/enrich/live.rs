//! Whether a file is the live configuration of something: there a password that everybody
//! tries first is one; elsewhere it is as likely a sample.

/// Parts of a path below which files are documentation, samples, or what a package brought.
/// Here a name alone decides, unlike where files are left unread (`source::test_content`):
/// what is dropped for it is a word that everybody tries first.
const OTHERS: [&str; 18] = [
    "doc",
    "docs",
    "documentation",
    "example",
    "examples",
    "sample",
    "samples",
    "test",
    "tests",
    "testdata",
    "fixtures",
    "template",
    "templates",
    "skel",
    "node_modules",
    "site-packages",
    "vendor",
    "locale",
];
/// The same of the system.
const SYSTEM: [&str; 4] = ["usr/share/", "usr/lib/", "usr/src/", "usr/include/"];
/// Words in the names of files that are copied and filled in.
const MODELS: [&str; 5] = ["example", "sample", "template", ".dist", "default"];
/// How the names of files with settings end.
const ENDS: [&str; 20] = [
    ".env",
    ".conf",
    ".cnf",
    ".cfg",
    ".ini",
    ".config",
    ".properties",
    ".yml",
    ".yaml",
    ".json",
    ".xml",
    ".toml",
    ".tfvars",
    ".tfstate",
    ".service",
    ".netrc",
    ".pgpass",
    ".npmrc",
    "_history",
    "credentials",
];

/// `path` as a finding shows it, of a file in an archive with the names around it.
pub(super) fn is_live(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    let innermost = path.rsplit(" → ").next().unwrap_or_default().trim_start_matches('/');
    let (folders, name) = innermost.rsplit_once('/').unwrap_or(("", innermost));
    let is_other = SYSTEM.iter().any(|start| innermost.starts_with(start))
        || folders.split('/').any(|folder| OTHERS.contains(&folder))
        || MODELS.iter().any(|word| name.contains(word));
    let is_settings = innermost.starts_with("etc/")
        || innermost.starts_with("programdata/")
        || name.starts_with(".env")
        || ENDS.iter().any(|end| name.ends_with(end));
    is_settings && !is_other
}

#[cfg(test)]
mod tests {
    use super::is_live;

    #[test]
    fn where_settings_live() {
        for path in [
            "/etc/app/secrets",
            "/home/ops/shop/.env",
            "/srv/app/.env.production",
            "/home/ops/.bash_history",
            "/var/www/html/config/database.yml",
            "/backup.tar → home/ops/application.properties",
            "/Windows/Panther/unattend.xml",
        ] {
            assert!(is_live(path), "{path}");
        }
        for path in [
            "/usr/share/doc/app/app.conf",
            "/srv/app/.env.example",
            "/srv/app/config/database.yml.sample",
            "/srv/app/tests/app.yml",
            "/srv/app/README.md",
            "/srv/app/main.py",
            "/backup.tar → usr/share/app/app.ini",
        ] {
            assert!(!is_live(path), "{path}");
        }
    }
}
