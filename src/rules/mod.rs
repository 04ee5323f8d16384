//! Rule packs: TOML text → validated [`Rule`]s → a [`RuleSet`].
//!
//! Role: everything about a rule that can be known without scanning: its texts,
//! its pattern, the literals that every match must contain, its checks and
//! conditions as data. Not for: matching (see `scan`), which is given a
//! [`RuleSet`] and never reads a pack.

mod check;
pub mod rule;

pub use check::{Check, ValueKind};
pub use rule::{
    ByteSet, Context, ContextMode, CounterExample, Example, Ignore, Literal, Nearby, Rule, RuleSet, Side,
    TargetTemplate, ValidityFields,
};
