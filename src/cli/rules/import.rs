use crate::cli::args::RulesImportArgs;
use crate::cli::exit::Exit;
pub(super) fn run(_: &RulesImportArgs) -> anyhow::Result<Exit> { Ok(Exit::Complete) }
