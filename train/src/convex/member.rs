//! A stack of fitted layers, with the points that it was fitted to and those that judge it.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use ircpm_flow::{Flow, FlowError, LinearMap, Map, Solver, linear_map};
use ircpm_manifolds::AnyManifold;
use nalgebra::DVector;

use super::dictionary::{Choice, Richness};
use super::fitted::FittedLayer;
use super::layer::{LayerFit, PathPoint, UNIFORM};
use super::natural_gradient::{NaturalGradient, mean};
use super::specification::LayerTerms;
use super::state::{GrowthError, GrowthState, MemberState, ResumeError};
use super::survey::{CONDITIONAL, uniform};
use crate::points::Generator;
use crate::weights::{Sample, Weights};

/// Samples of the whole flow among the points at which folds are looked for last.
const OWN_SAMPLES: usize = 8192;

/// A stack in the making.
pub(super) struct Member<'a> {
    manifold: &'a AnyManifold,
    /// Points to fit, and points that judge; as given.
    data: Sample,
    validation: Sample,
    /// The same points pulled back through the layers.
    x: Sample,
    v: Sample,
    /// The layer next to the data first.
    pub layers: Vec<FittedLayer>,
    seed: u64,
    /// Of the barriers' points and of the searches. Centres have a generator of their own, so that they do not depend on how
    /// long a search was.
    rng: Generator,
    /// Whether layers are searched for folds between the points.
    is_thorough: bool,
}

/// A layer that is being fitted.
pub(super) struct Draft {
    choice: Choice,
    map: Arc<dyn LinearMap>,
    pub path: Vec<PathPoint>,
}

impl<'a> Member<'a> {
    pub(super) fn new(
        manifold: &'a AnyManifold,
        data: Sample,
        validation: Sample,
        seed: u64,
        is_thorough: bool,
    ) -> Self {
        let (x, v) = (data.clone(), validation.clone());
        Self {
            manifold,
            data,
            validation,
            x,
            v,
            layers: vec![],
            seed,
            rng: Generator::from_seed(seed),
            is_thorough,
        }
    }

    /// A stack of the same points without layers, which only judges.
    pub(super) fn trial(&self) -> Self {
        let Self { manifold, data, validation, rng, seed, .. } = self;
        let (x, v) = (data.clone(), validation.clone());
        Self {
            manifold,
            data: data.clone(),
            validation: validation.clone(),
            x,
            v,
            layers: vec![],
            seed: *seed,
            rng: rng.clone(),
            is_thorough: false,
        }
    }

    /// Weights of the validation points.
    pub(super) fn weights(&self) -> &Weights {
        &self.v.weights
    }

    /// Share of every point to fit in their weights.
    fn shares(&self) -> Vec<f64> {
        self.x.weights.shares(self.x.points.len() / self.manifold.ambient())
    }

    /// Least number of uniform points in a layer's barrier.
    fn least_uniform(&self) -> usize {
        let least = UNIFORM[usize::from(!self.is_thorough)];
        if self.manifold.contexts() > 0 { CONDITIONAL * least } else { least }
    }

    /// What dictionary the points can bear.
    pub(super) fn richness(&self) -> Richness {
        Richness::new(self.manifold, self.effective())
    }

    /// That dictionary and others that may suit the points better.
    pub(super) fn choices(&self) -> Vec<Richness> {
        self.richness().choices(self.manifold.dim(), self.effective())
    }

    /// Effective number of points to fit.
    pub(super) fn effective(&self) -> usize {
        let count = self.data.points.len() / self.manifold.ambient();
        self.data.weights.effective(count).round() as usize
    }

    /// Log-densities that the validation points have without a further layer, up to those of the layers so far.
    pub(super) fn base_densities(&self) -> Vec<f64> {
        self.v.points.chunks_exact(self.manifold.ambient()).map(|x| self.manifold.log_base(x)).collect()
    }

    /// Fits the next layer along a path of penalties; up to penalty number `last`, if it is given.
    pub(super) fn draft(
        &mut self,
        richness: &Richness,
        barrier: f64,
        last: Option<usize>,
        stop: &AtomicBool,
    ) -> Result<Draft, FlowError> {
        let mut rng = Generator::from_seed(self.seed ^ (1 + self.layers.len() as u64).rotate_right(16));
        let choice = Choice::new(self.manifold, &self.x, richness, &mut rng);
        let terms = choice.terms.on(self.manifold).expect("functions of this manifold");
        let map = linear_map(self.manifold, terms, Solver::default())?;
        let barrier = (barrier, self.least_uniform());
        let (places, shares) = (choice.places(self.manifold, &self.x.points), self.shares());
        let mut fit =
            LayerFit::new(map.clone(), choice.penalty.clone(), places, &shares, barrier, stop, &mut self.rng);
        let path = fit.path(&self.v.points, &self.v.weights, last);
        Ok(Draft { choice, map, path })
    }

    /// Finishes a layer at the path's penalty number `k` and pulls all points back through it. Log-densities of the
    /// validation points with this layer are returned, as those of [`Member::base_densities`].
    pub(super) fn add(
        &mut self,
        draft: Draft,
        k: usize,
        barrier: f64,
        stop: &AtomicBool,
    ) -> Result<Vec<f64>, FlowError> {
        let Draft { choice, map, path } = draft;
        let barrier = (barrier, self.least_uniform());
        let (places, shares) = (choice.places(self.manifold, &self.x.points), self.shares());
        let mut fit =
            LayerFit::new(map.clone(), choice.penalty.clone(), places, &shares, barrier, stop, &mut self.rng);
        let flow = Flow::from_maps(vec![map.clone() as Arc<dyn Map>], false)?;
        let start = path[k.min(path.len() - 1)].a.clone();
        // One of several folds only judges: where its map folds between the points does not matter.
        let mut a = if self.is_thorough { start.clone() } else { fit.minimum(start.clone(), k) };
        let folds = |a: &DVector<f64>| flow.log_prob(a.as_slice(), &self.v.points).iter().any(|l| l.is_nan());
        if self.is_thorough || folds(&a) {
            a = fit.finish(start, k, &mut self.rng).into();
        }
        let a = a.as_slice().to_vec();
        let barrier = fit.into_barrier();
        Ok(self.push(FittedLayer::new(map, a, choice, k, barrier)?))
    }

    /// Pulls all points back through one more layer. Log-densities of the validation points with it are returned.
    pub(super) fn push(&mut self, layer: FittedLayer) -> Vec<f64> {
        let flow = &layer.barrier.flow;
        let pulled = flow.inverse(&layer.a, &self.v.points);
        self.x.points = flow.inverse(&layer.a, &self.x.points).x;
        self.v.points = pulled.x;
        self.layers.push(layer);
        pulled.log_q
    }

    /// The layers so far, and the generator.
    pub(super) fn state(&self) -> MemberState {
        MemberState { rng: self.rng.clone(), layers: self.layers.iter().map(FittedLayer::state).collect() }
    }

    /// Puts back the layers of a saved state, of which this is stack number `member`; each at its penalty number.
    pub(super) fn restore(
        &mut self,
        member: usize,
        state: &MemberState,
        penalties: &[usize],
        richness: &Richness,
    ) -> Result<(), ResumeError> {
        let bumps = richness.bumps.iter().sum();
        for (l, (saved, &k)) in state.layers.iter().zip(penalties).enumerate() {
            let error =
                |array: &str, problem| GrowthError { name: GrowthState::name(member, l, array), problem };
            if let Some((array, problem)) = saved.problem(self.manifold.ambient(), bumps) {
                return Err(error(array, problem).into());
            }
            let choice = Choice::of(self.manifold, richness, saved.bumps(self.manifold.ambient()));
            let terms = choice.terms.on(self.manifold).expect("bumps that were checked");
            let map = linear_map(self.manifold, terms, Solver::default())?;
            let (found, needed) = (saved.parameters.len(), map.parameters());
            if found != needed {
                let problem = format!("holds {found} numbers instead of {needed}");
                return Err(error("parameters", problem).into());
            }
            let barrier = (saved.barrier.clone(), saved.weights.clone());
            self.push(FittedLayer::new(map, saved.parameters.clone(), choice, k, barrier)?);
            if ![&self.x, &self.v].iter().all(|sample| sample.points.iter().all(|x| x.is_finite())) {
                return Err(error("parameters", "folds the points".to_owned()).into());
            }
        }
        self.rng = state.rng.clone();
        Ok(())
    }

    /// A draft with the functions of another member's last layer, which starts at its parameters.
    pub(super) fn draft_like(&self, other: &FittedLayer) -> Draft {
        let choice = other.choice.clone();
        let path = vec![PathPoint { a: other.a.clone().into(), validation: vec![] }];
        Draft { choice, map: other.map.clone(), path }
    }

    /// The flow of all layers, the first applied first, and its parameters.
    pub(super) fn flow(&self) -> Result<(Flow, Vec<f64>), FlowError> {
        let maps = self.layers.iter().rev().map(|layer| layer.map.clone() as Arc<dyn Map>).collect();
        let theta = self.layers.iter().rev().flat_map(|layer| layer.a.clone()).collect();
        Ok((Flow::from_maps(maps, false)?, theta))
    }

    /// Weighted mean log-density of the validation points under all layers.
    pub(super) fn validation(&self) -> Result<f64, FlowError> {
        let (flow, theta) = self.flow()?;
        Ok(mean(&flow, &theta, &self.validation))
    }

    /// Steps of the natural gradient over all layers, at most `most`. With validation points the best of them is kept;
    /// its number is returned. A thorough stack is searched for folds after each step, and contracted at the end, layer by
    /// layer.
    pub(super) fn polish(
        &mut self,
        barrier: f64,
        most: usize,
        stop: &AtomicBool,
    ) -> Result<usize, FlowError> {
        let (flow, start) = self.flow()?;
        let ascent = NaturalGradient::new(self.manifold, &flow, &self.data, &self.validation, barrier);
        let rng = self.is_thorough.then_some(&mut self.rng);
        let (theta, steps) = ascent.run(&mut self.layers, &start, most, rng, stop);
        self.set(&flow, &theta);
        if self.is_thorough {
            self.contract(&flow, &theta);
            // Contraction may undo more than the steps have gained.
            let likelihood = |theta: &[f64]| mean(&flow, theta, &self.data);
            let after = likelihood(&self.flow()?.1);
            if after.is_nan() || after < likelihood(&start) {
                self.set(&flow, &start);
            }
        }
        Ok(steps)
    }

    /// Gives every layer its part of the parameters of the whole flow.
    fn set(&mut self, flow: &Flow, theta: &[f64]) {
        for (l, layer) in self.layers.iter_mut().rev().enumerate() {
            layer.a = theta[flow.slot(l)].to_vec();
        }
    }

    /// Contracts every layer until no fold of it is found, also not at the data and at samples of the whole flow, pulled back
    /// by the layers before it.
    fn contract(&mut self, flow: &Flow, theta: &[f64]) {
        let pushed = flow.forward(theta, &uniform(self.manifold, OWN_SAMPLES, &mut self.rng));
        let samples = pushed.y.chunks_exact(self.manifold.ambient()).zip(&pushed.ok);
        let mut points = [&self.data.points[..], &self.validation.points].concat();
        points.extend(samples.filter(|(_, ok)| **ok).flat_map(|(sample, _)| sample));
        for layer in &mut self.layers {
            layer.contract(self.manifold, &points, &mut self.rng);
            points = layer.barrier.flow.inverse(&layer.a, &points).x;
        }
    }

    /// Functions and parameters of every layer, the first applied first.
    pub(super) fn described(&self) -> Vec<(LayerTerms, Vec<f64>)> {
        self.layers.iter().rev().map(|layer| (layer.choice.terms.clone(), layer.a.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use ircpm_flow::Terms;

    use super::super::layer::LOWEST;
    use super::super::survey::Survey;
    use super::*;

    #[test]
    fn contraction_sees_a_fold_at_points_that_were_pulled_back() {
        let manifold: AnyManifold = "S2".parse().expect("a sphere");
        let centre = [0.6, 0.0, 0.8];
        // A fold narrower than the searches at other points resolve.
        let terms = Terms::new(&manifold).bump(&centre, 1e9);
        let map = linear_map(&manifold, terms, Solver::default()).expect("kernels");
        let choice = Choice::of(&manifold, &Richness { frequency: 1, bumps: vec![], coverage: 1.0 }, vec![]);
        let barrier = (centre.to_vec(), vec![1.0]);
        let mut layer = FittedLayer::new(map, vec![3.0], choice, 0, barrier).expect("a layer");
        let mut rng = Generator::from_seed(4);
        layer.contract(&manifold, &[], &mut rng);
        assert_eq!(layer.a, [3.0], "a fold that is not seen");
        assert!(Survey::new(&layer.map).lowest(&layer.a, &centre)[0] < -1.0);
        layer.contract(&manifold, &centre, &mut rng);
        assert!(Survey::new(&layer.map).lowest(&layer.a, &centre)[0] > 0.5 * LOWEST, "{:?}", layer.a);
    }
}
