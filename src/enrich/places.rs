//! Findings that are another rule's because of where they are: `[[rule.place]]`.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use regex::bytes::{Regex, RegexBuilder};

use crate::rules::{Place, RuleSet};

/// The most memory of one compiled expression, in bytes.
const SIZE_LIMIT: usize = 1 << 20;

/// The places of all rules, by the index of the rule. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Places(Arc<HashMap<usize, Vec<Compiled>>>);

#[derive(Debug)]
struct Compiled {
    path: Regex,
    attributes: BTreeMap<String, String>,
    /// The index of the rule that reports it.
    rule: usize,
}

impl Places {
    /// Compiles the places. One that names a rule that is not in the set counts for
    /// nothing, as does one whose expression is too large.
    pub(super) fn new(rules: &RuleSet) -> Self {
        let with_places = rules.rules().iter().enumerate().filter(|(_, rule)| !rule.places.is_empty());
        let compiled = with_places.map(|(index, rule)| {
            (index, rule.places.iter().filter_map(|place| compile(place, rules)).collect())
        });
        Self(Arc::new(compiled.collect()))
    }

    /// The index of the rule that reports a finding of the rule `found` at `path`.
    pub(super) fn rule(&self, found: usize, path: &str, attributes: &BTreeMap<String, String>) -> usize {
        let has = |wanted: &BTreeMap<String, String>| {
            wanted.iter().all(|(name, value)| attributes.get(name) == Some(value))
        };
        let mut places = self.0.get(&found).into_iter().flatten();
        places
            .find(|place| has(&place.attributes) && place.path.is_match(path.as_bytes()))
            .map_or(found, |place| place.rule)
    }
}

fn compile(place: &Place, rules: &RuleSet) -> Option<Compiled> {
    let rule = rules.rules().iter().position(|rule| rule.id == place.reported_as)?;
    let path = RegexBuilder::new(&place.path).unicode(false).size_limit(SIZE_LIMIT).build().ok()?;
    Some(Compiled { path, attributes: place.attributes.clone(), rule })
}
