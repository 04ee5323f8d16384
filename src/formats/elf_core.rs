//! What the core dump of a process tells of it: its name, and the environment with which
//! it was started.
//!
//! Facts: "ELF-64 Object File Format" (program headers, notes); `struct elf_prpsinfo` of
//! Linux (`include/linux/elfcore.h`: at 40 of 136 bytes, or 28 of 124 and 32 of 128 with
//! words of 32 bits, the name in 16 bytes); the top of the stack as `create_elf_tables` of
//! `fs/binfmt_elf.c` lays it out: argc, pointers to the arguments, 0, pointers to the
//! variables, 0, the auxiliary vector, which a note repeats, and above it the strings, last
//! that at `AT_EXECFN`. What a process changed in its environment later is not there.

use std::ops::Range;

use super::sqlite::ReadPages;

/// Kinds of program headers and notes.
const LOAD: u32 = 1;
const NOTE: u32 = 4;
const PRPSINFO: u32 = 3;
const AUXV: u32 = 6;
/// The entry of the auxiliary vector that points to the name of the program.
const EXECFN: u64 = 31;
/// The most program headers; Linux allows 65,530 maps if nobody raises it.
const MAX_HEADERS: u64 = 1 << 20;
/// The most notes that are looked at: a thread has some five.
const MAX_NOTES: usize = 1 << 20;
/// The longest auxiliary vector.
const MAX_AUXV: u64 = 16 << 10;
/// How far below the name of the program its strings and pointers may begin: Linux allows
/// 6 MiB of strings.
const MAX_STACK: u64 = 10 << 20;
/// The most variables.
const MAX_VARIABLES: usize = 1 << 16;

/// What is wrong with a core dump.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CoreError {
    /// A header of the file that is not there, or not what it should be.
    #[error("a header of the core dump is damaged")]
    Header,
    /// The dump ends before what it tells of.
    #[error("the core dump is cut short")]
    Cut,
}

/// What is told of a process.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Process {
    /// Its name, at most 15 bytes.
    pub name: Vec<u8>,
    /// Its environment: the part of the stack with it, and where that lies in the file.
    pub stack: Vec<u8>,
    /// The offset of the first byte of it.
    pub at: u64,
    /// The variables in it, each as `NAME=value`.
    pub variables: Vec<Range<usize>>,
}

/// Whether a file that begins so is a core dump.
#[must_use]
pub fn is_core(start: &[u8]) -> bool {
    Form::of(start).is_some_and(|form| form.number(start, 16, 2) == Some(4))
}

/// The form of the numbers of a file.
#[derive(Clone, Copy, Debug)]
struct Form {
    is_wide: bool,
    is_big: bool,
}

impl Form {
    fn of(start: &[u8]) -> Option<Self> {
        let rest = start.strip_prefix(b"\x7fELF")?;
        let is_wide = match rest.first()? {
            1 => false,
            2 => true,
            _ => return None,
        };
        let is_big = match rest.get(1)? {
            1 => false,
            2 => true,
            _ => return None,
        };
        Some(Self { is_wide, is_big })
    }

    fn number(self, bytes: &[u8], at: usize, length: usize) -> Option<u64> {
        let bytes = bytes.get(at..)?.get(..length)?;
        let add = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        Some(if self.is_big { bytes.iter().fold(0, add) } else { bytes.iter().rev().fold(0, add) })
    }

    fn short(self, bytes: &[u8], at: usize) -> Option<u32> {
        u32::try_from(self.number(bytes, at, 4)?).ok()
    }

    /// A number of the size of an address, at one of two places.
    fn word(self, bytes: &[u8], wide: usize, narrow: usize) -> Option<u64> {
        self.number(bytes, if self.is_wide { wide } else { narrow }, self.word_size())
    }

    fn word_size(self) -> usize {
        if self.is_wide { 8 } else { 4 }
    }
}

/// A part of the file, and the address at which it was.
#[derive(Clone, Copy, Debug)]
struct Segment {
    kind: u32,
    offset: u64,
    address: u64,
    length: u64,
}

struct Reading<'r, R> {
    reader: &'r mut R,
    length: u64,
    form: Form,
    start: [u8; 64],
}

/// Reads what a core dump of `length` bytes tells. Where it has no environment that can be
/// found, it has no variables.
///
/// # Errors
///
/// What is damaged.
pub fn read(reader: &mut impl ReadPages, length: u64) -> Result<Process, CoreError> {
    let mut reading = Reading::begin(reader, length)?;
    let found = reading.find()?;
    let mut process = Process { name: found.name, ..Process::default() };
    let Some((at, address, size)) = found.stack else { return Ok(process) };
    let bytes = reading.bytes(at, size)?;
    process.variables = variables(reading.form, &bytes, address, &found.auxv);
    (process.stack, process.at) = (bytes, at);
    Ok(process)
}

/// Where the part of the stack lies in a core dump that [`read`] reads besides the headers
/// and notes.
///
/// # Errors
///
/// What is damaged.
pub fn stack_of(reader: &mut impl ReadPages) -> Result<Option<Range<u64>>, CoreError> {
    let stack = Reading::begin(reader, u64::MAX)?.find()?.stack;
    Ok(stack.map(|(at, _, size)| at..at.saturating_add(u64::try_from(size).unwrap_or(0))))
}

/// What headers and notes tell.
struct Headers {
    name: Vec<u8>,
    auxv: Vec<u8>,
    /// The part of the stack with the environment: its offset, address and length.
    stack: Option<(u64, u64, usize)>,
}

impl<'r, R: ReadPages> Reading<'r, R> {
    fn begin(reader: &'r mut R, length: u64) -> Result<Self, CoreError> {
        let mut start = [0; 64];
        // A header of 32 bits is shorter, but no core is.
        if !reader.read(0, &mut start) || !is_core(&start) {
            return Err(CoreError::Header);
        }
        let form = Form::of(&start).ok_or(CoreError::Header)?;
        Ok(Reading { reader, length, form, start })
    }

    fn find(&mut self) -> Result<Headers, CoreError> {
        let segments = self.segments()?;
        let mut headers = Headers { name: Vec::new(), auxv: Vec::new(), stack: None };
        for note in segments.iter().filter(|segment| segment.kind == NOTE) {
            self.notes(*note, &mut headers.name, &mut headers.auxv)?;
        }
        let Some(name) = entry(self.form, &headers.auxv, EXECFN) else { return Ok(headers) };
        let holds = |segment: &&Segment| {
            segment.kind == LOAD && name.checked_sub(segment.address).is_some_and(|at| at < segment.length)
        };
        let Some(stack) = segments.iter().find(holds) else { return Ok(headers) };
        let before = name.saturating_sub(stack.address);
        let skipped = before.saturating_sub(MAX_STACK);
        let (address, at) = (stack.address.saturating_add(skipped), stack.offset.saturating_add(skipped));
        let size = usize::try_from(before.saturating_sub(skipped)).map_err(|_| CoreError::Header)?;
        headers.stack = Some((at, address, size));
        Ok(headers)
    }
}

impl<R: ReadPages> Reading<'_, R> {
    fn bytes(&mut self, offset: u64, length: usize) -> Result<Vec<u8>, CoreError> {
        let end = u64::try_from(length).ok().and_then(|length| offset.checked_add(length));
        if end.is_none_or(|end| end > self.length) {
            return Err(CoreError::Cut);
        }
        let mut bytes = vec![0; length];
        if self.reader.read(offset, &mut bytes) { Ok(bytes) } else { Err(CoreError::Cut) }
    }

    fn segments(&mut self) -> Result<Vec<Segment>, CoreError> {
        let (form, start) = (self.form, &self.start.clone());
        let own = |at: usize, narrow: usize| {
            form.number(start, if form.is_wide { at } else { narrow }, 2).ok_or(CoreError::Header)
        };
        let table = form.word(start, 32, 28).ok_or(CoreError::Header)?;
        let (size, mut count) = (own(54, 42)?, own(56, 44)?);
        let least = if form.is_wide { 56 } else { 32 };
        if size < least {
            return Err(CoreError::Header);
        }
        if count == 0xffff {
            // So many that their number stands in the first section.
            let sections = form.word(start, 40, 32).ok_or(CoreError::Header)?;
            let place = if form.is_wide { 44 } else { 28 };
            let bytes = self.bytes(sections.checked_add(place).ok_or(CoreError::Header)?, 4)?;
            count = form.number(&bytes, 0, 4).ok_or(CoreError::Header)?;
        }
        let mut segments = Vec::new();
        let mut offset = table;
        for _ in 0..count.min(MAX_HEADERS) {
            let header = self.bytes(offset, usize::try_from(least).unwrap_or(56))?;
            let segment = || {
                Some(Segment {
                    kind: form.short(&header, 0)?,
                    offset: form.word(&header, 8, 4)?,
                    address: form.word(&header, 16, 8)?,
                    length: form.word(&header, 32, 16)?,
                })
            };
            segments.extend(segment().filter(|segment| matches!(segment.kind, LOAD | NOTE)));
            offset = offset.checked_add(size).ok_or(CoreError::Header)?;
        }
        Ok(segments)
    }

    /// Takes the name and the auxiliary vector from notes.
    fn notes(&mut self, notes: Segment, name: &mut Vec<u8>, auxv: &mut Vec<u8>) -> Result<(), CoreError> {
        let form = self.form;
        let end = notes.offset.checked_add(notes.length).ok_or(CoreError::Header)?;
        let mut at = notes.offset;
        for _ in 0..MAX_NOTES {
            if at.saturating_add(12) > end || !(name.is_empty() || auxv.is_empty()) {
                break;
            }
            let head = self.bytes(at, 12)?;
            let part = |place| form.number(&head, place, 4).ok_or(CoreError::Header);
            let (owner, length) = (part(0)?, part(4)?);
            let begin = at.saturating_add(12).saturating_add(owner.next_multiple_of(4));
            let is_own = owner == 5 && self.bytes(at.saturating_add(12), 5)? == *b"CORE\0";
            match form.short(&head, 8) {
                Some(PRPSINFO) if is_own && name.is_empty() => {
                    let place = match length {
                        136 => Some(40),
                        124 => Some(28),
                        128 => Some(32),
                        _ => None,
                    };
                    if let Some(place) = place {
                        let bytes = self.bytes(begin.saturating_add(place), 16)?;
                        *name = bytes.into_iter().take_while(|byte| *byte != 0).collect();
                    }
                }
                Some(AUXV) if is_own && auxv.is_empty() && length <= MAX_AUXV => {
                    *auxv = self.bytes(begin, usize::try_from(length).unwrap_or(0))?;
                }
                _ => {}
            }
            at = begin.saturating_add(length.next_multiple_of(4));
        }
        Ok(())
    }
}

/// The value of an entry of an auxiliary vector.
fn entry(form: Form, auxv: &[u8], wanted: u64) -> Option<u64> {
    let size = form.word_size();
    auxv.chunks_exact(size.saturating_mul(2)).find_map(|entry| {
        let kind = form.number(entry, 0, size)?;
        (kind == wanted).then(|| form.number(entry, size, size))?
    })
}

/// The variables in the part of a stack that begins at an address and ends before the name
/// of the program.
fn variables(form: Form, stack: &[u8], address: u64, auxv: &[u8]) -> Vec<Range<usize>> {
    let size = form.word_size();
    // The beginning tells enough; the vector of the note may be longer than that on the
    // stack.
    let start = auxv.get(..size.saturating_mul(8).min(auxv.len())).unwrap_or_default();
    let Some(vector) = memchr::memmem::rfind(stack, start).filter(|_| start.len() >= size.saturating_mul(4))
    else {
        return Vec::new();
    };
    let mut at = vector;
    let mut pointers = Vec::new();
    let mut back = || {
        at = at.checked_sub(size)?;
        form.number(stack, at, size)
    };
    if back() != Some(0) {
        return Vec::new();
    }
    while let Some(pointer) = back().filter(|pointer| *pointer != 0) {
        if pointers.len() >= MAX_VARIABLES {
            break;
        }
        pointers.push(pointer);
    }
    // Each string once, and none twice as long for a pointer into another.
    let mut variables: Vec<Range<usize>> = Vec::new();
    for pointer in pointers.into_iter().rev() {
        let begin = pointer.checked_sub(address).and_then(|begin| usize::try_from(begin).ok());
        let Some(rest) = begin.and_then(|begin| stack.get(begin..)) else { continue };
        let (Some(begin), Some(length)) = (begin, memchr::memchr(0, rest)) else { continue };
        if length > 0 && variables.last().is_none_or(|last| last.end <= begin) {
            variables.push(begin..begin.saturating_add(length));
        }
    }
    variables
}

#[cfg(test)]
mod tests;
