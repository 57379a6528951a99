//! Stumpff's functions, of which the geometry of spheres is made.
//!
//! For `k ≥ 1`, `c_k(u) = 1/(k−1)! ∫₀¹ (1 − s)^{k−1} cos(s √u) ds`. So `c_k` falls up to `u = π²`, and for `u ≥ 0` it
//! is bounded by `1/k!` and its derivative by `1/(k+2)!`.

use super::{Interval, exponential, power, trigonometric};

/// The largest `|u|` at which the series is summed.
const SERIES_END: f64 = 40.0;

/// The number of terms that are summed; those after it are less than `40²⁴/48! = 3e-23`.
const TERMS: u32 = 24;

/// A little less than `π²`.
const FALLS_UNTIL: f64 = 9.86;

/// `c_k(u)`; beyond `|u| = 40` the bounds are as coarse as they can be.
pub(super) fn stumpff(k: u32, u: Interval) -> Interval {
    if u.is_undefined() {
        return Interval::UNDEFINED;
    }
    // Each part has a form of its own.
    let split = if k == 0 { 0.0 } else { FALLS_UNTIL };
    if u.lo < split && u.hi > split {
        let (low, high) = (Interval { hi: split, ..u }, Interval { lo: split, ..u });
        return stumpff(k, low).hull(stumpff(k, high));
    }
    if k == 0 {
        return if u.hi <= 0.0 {
            exponential::cosh(power::sqrt(-u))
        } else {
            trigonometric::cos(power::sqrt(u))
        };
    }
    if u.hi <= split {
        return u.decreasing(|u| series(k, u));
    }
    let bound = power::recip(factorial(k)).hi;
    if u.hi > SERIES_END {
        return Interval { lo: -bound, hi: bound };
    }
    let change = Interval::point(u.radius()) / factorial(k + 2);
    series(k, u.middle()).widened(change.hi).clamped(-bound, bound)
}

/// `Σⱼ (−u)ʲ/(2j+k)!`, nested from the last term.
fn series(k: u32, u: f64) -> Interval {
    if u < -SERIES_END {
        return Interval { lo: series(k, -SERIES_END).lo, hi: f64::INFINITY };
    }
    let u = Interval::point(u);
    // The terms left out, relative to the first of them: alternating and falling, or a geometric series.
    let mut sum = Interval { lo: 0.0, hi: 1.1 };
    for j in (1..=TERMS).rev() {
        let n = f64::from(2 * j + k);
        sum = -(sum * u / (n * (n - 1.0))) + 1.0;
    }
    sum / factorial(k)
}

fn factorial(n: u32) -> Interval {
    (1..=n).map(|n| Interval::point(f64::from(n))).product()
}
