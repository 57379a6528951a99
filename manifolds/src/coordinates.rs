//! What the numbers of a point mean.

/// A run of a point's coordinates, and their kind.
///
/// [`crate::Manifold::coordinates`] lists the runs in order. Whoever makes features of a point, reads points from a
/// file or draws them asks for the kind, and so need not know the manifold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Coordinates {
    /// So many angles in radians, each of period `2π`.
    Angles(usize),
    /// One vector of so many numbers, of Euclidean length 1.
    UnitVector(usize),
    /// So many real numbers, free of each other.
    Reals(usize),
    /// So many numbers of some other embedding: [`crate::Manifold::check_point`] knows which values are points.
    Embedded(usize),
    /// So many conditioning variables, which no map moves: see [`crate::Context`].
    Context(usize),
}

impl Coordinates {
    /// Numbers in the run.
    #[expect(clippy::len_without_is_empty, reason = "no run is empty")]
    pub fn len(self) -> usize {
        match self {
            Self::Angles(n) | Self::UnitVector(n) | Self::Reals(n) | Self::Embedded(n) | Self::Context(n) => {
                n
            }
        }
    }
}
