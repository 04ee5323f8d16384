//! Azure Storage: what a connection string and a host say of the account. The
//! grammar is in [`crate::formats::name_value`].

use super::azure_host::{PRIVATE_LINK, is_random, is_sample};
use super::name_value::host_of;
use super::{Hit, Refusal, accept};
use crate::formats::name_value::NameValueString;

/// The suffix of the public cloud, which strings leave out.
const PUBLIC_SUFFIX: &str = "core.windows.net";

/// The match stands in a connection string of Azure Storage.
pub(super) fn connection_string(hit: &mut Hit<'_>) -> Result<(), Refusal> {
    let found =
        NameValueString::around(hit.text, hit.secret.start).ok_or(Refusal("no connection string around"))?;
    let text = |name: &str| found.get(name).map(|value| value.text().into_owned());
    // Cosmos DB and Batch have strings with an account's key too.
    let table = text("TableEndpoint").unwrap_or_default();
    let other = text("AccountEndpoint").is_some() || table.contains(".cosmos.");
    accept(!other, "a string of another service")?;
    let endpoint = endpoint(&found);
    let account = text("AccountName").or_else(|| endpoint.as_ref().map(|(account, _)| account.clone()));
    let account = account.ok_or(Refusal("the string names no account"))?;
    accept(
        (3..=24).contains(&account.len())
            && account.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()),
        "not the name of an account",
    )?;
    let sample = is_sample(&account) && !is_random(hit.secret_bytes());
    accept(account != "devstoreaccount1" && !sample, "the emulator or a sample")?;
    let suffix = text("EndpointSuffix").or(endpoint.map(|(_, suffix)| suffix));
    hit.add_attribute("account", account);
    hit.add_attribute("suffix", suffix.unwrap_or_else(|| PUBLIC_SUFFIX.to_owned()));
    hit.add_attribute("protocol", text("DefaultEndpointsProtocol").unwrap_or_default());
    hit.claims.push(found.span);
    Ok(())
}

/// Account and suffix of the storage string around a place, where there is one.
pub(super) fn account_around(text: &[u8], at: usize) -> Option<(String, Option<String>)> {
    let found = NameValueString::around(text, at)?;
    let endpoint = endpoint(&found);
    let suffix = endpoint.as_ref().map(|(_, suffix)| suffix.clone());
    let named = found.get("AccountName").map(|value| value.text().into_owned());
    Some((named.or(endpoint.map(|(account, _)| account))?, suffix))
}

/// Account and suffix of the first endpoint that is a host of the service, such as
/// `https://account.blob.core.windows.net/`.
fn endpoint(found: &NameValueString) -> Option<(String, String)> {
    let names = ["BlobEndpoint", "QueueEndpoint", "TableEndpoint", "FileEndpoint", "DfsEndpoint"];
    names.iter().find_map(|name| {
        let host = host_of(&found.get(name)?.text())?.replace(PRIVATE_LINK, ".");
        storage_host(&host).map(|(account, _, suffix)| (account.to_owned(), suffix.to_owned()))
    })
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
