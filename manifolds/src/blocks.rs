//! Views of row-major matrices, and of blocks within them.
//!
//! A product's frame and Hessian are block diagonal. A view lets each factor write its own block in place.

use ircpm_ad::Scalar;

/// A block of a row-major matrix, to be read.
///
/// The view knows where the block begins and how long the matrix' rows are; how many rows and columns the block has
/// is known by whoever uses it.
#[derive(Clone, Copy, Debug)]
pub struct Block<'a, S> {
    entries: &'a [S],
    stride: usize,
}

/// A block of a row-major matrix, to be written.
///
/// As [`Block`], with exclusive access.
#[derive(Debug)]
pub struct BlockMut<'a, S> {
    entries: &'a mut [S],
    stride: usize,
}

impl<'a, S> Block<'a, S> {
    /// The whole of a matrix whose rows have `columns` entries.
    #[inline(always)]
    pub fn dense(entries: &'a [S], columns: usize) -> Self {
        Self { entries, stride: columns }
    }

    /// Row `i` from the block's first column on: at least as long as the block is wide.
    ///
    /// # Panics
    /// If the matrix has no such row.
    #[inline(always)]
    pub fn row(self, i: usize) -> &'a [S] {
        &self.entries[i * self.stride..]
    }

    /// The block within this one that begins at (`row`, `column`).
    ///
    /// # Panics
    /// If that lies outside the matrix.
    #[inline(always)]
    pub fn block(self, row: usize, column: usize) -> Self {
        Self { entries: &self.entries[row * self.stride + column..], stride: self.stride }
    }
}

impl<'a, S> BlockMut<'a, S> {
    /// The whole of a matrix whose rows have `columns` entries.
    #[inline(always)]
    pub fn dense(entries: &'a mut [S], columns: usize) -> Self {
        Self { entries, stride: columns }
    }

    /// Row `i` from the block's first column on: at least as long as the block is wide.
    ///
    /// # Panics
    /// If the matrix has no such row.
    #[inline(always)]
    pub fn row_mut(&mut self, i: usize) -> &mut [S] {
        &mut self.entries[i * self.stride..]
    }

    /// The block within this one that begins at (`row`, `column`).
    ///
    /// # Panics
    /// If that lies outside the matrix.
    #[inline(always)]
    pub fn block(&mut self, row: usize, column: usize) -> BlockMut<'_, S> {
        BlockMut { entries: &mut self.entries[row * self.stride + column..], stride: self.stride }
    }
}

impl<S: Scalar> BlockMut<'_, S> {
    /// Sets the block of so many rows and columns to zero.
    #[inline(always)]
    pub(crate) fn clear(&mut self, rows: usize, columns: usize) {
        if self.stride == columns {
            // Rows without a gap are one run, in fewer instructions.
            self.entries[..rows * columns].fill(S::zero());
            return;
        }
        for i in 0..rows {
            let row = self.row_mut(i);
            for j in 0..columns {
                row[j] = S::zero();
            }
        }
    }
}
