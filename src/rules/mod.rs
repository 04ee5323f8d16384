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
pub mod literals;
mod load;
mod lower;
pub mod pack;
mod pattern;
mod raw;
mod read;
pub mod rule;
mod suggest;

pub use check::{Check, ContainerForm, KeyUse, PasswordEncoding, SignedUrlForm, SumDigits, ValueKind};
pub use choice::named;
pub use diagnostic::{Diagnostic, Level, render_all};
pub use load::{LoadError, LoadOptions};
pub use pack::{Pack, parse};
pub use rule::{
    ByteSet, Context, ContextMode, CounterExample, Example, Ignore, Literal, Nearby, Rule, RuleSet,
    RuleSource, Side, TargetTemplate, ValidityFields,
};
