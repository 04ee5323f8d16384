//! The text in which LVM keeps its metadata.
//!
//! Grammar: `lib/config/config.c` of LVM2 and the libvslvm documentation §Metadata:
//! sections `name { … }`, assignments `name = value`, values that are numbers,
//! strings in quotation marks with `\` before what is meant itself, or lists of
//! these; `#` to the end of a line is a comment.
//!
//! The text is hostile like every other: nesting and the number of values are
//! bounded, nothing recurses.

use std::borrow::Cow;

/// How deep sections may lie in each other; LVM's own need four.
const MAX_DEPTH: usize = 16;
/// The most values and sections; a group of 10,000 thin volumes has 250,000.
const MAX_VALUES: usize = 1 << 19;

/// Names with what they stand for, in the order of the text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Section<'t>(pub(super) Vec<(&'t str, Value<'t>)>);

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value<'t> {
    Number(i64),
    Text(Cow<'t, str>),
    List(Vec<Value<'t>>),
    Section(Section<'t>),
}

impl<'t> Section<'t> {
    /// What a name stands for.
    pub(super) fn get(&self, name: &str) -> Option<&Value<'t>> {
        self.0.iter().find(|(other, _)| *other == name).map(|(_, value)| value)
    }

    /// A section by its name.
    pub(super) fn section(&self, name: &str) -> Option<&Self> {
        match self.get(name)? {
            Value::Section(section) => Some(section),
            _ => None,
        }
    }

    /// The sections in it.
    pub(super) fn sections(&self) -> impl Iterator<Item = (&'t str, &Self)> {
        self.0.iter().filter_map(|(name, value)| match value {
            Value::Section(section) => Some((*name, section)),
            _ => None,
        })
    }

    /// A number that is not negative.
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        match self.get(name)? {
            Value::Number(number) => u64::try_from(*number).ok(),
            _ => None,
        }
    }

    /// A string.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_text()
    }

    /// A list; a single value counts as one.
    pub(super) fn list(&self, name: &str) -> &[Value<'t>] {
        match self.get(name) {
            Some(Value::List(values)) => values,
            Some(value) => std::slice::from_ref(value),
            None => &[],
        }
    }
}

impl Value<'_> {
    /// A string.
    pub(super) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// Why a text is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TextError {
    /// It breaks the grammar, at this byte.
    Syntax(usize),
    /// It is deeper or longer than is read.
    TooMuch(usize),
}

/// A piece of the text.
#[derive(Debug, PartialEq, Eq)]
enum Token<'t> {
    Word(&'t str),
    Quoted(Cow<'t, str>),
    Mark(u8),
    End,
}

struct Tokens<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Tokens<'t> {
    fn next(&mut self) -> Result<Token<'t>, TextError> {
        let bytes = self.text.as_bytes();
        loop {
            match bytes.get(self.at) {
                None | Some(0) => return Ok(Token::End),
                Some(byte) if byte.is_ascii_whitespace() => self.at += 1,
                Some(b'#') => {
                    let rest = bytes.get(self.at..).unwrap_or_default();
                    self.at += rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
                }
                Some(b'"') => return self.quoted(),
                Some(mark @ (b'{' | b'}' | b'[' | b']' | b'=' | b',')) => {
                    self.at += 1;
                    return Ok(Token::Mark(*mark));
                }
                Some(_) => {
                    let rest = bytes.get(self.at..).unwrap_or_default();
                    let ends = |byte: &u8| byte.is_ascii_whitespace() || b"{}[]=,\"#\0".contains(byte);
                    let length = rest.iter().position(ends).unwrap_or(rest.len());
                    let word = self.text.get(self.at..self.at + length).unwrap_or_default();
                    self.at += length;
                    return Ok(Token::Word(word));
                }
            }
        }
    }

    fn quoted(&mut self) -> Result<Token<'t>, TextError> {
        let start = self.at + 1;
        let bytes = self.text.as_bytes();
        let mut end = start;
        let mut escaped = false;
        loop {
            match bytes.get(end) {
                None => return Err(TextError::Syntax(self.at)),
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    end += 2;
                }
                Some(_) => end += 1,
            }
        }
        self.at = end + 1;
        let inner = self.text.get(start..end).ok_or(TextError::Syntax(start))?;
        if !escaped {
            return Ok(Token::Quoted(Cow::Borrowed(inner)));
        }
        let mut plain = String::with_capacity(inner.len());
        let mut characters = inner.chars();
        while let Some(character) = characters.next() {
            plain.extend(if character == '\\' { characters.next() } else { Some(character) });
        }
        Ok(Token::Quoted(Cow::Owned(plain)))
    }
}

/// Reads a whole text.
pub(super) fn parse(text: &str) -> Result<Section<'_>, TextError> {
    let mut tokens = Tokens { text, at: 0 };
    let mut count = 0_usize;
    let mut current = Section::default();
    let mut outer: Vec<(&str, Section<'_>)> = Vec::new();
    loop {
        let at = tokens.at;
        count += 1;
        if count > MAX_VALUES || outer.len() > MAX_DEPTH {
            return Err(TextError::TooMuch(at));
        }
        match tokens.next()? {
            Token::Word(name) => match tokens.next()? {
                Token::Mark(b'{') => outer.push((name, std::mem::take(&mut current))),
                Token::Mark(b'=') => {
                    let value = value(&mut tokens, &mut count)?;
                    current.0.push((name, value));
                }
                _ => return Err(TextError::Syntax(at)),
            },
            Token::Mark(b'}') => {
                let (name, mut parent) = outer.pop().ok_or(TextError::Syntax(at))?;
                std::mem::swap(&mut parent, &mut current);
                current.0.push((name, Value::Section(parent)));
            }
            Token::End if outer.is_empty() => return Ok(current),
            _ => return Err(TextError::Syntax(at)),
        }
    }
}

fn value<'t>(tokens: &mut Tokens<'t>, count: &mut usize) -> Result<Value<'t>, TextError> {
    let at = tokens.at;
    let single = |token| match token {
        Token::Quoted(text) => Some(Value::Text(text)),
        Token::Word(word) => Some(word.parse().map_or(Value::Text(Cow::Borrowed(word)), Value::Number)),
        _ => None,
    };
    let first = tokens.next()?;
    if first != Token::Mark(b'[') {
        return single(first).ok_or(TextError::Syntax(at));
    }
    let mut values = Vec::new();
    loop {
        let at = tokens.at;
        *count += 1;
        if *count > MAX_VALUES {
            return Err(TextError::TooMuch(at));
        }
        let token = tokens.next()?;
        if token == Token::Mark(b']') {
            return Ok(Value::List(values));
        }
        values.push(single(token).ok_or(TextError::Syntax(at))?);
        let at = tokens.at;
        match tokens.next()? {
            Token::Mark(b',') => {}
            Token::Mark(b']') => return Ok(Value::List(values)),
            _ => return Err(TextError::Syntax(at)),
        }
    }
}
