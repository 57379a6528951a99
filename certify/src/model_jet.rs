//! A value and its derivatives up to second order, each of them a Taylor model.

use std::ops::{Add, Div, Mul, Neg, Sub};

use ircpm_ad::Scalar;
use ircpm_ad::elementary::Function;
use ircpm_ad::interval::Interval;

use crate::taylor_model::{Coefficients, DEGREE, TaylorModel};

/// Value, gradient and Hessian in `D` directions, each a function over a box of `D` variables.
///
/// `Jet<TaylorModel<D, M>, D>` is the same. This type spares the derivatives of constants, and takes one series for a
/// function and its derivatives.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ModelJet<const D: usize, const M: usize> {
    re: TaylorModel<D, M>,
    grad: [TaylorModel<D, M>; D],
    /// Entry `(i, j)` for `i ≤ j`.
    hess: [[TaylorModel<D, M>; D]; D],
    /// Whether all derivatives are zero.
    is_constant: bool,
}

/// Taylor coefficients that the second derivative of a function takes.
const SERIES: usize = DEGREE + 3;

impl<const D: usize, const M: usize> ModelJet<D, M> {
    fn fixed(re: TaylorModel<D, M>) -> Self {
        let zero = TaylorModel::constant(0.0);
        Self { re, grad: [zero; D], hess: [[zero; D]; D], is_constant: true }
    }

    /// `re` as the variable of direction `i`.
    pub(crate) fn variable(re: TaylorModel<D, M>, i: usize) -> Self {
        let mut x = Self::fixed(re);
        x.grad[i] = TaylorModel::constant(1.0);
        x.is_constant = false;
        x
    }

    /// A function with this value, the first derivatives `grad`, and `bent` as second derivative along each of the
    /// directions where it is given.
    pub(crate) fn curve(
        re: TaylorModel<D, M>,
        grad: [TaylorModel<D, M>; D],
        bent: [Option<TaylorModel<D, M>>; D],
    ) -> Self {
        let mut x = Self::fixed(re);
        (x.grad, x.is_constant) = (grad, false);
        for (i, second) in bent.into_iter().enumerate() {
            if let Some(second) = second {
                x.hess[i][i] = second;
            }
        }
        x
    }

    /// The value.
    #[cfg(test)]
    pub(crate) fn value_model(&self) -> TaylorModel<D, M> {
        self.re
    }

    /// First derivative `i`; undefined where the value is, because no derivative means anything there.
    pub(crate) fn first(&self, i: usize) -> TaylorModel<D, M> {
        if self.re.is_defined() { self.grad[i] } else { TaylorModel::UNDEFINED }
    }

    /// Second derivative `(i, j)`; undefined where the value is.
    pub(crate) fn second(&self, i: usize, j: usize) -> TaylorModel<D, M> {
        if self.re.is_defined() { self.hess[i.min(j)][i.max(j)] } else { TaylorModel::UNDEFINED }
    }

    /// The same linear function of every coefficient.
    fn each(mut self, f: impl Fn(TaylorModel<D, M>) -> TaylorModel<D, M>) -> Self {
        self.re = f(self.re);
        if self.is_constant {
            return self;
        }
        for i in 0..D {
            self.grad[i] = f(self.grad[i]);
            for j in i..D {
                self.hess[i][j] = f(self.hess[i][j]);
            }
        }
        self
    }

    /// The same function of every two coefficients; that of a constant and zero must be the first.
    fn combine(
        mut self,
        other: &Self,
        f: impl Fn(TaylorModel<D, M>, TaylorModel<D, M>) -> TaylorModel<D, M>,
    ) -> Self {
        self.re = f(self.re, other.re);
        if other.is_constant {
            return self;
        }
        for i in 0..D {
            self.grad[i] = f(self.grad[i], other.grad[i]);
            for j in i..D {
                self.hess[i][j] = f(self.hess[i][j], other.hess[i][j]);
            }
        }
        self.is_constant = false;
        self
    }

    /// Leibniz' rule.
    fn product(&self, other: &Self) -> Self {
        let (a, b) = (self, other);
        let mut out = Self::fixed(a.re * b.re);
        out.is_constant = false;
        for i in 0..D {
            out.grad[i] = a.re * b.grad[i] + a.grad[i] * b.re;
            for j in i..D {
                let mixed = a.grad[i] * b.grad[j] + a.grad[j] * b.grad[i];
                out.hess[i][j] = a.re * b.hess[i][j] + a.hess[i][j] * b.re + mixed;
            }
        }
        out
    }
}

impl<const D: usize, const M: usize> Neg for ModelJet<D, M> {
    type Output = Self;

    fn neg(self) -> Self {
        self.each(|a| -a)
    }
}

impl<const D: usize, const M: usize> Add for ModelJet<D, M> {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        if self.is_constant { other.combine(&self, |a, b| b + a) } else { self.combine(&other, |a, b| a + b) }
    }
}

impl<const D: usize, const M: usize> Sub for ModelJet<D, M> {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl<const D: usize, const M: usize> Mul for ModelJet<D, M> {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        match (self.is_constant, other.is_constant) {
            (true, _) => other.each(|a| self.re * a),
            (_, true) => self.each(|a| a * other.re),
            _ => self.product(&other),
        }
    }
}

impl<const D: usize, const M: usize> Div for ModelJet<D, M> {
    type Output = Self;

    #[allow(clippy::suspicious_arithmetic_impl, reason = "the quotient by way of the reciprocal")]
    fn div(self, other: Self) -> Self {
        self * other.recip()
    }
}

impl<const D: usize, const M: usize> Add<f64> for ModelJet<D, M> {
    type Output = Self;

    fn add(mut self, c: f64) -> Self {
        self.re += c;
        self
    }
}

impl<const D: usize, const M: usize> Sub<f64> for ModelJet<D, M> {
    type Output = Self;

    fn sub(mut self, c: f64) -> Self {
        self.re -= c;
        self
    }
}

impl<const D: usize, const M: usize> Mul<f64> for ModelJet<D, M> {
    type Output = Self;

    fn mul(self, c: f64) -> Self {
        self.each(|a| a * c)
    }
}

impl<const D: usize, const M: usize> Div<f64> for ModelJet<D, M> {
    type Output = Self;

    fn div(self, c: f64) -> Self {
        self.each(|a| a / c)
    }
}

impl<const D: usize, const M: usize> From<f64> for ModelJet<D, M> {
    fn from(c: f64) -> Self {
        Self::constant(c)
    }
}

ircpm_ad::derived_operators!([const D: usize, const M: usize] ModelJet<D, M>);

impl<const D: usize, const M: usize> Scalar for ModelJet<D, M> {
    type Base = Interval;

    const ORDER: usize = 2;

    fn constant(c: f64) -> Self {
        Self::fixed(TaylorModel::constant(c))
    }

    fn from_base(x: Interval) -> Self {
        Self::fixed(TaylorModel::from_base(x))
    }

    fn value(self) -> Interval {
        self.re.value()
    }

    fn scale(self, w: Interval) -> Self {
        self * Self::from_base(w)
    }

    fn select_gt(a: Interval, b: Interval, if_greater: Self, otherwise: Self) -> Self {
        let select = |x, y| TaylorModel::select_gt(a, b, x, y);
        // All coefficients are selected, those of constants too.
        let is_constant = if_greater.is_constant && otherwise.is_constant;
        let otherwise = Self { is_constant: false, ..otherwise };
        let mut out = Self { is_constant: false, ..if_greater }.combine(&otherwise, select);
        out.is_constant = is_constant && out.re.is_defined();
        out
    }

    fn apply<F: Function<Interval>>(self, f: F) -> Self {
        if self.is_constant {
            return Self::fixed(self.re.apply(f));
        }
        if !self.re.is_defined() {
            return Self { re: TaylorModel::UNDEFINED, ..self };
        }
        let coefficients = Coefficients::<SERIES>::new(f, &self.re);
        let [value, first, second] = [0, 1, 2].map(|order| coefficients.model(&self.re, order));
        let mut out = Self::fixed(value);
        out.is_constant = false;
        for i in 0..D {
            out.grad[i] = first * self.grad[i];
            let bent = second * self.grad[i];
            for j in i..D {
                out.hess[i][j] = first * self.hess[i][j] + bent * self.grad[j];
            }
        }
        out
    }

    fn is_finite(self) -> bool {
        let finite = TaylorModel::is_defined;
        finite(&self.re)
            && self.grad.iter().all(finite)
            && (0..D).all(|i| self.hess[i][i..].iter().all(finite))
    }

    fn times_tangent(self, tangent: Self) -> Self {
        self * tangent
    }

    fn tangent_product(self, other: Self) -> Self {
        self * other
    }
}
