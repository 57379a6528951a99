//! Laws of parallel transport.

use ircpm_ad::{Dual, Scalar};

use super::geodesic::worst;
use super::sample::{Geodesic, Sampler, exp, frame, log, to_frame, transport};
use super::{gap, worse};
use crate::blocks::{Block, BlockMut};
use crate::derived::{self, constants};
use crate::manifold::Manifold;
use crate::slices::{combine, dot};

/// The carried frame is orthonormal at the end, and back at the start it is the frame.
pub(super) fn is_an_isometry<M: Manifold>(m: &M, sampler: &mut Sampler) -> f64 {
    worst(m, sampler, |g| {
        let carried: Vec<Vec<f64>> = (0..m.dim()).map(|i| transport(m, &g.p, &g.v, g.axis(i))).collect();
        let there = frame(m, &g.q);
        let t: Vec<Vec<f64>> = carried.iter().map(|e| to_frame(m, &g.q, &there, e)).collect();
        let back: Vec<f64> = transport(m, &g.p, &g.v, &g.v).iter().map(|v| -v).collect();
        let mut error = 0.0;
        for i in 0..m.dim() {
            error = worse(error, gap(&transport(m, &g.q, &back, &carried[i]), g.axis(i)));
            for j in 0..m.dim() {
                let expected = if i == j { 1.0 } else { 0.0 };
                error = worse(error, (dot(&t[i], &t[j]) - expected).abs());
            }
        }
        error / g.size
    })
}

/// Transport along `v` against transport along `v/2` and then along the other half.
pub(super) fn is_composed_of_halves<M: Manifold>(m: &M, sampler: &mut Sampler) -> f64 {
    worst(m, sampler, |g| {
        let half: Vec<f64> = g.v.iter().map(|v| 0.5 * v).collect();
        let (middle, other) = (exp(m, &g.p, &half), transport(m, &g.p, &half, &half));
        (0..m.dim()).fold(0.0, |error, i| {
            let halfway = transport(m, &g.p, &half, g.axis(i));
            let end = transport(m, &middle, &other, &halfway);
            worse(error, gap(&end, &transport(m, &g.p, &g.v, g.axis(i))) / g.size)
        })
    })
}

pub(super) fn carries_v_to_minus_log_back<M: Manifold>(m: &M, sampler: &mut Sampler) -> f64 {
    worst(m, sampler, |g| {
        let back: Vec<f64> = log(m, &g.q, &g.p).iter().map(|v| -v).collect();
        gap(&transport(m, &g.p, &g.v, &g.v), &back) / g.pole(1)
    })
}

/// The Hessian of the cost by transport of its gradient, against second derivatives along geodesics.
///
/// `∂_s∂_t c(x, exp_y(s Eᵢ + t Eⱼ))` needs no transport. A transport that rotates the frame puts an antisymmetric
/// part into the other one.
pub(super) fn is_parallel<M: Manifold>(m: &M, sampler: &mut Sampler) -> f64 {
    let d = m.dim();
    worst(m, sampler, |g| {
        let mut by_transport = vec![0.0; d * d];
        derived::cost_hessian_at(m, &g.p, &g.frame, &g.t, BlockMut::dense(&mut by_transport, d));
        let mut error = 0.0;
        for i in 0..d {
            for j in i..d {
                let expected = second_derivative(m, g, i, j);
                error = worse(error, (by_transport[i * d + j] - expected).abs());
                error = worse(error, (by_transport[j * d + i] - expected).abs());
            }
        }
        error / g.pole(3)
    })
}

/// `∂_s∂_t c(q, exp_p(s Eᵢ + t Eⱼ))` by nested duals, with `c = |log|²/2`.
fn second_derivative<M: Manifold>(m: &M, g: &Geodesic, i: usize, j: usize) -> f64 {
    type Twice = Dual<Dual<f64, 1>, 1>;
    let (d, n) = (m.dim(), m.ambient());
    let (p, axes, x) = (constants(&g.p), constants(&g.frame), constants(&g.q));
    let mut seeds = vec![Twice::zero(); d];
    seeds[i] += Twice::fixed(Dual::variable(0.0, 0));
    seeds[j] += Twice::variable(Dual::zero(), 0);
    let (mut step, mut y, mut log) = (constants(&g.p), constants(&g.p), constants(&g.p));
    combine(Block::dense(&axes, n), &seeds, &mut step);
    m.exp(&p, &step, &mut y);
    m.log(&y, &x, &mut log);
    let mut frame = vec![Twice::zero(); d * n];
    m.frame(&y, BlockMut::dense(&mut frame, n));
    let mut t = vec![Twice::zero(); d];
    m.to_frame(&y, Block::dense(&frame, n), &log, &mut t);
    0.5 * dot(&t, &t).eps[0].eps[0]
}
