//! Training on the Monge–Ampère residual: where its points lie, and how the target sharpens.
//!
//! Points of a step are base points, images of the model, and *hard points*, where the smallest eigenvalue of `H` was
//! last seen lowest: they keep the map from folding where few points fall. Each step has check points of its own, among
//! them neighbours of the hard points.

mod continuation;
mod ending;

use std::collections::HashMap;
use std::ops::Range;

use ircpm_flow::{Flow, Jacobian, Scores, SolveStats};
use ircpm_manifolds::{Manifold, Product};
use rand::Rng;
use rand_pcg::Pcg64;

pub use ending::End;

use super::Problem;
use crate::estimate::Estimates;
use crate::least_squares::{Form, Rows, System, dot};
use crate::loss::monge_ampere::{self, Offsets};
use crate::loss::{Gradient, LossError};
use crate::optimiser::{Check, Objective, Residuals, Squares, StateError, Tensors, tensor};
use crate::points::{Sequence, Spread, base_points};
use crate::target::Target;

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
/// Numbers that the history has of a step.
const RECORD: usize = 3;
/// Largest floor under the eigenvalues of `H`.
const LARGEST_FLOOR: f64 = 0.02;
/// Share of the images that may be missing from an estimate of the model's quality.
const MOST_MISSING: f64 = 0.01;

/// Points that were drawn, images last.
struct SampledPoints {
    y: Vec<f64>,
    /// Whether each image was found; one that was not is left where it started.
    found: Vec<bool>,
    stats: SolveStats,
}

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
    /// KL, its standard error and the mean square at the check points, step after step since `β` is at its end.
    history: Vec<f64>,
    batch: Points,
    check: Points,
    quality: Option<Estimates>,
    /// Inner solves of the present points.
    stats: SolveStats,
    /// The smallest eigenvalue that the last survey saw, if it is worth a word and training ends with it.
    surveyed: Option<f64>,
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
            stats: SolveStats::default(),
            surveyed: None,
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

    /// Whether the target is defended.
    pub fn is_defended(&self) -> bool {
        self.defended
    }

    /// Smallest eigenvalue of `H` that the survey at the end saw, NaN beyond the injectivity radius; nothing if it is not
    /// small.
    pub fn surveyed(&self) -> Option<f64> {
        self.surveyed
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
            ("history".to_owned(), self.history.clone()),
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
        let history = tensor(state, "history", None, f64::is_finite)?;
        let (beta, count) = (continuation[0], continuation[2]);
        let ambient = self.flow.manifold().ambient();
        if !(0.0..=self.beta_max).contains(&beta) || !(1.0..=1e9).contains(&count) {
            return Err(StateError::Value { name: "continuation", index: 0, value: beta });
        }
        for (name, found, expected) in
            [("hard_points", hard.len(), ambient), ("history", history.len(), RECORD)]
        {
            if !found.is_multiple_of(expected) {
                return Err(StateError::Length { name, found, expected });
            }
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

    /// `base` base points and `images` images of others.
    fn draw(&mut self, theta: &[f64], base: usize, images: usize) -> SampledPoints {
        let mut y = self.base_points(base);
        let mut x = self.base_points(images);
        let manifold = self.flow.manifold();
        let pushed = self.flow.forward(theta, &x);
        let n = manifold.ambient();
        for (s, _) in pushed.ok.iter().enumerate().filter(|(_, ok)| **ok) {
            x[s * n..(s + 1) * n].copy_from_slice(&pushed.y[s * n..(s + 1) * n]);
        }
        y.extend(x);
        SampledPoints { y, found: pushed.ok, stats: pushed.stats }
    }

    /// That many base points, on a lattice with a fresh shift.
    fn base_points(&mut self, count: usize) -> Vec<f64> {
        let manifold = self.flow.manifold();
        let new = || Sequence::new(Spread::Lattice, count, manifold.cube_dim());
        base_points(manifold, self.lattices.entry(count).or_insert_with(new), &mut self.rng)
    }

    /// Takes the lowest of what is known as hard points for the next step, whose check points are others; adds neighbours of
    /// the present ones to the check points.
    fn choose_hard_points(&mut self, theta: &[f64], check: &mut Vec<f64>) {
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
        let most = self.count / HARD[usize::from(self.is_sparse())];
        let hardest = order.iter().filter(|&&i| key(i) < LOW).take(most);
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

    /// Residuals at points, and how many of them have no density; nothing if one is not finite, or none has a density.
    ///
    /// A point beyond the injectivity radius has no density: it gets a residual that no step can mend, and has no say in
    /// `log Z`.
    fn residuals_of(&self, theta: &[f64], points: &Points) -> Option<(Squares, usize)> {
        let Scores { log_q, inside, .. } = self.flow.scores(theta, &points.y, self.floor());
        let n = inside.len();
        let within: Vec<usize> = (0..n).filter(|&i| inside[i]).collect();
        if within.is_empty() {
            return None;
        }
        let pick = |from: &[f64]| within.iter().map(|&i| from[i]).collect::<Vec<_>>();
        let some = self.residuals_at(&pick(&log_q), &pick(&points.u), self.beta);
        let (mut value, mut slope, mut nuisance) = (vec![OUTSIDE; n], vec![0.0; n], vec![0.0; n]);
        for (k, &i) in within.iter().enumerate() {
            (value[i], slope[i], nuisance[i]) = (some.value[k], some.slope[k], some.nuisance[k]);
        }
        let mean_square = dot(&value, &value) / n as f64;
        let squares = Squares { value, slope, nuisance, mean_square };
        mean_square.is_finite().then_some((squares, n - within.len()))
    }

    /// Estimates from the images among the check points, which begin at `start`; `found` says which are images.
    fn measure(&mut self, log_q: &[f64], start: usize, found: &[bool], mean_square: f64) {
        if self.beta < self.beta_max {
            return;
        }
        self.quality = self.estimates(log_q, &self.check.u, start, found);
        let record = self.quality.as_ref().map(|q| [q.kl.value, q.kl.standard_error, mean_square]);
        self.history.extend(record.into_iter().flatten());
    }

    /// Estimates from images among points; nothing if too many of them were not found.
    fn estimates(&self, log_q: &[f64], u: &[f64], start: usize, found: &[bool]) -> Option<Estimates> {
        let solved = (0..found.len()).filter(|&k| found[k]).map(|k| start + k);
        let log_weights: Vec<f64> = solved.map(|i| -self.beta * u[i] - log_q[i]).collect();
        let missing = found.len() - log_weights.len();
        if missing as f64 > MOST_MISSING * found.len() as f64 {
            return None;
        }
        Estimates::new(&log_weights, missing, self.log_z_exact).ok()
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
        let SampledPoints { y: mut batch, stats, .. } = self.draw(theta, base, self.count - base);
        let checks = (CHECKS * self.count).clamp(FEWEST_CHECKS, MOST_CHECKS);
        let SampledPoints { y: mut check, found, stats: others } = self.draw(theta, checks / 2, checks / 2);
        (self.stats, self.quality) = (stats, None);
        self.stats.merge(&others);
        batch.extend(&self.hard);
        self.choose_hard_points(theta, &mut check);
        self.batch = self.with_energies(batch)?;
        self.check = self.with_energies(check)?;
        let scores = self.flow.scores(theta, &self.check.y, self.floor());
        self.defend_target(&scores.lowest[..checks / 2]);
        if scores.inside.iter().all(|&inside| inside) {
            self.raise_beta(&scores.log_q)?;
            let residuals = self.residuals_at(&scores.log_q, &self.check.u, self.beta);
            self.log_z = residuals.log_z;
            self.measure(&scores.log_q, checks / 2, &found, residuals.mean_square());
        }
        Ok(())
    }

    fn stats(&self) -> SolveStats {
        self.stats
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
            let more = (self.count * 3).div_ceil(2);
            self.count = more.min(stored.min(MOST_POINTS).max(self.count));
        }
    }
}

impl Residuals for Collocation<'_> {
    fn samples(&self) -> usize {
        self.batch.u.len()
    }

    fn at(&self, theta: &[f64]) -> Option<Squares> {
        self.residuals_of(theta, &self.batch).map(|(squares, _)| squares)
    }

    fn check(&self, theta: &[f64]) -> Option<Check> {
        let (squares, outside) = self.residuals_of(theta, &self.check)?;
        Some(Check { mean_square: squares.mean_square, outside })
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
