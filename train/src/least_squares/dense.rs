//! The two symmetric matrices of least squares.
//!
//! Products are cut into tiles of a fixed size, each summed by one thread in a fixed order: results are the same bits
//! on any number of threads. Only the lower triangle of a matrix is read.

use std::ops::Range;

use ircpm_flow::BLOCK;
use nalgebra::{DMatrix, DVector, Dyn, MatrixView, MatrixViewMut, U1};
use rayon::prelude::*;

use super::rows::JacobianRows;
use crate::ranks::Ranks;

/// Rows and columns of a tile of a product.
pub(super) const TILE: usize = 128;

/// A matrix in a slice, with any strides.
pub(super) type View<'a> = MatrixView<'a, f64, Dyn, Dyn, Dyn, Dyn>;
/// Rows of some columns of a matrix.
pub(super) type Part<'a> = MatrixViewMut<'a, f64, Dyn, Dyn, U1, Dyn>;

/// Sides up to which nalgebra does not multiply by its fast kernel.
const SMALL: usize = 5;

/// A matrix of `shape` in a slice, its rows and columns `strides` apart.
///
/// A transposed matrix is one with its strides exchanged: nalgebra's product then reaches the same kernel, where its
/// `gemm_tr` would be a loop of dot products.
pub(super) fn view(data: &[f64], shape: (usize, usize), strides: (usize, usize)) -> View<'_> {
    let (shape, strides) = ((Dyn(shape.0), Dyn(shape.1)), (Dyn(strides.0), Dyn(strides.1)));
    MatrixView::from_slice_with_strides_generic(data, shape.0, shape.1, strides.0, strides.1)
}

/// `C + α A B`, in place.
///
/// Where a side is short, nalgebra 0.35 adds columns of `A` by `axpy`, which takes the length of strided columns for
/// the number of their entries and reads beyond them; these products are taken entry by entry here.
pub(super) fn add_product(c: &mut Part<'_>, alpha: f64, a: &View<'_>, b: &View<'_>) {
    if a.nrows().min(a.ncols()).min(b.ncols()) > SMALL {
        c.gemm(alpha, a, b, 1.0);
        return;
    }
    for j in 0..b.ncols() {
        for i in 0..a.nrows() {
            c[(i, j)] += alpha * b.column(j).tr_dot(&a.row(i));
        }
    }
}

/// `JᵀJ`, `P × P`, from stored rows.
///
/// Ranks that have different rows pass the tiles on from one to the next, each adding the products of its blocks to the
/// sums of those before: the order is that of one process. Every rank sends and receives half of the matrix once, and the
/// last one then sends its sum to all.
pub(crate) fn parameter_gram(rows: &JacobianRows<'_>) -> DMatrix<f64> {
    let p = rows.parameters();
    let blocks = rows.blocks();
    let ranks = rows.ranks();
    if !ranks.is_alone() {
        return relayed(p, ranks, |i, k, mut tile| {
            for block in &blocks {
                // A block has the numbers of one parameter side by side.
                let samples = block.len() / p;
                let left = view(&block[i.start * samples..], (i.len(), samples), (samples, 1));
                let right = view(&block[k.start * samples..], (samples, k.len()), (1, samples));
                add_product(&mut tile, 1.0, &left, &right);
            }
        });
    }
    gram_of_blocks(p, blocks.len(), |number| blocks[number])
}

/// The sum of `BᵀB`, `p × p`, over `count` blocks `B` of rows: `block(b)` gives block `b` as `[parameter][row]`.
pub(super) fn gram_of_blocks<B: AsRef<[f64]>>(
    p: usize,
    count: usize,
    block: impl Fn(usize) -> B + Sync,
) -> DMatrix<f64> {
    let mut gram = DMatrix::zeros(p, p);
    for start in (0..count).step_by(BLOCKS) {
        let numbers = (start..count.min(start + BLOCKS)).into_par_iter();
        let panels: Vec<Vec<f64>> = numbers.map(|number| by_panels(block(number).as_ref(), p)).collect();
        add_lower(&mut gram, |i, k, mut tile| {
            for panels in &panels {
                let samples = panels.len() / p;
                let left = view(&panels[i.start * samples..], (i.len(), samples), (1, i.len()));
                let right = view(&panels[k.start * samples..], (samples, k.len()), (k.len(), 1));
                add_product(&mut tile, 1.0, &left, &right);
            }
        });
    }
    gram
}

/// Blocks of rows that are held by panels at a time.
const BLOCKS: usize = 8;

/// A block `[parameter][sample]` of `p` parameters in the order `[panel][sample][parameter]`, with [`TILE`] parameters
/// per panel.
///
/// The product packs its factors in this order, once per tile. From strided columns that took longer than to multiply;
/// the products are the same to the bit.
fn by_panels(block: &[f64], p: usize) -> Vec<f64> {
    let samples = block.len() / p;
    let mut panels = vec![0.0; block.len()];
    for (from, to) in block.chunks(TILE * samples).zip(panels.chunks_mut(TILE * samples)) {
        let parameters = from.len() / samples;
        // A few samples at a time, so that the lines which are written stay in the cache.
        for start in (0..samples).step_by(8) {
            let end = samples.min(start + 8);
            for (k, column) in from.chunks_exact(samples).enumerate() {
                for s in start..end {
                    to[s * parameters + k] = column[s];
                }
            }
        }
    }
    panels
}

/// `U A U` with the diagonal `units` of `U`, in place.
pub(super) fn rescale(a: &mut DMatrix<f64>, units: &DVector<f64>) {
    for (mut column, unit) in a.column_iter_mut().zip(units) {
        column.component_mul_assign(units);
        column *= *unit;
    }
}

/// `J U² Jᵀ`, `n × n`, from stored rows and the diagonal `units` of `U`.
pub(super) fn sample_gram(rows: &JacobianRows<'_>, units: &DVector<f64>) -> DMatrix<f64> {
    let p = rows.parameters();
    let blocks = rows.blocks();
    // A tile lies within one block on either side: TILE divides BLOCK.
    let part = |range: &Range<usize>| {
        let block = blocks[range.start / BLOCK];
        (&block[range.start % BLOCK..], block.len() / p)
    };
    let fill = |i: Range<usize>, k: Range<usize>, mut tile: Part<'_>| {
        let ((left, rows), (right, columns)) = (part(&i), part(&k));
        let scaled: Vec<f64> = (0..p)
            .flat_map(|c| left[c * rows..c * rows + i.len()].iter().map(move |x| x * units[c] * units[c]))
            .collect();
        let left = view(&scaled, (i.len(), p), (1, i.len()));
        add_product(&mut tile, 1.0, &left, &view(right, (p, k.len()), (columns, 1)));
    };
    let ranks = rows.ranks();
    if ranks.is_alone() { lower(rows.samples(), fill) } else { divided(rows.samples(), ranks, fill) }
}

/// A symmetric `n × n` matrix from the tiles of its lower triangle: `fill(rows, columns, tile)` writes to zeros.
fn lower(n: usize, fill: impl Fn(Range<usize>, Range<usize>, Part<'_>) + Sync) -> DMatrix<f64> {
    let mut matrix = DMatrix::zeros(n, n);
    add_lower(&mut matrix, fill);
    matrix
}

/// As [`lower`], where `fill` adds to the tiles of a matrix.
fn add_lower(matrix: &mut DMatrix<f64>, fill: impl Fn(Range<usize>, Range<usize>, Part<'_>) + Sync) {
    let n = matrix.nrows();
    // A panel of columns is contiguous: panels are written in parallel, the longest first.
    let panels = matrix.as_mut_slice().par_chunks_mut((n * TILE).max(1)).with_max_len(1).enumerate();
    panels.for_each(|(panel, columns)| {
        let k = panel * TILE..n.min((panel + 1) * TILE);
        let mut columns = Part::from_slice_generic(columns, Dyn(n), Dyn(k.len()));
        for start in (k.start..n).step_by(TILE) {
            let i = start..n.min(start + TILE);
            fill(i.clone(), k.clone(), columns.rows_range_mut(i));
        }
    });
}

/// Rows and columns of the tiles of a lower triangle, column by column.
fn tiles(n: usize) -> Vec<(Range<usize>, Range<usize>)> {
    let range = |start: usize| start..n.min(start + TILE);
    let column = |k: usize| (k..n).step_by(TILE).map(move |i| (range(i), range(k)));
    (0..n).step_by(TILE).flat_map(column).collect()
}

/// A tile's numbers as a matrix.
fn part<'a>(numbers: &'a mut [f64], (i, k): &(Range<usize>, Range<usize>)) -> Part<'a> {
    Part::from_slice_generic(numbers, Dyn(i.len()), Dyn(k.len()))
}

/// As [`lower`], where each rank adds to the tiles of the ranks before it.
fn relayed(
    n: usize,
    ranks: &Ranks,
    fill: impl Fn(Range<usize>, Range<usize>, Part<'_>) + Sync,
) -> DMatrix<f64> {
    let tiles = tiles(n);
    let mut numbers: Vec<Vec<f64>> = tiles.iter().map(|(i, k)| vec![0.0; i.len() * k.len()]).collect();
    // As many at a time as there are threads, so that the next rank begins early.
    for (tiles, numbers) in
        tiles.chunks(rayon::current_num_threads()).zip(numbers.chunks_mut(rayon::current_num_threads()))
    {
        let mut numbers: Vec<&mut [f64]> = numbers.iter_mut().map(Vec::as_mut_slice).collect();
        ranks.relay(&mut numbers, |numbers| {
            numbers.par_iter_mut().zip(tiles).with_max_len(1).for_each(|(numbers, tile)| {
                fill(tile.0.clone(), tile.1.clone(), part(numbers, tile));
            });
        });
    }
    let is_last = ranks.rank() + 1 == ranks.size();
    let all = ranks.all_gather(&if is_last { numbers.concat() } else { vec![] });
    from_tiles(n, &tiles, all.last().expect("a last rank"))
}

/// As [`lower`], with the tiles divided among ranks that have the same rows.
fn divided(
    n: usize,
    ranks: &Ranks,
    fill: impl Fn(Range<usize>, Range<usize>, Part<'_>) + Sync,
) -> DMatrix<f64> {
    let tiles = tiles(n);
    let numbers = |tile: &(Range<usize>, Range<usize>)| {
        let mut numbers = vec![0.0; tile.0.len() * tile.1.len()];
        fill(tile.0.clone(), tile.1.clone(), part(&mut numbers, tile));
        numbers
    };
    let mine: Vec<Vec<f64>> =
        tiles[ranks.part(tiles.len())].par_iter().with_max_len(1).map(numbers).collect();
    from_tiles(n, &tiles, &ranks.all_gather(&mine.concat()).concat())
}

/// A matrix from the numbers of the tiles of its lower triangle.
fn from_tiles(n: usize, tiles: &[(Range<usize>, Range<usize>)], mut numbers: &[f64]) -> DMatrix<f64> {
    let mut matrix = DMatrix::zeros(n, n);
    for (i, k) in tiles {
        for k in k.clone() {
            let (column, rest) = numbers.split_at(i.len());
            matrix.as_mut_slice()[k * n + i.start..k * n + i.end].copy_from_slice(column);
            numbers = rest;
        }
    }
    matrix
}

/// `Π A Π` with `Π = 1 − s sᵀ`, `s` of unit length: `A − s wᵀ − w sᵀ` with `w = A s − ½ (sᵀA s) s`.
pub(super) fn project(a: &mut DMatrix<f64>, s: &DVector<f64>) {
    let mut w = DVector::zeros(s.len());
    w.sygemv(1.0, a, s, 0.0);
    let both = s.dot(&w);
    w.axpy(-0.5 * both, s, 1.0);
    a.syger(-1.0, s, &w, 1.0);
    a.syger(-1.0, &w, s, 1.0);
}
