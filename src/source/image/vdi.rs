//! VDI, after VirtualBox's `VDICore.h`: one table of blocks.
//!
//! A child names its parent by its UUID only; the folder is looked through for it.

use std::sync::Arc;

use super::super::bytes::{array, u32_le, u64_le};
use super::super::disk::{Disk, DiskError, DiskResult};
use super::detect::Kind;
use super::mapped::{Map, Mapped, Place, Run, coalesce, table_bytes};
use super::opening::{Identity, Opened, Opening};
use super::store::Store;

/// Blocks that the table gives no place: never written, and written with zeros.
const FREE: u32 = 0xffff_ffff;
const ZERO: u32 = 0xffff_fffe;

const SIGNATURE_AT: usize = 64;
const UUID_AT: usize = 392;
const HEADER: usize = 512;

/// Types of an image.
const DYNAMIC: u32 = 1;
const STATIC: u32 = 2;
const UNDO: u32 = 3;
const CHILD: u32 = 4;

#[derive(Debug)]
struct BlockMap {
    store: Store,
    size: u64,
    block: u64,
    /// Bytes before the data of each block.
    extra: u64,
    table: u64,
    data: u64,
}

pub(super) fn open(disk: Arc<dyn Disk>, opening: &mut Opening) -> DiskResult<Opened> {
    let store = opening.store(disk);
    let head = store.read(0, HEADER).map_err(|error| match store.size() {
        0..512 => DiskError::corrupt(0, "the header of the VDI image is cut short"),
        _ => error,
    })?;
    let field =
        |at| u32_le(&head, at).ok_or(DiskError::corrupt(0, "the header of the VDI image is cut short"));
    let version = field(SIGNATURE_AT + 4)?;
    if version >> 16 != 1 {
        let message = format!("VDI of version {}.{}", version >> 16, version & 0xffff);
        return Err(DiskError::unsupported(68, message));
    }
    let guid = |at| array::<16>(&head, at).unwrap_or_default();
    let kind = field(76)?;
    let map = BlockMap {
        size: u64_le(&head, 368).unwrap_or(0),
        block: u64::from(field(376)?),
        extra: u64::from(field(380)?),
        table: u64::from(field(340)?),
        data: u64::from(field(344)?),
        store,
    };
    let blocks = u64::from(field(384)?);
    if map.block < 512 || !map.block.is_power_of_two() {
        return Err(DiskError::corrupt(376, format!("blocks of {} bytes", map.block)));
    }
    if blocks < map.size.div_ceil(map.block) {
        return Err(DiskError::corrupt(384, "the table of blocks is too short for the disk"));
    }
    let parent = match kind {
        DYNAMIC | STATIC => None,
        UNDO | CHILD => Some(parent(guid(UUID_AT + 32), opening)?),
        other => return Err(DiskError::unsupported(76, format!("a VDI image of type {other}"))),
    };
    let identity = Identity::Guid(guid(UUID_AT));
    Ok(Opened { disk: Arc::new(Mapped::new(map, parent)), kind: "vdi", identity })
}

/// The image of that UUID in the folder.
fn parent(uuid: [u8; 16], opening: &mut Opening) -> DiskResult<Arc<dyn Disk>> {
    let names = match &opening.folder {
        Some(folder) => folder.names()?,
        None => {
            return Err(DiskError::unsupported(
                0,
                "the VDI image has a parent, and is not a file in a folder",
            ));
        }
    };
    let is_vdi = |name: &&Vec<u8>| name.len() > 4 && name.to_ascii_lowercase().ends_with(b".vdi");
    for name in names.iter().filter(is_vdi) {
        let Some(file) = opening.folder.as_ref().and_then(|folder| folder.open(name).ok()) else { continue };
        let mut head = [0; HEADER];
        let filled = file.disk.read_at(&mut head, 0).unwrap_or(0);
        let is_it = filled == HEADER
            && u32_le(&head, SIGNATURE_AT) == Some(0xbeda_107f)
            && array::<16>(&head, UUID_AT) == Some(uuid);
        if is_it {
            return Ok(opening.parent(name, Some(Some(Kind::Vdi)))?.disk);
        }
    }
    let uuid: String = uuid.iter().map(|byte| format!("{byte:02x}")).collect();
    let message =
        format!("the VDI image has a parent with the UUID {uuid}, which is not in its folder; copy it there");
    Err(DiskError::unsupported(0, message))
}

impl Map for BlockMap {
    fn size(&self) -> u64 {
        self.size
    }

    fn unit(&self) -> u64 {
        self.block
    }

    fn store(&self) -> &Store {
        &self.store
    }

    fn run(&self, offset: u64, limit: u64) -> DiskResult<Run> {
        let index = offset / self.block;
        let left = self.size.div_ceil(self.block).saturating_sub(index);
        let wanted = table_bytes(offset, limit, self.block, left, 4);
        let window = self.store.window(self.table.saturating_add(index * 4), wanted)?;
        let places = window.bytes().chunks_exact(4).map(|entry| {
            Ok(match u32_le(entry, 0).unwrap_or(FREE) {
                FREE => Place::Parent,
                ZERO => Place::Zero,
                number => {
                    let start = u64::from(number).saturating_mul(self.block + self.extra);
                    Place::At(start.saturating_add(self.data).saturating_add(self.extra))
                }
            })
        });
        coalesce(offset, limit, self.block, places)
    }
}
