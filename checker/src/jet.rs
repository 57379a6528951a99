//! A value and its derivatives up to third order in `D` directions, each a ball.

use crate::ball::Ball;

/// Where the derivatives stand among the coefficients of a jet: the value, `D` first ones, the second ones `(i, j)` with
/// `i ≤ j`, the third ones `(i, j, k)` with `i ≤ j ≤ k`.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    dimension: usize,
    second: Vec<[usize; 2]>,
    third: Vec<[usize; 3]>,
}

/// The coefficients of a jet, as many as [`Layout::len`] says for its order.
pub(crate) type Jet = Vec<Ball>;

impl Layout {
    /// The layout in so many directions.
    pub(crate) fn new(dimension: usize) -> Self {
        let all = 0..dimension;
        let second: Vec<[usize; 2]> = all.clone().flat_map(|i| (i..dimension).map(move |j| [i, j])).collect();
        let third = second.iter().flat_map(|&[i, j]| (j..dimension).map(move |k| [i, j, k])).collect();
        Self { dimension, second, third }
    }

    /// Number of coefficients of second order, or of third order.
    pub(crate) fn len(&self, has_third: bool) -> usize {
        1 + self.dimension + self.second.len() + if has_third { self.third.len() } else { 0 }
    }

    /// Number of directions.
    pub(crate) fn dimension(&self) -> usize {
        self.dimension
    }

    /// Place of the second derivative `(i, j)`.
    pub(crate) fn second(&self, i: usize, j: usize) -> usize {
        let (i, j) = (i.min(j), i.max(j));
        // Rows 0 to i − 1 have D, D − 1, … entries.
        1 + self.dimension + i * self.dimension - i * i.saturating_sub(1) / 2 + j - i
    }

    /// Place of the third derivative `(i, j, k)`.
    pub(crate) fn third(&self, i: usize, j: usize, k: usize) -> usize {
        let mut sought = [i, j, k];
        sought.sort_unstable();
        let place = self.third.binary_search(&sought).expect("the list has all of them, in order");
        1 + self.dimension + self.second.len() + place
    }

    /// The jet of `f(x)` from the value and the three derivatives of `f` at the value of `x`. Third derivatives are
    /// written if `out` has them.
    pub(crate) fn chain(&self, f: &[Ball; 4], x: &[Ball], out: &mut [Ball]) {
        let first = |i: usize| x[1 + i];
        out[0] = f[0];
        for i in 0..self.dimension {
            out[1 + i] = f[1] * first(i);
        }
        let start = 1 + self.dimension;
        for (p, &[i, j]) in self.second.iter().enumerate() {
            out[start + p] = f[1] * x[start + p] + f[2] * (first(i) * first(j));
        }
        let start = start + self.second.len();
        if out.len() == start {
            return;
        }
        for (p, &[i, j, k]) in self.third.iter().enumerate() {
            let mixed = first(i) * x[self.second(j, k)]
                + first(j) * x[self.second(i, k)]
                + first(k) * x[self.second(i, j)];
            let cubic = f[3] * (first(i) * first(j) * first(k));
            out[start + p] = f[1] * x[start + p] + f[2] * mixed + cubic;
        }
    }

    /// The jet of `f(s)` for `s = Σ mᵢ θᵢ + constant` with integers `m`, from the value and the three derivatives of `f`.
    pub(crate) fn along(&self, f: &[Ball; 4], m: &[f64], out: &mut [Ball]) {
        out[0] = f[0];
        for i in 0..self.dimension {
            out[1 + i] = f[1] * m[i];
        }
        // Products of up to three integers below 10⁵ are exact.
        let start = 1 + self.dimension;
        for (p, &[i, j]) in self.second.iter().enumerate() {
            out[start + p] = f[2] * (m[i] * m[j]);
        }
        let start = start + self.second.len();
        if out.len() == start {
            return;
        }
        for (p, &[i, j, k]) in self.third.iter().enumerate() {
            out[start + p] = f[3] * (m[i] * m[j] * m[k]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_those_of_the_lists() {
        for dimension in 1..5 {
            let layout = Layout::new(dimension);
            for (p, &[i, j]) in layout.second.iter().enumerate() {
                assert_eq!(layout.second(j, i), 1 + dimension + p);
            }
            for (p, &[i, j, k]) in layout.third.iter().enumerate() {
                assert_eq!(layout.third(k, i, j), layout.len(false) + p);
            }
            assert_eq!(layout.len(true), [4, 10, 20, 35][dimension - 1]);
        }
    }
}
