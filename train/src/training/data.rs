//! Points from a CSV file, checked row by row.

use std::path::{Path, PathBuf};

use ircpm_manifolds::{AnyManifold, Coordinates, InvalidPoint};

/// Why a file is not a set of points.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The file cannot be read, or is not CSV.
    #[error("data file {}: {message}; [data] file is relative to the configuration's folder", path.display())]
    Csv {
        /// The file.
        path: PathBuf,
        /// What the reader says.
        message: String,
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
    /// The first line would be lost as a header.
    #[error("{}, line 1: all numbers, where the names of the columns belong; put a header line above it", path.display())]
    NoHeader {
        /// The file.
        path: PathBuf,
    },
    /// A row has too few or too many fields.
    #[error(
        "{}, line {line}: {found} columns, but a point of {manifold} has {expected} coordinates; give one column for \
         each, separated by commas",
        path.display()
    )]
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
    /// An angle beyond a full turn.
    #[error("{}, line {line}, column {column}: the angle {value} is beyond ±2π; give radians, not degrees", path.display())]
    Angle {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: u64,
        /// Column, from 1.
        column: usize,
        /// The angle.
        value: f64,
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

/// 2π, with room for a last digit that was rounded up.
const LARGEST_ANGLE: f64 = std::f64::consts::TAU + 0.01;

/// Which coordinates are angles.
fn angles(manifold: &AnyManifold) -> Vec<bool> {
    let of = |block: Coordinates| std::iter::repeat_n(matches!(block, Coordinates::Angles(_)), block.len());
    manifold.coordinates().into_iter().flat_map(of).collect()
}

/// Reads points, `[row][coordinate]`, angles wrapped into `[0, 2π)`.
///
/// # Errors
/// [`DataError`] at the first row that is not a point, or when there are fewer than two.
pub fn read(path: &Path, manifold: &AnyManifold) -> Result<Vec<f64>, DataError> {
    let csv_error = |e: csv::Error| DataError::Csv { path: path.to_owned(), message: e.to_string() };
    let mut reader =
        csv::ReaderBuilder::new().trim(csv::Trim::All).flexible(true).from_path(path).map_err(csv_error)?;
    let header = reader.headers().map_err(csv_error)?;
    if !header.is_empty() && header.iter().all(|field| field.parse::<f64>().is_ok()) {
        return Err(DataError::NoHeader { path: path.to_owned() });
    }
    let ambient = manifold.ambient();
    let angles = angles(manifold);
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
        if let Some(i) = (0..ambient).find(|&i| angles[i] && values[i].abs() > LARGEST_ANGLE) {
            let (path, column, value) = (path.to_owned(), i + 1, values[i]);
            return Err(DataError::Angle { path, line, column, value });
        }
        manifold.wrap(&mut values);
        points.extend(values);
    }
    let rows = points.len() / ambient;
    if rows < 2 { Err(DataError::TooFew { path: path.to_owned(), rows, needed: 2 }) } else { Ok(points) }
}

/// Points to learn from, and every `1/share`-th one held out: no seed, and files sorted by anything are split evenly.
pub(crate) fn split(points: &[f64], ambient: usize, share: f64) -> (Vec<f64>, Vec<f64>) {
    let (mut train, mut held_out) = (Vec::new(), Vec::new());
    for (i, point) in points.chunks_exact(ambient).enumerate() {
        let taken = ((i + 1) as f64 * share).floor() > (i as f64 * share).floor();
        if taken { held_out.extend(point) } else { train.extend(point) }
    }
    (train, held_out)
}
