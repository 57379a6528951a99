//! Laws of the base density and of the points drawn from it.

use super::sample::{Geodesic, Sampler, reach};
use super::worse;
use crate::base::Base;
use crate::cost::Cost;
use crate::slices::dot;

/// Samples of either side of the identity below.
const SAMPLES: usize = 20_000;

/// Mean of a bump over base points against its integral in normal coordinates, in standard errors.
///
/// With `φ(r) = (1 − r²/ρ²)³` around `x` and `v` uniform in the ball of radius `ρ`,
/// `E φ(d(x, Y)) = vol(ball) · E φ(|v|) base(exp_x v) / |det ∂x∂y c|(v)`: the last factor is the volume element of
/// normal coordinates. It holds only if the base density integrates to one and the points follow it.
pub(super) fn points_have_the_density<M: Cost + Base>(m: &M, sampler: &mut Sampler) -> f64 {
    (0..3).fold(0.0, |worst, _| {
        let x = sampler.base_point(m);
        let radius = 0.9 * reach(m, &x, &sampler.direction(m.dim())).start().min(4.0);
        let bump = |r: f64| (1.0 - (r / radius).powi(2)).max(0.0).powi(3);
        let drawn = Mean::of(|| bump(m.distance(&x, &sampler.base_point(m))));
        let log_ball = log_ball_volume(m.dim(), radius);
        let integrated = Mean::of(|| {
            let length = radius * sampler.uniform().powf(1.0 / m.dim() as f64);
            let t: Vec<f64> = sampler.direction(m.dim()).iter().map(|t| t * length).collect();
            let end = Geodesic::new(m, x.clone(), t);
            bump(dot(&end.t, &end.t).sqrt()) * (log_ball + m.log_base(&end.q) - m.mixed_log_det(&end.t)).exp()
        });
        let error = (drawn.mean - integrated.mean).abs();
        worse(worst, error / (drawn.variance + integrated.variance).sqrt())
    })
}

/// `log base = −log volume`; holds trivially where the volume is infinite.
pub(super) fn density_is_uniform<M: Base>(m: &M, sampler: &mut Sampler) -> f64 {
    m.log_volume().map_or(0.0, |log_volume| {
        (0..10).fold(0.0, |worst, _| worse(worst, (m.log_base(&sampler.base_point(m)) + log_volume).abs()))
    })
}

/// The number of base points that [`Manifold::check_point`](crate::Manifold::check_point) rejects.
pub(super) fn base_points_are_points<M: Base>(m: &M, sampler: &mut Sampler) -> f64 {
    (0..100).filter(|_| m.check_point(&sampler.base_point(m)).is_err()).count() as f64
}

/// A sample mean and its variance.
struct Mean {
    mean: f64,
    variance: f64,
}

impl Mean {
    fn of(mut draw: impl FnMut() -> f64) -> Self {
        let n = SAMPLES as f64;
        let (mut sum, mut squares) = (0.0, 0.0);
        for _ in 0..SAMPLES {
            let x = draw();
            sum += x;
            squares += x * x;
        }
        let mean = sum / n;
        Self { mean, variance: (squares / n - mean * mean) / n }
    }
}

/// `log(πⁿᐟ² ρⁿ / Γ(n/2 + 1))`, from `V_n = 2π/n · V_{n−2}`.
fn log_ball_volume(n: usize, radius: f64) -> f64 {
    let (first, start) = if n.is_multiple_of(2) { (1.0_f64, 2) } else { (2.0, 3) };
    let unit =
        (start..=n).step_by(2).fold(first.ln(), |log, k| log + (std::f64::consts::TAU / k as f64).ln());
    unit + n as f64 * radius.ln()
}
