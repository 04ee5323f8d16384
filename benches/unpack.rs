//! Looking into archives against unpacking them and no more: processor time, one thread.
//!
//! `cargo bench --bench unpack -- [DIR]`: DIR (default: /usr/include) is packed by the
//! programs that people use, in each format; of each, the decoder alone is run over it, and
//! a scan with all built-in rules. The quotient is what is left of the decoder's speed.
#![allow(clippy::expect_used, clippy::print_stdout, reason = "a program that measures")]

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use snapsift::finding::Record;
use snapsift::pipeline::measure::Cost;
use snapsift::pipeline::{Scan, ScanOptions};
use snapsift::rules::RuleSet;
use snapsift::scan::Engine;
use snapsift::source::Snapshot;

const RUNS: usize = 5;
/// Name of the file, and the program that makes it of a tar.
const FORMATS: [(&str, &str); 6] = [
    ("a.tar", "cat"),
    ("a.tar.gz", "gzip -c"),
    ("a.tar.zst", "zstd -qc"),
    ("a.tar.lz4", "lz4 -qc"),
    ("a.tar.xz", "xz -1 -c"),
    ("a.tar.bz2", "bzip2 -c"),
];

fn main() {
    let tree = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let tree = tree.unwrap_or_else(|| "/usr/include".to_owned());
    let dir = tempfile::tempdir().expect("a directory");
    let engine = Engine::new(&RuleSet::builtin().expect("the built-in rules"));
    println!("{:<10} {:>9} {:>12} {:>12} {:>9}", "format", "unpacked", "decoder", "scan", "quotient");
    for (name, program) in FORMATS {
        let path = dir.path().join(name);
        let made = Command::new("bash")
            .args(["-ec", "tar -cf - -C \"$1\" . 2>/dev/null | $2 > \"$3\"", "-", &tree, program])
            .arg(&path)
            .status();
        assert!(made.expect("bash").success(), "{program}");
        let size = decode(&path);
        let alone = median(|| Cost::of(|| decode(&path)).1.cpu);
        let scan = median(|| Cost::of(|| scan(&path, &engine)).1.cpu);
        let speed = |time: Duration| size as f64 / time.as_secs_f64() / 1e6;
        println!(
            "{name:<10} {:>6} MB {:>7.0} MB/s {:>7.0} MB/s {:>9.2}",
            size / 1_000_000,
            speed(alone),
            speed(scan),
            alone.as_secs_f64() / scan.as_secs_f64()
        );
    }
}

fn median(run: impl Fn() -> Duration) -> Duration {
    let mut times: Vec<Duration> = (0..RUNS).map(|_| run()).collect();
    times.sort();
    times[RUNS / 2]
}

/// Unpacks, and looks at nothing.
fn decode(path: &Path) -> u64 {
    let file = BufReader::with_capacity(64 << 10, File::open(path).expect("a file"));
    let mut reader: Box<dyn Read> = match path.extension().and_then(|end| end.to_str()) {
        Some("gz") => Box::new(flate2::bufread::GzDecoder::new(file)),
        Some("zst") => Box::new(ruzstd::decoding::StreamingDecoder::new(file).expect("zstd")),
        Some("lz4") => Box::new(lz4_flex::frame::FrameDecoder::new(file)),
        Some("xz") => Box::new(lzma_rust2::XzReader::new(file, true)),
        Some("bz2") => Box::new(bzip2::bufread::BzDecoder::new(file)),
        _ => Box::new(file),
    };
    let mut buffer = vec![0; 1 << 20];
    let mut size = 0;
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return size,
            Ok(read) => size += read as u64,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => unreachable!("{error}"),
        }
    }
}

fn scan(path: &Path, engine: &Engine) -> u64 {
    let options = ScanOptions { jobs: 1, include_test_content: true, ..ScanOptions::default() };
    let snapshot = Snapshot::open(path).expect("a file");
    let mut records: Vec<Record> = Vec::new();
    let summary = Scan::new(snapshot, engine.clone(), options).run(&mut records).expect("a scan");
    summary.coverage.inside.bytes_scanned
}
