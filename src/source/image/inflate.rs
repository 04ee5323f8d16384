//! Compressed units of a container: inflated at most to their size, and the last
//! few kept, so that small reads one after another inflate each once.

use std::collections::VecDeque;
use std::fmt;
use std::io::Read;
use std::sync::{Arc, Mutex, PoisonError};

use flate2::{Decompress, FlushDecompress};
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};

use super::super::disk::{DiskError, DiskResult};

/// How much inflated data is kept, in all and in how many pieces.
const KEPT_BYTES: usize = 16 << 20;
const KEPT: usize = 64;

/// The largest window of a zstd frame: a writer needs no more than twice the
/// largest unit, and a decoder sets this much aside.
const ZSTD_WINDOW: u64 = 8 << 20;

/// Decoders that wait for the next unit; more threads than this make their own.
const IDLE: usize = 16;

/// How a unit is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// RFC 1951.
    Deflate,
    /// RFC 1950.
    Zlib,
    /// RFC 8878.
    Zstd,
}

/// Tells units apart: the file, where it starts there, its length there.
pub(super) type Key = (u64, u64, usize);

/// Decoders and what they made last.
#[derive(Default)]
pub(super) struct Inflater {
    kept: Mutex<VecDeque<(Key, Arc<[u8]>)>>,
    deflate: Mutex<Vec<Decompress>>,
    zstd: Mutex<Vec<FrameDecoder>>,
}

impl fmt::Debug for Inflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inflater").finish_non_exhaustive()
    }
}

impl Inflater {
    /// Inflates into `out`, no further; returns how many bytes there were.
    pub(super) fn inflate(&self, form: Form, packed: &[u8], out: &mut [u8]) -> DiskResult<usize> {
        match form {
            Form::Deflate | Form::Zlib => self.deflate(form == Form::Zlib, packed, out),
            Form::Zstd => self.zstd(packed, out),
        }
    }

    fn deflate(&self, zlib: bool, packed: &[u8], out: &mut [u8]) -> DiskResult<usize> {
        let mut decoder = match take(&self.deflate) {
            Some(mut decoder) => {
                decoder.reset(zlib);
                decoder
            }
            None => Decompress::new(zlib),
        };
        let done = decoder.decompress(packed, out, FlushDecompress::Finish);
        let filled = usize::try_from(decoder.total_out()).unwrap_or(0);
        give_back(&self.deflate, decoder);
        // What fills the unit is enough: a stream that goes on is not read further.
        match done {
            Ok(_) => Ok(filled),
            Err(_) if filled >= out.len() => Ok(filled),
            Err(error) => Err(DiskError::corrupt(0, format!("compressed data: {error}"))),
        }
    }

    fn zstd(&self, packed: &[u8], out: &mut [u8]) -> DiskResult<usize> {
        let mut decoder = take(&self.zstd).unwrap_or_default();
        decoder.set_max_window_size(ZSTD_WINDOW);
        let corrupt = |error: &dyn fmt::Display| DiskError::corrupt(0, format!("compressed data: {error}"));
        let mut stream =
            StreamingDecoder::new_with_decoder(packed, decoder).map_err(|error| corrupt(&error))?;
        let mut filled = 0;
        while let Some(rest) = out.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match stream.read(rest).map_err(|error| corrupt(&error))? {
                0 => break,
                read => filled = filled.saturating_add(read),
            }
        }
        give_back(&self.zstd, stream.into_frame_decoder());
        Ok(filled)
    }

    /// A unit that was inflated a moment ago.
    pub(super) fn kept(&self, key: Key) -> Option<Arc<[u8]>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let at = kept.iter().position(|(held, _)| *held == key)?;
        let found = kept.remove(at)?;
        let bytes = Arc::clone(&found.1);
        kept.push_back(found);
        Some(bytes)
    }

    pub(super) fn keep(&self, key: Key, bytes: &Arc<[u8]>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push_back((key, Arc::clone(bytes)));
        let mut held: usize = kept.iter().map(|(_, bytes)| bytes.len()).sum();
        while kept.len() > KEPT || (held > KEPT_BYTES && kept.len() > 1) {
            held = held.saturating_sub(kept.pop_front().map_or(0, |(_, bytes)| bytes.len()));
        }
    }
}

fn take<T>(idle: &Mutex<Vec<T>>) -> Option<T> {
    idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
}

fn give_back<T>(idle: &Mutex<Vec<T>>, decoder: T) {
    let mut idle = idle.lock().unwrap_or_else(PoisonError::into_inner);
    if idle.len() < IDLE {
        idle.push(decoder);
    }
}
