//! Numerical checks for a manifold: the laws that [`Cost`] states, tried on samples.
//!
//! A new manifold is right when [`violations`] finds none. Samples include coincident points, points 1e-9 apart, and
//! points 1e-3 inside the cut locus; an error there is divided by the pole it meets, `1 + margin⁻ᵏ`, so that one
//! tolerance serves a law everywhere. The laws take the metric to be the dot product of ambient coordinates, and the
//! margin of a logarithm to fall linearly along a geodesic.
//!
//! ```
//! use ircpm_manifolds::{Sphere, check};
//! let violations = check::violations(&Sphere::new(2)?, 7);
//! assert!(violations.is_empty(), "{violations:?}");
//! # Ok::<(), ircpm_manifolds::InvalidManifold>(())
//! ```

mod base;
mod cost;
mod geodesic;
mod lift;
mod sample;

use std::fmt;

use crate::base::Base;
use crate::cost::Cost;
use sample::Sampler;

/// A statement about a manifold, with the error to which it must hold.
#[derive(Clone, Copy, Debug)]
pub struct Law<M> {
    /// What holds, as a sentence.
    pub name: &'static str,
    /// Largest error that rounding, truncation or chance explains.
    pub tolerance: f64,
    error: fn(&M, &mut Sampler) -> f64,
}

impl<M: Cost + Base> Law<M> {
    /// The worst error over the samples that `seed` draws; `∞` if some result was NaN.
    pub fn error(&self, m: &M, seed: u64) -> f64 {
        (self.error)(m, &mut Sampler::new(seed))
    }

    /// The violation, if the worst error exceeds the tolerance.
    pub fn check(&self, m: &M, seed: u64) -> Option<Violation> {
        let error = self.error(m, seed);
        (error > self.tolerance).then_some(Violation {
            law: self.name,
            error,
            tolerance: self.tolerance,
            seed,
        })
    }
}

/// A law that did not hold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Violation {
    /// Name of the law.
    pub law: &'static str,
    /// Worst error found.
    pub error: f64,
    /// What would have been allowed.
    pub tolerance: f64,
    /// Seed of the samples: the same seed finds the same error.
    pub seed: u64,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { law, error, tolerance, seed } = self;
        write!(f, "{law}: error {error:e} exceeds {tolerance:e} (seed {seed})")
    }
}

/// Every law that `m` breaks on the samples that `seed` draws.
pub fn violations<M: Cost + Base>(m: &M, seed: u64) -> Vec<Violation> {
    laws().iter().filter_map(|law| law.check(m, seed)).collect()
}

/// All the laws. Rounding errors are some 100 ulp; finite differences and Monte Carlo say their own in a comment.
pub fn laws<M: Cost + Base>() -> Vec<Law<M>> {
    const ROUNDING: f64 = 2e-14;
    let law = |name, tolerance, error| Law { name, tolerance, error };
    vec![
        law("log inverts exp", ROUNDING, geodesic::log_inverts_exp),
        law("log on the cover inverts exp", ROUNDING, geodesic::log_on_cover_inverts_exp),
        law("exp inverts log", ROUNDING, geodesic::exp_inverts_log),
        law("the length of log is the distance", ROUNDING, geodesic::log_length_is_distance),
        law(
            "the distance is symmetric and shorter than any detour",
            ROUNDING,
            geodesic::distance_is_a_metric,
        ),
        law("log reports the cut locus", 1e-9, geodesic::log_reports_the_cut_locus),
        law("the frame is orthonormal and tangent", ROUNDING, geodesic::frame_is_orthonormal_and_tangent),
        law("transport is an isometry, undone on the way back", ROUNDING, geodesic::transport_is_an_isometry),
        law(
            "transport carries v to minus the log back",
            ROUNDING,
            geodesic::transport_carries_v_to_minus_log_back,
        ),
        law("wrap keeps the point and is idempotent", ROUNDING, geodesic::wrap_is_idempotent),
        // In units of |t|⁴ and |t|³, at |t| = 0.01: the next term of either series has a coefficient below one half.
        law("lift agrees with exp to fourth order", 0.5, lift::lift_agrees_with_exp),
        law("lift_derivative moves the lift along a geodesic", 0.5, lift::lift_derivative_moves_the_lift),
        // Five-point stencils at h = 5e-3: h⁴ = 6e-10, times sixth derivatives.
        law("lift gives the gradient and the Hessian of a function", 1e-7, lift::lift_gives_derivatives),
        // The same with h in units of the margin; the rounding of c ≈ 5 over h² is what remains.
        law("cost_hessian is the Hessian of half the squared distance", 2e-6, cost::hessian_of_the_cost),
        law(
            "mixed is the mixed derivative of half the squared distance",
            2e-6,
            cost::mixed_derivative_of_the_cost,
        ),
        law("mixed_log_det is the log-determinant of mixed", ROUNDING, cost::log_det_of_mixed),
        law("mixed_inverse inverts mixed", ROUNDING, cost::mixed_inverse_inverts),
        law("domain_margin is at least the margin of log", ROUNDING, cost::domain_margin_covers_log),
        // In standard errors.
        law("base points have the base density", 5.0, base::points_have_the_density),
        law("the base density of a finite volume is uniform", ROUNDING, base::density_is_uniform),
        law("check_point accepts points and rejects NaN", 0.0, base::check_point_tells_points_from_others),
    ]
}

/// The greater of two errors; `∞` if `error` is NaN.
fn worse(worst: f64, error: f64) -> f64 {
    if error.is_nan() { f64::INFINITY } else { worst.max(error) }
}

/// Largest absolute difference of coordinates; `∞` if one is NaN.
fn gap(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).fold(0.0, |worst, (a, b)| worse(worst, (a - b).abs()))
}
