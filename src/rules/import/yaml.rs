//! Rules of Kingfisher and Nosey Parker: one format, of which the first knows more
//! keys. Described at <https://github.com/mongodb/kingfisher/blob/main/docs/RULES.md>
//! and <https://github.com/praetorian-inc/noseyparker>.

use serde_json::Value;

use super::expression::{self, SecretGroup};
use super::{ImportError, Imported, Origin, names, text_of, texts_of};
use crate::rules::diagnostic::visible;

/// The most nodes of a file; one rule has some twenty.
const MAX_NODES: usize = 1_000_000;
/// The most that aliases may copy: rules hardly use them, and each copy may hold
/// copies.
const MAX_COPIED: usize = 50_000;
/// How deep it may be nested: what describes a validation is deep.
const MAX_DEPTH: usize = 64;
/// The most characters of a kind that a secret must have.
const MAX_COUNT: u64 = 100;

/// Reads YAML within bounds: nodes, depth, and what aliases copy.
pub(super) fn read(text: &str) -> Result<Value, ImportError> {
    let options = serde_saphyr::options! {
        with_snippet: false,
        budget: serde_saphyr::budget! {
            max_nodes: MAX_NODES,
            max_events: 4 * MAX_NODES,
            max_depth: MAX_DEPTH,
            max_aliases: 1_000,
            max_recorded_anchor_events: MAX_COPIED,
            max_recorded_anchor_bytes: 64 * MAX_COPIED,
        },
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: MAX_COPIED },
    };
    serde_saphyr::from_str_with_options(text, options)
        .map_err(|error| ImportError::NotYaml(visible(&error.to_string().replace('\n', "; ")).into_owned()))
}

/// Whose file it is: the keys that only the one has tell.
pub(super) fn origin(rules: &[Value]) -> Origin {
    let own =
        ["min_entropy", "confidence", "pattern_requirements", "validation", "visible", "depends_on_rule"];
    let kingfisher = rules.iter().any(|rule| {
        own.iter().any(|key| rule.get(*key).is_some())
            || text_of(rule.get("id")).is_some_and(|id| id.starts_with("kingfisher."))
    });
    if kingfisher { Origin::Kingfisher } else { Origin::NoseyParker }
}

pub(super) fn convert(rule: &Value, imported: &mut Imported) {
    let name = names::line(&text_of(rule.get("name")).unwrap_or_default(), &imported.draft.name);
    let description = names::line(&text_of(rule.get("description")).unwrap_or_default(), &name);
    imported.draft.secret_type.clone_from(&name);
    imported.draft.name = name;
    imported.draft.description = description;
    if let Some(category) = texts_of(rule.get("categories")).first() {
        imported.draft.category = names::line(category, "imported");
    }
    for (key, value) in rule.as_object().into_iter().flatten() {
        match key.as_str() {
            "id" | "name" | "description" | "pattern" | "categories" => {}
            "references" => references(value, imported),
            "examples" => imported.draft.examples = texts_of(Some(value)),
            "negative_examples" => imported.draft.counter_examples = texts_of(Some(value)),
            "keywords" => imported.draft.keywords = texts_of(Some(value)),
            "min_entropy" => {
                if let Some(min) = value.as_f64().filter(|min| *min > 0.0) {
                    imported.draft.checks.insert(0, format!("{{ check = \"entropy\", min = {min:?} }}"));
                }
            }
            "confidence" => {
                imported.draft.confidence = match value.as_str() {
                    Some("high") => "high",
                    Some("low") => "low",
                    _ => "medium",
                };
            }
            "visible" => {
                if value.as_bool() == Some(false) {
                    imported.draft.severity = "info";
                    imported.drop_("visible: false: its findings are reported, as info");
                }
            }
            "pattern_requirements" => requirements(value, imported),
            "validation" | "revocation" => imported.drop_(format!("{key}: no service is asked")),
            "depends_on_rule" => imported.drop_("depends_on_rule: it stands alone"),
            key => imported.drop_(format!("the key {key}")),
        }
    }
    let Some(pattern) = text_of(rule.get("pattern")) else {
        imported.refused = Some("it has no pattern".to_owned());
        return;
    };
    imported.draft.pattern = pattern.trim_end().to_owned();
    match expression::translate(&pattern, false, SecretGroup::TokenOrFirst) {
        Ok(translated) => {
            imported.draft.pattern = translated.pattern;
            imported.dropped.extend(translated.notes);
        }
        Err(why) => imported.refused = Some(why),
    }
}

fn references(value: &Value, imported: &mut Imported) {
    for reference in texts_of(Some(value)) {
        let web = reference.starts_with("https://") || reference.starts_with("http://");
        if web && !reference.contains(char::is_whitespace) {
            imported.draft.references.push(reference);
        } else {
            imported.drop_("a reference that is no web address");
        }
    }
}

/// What characters the secret must have, and what it must not contain.
fn requirements(value: &Value, imported: &mut Imported) {
    let classes = [("min_digits", "0-9"), ("min_uppercase", "A-Z"), ("min_lowercase", "a-z")];
    for (key, class) in classes {
        let least = value.get(key).and_then(Value::as_u64).unwrap_or(0);
        if (1..=MAX_COUNT).contains(&least) {
            // What has none of them, or some and less than the least.
            let some = match least - 1 {
                0 => String::new(),
                most => format!("|(?:[^{class}]*[{class}]){{1,{most}}}[^{class}]*"),
            };
            imported.draft.ignored.push(format!("^(?:[^{class}]+{some})$"));
        } else if least > 0 {
            imported.drop_(format!("pattern_requirements: {key}"));
        }
    }
    let words: Vec<String> =
        texts_of(value.get("ignore_if_contains")).iter().map(|word| expression::literal(word)).collect();
    if !words.is_empty() {
        imported.draft.ignored.push(format!("(?i){}", words.join("|")));
    }
    let known = ["min_uppercase", "min_lowercase", "min_digits", "ignore_if_contains"];
    for key in value.as_object().into_iter().flat_map(|object| object.keys()) {
        if !known.contains(&key.as_str()) {
            imported.drop_(format!("pattern_requirements: {key}"));
        }
    }
}
