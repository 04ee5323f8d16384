//! Where a content lies: runs, holes, and the units of compressed files.

use std::sync::Arc;

use super::node::{Body, Stream};
use super::runs::{self, Run};
use super::volume::Volume;
use crate::source::disk::{DiskError, DiskResult};
use crate::source::filesystem::{Content, Encoded, Piece, PieceSource, Place};

/// Codecs in [`Encoded`].
pub(super) const LZNT1: u8 = 1;
pub(super) const XPRESS: u8 = 2;
pub(super) const LZX: u8 = 3;

/// The most compressed units of one content: they take some 150 bytes of memory each,
/// and stand for 32 GiB where a unit has 64 KiB.
pub(super) const MAX_UNITS: usize = 500_000;
/// The largest compression unit that is taken.
pub(super) const MAX_UNIT_SIZE: u64 = 1 << 20;

/// The pieces of a content.
///
/// # Errors
///
/// One that is encrypted, or whose compression makes no sense or is not known.
pub(super) fn content(volume: &Volume, stream: Stream) -> DiskResult<Content> {
    if stream.is_encrypted() {
        return Err(DiskError::encrypted(stream.offset, "the file is encrypted (EFS)"));
    }
    let size = stream.size;
    let pieces = match stream.body {
        Body::Resident(bytes) if bytes.is_empty() => Vec::new(),
        Body::Resident(bytes) => {
            let bytes: Arc<[u8]> = bytes.into();
            vec![Piece { at: 0, length: size, source: PieceSource::Inline(bytes) }]
        }
        Body::Runs(ref runs) if stream.is_compressed() => {
            let mut units = Units::new(volume, &stream)?;
            for run in runs {
                units.run(*run)?;
            }
            units.end()?
        }
        Body::Runs(ref runs) => plain(volume, runs, stream.initialized),
    };
    Ok(Content { size, pieces })
}

/// Runs as they are, up to what was ever written.
pub(super) fn plain(volume: &Volume, runs: &[Run], initialized: u64) -> Vec<Piece> {
    let bytes = |clusters: u64| clusters.saturating_mul(volume.boot.cluster_size);
    let mut pieces = Vec::new();
    for run in runs {
        let at = bytes(run.vcn);
        let length = bytes(run.length).min(initialized.saturating_sub(at));
        if let Some(lcn) = run.lcn
            && length > 0
        {
            let place = Place { disk: 0, offset: volume.byte_of(lcn) };
            pieces.push(Piece { at, length, source: PieceSource::Stored(place) });
        }
    }
    pieces
}

/// Where a part of a content is stored, in order; `None` where some of it is not.
pub(super) fn plain_part(volume: &Volume, runs: &[Run], from: u64, length: u64) -> Option<Vec<(Place, u64)>> {
    let cluster = volume.boot.cluster_size;
    let mut parts = Vec::new();
    let (mut at, end) = (from, from.checked_add(length)?);
    while at < end {
        let run = runs::find(runs, at / cluster)?;
        let within = at.checked_sub(run.vcn.checked_mul(cluster)?)?;
        let length = run.length.checked_mul(cluster)?.checked_sub(within)?.min(end - at);
        let offset = volume.byte_of(run.lcn?).checked_add(within)?;
        parts.push((Place { disk: 0, offset }, length));
        at = at.checked_add(length)?;
    }
    Some(parts)
}

/// Cuts the runs of a compressed content into units: one that has all of its clusters
/// is stored as it is, one that has none is a hole, any other is compressed.
#[derive(Debug)]
struct Units<'v> {
    volume: &'v Volume,
    offset: u64,
    /// Clusters of a unit.
    clusters: u64,
    /// Bytes that were ever written.
    initialized: u64,
    pieces: Vec<Piece>,
    encoded: usize,
    /// The unit that is being put together, and what is stored of it.
    unit: u64,
    stored: Vec<Run>,
}

impl<'v> Units<'v> {
    fn new(volume: &'v Volume, stream: &Stream) -> DiskResult<Self> {
        if stream.flags & 0xff != 1 {
            return Err(DiskError::unsupported(stream.offset, "compressed in a way that is not known"));
        }
        let clusters = 1_u64.checked_shl(stream.unit.into()).filter(|clusters| {
            clusters.checked_mul(volume.boot.cluster_size).is_some_and(|size| size <= MAX_UNIT_SIZE)
        });
        let clusters = clusters.filter(|clusters| *clusters > 1).ok_or_else(|| {
            DiskError::corrupt(stream.offset, "the units of a compressed file have a size that none can have")
        })?;
        Ok(Self {
            volume,
            offset: stream.offset,
            clusters,
            initialized: stream.initialized,
            pieces: Vec::new(),
            encoded: 0,
            unit: 0,
            stored: Vec::new(),
        })
    }

    fn run(&mut self, run: Run) -> DiskResult<()> {
        let Some(mut lcn) = run.lcn else { return Ok(()) };
        let (mut vcn, mut left) = (run.vcn, run.length);
        while left > 0 {
            let (unit, within) = (vcn / self.clusters, vcn % self.clusters);
            if unit != self.unit {
                self.finish()?;
                self.unit = unit;
            }
            let whole = left - left % self.clusters;
            let take = if within == 0 && whole > 0 {
                let piece = [Run { vcn, length: whole, lcn: Some(lcn) }];
                self.pieces.extend(plain(self.volume, &piece, self.initialized));
                whole
            } else {
                let take = left.min(self.clusters - within);
                self.stored.push(Run { vcn, length: take, lcn: Some(lcn) });
                take
            };
            vcn += take;
            lcn += take;
            left -= take;
        }
        Ok(())
    }

    /// Ends the unit that is being put together.
    fn finish(&mut self) -> DiskResult<()> {
        let stored = std::mem::take(&mut self.stored);
        let clusters: u64 = stored.iter().map(|run| run.length).sum();
        if clusters == self.clusters {
            self.pieces.extend(plain(self.volume, &stored, self.initialized));
            return Ok(());
        }
        let cluster = self.volume.boot.cluster_size;
        let decoded = self.clusters.saturating_mul(cluster);
        let at = self.unit.saturating_mul(decoded);
        let length = decoded.min(self.initialized.saturating_sub(at));
        if clusters == 0 || length == 0 {
            return Ok(());
        }
        self.encoded += 1;
        if self.encoded > MAX_UNITS {
            return Err(DiskError::over_budget(
                self.offset,
                "a compressed file has more units than are read",
            ));
        }
        let place = |run: &Run| {
            let offset = self.volume.byte_of(run.lcn.unwrap_or(0));
            (Place { disk: 0, offset }, run.length.saturating_mul(cluster))
        };
        let unit = Encoded { codec: LZNT1, stored: stored.iter().map(place).collect(), decoded, skip: 0 };
        self.pieces.push(Piece { at, length, source: PieceSource::Encoded(Box::new(unit)) });
        Ok(())
    }

    fn end(mut self) -> DiskResult<Vec<Piece>> {
        self.finish()?;
        Ok(self.pieces)
    }
}
