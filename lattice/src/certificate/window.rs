//! The terms of one window on a grid, and lower bounds of small symmetric matrices.

use std::f64::consts::TAU;

use nalgebra::{Matrix3, SymmetricEigen};
use rayon::prelude::*;

use super::chain::least;
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

    /// `−E`, and an allowance for rounding.
    fn minus_error(&self) -> [[f64; W]; W] {
        let mut matrix = [[0.0; W]; W];
        let spacing = TAU / self.grid.points as f64;
        for (q, a) in self.terms.as_deref().unwrap_or_default() {
            let square = match self.grid.neutral {
                // Half the sum is an integer, because the charges sum to zero.
                true => (q.iter().map(|q| q.abs()).sum::<i64>() / 2).pow(2),
                false => q.iter().map(|q| q * q).sum(),
            };
            add_product(&mut matrix, q, -a.abs() * square as f64 * spacing * spacing / 8.0);
        }
        for i in 0..W {
            matrix[i][i] -= ROUNDING;
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
            let mut w = self.values[point];
            let before = &bounds[self.grid.without_last(point, W)];
            for i in 0..R {
                for j in 0..R {
                    w[i][j] += before.0[i][j];
                }
            }
            w[R][R] += 1.0 - level;
            let pivot = w[0][0];
            smallest = least(smallest, pivot);
            let mut schur = Symmetric::<R>::scaled_identity(0.0);
            for i in 0..R {
                for j in 0..R {
                    schur.0[i][j] = w[i + 1][j + 1] - w[0][i + 1] * w[0][j + 1] / pivot;
                }
            }
            bound = Some(bound.map_or(schur, |bound| bound.lower_bound(&schur)));
        }
        (smallest, bound.unwrap_or(Symmetric::scaled_identity(0.0)))
    }
}

/// Adds `weight q qᵀ`.
fn add_product<const W: usize>(matrix: &mut [[f64; W]; W], q: &[i64; WIDEST], weight: f64) {
    for i in 0..W {
        for j in 0..W {
            matrix[i][j] += weight * (q[i] * q[j]) as f64;
        }
    }
}

/// A symmetric matrix.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Symmetric<const R: usize>(pub [[f64; R]; R]);

impl<const R: usize> Symmetric<R> {
    pub(super) fn scaled_identity(value: f64) -> Self {
        let mut matrix = [[0.0; R]; R];
        for i in 0..R {
            matrix[i][i] = value;
        }
        Self(matrix)
    }

    /// Less a multiple of the identity.
    pub(super) fn lowered(mut self, by: f64) -> Self {
        for i in 0..R {
            self.0[i][i] -= by;
        }
        self
    }

    /// Whether all eigenvalues of `self − other` exceed a margin.
    pub(super) fn exceeds(&self, other: &Self, margin: f64) -> bool {
        let mut difference = self.lowered(margin);
        for i in 0..R {
            for j in 0..R {
                difference.0[i][j] -= other.0[i][j];
            }
        }
        is_definite(&difference.0, 1.0)
    }

    /// A matrix that is at most `self` and at most `other` in the sense of Löwner: `A − (A − B)₊`.
    pub(super) fn lower_bound(&self, other: &Self) -> Self {
        let mut difference = self.0;
        for i in 0..R {
            for j in 0..R {
                difference[i][j] -= other.0[i][j];
            }
        }
        let positive = positive_part(&difference);
        let mut out = *self;
        for i in 0..R {
            for j in 0..R {
                out.0[i][j] -= positive[i][j];
            }
        }
        out
    }
}

/// Whether a symmetric matrix, times a sign, is positive definite: whether its pivots are positive.
fn is_definite<const R: usize>(m: &[[f64; R]; R], sign: f64) -> bool {
    let mut left = *m;
    for k in 0..R {
        if sign * left[k][k] <= 0.0 || left[k][k].is_nan() {
            return false;
        }
        for i in k + 1..R {
            for j in k + 1..R {
                left[i][j] -= left[k][i] * left[k][j] / left[k][k];
            }
        }
    }
    true
}

/// The positive part of a symmetric matrix of at most three rows, from its eigenvalues.
fn positive_part<const R: usize>(m: &[[f64; R]; R]) -> [[f64; R]; R] {
    let mut out = [[0.0; R]; R];
    if is_definite(m, 1.0) {
        return *m;
    }
    if R == 1 || is_definite(m, -1.0) {
        return out;
    }
    if R == 2 {
        let (middle, half) = (0.5 * (m[0][0] + m[1][1]), 0.5 * (m[0][0] - m[1][1]));
        let radius = half.hypot(m[0][1]);
        if middle + radius > 0.0 {
            // (λ₊/(λ₊ − λ₋)) (M − λ₋), λ± = middle ± radius.
            let scale = (middle + radius) / (2.0 * radius);
            for i in 0..R {
                for j in 0..R {
                    out[i][j] = scale * (m[i][j] - if i == j { middle - radius } else { 0.0 });
                }
            }
        }
    } else {
        let SymmetricEigen { eigenvectors, eigenvalues } = Matrix3::from_fn(|i, j| m[i][j]).symmetric_eigen();
        for k in 0..R {
            let value = if eigenvalues[k] > 0.0 { eigenvalues[k] } else { 0.0 };
            for i in 0..R {
                for j in 0..R {
                    out[i][j] += value * eigenvectors[(i, k)] * eigenvectors[(j, k)];
                }
            }
        }
    }
    out
}
