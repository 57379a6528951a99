//! All layers together: the natural gradient of the likelihood, each layer under its own barrier.
//!
//! The objective is `−mean log q(data) − μ Σₗ Σ v fₗ + ½ Σₗ λₗ aₗᵀ Pₗ aₗ`, with `fₗ` the log-density of layer `l` alone at
//! barrier points of its own space. It is finite where no layer folds at any of the points. Its Hessian is replaced by
//! second moments of exact scores, of the data (the Fisher matrix, Amari 1998) and of the barrier points.

use ircpm_flow::{Flow, Jacobian};
use nalgebra::{DMatrix, DVector};

use crate::estimate::mean;
use crate::least_squares::{Cholesky, JacobianRows, parameter_gram};

/// Floor under eigenvalues where scores are taken: steps that come near it are refused anyway.
const FLOOR: f64 = 1e-9;
/// Share of the mean of the Hessian's diagonal that is added to it.
const RIDGE: f64 = 1e-7;

/// One layer with its barrier and penalty.
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
    pub data: &'a [f64],
    /// Layers in the order of the flow's parameters.
    pub layers: &'a [&'a LayerBarrier],
    /// Weight `μ` of the barriers.
    pub barrier: f64,
}

impl Joint<'_> {
    /// The objective; infinite where a layer folds at a point.
    pub(super) fn objective(&self, theta: &[f64]) -> f64 {
        let mut sum = -mean(self.flow.log_prob(theta, self.data).into_iter());
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
        let count = self.data.len() / self.flow.manifold().ambient();
        let weights = vec![(count as f64).recip(); count];
        let (mut gradient, mut hessian) = moments(self.flow, theta, self.data, &weights, memory);
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

    /// One step of the natural gradient: the new objective, or none if no step along it is better.
    pub(super) fn step(&self, theta: &mut Vec<f64>, value: f64, memory: &mut Jacobian) -> Option<f64> {
        let (gradient, hessian) = self.derivatives(theta, memory);
        let ridge = RIDGE * hessian.diagonal().mean();
        let direction = -Cholesky::new(&hessian, ridge)?.solve(gradient.clone());
        let slope = gradient.dot(&direction);
        let mut length = 1.0;
        while length > 1e-4 {
            let trial: Vec<f64> = theta.iter().zip(&direction).map(|(t, d)| t + length * d).collect();
            let found = self.objective(&trial);
            if found <= value + 1e-4 * length * slope {
                *theta = trial;
                return Some(found);
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
    (-rows.transposed_times(&DVector::from_vec(roots)), parameter_gram(&rows))
}
