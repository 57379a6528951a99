//! Where in a file a row stands.

use std::fmt;
use std::path::PathBuf;

/// A row of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub path: PathBuf,
    /// Line of a text, row of an array, both from 1.
    pub number: usize,
    /// Whether the file is an array, or Parquet.
    pub array: bool,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {} {}", self.path.display(), if self.array { "row" } else { "line" }, self.number)
    }
}
