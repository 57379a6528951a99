//! Samples of a trained flow in batches, with their log-densities and importance weights.

mod exact;

use ircpm_flow::Flow;

pub use crate::data::coordinate_names;
use crate::evaluation::{EvaluationError, log_target};
use crate::points::{Generator, Sequence, Spread, base_points};
use crate::target::Target;
pub use exact::ExactSamples;

/// Base points of a batch: enough for every thread, little memory.
pub const BATCH: usize = 8192;

/// Samples of a batch.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Batch {
    /// Points, `[sample][coordinate]`.
    pub points: Vec<f64>,
    /// `log q` of the points with respect to the Riemannian volume, in nats.
    pub log_q: Vec<f64>,
    /// `log w = −βu − log q` of the points in nats; empty where there is no target.
    pub log_weight: Vec<f64>,
}

/// Why no more samples can be drawn.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SamplesError {
    /// The energy is not finite at a sample.
    #[error(transparent)]
    Energy(#[from] EvaluationError),
    /// Too many inner solves fail.
    #[error(
        "{failed} of {drawn} inner solves failed; the map folds or its solver is too weak: `ircpm evaluate` tells, and a \
         larger solver.max_steps helps the latter"
    )]
    Unsolved {
        /// Base points that were not solved.
        failed: usize,
        /// Base points so far.
        drawn: usize,
    },
    /// An inner solve fails where every sample is needed.
    #[error(
        "{failed} inner solves failed, and samples in their places would have another law: raise solver.max_steps"
    )]
    Failed {
        /// Base points that were not solved.
        failed: usize,
    },
    /// A sample contradicts a bound that is proven.
    #[error(
        "the weight of a sample exceeds the proven bound by a factor of exp({excess:e}): its log q or its energy is rounded too \
         much for exact samples"
    )]
    Bound {
        /// By how much, in nats.
        excess: f64,
    },
}

/// Independent samples of a flow as an iterator over [`Batch`]es, in memory that does not depend on their number.
///
/// A sample whose inner solve fails is replaced by the next one. The same seed gives the same bits on one instruction
/// set, whatever the number of threads, and a smaller number of samples is the beginning of a larger one.
pub struct Samples<'a> {
    flow: &'a Flow,
    theta: &'a [f64],
    target: Option<(&'a dyn Target, f64)>,
    sequence: Sequence,
    generator: Generator,
    /// Conditioning variables of the samples, `[row][variable]`, and samples for each row; none for unconditional flows.
    given: Option<(Vec<f64>, usize)>,
    left: usize,
    drawn: usize,
    failed: usize,
}

impl<'a> Samples<'a> {
    /// `count` samples; with a target `exp(−βu)`, given as `u` and `β`, they get importance weights.
    ///
    /// # Panics
    /// If `theta` has the wrong length for the flow, or if the target lives on another manifold.
    pub fn new(
        flow: &'a Flow,
        theta: &'a [f64],
        target: Option<(&'a dyn Target, f64)>,
        count: usize,
        seed: u64,
    ) -> Self {
        assert_eq!(theta.len(), flow.parameters(), "the parameters of the flow");
        if let Some((target, _)) = target {
            assert_eq!(flow.manifold(), target.manifold(), "a flow and its target live on one manifold");
        }
        Self {
            flow,
            theta,
            target,
            sequence: Sequence::new(Spread::Random, BATCH, flow.manifold().cube_dim()),
            generator: Generator::from_seed(seed),
            given: None,
            left: count,
            drawn: 0,
            failed: 0,
        }
    }

    /// Independent samples of a conditional density, `each` of them for every row of conditioning variables,
    /// `[row][variable]`, in the order of the rows.
    ///
    /// # Panics
    /// If `theta` has the wrong length for the flow, or if `contexts` does not hold whole rows of the manifold's
    /// variables.
    pub fn given(flow: &'a Flow, theta: &'a [f64], contexts: &[f64], each: usize, seed: u64) -> Self {
        let k = flow.manifold().contexts();
        assert!(k > 0 && contexts.len().is_multiple_of(k), "rows of {k} conditioning variables");
        let all = Self::new(flow, theta, None, contexts.len() / k * each, seed);
        Self { given: Some((contexts.to_vec(), each)), ..all }
    }

    /// Base points so far whose inner solve failed.
    pub fn failed(&self) -> usize {
        self.failed
    }

    /// The next samples of a conditional density, in the order of their rows: base points are drawn until each has one
    /// that is solved.
    fn draw_given(&mut self, contexts: &[f64], each: usize) -> Result<Batch, SamplesError> {
        let manifold = self.flow.manifold();
        let (n, k) = (manifold.ambient(), manifold.contexts());
        let first = contexts.len() / k * each - self.left;
        let count = self.left.min(BATCH);
        let mut batch = Batch { points: vec![0.0; count * n], log_q: vec![0.0; count], log_weight: vec![] };
        let mut open: Vec<usize> = (0..count).collect();
        while !open.is_empty() {
            let mut x = base_points(manifold, &self.sequence, &mut self.generator);
            x.truncate(open.len() * n);
            for (x, i) in x.chunks_exact_mut(n).zip(&open) {
                let row = (first + i) / each;
                x[n - k..].copy_from_slice(&contexts[row * k..(row + 1) * k]);
            }
            let pushed = self.flow.forward(self.theta, &x);
            for (j, &i) in open.iter().enumerate().filter(|(j, _)| pushed.ok[*j]) {
                batch.points[i * n..(i + 1) * n].copy_from_slice(&pushed.y[j * n..(j + 1) * n]);
                batch.log_q[i] = pushed.log_q[j];
            }
            self.drawn += open.len();
            let mut solved = pushed.ok.iter();
            open.retain(|_| solved.next() == Some(&false));
            self.failed += open.len();
            self.check()?;
        }
        self.left -= count;
        Ok(batch)
    }

    /// Refuses to go on where most inner solves fail.
    fn check(&self) -> Result<(), SamplesError> {
        let Self { failed, drawn, .. } = *self;
        if 2 * failed > drawn { Err(SamplesError::Unsolved { failed, drawn }) } else { Ok(()) }
    }

    /// The solved samples of the next base points, at most as many as are left.
    fn draw(&mut self) -> Result<Batch, SamplesError> {
        if let Some((contexts, each)) = self.given.take() {
            let batch = self.draw_given(&contexts, each);
            self.given = Some((contexts, each));
            return batch;
        }
        let manifold = self.flow.manifold();
        let n = manifold.ambient();
        let x = base_points(manifold, &self.sequence, &mut self.generator);
        let pushed = self.flow.forward(self.theta, &x);
        let solved: Vec<usize> = (0..pushed.ok.len()).filter(|&i| pushed.ok[i]).collect();
        self.drawn += pushed.ok.len();
        self.failed += pushed.ok.len() - solved.len();
        self.check()?;
        let kept = &solved[..solved.len().min(self.left)];
        let points: Vec<f64> = kept.iter().flat_map(|i| &pushed.y[i * n..(i + 1) * n]).copied().collect();
        let log_q: Vec<f64> = kept.iter().map(|&i| pushed.log_q[i]).collect();
        let log_weight = match self.target {
            Some((target, beta)) => {
                let log_p = log_target(target, beta, &points)?;
                log_p.iter().zip(&log_q).map(|(p, q)| p - q).collect()
            }
            None => vec![],
        };
        self.left -= kept.len();
        Ok(Batch { points, log_q, log_weight })
    }
}

impl Iterator for Samples<'_> {
    type Item = Result<Batch, SamplesError>;

    /// The next batch. After an error there are no more.
    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        let batch = self.draw();
        if batch.is_err() {
            self.left = 0;
        }
        Some(batch)
    }
}
