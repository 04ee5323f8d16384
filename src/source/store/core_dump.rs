//! Core dumps: the environment of the process, as settings that stand together. See
//! `formats::elf_core`. What else is in its memory the search of the bytes sees.

use std::ops::Range;

use super::blocks::Blocks;
use super::{Field, Record, Source, Store, Visitor};
use crate::finding::{ProvenanceStep, Reason};
use crate::formats::elf_core::{Process, is_core, read, stack_of};

pub(super) struct CoreDump;

impl Store for CoreDump {
    fn name(&self) -> &'static str {
        "core dump"
    }

    fn detect(&self, start: &[u8]) -> bool {
        is_core(start)
    }

    fn parts(&self, start: &[u8]) -> Option<Vec<Range<u64>>> {
        Some(stack_of(&mut &*start).ok()?.into_iter().collect())
    }

    fn read(&self, source: &Source<'_>, visitor: &mut dyn Visitor) {
        match read(&mut Blocks::new(source.file), source.size) {
            Ok(process) => tell(&process, visitor),
            Err(error) => visitor.problem(Reason::Corrupt, None, error.to_string()),
        }
    }
}

/// Gives an environment, one variable a line.
pub(super) fn tell(process: &Process, visitor: &mut dyn Visitor) {
    let mut text = Vec::new();
    let mut fields = Vec::new();
    let mut names: Vec<&[u8]> = Vec::new();
    for range in &process.variables {
        let variable = process.stack.get(range.clone()).unwrap_or_default();
        let before = variable.iter().position(|byte| *byte == b'=').map_or(0, |at| at.saturating_add(1));
        let begin = text.len();
        text.extend_from_slice(variable);
        let value = begin.saturating_add(before)..text.len();
        text.push(b'\n');
        let place = |index: usize| process.at.saturating_add(u64::try_from(index).unwrap_or(u64::MAX));
        let stored = place(range.start.saturating_add(before))..place(range.end);
        fields.push(Field { number: names.len(), value, stored: vec![stored] });
        names.push(variable.get(..before.saturating_sub(1)).unwrap_or_default());
    }
    if fields.is_empty() {
        return;
    }
    let process = String::from_utf8_lossy(&process.name);
    let name = |field: &Field| {
        let name = String::from_utf8_lossy(names.get(field.number).copied().unwrap_or_default());
        format!("{process} environ {name}")
    };
    let kind = ProvenanceStep::ENVIRON;
    visitor.record(&Record { kind, text: &text, fields: &fields, is_told: false, name: &name });
}
