//! Branch-free exponential, sine and cosine over packs of reals.
//!
//! Errors are a few units in the last place over the ranges stated. Polynomials: `exp` after the Cephes library, sine
//! and cosine FreeBSD's `k_sin.c` and `k_cos.c`.

use std::f64::consts::{FRAC_2_PI, LN_2, LOG2_E};

use super::Elementary;
use crate::precision::Precision;
use crate::real::Real;

/// The largest angle, in radians, for which three parts of π/2 suffice.
const LARGEST_ANGLE: f64 = 1e5;

/// A polynomial in `x`, the constant term first.
#[inline(always)]
fn horner<R: Real, const N: usize>(x: R, c: [f64; N]) -> R {
    let mut sum = R::constant(c[N - 1]);
    for i in (0..N - 1).rev() {
        sum = sum.mul_add(x, R::constant(c[i]));
    }
    sum
}

/// `eˣ = 2^k e^r` with `x = k ln 2 + r`, for `x` within the format's range.
#[inline(always)]
pub(crate) fn exp_in_range<R: Real>(x: R) -> R {
    let Precision { round_biased, ln_2, .. } = R::PRECISION;
    let biased = x.mul_add(R::constant(LOG2_E), R::constant(round_biased));
    let k = biased - round_biased;
    let r = k.mul_add(R::constant(-ln_2[0]), x);
    let r = k.mul_add(R::constant(-ln_2[1]), r);
    let power = biased.exponent_from_low_bits();
    // Estrin's scheme, because it has the shortest chain of dependent operations.
    let (r2, pair) = (r * r, |a: f64, b: f64| r.mul_add(R::constant(b), R::constant(a)));
    let r4 = r2 * r2;
    if R::PRECISION == Precision::SINGLE {
        let q01 = pair(5.000_000_1e-1, 1.666_666_5e-1);
        let q23 = pair(4.166_579_6e-2, 8.333_452e-3);
        let q45 = pair(1.398_2e-3, 1.987_569_1e-4);
        let q = r4.mul_add(q45, r2.mul_add(q23, q01));
        return r2.mul_add(q, r).mul_add(power, power);
    }
    let q01 = pair(0.500_000_000_000_000_1, 0.166_666_666_666_666_67);
    let q23 = pair(0.041_666_666_666_624_13, 0.008_333_333_333_330_062);
    let q45 = pair(0.001_388_888_891_721_371_7, 0.000_198_412_698_605_365_7);
    let q67 = pair(0.000_024_801_521_295_954_375, 2.755_726_845_999_706_5e-6);
    let q89 = pair(2.762_008_844_540_976e-7, 2.507_003_854_953_031e-8);
    let q03 = r2.mul_add(q23, q01);
    let q47 = r2.mul_add(q67, q45);
    let q = r4.mul_add(r4.mul_add(q89, q47), q03);
    r2.mul_add(q, r).mul_add(power, power)
}

/// `eˣ`: 0 below −708, ∞ above 709, NaN for NaN; −87 and 88 in single precision.
#[inline(always)]
pub fn exp<R: Real>(x: R) -> R {
    if let Some(enclosure) = x.enclosure(Elementary::Exp) {
        return enclosure;
    }
    let [low, high] = R::PRECISION.exp_range;
    let (low, high) = (R::constant(low), R::constant(high));
    let y = exp_in_range(x.min(high).max(low));
    let y = R::select_gt(low, x, R::constant(0.0), y);
    R::select_gt(x, high, R::constant(f64::INFINITY), y)
}

/// `arcosh x`, accurate near 1: the standard library takes the logarithm of a number near 1 there.
pub(crate) fn acosh(x: f64) -> f64 {
    let t = x - 1.0;
    // From here on x² − 1 is x² to all digits.
    if x > 1e9 { x.ln() + LN_2 } else { (t + t.sqrt() * (t + 2.0).sqrt()).ln_1p() }
}

/// `artanh x`, by its oddness: the formula is accurate for positive arguments only.
pub(crate) fn atanh(x: f64) -> f64 {
    let size = x.abs();
    (0.5 * (2.0 * size / (1.0 - size)).ln_1p()).copysign(x)
}

/// Sine and cosine of an angle in radians.
///
/// Lanes beyond 1e5 are rare, and each is left to the standard library alone, so that no lane's bits depend on
/// another's.
#[inline(always)]
pub fn sin_cos<R: Real>(x: R) -> (R, R) {
    if let (Some(sin), Some(cos)) = (x.enclosure(Elementary::Sin), x.enclosure(Elementary::Cos)) {
        return (sin, cos);
    }
    let mut largest = 0.0_f64;
    for i in 0..R::LANES {
        largest = largest.max(x.lane(i).abs());
    }
    let (sin, cos) = sin_cos_reduced(x);
    if largest <= LARGEST_ANGLE {
        return (sin, cos);
    }
    let pick = |reduced: R, exact: fn(f64) -> f64| {
        R::from_fn(|i| if x.lane(i).abs() > LARGEST_ANGLE { exact(x.lane(i)) } else { reduced.lane(i) })
    };
    (pick(sin, f64::sin), pick(cos, f64::cos))
}

/// Sine and cosine for `|x| ≤ 1e5`; NaN for NaN.
#[inline(always)]
fn sin_cos_reduced<R: Real>(x: R) -> (R, R) {
    let Precision { round, pi_2, .. } = R::PRECISION;
    let n = (x * FRAC_2_PI + round) - round;
    let r = n.mul_add(R::constant(-pi_2[0]), x);
    let r = n.mul_add(R::constant(-pi_2[1]), r);
    let r = n.mul_add(R::constant(-pi_2[2]), r);
    let z = r * r;
    let sin_poly = horner(
        z,
        [
            -1.666_666_666_666_663_2e-1,
            8.333_333_333_322_49e-3,
            -1.984_126_982_985_795e-4,
            2.755_731_370_707_006_8e-6,
            -2.505_076_025_340_686_3e-8,
            1.589_690_995_211_55e-10,
        ],
    );
    let cos_poly = horner(
        z,
        [
            4.166_666_666_666_66e-2,
            -1.388_888_888_887_411e-3,
            2.480_158_728_947_673e-5,
            -2.755_731_435_139_066_3e-7,
            2.087_572_321_298_175e-9,
            -1.135_964_755_778_819_5e-11,
        ],
    );
    let sin_r = (r * z).mul_add(sin_poly, r);
    let cos_r = (z * z).mul_add(cos_poly, z.mul_add(R::constant(-0.5), R::constant(1.0)));

    // The quadrant n mod 4, as one of −2, −1, 0, 1, 2.
    let quadrant = n - ((n * 0.25 + round) - round) * 4.0;
    let size = quadrant.abs();
    let (half, three_halves) = (R::constant(0.5), R::constant(1.5));
    let odd = |if_odd: R, if_even: R| {
        R::select_gt(size, half, R::select_gt(three_halves, size, if_odd, if_even), if_even)
    };
    let sin = odd(cos_r, sin_r);
    let cos = odd(sin_r, cos_r);
    let sin = R::select_gt(quadrant, three_halves, -sin, R::select_gt(-half, quadrant, -sin, sin));
    let cos = R::select_gt(size, three_halves, -cos, R::select_gt(quadrant, half, -cos, cos));
    (sin, cos)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::scalar::Scalar;
    use crate::simd::{Lanes, Portable};

    /// Largest relative error over a range, in a pack and alone.
    pub(crate) fn worst(low: f64, high: f64, f: impl Fn(f64) -> f64, exact: impl Fn(f64) -> f64) -> f64 {
        (0..=20_000).fold(0.0, |worst: f64, i| {
            let x = low + (high - low) * f64::from(i) / 20_000.0;
            worst.max(((f(x) - exact(x)) / exact(x).abs().max(f64::MIN_POSITIVE)).abs())
        })
    }

    pub(crate) fn packed(f: impl Fn(Lanes<Portable>) -> Lanes<Portable>) -> impl Fn(f64) -> f64 {
        move |x| f(Lanes::constant(x)).lane(1)
    }

    #[test]
    fn exp_agrees_with_the_standard_library() {
        assert!(worst(-707.0, 708.0, exp, f64::exp) < 1e-15);
        assert!(worst(-707.0, 708.0, packed(exp), f64::exp) < 1e-15);
        assert_eq!((exp(-800.0), exp(800.0), exp(f64::NEG_INFINITY)), (0.0, f64::INFINITY, 0.0));
        assert!(exp(f64::NAN).is_nan());
    }

    #[test]
    fn sine_and_cosine_agree_with_the_standard_library() {
        for (low, high) in [(-0.1, 0.1), (-7.0, 7.0), (-9e4, 9e4), (1e6, 1e9)] {
            for i in 0..=20_000 {
                let x = low + (high - low) * f64::from(i) / 20_000.0;
                let (sin, cos) = sin_cos(x);
                assert!((sin - x.sin()).abs() < 3e-16 * 2.0 && (cos - x.cos()).abs() < 3e-16 * 2.0, "at {x}");
            }
        }
        assert!(sin_cos(f64::NAN).0.is_nan() && sin_cos(f64::INFINITY).1.is_nan());
    }
}
