//! The two symmetric matrices of least squares and their Cholesky factors.
//!
//! Products are cut into tiles of a fixed size, each summed by one thread in a fixed order: results are the same bits on
//! any number of threads. Matrices are column-major, of which only the lower triangle is read.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt;
use faer::linalg::matmul::matmul;
use faer::prelude::ReborrowMut;
use faer::{Accum, MatMut, MatRef, Par};
use ircpm_flow::jacobian::BLOCK;
use rayon::prelude::*;

use super::rows::Rows;

/// Rows and columns of a tile of a product.
const TILE: usize = 128;

/// `JᵀJ`, `P × P`, from stored rows.
pub(super) fn parameter_gram(rows: &Rows<'_>) -> Vec<f64> {
    let p = rows.parameters();
    let blocks = rows.blocks();
    lower(p, |i, k, tile| {
        for block in &blocks {
            let samples = block.len() / p;
            let part = |range: std::ops::Range<usize>| {
                let len = range.len();
                MatRef::from_row_major_slice(&block[range.start * samples..range.end * samples], len, samples)
            };
            matmul(tile.rb_mut(), Accum::Add, part(i.clone()), part(k.clone()).transpose(), 1.0, Par::Seq);
        }
    })
}

/// `J Jᵀ`, `n × n`, from stored rows.
pub(super) fn sample_gram(rows: &Rows<'_>) -> Vec<f64> {
    let p = rows.parameters();
    let blocks = rows.blocks();
    // A tile lies within one block on either side: TILE divides BLOCK.
    let part = |range: &std::ops::Range<usize>| {
        let block = blocks[range.start / BLOCK];
        let samples = block.len() / p;
        let whole = MatRef::from_row_major_slice(block, p, samples);
        whole.subcols(range.start % BLOCK, range.len())
    };
    lower(rows.samples(), |i, k, tile| {
        matmul(tile.rb_mut(), Accum::Replace, part(&i).transpose(), part(&k), 1.0, Par::Seq);
    })
}

/// A symmetric `n × n` matrix from the tiles of its lower triangle: `fill(rows, columns, tile)` writes to zeros.
fn lower(
    n: usize,
    fill: impl Fn(std::ops::Range<usize>, std::ops::Range<usize>, &mut MatMut<'_, f64>) + Sync,
) -> Vec<f64> {
    let mut matrix = vec![0.0; n * n];
    // A panel of columns is contiguous: panels are written in parallel, the longest first.
    matrix.par_chunks_mut(n * TILE).with_max_len(1).enumerate().for_each(|(panel, columns)| {
        let k = panel * TILE..n.min((panel + 1) * TILE);
        let mut columns = MatMut::from_column_major_slice_mut(columns, n, k.len());
        for start in (k.start..n).step_by(TILE) {
            let i = start..n.min(start + TILE);
            fill(i.clone(), k.clone(), &mut columns.rb_mut().subrows_mut(i.start, i.len()));
        }
    });
    matrix
}

/// `A − v vᵀ`.
pub(super) fn subtract_outer(a: &mut [f64], v: &[f64]) {
    for (column, &vk) in a.chunks_exact_mut(v.len()).zip(v) {
        for (x, vi) in column.iter_mut().zip(v) {
            *x -= vi * vk;
        }
    }
}

/// `Π A Π` with `Π = 1 − s sᵀ`, `s` of unit length.
pub(super) fn project(a: &mut [f64], s: &[f64]) {
    let n = s.len();
    // A s, from the lower triangle alone.
    let mut image = vec![0.0; n];
    for (k, column) in a.chunks_exact(n).enumerate() {
        image[k] += column[k] * s[k];
        for i in k + 1..n {
            image[i] += column[i] * s[k];
            image[k] += column[i] * s[i];
        }
    }
    let both = super::dot(s, &image);
    for (k, column) in a.chunks_exact_mut(n).enumerate() {
        for i in k..n {
            column[i] += both * s[i] * s[k] - s[i] * image[k] - image[i] * s[k];
        }
    }
}

/// The factor of a positive definite matrix.
pub(super) struct Cholesky {
    n: usize,
    lower: Vec<f64>,
}

/// How the factorisation is cut up: the same on any number of threads, for the same bits.
const PARALLEL: fn() -> Par = || Par::rayon(2);

impl Cholesky {
    /// Factorises `matrix + shift`; `None` where it is not positive definite.
    pub(super) fn new(matrix: &[f64], shift: f64) -> Option<Self> {
        let n = matrix.len().isqrt();
        let mut lower = matrix.to_vec();
        for i in 0..n {
            lower[i * n + i] += shift;
        }
        let view = MatMut::from_column_major_slice_mut(&mut lower, n, n);
        let scratch = llt::factor::cholesky_in_place_scratch::<f64>(n, PARALLEL(), Default::default());
        let mut buffer = MemBuffer::new(scratch);
        let stack = MemStack::new(&mut buffer);
        llt::factor::cholesky_in_place(view, Default::default(), PARALLEL(), stack, Default::default())
            .ok()?;
        Some(Self { n, lower })
    }

    /// The solution for one right-hand side.
    pub(super) fn solve(&self, mut b: Vec<f64>) -> Vec<f64> {
        let factor = MatRef::from_column_major_slice(&self.lower, self.n, self.n);
        let view = MatMut::from_column_major_slice_mut(&mut b, self.n, 1);
        llt::solve::solve_in_place(factor, view, Par::Seq, MemStack::new(&mut []));
        b
    }
}
