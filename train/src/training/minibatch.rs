//! Training by gradients: batches of base points, or of given points.

use ircpm_flow::Flow;

use super::{Assessment, Source, TrainingObjective};
use crate::loss::{self, Gradient, LossError};
use crate::optimiser::{Objective, StateError, Tensors};
use crate::points::{Generator, Sequence, Spread, base_points};

/// The loss over a batch that is drawn anew at every step.
pub struct Minibatch<'a> {
    flow: &'a Flow,
    source: Source<'a>,
    sequence: Sequence,
    generator: Generator,
    points: Vec<f64>,
    /// Weights of given points and of the barrier's.
    weights: Vec<f64>,
}

/// Weight of base points beside given points, which keep the map from folding between these. A model that could be any
/// density would be moved by them by a KL of at most `log(1 + BARRIER)`.
const BARRIER: f64 = 0.03;
/// Given points per base point of the barrier.
const RATIO: usize = 2;

impl<'a> Minibatch<'a> {
    /// Batches of `count` points: base points with the given spread for a target, rows drawn with replacement for data,
    /// and beside these half as many base points as a barrier against folds.
    pub fn new(
        flow: &'a Flow,
        source: Source<'a>,
        spread: Spread,
        count: usize,
        generator: Generator,
    ) -> Self {
        let base = match source {
            Source::Target { .. } => count,
            Source::Points { .. } => count.div_ceil(RATIO),
        };
        let weights = match source {
            Source::Target { .. } => vec![],
            Source::Points { .. } => {
                [vec![(count as f64).recip(); count], vec![BARRIER / base as f64; base]].concat()
            }
        };
        let sequence = Sequence::new(spread, base, flow.manifold().cube_dim());
        Self { flow, source, sequence, generator, points: Vec::new(), weights }
    }
}

impl Objective for Minibatch<'_> {
    fn refresh(&mut self, _: &[f64]) -> Result<(), LossError> {
        let manifold = self.flow.manifold();
        self.points = match self.source {
            Source::Target { .. } => base_points(manifold, &self.sequence, &mut self.generator),
            Source::Points { train, .. } => {
                let ambient = manifold.ambient();
                let rows = train.len() / ambient;
                let base = self.sequence.points();
                let mut y = Vec::with_capacity(self.weights.len() * ambient);
                for _ in base..self.weights.len() {
                    let row = self.generator.below(rows);
                    y.extend_from_slice(&train[row * ambient..(row + 1) * ambient]);
                }
                y.extend(base_points(manifold, &self.sequence, &mut self.generator));
                y
            }
        };
        Ok(())
    }

    fn gradient(&mut self, theta: &[f64]) -> Result<Gradient, LossError> {
        match self.source {
            Source::Target { target, beta } => loss::reverse_kl(self.flow, theta, &self.points, target, beta),
            Source::Points { .. } => loss::weighted_likelihood(self.flow, theta, &self.points, &self.weights),
        }
    }
}

impl TrainingObjective for Minibatch<'_> {
    fn flow(&self) -> &Flow {
        self.flow
    }

    fn generator(&self) -> &Generator {
        &self.generator
    }

    fn restore(&mut self, theta: &[f64], _: &Tensors, generator: Generator) -> Result<(), StateError> {
        let (found, expected) = (theta.len(), self.flow.parameters());
        if found != expected {
            return Err(StateError::Length { name: "theta", found, expected });
        }
        self.generator = generator;
        Ok(())
    }

    fn assess(&mut self, _: &mut Vec<f64>, last: bool) -> Assessment {
        Assessment { done: last, ..Assessment::default() }
    }
}
