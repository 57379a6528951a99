//! A value and its derivatives up to third order, of which most are zero.

mod scalar;
#[cfg(test)]
mod tests;

use ircpm_ad::interval::Interval;

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
