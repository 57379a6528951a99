//! What one layer remembers of a batch: if it is for_gradients, all that its gradients need.

use crate::potential::Saved;

/// Per sample of a batch, after one layer was run in either direction. Arrays are `[sample][…]`.
#[derive(Debug, Default)]
pub struct Record {
    /// Preimages, `n` ambient coordinates each.
    pub x: Vec<f64>,
    /// Images.
    pub y: Vec<f64>,
    /// `grad psi(y)` in the frame at `y`, `D` numbers each.
    pub g: Vec<f64>,
    /// `H(y)`, `D × D` numbers each.
    pub h: Vec<f64>,
    /// `ℓ = log|det DT|`.
    pub log_det: Vec<f64>,
    /// Whether the solve converged; always, for the closed-form inverse.
    pub converged: Vec<bool>,
    /// Whether it did, `H` is positive definite and `|g|` within the domain: the image and `ℓ` mean something.
    pub ok: Vec<bool>,
    /// Evaluations of the Hessian in double precision that the solve took, without one that may follow for what is saved; 0 for
    /// the closed-form inverse.
    pub steps: Vec<u32>,
    /// Those in single precision that came before; 0 where there are none.
    pub single_steps: Vec<u32>,
    /// Norm of the objective's gradient at the end of the solve, in radians; 0 for the closed-form inverse.
    pub residual: Vec<f64>,
    /// What the potential saved of its evaluations at the images, a value a pack: see [`crate::Potential::jets`].
    pub(crate) saved: Saved,
    /// Whether it shall.
    pub(crate) saves: bool,
}

impl Record {
    /// A record that can be pulled back through. Others forget what only that needs: for a network `D + 4` numbers a hidden unit
    /// and sample.
    pub fn for_gradients() -> Self {
        Self { saves: true, ..Self::default() }
    }

    /// Makes room for `samples` samples.
    pub(crate) fn resize(&mut self, samples: usize, ambient: usize, dim: usize) {
        self.x.resize(samples * ambient, 0.0);
        self.y.resize(samples * ambient, 0.0);
        self.g.resize(samples * dim, 0.0);
        self.h.resize(samples * dim * dim, 0.0);
        self.log_det.resize(samples, 0.0);
        self.converged.resize(samples, false);
        self.ok.resize(samples, false);
        self.steps.resize(samples, 0);
        self.single_steps.resize(samples, 0);
        self.residual.resize(samples, 0.0);
    }
}

/// Statistics of the inner solves over a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SolveStats {
    /// Solves: samples times layers.
    pub points: usize,
    /// Evaluations of the Hessian in double precision, all together.
    pub steps: usize,
    /// Evaluations of the Hessian in single precision, all together.
    pub single_steps: usize,
    /// Largest residual of a converged solve, in radians.
    pub residual_max: f64,
    /// Solves that ran out of steps.
    pub unconverged: usize,
    /// Solves that ended where `H` is not positive definite, or beyond the injectivity radius.
    pub indefinite: usize,
}

impl SolveStats {
    /// Mean number of Hessian evaluations a solve, in double precision.
    pub fn steps_mean(&self) -> f64 {
        self.steps as f64 / self.points.max(1) as f64
    }

    /// Mean number of Hessian evaluations a solve, in single precision.
    pub fn single_steps_mean(&self) -> f64 {
        self.single_steps as f64 / self.points.max(1) as f64
    }

    /// Adds another batch.
    pub fn merge(&mut self, other: &Self) {
        self.points += other.points;
        self.steps += other.steps;
        self.single_steps += other.single_steps;
        self.residual_max = self.residual_max.max(other.residual_max);
        self.unconverged += other.unconverged;
        self.indefinite += other.indefinite;
    }

    /// Adds one layer's solves.
    pub(crate) fn record(&mut self, record: &Record) {
        self.points += record.ok.len();
        self.steps += record.steps.iter().map(|&s| s as usize).sum::<usize>();
        self.single_steps += record.single_steps.iter().map(|&s| s as usize).sum::<usize>();
        let failed = record.ok.iter().filter(|ok| !**ok).count();
        let unconverged = record.converged.iter().filter(|converged| !**converged).count();
        self.unconverged += unconverged;
        self.indefinite += failed - unconverged;
        let converged = record.residual.iter().zip(&record.converged).filter(|(_, converged)| **converged);
        self.residual_max = converged.fold(self.residual_max, |max, (&r, _)| max.max(r));
    }
}
