//! The Cholesky factor of a large symmetric matrix.
//!
//! `A = L Lᵀ` by halves of the columns: the left half is factorised over all of its rows, its product is subtracted
//! from the right half, and so on with that. Nearly all of the work is then in products of large matrices (Gustavson,
//! *Recursion leads to automatic variable blocking*, 1997). They are cut up by the size of the matrix alone, each part
//! summed by one thread: results are the same bits on any number of threads.
#![allow(clippy::needless_range_loop, reason = "indices as in the formulas")]

use nalgebra::{DMatrix, DVector, Dyn};
use rayon::prelude::*;

use super::dense::{Part, add_product, view};

/// Columns that a thread takes at a time.
const COLUMNS: usize = 128;
/// Rows that a thread takes at a time: a product packs its right factor anew for each part.
const ROWS: usize = 1024;
/// Up to this number of columns, plain loops.
const LEAF: usize = 16;

/// The factor of a positive definite matrix.
pub(crate) struct Cholesky {
    /// The factor; entries above the diagonal are not used.
    lower: DMatrix<f64>,
}

impl Cholesky {
    /// Factorises `matrix + shift`, of which only the lower triangle is read; `None` where it is not positive definite.
    pub(crate) fn new(matrix: &DMatrix<f64>, shift: f64) -> Option<Self> {
        let n = matrix.nrows();
        let mut lower = matrix.clone();
        (0..n).for_each(|i| lower[(i, i)] += shift);
        factorise(lower.as_mut_slice(), n, 0)?;
        Some(Self { lower })
    }

    /// The solution for one right-hand side.
    pub(crate) fn solve(&self, mut b: DVector<f64>) -> DVector<f64> {
        let n = b.len();
        for k in 0..n {
            b[k] /= self.lower[(k, k)];
            let known = b[k];
            b.rows_range_mut(k + 1..).axpy(-known, &self.lower.view_range(k + 1.., k), 1.0);
        }
        for k in (0..n).rev() {
            let sum = self.lower.view_range(k + 1.., k).dot(&b.rows_range(k + 1..));
            b[k] = (b[k] - sum) / self.lower[(k, k)];
        }
        b
    }
}

/// Overwrites columns of `n` rows, of which the one with index `first` is the leftmost, by those of the factor; earlier
/// columns of the factor have been subtracted from them.
fn factorise(columns: &mut [f64], n: usize, first: usize) -> Option<()> {
    let count = columns.len() / n;
    if count <= LEAF {
        return factorise_leaf(columns, n, first);
    }
    let cut = (count / 2).next_multiple_of(LEAF);
    let (left, right) = columns.split_at_mut(cut * n);
    factorise(left, n, first)?;
    let top = first + cut;
    right.par_chunks_mut(COLUMNS * n).with_max_len(1).enumerate().for_each(|(strip, columns)| {
        let (start, count) = (top + strip * COLUMNS, columns.len() / n);
        let factor = view(&left[start..], (cut, count), (n, 1));
        let rows = Part::from_slice_generic(columns, Dyn(n), Dyn(count));
        below(rows, start, &|mut rows, row| {
            let known = view(&left[row..], (rows.nrows(), cut), (1, n));
            add_product(&mut rows, -1.0, &known, &factor);
        });
    });
    factorise(right, n, top)
}

/// As [`factorise`], for few columns: first their square on the diagonal, then the rows below it.
fn factorise_leaf(columns: &mut [f64], n: usize, first: usize) -> Option<()> {
    let count = columns.len() / n;
    let mut square = [[0.0; LEAF]; LEAF];
    for k in 0..count {
        for i in k..count {
            let product: f64 = (0..k).map(|j| square[i][j] * square[k][j]).sum();
            square[i][k] = columns[k * n + first + i] - product;
        }
        let pivot = square[k][k];
        if !(pivot > 0.0 && pivot.is_finite()) {
            return None;
        }
        for i in k..count {
            square[i][k] /= pivot.sqrt();
            columns[k * n + first + i] = square[i][k];
        }
    }
    below(Part::from_slice_generic(columns, Dyn(n), Dyn(count)), first + count, &|mut rows, _| {
        for k in 0..count {
            for j in 0..k {
                let (known, mut column) = rows.columns_range_pair_mut(j, k);
                column.axpy(-square[k][j], &known, 1.0);
            }
            rows.column_mut(k).unscale_mut(square[k][k]);
        }
    });
    Some(())
}

/// Calls `f` on the rows from `start` on, some at a time, in parallel; its second argument is the index of the first
/// row.
fn below(mut columns: Part<'_>, start: usize, f: &(impl Fn(Part<'_>, usize) + Sync)) {
    strips(columns.rows_range_mut(start..), start, f);
}

fn strips(mut rows: Part<'_>, start: usize, f: &(impl Fn(Part<'_>, usize) + Sync)) {
    let count = rows.nrows();
    if count <= ROWS {
        return f(rows, start);
    }
    let cut = (count / 2).next_multiple_of(ROWS);
    let (upper, lower) = rows.rows_range_pair_mut(..cut, cut..);
    rayon::join(|| strips(upper, start, f), || strips(lower, start + cut, f));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `B Bᵀ + 1`, with a `B` of half the rank: conditioned as badly as its size squared.
    fn definite(n: usize) -> DMatrix<f64> {
        let b = DMatrix::from_fn(n, n / 2, |i, k| (1.3 * i as f64 + 2.9 * (k * k) as f64).sin());
        &b * b.transpose() + DMatrix::identity(n, n)
    }

    /// At sizes on either side of where the recursion cuts, and of where strips end.
    #[test]
    fn factor_times_its_transpose_is_the_matrix_and_solve_solves() {
        for n in [1, 2, 15, 16, 17, 31, 32, 33, 48, 129, 300, 1100] {
            let mut a = definite(n);
            let x = DVector::from_fn(n, |i, _| (i as f64).cos());
            let b = &a * &x;
            // The upper triangle is not read.
            (0..n).for_each(|j| (0..j).for_each(|i| a[(i, j)] = f64::NAN));
            let factor = Cholesky::new(&a, 0.0).expect("a definite matrix");
            let l = |i: usize, k: usize| factor.lower[(i, k)];
            for i in 0..n {
                for j in 0..=i {
                    let product: f64 = (0..=j).map(|k| l(i, k) * l(j, k)).sum();
                    let size = (a[(i, i)] * a[(j, j)]).sqrt();
                    assert!((product - a[(i, j)]).abs() < 1e-15 * (n + 8) as f64 * size, "{n}: {i}, {j}");
                }
            }
            let worst = (factor.solve(b) - x).amax();
            assert!(worst < 1e-12 * n as f64, "{n}: {worst}");
        }
    }

    /// The pivot that says so lies in a leaf of every kind, and may be no number.
    #[test]
    fn indefinite_and_infinite_matrices_have_no_factor() {
        for n in [1, 16, 40, 200] {
            for place in [0, n / 2, n - 1] {
                for bad in [-1.0, 0.0, f64::NAN, f64::INFINITY] {
                    let mut a = definite(n);
                    a[(place, place)] = bad;
                    assert!(Cholesky::new(&a, 0.0).is_none(), "{n}: {bad} at {place}");
                }
            }
            let mut a = definite(n);
            (0..n).for_each(|i| a[(i, i)] -= 2.0);
            assert!(n == 1 || Cholesky::new(&a, 0.0).is_none());
            assert!(Cholesky::new(&a, 2.0).is_some(), "the shift is added");
        }
    }

    #[test]
    fn factors_are_the_same_bits_on_any_number_of_threads() {
        let a = definite(1400);
        let factor = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
            pool.install(|| Cholesky::new(&a, 0.5)).expect("a definite matrix").lower
        };
        let one = factor(1);
        for threads in [2, 3, 8] {
            let same = one.iter().zip(factor(threads).iter()).all(|(a, b)| a.to_bits() == b.to_bits());
            assert!(same, "{threads}");
        }
    }
}
