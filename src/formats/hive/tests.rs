//! Hives made by hand after the specification, for what programs seldom write, and
//! damaged ones. Those that a program wrote: `tests/stores.rs`.

use super::*;

const NONE: u32 = u32::MAX;

/// A hive that is being made: cells behind one head of a bin.
struct Made {
    bins: Vec<u8>,
    root: u32,
}

impl Made {
    fn new() -> Self {
        Self { bins: [b"hbin".as_slice(), &[0; 28]].concat(), root: NONE }
    }

    fn cell(&mut self, content: &[u8]) -> u32 {
        let offset = u32::try_from(self.bins.len()).unwrap();
        let size = (content.len() + 4).next_multiple_of(8);
        self.bins.extend_from_slice(&(-i32::try_from(size).unwrap()).to_le_bytes());
        self.bins.extend_from_slice(content);
        self.bins.resize(usize::try_from(offset).unwrap() + size, 0);
        offset
    }

    fn list(&mut self, kind: &[u8; 2], offsets: &[u32]) -> u32 {
        let mut content = kind.to_vec();
        content.extend_from_slice(&u16::try_from(offsets.len()).unwrap().to_le_bytes());
        for offset in offsets {
            content.extend_from_slice(&offset.to_le_bytes());
            if matches!(kind, b"lf" | b"lh") {
                content.extend_from_slice(&[0; 4]);
            }
        }
        self.cell(&content)
    }

    fn key(&mut self, name: &str, children: (u32, u32), values: &[u32]) -> u32 {
        let is_narrow = name.is_ascii();
        let bytes: Vec<u8> = match is_narrow {
            true => name.bytes().collect(),
            false => name.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        };
        let list: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let list = if values.is_empty() { NONE } else { self.cell(&list) };
        let mut node = vec![0; 76];
        node[..2].copy_from_slice(b"nk");
        node[2] = if is_narrow { 0x20 } else { 0 };
        node[20..24].copy_from_slice(&children.1.to_le_bytes());
        node[28..32].copy_from_slice(&children.0.to_le_bytes());
        node[36..40].copy_from_slice(&u32::try_from(values.len()).unwrap().to_le_bytes());
        node[40..44].copy_from_slice(&list.to_le_bytes());
        node[72..74].copy_from_slice(&u16::try_from(bytes.len()).unwrap().to_le_bytes());
        node.extend_from_slice(&bytes);
        self.root = self.cell(&node);
        self.root
    }

    fn value(&mut self, name: &str, kind: u32, length: u32, data: u32) -> u32 {
        let mut value = b"vk".to_vec();
        value.extend_from_slice(&u16::try_from(name.len()).unwrap().to_le_bytes());
        [length, data, kind, 1].iter().for_each(|number| value.extend_from_slice(&number.to_le_bytes()));
        value.extend_from_slice(name.as_bytes());
        self.cell(&value)
    }

    fn text(&mut self, name: &str, text: &str) -> u32 {
        let bytes: Vec<u8> = text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect();
        let data = self.cell(&bytes);
        self.value(name, 1, u32::try_from(bytes.len()).unwrap(), data)
    }

    /// The last key is the root.
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; 4096];
        bytes[..4].copy_from_slice(b"regf");
        bytes[20] = 1;
        bytes[24] = 5;
        bytes[36..40].copy_from_slice(&self.root.to_le_bytes());
        let sum = bytes[..508]
            .chunks_exact(4)
            .fold(0, |sum, word| sum ^ u32::from_le_bytes(word.try_into().unwrap()));
        bytes[508..512].copy_from_slice(&sum.to_le_bytes());
        bytes.extend_from_slice(&self.bins);
        bytes
    }
}

/// What a walk gives: paths with values, and what was wrong.
#[derive(Debug, Default)]
struct Told {
    path: String,
    values: Vec<(String, String)>,
    raw: Vec<(usize, Vec<Range<u64>>)>,
    keys: usize,
    errors: Vec<HiveError>,
}

impl Visit for Told {
    fn key(&mut self, path: &[String]) -> ControlFlow<()> {
        self.keys += 1;
        self.path = path.join("\\");
        ControlFlow::Continue(())
    }

    fn value(&mut self, value: &Value<'_>) {
        let text = match value.content() {
            Content::Text(text) => text,
            Content::Number(number) => number.to_string(),
            Content::Binary(bytes) => {
                self.raw.push((bytes.len(), value.stored.to_vec()));
                format!("{} bytes", bytes.len())
            }
        };
        self.values.push((format!("{}\\{}", self.path, value.name), text));
    }

    fn damaged(&mut self, error: HiveError) -> ControlFlow<()> {
        self.errors.push(error);
        ControlFlow::Continue(())
    }
}

fn walk(bytes: &[u8]) -> Told {
    walk_to(bytes, 1 << 20)
}

fn walk_to(bytes: &[u8], max: usize) -> Told {
    let mut told = Told::default();
    match Hive::open(bytes, bytes.len() as u64) {
        Ok(mut hive) => hive.walk(max, &mut told),
        Err(error) => told.errors.push(error),
    }
    told
}

fn pairs(told: &Told) -> Vec<(&str, &str)> {
    told.values.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect()
}

/// Lists of all kinds, names in both forms, numbers that stand in the place of an offset.
#[test]
fn keys_and_values_of_all_forms() {
    let mut made = Made::new();
    let mut keys = Vec::new();
    for name in ["a", "b", "ключ", "d", "e"] {
        let value = made.text("v", &format!("text {name}"));
        keys.push(made.key(name, (NONE, 0), &[value]));
    }
    let lists = [made.list(b"li", &keys[..2]), made.list(b"lh", &keys[2..3]), made.list(b"lf", &keys[3..])];
    let list = made.list(b"ri", &lists);
    let inner = made.key("Inner", (list, 5), &[]);
    let inner = made.list(b"lh", &[inner]);
    let numbers = [
        made.value("little", 4, 0x8000_0004, 2222),
        made.value("big", 5, 0x8000_0004, 22_u32.swap_bytes()),
        made.value("short", 3, 0x8000_0002, 7),
        made.value("", 1, 0x8000_0004, u32::from(b'x')),
    ];
    let eight = made.cell(&77_u64.to_le_bytes());
    let lines: Vec<u8> = "one\0two\0\0".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let lines_at = made.cell(&lines);
    let more = [
        made.value("eight", 11, 8, eight),
        made.value("lines", 7, u32::try_from(lines.len()).unwrap(), lines_at),
    ];
    made.key("ROOT", (inner, 1), &[numbers.as_slice(), &more].concat());
    let told = walk(&made.bytes());
    assert_eq!(told.errors, []);
    let expected = [
        ("\\little", "2222"),
        ("\\big", "22"),
        ("\\short", "2 bytes"),
        ("\\", "x"),
        ("\\eight", "77"),
        ("\\lines", "one\ntwo"),
        ("Inner\\a\\v", "text a"),
        ("Inner\\b\\v", "text b"),
        ("Inner\\ключ\\v", "text ключ"),
        ("Inner\\d\\v", "text d"),
        ("Inner\\e\\v", "text e"),
    ];
    assert_eq!(pairs(&told), expected);
    let mut bytes = made.bytes();
    let hive = Hive::open(bytes.as_slice(), 1 << 20).unwrap();
    assert!(hive.is_clean && hive.is_sound);
    bytes[4] = 1;
    let hive = Hive::open(bytes.as_slice(), 1 << 20).unwrap();
    assert!(!hive.is_clean && !hive.is_sound);
    bytes[28] = 6;
    assert!(!is_hive(&bytes), "a transaction log");
}

fn index(offset: u64) -> usize {
    usize::try_from(offset).unwrap()
}

/// Values of more than 16,344 bytes lie in parts.
#[test]
fn big_data_is_joined_and_cut() {
    let mut made = Made::new();
    let length = 16_344 * 2 + 10;
    let whole: Vec<u8> = (0..length).map(|at| u8::try_from(at % 251).unwrap()).collect();
    let parts: Vec<u32> = whole.chunks(16_344).map(|part| made.cell(part)).collect();
    let list: Vec<u8> = parts.iter().flat_map(|part| part.to_le_bytes()).collect();
    let list = made.cell(&list);
    let data = made.cell(&[b"db\x03\0".as_slice(), &list.to_le_bytes()].concat());
    let value = made.value("v", 3, length, data);
    made.key("ROOT", (NONE, 0), &[value]);
    let bytes = made.bytes();
    let told = walk(&bytes);
    assert_eq!((pairs(&told), &*told.errors), (vec![("\\v", "32698 bytes")], [].as_slice()));
    let (_, stored) = &told.raw[0];
    let there: Vec<u8> =
        stored.iter().flat_map(|part| &bytes[index(part.start)..index(part.end)]).copied().collect();
    assert!(there == whole);
    let cut = walk_to(&bytes, 20_000);
    assert_eq!((pairs(&cut), &*cut.errors), (vec![("\\v", "20000 bytes")], [HiveError::TooLong].as_slice()));
    // The second part is a free cell.
    let mut bytes = bytes;
    let at = 4096 + index(parts[1].into());
    bytes[at..at + 4].copy_from_slice(&16_352_i32.to_le_bytes());
    let part = walk(&bytes);
    assert_eq!(pairs(&part), [("\\v", "16344 bytes")]);
    assert!(matches!(*part.errors, [HiveError::Cell(_)]), "{:?}", part.errors);
}

#[test]
fn cycles_end_and_the_rest_is_read() {
    // A key that is below itself: the cell of its list is made first, at 32.
    let mut made = Made::new();
    let list = made.list(b"lh", &[0, 0]);
    let value = made.text("v", "there");
    let other = made.key("other", (NONE, 0), &[value]);
    let root = made.key("ROOT", (list, 2), &[]);
    let at = index(list.into()) + 4 + 4;
    made.bins[at..at + 4].copy_from_slice(&root.to_le_bytes());
    made.bins[at + 8..at + 12].copy_from_slice(&other.to_le_bytes());
    let told = walk(&made.bytes());
    assert_eq!(
        (pairs(&told), &*told.errors),
        (vec![("other\\v", "there")], [HiveError::Twice(4096 + u64::from(root))].as_slice())
    );

    // A list of lists in itself, and lists of lists in lists of lists.
    let mut made = Made::new();
    let key = made.key("key", (NONE, 0), &[]);
    let leaf = made.list(b"lh", &[key]);
    let nested = made.list(b"ri", &[leaf]);
    let outer = made.list(b"ri", &[nested, 0]);
    let at = index(outer.into()) + 4 + 8;
    made.bins[at..at + 4].copy_from_slice(&outer.to_le_bytes());
    made.key("ROOT", (outer, 1), &[]);
    let told = walk(&made.bytes());
    let expected = [HiveError::Cell(4096 + u64::from(nested)), HiveError::Twice(4096 + u64::from(outer))];
    assert_eq!((told.keys, &*told.errors), (1, expected.as_slice()));

    // One value for all, and one cell of data for two values.
    let mut made = Made::new();
    let value = made.text("v", "once");
    let data = value - 16;
    let second = made.value("w", 1, 10, data);
    made.key("ROOT", (NONE, 0), &[value, value, second]);
    let told = walk(&made.bytes());
    assert_eq!(pairs(&told), [("\\v", "once")]);
    let expected = [HiveError::Twice(4096 + u64::from(value)), HiveError::Twice(4096 + u64::from(data))];
    assert_eq!(&*told.errors, expected.as_slice());
}

/// Cells in one another: no more is read than the file has.
#[test]
fn cells_that_overlap_end() {
    let mut made = Made::new();
    let first = made.bins.len();
    let filler = made.cell(&[0; 64 << 10]);
    for at in (first..first + (64 << 10)).step_by(8) {
        let size = i32::try_from(first + (64 << 10) - at).unwrap();
        made.bins[at..at + 4].copy_from_slice(&(-size).to_le_bytes());
    }
    let values: Vec<u32> = (0..4000).map(|number| made.value("v", 3, 30_000, filler + 8 * number)).collect();
    made.key("ROOT", (NONE, 0), &values);
    let told = walk(&made.bytes());
    assert!(told.values.len() < 10, "{}", told.values.len());
    assert!(told.errors.contains(&HiveError::Overlap));
}

/// Levels without end, which are no cycle.
#[test]
fn keys_that_are_too_deep_are_left() {
    let mut made = Made::new();
    let mut key = made.key("leaf", (NONE, 0), &[]);
    for _ in 0..2000 {
        let list = made.list(b"li", &[key]);
        key = made.key("k", (list, 1), &[]);
    }
    let told = walk(&made.bytes());
    assert_eq!((told.keys, &*told.errors), (521, [HiveError::Shape].as_slice()));
}

#[test]
fn what_is_damaged_is_told_and_ends() {
    let mut made = Made::new();
    let text = made.text("v", "text");
    let key = made.key("key", (NONE, 0), &[text]);
    let lists = [made.list(b"lh", &[key])];
    let list = made.list(b"ri", &lists);
    let big = made.cell(&[1; 200]);
    let value = made.value("big", 3, 200, big);
    made.key("ROOT", (list, 1), &[value]);
    let whole = made.bytes();
    assert_eq!((walk(&whole).values.len(), walk(&whole).errors.len()), (2, 0));
    for length in 0..whole.len() {
        let told = walk(&whole[..length]);
        assert!(!told.errors.is_empty(), "cut to {length}");
        assert!(told.errors.len() < 8);
    }
    for at in (0..48).chain(4096..whole.len()) {
        for value in [0, 1, 8, 0x7f, 0x80, 0xf8, 0xff] {
            let mut bytes = whole.clone();
            bytes[at] = value;
            assert!(walk(&bytes).errors.len() < 16, "{value} at {at}");
        }
    }
}
