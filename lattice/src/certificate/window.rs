//! The terms of one window on a grid, and lower bounds of small symmetric matrices.

use std::f64::consts::TAU;

use rayon::prelude::*;

use super::chain::least;
use super::symmetric::Symmetric;
use super::{ROUNDING, WIDEST};

/// A term of a window: its charges from the first site on, and its coefficient.
type WindowTerm = ([i64; WIDEST], f64);

/// The points of windows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grid {
    /// Points per angle.
    pub points: usize,
    /// Whether windows depend on differences of angles alone: then the last angle of any sites is zero.
    pub neutral: bool,
}

impl Grid {
    /// Dimensions of the grid of so many sites.
    fn dimensions(self, sites: usize) -> usize {
        sites - usize::from(self.neutral)
    }

    /// Number of points on so many sites.
    pub(super) fn len(self, sites: usize) -> usize {
        self.points.pow(self.dimensions(sites) as u32)
    }

    /// The point of the first `sites − 1` sites at a point of so many.
    fn without_last(self, point: usize, sites: usize) -> usize {
        if !self.neutral {
            return point / self.points;
        }
        // Relative to the last but one.
        let n = self.points;
        let (origin, mut left) = (point % n, point / n);
        let (mut out, mut place) = (0, 1);
        for _ in 0..self.dimensions(sites) - 1 {
            out += (left % n + n - origin) % n * place;
            (left, place) = (left / n, place * n);
        }
        out
    }
}

/// `F − E` of the terms that begin at one site, on the grid of its `W` angles.
#[derive(Clone, Debug)]
pub(super) struct Window<const W: usize> {
    terms: Option<Vec<WindowTerm>>,
    grid: Grid,
    /// The matrices, at `Σ k_j n^(d−1−j)` for the point `2π k/n` of a grid of `d` dimensions.
    values: Vec<[[f64; W]; W]>,
}

impl<const W: usize> Window<W> {
    pub(super) fn new(grid: Grid) -> Self {
        Self { terms: None, grid, values: vec![] }
    }

    /// Takes the terms that begin at a site; returns whether they are others than those of the site before.
    pub(super) fn set(&mut self, terms: Vec<WindowTerm>) -> bool {
        let differs = self.terms.as_ref() != Some(&terms);
        if differs {
            self.terms = Some(terms);
            self.evaluate();
        }
        differs
    }

    fn evaluate(&mut self) {
        let n = self.grid.points;
        let cosines: Vec<f64> = (0..n).map(|k| (TAU * k as f64 / n as f64).cos()).collect();
        let base = self.minus_error();
        let (terms, dimensions) = (self.terms.as_deref().unwrap_or_default(), self.grid.dimensions(W));
        let at = |point: usize| {
            let mut matrix = base;
            for (q, a) in terms {
                let (mut phase, mut digits) = (0, point);
                for j in (0..dimensions).rev() {
                    phase += q[j] * (digits % n) as i64;
                    digits /= n;
                }
                add_product(&mut matrix, q, -a * cosines[phase.rem_euclid(n as i64) as usize]);
            }
            matrix
        };
        self.values = (0..self.grid.len(W)).into_par_iter().map(at).collect();
    }

    /// `−E`, less what the rounding of `F − E` may add to an eigenvalue.
    ///
    /// Every entry is a sum over `M` terms, once for `E` and once for `F`, and a term is off by less than `28 u` times
    /// `|a qᵢ qⱼ|`, `u = ε/2`: its angle by `19 u` before the cosine rounds, its coefficient by `2 u`. So an entry is off by less
    /// than `(2 M + 40) u` times the sum of the absolute values of what is added, and the largest sum over a row of those
    /// is at most `Σ |a| ‖q‖₁²`.
    fn minus_error(&self) -> [[f64; W]; W] {
        let mut matrix = [[0.0; W]; W];
        let spacing = TAU / self.grid.points as f64;
        let (terms, mut size) = (self.terms.as_deref().unwrap_or_default(), 0.0);
        for (q, a) in terms {
            let square = match self.grid.neutral {
                // Half the sum is an integer, because the charges sum to zero.
                true => (q.iter().map(|q| q.abs()).sum::<i64>() / 2).pow(2),
                false => q.iter().map(|q| q * q).sum(),
            };
            let error = square as f64 * spacing * spacing / 8.0;
            add_product(&mut matrix, q, -a.abs() * error);
            let norm = q.iter().map(|q| q.abs()).sum::<i64>() as f64;
            size += a.abs() * norm * norm * (1.0 + error);
        }
        let rounding = (terms.len() + 32) as f64 * f64::EPSILON * size;
        for i in 0..W {
            matrix[i][i] -= rounding.max(ROUNDING);
        }
        matrix
    }

    /// The smallest pivot and the bound of the next `R = W − 1` sites, at every point of their grid, from the bounds of
    /// the first `R`.
    pub(super) fn next<const R: usize>(
        &self,
        bounds: &[Symmetric<R>],
        level: f64,
    ) -> Vec<(f64, Symmetric<R>)> {
        (0..bounds.len()).into_par_iter().map(|cell| self.bound(bounds, level, cell)).collect()
    }

    /// The smallest pivot and a lower bound of the Schur complements over the first angle of the window, at one point of
    /// the grid of its other angles, the last of which runs fastest.
    fn bound<const R: usize>(&self, bounds: &[Symmetric<R>], level: f64, cell: usize) -> (f64, Symmetric<R>) {
        let (mut smallest, mut bound) = (f64::INFINITY, None::<Symmetric<R>>);
        for first in 0..self.grid.points {
            let point = first * bounds.len() + cell;
            let before = &bounds[self.grid.without_last(point, W)];
            let w = window(self.values[point], before, one_less(level));
            smallest = least(smallest, w[0][0]);
            let schur = schur_complement(&w);
            bound = Some(bound.map_or(schur, |bound| bound.lower_bound(&schur)));
        }
        (smallest, bound.unwrap_or(Symmetric::scaled_identity(0.0)))
    }
}

/// `1 − level`, or the double below it.
pub(super) fn one_less(level: f64) -> f64 {
    (1.0 - level).next_down()
}

/// A lower bound of `[S ⊕ s] + F`.
///
/// Every entry is rounded twice at most, so that the sum of the absolute values of all, times `2 u`, is what
/// rounding may add to an eigenvalue; four times that is taken off.
fn window<const W: usize, const R: usize>(
    mut f: [[f64; W]; W],
    bound: &Symmetric<R>,
    last: f64,
) -> [[f64; W]; W] {
    for i in 0..R {
        for j in 0..R {
            f[i][j] += bound.0[i][j];
        }
    }
    f[R][R] += last;
    let size = f.iter().flatten().map(|entry| entry.abs()).sum::<f64>() + last.abs();
    for i in 0..W {
        f[i][i] -= 4.0 * f64::EPSILON * size;
    }
    f
}

/// A lower bound of `W₁₁ − W₁₀W₀₁/W₀₀`.
///
/// The quotient is off by `2 u` times itself and the difference by `u` times itself; less than a third of what is taken off
/// for them.
fn schur_complement<const W: usize, const R: usize>(w: &[[f64; W]; W]) -> Symmetric<R> {
    let (mut schur, mut size) = (Symmetric::scaled_identity(0.0), 0.0);
    for i in 0..R {
        for j in 0..R {
            let quotient = w[0][i + 1] * w[0][j + 1] / w[0][0];
            schur.0[i][j] = w[i + 1][j + 1] - quotient;
            size += quotient.abs() + schur.0[i][j].abs();
        }
    }
    schur.lowered(4.0 * f64::EPSILON * size)
}

/// Adds `weight q qᵀ`.
fn add_product<const W: usize>(matrix: &mut [[f64; W]; W], q: &[i64; WIDEST], weight: f64) {
    for i in 0..W {
        for j in 0..W {
            matrix[i][j] += weight * (q[i] * q[j]) as f64;
        }
    }
}
