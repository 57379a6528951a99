//! Checks for a manifold of one's own: the laws that the traits state, tried on samples.
//!
//! A new manifold is right when [`violations`] finds none; [`geometry_violations`] is for a manifold without a cost
//! or a base density. Every law is exact: derivatives are compared with those of dual numbers through `exp`, `log`,
//! `frame` and `transport`, and errors are of rounding alone. Samples include coincident points, points 1e-9 apart,
//! and points 1e-3 and 1e-6 inside the cut locus. A law is tried everywhere with one tolerance: an error is divided
//! by the size of the function there, which near the cut locus is a power of `1 + 1/margin`, and by the cube of the
//! coordinates where they are [`Coordinates::Embedded`](crate::Coordinates::Embedded) and large.
//!
//! The laws take lengths and angles from [`Manifold::to_frame`], and expect the margin of a logarithm to fall
//! linearly along a geodesic.
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
mod points;
mod sample;
mod transport;

use std::fmt;

use crate::base::Base;
use crate::cost::Cost;
use crate::manifold::Manifold;
use sample::Sampler;

/// A statement about a manifold, with the error to which it must hold.
#[derive(Clone, Copy, Debug)]
pub struct Law<M> {
    /// What holds, as a sentence.
    pub name: &'static str,
    /// Largest error that rounding or chance explains.
    pub tolerance: f64,
    error: fn(&M, &mut Sampler) -> f64,
}

impl<M: Manifold> Law<M> {
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
#[non_exhaustive]
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

/// Every law of [`Manifold`] that `m` breaks on the samples that `seed` draws.
pub fn geometry_violations<M: Manifold>(m: &M, seed: u64) -> Vec<Violation> {
    geometry_laws().iter().filter_map(|law| law.check(m, seed)).collect()
}

/// All the laws.
pub fn laws<M: Cost + Base>() -> Vec<Law<M>> {
    [geometry_laws(), cost_laws(), base_laws()].concat()
}

/// Tolerance of rounding errors: some 100 units in the last place.
const ROUNDING: f64 = 2e-14;

/// A law, to write the tables below in one line per law.
fn law<M>(name: &'static str, tolerance: f64, error: fn(&M, &mut Sampler) -> f64) -> Law<M> {
    Law { name, tolerance, error }
}

/// The laws of [`Manifold`].
pub fn geometry_laws<M: Manifold>() -> Vec<Law<M>> {
    vec![
        law("check_point accepts points and rejects NaN", 0.0, points::check_point_tells_points_from_others),
        law(
            "the kinds of coordinates cover the coordinates",
            0.0,
            points::coordinates_cover_the_ambient_space,
        ),
        law("wrap keeps the point and is idempotent", ROUNDING, points::wrap_is_idempotent),
        law("wrap keeps the frame", ROUNDING, points::wrap_keeps_the_frame),
        law("log inverts exp", ROUNDING, geodesic::log_inverts_exp),
        law("log on the cover inverts exp", ROUNDING, geodesic::log_on_cover_inverts_exp),
        law("exp inverts log", ROUNDING, geodesic::exp_inverts_log),
        law("the length of log is the distance", ROUNDING, geodesic::log_length_is_distance),
        law(
            "the distance is symmetric and shorter than any detour",
            ROUNDING,
            geodesic::distance_is_a_metric,
        ),
        // The margin falls with the slope that the first quarter of a radian shows.
        law("log reports the cut locus", 1e-12, geodesic::log_reports_the_cut_locus),
        law("log leaves no margin to what is not finite", 0.0, geodesic::log_reports_what_is_not_finite),
        law("the frame is orthonormal and tangent", ROUNDING, geodesic::frame_is_orthonormal_and_tangent),
        law("lower gives the inner product of to_frame", ROUNDING, geodesic::lower_gives_the_inner_product),
        law("transport is an isometry, undone on the way back", ROUNDING, transport::is_an_isometry),
        law(
            "transport along halves is transport along the whole",
            ROUNDING,
            transport::is_composed_of_halves,
        ),
        law("transport carries v to minus the log back", ROUNDING, transport::carries_v_to_minus_log_back),
        law("transport is parallel at its start", ROUNDING, transport::is_parallel),
        law("lift agrees with exp to third order", ROUNDING, lift::lift_agrees_with_exp),
        law("lift_derivative moves the lift to second order", ROUNDING, lift::lift_derivative_moves_the_lift),
    ]
}

/// The laws of [`Cost`].
pub fn cost_laws<M: Cost>() -> Vec<Law<M>> {
    vec![
        law("cost_hessian is the derivative of minus the log", ROUNDING, cost::hessian_of_the_cost),
        law("mixed is the derivative of the log in its end", ROUNDING, cost::mixed_derivative_of_the_cost),
        law("mixed_inverse inverts mixed", ROUNDING, cost::mixed_inverse_inverts),
        law("mixed_log_det is the log-determinant of mixed", ROUNDING, cost::log_det_of_mixed),
        law("domain_margin is at least the margin of log", ROUNDING, cost::domain_margin_covers_log),
        law("domain_margin is not positive where v is not finite", 0.0, cost::domain_margin_refuses_nan),
        law("the cost of a manifold that is not curved is quadratic", ROUNDING, cost::flat_cost_is_quadratic),
    ]
}

/// The laws of [`Base`].
pub fn base_laws<M: Cost + Base>() -> Vec<Law<M>> {
    vec![
        law("base points are points", 0.0, base::base_points_are_points),
        // In standard errors.
        law("base points have the base density", 5.0, base::points_have_the_density),
        law("the base density of a finite volume is uniform", ROUNDING, base::density_is_uniform),
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
