//! The two symmetric matrices of least squares.
//!
//! Products are cut into tiles of a fixed size, each summed by one thread in a fixed order: results are the same bits on
//! any number of threads. Matrices are column-major, of which only the lower triangle is read.

use std::ops::Range;

use ircpm_flow::BLOCK;
use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2, ShapeBuilder, s};
use rayon::prelude::*;

use super::rows::Rows;

/// Rows and columns of a tile of a product.
const TILE: usize = 128;

/// `JᵀJ`, `P × P`, from stored rows.
pub(super) fn parameter_gram(rows: &Rows<'_>) -> Vec<f64> {
    let p = rows.parameters();
    let blocks = rows.blocks();
    let part = |block, range: &Range<usize>| matrix_of(block, p).slice_move(s![range.clone(), ..]);
    lower(p, |i, k, tile| {
        for block in &blocks {
            general_mat_mul(1.0, &part(block, &i), &part(block, &k).t(), 1.0, tile);
        }
    })
}

/// `J Jᵀ`, `n × n`, from stored rows.
pub(super) fn sample_gram(rows: &Rows<'_>) -> Vec<f64> {
    let p = rows.parameters();
    let blocks = rows.blocks();
    // A tile lies within one block on either side: TILE divides BLOCK.
    let part = |range: &Range<usize>| {
        let start = range.start % BLOCK;
        matrix_of(blocks[range.start / BLOCK], p).slice_move(s![.., start..start + range.len()])
    };
    lower(rows.samples(), |i, k, tile| general_mat_mul(1.0, &part(&i).t(), &part(&k), 1.0, tile))
}

/// A block, `[parameter][sample]`.
fn matrix_of(block: &[f64], parameters: usize) -> ArrayView2<'_, f64> {
    let shape = (parameters, block.len() / parameters);
    ArrayView2::from_shape(shape, block).expect("a block has a column a sample")
}

/// A symmetric `n × n` matrix from the tiles of its lower triangle: `fill(rows, columns, tile)` writes to zeros.
fn lower(
    n: usize,
    fill: impl Fn(Range<usize>, Range<usize>, &mut ArrayViewMut2<'_, f64>) + Sync,
) -> Vec<f64> {
    let mut matrix = vec![0.0; n * n];
    // A panel of columns is contiguous: panels are written in parallel, the longest first.
    matrix.par_chunks_mut(n * TILE).with_max_len(1).enumerate().for_each(|(panel, columns)| {
        let k = panel * TILE..n.min((panel + 1) * TILE);
        let shape = (n, k.len()).f();
        let mut columns = ArrayViewMut2::from_shape(shape, columns).expect("columns of n numbers");
        for start in (k.start..n).step_by(TILE) {
            let i = start..n.min(start + TILE);
            fill(i.clone(), k.clone(), &mut columns.slice_mut(s![i, ..]));
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
