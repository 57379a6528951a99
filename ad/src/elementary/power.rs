//! Powers, with an integer exponent and with a real one.

use super::{Elementary, Function};
use crate::real::Real;
use crate::scalar::Scalar;

/// `xⁿ`
#[derive(Clone, Copy, Debug)]
pub struct Powi(pub i32);

impl<R: Real> Function<R> for Powi {
    const INFINITE_SLOPE: bool = true;

    #[inline(always)]
    fn value(self, x: R) -> R {
        match x.enclosure(Elementary::Powi(self.0)) {
            Some(enclosure) => enclosure,
            None => x.map(|x| x.powi(self.0)),
        }
    }
    #[inline(always)]
    fn derivative<S: Scalar<Base = R>>(self, x: S) -> S {
        let Powi(n) = self;
        match n {
            // The power would be x⁻¹, and 0 · x⁻¹ is NaN at x = 0.
            0 => S::zero(),
            // There is no exponent below this one.
            i32::MIN => x.apply(Powi(n)) / x * f64::from(n),
            _ => x.apply(Powi(n - 1)) * f64::from(n),
        }
    }
}

/// `xᵖ`, with an exponent per lane; NaN for negative `x` unless `p` is an integer.
#[derive(Clone, Copy, Debug)]
pub struct Powf<R>(pub R);

impl<R: Real> Function<R> for Powf<R> {
    const INFINITE_SLOPE: bool = true;

    #[inline(always)]
    fn value(self, x: R) -> R {
        x.powf_real(self.0)
    }
    #[inline(always)]
    fn derivative<S: Scalar<Base = R>>(self, x: S) -> S {
        let slope = x.apply(Powf(self.0 - 1.0)).scale(self.0);
        // Of x⁰ it is zero: 0 · x⁻¹ is NaN at x = 0.
        let zero = R::constant(0.0);
        let or_zero_exponent = S::select_gt(zero, self.0, slope, S::zero());
        S::select_gt(self.0, zero, slope, or_zero_exponent)
    }
}
