//! The log: what was committed and is not in its place yet.
//!
//! Role: to show a filesystem that was not unmounted as it is after the recovery that the
//! kernel would do on mount. Nothing is written: changes are kept in memory, over the
//! disk. Version 5 only.
//!
//! Follows "XFS Algorithms & Data Structures", part III, "Journaling Log", and for the
//! order in which changes are made and which are left out the kernel's
//! `xfs_log_recover.c` and `xfs_buf_item_recover.c`.
//!
//! What the kernel does after it has replayed the log is not done: operations in several
//! transactions are not ended, and files that were deleted while they were open are not
//! freed. Neither changes what a directory shows.

mod overlay;
mod record;
mod replay;
mod transaction;

use std::ops::ControlFlow;
use std::sync::Arc;

pub(super) use overlay::Overlay;
use record::{Header, Log};
use replay::Replay;
use transaction::Assembly;

use super::superblock::Superblock;
use crate::source::disk::{Disk, DiskError, DiskResult};

/// What became of the log.
#[derive(Debug)]
pub(super) enum Recovery {
    /// The filesystem was unmounted, or the log is empty.
    Clean,
    /// What the disk would hold, and what to tell of it.
    Replayed(Overlay, String),
    /// It was not replayed, for a reason.
    Not(DiskError),
}

/// Replays the log of a filesystem in memory.
pub(super) fn recover(disk: &Arc<dyn Disk>, geometry: &Superblock) -> Recovery {
    match try_recover(disk, geometry) {
        Ok(recovery) => recovery,
        Err(error) => Recovery::Not(error),
    }
}

fn try_recover(disk: &Arc<dyn Disk>, geometry: &Superblock) -> DiskResult<Recovery> {
    if geometry.log_start == 0 {
        return Err(DiskError::unsupported(0, "the log lies on another device"));
    }
    let start = geometry.at(geometry.log_start, geometry.log_blocks);
    let start = start.ok_or_else(|| DiskError::corrupt(0, "the log lies outside of the filesystem"))?;
    let sectors = (geometry.log_blocks << geometry.block_log) / 512;
    let log = Log { disk: &**disk, start, sectors };
    let Some(mut last) = log.last()? else { return Ok(Recovery::Clean) };
    if log.is_unmount(&last)? {
        return Ok(Recovery::Clean);
    }
    if geometry.version < 5 {
        return Err(DiskError::unsupported(start, "a log of version 4 is not replayed"));
    }
    // Of the last records some may be torn: the log then ends before them, and begins
    // where the one before them says.
    for _ in 0..16 {
        let (before, torn) = match check(&log, &last)? {
            Ok(()) => return replay(&log, disk, geometry, &last),
            Err(found) => found,
        };
        last = before.ok_or(torn)?;
    }
    Err(DiskError::corrupt(start, "the log is damaged"))
}

/// Walks the records that are needed, from the oldest to `last`.
fn walk(
    log: &Log<'_>,
    last: &Header,
    each: &mut dyn FnMut(&Header) -> DiskResult<ControlFlow<()>>,
) -> DiskResult<()> {
    let wrong = || DiskError::corrupt(log.start, "a record of the log is missing");
    let (mut sector, mut round) = (last.tail & 0xffff_ffff, last.tail >> 32);
    let mut walked = 0;
    loop {
        let header = log.header(sector)?.filter(|header| header.lsn == (round << 32 | sector));
        let header = header.ok_or_else(wrong)?;
        if each(&header)?.is_break() || header.lsn == last.lsn {
            return Ok(());
        }
        walked += header.sectors();
        if walked > log.sectors {
            return Err(wrong());
        }
        sector += header.sectors();
        if sector >= log.sectors {
            (sector, round) = (sector - log.sectors, round + 1);
        }
    }
}

/// Whether all records are whole; else the last that is, and what is wrong.
type Checked = Result<(), (Option<Header>, DiskError)>;

fn check(log: &Log<'_>, last: &Header) -> DiskResult<Checked> {
    let mut good = None;
    let mut torn = None;
    walk(log, last, &mut |header| match log.data(header) {
        Ok(_) => {
            good = Some(*header);
            Ok(ControlFlow::Continue(()))
        }
        Err(error) if error.reason == crate::finding::Reason::Corrupt => {
            torn = Some(error);
            Ok(ControlFlow::Break(()))
        }
        Err(error) => Err(error),
    })?;
    Ok(torn.map_or(Ok(()), |error| Err((good, error))))
}

fn replay(log: &Log<'_>, disk: &Arc<dyn Disk>, geometry: &Superblock, last: &Header) -> DiskResult<Recovery> {
    let mut replay = Replay::new(geometry, Overlay::new(Arc::clone(disk)));
    for is_second in [false, true] {
        let mut assembly = Assembly::default();
        walk(log, last, &mut |header| {
            let data = log.data(header)?;
            let place =
                (header.lsn, log.start.saturating_add(header.sector.saturating_mul(512)), header.operations);
            assembly.record(place, &data, &mut |transaction| {
                if is_second {
                    return replay.apply(&transaction);
                }
                replay.note(&transaction);
                Ok(())
            })?;
            Ok(ControlFlow::Continue(()))
        })?;
    }
    replay.finish()?;
    if replay.disk.is_empty() && replay.transactions == 0 {
        return Ok(Recovery::Clean);
    }
    let mut note = format!(
        "it was not unmounted: its log was replayed in memory ({} transactions, {} changes)",
        replay.transactions, replay.items
    );
    if replay.unfinished() > 0 {
        note += &format!("; {} operations were left unfinished", replay.unfinished());
    }
    Ok(Recovery::Replayed(replay.disk, note))
}
