//! Functions of a squared length that are smooth where the length is zero.
//!
//! `sin r / r`, `r cot r` and `r / sin r` have removable singularities at `r = 0`, where a formula in `r` loses all its
//! derivatives. As functions of `u = r²` they are analytic: with Stumpff's functions `c_k(u) = Σⱼ (−u)ʲ/(2j+k)!`
//! one has `cos r = c₀`, `sin r / r = c₁`, `r cot r = c₀/c₁`, `r / sin r = 1/c₁`, and the family is closed under
//! differentiation: `c_k′ = ½ (k c_{k+2} − c_{k+1})`.

use super::transcendental::sin_cos;
use super::{Elementary, Stumpff};
use crate::real::Real;
use crate::scalar::Scalar;

/// `cos √u`.
#[inline(always)]
pub fn cos_sqrt<S: Scalar>(u: S) -> S {
    u.apply(Stumpff(0))
}

/// `sin √u / √u`.
#[inline(always)]
pub fn sinc_sqrt<S: Scalar>(u: S) -> S {
    u.apply(Stumpff(1))
}

/// `r cot r` at `u = r²`; a pole at `r = π`.
#[inline(always)]
pub fn r_cot_r<S: Scalar>(u: S) -> S {
    cos_sqrt(u) / sinc_sqrt(u)
}

/// `r / sin r` at `u = r²`; a pole at `r = π`.
#[inline(always)]
pub fn r_over_sin_r<S: Scalar>(u: S) -> S {
    sinc_sqrt(u).recip()
}

/// `(1 − r cot r) / r²` at `u = r²`, 1/3 at 0: `(c₁ − c₀)/(u c₁)` with `c₁ − c₀ = u (c₂ − c₃)`.
#[inline(always)]
pub fn one_minus_r_cot_r_over_u<S: Scalar>(u: S) -> S {
    (u.apply(Stumpff(2)) - u.apply(Stumpff(3))) / sinc_sqrt(u)
}

/// `(1 − r / sin r) / r²` at `u = r²`, −1/6 at 0: `(c₁ − 1)/(u c₁)` with `1 − c₁ = u c₃`.
#[inline(always)]
pub fn one_minus_r_over_sin_r_over_u<S: Scalar>(u: S) -> S {
    -(u.apply(Stumpff(3)) / sinc_sqrt(u))
}

/// `(1 − sin r / r) / r²` at `u = r²`, 1/6 at 0.
#[inline(always)]
pub fn one_minus_sinc_over_u<S: Scalar>(u: S) -> S {
    u.apply(Stumpff(3))
}

/// The largest `|u|` at which the series is summed.
const SERIES_END: f64 = 16.0;
/// The number of terms that the series needs up to there, at every order.
const TERMS: u32 = 20;

/// Stumpff's `c_k(u)` of a pack.
///
/// There are no branches where spheres need it, for `0 ≤ u ≤ 16`; other lanes are evaluated one by one. It is a
/// function of its own, because it would be most of the code if it were inlined wherever geometry calls it.
#[inline(always)]
pub(crate) fn stumpff<R: Real>(k: u32, u: R) -> R {
    if let Some(enclosure) = u.enclosure(Elementary::Stumpff(k)) {
        return enclosure;
    }
    R::vectorized(
        #[inline(always)]
        move || {
            let usual = match k {
                0 => sin_cos(u.sqrt_real()).1,
                1 => {
                    let r = u.sqrt_real();
                    // Below this 1 − u/6 rounds to one, and at zero the quotient would be NaN.
                    R::select_gt(r, R::constant(1e-9), sin_cos(r).0 / r, R::one())
                }
                _ => series(k, u),
            };
            let in_range = |i: usize| (0.0..=SERIES_END).contains(&u.lane(i));
            if (0..R::LANES).all(in_range) {
                return usual;
            }
            R::from_fn(|i| if in_range(i) { usual.lane(i) } else { anywhere(k, u.lane(i)) })
        },
    )
}

/// `c_k(u)` at any real number: cosine and sine (hyperbolic for `u < 0`), the series, and beyond it the recurrence
/// `c_{k+2} = (1/k! − c_k)/u`.
fn anywhere(k: u32, u: f64) -> f64 {
    match k {
        0 if u >= 0.0 => u.sqrt().cos(),
        0 => (-u).sqrt().cosh(),
        1 if u > 0.0 => u.sqrt().sin() / u.sqrt(),
        1 if u < 0.0 => (-u).sqrt().sinh() / (-u).sqrt(),
        1 if u == 0.0 => 1.0,
        1 => u, // NaN
        _ if u.abs() > SERIES_END => (1.0 / factorial(k - 2) - anywhere(k - 2, u)) / u,
        _ => series(k, u),
    }
}

/// `Σⱼ (−u)ʲ/(2j+k)!`, nested from the last term: on `[0, π²]` no cancellation is worth a digit.
#[inline(always)]
fn series<R: Real>(k: u32, u: R) -> R {
    let mut sum = R::one();
    for j in (1..TERMS).rev() {
        let n = f64::from(2 * j + k);
        sum = (sum * u).mul_add(R::constant(-1.0 / (n * (n - 1.0))), R::one());
    }
    sum / factorial(k)
}

fn factorial(n: u32) -> f64 {
    (1..=n).map(f64::from).product()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stumpff_satisfies_its_recurrence() {
        for k in 0..8 {
            for u in [-30.0, -16.0, -3.0, -1e-6, 0.0, 1e-9, 0.1, 1.0, 4.0, 9.8, 15.9, 16.1, 40.0] {
                let left = stumpff(k, u) + u * stumpff(k + 2, u);
                let right = 1.0 / factorial(k);
                let scale = right + stumpff(k, u).abs() + (u * stumpff(k + 2, u)).abs();
                assert!((left - right).abs() < 1e-14 * scale, "k = {k}, u = {u}: {left} is not {right}");
            }
        }
    }

    #[test]
    fn stumpff_matches_closed_forms_where_the_series_ends() {
        // The recurrence above cannot fail for k > 1 beyond 16, because these functions are found by it there.
        for u in [15.9, 16.1, 25.0, 40.0, 400.0] {
            let r = f64::sqrt(u);
            let (c1, c2) = (r.sin() / r, (1.0 - r.cos()) / u);
            let closed = [r.cos(), c1, c2, (1.0 - c1) / u, (0.5 - c2) / u];
            for (k, expected) in closed.into_iter().enumerate() {
                let found = stumpff(k as u32, u);
                assert!((found - expected).abs() < 1e-15, "k = {k}, u = {u}: {found} is not {expected}");
            }
        }
    }

    #[test]
    fn removable_singularities_have_their_series_at_zero() {
        assert_eq!(r_cot_r(0.0), 1.0);
        assert_eq!(r_over_sin_r(0.0), 1.0);
        assert!((one_minus_r_cot_r_over_u(0.0) - 1.0 / 3.0).abs() < 1e-16);
        assert!((one_minus_r_over_sin_r_over_u(0.0) + 1.0 / 6.0).abs() < 1e-16);
        assert!((one_minus_sinc_over_u(0.0) - 1.0 / 6.0).abs() < 1e-16);
    }
}
