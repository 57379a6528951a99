//! What can be wrong with a manifold, a point or a pair of points.

use thiserror::Error;

/// The second of two points lies on the cut locus of the first, or too near it for a logarithm.
#[derive(Clone, Copy, Debug, PartialEq, Error)]
#[error("{}", self.explain())]
pub struct CutLocus {
    /// Distance to the cut locus in radians; NaN or −∞ if a coordinate is not finite.
    pub margin: f64,
}

impl CutLocus {
    /// Margin in radians below which a logarithm is refused: its rounding error is then some 1e-9 of its length.
    pub const TOLERANCE: f64 = 1e-7;

    /// The message.
    fn explain(&self) -> String {
        let (margin, needed) = (self.margin, Self::TOLERANCE);
        if !margin.is_finite() {
            return "no logarithm: a coordinate is not finite, or a point is not on the manifold".into();
        }
        format!(
            "the second point lies {margin:e} rad inside the cut locus of the first, where more than {needed} rad is needed \
             for a logarithm: every direction is nearly shortest; move one of the points"
        )
    }
}

/// A slice of numbers that is not a point of the manifold.
#[derive(Clone, Copy, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum InvalidPoint {
    /// Too few or too many coordinates.
    #[error("a point has {expected} coordinates, and {found} were given")]
    Length {
        /// Number of coordinates of the manifold.
        expected: usize,
        /// Number of coordinates given.
        found: usize,
    },
    /// A NaN or an infinity.
    #[error("coordinate {index} of the point is {value}; every coordinate must be finite")]
    NotFinite {
        /// Index of the first coordinate that is not finite, from 0.
        index: usize,
        /// Value of that coordinate.
        value: f64,
    },
    /// A vector off the unit sphere.
    #[error("the coordinates {first}..{end} of the point have length {norm}, not 1: divide them by it")]
    NotUnit {
        /// First coordinate of the sphere.
        first: usize,
        /// One past the last coordinate.
        end: usize,
        /// Length of the vector.
        norm: f64,
    },
    /// Coordinates that miss an embedded manifold.
    #[error(
        "the coordinates {first}..{end} of the point are no point of the manifold: they miss it by {error:e}"
    )]
    OffManifold {
        /// First coordinate of the embedding.
        first: usize,
        /// One past the last coordinate.
        end: usize,
        /// How far the equation of the embedding is from holding.
        error: f64,
    },
}

impl InvalidPoint {
    /// The error as a product states it, in which the factor's coordinates begin at `offset`.
    #[must_use]
    pub fn shifted(self, offset: usize) -> Self {
        match self {
            Self::Length { .. } => self,
            Self::NotFinite { index, value } => Self::NotFinite { index: index + offset, value },
            Self::NotUnit { first, end, norm } => {
                Self::NotUnit { first: first + offset, end: end + offset, norm }
            }
            Self::OffManifold { first, end, error } => {
                Self::OffManifold { first: first + offset, end: end + offset, error }
            }
        }
    }
}

/// A name or a dimension that stands for no manifold.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidManifold {
    /// Dimension 0.
    #[error("a manifold of dimension 0 has no room for a flow: the dimension must be at least 1")]
    ZeroDimension,
    /// A product of nothing.
    #[error("a product needs at least one factor, such as T2, S2 or R3")]
    NoFactor,
    /// Conditioning variables with nothing to condition, or not at the end.
    #[error(
        "'{product}' is no product: conditioning variables C… come once, after at least one other factor"
    )]
    Context {
        /// The factors as they were given.
        product: String,
    },
    /// A factor that is not `T`, `S`, `R` or `C` with a dimension.
    #[error(
        "'{factor}' names no manifold: write T, S or R and a dimension, such as T2, S2 or R3, with 'x' between factors"
    )]
    UnknownFactor {
        /// The factor as it was written.
        factor: String,
    },
    /// A dimension that is zero or does not fit.
    #[error("'{factor}' has no dimension between 1 and {}", InvalidManifold::LARGEST_NAMED)]
    Dimension {
        /// The factor as it was written.
        factor: String,
    },
}

impl InvalidManifold {
    /// Largest dimension that a name may give: beyond it dense `D × D` matrices make no sense.
    pub const LARGEST_NAMED: usize = 4096;
}
