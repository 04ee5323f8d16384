//! Makes the tables that `src/scan/background.rs` describes:
//! `cargo bench --bench background_model -- OUT DIR…` writes `background.bin` (pairs of
//! bytes) and `background-quads.bin` (four bytes) into the directory OUT, `src/scan`.
//! Reads at most 4 MiB of each regular file, so that a few huge files do not
//! stand for the whole disk.
#![allow(clippy::print_stderr, clippy::cast_sign_loss, clippy::cast_possible_truncation)]

use std::io::Read;
use std::path::Path;

/// As in `src/scan/background.rs`.
const ROW_BITS: u32 = 17;
const FACTORS: [u32; 2] = [0x9e37_79b1, 0x85eb_ca77];

fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    let Some((out, roots)) = arguments.split_first().filter(|(_, roots)| !roots.is_empty()) else {
        eprintln!("background_model: name where to write, and the directories to learn from");
        return Ok(());
    };
    let mut pairs = vec![0_u64; 65_536];
    let mut quads = vec![0_u64; FACTORS.len() << ROW_BITS];
    let mut buffer = Vec::new();
    for root in roots {
        for entry in ignore::WalkBuilder::new(root).standard_filters(false).build().flatten() {
            if !entry.file_type().is_some_and(|kind| kind.is_file()) {
                continue;
            }
            let Ok(file) = std::fs::File::open(entry.path()) else { continue };
            buffer.clear();
            if file.take(4 << 20).read_to_end(&mut buffer).is_err() {
                continue;
            }
            for pair in buffer.windows(2) {
                pairs[usize::from(pair[0]) << 8 | usize::from(pair[1])] += 1;
            }
            for quad in buffer.windows(4) {
                let word = u32::from_le_bytes([quad[0], quad[1], quad[2], quad[3]]);
                for (row, factor) in FACTORS.iter().enumerate() {
                    let slot = (word.wrapping_mul(*factor) >> (32 - ROW_BITS)) as usize;
                    quads[row << ROW_BITS | slot] += 1;
                }
            }
        }
    }
    let total: u64 = pairs.iter().sum();
    let table = |counts: &[u64]| -> Vec<u8> {
        let bits = |count: &u64| (total as f64).log2() - (*count as f64).log2();
        counts.iter().map(|count| (bits(count) * 8.0).round().clamp(0.0, 255.0) as u8).collect()
    };
    std::fs::write(Path::new(out).join("background.bin"), table(&pairs))?;
    std::fs::write(Path::new(out).join("background-quads.bin"), table(&quads))
}
