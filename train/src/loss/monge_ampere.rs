//! The residual of the Monge–Ampère equation that a perfect model satisfies at every point.
//!
//! `log q(y) + βu(y) + log Z = 0` for all `y`, and everything in it is explicit in `y`. Where both densities are far
//! below the uniform one, their ratio does not matter: the residual is `ρ = log((q + ε)/(p + ε))`, `p = exp(−βu − log
//! Z)`, with `ε` a small part of the uniform density. It vanishes exactly where `q = p`, as the plain one does.
//!
//! Where the target is nearly empty such a residual is small for any small `q`, and so for a map that folds there.
//! Against such folds the target may be *raised*: `ρ = log((q + ε)/(p + ε′))` with `ε′` well above `ε` asks for a
//! density of about `ε′` in empty regions. That costs a KL(q‖p) of about `ε′ log(ε′/p)` times their share of the
//! volume. Where `ε` is positive the pull ends with `q ≪ ε`; with `ε = 0` it does not end.
//!
//! The tail of a sharp mode falls by some nats per standard deviation until it meets `ε′`, and there the sum `p + ε′` bends
//! within a nat. A *bend* `b > 1` makes that `b` times as wide: `(p^{1/b} + ε′^{1/b})^b` stands in the place of the sum.

use nalgebra::DVector;

/// What is added to the densities before they are compared, in units of the uniform one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Offsets {
    /// Offset `ε` of the model's density.
    pub model: f64,
    /// Offset `ε′` of the target's density.
    pub target: f64,
    /// Width `b` of the bend from the target's density to its offset, in nats; 1 for their sum.
    pub bend: f64,
}

impl Offsets {
    /// Equal offsets: regions that hold less mass than this share count less and less.
    pub const PLAIN: Self = Self { model: 1e-4, target: 1e-4, bend: 1.0 };
    /// Offsets that keep the model's density up where the target is nearly empty.
    pub const RAISED: Self = Self { model: 1e-5, target: 1e-3, bend: 1.0 };

    /// Logarithms of both offsets, as densities on a manifold of the given volume.
    fn logs(self, log_volume: f64) -> [f64; 2] {
        [self.model.ln() - log_volume, self.target.ln() - log_volume]
    }
}

/// Residuals at some points, `log Z` chosen to make their squares least.
#[derive(Clone, Debug, PartialEq)]
pub struct Residuals {
    /// Residuals `ρ`, in nats.
    pub value: DVector<f64>,
    /// Derivatives `∂ρ/∂ log q`, in (0, 1] times the factors.
    pub slope: DVector<f64>,
    /// Derivatives `∂ρ/∂ log Z`, in (0, 1] times the factors.
    pub nuisance: DVector<f64>,
    /// The estimate of `log Z`, in nats.
    pub log_z: f64,
}

impl Residuals {
    /// Residuals from `log q` and `βu` at the points, each times its positive factor, the offsets on a manifold of the
    /// given volume, and a first guess of `log Z`. Finite input gives finite residuals.
    ///
    /// `log Z` is found by Gauss–Newton steps, because the residuals are monotone in it. Steps upwards are exact
    /// enough. Downwards the residuals saturate, so a step is limited to two nats, and the search starts below the last
    /// value at which one residual still depends on `log Z`. Large sums of squares may have two minima; the one found
    /// is then the one next to the guess.
    ///
    /// # Panics
    /// If `log_q`, `beta_u` and `factors` are empty, or not of one length.
    pub fn new(
        log_q: &[f64],
        beta_u: &[f64],
        factors: &[f64],
        offsets: Offsets,
        log_volume: f64,
        log_z: f64,
    ) -> Self {
        let n = log_q.len();
        let alike = beta_u.len() == n && factors.len() == n;
        assert!(n > 0 && alike, "log q, βu and factors at the same points, at least one");
        let [log_model, log_target] = offsets.logs(log_volume);
        let blank = DVector::zeros(n);
        let mut out = Self { value: blank.clone(), slope: blank.clone(), nuisance: blank, log_z };
        let highest = beta_u.iter().fold(f64::NEG_INFINITY, |high, u| high.max(-u)) - log_target;
        for _ in 0..100 {
            out.log_z = out.log_z.min(highest);
            for i in 0..n {
                let log_p = -beta_u[i] - out.log_z;
                let q = log_add(log_q[i], log_model);
                let p = offsets.bend * log_add(log_p / offsets.bend, log_target / offsets.bend);
                out.value[i] = factors[i] * (q - p);
                out.slope[i] = factors[i] * (log_q[i] - q).exp();
                out.nuisance[i] = factors[i] * ((log_p - p) / offsets.bend).exp();
            }
            let curvature = out.nuisance.norm_squared();
            let step = (-out.nuisance.dot(&out.value) / curvature).max(-2.0);
            // Far below any residual of interest, or rounding.
            if step.abs() < 1e-12 + 2.0 * f64::EPSILON * out.log_z.abs() {
                break;
            }
            out.log_z += step;
        }
        out
    }

    /// Mean of `ρ²`, in nats².
    pub fn mean_square(&self) -> f64 {
        self.value.norm_squared() / self.value.len() as f64
    }
}

/// `log(eᵃ + eᵇ)`.
fn log_add(a: f64, b: f64) -> f64 {
    a.max(b) + (-(a - b).abs()).exp().ln_1p()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points() -> (Vec<f64>, Vec<f64>) {
        let log_q: Vec<f64> = (0..40).map(|i| -2.0 + (i as f64).sin() * 4.0).collect();
        let beta_u: Vec<f64> = (0..40).map(|i| 3.0 - (1.3 * i as f64).cos() * 5.0).collect();
        (log_q, beta_u)
    }

    /// Residuals with factors of one.
    fn residuals(log_q: &[f64], beta_u: &[f64], offsets: Offsets, log_volume: f64, log_z: f64) -> Residuals {
        Residuals::new(log_q, beta_u, &vec![1.0; log_q.len()], offsets, log_volume, log_z)
    }

    #[test]
    fn residual_vanishes_exactly_where_model_and_target_agree() {
        let (log_q, _) = points();
        let beta_u: Vec<f64> = log_q.iter().map(|l| -l - 1.7).collect();
        let at = residuals(&log_q, &beta_u, Offsets::PLAIN, 0.0, 0.0);
        assert!((at.log_z - 1.7).abs() < 1e-10, "{}", at.log_z);
        assert!(at.mean_square() < 1e-20);
    }

    #[test]
    fn slopes_match_central_differences() {
        let (log_q, beta_u) = points();
        let (offsets, h) = (Offsets { model: 0.02, target: 0.07, bend: 1.7 }, 1e-6);
        let factors: Vec<f64> = (0..log_q.len()).map(|i| 0.2 + 0.1 * (i % 7) as f64).collect();
        let at = Residuals::new(&log_q, &beta_u, &factors, offsets, 0.4, 0.0);
        let [model, target] = offsets.logs(0.4);
        for i in 0..log_q.len() {
            let rho = |q: f64, u: f64, z: f64| {
                let p = 1.7 * log_add((-u - z) / 1.7, target / 1.7);
                factors[i] * (log_add(q, model) - p)
            };
            let (q, u, z) = (log_q[i], beta_u[i], at.log_z);
            let slope = (rho(q + h, u, z) - rho(q - h, u, z)) / (2.0 * h);
            let nuisance = (rho(q, u, z + h) - rho(q, u, z - h)) / (2.0 * h);
            assert!(
                (at.slope[i] - slope).abs() < 1e-8 && (at.nuisance[i] - nuisance).abs() < 1e-8,
                "point {i}"
            );
        }
    }

    #[test]
    fn log_z_makes_the_squares_stationary_from_any_first_guess() {
        let (log_q, beta_u) = points();
        let found: Vec<f64> = [-60.0, 0.0, 60.0]
            .map(|guess| residuals(&log_q, &beta_u, Offsets::PLAIN, 3.0, guess).log_z)
            .into();
        assert!((found[0] - found[1]).abs() < 1e-8 && (found[2] - found[1]).abs() < 1e-8, "{found:?}");
        let at = residuals(&log_q, &beta_u, Offsets::PLAIN, 3.0, 0.0);
        assert!(at.nuisance.dot(&at.value).abs() < 1e-9);
    }

    #[test]
    fn log_z_follows_any_offset_of_the_energy() {
        let (log_q, beta_u) = points();
        let at = residuals(&log_q, &beta_u, Offsets::PLAIN, 3.0, 0.0);
        for offset in [-1e6, -300.0, 300.0, 1e6] {
            let moved: Vec<f64> = beta_u.iter().map(|u| u + offset).collect();
            let found = residuals(&log_q, &moved, Offsets::PLAIN, 3.0, 0.0);
            // βu itself is rounded to 1e-10 by the larger offsets.
            assert!(
                (found.log_z + offset - at.log_z).abs() < 1e-8,
                "{offset}: {}",
                found.log_z + offset - at.log_z
            );
            assert!((found.mean_square() - at.mean_square()).abs() < 1e-8, "{offset}");
        }
    }

    #[test]
    fn regions_of_negligible_density_do_not_count() {
        let at = residuals(&[0.0, -80.0], &[0.0, 300.0], Offsets::PLAIN, 0.0, 0.0);
        assert!(at.value[1].abs() < 1e-10 && at.slope[1] < 1e-10, "{at:?}");
    }

    #[test]
    #[should_panic(expected = "at the same points")]
    fn energies_at_fewer_points_are_the_callers_error() {
        let _ = residuals(&[0.0, 1.0], &[0.0], Offsets::PLAIN, 0.0, 0.0);
    }

    #[test]
    fn guard_without_an_offset_of_the_model_pulls_however_low_the_density_is() {
        let guard = Offsets { model: 0.0, target: 1e-4, bend: 1.0 };
        for log_q in [-20.0, -300.0] {
            let at = residuals(&[0.0, log_q], &[0.0, 900.0], guard, 0.0, 0.0);
            assert!(at.value[1] < log_q + 10.0 && at.slope[1] == 1.0, "{at:?}");
        }
    }

    #[test]
    fn raised_target_pulls_a_vanishing_density_up() {
        let at = residuals(&[0.0, -9.0], &[0.0, 300.0], Offsets::RAISED, 0.0, 0.0);
        assert!(at.value[1] < -1.0 && at.slope[1] > 0.5, "{at:?}");
    }
}
