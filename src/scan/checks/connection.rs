//! Connection strings. The grammar is in [`crate::formats::connection_string`].

use super::placeholder::is_placeholder;
use super::{Hit, Refusal, accept};
use crate::formats::connection_string::{ConnectionString, Key, MAX_SIDE, Value};
use crate::rules::ValueKind;

/// A label that stands before the suffix when a private endpoint is in use. It
/// names the same resource.
const PRIVATE_LINK: &str = ".privatelink.";
/// Ways to authenticate that take no password from the string.
const WITHOUT_PASSWORD: [&str; 6] =
    ["default", "managedidentity", "msi", "interactive", "integrated", "workloadidentity"];

/// The match stands in the host of a string that holds a password.
pub(super) fn with_password(hit: &mut Hit<'_>, hosts: &[String]) -> Result<(), Refusal> {
    accept(mentions_password(hit), "no password around")?;
    let found =
        ConnectionString::around(hit.text, hit.span.start).ok_or(Refusal("no connection string around"))?;
    let server = found.get(Key::Server).ok_or(Refusal("the string names no server"))?;
    // The raw bytes of a URL's host are those of the match; a string with two
    // hosts is judged at the one that is its server.
    accept(server.span.contains(&hit.span.start), "the match is not the string's server")?;
    let host = found.host().ok_or(Refusal("the string names no server"))?.replace(PRIVATE_LINK, ".");
    accept(
        hosts.is_empty() || hosts.iter().any(|suffix| host.ends_with(suffix.as_str())),
        "another kind of host",
    )?;
    let label = host.split('.').next().unwrap_or_default();
    accept(!is_sample_host(label), "a sample host")?;
    let password = found.get(Key::Password).ok_or(Refusal("the string holds no password"))?;
    accept(!is_placeholder(&password.bytes, ValueKind::Password), "the password is a placeholder")?;
    let authentication =
        found.get(Key::Authentication).map(|value| value.text().into_owned()).unwrap_or_default();
    let method = authentication.to_ascii_lowercase().replace([' ', '_'], "").replace("activedirectory", "");
    accept(!WITHOUT_PASSWORD.contains(&method.as_str()), "authenticates without a password")?;
    let integrated = found.get(Key::Integrated).map(|value| value.text().to_ascii_lowercase());
    let integrated = integrated.is_some_and(|value| matches!(value.as_str(), "true" | "yes" | "sspi"));
    accept(!integrated, "authenticates without a password")?;

    take_secret(hit, password);
    let port = found.port().map(|port| port.to_string()).unwrap_or_default();
    let text = |key: Key| found.get(key).map(|value| value.text().into_owned()).unwrap_or_default();
    let template = |value: String| {
        if is_placeholder(value.as_bytes(), ValueKind::Password) { String::new() } else { value }
    };
    hit.add_attribute("server", host);
    hit.add_attribute("port", port);
    hit.add_attribute("database", template(text(Key::Database)));
    hit.add_attribute("user", template(text(Key::User)));
    hit.add_attribute("authentication", authentication);
    hit.claims.push(found.span);
    Ok(())
}

/// Nearly every place where a host is named holds no password: look for the word
/// before anything is read.
fn mentions_password(hit: &Hit<'_>) -> bool {
    let from = hit.span.start.saturating_sub(MAX_SIDE);
    let to = hit.span.start.saturating_add(MAX_SIDE).min(hit.text.len());
    let near = hit.text.get(from..to).unwrap_or_default();
    let word = |at: usize| {
        let rest = near.get(at..at + 3).unwrap_or_default();
        rest.eq_ignore_ascii_case(b"pwd") || rest.eq_ignore_ascii_case(b"pas")
    };
    memchr::memchr2_iter(b'p', b'P', near).any(word) || memchr::memmem::find(near, b"://").is_some()
}

/// Makes a value of a string the hit's secret.
fn take_secret(hit: &mut Hit<'_>, value: &Value) {
    hit.secret = value.span.clone();
    let raw = hit.text.get(value.span.clone()).unwrap_or_default();
    hit.value = (raw != value.bytes).then(|| value.bytes.clone());
}

/// Host names of documentation and templates. Words such as `test` are not among
/// them: test servers hold data too.
fn is_sample_host(label: &str) -> bool {
    const SAMPLES: [&str; 10] = [
        "yourserver",
        "yourservername",
        "your",
        "myserver",
        "myservername",
        "mydemoserver",
        "server",
        "servername",
        "sqlserver",
        "contoso",
    ];
    let letters: String = label.chars().filter(char::is_ascii_alphanumeric).collect();
    let template = label.starts_with(['{', '<', '[', '$', '%', '#']);
    template || SAMPLES.contains(&letters.as_str())
}
