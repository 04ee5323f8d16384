//! `snapsift fleet`: the scans of many machines, and the inventory of a cloud, joined.

mod add;
mod assets;
mod govern;
mod query;

use super::args::Colour;
use super::args::fleet::{FleetArgs, FleetCommand};
use super::exit::Exit;

pub(super) fn run(args: &FleetArgs, colour: Colour) -> anyhow::Result<Exit> {
    match &args.command {
        FleetCommand::Add(args) => add::run(args),
        FleetCommand::Assets(args) => assets::run(args, colour),
        FleetCommand::Query(args) => query::run(args),
        FleetCommand::Govern(args) => govern::run(args),
    }
}
