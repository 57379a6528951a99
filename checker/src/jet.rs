//! A value and its derivatives up to third order in `D` directions, each a ball.

use crate::ball::{Ball, grown};

/// Where the derivatives stand among the coefficients of a jet: the value, `D` first ones, the second ones `(i, j)` with
/// `i ≤ j`, the third ones `(i, j, k)` with `i ≤ j ≤ k`.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    dimension: usize,
    second: Vec<[usize; 2]>,
    third: Vec<[usize; 3]>,
    /// The places of the derivatives of each coefficient but those of third order.
    slopes: Vec<Vec<usize>>,
}

/// The coefficients of a jet, as many as [`Layout::len`] says for its order.
pub(crate) type Jet = Vec<Ball>;

impl Layout {
    /// The layout in so many directions.
    pub(crate) fn new(dimension: usize) -> Self {
        let all = 0..dimension;
        let second: Vec<[usize; 2]> = all.clone().flat_map(|i| (i..dimension).map(move |j| [i, j])).collect();
        let third = second.iter().flat_map(|&[i, j]| (j..dimension).map(move |k| [i, j, k])).collect();
        let mut layout = Self { dimension, second, third, slopes: vec![] };
        let mut slopes = vec![all.clone().map(|k| 1 + k).collect::<Vec<usize>>()];
        slopes.extend(all.clone().map(|i| all.clone().map(|k| layout.second(i, k)).collect()));
        slopes
            .extend(layout.second.iter().map(|&[i, j]| all.clone().map(|k| layout.third(i, j, k)).collect()));
        layout.slopes = slopes;
        layout
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

    /// The jet of `u x` for the coordinate `u = u_k` of the chart: `(u x)ᵢ = u xᵢ + δᵢₖ x`, and so on.
    pub(crate) fn times_coordinate(&self, k: usize, u: Ball, x: &[Ball]) -> Jet {
        let mut out: Jet = x.iter().map(|&x| u * x).collect();
        out[1 + k] = out[1 + k] + x[0];
        let start = 1 + self.dimension;
        for (p, &[i, j]) in self.second.iter().enumerate() {
            for other in [(i, j), (j, i)].into_iter().filter(|pair| pair.0 == k).map(|pair| pair.1) {
                out[start + p] = out[start + p] + x[1 + other];
            }
        }
        let start = start + self.second.len();
        if out.len() == start {
            return out;
        }
        for (p, &[i, j, l]) in self.third.iter().enumerate() {
            for (one, a, b) in [(i, j, l), (j, i, l), (l, i, j)] {
                if one == k {
                    out[start + p] = out[start + p] + x[self.second(a, b)];
                }
            }
        }
        out
    }

    /// Narrows a jet of third order over a box by the one of second order at its middle: by the mean value theorem each
    /// coefficient lies within `Σₖ |its derivative k over the box| rₖ` of that at the middle, with `r` half the sides.
    pub(crate) fn narrow(&self, over: &mut [Ball], at: &[Ball], sides: &[Ball]) {
        // Those of higher order first, so that they serve the ones before.
        for (place, slopes) in self.slopes.iter().enumerate().rev() {
            let far = slopes.iter().zip(sides).map(|(&k, side)| over[k].magnitude() * side.radius());
            over[place] = at[place].widened(grown(far.sum())).and(over[place]);
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
