//! Strings of `Name=value` pairs without quoting. The grammar is in
//! [`crate::formats::name_value`].

use std::collections::BTreeMap;

use super::placeholder::is_placeholder;
use super::{Hit, Refusal, accept};
use crate::formats::name_value::NameValueString;
use crate::rules::ValueKind;

/// The secret stands in a string with these pairs.
pub(super) fn check(
    hit: &mut Hit<'_>,
    needs: &[String],
    host: &[String],
    attributes: &BTreeMap<String, String>,
    optional: bool,
) -> Result<(), Refusal> {
    let found = NameValueString::around(hit.text, hit.secret.start);
    let whole = |found: &NameValueString| needs.iter().all(|name| found.get(name).is_some());
    let Some(found) = found.filter(whole) else {
        return accept(optional, "not in a string with the pairs that it needs");
    };
    let text = |name: &String| found.get(name).map(|value| value.text().into_owned());
    if let Some(host) = host.iter().find_map(text).as_deref().and_then(host_of) {
        hit.add_attribute("host", host);
    }
    for (name, attribute) in attributes {
        let value = text(name).filter(|value| !is_placeholder(value.as_bytes(), ValueKind::Password));
        hit.add_attribute(attribute.clone(), value.unwrap_or_default());
    }
    hit.claims.push(found.span);
    Ok(())
}

/// The host of a URL, or of a bare host with or without a port.
pub(super) fn host_of(value: &str) -> Option<String> {
    let rest = value.split_once("://").map_or(value, |(_, rest)| rest);
    let host = rest.split(['/', ':', '?', '#', '\\']).next()?.trim();
    (!host.is_empty()).then(|| host.to_ascii_lowercase())
}
