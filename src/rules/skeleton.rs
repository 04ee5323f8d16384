//! A pack to begin with.

/// The text, with places for the names.
const TEXT: &str = include_str!("skeleton.toml");

/// A commented pack with one rule of this id, which passes all checks of packs. The
/// id must be one: lower case letters, digits and single dashes between them.
#[must_use]
pub fn skeleton(id: &str) -> String {
    let pack = id.split('-').next().unwrap_or(id);
    let prefix = format!("{}_", pack.chars().filter(char::is_ascii_alphanumeric).collect::<String>());
    // A literal has three bytes; of a short prefix the words after it are part.
    let prefix = if prefix.len() < 4 { format!("{prefix}key_") } else { prefix };
    let text = TEXT
        .replace("{pack}", pack)
        .replace("{id}", id)
        .replace("{prefix_length}", &prefix.len().to_string())
        .replace("{prefix}", &prefix);
    // A long id makes long lines.
    super::format("new.toml", &text).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_formatted_pack() {
        for id in ["acme-api-key", "a", "0", "x1-y", &"long".repeat(25)] {
            let text = skeleton(id);
            let pack = crate::rules::parse("new.toml", &text).expect("a pack");
            assert_eq!(pack.rules[0].id, id);
            assert!(pack.notes.is_empty());
            assert_eq!(crate::rules::format("new.toml", &text).expect("TOML"), text);
        }
    }
}
