//! Modified Bessel functions of the first kind, scaled so that they do not overflow.
//!
//! `e^{−x} I₀(x) = 1/π ∫₀^π e^{−x (1 − cos t)} dt`, so that its derivative of order `k` is, but for the sign `(−1)ᵏ`,
//! the moment `Mₖ(x) = 1/π ∫₀^π (1 − cos t)ᵏ e^{−x (1 − cos t)} dt`, in which nothing cancels; and
//! `e^{−x} I₁ = M₀ − M₁`. The moments are confluent hypergeometric functions:
//! `Mₖ(x) = C(2k, k) 2⁻ᵏ e^{−2x} ₁F₁(½; k + 1; 2x)`.

use std::f64::consts::PI;

use crate::elementary::Function;
use crate::real::Real;
use crate::scalar::Scalar;

/// The derivative of order `k` of `e^{−|x|} I₀(x)`; at 0, where that has a kink, the derivative from the right.
///
/// `ln I₀(x)` is `x.bessel_i0e().ln() + |x|`. Relative error 2e-15.
#[derive(Clone, Copy, Debug)]
pub struct BesselI0e(pub u32);

/// The derivative of order `k` of `e^{−|x|} I₁(x)`; at 0, where its second derivative jumps, that from the right.
///
/// Error 2e-15, relative to the value for `k = 0`, else to the derivative of the same order of [`BesselI0e`].
#[derive(Clone, Copy, Debug)]
pub struct BesselI1e(pub u32);

impl<R: Real> Function<R> for BesselI0e {
    #[inline(always)]
    fn value(self, x: R) -> R {
        let k = self.0;
        x.map(|x| sign(k, x) * moment(k, x.abs()))
    }
    #[inline(always)]
    fn derivative<S: Scalar<Base = R>>(self, x: S) -> S {
        x.apply(BesselI0e(self.0 + 1))
    }
}

impl<R: Real> Function<R> for BesselI1e {
    #[inline(always)]
    fn value(self, x: R) -> R {
        let k = self.0;
        x.map(|x| if k == 0 { i1e(x.abs()).copysign(x) } else { sign(k, x) * odd_moment(k, x) })
    }
    #[inline(always)]
    fn derivative<S: Scalar<Base = R>>(self, x: S) -> S {
        x.apply(BesselI1e(self.0 + 1))
    }
}

/// The sign of a derivative of order `k` of `e^{−|x|}`.
fn sign(k: u32, x: f64) -> f64 {
    if x < 0.0 || k.is_multiple_of(2) { 1.0 } else { -1.0 }
}

/// `Mₖ − Mₖ₊₁` at `|x|`, with the sign of `x`.
fn odd_moment(k: u32, x: f64) -> f64 {
    let difference = moment(k, x.abs()) - moment(k + 1, x.abs());
    if x < 0.0 { -difference } else { difference }
}

/// `Mₖ(x)` for `x ≥ 0`.
fn moment(k: u32, x: f64) -> f64 {
    let (z, order) = (2.0 * x, f64::from(k));
    if z > 60.0 + 5.0 * order {
        // (2k − 1)!! / √π z^{−k−½} Σ (k + ½)ₛ (½)ₛ / s! z⁻ˢ, as long as the terms fall.
        let (mut sum, mut term) = (1.0, 1.0);
        for s in 0..60 {
            let s = f64::from(s);
            term *= (order + 0.5 + s) * (0.5 + s) / ((s + 1.0) * z);
            sum += term;
            if term < 1e-17 {
                break;
            }
        }
        let odd_factorial: f64 = (1..=k).map(|j| f64::from(2 * j - 1) / z).product();
        return odd_factorial * sum / (PI * z).sqrt();
    }
    // C(2k, k) 2⁻ᵏ e⁻ᶻ Σ (½)ₛ / (k + 1)ₛ zˢ / s!, all terms positive.
    let (mut sum, mut term, mut s) = (1.0, 1.0, 0.0);
    while term > 1e-17 * sum {
        term *= (0.5 + s) / (order + 1.0 + s) * z / (s + 1.0);
        sum += term;
        s += 1.0;
    }
    let binomial: f64 = (1..=k).map(|j| f64::from(2 * j - 1) / f64::from(j)).product();
    if z.is_nan() { z } else { binomial * (-z).exp() * sum }
}

/// `e^{−x} I₁(x)` for `x ≥ 0`.
fn i1e(x: f64) -> f64 {
    if x > 15.0 || x.is_nan() {
        return moment(0, x) - moment(1, x);
    }
    // e^{−x} x/2 Σ (x²/4)ˢ / (s! (s + 1)!).
    let (mut sum, mut term, mut s) = (1.0, 1.0, 1.0);
    while term > 1e-17 * sum {
        term *= 0.25 * x * x / (s * (s + 1.0));
        sum += term;
        s += 1.0;
    }
    0.5 * x * (-x).exp() * sum
}
