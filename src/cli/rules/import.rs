//! `snapsift rules import`: rules of other scanners as a pack, and what became of
//! each.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::Path;

use anyhow::Context as _;
use anyhow::bail;
use snapsift::output::escape;
use snapsift::rules::import::{self, Import, Importer, Origin};
use snapsift::rules::pack::MAX_FILE;
use snapsift::scan::imported;

use super::check::many;
use crate::cli::args::{CheckFormat, ImportFrom, RulesImportArgs};
use crate::cli::destination::Destination;
use crate::cli::exit::Exit;
use crate::cli::message;

pub(super) fn run(args: &RulesImportArgs) -> anyhow::Result<Exit> {
    if args.format == CheckFormat::Json && args.output.is_none() {
        bail!("--format json needs --output: the pack goes to standard output otherwise");
    }
    let origin = match args.from {
        ImportFrom::Auto => None,
        ImportFrom::Gitleaks => Some(Origin::Gitleaks),
        ImportFrom::Kingfisher => Some(Origin::Kingfisher),
        ImportFrom::Noseyparker => Some(Origin::NoseyParker),
    };
    let mut importer = Importer::default();
    let mut imports = Vec::with_capacity(args.files.len());
    for path in &args.files {
        let shown = escape::bytes_of_path(path.as_os_str().as_encoded_bytes());
        let text = read(path).with_context(|| format!("cannot read {shown}"))?;
        let import = importer.read(origin, &shown, &text);
        imports.push(import.with_context(|| format!("cannot import {shown}"))?);
    }
    imported::settle(&mut imports);
    let mut destination = Destination::open(args.output.as_deref())?;
    destination.write_all(import::pack(&imports).as_bytes())?;
    destination.flush()?;
    destination.finish()?;
    match args.format {
        CheckFormat::Text => text(&imports),
        CheckFormat::Json => json(&imports)?,
    }
    let whole = imports.iter().all(|import| {
        import.dropped.is_empty()
            && import.rules.iter().all(|rule| rule.dropped.is_empty() && rule.refused.is_none())
    });
    Ok(if args.strict && !whole { Exit::Found } else { Exit::Complete })
}

/// One byte more than is imported is read, so that it is refused as too long.
fn read(path: &Path) -> anyhow::Result<String> {
    let limit = u64::try_from(MAX_FILE).unwrap_or(u64::MAX).saturating_add(1);
    let mut text = String::new();
    File::open(path)?.take(limit).read_to_string(&mut text)?;
    Ok(text)
}

/// What became of the rules, for a person.
fn text(imports: &[Import]) {
    for import in imports {
        for what in &import.dropped {
            message::error(&format!("{}: not carried over: {what}", import.file));
        }
        for rule in &import.rules {
            for what in &rule.dropped {
                message::error(&format!("{}: not carried over: {what}", rule.source));
            }
            if let Some(why) = &rule.refused {
                message::error(&format!("{}: not a rule: {why}", rule.source));
            }
        }
        let all = import.rules.len();
        let refused = import.rules.iter().filter(|rule| rule.refused.is_some()).count();
        message::error(&format!(
            "{}: {} of {} of {} became rules",
            import.file,
            all - refused,
            many(all, "rule"),
            import.origin.name()
        ));
    }
}

/// What became of the rules, for a program: one object a rule, after one for each
/// file.
fn json(imports: &[Import]) -> anyhow::Result<()> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for import in imports {
        let file = serde_json::json!({
            "type": "file",
            "file": import.file,
            "origin": import.origin.name(),
            "rules": import.rules.len(),
            "refused": import.rules.iter().filter(|rule| rule.refused.is_some()).count(),
            "dropped": import.dropped,
        });
        writeln!(out, "{file}")?;
        for rule in &import.rules {
            let rule = serde_json::json!({
                "type": "rule",
                "file": import.file,
                "source": rule.source,
                "id": rule.id,
                "dropped": rule.dropped,
                "refused": rule.refused,
            });
            writeln!(out, "{rule}")?;
        }
    }
    out.flush()?;
    Ok(())
}
