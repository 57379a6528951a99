//! A number with its derivatives along the coordinates of a chart, each a ball.

use std::ops::{Add, Mul, Neg};

use crate::ball::Ball;
use crate::manifold::LARGEST;

/// A value and its first derivatives; those of coordinates that a chart does not have are zero.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Slopes {
    value: Ball,
    slopes: [Ball; LARGEST],
}

impl Slopes {
    /// A function with the derivatives `slope(k)` along the first `n` coordinates.
    pub(crate) fn new(value: Ball, n: usize, slope: impl Fn(usize) -> Ball) -> Self {
        Self { value, slopes: std::array::from_fn(|k| if k < n { slope(k) } else { Ball::ZERO }) }
    }

    /// A constant.
    pub(crate) fn constant(value: Ball) -> Self {
        Self::new(value, 0, |_| Ball::ZERO)
    }

    /// Coordinate `k`.
    pub(crate) fn variable(value: Ball, k: usize) -> Self {
        Self::new(value, LARGEST, |i| Ball::exact(f64::from(u8::from(i == k))))
    }

    /// The function `f` of it, by the value and the derivative of `f`.
    pub(crate) fn chain(self, value: Ball, slope: Ball) -> Self {
        Self { value, slopes: self.slopes.map(|x| x * slope) }
    }

    /// The same with values that are known to lie between `lo` and `hi`.
    pub(crate) fn within(self, lo: f64, hi: f64) -> Self {
        Self { value: self.value.within(lo, hi), ..self }
    }

    pub(crate) fn value(&self) -> Ball {
        self.value
    }

    pub(crate) fn slope(&self, k: usize) -> Ball {
        self.slopes[k]
    }
}

impl Neg for Slopes {
    type Output = Self;

    fn neg(self) -> Self {
        Self { value: -self.value, slopes: self.slopes.map(|x| -x) }
    }
}

impl Add for Slopes {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        let slopes = std::array::from_fn(|k| self.slopes[k] + other.slopes[k]);
        Self { value: self.value + other.value, slopes }
    }
}

impl Add<Ball> for Slopes {
    type Output = Self;

    fn add(self, other: Ball) -> Self {
        Self { value: self.value + other, ..self }
    }
}

impl Mul for Slopes {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        let [one, two] =
            [self.chain(self.value * other.value, other.value), other.chain(Ball::ZERO, self.value)];
        one + two
    }
}
