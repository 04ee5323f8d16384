//! Every package that the program is built from may be used under a licence that
//! MIT OR Apache-2.0 goes with.
#![allow(clippy::expect_used, clippy::panic, reason = "a test stops where it cannot go on")]

use std::process::Command;

use serde_json::Value;

const ALLOWED: [&str; 14] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "bzip2-1.0.6",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "Unicode-3.0",
    "Zlib",
];

/// Whether an SPDX expression allows a licence of the list. `/` is the old way to
/// write OR. `Err`: not an expression.
fn allowed(expression: &str) -> Result<bool, String> {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let tokens: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    let result = any(&tokens, &mut at)?;
    if at == tokens.len() { Ok(result) } else { Err(format!("cannot read {expression:?}")) }
}

fn any(tokens: &[&str], at: &mut usize) -> Result<bool, String> {
    let mut result = all(tokens, at)?;
    while tokens.get(*at) == Some(&"OR") {
        *at += 1;
        result |= all(tokens, at)?;
    }
    Ok(result)
}

fn all(tokens: &[&str], at: &mut usize) -> Result<bool, String> {
    let mut result = one(tokens, at)?;
    while tokens.get(*at) == Some(&"AND") {
        *at += 1;
        result &= one(tokens, at)?;
    }
    Ok(result)
}

fn one(tokens: &[&str], at: &mut usize) -> Result<bool, String> {
    let name = *tokens.get(*at).ok_or("an expression ends early")?;
    *at += 1;
    if name == "(" {
        let result = any(tokens, at)?;
        *at += 1;
        return if tokens.get(*at - 1) == Some(&")") { Ok(result) } else { Err("no closing bracket".into()) };
    }
    let mut name = name.to_owned();
    if tokens.get(*at) == Some(&"WITH") {
        name = format!("{name} WITH {}", tokens.get(*at + 1).ok_or("an exception without a name")?);
        *at += 2;
    }
    Ok(ALLOWED.contains(&name.as_str()))
}

#[test]
fn every_dependency_has_a_licence_that_we_may_use() {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let version = Command::new("rustc").arg("-vV").output().expect("rustc runs");
    let version = String::from_utf8_lossy(&version.stdout).into_owned();
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).expect("a host");
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--all-features", "--locked", "--filter-platform", host])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    assert!(packages.len() > 50, "the list is not whole");
    let refused: Vec<String> = packages
        .iter()
        .filter(|package| package["license"].as_str().is_none_or(|text| allowed(text) != Ok(true)))
        .map(|package| format!("{} {}: {}", package["name"], package["version"], package["license"]))
        .collect();
    assert!(refused.is_empty(), "\n{}", refused.join("\n"));
}

#[test]
fn expressions_are_read_right() {
    for good in
        ["MIT", "MIT/Apache-2.0", "GPL-3.0 OR MIT", "(MIT OR GPL-2.0) AND Unicode-3.0", "Unlicense OR MIT"]
    {
        assert_eq!(allowed(good), Ok(true), "{good}");
    }
    for bad in ["GPL-3.0", "MIT AND GPL-3.0", "LGPL-3.0-or-later", "(GPL-2.0 OR AGPL-3.0) AND MIT"] {
        assert_eq!(allowed(bad), Ok(false), "{bad}");
    }
    assert!(allowed("").is_err() && allowed("(MIT").is_err() && allowed("MIT Apache-2.0").is_err());
}
