//! Small matrices of numbers that carry derivatives: factorisation, solutions, determinants.
//!
//! Everything is differentiated exactly, because the elimination runs on the dual numbers themselves. Pivots are chosen
//! by value, which packs cannot do lane by lane: the scalars are those over `f64`. Matrices are slices, row by row;
//! with the feature `nalgebra` its matrices of duals multiply and add as any others, and `Lu::from_matrix` solves with
//! them.
//!
//! ```
//! use ircpm_ad::matrix::Lu;
//! use ircpm_ad::{Dual, Scalar};
//!
//! // A x = b with A = [[t, 1], [0, 2]] and b = (1, 2): x = (0, 1) at t = 3, and dx/dt = −A⁻¹ (dA/dt) x = 0.
//! let t: Dual<f64, 1> = Dual::variable(3.0, 0);
//! let [zero, one, two] = [0.0, 1.0, 2.0].map(Dual::constant);
//! let lu = Lu::new(&[t, one, zero, two], 2)?;
//! let mut x = [one, two];
//! lu.solve(&mut x);
//! assert_eq!(x, [zero, one]);
//! assert_eq!(lu.determinant(), 2.0 * t);
//! # Ok::<(), ircpm_ad::matrix::SingularMatrix>(())
//! ```

use std::error::Error;
use std::fmt;

use crate::scalar::Scalar;

/// A square matrix as the product of a permutation, a lower and an upper triangle.
#[derive(Clone, Debug)]
pub struct Lu<S> {
    size: usize,
    /// The unit lower triangle below the diagonal, the upper one on and above it; row by row.
    factors: Vec<S>,
    /// The row of the matrix that each row of the factors stands for.
    rows: Vec<usize>,
    /// Whether the permutation is odd.
    odd: bool,
}

/// The matrix is singular to rounding, or holds a number that is not finite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SingularMatrix {
    /// The first column that depends on those before it.
    pub column: usize,
}

impl fmt::Display for SingularMatrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the matrix is singular to rounding: column {} depends on those before it", self.column)
    }
}

impl Error for SingularMatrix {}

impl<S: Scalar<Base = f64>> Lu<S> {
    /// Factorises the matrix `a` of `size` rows, given row by row, with the largest pivot of each column after rows and
    /// columns are scaled.
    ///
    /// # Errors
    /// If a pivot vanishes to rounding, or is not finite.
    ///
    /// # Panics
    /// If `a` does not hold `size²` numbers.
    pub fn new(a: &[S], size: usize) -> Result<Self, SingularMatrix> {
        assert_eq!(a.len(), size * size, "entries of a {size} × {size} matrix");
        let mut lu = Self { size, factors: a.to_vec(), rows: (0..size).collect(), odd: false };
        let (row_scales, column_scales) = scales(a, size);
        for k in 0..size {
            let scaled = |lu: &Self, i: usize| {
                lu.factors[i * size + k].value().abs() / (row_scales[lu.rows[i]] * column_scales[k])
            };
            let mut pivot = k;
            for i in k + 1..size {
                if scaled(&lu, i) > scaled(&lu, pivot) {
                    pivot = i;
                }
            }
            let smallest = size as f64 * f64::EPSILON;
            let found = scaled(&lu, pivot);
            if found.is_nan() || found <= smallest || !lu.factors[pivot * size + k].value().is_finite() {
                return Err(SingularMatrix { column: k });
            }
            lu.exchange(k, pivot);
            lu.eliminate(k);
        }
        Ok(lu)
    }

    fn exchange(&mut self, k: usize, pivot: usize) {
        if k != pivot {
            for j in 0..self.size {
                self.factors.swap(k * self.size + j, pivot * self.size + j);
            }
            self.rows.swap(k, pivot);
            self.odd = !self.odd;
        }
    }

    /// Subtracts multiples of row `k` from those below.
    fn eliminate(&mut self, k: usize) {
        let n = self.size;
        let inverse = S::one() / self.factors[k * n + k];
        for i in k + 1..n {
            let factor = self.factors[i * n + k] * inverse;
            self.factors[i * n + k] = factor;
            for j in k + 1..n {
                let product = factor * self.factors[k * n + j];
                self.factors[i * n + j] -= product;
            }
        }
    }

    /// Solves `A x = b`, with `b` given in `x`.
    ///
    /// # Panics
    /// If `x` is not as long as the matrix has rows.
    pub fn solve(&self, x: &mut [S]) {
        let n = self.size;
        assert_eq!(x.len(), n, "right-hand side of {n} equations");
        let b = x.to_vec();
        for i in 0..n {
            let mut sum = b[self.rows[i]];
            for j in 0..i {
                sum -= self.factors[i * n + j] * x[j];
            }
            x[i] = sum;
        }
        for i in (0..n).rev() {
            let mut sum = x[i];
            for j in i + 1..n {
                sum -= self.factors[i * n + j] * x[j];
            }
            x[i] = sum / self.factors[i * n + i];
        }
    }

    /// Solves `Aᵀ x = b`, with `b` given in `x`.
    ///
    /// # Panics
    /// If `x` is not as long as the matrix has rows.
    pub fn solve_transposed(&self, x: &mut [S]) {
        let n = self.size;
        assert_eq!(x.len(), n, "right-hand side of {n} equations");
        let mut z = x.to_vec();
        for i in 0..n {
            let mut sum = z[i];
            for j in 0..i {
                sum -= self.factors[j * n + i] * z[j];
            }
            z[i] = sum / self.factors[i * n + i];
        }
        for i in (0..n).rev() {
            let mut sum = z[i];
            for j in i + 1..n {
                sum -= self.factors[j * n + i] * z[j];
            }
            z[i] = sum;
            x[self.rows[i]] = sum;
        }
    }

    /// The determinant.
    pub fn determinant(&self) -> S {
        let sign = S::constant(if self.odd { -1.0 } else { 1.0 });
        (0..self.size).fold(sign, |product, i| product * self.factors[i * self.size + i])
    }

    /// The inverse, row by row.
    pub fn inverse(&self) -> Vec<S> {
        let n = self.size;
        let mut inverse = vec![S::zero(); n * n];
        let mut column = vec![S::zero(); n];
        for j in 0..n {
            column.fill(S::zero());
            column[j] = S::one();
            self.solve(&mut column);
            for i in 0..n {
                inverse[i * n + j] = column[i];
            }
        }
        inverse
    }
}

#[cfg(feature = "nalgebra")]
impl<S: Scalar<Base = f64> + PartialEq> Lu<S> {
    /// Factorises a matrix of nalgebra's.
    ///
    /// # Errors
    /// As [`Lu::new`].
    ///
    /// # Panics
    /// If the matrix is not square.
    pub fn from_matrix(a: &nalgebra::DMatrix<S>) -> Result<Self, SingularMatrix> {
        assert!(a.is_square(), "a square matrix, not {} × {}", a.nrows(), a.ncols());
        Self::new(a.transpose().as_slice(), a.nrows())
    }

    /// The solution `x` of `A x = b`, column by column of `b`.
    ///
    /// # Panics
    /// If `b` does not have as many rows as the matrix.
    pub fn solution(&self, b: &nalgebra::DMatrix<S>) -> nalgebra::DMatrix<S> {
        assert_eq!(b.nrows(), self.size, "right-hand side of {} equations", self.size);
        let mut x = b.clone();
        if self.size > 0 {
            for column in x.as_mut_slice().chunks_exact_mut(self.size) {
                self.solve(column);
            }
        }
        x
    }
}

/// The largest entry of each row, after each column was divided by its own, and those of the columns.
fn scales<S: Scalar<Base = f64>>(a: &[S], size: usize) -> (Vec<f64>, Vec<f64>) {
    let (mut rows, mut columns) = (vec![0.0_f64; size], vec![0.0_f64; size]);
    for (k, entry) in a.iter().enumerate() {
        columns[k % size] = columns[k % size].max(entry.value().abs());
    }
    for (k, entry) in a.iter().enumerate() {
        rows[k / size] = rows[k / size].max(entry.value().abs() / columns[k % size]);
    }
    (rows, columns)
}
