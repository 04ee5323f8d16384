//! Queries of signed URLs around any byte of any text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use snapsift::formats::query::Query;

fuzz_target!(|data: &[u8]| {
    let Some((at, text)) = data.split_first_chunk() else { return };
    let at = usize::from(u16::from_le_bytes(*at));
    let at = at.min(text.len());
    let query = Query::around(text, at);
    assert!(query.span.start <= at && at <= query.span.end && query.span.end <= text.len());
    for name in ["sig", "se", "st", "sp", "sv", "sr", "ss", "srt", "spr", "sip", ""] {
        if let Some(span) = query.span_of(name) {
            assert!(query.span.start <= span.start && span.start <= span.end && span.end <= query.span.end);
        }
        let _ = query.get(name);
    }
    let _ = (query.host(), query.path());
});
