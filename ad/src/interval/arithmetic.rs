//! The operators of intervals.
//!
//! They are functions of their own, because all code over scalars is inlined, and would grow beyond measure with them.

use std::ops::{Add, Div, Mul, Neg, Sub};

use super::rounding::{add_down, add_up, div_down, div_up, mul_down, mul_up, sub_down, sub_up};
use super::{Interval, larger, smaller};

impl Neg for Interval {
    type Output = Self;

    #[inline(always)]
    fn neg(self) -> Self {
        Self { lo: -self.hi, hi: -self.lo }
    }
}

impl Add for Interval {
    type Output = Self;

    #[inline(never)]
    fn add(self, other: Self) -> Self {
        Self { lo: add_down(self.lo, other.lo), hi: add_up(self.hi, other.hi) }
    }
}

impl Sub for Interval {
    type Output = Self;

    #[inline(never)]
    fn sub(self, other: Self) -> Self {
        Self { lo: sub_down(self.lo, other.hi), hi: sub_up(self.hi, other.lo) }
    }
}

impl Mul for Interval {
    type Output = Self;

    #[inline(never)]
    fn mul(self, other: Self) -> Self {
        // Most coefficients of the constants among dual numbers are zero.
        if self.is_zero() && !other.is_undefined() || other.is_zero() && !self.is_undefined() {
            return Self::ZERO;
        }
        let products = [self.lo * other.lo, self.lo * other.hi, self.hi * other.lo, self.hi * other.hi];
        let (lo, hi) = extremes(products);
        if is_plain(products, lo, hi) {
            return Self { lo: lo.next_down(), hi: hi.next_up() };
        }
        self.combine(other, mul_down, mul_up)
    }
}

impl Div for Interval {
    type Output = Self;

    /// Undefined if the divisor contains zero.
    #[inline(never)]
    fn div(self, other: Self) -> Self {
        if !(other.lo > 0.0 || other.hi < 0.0) {
            return Self::UNDEFINED;
        }
        let quotients = [self.lo / other.lo, self.lo / other.hi, self.hi / other.lo, self.hi / other.hi];
        let (lo, hi) = extremes(quotients);
        if is_plain(quotients, lo, hi) {
            return Self { lo: lo.next_down(), hi: hi.next_up() };
        }
        self.combine(other, div_down, div_up)
    }
}

/// The smallest and the largest of four numbers, none of them NaN.
#[inline(always)]
fn extremes([a, b, c, d]: [f64; 4]) -> (f64, f64) {
    (smaller(smaller(a, b), smaller(c, d)), larger(larger(a, b), larger(c, d)))
}

/// Whether the neighbours of the extremes are the best bounds that are known: none of the numbers is NaN, and neither
/// extreme is a zero, which is exact where an operand is zero.
#[inline(always)]
fn is_plain([a, b, c, d]: [f64; 4], lo: f64, hi: f64) -> bool {
    !((a + b) + (c + d)).is_nan() && lo != 0.0 && hi != 0.0
}

impl Interval {
    #[inline(always)]
    fn is_zero(self) -> bool {
        self.lo == 0.0 && self.hi == 0.0
    }

    /// The extremes of an operation over the four pairs of ends, each rounded in both directions.
    #[inline(never)]
    fn combine(self, other: Self, down: impl Fn(f64, f64) -> f64, up: impl Fn(f64, f64) -> f64) -> Self {
        if self.is_undefined() || other.is_undefined() {
            return Self::UNDEFINED;
        }
        let pairs = [(self.lo, other.lo), (self.lo, other.hi), (self.hi, other.lo), (self.hi, other.hi)];
        let (lo, _) = extremes(pairs.map(|(a, b)| down(a, b)));
        let (_, hi) = extremes(pairs.map(|(a, b)| up(a, b)));
        Self { lo, hi }
    }

    /// The product with a power of two, which only an underflow rounds.
    #[inline(never)]
    pub(super) fn times_power_of_two(self, power: f64) -> Self {
        let scaled = Self { lo: self.lo * power, hi: self.hi * power };
        // A product that underflows may be rounded up to the least normal number.
        let exact =
            |x: f64, y: f64| x.is_finite() && (y.abs() > f64::MIN_POSITIVE || x == 0.0) && y.is_finite();
        if exact(self.lo, scaled.lo) && exact(self.hi, scaled.hi) {
            scaled
        } else {
            self * Self::point(power)
        }
    }
}

/// Whether `c` is a positive power of two within the normal numbers.
#[inline(always)]
fn is_power_of_two(c: f64) -> bool {
    const FRACTION: u64 = (1 << 52) - 1;
    c.to_bits() & FRACTION == 0 && c >= f64::MIN_POSITIVE && c.is_finite()
}

impl Add<f64> for Interval {
    type Output = Self;

    #[inline(always)]
    fn add(self, c: f64) -> Self {
        self + Self::point(c)
    }
}

impl Sub<f64> for Interval {
    type Output = Self;

    #[inline(always)]
    fn sub(self, c: f64) -> Self {
        self - Self::point(c)
    }
}

impl Mul<f64> for Interval {
    type Output = Self;

    #[inline(always)]
    fn mul(self, c: f64) -> Self {
        if is_power_of_two(c) { self.times_power_of_two(c) } else { self * Self::point(c) }
    }
}

impl Div<f64> for Interval {
    type Output = Self;

    #[inline(always)]
    fn div(self, c: f64) -> Self {
        // The reciprocal of a normal power of two is one, but for the two largest.
        if is_power_of_two(c) && is_power_of_two(1.0 / c) {
            self.times_power_of_two(1.0 / c)
        } else {
            self / Self::point(c)
        }
    }
}

impl From<f64> for Interval {
    #[inline(always)]
    fn from(x: f64) -> Self {
        Self::point(x)
    }
}

crate::derived_operators!([] Interval);
