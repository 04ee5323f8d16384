//! Settings that stand together: the names and values of the INI section, YAML
//! mapping, block of an environment file, JSON or other object in brackets, or XML
//! element that encloses a place.
//!
//! Configuration splits a login over several names: the host here, the user and
//! the password in the lines after it. Given a text and a place in it, [`Settings`]
//! are all that stand beside the place, with decoded values and where each one is.
//! The format is recognised from the text itself, since a part of a file is all
//! that there is.
//!
//! Bounds: at most [`MAX_SIDE`] bytes on either side are looked at, a constant
//! number of times; nothing recurses.

mod brackets;
mod cells;
mod lines;
mod quotes;
pub mod role;
#[cfg(test)]
mod tests;
mod words;
mod xml;

use std::ops::Range;

use super::connection_string::Value;

/// How far to either side of the place settings may stand, in bytes.
pub const MAX_SIDE: usize = 1536;
/// The most settings that are kept.
const MAX_ITEMS: usize = 96;

/// A name with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The name as it is written, without quotes.
    pub name: String,
    /// The value, its quotes and escapes undone, and where it stands.
    pub value: Value,
    /// Where the whole setting stands, from the name to the end of the value.
    pub span: Range<usize>,
    /// Whether the value stands in quotes, or is the text of an XML element.
    pub quoted: bool,
    /// Whether it is a statement of a program (`var x = "y";`) and not a setting of
    /// a configuration file.
    pub code: bool,
    /// Whether it stands on a line of its own that is indented.
    pub indented: bool,
}

/// How the settings are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// One a line: `.env`, INI, properties, shell, TOML, HCL, assignments.
    Lines,
    /// One a line with a colon: YAML and the like.
    Yaml,
    /// In brackets: JSON, objects and arrays of programming languages, arguments
    /// by name.
    Brackets,
    /// Attributes or child elements of XML.
    Xml,
}

/// The settings around a place.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How they are written.
    pub syntax: Syntax,
    /// The section, key or element that holds them, where it has a name.
    pub section: Option<String>,
    /// All of them, in order.
    pub items: Vec<Setting>,
    own: usize,
}

impl Settings {
    /// The settings beside the byte at `at`, which stands in one of them: in its
    /// name, its value, or between the two. `None` where nothing around it is a
    /// setting.
    #[must_use]
    pub fn around(text: &[u8], at: usize) -> Option<Self> {
        let left = at.saturating_sub(MAX_SIDE);
        let right = at.saturating_add(MAX_SIDE).min(text.len());
        let text = text.get(..right)?;
        if xml::is_inside(text, at) {
            return xml::read(text, left, at);
        }
        lines::read(text, left, at).or_else(|| brackets::read(text, left, at))
    }

    /// The settings beside a server's address that is a line, a cell of a table or
    /// a word of neither.
    #[must_use]
    pub fn beside_address(text: &[u8], at: usize) -> Option<Self> {
        let left = at.saturating_sub(MAX_SIDE);
        let right = at.saturating_add(MAX_SIDE).min(text.len());
        let text = text.get(..right)?;
        cells::read_at_value(text, left, at).or_else(|| lines::read_beside(text, left, at))
    }

    /// The settings of the object that holds the byte at `at`, with those of the
    /// objects inside it.
    #[must_use]
    pub fn nested(text: &[u8], at: usize) -> Option<Self> {
        let left = at.saturating_sub(MAX_SIDE);
        let right = at.saturating_add(MAX_SIDE).min(text.len());
        let text = text.get(..right)?;
        lines::read_deeper(text, left, at).or_else(|| brackets::read_nested(text, left, at))
    }

    /// The settings beside the one in whose name the byte at `at` stands.
    #[must_use]
    pub fn around_name(text: &[u8], at: usize) -> Option<Self> {
        let in_name = |found: &Self| found.own().is_some_and(|own| at < own.value.span.start);
        let left = at.saturating_sub(MAX_SIDE);
        let right = at.saturating_add(MAX_SIDE).min(text.len());
        let text = text.get(..right)?;
        let found =
            if xml::is_inside(text, at) { xml::read(text, left, at) } else { lines::read(text, left, at) };
        // The value of a setting may hold settings: `options = user=x password=y`.
        found
            .filter(in_name)
            .or_else(|| brackets::read(text, left, at).filter(in_name))
            .or_else(|| words::read(text, left, at))
            .or_else(|| cells::read(text, left, at))
    }

    /// Settings of a program near the byte at `at`, whatever brackets stand
    /// between them and it: an array of options that follows the name of a server.
    #[must_use]
    pub fn near(text: &[u8], at: usize) -> Option<Self> {
        let left = at.saturating_sub(MAX_SIDE / 2);
        let right = at.saturating_add(MAX_SIDE / 2).min(text.len());
        brackets::read_near(text.get(..right)?, left, at)
    }

    /// The setting in which the given place stands.
    #[must_use]
    pub fn own(&self) -> Option<&Setting> {
        self.items.get(self.own)
    }

    /// The others, nearest first.
    pub fn others(&self) -> impl Iterator<Item = &Setting> {
        let after = self.items.get(self.own.saturating_add(1)..).unwrap_or_default();
        let before = self.items.get(..self.own).unwrap_or_default();
        let mut order: Vec<&Setting> = Vec::with_capacity(self.items.len());
        let (mut after, mut before) = (after.iter(), before.iter().rev());
        loop {
            let (next, previous) = (after.next(), before.next());
            if next.is_none() && previous.is_none() {
                break;
            }
            order.extend(next);
            order.extend(previous);
        }
        order.into_iter()
    }

    /// Makes settings of those that stand together; `None` where the place is in
    /// none of them.
    fn of(syntax: Syntax, section: Option<String>, items: Vec<Setting>, at: usize) -> Option<Self> {
        let own = items.iter().position(|item| item.span.start <= at && at <= item.span.end)?;
        Some(Self { syntax, section, items, own })
    }
}

/// A byte that a name may hold.
fn in_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_.-/@$".contains(&byte)
}

/// The text of some bytes.
fn text_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
