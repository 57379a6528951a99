//! The log-determinant of the map, as a function of `(grad psi, Hess psi)` at the image, and its cotangents.
//!
//! `H = Hess_y c + Hess psi`, `ℓ = log|det DT| = log|det ∂x∂y c| − log det H`; at the image, `grad psi` is the initial
//! velocity of the geodesic back to `x`, so everything is a function of `y`.

use ircpm_ad::{Dual, Real, Scalar};
use ircpm_manifolds::{BlockMut, Cost};

use crate::small::Cholesky;

/// `H` at a point whose preimage lies at `exp_y(v)`, `v` in frame coordinates.
#[inline(always)]
pub fn hessian<M: Cost, R: Real, const D: usize>(m: &M, v: &[R; D], hess_psi: &[[R; D]; D]) -> [[R; D]; D] {
    let mut h = [[R::zero(); D]; D];
    m.cost_hessian(v, BlockMut::dense(h.as_flattened_mut(), D));
    for i in 0..D {
        for j in 0..D {
            h[i][j] += hess_psi[i][j];
        }
    }
    h
}

/// `ℓ`; finite but meaningless where the factor is not definite or `|g|` is out of the domain.
#[inline(always)]
pub fn log_det<M: Cost, R: Real, const D: usize>(m: &M, g: &[R; D], factor: &Cholesky<R, D>) -> R {
    m.mixed_log_det(g) - factor.log_det()
}

/// `b = ∂(−ℓ)/∂g` with `Hess psi` held fixed: zero on a flat manifold.
///
/// `bₖ = −∂ₖ log|det B| + H⁻¹ : ∂ₖ Hess_y c`, with `H⁻¹ = U Uᵀ`, `U` upper triangular. The derivatives come from the
/// manifold's own formulas, over duals.
#[inline(always)]
pub fn gradient_cotangent<M: Cost, R: Real, const D: usize>(
    m: &M,
    g: &[R; D],
    upper: &[[R; D]; D],
) -> [R; D] {
    let mut b = [R::zero(); D];
    if !m.is_curved() {
        return b;
    }
    let mut v = [Dual::<R, D>::fixed(R::zero()); D];
    for i in 0..D {
        v[i] = Dual::variable(g[i], i);
    }
    let mut cost = [[Dual::<R, D>::zero(); D]; D];
    m.cost_hessian(&v, BlockMut::dense(cost.as_flattened_mut(), D));
    let mixed = m.mixed_log_det(&v);
    for k in 0..D {
        b[k] = -mixed.eps[k];
        for i in 0..D {
            for j in 0..D {
                let mut inverse = R::zero();
                for l in i.max(j)..D {
                    inverse += upper[i][l] * upper[j][l];
                }
                b[k] += inverse * cost[i][j].eps[k];
            }
        }
    }
    b
}
