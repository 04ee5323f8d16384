//! Event logs of Windows, made after the description of their format. What `log` makes,
//! python-evtx shows with the same times, names and values.

use std::fs;

use snapsift::finding::Reason;

use super::support::whole::{planted, scan};
use super::{place, places, seen};

const CHUNK: usize = 64 << 10;

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// A chunk that is being made.
struct Chunk {
    bytes: Vec<u8>,
    at: usize,
    records: u64,
}

impl Chunk {
    fn new() -> Self {
        let mut bytes = vec![0; CHUNK];
        bytes[..8].copy_from_slice(b"ElfChnk\0");
        bytes[40..44].copy_from_slice(&128_u32.to_le_bytes());
        Self { bytes, at: 512, records: 0 }
    }

    fn put(&mut self, bytes: &[u8]) {
        self.bytes[self.at..self.at + bytes.len()].copy_from_slice(bytes);
        self.at += bytes.len();
    }

    fn set(&mut self, at: usize, number: usize) {
        self.bytes[at..at + 4].copy_from_slice(&u32::try_from(number).expect("small").to_le_bytes());
    }

    /// A name: where it is, which is here.
    fn name(&mut self, name: &str) {
        let here = self.at + 4;
        self.put(&u32::try_from(here).expect("small").to_le_bytes());
        self.put(&[0; 6]);
        self.put(&u16::try_from(name.len()).expect("short").to_le_bytes());
        self.put(&utf16(name));
        self.put(&[0; 2]);
    }

    /// An element with at most one attribute of a fixed text, and what is in it.
    fn element(&mut self, name: &str, attribute: Option<(&str, &str)>, inner: &mut dyn FnMut(&mut Self)) {
        self.put(&[if attribute.is_some() { 0x41 } else { 0x01 }, 0xff, 0xff]);
        let length = self.at;
        self.put(&[0; 4]);
        self.name(name);
        if let Some((name, value)) = attribute {
            let list = self.at;
            self.put(&[0; 4]);
            self.put(&[0x06]);
            self.name(name);
            self.put(&[0x05, 0x01]);
            self.put(&u16::try_from(value.len()).expect("short").to_le_bytes());
            self.put(&utf16(value));
            let size = self.at - list - 4;
            self.set(list, size);
        }
        self.put(&[0x02]);
        inner(self);
        self.put(&[0x04]);
        let size = self.at - length - 4;
        self.set(length, size);
    }

    /// What the value of this number belongs to.
    fn open(&mut self, number: u16, kind: u8) {
        self.put(&[0x0d]);
        self.put(&number.to_le_bytes());
        self.put(&[kind]);
    }

    /// What a template has in it: as events of processes have it.
    fn template(&mut self) {
        self.element("Event", None, &mut |chunk| {
            chunk.element("System", None, &mut |chunk| {
                chunk.element("Provider", Some(("Name", "Acme-Audit")), &mut |_| {});
                chunk.element("EventID", None, &mut |chunk| chunk.open(0, 0x06));
                chunk.element("Computer", None, &mut |chunk| chunk.open(1, 0x01));
            });
            chunk.element("EventData", None, &mut |chunk| {
                chunk.element("Data", Some(("Name", "SubjectUserName")), &mut |chunk| chunk.open(2, 0x01));
                chunk.element("Data", Some(("Name", "CommandLine")), &mut |chunk| chunk.open(3, 0x01));
                chunk.element("Data", None, &mut |chunk| chunk.open(4, 0x81));
            });
        });
    }

    /// A record; the template stands in it where that is nowhere yet. Returns where the template
    /// is.
    fn record(&mut self, template: Option<usize>, values: &[(u8, Vec<u8>)]) -> usize {
        let begin = self.at;
        self.records += 1;
        self.put(&[0x2a, 0x2a, 0, 0, 0, 0, 0, 0]);
        self.put(&self.records.to_le_bytes());
        // 2023-11-14T22:13:20Z, by Python: (1700000000 + 11644473600) * 10^7.
        self.put(&133_444_736_000_000_000_u64.to_le_bytes());
        let template = self.instance(template, values);
        let length = self.at + 4 - begin;
        self.set(begin + 4, length);
        self.put(&u32::try_from(length).expect("small").to_le_bytes());
        self.set(44, begin);
        self.set(48, self.at);
        template
    }

    fn instance(&mut self, template: Option<usize>, values: &[(u8, Vec<u8>)]) -> usize {
        self.put(&[0x0f, 1, 1, 0, 0x0c, 1, 7, 0, 0, 0]);
        let place = template.unwrap_or(self.at + 4);
        self.put(&u32::try_from(place).expect("small").to_le_bytes());
        if template.is_none() {
            self.put(&[0; 20]);
            let length = self.at;
            self.put(&[0; 4]);
            self.put(&[0x0f, 1, 1, 0]);
            self.template();
            self.put(&[0]);
            let size = self.at - length - 4;
            self.set(length, size);
        }
        self.put(&u32::try_from(values.len()).expect("few").to_le_bytes());
        for (kind, value) in values {
            self.put(&u16::try_from(value.len()).expect("short").to_le_bytes());
            self.put(&[*kind, 0]);
        }
        values.iter().for_each(|(_, value)| self.put(value));
        place
    }

    /// As values of the template.
    fn values(command: &str, rest: &str) -> Vec<(u8, Vec<u8>)> {
        let texts = utf16(rest);
        let number = 4688_u16.to_le_bytes().to_vec();
        let text = |text: &str| (0x01, utf16(text));
        vec![(0x06, number), text("web1.acme.io"), text("ann"), text(command), (0x81, texts)]
    }

    fn file(mut self) -> Vec<u8> {
        let records = self.records;
        self.bytes[8..16].copy_from_slice(&1_u64.to_le_bytes());
        self.bytes[16..24].copy_from_slice(&records.to_le_bytes());
        self.bytes[24..32].copy_from_slice(&1_u64.to_le_bytes());
        self.bytes[32..40].copy_from_slice(&records.to_le_bytes());
        let mut file = vec![0; 4096];
        file[..8].copy_from_slice(b"ElfFile\0");
        file[24..32].copy_from_slice(&(records + 1).to_le_bytes());
        file[32..36].copy_from_slice(&128_u32.to_le_bytes());
        file[36..40].copy_from_slice(&[1, 0, 3, 0]);
        file[40..42].copy_from_slice(&4096_u16.to_le_bytes());
        file[42..44].copy_from_slice(&1_u16.to_le_bytes());
        file.extend_from_slice(&self.bytes);
        file
    }
}

fn log() -> Vec<u8> {
    let mut chunk = Chunk::new();
    let first = Chunk::values(&format!("app.exe --token {} --verbose", planted(1)), "one\0two\0");
    let template = chunk.record(None, &first);
    let second = Chunk::values("cmd.exe", &format!("a\0b {}\0", planted(2)));
    chunk.record(Some(template), &second);
    chunk.file()
}

#[test]
fn events_are_told_with_time_provider_and_number() {
    let dir = tempfile::tempdir().expect("a directory");
    fs::write(dir.path().join("Security.evtx"), log()).expect("a file");
    let scanned = scan(dir.path());
    let expected = [
        place("/Security.evtx → 2023-11-14T22:13:20Z Acme-Audit 1 CommandLine", 1, 17, 16),
        place("/Security.evtx → 2023-11-14T22:13:20Z Acme-Audit 2 Data", 2, 3, 4),
    ];
    assert_eq!(places(&scanned), expected, "{:?}", scanned.problems());
    assert!(scanned.summary.complete, "{:?}", scanned.problems());
    let seen = seen(&log());
    let said: Vec<(&str, &str)> = seen
        .fields
        .iter()
        .take(3)
        .map(|(label, value, _)| (label.trim_start(), std::str::from_utf8(value).expect("text")))
        .collect();
    assert_eq!(said, [("EventID=", "4688"), ("Computer=", "web1.acme.io"), ("SubjectUserName=", "ann")]);
}

/// Events in a value of another, deeper than is gone; whatever is cut off or overwritten.
#[test]
fn hostile_event_logs_end() {
    let whole = log();
    let used = 4096 + 512 + 2500;
    for length in (0..4700).step_by(31).chain((4096 + 512..used).step_by(3)) {
        seen(&whole[..length]);
    }
    for at in 4096..used {
        let mut bytes = whole.clone();
        bytes[at] = !bytes[at];
        seen(&bytes);
    }
    let mut bytes = whole.clone();
    bytes[4096 + 512 + 5] = 0xff;
    assert_eq!(seen(&bytes).problems, [Reason::Corrupt]);
    let mut chunk = Chunk::new();
    let template = chunk.record(None, &Chunk::values("a", "b"));
    // A value that is the record itself: it ends at the depth that is gone.
    let begin = chunk.at;
    chunk.record(Some(template), &[(0x21, vec![0; 40])]);
    let body = begin + 24;
    let value = chunk.at - 4 - 40;
    let copy = chunk.bytes[body..value].to_vec();
    chunk.bytes[value..value + copy.len()].copy_from_slice(&copy);
    let seen = seen(&chunk.file());
    assert!(seen.fields.len() >= 5);
}
