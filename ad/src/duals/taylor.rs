//! Truncated Taylor series: derivatives of high order along one curve, at polynomial cost.

use super::operators::operators;
use crate::elementary::Function;
use crate::scalar::Scalar;

/// A value and the next `N` Taylor coefficients `x⁽ᵏ⁾/k!` along a curve.
///
/// What nested duals carry in `2ᴺ` numbers, because they keep every mixed derivative, is here `N + 1`. A product or
/// quotient costs `N²/2` products of `S`; a function whose derivative calls one function costs at most `N³/3`. Where
/// the derivative calls two, as that of [`crate::elementary::Stumpff`] does, the cost doubles with every order, as in
/// nested duals; `sqrt`, `exp` and `sigmoid` have recurrences of their own, and so do the functions made of them.
///
/// ```
/// use ircpm_ad::{Scalar, Taylor};
/// let y: Taylor<f64, 6> = Taylor::variable(0.0).sin();
/// assert_eq!((y.derivative(1), y.derivative(2), y.derivative(5)), (1.0, 0.0, 1.0));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Taylor<S, const N: usize> {
    re: S,
    /// Coefficients from the first on.
    tail: [S; N],
    /// How many of them are known: the slope of a function is needed to one order less than its value.
    order: usize,
}

impl<S: Scalar, const N: usize> Taylor<S, N> {
    /// The value and the Taylor coefficients `x⁽ᵏ⁾/k!` for `k` from 1 to `N`.
    #[inline(always)]
    pub fn new(re: S, coefficients: [S; N]) -> Self {
        Self { re, tail: coefficients, order: N }
    }

    /// `re`, held constant.
    #[inline(always)]
    pub fn fixed(re: S) -> Self {
        Self::new(re, [S::zero(); N])
    }

    /// The straight line through `re` with this velocity.
    #[inline(always)]
    pub fn line(re: S, velocity: S) -> Self {
        let mut x = Self::fixed(re);
        if N > 0 {
            x.tail[0] = velocity;
        }
        x
    }

    /// `re` as the variable: the line with velocity 1.
    #[inline(always)]
    pub fn variable(re: S) -> Self {
        Self::line(re, S::one())
    }

    /// The Taylor coefficient `x⁽ᵏ⁾/k!`.
    ///
    /// # Panics
    /// If `k > N`.
    #[inline(always)]
    pub fn coefficient(&self, k: usize) -> S {
        if k == 0 { self.re } else { self.tail[k - 1] }
    }

    /// The derivative of order `k`.
    ///
    /// # Panics
    /// If `k > N`.
    pub fn derivative(&self, k: usize) -> S {
        self.coefficient(k) * (1..=k).map(|j| j as f64).product::<f64>()
    }

    #[inline(always)]
    fn combine(mut self, other: Self, f: impl Fn(S, S) -> S) -> Self {
        self.re = f(self.re, other.re);
        for k in 0..N {
            self.tail[k] = f(self.tail[k], other.tail[k]);
        }
        self.order = self.order.min(other.order);
        self
    }

    #[inline(always)]
    fn each(mut self, f: impl Fn(S) -> S) -> Self {
        self.re = f(self.re);
        for k in 0..N {
            self.tail[k] = f(self.tail[k]);
        }
        self
    }

    #[inline(always)]
    fn product(self, other: Self) -> Self {
        self.product_by(other, |a, b| a * b, |a, b| a * b)
    }

    /// `Σ aᵢ bₖ₋ᵢ`, the terms with the value of `self` by `by_value` and the others by `by_tangent`.
    #[inline(always)]
    fn product_by(self, other: Self, by_value: impl Fn(S, S) -> S, by_tangent: impl Fn(S, S) -> S) -> Self {
        let mut out = Self::fixed(by_value(self.re, other.re));
        out.order = self.order.min(other.order);
        for k in 1..=out.order {
            let mut sum = by_value(self.re, other.tail[k - 1]);
            for i in 1..=k {
                sum += by_tangent(self.tail[i - 1], other.coefficient(k - i));
            }
            out.tail[k - 1] = sum;
        }
        out
    }

    /// `qₖ = (aₖ − Σ bⱼ qₖ₋ⱼ)/b₀`.
    #[inline(always)]
    fn quotient(self, other: Self) -> Self {
        let mut out = Self::fixed(self.re / other.re);
        out.order = self.order.min(other.order);
        let inverse = S::one() / other.re;
        for k in 1..=out.order {
            let mut rest = self.tail[k - 1];
            for j in 1..=k {
                rest -= other.tail[j - 1] * out.coefficient(k - j);
            }
            out.tail[k - 1] = rest * inverse;
        }
        out
    }

    /// The series of `y` from its value and the slope along `self`: `k yₖ = Σ j xⱼ y′ₖ₋ⱼ`, where `slope(y, k)` is the
    /// coefficient `k` of the slope, asked for in rising order.
    #[inline(always)]
    fn integrate(self, value: S, mut slope: impl FnMut(&Self, usize) -> S) -> Self {
        let mut out = Self::fixed(value);
        out.order = self.order;
        let mut slopes = [S::zero(); N];
        for k in 1..=self.order {
            slopes[k - 1] = slope(&out, k - 1);
            let mut sum = S::zero();
            for j in 1..=k {
                sum += slopes[k - j].times_tangent(self.tail[j - 1] * j as f64);
            }
            out.tail[k - 1] = sum / k as f64;
        }
        out
    }
}

operators!([S: Scalar, const N: usize] Taylor<S, N>, re);

impl<S: Scalar, const N: usize> Scalar for Taylor<S, N> {
    type Base = S::Base;

    const ORDER: usize = S::ORDER + N;

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
    #[inline(always)]
    fn scale(self, w: S::Base) -> Self {
        self.each(|a| a.scale(w))
    }
    #[inline(always)]
    fn select_gt(a: S::Base, b: S::Base, if_greater: Self, otherwise: Self) -> Self {
        if_greater.combine(otherwise, |x, y| S::select_gt(a, b, x, y))
    }
    // Not always inlined: sine and cosine, for one, call each other with falling order.
    #[inline]
    fn apply<F: Function<Self::Base>>(self, f: F) -> Self {
        let value = self.re.apply(f);
        if self.order == 0 {
            return Self { order: 0, ..Self::fixed(value) };
        }
        let slope = f.derivative(Self { order: self.order - 1, ..self });
        self.integrate(value, |_, k| slope.coefficient(k))
    }
    #[inline(always)]
    fn is_finite(self) -> bool {
        let mut finite = self.re.is_finite();
        for k in 0..self.order {
            finite &= self.tail[k].is_finite();
        }
        finite
    }
    #[inline(always)]
    fn times_tangent(self, tangent: Self) -> Self {
        self.product_by(tangent, S::times_tangent, S::tangent_product)
    }
    #[inline(always)]
    fn tangent_product(self, other: Self) -> Self {
        self.product_by(other, S::tangent_product, S::tangent_product)
    }
    #[inline(always)]
    fn recip(self) -> Self {
        let mut out = Self::fixed(self.re.recip());
        out.order = self.order;
        let inverse = out.re;
        for k in 1..=self.order {
            let mut rest = S::zero();
            for j in 1..=k {
                rest -= out.coefficient(k - j).times_tangent(self.tail[j - 1]);
            }
            out.tail[k - 1] = inverse.times_tangent(rest);
        }
        out
    }
    #[inline(always)]
    fn exp(self) -> Self {
        self.integrate(self.re.exp(), Self::coefficient)
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        // 2 y₀ yₖ = xₖ − Σ yᵢ yₖ₋ᵢ.
        let mut out = Self::fixed(self.re.sqrt());
        out.order = self.order;
        let half = (out.re * 2.0).recip();
        for k in 1..=self.order {
            let mut rest = self.tail[k - 1];
            for i in 1..k {
                rest -= out.tail[i - 1] * out.tail[k - i - 1];
            }
            out.tail[k - 1] = half.times_tangent(rest);
        }
        out
    }
    #[inline(always)]
    fn sigmoid(self) -> Self {
        // σ′ = σ(x) σ(−x), and the coefficients of σ(−x) = 1 − σ(x) beyond the value are those of σ, negated.
        let reflected = (-self.re).sigmoid();
        self.integrate(self.re.sigmoid(), |y, k| {
            let mut sum = y.coefficient(k) * reflected;
            for i in 1..=k {
                sum -= y.coefficient(k - i) * y.tail[i - 1];
            }
            sum
        })
    }
}
