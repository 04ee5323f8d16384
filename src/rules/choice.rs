//! Ids of rules, and globs of them, as a user writes them.

use globset::GlobBuilder;

use super::{LoadError, Rule, suggest};

/// Which of the rules the ids name: `azure-*` names all of which the id begins so.
///
/// # Errors
///
/// [`LoadError::UnknownRule`] for an id or a glob that names no rule, and
/// [`LoadError::Glob`] for one that is no glob.
pub fn named(rules: &[Rule], ids: &[String]) -> Result<Vec<bool>, LoadError> {
    let mut chosen = vec![false; rules.len()];
    for id in ids {
        let is_glob = id.contains(['*', '?', '[', '{']);
        let mut known = false;
        let mut choose = |is_named: &dyn Fn(&str) -> bool| {
            for (rule, chosen) in rules.iter().zip(&mut chosen) {
                if is_named(&rule.id) {
                    *chosen = true;
                    known = true;
                }
            }
        };
        if is_glob {
            let glob = GlobBuilder::new(id)
                .build()
                .map_err(|error| LoadError::Glob { glob: id.clone(), message: error.kind().to_string() })?;
            let matcher = glob.compile_matcher();
            choose(&|rule| matcher.is_match(rule));
        } else {
            choose(&|rule| rule == id);
        }
        if !known {
            let nearest = suggest::nearest(id, rules.iter().map(|rule| rule.id.as_str()));
            return Err(LoadError::UnknownRule { id: id.clone(), nearest: nearest.map(str::to_owned) });
        }
    }
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(ids: &[&str]) -> Result<Vec<bool>, String> {
        let rules: Vec<Rule> =
            ["azure-sas", "azure-sql", "npm-token"].map(|id| Rule::new(id, "abc", Vec::new())).into();
        let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
        named(&rules, &ids).map_err(|error| error.to_string())
    }

    #[test]
    fn ids_and_globs_name_rules() {
        assert_eq!(chosen(&[]), Ok(vec![false; 3]));
        assert_eq!(chosen(&["npm-token"]), Ok(vec![false, false, true]));
        assert_eq!(chosen(&["azure-*"]), Ok(vec![true, true, false]));
        assert_eq!(chosen(&["*-s?s", "npm-token"]), Ok(vec![true, false, true]));
        assert_eq!(chosen(&["*"]), Ok(vec![true; 3]));
    }

    #[test]
    fn what_names_no_rule_is_an_error_with_a_hint() {
        let error = chosen(&["npm-tokn"]).expect_err("no such rule");
        assert!(error.contains("npm-tokn") && error.contains("did you mean \"npm-token\"?"), "{error}");
        assert!(chosen(&["aws-*"]).expect_err("no such rule").contains("aws-*"));
        assert!(chosen(&["azure-["]).expect_err("no glob").contains("azure-["));
    }
}
