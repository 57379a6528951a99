//! The specialised kernels: a matrix times flat coefficients, and the weight gradient.
//!
//! A tile of samples is stored `[pack][unit][coefficient]`. A linear layer takes one pack after the other, because the
//! units of one pack fit the nearest cache, and multiplies all coefficients of a unit by the same weight. The gradient
//! of a weight is a dot product over packs and coefficients. Neither kernel knows what the coefficients mean: there is
//! one per register type, which serves all dual types, and a pack of two registers counts as twice as many
//! coefficients.

use std::ops::Range;

mod gradient;
mod product;

pub use gradient::{GradientRows, accumulate, accumulate_each};
use product::PackProduct;

use crate::real::Real;

/// The type of a matrix's entries: doubles, or singles for packs of singles.
pub trait Weight: Copy + Into<f64> + Send + Sync + 'static {}

impl Weight for f64 {}
impl Weight for f32 {}

/// A matrix within a slice: entry `(i, j)` stands at `i · row_stride + j · column_stride`.
#[derive(Clone, Copy, Debug)]
pub struct Matrix<'a, W = f64> {
    weights: &'a [W],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a, W: Weight> Matrix<'a, W> {
    /// A row-major matrix.
    ///
    /// # Panics
    /// If `weights` does not hold `rows · columns` numbers.
    pub fn new(weights: &'a [W], rows: usize, columns: usize) -> Self {
        assert_eq!(weights.len(), product(rows, columns), "weights of a {rows} × {columns} matrix");
        Self { weights, rows, columns, row_stride: columns, column_stride: 1 }
    }

    /// Its transpose, without moving a number.
    pub fn transposed(self) -> Self {
        Self {
            weights: self.weights,
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
        }
    }
}

/// `y = W x` for every pack and each of `width` coefficients: `x[pack][j][c]`, `y[pack][i][c]`.
///
/// # Panics
/// If the lengths of `x` and `y` do not match the matrix.
#[inline(always)]
pub fn apply<R: Real, W: Weight>(matrix: Matrix<'_, W>, x: &[R], y: &mut [R], width: usize) {
    apply_to(matrix, x, y, width, 0..width);
}

/// Applies the matrix as [`apply`] does, to the coefficients of `part` alone; `y` keeps its others.
///
/// # Panics
/// As [`apply`], and if `part` is not among the coefficients.
#[inline(always)]
pub fn apply_to<R: Real, W: Weight>(
    matrix: Matrix<'_, W>,
    x: &[R],
    y: &mut [R],
    width: usize,
    part: Range<usize>,
) {
    assert!(part.end <= width, "coefficients {part:?} of {width}");
    let (input, output) = (product(matrix.columns, width), product(matrix.rows, width));
    assert_eq!(x.len() / input, y.len() / output, "packs of a linear map");
    assert!(x.len().is_multiple_of(input), "input of a linear map");
    assert!(y.len().is_multiple_of(output), "output of a linear map");
    let registers = R::LANES / R::Register::LANES;
    let (width, part) = (product(width, registers), part.start * registers..part.end * registers);
    let (x, y) = (R::registers(x), R::registers_mut(y));
    let (input, output) = (product(matrix.columns, width), product(matrix.rows, width));
    R::vectorized(
        #[inline(always)]
        move || {
            for (x, y) in x.chunks_exact(input).zip(y.chunks_exact_mut(output)) {
                PackProduct { matrix, x, y, width }.run(part.clone());
            }
        },
    );
}

/// The product `a · b`, which must not wrap, because the unchecked reads of [`PackProduct`] rest on it.
#[inline(always)]
fn product(a: usize, b: usize) -> usize {
    a.checked_mul(b).expect("no slice holds so many numbers")
}

#[cfg(test)]
mod tests;
