use crate::cli::args::RulesNewArgs;
use crate::cli::exit::Exit;
pub(super) fn run(_: &RulesNewArgs) -> anyhow::Result<Exit> { Ok(Exit::Complete) }
