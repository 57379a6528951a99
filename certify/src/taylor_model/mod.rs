//! Polynomials with proven error bounds, as one more scalar.
//!
//! A [`TaylorModel`] stands for a function on the box `[−1, 1]ᴰ`: a polynomial of degree four in the variables of the box,
//! and a bound of the distance between the two. Where interval arithmetic forgets that two numbers depend on one
//! variable, a polynomial keeps it: the width of an enclosure by a model exceeds that of the function itself by a
//! term of the fifth order in the size of the box (K. Makino and M. Berz, *Taylor models and other validated functional
//! inclusion methods*, 2003).
//!
//! Coefficients are doubles. Polynomials are measured by the sum of their absolute coefficients, which bounds them on the
//! box and is submultiplicative; so one product of two sums bounds all rounding errors of a product of polynomials.

mod monomials;
mod operators;
mod scalar;

use ircpm_ad::interval::Interval;

pub(crate) use monomials::DEGREE;
use monomials::Monomials;
pub(crate) use scalar::Coefficients;

/// A function on the box `[−1, 1]ᴰ`: a polynomial with `M` coefficients, up to an error.
///
/// `M` is 5, 15 and 35 for `D` = 1, 2 and 3.
#[derive(Clone, Copy, Debug)]
pub struct TaylorModel<const D: usize, const M: usize> {
    /// Coefficients of the monomials.
    coefficients: [f64; M],
    /// Coefficients of monomials above this degree are zero.
    degree: usize,
    /// Bound of the distance from the polynomial; NaN where the function is not defined everywhere, or not bounded.
    error: f64,
}

/// A Taylor model in the most variables that there are.
pub type SpaceModel = TaylorModel<3, 35>;

/// Bound of the relative error of one operation, doubled.
const ROUNDING: f64 = f64::EPSILON;

/// An upper bound of a sum of products of numbers that are not negative, of some hundred operations, each of which errs
/// by 2⁻⁵³ relatively or by less than 1e-323.
fn up(x: f64) -> f64 {
    const SLACK: f64 = 1.0 + 1.0 / (1_u64 << 44) as f64;
    x * SLACK + 1e-300
}

impl<const D: usize, const M: usize> TaylorModel<D, M> {
    const MONOMIALS: &'static Monomials<D, M> = &Monomials::new();

    const ZERO: Self = Self { coefficients: [0.0; M], degree: 0, error: 0.0 };

    /// No function: what nothing is known of.
    pub const UNDEFINED: Self = Self { coefficients: [0.0; M], degree: 0, error: f64::NAN };

    /// The `k`-th coordinate of a box, whose range is `side`: `middle + radius tₖ`.
    ///
    /// # Panics
    /// If `k ≥ D`.
    pub fn coordinate(side: Interval, k: usize) -> Self {
        let mut out = Self::ZERO;
        let monomial = Self::MONOMIALS.exponents.iter().position(|e| e[k] == 1 && e.iter().sum::<u8>() == 1);
        out.coefficients[0] = side.middle();
        out.coefficients[monomial.expect("a degree of at least one")] = side.radius();
        out.degree = 1;
        out.checked()
    }

    /// Whether the function is known to be defined and bounded.
    pub fn is_defined(&self) -> bool {
        !self.error.is_nan()
    }

    /// An enclosure of the value in the middle of the box.
    pub fn middle(&self) -> Interval {
        Interval::point(self.coefficients[0]) + Interval::new(-self.error, self.error)
    }

    /// An enclosure of the range over the box.
    ///
    /// The squares and first powers of each variable are taken together; other monomials by their absolute values.
    pub fn range(&self) -> Interval {
        let (mut linear, mut square) = ([0.0; D], [0.0; D]);
        let mut rest = self.error;
        for (i, &c) in self.coefficients.iter().enumerate().skip(1) {
            let exponents = &Self::MONOMIALS.exponents[i];
            let variable = exponents.iter().position(|&e| e as usize == Self::MONOMIALS.degree[i]);
            match (variable, Self::MONOMIALS.degree[i]) {
                (Some(k), 1) => linear[k] = c,
                (Some(k), 2) => square[k] = c,
                _ => rest += c.abs(),
            }
        }
        let rest = up(rest);
        let mut range = Interval::point(self.coefficients[0]) + Interval::new(-rest, rest);
        for k in 0..D {
            range += parabola(linear[k], square[k]);
        }
        range
    }

    /// How much of the range is due to each variable, to rounding; the error is nobody's.
    pub(crate) fn influences(&self) -> [f64; D] {
        let mut influences = [0.0; D];
        for (i, c) in self.coefficients.iter().enumerate() {
            for k in 0..D {
                influences[k] += c.abs() * f64::from(Self::MONOMIALS.exponents[i][k]);
            }
        }
        influences
    }

    /// Bound of the distance from the polynomial; NaN if undefined.
    pub(crate) fn error(&self) -> f64 {
        self.error
    }

    /// The same function of fewer variables, for one that depends on no others.
    ///
    /// # Panics
    /// If it depends on a variable that is left out.
    pub(crate) fn restricted<const C: usize, const L: usize>(&self) -> TaylorModel<C, L> {
        let mut out = TaylorModel::<C, L> { coefficients: [0.0; L], degree: self.degree, error: self.error };
        for (c, exponents) in self.coefficients.iter().zip(&Self::MONOMIALS.exponents) {
            if *c == 0.0 {
                continue;
            }
            assert!(exponents[C..].iter().all(|&e| e == 0), "a function of the first {C} variables");
            let same = |e: &[u8; C]| e[..] == exponents[..C];
            let place = TaylorModel::<C, L>::MONOMIALS.exponents.iter().position(same);
            out.coefficients[place.expect("all monomials")] = *c;
        }
        out
    }

    /// Whether it is the constant zero, exactly.
    fn is_zero(&self) -> bool {
        self.degree == 0 && self.coefficients[0] == 0.0 && self.error == 0.0
    }

    /// Undefined if a number is not finite.
    fn checked(self) -> Self {
        let sum: f64 = self.coefficients.iter().sum::<f64>() + self.error;
        if sum.is_finite() { self } else { Self::UNDEFINED }
    }

    /// Sums of the absolute coefficients of each degree, rounded.
    fn sizes(&self) -> [f64; DEGREE + 1] {
        let mut sizes = [0.0; DEGREE + 1];
        for i in 0..Self::MONOMIALS.count[self.degree] {
            sizes[Self::MONOMIALS.degree[i]] += self.coefficients[i].abs();
        }
        sizes
    }

    /// A bound of the distance of the function from its first coefficient.
    fn deviation(&self) -> f64 {
        up(self.sizes()[1..].iter().sum::<f64>() + self.error)
    }

    /// An enclosure of the range, by absolute values alone.
    fn coarse_range(&self) -> Interval {
        let deviation = self.deviation();
        Interval::point(self.coefficients[0]) + Interval::new(-deviation, deviation)
    }

    /// The constant that is somewhere in an interval.
    fn within(x: Interval) -> Self {
        let mut out = Self::ZERO;
        (out.coefficients[0], out.error) = (x.middle(), x.radius());
        out.checked()
    }

    /// `f ∘ self`, given the Taylor coefficients of `f` at the first coefficient of `self`, and enclosures over
    /// [`TaylorModel::coarse_range`] of `f` itself and of its next coefficient.
    fn composed(&self, at: &[Interval; DEGREE + 1], over: Interval, next: Interval) -> Self {
        let plain = Self::within(over);
        if !plain.is_defined() {
            return Self::UNDEFINED;
        }
        let mut change = *self;
        change.coefficients[0] = 0.0;
        let mut out = Self::within(at[DEGREE]);
        for &coefficient in at[..DEGREE].iter().rev() {
            out = out.product(&change) + Self::within(coefficient);
        }
        let deviation = Interval::point(self.deviation());
        let lost = (0..=DEGREE).fold(Interval::point(next.magnitude()), |power, _| power * deviation);
        out.error = up(out.error + lost.hi());
        out = out.checked();
        // Over large boxes the range of the function says more than its derivatives.
        if !out.is_defined() || out.error > plain.error { plain } else { out }
    }
}

/// The range of `b t + c t²` over `[−1, 1]`.
fn parabola(b: f64, c: f64) -> Interval {
    let [b, c] = [b, c].map(Interval::point);
    let ends = (c - b).hull(c + b);
    // The vertex lies at −b/2c, where the value is −b²/4c.
    if b.magnitude() >= 2.0 * c.magnitude() {
        return ends;
    }
    let vertex = -(b.square() / (c * 4.0));
    ends.hull(vertex)
}

#[cfg(test)]
mod tests;
