//! The page that documents the views, made of the comments that stand above them.
//!
//! Above each `CREATE VIEW` of the statements stands what it has, then a line `-- column: what
//! it is` for every column. A test holds the page against both the comments and the views.

use std::fmt::Write as _;

use super::query::named;

const TEXTS: [&str; 2] =
    [include_str!("../../queries/store.sql"), include_str!("../../queries/correlate/60_views.sql")];

/// A view as it is documented.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// Its name.
    pub name: String,
    /// What it has.
    pub about: String,
    /// Names of columns, and what they are.
    pub columns: Vec<(String, String)>,
}

/// All views.
#[must_use]
pub fn views() -> Vec<View> {
    let mut views = Vec::new();
    for text in TEXTS {
        let mut view = View::default();
        for line in text.lines() {
            let created =
                line.strip_prefix("CREATE VIEW IF NOT EXISTS ").or_else(|| line.strip_prefix("CREATE VIEW "));
            if let Some(comment) = line.strip_prefix("-- ") {
                view.comment(comment);
            } else if let Some(rest) = created {
                rest.split(' ').next().unwrap_or_default().clone_into(&mut view.name);
                views.push(std::mem::take(&mut view));
            } else {
                view = View::default();
            }
        }
    }
    views.sort_by(|one, other| one.name.cmp(&other.name));
    views
}

impl View {
    fn comment(&mut self, line: &str) {
        match line.split_once(": ") {
            Some((name, about)) if name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') => {
                self.columns.push((name.to_owned(), about.to_owned()));
            }
            _ => {
                if !self.about.is_empty() {
                    self.about.push(' ');
                }
                self.about.push_str(line);
            }
        }
    }
}

/// The page, in Markdown.
#[must_use]
pub fn page() -> String {
    let mut page = String::from(
        "# The views of a fleet's store\n\n\
         This page is made of the comments in `queries/`; `snapsift fleet schema` prints it. Views whose\n\
         names begin with `v1_` keep their columns; columns are only ever added. Times are RFC 3339 in UTC\n\
         unless a column says otherwise; flags are 0 or 1.\n",
    );
    for view in views() {
        // Writing to a text cannot fail.
        let _ = write!(page, "\n## {}\n\n{}\n\n| column | what it is |\n|---|---|\n", view.name, view.about);
        for (name, about) in &view.columns {
            let _ = writeln!(page, "| `{name}` | {} |", about.replace('|', "\\|"));
        }
    }
    page.push_str("\n## Questions\n\n`snapsift fleet query STORE NAME` asks one.\n\n| name | what it answers |\n|---|---|\n");
    for (name, about) in named() {
        let _ = writeln!(page, "| `{name}` | {} |", about.replace('|', "\\|"));
    }
    page
}
