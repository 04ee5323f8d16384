pub(crate) fn add(_: &mut crate::shelf::Shelf) {}
