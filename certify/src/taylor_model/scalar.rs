//! Taylor models as scalars: constants, selections and elementary functions.

use ircpm_ad::elementary::Function;
use ircpm_ad::interval::Interval;
use ircpm_ad::{Scalar, Taylor};

use super::monomials::DEGREE;
use super::{ROUNDING, TaylorModel, up};

/// The Taylor coefficients of a function that the models of its value, slope and second derivative take: `K` of them.
#[derive(Debug)]
pub(crate) struct Coefficients<const K: usize> {
    /// At one point.
    at: Taylor<Interval, K>,
    /// Over a range around it.
    over: Taylor<Interval, K>,
}

impl<const K: usize> Coefficients<K> {
    /// Those of `f` around the first coefficient of `x`, over its range.
    pub(crate) fn new<F: Function<Interval>, const D: usize, const M: usize>(
        f: F,
        x: &TaylorModel<D, M>,
    ) -> Self {
        let series = |x: Interval| Taylor::<Interval, K>::variable(x).apply(f);
        Self { at: series(Interval::point(x.coefficients[0])), over: series(x.coarse_range()) }
    }

    /// The model of the derivative of order `order` at `x`, for `order ≤ K − DEGREE − 1`.
    pub(crate) fn model<const D: usize, const M: usize>(
        &self,
        x: &TaylorModel<D, M>,
        order: usize,
    ) -> TaylorModel<D, M> {
        // Coefficient k of the derivative is (k + 1) … (k + order) times coefficient k + order of the function.
        let factor = |k: usize| (k + 1..=k + order).map(|j| j as f64).product::<f64>();
        let at = std::array::from_fn(|k| self.at.coefficient(k + order) * factor(k));
        let over = |k: usize| self.over.coefficient(k + order) * factor(k);
        x.composed(&at, over(0), over(DEGREE + 1))
    }
}

impl<const D: usize, const M: usize> Scalar for TaylorModel<D, M> {
    type Base = Interval;

    const ORDER: usize = 0;

    fn constant(x: f64) -> Self {
        let mut out = Self::ZERO;
        out.coefficients[0] = x;
        out.checked()
    }

    fn from_base(x: Interval) -> Self {
        Self::within(x)
    }

    fn value(self) -> Interval {
        if self.is_defined() { self.coarse_range() } else { Interval::UNDEFINED }
    }

    fn scale(self, w: Interval) -> Self {
        self * Self::within(w)
    }

    /// Where the operands overlap, the mean of both branches up to half of their distance: the function is one of the two
    /// at every point.
    fn select_gt(a: Interval, b: Interval, if_greater: Self, otherwise: Self) -> Self {
        if a.lo() > b.hi() {
            return if_greater;
        } else if a.hi() <= b.lo() {
            return otherwise;
        } else if a.is_undefined() || b.is_undefined() || !if_greater.is_defined() || !otherwise.is_defined()
        {
            return Self::UNDEFINED;
        }
        let (mut out, mut distance, mut size) = (otherwise, 0.0, 0.0);
        for i in 0..M {
            let (x, y) = (if_greater.coefficients[i], otherwise.coefficients[i]);
            out.coefficients[i] = 0.5 * x + 0.5 * y;
            distance += (0.5 * x - 0.5 * y).abs();
            size += x.abs() + y.abs();
        }
        out.degree = if_greater.degree.max(otherwise.degree);
        out.error = up(if_greater.error.max(otherwise.error) + distance + 2.0 * ROUNDING * size);
        out.checked()
    }

    fn apply<F: Function<Interval>>(self, f: F) -> Self {
        if !self.is_defined() {
            return Self::UNDEFINED;
        }
        if self.degree == 0 {
            return Self::within(f.value(self.coarse_range()));
        }
        Coefficients::<{ DEGREE + 1 }>::new(f, &self).model(&self, 0)
    }

    fn is_finite(self) -> bool {
        self.is_defined()
    }

    fn times_tangent(self, tangent: Self) -> Self {
        self * tangent
    }

    fn tangent_product(self, other: Self) -> Self {
        self * other
    }
}
