//! `snapsift fleet`: what many scans and inventories say together.

mod assets;

use super::args::Colour;
use super::args::fleet::{FleetArgs, FleetCommand};
use super::exit::Exit;

pub(super) fn run(args: &FleetArgs, colour: Colour) -> anyhow::Result<Exit> {
    match &args.command {
        FleetCommand::Assets(args) => assets::run(args, colour),
    }
}
