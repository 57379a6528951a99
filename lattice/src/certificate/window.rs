//! The terms of one window on a grid, and lower bounds of small symmetric matrices.

use std::f64::consts::TAU;

use nalgebra::{Matrix3, SymmetricEigen};
use rayon::prelude::*;

use super::ROUNDING;
use crate::charges::Charges;

/// A term of a window: its charges from the first site on, and its coefficient.
type WindowTerm<const W: usize> = ([i64; W], f64);

/// `F − E` of the terms that begin at one site, on the grid of its `W` angles.
#[derive(Clone, Debug, Default)]
pub(super) struct Window<const W: usize> {
    terms: Vec<WindowTerm<W>>,
    grid: usize,
    /// The matrices, at `Σ k_j n^(W−1−j)` for the point `2π k/n`.
    values: Vec<[[f64; W]; W]>,
}

impl<const W: usize> Window<W> {
    /// Takes the terms that begin at a site; those of the site before are often the same.
    pub(super) fn set(&mut self, charges: &Charges, theta: &[f64], site: usize, grid: usize) {
        let begins = |m: &usize| charges.charge(*m).first().is_some_and(|first| first.0 as usize == site);
        let term = |m: usize| {
            let mut q = [0; W];
            charges.charge(m).iter().for_each(|&(at, of)| q[at as usize - site] = i64::from(of));
            (q, theta[charges.class(m)] * charges.weight(m))
        };
        let mut terms: Vec<WindowTerm<W>> = (0..charges.terms()).filter(begins).map(term).collect();
        terms.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        if (self.grid, &self.terms) != (grid, &terms) {
            (self.grid, self.terms) = (grid, terms);
            self.evaluate();
        }
    }

    /// Points per angle.
    pub(super) fn grid(&self) -> usize {
        self.grid
    }

    /// The matrix at a point of the grid.
    pub(super) fn at(&self, point: usize) -> [[f64; W]; W] {
        self.values[point]
    }

    fn evaluate(&mut self) {
        let n = self.grid;
        let cosines: Vec<f64> = (0..n).map(|k| (TAU * k as f64 / n as f64).cos()).collect();
        let base = self.minus_error();
        let terms = &self.terms;
        let at = |point: usize| {
            let mut matrix = base;
            for (q, a) in terms {
                let (mut phase, mut digits) = (0, point);
                for j in (0..W).rev() {
                    phase += q[j] * (digits % n) as i64;
                    digits /= n;
                }
                add_product(&mut matrix, q, -a * cosines[phase.rem_euclid(n as i64) as usize]);
            }
            matrix
        };
        self.values = (0..n.pow(W as u32)).into_par_iter().map(at).collect();
    }

    /// `−E`, and an allowance for rounding.
    fn minus_error(&self) -> [[f64; W]; W] {
        let mut matrix = [[0.0; W]; W];
        let spacing = TAU / self.grid as f64;
        for (q, a) in &self.terms {
            let square: i64 = q.iter().map(|q| q * q).sum();
            add_product(&mut matrix, q, -a.abs() * square as f64 * spacing * spacing / 8.0);
        }
        for i in 0..W {
            matrix[i][i] -= ROUNDING;
        }
        matrix
    }
}

/// Adds `weight q qᵀ`.
fn add_product<const W: usize>(matrix: &mut [[f64; W]; W], q: &[i64; W], weight: f64) {
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
