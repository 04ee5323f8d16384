//! The tokens of binary XML, one after the other.

use std::ops::Range;

use super::{le16, le32, utf16};

/// The most characters of a name that are kept.
const MAX_NAME: usize = 64;
/// The deepest elements.
const MAX_DEPTH: usize = 64;

/// A place in an event: what stands there, or which value belongs there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Slot {
    /// The element, of `<Data Name="…">` that name.
    pub(super) element: String,
    /// The attribute of it.
    pub(super) attribute: Option<String>,
    /// The number of the value.
    pub(super) index: Option<u16>,
    /// Text that stands there.
    pub(super) text: Option<String>,
}

impl Slot {
    /// It is the name of what wrote the event.
    pub(super) fn is_provider(&self) -> bool {
        self.element == "Provider" && self.attribute.as_deref() == Some("Name")
    }
}

/// Reads tokens in a part of a chunk.
pub(super) struct Tokens<'c> {
    chunk: &'c [u8],
    at: usize,
    end: usize,
    /// The names of open elements, each with the `Name` that it has.
    open: Vec<(String, Option<String>)>,
    /// The attribute that is being read.
    attribute: Option<String>,
    slots: Vec<Slot>,
}

impl<'c> Tokens<'c> {
    pub(super) fn new(chunk: &'c [u8], range: Range<usize>) -> Self {
        let end = range.end.min(chunk.len());
        Self { chunk, at: range.start, end, open: Vec::new(), attribute: None, slots: Vec::new() }
    }

    /// All places; `None` where a token is damaged.
    pub(super) fn slots(mut self) -> Option<Vec<Slot>> {
        while self.at < self.end {
            let token = self.byte()?;
            match token & 0xbf {
                0x00 => break,
                0x01 => {
                    // What it depends on, its length, its name, and the length of its attributes.
                    self.skip(6)?;
                    let name = self.name()?;
                    if token & 0x40 != 0 {
                        self.skip(4)?;
                    }
                    if self.open.len() >= MAX_DEPTH {
                        return None;
                    }
                    self.open.push((name, None));
                    self.attribute = None;
                }
                0x02 => self.attribute = None,
                0x03 | 0x04 => {
                    self.open.pop();
                    self.attribute = None;
                }
                0x05 => {
                    self.skip(1)?;
                    let text = self.text()?;
                    let is_name = self.attribute.as_deref() == Some("Name");
                    if let Some((_, own)) = self.open.last_mut().filter(|_| is_name) {
                        *own = Some(text.chars().take(MAX_NAME).collect());
                    }
                    self.push(None, Some(text));
                }
                0x06 => {
                    let name = self.name()?;
                    self.attribute = Some(name);
                }
                0x07 | 0x0b => {
                    let text = self.text()?;
                    self.push(None, Some(text));
                }
                0x08 => self.skip(2)?,
                0x09 | 0x0a => {
                    self.name()?;
                }
                0x0d | 0x0e => {
                    let index = le16(self.chunk, self.at)?;
                    self.skip(3)?;
                    self.push(Some(index), None);
                }
                0x0f => self.skip(3)?,
                _ => return None,
            }
        }
        Some(self.slots)
    }

    fn push(&mut self, index: Option<u16>, text: Option<String>) {
        let Some((element, name)) = self.open.last() else { return };
        let attribute = self.attribute.clone();
        // Of an element the name that tells it from others of its kind.
        let element = match (&attribute, name) {
            (None, Some(name)) => name.clone(),
            _ => element.clone(),
        };
        self.slots.push(Slot { element, attribute, index, text });
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = *self.chunk.get(self.at)?;
        self.skip(1)?;
        Some(byte)
    }

    fn skip(&mut self, bytes: usize) -> Option<()> {
        self.at = self.at.checked_add(bytes).filter(|at| *at <= self.end)?;
        Some(())
    }

    /// A text: the number of its characters, then them.
    fn text(&mut self) -> Option<String> {
        let length = usize::from(le16(self.chunk, self.at)?).checked_mul(2)?;
        self.skip(2)?;
        let from = self.at;
        self.skip(length)?;
        Some(utf16(self.chunk.get(from..self.at)?))
    }

    /// A name: its place, and itself where that is here. Before it stands where another with the
    /// same sum is, and the sum; behind it a zero.
    fn name(&mut self) -> Option<String> {
        let place = usize::try_from(le32(self.chunk, self.at)?).ok()?;
        self.skip(4)?;
        let length = usize::from(le16(self.chunk, place.checked_add(6)?)?);
        let start = place.checked_add(8)?;
        let bytes = length.checked_mul(2)?;
        let name = self.chunk.get(start..start.checked_add(bytes.min(2 * MAX_NAME))?)?;
        if place == self.at {
            self.skip(8)?;
            self.skip(bytes)?;
            self.skip(2)?;
        }
        Some(utf16(name))
    }
}
