//! Branch and bound for both ends of a function over a manifold.

use std::ops::ControlFlow;

use ircpm_ad::interval::Interval;
use rayon::prelude::*;

use ircpm_flow::Expression;

use crate::cell::Cell;
use crate::density::Density;

/// How sharp the bounds shall be, and at what cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DensityOptions {
    /// How far each bound may be from the values that were met, in nats.
    pub tolerance: f64,
    /// The largest number of cells to look at.
    pub cells: u64,
}

impl Default for DensityOptions {
    /// A thousandth of a nat, and four million cells.
    fn default() -> Self {
        Self { tolerance: 1e-3, cells: 4_000_000 }
    }
}

/// The state of a search, told after every generation of cells.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DensityProgress {
    /// Cells that were looked at.
    pub cells: u64,
    /// Cells that wait.
    pub waiting: u64,
    /// The part of the charts, by volume, on which both bounds are proven.
    pub proven: f64,
}

/// Proven bounds of `g = log q + βu` over a manifold, in nats.
///
/// All layers are diffeomorphisms then, so that q is a density, and the integral of `exp(−βu)` is between `exp(−highest)`
/// and `exp(−lowest)`: section 40 of `docs/mathematics.md`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DensityBounds {
    /// A lower bound of g; −∞ if none is proven.
    pub lowest: f64,
    /// An upper bound of g; ∞ if none is proven.
    pub highest: f64,
    /// Values that g takes, to the proven error: it falls to the first and rises to the second, or beyond.
    pub met: [f64; 2],
    /// Whether both bounds are within the tolerance of these values.
    pub is_sharp: bool,
    /// Cells that were looked at.
    pub cells: u64,
}

impl DensityBounds {
    /// Whether g is bounded, so that the density is proven.
    pub fn is_proven(&self) -> bool {
        self.lowest.is_finite() && self.highest.is_finite()
    }
}

/// Halvings of each angle before the first generation; of a side of a face, two less.
fn first_depth(dimension: usize) -> u32 {
    match dimension {
        1 | 2 => 4,
        _ => 3,
    }
}

/// Cells that are looked at before they are compared with the values that were met.
const GENERATION: usize = 1 << 12;

/// What was found of one cell.
#[derive(Clone, Copy)]
struct Found {
    /// Bounds over the cell.
    lowest: f64,
    highest: f64,
    /// The value in the middle; undefined if it is not known.
    middle: Interval,
    /// The side to halve.
    side: usize,
}

/// A cell, and the bounds that are proven of it by the one that it is a part of.
#[derive(Clone, Copy)]
struct Waiting<const D: usize> {
    cell: Cell<D>,
    bounds: [f64; 2],
}

/// No bounds at all.
const UNBOUNDED: [f64; 2] = [f64::NEG_INFINITY, f64::INFINITY];

impl<E: Expression, const D: usize, const M: usize> Density<'_, E, D, M> {
    /// Bounds `log q + βu` over the manifold from below and above.
    ///
    /// Cells run in parallel on the current rayon pool; the outcome has the same bits on any number of threads.
    /// `progress` is called after every generation of cells; if it breaks off, or the budget is spent, the bounds are
    /// proven all the same where they are finite, and not sharp.
    pub fn bounds(
        &self,
        options: &DensityOptions,
        progress: &dyn Fn(&DensityProgress) -> ControlFlow<()>,
    ) -> DensityBounds {
        let grid = self.atlas.grid(first_depth(D)).into_iter();
        let mut waiting: Vec<Waiting<D>> = grid.map(|cell| Waiting { cell, bounds: UNBOUNDED }).collect();
        let [lowest, highest] = UNBOUNDED;
        let mut search = Search { bounds: [highest, lowest], met: [highest, lowest], proven: 0.0, cells: 0 };
        let charts = self.atlas.charts() as f64;
        let mut stuck = vec![];
        while !waiting.is_empty() && search.cells < options.cells {
            let affordable = (options.cells - search.cells).min(GENERATION as u64) as usize;
            let rest = waiting.split_off(waiting.len().min(affordable));
            let found: Vec<Found> = waiting.par_iter().map(|waiting| self.look(&waiting.cell)).collect();
            search.meet(&found);
            let mut next = rest;
            for (Waiting { cell, bounds: known }, found) in waiting.iter().zip(&found) {
                let bounds = [found.lowest.max(known[0]), found.highest.min(known[1])];
                if search.is_sharp(bounds, options.tolerance) {
                    search.accept(bounds, cell.volume() / charts);
                } else if let Some(halves) = cell.halves(found.side) {
                    next.extend(halves.map(|cell| Waiting { cell, bounds }));
                } else {
                    stuck.push(bounds);
                }
            }
            waiting = next;
            let Search { cells, proven, .. } = search;
            if progress(&DensityProgress { cells, waiting: waiting.len() as u64, proven }).is_break() {
                break;
            }
        }
        let is_sharp = waiting.is_empty() && stuck.is_empty();
        for bounds in waiting.iter().map(|waiting| waiting.bounds).chain(stuck) {
            search.accept(bounds, 0.0);
        }
        let Search { bounds: [lowest, highest], met, cells, .. } = search;
        DensityBounds { lowest, highest, met, is_sharp, cells }
    }

    fn look(&self, cell: &Cell<D>) -> Found {
        let g = self.over(cell);
        if !g.is_defined() {
            let [lowest, highest] = UNBOUNDED;
            return Found { lowest, highest, middle: Interval::UNDEFINED, side: cell.longest() };
        }
        let range = g.range();
        let influences = g.influences();
        // The error falls with the fifth power of the longest side.
        let widest = (0..D).fold(0, |widest, k| if influences[k] > influences[widest] { k } else { widest });
        let side = if g.error() > influences[widest] { cell.longest() } else { widest };
        Found { lowest: range.lo(), highest: range.hi(), middle: g.middle(), side }
    }
}

/// A search in progress.
struct Search {
    /// Bounds over the cells that are proven.
    bounds: [f64; 2],
    /// The lowest and highest values that were met.
    met: [f64; 2],
    /// The volume of the cells that are proven.
    proven: f64,
    cells: u64,
}

impl Search {
    fn meet(&mut self, found: &[Found]) {
        self.cells += found.len() as u64;
        for middle in found.iter().map(|found| found.middle).filter(|middle| !middle.is_undefined()) {
            self.met = [self.met[0].min(middle.hi()), self.met[1].max(middle.lo())];
        }
    }

    fn is_sharp(&self, bounds: [f64; 2], tolerance: f64) -> bool {
        bounds[0] >= self.met[0] - tolerance && bounds[1] <= self.met[1] + tolerance
    }

    fn accept(&mut self, bounds: [f64; 2], volume: f64) {
        self.bounds = [self.bounds[0].min(bounds[0]), self.bounds[1].max(bounds[1])];
        self.proven += volume;
    }
}
