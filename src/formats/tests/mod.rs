//! Tests of the parsers: keys made by the programs whose formats they are, texts
//! by the grammars' own documents, and bytes that nobody should have written.

mod containers;
mod damaged;
mod hostile;
mod keys;
mod public;
mod texts;
