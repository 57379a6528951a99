//! One component of a mixture, and the density of several.

use crate::baseline::embedding::{Embedding, Factor};
use crate::baseline::log_sum::log_sum_exp;
use crate::target::bessel::log_fisher_integral;

/// A product of densities over the factors of the manifold, with a weight.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Component {
    pub(super) weight: f64,
    /// Mean directions of angles and unit vectors, of unit length, and means of reals, in the embedding.
    pub(super) mean: Vec<f64>,
    /// Concentration per factor: `κ`, or `1/σ²` in units of the spread.
    pub(super) concentrations: Vec<f64>,
    /// `κ μ` for directions; for reals the square root of the concentration.
    slopes: Vec<f64>,
    /// Logarithms of the weight and of what the density is divided by.
    offset: f64,
}

impl Component {
    pub(super) fn new(embedding: &Embedding, weight: f64, mean: Vec<f64>, concentrations: Vec<f64>) -> Self {
        let (mut slopes, mut offset, mut at) = (vec![0.0; embedding.width], weight.ln(), 0);
        for (factor, &kappa) in embedding.factors.iter().zip(&concentrations) {
            let width = factor.width();
            if let Factor::Real { .. } = factor {
                slopes[at] = kappa.sqrt();
            } else {
                (at..at + width).for_each(|i| slopes[i] = kappa * mean[i]);
            }
            offset -= log_normaliser(*factor, kappa);
            at += width;
        }
        Self { weight, mean, concentrations, slopes, offset }
    }

    /// Logarithm of weight times density at an embedded point.
    fn exponent(&self, embedding: &Embedding, point: &[f64]) -> f64 {
        let (mut exponent, mut at) = (self.offset, 0);
        for factor in &embedding.factors {
            let width = factor.width();
            if let Factor::Real { .. } = factor {
                exponent -= 0.5 * ((point[at] - self.mean[at]) * self.slopes[at]).powi(2);
            } else {
                let terms = self.slopes[at..at + width].iter().zip(&point[at..]).map(|(slope, x)| slope * x);
                exponent += terms.sum::<f64>();
            }
            at += width;
        }
        exponent
    }
}

/// `log ∫ exp(κ μ·x) dx` for directions, `log ∫ exp(−κ z²/2) dz` for reals.
pub(super) fn log_normaliser(factor: Factor, kappa: f64) -> f64 {
    match factor {
        Factor::Angle { .. } => log_fisher_integral(2, kappa),
        Factor::UnitVector { len, .. } => log_fisher_integral(len, kappa),
        Factor::Real { .. } => 0.5 * (std::f64::consts::TAU / kappa).ln(),
    }
}

/// Logarithm of the mixture's density at an embedded point; the logarithms of its terms are left in `exponents`.
pub(super) fn log_density(
    components: &[Component],
    embedding: &Embedding,
    point: &[f64],
    exponents: &mut [f64],
) -> f64 {
    for (exponent, component) in exponents.iter_mut().zip(components) {
        *exponent = component.exponent(embedding, point);
    }
    log_sum_exp(exponents)
}
