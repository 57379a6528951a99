//! Training by gradients: batches of base points, or of given points.

use ircpm_manifolds::Manifold;
use rand::Rng;
use rand_pcg::Pcg64;

use super::{Problem, Source};
use crate::loss::{self, Gradient, LossError};
use crate::optimiser::Objective;
use crate::points::{Sequence, base_points};

/// The loss over a batch that is drawn anew at every step.
pub struct Minibatch<'a> {
    problem: &'a Problem,
    sequence: Sequence,
    rng: Pcg64,
    points: Vec<f64>,
}

impl<'a> Minibatch<'a> {
    /// Batches of the problem's size.
    pub fn new(problem: &'a Problem, rng: Pcg64) -> Self {
        let config = &problem.config;
        let sequence = Sequence::new(config.spread(), config.training.batch(), problem.manifold().cube_dim());
        Self { problem, sequence, rng, points: Vec::new() }
    }

    /// The generator of points.
    pub fn rng(&self) -> &Pcg64 {
        &self.rng
    }

    /// Takes up a saved generator.
    pub fn restore(&mut self, rng: Pcg64) {
        self.rng = rng;
    }
}

impl Objective for Minibatch<'_> {
    fn refresh(&mut self, _: &[f64]) -> Result<(), LossError> {
        let manifold = self.problem.manifold();
        self.points = match &self.problem.source {
            Source::Target(_) => base_points(manifold, &self.sequence, &mut self.rng),
            Source::Data { train, .. } => {
                let ambient = manifold.ambient();
                let rows = (train.len() / ambient) as u128;
                let mut y = Vec::with_capacity(self.sequence.points() * ambient);
                for _ in 0..self.sequence.points() {
                    let row = ((u128::from(self.rng.next_u64()) * rows) >> 64) as usize;
                    y.extend_from_slice(&train[row * ambient..(row + 1) * ambient]);
                }
                y
            }
        };
        Ok(())
    }

    fn gradient(&mut self, theta: &[f64]) -> Result<Gradient, LossError> {
        let Problem { config, flow, source, .. } = self.problem;
        match source {
            Source::Target(target) => {
                loss::reverse_kl(flow, theta, &self.points, target.as_ref(), config.beta())
            }
            Source::Data { .. } => loss::likelihood(flow, theta, &self.points),
        }
    }
}
