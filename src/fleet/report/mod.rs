//! The report: one file of HTML that a browser opens without a network.
//!
//! Role: fills the page `report.html` with its style, its script and the data of a store.
//! What comes from disks and clouds goes into one block of JSON, in which nothing can end
//! the block; the script makes text of it and never markup. A content security policy
//! lets that script and that style run and nothing else, and lets nothing be loaded.
//! Equal stores give equal bytes.

mod data;

use std::io::Write;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest as _, Sha256};

use super::query::QueryError;
use super::store::Store;

/// The page; `@@NAME@@` is where a part goes.
const PAGE: &str = include_str!("report.html");
const STYLE: &str = include_str!("report.css");
/// One script, in files by idea.
const SCRIPT: [&str; 5] = [
    include_str!("script/data.js"),
    include_str!("script/parts.js"),
    include_str!("script/graph.js"),
    include_str!("script/pages.js"),
    include_str!("script/main.js"),
];

/// What a report has, for whoever made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// Machines.
    pub machines: u64,
    /// Attack paths.
    pub paths: u64,
    /// Findings.
    pub findings: u64,
    /// Rows that were left out, since a table had too many.
    pub left_out: u64,
}

/// Writes the report of a store.
///
/// # Errors
///
/// The store cannot be read, nothing was added to it, or the report cannot be written.
pub fn write(store: &Store, out: &mut dyn Write) -> Result<Written, QueryError> {
    let data = data::collect(store)?;
    let script = format!("\"use strict\";\n(() => {{\n{}}})();\n", SCRIPT.concat());
    let style = format!("\n{STYLE}");
    let policy = format!(
        "default-src 'none'; script-src '{}'; style-src '{}'; base-uri 'none'; form-action 'none'",
        hash(&script),
        hash(&style)
    );
    for (at, part) in PAGE.split("@@").enumerate() {
        match (at % 2, part) {
            (1, "POLICY") => out.write_all(policy.as_bytes())?,
            (1, "STYLE") => out.write_all(style.as_bytes())?,
            (1, "SCRIPT") => out.write_all(script.as_bytes())?,
            (1, "DATA") => out.write_all(inert(&data.json()?).as_bytes())?,
            _ => out.write_all(part.as_bytes())?,
        }
    }
    Ok(data.written())
}

/// How a policy names a script or a style.
fn hash(text: &str) -> String {
    format!("sha256-{}", BASE64_STANDARD.encode(Sha256::digest(text)))
}

/// JSON in which nothing ends a block of a page: the characters stand in texts alone, where
/// an escape means the same.
fn inert(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for character in json.chars() {
        match character {
            '<' => out.push_str("\\u003c"),
            '>' => out.push_str("\\u003e"),
            '&' => out.push_str("\\u0026"),
            '\u{2028}' => out.push_str("\\u2028"),
            '\u{2029}' => out.push_str("\\u2029"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{PAGE, SCRIPT, STYLE, inert};

    #[test]
    fn a_text_cannot_end_its_block() {
        let text = serde_json::to_string("</script><!-- & \u{2028}\u{2029}").unwrap_or_default();
        let inert = inert(&text);
        assert!(!inert.contains(['<', '>', '&', '\u{2028}', '\u{2029}']), "{inert}");
        assert_eq!(serde_json::from_str::<String>(&inert).ok(), serde_json::from_str(&text).ok());
    }

    #[test]
    fn the_page_has_each_part_once_and_its_parts_cannot_end_their_blocks() {
        let names: Vec<&str> = PAGE.split("@@").skip(1).step_by(2).collect();
        assert_eq!(names, ["POLICY", "STYLE", "DATA", "SCRIPT"]);
        for part in SCRIPT.iter().chain([&STYLE]) {
            assert!(!part.contains("</") && !part.contains("<!--"), "a part could end its block");
            assert!(!part.contains("innerHTML") && !part.contains("insertAdjacentHTML"));
            assert!(!part.contains("://") || part.contains("http://www.w3.org/2000/svg"));
        }
    }
}
