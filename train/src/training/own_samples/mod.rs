//! Training on the model's own samples: the reverse Kullback–Leibler divergence by least squares, or by gradients.
//!
//! Where a torus has dozens of angles, uniform points see nothing of the target, and only samples of the model tell where
//! it matters. At these the damped Gauss–Newton step on the residual of the Monge–Ampère equation is the damped natural
//! gradient of the reverse divergence: `E_q[J Jᵀ]` is the Fisher matrix, `E_q[J ρ]` the divergence's gradient, and to take
//! out the mean of `ρ` is the best constant baseline (`docs/mathematics.md`, section 37).
//!
//! A layer that can fold is kept from it by a [`Wall`], which is in charge of the parameters: those that are optimised are
//! free, those of the flow are theirs, scaled.

mod depth;
mod samples;
mod wall;

use std::ops::Range;

use ircpm_flow::{Flow, Jacobian, SolveStats};

use super::{Assessment, End, TrainingObjective};
use crate::config::{AUTO, TrainingConfig};
use crate::estimate::Estimates;
use crate::lattice::LatticeFlow;
use crate::loss::{self, Gradient, LossError, monge_ampere};
use crate::optimiser::{
    Check, LeastSquares, LevenbergMarquardt, Objective, Squares, Staged, StateError, Tensors, tensor,
};
use crate::points::{Generator, Sequence, Spread, base_points};
use crate::ranks::Ranks;
use crate::target::Target;
use monge_ampere::{Offsets, Residuals};
use samples::Samples;
pub use wall::Wall;

/// Steps of least squares on the model's own samples.
const STEPS: usize = 40;

/// The settings with the optimiser and the number of steps that are the default for charges.
pub(in crate::training) fn of_charges(settings: &TrainingConfig) -> TrainingConfig {
    let mut settings = settings.clone();
    if settings.optimiser == AUTO {
        LevenbergMarquardt::NAME.clone_into(&mut settings.optimiser);
    }
    if settings.is_least_squares() {
        settings.steps = settings.steps.or(Some(STEPS));
    }
    settings
}

/// Reverse divergence on the model's own samples.
pub struct OwnSamples<'a> {
    flow: &'a Flow,
    ranks: Ranks,
    target: &'a dyn Target,
    beta: f64,
    wall: Wall,
    generator: Generator,
    /// Base points of one step of gradients.
    base: Sequence,
    /// Steps of gradients, and steps so far.
    first_order: usize,
    step: usize,
    /// Steps in which `β` rises.
    ramp: f64,
    /// Steps before which the wall is searched as thoroughly as at the end.
    deepened: [usize; 2],
    x: Vec<f64>,
    batch: Samples,
    check: Samples,
    /// The free parameters at which the samples were drawn, so that their `log q` is known there.
    drawn_at: Vec<f64>,
    log_z: f64,
    stats: SolveStats,
    quality: Option<Estimates>,
    /// The flow's parameters with the least divergence at fresh samples so far, at the full `β`, after that divergence.
    best: Vec<f64>,
    /// Divergence at which training ends.
    goal: f64,
    /// Whether `β` rises in the first steps, which it does not where the parameters to begin with are those of a lattice.
    ramps: bool,
}

/// Share of the steps, of gradients where there are some, in which `β` rises to that of the target, and the least number of
/// them.
const RAMP: f64 = 0.3;
const LEAST_RAMP: f64 = 10.0;
/// Shares of the steps of least squares after which the wall is searched as thoroughly as at the end.
const DEEPENED: [f64; 2] = [0.7, 0.9];
/// Part of `β` that training begins with.
const START: f64 = 0.1;
/// Samples of a step of least squares per parameter: the noise of its gradient costs a divergence of about `KL · P/n`
/// (`docs/mathematics.md`, section 37).
const PER_PARAMETER: usize = 4;
/// One per so many samples is drawn besides, for the check.
const PER_CHECK: usize = 3;
/// Least and most samples of a step of least squares, without those of the check.
const SAMPLES: [usize; 2] = [1024, 1 << 14];
/// Floor under the eigenvalues of `H` in the Jacobian; samples of the model are far above it.
const FLOOR: f64 = 1e-6;
/// Stands for the divergence of parameters to begin with until the first refresh by least squares measures it.
const UNMEASURED: f64 = f64::MAX;
/// Residuals as they are.
const PLAIN: Offsets = Offsets { model: 0.0, target: 0.0, bend: 1.0 };

impl<'a> OwnSamples<'a> {
    /// Training of a lattice's flow for `exp(−βu)`, by the optimiser and in the steps of the settings.
    pub fn new(
        lattice: &'a LatticeFlow,
        (target, beta): (&'a dyn Target, f64),
        settings: &TrainingConfig,
        mut generator: Generator,
    ) -> Self {
        let flow = &lattice.flow;
        let first_order = match settings.optimiser.as_str() {
            LevenbergMarquardt::NAME => 0,
            Staged::NAME => Staged::steps_of_adam(settings.steps()),
            _ => settings.steps(),
        };
        let steps = if first_order > 0 { first_order } else { settings.steps() };
        Self {
            flow,
            ranks: Ranks::ALONE,
            target,
            ramp: (RAMP * steps as f64).max(LEAST_RAMP),
            deepened: DEEPENED.map(|share| (share * settings.steps() as f64) as usize),
            beta,
            wall: Wall::new(lattice, &mut generator),
            generator,
            base: Sequence::new(settings.points, settings.batch(), flow.manifold().cube_dim()),
            first_order,
            step: 0,
            x: vec![],
            batch: Samples::default(),
            check: Samples::default(),
            drawn_at: vec![],
            log_z: 0.0,
            stats: SolveStats::default(),
            quality: None,
            best: vec![],
            goal: settings.goal,
            ramps: true,
        }
    }

    /// `β` of the present step.
    fn present_beta(&self) -> f64 {
        match self.ramps {
            true => self.beta * (START + (1.0 - START) * self.step as f64 / self.ramp).min(1.0),
            false => self.beta,
        }
    }

    /// The flow's parameters to end with: of those that least squares have measured the best, because a search of the wall
    /// may have scaled the last ones down.
    fn conclude(&mut self, theta: &[f64]) -> Vec<f64> {
        let quality = self.quality.take();
        if self.step >= self.first_order {
            // Measures the last ones. Where that fails, others remain.
            let _ = self.refresh(theta);
        }
        self.quality = quality;
        match self.best.split_first() {
            Some((_, parameters)) => parameters.to_vec(),
            None => self.wall.parameters(theta),
        }
    }

    /// Estimates from the weights of samples, none where they have none.
    fn quality_of(&self, log_weights: &[f64]) -> Option<Estimates> {
        // At other temperatures the exact log Z may take as long as a step.
        let is_full = self.present_beta() == self.beta;
        let log_z = is_full.then(|| self.target.log_z(self.beta)).flatten();
        Estimates::new(log_weights, 0, log_z).ok()
    }

    /// Measures the parameters to begin with as they are, because the wall may scale them down: training then ends with no
    /// others that are worse.
    fn measure_start(&mut self, count: usize) {
        let Some((_, parameters)) = self.best.split_first().filter(|(kl, _)| **kl == UNMEASURED) else {
            return;
        };
        let parameters = parameters.to_vec();
        let samples = self.samples(&parameters, count).ok();
        let quality = samples.and_then(|samples| self.quality_of(&samples.log_weights()));
        self.best = quality.map_or(vec![], |quality| [&[quality.kl.value][..], &parameters].concat());
    }

    /// Fresh samples of the model with the flow's parameters `theta`, without those whose solve failed.
    fn samples(&mut self, theta: &[f64], count: usize) -> Result<Samples, LossError> {
        let manifold = self.flow.manifold();
        let sequence = Sequence::new(Spread::Random, count, manifold.cube_dim());
        let base = base_points(manifold, &sequence, &mut self.generator);
        let pushed = self.ranks.forward(self.flow, theta, &base);
        self.stats.merge(&pushed.stats);
        let n = manifold.ambient();
        let mut samples = Samples::default();
        for s in (0..pushed.ok.len()).filter(|&s| pushed.ok[s]) {
            samples.y.extend_from_slice(&pushed.y[s * n..(s + 1) * n]);
            samples.log_q.push(pushed.log_q[s]);
        }
        samples.energies = vec![0.0; samples.log_q.len()];
        let y = &samples.y;
        self.ranks.fill(&mut samples.energies, |samples, u| {
            self.target.energies(&y[samples.start * n..samples.end * n], u);
        });
        if let Some(s) = samples.energies.iter().position(|u| !u.is_finite()) {
            return Err(LossError::energy(samples.energies[s], &samples.y[s * n..(s + 1) * n]));
        }
        let beta = self.present_beta();
        samples.energies.iter_mut().for_each(|u| *u *= beta);
        samples.weigh();
        if samples.log_q.len() < 2 {
            return Err(LossError::Solves { failed: count - samples.log_q.len(), points: count });
        }
        Ok(samples)
    }

    /// Residuals at samples with the free parameters `theta`; none where the map folds at one of them.
    fn residuals(&self, theta: &[f64], samples: &Samples) -> Option<Squares> {
        if theta == self.drawn_at {
            return self.squares(samples, &samples.log_q);
        }
        let pulled = self.ranks.inverse(self.flow, &self.wall.parameters(theta), &samples.y);
        if pulled.ok.iter().all(|ok| *ok) { self.squares(samples, &pulled.log_q) } else { None }
    }

    /// Residuals at samples where the model has the density `log_q`; none where they are not finite.
    fn squares(&self, samples: &Samples, log_q: &[f64]) -> Option<Squares> {
        let Residuals { value, slope, nuisance, .. } =
            Residuals::new(log_q, &samples.energies, &samples.factors, PLAIN, 0.0, self.log_z);
        let mean_square = value.norm_squared() / value.len() as f64;
        mean_square.is_finite().then_some(Squares { value, slope, nuisance, mean_square })
    }
}

impl Objective for OwnSamples<'_> {
    fn refresh(&mut self, theta: &[f64]) -> Result<(), LossError> {
        self.wall.search(theta, self.step >= self.first_order, &self.ranks);
        if self.first_order == 0 && self.deepened.contains(&self.step) {
            self.wall.deepen(theta, &mut self.generator, &self.ranks);
        }
        (self.stats, self.quality) = (SolveStats::default(), None);
        if self.step < self.first_order {
            self.x = base_points(self.flow.manifold(), &self.base, &mut self.generator);
            return Ok(());
        }
        let parameters = self.wall.parameters(theta);
        let count = (PER_PARAMETER * theta.len()).clamp(SAMPLES[0], SAMPLES[1]);
        self.measure_start(count);
        self.drawn_at.clear();
        self.batch = self.samples(&parameters, count)?;
        self.check = self.samples(&parameters, count / PER_CHECK)?;
        self.drawn_at = theta.to_vec();
        let log_weights = [self.batch.log_weights(), self.check.log_weights()].concat();
        self.log_z = log_weights.iter().sum::<f64>() / log_weights.len() as f64;
        let is_full = self.present_beta() == self.beta;
        self.quality = self.quality_of(&log_weights);
        if let Some(kl) = self.quality.as_ref().filter(|_| is_full).map(|quality| quality.kl.value)
            && self.best.first().is_none_or(|best| kl < *best)
        {
            self.best = [&[kl][..], &parameters].concat();
        }
        Ok(())
    }

    fn gradient(&mut self, theta: &[f64]) -> Result<Gradient, LossError> {
        let scaled = self.wall.at(theta);
        let mut gradient = loss::shared_reverse_kl_by_path(
            &self.ranks,
            self.flow,
            &scaled.parameters(),
            &self.x,
            self.target,
            self.present_beta(),
        )?;
        scaled.pull_back(&mut gradient.grad, 1);
        Ok(gradient)
    }

    fn least_squares(&self) -> Option<&dyn LeastSquares> {
        Some(self)
    }

    fn stats(&self) -> SolveStats {
        self.stats
    }
}

impl TrainingObjective for OwnSamples<'_> {
    fn flow(&self) -> &Flow {
        self.flow
    }

    fn generator(&self) -> &Generator {
        &self.generator
    }

    fn share(&mut self, ranks: &Ranks) {
        self.ranks = ranks.clone();
    }

    fn state(&self) -> Tensors {
        let mut state = self.wall.state();
        state.insert("own_samples".to_owned(), vec![self.step as f64, f64::from(self.ramps)]);
        state.insert("best".to_owned(), self.best.clone());
        state
    }

    fn restore(&mut self, theta: &[f64], state: &Tensors, generator: Generator) -> Result<(), StateError> {
        let (found, expected) = (theta.len(), self.flow.parameters());
        if found != expected {
            return Err(StateError::Length { name: "theta", found, expected });
        }
        let is_count = |x: f64| (0.0..1e9).contains(&x) && x.fract() == 0.0;
        let numbers = tensor(state, "own_samples", Some(2), is_count)?;
        let best = tensor(state, "best", None, f64::is_finite)?;
        if !best.is_empty() && best.len() != expected + 1 {
            return Err(StateError::Length { name: "best", found: best.len(), expected: expected + 1 });
        }
        self.best = best.to_vec();
        self.drawn_at.clear();
        self.wall.restore(state)?;
        (self.step, self.ramps, self.generator) = (numbers[0] as usize, numbers[1] > 0.0, generator);
        Ok(())
    }

    fn parameters(&self, theta: &[f64]) -> Vec<f64> {
        self.wall.parameters(theta)
    }

    fn begin_at(&mut self, theta: &[f64]) -> Vec<f64> {
        self.ramps = false;
        self.best = [&[UNMEASURED][..], theta].concat();
        self.wall.free(theta)
    }

    fn assess(&mut self, theta: &mut Vec<f64>, last: bool) -> Assessment {
        let by_squares = self.step >= self.first_order;
        let beta = by_squares.then(|| self.present_beta());
        let mut lowest = None;
        let is_full = beta == Some(self.beta);
        // The divergence is that of the parameters before the step, of which `best` keeps a copy.
        let reached = is_full && self.quality.as_ref().is_some_and(|quality| quality.kl.value <= self.goal);
        let (last, end) = (last || reached, reached.then_some(End::Goal));
        if last {
            *theta = self.conclude(theta);
            lowest = Some(self.wall.settle(theta, &mut self.generator, &self.ranks));
        }
        self.step += 1;
        Assessment { done: last, end, beta, lowest, quality: self.quality.take(), ..Assessment::default() }
    }
}

impl LeastSquares for OwnSamples<'_> {
    fn ranks(&self) -> &Ranks {
        &self.ranks
    }

    fn samples(&self) -> usize {
        self.batch.log_q.len()
    }

    fn at(&self, theta: &[f64]) -> Option<Squares> {
        self.residuals(theta, &self.batch)
    }

    fn check(&self, theta: &[f64]) -> Option<Check> {
        let squares = self.residuals(theta, &self.check)?;
        Some(Check { mean_square: squares.mean_square, outside: 0 })
    }

    fn jacobian(&self, theta: &[f64], at: &Squares, jacobian: &mut Jacobian) {
        let scaled = self.wall.at(theta);
        let parameters = scaled.parameters();
        let (n, y) = (self.flow.manifold().ambient(), &self.batch.y);
        *jacobian = Jacobian::from_columns(self.batch.log_q.len(), theta.len(), |samples, columns| {
            let weights = &at.slope.as_slice()[samples.clone()];
            let y = &y[samples.start * n..samples.end * n];
            self.flow.jacobian_block(&parameters, y, weights, FLOOR, columns);
            scaled.pull_back(columns, samples.len());
        });
    }

    fn columns(&self, theta: &[f64], at: &Squares, samples: Range<usize>, columns: &mut [f64]) {
        let scaled = self.wall.at(theta);
        let n = self.flow.manifold().ambient();
        let y = &self.batch.y[samples.start * n..samples.end * n];
        let weights = &at.slope.as_slice()[samples.clone()];
        self.flow.jacobian_block(&scaled.parameters(), y, weights, FLOOR, columns);
        scaled.pull_back(columns, samples.len());
    }
}
