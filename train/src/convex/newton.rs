//! Newton's method on the penalised likelihood of one linear layer.
//!
//! `J(a) = −Σ w f(Z a) − μ Σ v f(Z a) + ½ λ aᵀ P a` over data and barrier points is convex on the open set where no
//! point folds, and infinite outside: its own barrier.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ircpm_flow::LinearMap;
use nalgebra::{DMatrix, DVector};

use super::cloud::{Cloud, Expansion};
use crate::least_squares::Cholesky;

/// The convex problem of one layer.
pub(super) struct Problem<'a> {
    pub map: Arc<dyn LinearMap>,
    /// Given points; weights sum to one.
    pub data: Cloud,
    /// Points where the map must not fold.
    pub barrier: Cloud,
    /// The penalty `P`, symmetric and positive semi-definite.
    pub penalty: DMatrix<f64>,
    /// Once set, no further step is taken.
    pub stop: &'a AtomicBool,
}

/// Weights of barrier and penalty.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Strength {
    /// Weight `μ` of the barrier.
    pub barrier: f64,
    /// Weight `λ` of the penalty.
    pub penalty: f64,
}

/// Share of the diagonal's largest entry that is added to it: far below what parameters could feel.
const RIDGE: f64 = 1e-12;

impl Problem<'_> {
    /// `J(a)`, given local coordinates of data and barrier.
    fn objective(&self, strength: Strength, a: &DVector<f64>, z: &[DVector<f64>; 2]) -> f64 {
        let bent = 0.5 * strength.penalty * a.dot(&(&self.penalty * a));
        let barrier = self.barrier.value(&*self.map, &z[1]);
        if barrier == f64::NEG_INFINITY {
            return f64::INFINITY;
        }
        bent - self.data.value(&*self.map, &z[0]) - strength.barrier * barrier
    }

    fn coordinates(&self, a: &DVector<f64>) -> [DVector<f64>; 2] {
        [self.data.coordinates(a), self.barrier.coordinates(a)]
    }

    /// Whether all points have a density.
    pub(super) fn is_feasible(&self, a: &DVector<f64>) -> bool {
        self.objective(Strength { barrier: 1.0, penalty: 0.0 }, a, &self.coordinates(a)).is_finite()
    }

    /// Gradient of `J`, and its Hessian's factor.
    fn derivatives(
        &mut self,
        strength: Strength,
        a: &DVector<f64>,
        [data, barrier]: [&Expansion; 2],
    ) -> (DVector<f64>, DMatrix<f64>) {
        let gradient = strength.penalty * (&self.penalty * a)
            - self.data.transposed_times(&data.gradient)
            - strength.barrier * self.barrier.transposed_times(&barrier.gradient);
        let mut hessian = self.barrier.curvature(barrier);
        hessian *= strength.barrier;
        hessian += self.data.curvature(data);
        hessian += strength.penalty * &self.penalty;
        let ridge = RIDGE * hessian.diagonal().max();
        (0..a.len()).for_each(|k| hessian[(k, k)] += ridge);
        (gradient, hessian)
    }

    /// Minimises `J` from a feasible point until half the squared Newton decrement, which estimates what is left, is
    /// below `tolerance` nats.
    pub(super) fn minimise(
        &mut self,
        strength: Strength,
        start: DVector<f64>,
        tolerance: f64,
        most: usize,
    ) -> DVector<f64> {
        let mut a = start;
        let mut z = self.coordinates(&a);
        let mut value = self.objective(strength, &a, &z);
        for _ in 0..most {
            if self.stop.load(Ordering::Relaxed) {
                break;
            }
            let expansions = [self.data.expand(&*self.map, &z[0]), self.barrier.expand(&*self.map, &z[1])];
            let (gradient, hessian) = self.derivatives(strength, &a, expansions.each_ref());
            let Some(factor) = Cholesky::new(&hessian, 0.0) else { return a };
            let direction = -factor.solve(gradient.clone());
            let slope = gradient.dot(&direction);
            if slope.is_nan() || -0.5 * slope <= tolerance {
                return a;
            }
            let along = self.coordinates(&direction);
            let mut length = 1.0;
            loop {
                let trial_a = &a + length * &direction;
                let trial_z = [0, 1].map(|i| &z[i] + length * &along[i]);
                let trial = self.objective(strength, &trial_a, &trial_z);
                // Armijo's condition; a fold makes the objective infinite.
                if trial <= value + 1e-4 * length * slope {
                    (a, z, value) = (trial_a, trial_z, trial);
                    break;
                }
                length *= 0.5;
                if length < 1e-9 {
                    return a;
                }
            }
        }
        a
    }
}
