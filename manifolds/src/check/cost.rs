//! Laws of the cost `c(x, y) = d(x, y)²/2` and of its second derivatives.

use super::geodesic::worst;
use super::lift::differences;
use super::sample::{Geodesic, Sampler, combine, exp, transport};
use super::{gap, worse};
use crate::base::Base;
use crate::cost::Cost;

/// Step of finite differences, in units of the distance to the pole.
const STEP: f64 = 1e-2;

/// The Hessian at the start `y` of the geodesic to `x`, by second differences; off the diagonal by polarisation.
pub(super) fn hessian_of_the_cost<M: Cost + Base>(m: &M, sampler: &mut Sampler) -> f64 {
    let n = m.dim();
    worst(m, sampler, |g| {
        let mut h = vec![0.0; n * n];
        m.cost_hessian(&g.t, crate::BlockMut::dense(&mut h, n));
        let mut error = 0.0;
        for i in 0..n {
            for j in i..n {
                let mut t = vec![0.0; n];
                t[i] = 1.0;
                t[j] = 1.0;
                let v = combine(&g.frame, &t, m.ambient());
                let (_, curvature) = differences(STEP * g.unit(), |s| cost(m, &moved(m, &g.p, &v, s), &g.q));
                let off = if i == j { 0.0 } else { 2.0 * h[i * n + j] + h[j * n + j] };
                error = worse(error, (h[i * n + i] + off - curvature).abs() / g.pole(1));
                error = worse(error, (h[i * n + j] - h[j * n + i]).abs());
            }
        }
        error
    })
}

/// `−∂x∂y c` in the frame at `y` and its transport to `x`, by differences of differences.
pub(super) fn mixed_derivative_of_the_cost<M: Cost + Base>(m: &M, sampler: &mut Sampler) -> f64 {
    let n = m.dim();
    worst(m, sampler, |g| {
        let matrix = mixed_matrix(m, g);
        let step = STEP * g.unit();
        let mut error = 0.0;
        for i in 0..n {
            let carried = transport(m, &g.p, &g.v, g.axis(i));
            for j in 0..n {
                let (slope, _) = differences(step, |a| {
                    let x = moved(m, &g.q, &carried, a);
                    differences(step, |b| cost(m, &moved(m, &g.p, g.axis(j), b), &x)).0
                });
                error = worse(error, (matrix[i * n + j] + slope).abs() / g.pole(1));
            }
        }
        error
    })
}

pub(super) fn log_det_of_mixed<M: Cost + Base>(m: &M, sampler: &mut Sampler) -> f64 {
    worst(m, sampler, |g| {
        let expected = log_abs_det(mixed_matrix(m, g), m.dim());
        (m.mixed_log_det(&g.t) - expected).abs() / g.pole(1)
    })
}

pub(super) fn mixed_inverse_inverts<M: Cost + Base>(m: &M, sampler: &mut Sampler) -> f64 {
    let mut directions = sampler.clone();
    worst(m, sampler, |g| {
        let w = directions.direction(m.dim());
        let (mut there, mut back) = (vec![0.0; m.dim()], vec![0.0; m.dim()]);
        m.mixed(&g.t, &w, &mut there);
        m.mixed_inverse(&g.t, &there, &mut back);
        gap(&back, &w) / g.pole(1)
    })
}

/// Where the logarithm is smooth, so is the cost.
pub(super) fn domain_margin_covers_log<M: Cost + Base>(m: &M, sampler: &mut Sampler) -> f64 {
    worst(m, sampler, |g| {
        let margin = m.domain_margin(&g.t);
        if margin == f64::INFINITY { 0.0 } else { worse(0.0, g.margin - margin) }
    })
}

/// `d(x, y)²/2`.
fn cost<M: Cost + Base>(m: &M, x: &[f64], y: &[f64]) -> f64 {
    let distance = m.distance(x, y);
    0.5 * distance * distance
}

/// `exp_p(s v)`.
fn moved<M: Cost + Base>(m: &M, p: &[f64], v: &[f64], s: f64) -> Vec<f64> {
    exp(m, p, &v.iter().map(|v| s * v).collect::<Vec<_>>())
}

/// [`Cost::mixed`] as a matrix, column by column.
fn mixed_matrix<M: Cost + Base>(m: &M, g: &Geodesic) -> Vec<f64> {
    let n = m.dim();
    let mut matrix = vec![0.0; n * n];
    for j in 0..n {
        let (mut w, mut column) = (vec![0.0; n], vec![0.0; n]);
        w[j] = 1.0;
        m.mixed(&g.t, &w, &mut column);
        for i in 0..n {
            matrix[i * n + j] = column[i];
        }
    }
    matrix
}

/// `log |det A|` by elimination with row exchanges.
fn log_abs_det(mut a: Vec<f64>, n: usize) -> f64 {
    let mut log_det = 0.0;
    for k in 0..n {
        let pivot =
            (k..n).fold(k, |best, i| if a[i * n + k].abs() > a[best * n + k].abs() { i } else { best });
        for j in 0..n {
            a.swap(k * n + j, pivot * n + j);
        }
        log_det += a[k * n + k].abs().ln();
        for i in k + 1..n {
            let factor = a[i * n + k] / a[k * n + k];
            for j in k..n {
                a[i * n + j] -= factor * a[k * n + j];
            }
        }
    }
    log_det
}
