//! The product of a matrix and one pack's coefficients, in blocks whose sums stay in registers.

use std::ops::Range;

use super::{Matrix, Weight};
use crate::real::Real;

/// Number of columns per step, for a panel that takes only a part of the coefficients.
const SCATTERED: usize = 64;

/// The product of the matrix and one pack.
pub(super) struct PackProduct<'a, R, W> {
    pub matrix: Matrix<'a, W>,
    /// `[column][coefficient]`, of exactly that length, because reads are not checked.
    pub x: &'a [R],
    /// `[row][coefficient]`.
    pub y: &'a mut [R],
    /// Number of coefficients.
    pub width: usize,
}

impl<R: Real, W: Weight> PackProduct<'_, R, W> {
    /// Runs over blocks of rows × coefficients whose sums stay in registers.
    ///
    /// Some registers are left for the operands: up to 24 of 32 hold sums, or 12 of 16. That many independent sums hide
    /// the latency of a multiply-add.
    #[inline(always)]
    pub(super) fn run(mut self, part: Range<usize>) {
        let mut c = part.start;
        while c < part.end {
            let left = part.end - c;
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
        let columns = self.matrix.columns;
        // The wanted coefficients of the columns lie far apart and share few sets of the cache, so fewer columns fit.
        let step = if PACKS < self.width { SCATTERED.min(columns) } else { columns };
        self.rows::<ROWS, PACKS, false>(c, 0..step);
        for start in (step..columns).step_by(step) {
            self.rows::<ROWS, PACKS, true>(c, start..columns.min(start + step));
        }
        PACKS
    }

    /// All rows of a panel over some columns; adds to the results if `ADD`, else overwrites them.
    #[inline(always)]
    fn rows<const ROWS: usize, const PACKS: usize, const ADD: bool>(
        &mut self,
        c: usize,
        columns: Range<usize>,
    ) {
        let rows = self.matrix.rows;
        let mut i = 0;
        while i + ROWS <= rows {
            self.block::<ROWS, PACKS, ADD>(i, c, columns.clone());
            i += ROWS;
        }
        // Pairs before a single row, whose few sums would wait for each other.
        while i + 2 <= rows {
            self.block::<2, PACKS, ADD>(i, c, columns.clone());
            i += 2;
        }
        if i < rows {
            self.block::<1, PACKS, ADD>(i, c, columns);
        }
    }

    #[inline(always)]
    #[expect(unsafe_code, reason = "bounds checks in the innermost loop cost half its speed")]
    fn block<const ROWS: usize, const PACKS: usize, const ADD: bool>(
        &mut self,
        i: usize,
        c: usize,
        columns: Range<usize>,
    ) {
        let m = self.matrix;
        let mut sum = [[R::zero(); PACKS]; ROWS];
        if ADD {
            for r in 0..ROWS {
                let y = &self.y[(i + r) * self.width + c..][..PACKS];
                for p in 0..PACKS {
                    sum[r][p] = y[p];
                }
            }
        }
        // SAFETY: i + r < rows, and j is a column: an entry of the matrix, which `Matrix::new` checked.
        let weight = |r: usize, j: usize| unsafe {
            R::constant((*m.weights.get_unchecked((i + r) * m.row_stride + j * m.column_stride)).into())
        };
        // SAFETY: j is a column and c + p < width; `apply_to` cut x to columns · width.
        let number = |j: usize, p: usize| unsafe { *self.x.get_unchecked(j * self.width + c + p) };
        for j in columns {
            // The shorter side of the block stays in registers; the longer one passes through a single register.
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
            let y = &mut self.y[(i + r) * self.width + c..][..PACKS];
            for p in 0..PACKS {
                y[p] = sum[r][p];
            }
        }
    }
}
