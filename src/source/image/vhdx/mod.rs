//! VHDX, after MS-VHDX 2023 ("Virtual Hard Disk v2 File Format").
//!
//! Two headers, of which the later one tells whether a log must be replayed first;
//! regions; metadata; and a table of blocks in which each chunk of blocks is
//! followed by the place of a bitmap, which for a child says whose its sectors are.

mod header;
mod log;
mod map;
mod metadata;
mod overlay;

use std::sync::Arc;

use self::header::{Header, Regions};
use self::map::BlockMap;
use self::metadata::Metadata;
use super::super::disk::{Disk, DiskError, DiskResult};
use super::detect::Kind;
use super::mapped::Mapped;
use super::opening::{Identity, Opened, Opening};
use super::windows::parent_by_paths;

pub(super) fn open(disk: Arc<dyn Disk>, opening: &mut Opening) -> DiskResult<Opened> {
    let header = Header::read(&*disk)?;
    let disk = if header.has_log() {
        opening.note("the VHDX was in use: its log is replayed in memory");
        log::replayed(&disk, &header)?
    } else {
        disk
    };
    let regions = Regions::read(&*disk)?;
    let metadata = Metadata::read(&*disk, regions.metadata)?;
    let parent = match &metadata.parent {
        Some(locator) => {
            let identities: Vec<Identity> = locator.linkages.iter().map(|id| Identity::Guid(*id)).collect();
            if identities.is_empty() {
                return Err(DiskError::corrupt(0, "the VHDX does not tell what its parent is known by"));
            }
            Some(parent_by_paths(&locator.paths, Kind::Vhdx, &identities, opening)?)
        }
        None => None,
    };
    let map = BlockMap::new(opening.store(disk), regions.bat, &metadata)?;
    let identity = Identity::Guid(header.data_write_guid);
    Ok(Opened { disk: Arc::new(Mapped::new(map, parent)), kind: "vhdx", identity })
}
