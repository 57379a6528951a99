//! Expectation–maximisation for a given number of components.

use rayon::prelude::*;

use super::CHUNK;
use super::component::{Component, log_density, log_normaliser};
use super::start::clusters;
use crate::baseline::concentration::concentration;
use crate::baseline::embedding::{Embedding, Factor};
use crate::points::Generator;
use crate::weights::Sample;

/// Starts, of which the best after some steps goes on (Biernacki, Celeux & Govaert 2003).
const STARTS: usize = 4;
const FIRST_STEPS: usize = 10;
const STEPS: usize = 300;

/// Gain of the mean objective per step, in nats, below which the steps end.
const GAIN: f64 = 1e-5;

/// Points that the prior of a concentration is worth.
const PRIOR_POINTS: f64 = 1.0;

/// Largest concentration of a component.
const LARGEST_CONCENTRATION: f64 = 1e6;

/// Points to fit a mixture to.
pub(super) struct Fit<'a> {
    embedding: &'a Embedding,
    /// `[row][number]` of the embedding.
    sample: &'a Sample,
    /// Number of points that a weight of one is worth beside the prior.
    worth: f64,
    /// The number of points that all are worth.
    rows: f64,
    seed: u64,
}

/// Sums over points, weighted by one component's responsibilities.
#[derive(Clone)]
struct Sums {
    weight: f64,
    /// `Σ r x`.
    first: Vec<f64>,
    /// `Σ r x²`; used for reals alone.
    second: Vec<f64>,
}

impl Sums {
    fn new(width: usize) -> Self {
        Self { weight: 0.0, first: vec![0.0; width], second: vec![0.0; width] }
    }

    fn add_point(&mut self, responsibility: f64, point: &[f64]) {
        self.weight += responsibility;
        for (i, x) in point.iter().enumerate() {
            self.first[i] += responsibility * x;
            self.second[i] += responsibility * x * x;
        }
    }

    fn add(&mut self, other: &Self) {
        self.weight += other.weight;
        self.first.iter_mut().zip(&other.first).for_each(|(a, b)| *a += b);
        self.second.iter_mut().zip(&other.second).for_each(|(a, b)| *a += b);
    }

    /// The mean of one factor's numbers, and the mean of `1 − μ·x` around its direction, or the variance of a real.
    /// `None` without a direction, or without points.
    fn moments(&self, factor: Factor, at: usize) -> Option<(Vec<f64>, f64)> {
        let mean: Vec<f64> =
            self.first[at..at + factor.width()].iter().map(|sum| sum / self.weight).collect();
        if let Factor::Real { .. } = factor {
            let variance = self.second[at] / self.weight - mean[0] * mean[0];
            return mean[0].is_finite().then_some((mean, variance.max(0.0)));
        }
        let length = mean.iter().map(|x| x * x).sum::<f64>().sqrt();
        let direction = mean.into_iter().map(|x| x / length).collect();
        (length > 0.0).then_some((direction, (1.0 - length).max(0.0)))
    }
}

/// The prior of concentrations: `PRIOR_POINTS` points around the component's mean, with these mean deviations
/// `1 − μ·x`, or variances, per factor. The prior density is `exp(n₀ (κ (1 − m₀) − log C(κ)))` for directions, so that
/// the maximum has the mean deviation `(Σ r (1 − μ·x) + n₀ m₀) / (Σ r + n₀)`.
struct Prior(Vec<f64>);

impl Prior {
    /// The deviations of all points, shrunk as if the components divided the volume that the points fill.
    fn new(fit: &Fit<'_>, count: usize) -> Self {
        let embedding = fit.embedding;
        let mut sums = Sums::new(embedding.width);
        fit.points().for_each(|(weight, point)| sums.add_point(weight, point));
        let share = (count as f64).powf(-2.0 / embedding.dim as f64);
        let (mut deviations, mut at) = (Vec::new(), 0);
        for &factor in &embedding.factors {
            let deviation = sums.moments(factor, at).map_or(1.0, |(_, deviation)| deviation);
            deviations.push(share * deviation);
            at += factor.width();
        }
        Self(deviations)
    }

    /// The logarithm of the prior density of all concentrations, but for a constant.
    fn log_density(&self, embedding: &Embedding, components: &[Component]) -> f64 {
        let of = |component: &Component| -> f64 {
            let factors = embedding.factors.iter().zip(&component.concentrations).zip(&self.0);
            let log = |((&factor, &kappa), &deviation)| {
                let exponent = if let Factor::Real { .. } = factor {
                    -0.5 * kappa * deviation
                } else {
                    kappa * (1.0 - deviation)
                };
                exponent - log_normaliser(factor, kappa)
            };
            factors.map(log).sum()
        };
        PRIOR_POINTS * components.iter().map(of).sum::<f64>()
    }
}

impl<'a> Fit<'a> {
    /// The fit of a sample in the embedding, whose points are worth their effective number together.
    pub(super) fn new(embedding: &'a Embedding, sample: &'a Sample, seed: u64) -> Self {
        let count = sample.points.len() / embedding.width;
        let rows = sample.weights.effective(count);
        Self { embedding, sample, worth: rows / sample.weights.total(count), rows, seed }
    }

    /// The points, and how many points each is worth.
    fn points(&self) -> impl Iterator<Item = (f64, &[f64])> {
        let points = self.sample.points.chunks_exact(self.embedding.width).enumerate();
        points.map(|(row, point)| (self.worth * self.sample.weights.of(row), point))
    }

    /// The mixture of `count` components with the largest likelihood times prior that the starts lead to.
    pub(super) fn run(&self, count: usize) -> Vec<Component> {
        let prior = Prior::new(self, count);
        let mut generator = Generator::from_seed(self.seed);
        let starts = if count == 1 { 1 } else { STARTS };
        let mut best: Option<(f64, Vec<Component>)> = None;
        for _ in 0..starts {
            let mut components = self.start(count, &prior, &mut generator);
            let objective = self.climb(&mut components, &prior, FIRST_STEPS);
            if best.as_ref().is_none_or(|(highest, _)| objective > *highest) {
                best = Some((objective, components));
            }
        }
        let (_, mut components) = best.expect("one start or more");
        self.climb(&mut components, &prior, STEPS);
        components
    }

    /// Components from the clusters of k-means.
    fn start(&self, count: usize, prior: &Prior, generator: &mut Generator) -> Vec<Component> {
        let width = self.embedding.width;
        let clusters = clusters(self.sample, width, count, generator);
        let mut sums = vec![Sums::new(width); count];
        for ((weight, point), &k) in self.points().zip(&clusters) {
            sums[k].add_point(weight, point);
        }
        // Where a cluster has no points, its mean is the first point's.
        let fallback = &self.sample.points[..width];
        sums.iter().map(|sums| self.maximise(sums, fallback, prior)).collect()
    }

    /// Steps until the mean objective gains less than `GAIN`, or `steps`; the objective before the last step.
    fn climb(&self, components: &mut Vec<Component>, prior: &Prior, steps: usize) -> f64 {
        let mut before = f64::NEG_INFINITY;
        for _ in 0..steps {
            let (log_likelihood, sums) = self.expect(components);
            let objective = (log_likelihood + prior.log_density(self.embedding, components)) / self.rows;
            *components = sums
                .iter()
                .zip(&*components)
                .map(|(sums, old)| self.maximise(sums, &old.mean, prior))
                .collect();
            if objective - before < GAIN {
                return objective;
            }
            before = objective;
        }
        before
    }

    /// The log-likelihood, and the sums that the next components are made of. Chunks of points are added in order, so
    /// that the bits do not depend on the threads.
    fn expect(&self, components: &[Component]) -> (f64, Vec<Sums>) {
        let width = self.embedding.width;
        let of_chunk = |(part, chunk): (usize, &[f64])| {
            let (mut log_likelihood, mut sums) = (0.0, vec![Sums::new(width); components.len()]);
            let mut exponents = vec![0.0; components.len()];
            for (i, point) in chunk.chunks_exact(width).enumerate() {
                let weight = self.worth * self.sample.weights.of(part * CHUNK + i);
                let log = log_density(components, self.embedding, point, &mut exponents);
                log_likelihood += weight * log;
                for (sums, exponent) in sums.iter_mut().zip(&exponents) {
                    let responsibility = (exponent - log).exp();
                    if responsibility > 0.0 {
                        sums.add_point(weight * responsibility, point);
                    }
                }
            }
            (log_likelihood, sums)
        };
        let parts: Vec<_> = self.sample.points.par_chunks(CHUNK * width).enumerate().map(of_chunk).collect();
        let mut total = (0.0, vec![Sums::new(width); components.len()]);
        for (log_likelihood, sums) in parts {
            total.0 += log_likelihood;
            total.1.iter_mut().zip(&sums).for_each(|(total, sums)| total.add(sums));
        }
        total
    }

    /// The component with the largest expected likelihood times prior. A factor without a mean keeps that of `old`.
    fn maximise(&self, sums: &Sums, old: &[f64], prior: &Prior) -> Component {
        let (mut mean, mut concentrations, mut at) = (Vec::new(), Vec::new(), 0);
        for (&factor, &prior_deviation) in self.embedding.factors.iter().zip(&prior.0) {
            let width = factor.width();
            let (centre, deviation) =
                sums.moments(factor, at).unwrap_or_else(|| (old[at..at + width].to_vec(), 1.0));
            let weight = sums.weight + PRIOR_POINTS;
            let posterior = (sums.weight * deviation + PRIOR_POINTS * prior_deviation) / weight;
            concentrations.push(match factor {
                Factor::Angle { .. } => concentration(2, posterior, LARGEST_CONCENTRATION),
                Factor::UnitVector { len, .. } => concentration(len, posterior, LARGEST_CONCENTRATION),
                Factor::Real { .. } => (1.0 / posterior).min(LARGEST_CONCENTRATION),
            });
            mean.extend(centre);
            at += width;
        }
        Component::new(self.embedding, sums.weight / self.rows, mean, concentrations)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::points::Generator;
    use crate::weights::Weights;

    #[test]
    fn integer_weights_are_repeated_rows() {
        let manifold = "R2xT1".parse().expect("a manifold");
        let mut rng = Generator::from_seed(18);
        let points: Vec<f64> = (0..1800).map(|i| f64::from(i / 900) + rng.normal()).collect();
        let counts: Vec<usize> = (0..600).map(|_| 1 + rng.below(4)).collect();
        let rows = points.chunks_exact(3).zip(&counts);
        let repeated: Vec<f64> = rows.flat_map(|(point, &count)| point.repeat(count)).collect();
        let (embedding, sample) = Embedding::of_points(&manifold, (&points).into()).expect("an embedding");
        let weights = Weights::raw(counts.iter().map(|&count| count as f64).collect());
        let repeated = Sample { points: embedding.embed(&repeated), weights: Weights::default() };
        let weighted = Sample { weights, ..sample };
        let total: usize = counts.iter().sum();
        let given = |sample| Fit { worth: 1.0, rows: total as f64, ..Fit::new(&embedding, sample, 0) };
        let fits = [given(&weighted), given(&repeated)];
        // Both from the same start, because starts are drawn.
        let prior = fits.each_ref().map(|fit| Prior::new(fit, 3));
        let start = fits[0].start(3, &prior[0], &mut Generator::from_seed(1));
        let mut found = [start.clone(), start];
        let objectives = [0, 1].map(|i| fits[i].climb(&mut found[i], &prior[i], 20));
        assert!((objectives[0] - objectives[1]).abs() < 1e-11, "{objectives:?}");
        for (a, b) in found[0].iter().zip(&found[1]) {
            assert!((a.weight - b.weight).abs() < 1e-10, "{a:?} {b:?}");
            let numbers = |c: &Component| [&c.mean[..], &c.concentrations].concat();
            let (a, b) = (numbers(a), numbers(b));
            assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-8 * (1.0 + b.abs())), "{a:?} {b:?}");
        }
        // Weights of mean one are worth their effective number beside the prior.
        let fit = Fit::new(&embedding, &weighted, 0);
        assert!((fit.points().map(|(weight, _)| weight).sum::<f64>() - fit.rows).abs() < 1e-9);
        assert!(fit.rows < 600.0 && fit.rows > 400.0, "{}", fit.rows);
    }
}
