//! Where something is: a file, and the way to what is inside of it.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::Encoding;

/// Where a finding stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Location {
    /// The path inside the snapshot, `/` first, invalid UTF-8 replaced.
    pub path: String,
    /// The exact bytes of the path in lower-case hex, only where it is not UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_hex: Option<String>,
    /// The line of the secret, from 1. Lines end at LF.
    pub line: u64,
    /// The column of the secret's first byte in its line, in bytes, from 1.
    pub column: u64,
    /// The offset of the secret's first byte in the innermost content, from 0.
    pub offset: u64,
    /// The encodings that were undone to see the secret, outermost first. Line,
    /// column and offset are those of the encoded text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub encodings: Vec<Encoding>,
    /// The way from the target to the innermost content, outermost first.
    pub provenance: Vec<ProvenanceStep>,
    /// Whether the content was deleted and recovered.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
}

/// One step of a provenance chain.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ProvenanceStep {
    /// `directory`, `file`, `image`, `partition`, `filesystem`, …; inside of a file:
    /// `member` of an archive or of a filesystem, `git_object`, `row` of a database
    /// (`table[row].column`), `registry_value` of a hive (`key\name`),
    /// `environ` of a core dump (`process environ NAME`), `journal_field` of a journal of systemd
    /// (`time unit NAME`), `entry` of a table of LevelDB or RocksDB (its key),
    /// `event` of a log of Windows (`time provider number NAME`), `stream` for content that was compressed, or `inner_disk` for
    /// the image of a disk, with the steps to its volume behind it.
    pub kind: String,
    /// What it is called there: of an object of git its id and, where it is known, `:` and
    /// its path in the oldest commit that has it. Of a member, bytes that are not UTF-8 are written `\xNN`.
    pub name: String,
}

impl ProvenanceStep {
    /// Whether it is a member of an archive, or an object of git.
    #[must_use]
    pub fn is_member(&self) -> bool {
        self.kind == Self::MEMBER || self.kind == Self::GIT_OBJECT
    }

    /// Whether it is a part of a record that a store keeps.
    #[must_use]
    pub fn is_in_store(&self) -> bool {
        [Self::ROW, Self::REGISTRY_VALUE, Self::ENVIRON, Self::JOURNAL_FIELD, Self::ENTRY, Self::EVENT]
            .contains(&self.kind.as_str())
    }

    /// Whether it is inside of a file. Of a disk that lies as a file on another, what is
    /// on it follows.
    #[must_use]
    pub fn is_inside(&self) -> bool {
        self.is_member()
            || self.is_in_store()
            || [Self::STREAM, Self::INNER_DISK].contains(&self.kind.as_str())
    }

    /// The part of a way that leads up to a file, and the part inside of it.
    #[must_use]
    pub fn split(way: &[Self]) -> (&[Self], &[Self]) {
        let inside = way.iter().position(Self::is_inside).unwrap_or(way.len());
        way.split_at_checked(inside).unwrap_or((way, &[]))
    }

    /// What the steps inside of a file are called when they are shown: members by their
    /// names, and of a disk `partition 1`, `ext4:/etc/app.env`.
    #[must_use]
    pub fn names_inside(way: &[Self]) -> Vec<String> {
        let (mut names, mut filesystem, mut on_disk) = (Vec::new(), String::new(), false);
        for step in Self::split(way).1 {
            match step.kind.as_str() {
                Self::STREAM => {}
                Self::INNER_DISK => on_disk = true,
                _ if step.is_member() || step.is_in_store() => {
                    names.push(std::mem::take(&mut filesystem) + &step.name);
                    on_disk = false;
                }
                "filesystem" => filesystem = format!("{}:", step.name),
                "partition" | "raid" | "lvm" | "volume" if on_disk => names.push(step.name.clone()),
                other => names.push(std::mem::take(&mut filesystem) + other),
            }
        }
        names.extend((!filesystem.is_empty()).then(|| filesystem.trim_end_matches(':').to_owned()));
        names
    }

    /// The kind of a member of an archive.
    pub const MEMBER: &str = "member";
    /// The kind of an object of git.
    pub const GIT_OBJECT: &str = "git_object";
    /// The kind of content that was compressed.
    pub const STREAM: &str = "stream";
    /// The kind of a disk's image that is a file on a disk.
    pub const INNER_DISK: &str = "inner_disk";
    /// The kind of a row of a database.
    pub const ROW: &str = "row";
    /// The kind of a value in a hive of the Windows registry.
    pub const REGISTRY_VALUE: &str = "registry_value";
    /// The kind of a variable in the environment of a process whose core dump it is.
    pub const ENVIRON: &str = "environ";
    /// The kind of a field in a journal of systemd.
    pub const JOURNAL_FIELD: &str = "journal_field";
    /// The kind of an entry in a table of LevelDB or RocksDB.
    pub const ENTRY: &str = "entry";
    /// The kind of a value of an event in a log of Windows.
    pub const EVENT: &str = "event";
}

impl Location {
    /// The path with the members of archives and rows of databases behind it:
    /// `/srv/layer.tar.gz → etc/app.env`.
    #[must_use]
    pub fn whole_path(&self) -> Cow<'_, str> {
        path_inside(&self.path, &self.provenance)
    }
}

/// A path with what is inside of that file behind it.
pub(crate) fn path_inside<'p>(path: &'p str, way: &[ProvenanceStep]) -> Cow<'p, str> {
    let mut path = Cow::Borrowed(path);
    for name in ProvenanceStep::names_inside(way) {
        path.to_mut().push_str(" → ");
        path.to_mut().push_str(&name);
    }
    path
}
