//! Values that stand in place of a secret: templates, masks, sample words.
//!
//! The words are data: `rules/placeholders.txt`. They are not for tokens whose
//! checksum holds: a rule that checks one does not ask for this.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};

use crate::rules::ValueKind;

/// A word of fewer characters counts only between separators: a random token of
/// 40 characters holds a given word of three about once in 800.
const MIN_INNER_WORD: usize = 5;
/// More equal or consecutive characters than this are a run.
const MAX_RUN: usize = 5;
/// A shorter password is `%s`, `$1` or `?`.
const MIN_PASSWORD: usize = 3;
/// A token of fewer distinct characters is a mask.
const MIN_DISTINCT: u32 = 4;

/// The lists of `rules/placeholders.txt`.
struct Lists {
    words: Option<AhoCorasick>,
    /// Words, then fillers.
    pieces: Vec<&'static [u8]>,
    /// How many of the pieces are words.
    word_count: usize,
    templates: Vec<(&'static [u8], &'static [u8])>,
}

static LISTS: LazyLock<Lists> = LazyLock::new(|| {
    let (mut words, mut fillers, mut templates) = (Vec::new(), Vec::new(), Vec::new());
    let mut section = "";
    for line in include_str!("../../../rules/placeholders.txt").lines() {
        match line.trim() {
            "" => {}
            name @ ("[words]" | "[fillers]" | "[templates]") => section = name,
            _ if section == "[templates]" => templates.push(line.split_once(' ').unwrap_or((line, ""))),
            comment if comment.starts_with('#') => {}
            word if section == "[words]" => words.push(word.as_bytes()),
            filler => fillers.push(filler.as_bytes()),
        }
    }
    let mut automaton = AhoCorasick::builder();
    // The list is part of the program, and a test shows that it builds.
    let words_automaton =
        automaton.ascii_case_insensitive(true).match_kind(MatchKind::Standard).build(&words).ok();
    let word_count = words.len();
    words.extend(fillers);
    Lists {
        words: words_automaton,
        pieces: words,
        word_count,
        templates: templates
            .into_iter()
            .map(|(first, last)| (first.as_bytes(), last.trim().as_bytes()))
            .collect(),
    }
});

/// Whether a value stands in place of a secret.
pub(super) fn is_placeholder(value: &[u8], kind: ValueKind) -> bool {
    let value = value.trim_ascii();
    if value.is_empty() || is_template(value) {
        return true;
    }
    match kind {
        ValueKind::Token => is_mask(value) || has_run(value) || holds_word(value),
        ValueKind::Password => value.len() < MIN_PASSWORD || is_repeated(value) || is_made_of_words(value),
    }
}

/// A reference or template as the whole value.
fn is_template(value: &[u8]) -> bool {
    let folded_start =
        |prefix: &[u8]| value.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix));
    LISTS.templates.iter().any(|(first, last)| {
        value.len() > first.len() + last.len() && folded_start(first) && value.ends_with(last) && {
            // `$` alone begins many a password: a name must follow and nothing else.
            *first != b"$" || value.iter().skip(1).all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
        }
    })
}

/// Few distinct characters.
fn is_mask(value: &[u8]) -> bool {
    let mut seen = [0_u64; 4];
    for byte in value {
        if let Some(word) = seen.get_mut(usize::from(byte >> 6)) {
            *word |= 1 << (byte & 63);
        }
    }
    seen.iter().map(|word| word.count_ones()).sum::<u32>() < MIN_DISTINCT
}

/// One character over and over, an ellipsis, or a mask that leaves the end.
fn is_repeated(value: &[u8]) -> bool {
    let is_mask = |text: &str| text.chars().all(|one| ".*xX-_?#•●·…".contains(one));
    value.iter().all(|byte| value.first() == Some(byte))
        || std::str::from_utf8(value).is_ok_and(is_mask)
        || value.starts_with(b"****")
        || value.starts_with("•••".as_bytes())
}

/// Equal or consecutive characters in a row.
fn has_run(value: &[u8]) -> bool {
    let (mut equal, mut rising, mut falling) = (1, 1, 1);
    value.windows(2).any(|pair| {
        let [left, right] = *pair else { return false };
        equal = if left == right { equal + 1 } else { 1 };
        rising = if left.checked_add(1) == Some(right) { rising + 1 } else { 1 };
        falling = if right.checked_add(1) == Some(left) { falling + 1 } else { 1 };
        equal.max(rising).max(falling) > MAX_RUN
    })
}

/// A sample word inside the value.
fn holds_word(value: &[u8]) -> bool {
    let lists = &*LISTS;
    let separated =
        |at: Option<usize>| at.and_then(|at| value.get(at)).is_none_or(|byte| !byte.is_ascii_alphanumeric());
    lists.words.iter().flat_map(|words| words.find_overlapping_iter(value)).any(|found| {
        found.len() >= MIN_INNER_WORD
            || separated(found.start().checked_sub(1)) && separated(Some(found.end()))
    })
}

/// Nothing but sample words and fillers, whatever stands between them.
fn is_made_of_words(value: &[u8]) -> bool {
    const MAX_LENGTH: usize = 64;
    if value.len() > MAX_LENGTH {
        return false;
    }
    let letters: Vec<u8> =
        value.iter().filter(|byte| byte.is_ascii_alphanumeric()).map(u8::to_ascii_lowercase).collect();
    // What can be reached from the start: nothing, by fillers only, by a word too.
    let mut reached = [0_u8; MAX_LENGTH + 1];
    reached[0] = 1;
    for at in 0..letters.len() {
        let from = reached.get(at).copied().unwrap_or(0);
        if from == 0 {
            continue;
        }
        let rest = letters.get(at..).unwrap_or_default();
        for (index, piece) in LISTS.pieces.iter().enumerate() {
            if rest.starts_with(piece)
                && let Some(to) = reached.get_mut(at + piece.len())
            {
                *to = (*to).max(if index < LISTS.word_count { 2 } else { from });
            }
        }
    }
    reached.get(letters.len()) == Some(&2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens() {
        let token = |value: &str| is_placeholder(value.as_bytes(), ValueKind::Token);
        for made_up in [
            "",
            "  ",
            "${TOKEN}",
            "$TOKEN",
            "{{ token }}",
            "<your token>",
            "%TOKEN%",
            "xxxxxxxxxxxx",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "aaaaaaaB1",
            "q8Zabcdefg7",
            "p0987654321z",
            "sk-foo-9xKq",
            "@Microsoft.KeyVault(SecretUri=https://x)",
            "YOUR_KEY_9q2",
            "os.environ['X']",
        ] {
            assert!(token(made_up), "{made_up}");
        }
        for random in ["kT9vQ2mXr7Lp4WzB8nYc", "Zfoo8Qkbarr9TkWm2", "$2y$10$kqTb"] {
            assert!(!token(random), "{random}");
        }
    }

    #[test]
    fn passwords() {
        let password = |value: &str| is_placeholder(value.as_bytes(), ValueKind::Password);
        for made_up in [
            "{your_password}",
            "your_password_here",
            "<password>",
            "changeme",
            "ChangeMe!",
            "MyPassword",
            "****",
            "xxx",
            "...",
            "$(SqlPassword)",
            "${DB_PASS}",
            "enter your strong password here",
            "$DB_PASS",
            "secret",
        ] {
            assert!(password(made_up), "{made_up}");
        }
        for chosen in ["Password123!", "S3cr3tP@ss9", "hunter22", "admin", "aB3$kkkk", "$tr0ng!Pa", "x"] {
            assert_eq!(password(chosen), chosen == "x", "{chosen}");
        }
    }
}
