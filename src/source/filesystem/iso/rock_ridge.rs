//! What Rock Ridge keeps in the records of an ISO 9660 volume: names, modes, owners and
//! links, as entries of a sign of two letters, a length and a version (SUSP 1.12, 4; RRIP
//! 1.12, 4.1).

use super::SECTOR;
use crate::source::bytes::{u8_at, u32_le};
use crate::source::disk::{Disk, read_vec};

/// How often an area goes on elsewhere; each such area lies within a sector.
const MAX_AREAS: usize = 16;
/// The longest name and target.
const MAX_NAME: usize = 4096;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Extra {
    pub(super) name: Option<Vec<u8>>,
    pub(super) mode: Option<u32>,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) target: Option<Vec<u8>>,
    /// The block of the directory that it stands for, which lies elsewhere.
    pub(super) child: Option<u32>,
    /// It is such a directory, where it lies.
    pub(super) is_moved: bool,
    pub(super) is_compressed: bool,
}

impl Extra {
    pub(super) fn read(disk: &impl Disk, area: &[u8]) -> Self {
        let mut extra = Self::default();
        let mut next = extra.take(area);
        for _ in 0..MAX_AREAS {
            let Some((at, length)) = next else { break };
            let Ok(area) =
                usize::try_from(length).map_or(Ok(Vec::new()), |length| read_vec(disk, at, length))
            else {
                break;
            };
            next = extra.take(&area);
        }
        extra
    }

    /// Takes the entries of an area; where it goes on.
    fn take(&mut self, mut area: &[u8]) -> Option<(u64, u32)> {
        let mut next = None;
        while let (Some(sign), Some(length)) = (area.get(..2), u8_at(area, 2)) {
            let Some((entry, rest)) = area.split_at_checked(usize::from(length)).filter(|_| length >= 4)
            else {
                break;
            };
            let word = |at| u32_le(entry, at);
            match sign {
                b"PX" => {
                    self.mode = word(4);
                    (self.uid, self.gid) = (word(20).unwrap_or(0), word(28).unwrap_or(0));
                }
                b"NM" => {
                    let name = self.name.get_or_insert_default();
                    if name.len() < MAX_NAME {
                        name.extend_from_slice(entry.get(5..).unwrap_or_default());
                    }
                }
                b"SL" => self.link(entry.get(5..).unwrap_or_default()),
                b"CL" => self.child = word(4),
                b"RE" => self.is_moved = true,
                b"ZF" => self.is_compressed = true,
                b"CE" => {
                    let place = word(4).zip(word(12)).zip(word(20));
                    next = place.and_then(|((block, offset), length)| {
                        let is_within = u64::from(offset) + u64::from(length) <= SECTOR;
                        let at = u64::from(block).saturating_mul(SECTOR).saturating_add(offset.into());
                        is_within.then_some((at, length))
                    });
                }
                b"ST" => break,
                _ => {}
            }
            area = rest;
        }
        next
    }

    /// Adds the parts of a target: each flags, a length and a name.
    fn link(&mut self, mut parts: &[u8]) {
        let target = self.target.get_or_insert_default();
        while let (Some(flags), Some(length)) = (u8_at(parts, 0), u8_at(parts, 1)) {
            let Some((part, rest)) = parts.split_at_checked(2 + usize::from(length)) else { break };
            if target.len() > MAX_NAME {
                break;
            }
            match flags & 0xe {
                2 => target.push(b'.'),
                4 => target.extend_from_slice(b".."),
                8 => {}
                _ => target.extend_from_slice(part.get(2..).unwrap_or_default()),
            }
            let goes_on = flags & 1 != 0;
            if !goes_on && (flags & 8 != 0 || !rest.is_empty()) {
                target.push(b'/');
            }
            parts = rest;
        }
    }
}
