//! The specialised kernels: a matrix times flat coefficients, and the weight gradient.
//!
//! A tile of samples is stored `[unit][pack][coefficient]`, so that a linear layer acts on it as one matrix product,
//! the same weight on every coefficient of every sample, and the gradient of a weight is one dot product over a row.
//! Neither knows what the coefficients mean: one kernel a pack type serves all dual types.

use crate::isa::Task;
use crate::real::Real;

/// A matrix within a slice: entry `(i, j)` at `i · row_stride + j · column_stride`.
#[derive(Clone, Copy, Debug)]
pub struct Matrix<'a> {
    weights: &'a [f64],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// A row-major matrix.
    ///
    /// # Panics
    /// If `weights` does not hold `rows · columns` numbers.
    pub fn new(weights: &'a [f64], rows: usize, columns: usize) -> Self {
        assert_eq!(weights.len(), rows * columns, "weights of a {rows} × {columns} matrix");
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

/// `y = W x`, row by row of `width` packs: `x[j·width + c]`, `y[i·width + c]`.
///
/// # Panics
/// If the lengths of `x` and `y` do not match the matrix.
#[inline(always)]
pub fn apply<R: Real>(matrix: Matrix<'_>, x: &[R], y: &mut [R], width: usize) {
    assert_eq!(x.len(), matrix.columns * width, "input of a linear map");
    assert_eq!(y.len(), matrix.rows * width, "output of a linear map");
    R::vectorized(Apply { matrix, x, y, width });
}

/// `w[i, j] += Σ_c δ[i·width + c] · x[j·width + c]`, summed over lanes too; `w` is row-major.
///
/// # Panics
/// If the lengths of the slices do not match.
#[inline(always)]
pub fn accumulate<R: Real>(delta: &[R], x: &[R], w: &mut [f64], width: usize) {
    assert!(
        width > 0 && delta.len().is_multiple_of(width) && x.len().is_multiple_of(width),
        "rows of {width} packs"
    );
    assert_eq!(w.len(), (delta.len() / width) * (x.len() / width), "weight gradient");
    R::vectorized(Accumulate { delta, x, w, width });
}

struct Apply<'a, R> {
    matrix: Matrix<'a>,
    x: &'a [R],
    y: &'a mut [R],
    width: usize,
}

impl<R: Real> Task for Apply<'_, R> {
    type Output = ();

    #[inline(always)]
    fn run(mut self) {
        // Blocks of rows × packs whose sums stay in registers, with some left for the operands: up to 16 sums of 32
        // registers, 12 of 16. Enough of them are in flight to hide the latency of a multiply-add.
        let wide = R::REGISTERS >= 32;
        let mut c = 0;
        while c < self.width {
            c += match self.width - c {
                left if left == 3 || left == 6 || left == 9 => {
                    if wide {
                        self.panel::<8, 3>(c)
                    } else {
                        self.panel::<4, 3>(c)
                    }
                }
                left if left >= 4 => {
                    if wide {
                        self.panel::<4, 4>(c)
                    } else {
                        self.panel::<2, 4>(c)
                    }
                }
                2 => self.panel::<4, 2>(c),
                _ => self.panel::<8, 1>(c),
            };
        }
    }
}

impl<R: Real> Apply<'_, R> {
    /// All rows of packs `c..c + PACKS`; returns `PACKS`.
    #[inline(always)]
    fn panel<const ROWS: usize, const PACKS: usize>(&mut self, c: usize) -> usize {
        let whole = self.matrix.rows - self.matrix.rows % ROWS;
        for i in (0..whole).step_by(ROWS) {
            self.block::<ROWS, PACKS>(i, c);
        }
        for i in whole..self.matrix.rows {
            self.block::<1, PACKS>(i, c);
        }
        PACKS
    }

    #[inline(always)]
    #[expect(unsafe_code, reason = "bounds checks in the innermost loop cost half its speed")]
    fn block<const ROWS: usize, const PACKS: usize>(&mut self, i: usize, c: usize) {
        let m = self.matrix;
        let mut sum = [[R::zero(); PACKS]; ROWS];
        for j in 0..m.columns {
            let mut x = [R::zero(); PACKS];
            for p in 0..PACKS {
                // SAFETY: j < columns and c + PACKS ≤ width, and `apply` checked that x holds columns · width packs.
                x[p] = unsafe { *self.x.get_unchecked(j * self.width + c + p) };
            }
            for r in 0..ROWS {
                // SAFETY: i + r < rows and j < columns: an entry of the matrix, which `Matrix::new` checked.
                let w = unsafe { *m.weights.get_unchecked((i + r) * m.row_stride + j * m.column_stride) };
                for p in 0..PACKS {
                    sum[r][p] = x[p].mul_add(R::constant(w), sum[r][p]);
                }
            }
        }
        for r in 0..ROWS {
            self.y[(i + r) * self.width + c..][..PACKS].copy_from_slice(&sum[r]);
        }
    }
}

/// Columns in a panel of the weight gradient.
const PANEL: usize = 16;

struct Accumulate<'a, R> {
    delta: &'a [R],
    x: &'a [R],
    w: &'a mut [f64],
    width: usize,
}

impl<R: Real> Task for Accumulate<'_, R> {
    type Output = ();

    #[inline(always)]
    fn run(mut self) {
        if R::REGISTERS >= 32 { self.blocks::<4, 4>() } else { self.blocks::<3, 3>() }
    }
}

impl<R: Real> Accumulate<'_, R> {
    /// Panels of columns outermost: a panel of `x` stays in the nearest cache while all rows of `delta` pass by.
    #[inline(always)]
    fn blocks<const ROWS: usize, const COLUMNS: usize>(&mut self) {
        let (rows, columns) = (self.delta.len() / self.width, self.x.len() / self.width);
        let whole_rows = rows - rows % ROWS;
        for start in (0..columns).step_by(PANEL) {
            let end = columns.min(start + PANEL);
            let whole_columns = end - (end - start) % COLUMNS;
            for i in (0..whole_rows).step_by(ROWS) {
                for j in (start..whole_columns).step_by(COLUMNS) {
                    self.block::<ROWS, COLUMNS>(i, j, columns);
                }
                for j in whole_columns..end {
                    self.block::<ROWS, 1>(i, j, columns);
                }
            }
            for i in whole_rows..rows {
                for j in start..end {
                    self.block::<1, 1>(i, j, columns);
                }
            }
        }
    }

    #[inline(always)]
    #[expect(unsafe_code, reason = "bounds checks in the innermost loop cost half its speed")]
    fn block<const ROWS: usize, const COLUMNS: usize>(&mut self, i: usize, j: usize, columns: usize) {
        let mut sum = [[R::zero(); COLUMNS]; ROWS];
        for c in 0..self.width {
            let mut x = [R::zero(); COLUMNS];
            for q in 0..COLUMNS {
                // SAFETY: j + q < columns and c < width; x holds columns · width packs.
                x[q] = unsafe { *self.x.get_unchecked((j + q) * self.width + c) };
            }
            for r in 0..ROWS {
                // SAFETY: i + r < rows and c < width; delta holds rows · width packs.
                let delta = unsafe { *self.delta.get_unchecked((i + r) * self.width + c) };
                for q in 0..COLUMNS {
                    sum[r][q] = delta.mul_add(x[q], sum[r][q]);
                }
            }
        }
        for r in 0..ROWS {
            for q in 0..COLUMNS {
                self.w[(i + r) * columns + j + q] += sum[r][q].sum();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::{Isa, Kernel};

    /// Both kernels against the naive loops, for sizes around every block's edge.
    struct Naive {
        rows: usize,
        columns: usize,
        width: usize,
        transposed: bool,
    }

    impl Kernel for Naive {
        type Output = f64;

        #[inline(always)]
        fn run<R: Real>(self) -> f64 {
            let Naive { rows, columns, width, transposed } = self;
            let number = |i: usize| ((i * 7919 + 13) % 101) as f64 / 50.0 - 1.0;
            let weights: Vec<f64> = (0..rows * columns).map(number).collect();
            let x: Vec<R> = (0..columns * width).map(|i| R::from_fn(|l| number(i * 8 + l))).collect();
            let mut y = vec![R::zero(); rows * width];
            let matrix = if transposed {
                Matrix::new(&weights, columns, rows).transposed()
            } else {
                Matrix::new(&weights, rows, columns)
            };
            apply(matrix, &x, &mut y, width);
            let entry = |i: usize, j: usize| {
                if transposed { weights[j * rows + i] } else { weights[i * columns + j] }
            };
            let mut worst = 0.0_f64;
            for i in 0..rows {
                for c in 0..width {
                    let sum = (0..columns).fold(R::zero(), |s, j| s + x[j * width + c] * entry(i, j));
                    worst = worst.max((y[i * width + c] - sum).abs().lane(R::LANES - 1));
                }
            }
            let mut gradient = vec![1.0; rows * columns];
            accumulate(&y, &x, &mut gradient, width);
            for i in 0..rows {
                for j in 0..columns {
                    let sum = (0..width).fold(R::zero(), |s, c| s + y[i * width + c] * x[j * width + c]);
                    worst = worst.max((gradient[i * columns + j] - 1.0 - sum.sum()).abs());
                }
            }
            worst
        }
    }

    #[test]
    fn kernels_match_naive_loops_on_every_instruction_set() {
        for isa in Isa::available() {
            for (rows, columns) in [(1, 1), (3, 2), (4, 4), (5, 7), (9, 8), (33, 5)] {
                for width in 1..=13 {
                    for transposed in [false, true] {
                        let worst = isa.dispatch(Naive { rows, columns, width, transposed });
                        assert!(worst < 1e-11, "{}: {rows} × {columns}, width {width}: {worst}", isa.name());
                    }
                }
            }
        }
    }
}
