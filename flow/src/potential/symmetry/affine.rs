//! Isometries that act affinely on ambient coordinates.

use std::f64::consts::TAU;

use ircpm_ad::Scalar;
use ircpm_manifolds::Coordinates;
use nalgebra::{DMatrix, DVector};

use crate::potential::features::angular_coordinates;

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

    /// The same isometry of the coordinates `start..start + self.coordinates()` of `n`; the others stay where they are.
    pub(super) fn embedded(&self, n: usize, start: usize) -> Self {
        let (mut g, len) = (Self::identity(n), self.coordinates());
        g.matrix.view_mut((start, start), (len, len)).copy_from(&self.matrix);
        g.shift.rows_mut(start, len).copy_from(&self.shift);
        g
    }

    /// Rounds what a matrix multiplies angles with to integers, which it has to be for psi to have the period 2π: of an
    /// isometry they are, up to rounding.
    pub(super) fn round_angles(&mut self, blocks: &[Coordinates]) {
        for (mut row, angular) in self.matrix.row_iter_mut().zip(angular_coordinates(blocks)) {
            if angular {
                row.iter_mut().for_each(|entry| *entry = entry.round());
            }
        }
    }

    /// Takes whole turns off the shifts of angles, and rounds entries of the matrix next to -1, 0 and 1 to them.
    pub(super) fn reduce(&mut self, blocks: &[Coordinates]) {
        self.round_angles(blocks);
        for entry in &mut self.matrix {
            if (*entry - entry.round()).abs() < NEXT {
                *entry = entry.round();
            }
        }
        for (shift, angular) in self.shift.iter_mut().zip(angular_coordinates(blocks)) {
            if angular {
                *shift -= (*shift / TAU).round() * TAU;
            }
        }
    }

    /// Whether `self` and `other` move all points alike, up to rounding and whole turns of angles.
    pub(super) fn is_near(&self, other: &Self, blocks: &[Coordinates]) -> bool {
        let near = |a: &f64, b: &f64| (a - b).abs() < ROUNDING;
        let shifts = || {
            self.shift.iter().zip(&other.shift).zip(angular_coordinates(blocks)).all(|((a, b), angular)| {
                let turns = if angular { ((a - b) / TAU).round() } else { 0.0 };
                near(a, &(b + turns * TAU))
            })
        };
        self.matrix.iter().zip(&other.matrix).all(|(a, b)| near(a, b)) && shifts()
    }
}

/// Differences below this are rounding of entries of order one.
pub(super) const ROUNDING: f64 = 1e-9;

/// Entries this near to an integer are that integer: a product of a few rotations is not further off.
const NEXT: f64 = 1e-14;
