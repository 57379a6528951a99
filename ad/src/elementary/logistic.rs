//! Softplus and sigmoid at a known point, with the one exponential that they and all their derivatives share.
//!
//! Every derivative of softplus is a polynomial in `σ(x)` and `σ(−x)`. A network asks for softplus and sigmoid at each
//! unit, over dual numbers: [`Logistic`] is evaluated once, at the value, and is then a [`Function`] like any other.
//! There are two steps, [`decay`] and [`Logistic::new`], each to be taken over all units of a layer, because both
//! together are a chain of some hundred cycles, and a processor does not look that far ahead for work on the next unit.
//!
//! ```
//! use ircpm_ad::elementary::logistic::{Logistic, decay};
//! use ircpm_ad::{Dual, Scalar};
//!
//! let x: Dual<f64, 1> = Dual::variable(0.3, 0);
//! let at = Logistic::new(x.re, decay(x.re));
//! assert_eq!(x.apply(at.softplus()), x.softplus());
//! assert_eq!(x.apply(at.sigmoid()), x.sigmoid());
//! ```

use super::transcendental::exp_in_range;
use super::{Elementary, Function};
use crate::precision::Precision;
use crate::real::Real;
use crate::scalar::Scalar;

/// Softplus `ln(1 + eˣ)` and sigmoid `σ(x) = 1/(1 + e⁻ˣ)` at one point.
#[derive(Clone, Copy, Debug)]
pub struct Logistic<R> {
    /// `ln(1 + eˣ)`.
    pub softplus: R,
    /// The sigmoid.
    pub sigmoid: SigmoidAt<R>,
}

/// Softplus as a [`Function`], to be applied only at the point of its [`Logistic`], because its value is stored.
#[derive(Clone, Copy, Debug)]
pub struct SoftplusAt<R>(Logistic<R>);

/// The sigmoid as a [`Function`], to be applied only at the point of its [`Logistic`], because its value is stored.
#[derive(Clone, Copy, Debug)]
pub struct SigmoidAt<R> {
    /// `σ(x)`.
    pub value: R,
    /// `σ(−x) = 1 − σ(x)`, without the cancellation.
    pub reflected: R,
}

/// The sigmoid as a [`Function`] of softplus, to be applied only at the softplus of its point, because its value is
/// stored.
#[derive(Clone, Copy, Debug)]
pub struct OfSoftplus<R>(SigmoidAt<R>);

/// The function `σ(−x) = e^{−s}` of `s = ln(1 + eˣ)`, with its stored value.
#[derive(Clone, Copy, Debug)]
struct ReflectedAt<R>(R);

/// `e^{−|x|}`; for singles and doubles alike at least the smallest normal number.
#[inline(always)]
pub fn decay<R: Real>(x: R) -> R {
    if let Some(enclosure) = (-x.abs()).enclosure(Elementary::Exp) {
        return enclosure;
    }
    exp_in_range(-x.abs().min(R::constant(-R::PRECISION.exp_range[0])))
}

impl<R: Real> Logistic<R> {
    /// Softplus and sigmoid at `x`.
    #[inline(always)]
    pub fn at(x: R) -> Self {
        Self::new(x, decay(x))
    }

    /// Softplus and sigmoid at `x`, from `t = decay(x)`.
    ///
    /// They are `max(x, 0) + ln(1 + t)` and `1/(1 + t)` or `t/(1 + t)`; the logarithm is `2 artanh(z)` at
    /// `z = t/(2 + t)`. Relative error 5e-16 for `x > −700`.
    #[inline(always)]
    pub fn new(x: R, t: R) -> Self {
        let value = |x: R, function| x.enclosure(function);
        if let (Some(softplus), Some(value), Some(reflected)) =
            (value(x, Elementary::Softplus), value(x, Elementary::Sigmoid), value(-x, Elementary::Sigmoid))
        {
            return Self { softplus, sigmoid: SigmoidAt { value, reflected } };
        }
        let z = t / (t + 2.0);
        let z2 = z * z;
        let ln_1p = (z * z2).mul_add(artanh_tail(z2), z + z);
        let zero = R::constant(0.0);
        let large = R::constant(1.0) / (t + 1.0);
        let small = t * large;
        let sigmoid = SigmoidAt {
            value: R::select_gt(x, zero, large, small),
            reflected: R::select_gt(x, zero, small, large),
        };
        Self { softplus: x.max(zero) + ln_1p, sigmoid }
    }

    /// Softplus, to be applied at the point `x`.
    #[inline(always)]
    pub fn softplus(self) -> SoftplusAt<R> {
        SoftplusAt(self)
    }

    /// The sigmoid, to be applied at the point `x`.
    #[inline(always)]
    pub fn sigmoid(self) -> SigmoidAt<R> {
        self.sigmoid
    }
}

impl<R> SigmoidAt<R> {
    /// The sigmoid as a function of softplus, `σ = 1 − e^{−s}`, so that a reverse sweep needs the activations alone.
    #[inline(always)]
    pub fn of_softplus(self) -> OfSoftplus<R> {
        OfSoftplus(self)
    }
}

impl<R: Real> Function<R> for OfSoftplus<R> {
    #[inline(always)]
    fn value(self, _: R) -> R {
        self.0.value
    }
    #[inline(always)]
    fn derivative<S: Scalar<Base = R>>(self, s: S) -> S {
        s.apply(ReflectedAt(self.0.reflected))
    }
}

impl<R: Real> Function<R> for ReflectedAt<R> {
    #[inline(always)]
    fn value(self, _: R) -> R {
        self.0
    }
    #[inline(always)]
    fn derivative<S: Scalar<Base = R>>(self, s: S) -> S {
        -s.apply(self)
    }
}

impl<R: Real> Function<R> for SoftplusAt<R> {
    #[inline(always)]
    fn value(self, _: R) -> R {
        self.0.softplus
    }
    #[inline(always)]
    fn derivative<S: Scalar<Base = R>>(self, x: S) -> S {
        x.apply(self.0.sigmoid)
    }
}

impl<R: Real> Function<R> for SigmoidAt<R> {
    #[inline(always)]
    fn value(self, _: R) -> R {
        self.value
    }
    #[inline(always)]
    fn derivative<S: Scalar<Base = R>>(self, x: S) -> S {
        // σ(x) σ(−x) keeps its relative accuracy where σ(1 − σ) cancels.
        let reflected = Self { value: self.reflected, reflected: self.value };
        x.apply(self) * (-x).apply(reflected)
    }
}

/// `2 (artanh z − z)/z³` at the square of `z`, for `0 ≤ z ≤ 1/3`: minimax for `artanh z`, relative error 5e-17.
#[inline(always)]
fn artanh_tail<R: Real>(z2: R) -> R {
    let pair = |a: f64, b: f64| z2.mul_add(R::constant(b), R::constant(a));
    let z4 = z2 * z2;
    if R::PRECISION == Precision::SINGLE {
        return z4.mul_add(pair(0.280_018_18, 0.280_119_32), pair(0.666_664_16, 0.400_215_26));
    }
    let p01 = pair(0.666_666_666_666_777, 0.399_999_999_960_496_8);
    let p23 = pair(0.285_714_290_580_030_8, 0.222_221_929_042_250_05);
    let p45 = pair(0.181_828_140_871_841_93, 0.153_642_952_564_670_3);
    let p67 = pair(0.135_863_169_507_705_33, 0.099_028_068_446_848_58);
    let p47 = z4.mul_add(p67, p45);
    let z8 = z4 * z4;
    let p48 = z8.mul_add(R::constant(0.177_397_889_310_841_97), p47);
    z8.mul_add(p48, z4.mul_add(p23, p01))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::duals::Dual;
    use crate::duals::Lap;
    use crate::elementary::transcendental::tests::{packed, worst};

    fn softplus_sigmoid<R: Real>(x: R) -> (R, R) {
        let at = Logistic::at(x);
        (x.apply(at.softplus()), x.apply(at.sigmoid()))
    }

    #[test]
    fn sigmoid_of_softplus_has_the_derivatives_of_the_sigmoid() {
        type Third = Lap<Dual<f64, 1>, 1>;
        for x in [-36.0, -2.0, 0.0, 0.7, 36.0] {
            let x = Third::seeded(Dual::variable(x, 0), [Dual::fixed(1.0)]);
            let at = Logistic::at(x.re.re);
            let (found, expected) = (x.softplus().apply(at.sigmoid().of_softplus()), x.sigmoid());
            let pairs =
                [(found.re, expected.re), (found.grad[0], expected.grad[0]), (found.lap, expected.lap)];
            for (a, b) in pairs {
                assert!((a.re - b.re).abs() < 1e-15 && (a.eps[0] - b.eps[0]).abs() < 1e-15, "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn softplus_and_sigmoid_agree_with_the_standard_library() {
        let softplus = |x: f64| x.max(0.0) + (-x.abs()).exp().ln_1p();
        let sigmoid = |x: f64| if x > 0.0 { 1.0 / (1.0 + (-x).exp()) } else { x.exp() / (1.0 + x.exp()) };
        assert!(worst(-690.0, 700.0, |x| softplus_sigmoid(x).0, softplus) < 1e-15);
        assert!(worst(-40.0, 40.0, |x| softplus_sigmoid(x).1, sigmoid) < 1e-15);
        assert!(worst(-40.0, 40.0, packed(|x| softplus_sigmoid(x).0), softplus) < 1e-15);
        assert!(softplus_sigmoid(f64::NAN).0.is_nan() && softplus_sigmoid(f64::NAN).1.is_nan());
    }
}
