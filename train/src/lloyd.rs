//! One round of Lloyd's algorithm: points to their nearest centres, centres to the means of their points.

use rayon::prelude::*;

use crate::weights::Weights;

/// Square of the Euclidean distance.
pub(crate) fn square_distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}

/// The nearest centre of each point, the first of equals. Points and centres are `[row][number]`, `width` numbers each.
pub(crate) fn assign(points: &[f64], width: usize, centres: &[f64]) -> Vec<usize> {
    let nearest = |point: &[f64]| {
        let (mut best, mut least) = (0, f64::INFINITY);
        for (k, centre) in centres.chunks_exact(width).enumerate() {
            let distance = square_distance(point, centre);
            if distance < least {
                (best, least) = (k, distance);
            }
        }
        best
    };
    points.par_chunks_exact(width).map(nearest).collect()
}

/// Moves each centre to the weighted mean of its cluster; one without points stays.
pub(crate) fn update(
    points: &[f64],
    weights: &Weights,
    width: usize,
    clusters: &[usize],
    centres: &mut [f64],
) {
    let count = centres.len() / width;
    let (mut sums, mut sizes) = (vec![0.0; centres.len()], vec![0.0; count]);
    for (row, (point, &k)) in points.chunks_exact(width).zip(clusters).enumerate() {
        let weight = weights.of(row);
        sizes[k] += weight;
        sums[k * width..(k + 1) * width].iter_mut().zip(point).for_each(|(sum, x)| *sum += weight * x);
    }
    let clusters = centres.chunks_exact_mut(width).zip(sums.chunks_exact(width)).zip(sizes);
    for ((centre, sum), size) in clusters.filter(|(_, size)| *size > 0.0) {
        centre.iter_mut().zip(sum).for_each(|(centre, sum)| *centre = sum / size);
    }
}
