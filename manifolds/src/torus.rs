//! The flat torus `Tⁿ = Rⁿ / 2πZⁿ`.

use std::f64::consts::{PI, TAU};
use std::fmt;

use ircpm_ad::{Real, Scalar};

use crate::base::Base;
use crate::blocks::{Block, BlockMut};
use crate::coordinates::Coordinates;
use crate::cost::Cost;
use crate::error::InvalidManifold;
use crate::flat_metric::{flat_cost, flat_geometry};
use crate::manifold::Manifold;
use crate::slices::least;

/// The torus of `n` angles in radians: `exp_p(v) = p + v`, `c(x, y) = |x − y|²/2` on the universal cover.
///
/// The frame is the coordinate frame everywhere; [`Manifold::lift`] takes that for granted and reads no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Torus(usize);

impl Torus {
    /// The torus of `n` angles.
    ///
    /// # Errors
    /// [`InvalidManifold::ZeroDimension`] for `n = 0`.
    pub fn new(n: usize) -> Result<Self, InvalidManifold> {
        if n == 0 { Err(InvalidManifold::ZeroDimension) } else { Ok(Self(n)) }
    }
}

impl fmt::Display for Torus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "T{}", self.0)
    }
}

impl Manifold for Torus {
    flat_geometry!();

    fn coordinates(&self) -> Vec<Coordinates> {
        vec![Coordinates::Angles(self.0)]
    }

    /// Differences wrapped to `[−π, π)`; the multiples of `2π` that are taken off are constants to every derivative.
    #[inline(always)]
    fn log<S: Scalar>(&self, p: &[S], q: &[S], v: &mut [S]) -> S::Base {
        let mut margin = S::Base::constant(PI);
        for i in 0..self.0 {
            let difference = q[i] - p[i];
            v[i] = difference - S::from_base(periods(difference.value()) * TAU);
            margin = least(margin, -v[i].value().abs() + PI);
        }
        margin
    }

    #[inline(always)]
    fn distance<B: Real>(&self, p: &[B], q: &[B]) -> B {
        let mut sum = B::zero();
        for i in 0..self.0 {
            let difference = q[i] - p[i];
            let short = difference - periods(difference) * TAU;
            sum += short * short;
        }
        sum.sqrt()
    }

    #[inline(always)]
    fn wrap<B: Real>(&self, p: &mut [B]) {
        for i in 0..self.0 {
            p[i] = p[i].map(wrapped);
        }
    }
}

impl Cost for Torus {
    flat_cost!();
}

impl Base for Torus {
    #[inline(always)]
    fn log_base<S: Scalar>(&self, _p: &[S]) -> S {
        S::constant(-(self.0 as f64) * TAU.ln())
    }

    #[inline(always)]
    fn cube_dim(&self) -> usize {
        self.0
    }

    fn base_point(&self, u: &[f64], p: &mut [f64]) {
        for i in 0..self.0 {
            p[i] = wrapped(TAU * u[i]);
        }
    }

    fn log_volume(&self) -> Option<f64> {
        Some(self.0 as f64 * TAU.ln())
    }
}

/// How many periods to take off a difference of angles.
#[inline(always)]
fn periods<B: Real>(difference: B) -> B {
    (difference / TAU + 0.5).map(f64::floor)
}

/// An angle in `[0, 2π)`.
#[inline(always)]
fn wrapped(angle: f64) -> f64 {
    let remainder = angle.rem_euclid(TAU);
    // A negative angle of less than half an ulp of 2π rounds up to 2π itself.
    if remainder >= TAU { 0.0 } else { remainder }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrap_of_tiny_negative_angle_stays_below_a_turn() {
        assert_eq!((-1e-17_f64).rem_euclid(TAU), TAU, "the pitfall is gone; so may be its guard");
        assert_eq!(wrapped(-1e-17), 0.0);
    }

    #[test]
    fn log_ignores_whole_turns() {
        let torus = Torus(2);
        let mut v = [0.0; 2];
        let margin = torus.log(&[0.1, 6.2], &[0.3 + 3.0 * TAU, 0.1], &mut v);
        assert!((v[0] - 0.2).abs() < 1e-14 && (v[1] - (TAU - 6.1)).abs() < 1e-14, "{v:?}");
        assert!((margin - (PI - 0.2)).abs() < 1e-14);
    }

    #[test]
    fn log_margin_reports_nan_of_any_angle() {
        for i in 0..3 {
            let mut q = [0.5; 3];
            q[i] = f64::NAN;
            assert!(Torus(3).try_log(&[0.0; 3], &q).is_err(), "angle {i}");
        }
    }
}
