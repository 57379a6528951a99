//! Laws of the exponential map, the logarithm, the distance, the frame and parallel transport.

use super::sample::{Geodesic, Sampler, combine, exp, log, reach, transport};
use super::{gap, worse};
use crate::base::Base;
use crate::cost::Cost;
use crate::slices::dot;

/// The worst of `error` over the sampler's geodesics.
pub(super) fn worst<M: Cost + Base>(
    m: &M,
    sampler: &mut Sampler,
    mut error: impl FnMut(&Geodesic) -> f64,
) -> f64 {
    sampler.geodesics(m).iter().fold(0.0, |worst, geodesic| worse(worst, error(geodesic)))
}

pub(super) fn log_inverts_exp<M: Cost + Base>(m: &M, sampler: &mut Sampler) -> f64 {
    worst(m, sampler, |g| gap(&log(m, &g.p, &g.q), &g.v) / g.pole(1))
}

pub(super) fn log_on_cover_inverts_exp<M: Cost + Base>(m: &M, sampler: &mut Sampler) -> f64 {
    worst(m, sampler, |g| {
        let mut v = vec![0.0; m.ambient()];
        m.log_on_cover(&g.p, &g.q, &mut v);
        gap(&v, &g.v) / g.pole(1)
    })
}

pub(super) fn exp_inverts_log<M: Cost + Base>(m: &M, sampler: &mut Sampler) -> f64 {
    (0..50).fold(0.0, |worst, _| {
        let (p, q) = (sampler.point(m), sampler.point(m));
        worse(worst, m.distance(&exp(m, &p, &log(m, &p, &q)), &q))
    })
}

/// Also where the distance itself is 1e-9, or 1e-3 less than the largest.
pub(super) fn log_length_is_distance<M: Cost + Base>(m: &M, sampler: &mut Sampler) -> f64 {
    worst(m, sampler, |g| {
        let (length, v) = (dot(&g.t, &g.t).sqrt(), log(m, &g.p, &g.q));
        let distance = m.distance(&g.p, &g.q);
        worse((distance - length).abs(), (dot(&v, &v).sqrt() - length).abs() / g.pole(1))
    })
}

pub(super) fn distance_is_a_metric<M: Cost + Base>(m: &M, sampler: &mut Sampler) -> f64 {
    (0..50).fold(0.0, |worst, _| {
        let (p, q, between) = (sampler.point(m), sampler.point(m), sampler.point(m));
        let direct = m.distance(&p, &q);
        let detour = m.distance(&p, &between) + m.distance(&between, &q);
        worse(worse(worst, (direct - m.distance(&q, &p)).abs()), direct - detour)
    })
}

/// At the cut locus the margin is zero and the vector finite; a NaN leaves no margin.
pub(super) fn log_reports_the_cut_locus<M: Cost + Base>(m: &M, sampler: &mut Sampler) -> f64 {
    (0..10).fold(0.0, |worst, _| {
        let (mut p, direction) = (sampler.point(m), sampler.direction(m.dim()));
        let reach = reach(m, &p, &direction);
        let mut error: f64 = 0.0;
        if reach.is_finite() {
            let length = reach.length_at_margin(0.0);
            let end = Geodesic::new(m, p.clone(), direction.iter().map(|t| t * length).collect());
            error = worse(
                end.margin.abs(),
                if log(m, &p, &end.q).iter().all(|v| v.is_finite()) { 0.0 } else { 1.0 },
            );
            let q = p.clone();
            p[0] = f64::NAN;
            error = worse(
                error,
                if m.try_log(&p, &q).is_err() && m.try_log(&q, &p).is_err() { 0.0 } else { 1.0 },
            );
        }
        worse(worst, error)
    })
}

/// `log_p(exp_p(¼ Eᵢ)) = ¼ Eᵢ` shows that `Eᵢ` is tangent.
pub(super) fn frame_is_orthonormal_and_tangent<M: Cost + Base>(m: &M, sampler: &mut Sampler) -> f64 {
    worst(m, sampler, |g| {
        let mut error = 0.0;
        for i in 0..m.dim() {
            let quarter: Vec<f64> = g.axis(i).iter().map(|e| 0.25 * e).collect();
            error = worse(error, gap(&log(m, &g.p, &exp(m, &g.p, &quarter)), &quarter));
            for j in 0..m.dim() {
                let expected = if i == j { 1.0 } else { 0.0 };
                error = worse(error, (dot(g.axis(i), g.axis(j)) - expected).abs());
            }
        }
        error
    })
}

pub(super) fn transport_is_an_isometry<M: Cost + Base>(m: &M, sampler: &mut Sampler) -> f64 {
    worst(m, sampler, |g| {
        let carried: Vec<Vec<f64>> = (0..m.dim()).map(|i| transport(m, &g.p, &g.v, g.axis(i))).collect();
        let back: Vec<f64> = transport(m, &g.p, &g.v, &g.v).iter().map(|v| -v).collect();
        let mut error = 0.0;
        for i in 0..m.dim() {
            error = worse(error, gap(&transport(m, &g.q, &back, &carried[i]), g.axis(i)));
            for j in 0..m.dim() {
                let expected = if i == j { 1.0 } else { 0.0 };
                error = worse(error, (dot(&carried[i], &carried[j]) - expected).abs());
            }
        }
        error
    })
}

pub(super) fn transport_carries_v_to_minus_log_back<M: Cost + Base>(m: &M, sampler: &mut Sampler) -> f64 {
    worst(m, sampler, |g| {
        let back: Vec<f64> = log(m, &g.q, &g.p).iter().map(|v| -v).collect();
        gap(&transport(m, &g.p, &g.v, &g.v), &back) / g.pole(1)
    })
}

/// From well outside the canonical range.
pub(super) fn wrap_is_idempotent<M: Cost + Base>(m: &M, sampler: &mut Sampler) -> f64 {
    (0..20).fold(0.0, |worst, _| {
        let (p, t) = (sampler.point(m), sampler.direction(m.dim()));
        let start = Geodesic::new(m, p, t);
        let far: Vec<f64> = combine(&start.frame, &start.t, m.ambient()).iter().map(|v| 20.0 * v).collect();
        let end = exp(m, &start.p, &far);
        let mut once = end.clone();
        m.wrap(&mut once);
        let mut twice = once.clone();
        m.wrap(&mut twice);
        worse(worse(worst, m.distance(&once, &end)), gap(&once, &twice))
    })
}
