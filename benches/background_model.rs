//! Makes the table of byte pairs that `src/scan/background.rs` describes:
//! `cargo bench --bench background_model -- DIR… > src/scan/background.bin`.
//! Reads at most 4 MiB of each regular file, so that a few huge files do not
//! stand for the whole disk.
#![allow(clippy::print_stderr, clippy::cast_sign_loss, clippy::cast_possible_truncation)]

use std::io::{Read, Write};

fn main() -> std::io::Result<()> {
    let roots: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    if roots.is_empty() {
        eprintln!("background_model: name the directories to learn from");
        return Ok(());
    }
    let mut pairs = vec![0_u64; 65_536];
    let mut buffer = Vec::new();
    for root in &roots {
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
        }
    }
    let total: u64 = pairs.iter().sum();
    let table: Vec<u8> = pairs
        .iter()
        .map(|count| {
            let bits = (total as f64).log2() - (*count as f64).log2();
            (bits * 8.0).round().clamp(0.0, 255.0) as u8
        })
        .collect();
    std::io::stdout().write_all(&table)
}
