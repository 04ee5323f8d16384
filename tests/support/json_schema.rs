//! A small checker of JSON Schema (2020-12, and draft 7 as far as they agree): the
//! keywords that our schemas and that of SARIF use, and a panic at any other, so that nothing is passed over. Stricter than the
//! standard in one thing: a property that the schema does not name is a fault.

use std::collections::BTreeSet;

use serde_json::Value;
use snapsift::finding::Timestamp;

/// Keywords that constrain nothing.
const NOTES: [&str; 9] =
    ["$schema", "$id", "$defs", "definitions", "title", "description", "default", "examples", "deprecated"];

/// What of `value` does not fit `schema`.
pub(crate) fn violations(schema: &Value, value: &Value) -> Vec<String> {
    let mut check = Check { root: schema, faults: Vec::new() };
    let named = check.node(schema, value, "");
    check.unnamed(&named, value, "");
    check.faults
}

struct Check<'s> {
    root: &'s Value,
    faults: Vec<String>,
}

/// The properties of an object that a schema names; `None`: it allows any.
type Named = Option<BTreeSet<String>>;

impl<'s> Check<'s> {
    fn fault(&mut self, at: &str, what: &str) {
        self.faults.push(format!("{}: {what}", if at.is_empty() { "/" } else { at }));
    }

    /// Checks, and gives the names that belong to this object.
    fn node(&mut self, schema: &'s Value, value: &Value, at: &str) -> Named {
        let Value::Object(keywords) = schema else {
            assert_eq!(schema, &Value::Bool(true), "{at}");
            return None;
        };
        let mut named: Named = Some(BTreeSet::new());
        let mut join = |other: Named| match (&mut named, other) {
            (Some(names), Some(other)) => names.extend(other),
            (names, _) => *names = None,
        };
        for (keyword, argument) in keywords {
            match keyword.as_str() {
                "$ref" => join(self.reference(argument, value, at)),
                "oneOf" | "anyOf" => join(self.alternatives(keyword, argument, value, at)),
                "allOf" => argument
                    .as_array()
                    .expect("a list")
                    .iter()
                    .for_each(|part| join(self.node(part, value, at))),
                "properties" => join(Some(self.properties(argument, value, at))),
                // What is not named is a fault anyway.
                "additionalProperties" if argument == &Value::Bool(false) => {}
                "additionalProperties" => {
                    let known = keywords.get("properties").and_then(Value::as_object);
                    for (name, inner) in value.as_object().into_iter().flatten() {
                        if known.is_none_or(|known| !known.contains_key(name)) {
                            let inner_at = format!("{at}/{name}");
                            let names = self.node(argument, inner, &inner_at);
                            self.unnamed(&names, inner, &inner_at);
                        }
                    }
                    join(None);
                }
                "items" => {
                    for (index, inner) in value.as_array().into_iter().flatten().enumerate() {
                        let inner_at = format!("{at}/{index}");
                        let names = self.node(argument, inner, &inner_at);
                        self.unnamed(&names, inner, &inner_at);
                    }
                }
                _ => self.simple(keyword, argument, value, at),
            }
        }
        named
    }

    fn simple(&mut self, keyword: &str, argument: &Value, value: &Value, at: &str) {
        let fits = match keyword {
            "type" => match argument {
                Value::Array(types) => types.iter().any(|name| is(name, value)),
                name => is(name, value),
            },
            "const" => argument == value,
            "enum" => argument.as_array().expect("a list").contains(value),
            "required" => {
                let names = argument.as_array().expect("a list").iter().filter_map(Value::as_str);
                value.as_object().is_none_or(|object| names.into_iter().all(|name| object.contains_key(name)))
            }
            "minimum" => value.as_f64().is_none_or(|number| number >= argument.as_f64().expect("a number")),
            "maximum" => value.as_f64().is_none_or(|number| number <= argument.as_f64().expect("a number")),
            "maxLength" => value
                .as_str()
                .is_none_or(|text| text.chars().count() as u64 <= argument.as_u64().expect("a number")),
            "minItems" => value
                .as_array()
                .is_none_or(|items| items.len() as u64 >= argument.as_u64().expect("a number")),
            "uniqueItems" => value
                .as_array()
                .is_none_or(|items| items.iter().enumerate().all(|(at, item)| !items[..at].contains(item))),
            "pattern" => value.as_str().is_none_or(|text| {
                let pattern = format!("(?-u){}", argument.as_str().expect("a pattern"));
                regex::bytes::Regex::new(&pattern).expect("a pattern").is_match(text.as_bytes())
            }),
            "format" => match argument.as_str() {
                Some("uri") => value.as_str().is_none_or(|text| is_uri(text) && text.contains(':')),
                Some("uri-reference") => value.as_str().is_none_or(is_uri),
                Some("date-time") => value.as_str().is_none_or(|text| Timestamp::parse(text).is_some()),
                Some("uint64") => value.as_u64().is_some() || value.is_null(),
                Some("uint32") => value.is_null() || value.as_u64().is_some_and(|n| u32::try_from(n).is_ok()),
                Some("double") => value.is_number(),
                other => panic!("unknown format {other:?}"),
            },
            note if NOTES.contains(&note) => true,
            other => panic!("the checker does not know the keyword {other}"),
        };
        if !fits {
            self.fault(at, &format!("{value} does not fit {keyword} {argument}"));
        }
    }

    fn reference(&mut self, name: &Value, value: &Value, at: &str) -> Named {
        let pointer = name.as_str().and_then(|name| name.strip_prefix('#')).expect("a local reference");
        let target = self.root.pointer(pointer).unwrap_or_else(|| panic!("{pointer} is not there"));
        self.node(target, value, at)
    }

    fn alternatives(&mut self, keyword: &str, options: &'s Value, value: &Value, at: &str) -> Named {
        let before = std::mem::take(&mut self.faults);
        let mut fitting = Vec::new();
        let mut faults = Vec::new();
        for option in options.as_array().expect("a list") {
            let names = self.node(option, value, at);
            let found = std::mem::take(&mut self.faults);
            if found.is_empty() { fitting.push(names) } else { faults.push(found.join("; ")) }
        }
        self.faults = before;
        if fitting.is_empty() || (keyword == "oneOf" && fitting.len() > 1) {
            self.fault(at, &format!("{} alternatives fit: {}", fitting.len(), faults.join(" | ")));
        }
        fitting.pop().unwrap_or(None)
    }

    fn properties(&mut self, schemas: &'s Value, value: &Value, at: &str) -> BTreeSet<String> {
        let schemas = schemas.as_object().expect("an object");
        for (name, schema) in schemas {
            if let Some(inner) = value.get(name) {
                let inner_at = format!("{at}/{name}");
                let names = self.node(schema, inner, &inner_at);
                self.unnamed(&names, inner, &inner_at);
            }
        }
        schemas.keys().cloned().collect()
    }

    fn unnamed(&mut self, named: &Named, value: &Value, at: &str) {
        let (Some(named), Some(object)) = (named, value.as_object()) else { return };
        for name in object.keys().filter(|name| !named.contains(*name)) {
            self.fault(at, &format!("{name} is not in the schema"));
        }
    }
}

/// Only characters that a URI may have (RFC 3986 section 2), `%` before two digits.
fn is_uri(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.iter().enumerate().all(|(at, byte)| match byte {
        b'%' => bytes.get(at + 1..at + 3).is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit)),
        byte => byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=".contains(byte),
    })
}

fn is(name: &Value, value: &Value) -> bool {
    match name.as_str().expect("a type") {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        other => panic!("unknown type {other}"),
    }
}
