//! Tables of numbers as files: CSV, NumPy's npy and npz, and Parquet.
//!
//! A table has one or more arrays with one row per point. In CSV, npy and Parquet the columns of all arrays stand side by
//! side, in npz every array is an array of its own. Rows come in pieces, and only these are in memory. A file gets its name
//! when it is whole.

mod csv;
mod numpy;
mod parquet;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::folder::temporary_for;

/// One array of a table: a name, and names of its columns. An array of one column has one dimension in npz.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// Name of the array.
    pub name: &'static str,
    /// Names of its columns.
    pub columns: Vec<String>,
    /// Whether its numbers are whole, and written as such in text.
    pub whole: bool,
}

impl Array {
    /// An array with these columns.
    pub fn new(name: &'static str, columns: Vec<String>) -> Self {
        Self { name, columns, whole: false }
    }

    /// An array of one column, which has the array's name.
    pub fn column(name: &'static str) -> Self {
        Self::new(name, vec![name.to_owned()])
    }

    /// An array of one column of whole numbers, which has the array's name.
    pub fn count(name: &'static str) -> Self {
        Self { whole: true, ..Self::column(name) }
    }
}

/// What is written, and where its rows lie in npz.
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    /// The arrays.
    pub arrays: Vec<Array>,
    /// Numbers of rows along every axis, `[rows]` or, for Markov chains, `[chains, draws]`.
    pub axes: Vec<usize>,
}

impl Layout {
    /// Arrays with one row per point, `rows` of them.
    pub fn of_rows(arrays: Vec<Array>, rows: usize) -> Self {
        Self { arrays, axes: vec![rows] }
    }

    /// Numbers of columns of the arrays.
    fn widths(&self) -> Vec<usize> {
        self.arrays.iter().map(|array| array.columns.len()).collect()
    }
}

/// The rows of several arrays side by side.
fn rows_of<'a>(
    arrays: &'a [&'a [f64]],
    widths: &'a [usize],
) -> impl Iterator<Item = impl Iterator<Item = &'a f64>> {
    let count = arrays[0].len() / widths[0];
    (0..count).map(move |row| {
        let of_row = move |(array, &width): (&'a &'a [f64], &usize)| &array[row * width..(row + 1) * width];
        arrays.iter().zip(widths).flat_map(of_row)
    })
}

/// Why a table cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// The file is there already.
    #[error("{} exists: choose another name, or give --force to replace it", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The name's ending is that of no known format.
    #[error("cannot tell a format from the name {}: let it end in .csv, .npy, .npz or .parquet, or give - for CSV on standard output", path.display())]
    Format {
        /// The file.
        path: PathBuf,
    },
    /// The system refuses.
    #[error("cannot write {}: {source}; choose a place with room that you may write to", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// A format that takes rows.
trait Format {
    /// Writes rows, one slice of `[row][column]` per array.
    fn rows(&mut self, arrays: &[&[f64]]) -> io::Result<()>;

    /// Writes what follows the last row.
    fn finish(self: Box<Self>) -> io::Result<()>;
}

/// A table that is being written.
pub struct Table {
    path: PathBuf,
    format: Box<dyn Format>,
    /// The file without its name yet; none for standard output.
    file: Option<tempfile::TempPath>,
    replaces: bool,
}

/// Whether the path means standard output.
pub fn is_standard_output(path: &Path) -> bool {
    path == Path::new("-")
}

impl Table {
    /// A table in a file whose ending tells the format, or CSV on standard output for `-`. The file is there when
    /// [`Table::finish`] has come to its end, and not before; an existing one is replaced if `replaces`.
    ///
    /// # Errors
    /// [`TableError`] if the file exists, its ending tells no format, or its folder cannot be written to.
    pub fn create(path: &Path, layout: &Layout, replaces: bool) -> Result<Self, TableError> {
        let failed = |source| TableError::Write { path: path.to_owned(), source };
        if is_standard_output(path) {
            let format = csv::Csv::new(Box::new(io::stdout()), layout).map_err(failed)?;
            return Ok(Self { path: path.to_owned(), format: Box::new(format), file: None, replaces });
        }
        let ending = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        if !["csv", "npy", "npz", "parquet"].contains(&ending.as_str()) {
            return Err(TableError::Format { path: path.to_owned() });
        }
        if !replaces && fs::symlink_metadata(path).is_ok() {
            return Err(TableError::Exists { path: path.to_owned() });
        }
        let folder = match path.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        // The error of a temporary file would name that file.
        fs::metadata(folder).map_err(failed)?;
        let (file, name) = temporary_for(path, folder, ".tmp").map_err(failed)?.into_parts();
        let format: Box<dyn Format> = match ending.as_str() {
            "csv" => Box::new(csv::Csv::new(Box::new(file), layout).map_err(failed)?),
            "parquet" => Box::new(parquet::Parquet::new(file, layout).map_err(failed)?),
            "npy" => Box::new(numpy::Npy::new(file, layout).map_err(failed)?),
            _ => Box::new(numpy::Npz::new(file, folder, layout).map_err(failed)?),
        };
        Ok(Self { path: path.to_owned(), format, file: Some(name), replaces })
    }

    /// Writes rows, one slice of `[row][column]` per array of the layout. Returns `false` where nobody reads standard
    /// output any more.
    ///
    /// # Errors
    /// [`TableError::Write`] for example if the disk is full.
    pub fn rows(&mut self, arrays: &[&[f64]]) -> Result<bool, TableError> {
        match self.format.rows(arrays) {
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe && self.file.is_none() => Ok(false),
            Err(source) => Err(TableError::Write { path: self.path.clone(), source }),
            Ok(()) => Ok(true),
        }
    }

    /// Ends the table, and gives the file its name.
    ///
    /// # Errors
    /// [`TableError::Write`] for example if the disk is full, [`TableError::Exists`] if the name was taken meanwhile.
    pub fn finish(self) -> Result<(), TableError> {
        let Self { path, format, file, replaces } = self;
        match (format.finish(), file) {
            (Err(e), None) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            (Err(source), _) => Err(TableError::Write { path, source }),
            (Ok(()), None) => Ok(()),
            (Ok(()), Some(file)) => {
                let named = if replaces { file.persist(&path) } else { file.persist_noclobber(&path) };
                named.map_err(|e| match e.error.kind() {
                    io::ErrorKind::AlreadyExists => TableError::Exists { path },
                    _ => TableError::Write { path, source: e.error },
                })
            }
        }
    }
}

/// What a format writes to: a file is synchronised with the disk at its end.
trait Sink: Write {
    /// Waits until everything is on the disk.
    fn sync(&mut self) -> io::Result<()>;
}

impl Sink for fs::File {
    fn sync(&mut self) -> io::Result<()> {
        self.sync_all()
    }
}

impl Sink for io::Stdout {
    fn sync(&mut self) -> io::Result<()> {
        self.flush()
    }
}
