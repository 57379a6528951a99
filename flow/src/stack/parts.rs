//! Batches in parallel, with the same bits on any number of threads.
//!
//! A batch is cut into parts whose sizes depend on its length alone. Parts run in parallel and are put together in
//! their order, or summed along a tree that depends on their number alone.

use std::ops::Range;

use rayon::prelude::*;

use crate::lanes::TILE;

/// Largest number of parts of a sum over samples: enough that threads finish together even when other processes slow
/// some of them.
const MOST_PARTS: usize = 128;

/// Cuts `samples` into parts of `size`, the last of which may be shorter.
pub(crate) fn cut(samples: Range<usize>, size: usize) -> impl Iterator<Item = Range<usize>> {
    samples.clone().step_by(size).map(move |start| start..samples.end.min(start + size))
}

/// Cuts `samples` into at most `most` parts of whole tiles.
pub(crate) fn parts(samples: usize, most: usize) -> Vec<Range<usize>> {
    let tiles = samples.div_ceil(TILE);
    cut(0..samples, tiles.div_ceil(most).max(1) * TILE).collect()
}

/// `f` of every part, in order.
pub(crate) fn map<T: Send>(parts: Vec<Range<usize>>, f: impl Fn(Range<usize>) -> T + Sync + Send) -> Vec<T> {
    parts.into_par_iter().map(f).collect()
}

/// `f` of every part, added up in pairs of neighbours; nothing without parts.
///
/// Sums are made where the parts were, as soon as both are there: a thread holds one for each level of the tree, not
/// one for each part.
pub(crate) fn sum<T: Send>(
    parts: &[Range<usize>],
    f: &(impl Fn(Range<usize>) -> T + Sync),
    add: &(impl Fn(T, T) -> T + Sync),
) -> Option<T> {
    match parts {
        [] => None,
        [part] => Some(f(part.clone())),
        _ => {
            let (left, right) = parts.split_at(parts.len() / 2);
            let (left, right) = rayon::join(|| sum(left, f, add), || sum(right, f, add));
            Some(add(left?, right?))
        }
    }
}

/// Parts for results that are written side by side.
pub(crate) fn fine(samples: usize) -> Vec<Range<usize>> {
    parts(samples, samples.div_ceil(2 * TILE).max(1))
}

/// Parts for results that are summed.
pub(crate) fn coarse(samples: usize) -> Vec<Range<usize>> {
    parts(samples, MOST_PARTS)
}
