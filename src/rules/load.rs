//! Packs from the program and from disk → a [`RuleSet`].

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::lower::Origin;
use super::{Diagnostic, Pack, Rule, RuleSet, builtin, choice, pack};
use crate::threads::Pool;

#[cfg(test)]
mod tests;

/// Which rules are wanted.
#[derive(Clone, Debug)]
pub struct LoadOptions {
    /// Whether the packs that are built in are used.
    pub builtin: bool,
    /// Files, and folders whose `*.toml` files are read in order of their names;
    /// folders within a folder and links within it are left alone.
    pub paths: Vec<PathBuf>,
    /// Ids of the only rules that are used, or globs of them; all where empty.
    pub enable: Vec<String>,
    /// Ids of rules that are not used, or globs of them.
    pub disable: Vec<String>,
}

impl Default for LoadOptions {
    /// The rules that are built in.
    fn default() -> Self {
        Self { builtin: true, paths: Vec::new(), enable: Vec::new(), disable: Vec::new() }
    }
}

/// Why there is no rule set.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A file or folder could not be read.
    #[error("cannot read the rules at {path:?}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A folder without any pack.
    #[error("no *.toml file in {path:?}")]
    Empty {
        /// Which.
        path: PathBuf,
    },
    /// Packs are wrong. Render the diagnostics to show them.
    #[error("{} in rule packs, the first at {}", count(.0.len()), .0.first().map(ToString::to_string).unwrap_or_default())]
    Packs(Vec<Diagnostic>),
    /// Threads could not be started.
    #[error("threads cannot be started: {0}")]
    Threads(String),
    /// What names rules by a glob is none.
    #[error("{glob:?} is no glob of ids: {message}")]
    Glob {
        /// What was given.
        glob: String,
        /// What is wrong with it.
        message: String,
    },
    /// All rules were disabled.
    #[error("no rule is left of those that are loaded: see what is enabled and disabled")]
    NoneLeft,
    /// An id that no rule has was to be enabled or disabled.
    #[error("no rule has the id {id:?}{}", near(.nearest.as_deref()))]
    UnknownRule {
        /// The id.
        id: String,
        /// The id of a rule that is written much like it.
        nearest: Option<String>,
    },
}

fn count(errors: usize) -> String {
    if errors == 1 { "1 error".to_owned() } else { format!("{errors} errors") }
}

fn near(nearest: Option<&str>) -> String {
    nearest.map(|id| format!("; did you mean {id:?}?")).unwrap_or_default()
}

impl RuleSet {
    /// The rules that are built in.
    ///
    /// # Errors
    ///
    /// [`LoadError::Packs`] where a pack that is built in is wrong, which a test
    /// of this crate excludes.
    pub fn builtin() -> Result<Self, LoadError> {
        Self::load(&LoadOptions::default())
    }

    /// Loads the rules that the options ask for.
    ///
    /// # Errors
    ///
    /// See [`LoadError`].
    pub fn load(options: &LoadOptions) -> Result<Self, LoadError> {
        Self::load_with_packs(options).map(|(rules, _)| rules)
    }

    /// The same, with the packs that the rules come from, for their names and
    /// notes; their rules are moved into the set.
    ///
    /// # Errors
    ///
    /// See [`LoadError`].
    pub fn load_with_packs(options: &LoadOptions) -> Result<(Self, Vec<Pack>), LoadError> {
        let sources = sources(options)?;
        let pool = Pool::of_cores().map_err(|error| LoadError::Threads(error.to_string()))?;
        let (digest, packs) = pool.install(|| {
            rayon::join(
                || digest(&sources, options),
                || sources.par_iter().map(pack::parse_shared).collect::<Vec<_>>(),
            )
        });
        let mut packs = all_good(packs)?;
        let mut rules: Vec<Rule> =
            packs.iter_mut().flat_map(|pack| std::mem::take(&mut pack.rules)).collect();
        select(&mut rules, options)?;
        Ok((Self::new(rules, digest), packs))
    }
}

/// The packs, unless one is wrong or two have a rule of the same id.
fn all_good(results: Vec<Result<Pack, Vec<Diagnostic>>>) -> Result<Vec<Pack>, LoadError> {
    let (mut packs, mut wrong) = (Vec::with_capacity(results.len()), Vec::new());
    for result in results {
        match result {
            Ok(pack) => packs.push(pack),
            Err(diagnostics) => wrong.extend(diagnostics),
        }
    }
    wrong.extend(pack::duplicates(packs.iter().flat_map(|pack| &pack.rules)));
    if wrong.is_empty() { Ok(packs) } else { Err(LoadError::Packs(wrong)) }
}

fn select(rules: &mut Vec<Rule>, options: &LoadOptions) -> Result<(), LoadError> {
    if options.enable.is_empty() && options.disable.is_empty() {
        return Ok(());
    }
    let (enabled, disabled) =
        (choice::named(rules, &options.enable)?, choice::named(rules, &options.disable)?);
    let mut choices = enabled.into_iter().zip(disabled);
    let all = options.enable.is_empty();
    rules.retain(|_| choices.next().is_some_and(|(enabled, disabled)| (all || enabled) && !disabled));
    if rules.is_empty() { Err(LoadError::NoneLeft) } else { Ok(()) }
}

fn sources(options: &LoadOptions) -> Result<Vec<Origin>, LoadError> {
    let mut sources = Vec::new();
    if options.builtin {
        sources.extend(
            builtin::PACKS
                .iter()
                .map(|(name, text)| Origin { file: format!("rules/{name}").into(), text: (*text).into() }),
        );
    }
    for path in &options.paths {
        let failed = |source| LoadError::Read { path: path.clone(), source };
        if fs::metadata(path).map_err(failed)?.is_dir() {
            let files = packs_in(path).map_err(failed)?;
            if files.is_empty() {
                return Err(LoadError::Empty { path: path.clone() });
            }
            for file in files {
                sources.push(read(&file)?);
            }
        } else {
            sources.push(read(path)?);
        }
    }
    Ok(sources)
}

/// The `*.toml` files of a folder, in order of their names.
fn packs_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        // The type of the entry itself: a link is none of ours.
        if entry.file_type()?.is_file() && path.extension().is_some_and(|extension| extension == "toml") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn read(path: &Path) -> Result<Origin, LoadError> {
    let failed = |source| LoadError::Read { path: path.to_owned(), source };
    let name = path.to_string_lossy().into_owned();
    let limit = u64::try_from(pack::MAX_FILE).unwrap_or(u64::MAX);
    // One byte more than allowed, so that the parser refuses it, with advice.
    let mut bytes = Vec::new();
    let mut read = || {
        let file = fs::File::open(path)?;
        // At once, where its size is known: growing takes up to twice the memory.
        bytes.reserve(usize::try_from(file.metadata()?.len().min(limit) + 1).unwrap_or(0));
        file.take(limit + 1).read_to_end(&mut bytes)
    };
    read().map_err(failed)?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Origin { file: name.into(), text: text.into() }),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
            let wrong =
                Diagnostic::error(&name.into(), &text.into(), at..at + '\u{fffd}'.len_utf8(), "not UTF-8")
                    .with_help("save the file as UTF-8; in an expression write \\xNN for a byte");
            Err(LoadError::Packs(vec![wrong]))
        }
    }
}

/// BLAKE3 over the names and texts of the packs, and over the choice among their
/// rules where there is one; each part with its length before it.
fn digest(sources: &[Origin], options: &LoadOptions) -> String {
    let mut hasher = blake3::Hasher::new();
    let mut part = |bytes: &[u8]| {
        hasher.update(&u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_le_bytes());
        hasher.update(bytes);
    };
    for source in sources {
        // The base name: where a folder lies does not change what its rules find.
        part(source.file.rsplit('/').next().unwrap_or_default().as_bytes());
        part(source.text.as_bytes());
    }
    for (choice, ids) in [("enable", &options.enable), ("disable", &options.disable)] {
        let mut ids = ids.clone();
        ids.sort_unstable();
        ids.dedup();
        if !ids.is_empty() {
            part(choice.as_bytes());
            ids.iter().for_each(|id| part(id.as_bytes()));
        }
    }
    hasher.finalize().to_hex().to_string()
}
