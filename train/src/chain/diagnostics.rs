//! How well chains have mixed: split R̂, effective sample sizes, autocorrelation time.
//!
//! All of Vehtari, Gelman, Simpson, Carpenter & Bürkner 2021, *Rank-normalization, folding, and localization: an improved
//! R̂*, Bayesian Analysis 16:667.

use serde::Serialize;

use super::fourier::autocovariances;
use super::normal;
use crate::quantiles::Sorted;

/// How well chains have mixed, as seen by one function of the points.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Diagnostics {
    /// Name of the function.
    pub name: String,
    /// Its mean over all draws.
    pub mean: f64,
    /// Standard error of the mean: the standard deviation over the square root of the effective sample size of the mean.
    pub standard_error: f64,
    /// Split R̂ of rank-normalised draws, the larger one of that of the draws and that of their distances from the
    /// median. Above 1.01 the chains are not yet alike. NaN where all draws are equal.
    pub r_hat: f64,
    /// Bulk effective sample size: that of the rank-normalised draws, over all chains. NaN where all draws are equal.
    pub ess_bulk: f64,
    /// Integrated autocorrelation time in draws: the number of draws per independent one, for the mean.
    pub autocorrelation_time: f64,
}

impl Diagnostics {
    /// Of the values of a function, one vector per chain, all of one length of at least 4.
    pub(super) fn new(name: String, values: &[Vec<f64>]) -> Self {
        let halves = split(values);
        let ranked = rank_normalised(&halves);
        let all: Vec<f64> = halves.concat();
        let (mean, variance) = moments(&all);
        let ess = effective_sample_size(&halves);
        Self {
            name,
            mean,
            standard_error: (variance / ess).sqrt(),
            r_hat: r_hat(&ranked).max(r_hat(&rank_normalised(&folded(&halves)))),
            ess_bulk: effective_sample_size(&ranked),
            autocorrelation_time: all.len() as f64 / ess,
        }
    }
}

/// The halves of all chains; the middle draw of an odd number is left out.
fn split(values: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let half = |chain: &Vec<f64>| {
        let middle = chain.len() / 2;
        [chain[..middle].to_vec(), chain[chain.len() - middle..].to_vec()]
    };
    values.iter().flat_map(half).collect()
}

/// Mean, and variance with the divisor `n − 1`.
fn moments(x: &[f64]) -> (f64, f64) {
    let n = x.len() as f64;
    let mean = x.iter().sum::<f64>() / n;
    (mean, x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0))
}

/// Distances from the median of all draws.
fn folded(chains: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let median = Sorted::new(chains.concat()).quantile(0.5);
    chains.iter().map(|chain| chain.iter().map(|x| (x - median).abs()).collect()).collect()
}

/// Normal quantiles of the ranks among all draws; equal draws share the mean of their ranks.
fn rank_normalised(chains: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let all = chains.concat();
    let mut order: Vec<usize> = (0..all.len()).collect();
    order.sort_by(|&i, &j| all[i].total_cmp(&all[j]));
    let mut ranked = vec![0.0; all.len()];
    let mut start = 0;
    while start < order.len() {
        let equal = order[start..].iter().take_while(|&&i| all[i] == all[order[start]]).count();
        let rank = start as f64 + (equal as f64 + 1.0) / 2.0;
        let z = normal::quantile((rank - 0.375) / (all.len() as f64 + 0.25));
        order[start..start + equal].iter().for_each(|&i| ranked[i] = z);
        start += equal;
    }
    ranked.chunks_exact(chains[0].len()).map(<[f64]>::to_vec).collect()
}

/// The square root of the ratio of the variance over all chains to that within them.
fn r_hat(chains: &[Vec<f64>]) -> f64 {
    let n = chains[0].len() as f64;
    let (means, variances): (Vec<f64>, Vec<f64>) = chains.iter().map(|chain| moments(chain)).unzip();
    let within = variances.iter().sum::<f64>() / variances.len() as f64;
    let between = moments(&means).1;
    (((n - 1.0) / n * within + between) / within).sqrt()
}

/// Draws over all chains by the autocorrelation time, whose sum is cut off where pairs of autocorrelations are no longer
/// positive and falling (Geyer 1992, *Practical Markov chain Monte Carlo*).
fn effective_sample_size(chains: &[Vec<f64>]) -> f64 {
    let (m, n) = (chains.len() as f64, chains[0].len());
    let covariances: Vec<Vec<f64>> = chains.iter().map(|chain| autocovariances(chain)).collect();
    let mean_at = |lag: usize| covariances.iter().map(|c| c[lag]).sum::<f64>() / m;
    let within = mean_at(0) * n as f64 / (n as f64 - 1.0);
    let means: Vec<f64> = chains.iter().map(|chain| moments(chain).0).collect();
    let between = if chains.len() > 1 { moments(&means).1 } else { 0.0 };
    let variance = mean_at(0) + between;
    let correlation = |lag: usize| 1.0 - (within - mean_at(lag)) / variance;
    // Γ_k = ρ_2k + ρ_(2k+1) is positive and falling for reversible chains.
    let mut sum = 0.0;
    let mut least = f64::INFINITY;
    let mut lag = 0;
    while lag + 1 < n {
        let first = if lag == 0 { 1.0 } else { correlation(lag) };
        let pair = first + correlation(lag + 1);
        if pair.is_nan() {
            return f64::NAN;
        }
        // The last pair rests on few products, and counts as the first that is not positive.
        let is_last = lag > 0 && lag + 4 >= n;
        if pair <= 0.0 || is_last {
            break;
        }
        least = least.min(pair);
        sum += least;
        lag += 2;
    }
    // A last autocorrelation that is positive by itself lowers the variance of the estimate.
    let rest = if lag > 0 && lag + 1 < n { correlation(lag).max(0.0) } else { 0.0 };
    let draws = m * n as f64;
    // Negative correlations may make means better than those of independent draws, but not without bound.
    draws / (2.0 * sum - 1.0 + rest).max(draws.log10().recip())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers in `[−½, ½)` of a congruential generator, which the reference values were computed from as well.
    fn noise() -> impl FnMut() -> f64 {
        let mut state = 1_u64;
        move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 * 2f64.powi(-53) - 0.5
        }
    }

    /// Three chains of 101 draws of an autoregression, each further away than the one before by `shift`.
    fn chains(phi: f64, shift: f64, is_rounded: bool) -> Vec<Vec<f64>> {
        let mut noise = noise();
        let mut chain = |c: i32| {
            let mut v = 0.0;
            let mut draw = || {
                v = phi * v + noise();
                let y = v + shift * f64::from(c);
                if is_rounded { (4.0 * y).round() / 4.0 } else { y }
            };
            (0..101).map(|_| draw()).collect()
        };
        (0..3).map(&mut chain).collect()
    }

    #[test]
    fn diagnostics_are_those_of_arviz() {
        // ArviZ 0.23.4: rhat(method="rank"), ess(method="bulk"), ess(method="mean"). The last case has equal draws.
        for (phi, shift, is_rounded, expected) in [
            (0.8, 0.0, false, [1.0600981081579197, 52.626566562487106, 51.971783859948566]),
            (-0.5, 0.0, false, [0.9937533338819121, 743.1363764158988, 743.1363764158988]),
            (0.0, 0.4, true, [1.589757509206341, 5.642656252973943, 5.624216421501732]),
        ] {
            let found = Diagnostics::new(String::new(), &chains(phi, shift, is_rounded));
            // Fifty draws of each half of three chains.
            let found = [found.r_hat, found.ess_bulk, 300.0 / found.autocorrelation_time];
            for (found, expected) in found.into_iter().zip(expected) {
                assert!((found / expected - 1.0).abs() < 1e-9, "{phi}: {found}, {expected}");
            }
        }
    }

    #[test]
    fn autocorrelation_time_is_that_of_the_autoregression() {
        let mut noise = noise();
        let mut x = 0.0;
        let chain: Vec<f64> = (0..400_000)
            .map(|_| {
                x = 0.9 * x + noise();
                x
            })
            .collect();
        // (1 + φ)/(1 − φ); the standard error of the estimate is some 2 % here.
        let found = Diagnostics::new(String::new(), &[chain]).autocorrelation_time;
        assert!((found / 19.0 - 1.0).abs() < 0.08, "{found}");
    }

    #[test]
    fn chain_that_does_not_move_has_no_effective_size() {
        let found = Diagnostics::new(String::new(), &[vec![1.0; 10], vec![1.0; 10]]);
        assert!(found.r_hat.is_nan() && found.ess_bulk.is_nan(), "{found:?}");
    }
}
