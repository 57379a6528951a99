//! Sines, cosines, tangents and their inverses.

use super::constants::{HALF_PI, HALF_PI_PARTS, HALF_PI_REST, PI, TWO_OVER_PI};
use super::rounding::{horner, horner_error};
use super::{Interval, power};

/// `1/3!, −1/5!, …`: `(r − sin r)/r³` in `r²`.
const SIN: [f64; 8] = [
    1.0 / 6.0,
    -1.0 / 120.0,
    1.0 / 5_040.0,
    -1.0 / 362_880.0,
    1.0 / 39_916_800.0,
    -1.0 / 6_227_020_800.0,
    1.0 / 1_307_674_368_000.0,
    -1.0 / 355_687_428_096_000.0,
];

/// `1/4!, −1/6!, …`: `(cos r − 1 + r²/2)/r⁴` in `r²`.
const COS: [f64; 8] = [
    1.0 / 24.0,
    -1.0 / 720.0,
    1.0 / 40_320.0,
    -1.0 / 3_628_800.0,
    1.0 / 479_001_600.0,
    -1.0 / 87_178_291_200.0,
    1.0 / 20_922_789_888_000.0,
    -1.0 / 6_402_373_705_728_000.0,
];

/// Bound of the reduced angle, and of its square: π/4 is 0.7854.
const REDUCED: f64 = 0.79;
const REDUCED_SQUARE: f64 = 0.625;

/// The series alternate with falling terms, so what is left out is below its first term, `0.625⁸/19! = 1.9e-19`.
const SIN_ERROR: f64 = horner_error(&SIN, REDUCED_SQUARE) + 2e-19;

/// Here that is `0.625⁸/20! = 9.6e-21`.
const COS_ERROR: f64 = horner_error(&COS, REDUCED_SQUARE) + 1e-20;

/// `1/3, −1/5, …`: `(t − arctan t)/t³` in `t²`.
const ATAN: [f64; 6] = [1.0 / 3.0, -1.0 / 5.0, 1.0 / 7.0, -1.0 / 9.0, 1.0 / 11.0, -1.0 / 13.0];

/// Bound of the squared reduced argument, a little more than `1/16²`.
const ATAN_REDUCED: f64 = 0.004;

/// Again the first term left out bounds the rest: `0.004⁶/15 = 2.8e-16`.
const ATAN_ERROR: f64 = horner_error(&ATAN, ATAN_REDUCED) + 3e-16;

/// `arctan(i/8)`, rounded to nearest.
const ATAN_EIGHTHS: [f64; 9] = [
    0.0,
    0.124_354_994_546_761_44,
    0.244_978_663_126_864_14,
    0.358_770_670_270_572_25,
    0.463_647_609_000_806_1,
    0.558_599_315_343_562_4,
    0.643_501_108_793_284_4,
    0.718_829_999_621_624_5,
    std::f64::consts::FRAC_PI_4,
];

/// Angles beyond this are not reduced, because products of `π/2`'s parts would be rounded.
const LARGEST_ANGLE: f64 = 8e5;

const UNIT: Interval = Interval { lo: -1.0, hi: 1.0 };

/// Sine and cosine of one angle; all of [−1, 1] beyond 8·10⁵.
#[inline]
fn sin_cos_at(x: f64) -> (Interval, Interval) {
    if !(x.abs() <= LARGEST_ANGLE) {
        return (UNIT, UNIT);
    }
    let n = (x * std::f64::consts::FRAC_2_PI).round_ties_even();
    let [first, second] = HALF_PI_PARTS;
    let r = if n == 0.0 {
        Interval::point(x)
    } else {
        Interval::point(x) - n * first - n * second - HALF_PI_REST * n
    };
    if !(r.magnitude() <= REDUCED) {
        return (UNIT, UNIT);
    }
    let z = r.square();
    // The derivatives of the polynomials are below 1/120 and 1/720.
    let width = z.hi - z.lo;
    let sin_tail = Interval::point(horner(z.lo, &SIN)).widened(SIN_ERROR + 0.01 * width);
    let cos_tail = Interval::point(horner(z.lo, &COS)).widened(COS_ERROR + 0.002 * width);
    let sin = r - r * z * sin_tail;
    let cos = z.square() * cos_tail - z * 0.5 + 1.0;
    let (sin, cos) = match (n as i64).rem_euclid(4) {
        0 => (sin, cos),
        1 => (cos, -sin),
        2 => (-sin, -cos),
        _ => (-cos, sin),
    };
    (sin.clamped(-1.0, 1.0), cos.clamped(-1.0, 1.0))
}

/// The integers `m` that may be multiples `m π/2` within `x`: the first and the last.
fn quarter_turns(x: Interval) -> (f64, f64) {
    let turns = x * TWO_OVER_PI;
    (turns.lo.ceil(), turns.hi.floor())
}

/// The image under a function with the maximum 1 at the multiples `m ≡ top` (mod 4) of `π/2`, the minimum −1 two
/// multiples on, and nothing between.
fn wave(x: Interval, top: i64, at: impl Fn(f64) -> Interval) -> Interval {
    if x.is_undefined() {
        return Interval::UNDEFINED;
    }
    let (first, last) = quarter_turns(x);
    if !(last - first < 4.0 && x.magnitude() <= LARGEST_ANGLE) {
        return UNIT;
    }
    let low = at(x.lo);
    let mut image = if x.is_point() { low } else { low.hull(at(x.hi)) };
    // Extremes that may lie within are taken to lie within. At one number they say nothing new.
    for m in first as i64..=last as i64 {
        match (m - top).rem_euclid(4) {
            0 if !x.is_point() => image.hi = 1.0,
            2 if !x.is_point() => image.lo = -1.0,
            _ => {}
        }
    }
    image
}

/// `sin x`
pub(super) fn sin(x: Interval) -> Interval {
    wave(x, 1, |x| sin_cos_at(x).0)
}

/// `cos x`
pub(super) fn cos(x: Interval) -> Interval {
    wave(x, 0, |x| sin_cos_at(x).1)
}

/// `tan x`, undefined if there may be a pole.
pub(super) fn tan(x: Interval) -> Interval {
    let (first, last) = quarter_turns(x);
    let pole = |m: i64| m.rem_euclid(2) == 1;
    if !(last - first < 2.0 && x.magnitude() <= LARGEST_ANGLE) || (first as i64..=last as i64).any(pole) {
        return Interval::UNDEFINED;
    }
    x.increasing(|x| {
        let (sin, cos) = sin_cos_at(x);
        sin / cos
    })
}

/// For `0 ≤ x ≤ 1`: `arctan x = arctan c + arctan (x − c)/(1 + c x)`.
fn atan_reduced(x: Interval) -> Interval {
    let i = (x.lo * 8.0).round().clamp(0.0, 8.0);
    let c = i / 8.0;
    let t = if i == 0.0 { x } else { (x - c) / (x * c + 1.0) };
    let w = t.square();
    if !(w.hi <= ATAN_REDUCED) {
        // Not met: the argument is as good as one number.
        return Interval { lo: 0.0, hi: 0.8 };
    }
    let tail = Interval::point(horner(w.lo, &ATAN)).widened(ATAN_ERROR + 0.25 * (w.hi - w.lo));
    let small = t - t * w * tail;
    if i == 0.0 { small } else { Interval::around(ATAN_EIGHTHS[i as usize]) + small }
}

/// For `x ≥ 0`.
fn atan_at(x: f64) -> Interval {
    let x = Interval::point(x);
    if x.hi <= 1.0 { atan_reduced(x) } else { HALF_PI - atan_reduced(power::recip(x)) }
}

/// `arctan x`
pub(super) fn atan(x: Interval) -> Interval {
    x.odd(atan_at)
}

/// `arcsin x`, undefined unless all numbers lie in [−1, 1].
pub(super) fn asin(x: Interval) -> Interval {
    if !(x.lo >= -1.0 && x.hi <= 1.0) {
        return Interval::UNDEFINED;
    }
    // Twice the arc tangent of x/(1 + √(1 − x²)).
    x.odd(|x| {
        let x = Interval::point(x);
        let cosine = power::sqrt((-x + 1.0) * (x + 1.0));
        atan(x / (cosine + 1.0)) * 2.0
    })
}

/// `arccos x`, undefined unless all numbers lie in [−1, 1].
pub(super) fn acos(x: Interval) -> Interval {
    if !(x.lo >= -1.0 && x.hi <= 1.0) {
        return Interval::UNDEFINED;
    }
    // Twice the arc tangent of √((1 − x)/(1 + x)).
    x.decreasing(|x| {
        if x == -1.0 {
            return PI;
        }
        let x = Interval::point(x);
        atan(power::sqrt((-x + 1.0) / (x + 1.0))) * 2.0
    })
}

/// The angles of all points `(x, y)`; undefined if the origin is among them, all of [−π, π] if the jump at negative `x`
/// is.
pub(super) fn atan2(y: Interval, x: Interval) -> Interval {
    if y.is_undefined() || x.is_undefined() {
        Interval::UNDEFINED
    } else if x.lo > 0.0 {
        atan(y / x)
    } else if y.lo > 0.0 {
        HALF_PI - atan(x / y)
    } else if y.hi < 0.0 {
        -HALF_PI - atan(x / y)
    } else if x.hi < 0.0 {
        if y.lo >= 0.0 { PI + atan(y / x) } else { Interval { lo: -PI.hi, hi: PI.hi } }
    } else {
        Interval::UNDEFINED
    }
}
