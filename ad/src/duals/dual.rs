//! Dual numbers with several tangents. They nest to any order, and tests hold all other types against them.

use super::coefficients::{flatten, flatten_mut};
use super::operators::operators;
use crate::elementary::Function;
use crate::scalar::{Algebra, Scalar};

/// `re + Σ epsᵢ εᵢ` with `εᵢ εⱼ = 0`: a value and its derivatives in `D` directions.
///
/// `Dual<Dual<S, D>, D>` carries second derivatives, and so on. [`crate::Jet`] and [`crate::Lap`] hold the same
/// derivatives in fewer coefficients.
///
/// ```
/// use ircpm_ad::{Dual, Scalar};
/// let x = Dual::variable(0.5, 0);
/// let y: Dual<f64, 1> = x.sin() * x;
/// assert!((y.eps[0] - (0.5_f64.sin() + 0.5 * 0.5_f64.cos())).abs() < 1e-15);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(bound(serialize = "S: serde::Serialize", deserialize = "S: serde::Deserialize<'de>"))
)]
#[repr(C)]
pub struct Dual<S, const D: usize> {
    /// The value.
    pub re: S,
    /// The derivative in each direction.
    #[cfg_attr(feature = "serde", serde(with = "super::serde::array"))]
    pub eps: [S; D],
}

/// A hyper-dual number: the value, two first derivatives and their mixed second one.
pub type HyperDual<S> = Dual<Dual<S, 1>, 1>;

impl<S: Scalar, const D: usize> Dual<S, D> {
    /// `re` with the given derivatives.
    #[inline(always)]
    pub fn new(re: S, eps: [S; D]) -> Self {
        Self { re, eps }
    }

    /// `re`, held constant. ([`Scalar::constant`] takes an `f64`, and [`Scalar::from_base`] a real or a pack.)
    #[inline(always)]
    pub fn fixed(re: S) -> Self {
        Self { re, eps: [S::zero(); D] }
    }

    /// `re` as the variable of direction `i`.
    ///
    /// # Panics
    /// If `i ≥ D`.
    #[inline(always)]
    pub fn variable(re: S, i: usize) -> Self {
        let mut x = Self::fixed(re);
        x.eps[i] = S::one();
        x
    }

    #[inline(always)]
    fn combine(mut self, other: Self, f: impl Fn(S, S) -> S) -> Self {
        self.re = f(self.re, other.re);
        for i in 0..D {
            self.eps[i] = f(self.eps[i], other.eps[i]);
        }
        self
    }

    #[inline(always)]
    fn each(mut self, f: impl Fn(S) -> S) -> Self {
        self.re = f(self.re);
        for i in 0..D {
            self.eps[i] = f(self.eps[i]);
        }
        self
    }

    #[inline(always)]
    fn product(mut self, other: Self) -> Self {
        for i in 0..D {
            self.eps[i] = self.re * other.eps[i] + self.eps[i] * other.re;
        }
        self.re *= other.re;
        self
    }

    /// `q = a/b` and `q′ = (a′ − q b′)/b`: the value is the quotient of the values, and no square of `b` leaves the
    /// range.
    #[inline(always)]
    fn quotient(self, other: Self) -> Self {
        let mut out = self;
        out.re = self.re / other.re;
        let inverse = S::one() / other.re;
        for i in 0..D {
            out.eps[i] = (self.eps[i] - out.re * other.eps[i]) * inverse;
        }
        out
    }

    /// `self · other`, where no zero tangent becomes NaN; `by_value` takes the products by the value of `self`.
    #[inline(always)]
    fn guarded_product(self, mut other: Self, by_value: impl Fn(S, S) -> S) -> Self {
        for i in 0..D {
            other.eps[i] = by_value(self.re, other.eps[i]) + self.eps[i].tangent_product(other.re);
        }
        other.re = by_value(self.re, other.re);
        other
    }
}

impl<S: Scalar> HyperDual<S> {
    /// `re` moving with velocity `first` in one direction and `second` in the other, in straight lines.
    ///
    /// ```
    /// use ircpm_ad::{HyperDual, Scalar};
    /// // ∂²/∂x∂y of x² y.
    /// let (x, y) = (HyperDual::seeded(3.0, 1.0, 0.0), HyperDual::seeded(5.0, 0.0, 1.0));
    /// assert_eq!((x * x * y).mixed(), 6.0);
    /// ```
    #[inline(always)]
    pub fn seeded(re: S, first: S, second: S) -> Self {
        Dual::new(Dual::new(re, [first]), [Dual::fixed(second)])
    }

    /// The mixed second derivative.
    #[inline(always)]
    pub fn mixed(self) -> S {
        self.eps[0].eps[0]
    }
}

operators!([S: Scalar, const D: usize] Dual<S, D>, re);

impl<S: Scalar, const D: usize> Scalar for Dual<S, D> {
    type Base = S::Base;

    const ORDER: usize = S::ORDER + 1;

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
            self.eps[i] = self.eps[i].scale(w);
        }
        self
    }
    #[inline(always)]
    fn select_gt(a: S::Base, b: S::Base, if_greater: Self, otherwise: Self) -> Self {
        let mut out = otherwise;
        out.re = S::select_gt(a, b, if_greater.re, out.re);
        for i in 0..D {
            out.eps[i] = S::select_gt(a, b, if_greater.eps[i], out.eps[i]);
        }
        out
    }
    #[inline(always)]
    fn apply<F: Function<Self::Base>>(mut self, f: F) -> Self {
        let slope = f.derivative(self.re);
        self.re = self.re.apply(f);
        if F::INFINITE_SLOPE && !slope.is_finite() {
            for i in 0..D {
                self.eps[i] = slope.times_tangent(self.eps[i]);
            }
            return self;
        }
        for i in 0..D {
            self.eps[i] = slope * self.eps[i];
        }
        self
    }
    #[inline(always)]
    fn is_finite(self) -> bool {
        let mut finite = self.re.is_finite();
        for i in 0..D {
            finite &= self.eps[i].is_finite();
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

impl<S: Algebra, const D: usize> Algebra for Dual<S, D> {
    const COEFFS: usize = S::COEFFS * (1 + D);

    #[inline(always)]
    fn act(self, mut bar: Self) -> Self {
        bar.re = self.re.act(bar.re);
        for i in 0..D {
            bar.re += self.eps[i].act(bar.eps[i]);
            bar.eps[i] = self.re.act(bar.eps[i]);
        }
        bar
    }
    #[inline(always)]
    fn pair(self, bar: Self) -> S::Base {
        let mut sum = self.re.pair(bar.re);
        for i in 0..D {
            sum += self.eps[i].pair(bar.eps[i]);
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
        // SAFETY: as above; any coefficients make a dual number.
        S::coefficients_mut(unsafe { flatten_mut::<Self, S>(x) })
    }
}
