//! Rule packs: TOML text → validated [`Rule`]s → a [`RuleSet`].
//!
//! Role: everything about a rule that can be known without scanning: its texts,
//! its pattern, the literals that every match must contain, its checks and
//! conditions as data. Not for: matching (see `scan`), which is given a
//! [`RuleSet`] and never reads a pack. The format is described in `docs/rules.md`.
//!
//! No regular expression is compiled here: a rule set of thousands loads in
//! milliseconds, and the engine compiles what it needs when it needs it.

mod builtin;
mod check;
mod choice;
mod class;
mod diagnostic;
mod format;
pub mod import;
pub mod literals;
mod load;
mod lower;
pub mod pack;
mod pattern;
mod raw;
mod read;
pub mod rule;
mod skeleton;
mod suggest;

pub use check::{Check, ContainerForm, KeyUse, PasswordEncoding, SignedUrlForm, SumDigits, ValueKind};
pub use choice::named;
pub use diagnostic::{Diagnostic, Level, render_all};
pub use format::format;
pub use load::{LoadError, LoadOptions};
pub use lower::is_id;
pub use pack::{Pack, parse};
pub(crate) use pattern::{MAX_PATTERN_STATES, Patterns, states};
pub use rule::{
    ByteSet, Context, ContextMode, CounterExample, Example, Ignore, Literal, Nearby, Place, Rule, RuleSet,
    RuleSource, Side, TargetTemplate, ValidityFields,
};
pub use skeleton::skeleton;
