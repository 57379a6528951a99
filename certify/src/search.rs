//! Branch and bound over the cells of a manifold.

use std::ops::ControlFlow;

use rayon::prelude::*;

use ircpm_ad::interval::Interval;
use ircpm_flow::Expression;

use crate::cell::Cell;
use crate::eigenvalue::{lower_bound, upper_bound};
use crate::hessian::Hessian;
use crate::options::{Options, Progress};
use crate::record::Record;

/// How a search ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// What is proven.
    pub verdict: Verdict,
    /// The smallest eigenvalue of `H` at the points that were looked at, to rounding: that over the manifold is no larger.
    pub estimate: f64,
    /// Cells that were looked at.
    pub cells: u64,
    /// What was done with each of them.
    pub record: Record,
}

/// What a search proved.
///
/// Points and cells are given in ambient coordinates, those that the potential reads. An angle is one in radians. In place
/// of a unit vector stands its multiple on the surface of the cube `[−1, 1]ⁿ⁺¹`, whose numbers are exact where those of a
/// unit vector are not: divide it by its length.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// The map is a diffeomorphism.
    Certified {
        /// A proven lower bound of the smallest eigenvalue of `H` over the manifold; it is positive.
        bound: f64,
    },
    /// The map folds: `H` has a negative eigenvalue at a point.
    Refuted {
        /// The point, exactly as given.
        point: Vec<f64>,
        /// A proven upper bound of the smallest eigenvalue there; it is negative.
        bound: f64,
    },
    /// Neither was proven within the budget.
    Undecided {
        /// The lower and upper ends of the coordinates of the cell with the worst bound.
        cell: Vec<[f64; 2]>,
        /// The proven lower bound of the smallest eigenvalue there, and so over the manifold; −∞ for none.
        bound: f64,
    },
}

/// Cells of the first generation, per turn: `2^depth`.
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
    record: Record,
}

/// What was found of one cell.
struct Found<const D: usize> {
    /// Lower bound over the cell.
    lower: f64,
    /// Upper bound at its middle.
    upper: f64,
    chart: usize,
    /// The middle, in the chart.
    point: [f64; D],
    /// The side to halve.
    side: usize,
}

impl<'a, E: Expression, const D: usize> Search<'a, E, D> {
    /// The search before its first cell.
    pub(crate) fn new(hessian: &'a Hessian<'a, E, D>, options: Options) -> Self {
        let [estimate, bound] = [f64::INFINITY; 2];
        let record = Record { first_depth: first_depth(D), steps: vec![] };
        Self { hessian, options, estimate, bound, proven: 0.0, cells: 0, record }
    }

    /// Looks at cells until all are proven, one is refuted, the budget is spent, or `progress` breaks off.
    pub(crate) fn run(mut self, progress: &dyn Fn(&Progress) -> ControlFlow<()>) -> Outcome {
        // The cells that wait, those of the last generation before their halves: a queue.
        let mut waiting = self.hessian.atlas().grid(first_depth(D));
        if let Some(refuted) = self.sample(&waiting) {
            return self.end(refuted);
        }
        let charts = self.hessian.atlas().charts() as f64;
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
                    self.proven += cell.volume() / charts;
                    self.record.steps.push(Record::PROVEN);
                } else if let Some(halves) = cell.halves(found.side) {
                    next.extend(halves);
                    self.record.steps.push(Record::halved(found.side));
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
    fn sample(&mut self, cells: &[Cell<D>]) -> Option<Verdict> {
        let at = |cell: &Cell<D>| {
            let point = self.hessian.atlas().sides(cell).map(|side| side.middle());
            let upper = upper_bound(&self.hessian.at(cell.chart(), point));
            Found { lower: f64::NEG_INFINITY, upper, chart: cell.chart(), point, side: 0 }
        };
        let found: Vec<Found<D>> = cells.par_iter().map(at).collect();
        self.refutation(&found)
    }

    /// Looks at one cell.
    fn look(&self, cell: &Cell<D>) -> Found<D> {
        let sides = self.hessian.atlas().sides(cell);
        let h = self.hessian.over(cell.chart(), &sides);
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
        let point = sides.map(|side| side.middle());
        Found { lower: lower_bound(&h.over), upper: upper_bound(&h.at), chart: cell.chart(), point, side }
    }

    /// Lowers the estimate; the worst point, if its eigenvalue is proven to be negative.
    fn refutation(&mut self, found: &[Found<D>]) -> Option<Verdict> {
        let mut worst: Option<&Found<D>> = None;
        for found in found {
            if worst.is_none_or(|worst| found.upper < worst.upper) {
                worst = Some(found);
            }
        }
        let worst = worst?;
        self.estimate = self.estimate.min(worst.upper);
        let point = || {
            let point = self.hessian.atlas().on_cubes(worst.chart, &worst.point.map(Interval::point));
            point.into_iter().map(Interval::middle).collect()
        };
        (worst.upper < 0.0).then(|| Verdict::Refuted { point: point(), bound: worst.upper })
    }

    /// The verdict when no more cells are looked at.
    fn conclusion(&self, waiting: &[Cell<D>], stuck: Option<(f64, Cell<D>)>) -> Verdict {
        if waiting.is_empty() && stuck.is_none() && self.bound.is_finite() {
            return Verdict::Certified { bound: self.bound };
        }
        let atlas = self.hessian.atlas();
        let lower = |cell: &Cell<D>| lower_bound(&self.hessian.over(cell.chart(), &atlas.sides(cell)).over);
        let of_waiting: Vec<f64> = waiting.par_iter().map(lower).collect();
        let all = of_waiting.into_iter().zip(waiting.iter().copied()).chain(stuck);
        let (bound, cell) = all
            .reduce(|worst, next| if next.0 < worst.0 { next } else { worst })
            .unwrap_or((f64::NEG_INFINITY, atlas.grid(0)[0]));
        let bound = bound.min(self.bound);
        let sides = atlas.on_cubes(cell.chart(), &atlas.sides(&cell));
        Verdict::Undecided { cell: sides.into_iter().map(|side| [side.lo(), side.hi()]).collect(), bound }
    }

    fn end(self, verdict: Verdict) -> Outcome {
        Outcome { verdict, estimate: self.estimate, cells: self.cells, record: self.record }
    }
}
