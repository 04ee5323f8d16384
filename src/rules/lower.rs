//! One raw rule → a validated [`Rule`], with every objection to it.

mod matching;

use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;

use super::diagnostic::within_literal;
use super::pattern::{Flaw, Patterns};
use super::raw::{RawContext, RawIgnore, RawNearby, RawPlace, RawRule, RawTarget, RawValidity};
use super::rule::{
    ByteSet, Context, ContextMode, CounterExample, Example, Ignore, Nearby, Place, Rule, RuleSource, Side,
    TargetTemplate, ValidityFields,
};
use super::{Check, Diagnostic};
use crate::finding::{Confidence, Severity};

/// The longest id of a rule, in bytes.
const MAX_ID: usize = 100;

/// A pack's file, for messages.
#[derive(Clone)]
pub(super) struct Origin {
    pub(super) file: Arc<str>,
    pub(super) text: Arc<str>,
}

impl Origin {
    pub(super) fn error(&self, span: Range<usize>, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(&self.file, &self.text, span, message)
    }
}

/// A rule and notes about it, or what is wrong with it.
pub(super) type Lowered = Result<(Rule, Vec<Diagnostic>), Vec<Diagnostic>>;

/// Validates one rule. `base` is where the text that its spans are of starts in
/// the file.
pub(super) fn lower(origin: &Origin, base: usize, patterns: &mut Patterns, raw: Spanned<RawRule>) -> Lowered {
    let span = raw.span();
    let mut lowering =
        Lowering { origin, base, patterns, head: span.start + base..span.end + base, objections: Vec::new() };
    let rule = lowering.rule(raw.into_inner());
    let Lowering { objections, .. } = lowering;
    match rule {
        Some(rule) if objections.iter().all(|diagnostic| diagnostic.level == super::Level::Note) => {
            Ok((rule, objections))
        }
        _ => Err(objections),
    }
}

struct Lowering<'o> {
    origin: &'o Origin,
    patterns: &'o mut Patterns,
    base: usize,
    head: Range<usize>,
    objections: Vec<Diagnostic>,
}

/// The keys that every rule has.
struct Required {
    id: String,
    name: String,
    secret_type: String,
    provider: String,
    category: String,
    severity: Severity,
    confidence: Confidence,
    description: String,
    remediation: String,
}

impl Lowering<'_> {
    fn rule(&mut self, mut raw: RawRule) -> Option<Rule> {
        let required = self.required(&mut raw);
        let matching = self.matching(&mut raw);
        let references = self.references(raw.references);
        let not_before = self.byte_set(raw.not_before.as_ref());
        let not_after = self.byte_set(raw.not_after.as_ref());
        let source = RuleSource {
            file: Arc::clone(&self.origin.file),
            text: Arc::clone(&self.origin.text),
            span: self.head.clone(),
            pattern: matching.as_ref().map(|matching| matching.span.clone()).unwrap_or_default(),
            not_before: raw.not_before.as_ref().map(|set| self.at(set.span())).unwrap_or_default(),
            not_after: raw.not_after.as_ref().map(|set| self.at(set.span())).unwrap_or_default(),
            checks: raw.checks.iter().map(|check| self.at(check.span())).collect(),
            contexts: raw.context.iter().map(|context| self.at(context.pattern.span())).collect(),
            nearby: raw.nearby.iter().map(|nearby| self.at(nearby.pattern.span())).collect(),
            places: raw.place.iter().map(|place| self.at(place.reported_as.span())).collect(),
            ignored_values: raw
                .ignore
                .iter()
                .flat_map(|ignore| &ignore.values)
                .map(|value| self.at(value.span()))
                .collect(),
            ignored_patterns: raw
                .ignore
                .iter()
                .flat_map(|ignore| &ignore.patterns)
                .map(|pattern| self.at(pattern.span()))
                .collect(),
        };
        let context = raw.context.into_iter().map(|context| self.context(context)).collect();
        let nearby = raw.nearby.into_iter().map(|nearby| self.nearby(nearby)).collect();
        let ignore = raw.ignore.map(|ignore| self.ignore(ignore)).unwrap_or_default();
        let places = raw.place.into_iter().map(|place| self.place(place)).collect();
        let target = raw.target.map(|target| self.target(target));
        for check in &raw.checks {
            if let Check::Base64Holds { patterns, optional, .. } = check.get_ref() {
                for pattern in patterns.iter().chain(optional) {
                    self.pattern(&Spanned::new(check.span(), pattern.clone()), Patterns::condition);
                }
            }
        }
        let (required, matching) = required.zip(matching)?;
        Some(Rule {
            id: required.id,
            name: required.name,
            secret_type: required.secret_type,
            provider: required.provider,
            category: required.category,
            severity: required.severity,
            confidence: required.confidence,
            description: required.description,
            remediation: required.remediation,
            references,
            pattern: matching.pattern,
            literals: matching.literals,
            max_length: matching.max_length,
            not_before,
            not_after,
            public_prefix: matching.public_prefix,
            priority: raw.priority.unwrap_or(Rule::DEFAULT_PRIORITY),
            context,
            nearby,
            checks: raw.checks.into_iter().map(Spanned::into_inner).collect(),
            ignore,
            places,
            target,
            validity: raw.validity.map(validity).unwrap_or_default(),
            examples: raw.example.into_iter().map(|example| self.example(example)).collect(),
            counter_examples: raw
                .counter_example
                .into_iter()
                .map(|example| CounterExample {
                    span: self.at(example.text.span()),
                    text: example.text.into_inner().0,
                })
                .collect(),
            source,
        })
    }

    /// A span of the raw rule as one of the file.
    fn at(&self, span: Range<usize>) -> Range<usize> {
        span.start + self.base..span.end + self.base
    }

    fn object(&mut self, diagnostic: Diagnostic) {
        self.objections.push(diagnostic);
    }

    fn error(&mut self, span: Range<usize>, message: impl Into<String>, help: &str) {
        self.object(self.origin.error(span, message).with_help(help));
    }

    fn required(&mut self, raw: &mut RawRule) -> Option<Required> {
        let id = self.id(raw.id.take());
        let mut line = |key: &'static str, value: Option<Spanned<String>>| self.text(key, value, false);
        let name = line("name", raw.name.take());
        let secret_type = line("type", raw.secret_type.take());
        let provider = line("provider", raw.provider.take());
        let category = line("category", raw.category.take());
        let description = self.text("description", raw.description.take(), true);
        let remediation = self.text("remediation", raw.remediation.take(), true);
        let missing: Vec<&str> = [
            ("id", id.is_none()),
            ("name", name.is_none()),
            ("type", secret_type.is_none()),
            ("provider", provider.is_none()),
            ("category", category.is_none()),
            ("severity", raw.severity.is_none()),
            ("confidence", raw.confidence.is_none()),
            ("description", description.is_none()),
            ("remediation", remediation.is_none()),
            ("pattern", raw.pattern.is_none()),
        ]
        .into_iter()
        .filter_map(|(key, missing)| missing.then_some(key))
        .filter(|key| !raw.left_out.iter().any(|name| name == key))
        .collect();
        if !missing.is_empty() {
            self.error(
                self.head.clone(),
                format!("the rule lacks {}", missing.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ")),
                "every rule has id, name, type, provider, category, severity, confidence, description, remediation and pattern",
            );
        }
        Some(Required {
            id: id?,
            name: name?,
            secret_type: secret_type?,
            provider: provider?,
            category: category?,
            severity: raw.severity?,
            confidence: raw.confidence?,
            description: description?,
            remediation: remediation?,
        })
    }

    fn id(&mut self, id: Option<Spanned<String>>) -> Option<String> {
        let id = id?;
        let text = id.get_ref();
        if !is_id(text) {
            self.error(
                self.at(id.span()),
                "bad id",
                "an id is of lower case letters, digits and single dashes between them, such as `github-pat-classic`",
            );
        }
        Some(id.into_inner())
    }

    /// A text that must not be empty nor hold control characters, but for line
    /// breaks and tabs where it may have several lines.
    fn text(&mut self, key: &str, value: Option<Spanned<String>>, lines: bool) -> Option<String> {
        let value = value?;
        let text = value.get_ref();
        let bad = |c: char| super::diagnostic::is_hidden(c) && !(lines && matches!(c, '\n' | '\r' | '\t'));
        if text.trim().is_empty() {
            self.error(self.at(value.span()), format!("`{key}` is empty"), "say it in a few words");
        } else if !is_plain(text, lines) && text.chars().any(bad) {
            self.error(
                self.at(value.span()),
                format!("`{key}` holds a control character"),
                "it would reach the terminal of whoever reads the finding: leave it out",
            );
        }
        Some(value.into_inner())
    }

    fn references(&mut self, references: Vec<Spanned<String>>) -> Vec<String> {
        for reference in &references {
            let text = reference.get_ref();
            let web = text.starts_with("https://") || text.starts_with("http://");
            if !web || text.chars().any(|c| c.is_whitespace() || super::diagnostic::is_hidden(c)) {
                self.error(
                    self.at(reference.span()),
                    "not a web address",
                    "a reference starts with https://",
                );
            }
        }
        references.into_iter().map(Spanned::into_inner).collect()
    }

    fn byte_set(&mut self, class: Option<&Spanned<String>>) -> ByteSet {
        let Some(class) = class else { return ByteSet::empty() };
        self.pattern(class, Patterns::byte_set).unwrap_or_default()
    }

    /// Parses an expression; what is wrong with it is underlined within its literal.
    fn pattern<T>(
        &mut self,
        written: &Spanned<String>,
        parse: fn(&mut Patterns, &str) -> Result<T, Flaw>,
    ) -> Option<T> {
        match parse(self.patterns, written.get_ref()) {
            Ok(parsed) => Some(parsed),
            Err(flaw) => {
                let whole = self.at(written.span());
                let span = flaw
                    .span
                    .and_then(|span| within_literal(&self.origin.text, &whole, written.get_ref(), &span))
                    .unwrap_or(whole);
                let mut diagnostic = self.origin.error(span, flaw.message);
                diagnostic.help = flaw.help;
                self.object(diagnostic);
                None
            }
        }
    }

    fn within(&mut self, within: &Spanned<u32>) -> u32 {
        let bytes = *within.get_ref();
        if bytes == 0 || bytes > Rule::MAX_REACH {
            self.error(self.at(within.span()), "`within` is out of range", "1 to 4096 bytes");
        }
        bytes
    }

    fn context(&mut self, raw: RawContext) -> Context {
        self.pattern(&raw.pattern, Patterns::condition);
        Context {
            within_bytes: self.within(&raw.within),
            pattern: raw.pattern.into_inner(),
            within_lines: raw.lines,
            side: raw.side.unwrap_or(Side::Around),
            mode: raw.mode.unwrap_or(ContextMode::Require),
        }
    }

    fn nearby(&mut self, raw: RawNearby) -> Nearby {
        self.pattern(&raw.pattern, Patterns::companion);
        Nearby {
            within_bytes: self.within(&raw.within),
            pattern: raw.pattern.into_inner(),
            within_lines: raw.lines,
            side: raw.side.unwrap_or(Side::Around),
            required: raw.required.unwrap_or(true),
        }
    }

    fn place(&mut self, raw: RawPlace) -> Place {
        self.pattern(&raw.path, Patterns::condition);
        Place {
            path: raw.path.into_inner(),
            reported_as: raw.reported_as.into_inner(),
            attributes: raw.attributes,
        }
    }

    fn ignore(&mut self, raw: RawIgnore) -> Ignore {
        for written in &raw.patterns {
            self.pattern(written, Patterns::condition);
        }
        Ignore {
            values: raw.values.into_iter().map(|value| value.into_inner().0).collect(),
            patterns: raw.patterns.into_iter().map(Spanned::into_inner).collect(),
            blake3: self.digests(raw.blake3, "b3sum --no-names"),
            sha256: self.digests(raw.sha256, "sha256sum"),
        }
    }

    fn digests(&mut self, digests: Vec<Spanned<String>>, tool: &str) -> Vec<String> {
        for digest in &digests {
            let text = digest.get_ref();
            if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                let help = format!("a digest is 64 hex digits: printf %s \"$SAMPLE\" | {tool}");
                self.error(self.at(digest.span()), "not a digest", &help);
            }
        }
        digests.into_iter().map(|digest| digest.into_inner().to_ascii_lowercase()).collect()
    }

    fn target(&mut self, raw: RawTarget) -> TargetTemplate {
        if !template_is_good(raw.id.get_ref()) {
            self.error(
                self.at(raw.id.span()),
                "bad template",
                "each place is an attribute in braces, such as \"{account}.blob.{suffix}\"",
            );
        }
        TargetTemplate { kind: raw.kind, id: raw.id.into_inner() }
    }

    fn example(&self, raw: super::raw::RawExample) -> Example {
        Example {
            span: self.at(raw.text.span()),
            text: raw.text.into_inner().0,
            secret: raw.secret.map(|secret| secret.0),
            attributes: raw.attributes.into_iter().map(|(name, value)| (name, value.0)).collect(),
        }
    }
}

/// Whether a text can be the id of a rule: lower case letters, digits and single
/// dashes between them, at most 100 bytes.
#[must_use]
pub fn is_id(text: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    text.len() <= MAX_ID && text.split('-').all(|part| !part.is_empty() && part.bytes().all(good))
}

/// Whether all is printable ASCII, or line feeds where there may be some: nearly
/// every text is, and this is checked fast.
fn is_plain(text: &str, lines: bool) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~') || lines && byte == b'\n')
}

fn validity(raw: RawValidity) -> ValidityFields {
    ValidityFields { issued_at: raw.issued_at, not_before: raw.not_before, expires_at: raw.expires_at }
}

/// Whether each `{` has its `}` with a name between.
fn template_is_good(template: &str) -> bool {
    let mut parts = template.split('{');
    parts.next().is_some_and(|head| !head.contains('}'))
        && parts.all(|part| {
            part.split_once('}').is_some_and(|(name, rest)| {
                let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
                !name.is_empty() && name.bytes().all(word) && !rest.contains('}')
            })
        })
}
