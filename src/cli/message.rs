//! Messages on standard error: `snapsift: …`.

use std::io::Write as _;

use snapsift::output::escape;

/// An error. Names in it may come from a disk, so it is escaped here, line by
/// line, once for all messages.
pub(super) fn error(text: &str) {
    for line in text.lines() {
        rendered(&format!("snapsift: {}\n", escape::visible(line)));
    }
}

/// An error of the library with its causes, on one line.
pub(super) fn chain(error: &dyn std::error::Error) {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    self::error(&text);
}

/// A note that `--quiet` leaves out.
pub(super) fn note(text: &str, quiet: bool) {
    if !quiet {
        error(text);
    }
}

/// Text that was made for a terminal already: diagnostics with their own colours
/// and escapes. A standard error that is closed or full is nothing to fail for.
pub(super) fn rendered(text: &str) {
    let _ = anstream::stderr().lock().write_all(text.as_bytes());
}
