//! `JᵀJ` where each parameter moves few of the residuals by much.
//!
//! A bump is next to nothing far from its centre. In a block of rows of neighbouring points most columns are then so small
//! that a step hardly depends on them, and the block's product is taken over the others alone.

use ircpm_flow::Jacobian;
use nalgebra::DMatrix;
use rayon::prelude::*;

use super::dense::{TILE, gram_of_blocks};

/// Share `ε` of a column's largest entry up to which entries are left out. In units of the roots of the diagonal each entry of
/// the product of `n` rows moves by `2 ε √n` at most, because the diagonal is the square of the largest entry or more.
pub(crate) const NEGLIGIBLE: f64 = 1e-6;
/// Share of columns from which on a block is taken as a whole.
const MOST: f64 = 0.7;
/// Blocks whose products are held at a time.
const BLOCKS: usize = 8;

/// The larger of two numbers, or the one that is not a number.
pub(crate) fn larger(a: f64, b: f64) -> f64 {
    if b > a || b.is_nan() { b } else { a }
}

/// Largest absolute entry of every column of a block `[column][entry]`.
pub(crate) fn column_maxima(block: &[f64], columns: usize) -> Vec<f64> {
    let of = |column: &[f64]| column.iter().fold(0.0, |most: f64, x| larger(most, x.abs()));
    block.chunks_exact(block.len() / columns).map(of).collect()
}

/// The columns of every block that have entries above this share of their largest one in any block, given the largest
/// entries of all columns in each block. What is infinite or not a number is never left out.
pub(crate) fn active_columns(maxima: &[Vec<f64>], share: f64) -> Vec<Vec<usize>> {
    let columns = maxima.first().map_or(0, Vec::len);
    let least: Vec<f64> = (0..columns)
        .map(|k| share * maxima.iter().fold(0.0, |all: f64, block| larger(all, block[k])))
        .collect();
    let is_active = |block: &Vec<f64>, k: usize| !block[k].is_finite() || block[k] > least[k];
    maxima.iter().map(|block| (0..columns).filter(|&k| is_active(block, k)).collect()).collect()
}

/// The sum of `BᵀB`, of which the lower triangle is written, over blocks `B` of rows with `active` columns out of
/// `columns`, in ascending order; `rows(b)` gives these of block `b` as `[active column][row]`.
pub(crate) fn gram_of_active(
    columns: usize,
    active: &[&[usize]],
    rows: impl Fn(usize) -> Vec<f64> + Sync,
) -> DMatrix<f64> {
    let is_full = |&b: &usize| active[b].len() as f64 > MOST * columns as f64;
    let (full, part): (Vec<usize>, Vec<usize>) =
        (0..active.len()).filter(|&b| !active[b].is_empty()).partition(is_full);
    let mut gram = gram_of_blocks(columns, full.len(), |b| {
        let (b, rows) = (full[b], rows(full[b]));
        let count = rows.len() / active[b].len();
        let mut whole = vec![0.0; columns * count];
        for (&k, column) in active[b].iter().zip(rows.chunks_exact(count)) {
            whole[k * count..(k + 1) * count].copy_from_slice(column);
        }
        whole
    });
    for blocks in part.chunks(BLOCKS) {
        let products: Vec<DMatrix<f64>> =
            blocks.par_iter().map(|&b| gram_of_blocks(active[b].len(), 1, |_| rows(b))).collect();
        // The order of the sums is that of the blocks on any number of threads.
        gram.as_mut_slice().par_chunks_mut((columns * TILE).max(1)).enumerate().for_each(|(panel, gram)| {
            for (product, &b) in products.iter().zip(blocks) {
                add_spread(gram, columns, panel * TILE, product, active[b]);
            }
        });
    }
    gram
}

/// Adds the lower triangle of a product of active columns to columns of the whole matrix, the leftmost with index `first`.
fn add_spread(gram: &mut [f64], n: usize, first: usize, product: &DMatrix<f64>, active: &[usize]) {
    let of = first..first + gram.len() / n.max(1);
    let from = active.partition_point(|&k| k < of.start);
    for (j, &k) in active.iter().enumerate().skip(from).take_while(|(_, k)| of.contains(k)) {
        let column = &mut gram[(k - first) * n..(k - first + 1) * n];
        active[j..].iter().zip(&product.column(j).as_slice()[j..]).for_each(|(&i, x)| column[i] += x);
    }
}

/// `JᵀJ` of stored rows, of which the lower triangle is written; rows of neighbouring points next to each other.
pub(crate) fn block_sparse_gram(jacobian: &Jacobian) -> DMatrix<f64> {
    let p = jacobian.parameters();
    let blocks: Vec<&[f64]> = jacobian.blocks().collect();
    let maxima: Vec<Vec<f64>> = blocks.par_iter().map(|block| column_maxima(block, p)).collect();
    let active = active_columns(&maxima, NEGLIGIBLE);
    let active: Vec<&[usize]> = active.iter().map(Vec::as_slice).collect();
    gram_of_active(p, &active, |b| {
        let count = blocks[b].len() / p;
        active[b].iter().flat_map(|k| &blocks[b][k * count..(k + 1) * count]).copied().collect()
    })
}

#[cfg(test)]
mod tests {
    use ircpm_flow::BLOCK;

    use super::super::{JacobianRows, dense::parameter_gram};
    use super::*;

    /// A Jacobian of functions of one coordinate: some reach everywhere, most of them a small part of the points.
    fn jacobian(samples: usize, parameters: usize) -> Jacobian {
        Jacobian::from_columns(samples, parameters, |range, columns| {
            let count = range.len();
            for (k, column) in columns.chunks_exact_mut(count).enumerate() {
                for (s, x) in range.clone().zip(column) {
                    let (t, centre) = (s as f64 / samples as f64, k as f64 / parameters as f64);
                    let width = if k % 17 == 0 { 3.0 } else { 0.02 };
                    let scale = 10f64.powi(k as i32 % 5 - 2);
                    *x = scale * (-(t - centre).powi(2) / (2.0 * width * width)).exp() * (9.0 * t).sin();
                }
            }
        })
    }

    #[test]
    fn product_of_active_columns_is_that_of_all_to_the_share_left_out() {
        for (samples, parameters) in [(5 * BLOCK + 37, 40), (9 * BLOCK, 300), (100, 7)] {
            let jacobian = jacobian(samples, parameters);
            let (found, expected) =
                (block_sparse_gram(&jacobian), parameter_gram(&JacobianRows::stored(&jacobian)));
            for k in 0..parameters {
                for i in k..parameters {
                    let size = (expected[(i, i)] * expected[(k, k)]).sqrt();
                    let gap = (found[(i, k)] - expected[(i, k)]).abs();
                    assert!(
                        gap <= 2.0 * NEGLIGIBLE * (samples as f64).sqrt() * size,
                        "{samples}: {i}, {k}: {gap}"
                    );
                }
            }
        }
    }

    #[test]
    fn far_columns_are_left_out_and_no_other() {
        let jacobian = jacobian(9 * BLOCK, 300);
        let of_blocks: Vec<Vec<f64>> = jacobian.blocks().map(|block| column_maxima(block, 300)).collect();
        let active = active_columns(&of_blocks, NEGLIGIBLE);
        let count: usize = active.iter().map(Vec::len).sum();
        assert!(count < 9 * 300 / 2, "{count} of {} columns", 9 * 300);
        for (block, active) in of_blocks.iter().zip(&active) {
            for (k, &largest) in block.iter().enumerate() {
                let most = of_blocks.iter().fold(0.0, |most: f64, block| most.max(block[k]));
                assert_eq!(active.contains(&k), largest > NEGLIGIBLE * most, "{k}");
            }
        }
    }

    #[test]
    fn what_is_not_finite_is_in_the_product() {
        for bad in [f64::NAN, f64::INFINITY] {
            for place in [0, BLOCK - 1, BLOCK, 2 * BLOCK + 5] {
                let jacobian = Jacobian::from_columns(3 * BLOCK, 2, |range, columns| {
                    columns.fill(0.5);
                    if range.contains(&place) {
                        columns[range.len() + place - range.start] = bad;
                    }
                });
                let gram = block_sparse_gram(&jacobian);
                assert!(!gram[(1, 1)].is_finite() && gram[(0, 0)].is_finite(), "{bad} in row {place}");
            }
        }
    }

    #[test]
    fn blocks_without_an_active_column_add_nothing() {
        let jacobian = Jacobian::from_columns(2 * BLOCK, 3, |range, columns| {
            columns.fill(if range.start == 0 { 1.0 } else { 1e-7 });
        });
        assert_eq!(block_sparse_gram(&jacobian)[(2, 1)], BLOCK as f64);
    }

    #[test]
    fn products_are_the_same_bits_on_any_number_of_threads() {
        let jacobian = jacobian(9 * BLOCK, 300);
        let product = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
            pool.install(|| block_sparse_gram(&jacobian))
        };
        let one = product(1);
        for threads in [2, 5] {
            let same = one.iter().zip(product(threads).iter()).all(|(a, b)| a.to_bits() == b.to_bits());
            assert!(same, "{threads}");
        }
    }
}
