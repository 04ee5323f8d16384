//! RPM packages: a lead, two headers, and a compressed cpio
//! (<https://rpm-software-management.github.io/rpm/manual/format_v4.html>).

use std::io::{self, Read};
use std::rc::Rc;

use super::format::{Archive, Damage, Entry, Format, Member, Opened};
use super::input::Input;
use super::tools::Tools;
use crate::source::bytes::u32_be;

const LEAD: u64 = 96;
const HEADER_MAGIC: &[u8] = &[0x8e, 0xad, 0xe8, 1];

pub(super) struct Rpm;

impl Format for Rpm {
    fn name(&self) -> &'static str {
        "rpm"
    }

    fn detect(&self, start: &[u8]) -> bool {
        start.starts_with(&[0xed, 0xab, 0xee, 0xdb, 3]) && header_length(start.get(96..)).is_some()
    }

    fn open<'i>(&self, input: &'i mut Input<'_>, _: &Rc<Tools>) -> Result<Opened<'i>, Damage> {
        Ok(Opened::Archive(Box::new(Package { input, step: Step::Start, left: 0 })))
    }
}

/// How long the header is that begins here.
fn header_length(start: Option<&[u8]>) -> Option<u64> {
    let start = start.filter(|start| start.starts_with(HEADER_MAGIC))?;
    let (entries, bytes) = (u64::from(u32_be(start, 8)?), u64::from(u32_be(start, 12)?));
    Some(16 + 16 * entries + bytes)
}

enum Step {
    Start,
    /// The signature has been read.
    Signature,
    /// So has the header, in which scripts are.
    Header,
    Payload,
}

struct Package<'i, 'r> {
    input: &'i mut Input<'r>,
    step: Step,
    /// Of a header, what has not been read.
    left: u64,
}

impl Archive for Package<'_, '_> {
    fn next(&mut self) -> Result<Option<Entry>, Damage> {
        let wrong = || Damage::corrupt("a header is damaged");
        if !self.input.skip(std::mem::take(&mut self.left)) {
            return Err(Damage::corrupt("it ends in the middle of a header"));
        }
        match self.step {
            Step::Start => {
                let start = self.input.need(112).get(96..);
                let length = header_length(start).ok_or_else(wrong)?;
                // Filled up to eight bytes.
                self.left = LEAD + length + length.wrapping_neg() % 8;
                self.step = Step::Signature;
                Ok(Some(Entry::Part(None)))
            }
            Step::Signature => {
                self.left = header_length(Some(self.input.need(16))).ok_or_else(wrong)?;
                self.step = Step::Header;
                Ok(Some(Entry::Part(None)))
            }
            Step::Header => {
                self.step = Step::Payload;
                Ok(Some(Entry::Member(Member { name: b"payload".to_vec(), ..Member::default() })))
            }
            Step::Payload => Ok(None),
        }
    }

    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if matches!(self.step, Step::Payload) {
            return self.input.read(bytes);
        }
        self.input.read_of(&mut self.left, bytes)
    }
}
