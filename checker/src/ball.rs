//! Balls: a number in double precision and a bound of the distance of the exact number from it.
//!
//! The processor rounds the centre to nearest. The radius takes in what that may cost, by an a-priori bound: the exact
//! result `x` of one operation differs from the rounded one `c` by no more than `u |c| + η`, with `u = 2⁻⁵³` and
//! `η = 2⁻¹⁰⁷⁵` where it underflows (IEEE 754). No rounding mode is set and no neighbour of a number is asked for.
//!
//! A radius is a sum of products of numbers that are not negative, rounded itself, by factors of at least `1 − u` for
//! each of fewer than 16 operations. The factor [`GROW`] and the summand [`TINY`] at the end of each make up for that.
//!
//! A ball whose radius is infinite, or of which anything is NaN, stands for all real numbers. All functions here are
//! defined for all real numbers, but for the reciprocal, so that such a ball is an enclosure like any other.

use std::ops::{Add, Mul, Neg, Sub};

/// Half the distance of 1 from the next number.
pub(crate) const UNIT: f64 = f64::EPSILON / 2.0;

/// More than `(1 − 2⁻⁵³)⁻¹⁶`, and rounded once more.
const GROW: f64 = 1.0 + 32.0 * f64::EPSILON;

/// 2⁻¹⁰⁰⁰: more than all underflows of an operation, or of a sum of up to 2⁷⁰ products.
pub(crate) const TINY: f64 = f64::from_bits(23 << 52);

/// All real numbers within `r` of `c`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Ball {
    c: f64,
    r: f64,
}

impl Ball {
    /// Zero.
    pub(crate) const ZERO: Self = Self::exact(0.0);

    /// All real numbers.
    pub(crate) const ALL: Self = Self { c: 0.0, r: f64::INFINITY };

    /// The number `c` alone.
    pub(crate) const fn exact(c: f64) -> Self {
        Self { c, r: 0.0 }
    }

    /// The numbers within `r ≥ 0` of `c`.
    pub(crate) const fn new(c: f64, r: f64) -> Self {
        Self { c, r }
    }

    /// A ball that contains all numbers from `lo` to `hi`.
    pub(crate) fn between(lo: f64, hi: f64) -> Self {
        let c = 0.5 * lo + 0.5 * hi;
        let r = (hi - c).max(c - lo);
        // Where a difference is NaN the other would hide it.
        if c.is_finite() { Self { c, r: grown(r) } } else { Self::ALL }
    }

    /// Its centre.
    pub(crate) const fn centre(self) -> f64 {
        self.c
    }

    /// Its radius.
    pub(crate) const fn radius(self) -> f64 {
        self.r
    }

    /// A lower bound of its numbers; −∞ or NaN if there is none.
    pub(crate) fn lower(self) -> f64 {
        let difference = self.c - self.r;
        difference - (difference.abs() * (4.0 * UNIT) + TINY)
    }

    /// An upper bound of its numbers; ∞ or NaN if there is none.
    pub(crate) fn upper(self) -> f64 {
        -(-self).lower()
    }

    /// An upper bound of their absolute values; ∞ or NaN if there is none.
    pub(crate) fn magnitude(self) -> f64 {
        grown(self.c.abs() + self.r)
    }

    /// Whether it is known that all its numbers are positive.
    pub(crate) fn is_positive(self) -> bool {
        self.lower() > 0.0
    }

    /// The ball with all numbers within `r ≥ 0` of one of its numbers.
    pub(crate) fn widened(self, r: f64) -> Self {
        Self { c: self.c, r: grown(self.r + r) }
    }

    /// A ball around those of its numbers that lie between `lo` and `hi`. They must be where the exact number lies.
    pub(crate) fn within(self, lo: f64, hi: f64) -> Self {
        let (low, high) = (self.lower(), self.upper());
        if low >= lo && high <= hi {
            return self;
        }
        Self::between(if low > lo { low } else { lo }, if high < hi { high } else { hi })
    }

    /// A ball around the numbers that two balls share. Both must contain the exact number.
    pub(crate) fn and(self, other: Self) -> Self {
        let (low, high) = (other.lower(), other.upper());
        if low.is_finite() && high.is_finite() { self.within(low, high) } else { self }
    }

    /// The reciprocal of all its numbers; all real numbers unless zero is known not to be among them.
    pub(crate) fn recip(self) -> Self {
        let q = 1.0 / self.c;
        let size = self.c.abs();
        let gap = size - self.r;
        if !(gap > 0.0 && q.is_finite()) {
            return Self::ALL;
        }
        // |1/x − 1/c| = |x − c|/(|x| |c|), with |x| ≥ |c| − r. The first quotient underflows only where the gap, and so
        // |c|, is above 2⁻⁵², and the second division then makes no more of it than 2⁻¹⁰²².
        let far = (self.r / gap) / size;
        Self { c: q, r: grown(far + q.abs() * UNIT) }
    }

    /// The product with a power of two. Only an underflow rounds it.
    pub(crate) fn times_power_of_two(self, power: f64) -> Self {
        Self { c: self.c * power, r: self.r * power + TINY }
    }
}

/// A bound of a radius, from the same computed by fewer than 16 operations.
#[inline(always)]
pub(crate) fn grown(r: f64) -> f64 {
    r * GROW + TINY
}

impl Neg for Ball {
    type Output = Self;

    #[inline(always)]
    fn neg(self) -> Self {
        Self { c: -self.c, r: self.r }
    }
}

impl Add for Ball {
    type Output = Self;

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        let c = self.c + other.c;
        Self { c, r: grown(self.r + other.r + c.abs() * UNIT) }
    }
}

impl Sub for Ball {
    type Output = Self;

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl Mul for Ball {
    type Output = Self;

    /// `|x y − a b| ≤ |a| |y − b| + |x − a| (|b| + |y − b|)` for centres `a`, `b`.
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        let c = self.c * other.c;
        let far = self.c.abs() * other.r + self.r * (other.c.abs() + other.r);
        Self { c, r: grown(far + c.abs() * UNIT) }
    }
}

impl Mul<f64> for Ball {
    type Output = Self;

    #[inline(always)]
    fn mul(self, other: f64) -> Self {
        self * Self::exact(other)
    }
}

impl Add<f64> for Ball {
    type Output = Self;

    #[inline(always)]
    fn add(self, other: f64) -> Self {
        self + Self::exact(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_are_what_their_comments_say() {
        assert_eq!(TINY, 0.5_f64.powi(1000));
        assert_eq!(UNIT, 0.5_f64.powi(53));
        assert!(GROW * (1.0 - UNIT).powi(16) > 1.0);
    }

    #[test]
    fn nothing_is_known_of_what_overflows() {
        let huge = Ball::exact(1e300);
        for y in [
            huge * huge,
            huge * Ball::ALL,
            Ball::ZERO * Ball::ALL,
            Ball::ZERO.recip(),
            Ball::new(1.0, 1.0).recip(),
        ] {
            assert!(!y.is_positive() && !(-y).is_positive() && !y.lower().is_finite(), "{y:?}");
        }
        // What is known of a function remains.
        let y = (huge * huge).within(-1.0, 1.0);
        assert!(y.lower() <= -1.0 && y.upper() >= 1.0 && y.radius() < 1.001);
        assert_eq!(Ball::new(0.5, 0.25).and(Ball::ALL), Ball::new(0.5, 0.25));
    }

    #[test]
    fn ends_are_met_from_outside() {
        let x = Ball::between(0.1, 0.3);
        assert!(x.lower() <= 0.1 && x.upper() >= 0.3 && x.radius() < 0.1 + 1e-15);
        let y = x.within(0.2, 7.0);
        assert!(y.lower() <= 0.2 && y.upper() >= 0.3 && y.radius() < 0.05 + 1e-15);
        assert!(Ball::new(1e-320, 0.0).lower() < 1e-320);
    }
}
