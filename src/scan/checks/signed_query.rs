//! Signed queries of URLs: shared access signatures of messaging, IoT, Event Grid
//! and workflows. Sources: Microsoft Learn, "Service Bus access control with shared
//! access signatures", "Control access to IoT Hub", "Authenticate publishing clients
//! (Event Grid)", "Secure access and data in Azure Logic Apps".

use std::collections::BTreeMap;

use super::name_value::host_of;
use super::placeholder::is_placeholder;
use super::token::{decode, has_length};
use super::{Hit, Refusal, accept};
use crate::finding::Timestamp;
use crate::formats::query::Query;
use crate::rules::ValueKind;

/// What a query must hold: see [`crate::rules::Check::SignedQuery`].
pub(super) struct Wanted<'a> {
    pub(super) signature: &'a str,
    pub(super) bytes: u32,
    pub(super) needs: &'a [String],
    pub(super) resource: Option<&'a str>,
    pub(super) expiry: Option<&'a str>,
    pub(super) attributes: &'a BTreeMap<String, String>,
}

/// The match ends in the query, which holds all of it.
pub(super) fn check(hit: &mut Hit<'_>, wanted: &Wanted<'_>) -> Result<(), Refusal> {
    let query = Query::around(hit.text, hit.span.end.saturating_sub(1));
    let value = |name: &str| query.get(name).filter(|value| !value.is_empty());
    accept(wanted.needs.iter().all(|name| value(name).is_some()), "a parameter is missing")?;
    let signature = value(wanted.signature).ok_or(Refusal("no signature"))?;
    accept(has_length(signature.as_bytes(), wanted.bytes), "not the length of a signature")?;
    accept(!is_placeholder(signature.as_bytes(), ValueKind::Token), "a placeholder")?;
    decode(signature.as_bytes()).ok_or(Refusal("the signature is not base64"))?;
    let place = query.span_of(wanted.signature).ok_or(Refusal("no signature"))?;
    let expires_at = match wanted.expiry.and_then(value) {
        Some(text) => Some(time(&text).ok_or(Refusal("the expiry is no time"))?.to_string()),
        None => None,
    };
    let (host, path) = match wanted.resource {
        Some(name) => {
            let resource = value(name).ok_or(Refusal("names no resource"))?;
            let rest = resource.split_once("://").map_or(resource.as_str(), |(_, rest)| rest);
            let path = rest.split_once('/').map(|(_, path)| path.to_owned());
            (host_of(&resource), path)
        }
        None => (query.host(), query.path()),
    };
    hit.add_attribute("host", host.unwrap_or_default());
    hit.add_attribute("path", path.unwrap_or_default());
    hit.add_attribute("expires_at", expires_at.unwrap_or_default());
    for (name, attribute) in wanted.attributes {
        hit.add_attribute(attribute.clone(), value(name).unwrap_or_default());
    }
    hit.claims.push(query.span.clone());
    let raw = hit.text.get(place.clone()).unwrap_or_default();
    hit.value = (raw != signature.as_bytes()).then(|| signature.into_bytes());
    hit.secret = place;
    Ok(())
}

/// The times that such a query may hold: seconds since 1970, RFC 3339, or the
/// American form of .NET's invariant culture (`1/31/2027 6:05:00 PM`), in UTC.
fn time(text: &str) -> Option<Timestamp> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Timestamp::from_unix(text.parse().ok()?, 0);
    }
    Timestamp::parse(text).or_else(|| american_time(text))
}

fn american_time(text: &str) -> Option<Timestamp> {
    // A plus may stand for a blank.
    let mut words = text.split([' ', '+']).filter(|word| !word.is_empty());
    let mut date = words.next()?.split('/');
    let (month, day, year) = (number(date.next()?)?, number(date.next()?)?, number(date.next()?)?);
    let mut clock = words.next()?.split(':');
    let (hour, minute, second) = (number(clock.next()?)?, number(clock.next()?)?, number(clock.next()?)?);
    let hour = match words.next() {
        Some("AM") => hour % 12,
        Some("PM") => hour % 12 + 12,
        _ => hour,
    };
    Timestamp::parse(&format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"))
}

/// A number of at most four digits.
fn number(text: &str) -> Option<u32> {
    (text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        for (text, expected) in [
            ("1893456000", Some("2030-01-01T00:00:00Z")),
            ("2030-01-01T00:00:00Z", Some("2030-01-01T00:00:00Z")),
            ("1/31/2027 6:05:00 PM", Some("2027-01-31T18:05:00Z")),
            ("6/15/2017 12:20:15 AM", Some("2017-06-15T00:20:15Z")),
            ("13/31/2027 6:05:00 PM", None),
            ("{2}", None),
            ("", None),
            ("99999999999999999999", None),
            ("1/31/2027", None),
        ] {
            assert_eq!(time(text).map(|time| time.to_string()).as_deref(), expected, "{text}");
        }
    }
}
