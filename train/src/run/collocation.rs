//! Training on the Monge–Ampère residual: where its points lie, and how the target sharpens.
//!
//! Points of a step are base points, images of the model, and *hard points*, where the smallest eigenvalue of `H` was
//! last seen lowest: they keep the map from folding where few points fall. Each step has check points of its own, among
//! them neighbours of the hard points. `β` rises from the residual alone: when the root mean square at the check points is
//! small or falls no more, to the largest `β` at which it is bearable.

mod finish;

use std::collections::HashMap;
use std::ops::Range;

use ircpm_flow::{Flow, Jacobian, Scores, SolveStats};
use ircpm_manifolds::{Manifold, Product};
use rand::Rng;
use rand_pcg::Pcg64;

use super::evaluate::base_points;
use super::problem::Problem;
use crate::estimate::Estimates;
use crate::least_squares::{Form, Rows, System};
use crate::loss::monge_ampere::{self, Offsets};
use crate::loss::{Gradient, LossError};
use crate::optimiser::{Objective, Residuals, Squares, StateError, Tensors, tensor};
use crate::sequence::{Sequence, Spread};
use crate::target::Target;

/// Root mean square of the residuals, in nats, below which `β` may rise; less where points are sparse, beyond four
/// dimensions.
const SOLVED: [f64; 2] = [0.2, 0.15];
/// Root mean square that a rise of `β` may lead to.
const BEARABLE: f64 = 0.3;
/// Steps that must make the residual at one `β` a twentieth smaller; else it is as small as the model can make it, and `β`
/// rises all the same.
const STUCK: usize = 4;
/// Share of base points at which the map folds that makes the target defended.
const MANY_FOLDS: f64 = 0.01;
/// Eigenvalues of `H` that are low enough for a hard point.
const LOW: f64 = 0.25;
/// Most points of a step.
const MOST_POINTS: usize = 8192;
/// Check points: this many times the points of a step, within bounds.
const CHECKS: usize = 4;
const FEWEST_CHECKS: usize = 4096;
const MOST_CHECKS: usize = 16_384;
/// Hard points, as a part of the points of a step; fewer where points are sparse, whose own share of the fit they take.
const HARD: [usize; 2] = [16, 32];
/// Standard deviation of a hard point's neighbours, in radians.
const NEIGHBOUR: f64 = 0.1;
/// Residual of a point without a density, in nats.
const OUTSIDE: f64 = 10.0;
/// Largest floor under the eigenvalues of `H`.
const LARGEST_FLOOR: f64 = 0.02;
/// Points with their energies.
#[derive(Clone, Debug, Default)]
struct Points {
    y: Vec<f64>,
    u: Vec<f64>,
}

/// Residuals of a flow and a target at points of its own choice.
pub struct Collocation<'a> {
    flow: &'a Flow,
    target: &'a dyn Target,
    beta_max: f64,
    goal: f64,
    log_z_exact: Option<f64>,
    rng: Pcg64,
    beta: f64,
    log_z: f64,
    log_volume: f64,
    /// Whether the target is defended against folds in empty regions.
    defended: bool,
    /// Points of a step, hard ones not counted.
    count: usize,
    hard: Vec<f64>,
    /// Root mean squares at the check points, since `β` last rose.
    levels: Vec<f64>,
    /// KL at the check points, since `β` is at its end.
    history: Vec<f64>,
    batch: Points,
    check: Points,
    quality: Option<Estimates>,
    /// By number of points: the search for one costs more than its points.
    lattices: HashMap<usize, Sequence>,
}

impl<'a> Collocation<'a> {
    /// Training of the problem's flow against its target from `count` points a step; nothing if the problem has no target or
    /// its manifold no volume.
    pub fn new(problem: &'a Problem, count: usize, rng: Pcg64) -> Option<Self> {
        let log_volume = problem.manifold().log_volume()?;
        Some(Self {
            flow: &problem.flow,
            target: problem.target()?,
            beta_max: problem.config.beta(),
            goal: problem.config.training.goal,
            log_z_exact: problem.log_z_exact(),
            rng,
            beta: 0.0,
            log_z: log_volume,
            log_volume,
            defended: false,
            count,
            hard: Vec::new(),
            levels: Vec::new(),
            history: Vec::new(),
            batch: Points::default(),
            check: Points::default(),
            quality: None,
            lattices: HashMap::new(),
        })
    }

    /// Inverse temperature of the last step.
    pub fn beta(&self) -> f64 {
        self.beta
    }

    /// ESS and KL at the check points among the model's own samples, once `β` is at its end.
    pub fn quality(&self) -> Option<&Estimates> {
        self.quality.as_ref()
    }

    /// The generator of points.
    pub fn rng(&self) -> &Pcg64 {
        &self.rng
    }

    /// What [`Collocation::restore`] needs besides the generator.
    pub fn state(&self) -> Tensors {
        Tensors::from([
            (
                "continuation".to_owned(),
                vec![self.beta, self.log_z, self.count as f64, f64::from(self.defended)],
            ),
            ("hard_points".to_owned(), self.hard.clone()),
            ("residuals_at_beta".to_owned(), self.levels.clone()),
            ("kl_history".to_owned(), self.history.clone()),
        ])
    }

    /// Takes up a saved state.
    ///
    /// # Errors
    /// [`StateError`] if it does not fit.
    pub fn restore(&mut self, state: &Tensors, rng: Pcg64) -> Result<(), StateError> {
        let continuation = tensor(state, "continuation", Some(4), f64::is_finite)?;
        let hard = tensor(state, "hard_points", None, f64::is_finite)?;
        let levels = tensor(state, "residuals_at_beta", None, f64::is_finite)?;
        let history = tensor(state, "kl_history", None, f64::is_finite)?;
        let (beta, count) = (continuation[0], continuation[2]);
        let ambient = self.flow.manifold().ambient();
        if !(0.0..=self.beta_max).contains(&beta) || !(1.0..=1e9).contains(&count) {
            return Err(StateError::Value { name: "continuation", index: 0, value: beta });
        }
        if !hard.len().is_multiple_of(ambient) {
            return Err(StateError::Length { name: "hard_points", found: hard.len(), expected: ambient });
        }
        (self.beta, self.log_z, self.count) = (beta, continuation[1], count as usize);
        self.defended = continuation[3] > 0.0;
        (self.hard, self.levels) = (hard.to_vec(), levels.to_vec());
        (self.history, self.rng) = (history.to_vec(), rng);
        Ok(())
    }

    /// Whether no number of points is many.
    fn is_sparse(&self) -> bool {
        self.flow.manifold().dim() > 4
    }

    /// The floor under eigenvalues: the density that it allows is shared by all of them, so each may be larger in higher
    /// dimension. Low enough for what a target asks for in two dimensions, where one alone may have to be small.
    fn floor(&self) -> f64 {
        (1e-3 * 2f64.powi(self.flow.manifold().dim() as i32 - 2)).min(LARGEST_FLOOR)
    }

    /// `base` base points and `images` images of others; an image that cannot be found is left where it started.
    fn draw(&mut self, theta: &[f64], base: usize, images: usize) -> Vec<f64> {
        let mut y = self.base_points(base);
        let mut x = self.base_points(images);
        let manifold = self.flow.manifold();
        let pushed = self.flow.forward(theta, &x);
        let n = manifold.ambient();
        for (s, _) in pushed.ok.iter().enumerate().filter(|(_, ok)| **ok) {
            x[s * n..(s + 1) * n].copy_from_slice(&pushed.y[s * n..(s + 1) * n]);
        }
        y.extend(x);
        y
    }

    /// That many base points, on a lattice with a fresh shift.
    fn base_points(&mut self, count: usize) -> Vec<f64> {
        let manifold = self.flow.manifold();
        let new = || Sequence::new(Spread::Lattice, count, manifold.cube_dim());
        base_points(manifold, self.lattices.entry(count).or_insert_with(new), &mut self.rng)
    }

    /// The lowest of what is known, and of the hard points' neighbours, which are added to the check points.
    fn harden(&mut self, theta: &[f64], check: &mut Vec<f64>) {
        let (manifold, n) = (self.flow.manifold(), self.flow.manifold().ambient());
        for point in self.hard.chunks_exact(n) {
            check.extend(neighbour(manifold, point, &mut self.rng));
        }
        let mut known = check.clone();
        known.extend(&self.hard);
        let lowest = self.flow.scores(theta, &known, LOW).lowest;
        let mut order: Vec<usize> = (0..lowest.len()).collect();
        // NaN first: a point beyond the injectivity radius is harder than any.
        let key = |i: usize| if lowest[i].is_nan() { f64::NEG_INFINITY } else { lowest[i] };
        order.sort_by(|&i, &j| key(i).total_cmp(&key(j)));
        let hardest = order.iter().take(self.count / HARD[usize::from(self.is_sparse())]);
        self.hard = hardest.flat_map(|&i| known[i * n..(i + 1) * n].iter().copied()).collect();
    }

    /// Energies of points.
    fn with_energies(&self, y: Vec<f64>) -> Result<Points, LossError> {
        let n = self.flow.manifold().ambient();
        let mut u = vec![0.0; y.len() / n];
        self.target.energies(&y, &mut u);
        match u.iter().position(|u| !u.is_finite()) {
            Some(i) => Err(LossError::Energy { value: u[i], point: y[i * n..(i + 1) * n].to_vec() }),
            None => Ok(Points { y, u }),
        }
    }

    /// Residuals at given log-densities.
    fn residuals_at(&self, log_q: &[f64], u: &[f64], beta: f64) -> monge_ampere::Residuals {
        let beta_u: Vec<f64> = u.iter().map(|u| beta * u).collect();
        let offsets = if self.defended { Offsets::DEFENDED } else { Offsets::PLAIN };
        monge_ampere::Residuals::new(log_q, &beta_u, offsets, self.log_volume, self.log_z)
    }

    /// Residuals at points; nothing if one is not finite.
    ///
    /// A point beyond the injectivity radius has no density: it gets a residual that no step can mend, so that no step
    /// is taken that makes more of them.
    fn residuals_of(&self, theta: &[f64], points: &Points) -> Option<Squares> {
        let Scores { mut log_q, inside, .. } = self.flow.scores(theta, &points.y, self.floor());
        for (log_q, _) in log_q.iter_mut().zip(&inside).filter(|(_, inside)| !**inside) {
            *log_q = 0.0;
        }
        let mut all = self.residuals_at(&log_q, &points.u, self.beta);
        for i in (0..inside.len()).filter(|&i| !inside[i]) {
            (all.value[i], all.slope[i], all.nuisance[i]) = (OUTSIDE, 0.0, 0.0);
        }
        let mean_square = all.mean_square();
        let monge_ampere::Residuals { value, slope, nuisance, .. } = all;
        mean_square.is_finite().then_some(Squares { value, slope, nuisance, mean_square })
    }

    /// Defends the target from now on if the map folds at so many base points.
    fn defend(&mut self, lowest: &[f64]) {
        let folded = lowest.iter().filter(|e| e.is_nan() || **e <= 0.0).count();
        if !self.defended && folded as f64 > MANY_FOLDS * lowest.len() as f64 {
            self.defended = true;
            self.levels.clear();
            self.history.clear();
        }
    }

    /// Raises `β` if the residuals allow it, or if they have stopped falling.
    fn sharpen(&mut self, log_q: &[f64]) {
        if self.beta >= self.beta_max {
            return;
        }
        let now = self.check_rms(log_q, self.beta);
        let before = self.levels.len().checked_sub(STUCK).map_or(f64::INFINITY, |i| self.levels[i]);
        if self.beta > 0.0 && now > SOLVED[usize::from(self.is_sparse())] && now < 0.95 * before {
            self.levels.push(now);
        } else {
            self.beta = self.sharpest(log_q);
            self.levels.clear();
        }
    }

    /// The largest `β` at which residuals are bearable, but more than the present one.
    fn sharpest(&self, log_q: &[f64]) -> f64 {
        if self.check_rms(log_q, self.beta_max) <= BEARABLE {
            return self.beta_max;
        }
        let (mut low, mut high) = (self.beta, self.beta_max);
        for _ in 0..12 {
            let middle = 0.5 * (low + high);
            if self.check_rms(log_q, middle) <= BEARABLE { low = middle } else { high = middle }
        }
        low.max(self.beta + 1e-3 * self.beta_max).min(self.beta_max)
    }

    /// Root mean square of the residuals at the check points.
    fn check_rms(&self, log_q: &[f64], beta: f64) -> f64 {
        self.residuals_at(log_q, &self.check.u, beta).mean_square().sqrt()
    }

    /// Estimates from the images among the check points, `range` of them.
    fn measure(&mut self, log_q: &[f64], range: Range<usize>) {
        if self.beta < self.beta_max {
            return;
        }
        let log_weights: Vec<f64> = range.map(|i| -self.beta * self.check.u[i] - log_q[i]).collect();
        self.quality = Estimates::new(&log_weights, 0, self.log_z_exact).ok();
        self.history.extend(self.quality.as_ref().map(|q| q.kl.value));
    }
}

/// A point a little way off.
fn neighbour(manifold: &Product, point: &[f64], rng: &mut Pcg64) -> Vec<f64> {
    let (n, d) = (manifold.ambient(), manifold.dim());
    let mut frame = vec![0.0; d * n];
    manifold.frame(point, &mut frame);
    let mut velocity = vec![0.0; n];
    for direction in frame.chunks_exact(n) {
        // Twelve uniform numbers are as normal as a neighbour needs to be.
        let sum: f64 = (0..12).map(|_| rng.next_u64() as f64 * 2f64.powi(-64)).sum();
        velocity.iter_mut().zip(direction).for_each(|(v, e)| *v += NEIGHBOUR * (sum - 6.0) * e);
    }
    let mut out = vec![0.0; n];
    manifold.exp(point, &velocity, &mut out);
    manifold.wrap(&mut out);
    out
}

impl Objective for Collocation<'_> {
    fn refresh(&mut self, theta: &[f64]) -> Result<(), LossError> {
        // Uniform points fall ever farther from the mass as the dimension grows.
        let base = if self.is_sparse() { self.count / 4 } else { self.count / 2 };
        let mut batch = self.draw(theta, base, self.count - base);
        let checks = (CHECKS * self.count).clamp(FEWEST_CHECKS, MOST_CHECKS);
        let mut check = self.draw(theta, checks / 2, checks / 2);
        self.harden(theta, &mut check);
        batch.extend(&self.hard);
        self.batch = self.with_energies(batch)?;
        self.check = self.with_energies(check)?;
        let scores = self.flow.scores(theta, &self.check.y, self.floor());
        self.defend(&scores.lowest[..checks / 2]);
        if scores.inside.iter().all(|&inside| inside) {
            self.sharpen(&scores.log_q);
            self.log_z = self.residuals_at(&scores.log_q, &self.check.u, self.beta).log_z;
            self.measure(&scores.log_q, checks / 2..checks);
        }
        Ok(())
    }

    fn gradient(&mut self, theta: &[f64]) -> Result<Gradient, LossError> {
        // Of the mean square. At the best log Z its derivative drops out, and with it the difference that Π makes.
        let at = self.at(theta).ok_or(LossError::NoSamples { samples: self.samples() })?;
        let mut jacobian = Jacobian::default();
        self.jacobian(theta, &at, &mut jacobian);
        let system = System::new(Form::MatrixFree, Rows::stored(&jacobian), &at.nuisance);
        let scale = 2.0 / self.samples() as f64;
        let grad = system.gradient(&at.value).into_iter().map(|g| scale * g).collect();
        let stats = SolveStats { points: self.samples(), ..SolveStats::default() };
        Ok(Gradient { loss: at.mean_square, grad, log_weights: Vec::new(), stats })
    }

    fn residuals(&self) -> Option<&dyn Residuals> {
        Some(self)
    }

    fn accepted(&mut self, held: bool) {
        if !held {
            // Hard points come on top.
            let stored = Form::most_samples(self.flow.parameters()) * HARD[0] / (HARD[0] + 1);
            self.count = (self.count * 3 / 2).min(stored.min(MOST_POINTS).max(self.count));
        }
    }
}

impl Residuals for Collocation<'_> {
    fn samples(&self) -> usize {
        self.batch.u.len()
    }

    fn at(&self, theta: &[f64]) -> Option<Squares> {
        self.residuals_of(theta, &self.batch)
    }

    fn check(&self, theta: &[f64]) -> Option<f64> {
        Some(self.residuals_of(theta, &self.check)?.mean_square)
    }

    fn jacobian(&self, theta: &[f64], at: &Squares, jacobian: &mut Jacobian) {
        self.flow.jacobian(theta, &self.batch.y, &at.slope, self.floor(), jacobian);
    }

    fn columns(&self, theta: &[f64], at: &Squares, samples: Range<usize>, columns: &mut [f64]) {
        let n = self.flow.manifold().ambient();
        let y = &self.batch.y[samples.start * n..samples.end * n];
        self.flow.jacobian_block(theta, y, &at.slope[samples], self.floor(), columns);
    }
}

#[cfg(test)]
mod tests;
