//! What tags say: criticality, sensitivity, owner.
//!
//! Names are compared without case and without `-`, `_` and blanks, in the order given.

type Tags = [(String, String)];

fn plain(text: &str) -> String {
    text.chars().filter(|c| !matches!(c, '-' | '_' | ' ' | ':' | '.')).collect::<String>().to_lowercase()
}

fn find<'t>(tags: &'t Tags, names: &[&str]) -> Option<&'t str> {
    names.iter().find_map(|name| {
        let tag = tags.iter().find(|(tag, value)| plain(tag) == *name && !value.trim().is_empty());
        tag.map(|(_, value)| value.trim())
    })
}

/// A level in the words of users.
pub(super) fn level(value: &str) -> &'static str {
    match plain(value).as_str() {
        "veryhigh" | "critical" | "missioncritical" | "tier0" | "0" => "very_high",
        "high" | "prod" | "production" | "prd" | "live" | "tier1" | "1" => "high",
        "medium" | "moderate" | "normal" | "staging" | "stage" | "preprod" | "tier2" | "2" => "medium",
        "low" | "dev" | "development" | "test" | "testing" | "sandbox" | "qa" | "tier3" | "3" => "low",
        _ => "",
    }
}

pub(super) fn criticality(tags: &Tags) -> &'static str {
    let names = ["criticality", "businesscriticality", "tier", "environment", "env"];
    names
        .iter()
        .filter_map(|name| find(tags, &[name]))
        .map(level)
        .find(|level| !level.is_empty())
        .unwrap_or_default()
}

pub(super) fn sensitivity(tags: &Tags) -> &'static str {
    let value = find(tags, &["dataclassification", "classification", "sensitivity", "confidentiality"]);
    value.map(sensitivity_level).unwrap_or_default()
}

/// A level of sensitivity in the words of users.
pub(super) fn sensitivity_level(value: &str) -> &'static str {
    match plain(value).as_str() {
        "restricted" | "secret" | "highlyconfidential" | "topsecret" => "very_high",
        "confidential" | "sensitive" | "pii" | "phi" | "pci" | "personal" => "high",
        "internal" | "private" => "medium",
        "public" | "general" | "none" | "nonsensitive" => "low",
        _ => level(value),
    }
}

pub(super) fn owner(tags: &Tags) -> String {
    find(tags, &["owner", "owneremail", "ownedby", "contact", "team"]).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(all: &[(&str, &str)]) -> Vec<(String, String)> {
        all.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_first_name_that_says_something_counts() {
        assert_eq!(criticality(&tags(&[("Environment", "prod"), ("Criticality", "Very High")])), "very_high");
        assert_eq!(criticality(&tags(&[("criticality", "purple"), ("env", "Dev")])), "low");
        assert_eq!(criticality(&tags(&[("name", "prod")])), "");
        assert_eq!(sensitivity(&tags(&[("Data-Classification", "Confidential")])), "high");
        assert_eq!(owner(&tags(&[("team", "b"), ("Owner", " a@example.com ")])), "a@example.com");
    }
}
