//! Cholesky factors of small symmetric matrices, one per lane.

use ircpm_ad::Real;

/// The factor `C` of `H = C Cᵀ`, lower triangular, for a pack of `D × D` matrices.
///
/// A pivot that is not positive is replaced by one, so that its lane stays finite, and the lane is marked in
/// `definite`.
#[derive(Clone, Copy, Debug)]
pub struct Cholesky<R, const D: usize> {
    lower: [[R; D]; D],
    /// 1 where all pivots are positive, 0 where one is not or is NaN.
    pub definite: R,
}

impl<R: Real, const D: usize> Cholesky<R, D> {
    /// The factor of the identity.
    #[inline(always)]
    pub fn identity() -> Self {
        let mut lower = [[R::zero(); D]; D];
        for i in 0..D {
            lower[i][i] = R::one();
        }
        Self { lower, definite: R::one() }
    }

    /// The factor of `h`, whose upper triangle is read.
    #[inline(always)]
    pub fn new(h: &[[R; D]; D]) -> Self {
        let (zero, one) = (R::zero(), R::one());
        let mut lower = [[zero; D]; D];
        let mut definite = one;
        for j in 0..D {
            let mut pivot = h[j][j];
            for k in 0..j {
                pivot -= lower[j][k] * lower[j][k];
            }
            definite = R::select_gt(pivot, zero, definite, zero);
            let root = R::select_gt(pivot, zero, pivot, one).sqrt();
            let inverse = one / root;
            lower[j][j] = root;
            for i in j + 1..D {
                let mut sum = h[j][i];
                for k in 0..j {
                    sum -= lower[i][k] * lower[j][k];
                }
                lower[i][j] = sum * inverse;
            }
        }
        Self { lower, definite }
    }

    /// `log det H`.
    #[inline(always)]
    pub fn log_det(&self) -> R {
        let mut product = R::one();
        for i in 0..D {
            product *= self.lower[i][i];
        }
        product.ln() * 2.0
    }

    /// `H⁻¹ v`.
    #[inline(always)]
    pub fn solve(&self, mut v: [R; D]) -> [R; D] {
        for i in 0..D {
            for k in 0..i {
                v[i] -= self.lower[i][k] * v[k];
            }
            v[i] /= self.lower[i][i];
        }
        for i in (0..D).rev() {
            for k in i + 1..D {
                v[i] -= self.lower[k][i] * v[k];
            }
            v[i] /= self.lower[i][i];
        }
        v
    }

    /// `Cᵀ v`.
    #[inline(always)]
    pub fn transposed_times(&self, v: &[R; D]) -> [R; D] {
        let mut out = [R::zero(); D];
        for k in 0..D {
            for i in k..D {
                out[k] += self.lower[i][k] * v[i];
            }
        }
        out
    }

    /// `U = C⁻ᵀ`, upper triangular: `H⁻¹ = U Uᵀ`.
    #[inline(always)]
    pub fn inverse_transposed(&self) -> [[R; D]; D] {
        let mut out = [[R::zero(); D]; D];
        for k in 0..D {
            // Row k of C⁻¹ᵀ is column k of C⁻¹: forward substitution of eₖ.
            for i in k..D {
                let mut sum = if i == k { R::one() } else { R::zero() };
                for j in k..i {
                    sum -= self.lower[i][j] * out[k][j];
                }
                out[k][i] = sum / self.lower[i][i];
            }
        }
        out
    }
}
