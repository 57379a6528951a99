//! Symmetries of a density: groups of isometries that leave psi as it is.
//!
//! Where `psi ∘ g = psi`, the map commutes with `g`, and the density is invariant (Lemma 1 of arXiv:2110.01288). A
//! [`Symmetry`] names such isometries, [`Symmetries`] are several of them on one manifold: finite ones become a
//! [`Group`], over which an [`super::Average`] is taken, continuous ones invariant inputs of a network.

mod affine;
mod error;
mod group;
mod isometry;
mod kernel;
mod point_group;
mod resolved;
mod text;
mod words;

pub use affine::Affine;
pub use error::InvalidSymmetry;
pub use group::{Group, MAX_ORDER, NotAGroup};
pub use point_group::PointGroup;
pub use resolved::Symmetries;

/// Isometries of a manifold as a user names them; a text such as `shifts` or `f2.C4v` is parsed and written.
///
/// *Sites* are the coordinates, on a product of several factors the factors, which must be alike then. Sites and
/// coordinates are counted from 1, as in energies.
///
/// ```
/// use ircpm_flow::Symmetry;
///
/// let quarter: Symmetry = "permutation(-2, 1)".parse()?;
/// assert_eq!(quarter, Symmetry::Permutation(vec![-2, 1]));
/// assert_eq!("f2.Oh".parse::<Symmetry>()?.to_string(), "f2.Oh");
/// # Ok::<(), ircpm_flow::InvalidSymmetry>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Symmetry {
    /// `permutations`: all permutations of the sites.
    Permutations,
    /// `shifts`: cyclic shifts of the sites, the translations of a periodic lattice.
    Shifts,
    /// `reversal`: the sites in the opposite order.
    Reversal,
    /// `inversion`: the opposite of all coordinates at once, `θ → −θ` of angles.
    Inversion,
    /// `reflections`: the opposite of each coordinate by itself.
    Reflections,
    /// `permutation(2, 3, -1)`: site `i` of the image is site `|nᵢ|` of the point, its opposite where `nᵢ` is negative.
    Permutation(Vec<i32>),
    /// `turns(1/2, 0)`: a translation of the angles by fractions of a turn, numerators and denominators.
    Turns(Vec<(i32, u32)>),
    /// `matrix(0 -1, 1 0)`: an orthogonal matrix of the coordinates, by rows.
    Matrix(Vec<Vec<f64>>),
    /// `C4v`, `Oh`, …: a point group of three coordinates.
    PointGroup(PointGroup),
    /// `translations(1, -1)`: `θ → θ + α v` for the given integers `v` and every `α`.
    Translations(Vec<i32>),
    /// `rotations(1, 2)`: all rotations among the given coordinates of a sphere.
    Rotations(Vec<usize>),
    /// `f2.` before another one: that symmetry of one factor of a product, the others stay as they are.
    Factor(usize, Box<Symmetry>),
}
