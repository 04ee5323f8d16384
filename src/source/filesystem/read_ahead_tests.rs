//! What is read in one, by hand.

use super::*;

fn run(parts: &[(u16, u64, u64)]) -> Option<u64> {
    let mut run = Run::new(4096);
    let place = |(disk, offset, length): &(u16, u64, u64)| (Place { disk: *disk, offset: *offset }, *length);
    parts.iter().all(|part| run.take(place(part))).then_some(run.end)
}

#[test]
fn what_lies_close_is_read_in_one() {
    assert_eq!(run(&[(0, 0, 4096), (0, 4096, 8192)]), Some(12288));
    // Less than a block is the rest of one.
    assert_eq!(run(&[(0, 0, 1000), (0, 4096, 1000), (0, 8192, 1)]), Some(8193));
    // The same bytes twice.
    assert_eq!(run(&[(0, 0, 8192), (0, 0, 4096)]), Some(8192));
}

#[test]
fn what_lies_apart_is_not() {
    assert_eq!(run(&[(0, 0, 4096), (1, 4096, 4096)]), None);
    assert_eq!(run(&[(0, 8192, 4096), (0, 0, 4096)]), None);
    assert_eq!(run(&[(0, 0, window() + 1)]), None);
    assert_eq!(run(&[(0, 0, 4096), (0, window() - 4095, 4096)]), None);
    assert_eq!(run(&[(0, 1 << 40, 4096), (0, u64::MAX, 4096)]), None);
}

#[test]
fn gaps_are_a_small_part_of_what_is_read() {
    // A gap of a block is worth it after 31 blocks and the one behind it.
    assert_eq!(run(&[(0, 0, 31 * 4096), (0, 32 * 4096, 4096)]), Some(33 * 4096));
    assert_eq!(run(&[(0, 0, 30 * 4096), (0, 31 * 4096, 4096)]), None);
    let gaps = [(0, 0, 31 * 4096), (0, 32 * 4096, 4096), (0, 34 * 4096, 4096)];
    assert_eq!(run(&gaps), None);
}
