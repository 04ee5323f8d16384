//! The settings around a place, read once for all rules that ask for them.

use std::cell::RefCell;
use std::rc::Rc;

use crate::formats::settings::{MAX_SIDE, Settings};

/// What was read last: several rules look at one place, one after the other.
struct Last {
    /// The text that the reading depends on, and where the place is in it.
    window: Vec<u8>,
    place: usize,
    from: usize,
    settings: Option<Rc<Settings>>,
}

thread_local! {
    static LAST: RefCell<Option<Last>> = const { RefCell::new(None) };
}

/// How far before a place the readers look: the tags of XML reach furthest.
const BEFORE: usize = 2048;

/// [`Settings::around_name`], remembered for the next rule.
pub(super) fn around_name(text: &[u8], at: usize) -> Option<Rc<Settings>> {
    let from = at.saturating_sub(BEFORE);
    let window = text.get(from..at.saturating_add(MAX_SIDE).min(text.len()))?;
    LAST.with_borrow_mut(|last| {
        // Places are those of the text, which is another one only with other bytes.
        if let Some(found) =
            last.as_ref().filter(|found| found.from == from && found.place == at && found.window == window)
        {
            return found.settings.clone();
        }
        let settings = Settings::around_name(text, at).map(Rc::new);
        let window = match last.take() {
            Some(mut old) => {
                old.window.clear();
                old.window.extend_from_slice(window);
                old.window
            }
            None => window.to_vec(),
        };
        *last = Some(Last { window, place: at, from, settings: settings.clone() });
        settings
    })
}
