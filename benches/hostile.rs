//! Content made to slow a scan down: per rule, its literals and its near matches,
//! repeated.
//!
//! `cargo bench --bench hostile [-- RULE…]`: for each built-in rule (or those whose
//! id contains one of the words), in MB per CPU-second of one thread, the better of
//! two runs:
//!
//! - its literals, repeated to 32 MiB;
//! - its literals, each with 60 letters after it, and each of its examples with the
//!   last byte of the secret made one that no secret has, repeated to 8, 16 and
//!   32 MiB: the speed at 32 MiB, and how much longer a byte took there than in the
//!   shorter ones (1.0: linear);
//!
//! and `AKIA` a hundred million times. Marked is what should not be: literals alone
//! below 100 MB/s, and growth above 1.5.
#![allow(clippy::print_stdout, clippy::cast_precision_loss, clippy::cast_sign_loss)]
#![allow(clippy::cast_possible_truncation)]

use std::time::Duration;

use snapsift::rules::{Rule, RuleSet};
use snapsift::scan::Engine;

const MIB: usize = 1 << 20;
const RUNS: usize = 2;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let rules = RuleSet::builtin()?;
    let engine = Engine::new(&rules);
    println!("kernel {}, {} rules", engine.kernel().name(), rules.rules().len());
    println!("{:>8} {:>8}  content", "MB/s", "growth");
    for rule in rules.rules() {
        if !words.is_empty() && !words.iter().any(|word| rule.id.contains(word)) {
            continue;
        }
        literals(&engine, rule);
        for (number, example) in rule.examples.iter().enumerate() {
            let broken = example.secret.as_ref().and_then(|secret| broken(&example.text, secret));
            if let Some(broken) = broken {
                growing(&engine, &broken, &format!("{}, example {}, broken", rule.id, number + 1));
            }
        }
    }
    if words.is_empty() {
        row(speed(&engine, b"AKIA", 400_000_000), None, "AKIA, 10^8 times");
    }
    Ok(())
}

fn literals(engine: &Engine, rule: &Rule) {
    for literal in &rule.literals {
        let content = format!("{}, literal {:?}", rule.id, String::from_utf8_lossy(&literal.bytes));
        row(speed(engine, &literal.bytes, 32 * MIB), None, &content);
        let longer = [&*literal.bytes, &[b'A'; 60]].concat();
        growing(engine, &longer, &format!("{content} and letters"));
    }
}

/// The text with the last byte of the secret replaced by one that no pattern has
/// in a secret; `None` where the secret does not stand there as it is.
fn broken(text: &str, secret: &str) -> Option<Vec<u8>> {
    let at = text.find(secret)?;
    let mut bytes = text.as_bytes().to_vec();
    *bytes.get_mut(at + secret.len() - 1)? = b'\x01';
    Some(bytes)
}

fn growing(engine: &Engine, piece: &[u8], content: &str) {
    let [small, middle, large] = [8, 16, 32].map(|size| speed(engine, piece, size * MIB));
    row(large, Some((small / large).max(small / middle)), content);
}

fn row(speed: f64, growth: Option<f64>, content: &str) {
    let bad = growth.map_or(speed < 100.0, |growth| growth > 1.5);
    let mark = if bad { "  <--" } else { "" };
    let growth = growth.map_or(String::new(), |growth| format!("{growth:.2}"));
    println!("{speed:>8.0} {growth:>8}  {content}{mark}");
}

/// MB per CPU-second over so many bytes of the piece, repeated; the
/// best of some runs.
fn speed(engine: &Engine, piece: &[u8], size: usize) -> f64 {
    let content: Vec<u8> = piece.iter().copied().cycle().take(size).collect();
    let mut scanner = engine.scanner();
    let least = (0..RUNS)
        .map(|_| {
            let before = cpu_time();
            scanner.scan(&content, &mut |_| {});
            cpu_time() - before
        })
        .min()
        .unwrap_or_default();
    content.len() as f64 / least.as_secs_f64() / 1e6
}

fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
