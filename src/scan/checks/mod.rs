//! What each check of a rule does: a small function over a [`Hit`], with the
//! source of its facts. Every check is linear in the text that a hit shows, and
//! allocates only where it is about to pass.

mod aws;
mod characters;
mod connection;
mod engine;
mod login;
mod microsoft;
mod password;
mod placeholder;
mod private_key;
mod sample;
mod sas;
mod token;

use super::hit::Hit;
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
        Check::NotPlaceholder { value } => {
            accept(!placeholder::is_placeholder(hit.secret_bytes(), *value), "a placeholder")
        }
        Check::Crc32Base62 { skip } => token::crc32_base62(hit.secret_bytes(), *skip),
        Check::AwsKeyId {} => aws::key_id(hit),
        Check::Base64Around { before, length } => token::base64_around(hit, *before, *length),
        Check::Base64Length { bytes } => token::base64_length(hit, *bytes),
        Check::HisKey { signature, bytes, seeds } => microsoft::his_key(hit, signature, *bytes, seeds),
        Check::EntraClientSecret {} => microsoft::entra_client_secret(hit.secret_bytes()),
        Check::AzureSas {} => sas::check(hit),
        Check::AzureStorageString {} => connection::azure_storage(hit),
        Check::ConnectionString { hosts } => login::at_host(hit, hosts),
        Check::Login {} => login::anywhere(hit),
        Check::Password { login, code } => password::check(hit, *login, *code),
        Check::PasswordValue { encoding, alone } => password::check_value(hit, *encoding, *alone),
        Check::DefaultAttribute { name, value } => {
            hit.add_attribute(name.clone(), value.clone());
            Ok(())
        }
        Check::PrivateKey {} => private_key::check(hit),
    }
}

/// Passes or refuses.
fn accept(passes: bool, reason: &'static str) -> Result<(), Refusal> {
    if passes { Ok(()) } else { Err(Refusal(reason)) }
}

#[cfg(test)]
mod tests;
