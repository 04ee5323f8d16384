//! TOML text → the raw types, with every error of it rather than the first.
//!
//! serde stops at the first error. So the text is read at full speed first, and
//! only where that fails is it read again slowly: the part that an error points at
//! is taken out of the document and the rest tried again, until it fits.

use std::ops::Range;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::raw::{RawFile, RawPack, RawRule};
use super::suggest;

/// The most errors that are reported for one table.
const MAX_ERRORS: usize = 20;
/// The most errors that are reported for one text.
const MAX_ALL_ERRORS: usize = 200;

/// An error with its place in the text that was read.
pub(super) struct Fault {
    pub(super) span: Range<usize>,
    pub(super) message: String,
    pub(super) help: Option<String>,
    /// The text is not TOML at all.
    pub(super) syntax: bool,
    /// The key that is missing.
    missing: Option<String>,
    /// The key that was probably meant.
    meant: Option<String>,
}

/// What could be read, and what was wrong with the rest.
pub(super) struct Reading {
    pub(super) file: RawFile,
    pub(super) faults: Vec<Fault>,
}

/// Reads a pack or a part of one.
pub(super) fn read(text: &str) -> Reading {
    match toml::from_str::<RawFile>(text) {
        Ok(file) => Reading { file, faults: Vec::new() },
        Err(_) => read_slowly(text),
    }
}

fn read_slowly(text: &str) -> Reading {
    let (document, errors) = DeTable::parse_recoverable(text);
    let mut reading = Reading { file: RawFile::default(), faults: Vec::new() };
    if !errors.is_empty() {
        reading.faults = errors.iter().take(MAX_ERRORS).map(syntax_fault).collect();
        return reading;
    }
    for (key, value) in document.into_inner() {
        if reading.faults.len() >= MAX_ALL_ERRORS {
            break;
        }
        match (key.get_ref().as_ref(), value) {
            ("pack", value) => {
                reading.file.pack = one::<RawPack>(&value, "pack", &mut reading.faults).map(|(pack, _)| pack);
            }
            ("rule", value) => read_rules(value, &mut reading),
            (name, _) => {
                let names = known(RawFile::deserialize(toml::de::Deserializer::from(unknown_table())).err());
                reading.faults.push(unknown_key(key.span(), name, "a pack", &names));
            }
        }
    }
    reading
}

fn read_rules(value: Spanned<DeValue<'_>>, reading: &mut Reading) {
    let span = value.span();
    let DeValue::Array(rules) = value.into_inner() else {
        reading.faults.push(Fault {
            help: Some("start each rule with [[rule]], in double brackets".to_owned()),
            ..Fault::new(span, "`rule` is not an array of tables".to_owned())
        });
        return;
    };
    for rule in rules {
        if reading.faults.len() >= MAX_ALL_ERRORS {
            return;
        }
        if let Some((mut rule, out)) = one::<RawRule>(&rule, "rule", &mut reading.faults) {
            rule.get_mut().left_out = out;
            reading.file.rule.push(rule);
        }
    }
}

/// Reads one table; what is wrong with it is reported and left out. Gives the names
/// of the keys that are out, or that were written wrongly. `None` where nothing is left.
fn one<T: DeserializeOwned>(
    value: &Spanned<DeValue<'_>>,
    what: &str,
    faults: &mut Vec<Fault>,
) -> Option<(Spanned<T>, Vec<String>)> {
    let mut value = value.clone();
    let (mut own, mut out): (Vec<Fault>, Vec<String>) = (Vec::new(), Vec::new());
    let mut read = None;
    for _ in 0..MAX_ERRORS {
        let error = match Spanned::<T>::deserialize(toml::de::ValueDeserializer::from(value.clone())) {
            Ok(table) => {
                read = Some(table);
                break;
            }
            Err(error) => error,
        };
        let span = error.span().unwrap_or_else(|| value.span());
        let taken = take_out(&mut value, &span, what);
        let mut fault = value_fault(&error, taken.as_ref(), span, what);
        out.extend(taken.as_ref().map(|taken| taken.key.clone()));
        let missing = fault.missing.take();
        // What is missing because it was written wrongly has been said.
        let said = missing.is_some_and(|name| out.contains(&name))
            || own.iter().any(|known| within(&known.span, &fault.span) && known.span != fault.span);
        out.extend(fault.meant.take());
        if !said {
            own.push(fault);
        }
        if taken.is_none() {
            break;
        }
    }
    faults.extend(own);
    read.map(|table| (table, out))
}

fn within(inner: &Range<usize>, outer: &Range<usize>) -> bool {
    outer.start <= inner.start && inner.end <= outer.end
}

/// What was taken out of a document: its key, and the table that it stood in.
struct Taken {
    key: String,
    key_span: Range<usize>,
    table: String,
}

/// Takes the innermost entry around the bytes out of the document. `None` where
/// that would be the whole.
fn take_out(value: &mut Spanned<DeValue<'_>>, at: &Range<usize>, name: &str) -> Option<Taken> {
    let inside = |outer: Range<usize>| within(at, &outer);
    match value.get_mut() {
        DeValue::Table(table) => {
            // The spans of tables are those of their heads, so an entry is looked
            // for by going into each rather than by its own span.
            let keys: Vec<_> = table.keys().cloned().collect();
            for key in keys {
                let here = inside(key.span());
                let entry = table.get_mut(&key)?;
                if !here && let Some(taken) = take_out(entry, at, key.get_ref()) {
                    return Some(taken);
                }
                if here || inside(entry.span()) {
                    table.remove(&key);
                    return Some(Taken {
                        key: key.get_ref().to_string(),
                        key_span: key.span(),
                        table: name.to_owned(),
                    });
                }
            }
            None
        }
        DeValue::Array(array) => {
            let mut rest = std::mem::replace(array, toml::de::DeArray::new()).into_iter();
            let mut taken = None;
            for mut item in rest.by_ref() {
                let own = item.span();
                taken = take_out(&mut item, at, name);
                if taken.is_none() && inside(own.clone()) {
                    taken = Some(Taken { key: name.to_owned(), key_span: own, table: name.to_owned() });
                    break;
                }
                array.push(item);
                if taken.is_some() {
                    break;
                }
            }
            rest.for_each(|item| array.push(item));
            taken
        }
        _ => None,
    }
}

fn syntax_fault(error: &toml::de::Error) -> Fault {
    let message = error.message();
    let help = message
        .contains("escape")
        .then(|| "in '''…''' a backslash is itself; in \"…\" it must be doubled".to_owned())
        .or_else(|| {
            message.contains("recursion").then(|| "a pack needs no such depth: nest less".to_owned())
        });
    Fault {
        help,
        syntax: true,
        ..Fault::new(error.span().unwrap_or(0..0), format!("not TOML: {}", message.replace('\n', "; ")))
    }
}

/// serde's message in our form. serde itself gives the known names, so that there
/// is no second list of them.
fn value_fault(error: &toml::de::Error, taken: Option<&Taken>, span: Range<usize>, what: &str) -> Fault {
    let message = error.message();
    let (names, known) = wrong_and_known(message);
    let table = taken.map_or(what, |taken| taken.table.as_str());
    let key = taken.map_or(what, |taken| taken.key.as_str());
    if message.starts_with("unknown field") {
        // The entry that was taken out is the unknown one, or it holds it.
        let own = taken.filter(|taken| taken.key == names);
        let place = if own.is_some() { table } else { key };
        return unknown_key(
            own.map_or(span, |taken| taken.key_span.clone()),
            &names,
            &format!("`{place}`"),
            &known,
        );
    }
    if message.starts_with("unknown variant") {
        let subject =
            if key == "check" { "there is no check".to_owned() } else { format!("`{key}` cannot be") };
        return Fault::new(span, format!("{subject} `{names}`")).with_advice(&names, &known);
    }
    if message.starts_with("missing field") {
        return Fault {
            help: Some(format!("add `{names} = …`")),
            missing: Some(names.clone()),
            ..Fault::new(span, format!("`{key}` lacks the key `{names}`"))
        };
    }
    Fault::new(span, format!("bad value for `{key}`: {message}"))
}

fn unknown_key(span: Range<usize>, wrong: &str, place: &str, known: &[String]) -> Fault {
    Fault::new(span, format!("unknown key `{wrong}` in {place}")).with_advice(wrong, known)
}

impl Fault {
    fn new(span: Range<usize>, message: String) -> Self {
        Self { span, message, help: None, syntax: false, missing: None, meant: None }
    }

    fn with_advice(mut self, wrong: &str, known: &[String]) -> Self {
        self.meant = suggest::nearest(wrong, known.iter().map(String::as_str)).map(str::to_owned);
        self.help = Some(match &self.meant {
            Some(near) => format!("did you mean `{near}`?"),
            None if known.is_empty() => "there is none here".to_owned(),
            None => format!("known are {}", known.join(", ")),
        });
        self
    }
}

/// Of serde's "unknown field `x`, expected one of `a`, `b`": x, and a and b. The
/// wrong name comes first and may hold anything, so the known ones are cut off the
/// end.
fn wrong_and_known(message: &str) -> (String, Vec<String>) {
    let (head, tail) = message.rsplit_once(", expected ").unwrap_or((message, ""));
    let wrong =
        head.split_once('`').and_then(|(_, rest)| rest.rsplit_once('`')).map_or("", |(wrong, _)| wrong);
    (wrong.to_owned(), tail.split('`').skip(1).step_by(2).map(str::to_owned).collect())
}

/// The names that serde knows where it refused one.
fn known(error: Option<toml::de::Error>) -> Vec<String> {
    error.map(|error| wrong_and_known(error.message()).1).unwrap_or_default()
}

/// A table with one key that is unknown everywhere.
fn unknown_table() -> Spanned<DeTable<'static>> {
    let mut table = DeTable::new();
    table.insert(Spanned::new(0..0, "".into()), Spanned::new(0..0, DeValue::Boolean(true)));
    Spanned::new(0..0, table)
}
