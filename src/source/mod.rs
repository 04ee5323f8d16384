//! Where bytes come from: `Snapshot::open(path)` and, for a mounted directory,
//! the walk over its files and the reading of their content.
//!
//! Role: opening things safely and giving out bytes, in pieces of bounded size,
//! with what is known about them; every byte that is not given out has a
//! [`crate::finding::Reason`]. Not for: what the bytes mean (see `scan`), nor
//! threads, results and records (see `pipeline`).

mod buffer;
pub mod bytes;
pub mod content;
pub mod directory;
pub mod disk;
mod exclude;
pub mod filesystem;
pub mod image;
mod inner_disk;
mod machine_disks;
mod snapshot;
mod stat;
pub mod store;
pub mod test_content;
mod tree;
pub mod unpack;
pub mod volume;
pub mod worth;

pub use buffer::ReadBuffer;
pub(crate) use buffer::{MAX_CARRY, WINDOW};
pub use exclude::{Exclude, ExcludeError};
pub use inner_disk::may_be_disk;
pub use machine_disks::{DiskVolume, MachineDisks, VolumeContent};
pub use snapshot::{OpenError, Snapshot, SnapshotKind};
pub use stat::{FileStat, UnixTime};
pub use tree::{FileBytes, Tree, TreeFile};
