//! Key nodes, and the lists of those below them.

use std::ops::ControlFlow;

use super::HiveError;
use super::cell::{Cell, Cells, le16, le32};
use crate::formats::sqlite::ReadPages;

/// Flag: the name is ISO 8859-1.
const NARROW: u16 = 0x20;
/// What stands in the place of an offset where there is nothing.
const NOTHING: u32 = u32::MAX;

/// A key node.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) name: String,
    /// The cell with its values, and how many there are.
    pub(super) values: Option<(u32, u32)>,
    /// The cell with the list of keys below it.
    pub(super) children: Option<u32>,
}

impl Node {
    pub(super) fn read(cells: &mut Cells<impl ReadPages>, offset: u32) -> Result<Self, HiveError> {
        let cell = cells.take(offset)?;
        Self::parse(cells, cell).ok_or(HiveError::Cell(cell.at()))
    }

    fn parse(cells: &mut Cells<impl ReadPages>, cell: Cell) -> Option<Self> {
        let mut head = [0; 76];
        cells.fill(cell, 0, &mut head)?;
        if !head.starts_with(b"nk") {
            return None;
        }
        let is_narrow = le16(&head, 2)? & NARROW != 0;
        let name = cells.name(cell, 76, le16(&head, 72)?, is_narrow)?;
        let some = |count: u32, offset: u32| (count > 0 && offset != NOTHING).then_some(offset);
        let values = le32(&head, 36)?;
        let list = some(values, le32(&head, 40)?).map(|offset| (offset, values));
        Some(Self { name, values: list, children: some(le32(&head, 20)?, le32(&head, 28)?) })
    }
}

/// Gives the offsets of the keys in a list.
pub(super) fn children(
    cells: &mut Cells<impl ReadPages>,
    list: u32,
    give: &mut dyn FnMut(Result<u32, HiveError>) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let Ok((cell, kind, count)) = open(cells, list).map_err(|error| give(Err(error))) else {
        return ControlFlow::Continue(());
    };
    if kind != *b"ri" {
        return leaf(cells, (cell, kind, count), give);
    }
    // A list of lists, which has no further lists of lists in it.
    for index in 0..u64::from(count) {
        let Some(list) = cells.number(cell, 4_u64.saturating_add(index.saturating_mul(4))) else {
            return give(Err(HiveError::Cell(cell.at())));
        };
        match open(cells, list) {
            Ok((cell, kind, _)) if kind == *b"ri" => give(Err(HiveError::Cell(cell.at())))?,
            Ok(list) => leaf(cells, list, give)?,
            Err(error) => give(Err(error))?,
        }
    }
    ControlFlow::Continue(())
}

type List = (Cell, [u8; 2], u16);

fn open(cells: &mut Cells<impl ReadPages>, list: u32) -> Result<List, HiveError> {
    let cell = cells.take(list)?;
    let mut head = [0; 4];
    cells.fill(cell, 0, &mut head).ok_or(HiveError::Cell(cell.at()))?;
    let [first, second, count @ ..] = head;
    Ok((cell, [first, second], u16::from_le_bytes(count)))
}

/// Gives the offsets of a list that has them itself.
fn leaf(
    cells: &mut Cells<impl ReadPages>,
    (cell, kind, count): List,
    give: &mut dyn FnMut(Result<u32, HiveError>) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let step = match &kind {
        b"li" => 4,
        // With a part of each name, or a hash of it.
        b"lf" | b"lh" => 8,
        _ => return give(Err(HiveError::Cell(cell.at()))),
    };
    for index in 0..u64::from(count) {
        match cells.number(cell, 4_u64.saturating_add(index.saturating_mul(step))) {
            Some(child) => give(Ok(child))?,
            None => return give(Err(HiveError::Cell(cell.at()))),
        }
    }
    ControlFlow::Continue(())
}
