//! Where the output goes. A file gets its name only when all is in it, so that
//! what is there under that name is never a part.

use std::fs::{self, File, OpenOptions};
use std::io::{self, IsTerminal as _, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use snapsift::output::escape;

/// An open output.
#[derive(Debug)]
pub(super) enum Destination {
    /// Standard output.
    Stdout(io::Stdout),
    /// A device or a pipe that has no name to give: written as it comes.
    Device(File),
    /// A file, under a temporary name beside its own until [`Destination::finish`].
    File(Pending),
}

/// A file that is being written. Dropped unfinished, it is removed.
#[derive(Debug)]
pub(super) struct Pending {
    file: File,
    temporary: PathBuf,
    name: PathBuf,
    finished: bool,
}

impl Destination {
    /// Opens `path`; `-` or none is standard output.
    pub(super) fn open(path: Option<&Path>) -> anyhow::Result<Self> {
        let Some(path) = path.filter(|path| *path != Path::new("-")) else {
            return Ok(Self::Stdout(io::stdout()));
        };
        let shown = show(path);
        // A link stays a link: what it points to is replaced.
        let name = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        match fs::metadata(&name) {
            Ok(there) if there.is_dir() => bail!("cannot write to {shown}: it is a directory"),
            Ok(there) if !there.is_file() => {
                let file = OpenOptions::new().write(true).open(&name);
                return Ok(Self::Device(file.with_context(|| format!("cannot write to {shown}"))?));
            }
            Err(_) if fs::symlink_metadata(&name).is_ok_and(|there| there.is_symlink()) => {
                bail!("cannot write to {shown}: it is a link that leads nowhere")
            }
            _ => {}
        }
        let mut temporary = name.clone().into_os_string();
        temporary.push(format!(".{}.partial", std::process::id()));
        let temporary = PathBuf::from(temporary);
        let mut options = OpenOptions::new();
        // Where secrets are is nobody else's business.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options
            .write(true)
            .create_new(true)
            .open(&temporary)
            .with_context(|| format!("cannot create {} to write {shown}", show(&temporary)))?;
        Ok(Self::File(Pending { file, temporary, name, finished: false }))
    }

    /// Whether a person is watching this output.
    pub(super) fn is_terminal(&self) -> bool {
        match self {
            Self::Stdout(stdout) => stdout.is_terminal(),
            Self::Device(file) => file.is_terminal(),
            Self::File(_) => false,
        }
    }

    /// Whether this is standard output.
    pub(super) fn is_stdout(&self) -> bool {
        matches!(self, Self::Stdout(_))
    }

    /// Everything is written: a file gets its name.
    pub(super) fn finish(self) -> anyhow::Result<()> {
        let Self::File(mut pending) = self else { return Ok(()) };
        pending
            .file
            .sync_all()
            .and_then(|()| fs::rename(&pending.temporary, &pending.name))
            .with_context(|| format!("cannot finish {}", show(&pending.name)))?;
        pending.finished = true;
        Ok(())
    }
}

impl Write for Destination {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stdout(stdout) => stdout.write(bytes),
            Self::Device(file) => file.write(bytes),
            Self::File(pending) => pending.file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(stdout) => stdout.flush(),
            Self::Device(file) => file.flush(),
            Self::File(pending) => pending.file.flush(),
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if !self.finished {
            // Its name says that it is a part, should it stay.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

fn show(path: &Path) -> String {
    escape::bytes_of_path(path.as_os_str().as_encoded_bytes())
}
