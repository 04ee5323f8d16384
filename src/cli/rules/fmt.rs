use crate::cli::args::{Colour, RulesFmtArgs};
use crate::cli::exit::Exit;
pub(super) fn run(_: &RulesFmtArgs, _: Colour) -> anyhow::Result<Exit> { Ok(Exit::Complete) }
