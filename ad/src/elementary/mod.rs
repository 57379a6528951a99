//! The one table of elementary functions.
//!
//! A function is its real value and its derivative *as a function over any scalar*. A dual type then needs a single
//! rule (`Scalar::apply`: value and derivative at the level below), and every order follows by nesting.

mod log_sum_exp;
pub mod logistic;
mod names;
mod power;
pub mod smooth;
pub mod special;
pub mod transcendental;

pub use log_sum_exp::log_sum_exp;
use logistic::Logistic;
pub use names::Elementary;
pub use power::{Powf, Powi};
use smooth::stumpff;
use special::Polygamma;
use transcendental as real;

use std::f64::consts::{FRAC_2_SQRT_PI, LN_2, LOG2_E, LOG10_E};

use crate::real::Real;
use crate::scalar::Scalar;

/// A smooth function of one variable, over the reals `R`.
///
/// A function of one's own is six lines, and then works on duals of any order, on jets and in lanes:
///
/// ```
/// use ircpm_ad::elementary::Function;
/// use ircpm_ad::{Dual, Real, Scalar};
///
/// /// The Gaussian `e^{−x²/2}`, with derivative `−x e^{−x²/2}`.
/// #[derive(Clone, Copy)]
/// struct Gaussian;
///
/// impl<R: Real> Function<R> for Gaussian {
///     fn value(self, x: R) -> R {
///         (x * x * -0.5).exp()
///     }
///     fn derivative<S: Scalar<Base = R>>(self, x: S) -> S {
///         -x * x.apply(Gaussian)
///     }
/// }
///
/// let y: Dual<f64, 1> = Dual::variable(1.0, 0).apply(Gaussian);
/// assert_eq!(y.eps[0], -y.re);
/// ```
pub trait Function<R: Real>: Copy {
    /// Whether the derivative is infinite at some argument, be it a pole or an overflow.
    ///
    /// If so, a tangent that is zero stays zero there, where a plain product would make it NaN. That costs two
    /// selections per tangent; functions whose slope stays finite are spared them.
    const INFINITE_SLOPE: bool = false;

    /// Its value at a real number.
    fn value(self, x: R) -> R;

    /// Its derivative, as a function that can be differentiated again.
    fn derivative<S: Scalar<Base = R>>(self, x: S) -> S;
}

/// Functions of one line each: the name, the word `infinite` if the slope can be, the value, and the derivative.
macro_rules! functions {
    ($($(#[$doc:meta])* $name:ident $($infinite:ident)?: |$x:ident| $value:expr, $derivative:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name;

        impl<R: Real> Function<R> for $name {
            $(const INFINITE_SLOPE: bool = functions!(@ $infinite);)?

            #[inline(always)]
            fn value(self, $x: R) -> R {
                match $x.enclosure(Elementary::$name) {
                    Some(enclosure) => enclosure,
                    None => $value,
                }
            }
            #[inline(always)]
            fn derivative<S: Scalar<Base = R>>(self, $x: S) -> S {
                $derivative
            }
        }
    )*};
    (@ infinite) => { true };
}

functions! {
    /// `1/x`
    Recip infinite: |x| R::constant(1.0) / x, { let r = x.recip(); -(r * r) };
    /// `√x`
    Sqrt infinite: |x| x.sqrt_real(), x.sqrt().recip() * 0.5;
    /// `eˣ`
    Exp infinite: |x| real::exp(x), x.exp();
    /// `eˣ − 1`
    ExpM1 infinite: |x| x.map(f64::exp_m1), x.exp();
    /// `2ˣ`
    Exp2 infinite: |x| x.map(f64::exp2), x.exp2().scale(R::rounded_constant(LN_2));
    /// `ln x`
    Ln infinite: |x| x.map(f64::ln), x.recip();
    /// `ln(1+x)`
    Ln1p infinite: |x| x.map(f64::ln_1p), (x + 1.0).recip();
    /// `log₂ x`
    Log2 infinite: |x| x.map(f64::log2), x.recip().scale(R::rounded_constant(LOG2_E));
    /// `log₁₀ x`
    Log10 infinite: |x| x.map(f64::log10), x.recip().scale(R::rounded_constant(LOG10_E));
    /// `∛x`
    Cbrt infinite: |x| x.map(f64::cbrt), { let r = x.cbrt(); (r * r).recip().scale(R::rounded_constant(1.0 / 3.0)) };
    /// `sin x`
    Sin: |x| real::sin_cos(x).0, x.cos();
    /// `cos x`
    Cos: |x| real::sin_cos(x).1, -x.sin();
    /// `tan x`
    Tan infinite: |x| x.map(f64::tan), { let t = x.tan(); t * t + 1.0 };
    /// `arcsin x`
    Asin infinite: |x| x.map(f64::asin), x.apply(OneLessSquare).sqrt().recip();
    /// `arccos x`
    Acos infinite: |x| x.map(f64::acos), -x.apply(OneLessSquare).sqrt().recip();
    /// `sinh x`
    Sinh infinite: |x| x.map(f64::sinh), x.cosh();
    /// `cosh x`
    Cosh infinite: |x| x.map(f64::cosh), x.sinh();
    /// `tanh x`; `tanh′ = 4 σ(2x) σ(−2x)` keeps its relative accuracy where `1 − tanh²` cancels.
    Tanh: |x| x.map(f64::tanh), (x * 2.0).sigmoid() * (x * -2.0).sigmoid() * 4.0;
    /// `arctan x`
    Atan: |x| x.map(f64::atan), (x * x + 1.0).recip();
    /// `arsinh x`
    Asinh: |x| x.map(f64::asinh), x.hypot(S::one()).recip();
    /// `arcosh x`
    Acosh infinite: |x| x.map(real::acosh), ((x + 1.0).sqrt() * (x - 1.0).sqrt()).recip();
    /// `artanh x`
    Atanh infinite: |x| x.map(real::atanh), x.apply(OneLessSquare).recip();
    /// The error function `2/√π ∫₀ˣ e^{−t²} dt`.
    Erf: |x| x.map(special::erf), (-(x * x)).exp().scale(R::rounded_constant(FRAC_2_SQRT_PI));
    /// The complement `1 − erf x`.
    Erfc: |x| x.map(special::erfc), (-(x * x)).exp().scale(R::rounded_constant(-FRAC_2_SQRT_PI));
    /// `ln |Γ(x)|`
    LogGamma infinite: |x| x.map(special::log_gamma), x.apply(Polygamma(0));
    /// `1 − x²`, by its factors, because the difference cancels near ±1; their own derivatives cancel near 0.
    OneLessSquare infinite: |x| (x + 1.0) * (-x + 1.0), x * -2.0;
    /// `ln(1+eˣ)`
    Softplus: |x| Logistic::at(x).softplus().value(x), x.sigmoid();
    /// `σ(x) = 1/(1+e⁻ˣ)`; `σ′ = σ(x) σ(−x)` keeps its relative accuracy where `σ(1 − σ)` cancels.
    Sigmoid: |x| Logistic::at(x).sigmoid().value(x), x.sigmoid() * (-x).sigmoid();
}

/// Stumpff's `c_k(u) = Σⱼ (−u)ʲ / (2j+k)!`, with `c_k′ = ½ (k c_{k+2} − c_{k+1})`: see [`crate::elementary::smooth`].
#[derive(Clone, Copy, Debug)]
pub struct Stumpff(pub u32);

impl<R: Real> Function<R> for Stumpff {
    #[inline(always)]
    fn value(self, u: R) -> R {
        stumpff(self.0, u)
    }
    #[inline(always)]
    fn derivative<S: Scalar<Base = R>>(self, u: S) -> S {
        let k = self.0;
        let next = -u.apply(Stumpff(k + 1));
        // k = 0 spares a term: c₀′ = −½ c₁.
        if k == 0 { next * 0.5 } else { (u.apply(Stumpff(k + 2)) * f64::from(k) + next) * 0.5 }
    }
}
