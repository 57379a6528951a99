//! The Cholesky factor of a large symmetric matrix.
//!
//! `A = L Lᵀ` in halves: the first half is factorised, the rows below it are solved for, their product is subtracted from
//! the second half, and so on with that. Nearly all of the work is then in products of large matrices
//! (Gustavson, *Recursion leads to automatic variable blocking*, 1997). They are cut up by the size of the matrix alone, each
//! part summed by one thread: results are the same bits on any number of threads.

use ndarray::linalg::general_mat_mul;
use ndarray::parallel::prelude::*;
use ndarray::{ArrayView2, ArrayViewMut2, Axis, ShapeBuilder, s};

use super::dot;

/// Rows or columns that a thread takes at a time.
const STRIP: usize = 128;
/// Up to this size, plain loops.
const LEAF: usize = 16;

/// The factor of a positive definite matrix.
pub(super) struct Cholesky {
    n: usize,
    /// Column-major; above the diagonal, anything.
    lower: Vec<f64>,
}

impl Cholesky {
    /// Factorises `matrix + shift`, column-major, of which only the lower triangle is read; `None` where it is not positive
    /// definite.
    pub(super) fn new(matrix: &[f64], shift: f64) -> Option<Self> {
        let n = matrix.len().isqrt();
        let mut lower = matrix.to_vec();
        for i in 0..n {
            lower[i * n + i] += shift;
        }
        let view = ArrayViewMut2::from_shape((n, n).f(), &mut lower).expect("n × n numbers");
        factorise(view)?;
        Some(Self { n, lower })
    }

    /// The solution for one right-hand side.
    pub(super) fn solve(&self, mut b: Vec<f64>) -> Vec<f64> {
        let columns = || self.lower.chunks_exact(self.n).enumerate();
        for (k, column) in columns() {
            b[k] /= column[k];
            let known = b[k];
            b[k + 1..].iter_mut().zip(&column[k + 1..]).for_each(|(b, l)| *b -= l * known);
        }
        for (k, column) in columns().rev() {
            b[k] = (b[k] - dot(&column[k + 1..], &b[k + 1..])) / column[k];
        }
        b
    }
}

/// Where a matrix is cut in two.
fn half(n: usize) -> usize {
    (n / 2).next_multiple_of(LEAF)
}

/// Overwrites the lower triangle of `a` by its factor.
fn factorise(mut a: ArrayViewMut2<'_, f64>) -> Option<()> {
    let n = a.nrows();
    if n <= LEAF {
        return factorise_leaf(a);
    }
    let cut = half(n);
    let (first, mut second) = a.view_mut().split_at(Axis(1), cut);
    let (mut first, mut below) = first.split_at(Axis(0), cut);
    factorise(first.view_mut())?;
    let first = first.view();
    below.axis_chunks_iter_mut(Axis(0), STRIP).into_par_iter().for_each(|rows| divide(rows, &first));
    let (below, mut second) = (below.view(), second.slice_mut(s![cut.., ..]));
    // One by one: the first strips are the longest.
    let strips = second.axis_chunks_iter_mut(Axis(1), STRIP).into_par_iter().with_max_len(1).enumerate();
    strips.for_each(|(i, mut strip)| {
        let (start, end) = (i * STRIP, i * STRIP + strip.ncols());
        let (rows, columns) = (below.slice(s![start.., ..]), below.slice(s![start..end, ..]));
        general_mat_mul(-1.0, &rows, &columns.t(), 1.0, &mut strip.slice_mut(s![start.., ..]));
    });
    factorise(second)
}

fn factorise_leaf(mut a: ArrayViewMut2<'_, f64>) -> Option<()> {
    let n = a.nrows();
    for k in 0..n {
        for j in 0..k {
            for i in k..n {
                a[[i, k]] -= a[[i, j]] * a[[k, j]];
            }
        }
        let pivot = a[[k, k]];
        if !(pivot > 0.0 && pivot.is_finite()) {
            return None;
        }
        for i in k..n {
            a[[i, k]] /= pivot.sqrt();
        }
    }
    Some(())
}

/// Overwrites `rows` by `rows L⁻ᵀ`.
fn divide(mut rows: ArrayViewMut2<'_, f64>, lower: &ArrayView2<'_, f64>) {
    let n = lower.nrows();
    if n > LEAF {
        let cut = half(n);
        let (mut first, mut second) = rows.split_at(Axis(1), cut);
        let (top, bottom) = lower.split_at(Axis(0), cut);
        let (left, right) = bottom.split_at(Axis(1), cut);
        divide(first.view_mut(), &top.slice(s![.., ..cut]));
        general_mat_mul(-1.0, &first, &left.t(), 1.0, &mut second);
        return divide(second, &right);
    }
    for k in 0..n {
        for j in 0..k {
            for i in 0..rows.nrows() {
                rows[[i, k]] -= rows[[i, j]] * lower[[k, j]];
            }
        }
        for i in 0..rows.nrows() {
            rows[[i, k]] /= lower[[k, k]];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `B Bᵀ + 1`, with a `B` of half the rank: conditioned as badly as its size squared.
    fn definite(n: usize) -> Vec<f64> {
        let b = |i: usize, k: usize| (1.3 * i as f64 + 2.9 * (k * k) as f64).sin();
        let entry = |i, j| (0..n / 2).map(|k| b(i, k) * b(j, k)).sum::<f64>() + f64::from(i == j);
        (0..n * n).map(|ij| entry(ij / n, ij % n)).collect()
    }

    /// At sizes on either side of where the recursion cuts, and of where strips end.
    #[test]
    fn factor_times_its_transpose_is_the_matrix_and_solve_solves() {
        for n in [1, 2, 15, 16, 17, 31, 32, 33, 48, 129, 300] {
            let mut a = definite(n);
            let x: Vec<f64> = (0..n).map(|i| (i as f64).cos()).collect();
            let b: Vec<f64> = a.chunks_exact(n).map(|row| dot(row, &x)).collect();
            // The upper triangle is not read.
            (0..n * n).filter(|ij| ij / n > ij % n).for_each(|ij| a[ij] = f64::NAN);
            let factor = Cholesky::new(&a, 0.0).expect("a definite matrix");
            let l = |i: usize, k: usize| factor.lower[k * n + i];
            for i in 0..n {
                for j in 0..=i {
                    let product: f64 = (0..=j).map(|k| l(i, k) * l(j, k)).sum();
                    let size = (a[i * n + i] * a[j * n + j]).sqrt();
                    assert!((product - a[j * n + i]).abs() < 1e-15 * (n + 8) as f64 * size, "{n}: {i}, {j}");
                }
            }
            let worst =
                factor.solve(b).iter().zip(&x).fold(0.0, |worst: f64, (a, b)| worst.max((a - b).abs()));
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
                    a[place * n + place] = bad;
                    assert!(Cholesky::new(&a, 0.0).is_none(), "{n}: {bad} at {place}");
                }
            }
            let mut a = definite(n);
            (0..n).for_each(|i| a[i * n + i] -= 2.0);
            assert!(n == 1 || Cholesky::new(&a, 0.0).is_none());
            assert!(Cholesky::new(&a, 2.0).is_some(), "the shift is added");
        }
    }

    #[test]
    fn factors_are_the_same_bits_on_any_number_of_threads() {
        let a = definite(700);
        let factor = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
            pool.install(|| Cholesky::new(&a, 0.5)).expect("a definite matrix").lower
        };
        let one = factor(1);
        for threads in [2, 3, 8] {
            assert!(one.iter().zip(factor(threads)).all(|(a, b)| a.to_bits() == b.to_bits()), "{threads}");
        }
    }
}
