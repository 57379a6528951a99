//! Small symmetric matrices: Cholesky factors in lanes, eigenvalues of single ones.

mod cholesky;
mod eigen;

pub use cholesky::Cholesky;
pub(crate) use eigen::{Spectrum, operator_norm, smallest_eigenvalue};
