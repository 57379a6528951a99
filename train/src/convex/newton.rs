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

#[cfg(test)]
mod tests {
    use ircpm_flow::{Solver, Terms, linear_map};
    use ircpm_manifolds::AnyManifold;

    use super::*;
    use crate::points::{Generator, Sequence, Spread, base_points};

    /// A problem with some points on a manifold, and parameters at which nothing folds.
    fn problem<'a>(name: &str, stop: &'a AtomicBool) -> (Problem<'a>, DVector<f64>) {
        let manifold: AnyManifold = name.parse().expect("a manifold");
        let mut rng = Generator::from_seed(3);
        let mut draw = |count: usize| {
            base_points(&manifold, &Sequence::new(Spread::Random, count, manifold.cube_dim()), &mut rng)
        };
        let (data, barrier, centres) = (draw(300), draw(70), draw(5));
        let mut terms = Terms::new(&manifold).polynomials();
        for centre in centres.chunks_exact(manifold.ambient()) {
            terms = terms.bump(centre, 2.0);
        }
        let map = linear_map(&manifold, terms, Solver::default()).expect("kernels");
        let parameters = map.parameters();
        let problem = Problem {
            data: Cloud::new(&*map, &data, &vec![1.0 / 300.0; 300]),
            barrier: Cloud::new(&*map, &barrier, &vec![1.0 / 70.0; 70]),
            penalty: DMatrix::from_fn(
                parameters,
                parameters,
                |i, j| if i == j { 1.0 + i as f64 } else { 0.1 },
            ),
            map,
            stop,
        };
        (problem, DVector::from_fn(parameters, |k, _| 0.1 * (k as f64).sin()))
    }

    #[test]
    fn gradient_and_hessian_are_differences_of_the_objective() {
        let (stop, strength, h) = (AtomicBool::new(false), Strength { barrier: 0.3, penalty: 0.2 }, 1e-5);
        for name in ["T2", "S2", "R2", "S2xT1"] {
            let (mut problem, a) = problem(name, &stop);
            let mut derivatives = |a: &DVector<f64>| {
                let z = problem.coordinates(a);
                let map = problem.map.clone();
                let expansions = [problem.data.expand(&*map, &z[0]), problem.barrier.expand(&*map, &z[1])];
                let value = problem.objective(strength, a, &z);
                let (gradient, hessian) = problem.derivatives(strength, a, expansions.each_ref());
                (value, gradient, hessian)
            };
            let (value, gradient, hessian) = derivatives(&a);
            assert!(value.is_finite(), "{name}");
            for k in 0..a.len() {
                let mut moved = |t: f64| {
                    let mut moved = a.clone();
                    moved[k] += t;
                    derivatives(&moved)
                };
                let ((up, up_slope, _), (down, down_slope, _)) = (moved(h), moved(-h));
                let slope = (up - down) / (2.0 * h);
                assert!((slope - gradient[k]).abs() < 1e-7 * (1.0 + slope.abs()), "{name}, {k}: {slope}");
                for l in 0..a.len() {
                    // Only the lower triangle is written.
                    let (bent, expected) =
                        ((up_slope[l] - down_slope[l]) / (2.0 * h), hessian[(k.max(l), k.min(l))]);
                    assert!(
                        (bent - expected).abs() < 1e-6 * (1.0 + bent.abs()),
                        "{name}, {k} {l}: {bent}, {expected}"
                    );
                }
            }
        }
    }

    #[test]
    fn integer_weights_are_repeated_points() {
        let (stop, strength) = (AtomicBool::new(false), Strength { barrier: 0.3, penalty: 0.2 });
        for name in ["T2", "S2", "R2", "S2xT1"] {
            let (mut problem, a) = problem(name, &stop);
            let map = problem.map.clone();
            let manifold = map.manifold().clone();
            let sequence = Sequence::new(Spread::Random, 150, manifold.cube_dim());
            let points = base_points(&manifold, &sequence, &mut Generator::from_seed(6));
            let counts: Vec<usize> = (0..150).map(|i| 1 + i * i % 4).collect();
            let total: usize = counts.iter().sum();
            let rows = points.chunks_exact(manifold.ambient()).zip(&counts);
            let repeated: Vec<f64> = rows.flat_map(|(point, &count)| point.repeat(count)).collect();
            let shares: Vec<f64> = counts.iter().map(|&count| count as f64 / total as f64).collect();
            let clouds = [
                Cloud::new(&*map, &points, &shares),
                Cloud::new(&*map, &repeated, &vec![1.0 / total as f64; total]),
            ];
            let [(value, gradient, hessian), expected] = clouds.map(|cloud| {
                problem.data = cloud;
                let z = problem.coordinates(&a);
                let expansions = [problem.data.expand(&*map, &z[0]), problem.barrier.expand(&*map, &z[1])];
                let (gradient, hessian) = problem.derivatives(strength, &a, expansions.each_ref());
                (problem.objective(strength, &a, &z), gradient, hessian)
            });
            assert!((value - expected.0).abs() < 1e-13, "{name}: {value}, {}", expected.0);
            assert!((&gradient - &expected.1).amax() < 1e-12 * (1.0 + gradient.amax()), "{name}");
            let (found, expected) = (hessian.lower_triangle(), expected.2.lower_triangle());
            assert!((&found - &expected).amax() < 1e-12 * (1.0 + found.amax()), "{name}");
        }
    }

    #[test]
    fn minimum_is_where_the_gradient_vanishes() {
        let (stop, strength) = (AtomicBool::new(false), Strength { barrier: 0.1, penalty: 0.01 });
        let (mut problem, a) = problem("S2", &stop);
        let least = problem.minimise(strength, a.clone(), 1e-16, 50);
        let value = |a: &DVector<f64>| problem.objective(strength, a, &problem.coordinates(a));
        assert!(value(&least) < value(&a));
        for k in 0..a.len() {
            let mut moved = least.clone();
            moved[k] += 1e-3;
            let up = value(&moved);
            moved[k] -= 2e-3;
            assert!(up > value(&least) && value(&moved) > value(&least), "{k}");
        }
    }
}
