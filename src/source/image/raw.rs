//! Raw images in parts: `name.001`, `name.002`, … (or from `.000` on), as imaging
//! tools split them for small media.

use std::sync::Arc;

use super::super::disk::{Disk, DiskError, DiskResult};
use super::concat::Concat;
use super::file::shown;
use super::opening::Opening;

/// The other parts of the image whose first file is `name`; `None` where it is not
/// the first part of several.
pub(super) fn other_parts(name: &[u8], opening: &mut Opening) -> DiskResult<Option<Vec<Arc<dyn Disk>>>> {
    let Some((stem, number)) = numbered(name) else { return Ok(None) };
    let Some(folder) = &opening.folder else { return Ok(None) };
    let mut numbers: Vec<u32> = folder
        .names()?
        .iter()
        .filter_map(|other| numbered(other).filter(|(other, _)| *other == stem).map(|(_, number)| number))
        .collect();
    numbers.sort_unstable();
    let part = |number: u32| [stem, format!(".{number:03}").as_bytes()].concat();
    let first = if numbers.contains(&0) { 0 } else { 1 };
    if number != first {
        // A lone `disk.100` is no part of anything.
        let alone = number > 2 && !numbers.contains(&first) && !numbers.contains(&(number - 1));
        if alone {
            return Ok(None);
        }
        let message = if numbers.contains(&first) {
            format!("is a part of a split image; give its first part, {}", shown(&part(first)))
        } else {
            format!("is a part of a split image of which {} is missing", shown(&part(first)))
        };
        return Err(DiskError::unsupported(0, message));
    }
    let last = numbers.last().copied().unwrap_or(first);
    if last == first {
        return Ok(None);
    }
    let mut parts = Vec::new();
    for number in first.saturating_add(1)..=last {
        if !numbers.contains(&number) {
            let message =
                format!("a part of the split image is missing: {}; copy it there", shown(&part(number)));
            return Err(DiskError::corrupt(0, message));
        }
        parts.push(opening.part(&part(number))?);
    }
    Ok(Some(parts))
}

/// `stem` and number of `stem.NNN`.
fn numbered(name: &[u8]) -> Option<(&[u8], u32)> {
    let (stem, ending) = name.split_at_checked(name.len().checked_sub(4)?)?;
    let digits = ending.strip_prefix(b".").filter(|digits| digits.iter().all(u8::is_ascii_digit))?;
    Some((stem, std::str::from_utf8(digits).ok()?.parse().ok()?)).filter(|(stem, _)| !stem.is_empty())
}

/// All parts as one disk.
pub(super) fn join(first: Arc<dyn Disk>, others: Vec<Arc<dyn Disk>>) -> DiskResult<Arc<dyn Disk>> {
    let mut all = Concat::default();
    for part in std::iter::once(first).chain(others) {
        let size = part.size();
        all.push(Some(part), 0, size)?;
    }
    Ok(Arc::new(all))
}
