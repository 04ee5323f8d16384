//! Hives of a registry, made by hivex.

use std::fs;
use std::path::Path;
use std::process::Command;

/// A hive with nothing in it, by the specification of its format, to be filled by hivex.
fn empty_hive() -> Vec<u8> {
    let words = |bytes: &mut [u8], at: usize, numbers: &[u32]| {
        for (number, word) in numbers.iter().zip(bytes[at..].chunks_exact_mut(4)) {
            word.copy_from_slice(&number.to_le_bytes());
        }
    };
    let mut bytes = vec![0; 8192];
    bytes[..4].copy_from_slice(b"regf");
    words(&mut bytes, 4, &[1, 1]);
    words(&mut bytes, 20, &[1, 5, 0, 1, 32, 4096, 1]);
    let sum = bytes[..508]
        .chunks_exact(4)
        .fold(0, |sum, word| sum ^ u32::from_le_bytes([word[0], word[1], word[2], word[3]]));
    words(&mut bytes, 508, &[sum]);
    let bins = &mut bytes[4096..];
    bins[..4].copy_from_slice(b"hbin");
    words(bins, 8, &[4096]);
    // The root, its security, and what is free.
    words(bins, 32, &[88_u32.wrapping_neg()]);
    bins[36..40].copy_from_slice(b"nk\x2c\0");
    let none = u32::MAX;
    words(bins, 32 + 4 + 16, &[none, 0, 0, none, none, 0, none, 120, none, 0, 0, 0, 0, 0, 4]);
    bins[112..116].copy_from_slice(b"ROOT");
    words(bins, 120, &[48_u32.wrapping_neg()]);
    bins[124..126].copy_from_slice(b"sk");
    words(bins, 128, &[120, 120, 1, 20]);
    words(bins, 168, &[4096 - 168]);
    bytes
}

/// Makes a hive of keys, each with its values as a file of `regedit` has them.
pub(crate) fn hive(path: &Path, keys: &[(&str, &[String])]) {
    fs::write(path, empty_hive()).expect("a file");
    let mut text = "Windows Registry Editor Version 5.00\n".to_owned();
    let mut made = std::collections::BTreeSet::new();
    for (key, values) in keys {
        // Every key above it first.
        for (end, _) in key.match_indices('\\').skip(1).chain([(key.len(), "")]) {
            if made.insert(&key[..end]) {
                text += &format!("\n[{}]\n", &key[..end]);
            }
        }
        text += &values.join("\n");
        text.push('\n');
    }
    let file = path.with_extension("reg");
    fs::write(&file, text).expect("a file");
    let output =
        Command::new("hivexregedit").arg("--merge").args([path, &file]).output().expect("hivexregedit");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    fs::remove_file(file).expect("it goes");
}

pub(crate) fn text(name: &str, value: &str) -> String {
    format!("\"{name}\"=\"{value}\"")
}

/// As a file of `regedit` has bytes: `hex(7):61,00`.
pub(crate) fn bytes(name: &str, kind: u8, bytes: &[u8]) -> String {
    let bytes: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("\"{name}\"=hex({kind:x}):{}", bytes.join(","))
}

pub(crate) fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

pub(crate) fn number(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

pub(crate) fn set(bytes: &mut [u8], at: usize, number: u32) {
    bytes[at..at + 4].copy_from_slice(&number.to_le_bytes());
}

/// The sum over a base block.
fn seal(bytes: &mut [u8]) {
    let sum = (0..127).fold(0, |sum, word| sum ^ number(bytes, word * 4));
    set(bytes, 508, sum);
}

/// A hive of which the last write was begun and not ended.
pub(crate) fn in_use(hive: &[u8]) -> Vec<u8> {
    let mut bytes = hive.to_vec();
    let begun = number(&bytes, 8) + 1;
    set(&mut bytes, 4, begun);
    seal(&mut bytes);
    bytes
}

/// An entry of a log, after the specification: what differs between two hives.
pub(crate) fn log_entry(number: u32, before: &[u8], after: &[u8]) -> Vec<u8> {
    const SEED: u64 = 0x82ef_4d88_7a4e_55c5;
    let page = |bytes: &[u8], at: usize| bytes.get(at..at + 4096).map(<[u8]>::to_vec);
    let dirty: Vec<usize> =
        (4096..after.len()).step_by(4096).filter(|at| page(before, *at) != page(after, *at)).collect();
    let mut body = Vec::new();
    for at in &dirty {
        body.extend_from_slice(&u32::try_from(at - 4096).expect("small").to_le_bytes());
        body.extend_from_slice(&4096_u32.to_le_bytes());
    }
    dirty.iter().for_each(|at| body.extend_from_slice(&after[*at..at + 4096]));
    body.resize((40 + body.len()).next_multiple_of(512) - 40, 0);
    let sum = |bytes: &[u8]| snapsift::formats::marvin32::marvin64(SEED, bytes).to_le_bytes();
    let mut entry = vec![0; 40];
    entry[..4].copy_from_slice(b"HvLE");
    set(&mut entry, 4, u32::try_from(40 + body.len()).expect("small"));
    set(&mut entry, 12, number);
    set(&mut entry, 16, u32::try_from(after.len() - 4096).expect("small"));
    set(&mut entry, 20, u32::try_from(dirty.len()).expect("small"));
    entry[24..32].copy_from_slice(&sum(&body));
    let head = sum(&entry[..32]);
    entry[32..40].copy_from_slice(&head);
    [entry, body].concat()
}

/// A log: of the form 1 or 6, and what follows its base block.
pub(crate) fn log(hive: &[u8], form: u32, rest: &[u8]) -> Vec<u8> {
    let mut bytes = hive[..512].to_vec();
    set(&mut bytes, 28, form);
    seal(&mut bytes);
    [&bytes, rest].concat()
}
