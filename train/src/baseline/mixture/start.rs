//! Starts of a mixture: seeds that are far from each other, and their clusters.

use crate::lloyd::{assign, square_distance, update};
use crate::points::Generator;
use crate::weights::{Sample, Weights};

/// Rounds of Lloyd's algorithm after the seeding.
const ROUNDS: usize = 5;

/// The cluster of each point, from k-means++ (Arthur & Vassilvitskii 2007) and some rounds of Lloyd's algorithm, for
/// points `[row][number]` with weights.
pub(super) fn clusters(sample: &Sample, width: usize, count: usize, generator: &mut Generator) -> Vec<usize> {
    let Sample { points: embedded, weights } = sample;
    let rows = embedded.len() / width;
    let point = |row: usize| &embedded[row * width..(row + 1) * width];
    let first = match weights.as_slice() {
        None => generator.below(rows),
        Some(weights) => draw(weights, generator),
    };
    let mut centres = point(first).to_vec();
    let mut nearest: Vec<f64> = (0..rows).map(|row| square_distance(point(row), &centres)).collect();
    for _ in 1..count {
        let row = draw(&weighted(&nearest, weights), generator);
        for (i, nearest) in nearest.iter_mut().enumerate() {
            *nearest = nearest.min(square_distance(point(i), point(row)));
        }
        centres.extend(point(row));
    }
    let mut clusters = assign(embedded, width, &centres);
    for _ in 0..ROUNDS {
        update(embedded, weights, width, &clusters, &mut centres);
        clusters = assign(embedded, width, &centres);
    }
    clusters
}

/// Numbers times the weights of their rows.
fn weighted(numbers: &[f64], weights: &Weights) -> Vec<f64> {
    numbers.iter().enumerate().map(|(row, number)| weights.of(row) * number).collect()
}

/// A row drawn with a probability proportional to its weight; any row if all weights are zero.
fn draw(weights: &[f64], generator: &mut Generator) -> usize {
    let total: f64 = weights.iter().sum();
    let uniform = generator.uniform();
    if !(total > 0.0 && total.is_finite()) {
        return generator.below(weights.len());
    }
    let mut left = uniform * total;
    for (row, weight) in weights.iter().enumerate() {
        left -= weight;
        if left < 0.0 {
            return row;
        }
    }
    weights.len() - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separate_groups_become_clusters() {
        // Four groups of 25 points on a line, at 0, 10, 20, 30.
        let points: Vec<f64> =
            (0..100).map(|i| f64::from(i / 25) * 10.0 + f64::from(i % 25) * 0.01).collect();
        for seed in 0..20 {
            let sample = Sample { points: points.clone(), weights: Weights::default() };
            let clusters = clusters(&sample, 1, 4, &mut Generator::from_seed(seed));
            let names: Vec<usize> = clusters.chunks(25).map(|group| group[0]).collect();
            for (group, name) in clusters.chunks(25).zip(&names) {
                assert!(group.iter().all(|cluster| cluster == name), "seed {seed}: {clusters:?}");
            }
            let mut sorted = names.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, [0, 1, 2, 3], "seed {seed}");
        }
    }

    #[test]
    fn equal_points_are_no_trouble() {
        let sample = Sample { points: vec![1.0; 12], weights: Weights::default() };
        let clusters = clusters(&sample, 2, 3, &mut Generator::from_seed(1));
        assert_eq!(clusters, [0; 6]);
    }
}
