//! Finds the paths into our own crate in Rust source: `crate::a::b`,
//! `snapsift::a`, `super::super::a`, and groups of them in `use`.

/// A path from the crate's root and the line where it stands. `*` in place of the
/// first name: the root as a whole. `test`: it stands in a module `tests`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Reference {
    pub(crate) path: Vec<String>,
    pub(crate) line: usize,
    pub(crate) test: bool,
}

/// Splits into identifiers and single punctuation characters (`::` is one token),
/// without comments, strings, characters and lifetimes; with line numbers.
pub(crate) fn tokens(text: &str) -> Vec<(String, usize)> {
    let chars: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let (mut at, mut line) = (0, 1);
    let peek = |at: usize| chars.get(at).copied().unwrap_or('\0');
    while at < chars.len() {
        let start = at;
        match peek(at) {
            '/' if peek(at + 1) == '/' => {
                while at < chars.len() && peek(at) != '\n' {
                    at += 1;
                }
            }
            '/' if peek(at + 1) == '*' => {
                let mut depth = 0;
                loop {
                    match (peek(at), peek(at + 1)) {
                        ('/', '*') => (depth, at) = (depth + 1, at + 2),
                        ('*', '/') => (depth, at) = (depth - 1, at + 2),
                        _ => at += 1,
                    }
                    if depth == 0 || at >= chars.len() {
                        break;
                    }
                }
            }
            '"' => at = end_of_string(&chars, at + 1),
            '\'' => at = end_of_character(&chars, at),
            c if c.is_alphabetic() || c == '_' => {
                while peek(at).is_alphanumeric() || peek(at) == '_' {
                    at += 1;
                }
                let word: String = chars[start..at].iter().collect();
                let hashes = chars[at..].iter().take_while(|c| **c == '#').count();
                match (word.as_str(), peek(at), peek(at + hashes)) {
                    ("r" | "br" | "cr", _, '"') => at = end_of_raw(&chars, at + hashes + 1, hashes),
                    ("b" | "c", '"', _) => at = end_of_string(&chars, at + 1),
                    ("b", '\'', _) => at = end_of_character(&chars, at),
                    _ => tokens.push((word, line)),
                }
            }
            ':' if peek(at + 1) == ':' => {
                tokens.push(("::".into(), line));
                at += 2;
            }
            c => {
                if !c.is_whitespace() {
                    tokens.push((c.to_string(), line));
                }
                at += 1;
            }
        }
        line += chars[start..at.min(chars.len())].iter().filter(|c| **c == '\n').count();
    }
    tokens
}

fn end_of_string(chars: &[char], mut at: usize) -> usize {
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

fn end_of_raw(chars: &[char], mut at: usize, hashes: usize) -> usize {
    while at < chars.len() {
        let closing = chars[at + 1..].iter().take(hashes).filter(|c| **c == '#').count();
        if chars[at] == '"' && closing == hashes {
            return at + 1 + hashes;
        }
        at += 1;
    }
    at
}

/// `'a'` and `'\''` are skipped whole; of a lifetime only the quote.
fn end_of_character(chars: &[char], at: usize) -> usize {
    if chars.get(at + 1) == Some(&'\\') {
        let mut end = at + 3;
        while end < chars.len() && chars[end] != '\'' {
            end += 1;
        }
        return end + 1;
    }
    if chars.get(at + 2) == Some(&'\'') { at + 3 } else { at + 1 }
}

/// Every path into the crate from a file whose module path is `module`.
pub(crate) fn references(text: &str, module: &[String]) -> Vec<Reference> {
    let tokens = tokens(text);
    let mut found = Vec::new();
    // Inline modules that are open, each with the depth of braces at its opening
    // and whether it is one of tests.
    let mut inline: Vec<(usize, bool)> = Vec::new();
    let in_tests = module.iter().any(|name| name == "tests");
    let mut depth = 0;
    let mut at = 0;
    let word = |at: usize| tokens.get(at).map_or("", |(token, _)| token.as_str());
    while at < tokens.len() {
        let first = found.len();
        match word(at) {
            "{" => depth += 1,
            "}" => {
                depth -= 1;
                inline.retain(|(opened, _)| *opened <= depth);
            }
            "mod" if word(at + 2) == "{" => {
                depth += 1;
                inline.push((depth, word(at + 1) == "tests"));
                at += 3;
                continue;
            }
            // A path of another crate or type that has such a name in its middle.
            "crate" | "snapsift" | "super" if word(at.wrapping_sub(1)) == "::" && word(at) != "snapsift" => {}
            "snapsift" if word(at + 1) != "::" => {}
            "crate" | "snapsift" => {
                at = path(&tokens, at + 1, &[], &mut found).saturating_sub(1);
            }
            "super" => {
                let mut base: Vec<String> = module.to_vec();
                base.extend(std::iter::repeat_n("(inline)".to_owned(), inline.len()));
                base.pop();
                let mut next = at + 1;
                while word(next) == "::" && word(next + 1) == "super" {
                    base.pop();
                    next += 2;
                }
                // Within an inline module `super` stays in the file.
                base.retain(|name| name != "(inline)");
                at = path(&tokens, next, &base, &mut found).saturating_sub(1);
            }
            _ => {}
        }
        let test = in_tests || inline.iter().any(|(_, tests)| *tests);
        found.iter_mut().skip(first).for_each(|reference| reference.test = test);
        at += 1;
    }
    found
}

/// Follows a path or a group of paths from the token after its root. Gives the
/// index of the token after the names.
fn path(tokens: &[(String, usize)], mut at: usize, base: &[String], found: &mut Vec<Reference>) -> usize {
    let mut path = base.to_vec();
    let word = |at: usize| tokens.get(at).map_or("", |(token, _)| token.as_str());
    let line = tokens.get(at.saturating_sub(1)).map_or(0, |(_, line)| *line);
    while word(at) == "::" {
        let next = word(at + 1);
        if next == "{" {
            return group(tokens, at + 2, &path, found);
        }
        if next == "*" || next == "<" {
            at += 1;
            break;
        }
        path.push(next.to_owned());
        at += 2;
    }
    // `pub(crate)`, and `in crate` names no module below the root.
    let visibility = path.is_empty() && word(at) == ")";
    if path.is_empty() && !visibility {
        path.push("*".to_owned());
    }
    if !visibility {
        found.push(Reference { path, line, test: false });
    }
    at
}

/// The paths of `{a::b, c::{d, e}}`, from the token after the brace.
fn group(tokens: &[(String, usize)], mut at: usize, base: &[String], found: &mut Vec<Reference>) -> usize {
    let word = |at: usize| tokens.get(at).map_or("", |(token, _)| token.as_str());
    while at < tokens.len() && word(at) != "}" {
        match word(at) {
            "," => at += 1,
            "as" => at += 2,
            "*" => {
                let path = if base.is_empty() { vec!["*".to_owned()] } else { base.to_vec() };
                found.push(Reference { path, line: tokens[at].1, test: false });
                at += 1;
            }
            "self" => {
                found.push(Reference { path: base.to_vec(), line: tokens[at].1, test: false });
                at += 1;
            }
            name => {
                let mut inner = base.to_vec();
                inner.push(name.to_owned());
                at = path(tokens, at + 1, &inner, found);
            }
        }
    }
    at + 1
}
