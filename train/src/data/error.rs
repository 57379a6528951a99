//! Why a file is not a set of points: the place, the cause, the remedy.

use std::path::PathBuf;

use ircpm_manifolds::InvalidPoint;

use super::{Place, Unit};

/// Why a file is not a set of points.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The file cannot be read.
    #[error(
        "data file {}: {message}; check the name, which starts from the configuration's folder, and its permissions",
        path.display()
    )]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system says.
        message: String,
    },
    /// A folder, a pipe or a device.
    #[error(
        "{} is a folder, a pipe or a device, not a regular file: save the points in one, and give its name",
        path.display()
    )]
    NotAFile {
        /// What was given.
        path: PathBuf,
    },
    /// The file is larger than is read.
    #[error("{} has more than {limit} bytes: take every n-th row, or save it as .npy", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The most bytes that are read.
        limit: u64,
    },
    /// The file is not the one that a run was made of.
    #[error(
        "{} has changed: its CRC-32 is {found}, but the configuration's is {expected}; put the original back, or train \
         the new points as a run of their own, without the key `crc32`", path.display()
    )]
    Changed {
        /// The file.
        path: PathBuf,
        /// What the configuration has.
        expected: String,
        /// What the file has.
        found: String,
    },
    /// A file of a format that is not read.
    #[error("{} is {found}: {remedy}", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What the file's first bytes say it is.
        found: &'static str,
        /// What to do.
        remedy: &'static str,
    },
    /// Bytes that no text has.
    #[error(
        "{at}: a zero byte, which no text has; the file is damaged, or an array that needs the ending .npy or .npz"
    )]
    Binary {
        /// The row.
        at: Place,
    },
    /// A quoted field without an end.
    #[error("{at}: a quoted field does not end in its line; close the quote, or remove it")]
    Quote {
        /// The row.
        at: Place,
    },
    /// A row has another number of fields than the rows before.
    #[error("{at}: {}, but {expected} in the rows above; complete the row, or remove it", count(*found, "column"))]
    Ragged {
        /// The row.
        at: Place,
        /// Fields of the row.
        found: usize,
        /// Fields of the first row.
        expected: usize,
    },
    /// The header has another number of names than the rows have fields.
    #[error(
        "{at}: {} ({}) above rows of {}; give every column its name, separated like the fields",
        count(names.len(), "name"), list(names), count(*columns, "column")
    )]
    HeaderWidth {
        /// The header.
        at: Place,
        /// Its names.
        names: Vec<String>,
        /// Columns of the rows.
        columns: usize,
    },
    /// The first row may be a header of numbers, or a point.
    #[error(
        "{at}: `{text}` may be the header or the first row of data; give header = true (--header yes) or \
         header = false (--header no)"
    )]
    HeaderUnclear {
        /// The row.
        at: Place,
        /// The row's text.
        text: String,
    },
    /// A field is not a number.
    #[error("{at}, {column}: `{value}` is not a number; {remedy}")]
    Number {
        /// The row.
        at: Place,
        /// Number and name of the column.
        column: String,
        /// The field.
        value: String,
        /// What to do.
        remedy: &'static str,
    },
    /// A value is not there.
    #[error(
        "{at}, {column}: {}; complete the row, or leave such rows out by drop_missing = true (--drop-missing)",
        gap(value)
    )]
    Missing {
        /// The row.
        at: Place,
        /// Number and name of the column.
        column: String,
        /// The field.
        value: String,
    },
    /// The table has too many or too few columns.
    #[error(
        "{} has {} ({}), but {needs}; {remedy}",
        path.display(), count(columns.len(), "column"), list(columns)
    )]
    Columns {
        /// The file.
        path: PathBuf,
        /// Numbers and names of the columns.
        columns: Vec<String>,
        /// What a point needs.
        needs: String,
        /// What to do.
        remedy: String,
    },
    /// The option `columns` names too many or too few.
    #[error("`columns` has {found}, but {needs}; give one for each coordinate, in their order")]
    Choice {
        /// Columns in the option.
        found: usize,
        /// What a point needs.
        needs: String,
    },
    /// The option `context` names too many or too few.
    #[error(
        "`context` has {found}, but densities on {manifold} are conditional on {}; give one column for each of these",
        count(manifold.rsplit_once('C').and_then(|(_, k)| k.parse().ok()).unwrap_or(0), "variable")
    )]
    Contexts {
        /// Columns in the option.
        found: usize,
        /// Name of the manifold.
        manifold: String,
    },
    /// A conditioning variable is another column as well.
    #[error("{}: {column} is a conditioning variable, so it is no other one and no coordinate: name it once", path.display())]
    Twice {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
    },
    /// Columns of latitude and longitude where unit vectors are read.
    #[error(
        "{}: {latitude} and {longitude} are a latitude and a longitude, but unit vectors are read; give lat_lon = true \
         (--lat-lon), or choose the columns of unit vectors by `columns`", path.display()
    )]
    Globes {
        /// The file.
        path: PathBuf,
        /// Number and name of the column of latitudes.
        latitude: String,
        /// Number and name of the column of longitudes.
        longitude: String,
    },
    /// No column has a name or number.
    #[error("{}: no column `{name}`; there are {}", path.display(), list(known))]
    Name {
        /// The file.
        path: PathBuf,
        /// What was asked for.
        name: String,
        /// Numbers and names of the columns.
        known: Vec<String>,
    },
    /// Several columns have a name.
    #[error("{}: several columns are named `{name}`; give the column's number", path.display())]
    Ambiguous {
        /// The file.
        path: PathBuf,
        /// What was asked for.
        name: String,
    },
    /// A weight is negative.
    #[error(
        "{at}, {column}: the weight {value} is negative; give 0 or more, 0 for a row that does not count"
    )]
    Weight {
        /// The row.
        at: Place,
        /// Number and name of the column.
        column: String,
        /// The weight.
        value: f64,
    },
    /// No row counts.
    #[error("{}, {column}: all weights are 0; give the rows to learn from positive weights", path.display())]
    NoWeight {
        /// The file.
        path: PathBuf,
        /// Number and name of the column.
        column: String,
    },
    /// A column is to be a coordinate and the weights.
    #[error("{}: {column} cannot be a coordinate and the weights; take it out of `columns` or of `weights`", path.display())]
    WeightIsCoordinate {
        /// The file.
        path: PathBuf,
        /// Number and name of the column.
        column: String,
    },
    /// An angle beyond a full turn of radians, and no unit.
    #[error(
        "{at}, {column}: the angle {value} is beyond ±2π; give unit = \"deg\" (--unit deg) if these are degrees, or \
         \"rad\" if they are radians that go on beyond a turn"
    )]
    Angle {
        /// The row.
        at: Place,
        /// Number and name of the column.
        column: String,
        /// The angle.
        value: f64,
    },
    /// The header names a unit that the values do not show.
    #[error(
        "{}: the header `{header}` says {unit}, but all values are within ±2π; give unit = \"{}\" (--unit {}) or \"rad\"",
        path.display(), unit.name(), unit.name()
    )]
    UnitUnclear {
        /// The file.
        path: PathBuf,
        /// Name of the column.
        header: String,
        /// The unit in it.
        unit: Unit,
    },
    /// The points of the run are in a unit that the values do not show.
    #[error(
        "{}: angles of this run are in {unit}, but {found}, and no header names them; give --unit {} or --unit rad",
        path.display(), unit.name()
    )]
    RunUnit {
        /// The file.
        path: PathBuf,
        /// The unit of the run's points.
        unit: Unit,
        /// What the values show.
        found: &'static str,
    },
    /// The header names several units.
    #[error("{}: the header names several units of angles ({}); convert them to one", path.display(), list(units))]
    UnitsMixed {
        /// The file.
        path: PathBuf,
        /// Columns with their units.
        units: Vec<String>,
    },
    /// A unit of angles where there are none.
    #[error(
        "`unit` is for angles, and {manifold} has none; remove it (latitudes and longitudes, option lat_lon, are degrees)"
    )]
    NoAngles {
        /// Name of the manifold.
        manifold: String,
    },
    /// Latitudes and longitudes where there is no sphere.
    #[error("`lat_lon` is for points of S2, which {manifold} has not; remove it")]
    NoSphere {
        /// Name of the manifold.
        manifold: String,
    },
    /// A latitude or longitude out of range.
    #[error(
        "{at}, {column}: the {name} {value} is beyond ±{limit} degrees; give latitude first, then longitude, both in degrees"
    )]
    Globe {
        /// The row.
        at: Place,
        /// Number and name of the column.
        column: String,
        /// Latitude or longitude.
        name: &'static str,
        /// The value.
        value: f64,
        /// The largest value.
        limit: f64,
    },
    /// The numbers are not a point.
    #[error("{at}: {values:?} is not a point of {manifold}: {source}")]
    Point {
        /// The row.
        at: Place,
        /// The row's numbers.
        values: Vec<f64>,
        /// Name of the manifold.
        manifold: String,
        /// What the manifold says.
        source: InvalidPoint,
    },
    /// A header without rows.
    #[error("{at}: the only row, `{text}`, is the names of columns; give rows of numbers below it")]
    HeaderAlone {
        /// The row.
        at: Place,
        /// The row's text.
        text: String,
    },
    /// Too few rows.
    #[error(
        "{} has {}: at least {needed} {} needed",
        path.display(), count(*rows, "point"), if *needed == 1 { "is" } else { "are" }
    )]
    TooFew {
        /// The file.
        path: PathBuf,
        /// Rows.
        rows: usize,
        /// The least that will do.
        needed: usize,
    },
    /// Too many rows.
    #[error("{} has more than {limit} rows: take every n-th", path.display())]
    TooMany {
        /// The file.
        path: PathBuf,
        /// The most rows that are read.
        limit: usize,
    },
    /// A file of Parquet that cannot be read.
    #[cfg(feature = "parquet")]
    #[error("{}: {problem}", path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what to do.
        problem: super::ParquetError,
    },
    /// A column that holds no numbers.
    #[error("{}: {column} holds {found}, not numbers; leave it out by `columns`, or save it as numbers", path.display())]
    Kind {
        /// The file.
        path: PathBuf,
        /// Number and name of the column.
        column: String,
        /// What it holds.
        found: &'static str,
    },
    /// An array that is no table of numbers.
    #[error("{}: {problem}; save a two-dimensional array of float64, [row][coordinate]", path.display())]
    Array {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
}

/// Words after a comma each, the first few of many.
fn list(words: &[String]) -> String {
    const MOST: usize = 12;
    let shown = words.iter().take(MOST).cloned().collect::<Vec<_>>().join(", ");
    if words.len() > MOST { format!("{shown}, …") } else { shown }
}

/// A number of things, in the plural where it is not one.
fn count(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

/// What stands where a value is missing.
fn gap(value: &str) -> String {
    if value.is_empty() { "no value".to_owned() } else { format!("`{value}` is no value") }
}
