//! AWS access key ids. The facts are in [`crate::formats::aws_key_id`].

use super::{Hit, Refusal};
use crate::formats::aws_key_id;

/// Access key ids are 20 characters.
const LENGTH: usize = 20;

pub(super) fn key_id(hit: &mut Hit<'_>) -> Result<(), Refusal> {
    let matched = hit.matched();
    let named = hit.attribute("key_id").map(str::as_bytes).filter(|id| id.len() == LENGTH);
    let id = named.unwrap_or(matched);
    let kind = aws_key_id::kind(id).ok_or(Refusal("not the prefix of an access key"))?;
    let account = aws_key_id::account(id).map_err(|_| Refusal("not an access key id"))?;
    let text = String::from_utf8_lossy(id).into_owned();
    if text.ends_with("EXAMPLE") {
        return Err(Refusal("a documented sample"));
    }
    hit.add_attribute("key_id", text);
    hit.add_attribute("key_kind", kind);
    hit.add_attribute("account", account.unwrap_or_default());
    Ok(())
}
