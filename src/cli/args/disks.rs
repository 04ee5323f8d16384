//! The flags of `ls` and `cat`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// List the images, volumes, filesystems and files of a disk, without mounting it
///
/// Shows what `snapsift scan` would see. Several TARGETs are the disks of one machine:
/// volume groups and arrays may span them.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  snapsift ls disk.qcow2
  snapsift ls --volumes disk0.vhdx disk1.vhdx
  snapsift ls --deleted --hash blake3 --format jsonl disk.img > files.jsonl

Exit codes:
  0  All was read.
  2  Wrong usage, or a fatal error.
  3  Something could not be read; it is listed as a problem.")]
pub(in crate::cli) struct LsArgs {
    /// A disk image or block device
    #[arg(required = true, value_name = "TARGET")]
    pub(in crate::cli) targets: Vec<PathBuf>,
    /// How to write the list
    #[arg(long, short, value_enum, default_value_t = ListFormat::Text, value_name = "FORMAT")]
    pub(in crate::cli) format: ListFormat,
    /// Write to FILE instead of standard output
    #[arg(long, short, value_name = "FILE")]
    pub(in crate::cli) output: Option<PathBuf>,
    /// Images and volumes only, no files
    #[arg(long)]
    pub(in crate::cli) volumes: bool,
    /// Deleted files too, as far as something is left of them
    #[arg(long)]
    pub(in crate::cli) deleted: bool,
    /// The hash of each file's content too
    #[arg(long, value_enum, value_name = "ALGORITHM")]
    pub(in crate::cli) hash: Option<HashAlgorithm>,
}

/// Write the bytes of one file on a disk image, without mounting it
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  snapsift cat disk.qcow2 /etc/passwd
  snapsift cat --volume 'partition 2' disk.qcow2 /etc/passwd")]
pub(in crate::cli) struct CatArgs {
    /// A disk image or block device
    #[arg(value_name = "TARGET")]
    pub(in crate::cli) target: PathBuf,
    /// The path of the file on its volume; links are not followed
    #[arg(value_name = "PATH")]
    pub(in crate::cli) path: PathBuf,
    /// The volume, by the name that `ls` shows
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) volume: Option<String>,
    /// A named stream of the file instead of its content (NTFS)
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) stream: Option<String>,
    /// Write to FILE instead of standard output
    #[arg(long, short, value_name = "FILE")]
    pub(in crate::cli) output: Option<PathBuf>,
}

/// An output format of `ls`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum ListFormat {
    /// For a person
    Text,
    /// For a program: one JSON object a line
    Jsonl,
}

/// A hash of contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum HashAlgorithm {
    /// BLAKE3, in hex
    Blake3,
}
