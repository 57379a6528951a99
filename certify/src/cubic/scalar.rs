//! Operators and functions of [`Cubic`].

use std::ops::{Add, Div, Mul, Neg, Sub};

use ircpm_ad::elementary::Function;
use ircpm_ad::interval::Interval;
use ircpm_ad::{Scalar, Taylor};

use super::Cubic;

impl<const D: usize> Neg for Cubic<D> {
    type Output = Self;

    fn neg(self) -> Self {
        self.each(|a| -a)
    }
}

impl<const D: usize> Add for Cubic<D> {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        if self.is_constant { other.combine(self, |a, b| b + a) } else { self.combine(other, |a, b| a + b) }
    }
}

impl<const D: usize> Sub for Cubic<D> {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl<const D: usize> Mul for Cubic<D> {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        match (self.is_constant, other.is_constant) {
            (true, _) => other.each(|a| self.over.re * a),
            (_, true) => self.each(|a| a * other.over.re),
            _ => Self {
                over: self.narrow().product(&other.narrow(), true),
                at: self.at.product(&other.at, false),
                reach: self.common(&other),
                is_constant: false,
            },
        }
    }
}

impl<const D: usize> Div for Cubic<D> {
    type Output = Self;

    #[allow(clippy::suspicious_arithmetic_impl, reason = "the quotient by way of the reciprocal")]
    fn div(self, other: Self) -> Self {
        if other.is_constant { self.each(|a| a / other.over.re) } else { self * other.recip() }
    }
}

impl<const D: usize> Add<f64> for Cubic<D> {
    type Output = Self;

    fn add(mut self, c: f64) -> Self {
        self.over.re += c;
        self.at.re += c;
        self
    }
}

impl<const D: usize> Sub<f64> for Cubic<D> {
    type Output = Self;

    fn sub(mut self, c: f64) -> Self {
        self.over.re -= c;
        self.at.re -= c;
        self
    }
}

impl<const D: usize> Mul<f64> for Cubic<D> {
    type Output = Self;

    fn mul(self, c: f64) -> Self {
        self.each(|a| a * c)
    }
}

impl<const D: usize> Div<f64> for Cubic<D> {
    type Output = Self;

    fn div(self, c: f64) -> Self {
        self.each(|a| a / c)
    }
}

impl<const D: usize> From<f64> for Cubic<D> {
    fn from(c: f64) -> Self {
        Self::fixed(Interval::point(c))
    }
}

ircpm_ad::derived_operators!([const D: usize] Cubic<D>);

impl<const D: usize> Scalar for Cubic<D> {
    type Base = Interval;

    const ORDER: usize = 3;

    fn constant(c: f64) -> Self {
        Self::fixed(Interval::point(c))
    }

    fn from_base(x: Interval) -> Self {
        Self::fixed(x)
    }

    fn value(self) -> Interval {
        self.narrow().re
    }

    fn scale(self, w: Interval) -> Self {
        self * Self::fixed(w)
    }

    fn select_gt(a: Interval, b: Interval, if_greater: Self, otherwise: Self) -> Self {
        let select = |x, y| <Interval as Scalar>::select_gt(a, b, x, y);
        // All coefficients are selected, those of constants too.
        let mut out = Self { is_constant: false, ..if_greater };
        out = out.combine(Self { is_constant: false, ..otherwise }, select);
        out.is_constant = if_greater.is_constant && otherwise.is_constant && !out.over.re.is_undefined();
        if !(a.lo() > b.hi() || a.hi() <= b.lo()) {
            // The gradient may jump where the branches meet, so that nothing made of it may be narrowed.
            out.reach = [Interval::ENTIRE; D];
        }
        out
    }

    fn apply<F: Function<Interval>>(self, f: F) -> Self {
        self.image(|x| {
            let slope = f.derivative(Taylor::<Interval, 2>::variable(x));
            (f.value(x), [slope.derivative(0), slope.derivative(1), slope.derivative(2)])
        })
    }

    /// The units of networks. Their derivatives are monotone functions and bells, whose images over intervals are known.
    fn softplus(self) -> Self {
        self.image(|x| {
            let (up, down, bell) = (x.sigmoid(), (-x).sigmoid(), bell(x));
            // σ′ = σ(x) σ(−x), σ″ = σ′ (σ(−x) − σ(x)), where the difference falls from 1 to −1.
            let difference = -(up * 2.0) + 1.0;
            (x.softplus(), [up, bell, bell * difference.intersection(down * 2.0 - 1.0)])
        })
    }

    fn is_finite(self) -> bool {
        let finite = |x: &Interval| Scalar::is_finite(*x);
        let x = self.over;
        finite(&x.re)
            && x.grad.iter().all(finite)
            && x.hess.iter().flatten().all(finite)
            && x.third.iter().flatten().flatten().all(finite)
    }

    fn times_tangent(self, tangent: Self) -> Self {
        self * tangent
    }

    fn tangent_product(self, other: Self) -> Self {
        self * other
    }
}

/// `σ(x) σ(−x)`, an even function that falls for positive `x`.
fn bell(x: Interval) -> Interval {
    if x.is_undefined() {
        return Interval::UNDEFINED;
    }
    let at = |x: f64| {
        let x = Interval::point(x);
        x.sigmoid() * (-x).sigmoid()
    };
    let (low, high) = (at(x.lo()), at(x.hi()));
    let ends = low.hull(high);
    if x.contains(0.0) { Interval::new(ends.lo(), 0.25) } else { ends }
}
