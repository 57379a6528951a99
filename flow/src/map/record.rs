//! What one layer's run leaves: its results, and what the layer saves for its backward pass.

use super::saved::Saved;

/// Results per sample of a batch, after one layer was run in either direction. Arrays are `[sample][…]`.
#[derive(Debug, Default)]
pub struct Record {
    /// Preimages, `n` ambient coordinates each.
    pub x: Vec<f64>,
    /// Images.
    pub y: Vec<f64>,
    /// `ℓ = log|det DT|`.
    pub log_det: Vec<f64>,
    /// Whether the solve converged; always true for the closed-form inverse.
    pub converged: Vec<bool>,
    /// Whether the image and `ℓ` mean something: the solve converged, `H` is positive definite, and the preimage is
    /// finite and within the injectivity radius.
    pub ok: Vec<bool>,
    /// Evaluations of the Hessian in double precision that the solve took, without one that may follow for what is
    /// saved; 0 for the closed-form inverse.
    pub steps: Vec<u32>,
    /// Evaluations of the Hessian in single precision before those; 0 where there are none.
    pub single_steps: Vec<u32>,
    /// Norm of the objective's gradient at the end of the solve, in radians; 0 for the closed-form inverse.
    pub residual: Vec<f64>,
    saved: Saved,
    saves: bool,
}

impl Record {
    /// A record that can be pulled back through. Others do not save what only that needs: for a network `D + 4` numbers
    /// per hidden unit and sample.
    pub fn for_gradients() -> Self {
        Self { saves: true, ..Self::default() }
    }

    /// Whether a run saves what [`crate::Map::pull_back`] will need.
    pub fn saves(&self) -> bool {
        self.saves
    }

    /// Number of samples.
    pub fn samples(&self) -> usize {
        self.ok.len()
    }

    /// What the map saved: its own types, which no other part of a flow reads.
    pub fn saved(&self) -> &Saved {
        &self.saved
    }

    /// As [`Record::saved`], to be written by the map.
    pub fn saved_mut(&mut self) -> &mut Saved {
        &mut self.saved
    }

    /// Makes room for `samples` samples of `ambient` coordinates.
    pub fn resize(&mut self, samples: usize, ambient: usize) {
        self.x.resize(samples * ambient, 0.0);
        self.y.resize(samples * ambient, 0.0);
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
    /// Number of solves: samples times layers.
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
    /// Mean number of Hessian evaluations per solve, in double precision.
    pub fn steps_mean(&self) -> f64 {
        self.steps as f64 / self.points.max(1) as f64
    }

    /// Mean number of Hessian evaluations per solve, in single precision.
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

    /// Adds the solves of one layer.
    pub(crate) fn add(&mut self, record: &Record) {
        self.points += record.samples();
        self.steps += record.steps.iter().map(|&s| s as usize).sum::<usize>();
        self.single_steps += record.single_steps.iter().map(|&s| s as usize).sum::<usize>();
        self.unconverged += record.converged.iter().filter(|converged| !**converged).count();
        let solved = record.ok.iter().zip(&record.converged).filter(|(_, converged)| **converged);
        self.indefinite += solved.filter(|(ok, _)| !**ok).count();
        let converged = record.residual.iter().zip(&record.converged).filter(|(_, converged)| **converged);
        self.residual_max = converged.fold(self.residual_max, |max, (&r, _)| max.max(r));
    }
}
