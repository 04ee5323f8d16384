//! Everything that can be asked of a filesystem, each within bounds: for damaged and
//! hostile ones, where it matters that there is an answer and that it is in order.

use std::collections::HashSet;
use std::ops::ControlFlow;

use rustix::fs::FileType;
use snapsift::source::filesystem::{Content, ContentReader, Filesystem, NodeId, PieceSource};

/// The most of each that is asked for.
const MAX_NODES: usize = 2000;
const MAX_NAMES: usize = 5000;
const MAX_READS: usize = 12;

/// What was met.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Met {
    /// Inodes that could be read.
    pub(crate) nodes: usize,
    /// Whatever was an error.
    pub(crate) errors: usize,
}

/// Asks for everything.
pub(crate) fn exercise(filesystem: &dyn Filesystem) -> Met {
    let mut met = Met::default();
    let mut seen: HashSet<NodeId> = HashSet::new();
    let mut waiting = vec![filesystem.root()];
    while let Some(id) = waiting.pop() {
        if seen.len() >= MAX_NODES || !seen.insert(id) {
            continue;
        }
        let Ok(stat) = filesystem.stat(id) else {
            met.errors += 1;
            continue;
        };
        met.nodes += 1;
        for time in [stat.atime, stat.mtime, stat.ctime, stat.btime].into_iter().flatten() {
            assert!(time.1 < 1_000_000_000);
        }
        let mut names = 0;
        let told = match stat.file_type {
            FileType::Directory => filesystem.list(id, &mut |entry| {
                assert!(!entry.name.is_empty() && !entry.name.contains(&b'/') && !entry.name.contains(&0));
                assert!(!matches!(entry.name, b"." | b".."));
                waiting.push(entry.id);
                names += 1;
                if names < MAX_NAMES { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            }),
            FileType::Symlink => filesystem.link_target(id).map(|_| ()),
            _ => filesystem.content(id).map(|content| met.errors += read(filesystem, &content)),
        };
        met.errors += usize::from(told.is_err());
        met.errors += usize::from(filesystem.streams(id).is_err());
    }
    let mut given = 0;
    let told = filesystem.deleted(&mut |file| {
        assert!(!file.path.is_empty());
        read(filesystem, &file.content);
        given += 1;
        if given < MAX_NODES { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    met.errors += usize::from(told.is_err());
    let (mut given, mut end) = (0, 0);
    let told = filesystem.free(&mut |disk, range| {
        assert!(range.start >= end || disk > 0, "free ranges are in order");
        assert!(range.start < range.end);
        end = range.end;
        given += 1;
        if given < MAX_NODES { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    met.errors += usize::from(told.is_err());
    for (problem, count) in filesystem.problems() {
        assert!(count > 0 && !problem.message.is_empty());
        met.errors += 1;
    }
    met
}

/// Reads some of a content; says how often that failed.
fn read(filesystem: &dyn Filesystem, content: &Content) -> usize {
    let mut end = 0;
    for piece in &content.pieces {
        assert!(piece.at >= end && piece.length > 0, "pieces are in order");
        assert!(piece.at < content.size, "a piece begins in the content");
        end = piece.at.saturating_add(piece.length);
    }
    let reader = ContentReader::new(filesystem, content);
    let mut errors = 0;
    let mut bytes = vec![0; 4096];
    let ends = content.pieces.iter().map(|piece| piece.at.saturating_add(piece.length).saturating_sub(1));
    let starts = content.pieces.iter().filter(|piece| piece.source != PieceSource::Unwritten).map(|p| p.at);
    for at in starts.take(MAX_READS).chain(ends.take(MAX_READS)).chain([0, content.size.saturating_sub(1)]) {
        match reader.read_at(&mut bytes, at) {
            Ok(read) => assert!(read <= bytes.len() && (read > 0 || at >= content.size)),
            Err(_) => errors += 1,
        }
    }
    errors
}
