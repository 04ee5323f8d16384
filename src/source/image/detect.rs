//! What a disk is by its content. A raw image has nothing to tell it by: it is what
//! is left.

use super::super::bytes::{u32_be, u32_le, u64_le};
use super::super::disk::{Disk, DiskResult};

/// A container of a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// QEMU's copy-on-write format, version 2 or 3.
    Qcow2,
    /// VMware: a descriptor in text, or an extent that holds one.
    Vmdk,
    /// Microsoft's, version 1: fixed, dynamic or differencing.
    Vhd,
    /// Microsoft's, version 2.
    Vhdx,
    /// VirtualBox.
    Vdi,
    /// A container that is known but not read, by its name.
    Other(&'static str),
}

impl Kind {
    /// The name that people use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Qcow2 => "qcow2",
            Self::Vmdk => "vmdk",
            Self::Vhd => "vhd",
            Self::Vhdx => "vhdx",
            Self::Vdi => "vdi",
            Self::Other(name) => name,
        }
    }
}

/// First bytes of containers that are not read.
const OTHERS: [(&[u8], &str); 13] = [
    (b"EVF\x09\x0d\x0a\xff\x00", "Expert Witness (E01)"),
    (b"EVF2\x0d\x0a\x81\x00", "Expert Witness 2 (Ex01)"),
    (b"LVF\x09\x0d\x0a\xff\x00", "Expert Witness (L01)"),
    (b"LEF2\x0d\x0a\x81\x00", "Expert Witness 2 (Lx01)"),
    (b"AFF10\r\n\x00", "AFF"),
    (b"WithoutFreeSpace", "Parallels"),
    (b"WithouFreSpacExt", "Parallels"),
    (b"QED\x00", "QED"),
    (b"Bochs Virtual HD Image", "Bochs"),
    (b"#!/bin/sh\n#V2.0 Format\n", "cloop"),
    (b"VMA\x00", "Proxmox backup (VMA)"),
    (b"MSWIM\x00\x00\x00", "Windows Imaging (WIM)"),
    (b"SIMPLE DISK IMAGE", "simple disk image"),
];

/// What a VMDK's descriptor begins with, letters of any case.
pub(super) const DESCRIPTOR: &[u8] = b"# disk descriptorfile";

/// The container that a disk holds, `None` for anything else: a raw image. A part
/// that cannot be read decides nothing.
#[must_use]
pub fn detect(disk: &dyn Disk) -> Option<Kind> {
    detect_or_fail(disk).unwrap_or_default()
}

/// As [`detect`], but what cannot be read is an error.
pub(super) fn detect_or_fail(disk: &dyn Disk) -> DiskResult<Option<Kind>> {
    let mut head = [0; 512];
    let filled = disk.read_at(&mut head, 0)?;
    if let Some(kind) = by_head(head.get(..filled).unwrap_or_default()) {
        return Ok(Some(kind));
    }
    let Some(at) = disk.size().checked_sub(512) else { return Ok(None) };
    let mut tail = [0; 512];
    let filled = disk.read_at(&mut tail, at)?;
    Ok(by_tail(tail.get(..filled).unwrap_or_default()))
}

/// Whether a file that begins so is a container of a disk.
pub(in crate::source) fn is_container(head: &[u8]) -> bool {
    by_head(head).is_some()
}

fn by_head(head: &[u8]) -> Option<Kind> {
    match head {
        [b'Q', b'F', b'I', 0xfb, ..] if u32_be(head, 4) == Some(1) => {
            return Some(Kind::Other("qcow (version 1)"));
        }
        [b'Q', b'F', b'I', 0xfb, ..] => return Some(Kind::Qcow2),
        _ if head.starts_with(b"vhdxfile") => return Some(Kind::Vhdx),
        _ if head.starts_with(b"KDMV") || head.starts_with(b"COWD") => return Some(Kind::Vmdk),
        _ if u64_le(head, 0) == Some(0xcafe_babe) => return Some(Kind::Other("VMDK seSparse")),
        _ if is_descriptor(head) => return Some(Kind::Vmdk),
        _ if u32_le(head, 64) == Some(0xbeda_107f) => return Some(Kind::Vdi),
        _ if head.starts_with(b"conectix") => return Some(Kind::Vhd),
        _ => {}
    }
    OTHERS.iter().find(|(magic, _)| head.starts_with(magic)).map(|(_, name)| Kind::Other(name))
}

/// Footers: of a fixed VHD (511 bytes in the first versions), of an Apple image.
fn by_tail(tail: &[u8]) -> Option<Kind> {
    let old = tail.get(1..).unwrap_or_default();
    if tail.starts_with(b"conectix") || old.starts_with(b"conectix") {
        return Some(Kind::Vhd);
    }
    (tail.starts_with(b"koly") && u32_be(tail, 8) == Some(512))
        .then_some(Kind::Other("Apple disk image (DMG)"))
}

fn is_descriptor(head: &[u8]) -> bool {
    let text = head.trim_ascii_start();
    text.get(..DESCRIPTOR.len()).is_some_and(|start| start.eq_ignore_ascii_case(DESCRIPTOR))
}
