//! Dumps made by hand in all forms, and damaged ones. Those of the kernel:
//! `tests/stores.rs`.

use super::*;

/// Bytes of numbers in one form.
struct Writer(Form, Vec<u8>);

impl Writer {
    fn put(&mut self, number: u64, length: usize) {
        let bytes = number.to_le_bytes();
        let bytes = &bytes[..length];
        if self.0.is_big { self.1.extend(bytes.iter().rev()) } else { self.1.extend(bytes) }
    }

    fn words(&mut self, words: &[u64]) {
        let size = self.0.word_size();
        words.iter().for_each(|word| self.put(*word, size));
    }

    fn note(&mut self, kind: u64, content: &[u8]) {
        [5, content.len() as u64, kind].iter().for_each(|number| self.put(*number, 4));
        self.1.extend_from_slice(b"CORE\0\0\0\0");
        self.1.extend_from_slice(content);
        self.1.resize(self.1.len().next_multiple_of(4), 0);
    }
}

const STACK: u64 = 0x7ff0_0000;
const VARIABLES: [&[u8]; 4] = [b"A=b", b"BASH_FUNC_x%%=() {\n :\n}", b"NO", b"SECRET=x=y"];

/// A dump after `create_elf_tables`: argc, pointers, the vector, then the strings.
fn dump(form: Form) -> Vec<u8> {
    let size = form.word_size() as u64;
    let mut strings = b"prog\0--flag=1\0".to_vec();
    let pointers = 1 + 2 + 1 + VARIABLES.len() as u64 + 1;
    let vector_length = 2 * 4;
    let begin = STACK + 256 + (pointers + vector_length) * size;
    let mut at = vec![begin, begin + 5];
    let mut variables = Vec::new();
    for variable in VARIABLES {
        variables.push(begin + strings.len() as u64);
        strings.extend_from_slice(variable);
        strings.push(0);
    }
    let name = begin + strings.len() as u64;
    strings.extend_from_slice(b"/bin/prog\0\0\0\0\0\0\0\0\0");
    let mut vector = Writer(form, Vec::new());
    vector.words(&[33, 0x1234, 6, 4096, EXECFN, name, 0, 0]);
    let mut stack = Writer(form, vec![0xaa; 256]);
    at.insert(0, 2);
    at.push(0);
    at.extend(variables);
    at.push(0);
    stack.words(&at);
    stack.1.extend_from_slice(&vector.1);
    stack.1.extend_from_slice(&strings);
    let (length, place) = if form.is_wide { (136, 40) } else { (124, 28) };
    let mut info = vec![0; length];
    info[place..place + 4].copy_from_slice(b"prog");
    let mut notes = Writer(form, Vec::new());
    notes.note(1, &[0; 30]);
    notes.note(3, &info);
    notes.note(6, &vector.1);

    let headers: u64 = if form.is_wide { 64 } else { 52 };
    let entry: u64 = if form.is_wide { 56 } else { 32 };
    let notes_at = headers + 2 * entry;
    let stack_at = notes_at + notes.1.len() as u64;
    let mut file = Writer(form, b"\x7fELF".to_vec());
    file.1.extend([if form.is_wide { 2 } else { 1 }, if form.is_big { 2 } else { 1 }, 1]);
    file.1.resize(16, 0);
    file.put(4, 2);
    file.put(62, 2);
    file.put(1, 4);
    file.words(&[0, headers, 0]);
    file.put(0, 4);
    [headers, entry, 2, 0, 0, 0].iter().for_each(|number| file.put(*number, 2));
    for (kind, offset, address, length) in
        [(4, notes_at, 0, notes.1.len() as u64), (1, stack_at, STACK, stack.1.len() as u64)]
    {
        file.put(kind, 4);
        if form.is_wide {
            file.put(0, 4);
        }
        file.words(&[offset, address, 0, length, length]);
        if form.is_wide {
            file.words(&[1]);
        } else {
            file.words(&[0, 1]);
        }
    }
    file.1.extend_from_slice(&notes.1);
    file.1.extend_from_slice(&stack.1);
    file.1
}

fn read_bytes(mut bytes: &[u8]) -> Result<Process, CoreError> {
    let length = bytes.len() as u64;
    read(&mut bytes, length)
}

fn forms() -> [Form; 4] {
    [(true, false), (true, true), (false, false), (false, true)]
        .map(|(is_wide, is_big)| Form { is_wide, is_big })
}

#[test]
fn the_environment_is_read_in_all_forms() {
    for form in forms() {
        let bytes = dump(form);
        let process = read_bytes(&bytes).expect("a dump");
        assert_eq!(process.name, b"prog", "{form:?}");
        let told: Vec<&[u8]> = process.variables.iter().map(|range| &process.stack[range.clone()]).collect();
        assert_eq!(told, VARIABLES, "{form:?}");
        let at = usize::try_from(process.at).unwrap();
        assert!(
            process.variables.iter().all(|range| bytes[at..][range.clone()] == process.stack[range.clone()])
        );
    }
}

#[test]
fn what_is_damaged_is_told_and_ends() {
    for form in forms() {
        let whole = dump(form);
        for length in 0..whole.len() - 20 {
            let error = read_bytes(&whole[..length]).expect_err("cut");
            assert!(length < 64 || error == CoreError::Cut, "{length}");
        }
        for at in 0..whole.len() {
            for value in [0, 1, 0x7f, 0xff] {
                let mut bytes = whole.clone();
                bytes[at] = value;
                let _ = read_bytes(&bytes);
            }
        }
    }
    assert!(!is_core(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0"), "a program");
}
