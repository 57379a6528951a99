//! Training on the Monge–Ampère residual at points that follow the model.
//!
//! The residual is here and its Jacobian in `rows`. Besides: where points lie (`points`), which check points a step would
//! harm (`harm`), how sharp the target is (`continuation`), how many layers there are (`growth`), what keeps eigenvalues of
//! `H` up if that is asked for (`penalty`), when training ends (`ending`), and what is left of a map that folds then
//! (`retreat`).

mod continuation;
mod ending;
mod growth;
mod harm;
mod penalty;
mod points;
mod retreat;
mod rows;

use ircpm_flow::{Flow, Jacobian, Scores, SolveStats};
use nalgebra::DVector;

use super::{Assessment, TrainingObjective};
use crate::least_squares::{Form, JacobianRows, System};
use crate::loss::monge_ampere;
use crate::loss::{Gradient, LossError};
use crate::optimiser::{LeastSquares, Objective, Squares, StateError, Tensors, tensor};
use crate::points::Generator;
use crate::ranks::Ranks;
use crate::target::Target;
use continuation::{Continuation, GUARDS};
use ending::{Ending, RECORD};
use growth::Growth;
pub(crate) use growth::with_parameters;
use penalty::Penalty;
use points::{SampledPoints, Sampler};

/// Residual of a point without a density, in nats.
const OUTSIDE: f64 = 10.0;
/// Largest floor from which on residuals continue the logarithm of an eigenvalue by its tangent.
const LARGEST_FLOOR: f64 = 0.02;

/// Least weight of a square, relative to that of the uniform density's share.
const EMPTY: f64 = 0.2;

/// Points with their energies.
#[derive(Clone, Debug, Default)]
struct Points {
    y: Vec<f64>,
    u: Vec<f64>,
    /// Factor of the residual at each point.
    factors: Vec<f64>,
}

/// Residuals of a flow and a target at points of its own choice.
pub struct Collocation<'a> {
    flow: Flow,
    /// The flow that training began with.
    first: &'a Flow,
    /// Points per step that training began with.
    first_count: usize,
    /// Present where layers may be added.
    growth: Option<Growth>,
    /// Present where eigenvalues are to stay above a floor.
    penalty: Option<Penalty>,
    target: &'a dyn Target,
    log_volume: f64,
    /// Present estimate of `log Z`.
    log_z: f64,
    sampler: Sampler,
    continuation: Continuation,
    ending: Ending,
    batch: Points,
    check: Points,
    /// Inner solves of the present points.
    stats: SolveStats,
}

/// Whether the dimension (above 4) is too high for sample points to cover the manifold.
fn is_sparse(flow: &Flow) -> bool {
    flow.manifold().dim() > 4
}

impl<'a> Collocation<'a> {
    /// Training of a flow against `exp(−βu)` until KL is below `goal` nats, from `count` points per step; none if the
    /// manifold has no volume.
    pub fn new(
        flow: &'a Flow,
        target: &'a dyn Target,
        beta: f64,
        goal: f64,
        count: usize,
        generator: Generator,
    ) -> Option<Self> {
        let log_volume = flow.manifold().log_volume()?;
        Some(Self {
            flow: flow.clone(),
            first: flow,
            first_count: count,
            growth: None,
            penalty: None,
            target,
            log_volume,
            log_z: log_volume,
            sampler: Sampler::new(count, generator),
            continuation: Continuation::new(beta, is_sparse(flow)),
            ending: Ending::new(goal, target.log_z(beta), beta),
            batch: Points::default(),
            check: Points::default(),
            stats: SolveStats::default(),
        })
    }

    /// The same training of a stack that grows: layers like the first are put in front where those that are there are
    /// exhausted. None if the flow's layers share their parameters, or have nothing to scale `psi` by.
    pub fn growing(self) -> Option<Self> {
        let mut theta = self.flow.initial(0);
        let grows = self.flow.deepened().is_some() && self.flow.rescale(&mut theta, 0.0);
        let continuation = self.continuation.clone().guarded();
        grows.then(|| Self { growth: Some(Growth::default()), continuation, ..self })
    }

    /// The same training, with a penalty on eigenvalues of `H` below `min_eigenvalue`, if there is one.
    pub fn keeping(self, min_eigenvalue: Option<f64>) -> Self {
        Self { penalty: min_eigenvalue.map(Penalty::new), ..self }
    }

    /// The floor from which on residuals continue the logarithm of an eigenvalue by its tangent, by dimension.
    ///
    /// The density is proportional to their product, so each may have a larger floor in higher dimension. The floor is
    /// low enough for targets in two dimensions, where a single eigenvalue may have to be small.
    fn floor(&self) -> f64 {
        (1e-3 * 2f64.powi(self.flow.manifold().dim() as i32 - 2)).min(LARGEST_FLOOR) * self.relative_floor()
    }

    /// Densities at points, with the present floor.
    fn scores(&self, theta: &[f64], y: &[f64]) -> Scores {
        self.sampler.ranks.scores(&self.flow, theta, y, self.floor())
    }

    /// Energies of points.
    fn with_energies(&self, y: Vec<f64>) -> Result<Points, LossError> {
        let n = self.flow.manifold().ambient();
        let mut u = vec![0.0; y.len() / n];
        self.sampler.ranks.fill(&mut u, |samples, u| {
            self.target.energies(&y[samples.start * n..samples.end * n], u);
        });
        match u.iter().position(|u| !u.is_finite()) {
            Some(i) => Err(LossError::energy(u[i], &y[i * n..(i + 1) * n])),
            None => {
                let factors = vec![1.0; u.len()];
                Ok(Points { y, u, factors })
            }
        }
    }

    /// Residuals at given log-densities.
    fn residuals_at(
        &self,
        log_q: &[f64],
        u: &[f64],
        factors: &[f64],
        to: &Continuation,
    ) -> monge_ampere::Residuals {
        let beta_u: Vec<f64> = u.iter().map(|u| to.beta * u).collect();
        monge_ampere::Residuals::new(log_q, &beta_u, factors, to.offsets(), self.log_volume, self.log_z)
    }

    /// Residuals at points, and how many of them have no density; none if a residual is not finite, or no point has a
    /// density.
    ///
    /// A point beyond the injectivity radius has no density: it gets a constant residual, and does not count for `log
    /// Z`.
    fn residuals_of(&self, theta: &[f64], points: &Points) -> Option<(Squares, usize)> {
        let Scores { log_q, inside, .. } = self.scores(theta, &points.y);
        let n = inside.len();
        let within: Vec<usize> = (0..n).filter(|&i| inside[i]).collect();
        if within.is_empty() {
            return None;
        }
        let pick = |from: &[f64]| within.iter().map(|&i| from[i]).collect::<Vec<_>>();
        let some =
            self.residuals_at(&pick(&log_q), &pick(&points.u), &pick(&points.factors), &self.continuation);
        let (mut slope, mut nuisance) = (DVector::zeros(n), DVector::zeros(n));
        let mut value = DVector::from_element(n, OUTSIDE);
        for (k, &i) in within.iter().enumerate() {
            (value[i], slope[i], nuisance[i]) = (some.value[k], some.slope[k], some.nuisance[k]);
        }
        let mean_square = value.norm_squared() / n as f64;
        let squares = Squares { value, slope, nuisance, mean_square };
        mean_square.is_finite().then_some((squares, n - within.len()))
    }

    /// Factors of the residuals: the square roots of `(max(p, q) + ε)/(1 + q)`, at most one, with the densities of target
    /// and model in units of the uniform one.
    ///
    /// Points are half base points and half images, of density `(1 + q)/2`. So a square counts by the mass that is at
    /// stake where it is taken, and by a part [`EMPTY`] where there is none: the wide space between sharp modes would
    /// else take most of the fit. A mode that the model misses counts in full.
    fn factors(&self, log_q: &[f64], u: &[f64]) -> Vec<f64> {
        let beta = self.continuation.beta;
        let factor = |(log_q, u): (&f64, &f64)| {
            let q = (log_q + self.log_volume).exp();
            let p = (-beta * u - self.log_z + self.log_volume).exp();
            let square = (q.max(p) + EMPTY) / (1.0 + q);
            // A point beyond the injectivity radius has no density, and counts in full.
            if square.is_finite() { square.min(1.0).sqrt() } else { 1.0 }
        };
        log_q.iter().zip(u).map(factor).collect()
    }

    /// Sharpens the target as far as the residuals at the check points allow.
    fn sharpen(&mut self, log_q: &[f64]) -> Result<(), LossError> {
        let mut continuation = self.continuation.clone();
        let is_forced = continuation.sharpen(|to| self.check_rms(log_q, to))?;
        if is_forced && self.growth.is_some() && !is_sparse(&self.flow) {
            self.take_more_points(true);
        }
        self.continuation = continuation;
        Ok(())
    }

    /// Residuals at the check points.
    fn check_residuals(&self, log_q: &[f64], to: &Continuation) -> monge_ampere::Residuals {
        self.residuals_at(log_q, &self.check.u, &self.check.factors, to)
    }

    /// Root mean square of the residuals at the check points.
    fn check_rms(&self, log_q: &[f64], to: &Continuation) -> f64 {
        self.check_residuals(log_q, to).mean_square().sqrt()
    }

    /// The error of a batch of which no point has a density.
    fn unsolved(&self) -> LossError {
        let points = self.batch.u.len();
        LossError::Folds { failed: points, points }
    }
}

impl Objective for Collocation<'_> {
    fn refresh(&mut self, theta: &[f64]) -> Result<(), LossError> {
        self.continuation.has_sharp_modes = self.growth.as_ref().is_some_and(|growth| growth.is_guarded);
        self.sampler.has_intermediate = self.continuation.learns_sharp_modes();
        let SampledPoints { y: mut batch, stats, .. } = self.sampler.step_points(&self.flow, theta);
        let SampledPoints { y: mut check, found, stats: others } =
            self.sampler.check_points(&self.flow, theta);
        let images = check.len() / self.flow.manifold().ambient() - found.len();
        let images = images..images + found.len();
        (self.stats, self.ending.quality) = (stats, None);
        self.stats.merge(&others);
        batch.extend(self.sampler.hard_points());
        let floor = self.penalty.as_ref().map(|penalty| penalty.floor);
        self.sampler.choose_hard_points(&self.flow, theta, floor, &mut check);
        self.batch = self.with_energies(batch)?;
        self.check = self.with_energies(check)?;
        let scores = self.scores(theta, &self.check.y);
        self.keep_if_clear(theta, &scores.lowest);
        let lowest = &scores.lowest[..images.start];
        if self.growth.is_none() && self.continuation.raise_target(lowest) {
            self.ending.history.clear();
        }
        if self.growth.is_some() {
            self.check.factors = self.factors(&scores.log_q, &self.check.u);
            let log_q = self.scores(theta, &self.batch.y).log_q;
            self.batch.factors = self.factors(&log_q, &self.batch.u);
        }
        self.choose_penalised(theta);
        let mut square = None;
        if scores.inside.iter().all(|&inside| inside) {
            self.sharpen(&scores.log_q)?;
            let residuals = self.check_residuals(&scores.log_q, &self.continuation);
            self.log_z = residuals.log_z;
            if self.continuation.has_full_beta() {
                let (log_q, u) = (&scores.log_q[images.clone()], &self.check.u[images]);
                let quality = self.ending.estimates(log_q, self.continuation.beta, u, &found);
                self.ending.record(quality, residuals.mean_square());
                square = self.continuation.is_complete().then(|| residuals.mean_square());
            }
        }
        if let Some(growth) = &mut self.growth {
            growth.record(self.continuation.sharpness(), square);
        }
        Ok(())
    }

    fn stats(&self) -> SolveStats {
        self.stats
    }

    fn gradient(&mut self, theta: &[f64]) -> Result<Gradient, LossError> {
        // The gradient of the mean square. At the best log Z the derivative in log Z is zero, so Π changes nothing.
        let at = self.at(theta).ok_or_else(|| self.unsolved())?;
        let mut jacobian = Jacobian::default();
        self.jacobian(theta, &at, &mut jacobian);
        let system = System::new(Form::MatrixFree, JacobianRows::stored(&jacobian), &at.nuisance);
        let scale = 2.0 / self.samples() as f64;
        let grad = system.gradient(&at.value).iter().map(|g| scale * g).collect();
        let stats = SolveStats { points: self.samples(), ..SolveStats::default() };
        Ok(Gradient { loss: at.mean_square, grad, log_weights: Vec::new(), stats })
    }

    fn least_squares(&self) -> Option<&dyn LeastSquares> {
        Some(self)
    }

    fn accepted(&mut self, held: bool, harmed: &[usize]) {
        let harmed = self.checked(harmed);
        self.sampler.keep_harmed(&self.flow, harmed);
        if !held {
            self.take_more_points(false);
        }
    }
}

impl TrainingObjective for Collocation<'_> {
    fn flow(&self) -> &Flow {
        &self.flow
    }

    fn generator(&self) -> &Generator {
        &self.sampler.generator
    }

    fn share(&mut self, ranks: &Ranks) {
        self.sampler.ranks = ranks.clone();
    }

    fn state(&self) -> Tensors {
        let Continuation { beta, target_raised, guard, levels, .. } = &self.continuation;
        let (count, guard) = (self.sampler.count as f64, guard.unwrap_or_default());
        let mut state = Tensors::from([
            ("continuation".to_owned(), vec![*beta, self.log_z, count, f64::from(*target_raised), guard]),
            ("hard_points".to_owned(), self.sampler.hard.clone()),
            ("harmed_points".to_owned(), self.sampler.harmed.clone()),
            ("residuals_at_beta".to_owned(), levels.clone()),
            ("history".to_owned(), self.ending.history.clone()),
        ]);
        state.extend(self.growth.iter().flat_map(Growth::state));
        state
    }

    fn restore(&mut self, theta: &[f64], state: &Tensors, generator: Generator) -> Result<(), StateError> {
        let (found, expected) = (theta.len(), self.first.parameters());
        let flow = match self.growth {
            Some(_) => with_parameters(self.first, found),
            None => (found == expected).then(|| self.first.clone()),
        };
        self.flow = flow.ok_or(StateError::Length { name: "theta", found, expected })?;
        let continuation = tensor(state, "continuation", Some(5), f64::is_finite)?;
        let hard = tensor(state, "hard_points", None, f64::is_finite)?;
        // Checkpoints of earlier versions have none.
        let has_harmed = state.contains_key("harmed_points");
        let harmed = if has_harmed { tensor(state, "harmed_points", None, f64::is_finite)? } else { &[] };
        let levels = tensor(state, "residuals_at_beta", None, f64::is_finite)?;
        let history = tensor(state, "history", None, f64::is_finite)?;
        let &[beta, log_z, count, target_raised, guard] = continuation else {
            return Err(StateError::Length { name: "continuation", found: continuation.len(), expected: 5 });
        };
        if !(0.0..=self.continuation.beta_max).contains(&beta) {
            return Err(StateError::Value { name: "continuation", index: 0, value: beta });
        }
        if !(1.0..=1e9).contains(&count) {
            return Err(StateError::Value { name: "continuation", index: 2, value: count });
        }
        let ambient = self.flow.manifold().ambient();
        let points = [("hard_points", hard.len()), ("harmed_points", harmed.len())];
        let lengths = points.map(|(name, found)| (name, found, ambient));
        for (name, found, expected) in lengths.into_iter().chain([("history", history.len(), RECORD)]) {
            if !found.is_multiple_of(expected) {
                return Err(StateError::Length { name, found, expected });
            }
        }
        if self.growth.is_some() {
            self.growth = Some(Growth::restored(state)?);
        }
        if self.growth.is_some() && !(GUARDS[1]..=GUARDS[0]).contains(&guard) {
            return Err(StateError::Value { name: "continuation", index: 4, value: guard });
        }
        (self.continuation.beta, self.continuation.target_raised) = (beta, target_raised > 0.0);
        self.continuation.guard = self.growth.is_some().then_some(guard);
        (self.continuation.levels, self.ending.history) = (levels.to_vec(), history.to_vec());
        self.sampler.count = count as usize;
        (self.sampler.hard, self.sampler.harmed) = (hard.to_vec(), harmed.to_vec());
        (self.sampler.generator, self.log_z) = (generator, log_z);
        Ok(())
    }

    fn assess(&mut self, theta: &mut Vec<f64>, last: bool) -> Assessment {
        let end = if self.growth.is_some() { self.grow_or_end(theta, last) } else { self.end(theta, last) };
        Assessment {
            done: end.is_some(),
            end,
            beta: Some(self.continuation.beta),
            target_raised: self.continuation.target_raised,
            lowest: self.ending.surveyed,
            quality: self.ending.quality.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
