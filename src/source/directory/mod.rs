//! A mounted directory: the walk over it and the safe opening of what is in it.
//!
//! Everything is opened relative to a handle of its directory, one name at a
//! time, never through a symbolic link and never across a mount, so that nothing
//! outside the target can be reached, however the tree changes meanwhile; and
//! path length and depth do not matter. Nothing that is opened has its access
//! time changed where the system allows that.

mod node;
mod queue;
mod root;
mod walk;

pub use node::{DirNode, OpenDir};
pub use root::{Opened, Root};
pub use walk::{Visitor, WalkOptions, Walker, open_problem};
