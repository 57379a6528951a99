//! A real number that carries the sum of the magnitudes of its terms.

use std::ops::{Add, Div, Mul, Neg, Sub};

use ircpm_ad::Scalar;
use ircpm_ad::elementary::Function;

/// A value and its size: the same formula with every term by its absolute value, `|f(x)| + |f′(x)| size(x)` through a
/// function. Rounding costs a small multiple of `size · 2⁻⁵³`, however much of the terms cancels in the value.
///
/// As the innermost scalar of nested duals it gives every derivative its own scale.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tally {
    pub value: f64,
    pub size: f64,
}

impl Tally {
    /// Whether `found` is this number, to 1e-12 of the sum of its terms' magnitudes.
    pub(crate) fn is(self, found: f64) -> bool {
        (found - self.value).abs() <= 1e-12 * self.size
    }
}

impl Add for Tally {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self { value: self.value + other.value, size: self.size + other.size }
    }
}

impl Neg for Tally {
    type Output = Self;
    fn neg(self) -> Self {
        Self { value: -self.value, size: self.size }
    }
}

impl Sub for Tally {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl Mul for Tally {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        Self { value: self.value * other.value, size: self.size * other.size }
    }
}

impl Div for Tally {
    type Output = Self;
    #[expect(clippy::suspicious_arithmetic_impl, reason = "a quotient is a product with the reciprocal")]
    fn div(self, other: Self) -> Self {
        self * other.recip()
    }
}

impl Add<f64> for Tally {
    type Output = Self;
    fn add(self, c: f64) -> Self {
        self + Self::constant(c)
    }
}

impl Sub<f64> for Tally {
    type Output = Self;
    fn sub(self, c: f64) -> Self {
        self - Self::constant(c)
    }
}

impl Mul<f64> for Tally {
    type Output = Self;
    fn mul(self, c: f64) -> Self {
        self * Self::constant(c)
    }
}

impl Div<f64> for Tally {
    type Output = Self;
    fn div(self, c: f64) -> Self {
        self / Self::constant(c)
    }
}

impl From<f64> for Tally {
    fn from(x: f64) -> Self {
        Self::constant(x)
    }
}

ircpm_ad::derived_operators!([] Tally);

impl Scalar for Tally {
    type Base = f64;

    const ORDER: usize = 0;

    fn constant(x: f64) -> Self {
        Self { value: x, size: x.abs() }
    }
    fn from_base(x: f64) -> Self {
        Self::constant(x)
    }
    fn value(self) -> f64 {
        self.value
    }
    fn scale(self, w: f64) -> Self {
        self * w
    }
    fn select_gt(a: f64, b: f64, if_greater: Self, otherwise: Self) -> Self {
        if a > b { if_greater } else { otherwise }
    }
    fn apply<F: Function<Self::Base>>(self, f: F) -> Self {
        let (value, slope) = (f.value(self.value), f.derivative(self.value));
        Self { value, size: value.abs() + slope.abs() * self.size }
    }
    fn is_finite(self) -> bool {
        self.value.is_finite()
    }
    fn times_tangent(self, tangent: Self) -> Self {
        self * tangent
    }
    fn tangent_product(self, other: Self) -> Self {
        self * other
    }
}
