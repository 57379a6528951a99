//! Why a certificate is not accepted.

use thiserror::Error;

/// What is wrong with a certificate.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum CheckError {
    /// It does not follow the format.
    #[error("line {line}: {problem}")]
    Malformed {
        /// The line, counted from 1.
        line: usize,
        /// What is wrong there.
        problem: String,
    },
    /// Its bytes are not those that were written.
    #[error("the file was altered: its SHA-256 is {found}, that of what was written is {written}")]
    Altered {
        /// Of the bytes.
        found: String,
        /// In the last line.
        written: String,
    },
    /// The parameters are not those of the digest in its head.
    #[error("the parameters are others than its head says: their SHA-256 is {found}, not {written}")]
    OtherDigest {
        /// Of the parameters.
        found: String,
        /// In the head.
        written: String,
    },
    /// The map is not that of the run.
    #[error("it is of another map: {problem}; certify the run again")]
    OtherMap {
        /// Where they differ.
        problem: String,
    },
    /// The bound proves nothing.
    #[error("layer {layer}: the bound {bound} is not positive")]
    Bound {
        /// The layer, counted from 1.
        layer: usize,
        /// What is claimed.
        bound: f64,
    },
    /// The record is of no search, so that cells are missing or left over.
    #[error("layer {layer}: the record does not cover the manifold: {problem}")]
    Record {
        /// The layer, counted from 1.
        layer: usize,
        /// What is wrong.
        problem: String,
    },
    /// The bound is not proven on a cell.
    #[error(
        "layer {layer}, cell {cell}, {}: it is not proven that the eigenvalues of Hess c + Hess psi are at least {bound}",
        ends.iter().map(|[low, high]| format!("{low} to {high}")).collect::<Vec<_>>().join(" by ")
    )]
    Cell {
        /// The layer, counted from 1.
        layer: usize,
        /// The number of the cell among those that were not cut, from 1.
        cell: usize,
        /// Lower and upper ends of its angles, in radians, and of vectors on the surface of the cube `[−1, 1]ⁿ⁺¹` around
        /// each sphere, of which unit vectors are multiples.
        ends: Vec<[f64; 2]>,
        /// What is claimed.
        bound: f64,
    },
}

impl CheckError {
    /// Whether the file says something, which is not proven; otherwise it does not follow the format.
    pub fn is_rejection(&self) -> bool {
        !matches!(self, Self::Malformed { .. })
    }
}
