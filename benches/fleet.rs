//! Writes a made-up fleet, for measuring `snapsift fleet`:
//! `cargo bench --bench fleet -- FOLDER MACHINES FINDINGS_EACH STALE_KEYS_EACH`.
#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a benchmark stops where it cannot go on")]
#![allow(clippy::print_stderr)]

#[path = "support/fleet.rs"]
mod fleet;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let [folder, machines, findings, stale] = &arguments[..] else {
        eprintln!("usage: fleet FOLDER MACHINES FINDINGS_EACH STALE_KEYS_EACH");
        return;
    };
    let number = |text: &String| text.parse().expect("a number");
    let size = fleet::Size { machines: number(machines), findings: number(findings), stale: number(stale) };
    fleet::write(std::path::Path::new(folder), size);
}
