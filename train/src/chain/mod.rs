//! Exact Markov chains for an energy, with a flow as the source of proposals.
//!
//! Importance weights of a flow's samples are one way to averages under `p = exp(−βu)/Z`; a chain that leaves `p`
//! invariant is another, whose draws have equal weights. A draw consists of one or two moves, each of which satisfies
//! detailed balance:
//!
//! - *independence Metropolis* (Tierney 1994, *Markov chains for exploring posterior distributions*): a sample `y` of the
//!   flow's density `q` replaces the point `x` with probability `min(1, w(y)/w(x))`, `w = exp(−βu)/q`. A sample whose
//!   inner solve fails is replaced by the next one: proposals then come from `q` on the set where solves succeed, and the
//!   constant by which that is smaller cancels in the ratio.
//! - *geodesic random walk*, if it is asked for: `y = exp_x(v)` with `v` normal in the tangent space replaces `x` with
//!   probability `min(1, p(y)/p(x))`. The proposal is symmetric on every Riemannian manifold, because the Jacobian of `exp_x`
//!   at `v` is that of `exp_y` at the velocity of the reversed geodesic, which is as long.
//!
//! The chain is exact whether the flow is a good approximation or not; how fast it mixes is what [`Diagnostics`] tell. Its `q`
//! must be a density, so the map must not fold.

mod diagnostics;
mod fourier;
mod functions;
mod normal;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, Ordering};

use ircpm_flow::Flow;
use ircpm_manifolds::AnyManifold;

use crate::evaluation::{EvaluationError, log_target};
use crate::points::Generator;
use crate::samples::{Batch, Samples, SamplesError};
use crate::target::Target;
pub use diagnostics::Diagnostics;
pub use functions::{Function, functions};

/// Most chains.
const MOST_CHAINS: usize = 1 << 13;
/// Streams of the seed.
const STARTS: u64 = 0;
const PROPOSALS: u64 = 1;
const CHOICES: u64 = 2;

/// What chains are run.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct ChainOptions {
    /// Number of chains, each from a sample of the flow of its own.
    pub chains: usize,
    /// Draws per chain that are kept.
    pub draws: usize,
    /// Draws per chain before them that are not.
    pub warm_up: usize,
    /// Standard deviation of the local move per dimension, in radians or units of the real coordinates; none for no
    /// local move.
    pub local_step: Option<f64>,
    /// Seed: the same one gives the same bits on one instruction set, whatever the number of threads.
    pub seed: u64,
}

impl Default for ChainOptions {
    fn default() -> Self {
        Self { chains: 4, draws: 1000, warm_up: 100, local_step: None, seed: 0 }
    }
}

/// Chains that were run.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Chains {
    /// Number of chains.
    pub chains: usize,
    /// Draws per chain.
    pub draws: usize,
    /// The points, `[chain][draw][coordinate]`.
    pub points: Vec<f64>,
    /// `βu` of the points in nats, `[chain][draw]`.
    pub energy: Vec<f64>,
    /// Whether the flow's proposal was accepted, `[chain][draw]`.
    pub accepted: Vec<bool>,
    /// Share of the local moves that were accepted; none if there are none.
    pub local_acceptance: Option<f64>,
}

/// Why no chain can be run.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ChainError {
    /// An option makes no sense.
    #[error("the option {name} of chains is {value}: give {expected}")]
    Option {
        /// Name of the field of [`ChainOptions`].
        name: &'static str,
        /// Its value.
        value: String,
        /// What would be right.
        expected: &'static str,
    },
    /// The flow has too few samples, or the energy is not finite at one.
    #[error(transparent)]
    Samples(#[from] SamplesError),
    /// The energy is not finite where a local move leads.
    #[error(transparent)]
    Energy(#[from] EvaluationError),
    /// It was asked to stop.
    #[error("stopped before the end of the chains")]
    Interrupted,
}

/// Most numbers that are kept: 1 GiB of them.
const MOST_NUMBERS: usize = 1 << 27;

impl ChainOptions {
    pub(crate) fn check(&self, ambient: usize) -> Result<(), ChainError> {
        let refusal = |name, value: &dyn ToString, expected| {
            Err(ChainError::Option { name, value: value.to_string(), expected })
        };
        if !(1..=MOST_CHAINS).contains(&self.chains) {
            return refusal("chains", &self.chains, "a number from 1 to 8192");
        }
        let numbers = self.chains.checked_mul(self.draws).and_then(|rows| rows.checked_mul(ambient + 2));
        if self.warm_up > MOST_NUMBERS {
            return refusal("warm_up", &self.warm_up, "at most 134217728 draws");
        }
        if self.draws < 4 || numbers.is_none_or(|numbers| numbers > MOST_NUMBERS) {
            return refusal(
                "draws",
                &self.draws,
                "at least 4, and at most so many that all numbers fit into 1 GiB",
            );
        }
        match self.local_step {
            Some(step) if !(step > 0.0 && step.is_finite()) => {
                refusal("local_step", &step, "a positive number, or none")
            }
            _ => Ok(()),
        }
    }
}

/// Decides from `log(p(y)…/p(x)…)` and a uniform number in `(0, 1)`. There is one rule; tests have wrong ones.
type Rule = fn(f64, f64) -> bool;

/// The rule of Metropolis et al. (1953). A ratio that is not a number is a rejection.
fn metropolis(log_ratio: f64, uniform: f64) -> bool {
    uniform.ln() < log_ratio
}

impl Chains {
    /// Runs chains for `exp(−βu)/Z` with proposals of the flow. `watch` is called with the number of draws so far, over
    /// all chains and with those of the warm-up.
    ///
    /// # Errors
    /// [`ChainError`] for an option out of range, if too few inner solves succeed, if the energy is not finite
    /// somewhere, or if `stop` is set.
    ///
    /// # Panics
    /// If `theta` has the wrong length for the flow, or if the target lives on another manifold.
    pub fn run(
        flow: &Flow,
        theta: &[f64],
        target: (&dyn Target, f64),
        options: &ChainOptions,
        stop: &AtomicBool,
        watch: &mut dyn FnMut(usize),
    ) -> Result<Self, ChainError> {
        options.check(flow.manifold().ambient())?;
        Run::new(flow, theta, target, options, metropolis)?.run(stop, watch)
    }

    /// Share of the flow's proposals that were accepted.
    pub fn acceptance(&self) -> f64 {
        self.accepted.iter().filter(|&&accepted| accepted).count() as f64 / self.accepted.len() as f64
    }

    /// How well the chains have mixed, for every function of [`functions`].
    ///
    /// # Panics
    /// If the manifold is not that of the points.
    pub fn diagnostics(&self, manifold: &AnyManifold) -> Vec<Diagnostics> {
        let n = manifold.ambient();
        assert_eq!(self.points.len(), self.chains * self.draws * n, "points of the manifold");
        let of = |function: Function| {
            let chain = |points: &[f64]| points.chunks_exact(n).map(|p| function.value(p)).collect();
            let values: Vec<Vec<f64>> = self.points.chunks_exact(self.draws * n).map(chain).collect();
            Diagnostics::new(function.name, &values)
        };
        functions(manifold).into_iter().map(of).collect()
    }
}

/// Chains on their way.
struct Run<'a> {
    flow: &'a Flow,
    theta: &'a [f64],
    target: &'a dyn Target,
    beta: f64,
    options: &'a ChainOptions,
    rule: Rule,
    choices: Generator,
    /// Present points, `[chain][coordinate]`, with their `−βu`.
    points: Vec<f64>,
    log_p: Vec<f64>,
    /// `log q` of the present points.
    log_q: Vec<f64>,
    /// Local moves, and those that were accepted.
    local: [usize; 2],
}

/// Proposals of the flow, one after the other.
struct Proposals<'a> {
    samples: Samples<'a>,
    batch: Batch,
    next: usize,
}

/// A proposal: the point, its `log w` and its `log q`.
struct Proposal<'a> {
    point: &'a [f64],
    log_weight: f64,
    log_q: f64,
}

impl Proposals<'_> {
    /// The next proposal.
    fn next(&mut self, ambient: usize) -> Result<Proposal<'_>, ChainError> {
        while self.next == self.batch.log_q.len() {
            self.batch = self.samples.next().expect("as many samples as moves")?;
            self.next = 0;
        }
        let i = self.next;
        self.next += 1;
        let point = &self.batch.points[i * ambient..(i + 1) * ambient];
        Ok(Proposal { point, log_weight: self.batch.log_weight[i], log_q: self.batch.log_q[i] })
    }
}

impl<'a> Run<'a> {
    fn new(
        flow: &'a Flow,
        theta: &'a [f64],
        (target, beta): (&'a dyn Target, f64),
        options: &'a ChainOptions,
        rule: Rule,
    ) -> Result<Self, ChainError> {
        let (mut points, mut log_q) = (Vec::new(), Vec::new());
        for batch in Samples::new(flow, theta, None, options.chains, stream(options.seed, STARTS)) {
            let batch = batch?;
            points.extend(batch.points);
            log_q.extend(batch.log_q);
        }
        let log_p = log_target(target, beta, &points)?;
        let choices = Generator::from_seed(stream(options.seed, CHOICES));
        Ok(Self { flow, theta, target, beta, options, rule, choices, points, log_p, log_q, local: [0; 2] })
    }

    fn run(mut self, stop: &AtomicBool, watch: &mut dyn FnMut(usize)) -> Result<Chains, ChainError> {
        let ChainOptions { chains, draws, warm_up, local_step, seed } = *self.options;
        let n = self.flow.manifold().ambient();
        let total = warm_up + draws;
        let target = Some((self.target, self.beta));
        let samples = Samples::new(self.flow, self.theta, target, total * chains, stream(seed, PROPOSALS));
        let mut proposals = Proposals { samples, batch: Batch::default(), next: 0 };
        let mut out = Chains {
            chains,
            draws,
            points: vec![0.0; chains * draws * n],
            energy: vec![0.0; chains * draws],
            accepted: vec![false; chains * draws],
            local_acceptance: None,
        };
        for t in 0..total {
            if stop.load(Ordering::Relaxed) {
                return Err(ChainError::Interrupted);
            }
            if let Some(step) = local_step {
                self.move_locally(step)?;
            }
            for chain in 0..chains {
                let accepted = self.propose(chain, &proposals.next(n)?);
                if let Some(draw) = t.checked_sub(warm_up) {
                    let at = chain * draws + draw;
                    out.points[at * n..(at + 1) * n]
                        .copy_from_slice(&self.points[chain * n..(chain + 1) * n]);
                    (out.energy[at], out.accepted[at]) = (-self.log_p[chain], accepted);
                }
            }
            watch((t + 1) * chains);
        }
        out.local_acceptance = local_step.map(|_| self.local[1] as f64 / self.local[0] as f64);
        Ok(out)
    }

    /// One independence move of a chain.
    fn propose(&mut self, chain: usize, proposal: &Proposal<'_>) -> bool {
        let log_ratio = proposal.log_weight - (self.log_p[chain] - self.log_q[chain]);
        let accepted = (self.rule)(log_ratio, uniform(&mut self.choices));
        if accepted {
            let n = proposal.point.len();
            self.points[chain * n..(chain + 1) * n].copy_from_slice(proposal.point);
            (self.log_p[chain], self.log_q[chain]) = (proposal.log_weight + proposal.log_q, proposal.log_q);
        }
        accepted
    }

    /// One step of a geodesic random walk of every chain.
    fn move_locally(&mut self, step: f64) -> Result<(), ChainError> {
        let manifold = self.flow.manifold();
        let n = manifold.ambient();
        let mut moved = vec![0.0; self.points.len()];
        for (p, q) in self.points.chunks_exact(n).zip(moved.chunks_exact_mut(n)) {
            walk(manifold, p, step, &mut self.choices, q);
        }
        let log_p = log_target(self.target, self.beta, &moved)?;
        let mut stale = false;
        for chain in 0..self.options.chains {
            let accepted = (self.rule)(log_p[chain] - self.log_p[chain], uniform(&mut self.choices));
            self.local[0] += 1;
            if accepted {
                self.points[chain * n..(chain + 1) * n].copy_from_slice(&moved[chain * n..(chain + 1) * n]);
                self.log_p[chain] = log_p[chain];
                self.local[1] += 1;
                stale = true;
            }
        }
        if stale {
            // Also where nothing has moved, so that the numbers do not depend on who has.
            self.log_q = self.flow.log_prob(self.theta, &self.points);
        }
        Ok(())
    }
}

/// A step of the geodesic random walk: the end of a geodesic whose velocity is normal in the tangent space.
fn walk(manifold: &AnyManifold, p: &[f64], step: f64, generator: &mut Generator, q: &mut [f64]) {
    let n = manifold.ambient();
    let mut frame = vec![0.0; manifold.dim() * n];
    manifold.frame(p, &mut frame);
    let mut velocity = vec![0.0; n];
    for direction in frame.chunks_exact(n) {
        let length = step * generator.normal();
        velocity.iter_mut().zip(direction).for_each(|(v, d)| *v += length * d);
    }
    manifold.exp(p, &velocity, q);
    manifold.wrap(q);
}

/// Uniform in `(0, 1)`.
fn uniform(generator: &mut Generator) -> f64 {
    ((generator.next_u64() >> 12) as f64 + 0.5) * 2f64.powi(-52)
}

/// Independent seeds from one.
fn stream(seed: u64, number: u64) -> u64 {
    seed.wrapping_mul(3).wrapping_add(number)
}
