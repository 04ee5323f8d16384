//! Rules of Gitleaks. The keys of the format are described at
//! <https://github.com/gitleaks/gitleaks#configuration>.

use std::collections::HashSet;

use serde_json::Value;

use super::draft::Forbidden;
use super::expression::{self, SecretGroup};
use super::{Import, Imported, names, text_of, texts_of};
use crate::rules::Rule;

/// The most stop words in one expression.
const WORDS: usize = 200;
/// The most bytes that the lists of a file may add to its rules.
const MAX_SHARED: usize = 16 << 20;

pub(super) fn convert(rule: &Value, imported: &mut Imported) {
    let description =
        names::line(&text_of(rule.get("description")).unwrap_or_default(), &imported.draft.name);
    imported.draft.description = description;
    if let Some(tag) = texts_of(rule.get("tags")).first() {
        imported.draft.category = names::line(tag, "imported");
    }
    for key in rule.as_object().into_iter().flat_map(|object| object.keys()) {
        match key.as_str() {
            "id" | "description" | "regex" | "secretGroup" | "entropy" | "keywords" | "tags"
            | "allowlist" | "allowlists" => {}
            "path" => imported.drop_("path: the rule is tried in every file"),
            "required" => imported.drop_("required: a match is a finding without other rules near it"),
            "skipReport" => imported.drop_("skipReport: its findings are reported"),
            key => imported.drop_(format!("the key {key}")),
        }
    }
    pattern(rule, imported);
    if let Some(min) = rule.get("entropy").and_then(Value::as_f64).filter(|min| *min > 0.0) {
        imported.draft.checks.push(format!("{{ check = \"entropy\", min = {min:?} }}"));
    }
    imported.draft.keywords = texts_of(rule.get("keywords"));
    let lists = one_or_many(rule.get("allowlist")).chain(one_or_many(rule.get("allowlists")));
    lists.for_each(|list| allow(list, imported));
}

fn pattern(rule: &Value, imported: &mut Imported) {
    let Some(regex) = text_of(rule.get("regex")).filter(|regex| !regex.is_empty()) else {
        imported.refused = Some("it has no regex: it is about paths only".to_owned());
        return;
    };
    let secret = match rule.get("secretGroup").and_then(Value::as_u64) {
        None | Some(0) => SecretGroup::First,
        Some(number) => SecretGroup::Number(usize::try_from(number).unwrap_or(usize::MAX)),
    };
    imported.draft.pattern.clone_from(&regex);
    match expression::translate(&regex, true, secret) {
        Ok(translated) => {
            imported.draft.pattern = translated.pattern;
            imported.dropped.extend(translated.notes);
        }
        Err(why) => imported.refused = Some(why),
    }
}

/// A table, or each of an array of them.
fn one_or_many(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    let many = value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    value.filter(|value| value.is_object()).into_iter().chain(many)
}

/// What is no finding of a rule.
fn allow(list: &Value, imported: &mut Imported) {
    let (regexes, words) = (texts_of(list.get("regexes")), texts_of(list.get("stopwords")));
    let (paths, commits) = (texts_of(list.get("paths")), texts_of(list.get("commits")));
    for (what, values) in [("paths", &paths), ("commits", &commits)] {
        if !values.is_empty() {
            imported.drop_(format!("allowlist: {} of its {what}", values.len()));
        }
    }
    let kinds = [&regexes, &words, &paths, &commits].into_iter().filter(|values| !values.is_empty()).count();
    let condition = text_of(list.get("condition")).unwrap_or_default();
    if matches!(condition.to_ascii_uppercase().as_str(), "AND" | "&&") && kinds > 1 {
        imported.drop_("allowlist: one whose conditions must all hold");
        return;
    }
    let target = text_of(list.get("regexTarget")).unwrap_or_default();
    for regex in regexes {
        match expression::plain(&regex, true) {
            Ok(pattern) => match target.as_str() {
                "line" => imported.draft.forbidden.push(Forbidden { pattern, within: Rule::MAX_REACH }),
                "match" if pattern.contains(['^', '$']) => {
                    imported.drop_("allowlist: a regex over the match that is anchored");
                }
                // A byte on either side may be part of it: nearly the match.
                "match" => imported.draft.forbidden.push(Forbidden { pattern, within: 1 }),
                _ => imported.draft.ignored.push(pattern),
            },
            Err(why) => imported.drop_(format!("allowlist: a regex: {why}")),
        }
    }
    for words in words.chunks(WORDS) {
        let words: Vec<String> = words.iter().map(|word| expression::literal(word)).collect();
        imported.draft.ignored.push(format!("(?i){}", words.join("|")));
    }
}

/// What stands beside the rules: lists that hold for all of them.
pub(super) fn whole_file(file: &Value, import: &mut Import) {
    for key in file.as_object().into_iter().flat_map(|object| object.keys()) {
        match key.as_str() {
            "title" | "description" | "rules" | "allowlist" | "allowlists" | "minVersion" => {}
            "extend" => import.dropped.push("extend: only the rules of the file itself are read".to_owned()),
            key => import.dropped.push(format!("the key {key}")),
        }
    }
    for list in one_or_many(file.get("allowlist")).chain(one_or_many(file.get("allowlists"))) {
        let (paths, commits) = (texts_of(list.get("paths")), texts_of(list.get("commits")));
        for (what, values) in [("paths", paths), ("commits", commits)] {
            if !values.is_empty() {
                import.dropped.push(format!("allowlist: {} of its {what}", values.len()));
            }
        }
        let mut values = list.clone();
        if let Some(object) = values.as_object_mut() {
            // Told once, for the file.
            object.remove("paths");
            object.remove("commits");
        }
        let mut shared = Imported::new(String::new(), String::new());
        allow(&values, &mut shared);
        import.dropped.append(&mut shared.dropped);
        let (ignored, forbidden) = (shared.draft.ignored, shared.draft.forbidden);
        let size: usize =
            ignored.iter().chain(forbidden.iter().map(|forbidden| &forbidden.pattern)).map(String::len).sum();
        let only: HashSet<String> = texts_of(list.get("targetRules")).into_iter().collect();
        let wanted = |rule: &&mut Imported| only.is_empty() || only.contains(&rule.source);
        if size.saturating_mul(import.rules.len()) > MAX_SHARED {
            import.dropped.push("allowlist: too much to repeat it in each rule".to_owned());
            continue;
        }
        for rule in import.rules.iter_mut().filter(wanted) {
            rule.draft.ignored.extend(ignored.iter().cloned());
            rule.draft.forbidden.extend(forbidden.iter().cloned());
        }
    }
}
