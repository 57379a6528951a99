//! Small symmetric matrices, and lower bounds of them in the sense of Löwner that rounding does not spoil.

use nalgebra::{Matrix3, SymmetricEigen};

use super::{ROUNDING, SMALLEST_PIVOT};

/// A symmetric matrix of at most three rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Symmetric<const R: usize>(pub [[f64; R]; R]);

/// Most times that an allowance is quadrupled, from a few roundings on.
const MOST_TRIALS: usize = 20;

impl<const R: usize> Symmetric<R> {
    pub(super) fn scaled_identity(value: f64) -> Self {
        let mut matrix = [[0.0; R]; R];
        for i in 0..R {
            matrix[i][i] = value;
        }
        Self(matrix)
    }

    /// Less a multiple of the identity.
    pub(super) fn lowered(mut self, by: f64) -> Self {
        for i in 0..R {
            self.0[i][i] -= by;
        }
        self
    }

    fn less(mut self, other: &Self) -> Self {
        for i in 0..R {
            for j in 0..R {
                self.0[i][j] -= other.0[i][j];
            }
        }
        self
    }

    /// Sum of the absolute values of all entries.
    fn size(&self) -> f64 {
        self.0.iter().flatten().map(|entry| entry.abs()).sum()
    }

    /// Whether it is proved that all eigenvalues of `self − other` are positive.
    pub(super) fn exceeds(&self, other: &Self) -> bool {
        let margin = rounding(self.size() + other.size()).max(ROUNDING);
        is_definite(&self.less(other).lowered(margin).0, 1.0)
    }

    /// A matrix that is at most `self` and at most `other` in the sense of Löwner: `A − (A − B)₊`, less an allowance.
    ///
    /// What the positive part is off by need not be known: the result `C` is tested, `A − C` and `B − C` both, and the
    /// allowance grows until both are definite. If it never is enough, as with NaN, the result is NaN.
    pub(super) fn lower_bound(&self, other: &Self) -> Self {
        let allowance = rounding(self.size() + other.size());
        let difference = self.less(other);
        if is_definite(&difference.lowered(allowance).0, 1.0) {
            return *other;
        }
        if is_definite(&difference.lowered(-allowance).0, -1.0) {
            return *self;
        }
        let bound = self.less(&difference.positive_part());
        let mut allowance = rounding(self.size() + other.size() + bound.size());
        for _ in 0..MOST_TRIALS {
            let lowered = bound.lowered(2.0 * allowance);
            // Each is tested with an allowance for the rounding of the difference and of the elimination.
            let is_below = |of: &Self| is_definite(&of.less(&lowered).lowered(allowance).0, 1.0);
            if is_below(self) && is_below(other) {
                return lowered;
            }
            allowance *= 4.0;
        }
        Self([[f64::NAN; R]; R])
    }

    /// The positive part, from the eigenvalues, symmetric to the bit.
    fn positive_part(&self) -> Self {
        let (m, mut out) = (&self.0, Self::scaled_identity(0.0));
        if is_definite(m, 1.0) {
            return *self;
        }
        if R == 1 || is_definite(m, -1.0) {
            return out;
        }
        if R == 2 {
            let (middle, half) = (0.5 * (m[0][0] + m[1][1]), 0.5 * (m[0][0] - m[1][1]));
            let radius = half.hypot(m[0][1]);
            if middle + radius > 0.0 {
                // (λ₊/(λ₊ − λ₋)) (M − λ₋), λ± = middle ± radius.
                let scale = (middle + radius) / (2.0 * radius);
                for i in 0..R {
                    for j in 0..R {
                        out.0[i][j] = scale * (m[i][j] - if i == j { middle - radius } else { 0.0 });
                    }
                }
            }
        } else {
            let SymmetricEigen { eigenvectors, eigenvalues } =
                Matrix3::from_fn(|i, j| m[i][j]).symmetric_eigen();
            for k in 0..R {
                let value = eigenvalues[k].max(0.0);
                for i in 0..R {
                    for j in 0..R {
                        out.0[i][j] += value * (eigenvectors[(i, k)] * eigenvectors[(j, k)]);
                    }
                }
            }
        }
        out
    }
}

/// What rounding may add to the eigenvalues of a difference that [`is_definite`] is then asked about, where the absolute values of
/// all entries of both sum to `size`.
///
/// If all computed pivots of a symmetric `M` of three rows are positive, `M ≽ −8 u tr M` (Rump 2006, Verification of
/// positive definiteness), the differences are off by `u` times themselves, and subtractions from the diagonal once more:
/// less than `16 u` in all, the half of this. The least pivot that counts is far above what underflows.
fn rounding(size: f64) -> f64 {
    16.0 * f64::EPSILON * (size + SMALLEST_PIVOT)
}

/// Whether all computed pivots of a symmetric matrix, times a sign, are positive.
fn is_definite<const R: usize>(m: &[[f64; R]; R], sign: f64) -> bool {
    let mut left = *m;
    for k in 0..R {
        if sign * left[k][k] <= 0.0 || left[k][k].is_nan() {
            return false;
        }
        for i in k + 1..R {
            for j in k + 1..R {
                left[i][j] -= left[k][i] * left[k][j] / left[k][k];
            }
        }
    }
    true
}
