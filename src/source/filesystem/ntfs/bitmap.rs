//! `$Bitmap`: which clusters are in use.

use std::ops::{ControlFlow, Range};

use super::node::Stream;
use super::record::kind;
use super::volume::Volume;
use crate::source::disk::{DiskError, DiskResult};

/// The number of its record.
const RECORD: u64 = 6;
/// Bytes that are read at a time.
const STEP: u64 = 64 << 10;

/// The map of clusters that are in use.
#[derive(Debug)]
pub(super) struct Bitmap<'v> {
    volume: &'v Volume,
    bits: Stream,
}

impl<'v> Bitmap<'v> {
    /// Finds it.
    ///
    /// # Errors
    ///
    /// A record that is damaged, or a map that is too short.
    pub(super) fn open(volume: &'v Volume) -> DiskResult<Self> {
        let node = volume.node(RECORD)?;
        let bits = node.stream(volume, kind::DATA, &[])?;
        let bits = bits.filter(|bits| bits.size >= volume.boot.clusters.div_ceil(8));
        let bits = bits
            .ok_or_else(|| DiskError::corrupt(node.base.offset, "the map of free clusters is too short"))?;
        Ok(Self { volume, bits })
    }

    /// Gives the ranges of clusters in `of` that are free, in order.
    ///
    /// # Errors
    ///
    /// A part of the map that cannot be read.
    pub(super) fn free(
        &self,
        of: Range<u64>,
        each: &mut dyn FnMut(Range<u64>) -> ControlFlow<()>,
    ) -> DiskResult<()> {
        let of = of.start..of.end.min(self.volume.boot.clusters);
        let mut start = None;
        let mut bytes = Vec::new();
        let mut at = of.start;
        while at < of.end {
            let from = at / 8;
            let length = (of.end.div_ceil(8) - from).min(STEP);
            bytes.resize(usize::try_from(length).unwrap_or(0), 0);
            self.bits.read(self.volume, &mut bytes, from)?;
            for (byte, first) in bytes.iter().zip((from * 8..).step_by(8)) {
                let here = first.max(at)..(first + 8).min(of.end);
                match (*byte, start) {
                    (0, None) => start = Some(here.start),
                    (0, Some(_)) | (0xff, None) => {}
                    (byte, _) => {
                        for cluster in here {
                            match (byte >> (cluster - first) & 1, start) {
                                (0, None) => start = Some(cluster),
                                (1, Some(from)) => {
                                    start = None;
                                    if each(from..cluster).is_break() {
                                        return Ok(());
                                    }
                                }
                                _ => {}
                            }
                        }
                    }
                }
            }
            at = (from + length) * 8;
        }
        if let Some(start) = start {
            let _ = each(start..of.end);
        }
        Ok(())
    }
}
