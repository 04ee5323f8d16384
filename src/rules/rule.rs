//! A validated rule.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::diagnostic::within_literal;
use super::{Check, Diagnostic};
use crate::finding::{Confidence, Severity};

/// A set of byte values.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct ByteSet([u64; 4]);

impl ByteSet {
    /// The set of no byte.
    #[must_use]
    pub const fn empty() -> Self {
        Self([0; 4])
    }

    /// Adds a byte.
    pub fn insert(&mut self, byte: u8) {
        if let Some(word) = self.0.get_mut(usize::from(byte >> 6)) {
            *word |= 1 << (byte & 63);
        }
    }

    /// Adds every byte from `first` to `last`, both included.
    pub fn insert_range(&mut self, first: u8, last: u8) {
        for byte in first..=last {
            self.insert(byte);
        }
    }

    /// Adds every byte of another set.
    pub fn insert_all(&mut self, other: &Self) {
        for (word, more) in self.0.iter_mut().zip(other.0) {
            *word |= more;
        }
    }

    /// Whether the byte is in the set.
    #[must_use]
    #[inline]
    pub const fn contains(&self, byte: u8) -> bool {
        // Two bits are less than 4.
        self.0[(byte >> 6) as usize] >> (byte & 63) & 1 == 1
    }

    /// How many bytes are in the set.
    #[must_use]
    pub fn len(&self) -> u32 {
        self.0.iter().map(|word| word.count_ones()).sum()
    }

    /// Whether no byte is in the set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl std::fmt::Debug for ByteSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ByteSet({} bytes)", self.len())
    }
}

/// A literal such that every match of the rule contains one of the rule's
/// literals, with the place in the match where it may stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Literal {
    /// At least 3 bytes. Lower case where `fold` is set.
    pub bytes: Box<[u8]>,
    /// Whether ASCII letters match in either case.
    pub fold: bool,
    /// The least distance in bytes from the start of the match to the literal.
    pub min_offset: u32,
    /// The greatest such distance: at most [`Rule::MAX_LITERAL_OFFSET`].
    pub max_offset: u32,
}

/// On which side of the match something must stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// Before the match.
    Before,
    /// After the match.
    After,
    /// On either side (the match itself is part of the text that is searched).
    Around,
}

/// Whether a context must be there or must not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum ContextMode {
    /// It must be there.
    Require,
    /// It must not be there.
    Forbid,
}

/// Something that must, or must not, stand near a match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    /// A regular expression over bytes.
    pub pattern: String,
    /// Within how many bytes of the match: at most [`Rule::MAX_REACH`].
    pub within_bytes: u32,
    /// And within how many lines: 0 is the match's own line.
    pub within_lines: Option<u32>,
    /// On which side.
    pub side: Side,
    /// Must, or must not.
    pub mode: ContextMode,
}

/// A second pattern near the match whose named groups add to the finding: the
/// nearest match wins. Its group `secret`, where it has one, is the secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nearby {
    /// A regular expression over bytes with named groups.
    pub pattern: String,
    /// Within how many bytes of the match: at most [`Rule::MAX_REACH`].
    pub within_bytes: u32,
    /// And within how many lines: 0 is the match's own line.
    pub within_lines: Option<u32>,
    /// On which side.
    pub side: Side,
    /// Whether there is no finding without it.
    pub required: bool,
}

/// Values that are not secrets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ignore {
    /// Exact values of the secret or of any attribute.
    pub values: Vec<String>,
    /// Regular expressions over the secret.
    pub patterns: Vec<String>,
    /// BLAKE3 digests (64 hex digits) of secrets that are published samples.
    pub blake3: Vec<String>,
    /// SHA-256 digests (64 hex digits) of secrets that are published samples.
    pub sha256: Vec<String>,
}

/// Paths at which a finding of one rule is reported as one of another: the text of
/// a secret does not always tell what it is for, and its place may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// A regular expression over the bytes of the path.
    pub path: String,
    /// The id of the rule that such a finding is reported as.
    pub reported_as: String,
    /// Attributes that the finding must have, with their values.
    pub attributes: BTreeMap<String, String>,
}

/// How a finding's target is made from its attributes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetTemplate {
    /// The kind of resource.
    pub kind: String,
    /// The identifier with `{attribute}` places; a finding that lacks one of the
    /// attributes has no target.
    pub id: String,
}

/// Which attributes hold the times of a finding's validity. Each holds an RFC
/// 3339 time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ValidityFields {
    /// Issued.
    pub issued_at: Option<String>,
    /// Not before.
    pub not_before: Option<String>,
    /// Expiry.
    pub expires_at: Option<String>,
}

/// A text in which the rule must match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// The text, its parts joined.
    pub text: String,
    /// Where it stands in its pack: byte span, for messages.
    pub span: std::ops::Range<usize>,
    /// The secret that must be found, where given.
    pub secret: Option<String>,
    /// Attributes that the finding must have, with their values.
    pub attributes: BTreeMap<String, String>,
}

/// A text in which the rule must not match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CounterExample {
    /// The text, its parts joined.
    pub text: String,
    /// Where it stands in its pack: byte span, for messages.
    pub span: std::ops::Range<usize>,
}

/// Where a rule stands in its pack, for messages about it. Spans are in bytes.
#[derive(Clone, Default)]
pub struct RuleSource {
    /// The name of the file.
    pub file: Arc<str>,
    /// The text of the file.
    pub text: Arc<str>,
    /// The head of the rule.
    pub span: std::ops::Range<usize>,
    /// The value of its `pattern`.
    pub pattern: std::ops::Range<usize>,
    /// The value of its `not_before`; empty where it has none.
    pub not_before: std::ops::Range<usize>,
    /// The value of its `not_after`; empty where it has none.
    pub not_after: std::ops::Range<usize>,
    /// Each of its `checks`, in order.
    pub checks: Box<[std::ops::Range<usize>]>,
    /// The pattern of each `[[rule.context]]`, in order.
    pub contexts: Box<[std::ops::Range<usize>]>,
    /// The pattern of each `[[rule.nearby]]`, in order.
    pub nearby: Box<[std::ops::Range<usize>]>,
    /// The `as` of each `[[rule.place]]`, in order.
    pub places: Box<[std::ops::Range<usize>]>,
    /// Each of `ignore.values`, in order.
    pub ignored_values: Box<[std::ops::Range<usize>]>,
    /// Each of `ignore.patterns`, in order.
    pub ignored_patterns: Box<[std::ops::Range<usize>]>,
}

/// Without the text.
impl std::fmt::Debug for RuleSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RuleSource({:?}, {:?})", self.file, self.span)
    }
}

/// A validated rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Stable identifier: lower case, digits and dashes.
    pub id: String,
    /// Short name for a person.
    pub name: String,
    /// The official name of the secret type.
    pub secret_type: String,
    /// Who issues secrets of this type.
    pub provider: String,
    /// A grouping of rules.
    pub category: String,
    /// How bad a finding is.
    pub severity: Severity,
    /// How sure a finding is.
    pub confidence: Confidence,
    /// What the secret is and why it matters.
    pub description: String,
    /// What to do about a finding.
    pub remediation: String,
    /// Where the facts come from.
    pub references: Vec<String>,
    /// The regular expression over bytes, Unicode off.
    pub pattern: String,
    /// See [`Literal`]; at least one.
    pub literals: Vec<Literal>,
    /// The most bytes that a match may have.
    pub max_length: u32,
    /// Bytes that must not stand right before the match.
    pub not_before: ByteSet,
    /// Bytes that must not stand right after the match.
    pub not_after: ByteSet,
    /// How many first bytes of the secret are the same in all secrets of the type
    /// and may be shown.
    pub public_prefix: u32,
    /// Which rule wins where two claim the same bytes: the higher one.
    pub priority: i32,
    /// Conditions on the surroundings.
    pub context: Vec<Context>,
    /// Companions.
    pub nearby: Vec<Nearby>,
    /// Checks, in order; the first that refuses ends it.
    pub checks: Vec<Check>,
    /// Values that are not secrets.
    pub ignore: Ignore,
    /// Paths at which it is another rule's; the first that fits decides.
    pub places: Vec<Place>,
    /// What the secret opens.
    pub target: Option<TargetTemplate>,
    /// From when to when it is good.
    pub validity: ValidityFields,
    /// Texts that must match.
    pub examples: Vec<Example>,
    /// Texts that must not.
    pub counter_examples: Vec<CounterExample>,
    /// Where it comes from.
    pub source: RuleSource,
}

impl Rule {
    /// A bare rule for programs that make their own: no texts, no conditions, a
    /// match of at most [`Rule::DEFAULT_MAX_LENGTH`] bytes.
    #[must_use]
    pub fn new(id: &str, pattern: &str, literals: Vec<Literal>) -> Self {
        Self {
            id: id.to_owned(),
            name: id.to_owned(),
            secret_type: id.to_owned(),
            provider: String::new(),
            category: String::new(),
            severity: Severity::Medium,
            confidence: Confidence::Medium,
            description: String::new(),
            remediation: String::new(),
            references: Vec::new(),
            pattern: pattern.to_owned(),
            literals,
            max_length: Self::DEFAULT_MAX_LENGTH,
            not_before: ByteSet::empty(),
            not_after: ByteSet::empty(),
            public_prefix: 0,
            priority: Self::DEFAULT_PRIORITY,
            context: Vec::new(),
            nearby: Vec::new(),
            checks: Vec::new(),
            ignore: Ignore::default(),
            places: Vec::new(),
            target: None,
            validity: ValidityFields::default(),
            examples: Vec::new(),
            counter_examples: Vec::new(),
            source: RuleSource::default(),
        }
    }

    /// An error about a part of this rule, for example one of its examples that
    /// fails; `span` is one of [`RuleSource`], [`Example`] or [`CounterExample`].
    #[must_use]
    pub fn error_at(&self, span: std::ops::Range<usize>, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(&self.source.file, &self.source.text, span, message)
    }

    /// Where a part of the pattern stands in the pack: all of the pattern where it
    /// is written with escapes.
    #[must_use]
    pub fn place_in_pattern(&self, part: &std::ops::Range<usize>) -> std::ops::Range<usize> {
        let whole = &self.source.pattern;
        within_literal(&self.source.text, whole, &self.pattern, part).unwrap_or_else(|| whole.clone())
    }

    /// How far from the start of a match its literal may stand, in bytes.
    pub const MAX_LITERAL_OFFSET: u32 = 256;
    /// How far from a match its contexts, companions and checks may look, in bytes.
    pub const MAX_REACH: u32 = 4096;
    /// The most bytes that a match may have, whatever the rule says.
    pub const MAX_MATCH_LENGTH: u32 = 64 * 1024;
    /// The most bytes that a match may have where neither the pattern nor the rule
    /// says.
    pub const DEFAULT_MAX_LENGTH: u32 = 4096;
    /// The priority of a rule that gives none.
    pub const DEFAULT_PRIORITY: i32 = 50;
}

/// Rules that are used together; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct RuleSet {
    rules: Arc<[Rule]>,
    digest: String,
}

impl RuleSet {
    /// A set of validated rules. `digest` identifies their sources (BLAKE3 hex).
    #[must_use]
    pub fn new(rules: Vec<Rule>, digest: String) -> Self {
        Self { rules: rules.into(), digest }
    }

    /// The rules, in order of their packs.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// BLAKE3 over the sources of all packs, in hex.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }
}
