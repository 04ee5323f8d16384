//! A rule that is being made from another scanner's, and its text.

use crate::rules::format::quote;

#[derive(Debug)]
pub(super) struct Draft {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) secret_type: String,
    pub(super) provider: String,
    pub(super) category: String,
    pub(super) severity: &'static str,
    pub(super) confidence: &'static str,
    pub(super) description: String,
    pub(super) references: Vec<String>,
    pub(super) pattern: String,
    /// Literals in either case, which are declared only where the pattern gives
    /// none.
    pub(super) keywords: Vec<String>,
    pub(super) declares_keywords: bool,
    pub(super) max_length: Option<u32>,
    /// Inline tables.
    pub(super) checks: Vec<String>,
    /// Patterns that must not stand on the line of the match, or in the match.
    pub(super) forbidden: Vec<Forbidden>,
    /// Patterns over the secret.
    pub(super) ignored: Vec<String>,
    pub(super) examples: Vec<String>,
    pub(super) counter_examples: Vec<String>,
}

/// A pattern that must not stand near the match.
#[derive(Clone, Debug)]
pub(super) struct Forbidden {
    pub(super) pattern: String,
    /// How far from the match, in bytes, on its line.
    pub(super) within: u32,
}

/// A run of so many characters of tokens is cut, so that no scanner reports it.
const CUT_FROM: usize = 12;
/// Where the first cut is: within the prefixes that tokens have.
const FIRST_PART: usize = 2;
const PART: usize = 24;

impl Draft {
    pub(super) fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            name: super::names::words(id),
            secret_type: super::names::words(id),
            provider: super::names::provider(id),
            category: "imported".to_owned(),
            severity: "medium",
            confidence: "medium",
            description: super::names::words(id),
            references: Vec::new(),
            pattern: String::new(),
            keywords: Vec::new(),
            declares_keywords: false,
            max_length: None,
            checks: Vec::new(),
            forbidden: Vec::new(),
            ignored: Vec::new(),
            examples: Vec::new(),
            counter_examples: Vec::new(),
        }
    }

    pub(super) fn declare_literals(&mut self) -> bool {
        let before = std::mem::replace(&mut self.declares_keywords, !self.keywords.is_empty());
        !before && self.declares_keywords
    }

    /// The rule in TOML.
    pub(super) fn text(&self) -> String {
        let mut out = String::from("[[rule]]\n");
        let mut key = |name: &str, value: String| out.push_str(&format!("{name} = {value}\n"));
        key("id", quote::line(&self.id));
        key("name", quote::line(&self.name));
        key("type", quote::line(&self.secret_type));
        key("provider", quote::line(&self.provider));
        key("category", quote::line(&self.category));
        key("severity", quote::line(self.severity));
        key("confidence", quote::line(self.confidence));
        key("description", quote::line(&self.description));
        key(
            "remediation",
            quote::line("Revoke it where it was issued, make a new one, and look for its use."),
        );
        if !self.references.is_empty() {
            key("references", list(self.references.iter().map(|reference| quote::line(reference))));
        }
        key("pattern", quote::raw(&self.pattern));
        if self.declares_keywords {
            let literal = |word: &String| format!("{{ text = {}, fold = true }}", quote::line(word));
            key("literals", list(self.keywords.iter().map(literal)));
        }
        if let Some(length) = self.max_length {
            key("max_length", length.to_string());
        }
        if !self.checks.is_empty() {
            key("checks", list(self.checks.iter().cloned()));
        }
        for forbidden in &self.forbidden {
            out.push_str(&format!(
                "\n[[rule.context]]\npattern = {}\nwithin = {}\nlines = 0\nmode = \"forbid\"\n",
                quote::raw(&forbidden.pattern),
                forbidden.within
            ));
        }
        if !self.ignored.is_empty() {
            let patterns = list(self.ignored.iter().map(|pattern| quote::raw(pattern)));
            out.push_str(&format!("\n[rule.ignore]\npatterns = {patterns}\n"));
        }
        for (header, texts) in [("example", &self.examples), ("counter_example", &self.counter_examples)] {
            for text in texts {
                out.push_str(&format!("\n[[rule.{header}]]\ntext = {}\n", cut(text)));
            }
        }
        out
    }
}

fn list(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(", "))
}

/// A text whose secrets are cut in parts.
fn cut(text: &str) -> String {
    let mut parts: Vec<String> = vec![String::new()];
    let mut rest = text;
    let token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '+' | '/' | '.');
    while !rest.is_empty() {
        let run = rest.find(|c| !token(c)).unwrap_or(rest.len());
        let (mut word, after) = rest.split_at(run);
        if word.len() >= CUT_FROM {
            let mut size = FIRST_PART;
            while word.len() > size {
                let (head, tail) = word.split_at(size);
                push(&mut parts, head);
                parts.push(String::new());
                (word, size) = (tail, PART);
            }
        }
        push(&mut parts, word);
        let gap = after.find(token).unwrap_or(after.len());
        let (gap, after) = after.split_at(gap);
        push(&mut parts, gap);
        rest = after;
    }
    match parts.as_slice() {
        [one] => quote::line(one),
        parts => list(parts.iter().map(|part| quote::line(part))),
    }
}

fn push(parts: &mut [String], text: &str) {
    if let Some(last) = parts.last_mut() {
        last.push_str(text);
    }
}
