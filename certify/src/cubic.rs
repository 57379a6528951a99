//! A value and its derivatives up to third order, of which most are zero.

use std::ops::{Add, Div, Mul, Neg, Sub};

use ircpm_ad::elementary::Function;
use ircpm_ad::interval::Interval;
use ircpm_ad::{Scalar, Taylor};

/// Value, gradient, Hessian and third derivatives in `D` directions over a box, each an interval, and those up to second
/// order at its middle.
///
/// `Jet<Dual<Interval, D>, D>` encloses the same. This type spares the repeated derivatives, and those of constants:
/// of all factors in a network half are parameters. Of what enters a product or a function, the value and the gradient are
/// narrowed by the mean value theorem first, so that sums whose terms cancel do not become wide.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cubic<const D: usize> {
    over: Coefficients<D>,
    /// At the middle; its third derivatives are not kept.
    at: Coefficients<D>,
    /// How far the box reaches from its middle in each direction.
    reach: [Interval; D],
    /// Whether all derivatives are zero.
    is_constant: bool,
}

/// A value and derivatives.
#[derive(Clone, Copy, Debug)]
struct Coefficients<const D: usize> {
    re: Interval,
    grad: [Interval; D],
    /// Entry `(i, j)` for `i ≤ j`.
    hess: [[Interval; D]; D],
    /// Entry `(i, j, k)` for `i ≤ j ≤ k`.
    third: [[[Interval; D]; D]; D],
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

impl<const D: usize> Coefficients<D> {
    fn fixed(re: Interval) -> Self {
        let zero = Interval::ZERO;
        Self { re, grad: [zero; D], hess: [[zero; D]; D], third: [[[zero; D]; D]; D] }
    }

    /// The same linear function of every coefficient.
    fn each(mut self, f: impl Fn(Interval) -> Interval) -> Self {
        self.re = f(self.re);
        for i in 0..D {
            self.grad[i] = f(self.grad[i]);
        }
        second_derivatives!(self, |i, j| f(self.hess[i][j]));
        third_derivatives!(self, |i, j, k| f(self.third[i][j][k]));
        self
    }

    /// The same linear function of every two coefficients.
    fn combine(mut self, other: &Self, f: impl Fn(Interval, Interval) -> Interval) -> Self {
        self.re = f(self.re, other.re);
        for i in 0..D {
            self.grad[i] = f(self.grad[i], other.grad[i]);
        }
        second_derivatives!(self, |i, j| f(self.hess[i][j], other.hess[i][j]));
        third_derivatives!(self, |i, j, k| f(self.third[i][j][k], other.third[i][j][k]));
        self
    }

    /// Leibniz' rule, up to the third derivatives if they are asked for.
    fn product(&self, other: &Self, has_third: bool) -> Self {
        let (a, b) = (self, other);
        let mut out = Self::fixed(a.re * b.re);
        for i in 0..D {
            out.grad[i] = a.re * b.grad[i] + a.grad[i] * b.re;
        }
        second_derivatives!(out, |i, j| {
            let mixed = a.grad[i] * b.grad[j] + a.grad[j] * b.grad[i];
            a.re * b.hess[i][j] + a.hess[i][j] * b.re + mixed
        });
        if has_third {
            third_derivatives!(out, |i, j, k| {
                let first = a.grad[i] * b.hess[j][k] + a.grad[j] * b.hess[i][k] + a.grad[k] * b.hess[i][j];
                let second = a.hess[j][k] * b.grad[i] + a.hess[i][k] * b.grad[j] + a.hess[i][j] * b.grad[k];
                a.re * b.third[i][j][k] + a.third[i][j][k] * b.re + first + second
            });
        }
        out
    }

    /// The chain rule for a function with the value `value` and the derivatives `f`, of order 1 to 3.
    fn chain(&self, value: Interval, f: [Interval; 3], has_third: bool) -> Self {
        let mut out = Self::fixed(value);
        let x = self;
        for i in 0..D {
            out.grad[i] = f[0] * x.grad[i];
        }
        second_derivatives!(out, |i, j| f[0] * x.hess[i][j] + f[1] * (x.grad[i] * x.grad[j]));
        if has_third {
            third_derivatives!(out, |i, j, k| {
                let mixed = x.grad[i] * x.hess[j][k] + x.grad[j] * x.hess[i][k] + x.grad[k] * x.hess[i][j];
                f[0] * x.third[i][j][k] + f[1] * mixed + f[2] * (x.grad[i] * x.grad[j] * x.grad[k])
            });
        }
        out
    }
}

impl<const D: usize> Cubic<D> {
    fn fixed(re: Interval) -> Self {
        let (over, at) = (Coefficients::fixed(re), Coefficients::fixed(re));
        Self { over, at, reach: [Interval::ZERO; D], is_constant: true }
    }

    /// The variable of direction `i` over a box around a point.
    pub(crate) fn variable(over: Interval, at: Interval, i: usize) -> Self {
        let axis = std::array::from_fn(|k| if i == k { Interval::ONE } else { Interval::ZERO });
        Self::new([over, at], [axis; 2], |_, _| [Interval::ZERO; 2], |_| Interval::ZERO)
    }

    /// A function with these values and derivatives over a box and at its middle, of unknown reach; the second and third ones are asked for
    /// in rising order of the directions.
    pub(crate) fn new(
        re: [Interval; 2],
        grad: [[Interval; D]; 2],
        hess: impl Fn(usize, usize) -> [Interval; 2],
        third: impl Fn([usize; 3]) -> Interval,
    ) -> Self {
        let [mut over, mut at] = re.map(Coefficients::fixed);
        [over.grad, at.grad] = grad;
        second_derivatives!(over, |i, j| hess(i, j)[0]);
        second_derivatives!(at, |i, j| hess(i, j)[1]);
        third_derivatives!(over, |i, j, k| third([i, j, k]));
        Self { over, at, reach: [Interval::ENTIRE; D], is_constant: false }
    }

    /// The same function, where the box is known to reach so far from its middle.
    pub(crate) fn within(self, reach: [Interval; D]) -> Self {
        Self { reach, ..self }
    }

    /// Whether the value is defined; no derivative means anything where it is not.
    pub(crate) fn is_defined(&self) -> bool {
        !self.over.re.is_undefined()
    }

    /// Derivatives up to second order over the box, entry `[i]` and `[i][j]`.
    pub(crate) fn over(&self) -> ([Interval; D], [[Interval; D]; D]) {
        let x = self.narrow();
        (x.grad, symmetric(&x.hess))
    }

    /// Derivatives up to second order at the middle.
    pub(crate) fn at(&self) -> ([Interval; D], [[Interval; D]; D]) {
        (self.at.grad, symmetric(&self.at.hess))
    }

    /// Third derivative `(i, j, k)` over the box.
    pub(crate) fn third(&self, i: usize, j: usize, k: usize) -> Interval {
        let mut index = [i, j, k];
        index.sort_unstable();
        self.over.third[index[0]][index[1]][index[2]]
    }

    /// The coefficients over the box, the first of them narrowed by the mean value theorem.
    fn narrow(&self) -> Coefficients<D> {
        let mut x = self.over;
        // Where a branch was not decided nothing is known of the way from the middle.
        if self.is_constant || self.reach.iter().any(|reach| !reach.magnitude().is_finite()) {
            return x;
        }
        for i in 0..D {
            let change: Interval = (0..D).map(|k| x.hess[i.min(k)][i.max(k)] * self.reach[k]).sum();
            x.grad[i] = narrowed(x.grad[i], self.at.grad[i] + change);
        }
        let change: Interval = (0..D).map(|k| x.grad[k] * self.reach[k]).sum();
        x.re = narrowed(x.re, self.at.re + change);
        x
    }

    /// The same linear function of every coefficient.
    fn each(mut self, f: impl Fn(Interval) -> Interval) -> Self {
        if self.is_constant {
            return Self::fixed(f(self.over.re));
        }
        self.over = self.over.each(&f);
        self.at = self.at.each(f);
        self
    }

    /// The same linear function of every two coefficients, those of `other` zero if it is a constant.
    fn combine(mut self, other: Self, f: impl Fn(Interval, Interval) -> Interval) -> Self {
        if other.is_constant {
            self.over.re = f(self.over.re, other.over.re);
            self.at.re = f(self.at.re, other.at.re);
            return self;
        }
        self.over = self.over.combine(&other.over, &f);
        self.at = self.at.combine(&other.at, f);
        Self { reach: self.common(&other), is_constant: false, ..self }
    }

    /// The reach of both.
    fn common(&self, other: &Self) -> [Interval; D] {
        std::array::from_fn(|k| self.reach[k].hull(other.reach[k]))
    }

    /// The image under a function with these values and derivatives of order 1 to 3 over an interval.
    fn image(&self, f: impl Fn(Interval) -> (Interval, [Interval; 3])) -> Self {
        let x = self.narrow();
        let (value, slopes) = f(x.re);
        if self.is_constant {
            return Self::fixed(value);
        }
        let over = x.chain(value, slopes, true);
        let (value, slopes) = f(self.at.re);
        Self { over, at: self.at.chain(value, slopes, false), ..*self }
    }
}

/// All entries of a symmetric matrix that is kept as its upper triangle.
fn symmetric<const D: usize>(upper: &[[Interval; D]; D]) -> [[Interval; D]; D] {
    std::array::from_fn(|i| std::array::from_fn(|j| upper[i.min(j)][i.max(j)]))
}

/// What an enclosure and another one, of the same number if it is defined, agree on.
fn narrowed(x: Interval, other: Interval) -> Interval {
    if other.is_undefined() { x } else { x.intersection(other) }
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
            let reach = over.map(|x| x - x.middle());
            let variable =
                |k: usize| Cubic::variable(over[k], Interval::point(over[k].middle()), k).within(reach);
            let found = expression([0, 1].map(variable));
            let inner = at.map(|x| x + width * rng.random_range(0.0..1.0));
            let exact = expression([0, 1].map(|k| Oracle::variable(Dual::variable(inner[k], k), k)));
            let middle = over.map(Interval::middle);
            let at = expression([0, 1].map(|k| Oracle::variable(Dual::variable(middle[k], k), k)));
            for (number, (found, (exact, at))) in found.iter().zip(exact.iter().zip(&at)).enumerate() {
                assert_encloses(number, found, exact, width);
                let (grad, hess) = found.at();
                for i in 0..2 {
                    let (slope, bend) = (at.grad[i].re, at.hess[i][1].re);
                    assert!(
                        (grad[i].middle() - slope).abs() < 1e-9 * (1.0 + slope.abs()),
                        "{number}: {grad:?}"
                    );
                    assert!(
                        (hess[i][1].middle() - bend).abs() < 1e-8 * (1.0 + bend.abs()),
                        "{number}: {hess:?}"
                    );
                }
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
        let (grad, hess) = found.over();
        check("value", found.value(), exact.re.re);
        for i in 0..2 {
            check("gradient", grad[i], exact.grad[i].re);
            for j in 0..2 {
                check("Hessian", hess[i][j], exact.hess[i][j].re);
                for k in 0..2 {
                    check("third derivative", found.third(i, j, k), exact.hess[i][j].eps[k]);
                }
            }
        }
    }

    #[test]
    fn undefined_values_leave_no_derivative_defined() {
        let x = Cubic::<2>::variable(Interval::new(-1.0, 1.0), Interval::ZERO, 0)
            .within([Interval::new(-1.0, 1.0); 2]);
        let y = x.sqrt() + x.ln() * Cubic::constant(0.0);
        assert!(!y.is_defined() && y.over().0[0].is_undefined() && !Scalar::is_finite(y));
        let constant = Cubic::<2>::constant(-1.0).ln();
        assert!(!(constant + x).is_defined());
    }

    #[test]
    fn gradients_that_jump_are_not_narrowed() {
        let x = Cubic::<1>::variable(Interval::new(-0.5, 1.0), Interval::point(0.25), 0);
        let x = x.within([Interval::new(-0.75, 0.75)]);
        let size = Cubic::select_gt(x.value(), Interval::ZERO, x, -x);
        // |x| x² is smooth to second order, but |x| is not.
        let ([slope], _) = size.over();
        assert!(slope.contains(-1.0) && slope.contains(1.0), "{slope:?}");
        let ([slope], [[bend]]) = (size * x * x).over();
        assert!(slope.contains(-0.75) && slope.contains(3.0), "{slope:?}");
        assert!(bend.contains(0.0) && bend.contains(6.0), "{bend:?}");
    }
}
