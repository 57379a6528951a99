//! The collapsed second-order jet: one second derivative, summed over the directions.

use super::Dual;
use super::coefficients::{flatten, flatten_mut};
use super::operators::operators;
use crate::elementary::Function;
use crate::scalar::{Algebra, Scalar};

/// Value, derivatives in `D` directions, and the sum `Σₖ ∂ₖ²` of the second derivatives along them.
///
/// Of a [`crate::Jet`]'s second derivatives it keeps the trace alone, in `D + 2` coefficients instead of
/// `1 + D + D(D+1)/2`. That is exact, because the rule for the trace needs nothing else of second order. A contraction
/// `A : Hess f` with `A = L Lᵀ` is the trace along the directions `uₖ = L eₖ`, so that the matrix enters through the
/// seeds and the jet stays an ordinary scalar. This is the "forward Laplacian" of Li et al. (arXiv:2307.08214), here
/// with its coadjoint action.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(bound(serialize = "S: serde::Serialize", deserialize = "S: serde::Deserialize<'de>"))
)]
#[repr(C)]
pub struct Lap<S, const D: usize> {
    /// The value.
    pub re: S,
    /// First derivatives.
    #[cfg_attr(feature = "serde", serde(with = "super::serde::array"))]
    pub grad: [S; D],
    /// Sum of the second derivatives.
    pub lap: S,
}

impl<S: Scalar, const D: usize> Lap<S, D> {
    /// `re`, held constant.
    #[inline(always)]
    pub fn fixed(re: S) -> Self {
        Self { re, grad: [S::zero(); D], lap: S::zero() }
    }

    /// `re` as a variable that moves by `direction[k]` along `uₖ`, in straight lines.
    #[inline(always)]
    pub fn seeded(re: S, direction: [S; D]) -> Self {
        Self { re, grad: direction, lap: S::zero() }
    }

    #[inline(always)]
    fn combine(mut self, other: Self, f: impl Fn(S, S) -> S) -> Self {
        self.re = f(self.re, other.re);
        for i in 0..D {
            self.grad[i] = f(self.grad[i], other.grad[i]);
        }
        self.lap = f(self.lap, other.lap);
        self
    }

    #[inline(always)]
    fn each(mut self, f: impl Fn(S) -> S) -> Self {
        self.re = f(self.re);
        for i in 0..D {
            self.grad[i] = f(self.grad[i]);
        }
        self.lap = f(self.lap);
        self
    }

    #[inline(always)]
    fn product(self, other: Self) -> Self {
        let mut out = self;
        let mut mixed = S::zero();
        for i in 0..D {
            mixed += self.grad[i] * other.grad[i];
            out.grad[i] = self.re * other.grad[i] + self.grad[i] * other.re;
        }
        out.re = self.re * other.re;
        out.lap = self.re * other.lap + self.lap * other.re + mixed * 2.0;
        out
    }

    /// `q = a/b`, `q′ = (a′ − q b′)/b`, and once more for the second derivatives: no power of `b` leaves the range.
    #[inline(always)]
    fn quotient(self, other: Self) -> Self {
        let mut out = self;
        out.re = self.re / other.re;
        let inverse = S::one() / other.re;
        let mut mixed = S::zero();
        for i in 0..D {
            out.grad[i] = (self.grad[i] - out.re * other.grad[i]) * inverse;
            mixed += out.grad[i] * other.grad[i];
        }
        out.lap = (self.lap - out.re * other.lap - mixed * 2.0) * inverse;
        out
    }

    /// `self · other`, where no zero tangent becomes NaN; `by_value` takes the products by the value of `self`.
    #[inline(always)]
    fn guarded_product(self, other: Self, by_value: impl Fn(S, S) -> S) -> Self {
        let mut out = self;
        let mut mixed = S::zero();
        for i in 0..D {
            mixed += self.grad[i].tangent_product(other.grad[i]);
            out.grad[i] = by_value(self.re, other.grad[i]) + self.grad[i].tangent_product(other.re);
        }
        out.re = by_value(self.re, other.re);
        out.lap = by_value(self.re, other.lap) + self.lap.tangent_product(other.re) + mixed * 2.0;
        out
    }
}

operators!([S: Scalar, const D: usize] Lap<S, D>, re);

impl<S: Scalar, const D: usize> Scalar for Lap<S, D> {
    type Base = S::Base;

    const ORDER: usize = S::ORDER + 2;

    #[inline(always)]
    fn constant(x: f64) -> Self {
        Self::fixed(S::constant(x))
    }
    #[inline(always)]
    fn from_base(x: S::Base) -> Self {
        Self::fixed(S::from_base(x))
    }
    #[inline(always)]
    fn value(self) -> S::Base {
        self.re.value()
    }
    // Plain loops, as in the selection below, because closures were seen compiled without the instruction set
    // (`crate::simd`).
    #[inline(always)]
    fn scale(mut self, w: S::Base) -> Self {
        self.re = self.re.scale(w);
        for i in 0..D {
            self.grad[i] = self.grad[i].scale(w);
        }
        self.lap = self.lap.scale(w);
        self
    }
    #[inline(always)]
    fn select_gt(a: S::Base, b: S::Base, if_greater: Self, otherwise: Self) -> Self {
        let mut out = otherwise;
        out.re = S::select_gt(a, b, if_greater.re, out.re);
        for i in 0..D {
            out.grad[i] = S::select_gt(a, b, if_greater.grad[i], out.grad[i]);
        }
        out.lap = S::select_gt(a, b, if_greater.lap, out.lap);
        out
    }
    #[inline(always)]
    fn apply<F: Function<Self::Base>>(self, f: F) -> Self {
        // The derivative, differentiated along one direction, gives f′ and f″ at once.
        let slope = f.derivative(Dual::<S, 1>::variable(self.re, 0));
        let (first, second) = (slope.re, slope.eps[0]);
        let mut out = self;
        let mut square = S::zero();
        for i in 0..D {
            square += self.grad[i] * self.grad[i];
            out.grad[i] = first * self.grad[i];
        }
        out.re = self.re.apply(f);
        out.lap = first * self.lap + second * square;
        if F::INFINITE_SLOPE && !slope.is_finite() {
            for i in 0..D {
                out.grad[i] = first.times_tangent(self.grad[i]);
            }
            out.lap = first.times_tangent(self.lap) + second.times_tangent(square);
        }
        out
    }
    #[inline(always)]
    fn is_finite(self) -> bool {
        let mut finite = self.re.is_finite() & self.lap.is_finite();
        for i in 0..D {
            finite &= self.grad[i].is_finite();
        }
        finite
    }
    #[inline(always)]
    fn times_tangent(self, tangent: Self) -> Self {
        self.guarded_product(tangent, S::times_tangent)
    }
    #[inline(always)]
    fn tangent_product(self, other: Self) -> Self {
        self.guarded_product(other, S::tangent_product)
    }
}

impl<S: Algebra, const D: usize> Algebra for Lap<S, D> {
    const COEFFS: usize = S::COEFFS * (2 + D);

    #[inline(always)]
    fn act(self, bar: Self) -> Self {
        let mut out = bar;
        let twice = bar.lap * 2.0;
        out.re = self.re.act(bar.re) + self.lap.act(bar.lap);
        for i in 0..D {
            out.re += self.grad[i].act(bar.grad[i]);
            out.grad[i] = self.re.act(bar.grad[i]) + self.grad[i].act(twice);
        }
        out.lap = self.re.act(bar.lap);
        out
    }
    #[inline(always)]
    fn pair(self, bar: Self) -> S::Base {
        let mut sum = self.re.pair(bar.re) + self.lap.pair(bar.lap);
        for i in 0..D {
            sum += self.grad[i].pair(bar.grad[i]);
        }
        sum
    }
    #[inline(always)]
    #[expect(unsafe_code, reason = "reinterprets a slice")]
    fn coefficients(x: &[Self]) -> &[S::Base] {
        // SAFETY: repr(C), and every field is an S or an array of them.
        S::coefficients(unsafe { flatten::<Self, S>(x) })
    }
    #[inline(always)]
    #[expect(unsafe_code, reason = "reinterprets a slice")]
    fn coefficients_mut(x: &mut [Self]) -> &mut [S::Base] {
        // SAFETY: as above; any coefficients make a collapsed jet.
        S::coefficients_mut(unsafe { flatten_mut::<Self, S>(x) })
    }
}
