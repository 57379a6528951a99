//! Functions of a squared length to fourth order, against power series whose coefficients are zeta values.

use std::f64::consts::PI;

use ircpm_ad::elementary::smooth;
use ircpm_ad::{Algebra, Dual, Scalar};

type Nested = Dual<Dual<Dual<Dual<f64, 1>, 1>, 1>, 1>;

/// `Σ aₙ uⁿ + pole / (1 − u/π²)`.
struct Series {
    name: &'static str,
    function: fn(Nested) -> Nested,
    coefficient: fn(u32) -> f64,
    pole: f64,
}

const PI_SQUARED: f64 = PI * PI;

fn inverse_factorial(n: u32) -> f64 {
    (1..=n).map(f64::from).product::<f64>().recip()
}

fn sign(n: u32) -> f64 {
    if n.is_multiple_of(2) { 1.0 } else { -1.0 }
}

/// `(ζ(2n) − 1) / π²ⁿ`, for `n ≥ 1`.
fn zeta_less_one(n: u32) -> f64 {
    let excess = match n {
        1 => PI_SQUARED / 6.0 - 1.0,
        2 => PI.powi(4) / 90.0 - 1.0,
        3 => PI.powi(6) / 945.0 - 1.0,
        _ => (2..200).rev().map(|m| f64::from(m).powi(-2 * n as i32)).sum(),
    };
    excess / PI_SQUARED.powi(n as i32)
}

/// `(η(2n) − 1) / π²ⁿ` with `η(s) = (1 − 2^{1−s}) ζ(s)`, for `n ≥ 1`.
fn eta_less_one(n: u32) -> f64 {
    let half = 2f64.powi(1 - 2 * n as i32);
    (1.0 - half) * zeta_less_one(n) - half / PI_SQUARED.powi(n as i32)
}

/// `r cot r = 1 − 2 Σ ζ(2n) (r/π)²ⁿ` and `r / sin r = 1 + 2 Σ η(2n) (r/π)²ⁿ`, the nearest pole split off: without it
/// the series converge to the second pole, at `r = 2π`.
const TABLE: &[Series] = &[
    Series {
        name: "cos √u",
        function: smooth::cos_sqrt,
        coefficient: |n| sign(n) * inverse_factorial(2 * n),
        pole: 0.0,
    },
    Series {
        name: "sin √u / √u",
        function: smooth::sinc_sqrt,
        coefficient: |n| sign(n) * inverse_factorial(2 * n + 1),
        pole: 0.0,
    },
    Series {
        name: "(1 − sin r / r) / u",
        function: smooth::one_minus_sinc_over_u,
        coefficient: |n| sign(n) * inverse_factorial(2 * n + 3),
        pole: 0.0,
    },
    Series {
        name: "r cot r",
        function: smooth::r_cot_r,
        coefficient: |n| if n == 0 { 3.0 } else { -2.0 * zeta_less_one(n) },
        pole: -2.0,
    },
    Series {
        name: "r / sin r",
        function: smooth::r_over_sin_r,
        coefficient: |n| if n == 0 { -1.0 } else { 2.0 * eta_less_one(n) },
        pole: 2.0,
    },
    Series {
        name: "(1 − r cot r) / u",
        function: smooth::one_minus_r_cot_r_over_u,
        coefficient: |n| 2.0 * zeta_less_one(n + 1),
        pole: 2.0 / PI_SQUARED,
    },
    Series {
        name: "(1 − r / sin r) / u",
        function: smooth::one_minus_r_over_sin_r_over_u,
        coefficient: |n| -2.0 * eta_less_one(n + 1),
        pole: -2.0 / PI_SQUARED,
    },
];

impl Series {
    /// Terms of the derivative of this order at `u`.
    fn terms(&self, u: f64, order: u32) -> Vec<f64> {
        let falling = |n: u32| (n - order + 1..=n).map(f64::from).product::<f64>();
        // 1 − u/π² by its factors: the difference of squares loses digits near the pole.
        let gap = (PI - u.sqrt()) * (PI + u.sqrt()) / PI_SQUARED;
        let pole = self.pole * falling(order) / PI_SQUARED.powi(order as i32) / gap.powi(order as i32 + 1);
        let regular = (order..80).map(|n| (self.coefficient)(n) * falling(n) * u.powi((n - order) as i32));
        regular.chain([pole]).collect()
    }
}

#[test]
fn smooth_functions_match_their_series_from_zero_to_the_pole() {
    for series in TABLE {
        for r in [0.0, 1e-150, 1e-6, 1e-3, 0.1f64.sqrt(), 1.0, 2.0, 3.0, PI - 1e-3] {
            let u = r * r;
            let u_variable = Dual::variable(Dual::variable(Dual::variable(Dual::variable(u, 0), 0), 0), 0);
            let y: Nested = (series.function)(u_variable);
            for (i, &found) in Algebra::coefficients(&[y]).iter().enumerate() {
                let terms = series.terms(u, i.count_ones());
                let (expected, size) =
                    (terms.iter().sum::<f64>(), terms.iter().map(|t| t.abs()).sum::<f64>());
                // The distance π − r carries the rounding of r, and a derivative of order k has a pole of order k + 1.
                let condition = if series.pole == 0.0 { 1.0 } else { 1.0 / (1.0 - r / PI) };
                let tolerance = 1e-15 * condition * f64::from(i.count_ones() + 1).powi(2) + 1e-14;
                let error = (found - expected).abs();
                assert!(
                    error <= tolerance * size,
                    "{} at r = {r:e}, coefficient {i:04b}: {found:e}, not {expected:e}, {:e}",
                    series.name,
                    error / size / tolerance,
                );
            }
        }
    }
}

#[test]
fn smooth_functions_are_hyperbolic_at_negative_arguments() {
    for r in [1e-9, 1e-3, 1.0, 3.0, 5.0f64] {
        let u = -r * r;
        let close = |a: f64, b: f64| (a - b).abs() <= 1e-14 * b.abs();
        assert!(close(smooth::cos_sqrt(u), r.cosh()), "cosh {r}");
        assert!(close(smooth::sinc_sqrt(u), r.sinh() / r), "sinh r / r at {r}");
        assert!(close(smooth::r_cot_r(u), r / r.tanh()), "r coth r at {r}");
        assert!(close(smooth::r_over_sin_r(u), r / r.sinh()), "r / sinh r at {r}");
    }
}

#[test]
fn smooth_functions_keep_nan() {
    for series in TABLE {
        let y = (series.function)(Nested::constant(f64::NAN));
        assert!(y.value().is_nan(), "{}", series.name);
    }
}
