//! Normalisers of von Mises–Fisher densities: modified Bessel functions, from their power series.

/// `₀F₁(; b; x) = Σⱼ xʲ / (j! (b)ⱼ)` for `b > 0` and `0 ≤ x ≤ 1e5`: no term is negative, so nothing cancels.
///
/// `I_ν(κ) = (κ/2)^ν / Γ(ν+1) · ₀F₁(; ν+1; κ²/4)` (DLMF 10.39.9).
pub fn hypergeometric_0f1(b: f64, x: f64) -> f64 {
    let (mut sum, mut term, mut j) = (1.0, 1.0, 0.0);
    while term > sum * f64::EPSILON * 0.01 {
        term *= x / ((j + 1.0) * (b + j));
        sum += term;
        j += 1.0;
    }
    sum
}

/// Modified Bessel function `I₀(κ)`, `|κ| ≤ 600`.
pub fn i0(kappa: f64) -> f64 {
    hypergeometric_0f1(1.0, kappa * kappa / 4.0)
}

/// Modified Bessel function `I₁(κ)`, `|κ| ≤ 600`.
pub fn i1(kappa: f64) -> f64 {
    kappa / 2.0 * hypergeometric_0f1(2.0, kappa * kappa / 4.0)
}

/// `log ∫ exp(κ μ·y) dy` over the unit sphere in `R^n`, `n ≥ 1`, `|μ| = 1`, `|κ| ≤ 600`.
///
/// The integral is the sphere's volume times `₀F₁(; n/2; κ²/4)` (Mardia & Jupp, *Directional Statistics*, section 9.3): on
/// the circle `2π I₀(κ)`, on S² `4π sinh κ / κ`, on S³ `4π² I₁(κ) / κ`.
pub fn log_fisher_integral(n: usize, kappa: f64) -> f64 {
    log_sphere_volume(n) + hypergeometric_0f1(n as f64 / 2.0, kappa * kappa / 4.0).ln()
}

/// Logarithm of the volume of the unit sphere in `R^n`: two points, a circle, and `vol(n) = vol(n−2) · 2π/(n−2)`.
fn log_sphere_volume(n: usize) -> f64 {
    use std::f64::consts::TAU;
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
    fn fisher_integral_has_its_closed_forms_in_low_dimension() {
        for kappa in [0.0, 1e-3, 1.0, 10.0, 300.0] {
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
            }
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
