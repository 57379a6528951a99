//! Concentrations of von Mises–Fisher densities from mean resultant lengths.

use crate::target::bessel::log_hankel;

/// The mean resultant length `A(κ) = E[μ·x] = I_{n/2}(κ) / I_{n/2−1}(κ)` of the von Mises–Fisher density on the unit
/// sphere in `R^n`, `n ≥ 2`, `κ ≥ 0` (Mardia & Jupp, *Directional Statistics*, section 9.3).
pub(super) fn mean_resultant_length(n: usize, kappa: f64) -> f64 {
    let order = n as f64 / 2.0;
    if kappa >= f64::max(40.0, 4.0 * order * order) {
        return (log_hankel(order, kappa) - log_hankel(order - 1.0, kappa)).exp();
    }
    // The continued fraction of I_{ν+1}/I_ν, ν = n/2 − 1, from a term at which its tail no longer matters: all terms are
    // positive, and the error shrinks in each step by the square of the ratio (DLMF 10.33.1).
    let terms = (2.0 * kappa) as usize + 40;
    (0..terms).rev().fold(0.0, |tail, k| kappa / (2.0 * (order + k as f64) + kappa * tail))
}

/// The `κ` at which the mean resultant length is `1 − m`, for `0 ≤ m ≤ 1`, but at most `largest`.
///
/// Newton's method on `1/(1 − A(κ)) = 1/m`, which is nearly linear for small and for large `κ`, from the approximation
/// by Banerjee, Dhillon, Ghosh & Sra (2005), *Clustering on the unit hypersphere using von Mises–Fisher distributions*.
pub(super) fn concentration(n: usize, m: f64, largest: f64) -> f64 {
    let dimension = n as f64;
    // 1 − A(κ) is (n − 1)/2κ for large κ.
    if m <= 0.5 * (dimension - 1.0) / largest {
        return largest;
    }
    if m >= 1.0 {
        return 0.0;
    }
    let resultant = 1.0 - m;
    let mut kappa = resultant * (dimension - resultant * resultant) / (m * (2.0 - m));
    for _ in 0..30 {
        let a = mean_resultant_length(n, kappa);
        let ratio = if kappa > 1e-6 { a / kappa } else { 1.0 / dimension };
        let slope = (1.0 - a * a - (dimension - 1.0) * ratio) / ((1.0 - a) * (1.0 - a));
        let step = (1.0 / (1.0 - a) - 1.0 / m) / slope;
        let next = (kappa - step).clamp(0.5 * kappa, 2.0 * kappa);
        let done = (next - kappa).abs() <= 1e-12 * kappa;
        kappa = next;
        if done {
            break;
        }
    }
    kappa.min(largest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::bessel::{i0, i1, log_fisher_integral};

    const SPHERES: [usize; 7] = [2, 3, 4, 5, 8, 13, 24];

    #[test]
    fn mean_resultant_length_is_the_slope_of_the_log_normaliser() {
        for n in SPHERES {
            for kappa in [0.3, 1.0, 7.0, 39.0, 41.0, 120.0, 700.0] {
                let h = 1e-4 * kappa;
                // Richardson's fourth-order difference.
                let slope =
                    |h| (log_fisher_integral(n, kappa + h) - log_fisher_integral(n, kappa - h)) / (2.0 * h);
                let difference = (4.0 * slope(h) - slope(2.0 * h)) / 3.0;
                let value = mean_resultant_length(n, kappa);
                assert!(
                    (value - difference).abs() < 3e-10,
                    "n = {n}, kappa = {kappa}: {value} is not {difference}"
                );
            }
        }
    }

    #[test]
    fn mean_resultant_length_has_its_closed_forms() {
        for kappa in [1e-9, 0.1, 2.0, 20.0, 39.9, 40.1, 300.0] {
            let circle = i1(kappa) / i0(kappa);
            let sphere = if kappa < 1e-3 { kappa / 3.0 } else { 1.0 / f64::tanh(kappa) - 1.0 / kappa };
            for (n, known) in [(2, circle), (3, sphere)] {
                let value = mean_resultant_length(n, kappa);
                // The closed forms are quotients of exponentials of numbers near κ.
                assert!(
                    (value - known).abs() < 4e-15 + 4e-16 * kappa,
                    "n = {n}, kappa = {kappa}: {value} is not {known}"
                );
            }
        }
        assert_eq!(mean_resultant_length(3, 0.0), 0.0);
    }

    #[test]
    fn mean_resultant_length_is_continuous_where_the_expansion_changes() {
        for n in SPHERES {
            let switch = f64::max(40.0, (n * n) as f64);
            let (below, above) = (switch * (1.0 - 1e-15), switch);
            let jump = mean_resultant_length(n, above) - mean_resultant_length(n, below);
            assert!(jump.abs() < 1e-14, "n = {n}: {jump:e}");
        }
    }

    #[test]
    fn concentration_inverts_the_mean_resultant_length() {
        for n in SPHERES {
            for exponent in -12..=12 {
                let kappa = 10f64.powf(0.5 * f64::from(exponent));
                let found = concentration(n, 1.0 - mean_resultant_length(n, kappa), 1e8);
                // 1 − A is known to a rounding of A, which is 1e-16 in (n − 1)/2κ, or in κ/n of 1.
                let tolerance = 1e-14 * kappa.max(1.0 / kappa) * n as f64 + 1e-11;
                assert!((found / kappa - 1.0).abs() < tolerance, "n = {n}, kappa = {kappa}: {found}");
            }
            assert_eq!(concentration(n, 0.0, 1e6), 1e6);
            assert_eq!(concentration(n, 1e-9, 1e6), 1e6);
            assert_eq!(concentration(n, 1.0, 1e6), 0.0);
        }
    }
}
