//! What was taken for granted when a table was read.

use std::fmt;

use super::separator::Separator;
use super::{Place, Unit};

/// What was taken for granted when a table was read. Its text is one line.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Note {
    /// The text is not UTF-8.
    Encoding(&'static str),
    /// What separates the columns.
    Separator {
        /// What stands between the fields.
        separator: Separator,
        /// Whether a comma is the decimal mark.
        decimal_comma: bool,
    },
    /// A row holds the names of the columns.
    Header {
        /// Line of the header.
        line: usize,
        /// The names.
        names: Vec<String>,
        /// Whether it is a comment.
        comment: bool,
    },
    /// The first row is data.
    NoHeader,
    /// The header stands among the rows again.
    RepeatedHeader {
        /// How often.
        times: usize,
        /// The first of these lines.
        line: usize,
    },
    /// Every row ends in a separator.
    TrailingSeparator,
    /// A column is not a coordinate.
    LeftOut {
        /// Number and name of the column.
        column: String,
        /// Why it was left out.
        reason: &'static str,
    },
    /// A column that counts the rows was taken for a coordinate.
    Index {
        /// Number and name of the column.
        column: String,
    },
    /// Columns of the coordinates.
    Columns(Vec<String>),
    /// Columns of the conditioning variables.
    Contexts(Vec<String>),
    /// Weights of the rows.
    Weights {
        /// Number and name of the column.
        column: String,
        /// Rows of positive weight.
        rows: usize,
        /// Rows of weight zero.
        zero: usize,
        /// Effective number of rows.
        effective: f64,
    },
    /// Unit of the angles.
    Unit {
        /// The unit.
        unit: Unit,
        /// How it is known.
        reason: &'static str,
    },
    /// Angles beyond a turn.
    Wrapped {
        /// How many.
        count: usize,
        /// The first.
        at: Place,
        /// The first one's value.
        value: f64,
        /// Its unit.
        unit: Unit,
    },
    /// Unit vectors that were divided by their length.
    Normalised {
        /// How much a length missed 1 at most.
        error: f64,
    },
    /// Rows without a value.
    Dropped {
        /// How many.
        rows: usize,
        /// The first.
        at: Place,
    },
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Encoding(encoding) => write!(f, "the text is read as {encoding}: it is not UTF-8"),
            Self::Separator { separator: Separator::Line, .. } => f.write_str("there is one column"),
            Self::Separator { separator, decimal_comma } => {
                let comma = if *decimal_comma { ", the comma is the decimal mark" } else { "" };
                write!(f, "columns are separated by {separator}{comma}")
            }
            Self::Header { line, names, comment } => {
                let comment = if *comment { ", a comment," } else { "" };
                write!(f, "line {line}{comment} names the columns: {}", names.join(", "))
            }
            Self::NoHeader => f.write_str("the first row is data: there is no header"),
            Self::RepeatedHeader { times: 1, line } => {
                write!(f, "the header stands in line {line} again, which is left out")
            }
            Self::RepeatedHeader { times, line } => {
                write!(f, "the header stands in {times} more lines, first line {line}, which are left out")
            }
            Self::TrailingSeparator => f.write_str("every row ends in a separator, which begins no column"),
            Self::LeftOut { column, reason } => write!(f, "{column} is left out: {reason}"),
            Self::Index { column } => {
                write!(f, "{column} counts the rows: if it is an index, name the others by `columns`")
            }
            Self::Columns(columns) => write!(f, "coordinates, in their order: {}", columns.join(", ")),
            Self::Contexts(columns) => write!(f, "the density is that given {}", columns.join(", ")),
            Self::Weights { column, rows, zero, effective } => {
                let zero = match zero {
                    0 => String::new(),
                    1 => ", and 1 row has weight 0 and does not count".to_owned(),
                    zero => format!(", and {zero} rows have weight 0 and do not count"),
                };
                write!(f, "weights: {column}; {rows} rows are worth {effective:.1} of equal weight{zero}")
            }
            Self::Unit { unit, reason } => write!(f, "angles are {unit}: {reason}"),
            Self::Wrapped { count: 1, at, value, unit } => {
                write!(f, "1 angle beyond a turn is wrapped: {value} {unit} in {at}")
            }
            Self::Wrapped { count, at, value, unit } => {
                write!(f, "{count} angles beyond a turn are wrapped, first {value} {unit} in {at}")
            }
            Self::Normalised { error } => {
                write!(f, "unit vectors are divided by their length, which misses 1 by up to {error:.1e}")
            }
            Self::Dropped { rows: 1, at } => write!(f, "1 row without a value is left out: {at}"),
            Self::Dropped { rows, at } => {
                write!(f, "{rows} rows without a value are left out, first {at}")
            }
        }
    }
}
