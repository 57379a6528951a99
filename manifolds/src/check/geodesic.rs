//! Laws of the exponential map, the logarithm, the distance and the frame.

use super::sample::{Geodesic, Sampler, exp, log, reach, size, to_frame};
use super::{gap, worse};
use crate::manifold::Manifold;
use crate::slices::dot;

/// The worst of `error` over the sampler's geodesics.
pub(super) fn worst<M: Manifold>(
    m: &M,
    sampler: &mut Sampler,
    mut error: impl FnMut(&Geodesic) -> f64,
) -> f64 {
    sampler.geodesics(m).iter().fold(0.0, |worst, geodesic| worse(worst, error(geodesic)))
}

pub(super) fn log_inverts_exp<M: Manifold>(m: &M, sampler: &mut Sampler) -> f64 {
    worst(m, sampler, |g| gap(&log(m, &g.p, &g.q), &g.v) / g.pole(1))
}

pub(super) fn log_on_cover_inverts_exp<M: Manifold>(m: &M, sampler: &mut Sampler) -> f64 {
    worst(m, sampler, |g| {
        let mut v = vec![0.0; m.ambient()];
        m.log_on_cover(&g.p, &g.q, &mut v);
        gap(&v, &g.v) / g.pole(1)
    })
}

pub(super) fn exp_inverts_log<M: Manifold>(m: &M, sampler: &mut Sampler) -> f64 {
    (0..50).fold(0.0, |worst, _| {
        let (p, q) = (sampler.point(m), sampler.point(m));
        let size = size(m, &p).max(size(m, &q));
        worse(worst, m.distance(&exp(m, &p, &log(m, &p, &q)), &q) / size)
    })
}

/// The error of the length of the logarithm, and of the distance, also at 1e-9 and near the cut locus.
pub(super) fn log_length_is_distance<M: Manifold>(m: &M, sampler: &mut Sampler) -> f64 {
    worst(m, sampler, |g| {
        let length = dot(&g.t, &g.t).sqrt();
        let t = to_frame(m, &g.p, &g.frame, &log(m, &g.p, &g.q));
        let distance = (m.distance(&g.p, &g.q) - length).abs() / g.size;
        worse(distance, (dot(&t, &t).sqrt() - length).abs() / g.pole(1))
    })
}

pub(super) fn distance_is_a_metric<M: Manifold>(m: &M, sampler: &mut Sampler) -> f64 {
    (0..50).fold(0.0, |worst, _| {
        let (p, q, between) = (sampler.point(m), sampler.point(m), sampler.point(m));
        let size = size(m, &p).max(size(m, &q)).max(size(m, &between));
        let direct = m.distance(&p, &q);
        let detour = m.distance(&p, &between) + m.distance(&between, &q);
        worse(worse(worst, (direct - m.distance(&q, &p)).abs() / size), (direct - detour) / size)
    })
}

/// The margin that is left at the cut locus; 1 if the vector there is not finite.
pub(super) fn log_reports_the_cut_locus<M: Manifold>(m: &M, sampler: &mut Sampler) -> f64 {
    (0..10).fold(0.0, |worst, _| {
        let (p, direction) = (sampler.point(m), sampler.direction(m.dim()));
        let reach = reach(m, &p, &direction);
        if !reach.is_finite() {
            return worst;
        }
        let length = reach.length_at_margin(0.0);
        let end = Geodesic::new(m, p.clone(), direction.iter().map(|t| t * length).collect());
        let finite = log(m, &p, &end.q).iter().all(|v| v.is_finite());
        worse(worse(worst, end.margin.abs()), if finite { 0.0 } else { 1.0 })
    })
}

/// The number of logarithms without an error where one coordinate of either point is not finite.
pub(super) fn log_reports_what_is_not_finite<M: Manifold>(m: &M, sampler: &mut Sampler) -> f64 {
    let (p, q) = (sampler.point(m), sampler.point(m));
    let mut given = 0;
    for i in 0..m.ambient() {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let mut bad = p.clone();
            bad[i] = value;
            given += usize::from(m.try_log(&bad, &q).is_ok()) + usize::from(m.try_log(&q, &bad).is_ok());
        }
    }
    given as f64
}

/// `to_frame(Eᵢ) = eᵢ`, and `log_p(exp_p(¼ Eᵢ)) = ¼ Eᵢ`, which shows that `Eᵢ` is tangent.
pub(super) fn frame_is_orthonormal_and_tangent<M: Manifold>(m: &M, sampler: &mut Sampler) -> f64 {
    worst(m, sampler, |g| {
        let mut error = 0.0;
        for i in 0..m.dim() {
            let quarter: Vec<f64> = g.axis(i).iter().map(|e| 0.25 * e).collect();
            error = worse(error, gap(&log(m, &g.p, &exp(m, &g.p, &quarter)), &quarter));
            error = worse(error, gap(&to_frame(m, &g.p, &g.frame, g.axis(i)), &unit(m.dim(), i)));
        }
        error / g.size
    })
}

/// `lower(v) · w` against the products of the frame coordinates of two tangent vectors.
pub(super) fn lower_gives_the_inner_product<M: Manifold>(m: &M, sampler: &mut Sampler) -> f64 {
    worst(m, sampler, |g| {
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let v = log(m, &g.p, &g.q);
        let mut covector = v.clone();
        m.lower(&g.p, &mut covector);
        let t = to_frame(m, &g.p, &g.frame, &v);
        (0..m.dim()).fold(0.0, |worst, i| {
            let expected = dot(&t, &unit(m.dim(), i));
            worse(worst, (dot(&covector, g.axis(i)) - expected).abs() / g.size)
        })
    })
}

/// The unit vector `eᵢ` of `n` numbers.
pub(super) fn unit(n: usize, i: usize) -> Vec<f64> {
    (0..n).map(|j| if i == j { 1.0 } else { 0.0 }).collect()
}
