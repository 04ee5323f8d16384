//! Rule packs: a wrong one is refused with messages that can be shown, and one
//! that is taken can be scanned with.
#![no_main]

use libfuzzer_sys::fuzz_target;
use snapsift::rules::{RuleSet, parse, render_all};
use snapsift::scan::{Engine, examples};

fuzz_target!(|text: &str| {
    match parse("fuzz.toml", text) {
        Ok(pack) => {
            let rules = RuleSet::new(pack.rules, String::new());
            let engine = Engine::new(&rules);
            engine.scanner().scan(text.as_bytes(), &mut |_| {});
            // Examples may fail; to say so must be possible.
            let _ = render_all(&examples::check(&rules), true);
        }
        Err(diagnostics) => {
            assert!(!diagnostics.is_empty(), "a pack is refused without a reason");
            let _ = render_all(&diagnostics, true);
            let _ = render_all(&diagnostics, false);
        }
    }
});
