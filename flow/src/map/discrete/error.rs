//! Why a discrete map cannot be built.

use thiserror::Error;

use crate::error::MapError;
use crate::potential::NotAGroup;

/// Why a discrete map cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DiscreteError {
    /// The manifold has another dimension than the map was compiled for.
    #[error(transparent)]
    Map(#[from] MapError),
    /// There are no points to take the minimum over.
    #[error("a discrete potential has at least one component")]
    NoComponents,
    /// The smoothing is out of range.
    #[error("the smoothing is {value}, which must be finite and not negative; 0 gives the hard minimum")]
    Smoothing {
        /// The smoothing, in words.
        value: String,
    },
    /// No rule is known that makes points of free parameters.
    #[error(
        "points of {manifold} are neither angles, unit vectors nor real numbers, so that free parameters cannot be \
         projected to them: take a product of tori, spheres and Euclidean spaces"
    )]
    Embedded {
        /// Name of the manifold.
        manifold: String,
    },
    /// The maps are no finite group of isometries.
    #[error(transparent)]
    Group(#[from] NotAGroup),
    /// A direction is none of a closed group of translations that the map can take the orbits of.
    #[error("translation {index}: {reason}")]
    Translation {
        /// Index of the direction.
        index: usize,
        /// What is wrong and what to do.
        reason: &'static str,
    },
}
