//! A value and its derivatives up to third order, of which most are zero.

use std::ops::{Add, Div, Mul, Neg, Sub};

use ircpm_ad::elementary::Function;
use ircpm_ad::interval::Interval;
use ircpm_ad::{Scalar, Taylor};

/// Value, gradient, Hessian and third derivatives in `D` directions, each an interval.
///
/// `Jet<Dual<Interval, D>, D>` encloses the same. This type spares the repeated derivatives, and those of constants:
/// of all factors in a network half are parameters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cubic<const D: usize> {
    re: Interval,
    grad: [Interval; D],
    /// Entry `(i, j)` for `i ≤ j`.
    hess: [[Interval; D]; D],
    /// Entry `(i, j, k)` for `i ≤ j ≤ k`.
    third: [[[Interval; D]; D]; D],
    /// Whether all derivatives are zero.
    is_constant: bool,
}

/// Sets the third derivatives with the indices `i ≤ j ≤ k`, which stand for all.
macro_rules! third_derivatives {
    ($out:ident, |$i:ident, $j:ident, $k:ident| $value:expr) => {
        for $i in 0..D {
            for $j in $i..D {
                for $k in $j..D {
                    $out.third[$i][$j][$k] = $value;
                }
            }
        }
    };
}

/// Sets the second derivatives with the indices `i ≤ j`.
macro_rules! second_derivatives {
    ($out:ident, |$i:ident, $j:ident| $value:expr) => {
        for $i in 0..D {
            for $j in $i..D {
                $out.hess[$i][$j] = $value;
            }
        }
    };
}

impl<const D: usize> Cubic<D> {
    fn fixed(re: Interval) -> Self {
        let zero = Interval::ZERO;
        Self { re, grad: [zero; D], hess: [[zero; D]; D], third: [[[zero; D]; D]; D], is_constant: true }
    }

    /// `re` as the variable of direction `i`.
    pub(crate) fn variable(re: Interval, i: usize) -> Self {
        let mut x = Self::fixed(re);
        x.grad[i] = Interval::ONE;
        x.is_constant = false;
        x
    }

    /// A function with these derivatives; the second and third ones are asked for in rising order of the directions.
    pub(crate) fn new(
        re: Interval,
        grad: [Interval; D],
        hess: impl Fn(usize, usize) -> Interval,
        third: impl Fn([usize; 3]) -> Interval,
    ) -> Self {
        let mut x = Self { grad, is_constant: false, ..Self::fixed(re) };
        second_derivatives!(x, |i, j| hess(i, j));
        third_derivatives!(x, |i, j, k| third([i, j, k]));
        x
    }

    /// Whether the value is defined; no derivative means anything where it is not.
    pub(crate) fn is_defined(&self) -> bool {
        !self.re.is_undefined()
    }

    /// First derivative `i`.
    pub(crate) fn first(&self, i: usize) -> Interval {
        self.grad[i]
    }

    /// Second derivative `(i, j)`.
    pub(crate) fn second(&self, i: usize, j: usize) -> Interval {
        self.hess[i.min(j)][i.max(j)]
    }

    /// Third derivative `(i, j, k)`.
    pub(crate) fn third(&self, i: usize, j: usize, k: usize) -> Interval {
        let mut index = [i, j, k];
        index.sort_unstable();
        self.third[index[0]][index[1]][index[2]]
    }

    /// The same linear function of every coefficient.
    fn each(mut self, f: impl Fn(Interval) -> Interval) -> Self {
        self.re = f(self.re);
        if self.is_constant {
            return self;
        }
        for i in 0..D {
            self.grad[i] = f(self.grad[i]);
        }
        second_derivatives!(self, |i, j| f(self.hess[i][j]));
        third_derivatives!(self, |i, j, k| f(self.third[i][j][k]));
        self
    }

    /// The same linear function of every two coefficients.
    fn combine(mut self, other: Self, f: impl Fn(Interval, Interval) -> Interval) -> Self {
        self.re = f(self.re, other.re);
        if other.is_constant {
            return self;
        }
        for i in 0..D {
            self.grad[i] = f(self.grad[i], other.grad[i]);
        }
        second_derivatives!(self, |i, j| f(self.hess[i][j], other.hess[i][j]));
        third_derivatives!(self, |i, j, k| f(self.third[i][j][k], other.third[i][j][k]));
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
        }
        second_derivatives!(out, |i, j| {
            let mixed = a.grad[i] * b.grad[j] + a.grad[j] * b.grad[i];
            a.re * b.hess[i][j] + a.hess[i][j] * b.re + mixed
        });
        third_derivatives!(out, |i, j, k| {
            let first = a.grad[i] * b.hess[j][k] + a.grad[j] * b.hess[i][k] + a.grad[k] * b.hess[i][j];
            let second = a.hess[j][k] * b.grad[i] + a.hess[i][k] * b.grad[j] + a.hess[i][j] * b.grad[k];
            a.re * b.third[i][j][k] + a.third[i][j][k] * b.re + first + second
        });
        out
    }

    /// The chain rule for a function with the value `value` and the derivatives `f`, of order 1 to 3.
    fn chain(&self, value: Interval, f: [Interval; 3]) -> Self {
        let mut out = Self::fixed(value);
        let x = self;
        out.is_constant = false;
        for i in 0..D {
            out.grad[i] = f[0] * x.grad[i];
        }
        second_derivatives!(out, |i, j| f[0] * x.hess[i][j] + f[1] * (x.grad[i] * x.grad[j]));
        third_derivatives!(out, |i, j, k| {
            let mixed = x.grad[i] * x.hess[j][k] + x.grad[j] * x.hess[i][k] + x.grad[k] * x.hess[i][j];
            f[0] * x.third[i][j][k] + f[1] * mixed + f[2] * (x.grad[i] * x.grad[j] * x.grad[k])
        });
        out
    }
}

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
            (true, _) => other.each(|a| self.re * a),
            (_, true) => self.each(|a| a * other.re),
            _ => self.product(&other),
        }
    }
}

impl<const D: usize> Div for Cubic<D> {
    type Output = Self;

    #[allow(clippy::suspicious_arithmetic_impl, reason = "the quotient by way of the reciprocal")]
    fn div(self, other: Self) -> Self {
        if other.is_constant { self.each(|a| a / other.re) } else { self * other.recip() }
    }
}

impl<const D: usize> Add<f64> for Cubic<D> {
    type Output = Self;

    fn add(mut self, c: f64) -> Self {
        self.re += c;
        self
    }
}

impl<const D: usize> Sub<f64> for Cubic<D> {
    type Output = Self;

    fn sub(mut self, c: f64) -> Self {
        self.re -= c;
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
        self.re
    }

    fn scale(self, w: Interval) -> Self {
        self * Self::fixed(w)
    }

    fn select_gt(a: Interval, b: Interval, if_greater: Self, otherwise: Self) -> Self {
        let select = |x, y| <Interval as Scalar>::select_gt(a, b, x, y);
        // All coefficients are selected, those of constants too.
        let mut out = Self { is_constant: false, ..if_greater };
        out = out.combine(Self { is_constant: false, ..otherwise }, select);
        out.is_constant = if_greater.is_constant && otherwise.is_constant && !out.re.is_undefined();
        out
    }

    fn apply<F: Function<Interval>>(self, f: F) -> Self {
        let value = f.value(self.re);
        if self.is_constant {
            return Self::fixed(value);
        }
        let slope = f.derivative(Taylor::<Interval, 2>::variable(self.re));
        self.chain(value, [slope.derivative(0), slope.derivative(1), slope.derivative(2)])
    }

    /// The units of networks. Their derivatives are monotone functions and bells, whose images over intervals are known.
    fn softplus(self) -> Self {
        let value = self.re.softplus();
        if self.is_constant {
            return Self::fixed(value);
        }
        let (up, down, bell) = (self.re.sigmoid(), (-self.re).sigmoid(), bell(self.re));
        // σ′ = σ(x) σ(−x), σ″ = σ′ (σ(−x) − σ(x)), where the difference falls from 1 to −1.
        let difference = -(up * 2.0) + 1.0;
        self.chain(value, [up, bell, bell * difference.intersection(down * 2.0 - 1.0)])
    }

    fn is_finite(self) -> bool {
        let finite = |x: &Interval| Scalar::is_finite(*x);
        finite(&self.re)
            && self.grad.iter().all(finite)
            && self.hess.iter().flatten().all(finite)
            && self.third.iter().flatten().flatten().all(finite)
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

#[cfg(test)]
mod tests {
    use ircpm_ad::elementary::smooth::sinc_sqrt;
    use ircpm_ad::{Dual, Jet, log_sum_exp};
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64;

    use super::*;

    type Oracle<R> = Jet<Dual<R, 2>, 2>;

    /// Every operation and several functions.
    fn expression<S: Scalar>([x, y]: [S; 2]) -> [S; 6] {
        let theta = S::constant(0.7);
        let a = (x * theta + y * y).softplus() - x.sin() * (y + 3.0).ln();
        let b = theta / (x * x + 2.0) + (a / theta) * theta.exp() - (a * a * a) / 3.0;
        let c = S::select_gt(x.value(), S::Base::constant(-100.0), a, theta) * (y.recip() - 2.0);
        let d = log_sum_exp(&[x, y, theta]) + (-x).sigmoid() * b.atan() + sinc_sqrt(y);
        let e = y.powi(3).sqrt() * (x * y).atan2(y + 1.0).cos().tanh();
        [a, b, c, d, e, [x, y, theta].into_iter().product()]
    }

    #[test]
    fn coefficients_are_those_of_nested_duals() {
        let mut rng = Pcg64::seed_from_u64(1);
        for _ in 0..200 {
            let at = [rng.random_range(-2.0..2.0), rng.random_range(0.5..3.0)];
            let width: f64 = 10_f64.powf(rng.random_range(-9.0..-1.5));
            let over = at.map(|x| Interval::new(x, x + width));
            let found = expression([0, 1].map(|k| Cubic::variable(over[k], k)));
            let inner = at.map(|x| x + width * rng.random_range(0.0..1.0));
            let exact = expression([0, 1].map(|k| Oracle::variable(Dual::variable(inner[k], k), k)));
            for (number, (found, exact)) in found.iter().zip(&exact).enumerate() {
                assert_encloses(number, found, exact, width);
            }
        }
    }

    fn assert_encloses(number: usize, found: &Cubic<2>, exact: &Oracle<f64>, width: f64) {
        let check = |what: &str, y: Interval, exact: f64| {
            let slack = 1e-10 * (1.0 + exact.abs());
            assert!(
                y.lo() <= exact + slack && y.hi() >= exact - slack,
                "{number} {what}: {y:?}, not {exact}"
            );
            assert!(
                y.radius() < 1e6 * width * (1.0 + exact.abs()) + slack,
                "{number} {what}: {y:?} is too wide"
            );
        };
        check("value", found.re, exact.re.re);
        for i in 0..2 {
            check("gradient", found.grad[i], exact.grad[i].re);
            for j in 0..2 {
                check("Hessian", found.second(i, j), exact.hess[i][j].re);
                for k in 0..2 {
                    check("third derivative", found.third(i, j, k), exact.hess[i][j].eps[k]);
                }
            }
        }
    }

    #[test]
    fn undefined_values_leave_no_derivative_defined() {
        let x = Cubic::<2>::variable(Interval::new(-1.0, 1.0), 0);
        let y = x.sqrt() + x.ln() * Cubic::constant(0.0);
        assert!(y.re.is_undefined() && y.grad[0].is_undefined() && !Scalar::is_finite(y));
        let constant = Cubic::<2>::constant(-1.0).ln();
        assert!((constant + x).re.is_undefined());
    }
}
