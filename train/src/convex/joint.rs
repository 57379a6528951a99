//! All layers together: the natural gradient of the likelihood, each layer under its own barrier.
//!
//! The objective is `−mean log q(data) − μ Σₗ Σ v fₗ + ½ Σₗ λₗ aₗᵀ Pₗ aₗ`, with `fₗ` the log-density of layer `l` alone at
//! barrier points of its own space. It is finite where no layer folds at any of the points. Its Hessian is replaced by
//! second moments of exact scores, of the data (the Fisher matrix, Amari 1998) and of the barrier points.

use ircpm_flow::{Flow, Jacobian};
use nalgebra::{DMatrix, DVector};

use crate::least_squares::{Cholesky, JacobianRows, block_sparse_gram};
use crate::weights::Sample;

/// Floor under eigenvalues where scores are taken: steps that come near it are refused anyway.
const FLOOR: f64 = 1e-9;
/// Share of the mean of the Hessian's diagonal that is added to it.
const RIDGE: f64 = 1e-7;

/// One layer with its barrier and penalty.
#[derive(Clone)]
pub(super) struct LayerBarrier {
    /// The layer alone.
    pub flow: Flow,
    /// Points of the layer's own space, `[point][coordinate]`.
    pub points: Vec<f64>,
    pub weights: Vec<f64>,
    /// `λ P`.
    pub penalty: DMatrix<f64>,
}

/// The problem of all layers.
pub(super) struct Joint<'a> {
    pub flow: &'a Flow,
    pub data: &'a Sample,
    /// Layers in the order of the flow's parameters.
    pub layers: &'a [&'a LayerBarrier],
    /// Weight `μ` of the barriers.
    pub barrier: f64,
}

impl Joint<'_> {
    /// The objective; infinite where a layer folds at a point.
    pub(super) fn objective(&self, theta: &[f64]) -> f64 {
        let mut sum = -self.data.weights.mean(&self.flow.log_prob(theta, &self.data.points));
        for (l, layer) in self.layers.iter().enumerate() {
            let a = &theta[self.flow.slot(l)];
            let log_q = layer.flow.log_prob(a, &layer.points);
            sum -= self.barrier * log_q.iter().zip(&layer.weights).map(|(l, w)| l * w).sum::<f64>();
            let a = DVector::from_column_slice(a);
            sum += 0.5 * a.dot(&(&layer.penalty * &a));
        }
        if sum.is_nan() { f64::INFINITY } else { sum }
    }

    /// Gradient of the objective and the matrix that stands for its Hessian.
    fn derivatives(&self, theta: &[f64], memory: &mut Jacobian) -> (DVector<f64>, DMatrix<f64>) {
        let Sample { points, weights } = self.data;
        let shares = weights.shares(points.len() / self.flow.manifold().ambient());
        let (mut gradient, mut hessian) = moments(self.flow, theta, points, &shares, memory);
        for (l, layer) in self.layers.iter().enumerate() {
            let slot = self.flow.slot(l);
            let weights: Vec<f64> = layer.weights.iter().map(|w| self.barrier * w).collect();
            let (slope, bent) = moments(&layer.flow, &theta[slot.clone()], &layer.points, &weights, memory);
            let mut part = hessian.view_range_mut(slot.clone(), slot.clone());
            part += bent;
            let mut into = gradient.rows_range_mut(slot.clone());
            into += slope;
            part += &layer.penalty;
            into += &layer.penalty * DVector::from_column_slice(&theta[slot]);
        }
        (gradient, hessian)
    }

    /// One step of the natural gradient, at most `length` of it: the new objective and the length of the step, or none if no
    /// step along it is better.
    pub(super) fn step(
        &self,
        theta: &mut Vec<f64>,
        value: f64,
        mut length: f64,
        memory: &mut Jacobian,
    ) -> Option<(f64, f64)> {
        let (gradient, hessian) = self.derivatives(theta, memory);
        let ridge = RIDGE * hessian.diagonal().mean();
        let direction = -Cholesky::new(&hessian, ridge)?.solve(gradient.clone());
        let slope = gradient.dot(&direction);
        while length > 1e-4 {
            let trial: Vec<f64> = theta.iter().zip(&direction).map(|(t, d)| t + length * d).collect();
            let found = self.objective(&trial);
            if found.is_finite() && found <= value + 1e-4 * length * slope {
                *theta = trial;
                return Some((found, length));
            }
            length *= 0.5;
        }
        None
    }
}

/// Gradient of `−Σ w log q` and `Σ w s sᵀ` with the scores `s`.
fn moments(
    flow: &Flow,
    theta: &[f64],
    points: &[f64],
    weights: &[f64],
    memory: &mut Jacobian,
) -> (DVector<f64>, DMatrix<f64>) {
    let roots: Vec<f64> = weights.iter().map(|w| w.sqrt()).collect();
    flow.jacobian(theta, points, &roots, FLOOR, memory);
    let rows = JacobianRows::stored(memory);
    (-rows.transposed_times(&DVector::from_vec(roots)), block_sparse_gram(memory))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ircpm_flow::{Map, Solver, Terms, linear_map};
    use ircpm_manifolds::AnyManifold;

    use super::*;
    use crate::points::{Generator, Sequence, Spread, base_points};
    use crate::weights::Weights;

    #[test]
    fn integer_weights_are_repeated_points() {
        let manifold: AnyManifold = "T2".parse().expect("a torus");
        let map = |order: i32| {
            let waves = [[order, 0], [0, 1], [1, 1]].map(|wave| wave.to_vec());
            linear_map(&manifold, Terms::new(&manifold).waves(&waves), Solver::default()).expect("kernels")
        };
        let maps = [map(1), map(2)].map(|map| map as Arc<dyn Map>);
        let flow = Flow::from_maps(maps.to_vec(), false).expect("a flow");
        let theta: Vec<f64> = (0..flow.parameters()).map(|k| 0.1 * (k as f64).sin()).collect();
        let sequence = Sequence::new(Spread::Random, 90, 2);
        let points = base_points(&manifold, &sequence, &mut Generator::from_seed(9));
        let counts: Vec<usize> = (0..90).map(|i| 1 + i * i % 4).collect();
        let rows = points.chunks_exact(2).zip(&counts);
        let repeated: Vec<f64> = rows.flat_map(|(point, &count)| point.repeat(count)).collect();
        let weights = Weights::raw(counts.iter().map(|&count| count as f64).collect());
        let barriers: Vec<LayerBarrier> = maps
            .iter()
            .map(|map| LayerBarrier {
                flow: Flow::from_maps(vec![map.clone()], false).expect("a layer"),
                points: points[..40].to_vec(),
                weights: vec![0.05; 20],
                penalty: DMatrix::identity(map.parameters(), map.parameters()),
            })
            .collect();
        let layers: Vec<&LayerBarrier> = barriers.iter().collect();
        let samples = [Sample { points, weights }, Sample { points: repeated, weights: Weights::default() }];
        let [found, expected] = samples.map(|data| {
            let joint = Joint { flow: &flow, data: &data, layers: &layers, barrier: 0.1 };
            let mut memory = Jacobian::default();
            let (gradient, hessian) = joint.derivatives(&theta, &mut memory);
            let (mut moved, value) = (theta.clone(), joint.objective(&theta));
            let (after, _) = joint.step(&mut moved, value, 1.0, &mut memory).expect("a step downhill");
            (value, after, gradient, hessian, DVector::from_vec(moved))
        });
        assert!(found.0.is_finite() && (found.0 - expected.0).abs() < 1e-13, "{} {}", found.0, expected.0);
        assert!(found.1 < found.0 && (found.1 - expected.1).abs() < 1e-12, "{} {}", found.1, expected.1);
        assert!((&found.2 - &expected.2).amax() < 1e-13);
        assert!((&found.3 - &expected.3).amax() < 1e-12 * found.3.amax());
        assert!((&found.4 - &expected.4).amax() < 1e-10);
    }
}
