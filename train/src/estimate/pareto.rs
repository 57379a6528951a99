//! The generalised Pareto distribution, fitted to the tail of importance weights.

/// Shape `k` and scale `σ` of the density `σ⁻¹ (1 + k x/σ)^{−1/k − 1}` on `x > 0`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pareto {
    /// Shape `k`: moments of order below `1/k` exist; a bounded tail has `k < 0`.
    pub shape: f64,
    /// Scale `σ`, in the units of `x`.
    pub scale: f64,
}

/// Fewest points of a tail that a shape can be read from.
const FEWEST: usize = 5;

impl Pareto {
    /// Fit to `x > 0` in ascending order: a posterior mean over a grid of the profile likelihood of `θ = −k/σ` (Zhang &
    /// Stephens 2009, *Technometrics* 51:316). `None` for fewer than five points, or if a quarter of them is not
    /// positive.
    pub fn fit(x: &[f64]) -> Option<Self> {
        if x.len() < FEWEST {
            return None;
        }
        let n = x.len() as f64;
        let (quartile, largest) = (x[(n / 4.0 + 0.5) as usize - 1], x[x.len() - 1]);
        if !(quartile > 0.0 && largest.is_finite()) {
            return None;
        }
        let grid_size = 30 + n.sqrt() as usize;
        let grid: Vec<f64> = (1..=grid_size)
            .map(|j| 1.0 / largest + (1.0 - (grid_size as f64 / (j as f64 - 0.5)).sqrt()) / (3.0 * quartile))
            .collect();
        let likelihood: Vec<f64> = grid.iter().map(|&theta| n * profile_likelihood(theta, x)).collect();
        let best = likelihood.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let (mut sum, mut weighted) = (0.0, 0.0);
        for (theta, l) in grid.iter().zip(&likelihood) {
            sum += (l - best).exp();
            weighted += theta * (l - best).exp();
        }
        let theta = weighted / sum;
        let shape = shape_at(theta, x);
        (shape.is_finite() && theta != 0.0).then_some(Self { shape, scale: -shape / theta })
    }
}

/// The likeliest shape `k` at given `θ = −k/σ`.
fn shape_at(theta: f64, x: &[f64]) -> f64 {
    x.iter().map(|x| (-theta * x).ln_1p()).sum::<f64>() / x.len() as f64
}

/// Log-likelihood per point at `θ`, maximised over the shape; `−∞` where it is undefined.
fn profile_likelihood(theta: f64, x: &[f64]) -> f64 {
    let k = shape_at(theta, x);
    let l = (-theta / k).ln() - k - 1.0;
    if l.is_finite() { l } else { f64::NEG_INFINITY }
}

/// Shape `k̂` of the upper tail of the weights `exp(log_weights)`.
///
/// Below 0.5 the variance of the weights is finite, above 0.7 estimates from them are unreliable (Vehtari et al. 2024,
/// *Pareto smoothed importance sampling*, JMLR 25). The tail is the largest `min(n/5, 3√n)` weights; their excess over
/// the next one is fitted, and the shape is drawn to 0.5 by a prior worth ten points, as there. `None` for fewer than
/// 25 weights, and for a tail without spread (equal weights), which has no shape.
pub fn pareto_k(log_weights: &[f64]) -> Option<f64> {
    let n = log_weights.len();
    let tail = (n / 5).min((3.0 * (n as f64).sqrt()).ceil() as usize);
    if tail < FEWEST {
        return None;
    }
    let mut sorted = log_weights.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let (threshold, largest) = (sorted[n - tail - 1], sorted[n - 1]);
    let excess: Vec<f64> =
        sorted[n - tail..].iter().map(|&l| excess(l - largest, threshold - largest)).collect();
    let fit = Pareto::fit(&excess)?;
    let m = tail as f64;
    Some((m * fit.shape + 10.0 * 0.5) / (m + 10.0))
}

/// `e^a − e^b` for `a ≥ b`, to full relative accuracy; positive for `a > b` even where both vanish.
fn excess(a: f64, b: f64) -> f64 {
    let difference = if a - b < 1.0 { b.exp() * (a - b).exp_m1() } else { a.exp() - b.exp() };
    if a > b { difference.max(f64::MIN_POSITIVE) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;
    use rand_pcg::Pcg64;
    use rand_pcg::rand_core::SeedableRng;

    /// Uniform in (0, 1).
    fn uniform(rng: &mut Pcg64) -> f64 {
        ((rng.next_u64() >> 12) as f64 + 0.5) * 2f64.powi(-52)
    }

    #[test]
    fn fit_recovers_shape_and_scale_of_its_own_samples() {
        let seed = 31;
        let mut rng = Pcg64::seed_from_u64(seed);
        for (shape, scale) in [(-0.4, 1.0), (0.1, 3.0), (0.5, 1e-9), (1.0, 1e9)] {
            let mut x: Vec<f64> =
                (0..20_000).map(|_| scale * (uniform(&mut rng).powf(-shape) - 1.0) / shape).collect();
            x.sort_unstable_by(f64::total_cmp);
            let fit = Pareto::fit(&x).expect("positive samples");
            // Standard errors are (1 + k)/√n and σ√(2(1 + k)/n), at most 0.015; four of them.
            assert!((fit.shape - shape).abs() < 0.06, "seed {seed}, shape {shape}: {fit:?}");
            assert!((fit.scale / scale - 1.0).abs() < 0.08, "seed {seed}, shape {shape}: {fit:?}");
        }
    }

    #[test]
    fn pareto_k_tells_light_tails_from_heavy_ones() {
        let seed = 32;
        let mut rng = Pcg64::seed_from_u64(seed);
        for shape in [0.3, 0.8, 1.5] {
            // Weights with an exact Pareto tail; a constant factor leaves the shape alone.
            let log_weights: Vec<f64> = (0..50_000).map(|_| 900.0 - shape * uniform(&mut rng).ln()).collect();
            let k = pareto_k(&log_weights).expect("a tail");
            // 671 weights in the tail: standard error up to 0.1, and the prior draws by 1.5 % of the distance to 0.5.
            assert!((k - shape).abs() < 0.3, "seed {seed}, shape {shape}: {k}");
        }
        let bounded: Vec<f64> = (0..50_000).map(|_| (1.0 + uniform(&mut rng)).ln()).collect();
        let k = pareto_k(&bounded).expect("a tail");
        assert!(k < 0.0, "seed {seed}, uniform weights: {k}");
    }

    #[test]
    fn pareto_k_survives_weights_beyond_the_range_of_doubles() {
        let seed = 33;
        let mut rng = Pcg64::seed_from_u64(seed);
        let spread: Vec<f64> = (0..1000).map(|_| 1e5 * uniform(&mut rng)).collect();
        let k = pareto_k(&spread).expect("a tail");
        assert!(k.is_finite() && k > 1.0, "seed {seed}: {k}");
        let close: Vec<f64> = (0..1000).map(|_| 1e-12 * uniform(&mut rng)).collect();
        let k = pareto_k(&close).expect("a tail");
        assert!(k < 0.5, "seed {seed}: {k}");
    }

    #[test]
    fn pareto_k_is_none_where_there_is_no_tail() {
        assert_eq!(pareto_k(&[0.0; 1000]), None);
        assert_eq!(pareto_k(&[0.0, 1.0, 2.0]), None);
        assert_eq!(pareto_k(&[]), None);
        assert_eq!(Pareto::fit(&[0.0; 100]), None);
    }
}
