//! Shared access signatures of Azure Storage. Sources: Microsoft Learn, "Create an
//! account SAS", "Create a service SAS", "Create a user delegation SAS".

use std::borrow::Cow;

use super::azure_host::PRIVATE_LINK;
use super::storage::{account_around, storage_host};
use super::token::{decode, has_length};
use super::{Hit, Refusal, accept};
use crate::finding::Timestamp;
use crate::formats::query::{MAX_SIDE, Query};

/// The signature is an HMAC-SHA256.
const SIGNATURE_BYTES: u32 = 32;

/// The match is `sig=` with its value, anywhere in the query.
pub(super) fn check(hit: &mut Hit<'_>) -> Result<(), Refusal> {
    accept(may_be_storage(hit), "no service version")?;
    let query = Query::around(hit.text, hit.span.start);
    let host = query.host().map(|host| host.replace(PRIVATE_LINK, "."));
    let version = match query.get("sv") {
        Some(version) => Some(version).filter(|version| is_date(version)),
        // Before 2012 there was none; then the host must tell.
        None => host.as_deref().and_then(storage_host).map(|_| String::new()),
    };
    let version = version.ok_or(Refusal("no service version"))?;
    let kind = kind(&query).ok_or(Refusal("names no resource"))?;
    let signature = query.get("sig").ok_or(Refusal("no signature"))?;
    accept(has_length(signature.as_bytes(), SIGNATURE_BYTES), "not the length of a signature")?;
    decode(signature.as_bytes()).ok_or(Refusal("the signature is not base64"))?;
    let place = query.span_of("sig").ok_or(Refusal("no signature"))?;
    accept(place.start >= hit.span.start && place.start <= hit.span.end, "another signature's query")?;
    let expiry = query.get("se");
    let expires_at = match &expiry {
        Some(text) => Some(time(text).ok_or(Refusal("the expiry is no time"))?),
        // The stored policy holds it.
        None => query
            .get("si")
            .map(|_| String::new())
            .ok_or(Refusal("neither expiry nor policy"))
            .map(|_| None)?,
    };
    // A user delegation key ends too, and the signature with it.
    let key_expires_at = query.get("ske").as_deref().and_then(time);
    let expires_at = match (expires_at, key_expires_at) {
        (Some(own), Some(key)) => Some(own.min(key)),
        (own, key) => own.or(key),
    };

    // With a custom domain nothing says which account it is.
    let named = host.as_deref().and_then(storage_host);
    if let Some((account, service, suffix)) = named {
        hit.add_attribute("account", account);
        hit.add_attribute("service", service);
        hit.add_attribute("suffix", suffix);
    }
    if host.is_none()
        && let Some((account, suffix)) = account_around(hit.text, query.span.start)
    {
        // `SharedAccessSignature=` of a connection string.
        hit.add_attribute("account", account);
        hit.add_attribute("suffix", suffix.unwrap_or_default());
    }
    hit.add_attribute("host", host.unwrap_or_default());
    hit.add_attribute("path", query.path().unwrap_or_default());
    hit.add_attribute("sas_kind", kind);
    hit.add_attribute("version", version);
    hit.add_attribute("expires_at", expires_at.unwrap_or_default());
    hit.add_attribute("not_before", query.get("st").as_deref().and_then(time).unwrap_or_default());
    const PLAIN: [(&str, &str); 11] = [
        ("permissions", "sp"),
        ("resource", "sr"),
        ("resource_types", "srt"),
        ("services", "ss"),
        ("table", "tn"),
        ("policy", "si"),
        ("ip", "sip"),
        ("protocol", "spr"),
        ("signer_object", "skoid"),
        ("signer_tenant", "sktid"),
        ("encryption_scope", "ses"),
    ];
    for (attribute, name) in PLAIN {
        hit.add_attribute(attribute, query.get(name).unwrap_or_default());
    }
    hit.claims.push(query.span.clone());
    let raw = hit.text.get(place.clone()).unwrap_or_default();
    hit.value = (raw != signature.as_bytes()).then(|| signature.into_bytes());
    hit.secret = place;
    Ok(())
}

/// Whether a parameter that ends in `v` stands near, or a host of the service: far
/// cheaper than reading the query, and of the many that have a signature few have
/// either.
fn may_be_storage(hit: &Hit<'_>) -> bool {
    let first = hit.span.start.saturating_sub(MAX_SIDE);
    let last = hit.text.len().min(hit.span.start.saturating_add(MAX_SIDE));
    let near = hit.text.get(first..last).unwrap_or_default();
    [&b"v="[..], b"V=", b".core."].iter().any(|name| memchr::memmem::find(near, name).is_some())
}

/// Which of the three kinds it is, by its parameters.
fn kind(query: &Query<'_>) -> Option<&'static str> {
    let within = |name: &str, letters: &str| {
        query
            .get(name)
            .is_some_and(|value| !value.is_empty() && value.chars().all(|letter| letters.contains(letter)))
    };
    let resource = query.get("sr");
    let service =
        resource.as_deref().is_some_and(|kind| matches!(kind, "b" | "bv" | "bs" | "c" | "d" | "f" | "s"));
    if query.get("skoid").is_some() && service {
        Some("user_delegation")
    } else if within("ss", "bqtf") && within("srt", "sco") {
        Some("account")
    } else if service || query.get("tn").is_some_and(|table| !table.is_empty()) {
        Some("service")
    } else {
        // Queues name no resource: a permission of theirs, and nothing of others.
        (resource.is_none() && within("sp", "raup")).then_some("service")
    }
}

/// A version is the date of the service's interface.
fn is_date(text: &str) -> bool {
    text.len() == 10 && Timestamp::parse(&format!("{text}T00:00:00Z")).is_some()
}

/// The times that a SAS may hold, as RFC 3339: a date, minutes, seconds, or
/// fractions of them, always in UTC.
fn time(text: &str) -> Option<String> {
    let full: Cow<'_, str> = match text.len() {
        10 => format!("{text}T00:00:00Z").into(),
        17 if text.ends_with('Z') => format!("{}:00Z", text.get(..16)?).into(),
        _ => text.into(),
    };
    Timestamp::parse(&full).map(|time| time.to_string())
}
