//! Training of the flow by the optimisers of `ircpm-train`.

use ircpm_manifolds::{AnyManifold, Base};
use ircpm_train::loss::{Gradient, LossError};
use ircpm_train::optimiser::Objective;
use ircpm_train::points::{Generator, Sequence, Spread, base_points};
use ircpm_train::target::Target;

use super::OdeFlow;

/// Reverse KL over shifted lattices of base points, as the map's own training draws them.
///
/// The number of steps begins small. Every [`OdeObjective::INTERVAL`] batches `log q` of some points is compared with
/// twice as many steps, and the number grows, in proportion to the fourth root of the error, until that is below the
/// tolerance.
pub struct OdeObjective<'a, M, const D: usize> {
    /// The flow, with the present number of steps.
    pub flow: OdeFlow<M, D>,
    target: &'a dyn Target,
    tolerance: f64,
    sequence: Sequence,
    generator: Generator,
    points: Vec<f64>,
    batches: usize,
}

impl<'a, M: Base + Into<AnyManifold>, const D: usize> OdeObjective<'a, M, D> {
    /// Batches between two looks at the error.
    pub const INTERVAL: usize = 25;
    /// Number of points that the error is looked at.
    const LOOKED_AT: usize = 32;

    /// Batches of `batch` points for `target`; `tolerance` is the largest error of `log q` in nats.
    pub fn new(flow: OdeFlow<M, D>, target: &'a dyn Target, tolerance: f64, batch: usize, seed: u64) -> Self {
        let sequence = Sequence::new(Spread::Lattice, batch, flow.manifold.cube_dim());
        let generator = Generator::from_seed(seed);
        Self { flow, target, tolerance, sequence, generator, points: vec![], batches: 0 }
    }

    /// Takes more steps until `log q` of some points of the batch is within the tolerance.
    fn refine(&mut self, theta: &[f64]) {
        let x = &self.points[..self.points.len().min(Self::LOOKED_AT * self.flow.manifold.ambient())];
        while self.flow.steps < Self::MOST {
            let error = self.flow.log_q_error(theta, x);
            if error <= self.tolerance {
                break;
            }
            let factor = (error / self.tolerance).powf(0.25).clamp(1.0, 2.0);
            let factor = if factor.is_nan() { 2.0 } else { factor };
            self.flow.steps = ((self.flow.steps as f64 * factor).ceil() as usize).max(self.flow.steps + 1);
        }
    }

    /// Most steps that are taken.
    const MOST: usize = 1000;
}

impl<M: Base + Into<AnyManifold>, const D: usize> OdeFlow<M, D> {
    /// Largest difference of `log q` over base points `x` from what twice as many steps give, in nats.
    ///
    /// # Panics
    /// If a slice has the wrong length.
    pub fn log_q_error(&self, theta: &[f64], x: &[f64]) -> f64 {
        let fine = Self { steps: 2 * self.steps, ..self.clone() };
        let (coarse, fine) = (self.forward(theta, x).log_q, fine.forward(theta, x).log_q);
        // A NaN is the largest.
        let larger = |a: f64, b: f64| if b > a || b.is_nan() { b } else { a };
        coarse.iter().zip(&fine).map(|(a, b)| (a - b).abs()).fold(0.0, larger)
    }
}

impl<M: Base + Into<AnyManifold>, const D: usize> Objective for OdeObjective<'_, M, D> {
    fn refresh(&mut self, theta: &[f64]) -> Result<(), LossError> {
        let manifold = self.flow.manifold.clone().into();
        self.points = base_points(&manifold, &self.sequence, &mut self.generator);
        if self.batches.is_multiple_of(Self::INTERVAL) {
            self.refine(theta);
        }
        self.batches += 1;
        Ok(())
    }

    fn gradient(&mut self, theta: &[f64]) -> Result<Gradient, LossError> {
        Ok(self.flow.reverse_kl(theta, &self.points, self.target))
    }
}
