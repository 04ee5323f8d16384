//! `--exclude GLOB`: what the user leaves out.
//!
//! A glob means what it means in ripgrep's `--glob '!GLOB'`: without a slash it
//! is matched against a name at any depth, with one against the path from the
//! target; `**` crosses directories; a final slash matches directories only. A
//! directory that matches is left out with all that is in it.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use ignore::gitignore::{Gitignore, GitignoreBuilder};

/// A glob that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the glob {glob:?} cannot be used: {message}")]
pub struct ExcludeError {
    /// The glob as given.
    pub glob: String,
    /// What is wrong with it.
    pub message: String,
}

/// Compiled globs.
#[derive(Clone, Debug)]
pub struct Exclude(Option<Gitignore>);

impl Exclude {
    /// Compiles globs.
    ///
    /// # Errors
    ///
    /// The first glob that is empty or has a wrong form.
    pub fn new<S: AsRef<str>>(globs: &[S]) -> Result<Self, ExcludeError> {
        if globs.is_empty() {
            return Ok(Self(None));
        }
        let mut builder = GitignoreBuilder::new("/");
        builder.allow_unclosed_class(false);
        for glob in globs {
            let glob = glob.as_ref();
            let refuse = |message: String| ExcludeError { glob: glob.to_owned(), message };
            if glob.trim().is_empty() {
                return Err(refuse("it is empty".into()));
            }
            // In an ignore file these begin a comment and an exception; in a glob
            // they are characters.
            let escaped = if glob.starts_with(['#', '!']) { format!("\\{glob}") } else { glob.to_owned() };
            builder.add_line(None, &escaped).map_err(|error| refuse(error.to_string()))?;
        }
        let built = builder
            .build()
            .map_err(|error| ExcludeError { glob: String::new(), message: error.to_string() })?;
        Ok(Self(Some(built)))
    }

    /// No glob: nothing is left out.
    #[must_use]
    pub fn none() -> Self {
        Self(None)
    }

    /// Whether there is no glob, so that no path needs to be built.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Whether a path (inside the snapshot, `/` first) is left out by itself; its
    /// parents have been asked about before.
    #[must_use]
    pub fn matches(&self, path: &[u8], directory: bool) -> bool {
        self.0
            .as_ref()
            .is_some_and(|globs| globs.matched(Path::new(OsStr::from_bytes(path)), directory).is_ignore())
    }
}

impl Exclude {
    /// Whether the path of a file matches, or that of a directory above it.
    #[must_use]
    pub fn matches_beneath(&self, path: &[u8]) -> bool {
        let path = Path::new(OsStr::from_bytes(path));
        let mut above = path.ancestors().skip(1).filter(|above| above.parent().is_some());
        self.matches(path.as_os_str().as_bytes(), false)
            || above.any(|above| self.matches(above.as_os_str().as_bytes(), true))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_mean_what_they_mean_in_ripgrep() {
        let exclude = Exclude::new(&["*.log", "/var/cache", "build/", "#x", "!y", "a/**/z"]).expect("globs");
        for (path, directory, expected) in [
            ("/x.log", false, true),
            ("/deep/down/x.log", false, true),
            ("/x.logs", false, false),
            ("/var/cache", true, true),
            ("/srv/var/cache", true, false),
            ("/srv/build", true, true),
            ("/srv/build", false, false),
            ("/#x", false, true),
            ("/!y", false, true),
            ("/a/b/c/z", false, true),
            ("/b/a/b/c/z", false, false),
        ] {
            assert_eq!(exclude.matches(path.as_bytes(), directory), expected, "{path}");
        }
        assert!(!Exclude::new::<&str>(&[]).expect("no glob").matches(b"/a", false));
    }

    #[test]
    fn a_wrong_glob_is_named() {
        let error = Exclude::new(&["ok", "a[b"]).expect_err("an unclosed class");
        assert_eq!(error.glob, "a[b");
        assert!(Exclude::new(&[" "]).is_err());
    }
}
