//! Tokens that hold a readable text in base64: a JSON Web Token's claims, the
//! account of a key, the routing of a token.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;

use regex::bytes::{Regex, RegexBuilder};

use super::token::decode;
use super::{Hit, Refusal, accept};
use crate::finding::Timestamp;

/// Bounds of one expression, so that a hostile pack cannot eat the memory.
const SIZE_LIMIT: usize = 1 << 20;
/// Names of attributes that hold a time.
const TIMES: [&str; 3] = ["issued_at", "not_before", "expires_at"];

thread_local! {
    /// The expressions of the packs in use, built when first needed.
    static BUILT: RefCell<HashMap<String, Option<Regex>>> = RefCell::new(HashMap::new());
}

fn built(pattern: &str) -> Option<Regex> {
    BUILT.with_borrow_mut(|built| match built.get(pattern) {
        Some(regex) => regex.clone(),
        None => {
            let regex = RegexBuilder::new(pattern).unicode(false).size_limit(SIZE_LIMIT).build().ok();
            built.insert(pattern.to_owned(), regex.clone());
            regex
        }
    })
}

/// See [`crate::rules::Check::Base64Holds`].
pub(super) fn base64_holds(
    hit: &mut Hit<'_>,
    group: Option<&str>,
    skip: u32,
    patterns: &[String],
    optional: &[String],
) -> Result<(), Refusal> {
    let code = match group {
        // The part is secret: it must not stay among the attributes.
        Some(group) => {
            let place = hit.attributes.iter().position(|(name, _)| name == group);
            place
                .map(|place| hit.attributes.remove(place).1)
                .ok_or(Refusal("the part is not in the match"))?
        }
        None => String::from_utf8_lossy(hit.secret_bytes()).into_owned(),
    };
    let skip = usize::try_from(skip).unwrap_or(usize::MAX);
    let Some(plain) = code.as_bytes().get(skip..).and_then(decode) else {
        return accept(patterns.is_empty(), "not base64");
    };
    for pattern in patterns {
        accept(add_groups(hit, pattern, &plain), "the decoded text is another one")?;
    }
    for pattern in optional {
        add_groups(hit, pattern, &plain);
    }
    Ok(())
}

/// Adds the groups of a match as attributes; whether there is one.
fn add_groups(hit: &mut Hit<'_>, pattern: &str, plain: &[u8]) -> bool {
    let Some(regex) = built(pattern) else { return false };
    let Some(found) = regex.captures(plain) else { return false };
    for name in regex.capture_names().flatten() {
        let Some(group) = found.name(name) else { continue };
        let text = String::from_utf8_lossy(group.as_bytes());
        let value = if TIMES.contains(&name) { time(&text).unwrap_or_default() } else { text.into_owned() };
        hit.add_attribute(Cow::Owned(name.to_owned()), value);
    }
    true
}

/// A time as RFC 3339, which may be written in seconds or, with 13 digits, in
/// milliseconds since 1970.
fn time(text: &str) -> Option<String> {
    const MILLISECOND_DIGITS: usize = 13;
    let time = match text.parse::<i64>() {
        Ok(milliseconds) if text.len() == MILLISECOND_DIGITS => {
            Timestamp::from_unix(milliseconds.div_euclid(1000), 0)
        }
        Ok(seconds) => Timestamp::from_unix(seconds, 0),
        Err(_) => Timestamp::parse(text),
    };
    time.map(|time| time.to_string())
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    fn hit(text: &str) -> Hit<'_> {
        Hit {
            text: text.as_bytes(),
            span: 0..text.len(),
            secret: 0..text.len(),
            value: None,
            claims: Vec::new(),
            more: Vec::new(),
            attributes: Vec::new(),
        }
    }

    #[test]
    fn groups_become_attributes_and_the_part_is_none() {
        let claims = URL_SAFE_NO_PAD.encode(r#"{"iss":"a","exp":1700000000,"iat":1699990000123}"#);
        let text = format!("tok_{claims}");
        let patterns = [r#""exp":(?P<expires_at>[0-9]+)"#.to_owned()];
        let optional =
            [r#""iat":(?P<issued_at>[0-9]+)"#.to_owned(), "(?P<missing>no)".to_owned(), "(".to_owned()];
        let mut whole = hit(&text);
        assert_eq!(base64_holds(&mut whole, None, 4, &patterns, &optional), Ok(()));
        // By `date -u -d @1700000000`.
        assert_eq!(whole.attribute("expires_at"), Some("2023-11-14T22:13:20Z"));
        assert_eq!(whole.attribute("issued_at"), Some("2023-11-14T19:26:40Z"));
        let mut part = hit(&text);
        part.add_attribute("claims", claims);
        assert_eq!(base64_holds(&mut part, Some("claims"), 0, &patterns, &[]), Ok(()));
        assert_eq!(part.attribute("claims"), None);
        assert_eq!(part.attributes.len(), 1);
    }

    #[test]
    fn what_is_refused() {
        let pattern = ["x".to_owned()];
        for (text, skip) in [("!!!!", 0), ("eHg", 9), ("eXl5", 0), ("", 0)] {
            assert!(base64_holds(&mut hit(text), None, skip, &pattern, &[]).is_err(), "{text}");
        }
        assert!(base64_holds(&mut hit("eHh4"), Some("claims"), 0, &pattern, &[]).is_err());
        assert!(base64_holds(&mut hit("eHh4"), None, 0, &["(".to_owned()], &[]).is_err());
        assert_eq!(base64_holds(&mut hit("eHh4"), None, 0, &pattern, &[]), Ok(()));
        assert_eq!(base64_holds(&mut hit("!"), None, 0, &[], &pattern), Ok(()));
        assert_eq!(time("99999999999999999999"), None);
    }
}
