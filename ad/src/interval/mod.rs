//! Intervals: real arithmetic with proven bounds, as one more real at the bottom of every scalar.
//!
//! An [`Interval`] stands for some real number between its ends. Every operation returns an interval that contains
//! the results of all real numbers of its operands, because its ends are rounded outward. So an expression over
//! intervals encloses its values over a whole box of arguments, and over `Dual<Interval, D>` or `Jet<Interval, D>` it
//! encloses its derivatives there (R. E. Moore, *Interval Analysis*, 1966; W. Tucker, *Validated Numerics*, 2011).
//!
//! ```
//! use ircpm_ad::interval::Interval;
//! use ircpm_ad::{Dual, Scalar};
//!
//! let x = Dual::<Interval, 1>::variable(Interval::new(0.0, 1.0), 0);
//! let slope = x.sin().eps[0];
//! assert!(slope.lo() <= 1_f64.cos() && slope.hi() >= 1.0);
//! ```
//!
//! # What an interval encloses
//!
//! - A constant of an expression is the `f64` that stands there, taken as exact: `x * 0.1` is the product with the
//!   double next to 0.1. Constants of the library's own derivatives (ln 2, 1/3) are enclosed.
//! - An infinite end says that the number may be arbitrarily large. The number itself is finite.
//! - [`Interval::UNDEFINED`] is the result where a function is not defined for all numbers of its argument, as in
//!   `√[−1, 1]` and `1/[−1, 1]`, and where no enclosure is known: for the special functions
//!   (`erf`, `erfc`, `log_gamma`, `digamma`, `bessel_i0e`, `bessel_i1e`), and for what asks for the number in a lane
//!   ([`Real::lane`], [`Real::map`], [`Real::from_fn`]). No result of an undefined number is defined, and no comparison
//!   with one is true, so that nothing is proven by it.
//!
//! # Branches
//!
//! Where the operands of [`Scalar::select_gt`] overlap, both branches may be taken, and the result is their hull,
//! coefficient by coefficient. That encloses the values. It encloses derivatives too at all arguments where the
//! function has them: away from the switch each point has a neighbourhood on one branch, and at the switch the
//! derivative, if there is one, is that of either side. *At a kink* there is none. The hull of first derivatives is
//! then still right for the mean value theorem, because it contains Clarke's generalised gradient, but second
//! derivatives miss the mass at the kink, and at a jump the first ones do. A proof by derivatives of order `k` is
//! therefore a proof only for expressions whose branches agree up to order `k − 1` where they meet.

#![allow(clippy::neg_cmp_op_on_partial_ord, reason = "a comparison with NaN must not pass")]

mod arithmetic;
mod constants;
mod exponential;
mod power;
mod real;
mod rounding;
mod stumpff;
mod trigonometric;

#[cfg(doc)]
use crate::{Real, Scalar};

/// The real numbers from `lo` to `hi`, or [`Interval::UNDEFINED`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    lo: f64,
    hi: f64,
}

impl Interval {
    /// No number at all: the result of an operation outside its domain. Both ends are NaN.
    pub const UNDEFINED: Self = Self { lo: f64::NAN, hi: f64::NAN };

    /// All real numbers.
    pub const ENTIRE: Self = Self { lo: f64::NEG_INFINITY, hi: f64::INFINITY };

    /// Zero.
    pub const ZERO: Self = Self { lo: 0.0, hi: 0.0 };

    /// One.
    pub const ONE: Self = Self { lo: 1.0, hi: 1.0 };

    /// The numbers from `lo` to `hi`; undefined unless `lo ≤ hi`.
    #[inline(always)]
    pub const fn new(lo: f64, hi: f64) -> Self {
        if !(lo <= hi) {
            return Self::UNDEFINED;
        }
        // An end stands for finite numbers near it, so that an infinite one belongs to the other side's infinity alone.
        let lo = if lo == f64::INFINITY { f64::MAX } else { lo };
        let hi = if hi == f64::NEG_INFINITY { f64::MIN } else { hi };
        Self { lo, hi }
    }

    /// The number `x` alone; numbers above the largest double for `∞`, undefined for NaN.
    #[inline(always)]
    pub const fn point(x: f64) -> Self {
        Self::new(x, x)
    }

    /// The numbers that round to `x`, and more: from the double below it to the one above.
    #[inline(always)]
    pub const fn around(x: f64) -> Self {
        Self::new(x.next_down(), x.next_up())
    }

    /// The lower end; NaN if undefined.
    #[inline(always)]
    pub const fn lo(self) -> f64 {
        self.lo
    }

    /// The upper end; NaN if undefined.
    #[inline(always)]
    pub const fn hi(self) -> f64 {
        self.hi
    }

    /// Whether no number is enclosed.
    #[inline(always)]
    pub const fn is_undefined(self) -> bool {
        self.lo.is_nan()
    }

    /// Whether the interval is a single number.
    #[inline(always)]
    pub const fn is_point(self) -> bool {
        self.lo == self.hi
    }

    /// Whether `x` lies within.
    #[inline(always)]
    pub fn contains(self, x: f64) -> bool {
        self.lo <= x && x <= self.hi
    }

    /// A number near the middle, finite and within; NaN if undefined.
    #[inline(always)]
    pub fn middle(self) -> f64 {
        if self.lo.is_nan() {
            return f64::NAN;
        }
        // Halved before they are added, because the sum may overflow; an infinite end counts as the largest number.
        let (lo, hi) = (self.lo.max(f64::MIN), self.hi.min(f64::MAX));
        (0.5 * lo + 0.5 * hi).clamp(lo, hi)
    }

    /// An upper bound of the distances of its numbers from [`Interval::middle`]; NaN if undefined.
    #[inline(always)]
    pub fn radius(self) -> f64 {
        let middle = self.middle();
        larger(rounding::sub_up(self.hi, middle), rounding::sub_up(middle, self.lo))
    }

    /// The largest absolute value; NaN if undefined.
    #[inline(always)]
    pub fn magnitude(self) -> f64 {
        larger(self.lo.abs(), self.hi.abs())
    }

    /// The smallest interval that contains both; undefined if one of them is.
    #[inline(always)]
    pub fn hull(self, other: Self) -> Self {
        if self.is_undefined() || other.is_undefined() {
            return Self::UNDEFINED;
        }
        Self { lo: smaller(self.lo, other.lo), hi: larger(self.hi, other.hi) }
    }

    /// The numbers of both, for two enclosures of one number; undefined if they have none in common, or if one is.
    #[inline(always)]
    pub fn intersection(self, other: Self) -> Self {
        if self.is_undefined() || other.is_undefined() {
            return Self::UNDEFINED;
        }
        Self::new(larger(self.lo, other.lo), smaller(self.hi, other.hi))
    }

    /// The square, which no product of the interval with itself gives, because that takes two independent numbers.
    #[inline(never)]
    pub fn square(self) -> Self {
        let (small, large) = self.absolute_ends();
        let square = |x: f64| Self { lo: rounding::mul_down(x, x), hi: rounding::mul_up(x, x) };
        Self { lo: square(small).lo, hi: square(large).hi }
    }

    /// The smallest and the largest absolute value.
    #[inline(always)]
    fn absolute_ends(self) -> (f64, f64) {
        let (a, b) = (self.lo.abs(), self.hi.abs());
        let small = if self.lo <= 0.0 && self.hi >= 0.0 { 0.0 } else { smaller(a, b) };
        (small, larger(a, b))
    }

    /// An interval that differs from `self` by at most `error` more on either side.
    #[inline(always)]
    fn widened(self, error: f64) -> Self {
        Self { lo: rounding::sub_down(self.lo, error), hi: rounding::add_up(self.hi, error) }
    }

    /// The image under a function that does not fall, given enclosures of its values at numbers.
    ///
    /// At an infinite end `f` is given the infinity and returns the limit.
    #[inline(always)]
    fn increasing(self, f: impl Fn(f64) -> Self) -> Self {
        if self.is_undefined() {
            return Self::UNDEFINED;
        }
        let low = f(self.lo);
        let high = if self.is_point() { low } else { f(self.hi) };
        Self { lo: low.lo, hi: high.hi }.checked()
    }

    /// The image under a function that does not rise.
    #[inline(always)]
    fn decreasing(self, f: impl Fn(f64) -> Self) -> Self {
        if self.is_undefined() {
            return Self::UNDEFINED;
        }
        let high = f(self.lo);
        let low = if self.is_point() { high } else { f(self.hi) };
        Self { lo: low.lo, hi: high.hi }.checked()
    }

    /// The image under an even function that does not fall for positive numbers.
    #[inline(always)]
    fn even(self, f: impl Fn(f64) -> Self) -> Self {
        let (small, large) = self.absolute_ends();
        Self { lo: small, hi: large }.increasing(f)
    }

    /// The image under an odd function that does not fall, given its values at positive numbers.
    #[inline(always)]
    fn odd(self, f: impl Fn(f64) -> Self) -> Self {
        self.increasing(|x| if x < 0.0 { -f(-x) } else { f(x) })
    }

    /// Undefined if an end is.
    #[inline(always)]
    fn checked(self) -> Self {
        if self.lo <= self.hi { self } else { Self::UNDEFINED }
    }

    /// The part between bounds that the number is known to keep.
    #[inline(always)]
    fn clamped(self, lo: f64, hi: f64) -> Self {
        self.intersection(Self { lo, hi })
    }
}

/// The smaller of two numbers; NaN only if the second is.
#[inline(always)]
fn smaller(a: f64, b: f64) -> f64 {
    if a < b { a } else { b }
}

/// The larger of two numbers; NaN only if the second is.
#[inline(always)]
fn larger(a: f64, b: f64) -> f64 {
    if a > b { a } else { b }
}
