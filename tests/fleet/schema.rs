//! The page of the views: every column of every view is described, and the page is the newest.

use snapsift::fleet::schema::{page, views};

use super::support::program::stdout;
use super::{Fleet, snapsift};

#[test]
fn every_column_of_every_view_is_described() {
    let fleet = Fleet::new();
    fleet.add(&[]);
    let text = |sql: &str| -> Vec<String> {
        let rows = fleet.rows(sql);
        rows.iter()
            .map(|row| row[0].trim_start_matches("Text(\"").trim_end_matches("\")").to_owned())
            .collect()
    };
    // What is called fleet_ is the correlation's own.
    let names =
        text("SELECT name FROM sqlite_master WHERE type = 'view' AND name NOT LIKE 'fleet%' ORDER BY name");
    let documented: Vec<String> = views().into_iter().map(|view| view.name).collect();
    assert_eq!(names, documented);
    for view in views() {
        let columns = text(&format!("SELECT name FROM pragma_table_info('{}')", view.name));
        let described: Vec<&str> = view.columns.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(columns, described, "{}", view.name);
        assert!(!view.about.is_empty(), "{}", view.name);
    }
}

/// `BLESS=1` writes the page.
#[test]
fn the_page_is_the_newest() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/fleet-schema.md");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path, page()).expect("written");
    }
    let there = std::fs::read_to_string(path).expect("docs/fleet-schema.md; BLESS=1 writes it");
    assert_eq!(there, page(), "docs/fleet-schema.md is not what the comments say: BLESS=1 writes it");
    assert_eq!(stdout(&snapsift(&["fleet", "schema"])), there);
}
