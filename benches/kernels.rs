//! The prefilter's kernels on real file content, beside `memmem` and aho-corasick.
//!
//! `cargo bench --bench kernels [-- DIR]` (default `/usr`): reads about 512 MiB of
//! the files there into memory, in the order of their paths, then runs every
//! kernel of this machine over it with the first 10, 30, 100, 300 and all literals
//! of `benches/literals.txt`, one thread. Prints GB per CPU-second (best and median of
//! 7 runs taken in turns) and the share of positions that were candidates. Each
//! kernel must find the same literals: a different count voids the run.
#![allow(clippy::print_stdout, clippy::expect_used, clippy::cast_sign_loss, clippy::cast_possible_truncation)]

use std::hint::black_box;
use std::io::Read;
use std::time::Duration;

use snapsift::rules::{Literal, Rule, RuleSet};
use snapsift::scan::{Engine, Kernel};

const WANTED: usize = 512 << 20;
const RUNS: usize = 7;

fn main() {
    let dir = std::env::args().skip(1).find(|arg| !arg.starts_with("--")).unwrap_or_else(|| "/usr".into());
    let content = content(&dir);
    println!("{} MiB of {dir}, GB per CPU-second: best, median of {RUNS}", content.len() >> 20);
    let all: Vec<&str> = include_str!("literals.txt").lines().collect();

    let finder = memchr::memmem::Finder::new("someword");
    let mut rows: Vec<(String, Box<dyn Fn() -> u64 + '_>)> =
        vec![("memmem, one word".into(), Box::new(|| finder.find_iter(&content).count() as u64))];
    for count in [10, 30, 100, 300, all.len()] {
        let literals: Vec<&str> = all.iter().copied().take(count).collect();
        for kernel in Kernel::ALL.into_iter().filter(|kernel| kernel.is_available()) {
            if kernel == Kernel::Portable && (count == 100 || count > 300) {
                continue;
            }
            let engine = Engine::with_kernel(&rules(&literals), kernel);
            let (_, windows, expected) = engine.prefilter_size();
            let share = engine.count_candidates(&content) as f64 / content.len() as f64;
            let name = format!("{}, {count} literals", kernel.name());
            println!("  {name}: {windows} windows, candidates {share:.5} (expected {expected:.5})");
            let content = &content;
            let prefilter = engine.clone();
            rows.push((format!("{name}, prefilter"), Box::new(move || prefilter.count_candidates(content))));
            rows.push((
                format!("{name}, with confirm"),
                Box::new(move || {
                    let mut scanner = engine.scanner();
                    scanner.scan(content, &mut |_| {});
                    scanner.stats().literals
                }),
            ));
        }
        if count == 30 || count == 300 {
            let automaton = aho_corasick::AhoCorasick::builder()
                .kind(Some(aho_corasick::AhoCorasickKind::DFA))
                .build(&literals)
                .expect("an automaton");
            let content = &content;
            rows.push((
                format!("aho-corasick DFA, {count} literals, overlapping"),
                Box::new(move || automaton.find_overlapping_iter(content).count() as u64),
            ));
        }
    }
    let mut times: Vec<Vec<f64>> = vec![Vec::new(); rows.len()];
    let mut counts: Vec<u64> = vec![0; rows.len()];
    for _ in 0..RUNS {
        for (index, (_, run)) in rows.iter().enumerate() {
            let before = cpu_time();
            counts[index] = black_box(run());
            times[index].push((cpu_time() - before).as_secs_f64());
        }
    }
    for ((name, _), (times, count)) in rows.iter().zip(times.iter_mut().zip(&counts)) {
        times.sort_by(f64::total_cmp);
        let speed = |seconds: f64| content.len() as f64 / seconds / 1e9;
        println!("{:7.2} {:7.2}  {name} ({count})", speed(times[0]), speed(times[RUNS / 2]));
    }
    check_counts(&rows.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), &counts);
}

/// All kernels must confirm the same literals.
fn check_counts(names: &[&str], counts: &[u64]) {
    let mut by_count = std::collections::BTreeMap::new();
    for (name, count) in names.iter().zip(counts).filter(|(name, _)| name.ends_with("with confirm")) {
        let literals = name.split(", ").nth(1).unwrap_or_default().to_owned();
        let known = by_count.entry(literals).or_insert(*count);
        assert_eq!(known, count, "{name} found another number of literals: this run is void");
    }
}

fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn content(dir: &str) -> Vec<u8> {
    let mut content = Vec::with_capacity(WANTED + (64 << 20));
    let walk =
        ignore::WalkBuilder::new(dir).standard_filters(false).sort_by_file_path(std::path::Path::cmp).build();
    for entry in walk.flatten().filter(|entry| entry.file_type().is_some_and(|kind| kind.is_file())) {
        if let Ok(file) = std::fs::File::open(entry.path()) {
            let _ = file.take(16 << 20).read_to_end(&mut content);
        }
        if content.len() >= WANTED {
            break;
        }
    }
    content
}

fn rules(literals: &[&str]) -> RuleSet {
    let rule = |(number, text): (usize, &&str)| {
        let literal = Literal { bytes: text.as_bytes().into(), fold: false, min_offset: 0, max_offset: 0 };
        // Never matches: what is measured ends before the regex.
        Rule::new(
            &format!("literal-{number}"),
            &format!("{}[^\\x00-\\xff]", regex::escape(text)),
            vec![literal],
        )
    };
    RuleSet::new(literals.iter().enumerate().map(rule).collect(), String::new())
}
