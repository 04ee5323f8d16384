//! The older tokens of Azure DevOps. The checksum is in
//! [`crate::formats::azure_devops`].

use super::token::decode;
use super::{Hit, Refusal, accept};
use crate::formats::azure_devops::{Kind, LENGTH, kind};

/// The secret is a token, or base64 of one as npm's `_password` has it, or of
/// `user:token` as a header has it.
pub(super) fn check(hit: &mut Hit<'_>, application: bool) -> Result<(), Refusal> {
    const NOT_IT: Refusal = Refusal("the checksum does not hold");
    if hit.secret_bytes().len() != LENGTH {
        let plain = decode(hit.secret_bytes()).ok_or(Refusal("not base64"))?;
        let (head, token) = plain.split_at_checked(plain.len().saturating_sub(LENGTH)).ok_or(NOT_IT)?;
        accept(head.is_empty() || head.ends_with(b":"), "decodes to no token")?;
        hit.value = Some(token.to_vec());
    }
    let found = kind(hit.secret_bytes()).ok_or(NOT_IT)?;
    accept((found == Kind::Application) == application, "the other kind of token")
}
