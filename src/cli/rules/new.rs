//! `snapsift rules new`: a pack to begin with.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use snapsift::output::escape;
use snapsift::rules::{is_id, skeleton};

use crate::cli::args::RulesNewArgs;
use crate::cli::exit::Exit;

pub(super) fn run(args: &RulesNewArgs) -> anyhow::Result<Exit> {
    let path = Path::new(&args.name);
    let is_file = path.extension().is_some_and(|extension| extension == "toml");
    let id = if is_file {
        path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default()
    } else {
        &args.name
    };
    if !is_id(id) {
        bail!(
            "{} is no id: lower case letters, digits and single dashes between them, such as acme-api-key",
            escape::visible(id)
        );
    }
    let text = skeleton(id);
    if is_file {
        let shown = escape::bytes_of_path(path.as_os_str().as_encoded_bytes());
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(path)
            .with_context(|| format!("cannot create {shown}"))?;
        file.write_all(text.as_bytes()).with_context(|| format!("cannot write {shown}"))?;
    } else {
        let mut out = std::io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()?;
    }
    Ok(Exit::Complete)
}
