//! How rare a literal is on a disk.
//!
//! A rough model: bits of information per byte in a mix of program files, text and
//! configuration, and a list of words that are so common that their letters say
//! little. It only has to rank the literals of one pattern; the engine has its own
//! measured model for the windows that it searches for.

use crate::rules::rule::Literal;

/// Words of configuration files and source code, lower case. Found whole, each
/// counts as [`WORD_BITS`], however long it is.
const WORDS: &[&str] = &[
    "password",
    "passwd",
    "secret",
    "private",
    "public",
    "token",
    "account",
    "access",
    "client",
    "config",
    "connection",
    "string",
    "default",
    "begin",
    "http",
    "name",
    "user",
    "host",
    "port",
    "data",
    "type",
    "value",
    "key",
    "www.",
    ".com",
    "auth",
    "api",
    "server",
    "service",
    "test",
    "com/",
];
const WORD_BITS: f64 = 9.0;
/// What a literal costs by being one more to look for.
const PER_LITERAL: f64 = 1e-7;
/// How much more a false confirmation costs (the expression is run) than a false
/// candidate of the prefilter.
const VERIFY: f64 = 4.0;

/// The cost of looking for these literals, in expected work per byte; only good
/// for comparing.
pub(super) fn cost(literals: &[Literal]) -> f64 {
    // Literals that share their rarest window are one candidate of the prefilter.
    let mut windows: Vec<&[u8]> = Vec::with_capacity(literals.len());
    let mut total = 0.0;
    for literal in literals {
        let (window, rare) = rarest_window(&literal.bytes, literal.fold);
        if !windows.contains(&window) {
            windows.push(window);
            total += (-rare).exp2();
        }
        // The more places a literal may stand at, the more text the expression sees.
        let places = 1.0 + f64::from(literal.max_offset - literal.min_offset) / 64.0;
        total += PER_LITERAL + VERIFY * places * (-bits(&literal.bytes, literal.fold)).exp2();
    }
    total
}

/// How many bits of information the whole literal holds.
pub(super) fn bits(bytes: &[u8], fold: bool) -> f64 {
    let mut total = 0.0;
    let mut rest = bytes;
    while let Some((first, tail)) = rest.split_first() {
        let word = starts_a_word(*first).then(|| word_at(rest)).flatten();
        match word {
            Some(word) => {
                total += WORD_BITS;
                rest = rest.get(word.len()..).unwrap_or_default();
            }
            None => {
                total += byte_bits(*first, fold);
                rest = tail;
            }
        }
    }
    total
}

fn word_at(text: &[u8]) -> Option<&'static str> {
    WORDS
        .iter()
        .find(|word| text.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word.as_bytes())))
        .copied()
}

/// Whether one of [`WORDS`] starts so; most bytes do not, and this runs for each.
const fn starts_a_word(byte: u8) -> bool {
    matches!(
        byte.to_ascii_lowercase(),
        b'p' | b's' | b't' | b'a' | b'c' | b'd' | b'b' | b'h' | b'n' | b'u' | b'v' | b'k' | b'w' | b'.'
    )
}

/// The rarest four bytes in a row, for which a prefilter searches, and their bits.
fn rarest_window(bytes: &[u8], fold: bool) -> (&[u8], f64) {
    let mut rarest = (bytes, 0.0);
    for window in bytes.windows(bytes.len().clamp(1, 4)) {
        let bits = window.iter().map(|byte| byte_bits(*byte, fold)).sum::<f64>();
        if bits > rarest.1 {
            rarest = (window, bits);
        }
    }
    rarest
}

fn byte_bits(byte: u8, fold: bool) -> f64 {
    let letter = |byte: u8| match byte {
        b'e' | b't' | b'a' | b'o' | b'i' | b'n' | b's' | b'r' => 4.2,
        b'l' | b'd' | b'c' | b'u' | b'm' | b'p' | b'h' => 5.0,
        b'g' | b'b' | b'f' | b'y' | b'w' | b'v' => 6.0,
        b'k' | b'x' => 7.0,
        _ => 8.5,
    };
    match byte {
        b'a'..=b'z' if fold => letter(byte) - 0.2,
        b'a'..=b'z' => letter(byte),
        b'J' | b'Q' | b'X' | b'Z' => 8.5,
        b'A'..=b'Z' => 7.0,
        b'0' => 5.5,
        b'1'..=b'9' => 6.0,
        0 => 2.0,
        b' ' => 3.5,
        b'\n' | 0xff => 5.0,
        b'_' => 5.5,
        b'-' | b'.' | b'/' | b'=' | b':' | b'"' => 6.0,
        _ => 7.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_of_all_words_are_known() {
        assert!(WORDS.iter().all(|word| starts_a_word(word.as_bytes()[0])));
    }

    #[test]
    fn common_words_say_little() {
        assert!(bits(b"password", true) < bits(b"zqxj", false));
        assert!(bits(b"AccountKey=", false) < bits(b"acme_live_", false));
    }
}
