//! Why a layer cannot be looked at.

use thiserror::Error;

/// An expression, parameters or options with which nothing can be proven.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum CertifyError {
    /// The torus has too many angles, or none.
    #[error("the torus has {angles} angles: proofs are for 1 to {largest}")]
    Dimension {
        /// Dimension of the torus.
        angles: usize,
        /// The largest that is looked at.
        largest: usize,
    },
    /// The expression reads another number of coordinates.
    #[error("the potential reads {found} coordinates, but the torus has {expected} angles")]
    Inputs {
        /// Dimension of the torus.
        expected: usize,
        /// Coordinates that the expression reads.
        found: usize,
    },
    /// The number of parameters is wrong.
    #[error("the potential has {expected} parameters, but {found} are given")]
    Parameters {
        /// What the expression asks for.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// A parameter is not finite.
    #[error("parameter {index} is {value}: train again, or give finite parameters")]
    NotFinite {
        /// Its number.
        index: usize,
        /// Its value.
        value: f64,
    },
    /// The potential is not meant for angles.
    #[error("the potential is not a function of {angles} angles: its features must have the period 2π")]
    NotPeriodic {
        /// Dimension of the torus.
        angles: usize,
    },
}
