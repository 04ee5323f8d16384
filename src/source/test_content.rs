//! Which directories hold test content or documentation samples.
//!
//! Libraries ship keys and tokens in their test suites and manuals. They are real
//! in form and open nothing, so their directories are counted and not read unless
//! the user asks. A wrong "yes" hides a secret, so a name alone never decides:
//!
//! * whole names are compared, never parts of them (`contest` is no test);
//! * a name counts below a directory of packages, where no user keeps anything of
//!   his own;
//! * elsewhere only the plainest names count, and only from the second level below
//!   a user's top: an application or an account may well be called `test`, and
//!   `/etc/app/test` is the configuration of a test environment;
//! * a name that has other meanings needs a sibling that confirms it.
//!
//! The names are those of the test suites that Debian, Python, Node, Go, Ruby and
//! Perl packages really ship.

use std::ffi::CStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path};

/// Names that mean tests wherever code lies.
const PLAIN: [&str; 30] = [
    "test",
    "tests",
    "testdata",
    "test-data",
    "test_data",
    "testfiles",
    "testcases",
    "testsuite",
    "test-suite",
    "test-fixtures",
    "testkeys",
    "test-keys",
    "unittest",
    "unittests",
    "unit-tests",
    "integration-tests",
    "integrationtest",
    "e2e",
    "fixture",
    "fixtures",
    "__tests__",
    "__mocks__",
    "__fixtures__",
    "__snapshots__",
    "mockdata",
    "cassettes",
    "selftest",
    "selftests",
    "wycheproof",
    "idle_test",
];

/// Names that mean tests or samples in a package, and anything elsewhere.
const IN_PACKAGES: [&str; 20] = [
    "testing",
    "mock",
    "mocks",
    "stub",
    "stubs",
    "golden",
    "recordings",
    "sample",
    "samples",
    "example",
    "examples",
    "demo",
    "demos",
    "quickstart",
    "bench",
    "benchmarks",
    "fuzz",
    "corpus",
    "conformance",
    "vectors",
];

/// Beginnings and ends that mean tests in a package.
const PREFIXES_IN_PACKAGES: [&str; 2] = ["test_", "test-"];
const SUFFIXES_IN_PACKAGES: [&str; 7] = ["_test", "-test", "_tests", "-tests", ".test", ".tests", "test.app"];

/// Names with other meanings (`spec` in RPM and OpenAPI trees, `t` in locale
/// trees), each with siblings of which one must be there.
const WITH_SIBLING: [(&str, &[&CStr]); 4] = [
    ("spec", &[c"lib", c"src", c"Rakefile", c"Gemfile", c"package.json"]),
    ("specs", &[c"lib", c"src", c"Rakefile", c"Gemfile", c"package.json"]),
    ("t", &[c"lib", c"Makefile.PL", c"Build.PL"]),
    ("xt", &[c"lib", c"Makefile.PL", c"Build.PL"]),
];

/// Runs of names that mean documentation or samples by themselves; `*` stands for
/// any one name. They count wherever they stand: a container's layer has its own
/// `usr/share/doc`.
const RUNS: [&[&str]; 13] = [
    &["usr", "share", "doc"],
    &["usr", "share", "man"],
    &["usr", "share", "info"],
    &["usr", "share", "gtk-doc"],
    &["usr", "share", "help"],
    &["usr", "share", "nmap"],
    &["usr", "share", "metasploit-framework"],
    &["usr", "share", "wordlists"],
    &["usr", "share", "john"],
    &["usr", "share", "hashcat"],
    &["usr", "src", "*", "tools", "testing"],
    &["awscli", "examples"],
    &["openssl", "test", "recipes"],
];

/// Runs of names below which packages lie.
const PACKAGES: [&[&str]; 14] = [
    &["site-packages"],
    &["dist-packages"],
    &["node_modules"],
    &["gems"],
    &["vendor"],
    &["pkg", "mod"],
    &["usr", "share"],
    &["usr", "lib"],
    &["usr", "lib64"],
    &["usr", "libexec"],
    &["usr", "src"],
    &["usr", "local", "lib"],
    &["usr", "local", "share"],
    &["usr", "local", "go"],
];

/// Where users keep their own; the next level below is theirs to name.
const USER_TOPS: [&[&str]; 5] = [&["home", "*"], &["root"], &["srv"], &["opt"], &["var", "www"]];

/// The names of a target's own path on this machine: when the target is `/usr`,
/// its `share/doc` is what it is in the whole system.
#[must_use]
pub fn context_of(target: &Path) -> Vec<Vec<u8>> {
    let absolute = target.canonicalize().unwrap_or_else(|_| target.to_path_buf());
    absolute
        .components()
        .filter_map(|component| match component {
            Component::Normal(name) => Some(name.as_bytes().to_vec()),
            _ => None,
        })
        .collect()
}

/// Whether a name is worth the full question; false for nearly all directories.
#[must_use]
pub fn is_candidate(name: &[u8]) -> bool {
    rank(name).is_some() || RUNS.iter().any(|run| run.last().is_some_and(|last| is(name, last)))
}

/// Whether a directory holds test content. `outside` are the names of the
/// target's own path, `inside` those from the target down to the directory's
/// parent; `has_sibling` tells whether the parent holds something of that name.
#[must_use]
pub fn is_test_directory(
    outside: &[Vec<u8>],
    inside: &[&[u8]],
    name: &[u8],
    has_sibling: impl Fn(&CStr) -> bool,
) -> bool {
    let parents: Vec<&[u8]> = outside.iter().map(Vec::as_slice).chain(inside.iter().copied()).collect();
    let whole: Vec<&[u8]> = parents.iter().copied().chain([name]).collect();
    if RUNS.iter().any(|run| ends_with(&whole, run)) {
        return true;
    }
    let Some(rank) = rank(name) else { return false };
    let in_packages = || PACKAGES.iter().any(|run| contains(&parents, run));
    let in_user_code = || is_below_user_code(inside) || is_below_user_code(&parents);
    match rank {
        Rank::Plain => in_packages() || in_user_code(),
        Rank::InPackages => in_packages(),
        Rank::WithSibling(siblings) => {
            (in_packages() || in_user_code()) && siblings.iter().any(|sibling| has_sibling(sibling))
        }
    }
}

enum Rank {
    Plain,
    InPackages,
    WithSibling(&'static [&'static CStr]),
}

fn rank(name: &[u8]) -> Option<Rank> {
    if PLAIN.iter().any(|plain| is(name, plain)) {
        return Some(Rank::Plain);
    }
    if let Some((_, siblings)) = WITH_SIBLING.iter().find(|(known, _)| is(name, known)) {
        return Some(Rank::WithSibling(siblings));
    }
    let begins = |prefix: &&str| name.get(..prefix.len()).is_some_and(|start| is(start, prefix));
    let ends = |suffix: &&str| {
        name.len().checked_sub(suffix.len()).and_then(|at| name.get(at..)).is_some_and(|end| is(end, suffix))
    };
    let known = IN_PACKAGES.iter().any(|known| is(name, known))
        || PREFIXES_IN_PACKAGES.iter().any(begins)
        || SUFFIXES_IN_PACKAGES.iter().any(ends);
    known.then_some(Rank::InPackages)
}

fn is(name: &[u8], known: &str) -> bool {
    known == "*" || name.eq_ignore_ascii_case(known.as_bytes())
}

fn contains(names: &[&[u8]], run: &[&str]) -> bool {
    names.windows(run.len()).any(|window| window.iter().zip(run).all(|(name, known)| is(name, known)))
}

fn ends_with(names: &[&[u8]], run: &[&str]) -> bool {
    names.len().checked_sub(run.len()).and_then(|at| names.get(at..)).is_some_and(|end| contains(end, run))
}

/// Whether the parents reach at least one level below a user's top.
fn is_below_user_code(parents: &[&[u8]]) -> bool {
    USER_TOPS
        .iter()
        .any(|top| parents.len() > top.len() && parents.iter().zip(*top).all(|(name, known)| is(name, known)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(target: &str, path: &str, siblings: &[&CStr]) -> bool {
        let outside: Vec<Vec<u8>> =
            target.split('/').filter(|name| !name.is_empty()).map(|name| name.as_bytes().to_vec()).collect();
        let mut names: Vec<&[u8]> =
            path.split('/').filter(|name| !name.is_empty()).map(str::as_bytes).collect();
        let name = names.pop().expect("a name");
        let verdict = is_test_directory(&outside, &names, name, |sibling| siblings.contains(&sibling));
        assert!(!verdict || is_candidate(name), "{path}: no candidate and yet test content");
        verdict
    }

    #[test]
    fn packages_have_test_content() {
        for path in [
            "/usr/lib/python3/dist-packages/twisted/test",
            "/usr/lib/python3.11/test",
            "/srv/app/node_modules/tunnel/test",
            "/srv/app/node_modules/x/examples",
            "/root/go/pkg/mod/golang.org/x/crypto@v0.1.0/ssh/testdata",
            "/var/lib/gems/3.1.0/gems/jwt-2.7/Fixtures",
            "/usr/src/linux-6.1/tools/testing",
            "/usr/local/lib/python3.11/site-packages/Cryptodome/SelfTest",
            "/usr/local/go/src/crypto/tls/testdata",
            "/usr/share/doc",
            "/var/lib/docker/overlay2/abc/diff/usr/share/doc",
            "/opt/app/venv/lib/python3.11/site-packages/foo_tests",
        ] {
            assert!(verdict("/mnt/snapshot", path, &[]), "{path}");
        }
    }

    #[test]
    fn what_a_user_named_is_read() {
        for path in [
            "/home/tess/latest/contest",
            "/home/u/test",
            "/home/test",
            "/srv/test",
            "/opt/test",
            "/var/www/test",
            "/root/tests",
            "/test",
            "/data/x/test",
            "/etc/app/test",
            "/var/lib/test",
            "/home/u/project/demo",
            "/home/u/project/examples",
            "/srv/app/app-test",
            "/usr/share",
            "/usr/share/docker",
        ] {
            assert!(!verdict("/mnt/snapshot", path, &[]), "{path}");
        }
        assert!(verdict("/mnt/snapshot", "/home/u/project/tests", &[]));
        assert!(verdict("/mnt/snapshot", "/srv/app/tests", &[]));
    }

    #[test]
    fn ambiguous_names_need_a_sibling() {
        assert!(!verdict("/s", "/usr/share/perl5/Foo/t", &[]));
        assert!(verdict("/s", "/usr/share/perl5/Foo/t", &[c"lib"]));
        assert!(!verdict("/s", "/usr/share/openapi/spec", &[]));
        assert!(verdict("/s", "/usr/lib/ruby/gems/3.1.0/gems/a/spec", &[c"Rakefile"]));
        assert!(!verdict("/s", "/etc/rpm/spec", &[c"lib"]));
    }

    #[test]
    fn the_path_of_the_target_gives_the_context() {
        assert!(verdict("/usr", "/share/doc", &[]));
        assert!(verdict("/usr/lib", "/python3/dist-packages/x/tests", &[]));
        assert!(!verdict("/usr", "/local/bin", &[]));
        assert!(!verdict("/mnt/tests", "/a/b", &[]));
        assert!(!verdict("/tmp/x", "/a/b/test", &[]));
    }
}
