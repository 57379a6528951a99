//! Training by gradients: batches of base points, or of given points.

use ircpm_flow::Flow;

use super::{Assessment, Source, TrainingObjective};
use crate::loss::{self, Gradient, LossError};
use crate::optimiser::{Objective, StateError, Tensors};
use crate::points::{Generator, Sequence, Spread, base_points};
use crate::ranks::Ranks;
use crate::weights::partial_sums;

/// The loss over a batch that is drawn anew at every step.
pub struct Minibatch<'a> {
    flow: &'a Flow,
    ranks: Ranks,
    source: Source<'a>,
    sequence: Sequence,
    generator: Generator,
    points: Vec<f64>,
    /// Weights of given points in a batch and of the barrier's.
    weights: Vec<f64>,
    /// Sums of the weights of all given points up to each; none if these count alike.
    sums: Option<Vec<f64>>,
}

/// Weight of base points beside given points, which keep the map from folding between these. A model that could be any
/// density would be moved by them by a KL of at most `log(1 + BARRIER)`.
const BARRIER: f64 = 0.03;
/// Given points per base point of the barrier.
const RATIO: usize = 2;

impl<'a> Minibatch<'a> {
    /// Batches of `count` points: base points with the given spread for a target, rows drawn with replacement for data,
    /// in proportion to their weights, and beside these half as many base points as a barrier against folds.
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
        let sums = match source {
            Source::Target { .. } => None,
            Source::Points { train, .. } => train.weights().map(sums),
        };
        Self { flow, ranks: Ranks::ALONE, source, sequence, generator, points: Vec::new(), weights, sums }
    }
}

/// Sums of weights up to each, in units of the largest weight, so that they are finite.
fn sums(weights: &[f64]) -> Vec<f64> {
    let largest = weights.iter().copied().fold(0.0, f64::max);
    partial_sums(&weights.iter().map(|weight| weight / largest).collect::<Vec<_>>())
}

/// A row drawn in proportion to its weight, from the sums of the weights up to each; never one of weight zero.
fn draw(sums: &[f64], generator: &mut Generator) -> usize {
    let uniform = generator.uniform();
    let total = sums[sums.len() - 1];
    sums.partition_point(|sum| *sum <= uniform * total)
}

impl Objective for Minibatch<'_> {
    fn refresh(&mut self, _: &[f64]) -> Result<(), LossError> {
        let manifold = self.flow.manifold();
        self.points = match self.source {
            Source::Target { .. } => base_points(manifold, &self.sequence, &mut self.generator),
            Source::Points { train, .. } => {
                let ambient = manifold.ambient();
                let train = train.points();
                let rows = train.len() / ambient;
                let base = self.sequence.points();
                let mut y = Vec::with_capacity(self.weights.len() * ambient);
                for _ in base..self.weights.len() {
                    let row = match &self.sums {
                        None => self.generator.below(rows),
                        Some(sums) => draw(sums, &mut self.generator),
                    };
                    y.extend_from_slice(&train[row * ambient..(row + 1) * ambient]);
                }
                y.extend(base_points(manifold, &self.sequence, &mut self.generator));
                y
            }
        };
        Ok(())
    }

    fn gradient(&mut self, theta: &[f64]) -> Result<Gradient, LossError> {
        let Self { flow, ranks, points, .. } = self;
        match self.source {
            Source::Target { target, beta } => {
                loss::shared_reverse_kl(ranks, flow, theta, points, target, beta)
            }
            Source::Points { .. } => loss::shared_likelihood(ranks, flow, theta, points, &self.weights),
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

    fn share(&mut self, ranks: &Ranks) {
        self.ranks = ranks.clone();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_drawn_in_proportion_to_their_weights() {
        let (weights, draws) = ([0.0, 3.0, 1.0, 0.0, 4.0, 0.0], 40_000);
        let (sums, mut generator) = (sums(&weights), Generator::from_seed(3));
        let mut counts = [0.0; 6];
        (0..draws).for_each(|_| counts[draw(&sums, &mut generator)] += 1.0 / f64::from(draws));
        for (count, weight) in counts.iter().zip(weights) {
            let share: f64 = weight / 8.0;
            let error = (share * (1.0 - share) / f64::from(draws)).sqrt();
            assert!((count - share).abs() <= 4.0 * error, "{counts:?}");
        }
    }
}
