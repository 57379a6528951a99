//! The one table of elementary functions.
//!
//! A function is its real value and its derivative *as a function over any scalar*. A dual type then needs a single
//! rule (`Scalar::apply`: value and derivative at the level below), and every order follows by nesting.

pub mod logistic;
pub mod smooth;
pub mod transcendental;

use logistic::Logistic;
use smooth::stumpff;
use transcendental as real;

use crate::real::Real;
use crate::scalar::Scalar;

/// A smooth function of one variable, over the reals `R`.
pub trait Function<R: Real>: Copy {
    /// Its value at a real number.
    fn value(self, x: R) -> R;

    /// Its derivative, as a function that can be differentiated again.
    fn derivative<S: Scalar<Base = R>>(self, x: S) -> S;
}

/// One line a function: name, value, derivative.
macro_rules! functions {
    ($($(#[$doc:meta])* $name:ident: |$x:ident| $value:expr, $derivative:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name;

        impl<R: Real> Function<R> for $name {
            #[inline(always)]
            fn value(self, $x: R) -> R {
                $value
            }
            #[inline(always)]
            fn derivative<S: Scalar<Base = R>>(self, $x: S) -> S {
                $derivative
            }
        }
    )*};
}

functions! {
    /// `1/x`
    Recip: |x| R::constant(1.0) / x, { let r = x.recip(); -(r * r) };
    /// `√x`
    Sqrt: |x| x.sqrt_real(), x.sqrt().recip() * 0.5;
    /// `eˣ`
    Exp: |x| real::exp(x), x.exp();
    /// `ln x`
    Ln: |x| x.map(f64::ln), x.recip();
    /// `ln(1+x)`
    Ln1p: |x| x.map(f64::ln_1p), (x + 1.0).recip();
    /// `sin x`
    Sin: |x| real::sin_cos(x).0, x.cos();
    /// `cos x`
    Cos: |x| real::sin_cos(x).1, -x.sin();
    /// `sinh x`
    Sinh: |x| x.map(f64::sinh), x.cosh();
    /// `cosh x`
    Cosh: |x| x.map(f64::cosh), x.sinh();
    /// `tanh x`; `tanh′ = 4 σ(2x) σ(−2x)` keeps its relative accuracy where `1 − tanh²` cancels.
    Tanh: |x| x.map(f64::tanh), (x * 2.0).sigmoid() * (x * -2.0).sigmoid() * 4.0;
    /// `arctan x`
    Atan: |x| x.map(f64::atan), (x * x + 1.0).recip();
    /// `ln(1+eˣ)`
    Softplus: |x| Logistic::at(x).softplus().value(x), x.sigmoid();
    /// `σ(x) = 1/(1+e⁻ˣ)`; `σ′ = σ(x) σ(−x)` keeps its relative accuracy where `σ(1 − σ)` cancels.
    Sigmoid: |x| Logistic::at(x).sigmoid().value(x), x.sigmoid() * (-x).sigmoid();
}

/// `xⁿ`
#[derive(Clone, Copy, Debug)]
pub struct Powi(pub i32);

impl<R: Real> Function<R> for Powi {
    #[inline(always)]
    fn value(self, x: R) -> R {
        x.map(|x| x.powi(self.0))
    }
    #[inline(always)]
    fn derivative<S: Scalar<Base = R>>(self, x: S) -> S {
        // At n = 0 the power would be x⁻¹, and 0 · x⁻¹ is NaN at x = 0.
        if self.0 == 0 { S::zero() } else { x.apply(Powi(self.0 - 1)) * f64::from(self.0) }
    }
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
