//! The metadata of a VHDX (MS-VHDX 2.6): sizes, and where the parent is.

use super::super::super::bytes::{array, u16_le, u32_le, u64_le};
use super::super::super::disk::{Disk, DiskError, DiskResult, read_vec};
use super::super::windows::utf16;
use super::header::{Region, guid};

const TABLE: usize = 64 << 10;
const MAX_ITEMS: usize = 2047;

/// The longest item: a parent locator.
const MAX_ITEM: u64 = 1 << 20;
const MAX_LOCATORS: usize = 256;

/// The largest disk: 64 TiB.
const MAX_SIZE: u64 = 64 << 40;

const FILE_PARAMETERS: [u8; 16] = guid(0xcaa1_6737, 0xfa36, 0x4d43, 0xb3b6_33f0_aa44_e76b);
const DISK_SIZE: [u8; 16] = guid(0x2fa5_4224, 0xcd1b, 0x4876, 0xb211_5dbe_d83b_f4b8);
const SECTOR_SIZE: [u8; 16] = guid(0x8141_bf1d, 0xa96f, 0x4709, 0xba47_f233_a8fa_ab5f);
const PARENT_LOCATOR: [u8; 16] = guid(0xa8d3_5f2d, 0xb30b, 0x454d, 0xabf7_d3d8_4834_ab0c);
/// Of no use here: identifier of the disk, size of a physical sector.
const KNOWN: [[u8; 16]; 2] = [
    guid(0xbeca_12ab, 0xb2e6, 0x4523, 0x93ef_c309_e000_c746),
    guid(0xcda3_48c7, 0x445d, 0x4471, 0x9cc9_e988_5251_c556),
];
/// The only type of parent locator.
const VHDX_LOCATOR: [u8; 16] = guid(0xb04a_efb7, 0xd19e, 0x4a81, 0xb789_25b8_e944_5913);

#[derive(Debug, Default)]
pub(super) struct Metadata {
    pub(super) size: u64,
    pub(super) block: u64,
    pub(super) sector: u64,
    /// `None` for a disk without a parent.
    pub(super) parent: Option<Locator>,
}

/// Where the parent was, and what its data is known by.
#[derive(Debug, Default)]
pub(super) struct Locator {
    pub(super) paths: Vec<String>,
    pub(super) linkages: Vec<[u8; 16]>,
}

impl Metadata {
    pub(super) fn read(disk: &dyn Disk, region: Region) -> DiskResult<Self> {
        let table = read_vec(disk, region.offset, TABLE)?;
        let corrupt = |message: &'static str| DiskError::corrupt(region.offset, message);
        if !table.starts_with(b"metadata") {
            return Err(corrupt("the metadata of the VHDX is not where it should be"));
        }
        let count = usize::from(u16_le(&table, 10).unwrap_or(0));
        if count > MAX_ITEMS {
            return Err(corrupt("too many items of metadata"));
        }
        let mut metadata = Self::default();
        let (mut has_parent, mut locator) = (false, None);
        for entry in table.get(32..).unwrap_or_default().chunks_exact(32).take(count) {
            let (Some(id), Some(at), Some(length), Some(flags)) =
                (array::<16>(entry, 0), u32_le(entry, 16), u32_le(entry, 20), u32_le(entry, 24))
            else {
                continue;
            };
            let is_user = flags & 1 != 0;
            let read = || {
                let (at, length) = (u64::from(at), u64::from(length));
                if at.saturating_add(length) > region.length || length > MAX_ITEM {
                    return Err(corrupt("an item of metadata lies outside its region"));
                }
                read_vec(disk, region.offset.saturating_add(at), usize::try_from(length).unwrap_or(0))
            };
            let short = || corrupt("an item of metadata is too short");
            match id {
                FILE_PARAMETERS if !is_user => {
                    let item = read()?;
                    metadata.block = u64::from(u32_le(&item, 0).ok_or_else(short)?);
                    has_parent = u32_le(&item, 4).ok_or_else(short)? & 2 != 0;
                }
                DISK_SIZE if !is_user => metadata.size = u64_le(&read()?, 0).ok_or_else(short)?,
                SECTOR_SIZE if !is_user => {
                    metadata.sector = u64::from(u32_le(&read()?, 0).ok_or_else(short)?);
                }
                PARENT_LOCATOR if !is_user => locator = Some(Locator::parse(&read()?)),
                id if !is_user && KNOWN.contains(&id) => {}
                _ if flags & 4 != 0 => {
                    return Err(DiskError::unsupported(
                        region.offset,
                        "the VHDX has metadata that must be known",
                    ));
                }
                _ => {}
            }
        }
        if has_parent {
            metadata.parent = Some(locator.ok_or(corrupt("the VHDX has a parent but does not name it"))?);
        }
        metadata.check(region.offset)?;
        Ok(metadata)
    }

    fn check(&self, at: u64) -> DiskResult<()> {
        if !(1 << 20..=256 << 20).contains(&self.block) || !self.block.is_power_of_two() {
            return Err(DiskError::corrupt(at, format!("blocks of {} bytes", self.block)));
        }
        if !matches!(self.sector, 512 | 4096) {
            return Err(DiskError::corrupt(at, format!("sectors of {} bytes", self.sector)));
        }
        if self.size > MAX_SIZE {
            return Err(DiskError::corrupt(at, format!("a disk of {} bytes", self.size)));
        }
        Ok(())
    }
}

impl Locator {
    /// Keys and values, text both.
    fn parse(item: &[u8]) -> Self {
        let mut locator = Self::default();
        if array::<16>(item, 0) != Some(VHDX_LOCATOR) {
            return locator;
        }
        let text = |at: Option<u32>, length: Option<u16>| {
            let at = usize::try_from(at?).ok()?;
            let end = at.checked_add(usize::from(length?))?;
            Some(utf16(item.get(at..end)?, u16::from_le_bytes))
        };
        let count = usize::from(u16_le(item, 18).unwrap_or(0)).min(MAX_LOCATORS);
        let mut pairs = Vec::new();
        for entry in item.get(20..).unwrap_or_default().chunks_exact(12).take(count) {
            let key = text(u32_le(entry, 0), u16_le(entry, 8));
            let value = text(u32_le(entry, 4), u16_le(entry, 10));
            pairs.extend(key.zip(value));
        }
        for wanted in ["relative_path", "volume_path", "absolute_win32_path"] {
            locator
                .paths
                .extend(pairs.iter().filter(|(key, _)| key == wanted).map(|(_, value)| value.clone()));
        }
        for wanted in ["parent_linkage", "parent_linkage2"] {
            let values = pairs.iter().filter(|(key, _)| key == wanted);
            locator.linkages.extend(values.filter_map(|(_, value)| parse_guid(value)));
        }
        locator
    }
}

/// `{83ad4d7c-…}` as it is stored.
fn parse_guid(text: &str) -> Option<[u8; 16]> {
    let mut parts = text.trim_matches(['{', '}']).split('-');
    let mut part = |digits: usize| {
        let part = parts.next().filter(|part| part.len() == digits)?;
        u64::from_str_radix(part, 16).ok()
    };
    let (first, second, third) = (part(8)?, part(4)?, part(4)?);
    let rest = part(4)? << 48 | part(12)?;
    Some(guid(first.try_into().ok()?, second.try_into().ok()?, third.try_into().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_is_stored_in_mixed_order() {
        let found = parse_guid("{2DC27766-F623-4200-9D64-115E9BFD4A08}").expect("a guid");
        assert_eq!(
            found,
            [0x66, 0x77, 0xc2, 0x2d, 0x23, 0xf6, 0x00, 0x42, 0x9d, 0x64, 0x11, 0x5e, 0x9b, 0xfd, 0x4a, 0x08]
        );
        for bad in
            ["", "{}", "{2DC27766-F623-4200-9D64}", "{2DC27766-F623-4200-9D64-115E9BFD4A0}", "x-x-x-x-x"]
        {
            assert_eq!(parse_guid(bad), None, "{bad}");
        }
    }
}
