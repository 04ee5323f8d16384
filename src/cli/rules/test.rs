use super::args::TestArgs;
use crate::cli::args::Colour;
use crate::cli::exit::Exit;
pub(super) fn run(_args: &TestArgs, _colour: Colour) -> anyhow::Result<Exit> {
    Ok(Exit::Fatal)
}
