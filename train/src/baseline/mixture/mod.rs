//! Mixtures of a few von Mises, von Mises–Fisher and normal densities.

mod component;
mod expectation_maximisation;
mod start;

use ircpm_manifolds::AnyManifold;
use rayon::prelude::*;

use super::BaselineError;
use super::embedding::Embedding;
use super::folds::{Fold, folds};
use crate::weights::{Sample, WeightedPoints};
use component::Component;
use expectation_maximisation::Fit;

/// Numbers of components that are tried.
const SIZES: [usize; 7] = [1, 2, 4, 8, 16, 32, 64];

/// Fewest points per component.
const POINTS_PER_COMPONENT: usize = 4;

/// A mixture is given up as too large once so many sizes in succession did not pay.
const PATIENCE: usize = 2;

/// Rows that one task of a parallel loop takes.
const CHUNK: usize = 256;

/// A mixture of products of von Mises, von Mises–Fisher and normal densities.
///
/// Every component has a weight, and of its own a mean and a concentration for each angle and each unit vector, a mean
/// and a standard deviation for each real. It is fitted by expectation–maximisation (Dempster, Laird & Rubin 1977;
/// Banerjee et al. 2005 for directions) from the best of several k-means++ starts. The number of components, up to 64,
/// has the largest likelihood in ten-fold cross-validation.
///
/// The likelihood of a mixture is unbounded, because a component can collapse to a point. A prior worth one point per
/// component keeps the concentrations finite (Fraley & Raftery 2007, *Bayesian regularization for normal mixture
/// estimation and model-based clustering*); beyond it concentrations are at most `10⁶`.
///
/// Results have the same bits on any number of threads.
#[derive(Clone, Debug)]
pub struct Mixture {
    embedding: Embedding,
    components: Vec<Component>,
}

impl Mixture {
    /// Fits to points `[row][coordinate]`, with weights or without. The seed deals the points into folds and chooses the
    /// starts.
    ///
    /// # Errors
    /// [`BaselineError`] for coordinates without a kernel, fewer than four points of positive weight, rows that are not
    /// points, and real columns without a spread.
    ///
    /// # Panics
    /// If `points` are not whole points.
    pub fn fit<'a>(
        manifold: &AnyManifold,
        points: impl Into<WeightedPoints<'a>>,
        seed: u64,
    ) -> Result<Self, BaselineError> {
        let (embedding, sample) = Embedding::of_points(manifold, points.into())?;
        let rows = sample.points.len() / embedding.width;
        let size = choose(&embedding, &sample, &folds(rows, &sample.weights, seed), seed);
        let components = Fit::new(&embedding, &sample, seed).run(size);
        Ok(Self { embedding, components })
    }

    /// Number of components.
    pub fn components(&self) -> usize {
        self.components.len()
    }

    /// Logarithm of the density at points `[row][coordinate]`, in nats, one value per row.
    ///
    /// # Panics
    /// If `points` are not whole points.
    pub fn log_density(&self, points: &[f64]) -> Vec<f64> {
        let logs = log_densities(&self.components, &self.embedding, &self.embedding.embed(points));
        logs.into_iter().map(|log| log - self.embedding.log_scale).collect()
    }
}

/// Logarithms of a mixture's density, in units of the spreads.
fn log_densities(components: &[Component], embedding: &Embedding, embedded: &[f64]) -> Vec<f64> {
    embedded
        .par_chunks(CHUNK * embedding.width)
        .flat_map_iter(|chunk| {
            let mut exponents = vec![0.0; components.len()];
            chunk
                .chunks_exact(embedding.width)
                .map(|point| component::log_density(components, embedding, point, &mut exponents))
                .collect::<Vec<f64>>()
        })
        .collect()
}

/// The number of components with the largest likelihood over all validation points.
fn choose(embedding: &Embedding, sample: &Sample, folds: &[Fold], seed: u64) -> usize {
    let gather = |rows: &[usize]| sample.rows(embedding.width, rows);
    let parts: Vec<_> = folds.iter().map(|fold| (gather(&fold.train), gather(&fold.validation))).collect();
    let worth = |(train, _): &(Sample, Sample)| train.weights.effective(train.points.len() / embedding.width);
    let fewest = parts.iter().map(worth).fold(f64::INFINITY, f64::min);
    let (mut best, mut best_score, mut failures) = (SIZES[0], f64::NEG_INFINITY, 0);
    for size in SIZES.into_iter().filter(|size| *size == 1 || (size * POINTS_PER_COMPONENT) as f64 <= fewest)
    {
        let score = |(train, validation): &(Sample, Sample)| {
            let components = Fit::new(embedding, train, seed).run(size);
            let logs = log_densities(&components, embedding, &validation.points);
            logs.iter().enumerate().map(|(row, log)| validation.weights.of(row) * log).sum::<f64>()
        };
        let scores: Vec<f64> = parts.par_iter().map(score).collect();
        let score = scores.iter().sum();
        if score > best_score {
            (best, best_score, failures) = (size, score, 0);
        } else {
            failures += 1;
        }
        if failures == PATIENCE {
            break;
        }
    }
    best
}
