//! Points from a CSV file, checked row by row.

use std::path::{Path, PathBuf};

use ircpm_manifolds::{InvalidPoint, Manifold, Product};

/// Why a file is not a set of points.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// The file cannot be read, or is not CSV.
    #[error("data file {}: {source}; [data] file is relative to the configuration's folder", path.display())]
    Csv {
        /// The file.
        path: PathBuf,
        /// What the reader says.
        source: csv::Error,
    },
    /// A field is not a number.
    #[error("{}, line {line}, column {column}: `{value}` is not a number; give coordinates in radians, after one header line", path.display())]
    Number {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: u64,
        /// Column, from 1.
        column: usize,
        /// The field.
        value: String,
    },
    /// A row has too few or too many fields.
    #[error("{}, line {line}: {found} columns, but a point of {manifold} has {expected} coordinates", path.display())]
    Columns {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: u64,
        /// Fields in the row.
        found: usize,
        /// Coordinates of a point.
        expected: usize,
        /// Name of the manifold.
        manifold: String,
    },
    /// The numbers are not a point.
    #[error("{}, line {line}: {values:?} is not a point of {manifold}: {source}", path.display())]
    Point {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: u64,
        /// The row.
        values: Vec<f64>,
        /// Name of the manifold.
        manifold: String,
        /// What the manifold says.
        source: InvalidPoint,
    },
    /// No rows.
    #[error("{} has {rows} points after the header line: at least {needed} are needed", path.display())]
    TooFew {
        /// The file.
        path: PathBuf,
        /// Rows.
        rows: usize,
        /// The least that will do.
        needed: usize,
    },
}

/// Reads points, `[row][coordinate]`, angles wrapped into `[0, 2π)`.
///
/// # Errors
/// [`DataError`] at the first row that is not a point, or when there are fewer than two.
pub fn read(path: &Path, manifold: &Product) -> Result<Vec<f64>, DataError> {
    let csv_error = |source| DataError::Csv { path: path.to_owned(), source };
    let mut reader =
        csv::ReaderBuilder::new().trim(csv::Trim::All).flexible(true).from_path(path).map_err(csv_error)?;
    let ambient = manifold.ambient();
    let mut points = Vec::new();
    for record in reader.records() {
        let record = record.map_err(csv_error)?;
        let line = record.position().map_or(0, csv::Position::line);
        if record.len() != ambient {
            let (path, manifold) = (path.to_owned(), manifold.to_string());
            return Err(DataError::Columns { path, line, found: record.len(), expected: ambient, manifold });
        }
        let mut values = Vec::with_capacity(ambient);
        for (column, field) in record.iter().enumerate() {
            values.push(field.parse::<f64>().map_err(|_| DataError::Number {
                path: path.to_owned(),
                line,
                column: column + 1,
                value: field.to_owned(),
            })?);
        }
        if let Err(source) = manifold.check_point(&values) {
            let (path, manifold) = (path.to_owned(), manifold.to_string());
            return Err(DataError::Point { path, line, values, manifold, source });
        }
        manifold.wrap(&mut values);
        points.extend(values);
    }
    let rows = points.len() / ambient;
    if rows < 2 { Err(DataError::TooFew { path: path.to_owned(), rows, needed: 2 }) } else { Ok(points) }
}
