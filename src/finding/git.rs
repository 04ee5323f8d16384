//! What a repository of git says of an object with a finding.

use serde::{Deserialize, Serialize};

use super::Timestamp;

/// What the history of a repository says of the object that has the secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GitFacts {
    /// The object's id.
    pub object: String,
    /// The repository: its `.git` directory, or the bare one.
    pub repository: String,
    /// What leads to it.
    pub reachable: GitReach,
    /// How many commits of those that were walked have it.
    pub commits: u64,
    /// The oldest of them, by its author's date; where the secret is in a commit's own text, that one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest: Option<GitCommit>,
    /// Whether what is checked out (`HEAD`) still has it; absent where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_head: Option<bool>,
    /// The walk ended before its time, at a limit or at objects that cannot be read: there may
    /// be more and older commits.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub incomplete: bool,
}

/// A commit. All of it is what its author's machine said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GitCommit {
    /// Its id.
    pub id: String,
    /// The author's name; bytes that are not UTF-8 as `\xNN`.
    pub author: String,
    /// The author's address.
    pub email: String,
    /// When it was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authored_at: Option<Timestamp>,
    /// The path of the object in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

/// What leads to an object, the most public first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum GitReach {
    /// A branch, a tag, another reference, or `HEAD`.
    Ref,
    /// A stash only.
    Stash,
    /// A reflog only.
    Reflog,
    /// Nothing: it is there until git removes it.
    Unreachable,
    /// The walk did not end, so that this is not known.
    Unknown,
}
