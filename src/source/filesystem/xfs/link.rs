//! Targets of symbolic links: in the inode, or in blocks.
//!
//! Follows "XFS Algorithms & Data Structures", part III, "Symbolic Links". Since
//! version 5 each extent begins with a header.

use std::ops::ControlFlow;

use crate::source::bytes::u32_be;
use crate::source::disk::{DiskError, DiskResult, read_vec};

use super::Xfs;
use super::block::Seal;
use super::inode::{Format, Inode};

/// The longest target; the kernel makes none above 1024 bytes.
const MAX_TARGET: u64 = 4096;

/// The header of an extent: "XSLM", where its part begins, bytes of the part, seal.
const MAGIC: u32 = 0x5853_4c4d;
const HEADER: usize = 56;

impl Xfs {
    pub(super) fn read_link(&self, inode: &Inode) -> DiskResult<Vec<u8>> {
        let wrong = |what: &'static str| DiskError::corrupt(inode.offset, what);
        let size = usize::try_from(inode.size).ok().filter(|_| inode.size <= MAX_TARGET && inode.size > 0);
        let size = size.ok_or_else(|| wrong("a symbolic link has a length that none can have"))?;
        if inode.format == Format::Local {
            let target = inode.fork.get(..size);
            return target
                .map(<[u8]>::to_vec)
                .ok_or_else(|| wrong("a symbolic link is larger than its inode"));
        }
        let mut target = Vec::new();
        self.extents(inode, &mut |extent| {
            // A target of the longest kind and all its headers fit into so many bytes.
            let length = (extent.count << self.geometry.block_log).min(64 << 10);
            let bytes = read_vec(&self.metadata, extent.offset, usize::try_from(length).unwrap_or(0))?;
            let part = if self.geometry.version == 5 {
                self.link_part(&bytes, extent.offset, target.len())?
            } else {
                bytes.as_slice()
            };
            target.extend_from_slice(part.get(..size - target.len()).unwrap_or(part));
            Ok(if target.len() < size { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
        })?;
        if target.len() < size {
            return Err(wrong("a symbolic link ends before its end"));
        }
        Ok(target)
    }

    /// What follows a header, as far as the header says.
    fn link_part<'b>(&self, bytes: &'b [u8], offset: u64, at: usize) -> DiskResult<&'b [u8]> {
        let wrong = || DiskError::corrupt(offset, "a part of a symbolic link makes no sense");
        if u32_be(bytes, 0) != Some(MAGIC) || u32_be(bytes, 4).map(usize::try_from) != Some(Ok(at)) {
            return Err(wrong());
        }
        self.check(bytes, offset, Seal::LINK, "symbolic link")?;
        let length = u32_be(bytes, 8).and_then(|length| usize::try_from(length).ok()).ok_or_else(wrong)?;
        bytes
            .get(HEADER..)
            .and_then(|part| part.get(..length))
            .filter(|part| !part.is_empty())
            .ok_or_else(wrong)
    }
}
