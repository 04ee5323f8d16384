//! The progress line: on standard error, only where that is a terminal, and gone
//! before anything else is printed. It shows numbers only, so that no name on a
//! disk can reach the terminal through it.

use std::collections::VecDeque;
use std::io::IsTerminal as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use snapsift::pipeline::Progress;

const TICK: Duration = Duration::from_millis(100);
/// The rate is that of the last so many ticks.
const RATE_TICKS: usize = 20;

/// A progress line that is being drawn, or none.
#[derive(Debug, Default)]
pub(super) struct ProgressLine {
    drawing: Option<Drawing>,
}

#[derive(Debug)]
struct Drawing {
    bar: ProgressBar,
    done: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl ProgressLine {
    /// Starts to draw unless `quiet` or standard error is no terminal that can
    /// move its cursor. `stop` is set when the user has asked to stop.
    pub(super) fn start(progress: Arc<Progress>, stop: Arc<AtomicBool>, quiet: bool) -> Self {
        if quiet || !can_draw() {
            return Self::default();
        }
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
        let done = Arc::new(AtomicBool::new(false));
        let (bar_of_thread, done_of_thread) = (bar.clone(), Arc::clone(&done));
        let thread = std::thread::Builder::new()
            .name("progress".into())
            .spawn(move || draw(&bar_of_thread, &progress, &stop, &done_of_thread));
        // Without a thread for it there is no progress line, and still a scan.
        Self { drawing: thread.ok().map(|thread| Drawing { bar, done, thread }) }
    }

    /// Whether a line is being drawn.
    pub(super) fn is_drawn(&self) -> bool {
        self.drawing.is_some()
    }

    /// Takes the line off the terminal for good.
    pub(super) fn clear(&mut self) {
        if let Some(drawing) = self.drawing.take() {
            drawing.done.store(true, Ordering::Relaxed);
            drawing.thread.thread().unpark();
            // It has nothing to say if it failed.
            let _ = drawing.thread.join();
            drawing.bar.finish_and_clear();
        }
    }
}

impl Drop for ProgressLine {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Whether standard error is a terminal that can move its cursor.
fn can_draw() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term != "dumb") && std::io::stderr().is_terminal()
}

/// How many steps of a work are done, in a line that is gone when it is dropped.
#[derive(Debug)]
pub(super) struct StepsLine {
    bar: ProgressBar,
}

impl StepsLine {
    /// Nothing is drawn where `quiet` or where standard error is no terminal for it.
    pub(super) fn start(what: &'static str, quiet: bool) -> Self {
        let target =
            if quiet || !can_draw() { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(Some(0), target);
        if let Ok(style) = ProgressStyle::with_template("{percent:>3}% {wide_bar} {msg}") {
            bar.set_style(style.progress_chars("━╸ "));
        }
        bar.set_message(what);
        Self { bar }
    }

    /// Draws how far the work is.
    pub(super) fn show(&self, done: usize, total: usize) {
        self.bar.set_length(u64::try_from(total).unwrap_or(u64::MAX));
        self.bar.set_position(u64::try_from(done).unwrap_or(u64::MAX));
    }
}

impl Drop for StepsLine {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn draw(bar: &ProgressBar, progress: &Progress, stop: &AtomicBool, done: &AtomicBool) {
    let total = progress.bytes_in_use().filter(|total| *total > 0);
    let template = if total.is_some() { "{percent:>3}% {wide_bar} {msg}" } else { "{msg}" };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("━╸ "));
    }
    bar.set_length(total.unwrap_or(0));
    let mut seen: VecDeque<(Instant, u64)> = VecDeque::with_capacity(RATE_TICKS + 1);
    while !done.load(Ordering::Relaxed) {
        let (now, bytes) = (Instant::now(), progress.bytes());
        seen.push_back((now, bytes));
        if seen.len() > RATE_TICKS {
            seen.pop_front();
        }
        let rate =
            seen.front().map_or(0.0, |(then, before)| rate(bytes.saturating_sub(*before), now - *then));
        bar.set_position(bytes.min(total.unwrap_or(u64::MAX)));
        let stopping = stop.load(Ordering::Relaxed);
        bar.set_message(line(progress.files(), bytes, rate, progress.findings(), stopping));
        std::thread::park_timeout(TICK);
    }
}

/// Bytes a second.
fn rate(bytes: u64, time: Duration) -> f64 {
    if time < TICK {
        return 0.0;
    }
    #[expect(clippy::cast_precision_loss, reason = "two digits are shown")]
    let bytes = bytes as f64;
    bytes / time.as_secs_f64()
}

fn line(files: u64, bytes: u64, rate: f64, findings: u64, stopping: bool) -> String {
    let plural = |number: u64| if number == 1 { "" } else { "s" };
    #[expect(clippy::cast_precision_loss, reason = "two digits are shown")]
    let gigabytes = bytes as f64 / 1e9;
    let text = format!(
        "{files} file{}  {gigabytes:.1} GB  {:.2} GB/s  {findings} finding{}",
        plural(files),
        rate / 1e9,
        plural(findings)
    );
    if stopping { format!("{text}  stopping (again to end at once)") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_has_numbers_only() {
        assert_eq!(line(1, 2_150_000_000, 3.456e9, 0, false), "1 file  2.1 GB  3.46 GB/s  0 findings");
        assert_eq!(
            line(2, 0, 0.0, 1, true),
            "2 files  0.0 GB  0.00 GB/s  1 finding  stopping (again to end at once)"
        );
    }

    #[test]
    fn a_rate_needs_time() {
        assert!(rate(1_000, Duration::ZERO).abs() < f64::EPSILON);
        assert!((rate(1_000, Duration::from_secs(2)) - 500.0).abs() < f64::EPSILON);
    }
}
