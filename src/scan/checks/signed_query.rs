//! Signed queries of URLs: shared access signatures of messaging, IoT, Event Grid
//! and workflows. Sources: Microsoft Learn, "Service Bus access control with shared
//! access signatures", "Control access to IoT Hub", "Authenticate publishing clients
//! (Event Grid)", "Secure access and data in Azure Logic Apps".

use std::collections::BTreeMap;

use super::name_value::host_of;
use super::placeholder::is_placeholder;
use super::times::time;
use super::token::{decode, has_length};
use super::{Hit, Refusal, accept};
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
