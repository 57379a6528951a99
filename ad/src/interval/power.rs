//! Reciprocals, roots and powers.

use super::rounding::{mul_down, mul_up, sqrt_down, sqrt_up};
use super::{Interval, exponential};

/// `1/x`, undefined if zero is among the numbers.
#[inline(always)]
pub(super) fn recip(x: Interval) -> Interval {
    Interval::ONE / x
}

/// `√x`, undefined if a number is negative.
#[inline(always)]
pub(super) fn sqrt(x: Interval) -> Interval {
    if x.lo >= 0.0 { Interval { lo: sqrt_down(x.lo), hi: sqrt_up(x.hi) } } else { Interval::UNDEFINED }
}

/// `∛x`
pub(super) fn cbrt(x: Interval) -> Interval {
    x.odd(cbrt_at)
}

/// Below this the cube of a root loses digits to underflow.
const SMALL: f64 = 1e-250;
/// `2³⁰⁰`, whose cube carries the positive numbers below [`SMALL`] to between 1e-53 and 1e21.
const SCALE: f64 = 2.037_035_976_334_486e90;

/// For `x ≥ 0`: the library's root, moved until its cube is proven to be below, or above.
fn cbrt_at(x: f64) -> Interval {
    if x == 0.0 || x == f64::INFINITY {
        return Interval::point(x);
    }
    if x < SMALL {
        // Cubes would underflow, and be below or above after very many moves. Both factors are powers of two, so exact.
        let Interval { lo, hi } = cbrt_at(x * SCALE.powi(3));
        return Interval { lo: lo / SCALE, hi: hi / SCALE };
    }
    let root = x.cbrt();
    let (mut lo, mut hi) = (root, root);
    while mul_up(mul_up(lo, lo), lo) > x {
        lo = lo.next_down();
    }
    while mul_down(mul_down(hi, hi), hi) < x {
        hi = hi.next_up();
    }
    Interval { lo, hi }
}

/// `1 − x²`, by its factors, because the difference cancels near ±1.
pub(super) fn one_less_square(x: Interval) -> Interval {
    -x.even(|x| {
        let x = Interval::point(x);
        (x + 1.0) * (x - 1.0)
    })
}

/// `x^n`, undefined for negative `n` if zero is among the numbers.
pub(super) fn powi(x: Interval, n: i32) -> Interval {
    let size = n.unsigned_abs();
    let power = |x: f64| power_at(x, size);
    let positive = if x.is_undefined() {
        Interval::UNDEFINED
    } else if n == 0 {
        Interval::ONE
    } else if size.is_multiple_of(2) {
        x.even(power)
    } else {
        x.odd(power)
    };
    if n < 0 { recip(positive) } else { positive }
}

/// `xⁿ` for `x ≥ 0` and `n ≥ 1`, by squares.
fn power_at(x: f64, mut n: u32) -> Interval {
    let (mut square, mut product) = (Interval::point(x), Interval::ONE);
    loop {
        if n % 2 == 1 {
            product = if product == Interval::ONE { square } else { product * square };
        }
        n /= 2;
        if n == 0 {
            return product;
        }
        square = square.square();
    }
}

/// `x^p`: by [`powi`] if `p` is one integer, else `e^{p ln x}`, undefined unless all numbers are positive, or zero
/// beside positive exponents.
///
/// The relative width is some units in the last place, times `|p ln x|` where that is large.
pub(super) fn powf(x: Interval, p: Interval) -> Interval {
    if p.is_point() && p.lo == p.lo.trunc() && p.lo.abs() < 2e9 {
        return powi(x, p.lo as i32);
    }
    if x.lo > 0.0 {
        return exponential::exp(p * exponential::ln(x));
    }
    if x.lo == 0.0 && p.lo > 0.0 {
        let positive = Interval { lo: f64::MIN_POSITIVE * f64::EPSILON, hi: x.hi };
        let hi = if x.hi == 0.0 { 0.0 } else { exponential::exp(p * exponential::ln(positive)).hi };
        return Interval { lo: 0.0, hi };
    }
    Interval::UNDEFINED
}
