//! Rules of other scanners → rule packs: TOML of Gitleaks, YAML of Kingfisher and
//! Nosey Parker.
//!
//! Role: from a file of theirs to drafts of rules, each with a list of what could
//! not be carried over, and from drafts to the text of a pack. Not for: whether a
//! draft is a good rule; it is parsed as a pack like any other afterwards, and its
//! examples are run (see `scan::imported`).

mod draft;
mod expression;
mod gitleaks;
mod names;
#[cfg(test)]
mod tests;
mod yaml;

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use self::draft::Draft;
use super::diagnostic::visible;
use super::literals::{self, Declared};
use super::pack::{MAX_FILE, MAX_RULES};
use super::pattern::Patterns;
use super::rule::Rule;

/// Whose rules they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Gitleaks: TOML with `[[rules]]`.
    Gitleaks,
    /// Kingfisher: YAML with `rules:`.
    Kingfisher,
    /// Nosey Parker: YAML with `rules:`.
    NoseyParker,
}

impl Origin {
    /// The name of the scanner.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gitleaks => "Gitleaks",
            Self::Kingfisher => "Kingfisher",
            Self::NoseyParker => "Nosey Parker",
        }
    }
}

/// Why a file could not be imported.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// It is too long.
    #[error("the file has more than {MAX_FILE} bytes")]
    TooLong,
    /// It has too many rules.
    #[error("the file has more than {MAX_RULES} rules")]
    TooMany,
    /// It is no TOML.
    #[error("not TOML: {0}")]
    NotToml(String),
    /// It is no YAML, or asks for more than such a file needs.
    #[error("not YAML: {0}")]
    NotYaml(String),
    /// It has no rules.
    #[error(
        "there are no rules in it: a file of Gitleaks has [[rules]], one of Kingfisher or Nosey Parker `rules:`"
    )]
    NoRules,
}

/// What became of a file.
#[derive(Debug)]
pub struct Import {
    /// Whose rules they are.
    pub origin: Origin,
    /// The name of the file.
    pub file: String,
    /// What of the file, besides its rules, could not be carried over.
    pub dropped: Vec<String>,
    /// Its rules, in order.
    pub rules: Vec<Imported>,
}

/// What became of one rule.
#[derive(Debug)]
pub struct Imported {
    /// Its id in its file; its place (`#3`) where it has none.
    pub source: String,
    /// Its id in the pack.
    pub id: String,
    /// What could not be carried over.
    pub dropped: Vec<String>,
    /// Why it can be no rule.
    pub refused: Option<String>,
    draft: Draft,
}

impl Imported {
    /// What can be told of the expression: how long a match may be, and whether the
    /// other scanner's keywords are in each.
    fn finish(&mut self) {
        let Ok(hir) = Patterns::new().parse(&self.draft.pattern) else { return };
        let longest = hir.properties().maximum_len();
        if longest.is_some_and(|longest| u32::try_from(longest).map_or(true, |l| l > Rule::MAX_MATCH_LENGTH))
        {
            self.draft.max_length = Some(Rule::DEFAULT_MAX_LENGTH);
            self.drop_(format!("matches of more than {} bytes", Rule::DEFAULT_MAX_LENGTH));
        }
        let keywords = std::mem::take(&mut self.draft.keywords);
        let declared = keywords
            .iter()
            .map(|word| Declared { bytes: word.to_ascii_lowercase().into_bytes().into(), fold: true });
        let declared: Vec<Declared> = declared.collect();
        if !declared.is_empty() && literals::prove(&hir, &declared).is_none() {
            self.drop_("keywords: what matches without one of them is found too");
        }
        let long = keywords.into_iter().filter(|word| word.len() >= literals::MIN_LENGTH);
        self.draft.keywords = long.take(literals::MAX_LITERALS).collect();
    }

    fn new(source: String, id: String) -> Self {
        Self { source, draft: Draft::new(&id), id, dropped: Vec::new(), refused: None }
    }

    /// Notes what could not be carried over.
    fn drop_(&mut self, what: impl Into<String>) {
        self.dropped.push(what.into());
    }

    /// The rule as a pack of its own, for reading it.
    #[must_use]
    pub fn pack(&self) -> String {
        format!("[pack]\nname = \"imported\"\n\n{}", self.draft.text())
    }

    /// Leaves out an example that does not hold, by its number in the pack.
    pub fn drop_example(&mut self, number: usize, why: &str) {
        if number < self.draft.examples.len() {
            self.draft.examples.remove(number);
            self.drop_(format!("an example: {why}"));
        }
    }

    /// Leaves out a counter example that does not hold, by its number in the pack.
    pub fn drop_counter_example(&mut self, number: usize, why: &str) {
        if number < self.draft.counter_examples.len() {
            self.draft.counter_examples.remove(number);
            self.drop_(format!("a counter example: {why}"));
        }
    }

    /// Declares the literals that the other scanner looks for, where the pattern
    /// gives none. `false`: there are none to declare.
    pub fn declare_literals(&mut self) -> bool {
        self.draft.declare_literals()
    }
}

/// Reads files, and gives all their rules ids of their own.
#[derive(Debug, Default)]
pub struct Importer {
    used: HashSet<String>,
    /// The number that the next rule of an id gets.
    next: HashMap<String, usize>,
}

impl Importer {
    /// Converts the rules of one file. Without an origin it is told from what the
    /// file looks like.
    ///
    /// # Errors
    ///
    /// See [`ImportError`].
    pub fn read(&mut self, origin: Option<Origin>, file: &str, text: &str) -> Result<Import, ImportError> {
        if text.len() > MAX_FILE {
            return Err(ImportError::TooLong);
        }
        let toml = match origin {
            Some(origin) => origin == Origin::Gitleaks,
            None => looks_like_toml(file, text),
        };
        let file_value = if toml { read_toml(text)? } else { yaml::read(text)? };
        let rules = file_value.get("rules").and_then(Value::as_array).filter(|rules| !rules.is_empty());
        let Some(rules) = rules else { return Err(ImportError::NoRules) };
        if rules.len() > MAX_RULES {
            return Err(ImportError::TooMany);
        }
        let origin = match origin {
            Some(origin) => origin,
            None if toml => Origin::Gitleaks,
            None => yaml::origin(rules),
        };
        let mut import = Import {
            origin,
            file: file.to_owned(),
            dropped: Vec::new(),
            rules: Vec::with_capacity(rules.len()),
        };
        for (number, rule) in rules.iter().enumerate() {
            let source = text_of(rule.get("id")).unwrap_or_else(|| format!("#{}", number + 1));
            let id = self.unused(&names::id(&source));
            let mut imported = Imported::new(source, id);
            match origin {
                Origin::Gitleaks => gitleaks::convert(rule, &mut imported),
                Origin::Kingfisher | Origin::NoseyParker => yaml::convert(rule, &mut imported),
            }
            imported.finish();
            import.rules.push(imported);
        }
        if origin == Origin::Gitleaks {
            gitleaks::whole_file(&file_value, &mut import);
        }
        Ok(import)
    }

    fn unused(&mut self, id: &str) -> String {
        let mut unused = id.to_owned();
        let next = self.next.entry(id.to_owned()).or_insert(2);
        while !self.used.insert(unused.clone()) {
            unused = format!("{id}-{next}");
            *next += 1;
        }
        unused
    }
}

/// The pack that the files became. Rules that were refused stand in it as comments.
#[must_use]
pub fn pack(imports: &[Import]) -> String {
    let mut origins: Vec<&str> = Vec::new();
    for import in imports {
        if !origins.contains(&import.origin.name()) {
            origins.push(import.origin.name());
        }
    }
    let origins = origins.join(" and ");
    let mut out = format!(
        "# Converted from rules of {origins}. What could not be carried over stands before each\n\
         # rule. Severity, confidence and remediation are for a person to decide.\n\n\
         [pack]\nname = \"imported\"\ndescription = \"Rules converted from {origins}\"\nversion = \"1\"\n"
    );
    for import in imports {
        if !import.dropped.is_empty() {
            out.push('\n');
            for what in &import.dropped {
                out.push_str(&format!("# {}: not carried over: {}\n", visible(&import.file), visible(what)));
            }
        }
        for rule in &import.rules {
            out.push('\n');
            out.push_str(&rule_text(rule));
        }
    }
    out
}

fn rule_text(rule: &Imported) -> String {
    let mut out = format!("# From `{}`.\n", visible(&rule.source));
    for what in &rule.dropped {
        out.push_str(&format!("# Not carried over: {}\n", visible(what)));
    }
    let text = rule.draft.text();
    let text = super::format("imported", &text).unwrap_or(text);
    match &rule.refused {
        None => out.push_str(&text),
        Some(why) => {
            out.push_str(&format!("# Not a rule: {}\n", visible(why)));
            for line in text.lines() {
                out.push_str(format!("# {}", visible(line)).trim_end());
                out.push('\n');
            }
        }
    }
    out
}

fn looks_like_toml(file: &str, text: &str) -> bool {
    let end = file.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    match end.as_str() {
        "toml" => true,
        "yml" | "yaml" => false,
        _ => text.lines().any(|line| line.trim_start().starts_with("[[rules]]")),
    }
}

fn read_toml(text: &str) -> Result<Value, ImportError> {
    toml::from_str(text).map_err(|error| {
        let line = error
            .span()
            .and_then(|span| text.get(..span.start))
            .map_or(1, |before| before.split('\n').count());
        ImportError::NotToml(format!("line {line}: {}", visible(error.message())))
    })
}

/// A scalar as text.
fn text_of(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        _ => None,
    }
}

/// A list of scalars, or one, as texts.
fn texts_of(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::Array(items)) => items.iter().filter_map(|item| text_of(Some(item))).collect(),
        value => text_of(value).into_iter().collect(),
    }
}
