//! Journals in testdata are systemd's own, and what is in them is what `journalctl` said:
//! see `testdata/make-journals.sh`.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::path::Path;

use ruzstd::decoding::StreamingDecoder;
use snapsift::finding::Reason;
use snapsift::formats::journal::{Data, Journal, Packing};
use snapsift::formats::sqlite::ReadPages;

use super::support::whole::scan;
use super::{place, places, seen, sh};

/// A file of `testdata/journal`.
fn unpacked(name: &str) -> Vec<u8> {
    let path = format!("{}/testdata/journal/{name}.zst", env!("CARGO_MANIFEST_DIR"));
    let file = fs::File::open(path).expect("a file");
    let mut bytes = Vec::new();
    StreamingDecoder::new(std::io::BufReader::new(file)).expect("zstd").read_to_end(&mut bytes).expect("it");
    bytes
}

/// Journals that systemd wrote, compressed as a whole besides: what `journalctl` shows of them
/// is in `testdata/journal` too.
#[test]
fn fields_of_a_journal_are_told_with_time_and_unit() {
    let dir = tempfile::tempdir().expect("a directory");
    let testdata = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/journal");
    let forms = ["lz4-0", "xz-0", "zstd-0", "zstd-1"];
    for form in forms {
        fs::copy(testdata.join(format!("{form}.journal.zst")), dir.path().join(format!("{form}.zst")))
            .expect("a file");
    }
    sh(dir.path(), "zstd -qd --rm zstd-1.zst -o system.journal");
    let scanned = scan(dir.path());
    let mut expected = Vec::new();
    for name in ["lz4-0.zst", "system.journal", "xz-0.zst", "zstd-0.zst"] {
        let place = |time, rest, line, column, offset| {
            place(&format!("/{name} → 2023-11-14T22:13:{time}.123456Z {rest}"), line, column, offset)
        };
        expected.push(place(20, "app.service MESSAGE", 1, 7, 6));
        // Behind `line 1` and 400 words.
        expected.push(place(21, "app.service MESSAGE", 2, 2001, 2007));
        expected.push(place(22, "cron CONFIG", 2, 3, 6));
    }
    let mut found = places(&scanned);
    found.sort();
    assert_eq!(found, expected, "{:?}", scanned.problems());
    assert!(scanned.summary.complete, "{:?}", scanned.problems());
}

#[test]
fn fields_are_those_that_journalctl_shows() {
    for form in ["zstd-1", "zstd-0", "xz-0", "lz4-0"] {
        let text = String::from_utf8(unpacked(&format!("{form}.jsonl"))).expect("UTF-8");
        let mut expected: BTreeSet<(String, Vec<u8>)> = BTreeSet::new();
        let mut times = BTreeSet::new();
        for line in text.lines() {
            let entry: serde_json::Map<String, serde_json::Value> = serde_json::from_str(line).expect("JSON");
            for (name, value) in entry {
                let value = value.as_str().expect("a text").to_owned();
                if name == "__REALTIME_TIMESTAMP" {
                    times.insert(value);
                } else if !name.starts_with("__") {
                    expected.insert((name, value.into_bytes()));
                }
            }
        }
        let seen = seen(&unpacked(&format!("{form}.journal")));
        assert_eq!(seen.problems, [], "{form}");
        let field = |(label, value, _): &(String, Vec<u8>, String)| {
            (label.trim_end_matches('=').to_owned(), value.clone())
        };
        let fields: Vec<(String, Vec<u8>)> = seen.fields.iter().map(field).collect();
        assert_eq!(fields.iter().cloned().collect::<BTreeSet<_>>(), expected, "{form}");
        assert_eq!(seen.fields.len(), expected.len(), "{form}: each once");
        assert_eq!(times.len(), 40);
        // 1,700,000,000 seconds after 1970, by `date -u`; the first of the two that say it.
        let first = fields.iter().position(|(_, value)| value.starts_with(b"token ")).expect("it");
        assert_eq!(seen.fields[first].2, "2023-11-14T22:13:20.123456Z app.service MESSAGE");
        let config = fields.iter().position(|(name, _)| name == "CONFIG").expect("it");
        assert_eq!(seen.fields[config].2, "2023-11-14T22:13:22.123456Z cron CONFIG");
    }
}

/// Whatever is cut off or overwritten, reading ends, and what is whole is told.
#[test]
fn hostile_journals_end() {
    let whole = unpacked("zstd-1.journal");
    let end = whole.iter().rposition(|byte| *byte != 0).expect("bytes") + 1;
    // The tables come first; objects only behind them.
    let objects = whole.windows(8).position(|part| part == b"MESSAGE=").expect("one") - 72;
    for length in (0..300).step_by(7).chain((objects..end.min(objects + 4000)).step_by(61)) {
        seen(&whole[..length]);
    }
    for at in (0..272).step_by(5).chain((objects..objects + 400).step_by(9)) {
        let mut bytes = whole[..end].to_vec();
        bytes[at] = !bytes[at];
        seen(&bytes);
    }
    // An object of no length, and one that ends behind all.
    for length in [0_u64, 16, 71, u64::MAX, 1 << 62] {
        let mut bytes = whole.clone();
        bytes[objects + 8..objects + 16].copy_from_slice(&length.to_le_bytes());
        let seen = seen(&bytes);
        // It, and what follows it where its length led.
        assert!(matches!(*seen.problems, [Reason::Corrupt] | [Reason::Corrupt, Reason::Corrupt]), "{length}");
        assert!(seen.fields.len() > 40, "{length}: {}", seen.fields.len());
    }
    // What says to hold more than it may: it is damaged, not unpacked.
    let lz4 = unpacked("lz4-0.journal");
    let mut journal = Journal::open(Whole(&lz4), lz4.len() as u64).expect("a journal");
    let packed = std::iter::from_fn(|| journal.next_field()).flatten();
    let packed: Vec<Data> = packed.filter(|data| data.packing == Packing::Lz4).collect();
    let [data] = packed.as_slice() else { panic!("{packed:?}") };
    let at = usize::try_from(data.payload.start).expect("small");
    for (length, reason) in [(15_u64 << 20, Reason::Corrupt), (1 << 40, Reason::OverBudget)] {
        let mut bytes = lz4.clone();
        bytes[at..at + 8].copy_from_slice(&length.to_le_bytes());
        assert_eq!(seen(&bytes).problems, [reason]);
    }
}

struct Whole<'b>(&'b [u8]);

impl ReadPages for Whole<'_> {
    fn read(&mut self, offset: u64, page: &mut [u8]) -> bool {
        let at = usize::try_from(offset).expect("small");
        self.0.get(at..at + page.len()).is_some_and(|from| {
            page.copy_from_slice(from);
            true
        })
    }
}
