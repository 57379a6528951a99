//! Laws of the lift: normal coordinates to third order, and how they move.

use ircpm_ad::{Scalar, derivative};

use super::geodesic::worst;
use super::sample::{Geodesic, Sampler, combine, exp, transport};
use super::{gap, worse};
use crate::base::Base;
use crate::cost::Cost;
use crate::slices::dot;

/// Length of `t` at which the lift is tried: its fourth power is well above rounding.
const LENGTH: f64 = 1e-2;

/// In units of `|t|⁴`.
pub(super) fn lift_agrees_with_exp<M: Cost + Base>(m: &M, sampler: &mut Sampler) -> f64 {
    let mut directions = sampler.clone();
    worst(m, sampler, |g| {
        let t: Vec<f64> = directions.direction(m.dim()).iter().map(|t| t * LENGTH).collect();
        let end = exp(m, &g.p, &combine(&g.frame, &t, m.ambient()));
        gap(&lifted(m, &g.p, &g.frame, &t), &end) / LENGTH.powi(4)
    })
}

/// In units of `|t|³`, against central differences as the frame is carried along `E_k`.
pub(super) fn lift_derivative_moves_the_lift<M: Cost + Base>(m: &M, sampler: &mut Sampler) -> f64 {
    const STEP: f64 = 1e-4;
    let mut directions = sampler.clone();
    worst(m, sampler, |g| {
        let t: Vec<f64> = directions.direction(m.dim()).iter().map(|t| t * LENGTH).collect();
        let mut error = 0.0;
        for k in 0..m.dim() {
            let (ahead, behind) = (moved(m, g, k, STEP, &t), moved(m, g, k, -STEP, &t));
            let slope: Vec<f64> = ahead.iter().zip(&behind).map(|(a, b)| (a - b) / (2.0 * STEP)).collect();
            let mut dz = vec![0.0; m.ambient()];
            m.lift_derivative(&g.p, crate::Block::dense(&g.frame, m.ambient()), &t, k, &mut dz);
            error = worse(error, gap(&dz, &slope) / LENGTH.powi(3));
        }
        error
    })
}

/// `f ∘ lift` by jets against five-point differences of `f` along geodesics; mixed derivatives by polarisation.
pub(super) fn lift_gives_derivatives<M: Cost + Base>(m: &M, sampler: &mut Sampler) -> f64 {
    let mut directions = sampler.clone();
    worst(m, sampler, |g| {
        let wave = directions.direction(m.ambient());
        let (_, grad, hess) = derivative::hessian(&Lifted { m, g, wave: &wave }, &vec![0.0; m.dim()]);
        let along = |t: &[f64]| {
            let v = combine(&g.frame, t, m.ambient());
            differences(5e-3, |s| {
                plane_wave(&wave, &exp(m, &g.p, &v.iter().map(|v| s * v).collect::<Vec<_>>()))
            })
        };
        let mut error = 0.0;
        for i in 0..m.dim() {
            for j in i..m.dim() {
                let mut t = vec![0.0; m.dim()];
                t[i] = 1.0;
                t[j] = 1.0;
                let expected = |a: &dyn Fn(usize, usize) -> f64| {
                    if i == j { a(i, i) } else { a(i, i) + 2.0 * a(i, j) + a(j, j) }
                };
                let (slope, curvature) = along(&t);
                error = worse(error, (curvature - expected(&|a, b| hess[a * m.dim() + b])).abs());
                error = worse(error, (slope - dot(&grad, &t)).abs());
            }
        }
        error
    })
}

/// First and second derivative at 0 by five-point stencils (Abramowitz and Stegun, 25.3.6 and 25.3.24).
pub(super) fn differences(h: f64, f: impl Fn(f64) -> f64) -> (f64, f64) {
    let [a, b, c, d, e] = [-2.0, -1.0, 0.0, 1.0, 2.0].map(|k| f(k * h));
    let first = (a - 8.0 * b + 8.0 * d - e) / (12.0 * h);
    let second = (-a + 16.0 * b - 30.0 * c + 16.0 * d - e) / (12.0 * h * h);
    (first, second)
}

/// `lift(t)` at `p`.
fn lifted<M: Cost + Base>(m: &M, p: &[f64], frame: &[f64], t: &[f64]) -> Vec<f64> {
    let mut z = vec![0.0; m.ambient()];
    m.lift(p, crate::Block::dense(frame, m.ambient()), t, &mut z);
    z
}

/// `lift(t)` after the point and its frame moved by `s` along `E_k`.
fn moved<M: Cost + Base>(m: &M, g: &Geodesic, k: usize, s: f64, t: &[f64]) -> Vec<f64> {
    let step: Vec<f64> = g.axis(k).iter().map(|e| s * e).collect();
    let frame: Vec<f64> = (0..m.dim()).flat_map(|i| transport(m, &g.p, &step, g.axis(i))).collect();
    lifted(m, &exp(m, &g.p, &step), &frame, t)
}

/// `sin(2 k·z + ½)`: a function of the ambient coordinates without symmetry.
fn plane_wave<S: Scalar>(k: &[f64], z: &[S]) -> S {
    let mut phase = S::constant(0.5);
    for i in 0..z.len() {
        phase += z[i] * (2.0 * k[i]);
    }
    phase.sin()
}

/// The plane wave in normal coordinates.
struct Lifted<'a, M> {
    m: &'a M,
    g: &'a Geodesic,
    wave: &'a [f64],
}

impl<M: Cost + Base> derivative::ScalarField for Lifted<'_, M> {
    fn eval<S: Scalar>(&self, t: &[S]) -> S {
        let base = |x: &[f64]| -> Vec<S::Base> { x.iter().map(|&x| S::Base::constant(x)).collect() };
        let mut z = vec![S::zero(); self.m.ambient()];
        self.m.lift(&base(&self.g.p), crate::Block::dense(&base(&self.g.frame), self.m.ambient()), t, &mut z);
        plane_wave(self.wave, &z)
    }
}
