//! Isometries that act affinely on ambient coordinates, and the check that some of them form a group.

use ircpm_ad::Scalar;
use ircpm_manifolds::{AnyManifold, Coordinates};
use nalgebra::{DMatrix, DVector};
use thiserror::Error;

/// An isometry as it acts on the `n` ambient coordinates of a point: `z ↦ matrix · z + shift`.
///
/// Orthogonal matrices act on spheres and Rⁿ; signed permutations and shifts of the angles act on tori.
#[derive(Clone, Debug, PartialEq)]
pub struct Affine {
    /// `n × n`.
    pub matrix: DMatrix<f64>,
    /// `n` numbers.
    pub shift: DVector<f64>,
}

impl Affine {
    /// The identity of `n` coordinates.
    pub fn identity(n: usize) -> Self {
        Self { matrix: DMatrix::identity(n, n), shift: DVector::zeros(n) }
    }

    /// The translation of angles or of Rⁿ by `shift`.
    pub fn translation(shift: &[f64]) -> Self {
        Self { shift: DVector::from_row_slice(shift), ..Self::identity(shift.len()) }
    }

    /// The rotation by `angle`, in radians, that takes axis `i` of `n` towards axis `j`.
    ///
    /// # Panics
    /// If there is no such axis.
    pub fn rotation(n: usize, (i, j): (usize, usize), angle: f64) -> Self {
        let mut g = Self::identity(n);
        let (sine, cosine) = angle.sin_cos();
        (g.matrix[(i, i)], g.matrix[(i, j)]) = (cosine, -sine);
        (g.matrix[(j, i)], g.matrix[(j, j)]) = (sine, cosine);
        g
    }

    /// `z ↦ (signᵢ z_{from i})`.
    ///
    /// # Panics
    /// If `from` names a coordinate that is not there, or there are more of them than signs.
    pub fn signed_permutation(from: &[usize], sign: &[f64]) -> Self {
        let n = from.len();
        let mut matrix = DMatrix::zeros(n, n);
        (0..n).for_each(|i| matrix[(i, from[i])] = sign[i]);
        Self { matrix, shift: DVector::zeros(n) }
    }

    /// Number of coordinates.
    pub fn coordinates(&self) -> usize {
        self.shift.len()
    }

    /// `self ∘ first`.
    ///
    /// # Panics
    /// If they act on different numbers of coordinates.
    pub fn after(&self, first: &Self) -> Self {
        Self { matrix: &self.matrix * &first.matrix, shift: &self.matrix * &first.shift + &self.shift }
    }

    /// Writes the image of one point.
    ///
    /// # Panics
    /// If `z` or `out` has fewer coordinates.
    #[inline(always)]
    pub fn apply<S: Scalar>(&self, z: &[S], out: &mut [S]) {
        let (n, matrix, shift) = (self.shift.len(), self.matrix.as_slice(), self.shift.as_slice());
        for i in 0..n {
            let mut sum = S::constant(shift[i]);
            for j in 0..n {
                sum += z[j] * matrix[i + j * n];
            }
            out[i] = sum;
        }
    }

    /// Adds `matrixᵀ · bar`, the cotangents of a point from those of its image.
    #[inline(always)]
    pub(crate) fn pull_back<S: Scalar>(&self, bar: &[S], z_bar: &mut [S]) {
        let (n, matrix) = (self.shift.len(), self.matrix.as_slice());
        for i in 0..n {
            for j in 0..n {
                z_bar[j] += bar[i] * matrix[i + j * n];
            }
        }
    }

    /// Whether `self` and `other` move all points alike, up to rounding and whole turns of angles.
    fn is_near(&self, other: &Self, blocks: &[Coordinates]) -> bool {
        let angular = angular(blocks);
        let shifts = self.shift.iter().zip(&other.shift).zip(angular).all(|((a, b), angular)| {
            let turns = if angular { ((a - b) / std::f64::consts::TAU).round() } else { 0.0 };
            (a - b - turns * std::f64::consts::TAU).abs() < ROUNDING
        });
        shifts && (&self.matrix - &other.matrix).amax() < ROUNDING
    }
}

/// Differences below this are rounding of entries of order one.
const ROUNDING: f64 = 1e-9;

/// Why some maps are not a finite group of isometries of a manifold.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NotAGroup {
    /// There is no element.
    #[error("a group has at least the identity, and no element was given")]
    Empty,
    /// An element has another number of coordinates than points have.
    #[error("element {element} does not act on the {coordinates} coordinates of a point")]
    Coordinates {
        /// Index of the element.
        element: usize,
        /// Coordinates of a point.
        coordinates: usize,
    },
    /// An element is not an isometry.
    #[error("element {element} is not an isometry: {reason}")]
    NotAnIsometry {
        /// Index of the element.
        element: usize,
        /// What an isometry would need.
        reason: &'static str,
    },
    /// An element is given twice, so that an average would weigh it twice.
    #[error("element {element} is the same as element {first}: give each element of the group once")]
    Repeated {
        /// Index of the first of the two.
        first: usize,
        /// Index of the second.
        element: usize,
    },
    /// A product of two elements is missing.
    #[error(
        "the product of elements {first} and {second} is not among those given: an average is invariant under the whole \
         group alone, so give all its elements and not only generators"
    )]
    NotClosed {
        /// Index of the element that acts last.
        first: usize,
        /// Index of the element that acts first.
        second: usize,
    },
}

/// Checks that `group` is a finite group of isometries of `manifold`, up to rounding.
pub(super) fn check_group(group: &[Affine], manifold: &AnyManifold) -> Result<(), NotAGroup> {
    if group.is_empty() {
        return Err(NotAGroup::Empty);
    }
    let blocks = manifold.coordinates();
    for (element, g) in group.iter().enumerate() {
        let n = manifold.ambient();
        if g.shift.len() != n || g.matrix.shape() != (n, n) {
            return Err(NotAGroup::Coordinates { element, coordinates: n });
        }
        if let Some(reason) = obstacle(g, &blocks).or_else(|| effect(g, manifold)) {
            return Err(NotAGroup::NotAnIsometry { element, reason });
        }
        if let Some(first) = group[..element].iter().position(|earlier| earlier.is_near(g, &blocks)) {
            return Err(NotAGroup::Repeated { first, element });
        }
    }
    for (first, a) in group.iter().enumerate() {
        for (second, b) in group.iter().enumerate() {
            let product = a.after(b);
            if !group.iter().any(|g| g.is_near(&product, &blocks)) {
                return Err(NotAGroup::NotClosed { first, second });
            }
        }
    }
    Ok(())
}

/// What in the entries of `g` keeps it from being an isometry, if anything does.
fn obstacle(g: &Affine, blocks: &[Coordinates]) -> Option<&'static str> {
    let n = g.shift.len();
    if g.matrix.iter().chain(&g.shift).any(|x| !x.is_finite()) {
        return Some("a number is not finite");
    }
    let defect = (&g.matrix * g.matrix.transpose() - DMatrix::<f64>::identity(n, n)).amax();
    // Of other embeddings only the distances below know what an isometry is.
    let orthogonal = !blocks.iter().any(|block| matches!(block, Coordinates::Embedded(_)));
    if orthogonal && defect > ROUNDING {
        return Some("its matrix is not orthogonal");
    }
    let angular = angular(blocks);
    for i in 0..n {
        for j in 0..n {
            let entry = g.matrix[(i, j)];
            if angular[i] != angular[j] && entry.abs() > ROUNDING {
                return Some("it mixes angles with other coordinates");
            }
            if angular[i] && (entry - entry.round()).abs() > ROUNDING {
                return Some(
                    "it turns angles into fractions of angles: only signed permutations keep them periodic",
                );
            }
        }
    }
    None
}

/// Number of points that a map is tried on.
const TRIED: usize = 8;

/// What `g` does to points that no isometry does, if anything.
fn effect(g: &Affine, manifold: &AnyManifold) -> Option<&'static str> {
    let (n, cube) = (manifold.ambient(), manifold.cube_dim());
    let (mut points, mut images) = (vec![vec![0.0; n]; TRIED], vec![vec![0.0; n]; TRIED]);
    for (k, (point, image)) in points.iter_mut().zip(&mut images).enumerate() {
        let u: Vec<f64> = (0..cube).map(|c| (0.618 * (k * cube + c + 1) as f64).fract()).collect();
        manifold.base_point(&u, point);
        g.apply(point, image);
        if manifold.check_point(image).is_err() {
            return Some("it takes points off the manifold, for example by a shift of a sphere");
        }
    }
    for k in 1..TRIED {
        let before = manifold.distance(&points[0], &points[k]);
        let after = manifold.distance(&images[0], &images[k]);
        if (after - before).is_nan() || (after - before).abs() > 1e-6 {
            return Some("it changes distances");
        }
    }
    None
}

/// For every ambient coordinate, whether it is an angle.
fn angular(blocks: &[Coordinates]) -> Vec<bool> {
    kinds(blocks, |block| matches!(block, Coordinates::Angles(_)))
}

/// For every ambient coordinate, what `is` says of its block.
fn kinds(blocks: &[Coordinates], is: impl Fn(&Coordinates) -> bool) -> Vec<bool> {
    blocks.iter().flat_map(|block| std::iter::repeat_n(is(block), block.len())).collect()
}
