//! How far a model is from its target, from the importance weights of the model's own samples.
//!
//! With samples `y ~ q` and `w = exp(−βu(y)) / q(y)`, the mean of `w` is `Z`, and everything here is a smooth function
//! of means over the samples. Weights are handled by their logarithms, divided by the largest.
//!
//! **Standard errors** are those of the delta method: an estimate `f(mean a, mean b, …)` has, to first order, the error
//! of the mean of its influence values `ψᵢ`, so its standard error is `sd(ψ)/√n` (van der Vaart, *Asymptotic
//! Statistics*, ch. 3). This agrees with the jackknife to order `1/n` and costs one pass. It holds for independent
//! samples with a finite variance of `ψ`: trust it when [`Estimates::pareto_k`] is below 0.5 (0.25 for the ESS, where
//! `w²` is averaged). Samples from a randomly shifted low-discrepancy rule are negatively correlated, and the error
//! stated is then an upper bound in all ordinary cases.

pub mod pareto;

use pareto::pareto_k;

/// A number with its standard error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The estimate.
    pub value: f64,
    /// Standard deviation of the estimate under repetition.
    pub standard_error: f64,
}

/// Estimates from the weights of the model's samples.
#[derive(Clone, Debug, PartialEq)]
pub struct Estimates {
    /// Samples that count.
    pub samples: usize,
    /// Samples left out by the caller, for example because their solve failed: every estimate is conditional on their
    /// absence.
    pub excluded: usize,
    /// Effective sample size as a fraction, `(mean w)² / mean w²`, in (0, 1]. Biased at order `1/n`.
    pub ess: Estimate,
    /// `log mean w`, which estimates `log Z` in nats; low by `(1/ESS − 1)/2n` on average.
    pub log_z: Estimate,
    /// `KL(q ‖ p)` in nats. With `Z` known, and `v = w/Z`, it is `mean(v − 1 − log v)`: unbiased and never negative,
    /// and at small KL far sharper than the plain mean, whose noise `v − 1` cancels. Else it is `log mean w − mean log
    /// w`: never negative, and low by `(1/ESS − 1)/2n` on average.
    pub kl: Estimate,
    /// `mean(−log w)` in nats: the training loss at β = 1, an upper bound of `−log Z` in expectation.
    pub free_energy: Estimate,
    /// The plain reverse KL, `mean(−log w) + log Z` in nats, where `Z` is known. Unbiased, and may be negative.
    pub reverse_kl: Option<Estimate>,
    /// Share of the largest weight in their sum: near `1/n` in a good model, near 1 in a useless one.
    pub largest_share: f64,
    /// Pareto shape of the weights' upper tail: moments of `w` up to order `1/k̂` exist. See [`pareto_k`].
    pub pareto_k: Option<f64>,
}

/// Why the weights allow no estimate.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EstimateError {
    /// Standard errors need two samples.
    #[error(
        "{samples} samples count and {excluded} were left out, at least 2 must count; draw more, or see why solves fail"
    )]
    TooFew {
        /// Samples that count.
        samples: usize,
        /// Samples left out.
        excluded: usize,
    },
    /// A log-weight is NaN or infinite.
    #[error(
        "log-weight {index} is {value}; the energy or the log-density is not finite at that sample: exclude it or correct the target"
    )]
    NotFinite {
        /// Position of the first such weight.
        index: usize,
        /// The log-weight.
        value: f64,
    },
    /// The exact log Z is not finite.
    #[error("the exact log Z is given as {value}; give a finite one, or none")]
    LogZ {
        /// The value that was given.
        value: f64,
    },
    /// A sample whose density the model understates by more than any sample of a normalised model could.
    #[error(
        "log-weight {index} exceeds log Z by {excess} nats, which no normalised model produces; check that q has mass one and that log Z is right"
    )]
    Excess {
        /// Position of the first such weight.
        index: usize,
        /// `log w − log Z`.
        excess: f64,
    },
}

/// Largest `log w − log Z` whose weight still has a finite square with room for a sum: its probability is below
/// `e^−300`.
const LARGEST_EXCESS: f64 = 300.0;

impl Estimates {
    /// Estimates from the log-weights `log w = −βu − log q` of the samples that count, the number of those that do not,
    /// and the exact `log Z` where it is known.
    ///
    /// # Errors
    /// [`EstimateError`] for fewer than two weights, and for numbers that are not finite.
    pub fn new(
        log_weights: &[f64],
        excluded: usize,
        exact_log_z: Option<f64>,
    ) -> Result<Self, EstimateError> {
        check(log_weights, excluded, exact_log_z)?;
        // Relative to the largest weight, so that logarithms of any size keep their digits.
        let largest = log_weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mean_log = mean(log_weights.iter().map(|l| l - largest));
        let scaled_mean = mean(log_weights.iter().map(|l| (l - largest).exp()));
        let log_mean = scaled_mean.ln();

        // v = w / mean w: mean one, at most n.
        let v = || log_weights.iter().map(|l| (l - largest).exp() / scaled_mean);
        let ess = 1.0 / mean(v().map(|v| v * v));
        let free_energy = Estimate::of_mean(log_weights.iter().map(|l| -l), -(largest + mean_log));
        let reverse_kl = exact_log_z.map(|z| Estimate { value: free_energy.value + z, ..free_energy });
        let kl = match exact_log_z {
            Some(z) => {
                let terms = || log_weights.iter().map(|l| (l - z).exp_m1() - (l - z));
                Estimate::of_mean(terms(), mean(terms()))
            }
            None => {
                let influence = v().zip(log_weights).map(|(v, l)| v - 1.0 - (l - largest - mean_log));
                // Positive by Jensen's inequality, which rounding may break in the last place; the ESS below is at most
                // one by it.
                Estimate { value: (log_mean - mean_log).max(0.0), ..Estimate::of_mean(influence, 0.0) }
            }
        };
        Ok(Self {
            samples: log_weights.len(),
            excluded,
            ess: Estimate {
                value: ess.min(1.0),
                ..Estimate::of_mean(v().map(|v| ess * v * (2.0 - ess * v)), ess)
            },
            log_z: Estimate { value: largest + log_mean, ..Estimate::of_mean(v(), 1.0) },
            kl,
            free_energy,
            reverse_kl,
            largest_share: 1.0 / (log_weights.len() as f64 * scaled_mean),
            pareto_k: pareto_k(log_weights),
        })
    }
}

impl Estimate {
    /// The mean of at least two numbers with its standard error.
    pub(crate) fn mean_of(x: &[f64]) -> Self {
        Self::of_mean(x.iter().copied(), mean(x.iter().copied()))
    }

    /// The mean of `terms`, known to be `mean`, with its standard error `√(Σ(t − mean)² / n(n−1))`.
    fn of_mean(terms: impl Iterator<Item = f64>, mean: f64) -> Self {
        let (mut n, mut squares) = (0.0, 0.0);
        for t in terms {
            n += 1.0;
            squares += (t - mean).powi(2);
        }
        Self { value: mean, standard_error: (squares / (n * (n - 1.0))).sqrt() }
    }
}

/// Arithmetic mean.
pub(crate) fn mean(terms: impl ExactSizeIterator<Item = f64>) -> f64 {
    let n = terms.len() as f64;
    terms.sum::<f64>() / n
}

/// Refuses weights that allow no estimate.
fn check(log_weights: &[f64], excluded: usize, exact_log_z: Option<f64>) -> Result<(), EstimateError> {
    if log_weights.len() < 2 {
        return Err(EstimateError::TooFew { samples: log_weights.len(), excluded });
    }
    if let Some(index) = log_weights.iter().position(|l| !l.is_finite()) {
        return Err(EstimateError::NotFinite { index, value: log_weights[index] });
    }
    let Some(z) = exact_log_z else { return Ok(()) };
    if !z.is_finite() {
        return Err(EstimateError::LogZ { value: z });
    }
    match log_weights.iter().position(|l| l - z > LARGEST_EXCESS) {
        Some(index) => Err(EstimateError::Excess { index, excess: log_weights[index] - z }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
