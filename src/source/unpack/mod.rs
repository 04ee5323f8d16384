//! Inside of archives and compressed files: each a source of further contents, in any
//! nesting.
//!
//! Role: tells a format by the first bytes of a content, opens it, and gives each innermost
//! content to a [`Visitor`], with the way to it. Everything is a stream: nothing is
//! written to a disk, nothing is read twice, and memory does not depend on the size of
//! anything, but only on the depth. Not for: what is looked for in the contents.
//!
//! A format is one file here, behind the trait [`Format`].
//!
//! # Damage and limits
//!
//! What can be read of a damaged archive is given, the damage is told with the place
//! where it is, and what lies behind it in the same archive is given as a part of that
//! archive, or as further members where the format has marks by which they can be found
//! again. Work is counted in bytes that were unpacked, never in time: see [`Limits`].

mod ar;
mod bzip2;
mod closed;
mod compress;
mod cpio;
mod format;
pub mod git;
mod gzip;
mod held;
mod input;
mod lz4;
mod lzma;
mod readers;
mod rpm;
pub mod seven_zip;
mod tar;
mod tools;
mod xz;
mod zip;
mod zstd;

use std::io::Read;
use std::rc::Rc;

pub use format::{Archive, Damage, Entry, Format, Kind, Member, Opened, detect};
pub use input::Input;

pub use tools::{Effort, Limits, Stop};
pub use zip::start_of_appended;

use crate::finding::Reason;
use readers::{Content, Counted, Unpacking};
use tools::Tools;

/// How many zeros between two archives in one content are passed over: what tapes and
/// initramfs images are filled up with.
const FILLING: usize = 64 << 10;
/// How many bytes a format is told by.
const START: usize = 48 << 10;
/// Deeper is never gone, whatever is asked for.
pub const MAX_DEPTH: usize = 32;

/// One step of the way to a content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Compressed content, with its name where the format has one.
    Stream(Option<Vec<u8>>),
    /// A member of an archive.
    Member(Box<Member>),
}

/// Where a content is.
#[derive(Clone, Copy, Debug)]
pub struct Place<'p> {
    /// The way from the file.
    pub steps: &'p [Step],
    /// Where the content begins: other than 0 only for a part.
    pub base: u64,
    /// It is not a whole content, but a part of the last step's: with an archive's own
    /// text, or behind damage.
    pub is_part: bool,
}

/// What is told of the inside of a file.
pub trait Visitor {
    /// A content to be read, to its end. One that ends with an error was damaged from
    /// there on.
    fn content(&mut self, place: &Place<'_>, input: &mut Input<'_>);

    /// Whether the member at the end of the way is to be left out, and why.
    fn leaves_out(&mut self, place: &Place<'_>) -> Option<Reason>;

    /// Whether an object of git was scanned before, with nothing to tell of it.
    fn knows(&mut self, object: &git::ObjectId, size: u64) -> bool {
        let _ = (object, size);
        false
    }

    /// An object of git that was not known has been gone through.
    fn went_through(&mut self, object: &git::ObjectId) {
        let _ = object;
    }

    /// A member that is to be opened is at hand as a whole. `Some`: one with the same bytes
    /// was gone through before, and has been told again, within what may be taken; what that
    /// took. Else it is gone through, and [`Self::went_through_member`] follows.
    fn member_again(&mut self, place: &Place<'_>, bytes: &[u8], room: &Effort) -> Option<Effort> {
        let _ = (place, bytes, room);
        None
    }

    /// The member has been gone through. `took`: none where it would be told otherwise in
    /// another place.
    fn went_through_member(&mut self, place: &Place<'_>, took: Option<Effort>) {
        let _ = (place, took);
    }

    /// Something was opened.
    fn opened(&mut self);

    /// A member was left out; its size where that is known.
    fn left_out(&mut self, place: &Place<'_>, reason: Reason, size: u64);

    /// Something is wrong. `offset`: in the last step's content.
    fn problem(&mut self, place: &Place<'_>, reason: Reason, offset: Option<u64>, message: String);
}

/// Unpacks, for one thread.
#[derive(Debug)]
pub struct Unpacker {
    tools: Rc<Tools>,
    limits: Limits,
    /// How deep the last content went; none: deeper than is gone.
    deepest: std::cell::Cell<Option<usize>>,
}

impl Unpacker {
    /// Within limits.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { tools: Rc::new(Tools::new(&limits)), limits, deepest: std::cell::Cell::default() }
    }

    /// Whether anything is looked into.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.limits.depth > 0
    }

    /// Whether a content that begins so can be looked into.
    #[must_use]
    pub fn detects(&self, start: &[u8]) -> bool {
        self.limits.depth > 0 && detect(start).is_some()
    }

    /// Whether the last file was given up at a limit, or the scan was ended.
    #[must_use]
    pub fn was_stopped(&self) -> bool {
        self.tools.budget.stop().is_some()
    }

    /// Gives what is inside of a file to `visitor`. `stored`: how many bytes the
    /// filesystem stores for it. Returns how many bytes of the file were understood: what
    /// follows them is no archive.
    pub fn unpack(&self, file: Box<dyn Read + '_>, stored: u64, visitor: &mut dyn Visitor) -> u64 {
        self.begin(stored);
        let position = self.unpack_within(0, file, stored, visitor);
        self.tell_stop(visitor);
        position
    }

    /// The same of a file that is one of git's (see [`git::detect`]), of which any byte can
    /// be read again.
    pub fn unpack_git(
        &self,
        bytes: Box<dyn git::Bytes + '_>,
        (size, stored): (u64, u64),
        visitor: &mut dyn Visitor,
    ) -> u64 {
        self.begin(stored);
        let (depth, limit) = (self.depth(), self.depth());
        let mut walk =
            Walk { tools: &self.tools, depth, limit, steps: Vec::new(), deepest: Some(0), visitor };
        let (position, damage) = match git::Objects::open(bytes, size, &self.tools) {
            Ok(mut objects) => {
                walk.visitor.opened();
                let damage = walk.members(&mut objects, &std::cell::Cell::new(false));
                (objects.position(), damage)
            }
            Err(damage) => (0, Some(damage)),
        };
        if let Some(Damage { reason, message }) = damage.filter(|_| !walk.stopped()) {
            walk.damaged(reason, Some(position), &format!("git: {message}"));
        }
        self.tell_stop(visitor);
        position
    }

    /// The same of a 7z (see [`seven_zip::MAGIC`]), of which any byte can be read; of one that
    /// lies `levels` deep in a file whose account was begun.
    pub fn unpack_seven_zip(
        &self,
        levels: usize,
        bytes: &dyn git::Bytes,
        size: u64,
        visitor: &mut dyn Visitor,
    ) -> u64 {
        let (depth, limit) = (self.depth().saturating_sub(levels), self.depth());
        let mut walk =
            Walk { tools: &self.tools, depth, limit, steps: Vec::new(), deepest: Some(0), visitor };
        let result = match depth {
            0 => Err(walk.too_deep("7z")),
            _ => walk.seven_zip(bytes, size),
        };
        self.deepest.set(walk.deepest);
        let Err(Damage { reason, message }) = result else { return size };
        let place = Place { steps: &[], base: 0, is_part: true };
        walk.visitor.problem(&place, reason, None, format!("7z: {message}"));
        walk.visitor.left_out(&place, reason, 0);
        0
    }

    /// Tells why the file was not gone through to its end, where that is so.
    pub fn tell_stop(&self, visitor: &mut dyn Visitor) {
        if let Some(stop) = self.tools.budget.stop().filter(|stop| *stop != Stop::Interrupted) {
            let place = Place { steps: &[], base: 0, is_part: true };
            visitor.problem(&place, Reason::OverBudget, None, stop.message().to_owned());
        }
    }

    /// Begins the account of a file of which so many bytes are stored.
    pub fn begin(&self, stored: u64) {
        self.tools.budget.begin(stored, self.limits.file);
        self.tools.watch_memory();
    }

    /// What the file may take yet.
    #[must_use]
    pub fn room(&self) -> Effort {
        Effort { levels: self.depth(), memory: self.tools.memory(), ..self.tools.budget.room() }
    }

    /// What the file has taken. None: it was stopped, or goes deeper than is gone.
    #[must_use]
    pub fn took(&self) -> Option<Effort> {
        let levels = self.deepest.get()?;
        let memory = self.tools.memory().saturating_sub(self.tools.least_memory(u64::MAX));
        (!self.was_stopped()).then(|| Effort { levels, memory, ..self.tools.budget.spent() })
    }

    /// Counts bytes that something other than an archive gave beyond what is stored.
    /// Whether more may be read.
    pub fn may_read(&self, bytes: u64) -> bool {
        self.tools.budget.unpacked(usize::try_from(bytes).unwrap_or(usize::MAX));
        self.tools.budget.stop().is_none()
    }

    /// Why the file is not looked into further.
    #[must_use]
    pub fn stop(&self) -> Option<Stop> {
        self.tools.budget.stop()
    }

    /// How many levels are opened.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.limits.depth.min(MAX_DEPTH)
    }

    /// As [`Self::unpack`], of a content that lies `levels` deep in the file whose account
    /// was begun; its own first `free` bytes are not counted.
    pub fn unpack_within(
        &self,
        levels: usize,
        content: Box<dyn Read + '_>,
        free: u64,
        visitor: &mut dyn Visitor,
    ) -> u64 {
        let file = Box::new(Counted { reader: content, free, tools: Rc::clone(&self.tools) });
        let mut input = Input::new(file, &self.tools);
        let depth = self.depth().saturating_sub(levels);
        let limit = self.depth();
        let mut walk =
            Walk { tools: &self.tools, depth, limit, steps: Vec::new(), deepest: Some(0), visitor };
        walk.content(&mut input);
        self.deepest.set(walk.deepest);
        input.position()
    }
}

/// The way through the inside of one file.
struct Walk<'w> {
    tools: &'w Rc<Tools>,
    depth: usize,
    /// The same, counted from the file.
    limit: usize,
    steps: Vec<Step>,
    /// How deep something was opened; none: something lies deeper than is gone.
    deepest: Option<usize>,
    visitor: &'w mut dyn Visitor,
}

impl Walk<'_> {
    /// Goes through a content: archives that follow one another, then whatever is none.
    /// Of the file itself the latter is left to the caller.
    fn content(&mut self, input: &mut Input<'_>) {
        let is_file = self.steps.is_empty();
        loop {
            let base = input.position();
            if base > 0 {
                input.skip_zeros(FILLING);
            }
            match detect(input.peek(START)) {
                Some(format) if self.steps.len() < self.depth => self.open(format, input),
                Some(format) => {
                    let Damage { reason, message } = self.too_deep(format.name());
                    return self.closed(input, reason, message);
                }
                None if is_file => return,
                None => {
                    if base == 0 || !input.peek(1).is_empty() {
                        self.give(input, base > 0);
                    }
                    return;
                }
            }
            let took_none = input.position() == base;
            if self.stopped() || took_none || input.peek(1).is_empty() {
                // A format that took nothing does not open it: the file is searched as it is.
                return;
            }
        }
    }

    fn too_deep(&mut self, name: &str) -> Damage {
        self.deepest = None;
        let message = format!(
            "this {name} is nested deeper than --max-archive-depth {}: it is searched as it is stored",
            self.limit
        );
        Damage::new(Reason::OverBudget, message)
    }

    fn stopped(&self) -> bool {
        self.tools.budget.stop().is_some()
    }

    fn give(&mut self, input: &mut Input<'_>, is_part: bool) {
        let place = Place { steps: &self.steps, base: input.position(), is_part };
        self.visitor.content(&place, input);
    }

    /// Counts what is not opened, and gives it as it is.
    fn closed(&mut self, input: &mut Input<'_>, reason: Reason, message: String) {
        let place = Place { steps: &self.steps, base: 0, is_part: true };
        self.visitor.problem(&place, reason, None, message);
        if self.steps.is_empty() {
            return self.visitor.left_out(&place, reason, 0);
        }
        self.visitor.content(&place, input);
        let place = Place { steps: &self.steps, base: 0, is_part: true };
        self.visitor.left_out(&place, reason, input.position());
    }

    fn open(&mut self, format: &dyn Format, input: &mut Input<'_>) {
        let begin = input.position();
        let broken = input.broken();
        let level = self.steps.len() + 1;
        self.deepest = self.deepest.map(|deepest| deepest.max(level));
        let damage = match format.open(input, self.tools) {
            Ok(Opened::Stream(reader, name)) => {
                self.visitor.opened();
                let reader = Unpacking { reader, tools: Rc::clone(self.tools) };
                let mut content = Input::new(Box::new(reader), self.tools);
                self.steps.push(Step::Stream(name));
                self.content(&mut content);
                self.steps.pop();
                content.take_error().map(|error| Damage::corrupt(error.to_string()))
            }
            Ok(Opened::Archive(mut archive)) => {
                self.visitor.opened();
                self.members(&mut *archive, &broken)
            }
            Err(damage) => Some(damage),
        };
        let Some(Damage { reason, message }) = damage else { return };
        if input.position() == begin {
            self.closed(input, reason, message);
        } else if !broken.get() && !self.stopped() {
            self.damaged(reason, Some(input.position()), &format!("{}: {message}", format.name()));
        }
    }

    fn damaged(&mut self, reason: Reason, offset: Option<u64>, message: &str) {
        let place = Place { steps: &self.steps, base: 0, is_part: true };
        self.visitor.problem(&place, reason, offset, message.to_owned());
    }

    /// Goes through the members of an archive; returns what ended it before its time.
    fn members(&mut self, archive: &mut dyn Archive, broken: &std::cell::Cell<bool>) -> Option<Damage> {
        let mut closed = Closed::default();
        let (mut at_fault, mut was_damaged) = (None, false);
        while !self.stopped() && !broken.get() {
            let entry = match archive.next() {
                Ok(Some(entry)) => entry,
                Ok(None) => break,
                Err(damage) => {
                    // The end of a member that was cut is the end of its archive: told.
                    at_fault = (!was_damaged).then_some(damage);
                    break;
                }
            };
            self.tools.budget.entry();
            match entry {
                Entry::Part(damage) => {
                    was_damaged = false;
                    if let Some(damage) = damage.filter(|_| !broken.get()) {
                        self.damaged(damage.reason, None, &damage.message);
                    }
                    let mut content = Input::new(Box::new(Content(archive)), self.tools);
                    if !content.peek(1).is_empty() {
                        self.give(&mut content, true);
                    }
                }
                Entry::Member(member) => {
                    was_damaged = self.member(archive, member, broken, &mut closed);
                }
            }
        }
        for (reason, (number, what)) in closed.0 {
            let members = if number == 1 { "member is" } else { "members are" };
            self.damaged(reason, None, &format!("{number} {members} {what}"));
        }
        at_fault
    }

    /// Gives a member; whether its content was damaged.
    fn member(
        &mut self,
        archive: &mut dyn Archive,
        member: Member,
        broken: &std::cell::Cell<bool>,
        closed: &mut Closed,
    ) -> bool {
        let (kind, known_size, packed) = (member.kind, member.size, member.packed);
        let size = known_size.unwrap_or(0);
        let reason = match kind {
            Kind::Directory => return false,
            Kind::SymbolicLink => Some(Reason::SymbolicLink),
            Kind::HardLink if size == 0 => Some(Reason::HardLink),
            Kind::Special => Some(Reason::SpecialFile),
            Kind::File | Kind::HardLink => member.closed.inspect(|reason| closed.count(*reason)),
        };
        let object = member.object.map(|(_, id)| id);
        if object.is_some_and(|id| self.visitor.knows(&id, size)) {
            return false;
        }
        self.steps.push(Step::Member(Box::new(member)));
        let place = Place { steps: &self.steps, base: 0, is_part: false };
        if let Some(reason) = reason.or_else(|| self.visitor.leaves_out(&place)) {
            self.visitor.left_out(&place, reason, size);
            self.steps.pop();
            return false;
        }
        let error = {
            let content = Content(archive);
            let reader: Box<dyn Read + '_> = match packed {
                true => Box::new(Unpacking { reader: Box::new(content), tools: Rc::clone(self.tools) }),
                false => Box::new(content),
            };
            let mut content = Input::new(reader, self.tools);
            self.held(&mut content, known_size);
            content.take_error()
        };
        let error = error.filter(|_| !broken.get() && !self.stopped());
        if let Some(error) = &error {
            self.damaged(Reason::Corrupt, None, &error.to_string());
        }
        self.steps.pop();
        if let Some(id) = object.filter(|_| error.is_none() && !self.stopped()) {
            self.visitor.went_through(&id);
        }
        error.is_some()
    }
}

/// How many members of an archive were left closed, by reason.
#[derive(Default)]
struct Closed(std::collections::BTreeMap<Reason, (u64, &'static str)>);

impl Closed {
    fn count(&mut self, reason: Reason) {
        let what = match reason {
            Reason::Encrypted => "encrypted",
            Reason::Corrupt => "behind damage",
            Reason::OverBudget => "compressed in a way that takes more memory than there is for it",
            _ => "compressed in a way that is not read yet",
        };
        self.0.entry(reason).or_insert((0, what)).0 += 1;
    }
}
