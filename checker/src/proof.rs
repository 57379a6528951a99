//! The proof itself: on every cell that was not cut, `H` has no eigenvalue below the bound.

use std::num::NonZero;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::cells::Cell;
use crate::eigenvalue::is_positive_definite;
use crate::hessian::Hessian;
use crate::manifold::Manifold;

/// Into how many parts a cell is cut at most, where it does not prove the bound as a whole: the enclosures of the
/// search may have been narrower.
const PARTS: usize = 1 << 12;

/// What a proof took.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Effort {
    /// Cells of the record.
    pub(crate) cells: usize,
    /// Cells and parts of them that were looked at.
    pub(crate) looked_at: usize,
}

/// Looks at all cells, in parallel.
///
/// # Errors
/// The number of the first cell on which the bound is not proven.
pub(crate) fn prove(hessian: &Hessian<'_>, manifold: &Manifold, cells: &[Cell]) -> Result<Effort, usize> {
    let (next, failed, looked_at) = (AtomicUsize::new(0), AtomicUsize::new(usize::MAX), Mutex::new(0));
    let work = || {
        let mut count = 0;
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            // All cells before one that fails are looked at, so that the first is found on any number of threads.
            if number >= cells.len() || number > failed.load(Ordering::Relaxed) {
                break;
            }
            let (parts, proven) = prove_one(hessian, manifold, cells[number]);
            count += parts;
            if !proven {
                failed.fetch_min(number, Ordering::Relaxed);
            }
        }
        *looked_at.lock().unwrap_or_else(std::sync::PoisonError::into_inner) += count;
    };
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    match failed.into_inner() {
        usize::MAX => {
            let looked_at = looked_at.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
            Ok(Effort { cells: cells.len(), looked_at })
        }
        number => Err(number),
    }
}

/// Looks at a cell, and at its halves where that does not suffice. How many it looked at, and whether all prove it.
fn prove_one(hessian: &Hessian<'_>, manifold: &Manifold, cell: Cell) -> (usize, bool) {
    let (mut waiting, mut count) = (vec![cell], 0);
    while let Some(cell) = waiting.pop() {
        count += 1;
        let found = hessian.over(&cell.patch(manifold));
        if found.as_ref().is_some_and(|found| is_positive_definite(&found.matrix, manifold.dimension())) {
            continue;
        }
        // Where nothing is known, the longest side is as good as any.
        let side = found.map_or_else(|| cell.longest(manifold.dimension()), |found| found.widest);
        match cell.halves(side) {
            Some(halves) if count + waiting.len() + 2 <= PARTS => waiting.extend(halves),
            _ => return (count, false),
        }
    }
    (count, true)
}
