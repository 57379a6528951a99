//! The proof itself: on every cell that was not cut, `1 + Hess psi` has no eigenvalue below the bound.

use std::num::NonZero;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::ball::Ball;
use crate::cells::Cell;
use crate::eigenvalue::exceed;
use crate::potential::Psi;

/// Into how many parts a cell is cut at most, where it does not prove the bound as a whole: the enclosures of the
/// search may have been narrower.
const PARTS: usize = 256;

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
pub(crate) fn prove(psi: &Psi<'_>, cells: &[Cell], bound: f64) -> Result<Effort, usize> {
    let (next, failed, looked_at) = (AtomicUsize::new(0), AtomicUsize::new(usize::MAX), Mutex::new(0));
    let work = || {
        let mut count = 0;
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            // All cells before one that fails are looked at, so that the first is found on any number of threads.
            if number >= cells.len() || number > failed.load(Ordering::Relaxed) {
                break;
            }
            let (parts, proven) = prove_one(psi, cells[number], bound);
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
fn prove_one(psi: &Psi<'_>, cell: Cell, bound: f64) -> (usize, bool) {
    let (mut waiting, mut count) = (vec![cell], 0);
    while let Some(cell) = waiting.pop() {
        count += 1;
        let (h, side) = hessian(psi, &cell.angles(psi.layout().dimension()));
        if exceed(&h, psi.layout().dimension(), bound) {
            continue;
        }
        match cell.halves(side) {
            Some(halves) if count + waiting.len() + 2 <= PARTS => waiting.extend(halves),
            _ => return (count, false),
        }
    }
    (count, true)
}

/// `H = 1 + Hess psi` over a box, row-major, and the side whose length adds most to its width.
///
/// By the mean value theorem, entry by entry: `H(y) ∈ H(m) + Σₖ ∂ₖH(box) (yₖ − mₖ)`, where `m` are the centres of the balls,
/// exactly. The entry over the box is an enclosure as well, and both contain `H(y)`.
fn hessian(psi: &Psi<'_>, angles: &[Ball]) -> (Vec<Ball>, usize) {
    let (layout, n) = (psi.layout(), angles.len());
    let middles: Vec<Ball> = angles.iter().map(|angle| Ball::exact(angle.centre())).collect();
    let at = psi.jet(&middles, false);
    let over = psi.jet(angles, true);
    let mut h = Vec::with_capacity(n * n);
    let mut widths = vec![0.0; n];
    for i in 0..n {
        for j in 0..n {
            let place = layout.second(i, j);
            let mut far = Ball::ZERO;
            for k in 0..n {
                let change = Ball::exact(over[layout.third(i, j, k)].magnitude()) * angles[k].radius();
                widths[k] += change.centre();
                far = far + change;
            }
            let entry = at[place].widened(far.magnitude()).and(over[place]);
            h.push(if i == j { entry + 1.0 } else { entry });
        }
    }
    let widest = (0..n).fold(0, |widest, k| if widths[k] > widths[widest] { k } else { widest });
    (h, widest)
}
