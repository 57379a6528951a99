//! Exponentials, logarithms, hyperbolic functions and the units of networks.
//!
//! Each function is enclosed at a number first. Its argument is reduced in interval arithmetic; of the series, the
//! first terms are interval arithmetic, and the rest is a polynomial in doubles with a bound of its error
//! ([`horner_error`]), of the terms left out, and of the effect of the argument's width. Monotonicity does the rest.

use super::constants::{LN_2, LN_2_PART, LN_2_REST, LOG2_E, LOG10_E};
use super::rounding::{div_down, div_up, horner, horner_error};
use super::{Interval, power};

/// `1/n!` from `n = 2` on.
const EXP: [f64; 12] = [
    1.0 / 2.0,
    1.0 / 6.0,
    1.0 / 24.0,
    1.0 / 120.0,
    1.0 / 720.0,
    1.0 / 5_040.0,
    1.0 / 40_320.0,
    1.0 / 362_880.0,
    1.0 / 3_628_800.0,
    1.0 / 39_916_800.0,
    1.0 / 479_001_600.0,
    1.0 / 6_227_020_800.0,
];

/// Bound of the reduced argument of the exponential: ln 2 / 2 is 0.3466.
const EXP_REDUCED: f64 = 0.355;

/// The terms from `r¹⁴/14!` on, over `r²`, are below `0.355¹²/14! · 1.03 = 4.7e-17`.
const EXP_ERROR: f64 = horner_error(&EXP, EXP_REDUCED) + 5e-17;

/// `1/3, 1/5, …`: the series of the inverse hyperbolic tangent after its first term.
const ARTANH: [f64; 10] = [
    1.0 / 3.0,
    1.0 / 5.0,
    1.0 / 7.0,
    1.0 / 9.0,
    1.0 / 11.0,
    1.0 / 13.0,
    1.0 / 15.0,
    1.0 / 17.0,
    1.0 / 19.0,
    1.0 / 21.0,
];

/// Bound of the squared argument of that series: `((√2 − 1)/(√2 + 1))²` is 0.02944.
const ARTANH_REDUCED: f64 = 0.0296;

/// The terms from `w¹⁰/23` on are below `0.0296¹⁰/23 · 1.04 = 2.4e-17`.
const ARTANH_ERROR: f64 = horner_error(&ARTANH, ARTANH_REDUCED) + 2.5e-17;

/// `e^r − 1` for `|r| ≤ 0.355`.
#[inline(always)]
fn exp_m1_reduced(r: Interval) -> Interval {
    // The derivative of the polynomial is below 0.21 there.
    let error = EXP_ERROR + 0.25 * (r.hi - r.lo);
    let tail = Interval::point(horner(r.lo, &EXP)).widened(error);
    r + r.square() * tail
}

/// `m · 2^k`.
#[inline(always)]
fn scaled(m: Interval, k: f64) -> Interval {
    let power = |k: i32| f64::from_bits(((k + 1023) as u64) << 52);
    // In two steps, because neither 2¹⁰²⁴ nor subnormal powers are at hand.
    let first = (k * 0.5).trunc() as i32;
    m.times_power_of_two(power(first)).times_power_of_two(power(k as i32 - first))
}

#[inline]
fn exp_at(x: f64) -> Interval {
    if x >= 709.79 {
        return Interval::point(f64::INFINITY);
    }
    if x <= -745.2 {
        // Below half the smallest number.
        return Interval { lo: 0.0, hi: f64::MIN_POSITIVE * f64::EPSILON };
    }
    let k = (x * std::f64::consts::LOG2_E).round_ties_even();
    let r = Interval::point(x) - k * LN_2_PART - LN_2_REST * k;
    scaled(exp_m1_reduced(r) + 1.0, k)
}

#[inline]
fn exp_m1_at(x: f64) -> Interval {
    if x.abs() <= EXP_REDUCED {
        return exp_m1_reduced(Interval::point(x));
    }
    if x.abs() <= 2.0 * EXP_REDUCED {
        // e^{2h} − 1 = (e^h − 1)(e^h + 1) does not cancel.
        let half = exp_m1_reduced(Interval::point(0.5 * x));
        return half * (half + 2.0);
    }
    exp_at(x) - 1.0
}

fn exp2_at(x: f64) -> Interval {
    if x.abs() >= 1100.0 {
        // Far enough from 2¹⁰²⁴ and 2⁻¹⁰⁷⁴ for any bound.
        return exp_at(x);
    }
    let k = x.round_ties_even();
    scaled(exp_m1_reduced(LN_2 * Interval::point(x - k)) + 1.0, k)
}

/// `2 artanh z` for `|z| ≤ 0.172`.
#[inline(always)]
fn twice_artanh(z: Interval) -> Interval {
    let w = z.square();
    // The derivative of the polynomial is below 0.22 there.
    let error = ARTANH_ERROR + 0.25 * (w.hi - w.lo);
    let tail = Interval::point(horner(w.lo, &ARTANH)).widened(error);
    (z + z * w * tail) * 2.0
}

#[inline]
fn ln_at(x: f64) -> Interval {
    if x == f64::INFINITY {
        return Interval { lo: 709.0, hi: f64::INFINITY };
    }
    // A subnormal number has fewer bits, so it is scaled, exactly.
    let (x, shift) = if x < f64::MIN_POSITIVE { (x * 2_f64.powi(54), -54) } else { (x, 0) };
    let bits = x.to_bits();
    let mut k = (bits >> 52) as i32 - 1023;
    let mut m = f64::from_bits(bits & ((1 << 52) - 1) | 1023 << 52);
    if m > std::f64::consts::SQRT_2 {
        m *= 0.5;
        k += 1;
    }
    let (m, k) = (Interval::point(m), f64::from(k + shift));
    let ln_m = twice_artanh((m - 1.0) / (m + 1.0));
    if k == 0.0 { ln_m } else { ln_m + LN_2_REST * k + k * LN_2_PART }
}

#[inline]
fn ln_1p_at(x: f64) -> Interval {
    if (-0.29..=0.41).contains(&x) {
        let x = Interval::point(x);
        return twice_artanh(x / (x + 2.0));
    }
    ln(Interval::point(x) + 1.0)
}

/// `1/x` for positive numbers; an infinite end has the limit 0.
#[inline(always)]
fn positive_recip(x: Interval) -> Interval {
    Interval { lo: div_down(1.0, x.hi), hi: div_up(1.0, x.lo) }
}

#[inline]
fn sigmoid_at(x: f64) -> Interval {
    positive_recip(exp_at(-x) + 1.0)
}

fn softplus_at(x: f64) -> Interval {
    if x < 0.0 { ln_1p(exp_at(x)) } else { ln_1p(exp_at(-x)) + x }
}

/// For `x ≥ 0`, as are the next.
fn tanh_at(x: f64) -> Interval {
    if x <= 1.0 {
        let e = exp_m1_at(2.0 * x);
        return e / (e + 2.0);
    }
    -(positive_recip(exp_at(2.0 * x) + 1.0) * 2.0) + 1.0
}

fn sinh_at(x: f64) -> Interval {
    if x <= EXP_REDUCED {
        let e = exp_m1_at(x);
        return (e + e / (e + 1.0)) * 0.5;
    }
    (exp_at(x) - exp_at(-x)) * 0.5
}

fn cosh_at(x: f64) -> Interval {
    ((exp_at(x) + exp_at(-x)) * 0.5).clamped(1.0, f64::INFINITY)
}

fn asinh_at(x: f64) -> Interval {
    if x > 1e9 {
        // asinh x − ln 2x lies between 0 and 1/(4x²).
        return ln_at(x) + LN_2 + Interval { lo: 0.0, hi: 1e-18 };
    }
    let x = Interval::point(x);
    let square = x.square();
    ln_1p(x + square / (power::sqrt(square + 1.0) + 1.0))
}

/// For `x ≥ 1`.
fn acosh_at(x: f64) -> Interval {
    if x > 1e9 {
        return ln_at(x) + LN_2 - Interval { lo: 0.0, hi: 1e-18 };
    }
    let t = Interval::point(x) - 1.0;
    ln_1p(t + power::sqrt(t) * power::sqrt(t + 2.0))
}

/// For `0 ≤ x < 1`.
fn atanh_at(x: f64) -> Interval {
    let x = Interval::point(x);
    ln_1p(x * 2.0 / (-x + 1.0)) * 0.5
}

/// `e^x`
#[inline]
pub(super) fn exp(x: Interval) -> Interval {
    x.increasing(exp_at)
}

/// `e^x − 1`
pub(super) fn exp_m1(x: Interval) -> Interval {
    x.increasing(exp_m1_at).clamped(-1.0, f64::INFINITY)
}

/// `2^x`
pub(super) fn exp2(x: Interval) -> Interval {
    x.increasing(exp2_at)
}

/// `ln x`, undefined unless all numbers are positive.
pub(super) fn ln(x: Interval) -> Interval {
    if x.lo > 0.0 { x.increasing(ln_at) } else { Interval::UNDEFINED }
}

/// `ln(1 + x)`, undefined unless all numbers are above −1.
#[inline]
pub(super) fn ln_1p(x: Interval) -> Interval {
    if x.lo > -1.0 { x.increasing(ln_1p_at) } else { Interval::UNDEFINED }
}

/// `log₂ x`
pub(super) fn log2(x: Interval) -> Interval {
    ln(x) * LOG2_E
}

/// `log₁₀ x`
pub(super) fn log10(x: Interval) -> Interval {
    ln(x) * LOG10_E
}

/// `ln(1 + e^x)`
#[inline]
pub(super) fn softplus(x: Interval) -> Interval {
    x.increasing(softplus_at)
}

/// `1/(1 + e^−x)`
#[inline]
pub(super) fn sigmoid(x: Interval) -> Interval {
    x.increasing(sigmoid_at).clamped(0.0, 1.0)
}

/// `tanh x`
pub(super) fn tanh(x: Interval) -> Interval {
    x.odd(tanh_at).clamped(-1.0, 1.0)
}

/// `sinh x`
pub(super) fn sinh(x: Interval) -> Interval {
    x.odd(sinh_at)
}

/// `cosh x`
pub(super) fn cosh(x: Interval) -> Interval {
    x.even(cosh_at)
}

/// `arsinh x`
pub(super) fn asinh(x: Interval) -> Interval {
    x.odd(asinh_at)
}

/// `arcosh x`, undefined unless all numbers are at least 1.
pub(super) fn acosh(x: Interval) -> Interval {
    if x.lo >= 1.0 { x.increasing(acosh_at) } else { Interval::UNDEFINED }
}

/// `artanh x`, undefined unless all numbers lie between −1 and 1.
pub(super) fn atanh(x: Interval) -> Interval {
    if x.lo > -1.0 && x.hi < 1.0 { x.odd(atanh_at) } else { Interval::UNDEFINED }
}
