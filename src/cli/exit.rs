//! The exit codes, as the help and the README document them.

use std::process::ExitCode;

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    /// All was done, whatever was found.
    Complete,
    /// `--fail-on` was given and something at or above it was found; or
    /// `rules check` found a fault in a rule. Wins over [`Exit::Incomplete`]:
    /// else one unreadable file, which anybody can plant, would turn a stop into
    /// what many a pipeline goes on after.
    Found,
    /// Usage or fatal error.
    Fatal,
    /// The scan finished, and something could not be read.
    Incomplete,
    /// Ended by this signal: 128 and its number, as shells have it.
    Signal(u8),
    /// Nobody reads the output any more: as if SIGPIPE (13) had ended it.
    BrokenPipe,
}

impl Exit {
    fn code(self) -> u8 {
        match self {
            Self::Complete => 0,
            Self::Found => 1,
            Self::Fatal => 2,
            Self::Incomplete => 3,
            Self::Signal(number) => 128_u8.saturating_add(number),
            Self::BrokenPipe => 128 + 13,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Whether the error is that the reader of our output went away (`| head`), which
/// is no reason for a message.
pub(super) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|cause| cause.kind() == std::io::ErrorKind::BrokenPipe)
}
