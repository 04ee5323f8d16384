//! What the process does so that no secret leaves it by accident.

use std::panic::PanicHookInfo;

/// A panic's own message may hold data from the disk. Only the place in our
/// source is printed, which is what a report needs.
pub(super) fn install_panic_hook() {
    std::panic::set_hook(Box::new(|info: &PanicHookInfo<'_>| {
        let place = info.location().map_or_else(
            || "an unknown place".to_owned(),
            |place| format!("{}:{}:{}", place.file(), place.line(), place.column()),
        );
        super::message::error(&format!(
            "internal error at {place} (version {}): this is a fault of snapsift, please report this line",
            env!("CARGO_PKG_VERSION")
        ));
    }));
}

/// Secrets pass through this process's memory: no core file and no debugger of
/// another process may read them.
pub(super) fn forbid_core_dumps() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        // Refused only where a sandbox forbids the call; the scan is not worth
        // less for it.
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    }
}
