//! The ways inside of a file as the records have them.

use super::InsideStep;
use crate::finding::{MemberFacts, ProvenanceStep, Timestamp};
use crate::source::unpack::{Member, Step};

/// What compressed files are called by their endings, and their contents.
const ENDINGS: [(&str, &str); 12] = [
    (".tgz", ".tar"),
    (".tbz2", ".tar"),
    (".tbz", ".tar"),
    (".txz", ".tar"),
    (".tzst", ".tar"),
    (".gz", ""),
    (".bz2", ""),
    (".xz", ""),
    (".lzma", ""),
    (".zst", ""),
    (".lz4", ""),
    (".z", ""),
];

/// Steps with their names, as far as there are any.
pub(super) fn named(steps: &[Step]) -> Vec<InsideStep> {
    let step = |step: &Step| match step {
        Step::Member(member) if member.object.is_some() => {
            (ProvenanceStep::GIT_OBJECT, Some(text(&member.name)))
        }
        Step::Member(member) => (ProvenanceStep::MEMBER, Some(text(&member.name))),
        Step::Stream(name) => (ProvenanceStep::STREAM, name.as_deref().map(text)),
    };
    steps.iter().map(step).collect()
}

/// What the innermost archive on a way says of its member.
pub(super) fn innermost(steps: &[Step]) -> Option<MemberFacts> {
    steps.iter().rev().find_map(|step| match step {
        Step::Member(member) => Some(facts(member)),
        Step::Stream(_) => None,
    })
}

/// The way as the records have it: what has no name is called after what it is in.
pub(in crate::pipeline) fn named_steps(path: &[u8], steps: &[InsideStep]) -> Vec<ProvenanceStep> {
    let mut parent = text(path.rsplit(|byte| *byte == b'/').next().unwrap_or_default());
    let named = |(kind, name): &InsideStep| {
        let name = name.clone().unwrap_or_else(|| unpacked_name(&parent));
        parent = name.rsplit('/').next().unwrap_or_default().to_owned();
        ProvenanceStep { kind: (*kind).to_owned(), name }
    };
    steps.iter().map(named).collect()
}

/// A path and the way inside of it, for people.
pub(in crate::pipeline::worker) fn text_of(path: &[u8], steps: &[InsideStep]) -> String {
    let names = named_steps(path, steps).into_iter().map(|step| step.name);
    std::iter::once(text(path)).chain(names).collect::<Vec<String>>().join(" → ")
}

/// What the content of a compressed file is called that does not say it.
fn unpacked_name(name: &str) -> String {
    for (ending, without) in ENDINGS {
        let cut = name.len().saturating_sub(ending.len());
        if cut > 0 && name.get(cut..).is_some_and(|end| end.eq_ignore_ascii_case(ending)) {
            return name.get(..cut).unwrap_or_default().to_owned() + without;
        }
    }
    name.to_owned()
}

/// A name as text; bytes that are not UTF-8 as `\xNN`.
pub(super) fn text(name: &[u8]) -> String {
    let mut text = String::with_capacity(name.len());
    for chunk in name.utf8_chunks() {
        text.push_str(chunk.valid());
        chunk.invalid().iter().for_each(|byte| text.push_str(&format!("\\x{byte:02x}")));
    }
    text
}

fn facts(member: &Member) -> MemberFacts {
    let name = |name: &Option<Vec<u8>>| name.as_deref().map(text);
    MemberFacts {
        size: member.size,
        mode: member.mode.map(|mode| format!("{mode:04o}")),
        uid: member.uid,
        gid: member.gid,
        owner: name(&member.owner),
        group: name(&member.group),
        mtime: member.mtime.and_then(|(seconds, nanoseconds)| Timestamp::from_unix(seconds, nanoseconds)),
    }
}
