use super::*;
use crate::source::disk::MemoryDisk;

#[test]
fn what_is_no_filesystem_is_refused() {
    for length in [0, 511, 1024, 2047, 4096] {
        let disk = MemoryDisk(vec![0; length].into());
        assert!(!detect(&disk), "{length}");
        assert!(open(Arc::new(disk)).is_err(), "{length}");
    }
}
