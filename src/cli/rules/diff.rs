use super::args::DiffArgs;
use crate::cli::args::Colour;
use crate::cli::exit::Exit;
pub(super) fn run(_args: &DiffArgs, _colour: Colour) -> anyhow::Result<Exit> {
    Ok(Exit::Fatal)
}
