//! The second-order jet with all of its Hessian.

use super::Dual;
use super::coefficients::{flatten, flatten_mut};
use super::operators::operators;
use crate::elementary::Function;
use crate::scalar::{Algebra, Scalar};

/// Value, gradient and Hessian in `D` directions: the second-order Taylor coefficients, without nesting's repetition.
///
/// The Hessian is stored whole; packing its symmetric half needs a const parameter that stable Rust cannot compute.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(bound(serialize = "S: serde::Serialize", deserialize = "S: serde::Deserialize<'de>"))
)]
#[repr(C)]
pub struct Jet<S, const D: usize> {
    /// The value.
    pub re: S,
    /// First derivatives.
    #[cfg_attr(feature = "serde", serde(with = "super::serde::array"))]
    pub grad: [S; D],
    /// Second derivatives, symmetric.
    #[cfg_attr(feature = "serde", serde(with = "super::serde::matrix"))]
    pub hess: [[S; D]; D],
}

impl<S: Scalar, const D: usize> Jet<S, D> {
    /// `re`, held constant.
    #[inline(always)]
    pub fn fixed(re: S) -> Self {
        Self { re, grad: [S::zero(); D], hess: [[S::zero(); D]; D] }
    }

    /// `re` as the variable of direction `i`.
    ///
    /// # Panics
    /// If `i ≥ D`.
    #[inline(always)]
    pub fn variable(re: S, i: usize) -> Self {
        let mut x = Self::fixed(re);
        x.grad[i] = S::one();
        x
    }

    /// The value and first derivatives alone.
    #[inline(always)]
    pub fn to_dual(self) -> Dual<S, D> {
        Dual::new(self.re, self.grad)
    }

    #[inline(always)]
    fn combine(mut self, other: Self, f: impl Fn(S, S) -> S) -> Self {
        self.re = f(self.re, other.re);
        for i in 0..D {
            self.grad[i] = f(self.grad[i], other.grad[i]);
            for j in 0..D {
                self.hess[i][j] = f(self.hess[i][j], other.hess[i][j]);
            }
        }
        self
    }

    #[inline(always)]
    fn each(mut self, f: impl Fn(S) -> S) -> Self {
        self.re = f(self.re);
        for i in 0..D {
            self.grad[i] = f(self.grad[i]);
            for j in 0..D {
                self.hess[i][j] = f(self.hess[i][j]);
            }
        }
        self
    }

    #[inline(always)]
    fn product(self, other: Self) -> Self {
        let mut out = self;
        for i in 0..D {
            for j in i..D {
                let mixed = self.grad[i] * other.grad[j] + self.grad[j] * other.grad[i];
                out.hess[i][j] = self.re * other.hess[i][j] + self.hess[i][j] * other.re + mixed;
                out.hess[j][i] = out.hess[i][j];
            }
            out.grad[i] = self.re * other.grad[i] + self.grad[i] * other.re;
        }
        out.re = self.re * other.re;
        out
    }

    /// `q = a/b`, `q′ = (a′ − q b′)/b`, and once more for second derivatives: no power of `b` leaves the range.
    #[inline(always)]
    fn quotient(self, other: Self) -> Self {
        let mut out = self;
        out.re = self.re / other.re;
        let inverse = S::one() / other.re;
        for i in 0..D {
            out.grad[i] = (self.grad[i] - out.re * other.grad[i]) * inverse;
        }
        for i in 0..D {
            for j in i..D {
                let mixed = out.grad[i] * other.grad[j] + out.grad[j] * other.grad[i];
                out.hess[i][j] = (self.hess[i][j] - out.re * other.hess[i][j] - mixed) * inverse;
                out.hess[j][i] = out.hess[i][j];
            }
        }
        out
    }

    /// `self · other`, where no zero tangent becomes NaN; `by_value` takes the products by the value of `self`.
    #[inline(always)]
    fn guarded_product(self, other: Self, by_value: impl Fn(S, S) -> S) -> Self {
        let mut out = self;
        for i in 0..D {
            for j in i..D {
                let mixed =
                    self.grad[i].tangent_product(other.grad[j]) + self.grad[j].tangent_product(other.grad[i]);
                out.hess[i][j] =
                    by_value(self.re, other.hess[i][j]) + self.hess[i][j].tangent_product(other.re) + mixed;
                out.hess[j][i] = out.hess[i][j];
            }
            out.grad[i] = by_value(self.re, other.grad[i]) + self.grad[i].tangent_product(other.re);
        }
        out.re = by_value(self.re, other.re);
        out
    }
}

operators!([S: Scalar, const D: usize] Jet<S, D>, re);

impl<S: Scalar, const D: usize> Scalar for Jet<S, D> {
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
            for j in 0..D {
                self.hess[i][j] = self.hess[i][j].scale(w);
            }
        }
        self
    }
    #[inline(always)]
    fn select_gt(a: S::Base, b: S::Base, if_greater: Self, otherwise: Self) -> Self {
        let mut out = otherwise;
        out.re = S::select_gt(a, b, if_greater.re, out.re);
        for i in 0..D {
            out.grad[i] = S::select_gt(a, b, if_greater.grad[i], out.grad[i]);
            for j in 0..D {
                out.hess[i][j] = S::select_gt(a, b, if_greater.hess[i][j], out.hess[i][j]);
            }
        }
        out
    }
    #[inline(always)]
    fn apply<F: Function<Self::Base>>(self, f: F) -> Self {
        // The derivative, differentiated along one direction, gives f′ and f″ at once.
        let slope = f.derivative(Dual::<S, 1>::variable(self.re, 0));
        let (first, second) = (slope.re, slope.eps[0]);
        let mut out = self;
        out.re = self.re.apply(f);
        if F::INFINITE_SLOPE && !slope.is_finite() {
            for i in 0..D {
                out.grad[i] = first.times_tangent(self.grad[i]);
                let bent = second.times_tangent(self.grad[i]);
                for j in i..D {
                    out.hess[i][j] =
                        first.times_tangent(self.hess[i][j]) + bent.tangent_product(self.grad[j]);
                    out.hess[j][i] = out.hess[i][j];
                }
            }
            return out;
        }
        for i in 0..D {
            out.grad[i] = first * self.grad[i];
            let bent = second * self.grad[i];
            for j in i..D {
                out.hess[i][j] = first * self.hess[i][j] + bent * self.grad[j];
                out.hess[j][i] = out.hess[i][j];
            }
        }
        out
    }
    #[inline(always)]
    fn is_finite(self) -> bool {
        let mut finite = self.re.is_finite();
        for i in 0..D {
            finite &= self.grad[i].is_finite();
            for j in 0..D {
                finite &= self.hess[i][j].is_finite();
            }
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

impl<S: Algebra, const D: usize> Algebra for Jet<S, D> {
    const COEFFS: usize = S::COEFFS * (1 + D + D * D);

    /// All `D²` second coefficients of `bar` act; one that is not symmetric counts as its symmetric part would.
    #[inline(always)]
    fn act(self, bar: Self) -> Self {
        let mut out = bar;
        out.re = self.re.act(bar.re);
        for i in 0..D {
            out.re += self.grad[i].act(bar.grad[i]);
            out.grad[i] = self.re.act(bar.grad[i]);
            for j in 0..D {
                out.re += self.hess[i][j].act(bar.hess[i][j]);
                out.grad[i] += self.grad[j].act(bar.hess[i][j] + bar.hess[j][i]);
                out.hess[i][j] = self.re.act(bar.hess[i][j]);
            }
        }
        out
    }
    #[inline(always)]
    fn pair(self, bar: Self) -> S::Base {
        let mut sum = self.re.pair(bar.re);
        for i in 0..D {
            sum += self.grad[i].pair(bar.grad[i]);
            for j in 0..D {
                sum += self.hess[i][j].pair(bar.hess[i][j]);
            }
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
        // SAFETY: as above; asymmetric coefficients are harmless, see `act`.
        S::coefficients_mut(unsafe { flatten_mut::<Self, S>(x) })
    }
}
