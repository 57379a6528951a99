//! Intervals as reals: what the traits of numbers ask for.

use super::{Interval, exponential, larger, power, stumpff, trigonometric};
use crate::elementary::{Elementary, Function};
use crate::precision::Precision;
use crate::real::{Real, sealed};
use crate::scalar::{Algebra, Scalar};

impl sealed::Sealed for Interval {}

impl Scalar for Interval {
    type Base = Self;

    const ORDER: usize = 0;

    #[inline(always)]
    fn constant(x: f64) -> Self {
        Self::point(x)
    }
    #[inline(always)]
    fn from_base(x: Self) -> Self {
        x
    }
    #[inline(always)]
    fn value(self) -> Self {
        self
    }
    #[inline(always)]
    fn scale(self, w: Self) -> Self {
        self * w
    }
    /// Both branches' hull where the operands overlap; undefined where one is.
    #[inline(never)]
    fn select_gt(a: Self, b: Self, if_greater: Self, otherwise: Self) -> Self {
        if a.lo > b.hi {
            if_greater
        } else if a.hi <= b.lo {
            otherwise
        } else if a.is_undefined() || b.is_undefined() {
            Self::UNDEFINED
        } else {
            if_greater.hull(otherwise)
        }
    }
    #[inline(always)]
    fn apply<F: Function<Self>>(self, f: F) -> Self {
        f.value(self)
    }
    /// The principal values, all of [−π, π] where they jump.
    #[inline(always)]
    fn atan2(self, x: Self) -> Self {
        trigonometric::atan2(self, x)
    }
    #[inline(always)]
    fn is_finite(self) -> bool {
        self.lo.is_finite() && self.hi.is_finite()
    }
    // An infinite end is no number, so that zero times it is zero in every product.
    #[inline(always)]
    fn times_tangent(self, tangent: Self) -> Self {
        self * tangent
    }
    #[inline(always)]
    fn tangent_product(self, other: Self) -> Self {
        self * other
    }
}

impl Algebra for Interval {
    const COEFFS: usize = 1;

    #[inline(always)]
    fn act(self, bar: Self) -> Self {
        self * bar
    }
    #[inline(always)]
    fn pair(self, bar: Self) -> Self {
        self * bar
    }
    #[inline(always)]
    fn coefficients(x: &[Self]) -> &[Self] {
        x
    }
    #[inline(always)]
    fn coefficients_mut(x: &mut [Self]) -> &mut [Self] {
        x
    }
}

impl Real for Interval {
    type Register = Self;
    type Single = Self;

    const LANES: usize = 1;
    const REGISTERS: usize = 8;
    /// Of the ends. What rounds a number by its format has no meaning for intervals, and makes them undefined.
    const PRECISION: Precision = Precision::INTERVAL;

    #[inline(always)]
    fn load(x: &[f64]) -> Self {
        Self::point(x[0])
    }
    /// Writes NaN, because an interval is no number: see [`Interval::lo`] and [`Interval::hi`].
    #[inline(always)]
    fn store(self, out: &mut [f64]) {
        out[0] = f64::NAN;
    }
    /// NaN, because an interval is no number.
    #[inline(always)]
    fn lane(self, _: usize) -> f64 {
        f64::NAN
    }
    /// [`Interval::UNDEFINED`], because `f` rounds.
    #[inline(always)]
    fn from_fn(_: impl FnMut(usize) -> f64) -> Self {
        Self::UNDEFINED
    }
    /// [`Interval::UNDEFINED`], because nothing is known of `f`.
    #[inline(always)]
    fn map(self, _: impl Fn(f64) -> f64) -> Self {
        Self::UNDEFINED
    }
    #[inline(always)]
    fn mul_add(self, a: Self, b: Self) -> Self {
        self * a + b
    }
    #[inline(always)]
    fn abs(self) -> Self {
        let (lo, hi) = self.absolute_ends();
        Self { lo, hi }
    }
    #[inline(always)]
    fn sqrt_real(self) -> Self {
        power::sqrt(self)
    }
    /// [`Interval::UNDEFINED`], because bits are no number.
    #[inline(always)]
    fn exponent_from_low_bits(self) -> Self {
        Self::UNDEFINED
    }
    /// NaN, because an interval is no number.
    #[inline(always)]
    fn sum(self) -> f64 {
        f64::NAN
    }
    #[inline(always)]
    fn sum_four(_: [Self; 4]) -> [f64; 4] {
        [f64::NAN; 4]
    }
    #[inline(always)]
    fn registers(packs: &[Self]) -> &[Self] {
        packs
    }
    #[inline(always)]
    fn registers_mut(packs: &mut [Self]) -> &mut [Self] {
        packs
    }
    #[inline(always)]
    fn vectorized<O>(stage: impl FnOnce() -> O) -> O {
        stage()
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        if self.is_undefined() || other.is_undefined() {
            return Self::UNDEFINED;
        }
        Self { lo: larger(self.lo, other.lo), hi: larger(self.hi, other.hi) }
    }
    #[inline(always)]
    fn min(self, other: Self) -> Self {
        -(-self).max(-other)
    }
    #[inline(always)]
    fn atan2_real(self, x: Self) -> Self {
        trigonometric::atan2(self, x)
    }
    #[inline(always)]
    fn powf_real(self, p: Self) -> Self {
        power::powf(self, p)
    }
    #[inline(always)]
    fn representative(self) -> Self {
        Self::point(self.middle())
    }
    #[inline(always)]
    fn power_of_two(self, limit: i32) -> Self {
        Self::point(self.magnitude().power_of_two(limit))
    }
    #[inline(always)]
    fn inverse_power_of_two(self, limit: i32) -> Self {
        Self::point(self.magnitude().inverse_power_of_two(limit))
    }
    #[inline(never)]
    fn representative_angle(self, x: Self) -> Self {
        let angle = self.representative().atan2_real(x.representative());
        // At negative x the angle jumps by a turn.
        let jumps = x.lo <= 0.0 && self.lo <= 0.0 && self.hi >= 0.0;
        if jumps { angle + Self::new(-7.0, 7.0) } else { angle }
    }
    #[inline(always)]
    fn rounded_constant(c: f64) -> Self {
        Self::around(c)
    }
    #[inline(never)]
    fn enclosure(self, function: Elementary) -> Option<Self> {
        Some(enclosure(function, self))
    }
}

/// The image of `x` under a function of the table.
fn enclosure(function: Elementary, x: Interval) -> Interval {
    match function {
        Elementary::Recip => power::recip(x),
        Elementary::Sqrt => power::sqrt(x),
        Elementary::Cbrt => power::cbrt(x),
        Elementary::Powi(n) => power::powi(x, n),
        Elementary::OneLessSquare => power::one_less_square(x),
        Elementary::Exp => exponential::exp(x),
        Elementary::ExpM1 => exponential::exp_m1(x),
        Elementary::Exp2 => exponential::exp2(x),
        Elementary::Ln => exponential::ln(x),
        Elementary::Ln1p => exponential::ln_1p(x),
        Elementary::Log2 => exponential::log2(x),
        Elementary::Log10 => exponential::log10(x),
        Elementary::Sin => trigonometric::sin(x),
        Elementary::Cos => trigonometric::cos(x),
        Elementary::Tan => trigonometric::tan(x),
        Elementary::Asin => trigonometric::asin(x),
        Elementary::Acos => trigonometric::acos(x),
        Elementary::Atan => trigonometric::atan(x),
        Elementary::Sinh => exponential::sinh(x),
        Elementary::Cosh => exponential::cosh(x),
        Elementary::Tanh => exponential::tanh(x),
        Elementary::Asinh => exponential::asinh(x),
        Elementary::Acosh => exponential::acosh(x),
        Elementary::Atanh => exponential::atanh(x),
        Elementary::Softplus => exponential::softplus(x),
        Elementary::Sigmoid => exponential::sigmoid(x),
        Elementary::Stumpff(k) => stumpff::stumpff(k, x),
        Elementary::Erf | Elementary::Erfc | Elementary::LogGamma => Interval::UNDEFINED,
    }
}
