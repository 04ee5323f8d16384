//! Settings in XML: attributes of an element, its child elements, and elements
//! that hold a name and a value (`<add key="x" value="y"/>`,
//! `<property name="x">y</property>`).

use std::ops::Range;

use super::role::Named;
use super::{MAX_ITEMS, Setting, Settings, Syntax, in_name, text_of};
use crate::formats::connection_string::Value;
use crate::formats::escape::{Escapes, unescape};

/// How far before a place its tag may begin.
const MAX_TAG: usize = 2048;
/// The most elements that are kept open.
const MAX_DEPTH: usize = 64;

/// Whether a place stands in a tag, or in the text of an element that holds
/// nothing else.
pub(super) fn is_inside(text: &[u8], at: usize) -> bool {
    let left = at.saturating_sub(MAX_TAG);
    let before = text.get(left..at).unwrap_or_default();
    let Some(mark) = memchr::memrchr2(b'<', b'>', before) else { return false };
    let place = left.saturating_add(mark);
    if text.get(place) == Some(&b'<') {
        return is_tag(text.get(place..).unwrap_or_default());
    }
    // An arrow is no end of a tag.
    let tag = before.get(..mark).unwrap_or_default();
    if matches!(tag.last(), None | Some(b'-' | b'=' | b'/' | b' ' | b'?')) {
        return false;
    }
    let Some(open) = memchr::memrchr(b'<', tag) else { return false };
    let after = text.get(at..).unwrap_or_default();
    let close = memchr::memchr2(b'<', b'>', after).and_then(|place| after.get(place..));
    is_tag(tag.get(open..).unwrap_or_default()) && close.is_some_and(|close| close.starts_with(b"</"))
}

fn is_tag(bytes: &[u8]) -> bool {
    let name = bytes.get(1..).unwrap_or_default();
    let length = name.iter().take_while(|byte| in_name(**byte) || **byte == b':').count();
    length > 0
        && name.first().is_some_and(u8::is_ascii_alphabetic)
        && name.get(length).is_none_or(|byte| byte.is_ascii_whitespace() || matches!(byte, b'>' | b'/'))
}

/// An element.
struct Element {
    name: String,
    attributes: Vec<Setting>,
    /// The text of an element that holds nothing else.
    text: Option<Range<usize>>,
    /// From its `<` to the end of its text.
    span: Range<usize>,
    /// Index of the element that holds it, plus one.
    parent: usize,
}

/// The settings beside `at`, none before `left`.
pub(super) fn read(text: &[u8], left: usize, at: usize) -> Option<Settings> {
    let elements = elements(text, left, at);
    let own = elements.iter().rposition(|element| element.span.start <= at && at <= element.span.end)?;
    let element = elements.get(own)?;
    let section = |index: usize| {
        index.checked_sub(1).and_then(|index| elements.get(index)).map(|element| element.name.clone())
    };
    let beside = |of: &dyn Fn(&Element) -> Option<Setting>| -> Vec<Setting> {
        elements.iter().filter(|other| other.parent == element.parent).filter_map(of).collect()
    };
    if let Some(setting) = named_value(text, element) {
        let items = beside(&|other| named_value(text, other));
        // The place may stand in the name, before the value.
        let at = if setting.span.contains(&at) { at } else { setting.value.span.start };
        return Settings::of(Syntax::Xml, section(element.parent), items, at);
    }
    // `<password value="x"/>`: the name is that of the element.
    if let Some(setting) = valued(element).filter(|item| item.span.start <= at && at < item.value.span.start)
        && Named::of(&element.name).is_some()
    {
        let items = beside(&|other| valued(other).or_else(|| child(text, other)));
        let at = setting.value.span.start;
        return Settings::of(Syntax::Xml, section(element.parent), items, at);
    }
    if element.attributes.iter().any(|item| item.span.start <= at && at <= item.span.end) {
        return Settings::of(Syntax::Xml, Some(element.name.clone()), element.attributes.clone(), at);
    }
    if is_name(&element.name) && element.text.is_some() {
        return named_pairs(text, &elements, own, section(element.parent), at);
    }
    let items = beside(&|other| child(text, other));
    // The place may stand in the opening tag.
    let at = if element.text.is_some() { at } else { return None };
    Settings::of(Syntax::Xml, section(element.parent), items, at)
}

/// Whether an element holds the name of a setting.
fn is_name(element: &str) -> bool {
    element.eq_ignore_ascii_case("name") || element.eq_ignore_ascii_case("key")
}

/// `<name>x</name><value>y</value>`, alone in an element or one after the other
/// (`<key>x</key><string>y</string>`): the settings of the file of which the
/// element at `own` is a name.
fn named_pairs(
    text: &[u8],
    elements: &[Element],
    own: usize,
    section: Option<String>,
    at: usize,
) -> Option<Settings> {
    let holder = elements.get(own)?.parent;
    let parent =
        |index: usize| index.checked_sub(1).and_then(|index| elements.get(index)).map(|of| of.parent);
    let items: Vec<Setting> = elements
        .windows(2)
        .filter_map(|pair| {
            let [name, value] = pair else { return None };
            let together = name.parent == value.parent
                && (name.parent == holder
                    || parent(name.parent) == parent(holder) && parent(holder).is_some());
            let is_value = ["value", "string"].iter().any(|known| value.name.eq_ignore_ascii_case(known));
            let shape = is_name(&name.name) && is_value;
            let named = text.get(name.text.clone()?)?;
            let span = value.text.clone().filter(|_| together && shape)?;
            Some(Setting {
                name: text_of(named),
                span: name.span.start..span.end,
                value: decoded(text, span),
                quoted: true,
                code: false,
                indented: false,
            })
        })
        .collect();
    Settings::of(Syntax::Xml, section, items, at)
}

/// An element whose name is that of the setting.
fn child(text: &[u8], element: &Element) -> Option<Setting> {
    let span = element.text.clone()?;
    Some(Setting {
        name: element.name.clone(),
        value: decoded(text, span),
        span: element.span.clone(),
        quoted: true,
        code: false,
        indented: false,
    })
}

/// An element whose name is that of the setting and whose only attribute is its
/// value.
fn valued(element: &Element) -> Option<Setting> {
    let [value] = element.attributes.as_slice() else { return None };
    value.name.eq_ignore_ascii_case("value").then(|| Setting {
        name: element.name.clone(),
        value: value.value.clone(),
        span: element.span.start..value.span.end,
        quoted: true,
        code: false,
        indented: false,
    })
}

/// An element that has the name of a setting in an attribute.
fn named_value(text: &[u8], element: &Element) -> Option<Setting> {
    let attribute = |names: &[&str]| {
        element.attributes.iter().find(|item| names.iter().any(|name| item.name.eq_ignore_ascii_case(name)))
    };
    let name = attribute(&["name", "key"])?;
    let value = attribute(&["value"]).map(|item| item.value.clone());
    let value = match value {
        Some(value) => value,
        None => decoded(text, element.text.clone()?),
    };
    Some(Setting {
        name: name.value.text().into_owned(),
        span: element.span.start..value.span.end,
        value,
        quoted: true,
        code: false,
        indented: false,
    })
}

fn decoded(text: &[u8], span: Range<usize>) -> Value {
    let raw = text.get(span.clone()).unwrap_or_default();
    let raw = raw.strip_prefix(b"<![CDATA[").and_then(|raw| raw.strip_suffix(b"]]>")).unwrap_or(raw);
    let bytes = unescape(raw, Escapes { xml: true, ..Escapes::default() }).bytes.into_owned();
    Value { bytes, span }
}

/// All elements from `left` on whose opening tag is in the text.
fn elements(text: &[u8], left: usize, place_asked: usize) -> Vec<Element> {
    let mut elements: Vec<Element> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    let mut at = left;
    while let Some(place) = text.get(at..).and_then(|rest| memchr::memchr(b'<', rest)) {
        let start = at.saturating_add(place);
        let rest = text.get(start..).unwrap_or_default();
        let skip = |end: &[u8]| {
            let length = memchr::memmem::find(rest, end).map(|length| length.saturating_add(end.len()));
            start.saturating_add(length.unwrap_or(rest.len()))
        };
        if rest.starts_with(b"<!--") {
            // A comment is left out, unless it holds the place that is asked for.
            let end = skip(b"-->");
            at = if (start..end).contains(&place_asked) { start.saturating_add(4) } else { end };
            continue;
        }
        if rest.starts_with(b"</") {
            open.pop();
            at = skip(b">");
            continue;
        }
        if !is_tag(rest) {
            at = start.saturating_add(1);
            continue;
        }
        let (element, end, closed) = tag(text, start, open.last().copied().unwrap_or(0));
        elements.push(element);
        if !closed && open.len() < MAX_DEPTH {
            open.push(elements.len());
        }
        at = end;
        if elements.len() >= MAX_ITEMS {
            break;
        }
    }
    elements
}

/// Reads the opening tag at `start`: the element, where it ends, and whether it
/// closes itself.
fn tag(text: &[u8], start: usize, parent: usize) -> (Element, usize, bool) {
    let mut at = start.saturating_add(1);
    let run = |at: usize, of: &dyn Fn(u8) -> bool| {
        text.get(at..).unwrap_or_default().iter().take_while(|byte| of(**byte)).count()
    };
    let is_name = |byte: u8| in_name(byte) && byte != b'/' || byte == b':';
    let length = run(at, &is_name);
    let name = text_of(text.get(at..at.saturating_add(length)).unwrap_or_default());
    // A prefix names the name space.
    let name = name.rsplit(':').next().unwrap_or_default().to_owned();
    at = at.saturating_add(length);
    let mut attributes = Vec::new();
    let mut closed = false;
    loop {
        at = at.saturating_add(run(at, &|byte| byte.is_ascii_whitespace()));
        match text.get(at) {
            Some(b'>') => {
                at = at.saturating_add(1);
                break;
            }
            Some(b'/') => {
                closed = true;
                at = at.saturating_add(1);
            }
            Some(byte) if is_name(*byte) && attributes.len() < MAX_ITEMS => {
                let from = at;
                let length = run(at, &is_name);
                let name = text_of(text.get(from..from.saturating_add(length)).unwrap_or_default());
                at = at.saturating_add(length);
                let blanks = run(at, &|byte| byte.is_ascii_whitespace());
                if text.get(at.saturating_add(blanks)) != Some(&b'=') {
                    continue;
                }
                at = at.saturating_add(blanks).saturating_add(1);
                at = at.saturating_add(run(at, &|byte| byte.is_ascii_whitespace()));
                let Some(quote @ (b'"' | b'\'')) = text.get(at).copied() else { continue };
                let first = at.saturating_add(1);
                let Some(length) = text.get(first..).and_then(|rest| memchr::memchr(quote, rest)) else {
                    at = text.len();
                    break;
                };
                let last = first.saturating_add(length);
                attributes.push(Setting {
                    name,
                    value: decoded(text, first..last),
                    span: from..last,
                    quoted: true,
                    code: false,
                    indented: false,
                });
                at = last.saturating_add(1);
            }
            Some(_) => at = at.saturating_add(1),
            None => break,
        }
    }
    let mut end = at;
    let mut content = None;
    if !closed {
        let rest = text.get(at..).unwrap_or_default();
        let cdata = rest.starts_with(b"<![CDATA[").then(|| memchr::memmem::find(rest, b"]]>")).flatten();
        let length = match cdata {
            Some(length) => Some(length.saturating_add(3)),
            None => memchr::memchr(b'<', rest),
        };
        if let Some(length) = length
            && rest.get(length..).is_some_and(|close| close.starts_with(b"</"))
        {
            end = at.saturating_add(length);
            content = Some(trimmed(text, at..end));
        }
    }
    (Element { name, attributes, text: content, span: start..end, parent }, end, closed)
}

/// A range without the white space at its ends.
fn trimmed(text: &[u8], range: Range<usize>) -> Range<usize> {
    let bytes = text.get(range.clone()).unwrap_or_default();
    let lead = bytes.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let first = range.start.saturating_add(lead).min(range.end);
    let trail = text.get(first..range.end).unwrap_or_default();
    let trail = trail.iter().rev().take_while(|byte| byte.is_ascii_whitespace()).count();
    first..range.end.saturating_sub(trail)
}
