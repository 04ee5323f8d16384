//! Which places of a machine are worth the most when not all of it can be looked into.
//!
//! Role: tells by its path whether a directory can wait until the homes, the configuration
//! and the data of services are through. Not for: leaving anything out (see `exclude`,
//! `test_content`).

/// Where people and services keep what is their own. Names are compared without case, since
/// Windows does.
const FIRST: [&str; 14] = [
    "home",
    "root",
    "etc",
    "srv",
    "opt",
    "var/www",
    "var/lib/docker",
    "var/lib/containers",
    "var/lib/containerd",
    "var/lib/jenkins",
    "users",
    "programdata",
    "inetpub",
    "documents and settings",
];

/// Whether a directory is none of those places, in none of them, and leads to none.
/// Subvolumes are called after where they are mounted, with `@` before it: `@`, `@home`.
#[must_use]
pub fn can_wait(path: &[u8]) -> bool {
    let names = path.split(|byte| *byte == b'/').filter(|name| !name.is_empty());
    let mut names: Vec<&[u8]> = names.take(8).collect();
    if let Some(first) = names.first_mut().filter(|first| first.starts_with(b"@")) {
        *first = first.get(1..).unwrap_or_default();
        if matches!(*first, b"" | b"rootfs") {
            names.remove(0);
        }
    }
    !FIRST.iter().any(|place| {
        place.split('/').zip(&names).all(|(want, name)| name.eq_ignore_ascii_case(want.as_bytes()))
    })
}

#[cfg(test)]
mod tests {
    use super::can_wait;

    #[test]
    fn what_people_and_services_keep_comes_first() {
        for path in [
            "/",
            "/home",
            "/home/ann/x",
            "/var",
            "/var/lib",
            "/var/www/a",
            "/var/lib/docker/overlay2/x",
            "/@",
            "/@/etc",
            "/@home/ann",
            "/Users/Ann",
            "/ProgramData",
            "/@rootfs/srv",
        ] {
            assert!(!can_wait(path.as_bytes()), "{path}");
        }
        for path in
            ["/usr", "/var/cache", "/var/lib/dpkg", "/homes", "/Windows", "/@/usr", "/@snapshots", "/usr/etc"]
        {
            assert!(can_wait(path.as_bytes()), "{path}");
        }
    }
}
