//! `snapsift man`: the manual pages, made from the same texts as the help.

use std::io::Write as _;

use anyhow::Context as _;
use clap::CommandFactory as _;
use snapsift::output::escape;

use super::args::{Cli, ManArgs};
use super::exit::Exit;

pub(super) fn run(args: &ManArgs) -> anyhow::Result<Exit> {
    match &args.dir {
        Some(dir) => clap_mangen::generate_to(Cli::command(), dir).with_context(|| {
            format!("cannot write to {}", escape::bytes_of_path(dir.as_os_str().as_encoded_bytes()))
        })?,
        None => {
            let mut page = Vec::new();
            clap_mangen::Man::new(Cli::command()).render(&mut page)?;
            let mut out = std::io::stdout().lock();
            out.write_all(&page)?;
            out.flush()?;
        }
    }
    Ok(Exit::Complete)
}
