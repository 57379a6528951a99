//! The traits of numbers: what a differentiable function is written over, and what a reverse sweep needs besides.

use std::fmt::Debug;
use std::iter::{Product, Sum};
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

use crate::elementary::special::{BesselI0e, BesselI1e, Polygamma};
use crate::elementary::{
    Acos, Acosh, Asin, Asinh, Atan, Atanh, Cbrt, Cos, Cosh, Erf, Erfc, Exp, Exp2, ExpM1, Function, Ln, Ln1p,
    Log2, Log10, LogGamma, Powf, Powi, Recip, Sigmoid, Sin, Sinh, Softplus, Sqrt, Tan, Tanh,
};
use crate::precision::Precision;
use crate::real::Real;

/// A number that a smooth function can be written over: a real, a pack of reals, a dual number, a jet.
///
/// Constants stand on the right (`x * 2.0 + 1.0`). There is no order: a branch on the value is written with
/// [`Scalar::select_gt`], which lanes can take. An implementing type gives the ring operations and one rule,
/// [`Scalar::apply`]; every elementary function follows from it, to every order.
pub trait Scalar:
    Copy
    + Debug
    + Send
    + Sync
    + 'static
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + SubAssign
    + MulAssign
    + DivAssign
    + Add<f64, Output = Self>
    + Sub<f64, Output = Self>
    + Mul<f64, Output = Self>
    + Div<f64, Output = Self>
    + AddAssign<f64>
    + SubAssign<f64>
    + MulAssign<f64>
    + DivAssign<f64>
    + Sum
    + Product
{
    /// The real numbers at the bottom: `f64`, or a pack of them.
    type Base: Real;

    /// Order of the highest derivative that is carried: 0 for reals.
    const ORDER: usize;

    /// The constant `x`: all derivatives zero.
    fn constant(x: f64) -> Self;

    /// The constant `x`, one value per lane.
    fn from_base(x: Self::Base) -> Self;

    /// The value, without the derivatives.
    fn value(self) -> Self::Base;

    /// Product with a real that is held constant: cheaper than a product of scalars.
    fn scale(self, w: Self::Base) -> Self;

    /// `if_greater` where `a > b`, else `otherwise`; lane by lane. A NaN in `a` or `b` selects `otherwise`.
    fn select_gt(a: Self::Base, b: Self::Base, if_greater: Self, otherwise: Self) -> Self;

    /// `f(self)` by the chain rule. This is the one place where a type says how it differentiates.
    fn apply<F: Function<Self::Base>>(self, f: F) -> Self;

    /// Whether all coefficients are finite, in all lanes.
    fn is_finite(self) -> bool;

    /// `self · tangent`, where `self` is the slope of a function: a tangent that is zero stays zero beside an infinite
    /// slope.
    ///
    /// [`Scalar::apply`] multiplies so if [`Function::INFINITE_SLOPE`] says that it must.
    fn times_tangent(self, tangent: Self) -> Self;

    /// The product of two tangents: zero if either is zero, even if the other is infinite.
    fn tangent_product(self, other: Self) -> Self;

    /// Zero.
    #[inline(always)]
    fn zero() -> Self {
        Self::constant(0.0)
    }

    /// One.
    #[inline(always)]
    fn one() -> Self {
        Self::constant(1.0)
    }

    /// `1 / self`.
    #[inline(always)]
    fn recip(self) -> Self {
        self.apply(Recip)
    }

    /// `√self`; its derivatives are infinite at 0, but for a constant 0 they are 0.
    #[inline(always)]
    fn sqrt(self) -> Self {
        self.apply(Sqrt)
    }

    /// `e^self`; 0 below −708 and ∞ above 709 (−87 and 88 in single precision).
    #[inline(always)]
    fn exp(self) -> Self {
        self.apply(Exp)
    }

    /// Natural logarithm.
    #[inline(always)]
    fn ln(self) -> Self {
        self.apply(Ln)
    }

    /// `ln(1 + self)`, accurate near 0.
    #[inline(always)]
    fn ln_1p(self) -> Self {
        self.apply(Ln1p)
    }

    /// Sine of an angle in radians.
    #[inline(always)]
    fn sin(self) -> Self {
        self.apply(Sin)
    }

    /// Cosine of an angle in radians.
    #[inline(always)]
    fn cos(self) -> Self {
        self.apply(Cos)
    }

    /// Hyperbolic sine.
    #[inline(always)]
    fn sinh(self) -> Self {
        self.apply(Sinh)
    }

    /// Hyperbolic cosine.
    #[inline(always)]
    fn cosh(self) -> Self {
        self.apply(Cosh)
    }

    /// Hyperbolic tangent.
    #[inline(always)]
    fn tanh(self) -> Self {
        self.apply(Tanh)
    }

    /// Arc tangent, in (−π/2, π/2).
    #[inline(always)]
    fn atan(self) -> Self {
        self.apply(Atan)
    }

    /// `ln(1 + e^self)`, without overflow.
    #[inline(always)]
    fn softplus(self) -> Self {
        self.apply(Softplus)
    }

    /// `1 / (1 + e^−self)`, the derivative of [`Scalar::softplus`].
    #[inline(always)]
    fn sigmoid(self) -> Self {
        self.apply(Sigmoid)
    }

    /// `self^n` for an integer `n`; smooth at 0 for `n ≥ 0`.
    #[inline(always)]
    fn powi(self, n: i32) -> Self {
        self.apply(Powi(n))
    }

    /// `self^p` for a real `p`; NaN for negative numbers unless `p` is an integer.
    #[inline(always)]
    fn powf(self, p: f64) -> Self {
        self.apply(Powf(Self::Base::constant(p)))
    }

    /// `self^p`, differentiated by both.
    ///
    /// By `p` it has no derivative for negative `self`: that comes out infinite, unless `p` is constant. At 0 it is
    /// taken as 0, which is right for positive `p`.
    #[inline(always)]
    fn pow(self, p: Self) -> Self {
        // x^p = x^{p₀} e^{(p − p₀) ln x}, so that the value is the power of the values.
        let (x, p0) = (self.value(), p.value());
        let power = self.apply(Powf(p0));
        if Self::ORDER == 0 {
            return power;
        }
        let [zero, infinity] = [0.0, f64::INFINITY].map(Self::Base::constant);
        let logarithm = Self::select_gt(x, zero, self.ln(), Self::from_base(infinity));
        let factor = logarithm.times_tangent(p - Self::from_base(p0)).exp();
        power * Self::select_gt(x.abs(), zero, factor, Self::one())
    }

    /// `e^self − 1`, accurate near 0.
    #[inline(always)]
    fn exp_m1(self) -> Self {
        self.apply(ExpM1)
    }

    /// `2^self`.
    #[inline(always)]
    fn exp2(self) -> Self {
        self.apply(Exp2)
    }

    /// Logarithm to base 2.
    #[inline(always)]
    fn log2(self) -> Self {
        self.apply(Log2)
    }

    /// Logarithm to base 10.
    #[inline(always)]
    fn log10(self) -> Self {
        self.apply(Log10)
    }

    /// Cube root; its derivatives are infinite at 0.
    #[inline(always)]
    fn cbrt(self) -> Self {
        self.apply(Cbrt)
    }

    /// Tangent of an angle in radians.
    #[inline(always)]
    fn tan(self) -> Self {
        self.apply(Tan)
    }

    /// Arc sine, in [−π/2, π/2].
    #[inline(always)]
    fn asin(self) -> Self {
        self.apply(Asin)
    }

    /// Arc cosine, in [0, π].
    #[inline(always)]
    fn acos(self) -> Self {
        self.apply(Acos)
    }

    /// Inverse hyperbolic sine.
    #[inline(always)]
    fn asinh(self) -> Self {
        self.apply(Asinh)
    }

    /// Inverse hyperbolic cosine, for `self ≥ 1`.
    #[inline(always)]
    fn acosh(self) -> Self {
        self.apply(Acosh)
    }

    /// Inverse hyperbolic tangent.
    #[inline(always)]
    fn atanh(self) -> Self {
        self.apply(Atanh)
    }

    /// The error function, `2/√π ∫₀^self e^{−t²} dt`.
    #[inline(always)]
    fn erf(self) -> Self {
        self.apply(Erf)
    }

    /// `1 − erf self`, accurate where that is tiny.
    #[inline(always)]
    fn erfc(self) -> Self {
        self.apply(Erfc)
    }

    /// `ln |Γ(self)|`.
    #[inline(always)]
    fn log_gamma(self) -> Self {
        self.apply(LogGamma)
    }

    /// The digamma function, the derivative of [`Scalar::log_gamma`].
    #[inline(always)]
    fn digamma(self) -> Self {
        self.apply(Polygamma(0))
    }

    /// The modified Bessel function `I₀`, times `e^−|self|`: the logarithm of `I₀` is `self.bessel_i0e().ln()` plus
    /// `|self|`.
    #[inline(always)]
    fn bessel_i0e(self) -> Self {
        self.apply(BesselI0e(0))
    }

    /// The modified Bessel function `I₁`, times `e^−|self|`.
    #[inline(always)]
    fn bessel_i1e(self) -> Self {
        self.apply(BesselI1e(0))
    }

    /// Angle of the point `(x, self)` in [−π, π] (−π only for −0.0 beside a negative `x`), smooth wherever the point is
    /// not the origin; there, NaN.
    ///
    /// The point is turned by its own angle first, so that the arc tangent is taken at 0, on the same branch for
    /// every derivative: `atan2(y, x) = θ₀ + atan((y x₀ − x y₀) / (x x₀ + y y₀))`.
    #[inline(always)]
    fn atan2(self, x: Self) -> Self {
        let (y0, x0) = (self.value().representative(), x.value().representative());
        let size = Self::Base::one() / (y0.abs() + x0.abs());
        // Scaled to order one, because the square of a tiny or huge number would leave the range of doubles.
        let (sine, cosine) = (y0 * size * size, x0 * size * size);
        let along = x.scale(cosine) + self.scale(sine);
        let across = self.scale(cosine) - x.scale(sine);
        (across / along).atan() + Self::from_base(self.value().representative_angle(x.value()))
    }

    /// `√(self² + other²)`, without overflow or underflow of the squares.
    ///
    /// At the origin, the tip of a cone, first derivatives are 0 (the least subgradient) and higher ones infinite.
    #[inline(always)]
    fn hypot(self, other: Self) -> Self {
        // A power of two near 1/max(|x|, |y|): scaling by it and back is exact.
        let larger = self.value().abs().max(other.value().abs());
        let limit = if Self::Base::PRECISION == Precision::SINGLE { 120 } else { 1000 };
        let larger = larger.representative();
        let (down, up) = (larger.inverse_power_of_two(limit), larger.power_of_two(limit));
        let (x, y) = (self.scale(down), other.scale(down));
        (x * x + y * y).sqrt().scale(up)
    }
}

/// A [`Scalar`] seen as a finite-dimensional algebra, with its action on cotangents: what a reverse sweep needs.
///
/// An element has [`Algebra::COEFFS`] coefficients over the base. A *cotangent* `bar` is a linear form on the algebra,
/// stored by its coefficients, and `a` acts on it by `(a·bar)(b) = bar(a b)`. Reverse mode over duals is then ordinary
/// reverse mode with [`Algebra::act`] in place of the product, and the gradient of a weight is the dot product
/// [`Algebra::pair`] of all coefficients of activation and cotangent. No order of differentiation needs a rule of its
/// own.
pub trait Algebra: Scalar {
    /// Number of real coefficients.
    const COEFFS: usize;

    /// The cotangent `self·bar : b ↦ bar(self · b)`.
    fn act(self, bar: Self) -> Self;

    /// `bar(self)`: the sum of products of coefficients.
    fn pair(self, bar: Self) -> Self::Base;

    /// Coefficients of all elements, one after the other; length `COEFFS · x.len()`.
    fn coefficients(x: &[Self]) -> &[Self::Base];

    /// Coefficients of all elements, to be written to; length `COEFFS · x.len()`.
    fn coefficients_mut(x: &mut [Self]) -> &mut [Self::Base];
}
