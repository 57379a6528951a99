//! Where the points of a step lie, and those that it is checked on.
//!
//! Points of a step are base points, images of the model, and *hard points*, where the smallest eigenvalue of `H` was
//! last seen lowest, or which a step has harmed (`harm`): they keep the map from folding where few points fall. Each step
//! has check points of its own, among them neighbours of the points with low eigenvalues.
//!
//! Where a target has sharp modes some base points are replaced by *intermediate points*, between a base point and its image.
//! Neither of the other kinds falls into the tails of a mode: images are where the mass is, base points everywhere.

use std::collections::HashMap;

use ircpm_flow::{Flow, SolveStats};
use ircpm_manifolds::AnyManifold;

use super::is_sparse;
use crate::points::{Generator, Sequence, Spread, base_points, neighbour};
use crate::ranks::Ranks;

/// Eigenvalues of `H` that are low enough for a hard point.
pub(super) const LOW: f64 = 0.25;
/// Most points of a step.
pub(super) const MOST_POINTS: usize = 8192;
/// Check points: this many times the points of a step, within bounds.
const CHECKS: usize = 4;
const FEWEST_CHECKS: usize = 4096;
pub(super) const MOST_CHECKS: usize = 16_384;
/// Hard points, as a part of the points of a step; fewer above four dimensions, where points are sparse and hard ones
/// would take too large a share of the fit.
pub(super) const HARD: [usize; 2] = [16, 32];
/// Most harmed points, as a part of the points of a step; fewer above four dimensions, as hard ones.
pub(super) const HARMED: [usize; 2] = [8, 32];
/// Share of the base points that are replaced by intermediate points, where there are such.
const INTERMEDIATE: f64 = 0.5;
/// Standard deviation of a hard point's neighbours, in radians.
const NEIGHBOUR: f64 = 0.1;

/// Draws points with a flow's help.
pub(super) struct Sampler {
    pub(super) ranks: Ranks,
    pub(super) generator: Generator,
    /// Points of a step, hard ones not counted.
    pub(super) count: usize,
    /// Points with low eigenvalues, for the hard points of the next step, `[point][coordinate]`.
    pub(super) hard: Vec<f64>,
    /// Check points that tries have harmed and folds that surveys have found, those of the latest step first,
    /// `[point][coordinate]`.
    pub(super) harmed: Vec<f64>,
    /// Whether some base points are replaced by intermediate points.
    pub(super) has_intermediate: bool,
    /// Sequences by their number of points: the search for one costs more than its points.
    lattices: HashMap<usize, Sequence>,
}

/// Points that were drawn, images last.
pub(super) struct SampledPoints {
    /// `[point][coordinate]`.
    pub(super) y: Vec<f64>,
    /// Whether each image was found; one that was not is left where it started.
    pub(super) found: Vec<bool>,
    pub(super) stats: SolveStats,
}

impl Sampler {
    /// A sampler of `count` points per step.
    pub(super) fn new(count: usize, generator: Generator) -> Self {
        let (ranks, lattices) = (Ranks::ALONE, HashMap::new());
        let (hard, harmed) = (Vec::new(), Vec::new());
        Self { ranks, generator, count, hard, harmed, has_intermediate: false, lattices }
    }

    /// Takes up points that a step has harmed, `[point][coordinate]`, and forgets the oldest ones.
    pub(super) fn keep_harmed(&mut self, flow: &Flow, mut points: Vec<f64>) {
        points.append(&mut self.harmed);
        let most = self.count / HARMED[usize::from(is_sparse(flow))];
        points.truncate(most * flow.manifold().ambient());
        self.harmed = points;
    }

    /// The hard points of a step: those that were harmed, and up to their usual number those with low eigenvalues.
    pub(super) fn hard_points(&self) -> Vec<f64> {
        let low = self.hard.len().saturating_sub(self.harmed.len());
        [&self.harmed[..], &self.hard[..low]].concat()
    }

    /// Points of a step, without the hard ones.
    pub(super) fn step_points(&mut self, flow: &Flow, theta: &[f64]) -> SampledPoints {
        // Uniform points fall ever farther from the mass as the dimension grows.
        let base = if is_sparse(flow) { self.count / 4 } else { self.count / 2 };
        self.draw_intermediate(flow, theta, base, self.count - base)
    }

    /// Points to check a step on: as many base points as images.
    pub(super) fn check_points(&mut self, flow: &Flow, theta: &[f64]) -> SampledPoints {
        let checks = (CHECKS * self.count).clamp(FEWEST_CHECKS, MOST_CHECKS);
        self.draw_intermediate(flow, theta, checks / 2, checks / 2)
    }

    /// `base` base points and `images` images of others, with some base points replaced by intermediate points where there are
    /// such.
    fn draw_intermediate(&mut self, flow: &Flow, theta: &[f64], base: usize, images: usize) -> SampledPoints {
        let share = if self.has_intermediate { INTERMEDIATE } else { 0.0 };
        let intermediate = ((share * base as f64) as usize).min(images);
        self.drawn(flow, theta, [base - intermediate, intermediate, images])
    }

    /// `base` base points and `images` images of others.
    pub(super) fn draw(&mut self, flow: &Flow, theta: &[f64], base: usize, images: usize) -> SampledPoints {
        self.drawn(flow, theta, [base, 0, images])
    }

    /// Base points, points between others and their images, and images, so many of each; at most as many of the second kind as of
    /// the third.
    fn drawn(&mut self, flow: &Flow, theta: &[f64], counts: [usize; 3]) -> SampledPoints {
        let [base, intermediate, images] = counts;
        let manifold = flow.manifold();
        let mut y = self.base_points(manifold, base);
        let mut x = self.base_points(manifold, images);
        let pushed = self.ranks.forward(flow, theta, &x);
        let n = manifold.ambient();
        for s in 0..intermediate {
            let place = s * n..(s + 1) * n;
            y.extend(self.between(manifold, &x[place.clone()], &pushed.y[place], pushed.ok[s]));
        }
        for (s, _) in pushed.ok.iter().enumerate().filter(|(_, ok)| **ok) {
            x[s * n..(s + 1) * n].copy_from_slice(&pushed.y[s * n..(s + 1) * n]);
        }
        y.extend(x);
        SampledPoints { y, found: pushed.ok, stats: pushed.stats }
    }

    /// A point of the geodesic from an image back to its base point `x`, at the square of a uniform share of the way, so that
    /// points lie close to the image more often; `x` itself where there is no image, or no unique geodesic.
    pub(super) fn between(
        &mut self,
        manifold: &AnyManifold,
        x: &[f64],
        image: &[f64],
        found: bool,
    ) -> Vec<f64> {
        let share = self.generator.uniform().powi(2);
        let mut point = x.to_vec();
        if found && let Ok(velocity) = manifold.try_log(image, x) {
            let velocity: Vec<f64> = velocity.iter().map(|v| share * v).collect();
            manifold.exp(image, &velocity, &mut point);
            manifold.wrap(&mut point);
        }
        point
    }

    /// Base points, `count` of them, on a lattice with a fresh shift.
    pub(super) fn base_points(&mut self, manifold: &AnyManifold, count: usize) -> Vec<f64> {
        let new = || Sequence::new(Spread::Lattice, count, manifold.cube_dim());
        base_points(manifold, self.lattices.entry(count).or_insert_with(new), &mut self.generator)
    }

    /// Takes the points with the lowest eigenvalues as hard points for the next step, whose check points are others;
    /// adds neighbours of the present hard points to the check points. Eigenvalues that are to stay above a `floor` are
    /// low below it.
    pub(super) fn choose_hard_points(
        &mut self,
        flow: &Flow,
        theta: &[f64],
        floor: Option<f64>,
        check: &mut Vec<f64>,
    ) {
        let (manifold, n) = (flow.manifold(), flow.manifold().ambient());
        for point in self.hard.chunks_exact(n) {
            check.extend(neighbour(manifold, point, NEIGHBOUR, &mut self.generator));
        }
        let mut known = check.clone();
        known.extend(&self.hard);
        let low = LOW.max(floor.unwrap_or_default());
        let lowest = self.ranks.scores(flow, theta, &known, low).lowest;
        let mut order: Vec<usize> = (0..lowest.len()).collect();
        // NaN first: a point beyond the injectivity radius is harder than any.
        let key = |i: usize| if lowest[i].is_nan() { f64::NEG_INFINITY } else { lowest[i] };
        order.sort_by(|&i, &j| key(i).total_cmp(&key(j)));
        let most = self.count / HARD[usize::from(is_sparse(flow))];
        let hardest = order.iter().filter(|&&i| key(i) < low).take(most);
        self.hard = hardest.flat_map(|&i| known[i * n..(i + 1) * n].iter().copied()).collect();
    }

    /// Half as many points more per step from now on, but no more than `most`, nor than `stored` with one hard point to every
    /// `hard` of them.
    pub(super) fn grow(&mut self, stored: usize, hard: usize, most: usize) {
        let stored = stored * hard / (hard + 1);
        let more = (self.count * 3).div_ceil(2);
        self.count = more.min(stored.min(most).max(self.count));
    }
}
