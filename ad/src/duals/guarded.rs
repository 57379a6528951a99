//! A number whose zero tangents stay zero beside infinite values.

use super::operators::operators;
use crate::elementary::Function;
use crate::precision::Precision;
use crate::real::Real;
use crate::scalar::Scalar;

/// A dual number or jet `A` for which a tangent that is zero stays zero in products and quotients that are infinite.
///
/// `x e^{−y}` at `(1, −1000)` has the gradient `(∞, −∞)`. With plain duals the second entry is NaN, because the product
/// rule adds `0 · ∞` to it: products are where kernels spend their time, so they do not look. Here they do. (Slopes of
/// functions need no guard: see [`Function::INFINITE_SLOPE`].) [`crate::derivative::gradient`] turns to this type by
/// itself where it finds NaN; higher orders nest it, as in `Guarded<Dual<Guarded<Dual<f64, 1>>, 1>>`.
///
/// ```
/// use ircpm_ad::{Dual, Guarded, Scalar};
/// let x = Guarded(Dual::<f64, 2>::variable(1.0, 0));
/// let y = Guarded(Dual::<f64, 2>::variable(-1000.0, 1));
/// let z = x * (-y).exp();
/// assert_eq!(z.0.eps, [f64::INFINITY, f64::NEG_INFINITY]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Guarded<A>(pub A);

impl<A: Scalar> Guarded<A> {
    #[inline(always)]
    fn combine(self, other: Self, f: impl Fn(A, A) -> A) -> Self {
        Self(f(self.0, other.0))
    }

    #[inline(always)]
    fn each(self, f: impl Fn(A) -> A) -> Self {
        Self(f(self.0))
    }

    #[inline(always)]
    fn product(self, other: Self) -> Self {
        let plain = self.0 * other.0;
        // Neither value is zero where the product is infinite.
        Self(A::select_gt(plain.value().abs(), largest::<A>(), self.0.tangent_product(other.0), plain))
    }

    #[inline(always)]
    fn quotient(self, other: Self) -> Self {
        // The inverse of a subnormal divisor overflows, even where the quotient does not.
        let exponent = if A::Base::PRECISION == Precision::SINGLE { 60 } else { 600 };
        let (small, up) = (A::Base::constant(2f64.powi(-exponent)), A::Base::constant(2f64.powi(exponent)));
        let tiny = |x: A, y: A| A::select_gt(small, other.0.value().abs(), x, y);
        let (a, b) = (tiny(self.0.scale(up), self.0), tiny(other.0.scale(up), other.0));
        let plain = a / b;
        let guarded = self.0.tangent_product(other.0.recip());
        Self(A::select_gt(plain.value().abs(), largest::<A>(), guarded, plain))
    }
}

#[inline(always)]
fn largest<A: Scalar>() -> A::Base {
    A::Base::constant(A::Base::PRECISION.largest)
}

operators!([A: Scalar] Guarded<A>, 0);

impl<A: Scalar> Scalar for Guarded<A> {
    type Base = A::Base;

    const ORDER: usize = A::ORDER;

    #[inline(always)]
    fn constant(x: f64) -> Self {
        Self(A::constant(x))
    }
    #[inline(always)]
    fn from_base(x: A::Base) -> Self {
        Self(A::from_base(x))
    }
    #[inline(always)]
    fn value(self) -> A::Base {
        self.0.value()
    }
    #[inline(always)]
    fn scale(self, w: A::Base) -> Self {
        Self(self.0.scale(w))
    }
    #[inline(always)]
    fn select_gt(a: A::Base, b: A::Base, if_greater: Self, otherwise: Self) -> Self {
        Self(A::select_gt(a, b, if_greater.0, otherwise.0))
    }
    #[inline(always)]
    fn apply<F: Function<Self::Base>>(self, f: F) -> Self {
        Self(self.0.apply(f))
    }
    #[inline(always)]
    fn is_finite(self) -> bool {
        self.0.is_finite()
    }
    #[inline(always)]
    fn times_tangent(self, tangent: Self) -> Self {
        Self(self.0.times_tangent(tangent.0))
    }
    #[inline(always)]
    fn tangent_product(self, other: Self) -> Self {
        Self(self.0.tangent_product(other.0))
    }
}
