//! Reference densities: what the same points give without a flow.
//!
//! A held-out log-likelihood means little alone. A [`KernelDensity`] and a [`Mixture`], fitted to the points that the
//! flow learns from and evaluated at the same held-out points, say what the flow is worth. Both are normalised in
//! closed form with respect to the Riemannian volume, on any product of tori, spheres and Euclidean spaces, and choose
//! what they have to choose by cross-validation within the points they are fitted to.
//!
//! ```
//! use ircpm_train::baseline::{KernelDensity, Mixture, mean_log_density};
//! use ircpm_train::points::Generator;
//!
//! let mut generator = Generator::from_seed(1);
//! let manifold = "R1".parse()?;
//! let points: Vec<f64> = (0..400).map(|_| 10.0 + 2.0 * generator.normal()).collect();
//! let (train, held_out) = points.split_at(320);
//! let kernel = KernelDensity::fit(&manifold, train, 0)?;
//! let mixture = Mixture::fit(&manifold, train, 0)?;
//! for log_density in [kernel.log_density(held_out), mixture.log_density(held_out)] {
//!     let mean = mean_log_density(&log_density).ok_or("two points or more")?;
//!     // The entropy of the normal distribution is 2.11 nats.
//!     assert!((mean.value + 2.11).abs() < 0.25, "{mean:?}");
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod concentration;
mod embedding;
mod folds;
mod kernel;
mod log_sum;
mod mixture;

pub use kernel::{Bandwidth, KernelDensity};
pub use mixture::Mixture;

use ircpm_manifolds::InvalidPoint;

use crate::estimate::Estimate;

/// Why there is no reference density for these points.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BaselineError {
    /// The manifold has coordinates of which no kernel is known.
    #[error(
        "{manifold} has coordinates that are neither angles nor unit vectors nor reals: there are no reference densities \
         for it"
    )]
    Coordinates {
        /// Name of the manifold.
        manifold: String,
    },
    /// Too few points to choose a bandwidth by validation.
    #[error("{rows} points: at least {needed} are needed for a reference density")]
    TooFew {
        /// Number of points.
        rows: usize,
        /// The least that will do.
        needed: usize,
    },
    /// A row is not a point of the manifold.
    #[error("row {row} is not a point of {manifold}: {source}")]
    Point {
        /// Row, from 1.
        row: usize,
        /// Name of the manifold.
        manifold: String,
        /// What the manifold says.
        source: InvalidPoint,
    },
    /// All rows have the same number in a column of reals.
    #[error("column {column} has the value {value} in every row, where no density exists: leave it out")]
    Constant {
        /// Column, from 1.
        column: usize,
        /// Its value.
        value: f64,
    },
    /// The numbers of a column differ too much, or too little, for arithmetic.
    #[error("the values of column {column} spread over {spread:e}: rescale it to numbers near 1")]
    Scale {
        /// Column, from 1.
        column: usize,
        /// The robust standard deviation.
        spread: f64,
    },
}

/// The mean of log-densities at held-out points and its standard error, both in nats; `None` for fewer than two points.
///
/// The mean is negative infinity, and its error NaN, if a point has density zero to the range of `f64`.
pub fn mean_log_density(log_densities: &[f64]) -> Option<Estimate> {
    (log_densities.len() >= 2).then(|| Estimate::mean_of(log_densities))
}

#[cfg(test)]
mod tests;
