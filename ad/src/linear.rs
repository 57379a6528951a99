//! The specialised kernels: a matrix times flat coefficients, and the weight gradient.
//!
//! A tile of samples is stored `[pack][unit][coefficient]`. A linear layer takes one pack after the other, whose units fit
//! the nearest cache, and the same weight for all its coefficients; the gradient of a weight is a dot product over packs
//! and coefficients. Neither knows what the coefficients mean: one kernel a register type serves all dual types, and packs
//! of two registers are twice as many coefficients.

use crate::isa::Task;
use crate::real::Real;

/// What a matrix is made of: doubles, or singles for packs of them.
pub trait Weight: Copy + Into<f64> + Send + Sync + 'static {}

impl Weight for f64 {}
impl Weight for f32 {}

/// A matrix within a slice: entry `(i, j)` at `i · row_stride + j · column_stride`.
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
    let (input, output) = (product(matrix.columns, width), product(matrix.rows, width));
    assert_eq!(x.len() / input, y.len() / output, "packs of a linear map");
    assert!(x.len().is_multiple_of(input), "input of a linear map");
    assert!(y.len().is_multiple_of(output), "output of a linear map");
    let width = product(width, R::LANES / R::Register::LANES);
    R::vectorized(Apply { matrix, x: R::registers(x), y: R::registers_mut(y), width });
}

/// `w[i, j] += Σ δ[pack][i][c] · x[pack][j][c]` over packs, lanes and `width` coefficients; `w` is row-major with
/// `columns` columns.
///
/// # Panics
/// If the lengths of the slices do not match.
#[inline(always)]
pub fn accumulate<R: Real>(delta: &[R], x: &[R], w: &mut [f64], columns: usize, width: usize) {
    let rows = w.len() / columns;
    assert_eq!(w.len(), rows * columns, "weight gradient of {columns} columns");
    let (output, input) = (product(rows, width), product(columns, width));
    assert_eq!(delta.len() / output, x.len() / input, "packs of a weight gradient");
    assert!(delta.len().is_multiple_of(output), "cotangents of a weight gradient");
    assert!(x.len().is_multiple_of(input), "activations of a weight gradient");
    let width = product(width, R::LANES / R::Register::LANES);
    R::vectorized(Accumulate { delta: R::registers(delta), x: R::registers(x), w, rows, columns, width });
}

/// Weight gradients of every sample by itself: adds `Σ_c δ[pack][i][c] · x[pack][j][c]` to number `i · columns + j` of the
/// pack's rows, which are `len` numbers from `start` on, of `stride` a pack.
///
/// # Panics
/// If the lengths of the slices do not match.
#[inline(always)]
pub fn accumulate_each<R: Real>(delta: &[R], x: &[R], into: Rows<'_, R>, columns: usize, width: usize) {
    let Rows { w, stride, start, len } = into;
    let rows = len / columns;
    assert_eq!(len, rows * columns, "weight gradient of {columns} columns");
    let (output, input) = (product(rows, width), product(columns, width));
    let packs = x.len() / input;
    assert_eq!(delta.len(), product(packs, output), "cotangents of a weight gradient");
    assert_eq!(x.len(), product(packs, input), "activations of a weight gradient");
    assert_eq!(w.len(), product(packs, stride), "rows of weight gradients");
    assert!(start + len <= stride, "weights {start}..{} of {stride}", start + len);
    R::vectorized(AccumulateEach { delta, x, w, stride, start, rows, columns, width });
}

/// Where [`accumulate_each`] adds: a part of the rows of all packs.
#[derive(Debug)]
pub struct Rows<'a, R> {
    /// Rows of all packs, `stride` numbers each.
    pub w: &'a mut [R],
    /// Length of a row.
    pub stride: usize,
    /// Where the part begins.
    pub start: usize,
    /// Its length.
    pub len: usize,
}

/// `a · b`, which must not wrap: the unchecked reads below rest on it.
#[inline(always)]
fn product(a: usize, b: usize) -> usize {
    a.checked_mul(b).expect("no slice holds so many numbers")
}

struct Apply<'a, R, W> {
    matrix: Matrix<'a, W>,
    x: &'a [R],
    y: &'a mut [R],
    width: usize,
}

impl<R: Real, W: Weight> Task for Apply<'_, R, W> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Matrix { rows, columns, .. } = self.matrix;
        let (x, y) = (self.x.chunks_exact(columns * self.width), self.y.chunks_exact_mut(rows * self.width));
        for (x, y) in x.zip(y) {
            Product { matrix: self.matrix, x, y, width: self.width }.run();
        }
    }
}

/// One pack's product.
struct Product<'a, R, W> {
    matrix: Matrix<'a, W>,
    x: &'a [R],
    y: &'a mut [R],
    width: usize,
}

impl<R: Real, W: Weight> Product<'_, R, W> {
    /// Blocks of rows × coefficients whose sums stay in registers, with some left for the operands: up to 24 sums of 32
    /// registers, 12 of 16. Enough of them are in flight to hide the latency of a multiply-add.
    #[inline(always)]
    fn run(mut self) {
        let mut c = 0;
        while c < self.width {
            let left = self.width - c;
            c += if R::REGISTERS >= 32 {
                match left {
                    3 | 6 | 9 => self.panel::<8, 3>(c),
                    4.. => self.panel::<4, 4>(c),
                    2 => self.panel::<4, 2>(c),
                    _ => self.panel::<8, 1>(c),
                }
            } else {
                match left {
                    4 | 5 | 8 => self.panel::<3, 4>(c),
                    6.. => self.panel::<2, 6>(c),
                    3 => self.panel::<3, 3>(c),
                    2 => self.panel::<4, 2>(c),
                    _ => self.panel::<8, 1>(c),
                }
            };
        }
    }

    /// All rows of packs `c..c + PACKS`; returns `PACKS`.
    #[inline(always)]
    fn panel<const ROWS: usize, const PACKS: usize>(&mut self, c: usize) -> usize {
        let rows = self.matrix.rows;
        let mut i = 0;
        while i + ROWS <= rows {
            self.block::<ROWS, PACKS>(i, c);
            i += ROWS;
        }
        // Pairs first: the few sums of a single row wait for each other.
        while i + 2 <= rows {
            self.block::<2, PACKS>(i, c);
            i += 2;
        }
        if i < rows {
            self.block::<1, PACKS>(i, c);
        }
        PACKS
    }

    #[inline(always)]
    #[expect(unsafe_code, reason = "bounds checks in the innermost loop cost half its speed")]
    fn block<const ROWS: usize, const PACKS: usize>(&mut self, i: usize, c: usize) {
        let m = self.matrix;
        let mut sum = [[R::zero(); PACKS]; ROWS];
        // SAFETY: i + r < rows and j < columns: an entry of the matrix, which `Matrix::new` checked.
        let weight = |r: usize, j: usize| unsafe {
            R::constant((*m.weights.get_unchecked((i + r) * m.row_stride + j * m.column_stride)).into())
        };
        // SAFETY: j < columns and c + p < width; `Apply::run` cut x to columns · width.
        let number = |j: usize, p: usize| unsafe { *self.x.get_unchecked(j * self.width + c + p) };
        for j in 0..m.columns {
            // The shorter side of the block is held, the longer one passes through a single register.
            if ROWS < PACKS {
                let mut w = [R::zero(); ROWS];
                for r in 0..ROWS {
                    w[r] = weight(r, j);
                }
                for p in 0..PACKS {
                    let x = number(j, p);
                    for r in 0..ROWS {
                        sum[r][p] = x.mul_add(w[r], sum[r][p]);
                    }
                }
            } else {
                let mut x = [R::zero(); PACKS];
                for p in 0..PACKS {
                    x[p] = number(j, p);
                }
                for r in 0..ROWS {
                    let w = weight(r, j);
                    for p in 0..PACKS {
                        sum[r][p] = x[p].mul_add(w, sum[r][p]);
                    }
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
    rows: usize,
    columns: usize,
    width: usize,
}

impl<R: Real> Task for Accumulate<'_, R> {
    type Output = ();

    #[inline(always)]
    fn run(mut self) {
        if R::REGISTERS >= 32 { self.panels::<4, 4>() } else { self.panels::<3, 4>() }
    }
}

impl<R: Real> Accumulate<'_, R> {
    /// Panels of columns outermost: a panel of `x` stays in the nearest cache while all rows of `delta` pass by.
    #[inline(always)]
    fn panels<const ROWS: usize, const COLUMNS: usize>(&mut self) {
        for start in (0..self.columns).step_by(PANEL) {
            let end = self.columns.min(start + PANEL);
            let mut i = 0;
            while i + ROWS <= self.rows {
                self.strip::<ROWS, COLUMNS>(i, start, end);
                i += ROWS;
            }
            // Pairs first: the few sums of a single row wait for each other.
            while i + 2 <= self.rows {
                self.strip::<2, COLUMNS>(i, start, end);
                i += 2;
            }
            if i < self.rows {
                self.strip::<1, COLUMNS>(i, start, end);
            }
        }
    }

    /// Rows `i..i + ROWS` of columns `start..end`.
    #[inline(always)]
    fn strip<const ROWS: usize, const COLUMNS: usize>(&mut self, i: usize, start: usize, end: usize) {
        let whole = end - (end - start) % COLUMNS;
        for j in (start..whole).step_by(COLUMNS) {
            self.block::<ROWS, COLUMNS>(i, j);
        }
        for j in whole..end {
            self.block::<ROWS, 1>(i, j);
        }
    }

    #[inline(always)]
    fn block<const ROWS: usize, const COLUMNS: usize>(&mut self, i: usize, j: usize) {
        let (rows, columns, width) = (self.rows, self.columns, self.width);
        let mut sum = [[R::zero(); COLUMNS]; ROWS];
        let packs = self.delta.chunks_exact(rows * width).zip(self.x.chunks_exact(columns * width));
        for (delta, x) in packs {
            // One slice a row and column, all of one length: indices below it need no checks.
            let (mut row, mut column) = ([delta; ROWS], [x; COLUMNS]);
            for r in 0..ROWS {
                row[r] = &delta[(i + r) * width..][..width];
            }
            for q in 0..COLUMNS {
                column[q] = &x[(j + q) * width..][..width];
            }
            for c in 0..width {
                for q in 0..COLUMNS {
                    for r in 0..ROWS {
                        sum[r][q] = row[r][c].mul_add(column[q][c], sum[r][q]);
                    }
                }
            }
        }
        for r in 0..ROWS {
            let row = &mut self.w[(i + r) * columns + j..][..COLUMNS];
            if let [a, b, c, d] = sum[r][..] {
                let sums = R::sum_four([a, b, c, d]);
                for q in 0..COLUMNS {
                    row[q] += sums[q];
                }
            } else {
                for q in 0..COLUMNS {
                    row[q] += sum[r][q].sum();
                }
            }
        }
    }
}

struct AccumulateEach<'a, R> {
    delta: &'a [R],
    x: &'a [R],
    w: &'a mut [R],
    stride: usize,
    start: usize,
    rows: usize,
    columns: usize,
    width: usize,
}

impl<R: Real> Task for AccumulateEach<'_, R> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { delta, x, w, stride, start, rows, columns, width } = self;
        let (delta, x) = (delta.chunks_exact(rows * width), x.chunks_exact(columns * width));
        for ((delta, x), w) in delta.zip(x).zip(w.chunks_exact_mut(stride)) {
            let w = &mut w[start..][..rows * columns];
            for (delta, w) in delta.chunks_exact(width).zip(w.chunks_exact_mut(columns)) {
                outer_row(delta, x, w);
            }
        }
    }
}

/// Columns whose sums stay in registers together.
const TOGETHER: usize = 4;

/// `w[j] += Σ_c δ[c] · x[j][c]`.
#[inline(always)]
fn outer_row<R: Real>(delta: &[R], x: &[R], w: &mut [R]) {
    let width = delta.len();
    let whole = w.len() - w.len() % TOGETHER;
    let (blocks, rest) = w.split_at_mut(whole);
    let (x_blocks, x_rest) = x.split_at(whole * width);
    for (w, x) in blocks.chunks_exact_mut(TOGETHER).zip(x_blocks.chunks_exact(TOGETHER * width)) {
        let mut sum = [w[0], w[1], w[2], w[3]];
        for c in 0..width {
            for q in 0..TOGETHER {
                sum[q] = delta[c].mul_add(x[q * width + c], sum[q]);
            }
        }
        w.copy_from_slice(&sum);
    }
    for (w, x) in rest.iter_mut().zip(x_rest.chunks_exact(width)) {
        for c in 0..width {
            *w = delta[c].mul_add(x[c], *w);
        }
    }
}

#[cfg(test)]
mod tests;
