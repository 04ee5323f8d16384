//! The engine with the built-in rules over any bytes: whole, in windows, and with
//! every kernel of this machine, always with the same result.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use snapsift::rules::RuleSet;
use snapsift::scan::{Engine, Kernel, Match};

type Seen = Vec<(usize, u64, u64, u64, Vec<u8>, Vec<(String, String)>)>;

fn engines() -> &'static [Engine] {
    static ENGINES: OnceLock<Vec<Engine>> = OnceLock::new();
    ENGINES.get_or_init(|| {
        let rules = RuleSet::builtin().expect("the built-in rules load");
        let kernels = Kernel::ALL.into_iter().rev().filter(|kernel| kernel.is_available());
        kernels.map(|kernel| Engine::with_kernel(&rules, kernel)).collect()
    })
}

fn take(seen: &mut Seen, found: Match) {
    let secret = found.secret.expose().to_vec();
    let attributes = found.attributes.into_iter().collect();
    seen.push((found.rule, found.start, found.end, found.secret_start, secret, attributes));
}

fn whole(engine: &Engine, text: &[u8]) -> Seen {
    let mut seen = Seen::new();
    engine.scanner().scan(text, &mut |found| take(&mut seen, found));
    seen.sort();
    seen
}

fn in_windows(engine: &Engine, text: &[u8], step: usize) -> Seen {
    let mut seen = Seen::new();
    let mut scanner = engine.scanner();
    scanner.begin(0);
    let (mut from, mut to) = (0, 0);
    loop {
        to = text.len().min(to + step);
        let last = to == text.len();
        let keep = scanner.feed(&text[from..to], from as u64, last, &mut |found| take(&mut seen, found));
        if last {
            break;
        }
        from = usize::try_from(keep).expect("it is an offset in the text");
    }
    seen.sort();
    seen
}

fuzz_target!(|data: &[u8]| {
    let Some(([low, high, step], data)) = data.split_first_chunk() else { return };
    let before = usize::from(u16::from_le_bytes([*low, *high]));
    // The kernels, with the data at any place in their blocks.
    let mut text = vec![b'\n'; before % 512];
    text.extend_from_slice(data);
    let expected = whole(&engines()[0], &text);
    for engine in &engines()[1..] {
        assert!(whole(engine, &text) == expected, "{}", engine.kernel().name());
    }
    // The windows. The longest rule looks 64 KiB ahead: without padding no window
    // would end within the data. That costs time, so not always.
    if step % 8 == 0 {
        text = vec![b'\n'; before];
        text.extend_from_slice(data);
        text.resize(text.len() + 80_000, b' ');
        let step = 1024 * (usize::from(*step) + 4) + usize::from(*step);
        let expected = whole(&engines()[0], &text);
        assert!(in_windows(&engines()[0], &text, step) == expected, "windows of {step} bytes");
    }
});
