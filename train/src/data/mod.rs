//! Points from a file: a table of text as people write it, an array of NumPy, or a table of Parquet.
//!
//! [`read`] opens the file (`file`), makes a table of it (`text`, `numpy`, `parquet`), chooses the columns of the coordinates
//! (`select`) and turns rows into points of a manifold (`convert`). What it took for granted on the way it says as
//! [`Note`]s; where a table can be read in two ways it does not choose but refuses with a [`DataError`] that names the
//! option which decides.

mod convert;
#[cfg(feature = "parquet")]
mod encodings;
mod error;
mod field;
mod file;
mod foreign;
mod header;
mod names;
mod notation;
mod note;
mod numpy;
mod options;
#[cfg(feature = "parquet")]
mod pages;
#[cfg(feature = "parquet")]
mod parquet;
mod place;
mod select;
mod separator;
mod split;
mod table;
mod text;
#[cfg(feature = "parquet")]
mod thrift;
mod unit;

use std::path::Path;

use ircpm_manifolds::AnyManifold;

pub use error::DataError;
pub(crate) use file::load;
pub use file::{MOST_BYTES, crc32};
pub use names::coordinate_names;
pub use notation::Notation;
pub use note::Note;
pub use numpy::encode;
#[cfg(feature = "program")]
pub(crate) use numpy::header;
pub use options::{Column, Options, Unit};
#[cfg(feature = "parquet")]
pub use parquet::ParquetError;
pub use place::Place;
pub use separator::Separator;
pub(crate) use split::split;
pub use table::MOST_ROWS;

use crate::weights::WeightedPoints;

/// Points that were read.
#[derive(Clone, Debug, PartialEq)]
pub struct Points {
    /// The points, `[row][coordinate]`; angles in `[0, 2π)`, unit vectors of length 1.
    pub points: Vec<f64>,
    /// One weight per row as it was read, zero or more and not all zero; none without the option `weights`.
    pub weights: Option<Vec<f64>>,
    /// What was taken for granted, in the order in which it was.
    pub notes: Vec<Note>,
    /// How they are written in the table.
    pub notation: Notation,
}

impl Points {
    /// The points with their weights.
    pub fn weighted(&self) -> WeightedPoints<'_> {
        match &self.weights {
            None => (&self.points).into(),
            Some(weights) => WeightedPoints::new(&self.points, weights).expect("weights that were checked"),
        }
    }

    /// The bytes of a `.npy` file of these points, with a last column of their weights if there are some.
    pub(crate) fn encode(&self, ambient: usize) -> Vec<u8> {
        let Some(weights) = &self.weights else { return encode(&self.points, ambient) };
        let rows = self.points.chunks_exact(ambient).zip(weights);
        let all: Vec<f64> = rows.flat_map(|(point, weight)| point.iter().chain([weight])).copied().collect();
        encode(&all, ambient + 1)
    }
}

/// Reads the points of a manifold from a file. Names that end in `.npy` or `.npz` hold arrays, those that end in
/// `.parquet` tables of Parquet, which need the feature `parquet`, and all others tables of text.
///
/// # Errors
/// [`DataError`] for a file that is no table, a table that can be read in two ways, and at the first row that is not a
/// point; also where there are none.
pub fn read(path: &Path, manifold: &AnyManifold, options: &Options) -> Result<Points, DataError> {
    decode(&file::load(path, options.crc32.as_deref())?, path, manifold, options)
}

/// Reads points from the bytes of a file; `path` is its name in messages, whose ending tells arrays from text. Never
/// panics, whatever the bytes.
///
/// # Errors
/// As [`read`].
///
/// ```
/// use ircpm_train::data::{Options, Unit, decode};
///
/// let text = b"phi [deg],psi [deg]\n-57.0,-47.0\n-119.0,113.0\n";
/// let options = Options { unit: Some(Unit::Degrees), ..Options::default() };
/// let read = decode(text, "angles.csv".as_ref(), &"T2".parse()?, &options)?;
/// assert!((read.points[0].to_degrees() - 303.0).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn decode(
    bytes: &[u8],
    path: &Path,
    manifold: &AnyManifold,
    options: &Options,
) -> Result<Points, DataError> {
    let mut notes = Vec::new();
    let is = |ending: &str| path.extension().is_some_and(|found| found.eq_ignore_ascii_case(ending));
    if is("npz") {
        // What chose the array does not choose columns in it.
        let (table, chosen) = numpy::archive(bytes, path, options)?;
        let columns = if chosen { vec![] } else { options.columns.clone() };
        return convert::points(&table, manifold, &Options { columns, ..options.clone() }, notes);
    }
    if is("npy") {
        return convert::points(&numpy::array(bytes, path)?, manifold, options, notes);
    }
    #[cfg(feature = "parquet")]
    if is("parquet") || bytes.starts_with(parquet::MAGIC) {
        return convert::points(&parquet::table(bytes, path)?, manifold, options, notes);
    }
    foreign::refuse(bytes, path)?;
    let text = file::text(bytes, &mut notes);
    let table = text::table(&text, path, options, &mut notes)?;
    convert::points(&table, manifold, options, notes)
}
