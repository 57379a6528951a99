//! Random points of laws in closed form, with the mean log-density of the law at them.

use std::f64::consts::{PI, TAU};

use ircpm_train::points::Generator;

/// A uniform number in `[0, 1)`.
fn uniform(rng: &mut Generator) -> f64 {
    (rng.next_u64() >> 11) as f64 * 2f64.powi(-53)
}

/// Points of the von Mises law at the angle 1, by inversion of its distribution function on a fine grid.
pub fn von_mises_points(count: usize, kappa: f64, rng: &mut Generator) -> (Vec<f64>, f64) {
    const NODES: usize = 100_000;
    let step = TAU / NODES as f64;
    let weight = |i: usize| (kappa * ((i as f64 * step).cos() - 1.0)).exp();
    let mut sums = vec![0.0];
    (0..NODES).for_each(|i| sums.push(sums[i] + 0.5 * (weight(i) + weight(i + 1))));
    let total = sums[NODES];
    let log_normaliser = (total * step).ln();
    let (mut points, mut sum) = (Vec::with_capacity(count), 0.0);
    for _ in 0..count {
        let level = uniform(rng) * total;
        let i = sums.partition_point(|s| *s <= level).clamp(1, NODES) - 1;
        let angle = (i as f64 + (level - sums[i]) / (sums[i + 1] - sums[i])) * step;
        sum += kappa * (angle.cos() - 1.0) - log_normaliser;
        points.push((1.0 + angle).rem_euclid(TAU));
    }
    (points, sum / count as f64)
}

/// Unit vectors around `e₃` and `e₁`, half each, by von Mises–Fisher laws.
pub fn caps(count: usize, kappa: f64, rng: &mut Generator) -> (Vec<f64>, f64) {
    let log_normaliser = (TAU / kappa * (1.0 - (-2.0 * kappa).exp())).ln();
    let density = |cosine: f64| (kappa * (cosine - 1.0) - log_normaliser).exp();
    let (mut points, mut sum) = (Vec::with_capacity(3 * count), 0.0);
    for i in 0..count {
        let floor = (-2.0 * kappa).exp();
        let height = 1.0 + (floor + (1.0 - floor) * uniform(rng)).ln() / kappa;
        let (radius, angle) = ((1.0 - height * height).max(0.0).sqrt(), TAU * uniform(rng));
        let (a, b) = (radius * angle.cos(), radius * angle.sin());
        let p = if i % 2 == 0 { [a, b, height] } else { [height, a, b] };
        sum += (0.5 * (density(p[2]) + density(p[0]))).ln();
        points.extend(p);
    }
    (points, sum / count as f64)
}

/// Numbers of N(3, 0.3) and N(9, 0.3), half each.
pub fn two_peaks(count: usize, rng: &mut Generator) -> (Vec<f64>, f64) {
    let density = |x: f64, mean: f64| (-0.5 * ((x - mean) / 0.3).powi(2)).exp() / (0.3 * (2.0 * PI).sqrt());
    let points: Vec<f64> =
        (0..count).map(|i| if i % 2 == 0 { 3.0 } else { 9.0 } + 0.3 * rng.normal()).collect();
    let sum: f64 = points.iter().map(|&x| (0.5 * (density(x, 3.0) + density(x, 9.0))).ln()).sum();
    (points, sum / count as f64)
}
