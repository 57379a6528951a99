//! The natural gradient over all layers of a stack, with searches for folds between its steps.
//!
//! A step keeps clear of folds at the points of the barriers, and may fold between them. So every layer is searched after each
//! step, and the points where it nearly folds are added to its barrier. Were layers contracted at the end alone, that would
//! undo more than the steps had gained.

use std::sync::atomic::{AtomicBool, Ordering};

use ircpm_flow::{Flow, Jacobian};
use ircpm_manifolds::AnyManifold;

use super::fitted::FittedLayer;
use super::joint::{Joint, LayerBarrier};
use super::layer::LOWEST;
use super::neighbours;
use super::survey::contraction;
use crate::points::Generator;
use crate::weights::Sample;

/// Objective, in nats, by which a step of the natural gradient must be better for another one to be taken.
const LEAST_FALL: f64 = 2e-5;
/// Steps without a better validation after which it stops.
const PATIENCE: usize = 5;
/// The first trial of a step is this many times as long as the step before, and at most a whole one.
const LONGER: f64 = 4.0;
/// Smallest eigenvalue that a layer which folds after a step is contracted to.
const ROOM: f64 = 3.0 * LOWEST;
/// Shares of a step that are tried where a whole one folds.
const SHARES: [f64; 4] = [0.7, 0.5, 0.3, 0.1];

/// What the natural gradient is given.
pub(super) struct NaturalGradient<'a> {
    manifold: &'a AnyManifold,
    flow: &'a Flow,
    data: Sample,
    /// Points that judge steps; none where all steps are taken.
    validation: &'a Sample,
    /// Weight `μ` of the barriers.
    barrier: f64,
}

/// Parameters, and the objective there.
struct Iterate {
    theta: Vec<f64>,
    value: f64,
}

impl<'a> NaturalGradient<'a> {
    pub(super) fn new(
        manifold: &'a AnyManifold,
        flow: &'a Flow,
        data: &Sample,
        validation: &'a Sample,
        barrier: f64,
    ) -> Self {
        // Blocks of neighbours have fewer active columns.
        let data = data.rows(manifold.ambient(), &neighbours::order(manifold, &data.points));
        Self { manifold, flow, data, validation, barrier }
    }

    /// At most `most` steps from parameters `start`: the parameters that are kept, and how many steps lead to them. `layers`
    /// are those of the flow, the last one first. With a generator folds are looked for after each step.
    pub(super) fn run(
        &self,
        layers: &mut [FittedLayer],
        start: &[f64],
        most: usize,
        mut rng: Option<&mut Generator>,
        stop: &AtomicBool,
    ) -> (Vec<f64>, usize) {
        let is_judged = !self.validation.points.is_empty();
        let judge = |theta: &[f64]| if is_judged { mean(self.flow, theta, self.validation) } else { 0.0 };
        let mut best = (judge(start), start.to_vec(), 0);
        let (mut now, mut memory) = (self.at(layers, start.to_vec()), Jacobian::default());
        let mut length = 1.0;
        for step in 1..=most {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            let mut theta = now.theta.clone();
            // Near points that almost fold steps are short, one after the other.
            let longest = (LONGER * length).min(1.0);
            let moved = self.joint(layers, |joint| joint.step(&mut theta, now.value, longest, &mut memory));
            let Some((value, taken)) = moved else { break };
            length = taken;
            let fall = now.value - value;
            // With more points in the barriers the objective is another one, and may be higher than before the step. Steps that
            // such points forbid were left out on trial: fits took twice the time and were no better.
            now = match &mut rng {
                Some(rng) => self.without_folds(layers, &now.theta, theta, rng),
                None => Iterate { theta, value },
            };
            if now.value.is_infinite() {
                break;
            }
            let judged = judge(&now.theta);
            if judged > best.0 || !is_judged {
                best = (judged, now.theta.clone(), step);
            }
            if fall < LEAST_FALL || step >= best.2 + PATIENCE {
                break;
            }
        }
        (best.1, best.2)
    }

    /// Calls `f` with the problem behind the barriers of layers.
    fn joint<T>(&self, layers: &[FittedLayer], f: impl FnOnce(&Joint<'_>) -> T) -> T {
        let layers: Vec<&LayerBarrier> = layers.iter().rev().map(|layer| &layer.barrier).collect();
        f(&Joint { flow: self.flow, data: &self.data, layers: &layers, barrier: self.barrier })
    }

    fn at(&self, layers: &[FittedLayer], theta: Vec<f64>) -> Iterate {
        Iterate { value: self.joint(layers, |joint| joint.objective(&theta)), theta }
    }

    /// Adds the points where layers nearly fold at `theta` to their barriers. Where they fold, layers are contracted, or a part
    /// of the step from `before` is taken, whichever has the lower objective.
    fn without_folds(
        &self,
        layers: &mut [FittedLayer],
        before: &[f64],
        theta: Vec<f64>,
        rng: &mut Generator,
    ) -> Iterate {
        let mut contracted = theta.clone();
        for (l, layer) in layers.iter_mut().rev().enumerate() {
            let slot = self.flow.slot(l);
            let lowest = layer.survey(self.manifold, &theta[slot.clone()], rng);
            contracted[slot].iter_mut().for_each(|a| *a *= contraction(lowest, ROOM));
        }
        let whole = self.at(layers, theta);
        if whole.value.is_finite() {
            return whole;
        }
        let contracted = self.at(layers, contracted);
        let part = |share: f64| {
            let theta = before.iter().zip(&whole.theta).map(|(from, to)| from + share * (to - from));
            self.at(layers, theta.collect())
        };
        let part = SHARES.into_iter().map(part).find(|part| part.value.is_finite());
        part.filter(|part| part.value < contracted.value).unwrap_or(contracted)
    }
}

/// Weighted mean log-density of a sample.
pub(super) fn mean(flow: &Flow, theta: &[f64], sample: &Sample) -> f64 {
    sample.weights.mean(&flow.log_prob(theta, &sample.points))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ircpm_flow::{Map, Solver, Terms, linear_map};
    use nalgebra::DMatrix;

    use super::super::dictionary::{Choice, Richness};
    use super::super::survey::Survey;
    use super::*;

    #[test]
    fn folds_between_the_points_of_barriers_are_seen_after_a_step() {
        let manifold: AnyManifold = "S2".parse().expect("a sphere");
        let centre = [0.6, 0.0, 0.8];
        let terms = Terms::new(&manifold).bump(&centre, 200.0);
        let map = linear_map(&manifold, terms, Solver::default()).expect("kernels");
        let richness = Richness { frequency: 1, bumps: vec![], coverage: 1.0 };
        let choice = Choice::of(&manifold, &richness, vec![]);
        // Data and barrier lie where the bump is next to nothing.
        let far = vec![0.0, 0.0, -1.0];
        let barrier = (far.clone(), vec![1.0]);
        let mut layers = [FittedLayer::new(map.clone(), vec![0.5], choice, 0, barrier).expect("a layer")];
        layers[0].barrier.penalty = DMatrix::zeros(1, 1);
        let flow = Flow::from_maps(vec![map as Arc<dyn Map>], false).expect("a flow");
        let (data, validation) = (Sample { points: far, ..Sample::default() }, Sample::default());
        let ascent = NaturalGradient::new(&manifold, &flow, &data, &validation, 0.1);
        let (before, folded) = (vec![0.5], vec![3.0]);
        assert!(ascent.at(&layers, folded.clone()).value.is_finite(), "a fold that is not seen");
        let lowest = |theta: &[f64]| Survey::new(&layers[0].map).lowest(theta, &centre)[0];
        assert!(lowest(&folded) < -1.0);
        let after = ascent.without_folds(&mut layers, &before, folded.clone(), &mut Generator::from_seed(2));
        assert!(after.value.is_finite(), "{}", after.value);
        assert!(layers[0].barrier.weights.len() > 1, "points of the fold are added to the barrier");
        assert!(ascent.at(&layers, folded).value.is_infinite(), "the fold is seen from then on");
        let lowest = Survey::new(&layers[0].map).lowest(&after.theta, &centre)[0];
        assert!(lowest > 0.5 * ROOM, "{lowest}");
    }
}
