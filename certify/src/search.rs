//! Branch and bound over the cells of a torus.

use std::ops::ControlFlow;

use rayon::prelude::*;

use ircpm_flow::Expression;

use crate::cell::Cell;
use crate::eigenvalue::{lower_bound, upper_bound};
use crate::hessian::Hessian;
use crate::options::{Options, Progress};

/// How a search ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome<const D: usize> {
    /// What is proven.
    pub verdict: Verdict<D>,
    /// The smallest eigenvalue of `H` at the points that were looked at, to rounding: that over the torus is no larger.
    pub estimate: f64,
    /// Cells that were looked at.
    pub cells: u64,
}

/// What a search proved.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Verdict<const D: usize> {
    /// The map is a diffeomorphism.
    Certified {
        /// A proven lower bound of the smallest eigenvalue of `H` over the torus; it is positive.
        bound: f64,
    },
    /// The map folds: `H` has a negative eigenvalue at a point.
    Refuted {
        /// The point, exactly as given.
        point: [f64; D],
        /// A proven upper bound of the smallest eigenvalue there; it is negative.
        bound: f64,
    },
    /// Neither was proven within the budget.
    Undecided {
        /// The lower and upper ends of the angles of the cell with the worst bound.
        cell: [[f64; 2]; D],
        /// The proven lower bound of the smallest eigenvalue there, and so over the torus; −∞ for none.
        bound: f64,
    },
}

/// Cells of the first generation, per angle: `2^depth`.
fn first_depth(dimension: usize) -> u32 {
    match dimension {
        1 | 2 => 5,
        3 => 3,
        _ => 2,
    }
}

/// Cells that are looked at before the target is set anew.
const GENERATION: usize = 1 << 14;

/// A search in progress.
#[derive(Debug)]
pub(crate) struct Search<'a, E, const D: usize> {
    hessian: &'a Hessian<'a, E, D>,
    options: Options,
    estimate: f64,
    /// The least bound of the cells that are proven, and their volume.
    bound: f64,
    proven: f64,
    cells: u64,
}

/// What was found of one cell.
struct Found<const D: usize> {
    /// Lower bound over the cell.
    lower: f64,
    /// Upper bound at its middle.
    upper: f64,
    point: [f64; D],
    /// The side to halve.
    side: usize,
}

impl<'a, E: Expression, const D: usize> Search<'a, E, D> {
    /// The search before its first cell.
    pub(crate) fn new(hessian: &'a Hessian<'a, E, D>, options: Options) -> Self {
        let [estimate, bound] = [f64::INFINITY; 2];
        Self { hessian, options, estimate, bound, proven: 0.0, cells: 0 }
    }

    /// Looks at cells until all are proven, one is refuted, the budget is spent, or `progress` breaks off.
    pub(crate) fn run(mut self, progress: &dyn Fn(&Progress) -> ControlFlow<()>) -> Outcome<D> {
        // The cells that wait, those of the last generation before their halves: a queue.
        let mut waiting = Cell::grid(first_depth(D));
        if let Some(refuted) = self.sample(&waiting) {
            return self.end(refuted);
        }
        let mut stuck: Option<(f64, Cell<D>)> = None;
        while !waiting.is_empty() {
            if self.cells >= self.options.cells {
                break;
            }
            let affordable = (self.options.cells - self.cells).min(GENERATION as u64) as usize;
            let rest = waiting.split_off(waiting.len().min(affordable));
            let found: Vec<Found<D>> = waiting.par_iter().map(|cell| self.look(cell)).collect();
            self.cells += found.len() as u64;
            if let Some(refuted) = self.refutation(&found) {
                return self.end(refuted);
            }
            let mut next = rest;
            let target = self.target();
            for (cell, found) in waiting.iter().zip(&found) {
                if found.lower >= target {
                    self.bound = self.bound.min(found.lower);
                    self.proven += cell.volume();
                } else if let Some(halves) = cell.halves(found.side) {
                    next.extend(halves);
                } else if stuck.is_none_or(|(bound, _)| found.lower < bound) {
                    stuck = Some((found.lower, *cell));
                }
            }
            waiting = next;
            let Self { cells, proven, estimate, .. } = self;
            let state = Progress { cells, waiting: waiting.len() as u64, proven, estimate };
            if progress(&state).is_break() {
                break;
            }
        }
        let verdict = self.conclusion(&waiting, stuck);
        self.end(verdict)
    }

    /// The bound that a cell must prove: near the smallest eigenvalue that was met, above the floor, and positive.
    fn target(&self) -> f64 {
        let near = (1.0 - self.options.tolerance) * self.estimate;
        near.max(self.options.floor).max(f64::MIN_POSITIVE)
    }

    /// `H` at the middles of cells, for a first estimate.
    fn sample(&mut self, cells: &[Cell<D>]) -> Option<Verdict<D>> {
        let at = |cell: &Cell<D>| {
            let point = cell.angles().map(|angle| angle.middle());
            let upper = upper_bound(&self.hessian.at(point));
            Found { lower: f64::NEG_INFINITY, upper, point, side: 0 }
        };
        let found: Vec<Found<D>> = cells.par_iter().map(at).collect();
        self.refutation(&found)
    }

    /// Looks at one cell.
    fn look(&self, cell: &Cell<D>) -> Found<D> {
        let angles = cell.angles();
        let h = self.hessian.over(&angles);
        let side = h.widths.iter().enumerate().fold(None, |widest: Option<(usize, f64)>, (k, &width)| {
            if widest.is_some_and(|(_, w)| w >= width) || !width.is_finite() {
                widest
            } else {
                Some((k, width))
            }
        });
        // Where a width is not known, the longest side is as good as any.
        let known = h.widths.iter().all(|width| width.is_finite());
        let side = side.filter(|_| known).map_or_else(|| cell.longest(), |(k, _)| k);
        let point = angles.map(|angle| angle.middle());
        Found { lower: lower_bound(&h.over), upper: upper_bound(&h.at), point, side }
    }

    /// Lowers the estimate; the worst point, if its eigenvalue is proven to be negative.
    fn refutation(&mut self, found: &[Found<D>]) -> Option<Verdict<D>> {
        let mut worst: Option<&Found<D>> = None;
        for found in found {
            if worst.is_none_or(|worst| found.upper < worst.upper) {
                worst = Some(found);
            }
        }
        let worst = worst?;
        self.estimate = self.estimate.min(worst.upper);
        (worst.upper < 0.0).then_some(Verdict::Refuted { point: worst.point, bound: worst.upper })
    }

    /// The verdict when no more cells are looked at.
    fn conclusion(&self, waiting: &[Cell<D>], stuck: Option<(f64, Cell<D>)>) -> Verdict<D> {
        if waiting.is_empty() && stuck.is_none() && self.bound.is_finite() {
            return Verdict::Certified { bound: self.bound };
        }
        let of_waiting: Vec<f64> =
            waiting.par_iter().map(|cell| lower_bound(&self.hessian.over(&cell.angles()).over)).collect();
        let all = of_waiting.into_iter().zip(waiting.iter().copied()).chain(stuck);
        let (bound, cell) = all
            .reduce(|worst, next| if next.0 < worst.0 { next } else { worst })
            .unwrap_or((f64::NEG_INFINITY, Cell::grid(0)[0]));
        let bound = bound.min(self.bound);
        Verdict::Undecided { cell: cell.angles().map(|angle| [angle.lo(), angle.hi()]), bound }
    }

    fn end(self, verdict: Verdict<D>) -> Outcome<D> {
        Outcome { verdict, estimate: self.estimate, cells: self.cells }
    }
}
