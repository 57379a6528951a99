//! Normalisers of von Mises–Fisher densities, from modified Bessel functions, for any concentration.

use std::f64::consts::TAU;

/// `log ₀F₁(; b; x) = log Σⱼ xʲ / (j! (b)ⱼ)` for `b > 0` and finite `x ≥ 0`: no term is negative, so there is no
/// cancellation.
///
/// `I_ν(κ) = (κ/2)^ν / Γ(ν+1) · ₀F₁(; ν+1; κ²/4)` (DLMF 10.39.9). Some `κ + 40 √κ` terms.
fn log_hypergeometric_0f1(b: f64, x: f64) -> f64 {
    // The sum grows like exp(2√x): what leaves the range of f64 goes into `log`.
    const LARGE: f64 = 1e200;
    let (mut sum, mut term, mut j, mut log) = (1.0_f64, 1.0, 0.0, 0.0);
    while term > sum * f64::EPSILON * 0.01 {
        term *= x / ((j + 1.0) * (b + j));
        sum += term;
        j += 1.0;
        if sum > LARGE {
            (sum, term, log) = (sum / LARGE, term / LARGE, log + LARGE.ln());
        }
    }
    sum.ln() + log
}

/// `log(√(2πκ) e^{−κ} I_ν(κ))` for `κ ≥ 4ν²`, `κ ≥ 40`: Hankel's expansion (DLMF 10.40.1). Its terms fall until they
/// are far below rounding; what it leaves out is of order `e^{−2κ}`.
pub(crate) fn log_hankel(nu: f64, kappa: f64) -> f64 {
    let (mut sum, mut term, mut k) = (1.0_f64, 1.0_f64, 1.0);
    while term.abs() > f64::EPSILON * 0.01 {
        let odd = 2.0 * k - 1.0;
        term *= (odd - 2.0 * nu) * (odd + 2.0 * nu) / (8.0 * k * kappa);
        sum += term;
        k += 1.0;
    }
    sum.ln()
}

/// Modified Bessel function `I₀(κ)`, `|κ| ≤ 700`.
pub fn i0(kappa: f64) -> f64 {
    log_hypergeometric_0f1(1.0, kappa * kappa / 4.0).exp()
}

/// Modified Bessel function `I₁(κ)`, `|κ| ≤ 700`.
pub fn i1(kappa: f64) -> f64 {
    kappa / 2.0 * log_hypergeometric_0f1(2.0, kappa * kappa / 4.0).exp()
}

/// Logarithm of the modified Bessel function `I_n(κ)` of integer order, `κ > 0` finite, to a few units in the last place
/// of `max(κ, n |log κ/2n|)`. Some `κ + 40 √κ` terms.
pub fn log_bessel_i(n: usize, kappa: f64) -> f64 {
    let log_factorial: f64 = (1..=n).map(|k| (k as f64).ln()).sum();
    n as f64 * (kappa / 2.0).ln() - log_factorial
        + log_hypergeometric_0f1(n as f64 + 1.0, kappa * kappa / 4.0)
}

/// `log ∫ exp(κ μ·y) dy` over the unit sphere in `R^n`, `n ≥ 1`, `|μ| = 1`, any finite `κ`, to a few units in the last
/// place of `max(1, |κ|)`.
///
/// The integral is the sphere's volume times `₀F₁(; n/2; κ²/4)`, and `(2π)^{n/2} I_ν(κ) / κ^ν` with `ν = n/2 − 1`
/// (Mardia & Jupp, *Directional Statistics*, section 9.3): on the circle `2π I₀(κ)`, on S² `4π sinh κ / κ`, on S³ `4π²
/// I₁(κ) / κ`. It is even in `κ`.
pub fn log_fisher_integral(n: usize, kappa: f64) -> f64 {
    let (half, kappa) = (n as f64 / 2.0, kappa.abs());
    let nu = half - 1.0;
    if kappa < f64::max(40.0, 4.0 * nu * nu) {
        return log_sphere_volume(n) + log_hypergeometric_0f1(half, kappa * kappa / 4.0);
    }
    kappa + log_hankel(nu, kappa) + (half - 0.5) * (TAU / kappa).ln()
}

/// `log ∫ exp(κ γ₁·y + β ((γ₂·y)² − (γ₃·y)²)) dy` over S², for orthonormal `γ`; `None` beyond `|κ| + 2|β| = 2000`, where
/// the sum would take long.
///
/// `2π Σⱼ Γ(j+½) / Γ(j+1) · β²ʲ (κ/2)^{−2j−½} I_{2j+½}(κ)` (Kent 1982, *The Fisher–Bingham distribution on the sphere*,
/// eq. 2.3), where no term is negative.
pub fn log_kent_integral(kappa: f64, beta: f64) -> Option<f64> {
    if kappa.abs() + 2.0 * beta.abs() > 2000.0 {
        return None;
    }
    // The logarithm of Γ(j+½) β²ʲ / (Γ(j+1) Γ(2j+3/2)); Γ(½)/Γ(3/2) = 2.
    let (mut log_factor, mut j) = (2f64.ln(), 0.0);
    let mut terms = Vec::new();
    let mut largest = f64::NEG_INFINITY;
    loop {
        let term = log_factor + log_hypergeometric_0f1(2.0 * j + 1.5, kappa * kappa / 4.0);
        largest = f64::max(largest, term);
        // They rise to one maximum and fall from there.
        if term < largest - 40.0 {
            break;
        }
        terms.push(term);
        log_factor +=
            ((j + 0.5) / ((j + 1.0) * (2.0 * j + 1.5) * (2.0 * j + 2.5))).ln() + 2.0 * beta.abs().ln();
        j += 1.0;
    }
    Some(TAU.ln() + largest + terms.iter().map(|term| (term - largest).exp()).sum::<f64>().ln())
}

/// Logarithm of the volume of the unit sphere in `R^n`: two points, a circle, and `vol(n) = vol(n−2) · 2π/(n−2)`.
fn log_sphere_volume(n: usize) -> f64 {
    let first = if n % 2 == 1 { 2f64.ln() } else { TAU.ln() };
    (n.min(2) + 1..=n).filter(|m| m % 2 == n % 2 && *m > 2).map(|m| (TAU / (m - 2) as f64).ln()).sum::<f64>()
        + first
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::PI;

    #[test]
    fn bessel_functions_match_their_integrals() {
        // The integrals (1/2π) ∮ exp(κ cos θ) cos nθ dθ, by the trapezoidal rule with 200 nodes.
        for (value, known) in [
            (i0(0.0), 1.0),
            (i0(1.0), 1.266_065_877_752_008_4),
            (i0(10.0), 2_815.716_628_466_254),
            (i1(1.0), 0.565_159_103_992_485),
            (i1(10.0), 2_670.988_303_701_255),
        ] {
            assert!((value / known - 1.0).abs() < 1e-14, "{value} is not {known}");
        }
        assert_eq!(i1(0.0), 0.0);
    }

    #[test]
    fn bessel_functions_of_integer_order_match_their_integrals() {
        // (1/2π) ∮ exp(κ cos θ) cos nθ dθ by the trapezoidal rule, which is exact to rounding with 256 nodes.
        let nodes = 256;
        for kappa in [0.3, 1.0, 2.0, 20.0] {
            for n in [0_usize, 1, 2, 5, 9] {
                let term = |i: usize| {
                    let angle = i as f64 * TAU / nodes as f64;
                    (kappa * (angle.cos() - 1.0)).exp() * (n as f64 * angle).cos()
                };
                let known = (0..nodes).map(term).sum::<f64>() / nodes as f64;
                let value = (log_bessel_i(n, kappa) - kappa).exp();
                assert!((value - known).abs() < 1e-15, "n = {n}, kappa = {kappa}: {value} is not {known}");
            }
        }
    }

    #[test]
    fn fisher_integral_has_its_closed_forms_in_low_dimension() {
        for kappa in [0.0, 1e-3, 1.0, 10.0, 39.9, 40.1, 300.0, 600.0] {
            let sinhc = if kappa == 0.0 { 1.0 } else { f64::sinh(kappa) / kappa };
            let i1_over = if kappa == 0.0 { 0.5 } else { i1(kappa) / kappa };
            for (n, known) in [
                (1, (2.0 * f64::cosh(kappa)).ln()),
                (2, (2.0 * PI * i0(kappa)).ln()),
                (3, (4.0 * PI * sinhc).ln()),
                (4, (4.0 * PI * PI * i1_over).ln()),
            ] {
                let value = log_fisher_integral(n, kappa);
                assert!((value - known).abs() < 1e-12, "n = {n}, kappa = {kappa}: {value} is not {known}");
                assert_eq!(value, log_fisher_integral(n, -kappa), "n = {n}, kappa = {kappa}");
            }
        }
    }

    #[test]
    fn fisher_integral_matches_quadrature_where_its_exponential_overflows() {
        // Half of the trapezoidal rule on a full turn: exact to rounding once the step is far below 1/√κ.
        let nodes = 8000;
        for kappa in [20.0, 100.0, 800.0, 1e4, 1e5] {
            // Even powers of the sine: for odd ones the integrand has a corner at the poles.
            for n in [2, 4, 8, 24] {
                let step = PI / f64::from(nodes);
                let weight = |i: i32| {
                    let angle = f64::from(i) * step;
                    let exponent: f64 = -2.0 * kappa * (angle / 2.0).sin().powi(2);
                    exponent.exp() * angle.sin().powi(n - 2)
                };
                let mut sum: f64 = (1..nodes).map(weight).sum();
                sum += (weight(0) + weight(nodes)) / 2.0;
                let known = kappa + (sum * step).ln() + log_sphere_volume(n as usize - 1);
                let value = log_fisher_integral(n as usize, kappa);
                // A sum of 8000 terms, and the last places of κ.
                assert!(
                    (value - known).abs() < 1e-12 + 4e-16 * kappa,
                    "n = {n}, kappa = {kappa}: {value} is not {known}"
                );
            }
            let (value, known) = (log_fisher_integral(3, kappa), kappa + (TAU / kappa).ln());
            assert!((value - known).abs() < 1e-14 + 4e-16 * kappa, "kappa = {kappa}: {value} is not {known}");
        }
        assert_eq!(log_fisher_integral(2, 1e300), 1e300);
    }

    #[test]
    fn fisher_integral_is_continuous_where_the_expansion_changes() {
        for n in 2..20 {
            let nu = f64::from(n) / 2.0 - 1.0;
            let kappa = f64::max(40.0, 4.0 * nu * nu);
            let series =
                log_sphere_volume(n as usize) + log_hypergeometric_0f1(nu + 1.0, kappa * kappa / 4.0);
            let value = log_fisher_integral(n as usize, kappa);
            assert!((value - series).abs() < 1e-15 * kappa * 20.0, "n = {n}: {value} is not {series}");
        }
    }

    #[test]
    fn sphere_volumes_follow_the_gamma_function() {
        for (n, volume) in
            [(1, 2.0), (2, 2.0 * PI), (3, 4.0 * PI), (4, 2.0 * PI * PI), (7, 16.0 * PI.powi(3) / 15.0)]
        {
            assert!((log_sphere_volume(n) - f64::ln(volume)).abs() < 1e-14, "n = {n}");
        }
    }
}
