//! The fit of one linear layer: a path of penalties, points where the layer nearly folds, contraction.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use ircpm_flow::LinearMap;
use nalgebra::{DMatrix, DVector};

use super::cloud::Cloud;
use super::newton::{Problem, Strength};
use super::survey::{Candidate, FRESH, Places, STARTS, Survey, contraction, uniform};
use crate::points::Generator;
use crate::weights::Weights;

/// Weights of the penalty along the path: the first, the factor from one to the next, and their number.
const FIRST_PENALTY: f64 = 1.0;
const PENALTY_RATIO: f64 = 0.25;
pub(super) const MOST_PENALTIES: usize = 14;
/// Weight of the barrier at the start of the path, and the factor from one point of the path to the next.
const FIRST_BARRIER: f64 = 0.3;
const BARRIER_RATIO: f64 = 0.4;
/// Smallest eigenvalue that a layer may have.
pub(super) const LOWEST: f64 = 1e-3;
/// Eigenvalues below this draw their points into the barrier.
pub(super) const NARROW: f64 = 0.02;
/// Weight of such a point, in units of a uniform point's.
pub(super) const NARROW_WEIGHT: f64 = 4.0;
/// Most of them that are drawn in at a time, or as many as there are parameters.
pub(super) const MOST_NARROW: usize = 256;
/// Rounds in which points are drawn into the barrier.
const ROUNDS: usize = 5;
/// Halves of squared Newton decrements, in nats, at which a minimum is good enough: along the path, and at its end.
const COARSE: f64 = 1e-3;
const FINE: f64 = 1e-5;
/// Least number of uniform points in a barrier, and in that of a fold that only judges.
pub(super) const UNIFORM: [usize; 2] = [2000, 500];
/// Hessians in one minimisation.
const MOST_HESSIANS: usize = 60;

/// One layer's problem, and the barrier that it has met.
pub(super) struct LayerFit<'a> {
    problem: Problem<'a>,
    places: Places<'a>,
    /// Last weight of the barrier.
    barrier: f64,
    /// Weight of one uniform point.
    share: f64,
}

/// One penalty of the path.
#[derive(Clone, Debug)]
pub(super) struct PathPoint {
    pub a: DVector<f64>,
    /// Log-densities of the validation points; none without such points.
    pub validation: Vec<f64>,
}

impl<'a> LayerFit<'a> {
    /// The problem of `places.data`, of which each has its share of one, with uniform barrier points, `least` of them or
    /// more, and the last weight `barrier`.
    pub(super) fn new(
        map: Arc<dyn LinearMap>,
        penalty: DMatrix<f64>,
        places: Places<'a>,
        shares: &[f64],
        (barrier, least): (f64, usize),
        stop: &'a AtomicBool,
        rng: &mut Generator,
    ) -> Self {
        let n = places.manifold.ambient();
        let points = uniform(places.manifold, least.max(5 * map.parameters()), rng);
        let uniform_count = points.len() / n;
        let share = (uniform_count as f64).recip();
        let data = Cloud::new(&*map, places.data, shares);
        let cloud = Cloud::new(&*map, &points, &vec![share; uniform_count]);
        let problem = Problem { map, data, barrier: cloud, penalty, stop };
        Self { problem, places, barrier, share }
    }

    /// Weight `λ` of the path's penalty number `k`.
    pub(super) fn penalty(k: usize) -> f64 {
        FIRST_PENALTY * PENALTY_RATIO.powi(k as i32)
    }

    fn strength(&self, k: usize) -> Strength {
        let barrier = (FIRST_BARRIER * BARRIER_RATIO.powi(k as i32)).max(self.barrier);
        Strength { barrier, penalty: Self::penalty(k) }
    }

    /// Minima along the path, each from the one before. It ends where the weighted mean over the validation points has
    /// fallen twice, or at penalty number `last`.
    pub(super) fn path(
        &mut self,
        validation: &[f64],
        weights: &Weights,
        last: Option<usize>,
    ) -> Vec<PathPoint> {
        let held = validation.len() / self.places.manifold.ambient();
        let map = self.problem.map.clone();
        let cloud = Cloud::new(&*map, validation, &vec![1.0; held]);
        let (mut path, mut a) = (Vec::new(), DVector::zeros(map.parameters()));
        let (mut best, mut worse) = (f64::NEG_INFINITY, 0);
        for k in 0..last.map_or(MOST_PENALTIES, |last| last + 1) {
            a = self.problem.minimise(self.strength(k), a, COARSE, MOST_HESSIANS);
            let densities =
                if held > 0 { cloud.log_densities(&*map, &cloud.coordinates(&a)) } else { vec![] };
            let mean = if held > 0 { weights.mean(&densities) } else { 0.0 };
            path.push(PathPoint { a: a.clone(), validation: densities });
            (best, worse) = if mean > best { (mean, 0) } else { (best, worse + 1) };
            if worse > 1 && last.is_none() {
                break;
            }
        }
        path
    }

    /// The minimum at the path's penalty number `k`.
    pub(super) fn minimum(&mut self, mut a: DVector<f64>, k: usize) -> DVector<f64> {
        let strength = Strength { barrier: self.barrier, penalty: Self::penalty(k) };
        self.make_feasible(&mut a);
        self.problem.minimise(strength, a, FINE, MOST_HESSIANS)
    }

    /// Minimises at the path's penalty number `k`, draws the points where `H` is nearly singular into the barrier until
    /// there are none, and contracts by what the last search finds.
    pub(super) fn finish(&mut self, mut a: DVector<f64>, k: usize, rng: &mut Generator) -> Vec<f64> {
        let survey = Survey::new(&self.problem.map);
        a = self.minimum(a, k);
        for _ in 0..ROUNDS {
            let found =
                survey.search(a.as_slice(), &self.places.fresh(FRESH.0, FRESH.1, rng), NARROW, STARTS, rng);
            if found[0].lowest > 2.0 * LOWEST {
                break;
            }
            self.draw_in(&found);
            a *= contraction(found[0].lowest, NARROW);
            a = self.minimum(a, k);
        }
        survey.contract(a.as_slice(), &self.places, rng).a
    }

    fn draw_in(&mut self, found: &[Candidate]) {
        let map = self.problem.map.clone();
        let most = map.parameters().max(MOST_NARROW);
        let hard: Vec<&Candidate> = found.iter().take_while(|c| c.lowest < NARROW).take(most).collect();
        let points: Vec<f64> = hard.iter().flat_map(|c| c.point.clone()).collect();
        self.problem.barrier.extend(&*map, &points, &vec![NARROW_WEIGHT * self.share; hard.len()]);
    }

    /// Contracts until no point of the problem folds.
    fn make_feasible(&self, a: &mut DVector<f64>) {
        while !self.problem.is_feasible(a) {
            *a *= 0.9;
        }
    }

    /// Barrier points with their weights.
    pub(super) fn into_barrier(self) -> (Vec<f64>, Vec<f64>) {
        self.problem.barrier.into_points()
    }
}
