//! The fit of one linear layer: a path in barrier and penalty, points where it nearly folds, contraction.

use std::sync::Arc;

use ircpm_flow::LinearMap;
use ircpm_manifolds::AnyManifold;
use nalgebra::{DMatrix, DVector};

use super::cloud::Cloud;
use super::newton::{Problem, Strength};
use super::survey::{Candidate, Survey, step};
use crate::points::{Generator, Sequence, Spread, base_points};

/// Weights of the penalty along the path.
const FIRST_PENALTY: f64 = 1.0;
const PENALTY_RATIO: f64 = 0.25;
const MOST_PENALTIES: usize = 14;
/// Weight of the barrier at the start of the path, and the factor from one point of the path to the next.
const FIRST_BARRIER: f64 = 0.3;
const BARRIER_RATIO: f64 = 0.4;
/// Smallest eigenvalue that a layer may have.
pub(super) const LOWEST: f64 = 1e-3;
/// Eigenvalues below this draw their points into the barrier.
const NARROW: f64 = 0.02;
const ROUNDS: usize = 5;

/// What a layer is fitted to, and how.
pub(super) struct LayerProblem<'a> {
    pub manifold: &'a AnyManifold,
    pub map: Arc<dyn LinearMap>,
    pub penalty: DMatrix<f64>,
    /// Points, `[point][coordinate]`.
    pub data: &'a [f64],
    /// Points that choose the penalty; if there are none, Takeuchi's criterion does.
    pub validation: &'a [f64],
    /// Last weight of the barrier.
    pub barrier: f64,
    /// Places where the functions are narrow, and their widths.
    pub places: (&'a [f64], &'a [f64]),
}

/// A fitted layer.
#[derive(Clone, Debug)]
pub(super) struct LayerFit {
    pub a: Vec<f64>,
    /// Nats per point by which the criterion is better than that of the identity.
    pub gain: f64,
    pub strength: Strength,
    /// Smallest eigenvalue of `H` that the last search saw.
    pub lowest: f64,
    pub steps: usize,
    /// Factor of the contraction at the end.
    pub contraction: f64,
}

impl LayerProblem<'_> {
    /// Uniform points, their number and the distance between neighbours.
    fn base_points(&self, count: usize, rng: &mut Generator) -> (Vec<f64>, Vec<f64>) {
        let sequence = Sequence::new(Spread::Kronecker, count, self.manifold.cube_dim());
        let spacing = std::f64::consts::PI * (count as f64).powf(-1.0 / self.manifold.dim() as f64);
        (base_points(self.manifold, &sequence, rng), vec![spacing; count])
    }

    /// Points around the places where functions are narrow, `each` per place, and lengths of steps there.
    fn local_points(&self, each: usize, rng: &mut Generator) -> (Vec<f64>, Vec<f64>) {
        let (centres, kappas) = self.places;
        let (mut points, mut scales) = (Vec::new(), Vec::new());
        for (centre, kappa) in centres.chunks_exact(self.manifold.ambient()).zip(kappas) {
            let width = kappa.sqrt().recip();
            for _ in 0..each {
                let spread = 0.5 + 1.5 * (rng.below(1 << 20) as f64 / (1 << 20) as f64);
                points.extend(step(self.manifold, centre, spread * width, rng));
                scales.push(0.4 * width);
            }
        }
        (points, scales)
    }

    /// Uniform and local points together, and the data.
    fn fresh_points(&self, count: usize, each: usize, rng: &mut Generator) -> (Vec<f64>, Vec<f64>) {
        let (mut points, mut scales) = self.base_points(count, rng);
        let (local, widths) = self.local_points(each, rng);
        points.extend(local);
        scales.extend(widths);
        let data = self.data.chunks_exact(self.manifold.ambient()).map(|_| scales[0]).collect::<Vec<_>>();
        points.extend(self.data);
        scales.extend(data);
        points.extend(self.validation);
        scales.extend(vec![scales[0]; self.validation.len() / self.manifold.ambient()]);
        (points, scales)
    }

    /// Fits the layer; none if no penalty is better than the identity.
    pub fn fit(&self, rng: &mut Generator) -> Option<LayerFit> {
        let n = self.manifold.ambient();
        let count = self.data.len() / n;
        let parameters = self.map.parameters();
        let (uniform, _) = self.base_points(2000.max(5 * parameters), rng);
        let share = n as f64 / uniform.len() as f64;
        let weights = vec![share; uniform.len() / n];
        let mut problem = Problem {
            map: &*self.map,
            data: Cloud::new(&*self.map, self.data, &vec![1.0 / count as f64; count]),
            barrier: Cloud::new(&*self.map, &uniform, &weights),
            penalty: self.penalty.clone(),
        };
        let held = self.validation.len() / n;
        let validation =
            (held > 0).then(|| Cloud::new(&*self.map, self.validation, &vec![1.0 / held as f64; held]));
        let criterion = |problem: &Problem<'_>, strength: Strength, a: &DVector<f64>| match &validation {
            Some(cloud) => cloud.value(&*self.map, &cloud.coordinates(a)),
            None => problem.mean_log_density(a) - problem.optimism(strength, a, count),
        };
        let survey = Survey::new(&self.map);
        let zero = DVector::zeros(parameters);
        let nothing = match &validation {
            Some(cloud) => cloud.value(&*self.map, &cloud.coordinates(&zero)),
            None => problem.mean_log_density(&zero),
        };
        let (mut a, mut steps, mut worse) = (zero, 0, 0);
        let mut strength = Strength { barrier: FIRST_BARRIER.max(self.barrier), penalty: FIRST_PENALTY };
        let mut best: Option<(f64, DVector<f64>, Strength)> = None;
        for _ in 0..MOST_PENALTIES {
            let minimum = problem.minimise(strength, a, 1e-3, 30);
            (a, steps) = (minimum.a, steps + minimum.steps);
            let value = criterion(&problem, strength, &a);
            if std::env::var("TRACE").is_ok() {
                eprintln!(
                    "    lambda {:.1e} mu {:.3} steps {steps} train {:.4} criterion {:.4}",
                    strength.penalty,
                    strength.barrier,
                    problem.mean_log_density(&a) - nothing,
                    value - nothing
                );
            }
            if best.as_ref().is_none_or(|(most, ..)| value > *most) {
                best = Some((value, a.clone(), strength));
                worse = 0;
            } else {
                worse += 1;
            }
            if worse > 1 {
                break;
            }
            strength.penalty *= PENALTY_RATIO;
            strength.barrier = (strength.barrier * BARRIER_RATIO).max(self.barrier);
        }
        let (_, mut a, mut strength) = best?;
        strength.barrier = self.barrier;
        let minimum = problem.minimise(strength, a, 1e-5, 60);
        (a, steps) = (minimum.a, steps + minimum.steps);
        for _ in 0..ROUNDS {
            let (points, scales) = self.fresh_points(8000, 16, rng);
            let found = survey.search(a.as_slice(), &points, &scales, NARROW, rng);
            if found[0].lowest > 2.0 * LOWEST {
                break;
            }
            let hard: Vec<&Candidate> =
                found.iter().take_while(|c| c.lowest < NARROW).take(parameters.max(256)).collect();
            let points: Vec<f64> = hard.iter().flat_map(|c| c.point.clone()).collect();
            problem.barrier.extend(&*self.map, &points, &vec![4.0 * share; hard.len()]);
            a *= contraction(found[0].lowest, NARROW);
            while !problem.is_feasible(&a) {
                a *= 0.9;
            }
            let minimum = problem.minimise(strength, a, 1e-5, 60);
            (a, steps) = (minimum.a, steps + minimum.steps);
        }
        let (points, scales) = self.fresh_points(20_000, 48, rng);
        let found = survey.search(a.as_slice(), &points, &scales, LOWEST, rng);
        let factor = if found[0].lowest < LOWEST { contraction(found[0].lowest, 1.5 * LOWEST) } else { 1.0 };
        a *= factor;
        let gain = criterion(&problem, strength, &a) - nothing;
        let lowest = if factor < 1.0 { 1.0 - factor * (1.0 - found[0].lowest) } else { found[0].lowest };
        Some(LayerFit { a: a.as_slice().to_vec(), gain, strength, lowest, steps, contraction: factor })
    }
}

/// The factor `t` that lifts a smallest eigenvalue to `target`: `λ_min(H(t a)) ≥ 1 − t (1 − λ_min(H(a)))`, because `H`
/// is concave along the ray from the identity.
pub(super) fn contraction(lowest: f64, target: f64) -> f64 {
    if lowest >= target { 1.0 } else { ((1.0 - target) / (1.0 - lowest)).max(0.1) }
}
