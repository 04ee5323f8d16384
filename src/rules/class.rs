//! Classes of a pattern as sets of bytes.

use regex_syntax::hir::{Class, ClassBytes};

/// The class as one of bytes, unless it has members of several bytes. (With Unicode
/// off `regex_syntax` still makes a class of characters of an alternation of them.)
pub(super) fn byte_class(class: &Class) -> Option<ClassBytes> {
    match class {
        Class::Bytes(class) => Some(class.clone()),
        Class::Unicode(class) => class.to_byte_class(),
    }
}
