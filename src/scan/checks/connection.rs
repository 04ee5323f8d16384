//! Connection strings of Azure Storage. The grammar is in
//! [`crate::formats::connection_string`].

use super::login::PRIVATE_LINK;
use super::{Hit, Refusal, accept};
use crate::formats::connection_string::{ConnectionString, Key};

/// The match stands in a connection string of Azure Storage.
pub(super) fn azure_storage(hit: &mut Hit<'_>) -> Result<(), Refusal> {
    let found =
        ConnectionString::around(hit.text, hit.span.start).ok_or(Refusal("no connection string around"))?;
    let endpoint = found.all(Key::Endpoint).find_map(|value| endpoint_host(&value.text()));
    let named = found.get(Key::AccountName).map(|value| value.text().into_owned());
    let account = named.or_else(|| endpoint.as_ref().map(|(account, _)| account.clone()));
    let account = account.ok_or(Refusal("the string names no account"))?;
    accept(
        (3..=24).contains(&account.len())
            && account.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()),
        "not the name of an account",
    )?;
    accept(account != "devstoreaccount1" && account != "storagesample", "the emulator or a sample")?;
    let suffix = found.get(Key::EndpointSuffix).map(|value| value.text().into_owned());
    let suffix =
        suffix.or(endpoint.map(|(_, suffix)| suffix)).unwrap_or_else(|| "core.windows.net".to_owned());
    let protocol = found.get(Key::Protocol).map(|value| value.text().into_owned()).unwrap_or_default();
    hit.add_attribute("account", account);
    hit.add_attribute("suffix", suffix);
    hit.add_attribute("protocol", protocol);
    hit.claims.push(found.span);
    Ok(())
}

/// Account and suffix of the storage string around a place, where there is one.
pub(super) fn storage_account_around(text: &[u8], at: usize) -> Option<(String, Option<String>)> {
    let found = ConnectionString::around(text, at)?;
    let named = found.get(Key::AccountName).map(|value| value.text().into_owned());
    let endpoint = found.all(Key::Endpoint).find_map(|value| endpoint_host(&value.text()));
    match (named, endpoint) {
        (Some(account), endpoint) => Some((account, endpoint.map(|(_, suffix)| suffix))),
        (None, Some((account, suffix))) => Some((account, Some(suffix))),
        (None, None) => None,
    }
}

/// Account and suffix of an endpoint such as `https://account.blob.core.windows.net/`.
fn endpoint_host(url: &str) -> Option<(String, String)> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = rest.split(['/', ':']).next()?.to_ascii_lowercase().replace(PRIVATE_LINK, ".");
    storage_host(&host).map(|(account, _, suffix)| (account.to_owned(), suffix.to_owned()))
}

/// Account, service and suffix of a storage host.
pub(super) fn storage_host(host: &str) -> Option<(&str, &str, &str)> {
    let (account, rest) = host.split_once('.')?;
    // `account.z6.web.…` has a zone before the service.
    let rest = match rest.split_once('.') {
        Some((zone, after)) if zone.starts_with('z') && zone.len() <= 3 => after,
        _ => rest,
    };
    let (service, suffix) = rest.split_once('.')?;
    let known = matches!(service, "blob" | "file" | "queue" | "table" | "dfs" | "web");
    (known && suffix.contains('.') && !account.is_empty()).then_some((account, service, suffix))
}
