//! What each check of a rule does: a small function over a [`Hit`], with the
//! source of its facts. Every check is linear in the text that a hit shows, and
//! allocates only where it is about to pass.

mod aws;
mod azure_devops;
mod azure_host;
mod characters;
mod decoded;
mod engine;
mod http;
mod jwt;
mod key_container;
mod login;
mod machine_key;
mod microsoft;
mod name_value;
mod password;
mod placeholder;
mod private_key;
mod sample;
mod sas;
mod signed_query;
mod signed_url;
mod storage;
mod times;
mod token;

use super::hit::{Further, Hit};
use crate::rules::Check;

pub use characters::entropy;

/// Why a check refused a match: a short phrase for `rules explain`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal(pub &'static str);

/// Runs one check. It may add attributes to the hit and refine its secret.
///
/// # Errors
///
/// The reason for which the match is not a secret of the rule's type.
pub fn run(check: &Check, hit: &mut Hit<'_>) -> Result<(), Refusal> {
    match check {
        Check::Entropy { min } => accept(entropy(hit.secret_bytes()) >= *min, "entropy too low"),
        Check::Characters { not_hex, mixed_case, digit, max_slashes } => {
            let wanted = characters::Wanted {
                not_hex: *not_hex,
                mixed_case: *mixed_case,
                digit: *digit,
                max_slashes: *max_slashes,
            };
            characters::check(hit.secret_bytes(), &wanted)
        }
        Check::NotPlaceholder { value, skip } => {
            let secret = hit.secret_bytes();
            let value_bytes = usize::try_from(*skip).ok().and_then(|skip| secret.get(skip..));
            accept(!placeholder::is_placeholder(value_bytes.unwrap_or(secret), *value), "a placeholder")
        }
        Check::Crc32 { digits, skip, gap, reversed, required } => {
            let layout = token::SumLayout { digits: *digits, skip: *skip, gap: *gap, reversed: *reversed };
            token::crc32(hit, &layout, *required)
        }
        Check::Base64Holds { group, skip, patterns, optional } => {
            decoded::base64_holds(hit, group.as_deref(), *skip, patterns, optional)
        }
        Check::AwsKeyId {} => aws::key_id(hit),
        Check::AwsKeyPair {} => aws::key_pair(hit),
        Check::SignedUrl { form } => signed_url::check(hit, *form),
        Check::Base64Around { before, length } => token::base64_around(hit, *before, *length),
        Check::Base64Length { bytes } => token::base64_length(hit, *bytes),
        Check::HisKey { signature, bytes, seeds, alphanumeric, optional } => {
            let kind = microsoft::HisKind { signature, bytes: *bytes, seeds, alphanumeric: *alphanumeric };
            microsoft::his_key(hit, &kind, *optional)
        }
        Check::AnnotatedKey { signature, products, optional } => {
            microsoft::annotated_key(hit, signature.as_deref(), products, *optional)
        }
        Check::NameValueString { needs, host, attributes, optional } => {
            name_value::check(hit, needs, host, attributes, *optional)
        }
        Check::AzureHost { suffixes, label, zone, replace, optional } => {
            let names = azure_host::Names { label: label.as_deref(), zone: zone.as_deref(), replace };
            azure_host::check(hit, suffixes, &names, *optional)
        }
        Check::SignedQuery { signature, bytes, needs, resource, expiry, attributes } => {
            let wanted = signed_query::Wanted {
                signature,
                bytes: *bytes,
                needs,
                resource: resource.as_deref(),
                expiry: expiry.as_deref(),
                attributes,
            };
            signed_query::check(hit, &wanted)
        }
        Check::EntraClientSecret {} => microsoft::entra_client_secret(hit.secret_bytes()),
        Check::AzureDevopsToken { application } => azure_devops::check(hit, *application),
        Check::AzureSas {} => sas::check(hit),
        Check::AzureStorageString {} => storage::connection_string(hit),
        Check::CompactTime { source, attribute } => times::compact(hit, source, attribute),
        Check::ConnectionString { hosts } => login::at_host(hit, hosts),
        Check::Login {} => login::anywhere(hit),
        Check::Password { login, code, data_source } => {
            password::check(hit, password::Wanted { login: *login, code: *code, data_source: *data_source })
        }
        Check::PasswordValue { encoding, alone } => password::check_value(hit, *encoding, *alone),
        Check::DefaultAttribute { name, value } => {
            hit.add_attribute(name.clone(), value.clone());
            Ok(())
        }
        Check::PasswordTable {} => password::table::check(hit),
        Check::PasswordList {} => password::table::check_list(hit),
        Check::HttpBasic { decode } => http::basic(hit, *decode),
        Check::HttpUserPair {} => http::pair(hit),
        Check::Jwt { issuers, with, without } => jwt::check(hit, issuers, with, without),
        Check::KeyContainer { form } => key_container::check(hit, *form),
        Check::MachineKey {} => machine_key::check(hit),
        Check::PrivateKey { used, damaged } => private_key::check(hit, *used, *damaged),
    }
}

/// Makes the first of several secrets that of the hit, and the others further ones
/// of it. `None` where there is none.
fn hit_more<'t>(hit: &mut Hit<'t>, found: Vec<Further<'t>>) -> Option<()> {
    let mut found = found.into_iter();
    let first = found.next()?;
    hit.secret = first.secret;
    hit.value = first.value;
    for (name, value) in first.attributes {
        hit.add_attribute(name, value);
    }
    hit.more.extend(found);
    Some(())
}

/// Passes or refuses.
fn accept(passes: bool, reason: &'static str) -> Result<(), Refusal> {
    if passes { Ok(()) } else { Err(Refusal(reason)) }
}

#[cfg(test)]
mod tests;
