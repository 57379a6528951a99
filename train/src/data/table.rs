//! A table: rows of fields, and names of columns.

use std::path::Path;

use super::field::{Cell, remedy};
use super::separator::Separator;
use super::{DataError, Place};

/// Most rows of a table.
pub const MOST_ROWS: usize = 1 << 24;

/// A table of numbers, gaps and text.
pub(super) struct Table<'a> {
    pub path: &'a Path,
    /// Names of the columns; empty if there are none.
    pub names: Vec<String>,
    pub width: usize,
    /// `[row][column]`.
    pub cells: Vec<Cell>,
    pub origin: Origin<'a>,
}

/// Where the rows of a table come from.
pub(super) enum Origin<'a> {
    /// Lines of a text, each with its number from 1 and its text.
    Lines { lines: Vec<(usize, &'a str)>, separator: Separator },
    /// Rows of an array.
    Array,
    /// Rows of columns that hold numbers, or something else.
    #[cfg_attr(not(feature = "parquet"), expect(dead_code))]
    Columns { kinds: Vec<Option<&'static str>> },
}

impl<'a> Table<'a> {
    pub(super) fn rows(&self) -> impl ExactSizeIterator<Item = &[Cell]> {
        self.cells.chunks_exact(self.width)
    }

    pub(super) fn column(&self, column: usize) -> impl Iterator<Item = Cell> {
        self.cells.iter().skip(column).step_by(self.width).copied()
    }

    /// Whether a column holds 0, 1, 2, … or 1, 2, 3, …
    pub(super) fn counts_rows(&self, column: usize) -> bool {
        let Some(Cell::Number(start)) = self.column(column).next() else { return false };
        let expected = |row: usize| Cell::Number(start + row as f64);
        (start == 0.0 || start == 1.0)
            && self.column(column).enumerate().all(|(row, cell)| cell == expected(row))
    }

    pub(super) fn remove_column(&mut self, column: usize) {
        let mut i = 0;
        self.cells.retain(|_| {
            i += 1;
            (i - 1) % self.width != column
        });
        self.width -= 1;
    }

    /// Where a row stands.
    pub(super) fn place(&self, row: usize) -> Place {
        match &self.origin {
            Origin::Lines { lines, .. } => place(self.path, lines[row].0),
            Origin::Array | Origin::Columns { .. } => {
                Place { path: self.path.to_owned(), number: row + 1, array: true }
            }
        }
    }

    /// A column as it is called in messages.
    pub(super) fn label(&self, column: usize) -> String {
        label(column, self.names.get(column).map_or("", String::as_str))
    }

    pub(super) fn labels(&self) -> Vec<String> {
        (0..self.width).map(|column| self.label(column)).collect()
    }

    /// What a column holds, where its file says that it is not numbers.
    pub(super) fn kind(&self, column: usize) -> Option<&'static str> {
        match &self.origin {
            Origin::Columns { kinds } => kinds.get(column).copied().flatten(),
            Origin::Lines { .. } | Origin::Array => None,
        }
    }

    /// The text of a field.
    fn field(&self, row: usize, column: usize) -> String {
        match (&self.origin, self.cells[row * self.width + column]) {
            (Origin::Lines { lines, separator }, _) => {
                let fields = separator.fields(lines[row].1).unwrap_or_default();
                fields.get(column).map(|field| short(field)).unwrap_or_default()
            }
            (_, Cell::Number(number)) => number.to_string(),
            (Origin::Array, _) => "nan".to_owned(),
            (Origin::Columns { .. }, _) => String::new(),
        }
    }

    /// The error of a field that is not a number.
    pub(super) fn fault(&self, row: usize, column: usize) -> DataError {
        if let Some(found) = self.kind(column) {
            return DataError::Kind { path: self.path.to_owned(), column: self.label(column), found };
        }
        let (at, label, value) = (self.place(row), self.label(column), self.field(row, column));
        match self.cells[row * self.width + column] {
            Cell::Missing => DataError::Missing { at, column: label, value },
            _ => DataError::Number { at, column: label, remedy: remedy(&value), value },
        }
    }
}

/// A line of a text.
pub(super) fn place(path: &Path, number: usize) -> Place {
    Place { path: path.to_owned(), number, array: false }
}

/// A column as it is called in messages.
pub(super) fn label(column: usize, name: &str) -> String {
    let number = column + 1;
    if name.is_empty() { format!("column {number}") } else { format!("column {number} ({name})") }
}

/// The beginning of a text that may be long, on one line.
pub(super) fn short(text: &str) -> String {
    const MOST: usize = 40;
    let visible = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
    let start: String = text.chars().take(MOST).map(visible).collect();
    if text.chars().nth(MOST).is_some() { start + "…" } else { start }
}
