//! Centres of bumps: k-means of points, and widths from the distances between centres.

use ircpm_manifolds::{AnyManifold, Coordinates};

use crate::lloyd::{assign, square_distance, update};
use crate::points::Generator;
use crate::weights::{Sample, Weights};

const ITERATIONS: usize = 12;
/// Neighbours whose mean squared distance gives the width of a bump.
const NEIGHBOURS: usize = 3;
/// Concentrations of bumps.
const RANGE: [f64; 2] = [0.5, 5e4];

/// A point in Euclidean space: angles as points of the circle.
pub(super) fn embed(kinds: &[Coordinates], point: &[f64], out: &mut Vec<f64>) {
    let mut c = 0;
    for kind in kinds {
        for &x in &point[c..c + kind.len()] {
            match kind {
                Coordinates::Angles(_) => out.extend([x.cos(), x.sin()]),
                _ => out.push(x),
            }
        }
        c += kind.len();
    }
}

/// The point whose embedding is nearest to a mean of embeddings.
fn project(kinds: &[Coordinates], mean: &[f64], out: &mut Vec<f64>) {
    let mut e = 0;
    for kind in kinds {
        match kind {
            Coordinates::Angles(n) => {
                out.extend(
                    (0..*n).map(|i| {
                        mean[e + 2 * i + 1].atan2(mean[e + 2 * i]).rem_euclid(std::f64::consts::TAU)
                    }),
                );
                e += 2 * n;
            }
            Coordinates::UnitVector(n) => {
                let norm = mean[e..e + n].iter().map(|x| x * x).sum::<f64>().sqrt();
                out.extend(mean[e..e + n].iter().map(|x| x / norm));
                e += n;
            }
            _ => {
                out.extend(&mean[e..e + kind.len()]);
                e += kind.len();
            }
        }
    }
}

/// At most `count` centres of a sample, by Lloyd's algorithm from random points; `[centre][coordinate]`.
pub(super) fn k_means(
    manifold: &AnyManifold,
    sample: &Sample,
    count: usize,
    rng: &mut Generator,
) -> Vec<f64> {
    let Sample { points, weights } = sample;
    let (kinds, n) = (manifold.coordinates(), manifold.ambient());
    let mut embedded = Vec::new();
    points.chunks_exact(n).for_each(|point| embed(&kinds, point, &mut embedded));
    let samples = points.len() / n;
    if samples == 0 {
        return vec![];
    }
    let width = embedded.len() / samples.max(1);
    let count = count.min(samples);
    let at = |i: usize| &embedded[i * width..(i + 1) * width];
    let mut means: Vec<f64> =
        draw(samples, weights, count, rng).into_iter().flat_map(|i| at(i).to_vec()).collect();
    for _ in 0..ITERATIONS {
        let clusters = assign(&embedded, width, &means);
        update(&embedded, weights, width, &clusters, &mut means);
    }
    let mut centres = Vec::with_capacity(count * n);
    means.chunks_exact(width.max(1)).for_each(|mean| project(&kinds, mean, &mut centres));
    centres
}

/// `count` of so many rows, drawn without replacement in proportion to their weights.
fn draw(rows: usize, weights: &Weights, count: usize, rng: &mut Generator) -> Vec<usize> {
    let mut order: Vec<usize> = (0..rows).collect();
    if let Some(weights) = weights.as_slice() {
        // The earliest of exponential times at the rates of the weights (Efraimidis & Spirakis 2006).
        let uniform = |bits: u64| ((bits >> 11) + 1) as f64 * 2f64.powi(-53);
        let times: Vec<f64> = weights.iter().map(|weight| -uniform(rng.next_u64()).ln() / weight).collect();
        order.sort_by(|&i, &j| times[i].total_cmp(&times[j]));
    } else {
        // Fisher & Yates.
        (0..count).for_each(|i| order.swap(i, i + rng.below(rows - i)));
    }
    order.truncate(count);
    order
}

/// A concentration for every centre: the width of its bump is `coverage` times the distance to its neighbours.
pub(super) fn concentrations(manifold: &AnyManifold, centres: &[f64], coverage: f64) -> Vec<f64> {
    let (kinds, n) = (manifold.coordinates(), manifold.ambient());
    let embedded: Vec<Vec<f64>> = centres
        .chunks_exact(n)
        .map(|centre| {
            let mut out = Vec::new();
            embed(&kinds, centre, &mut out);
            out
        })
        .collect();
    let of = |i: usize| {
        let mut squares: Vec<f64> = (0..embedded.len())
            .filter(|&j| j != i)
            .map(|j| square_distance(&embedded[i], &embedded[j]))
            .collect();
        squares.sort_by(f64::total_cmp);
        squares.truncate(NEIGHBOURS);
        let mean = squares.iter().sum::<f64>() / squares.len() as f64;
        let kappa = (coverage * coverage * mean).recip();
        if kappa.is_nan() { RANGE[0] } else { kappa.clamp(RANGE[0], RANGE[1]) }
    };
    (0..embedded.len()).map(of).collect()
}
