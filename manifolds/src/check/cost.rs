//! Laws of the cost `c(x, y) = d(x, y)²/2` and of its second derivatives, from `∇_y c = −log_y(x)`.

use ircpm_ad::Dual;

use super::geodesic::{unit, worst};
use super::sample::{Geodesic, Sampler, transport};
use super::{gap, worse};
use crate::blocks::{Block, BlockMut};
use crate::cost::Cost;
use crate::derived::{self, constants};
use crate::manifold::Manifold;

/// The Hessian at the start `y` of the geodesic to `x`, against the covariant derivative of `−log_y(x)`.
pub(super) fn hessian_of_the_cost<M: Cost>(m: &M, sampler: &mut Sampler) -> f64 {
    let d = m.dim();
    worst(m, sampler, |g| {
        let mut exact = vec![0.0; d * d];
        derived::cost_hessian_at(m, &g.p, &g.frame, &g.t, BlockMut::dense(&mut exact, d));
        gap(&cost_hessian(m, &g.t), &exact) / g.pole(2)
    })
}

/// `−∂x∂y c` in the frame at `y` and its transport to `x`, against the derivative of `log_y(x)` as `x` moves.
pub(super) fn mixed_derivative_of_the_cost<M: Cost>(m: &M, sampler: &mut Sampler) -> f64 {
    let d = m.dim();
    worst(m, sampler, |g| {
        let matrix = mixed_matrix(m, g);
        let mut error = 0.0;
        for j in 0..d {
            let column = log_derivative(m, g, &transport(m, &g.p, &g.v, g.axis(j)));
            for i in 0..d {
                error = worse(error, (matrix[i * d + j] - column[i]).abs());
                error = worse(error, (matrix[i * d + j] - matrix[j * d + i]).abs());
            }
        }
        error / g.pole(2)
    })
}

/// Frame coordinates of `∂_s log_p(exp_q(s w))` at `s = 0`.
fn log_derivative<M: Manifold>(m: &M, g: &Geodesic, w: &[f64]) -> Vec<f64> {
    let n = m.ambient();
    let step: Vec<Dual<f64, 1>> = w.iter().map(|&w| Dual::new(0.0, [w])).collect();
    let (mut x, mut log) = (constants(&g.q), constants(&g.q));
    m.exp(&constants(&g.q), &step, &mut x);
    let p = constants(&g.p);
    m.log(&p, &x, &mut log);
    let mut t = constants(&g.t);
    m.to_frame(&p, Block::dense(&constants(&g.frame), n), &log, &mut t);
    t.iter().map(|t| t.eps[0]).collect()
}

pub(super) fn log_det_of_mixed<M: Cost>(m: &M, sampler: &mut Sampler) -> f64 {
    worst(m, sampler, |g| {
        let expected = log_abs_det(mixed_matrix(m, g), m.dim());
        (m.mixed_log_det(&g.t) - expected).abs() / g.pole(1)
    })
}

pub(super) fn mixed_inverse_inverts<M: Cost>(m: &M, sampler: &mut Sampler) -> f64 {
    let mut directions = sampler.clone();
    worst(m, sampler, |g| {
        let w = directions.direction(m.dim());
        let (mut there, mut back) = (vec![f64::NAN; m.dim()], vec![f64::NAN; m.dim()]);
        m.mixed(&g.t, &w, &mut there);
        m.mixed_inverse(&g.t, &there, &mut back);
        gap(&back, &w) / g.pole(1)
    })
}

/// How far the domain ends before the cut locus: where the logarithm is smooth, so is the cost.
pub(super) fn domain_margin_covers_log<M: Cost>(m: &M, sampler: &mut Sampler) -> f64 {
    worst(m, sampler, |g| {
        let margin = m.domain_margin(&g.t);
        if margin == f64::INFINITY { 0.0 } else { worse(0.0, g.margin - margin) }
    })
}

/// The number of vectors with a coordinate that is not finite and yet a positive margin.
pub(super) fn domain_margin_refuses_nan<M: Cost>(m: &M, sampler: &mut Sampler) -> f64 {
    let v = sampler.direction(m.dim());
    let mut wrong = 0;
    for i in 0..m.dim() {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let mut bad = v.clone();
            bad[i] = value;
            wrong += usize::from(m.domain_margin(&bad) > 0.0);
        }
    }
    wrong as f64
}

/// The difference of both second derivatives from unit matrices; 0 on a manifold that calls itself curved.
pub(super) fn flat_cost_is_quadratic<M: Cost>(m: &M, sampler: &mut Sampler) -> f64 {
    if m.is_curved() {
        return 0.0;
    }
    let d = m.dim();
    let identity: Vec<f64> = (0..d).flat_map(|i| unit(d, i)).collect();
    worst(m, sampler, |g| {
        let error = worse(gap(&cost_hessian(m, &g.t), &identity), m.mixed_log_det(&g.t).abs());
        worse(error, gap(&mixed_matrix(m, g), &identity))
    })
}

/// [`Cost::cost_hessian`] as a matrix.
fn cost_hessian<M: Cost>(m: &M, t: &[f64]) -> Vec<f64> {
    let d = m.dim();
    let mut h = vec![f64::NAN; d * d];
    m.cost_hessian(t, BlockMut::dense(&mut h, d));
    h
}

/// [`Cost::mixed`] as a matrix, column by column.
fn mixed_matrix<M: Cost>(m: &M, g: &Geodesic) -> Vec<f64> {
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
