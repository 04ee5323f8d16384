//! A match of a rule's pattern on its way through the rule's conditions and checks.

use std::borrow::Cow;
use std::ops::Range;

/// A match that is being verified. Checks read the text around it, may refine
/// what the secret is, and add attributes.
///
/// `text` is the match with at most [`crate::rules::Rule::MAX_REACH`] bytes on
/// either side, cut at the ends of the content; all ranges are within `text`.
/// Nothing else of the content can be seen, so that a verdict cannot depend on
/// how the content was cut into windows.
#[derive(Clone, Debug)]
pub struct Hit<'t> {
    /// The surroundings, the match included.
    pub text: &'t [u8],
    /// The match of the rule's pattern.
    pub span: Range<usize>,
    /// The secret: the group `secret`, or the whole match.
    pub secret: Range<usize>,
    /// The value of the secret where it differs from the bytes at `secret`
    /// (an escape undone, a quoted password without its doubling).
    pub value: Option<Vec<u8>>,
    /// Further ranges that belong to this finding: a companion, the enclosing
    /// connection string. No other rule reports a secret in them.
    pub claims: Vec<Range<usize>>,
    /// Attributes by name, in order of discovery; the first of a name wins.
    pub attributes: Vec<(Cow<'t, str>, String)>,
    /// Further secrets that the match shows: the other rows of a table.
    pub more: Vec<Further<'t>>,
}

/// A further secret of a match, which becomes a finding of its own.
#[derive(Clone, Debug)]
pub struct Further<'t> {
    /// The secret.
    pub secret: Range<usize>,
    /// Its value where it differs from the bytes at `secret`.
    pub value: Option<Vec<u8>>,
    /// Its attributes.
    pub attributes: Vec<(Cow<'t, str>, String)>,
}

impl<'t> Hit<'t> {
    /// The secret's value.
    #[must_use]
    pub fn secret_bytes(&self) -> &[u8] {
        match &self.value {
            Some(value) => value,
            None => self.text.get(self.secret.clone()).unwrap_or_default(),
        }
    }

    /// A hit for each further secret.
    pub(crate) fn further(&self) -> impl Iterator<Item = Self> + '_ {
        self.more.iter().map(|further| Self {
            text: self.text,
            span: further.secret.clone(),
            secret: further.secret.clone(),
            value: further.value.clone(),
            claims: Vec::new(),
            attributes: further.attributes.clone(),
            more: Vec::new(),
        })
    }

    /// The bytes of the match.
    #[must_use]
    pub fn matched(&self) -> &'t [u8] {
        self.text.get(self.span.clone()).unwrap_or_default()
    }

    /// The value of an attribute.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Adds an attribute unless one of that name is there or the value is empty.
    pub fn add_attribute(&mut self, name: impl Into<Cow<'t, str>>, value: impl Into<String>) {
        let (name, value) = (name.into(), value.into());
        if !value.is_empty() && self.attribute(&name).is_none() {
            self.attributes.push((name, value));
        }
    }
}
