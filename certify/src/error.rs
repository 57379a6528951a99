//! Why a layer cannot be looked at.

use ircpm_manifolds::Coordinates;
use thiserror::Error;

/// An expression, parameters or options with which nothing can be proven.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum CertifyError {
    /// The manifold has too many dimensions, or none.
    #[error("the manifold has dimension {dimension}: proofs are for 1 to {largest}")]
    Dimension {
        /// Dimension of the manifold.
        dimension: usize,
        /// The largest that is looked at.
        largest: usize,
    },
    /// The points are none of a product of tori and spheres, or of another dimension.
    #[error(
        "points with the coordinates {coordinates:?} are none of a product of tori and spheres of dimension {dimension}"
    )]
    Manifold {
        /// What the numbers of a point mean.
        coordinates: Vec<Coordinates>,
        /// The dimension that is asked for.
        dimension: usize,
    },
    /// The expression reads another number of coordinates.
    #[error("the potential reads {found} coordinates, but points have {expected}")]
    Inputs {
        /// Coordinates of a point.
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
    /// The potential is not meant for such points.
    #[error(
        "the potential is no function of points with the coordinates {coordinates:?}: angles have the period 2π"
    )]
    Coordinates {
        /// What the numbers of a point mean.
        coordinates: Vec<Coordinates>,
    },
}
