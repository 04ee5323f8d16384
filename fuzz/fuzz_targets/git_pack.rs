//! Packs and loose objects of git. The first byte says whether the rest is a file as it is, or
//! objects that are made a pack of here: what they hold, and what they are deltas of, is
//! then in the fuzzer's hands. Whatever it is, the work stays within limits, every content
//! ends, and a second pass gives the same.
#![no_main]

use std::io::Read;
use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use snapsift::finding::Reason;
use snapsift::source::unpack::{Input, Limits, Place, Step, Unpacker, Visitor, git};

const LIMIT: u64 = 4 << 20;

#[derive(Default, PartialEq, Debug)]
struct Seen {
    contents: Vec<(Vec<Step>, u64)>,
    problems: Vec<(Reason, String)>,
}

impl Visitor for Seen {
    fn content(&mut self, place: &Place<'_>, input: &mut Input<'_>) {
        let mut content = Vec::new();
        let whole = input.take(2 * LIMIT).read_to_end(&mut content).is_ok();
        if let [Step::Member(member)] = place.steps
            && let (Some((kind, id)), true) = (member.object, whole && place.base == 0 && !place.is_part)
            && member.size == Some(content.len() as u64)
        {
            assert_eq!(git::id_of(kind, &content), id, "an object is not what its id says");
        }
        self.contents.push((place.steps.to_vec(), content.len() as u64));
    }

    fn leaves_out(&mut self, _: &Place<'_>) -> Option<Reason> {
        None
    }

    fn opened(&mut self) {}

    fn left_out(&mut self, _: &Place<'_>, _: Reason, _: u64) {}

    fn problem(&mut self, _: &Place<'_>, reason: Reason, _: Option<u64>, message: String) {
        self.problems.push((reason, message));
    }
}

/// Objects of: kind and how far back the base is; how far off the size; length; content.
fn pack(mut data: &[u8]) -> Vec<u8> {
    let mut objects: Vec<Vec<u8>> = Vec::new();
    let mut ids = Vec::new();
    while let [kind, wrong, length, rest @ ..] = data {
        let (content, behind) = rest.split_at(rest.len().min(usize::from(*length)));
        data = behind;
        let number = kind & 7;
        let size = (content.len() as u64).wrapping_add(u64::from(wrong & 3));
        let mut object = vec![0x80 | number << 4 | (size & 15) as u8, (size >> 4) as u8 & 0x7f];
        let back = usize::from(kind >> 3);
        if number == 6 {
            let distance: usize = objects.iter().rev().take(back).map(Vec::len).sum();
            if distance > 127 {
                let high = (distance >> 7) - 1;
                object.push(0x80 | (high & 0x7f) as u8);
            }
            object.push((distance & 0x7f) as u8);
        }
        if number == 7 {
            let known: Option<&git::ObjectId> = ids.get(back);
            object.extend(known.copied().unwrap_or([*wrong; 20]));
        }
        object.extend(zlib(content));
        objects.push(object);
        ids.push(git::id_of(git::ObjectKind::Blob, content));
    }
    let mut pack = b"PACK\0\0\0\x02".to_vec();
    pack.extend((objects.len() as u32).to_be_bytes());
    pack.extend(objects.concat());
    pack.extend([0; 20]);
    pack
}

/// One stored block.
fn zlib(content: &[u8]) -> Vec<u8> {
    let length = content.len() as u16;
    let mut zlib = vec![0x78, 1, 1];
    zlib.extend(length.to_le_bytes());
    zlib.extend((!length).to_le_bytes());
    zlib.extend(content);
    let (mut low, mut high) = (1_u32, 0_u32);
    for byte in content {
        low = (low + u32::from(*byte)) % 65_521;
        high = (high + low) % 65_521;
    }
    zlib.extend((high << 16 | low).to_be_bytes());
    zlib
}

fuzz_target!(|data: &[u8]| {
    let [mode, data @ ..] = data else { return };
    let file = if mode & 1 == 0 { data.to_vec() } else { pack(data) };
    let limits = Limits { depth: 3, file: LIMIT, total: Arc::new((1 << 40).into()), stop: Arc::default() };
    let unpacker = Unpacker::new(limits);
    let size = file.len() as u64;
    let pass = || {
        let mut seen = Seen::default();
        let understood = unpacker.unpack_git(Box::new(file.clone()), (size, size), &mut seen);
        assert!(understood <= size);
        (seen, understood)
    };
    assert_eq!(pass(), pass());
});
