//! The gradient of a linear layer's weights: outer products of cotangents and activations, summed over all samples or
//! sample by sample.

use super::product;
use crate::real::Real;

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
    let sums = WeightGradient { delta: R::registers(delta), x: R::registers(x), w, rows, columns, width };
    R::vectorized(
        #[inline(always)]
        move || sums.run(),
    );
}

/// Weight gradients of every sample by itself: adds `Σ_c δ[pack][i][c] · x[pack][j][c]` to number `i · columns + j` of
/// the pack's rows, which are `len` numbers from `start` on, of `stride` per pack.
///
/// # Panics
/// If the lengths of the slices do not match.
#[inline(always)]
pub fn accumulate_each<R: Real>(
    delta: &[R],
    x: &[R],
    into: GradientRows<'_, R>,
    columns: usize,
    width: usize,
) {
    let GradientRows { w, stride, start, len } = into;
    let rows = len / columns;
    assert_eq!(len, rows * columns, "weight gradient of {columns} columns");
    let (output, input) = (product(rows, width), product(columns, width));
    let packs = x.len() / input;
    assert_eq!(delta.len(), product(packs, output), "cotangents of a weight gradient");
    assert_eq!(x.len(), product(packs, input), "activations of a weight gradient");
    assert_eq!(w.len(), product(packs, stride), "rows of weight gradients");
    assert!(start + len <= stride, "weights {start}..{} of {stride}", start + len);
    R::vectorized(
        #[inline(always)]
        move || {
            let (delta, x) = (delta.chunks_exact(rows * width), x.chunks_exact(columns * width));
            for ((delta, x), w) in delta.zip(x).zip(w.chunks_exact_mut(stride)) {
                let w = &mut w[start..][..rows * columns];
                for i in 0..rows {
                    outer_row(&delta[i * width..][..width], x, &mut w[i * columns..][..columns]);
                }
            }
        },
    );
}

/// Where [`accumulate_each`] adds: a part of the rows of all packs.
#[derive(Debug)]
pub struct GradientRows<'a, R> {
    /// The rows of all packs, `stride` numbers each.
    pub w: &'a mut [R],
    /// Length of a row.
    pub stride: usize,
    /// Where the part of each row begins.
    pub start: usize,
    /// The length of that part.
    pub len: usize,
}

/// Number of columns in a panel of the weight gradient.
const PANEL: usize = 16;

/// The gradient summed over all samples.
struct WeightGradient<'a, R> {
    delta: &'a [R],
    x: &'a [R],
    w: &'a mut [f64],
    rows: usize,
    columns: usize,
    width: usize,
}

impl<R: Real> WeightGradient<'_, R> {
    #[inline(always)]
    fn run(mut self) {
        if R::REGISTERS >= 32 { self.panels::<4, 4>() } else { self.panels::<3, 4>() }
    }

    /// Adds panel by panel of columns, because a panel of `x` stays in the nearest cache for all rows of `delta`.
    #[inline(always)]
    fn panels<const ROWS: usize, const COLUMNS: usize>(&mut self) {
        for start in (0..self.columns).step_by(PANEL) {
            let end = self.columns.min(start + PANEL);
            let mut i = 0;
            while i + ROWS <= self.rows {
                self.strip::<ROWS, COLUMNS>(i, start, end);
                i += ROWS;
            }
            // Pairs before a single row, whose few sums would wait for each other.
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
        for pack in 0..self.delta.len() / (rows * width) {
            let delta = &self.delta[pack * rows * width..][..rows * width];
            let x = &self.x[pack * columns * width..][..columns * width];
            // One slice per row and column, all of the same length, so that indices below it need no checks.
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

/// Number of columns whose sums stay in registers together.
const TOGETHER: usize = 4;

/// Adds one row of a gradient: `w[j] += Σ_c δ[c] · x[j][c]`.
#[inline(always)]
fn outer_row<R: Real>(delta: &[R], x: &[R], w: &mut [R]) {
    let width = delta.len();
    let whole = w.len() - w.len() % TOGETHER;
    for j in (0..whole).step_by(TOGETHER) {
        let (w, x) = (&mut w[j..][..TOGETHER], &x[j * width..][..TOGETHER * width]);
        let mut sum = [w[0], w[1], w[2], w[3]];
        for c in 0..width {
            for q in 0..TOGETHER {
                sum[q] = delta[c].mul_add(x[q * width + c], sum[q]);
            }
        }
        for q in 0..TOGETHER {
            w[q] = sum[q];
        }
    }
    for j in whole..w.len() {
        let x = &x[j * width..][..width];
        for c in 0..width {
            w[j] = delta[c].mul_add(x[c], w[j]);
        }
    }
}
