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
