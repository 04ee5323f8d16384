//! The figures, as `--format json` writes them; docs/benchmarks.md explains them.

use serde::Serialize;

#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) schema: &'static str,
    pub(super) version: &'static str,
    pub(super) machine: Machine,
    pub(super) targets: Vec<String>,
    pub(super) kernel: &'static str,
    pub(super) rules: usize,
    pub(super) literals: usize,
    pub(super) windows: usize,
    pub(super) expected_candidate_share: f64,
    pub(super) rules_load_seconds: f64,
    pub(super) directories: u64,
    pub(super) files: u64,
    pub(super) bytes: u64,
    pub(super) complete: bool,
    pub(super) runs: u32,
    pub(super) rows: Vec<Row>,
    pub(super) profile: Option<Profile>,
}

#[derive(Debug, Serialize)]
pub(super) struct Machine {
    pub(super) cores: usize,
    pub(super) processor: Option<String>,
    pub(super) memory_bytes: Option<u64>,
    pub(super) system: String,
}

/// What the page cache held before each run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Cache {
    /// What the run before left.
    Warm,
    /// Nothing of the files, by `posix_fadvise`.
    ColdAdvised,
    /// Nothing at all, by `drop_caches`.
    ColdDropped,
}

/// All runs with one number of threads.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) cache: Cache,
    pub(super) threads: usize,
    pub(super) wall_seconds: Spread,
    pub(super) cpu_seconds: Spread,
    pub(super) gigabytes_per_second: f64,
    pub(super) gigabytes_per_cpu_second: f64,
    pub(super) files_per_second: f64,
    pub(super) bytes_from_disk: Option<u64>,
    pub(super) peak_memory_bytes: Option<u64>,
    /// Whether every run scanned the same numbers of files and bytes: where not,
    /// the target changed and the figures are void.
    pub(super) same_input: bool,
    pub(super) samples: Vec<Sample>,
}

#[derive(Debug, Serialize)]
pub(super) struct Sample {
    pub(super) wall_seconds: f64,
    pub(super) cpu_seconds: f64,
    pub(super) bytes_from_disk: Option<u64>,
    pub(super) peak_memory_bytes: Option<u64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(super) struct Spread {
    pub(super) min: f64,
    pub(super) median: f64,
    pub(super) max: f64,
}

#[derive(Debug, Serialize)]
pub(super) struct Profile {
    pub(super) threads: usize,
    /// Runs of each stage; the least processor time of them counts.
    pub(super) runs: u32,
    pub(super) stages: Vec<StageCost>,
    pub(super) bytes: u64,
    pub(super) candidates: u64,
    pub(super) literals: u64,
    pub(super) false_candidates_per_byte: f64,
    pub(super) rules: Vec<RuleCost>,
}

#[derive(Debug, Serialize)]
pub(super) struct StageCost {
    pub(super) name: &'static str,
    pub(super) cpu_seconds: f64,
    /// Of the processor time of a whole run.
    pub(super) share: f64,
}

#[derive(Debug, Serialize)]
pub(super) struct RuleCost {
    pub(super) id: String,
    pub(super) literals: u64,
    pub(super) matched: u64,
    pub(super) verified: u64,
    pub(super) seconds: f64,
}

impl Row {
    pub(super) fn new(cache: Cache, threads: usize) -> Self {
        Self {
            cache,
            threads,
            wall_seconds: Spread::default(),
            cpu_seconds: Spread::default(),
            gigabytes_per_second: 0.0,
            gigabytes_per_cpu_second: 0.0,
            files_per_second: 0.0,
            bytes_from_disk: None,
            peak_memory_bytes: None,
            same_input: true,
            samples: Vec::new(),
        }
    }

    /// Fills everything else from the samples; rates are those of the median.
    pub(super) fn sum_up(&mut self, files: u64, bytes: u64) {
        self.wall_seconds = Spread::of(self.samples.iter().map(|sample| sample.wall_seconds));
        self.cpu_seconds = Spread::of(self.samples.iter().map(|sample| sample.cpu_seconds));
        self.gigabytes_per_second = rate(bytes, self.wall_seconds.median) / 1e9;
        self.gigabytes_per_cpu_second = rate(bytes, self.cpu_seconds.median) / 1e9;
        self.files_per_second = rate(files, self.wall_seconds.median);
        self.bytes_from_disk = self.samples.iter().filter_map(|sample| sample.bytes_from_disk).max();
        self.peak_memory_bytes = self.samples.iter().filter_map(|sample| sample.peak_memory_bytes).max();
    }
}

impl Spread {
    pub(super) fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.collect();
        values.sort_by(f64::total_cmp);
        let at = |index: usize| values.get(index).copied().unwrap_or_default();
        let (middle, below) = (values.len() / 2, values.len().saturating_sub(1) / 2);
        Self {
            min: at(0),
            median: f64::midpoint(at(middle), at(below)),
            max: at(values.len().saturating_sub(1)),
        }
    }
}

impl StageCost {
    /// `cpu_seconds` is a difference of two measurements: below zero it is noise.
    pub(super) fn new(name: &'static str, cpu_seconds: f64, whole: f64) -> Self {
        let cpu_seconds = cpu_seconds.max(0.0);
        Self { name, cpu_seconds, share: if whole > 0.0 { cpu_seconds / whole } else { 0.0 } }
    }
}

#[expect(clippy::cast_precision_loss, reason = "rates need no more than 53 bits")]
fn rate(number: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { number as f64 / seconds } else { 0.0 }
}

/// A share; 0 of nothing.
#[expect(clippy::cast_precision_loss, reason = "shares need no more than 53 bits")]
pub(super) fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spreads() {
        let spread = Spread::of([3.0, 1.0, 2.0].into_iter());
        assert_eq!(spread, Spread { min: 1.0, median: 2.0, max: 3.0 });
        let spread = Spread::of([4.0, 1.0, 2.0, 3.0].into_iter());
        assert_eq!(spread, Spread { min: 1.0, median: 2.5, max: 4.0 });
        assert_eq!(Spread::of(std::iter::empty()), Spread::default());
    }

    #[test]
    fn rates_are_those_of_the_median() {
        let mut row = Row::new(Cache::Warm, 2);
        for (wall, memory) in [(4.0, 10), (2.0, 30), (1.0, 20)] {
            row.samples.push(Sample {
                wall_seconds: wall,
                cpu_seconds: 2.0 * wall,
                bytes_from_disk: None,
                peak_memory_bytes: Some(memory),
            });
        }
        row.sum_up(100, 8_000_000_000);
        assert_eq!((row.gigabytes_per_second, row.gigabytes_per_cpu_second), (4.0, 2.0));
        assert_eq!((row.files_per_second, row.peak_memory_bytes), (50.0, Some(30)));
    }
}
