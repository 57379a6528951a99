//! Whether a model's samples look like the data: energy distances.

use ircpm_manifolds::{AnyManifold, Coordinates};

use super::kernels::deviation;
use crate::points::Generator;

/// Most points of either kind: the cost grows with their square.
const MOST: usize = 1024;
/// Fewest points of either kind that say anything.
const FEWEST: usize = 8;
/// Random halvings of the data.
const HALVINGS: usize = 16;

/// Energy statistics (Székely & Rizzo 2013, *Energy statistics*) of the model's samples and the data, and of halves of
/// the data.
///
/// For `n` points `X` and `m` points `Y` it is `nm/(n + m) · (2 E|X − Y| − E|X − X′| − E|Y − Y′|)`, in units of
/// `E|Y − Y′|`, where `|·|` is the Euclidean distance of cosines and sines of angles, unit vectors, and real coordinates
/// in units of their standard deviation. If both have one law its mean is one, whatever `n` and `m`; else it grows with
/// their number.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Likeness {
    /// The statistic of the model's samples and the data.
    pub model: f64,
    /// The largest statistic of 16 random halvings of the data.
    pub halves: f64,
}

impl Likeness {
    /// Samples differ from the data where their statistic is larger than that of halves of the data by this factor.
    pub const FACTOR: f64 = 2.0;

    /// Compares samples of a model with the data, `[point][coordinate]`; none for fewer than eight points of a kind, or
    /// if all points of the data are the same.
    pub(super) fn new(manifold: &AnyManifold, samples: &[f64], data: &[f64], seed: u64) -> Option<Self> {
        let n = manifold.ambient();
        let deviations: Vec<f64> = (0..n).map(|c| deviation(data, n, c)).collect();
        let embed = |y: &[f64]| -> Vec<Vec<f64>> {
            let count = y.len() / n;
            let most = count.min(MOST);
            (0..most).map(|i| embedded(manifold, &deviations, &y[i * count / most * n..][..n])).collect()
        };
        let (x, y) = (embed(samples), embed(data));
        if x.len() < FEWEST || y.len() < FEWEST {
            return None;
        }
        let of_data = distances(&y, &y);
        let whole = mean_within(&of_data, &(0..y.len()).collect::<Vec<_>>());
        let unit = whole * y.len() as f64 / (y.len() - 1) as f64;
        if unit.is_nan() || unit <= 0.0 {
            return None;
        }
        let statistic = |a: usize, b: usize, energy: f64| (a * b) as f64 / (a + b) as f64 * energy / unit;
        let mean = |d: &[Vec<f64>]| d.iter().flatten().sum::<f64>() / (d.len() * d[0].len()) as f64;
        let energy = 2.0 * mean(&distances(&x, &y)) - mean(&distances(&x, &x)) - whole;
        let mut rng = Generator::from_seed(seed);
        let halves = (0..HALVINGS).map(|_| {
            let order = rng.shuffled(y.len());
            let (a, b) = order.split_at(y.len() / 2);
            let across = a.iter().map(|&i| b.iter().map(|&j| of_data[i][j]).sum::<f64>()).sum::<f64>();
            let across = across / (a.len() * b.len()) as f64;
            let energy = 2.0 * across - mean_within(&of_data, a) - mean_within(&of_data, b);
            statistic(a.len(), b.len(), energy)
        });
        Some(Self { model: statistic(x.len(), y.len(), energy), halves: halves.fold(0.0, f64::max) })
    }

    /// Whether the samples differ from the data by more than twice what halves of the data differ by.
    pub fn is_unlike(&self) -> bool {
        self.model > Self::FACTOR * self.halves
    }
}

/// A point in a Euclidean space, where distances give a metric of negative type.
fn embedded(manifold: &AnyManifold, deviations: &[f64], y: &[f64]) -> Vec<f64> {
    let (mut out, mut at) = (Vec::with_capacity(2 * y.len()), 0);
    for block in manifold.coordinates() {
        let of = at..at + block.len();
        match block {
            Coordinates::Angles(_) => out.extend(y[of.clone()].iter().flat_map(|a| [a.cos(), a.sin()])),
            Coordinates::Reals(_) | Coordinates::Context(_) => {
                out.extend(of.clone().map(|c| y[c] / deviations[c]))
            }
            _ => out.extend(&y[of.clone()]),
        }
        at = of.end;
    }
    out
}

fn distances(x: &[Vec<f64>], y: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let distance = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
    x.iter().map(|a| y.iter().map(|b| distance(a, b)).collect()).collect()
}

/// Mean distance of two of the points, the same one twice included.
fn mean_within(distances: &[Vec<f64>], points: &[usize]) -> f64 {
    let sum: f64 = points.iter().map(|&i| points.iter().map(|&j| distances[i][j]).sum::<f64>()).sum();
    sum / (points.len() * points.len()) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::points::{Sequence, Spread, base_points};

    fn draw(manifold: &AnyManifold, count: usize, seed: u64) -> Vec<f64> {
        let sequence = Sequence::new(Spread::Random, count, manifold.cube_dim());
        base_points(manifold, &sequence, &mut Generator::from_seed(seed))
    }

    #[test]
    fn samples_of_one_law_are_alike_and_a_missing_mode_is_not() {
        for name in ["T1", "S2", "R2", "R1xT1"] {
            let manifold: AnyManifold = name.parse().unwrap();
            let n = manifold.ambient();
            let mut means = 0.0;
            for seed in 0..10 {
                let (x, mut y) = (draw(&manifold, 400, seed), draw(&manifold, 400, 100 + seed));
                let alike = Likeness::new(&manifold, &x, &y, seed).unwrap();
                assert!(!alike.is_unlike(), "{name}, seed {seed}: {alike:?}");
                means += alike.model / 10.0;
                // Half of the data elsewhere.
                for y in y.chunks_exact_mut(n).step_by(2) {
                    y.copy_from_slice(&x[..n]);
                }
                let unlike = Likeness::new(&manifold, &x, &y, seed).unwrap();
                assert!(unlike.is_unlike(), "{name}, seed {seed}: {unlike:?}");
            }
            assert!((0.4..2.0).contains(&means), "{name}: {means}");
        }
    }

    #[test]
    fn few_points_or_one_point_many_times_have_no_likeness() {
        let manifold: AnyManifold = "T1".parse().unwrap();
        assert_eq!(Likeness::new(&manifold, &[0.1; 7], &[0.1, 0.2, 0.3], 0), None);
        assert_eq!(Likeness::new(&manifold, &draw(&manifold, 50, 0), &[1.0; 50], 0), None);
    }
}
