//! The logarithm of a sum of exponentials.

use crate::real::Real;
use crate::scalar::Scalar;

/// `ln Σ exp(xᵢ)` without overflow, to any order; `−∞` for no terms.
///
/// The gradient is the softmax of `x`. A term of `+∞` takes all of it, several share it equally; if all terms are `−∞`
/// it is 0, because no term then changes the sum.
///
/// ```
/// use ircpm_ad::{Dual, log_sum_exp};
/// let x: [Dual<f64, 2>; 2] = [Dual::variable(1000.0, 0), Dual::variable(1000.0, 1)];
/// assert_eq!(log_sum_exp(&x), Dual::new(1000.0 + 2_f64.ln(), [0.5, 0.5]));
/// ```
#[inline(always)]
pub fn log_sum_exp<S: Scalar>(x: &[S]) -> S {
    let mut largest = S::Base::constant(f64::NEG_INFINITY);
    for v in x {
        largest = S::Base::select_gt(v.value(), largest, v.value(), largest);
    }
    // All terms −∞: subtracting the maximum would make a NaN of a well-defined −∞.
    let floor = S::Base::constant(f64::MIN);
    let shift = S::from_base(S::Base::select_gt(largest, floor, largest, floor).representative());
    // A loop, not a fold: a closure that an iterator calls may be compiled without the instruction set's features.
    let mut sum = S::zero();
    for &v in x {
        sum += (v - shift).exp();
    }
    let usual = sum.ln() + shift;
    for i in 0..S::Base::LANES {
        if largest.lane(i) == f64::INFINITY {
            return S::select_gt(largest, S::Base::constant(f64::MAX), mean_of_infinite(x), usual);
        }
    }
    usual
}

/// The mean of the terms that are `+∞`; NaN if there is a NaN.
fn mean_of_infinite<S: Scalar>(x: &[S]) -> S {
    let [zero, one, largest] = [0.0, 1.0, f64::MAX].map(S::Base::constant);
    let (mut sum, mut count) = (S::zero(), zero);
    for &v in x {
        // Not even a negative infinity is below −1 in size, but NaN is not above.
        let zero_or_nan = S::Base::select_gt(v.value().abs(), -one, zero, v.value());
        sum += S::select_gt(v.value(), largest, v, S::from_base(zero_or_nan));
        count += S::Base::select_gt(v.value(), largest, one, zero);
    }
    sum.scale(one / count)
}
