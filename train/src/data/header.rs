//! Whether the first row of a table holds the names of its columns.

use std::path::Path;

use super::DataError;
use super::field::{Cell, cell, is_integer, remedy};
use super::separator::Separator;
use super::table::{label, place, short};

/// What numbers begin with.
const NUMERIC: [char; 14] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '+', '-', '.', '\u{2212}'];

/// What the first row of a table is.
#[derive(Debug, PartialEq)]
pub(super) enum FirstRow {
    /// Names of columns.
    Names(Vec<String>),
    /// A row like the others.
    Data,
}

/// Tells names from data in the first of the rows, each with its line.
///
/// A row without a single finite number holds names, unless it is a row of gaps or all its words begin like numbers. A row of the numbers 0, 1, 2, … or 1, 2, 3, …
/// holds names if every number below has a decimal mark or an exponent, and data if some have and others have not; it
/// may be either if none has. Any other row is data; text in it has to be text in the next row as well.
///
/// # Errors
/// [`DataError::HeaderUnclear`] if it may be either, [`DataError::Number`] for a field that is neither.
pub(super) fn first_row(
    path: &Path,
    rows: &[(usize, &str)],
    separator: Separator,
    decimal_comma: bool,
) -> Result<FirstRow, DataError> {
    let (line, text) = rows[0];
    let fields = |text| separator.fields(text).unwrap_or_default();
    let names: Vec<String> = fields(text).iter().map(|field| field.to_string()).collect();
    let cells: Vec<Cell> = names.iter().map(|field| cell(field, decimal_comma)).collect();
    let is_number = |cell: &Cell| matches!(cell, Cell::Number(_));
    let unclear = || DataError::HeaderUnclear { at: place(path, line), text: short(text) };
    if !cells.iter().any(is_number) {
        let mut words =
            names.iter().zip(&cells).filter(|(_, cell)| **cell == Cell::Text).map(|(name, _)| name);
        return match (cells.contains(&Cell::Text), words.all(|word| word.starts_with(NUMERIC))) {
            (false, _) => Ok(FirstRow::Data),
            (true, false) => Ok(FirstRow::Names(names)),
            // Numbers that are miswritten would be lost as names.
            (true, true) => Err(unclear()),
        };
    }
    if let Some(i) = cells.iter().position(|cell| *cell == Cell::Text) {
        let below = rows.get(1).map(|(_, text)| fields(text)).unwrap_or_default();
        let same = |(field, cell_above): (&std::borrow::Cow<'_, str>, &Cell)| {
            *cell_above != Cell::Text || cell(field, decimal_comma) == Cell::Text
        };
        if !below.is_empty() && below.iter().zip(&cells).all(same) {
            return Ok(FirstRow::Data);
        }
        let (at, column, value) = (place(path, line), label(i, ""), short(&names[i]));
        let remedy = if rows.len() > 1 && value.starts_with(char::is_alphabetic) {
            "if this line holds the names of the columns, give header = true (--header yes)"
        } else {
            remedy(&value)
        };
        return Err(DataError::Number { at, column, value, remedy });
    }
    if !counts(&names) || rows.len() < 2 {
        return Ok(FirstRow::Data);
    }
    let filled = names.iter().filter(|name| !name.is_empty()).count();
    let below = rows[1..].iter().flat_map(|(_, text)| {
        let row = fields(text);
        // The first column may be an index, which says nothing.
        let index = usize::from(row.len() > 1 && row.len() > filled);
        row.into_iter().skip(index).filter(|field| is_number(&cell(field, decimal_comma)))
    });
    let (mut integers, mut others) = (false, false);
    below.for_each(|field| if is_integer(&field) { integers = true } else { others = true });
    match (integers, others) {
        (false, true) if names.len() > 1 => Ok(FirstRow::Names(names)),
        (true, true) => Ok(FirstRow::Data),
        _ => Err(unclear()),
    }
}

/// Whether fields are the numbers 0, 1, 2, … or 1, 2, 3, …; the first and the last may be empty.
fn counts(fields: &[String]) -> bool {
    let filled: Vec<&String> = fields.iter().filter(|field| !field.is_empty()).collect();
    let inner = fields.iter().enumerate().any(|(i, f)| f.is_empty() && i > 0 && i + 1 < fields.len());
    let from = |start: usize| filled.iter().enumerate().all(|(i, field)| **field == (start + i).to_string());
    !inner && !filled.is_empty() && (from(0) || from(1))
}
