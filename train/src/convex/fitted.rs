//! One fitted layer of a stack, and the points where it must not fold.

use std::sync::Arc;

use ircpm_flow::{Flow, FlowError, LinearMap, Map};
use ircpm_manifolds::AnyManifold;

use super::dictionary::Choice;
use super::joint::LayerBarrier;
use super::layer::{LayerFit, MOST_NARROW, NARROW, NARROW_WEIGHT};
use super::state::LayerState;
use super::survey::{Candidate, FRESH, STARTS, Survey};
use crate::points::Generator;

/// One fitted layer.
#[derive(Clone)]
pub(super) struct FittedLayer {
    pub map: Arc<dyn LinearMap>,
    pub a: Vec<f64>,
    pub choice: Choice,
    pub barrier: LayerBarrier,
}

impl FittedLayer {
    /// A layer at the path's penalty number `k`, with the points and weights of its barrier.
    pub(super) fn new(
        map: Arc<dyn LinearMap>,
        a: Vec<f64>,
        choice: Choice,
        k: usize,
        (points, weights): (Vec<f64>, Vec<f64>),
    ) -> Result<Self, FlowError> {
        let flow = Flow::from_maps(vec![map.clone() as Arc<dyn Map>], false)?;
        let penalty = LayerFit::penalty(k) * &choice.penalty;
        Ok(Self { map, a, choice, barrier: LayerBarrier { flow, points, weights, penalty } })
    }

    /// Adds points where `H` is nearly singular to the barrier, worst first.
    fn add_to_barrier(&mut self, narrow: &[Candidate]) {
        let weight = NARROW_WEIGHT * self.barrier.weights[0];
        for candidate in narrow.iter().take(MOST_NARROW) {
            self.barrier.points.extend(&candidate.point);
            self.barrier.weights.push(weight);
        }
    }

    /// Looks for points where `H` is nearly singular at parameters `a`, and adds them to the barrier. Returns the smallest
    /// eigenvalue that it has found.
    pub(super) fn survey(&mut self, manifold: &AnyManifold, a: &[f64], rng: &mut Generator) -> f64 {
        let starts = self.choice.places(manifold, &[]).fresh(FRESH.0, FRESH.1, rng);
        let mut narrow = Survey::new(&self.map).search(a, &starts, NARROW, STARTS, rng);
        let lowest = narrow[0].lowest;
        narrow.retain(|candidate| candidate.lowest < NARROW);
        self.add_to_barrier(&narrow);
        lowest
    }

    /// Contracts until no fold is found, looking at given points of the layer's own space as well, and adds the points
    /// where `H` is nearly singular to the barrier.
    pub(super) fn contract(&mut self, manifold: &AnyManifold, points: &[f64], rng: &mut Generator) {
        let places = self.choice.places(manifold, points);
        let contracted = Survey::new(&self.map).contract(&self.a, &places, rng);
        self.a = contracted.a;
        self.add_to_barrier(&contracted.narrow);
    }

    pub(super) fn state(&self) -> LayerState {
        let bumps = &self.choice.terms.bumps;
        LayerState {
            centres: bumps.iter().flat_map(|bump| bump.centre.iter().copied()).collect(),
            concentrations: bumps.iter().map(|bump| bump.kappa).collect(),
            parameters: self.a.clone(),
            barrier: self.barrier.points.clone(),
            weights: self.barrier.weights.clone(),
        }
    }
}
