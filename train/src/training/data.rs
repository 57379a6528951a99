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

/// Unit vectors whose length misses 1 by more than this are not rounded, but wrong: it is what numbers of five decimals
/// miss on S². Numbers of six decimals, and those of single precision, miss less.
const UNIT_TOLERANCE: f64 = 1e-5;

/// Points that were read.
#[derive(Clone, Debug, PartialEq)]
pub struct Points {
    /// The points, `[row][coordinate]`; angles in `[0, 2π)`, unit vectors of length 1.
    pub points: Vec<f64>,
    /// How much the length of a unit vector in the file missed 1 at most, before it was divided by its length.
    pub norm_error: f64,
}

/// Divides unit vectors by their length where that misses 1 by no more than `UNIT_TOLERANCE`, and returns the largest
/// miss. Others are left for the manifold to refuse.
fn normalise(manifold: &AnyManifold, point: &mut [f64]) -> f64 {
    let (mut largest, mut start) = (0.0, 0);
    for run in manifold.coordinates() {
        let block = &mut point[start..start + run.len()];
        start += run.len();
        if let Coordinates::UnitVector(_) = run {
            let norm = block.iter().map(|x| x * x).sum::<f64>().sqrt();
            let error = (norm - 1.0).abs();
            if error <= UNIT_TOLERANCE {
                block.iter_mut().for_each(|x| *x /= norm);
                largest = f64::max(largest, error);
            }
        }
    }
    largest
}

/// Reads points; angles are wrapped, and unit vectors that are rounded to some six digits are divided by their length.
///
/// # Errors
/// [`DataError`] at the first row that is not a point, or when there are fewer than two.
pub fn read(path: &Path, manifold: &AnyManifold) -> Result<Points, DataError> {
    let csv_error = |e: csv::Error| DataError::Csv { path: path.to_owned(), message: e.to_string() };
    let mut reader =
        csv::ReaderBuilder::new().trim(csv::Trim::All).flexible(true).from_path(path).map_err(csv_error)?;
    let header = reader.headers().map_err(csv_error)?;
    if !header.is_empty() && header.iter().all(|field| field.parse::<f64>().is_ok()) {
        return Err(DataError::NoHeader { path: path.to_owned() });
    }
    let ambient = manifold.ambient();
    let angles = angles(manifold);
    let (mut points, mut norm_error) = (Vec::new(), 0.0);
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
        norm_error = f64::max(norm_error, normalise(manifold, &mut values));
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
    let too_few = || DataError::TooFew { path: path.to_owned(), rows, needed: 2 };
    if rows < 2 { Err(too_few()) } else { Ok(Points { points, norm_error }) }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What is read from a file of these rows, after a header line.
    fn read_rows(rows: &str, manifold: &str) -> Result<Points, DataError> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("points.csv");
        std::fs::write(&path, format!("header\n{rows}\n")).expect("a file");
        read(&path, &manifold.parse().expect("a manifold"))
    }

    #[test]
    fn unit_vectors_of_six_decimals_and_single_precision_are_normalised() {
        // The vector (0.5725204…, −0.7169173…, 0.3978063…) of length 1, rounded: each coordinate errs by half of its last
        // digit, the length by √3 times as much.
        for (row, error) in
            [("0.572520,-0.716917,0.397806", 9e-7), ("0.572520375,-0.716917396,0.397806317", 1e-7)]
        {
            let read = read_rows(&format!("{row},2\n0,0,1,3"), "S2xR1").expect("points");
            let norm = read.points[..3].iter().map(|x| x * x).sum::<f64>().sqrt();
            assert!((norm - 1.0).abs() < 3e-16, "{row}: {norm}");
            assert!(read.norm_error > 0.0 && read.norm_error < error, "{row}: {}", read.norm_error);
            assert_eq!(read.points[3..], [2.0, 0.0, 0.0, 1.0, 3.0], "{row}");
        }
    }

    #[test]
    fn vectors_that_are_not_rounded_but_wrong_are_refused_as_they_are() {
        let refusal = read_rows("0,0,1\n0,0.6,0.8001", "S2").expect_err("a refusal").to_string();
        assert!(refusal.contains("line 3: [0.0, 0.6, 0.8001]"), "{refusal}");
    }
}
