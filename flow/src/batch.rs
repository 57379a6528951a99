//! Batches in parallel, with the same bits on any number of threads.
//!
//! A batch is cut into parts whose sizes depend on its length alone; parts run in parallel and are put together in
//! their order.

use std::ops::Range;

use rayon::prelude::*;

use crate::tile::TILE;

/// Most parts that a sum over samples has: each holds a gradient of its own.
const MOST_PARTS: usize = 32;

/// Cuts `samples` into at most `most` parts of whole tiles.
pub(crate) fn parts(samples: usize, most: usize) -> Vec<Range<usize>> {
    let tiles = samples.div_ceil(TILE);
    let size = tiles.div_ceil(most).max(1) * TILE;
    (0..samples).step_by(size).map(|start| start..samples.min(start + size)).collect()
}

/// `f` of every part, in order.
pub(crate) fn map<T: Send>(parts: Vec<Range<usize>>, f: impl Fn(Range<usize>) -> T + Sync + Send) -> Vec<T> {
    parts.into_par_iter().map(f).collect()
}

/// Parts for results that are written side by side.
pub(crate) fn fine(samples: usize) -> Vec<Range<usize>> {
    parts(samples, samples.div_ceil(2 * TILE).max(1))
}

/// Parts for results that are summed.
pub(crate) fn coarse(samples: usize) -> Vec<Range<usize>> {
    parts(samples, MOST_PARTS)
}
