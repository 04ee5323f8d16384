//! A record of an inventory, looked at field by field.
//!
//! Role: only fields that are asked for are ever read, so that what else an inventory
//! holds (states of Terraform and user data hold secrets) cannot get into the store. Which
//! fields were there is kept, to be shown; so is the first that has the wrong type.

use std::cell::RefCell;
use std::collections::BTreeSet;

use serde_json::Value;

/// No text that is kept is longer; public keys of 16384 bits are shorter.
const LONGEST: usize = 16 << 10;

/// No document in a record is longer: policies have a few kB.
const LONGEST_DOCUMENT: usize = 1 << 20;

fn percent_decoded(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    loop {
        match rest {
            [] => return Some(out),
            [b'%', high, low, after @ ..] => {
                let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|one| u8::try_from(one).ok());
                out.push(digit(*high)? << 4 | digit(*low)?);
                rest = after;
            }
            [byte, after @ ..] => {
                out.push(*byte);
                rest = after;
            }
        }
    }
}

/// What the fields of a file said about themselves.
#[derive(Debug, Default)]
pub(super) struct Used {
    /// Names of the fields that were there.
    pub(super) fields: RefCell<BTreeSet<String>>,
    wrong: RefCell<Option<String>>,
}

impl Used {
    /// Why the record that was just read is wrong.
    pub(super) fn take_wrong(&self) -> Option<String> {
        self.wrong.take()
    }

    fn wrong(&self, field: &str, what: &str) {
        self.wrong.borrow_mut().get_or_insert_with(|| format!("the field {field} {what}"));
    }
}

/// An object of a record.
#[derive(Clone, Debug)]
pub(super) struct Row<'a> {
    value: &'a Value,
    at: String,
    used: &'a Used,
}

impl<'a> Row<'a> {
    pub(super) fn new(value: &'a Value, at: &str, used: &'a Used) -> Self {
        Self { value, at: at.to_owned(), used }
    }

    fn name(&self, path: &str) -> String {
        if self.at.is_empty() { path.to_owned() } else { format!("{}.{path}", self.at) }
    }

    /// The value at a path with dots; null is as if absent. Names of fields are compared
    /// without case: AWS Config writes `instanceId` where EC2 writes `InstanceId`.
    fn value(&self, path: &str) -> Option<&'a Value> {
        let mut value = self.value;
        for step in path.split('.') {
            let object = value.as_object()?;
            value = object.get(step).or_else(|| {
                object.iter().find(|(name, _)| name.eq_ignore_ascii_case(step)).map(|(_, value)| value)
            })?;
        }
        if value.is_null() {
            return None;
        }
        let name = self.name(path);
        if !self.used.fields.borrow().contains(&name) {
            self.used.fields.borrow_mut().insert(name);
        }
        Some(value)
    }

    pub(super) fn has(&self, path: &str) -> bool {
        self.value(path).is_some()
    }

    /// A text that is there and not empty.
    pub(super) fn text(&self, path: &str) -> Option<&'a str> {
        let value = self.value(path)?;
        match value.as_str() {
            Some(text) if text.len() <= LONGEST => Some(text).filter(|text| !text.is_empty()),
            Some(_) => {
                self.used.wrong(&self.name(path), "is too long");
                None
            }
            None => {
                self.used.wrong(&self.name(path), "is no text");
                None
            }
        }
    }

    /// A text, in lower case; empty where there is none.
    pub(super) fn lower(&self, path: &str) -> String {
        self.text(path).unwrap_or_default().to_lowercase()
    }

    pub(super) fn string(&self, path: &str) -> String {
        self.text(path).unwrap_or_default().to_owned()
    }

    /// A text that the record cannot do without.
    pub(super) fn need(&self, path: &str) -> Result<&'a str, String> {
        self.text(path).ok_or_else(|| format!("it has no {}", self.name(path)))
    }

    pub(super) fn flag(&self, path: &str) -> Option<bool> {
        let value = self.value(path)?;
        let flag = value.as_bool();
        if flag.is_none() {
            self.used.wrong(&self.name(path), "is neither true nor false");
        }
        flag
    }

    /// A number, or a text that is one: clouds write 64-bit numbers as texts.
    pub(super) fn number(&self, path: &str) -> Option<i64> {
        let value = self.value(path)?;
        let number = value.as_i64().or_else(|| value.as_str()?.parse().ok());
        if number.is_none() {
            self.used.wrong(&self.name(path), "is no whole number");
        }
        number
    }

    pub(super) fn float(&self, path: &str) -> Option<f64> {
        let value = self.value(path)?;
        value.as_f64()
    }

    /// The number or text as text.
    pub(super) fn any(&self, path: &str) -> String {
        match self.value(path) {
            Some(Value::String(text)) if text.len() <= LONGEST => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            _ => String::new(),
        }
    }

    pub(super) fn object(&self, path: &str) -> Option<Self> {
        let value = self.value(path)?;
        if value.is_object() {
            return Some(Self { value, at: self.name(path), used: self.used });
        }
        self.used.wrong(&self.name(path), "is no object");
        None
    }

    /// A document in the record: an object, or a text that is one as JSON, percent-encoded (RFC
    /// 3986) or not. `None`: there is none, or it cannot be read.
    pub(super) fn document(&self, path: &str) -> Option<Value> {
        match self.value(path)? {
            Value::String(text) if text.len() <= LONGEST_DOCUMENT => {
                let plain = text.trim_start().starts_with('{');
                let decoded =
                    if plain { text.as_bytes().to_vec() } else { percent_decoded(text.as_bytes())? };
                serde_json::from_slice(&decoded).ok()
            }
            object @ Value::Object(_) => Some(object.clone()),
            _ => None,
        }
    }

    /// The objects of a list.
    pub(super) fn list(&self, path: &str) -> Vec<Self> {
        let name = format!("{}[]", self.name(path));
        let objects = self.array(path).iter().filter(|value| {
            if !value.is_object() {
                self.used.wrong(&name, "is no object");
            }
            value.is_object()
        });
        objects.map(|value| Self { value, at: name.clone(), used: self.used }).collect()
    }

    /// The texts of a list.
    pub(super) fn texts(&self, path: &str) -> Vec<&'a str> {
        let texts = self.array(path).iter().filter_map(|value| {
            let text = value.as_str().filter(|text| text.len() <= LONGEST);
            if text.is_none() {
                self.used.wrong(&self.name(path), "holds what is no text");
            }
            text
        });
        texts.collect()
    }

    fn array(&self, path: &str) -> &'a [Value] {
        match self.value(path) {
            None => &[],
            Some(Value::Array(array)) => array,
            Some(_) => {
                self.used.wrong(&self.name(path), "is no list");
                &[]
            }
        }
    }

    /// The fields of an object whose names the user chose.
    pub(super) fn entries(&self, path: &str) -> Vec<(&'a str, &'a Value)> {
        match self.value(path) {
            None => Vec::new(),
            Some(Value::Object(object)) => {
                object.iter().map(|(name, value)| (name.as_str(), value)).collect()
            }
            Some(_) => {
                self.used.wrong(&self.name(path), "is no object");
                Vec::new()
            }
        }
    }
}
