//! What the volume says of itself: label, version, and whether it was closed well.

use super::name::wtf8;
use super::record::{fix_up, kind};
use super::volume::Volume;
use crate::source::bytes::{array, u8_at, u16_le, u32_le, u64_le};
use crate::source::filesystem::About;

/// Numbers of records.
pub(super) const LOG_FILE: u64 = 2;
const VOLUME: u64 = 3;
/// Bytes of a page of the log: 4 KiB by far the most often.
const LOG_PAGES: std::ops::RangeInclusive<u64> = 512..=65536;

/// Reads `$Volume` and the restart areas of `$LogFile`.
pub(super) fn about(volume: &Volume) -> About {
    let boot = &volume.boot;
    let mut about = About {
        kind: "ntfs",
        label: None,
        uuid: Some(format!("{:016X}", boot.serial)),
        size: boot.size(),
        block_size: u32::try_from(boot.cluster_size).unwrap_or(u32::MAX),
        notes: Vec::new(),
    };
    let mut note = |text: &str| about.notes.push(text.to_owned());
    if volume.boot_copy {
        note("the boot sector is damaged; its copy at the end of the volume was read");
    }
    let [disk] = &volume.disks;
    if disk.size() < boot.size() {
        note("the disk ends before the volume does");
    }
    match volume.node(VOLUME) {
        Ok(node) => {
            let flags = node.residents(kind::VOLUME_INFORMATION).next().and_then(|bytes| u16_le(bytes, 10));
            if flags.is_some_and(|flags| flags & 1 != 0) {
                note("the volume is marked dirty");
            }
            let label = node.residents(kind::VOLUME_NAME).next().map(wtf8);
            about.label = label
                .filter(|label| !label.is_empty())
                .map(|label| String::from_utf8_lossy(&label).into_owned());
        }
        Err(error) => volume.problems.add(error),
    }
    let mut note = |text: &str| about.notes.push(text.to_owned());
    match log_is_closed(volume) {
        Some(true) => {}
        Some(false) => note("$LogFile was not closed; changes that only stand in it are not applied"),
        None => note("$LogFile has no restart area, so whether it was closed is not known"),
    }
    about
}

/// Whether the newest restart area of the log says that no one has it open. `None`
/// where there is no such area.
fn log_is_closed(volume: &Volume) -> Option<bool> {
    let node = volume.node(LOG_FILE).ok()?;
    let log = node.stream(volume, kind::DATA, &[]).ok()??;
    let mut head = [0; 512];
    log.read(volume, &mut head, 0).ok()?;
    if head.iter().all(|byte| *byte == 0xff) {
        // A log that was made empty.
        return Some(true);
    }
    // Where the first page is damaged, its size is not known; the second lies after it.
    let size = u32_le(&head, 16).map_or(0, u64::from);
    let size = if LOG_PAGES.contains(&size) && size.is_power_of_two() { size } else { 4096 };
    let mut newest: Option<(u64, bool)> = None;
    for at in [0, size] {
        let mut page = vec![0; usize::try_from(size).unwrap_or(0)];
        if log.read(volume, &mut page, at).is_ok()
            && let Some((lsn, closed)) = restart(page)
            && newest.is_none_or(|(known, _)| lsn > known)
        {
            newest = Some((lsn, closed));
        }
    }
    newest.map(|(_, closed)| closed)
}

/// The sequence number of a restart page, and whether the log is closed.
fn restart(mut page: Vec<u8>) -> Option<(u64, bool)> {
    if array(&page, 0)? != *b"RSTR" {
        return None;
    }
    fix_up(&mut page).ok()?;
    let area = page.get(usize::from(u16_le(&page, 24)?)..)?;
    u8_at(area, 15)?;
    let no_client = u16_le(area, 12)? == u16::MAX;
    let clean = u16_le(area, 14)? & 2 != 0;
    Some((u64_le(area, 0)?, no_client || clean))
}
