//! Sums and products of Taylor models.

use std::ops::{Add, Div, Mul, Neg, Sub};

use ircpm_ad::Scalar;
use ircpm_ad::interval::Interval;

use super::monomials::DEGREE;
use super::{ROUNDING, TaylorModel, up};

impl<const D: usize, const M: usize> TaylorModel<D, M> {
    /// `self + factor · other` for a factor of 1 or −1, which rounds nothing.
    fn combined(mut self, other: &Self, factor: f64) -> Self {
        if other.is_zero() {
            return self;
        }
        let mut size = 0.0;
        for i in 0..Self::MONOMIALS.count[other.degree] {
            self.coefficients[i] += factor * other.coefficients[i];
            size += self.coefficients[i].abs();
        }
        self.degree = self.degree.max(other.degree);
        self.error = up(self.error + other.error + ROUNDING * size);
        self.checked()
    }

    /// The product: what exceeds the highest degree, and rounding, become part of the error.
    pub(super) fn product(&self, other: &Self) -> Self {
        let (a, b) = (self, other);
        if !a.is_defined() || !b.is_defined() {
            return Self::UNDEFINED;
        }
        if a.is_zero() || b.is_zero() {
            return Self::ZERO;
        }
        let monomials = Self::MONOMIALS;
        let mut out = Self::ZERO;
        for i in 0..monomials.count[a.degree] {
            let x = a.coefficients[i];
            if x == 0.0 {
                continue;
            }
            let degree = b.degree.min(DEGREE - monomials.degree[i]);
            for j in 0..monomials.count[degree] {
                out.coefficients[monomials.product[i][j] as usize] += x * b.coefficients[j];
            }
        }
        out.degree = DEGREE.min(a.degree + b.degree);
        let (of_a, of_b) = (a.sizes(), b.sizes());
        let mut lost = 0.0;
        for i in 0..=a.degree {
            for j in (DEGREE + 1).saturating_sub(i)..=b.degree {
                lost += of_a[i] * of_b[j];
            }
        }
        let [size_a, size_b]: [f64; 2] = [of_a, of_b].map(|sizes| sizes.iter().sum());
        // A coefficient is a sum of so many products at most.
        let terms = 1 + monomials.count[a.degree.min(b.degree)];
        let rounding = ROUNDING * terms as f64 * size_a * size_b;
        out.error = up(lost + rounding + a.error * (size_b + b.error) + b.error * size_a);
        out.checked()
    }
}

impl<const D: usize, const M: usize> Neg for TaylorModel<D, M> {
    type Output = Self;

    fn neg(mut self) -> Self {
        self.coefficients.iter_mut().for_each(|c| *c = -*c);
        self
    }
}

impl<const D: usize, const M: usize> Add for TaylorModel<D, M> {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        if self.is_zero() { other } else { self.combined(&other, 1.0) }
    }
}

impl<const D: usize, const M: usize> Sub for TaylorModel<D, M> {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        if self.is_zero() { -other } else { self.combined(&other, -1.0) }
    }
}

impl<const D: usize, const M: usize> Mul for TaylorModel<D, M> {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        self.product(&other)
    }
}

impl<const D: usize, const M: usize> Div for TaylorModel<D, M> {
    type Output = Self;

    #[allow(clippy::suspicious_arithmetic_impl, reason = "the quotient by way of the reciprocal")]
    fn div(self, other: Self) -> Self {
        self * other.recip()
    }
}

impl<const D: usize, const M: usize> Add<f64> for TaylorModel<D, M> {
    type Output = Self;

    fn add(self, c: f64) -> Self {
        self + Self::constant(c)
    }
}

impl<const D: usize, const M: usize> Sub<f64> for TaylorModel<D, M> {
    type Output = Self;

    fn sub(self, c: f64) -> Self {
        self - Self::constant(c)
    }
}

impl<const D: usize, const M: usize> Mul<f64> for TaylorModel<D, M> {
    type Output = Self;

    fn mul(self, c: f64) -> Self {
        self * Self::constant(c)
    }
}

impl<const D: usize, const M: usize> Div<f64> for TaylorModel<D, M> {
    type Output = Self;

    fn div(self, c: f64) -> Self {
        self * Self::within(Interval::ONE / Interval::point(c))
    }
}

impl<const D: usize, const M: usize> From<f64> for TaylorModel<D, M> {
    fn from(c: f64) -> Self {
        Self::constant(c)
    }
}

ircpm_ad::derived_operators!([const D: usize, const M: usize] TaylorModel<D, M>);
