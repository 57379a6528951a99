//! Whether a model's samples look like the data: energy distances.

use ircpm_manifolds::{AnyManifold, Coordinates};

use super::kernels::deviation;
use crate::points::Generator;
use crate::weights::{Sample, Weights};

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
/// their number. Weights of the data make every mean over them a weighted one, and `m` their effective number.
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

    /// Compares samples of a model with the data, `[point][coordinate]`; none for fewer than eight points of a kind, by
    /// their effective number, or if all points of the data are the same.
    pub(super) fn new(manifold: &AnyManifold, samples: &[f64], data: &Sample, seed: u64) -> Option<Self> {
        let n = manifold.ambient();
        let deviations: Vec<f64> = (0..n).map(|c| deviation(&data.points, &data.weights, n, c)).collect();
        let embed = |y: &[f64]| -> Vec<Vec<f64>> {
            let chosen = evenly(y.len() / n).into_iter();
            chosen.map(|i| embedded(manifold, &deviations, &y[i * n..][..n])).collect()
        };
        let (x, y) = (embed(samples), embed(&data.points));
        let weights = data.weights.at(&evenly(data.points.len() / n));
        if x.len() < FEWEST || weights.effective(y.len()) < FEWEST as f64 {
            return None;
        }
        let of_data = distances(&y, &y);
        let all = Group::new((0..y.len()).collect(), &weights);
        let whole = all.mean_to(&all, &of_data);
        let unit = whole * all.effective / (all.effective - 1.0);
        if unit.is_nan() || unit <= 0.0 {
            return None;
        }
        let statistic = |a: f64, b: f64, energy: f64| a * b / (a + b) * energy / unit;
        let mean = |d: &[Vec<f64>], weights: &Weights| {
            let of_row = |row: &Vec<f64>| row.iter().enumerate().map(|(j, d)| weights.of(j) * d).collect();
            d.iter().flat_map::<Vec<f64>, _>(of_row).sum::<f64>()
                / (d.len() as f64 * weights.total(d[0].len()))
        };
        let of_model = mean(&distances(&x, &x), &Weights::default());
        let energy = 2.0 * mean(&distances(&x, &y), &weights) - of_model - whole;
        let mut rng = Generator::from_seed(seed);
        let halves = (0..HALVINGS).map(|_| {
            let order = rng.shuffled(y.len());
            let (a, b) = order.split_at(y.len() / 2);
            let [a, b] = [a, b].map(|half| Group::new(half.to_vec(), &weights));
            let within = [&a, &b].map(|half| half.mean_to(half, &of_data));
            let energy = 2.0 * a.mean_to(&b, &of_data) - within[0] - within[1];
            statistic(a.effective, b.effective, energy)
        });
        let model = statistic(x.len() as f64, all.effective, energy);
        Some(Self { model, halves: halves.fold(0.0, f64::max) })
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
                out.extend(of.clone().map(|c| y[c] / deviations[c]));
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

/// All of so many points, or [`MOST`] of them, evenly from the first to the last.
fn evenly(count: usize) -> Vec<usize> {
    let most = count.min(MOST);
    (0..most).map(|i| i * count / most).collect()
}

/// Some of the points, with their weights.
struct Group {
    points: Vec<usize>,
    weights: Weights,
    /// Effective number of points.
    effective: f64,
}

impl Group {
    fn new(points: Vec<usize>, weights: &Weights) -> Self {
        let weights = weights.at(&points);
        Self { effective: weights.effective(points.len()), points, weights }
    }

    /// Mean distance of a point of this group and one of another, a point to itself included.
    fn mean_to(&self, other: &Self, distances: &[Vec<f64>]) -> f64 {
        let weight = |(k, &j): (usize, &usize)| (other.weights.of(k), j);
        let of = |i: usize| {
            other.points.iter().enumerate().map(weight).map(|(w, j)| w * distances[i][j]).sum::<f64>()
        };
        let sum: f64 = self.points.iter().enumerate().map(|(k, &i)| self.weights.of(k) * of(i)).sum();
        sum / (self.weights.total(self.points.len()) * other.weights.total(other.points.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::points::{Sequence, Spread, base_points};

    fn draw(manifold: &AnyManifold, count: usize, seed: u64) -> Vec<f64> {
        let sequence = Sequence::new(Spread::Random, count, manifold.cube_dim());
        base_points(manifold, &sequence, &mut Generator::from_seed(seed))
    }

    fn likeness(manifold: &AnyManifold, samples: &[f64], data: &[f64], seed: u64) -> Option<Likeness> {
        Likeness::new(manifold, samples, &Sample::new(data.into(), manifold.ambient()), seed)
    }

    #[test]
    fn weights_make_uniform_points_alike_to_samples_of_the_law_that_they_are_of() {
        // Angles of the density (1 + cos θ)/2π: uniform ones with these weights, and others that are accepted by them.
        let manifold: AnyManifold = "T1".parse().unwrap();
        let mut mean = 0.0;
        for seed in 0..10 {
            let y = draw(&manifold, 600, seed);
            let weights: Vec<f64> = y.iter().map(|angle| 1.0 + angle.cos()).collect();
            let mut rng = Generator::from_seed(1000 + seed);
            let mut accepted = draw(&manifold, 2000, 500 + seed);
            accepted.retain(|angle| rng.below(1 << 20) as f64 * 2f64.powi(-19) < 1.0 + angle.cos());
            let data = Sample::new(crate::WeightedPoints::new(&y, &weights).unwrap(), 1);
            let alike = Likeness::new(&manifold, &accepted, &data, seed).unwrap();
            assert!(!alike.is_unlike(), "seed {seed}: {alike:?}");
            let uniform = Likeness::new(&manifold, &draw(&manifold, 900, 700 + seed), &data, seed).unwrap();
            assert!(uniform.is_unlike(), "seed {seed}: {uniform:?}");
            mean += alike.model / 10.0;
        }
        assert!((0.4..2.0).contains(&mean), "{mean}");
    }

    #[test]
    fn samples_of_one_law_are_alike_and_a_missing_mode_is_not() {
        for name in ["T1", "S2", "R2", "R1xT1"] {
            let manifold: AnyManifold = name.parse().unwrap();
            let n = manifold.ambient();
            let mut means = 0.0;
            for seed in 0..10 {
                let (x, mut y) = (draw(&manifold, 400, seed), draw(&manifold, 400, 100 + seed));
                let alike = likeness(&manifold, &x, &y, seed).unwrap();
                assert!(!alike.is_unlike(), "{name}, seed {seed}: {alike:?}");
                means += alike.model / 10.0;
                // Half of the data elsewhere.
                for y in y.chunks_exact_mut(n).step_by(2) {
                    y.copy_from_slice(&x[..n]);
                }
                let unlike = likeness(&manifold, &x, &y, seed).unwrap();
                assert!(unlike.is_unlike(), "{name}, seed {seed}: {unlike:?}");
            }
            assert!((0.4..2.0).contains(&means), "{name}: {means}");
        }
    }

    #[test]
    fn few_points_or_one_point_many_times_have_no_likeness() {
        let manifold: AnyManifold = "T1".parse().unwrap();
        assert_eq!(likeness(&manifold, &[0.1; 7], &[0.1, 0.2, 0.3], 0), None);
        assert_eq!(likeness(&manifold, &draw(&manifold, 50, 0), &[1.0; 50], 0), None);
    }
}
