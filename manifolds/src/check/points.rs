//! Laws of points and of their coordinates.

use super::sample::{Geodesic, Sampler, exp, frame, size};
use super::{gap, worse};
use crate::manifold::Manifold;

/// The number of wrong verdicts, over points, the origin, and points spoilt in one coordinate.
pub(super) fn check_point_tells_points_from_others<M: Manifold>(m: &M, sampler: &mut Sampler) -> f64 {
    let mut wrong = usize::from(m.check_point(&m.origin()).is_err());
    for _ in 0..20 {
        let p = sampler.point(m);
        wrong += usize::from(m.check_point(&p).is_err());
        wrong += usize::from(m.check_point(&p[1..]).is_ok());
        for i in 0..p.len() {
            for value in [f64::NAN, f64::INFINITY] {
                let mut bad = p.clone();
                bad[i] = value;
                wrong += usize::from(m.check_point(&bad).is_ok());
            }
        }
    }
    wrong as f64
}

/// The number of coordinates without a kind, or of kinds without a coordinate.
pub(super) fn coordinates_cover_the_ambient_space<M: Manifold>(m: &M, _: &mut Sampler) -> f64 {
    let covered: usize = m.coordinates().iter().map(|run| run.len()).sum();
    covered.abs_diff(m.ambient()) as f64
}

/// The distance between a point and its canonical representative, from well outside the canonical range.
pub(super) fn wrap_is_idempotent<M: Manifold>(m: &M, sampler: &mut Sampler) -> f64 {
    (0..20).fold(0.0, |worst, _| {
        let end = far_away(m, sampler);
        let once = wrapped(m, &end);
        let twice = wrapped(m, &once);
        worse(worse(worst, m.distance(&once, &end) / size(m, &end)), gap(&once, &twice))
    })
}

/// The difference between the frames at a point and at its canonical representative.
pub(super) fn wrap_keeps_the_frame<M: Manifold>(m: &M, sampler: &mut Sampler) -> f64 {
    (0..20).fold(0.0, |worst, _| {
        let end = far_away(m, sampler);
        let error = gap(&frame(m, &wrapped(m, &end)), &frame(m, &end));
        worse(worst, error / size(m, &end))
    })
}

/// A point outside the canonical range of its coordinates.
fn far_away<M: Manifold>(m: &M, sampler: &mut Sampler) -> Vec<f64> {
    let (p, direction) = (sampler.point(m), sampler.direction(m.dim()));
    // Coordinates of an embedding may grow with the exponential of the length; the others are tried far away.
    let length = if size(m, &exp_along(m, &p, &direction, 5.0)) > 1.0 { 2.0 } else { 20.0 };
    exp_along(m, &p, &direction, length)
}

/// The canonical representative of `p`.
fn wrapped<M: Manifold>(m: &M, p: &[f64]) -> Vec<f64> {
    let mut wrapped = p.to_vec();
    m.wrap(&mut wrapped);
    wrapped
}

/// `exp_p(length · E direction)`.
fn exp_along<M: Manifold>(m: &M, p: &[f64], direction: &[f64], length: f64) -> Vec<f64> {
    let unit = Geodesic::new(m, p.to_vec(), direction.to_vec());
    exp(m, p, &unit.v.iter().map(|v| length * v).collect::<Vec<_>>())
}
