use super::args::RulesBenchArgs;
use crate::cli::args::Colour;
use crate::cli::exit::Exit;
pub(super) fn run(_args: &RulesBenchArgs, _colour: Colour) -> anyhow::Result<Exit> {
    Ok(Exit::Fatal)
}
