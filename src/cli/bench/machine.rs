//! What the figures depend on, and what only the system knows: caches, memory.

use std::fs;

use super::report::Machine;

/// How many threads run at once.
pub(super) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

pub(super) fn facts() -> Machine {
    let field = |path: &str, name: &str| {
        let text = fs::read_to_string(path).ok()?;
        let line = text.lines().find(|line| line.starts_with(name))?.to_owned();
        line.split_once(':').map(|(_, value)| value.trim().to_owned())
    };
    Machine {
        cores: cores(),
        processor: field("/proc/cpuinfo", "model name"),
        memory_bytes: field("/proc/meminfo", "MemTotal").as_deref().and_then(kilobytes),
        system: fs::read_to_string("/proc/sys/kernel/osrelease")
            .map_or_else(|_| std::env::consts::OS.to_owned(), |release| format!("Linux {}", release.trim())),
    }
}

/// Lets the peak begin again from what is resident now.
pub(super) fn reset_peak_memory() {
    // Where this is not allowed, the peak is that of the whole process.
    let _ = fs::write("/proc/self/clear_refs", "5");
}

/// The most memory that was resident at once (`VmHWM`).
pub(super) fn peak_memory() -> Option<u64> {
    status_field(&fs::read_to_string("/proc/self/status").ok()?, "VmHWM")
}

fn status_field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    kilobytes(line)
}

fn kilobytes(text: &str) -> Option<u64> {
    text.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// Bytes that this process has made the system fetch from a disk.
pub(super) fn bytes_from_disk() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/io").ok()?;
    text.lines().find_map(|line| line.strip_prefix("read_bytes:")?.trim().parse().ok())
}

/// Drops every clean page, directory entry and inode that the system holds.
pub(super) fn drop_caches() -> std::io::Result<()> {
    fs::write("/proc/sys/vm/drop_caches", "3")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_read_from_the_status_file() {
        let status = "Name:\tsnapsift\nVmPeak:\t  999 kB\nVmHWM:\t   12345 kB\n";
        assert_eq!(status_field(status, "VmHWM"), Some(12_345 * 1024));
        assert_eq!(status_field(status, "VmSwap"), None);
    }
}
