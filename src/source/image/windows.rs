//! Parents as the formats of Windows name them: by paths of the machine that the
//! image was made on, as UTF-16.

use std::sync::Arc;

use super::super::bytes::array;
use super::super::disk::{Disk, DiskError, DiskResult};
use super::detect::Kind;
use super::file::shown;
use super::opening::{Identity, Opening};

/// Text of 16-bit units, up to the first NUL.
pub(super) fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let units = bytes.chunks_exact(2).filter_map(|pair| array(pair, 0)).map(unit);
    char::decode_utf16(units.take_while(|unit| *unit != 0)).map(|unit| unit.unwrap_or('\u{fffd}')).collect()
}

/// The parent by the first of the paths under which a file is there: as it is where
/// that lies below the folder, else by its last part. Its identity proves that it
/// is the right one.
pub(super) fn parent_by_paths(
    paths: &[String],
    kind: Kind,
    identities: &[Identity],
    opening: &mut Opening,
) -> DiskResult<Arc<dyn Disk>> {
    let mut missing = DiskError::corrupt(0, "the image has a parent but does not name it");
    for name in names(paths) {
        match opening.is_there(name.as_bytes()) {
            Ok(()) => {
                let parent = opening.parent(name.as_bytes(), Some(Some(kind)))?;
                if identities.contains(&parent.identity) {
                    return Ok(parent.disk);
                }
                let shown = shown(name.as_bytes());
                let message = format!("{shown} is not the parent as it was: its identifier differs");
                return Err(DiskError::corrupt(0, message));
            }
            Err(error) => missing = error,
        }
    }
    Err(missing)
}

/// Names below the folder that the paths may stand for.
fn names(paths: &[String]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for path in paths {
        let path = path.replace('\\', "/");
        let below = path.trim_start_matches("./");
        let last = path.rsplit('/').next().unwrap_or_default();
        let leads_out = |part: &str| part == ".." || part.contains(':');
        let inside = !below.starts_with('/') && !below.split('/').any(leads_out);
        for name in [inside.then_some(below), Some(last)].into_iter().flatten() {
            if !matches!(name, "" | "." | "..") && !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_windows_stands_for_a_name_in_the_folder() {
        let found = |path: &str| names(&[path.to_owned()]).join(" ");
        assert_eq!(found(".\\base.vhdx"), "base.vhdx");
        assert_eq!(found("C:\\machines\\base.vhdx"), "base.vhdx");
        assert_eq!(found("\\\\?\\Volume{1}\\m\\base.vhdx"), "base.vhdx");
        assert_eq!(found("..\\..\\secret"), "secret");
        assert_eq!(found("sub\\base.vhdx"), "sub/base.vhdx base.vhdx");
        for nothing in ["", ".", "..", "\\", "a\\..", "C:\\"] {
            assert_eq!(found(nothing), "", "{nothing}");
        }
    }
}
