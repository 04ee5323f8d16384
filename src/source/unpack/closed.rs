//! Formats that are told and not opened: what they hold is counted as left out.

use std::rc::Rc;

use super::format::{Damage, Format, Opened};
use super::input::Input;
use super::tools::Tools;
use crate::finding::Reason;

/// A format by its magic at an offset.
pub(super) struct Closed {
    name: &'static str,
    offset: usize,
    magic: &'static [u8],
}

/// <https://py7zr.readthedocs.io/en/latest/archive_format.html>
pub(super) const SEVEN_ZIP: Closed = Closed { name: "7z", offset: 0, magic: b"7z\xbc\xaf\x27\x1c" };
/// <https://www.rarlab.com/technote.htm>
pub(super) const RAR: Closed = Closed { name: "rar", offset: 0, magic: b"Rar!\x1a\x07" };
/// [MS-CAB]: four reserved bytes follow the magic.
pub(super) const CABINET: Closed = Closed { name: "cab", offset: 0, magic: b"MSCF\0\0\0\0" };
/// <https://dr-emann.github.io/squashfs/squashfs.html>: magic; version 4.0 stands at 28.
pub(super) const SQUASHFS: Closed = Closed { name: "squashfs", offset: 0, magic: b"hsqs" };
/// ECMA-119, 8.1: the first descriptor, in sector 16.
pub(super) const ISO: Closed = Closed { name: "iso9660", offset: 0x8000, magic: b"\x01CD001\x01\0" };

impl Format for Closed {
    fn name(&self) -> &'static str {
        self.name
    }

    fn detect(&self, start: &[u8]) -> bool {
        start.get(self.offset..).is_some_and(|start| start.starts_with(self.magic))
            && (self.name != "squashfs" || start.get(28..32) == Some(&[4, 0, 0, 0]))
    }

    fn open<'i>(&self, _: &'i mut Input<'_>, _: &Rc<Tools>) -> Result<Opened<'i>, Damage> {
        let message = format!(
            "{} is not opened {}: what it holds is searched as it is stored",
            self.name,
            match self.name {
                "rar" | "cab" => "yet",
                _ => "here, where it cannot be read at any place",
            }
        );
        Err(Damage::new(Reason::Unsupported, message))
    }
}
