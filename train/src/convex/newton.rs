//! Newton's method, and conjugate gradients in the metric of its Hessians, on the penalised likelihood of one linear layer.
//!
//! `J(a) = −Σ w f(Z a) − μ Σ v f(Z a) + ½ λ aᵀ P a` over data and barrier points is convex on the open set where no
//! point folds, and infinite outside: its own barrier.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ircpm_flow::LinearMap;
use nalgebra::{DMatrix, DVector};

use super::cloud::{Cloud, Expansion};
use super::ray::lowest_on_ray;
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

/// Another step is taken with one factor while the last brought more than this share of what the first one did, because a
/// Hessian takes as long as several gradients.
const WORTH: f64 = 0.15;
/// Most steps with one factor.
const MOST_PER_HESSIAN: usize = 12;
/// Share of the tolerance below which a decrement in the metric of an earlier Hessian counts: away from the barrier the
/// Hessian falls, and what is left is more than an earlier one tells.
const CERTAIN: f64 = 0.1;

/// Parameters, and what follows from them.
struct Iterate {
    a: DVector<f64>,
    /// Local coordinates of data and barrier.
    z: [DVector<f64>; 2],
    value: f64,
}

/// A step that was taken.
struct Step {
    /// The gradient before it.
    gradient: DVector<f64>,
    direction: DVector<f64>,
    /// Square of the gradient's norm, in the metric of the factor.
    square: f64,
}

impl Step {
    /// The next direction of conjugate gradients (Polak & Ribière 1969) from the steepest one, where the gradient's norm has
    /// this `square`. A negative share of the last direction is set to zero, and where the sum would not go downhill it is
    /// the steepest direction itself.
    fn conjugate(&self, gradient: &DVector<f64>, square: f64, steepest: DVector<f64>) -> DVector<f64> {
        let share = (square + self.gradient.dot(&steepest)) / self.square;
        let direction = &steepest + share.max(0.0) * &self.direction;
        if gradient.dot(&direction) < 0.0 { direction } else { steepest }
    }
}

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

    fn at(&self, strength: Strength, a: DVector<f64>) -> Iterate {
        let z = self.coordinates(&a);
        Iterate { value: self.objective(strength, &a, &z), a, z }
    }

    /// Whether all points have a density.
    pub(super) fn is_feasible(&self, a: &DVector<f64>) -> bool {
        self.objective(Strength { barrier: 1.0, penalty: 0.0 }, a, &self.coordinates(a)).is_finite()
    }

    /// Log-densities of data and barrier to second order.
    fn expand(&self, z: &[DVector<f64>; 2]) -> [Expansion; 2] {
        [self.data.expand(&*self.map, &z[0]), self.barrier.expand(&*self.map, &z[1])]
    }

    /// Gradient of `J`.
    fn gradient(
        &self,
        strength: Strength,
        a: &DVector<f64>,
        [data, barrier]: &[Expansion; 2],
    ) -> DVector<f64> {
        strength.penalty * (&self.penalty * a)
            - self.data.transposed_times(&data.gradient)
            - strength.barrier * self.barrier.transposed_times(&barrier.gradient)
    }

    /// Hessian of `J` with a ridge; the lower triangle is written.
    fn hessian(&self, strength: Strength, [data, barrier]: &[Expansion; 2]) -> DMatrix<f64> {
        let mut hessian = self.barrier.curvature(barrier);
        hessian *= strength.barrier;
        hessian += self.data.curvature(data);
        hessian += strength.penalty * &self.penalty;
        let ridge = RIDGE * hessian.diagonal().max();
        (0..hessian.nrows()).for_each(|k| hessian[(k, k)] += ridge);
        hessian
    }

    /// Minimises `J` from a feasible point until half the squared Newton decrement, which estimates what is left, is
    /// below `tolerance` nats; at most `most` Hessians are taken.
    pub(super) fn minimise(
        &self,
        strength: Strength,
        start: DVector<f64>,
        tolerance: f64,
        most: usize,
    ) -> DVector<f64> {
        let mut now = self.at(strength, start);
        for _ in 0..most {
            if self.stop.load(Ordering::Relaxed) {
                break;
            }
            let expansions = self.expand(&now.z);
            let gradient = self.gradient(strength, &now.a, &expansions);
            let Some(factor) = Cholesky::new(&self.hessian(strength, &expansions), 0.0) else { break };
            if self.descend(strength, &factor, gradient, &mut now, tolerance) {
                break;
            }
        }
        now.a
    }

    /// Newton's step, and conjugate gradients in the metric of its Hessian while they are worth it. Returns whether no
    /// further Hessian is needed.
    fn descend(
        &self,
        strength: Strength,
        factor: &Cholesky,
        mut gradient: DVector<f64>,
        now: &mut Iterate,
        tolerance: f64,
    ) -> bool {
        let (mut last, mut first_gain) = (None::<Step>, None);
        for _ in 0..MOST_PER_HESSIAN {
            let steepest = -factor.solve(gradient.clone());
            let square = -gradient.dot(&steepest);
            let enough = if last.is_none() { tolerance } else { CERTAIN * tolerance };
            if square.is_nan() || 0.5 * square <= enough {
                return true;
            }
            let direction = match &last {
                Some(last) => last.conjugate(&gradient, square, steepest),
                None => steepest,
            };
            let Some(next) = self.search(strength, now, &direction, gradient.dot(&direction)) else {
                return last.is_none();
            };
            let gain = now.value - next.value;
            *now = next;
            let is_worth = gain > WORTH * *first_gain.get_or_insert(gain);
            if !is_worth || self.stop.load(Ordering::Relaxed) {
                return false;
            }
            last = Some(Step { gradient, direction, square });
            gradient = self.gradient(strength, &now.a, &self.expand(&now.z));
        }
        false
    }

    /// The lowest point on a ray; see [`lowest_on_ray`]. Local coordinates are linear in the parameters, so that a trial costs
    /// little.
    fn search(
        &self,
        strength: Strength,
        from: &Iterate,
        direction: &DVector<f64>,
        slope: f64,
    ) -> Option<Iterate> {
        let along = self.coordinates(direction);
        let at = |length: f64| {
            let a = &from.a + length * direction;
            let z = [0, 1].map(|i| &from.z[i] + length * &along[i]);
            Iterate { value: self.objective(strength, &a, &z), a, z }
        };
        lowest_on_ray(from.value, slope, at, |there| there.value)
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
            let (problem, a) = problem(name, &stop);
            let derivatives = |a: &DVector<f64>| {
                let z = problem.coordinates(a);
                let expansions = problem.expand(&z);
                let value = problem.objective(strength, a, &z);
                (value, problem.gradient(strength, a, &expansions), problem.hessian(strength, &expansions))
            };
            let (value, gradient, hessian) = derivatives(&a);
            assert!(value.is_finite(), "{name}");
            for k in 0..a.len() {
                let moved = |t: f64| {
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
                let expansions = problem.expand(&z);
                let (gradient, hessian) =
                    (problem.gradient(strength, &a, &expansions), problem.hessian(strength, &expansions));
                (problem.objective(strength, &a, &z), gradient, hessian)
            });
            assert!((value - expected.0).abs() < 1e-13, "{name}: {value}, {}", expected.0);
            assert!((&gradient - &expected.1).amax() < 1e-12 * (1.0 + gradient.amax()), "{name}");
            let (found, expected) = (hessian.lower_triangle(), expected.2.lower_triangle());
            assert!((&found - &expected).amax() < 1e-12 * (1.0 + found.amax()), "{name}");
        }
    }

    /// Gradient of the objective and Newton's step.
    fn newton_step(problem: &Problem<'_>, strength: Strength, from: &Iterate) -> [DVector<f64>; 2] {
        let expansions = problem.expand(&from.z);
        let gradient = problem.gradient(strength, &from.a, &expansions);
        let factor = Cholesky::new(&problem.hessian(strength, &expansions), 0.0).expect("definite");
        let step = -factor.solve(gradient.clone());
        [gradient, step]
    }

    #[test]
    fn search_ends_near_the_lowest_point_of_a_ray() {
        let (stop, strength) = (AtomicBool::new(false), Strength { barrier: 0.1, penalty: 0.01 });
        for name in ["T2", "S2", "R2"] {
            let (problem, a) = problem(name, &stop);
            let from = problem.at(strength, a);
            let [gradient, step] = newton_step(&problem, strength, &from);
            // Along these the lowest point is before, near and beyond one.
            for scale in [20.0, 3.0, 1.0, 0.7] {
                let direction = scale * &step;
                let found = problem.search(strength, &from, &direction, gradient.dot(&direction));
                let found = found.expect("a step downhill").value;
                let lengths = (0..=1000).map(|k| f64::from(k) * 2e-3);
                let along = lengths.map(|t| problem.at(strength, &from.a + t * &direction).value);
                let lowest = along.fold(f64::INFINITY, f64::min);
                assert!(found - lowest < 0.02 * (from.value - lowest), "{name}, {scale}: {found} {lowest}");
            }
        }
    }

    #[test]
    fn one_hessian_serves_for_several_steps() {
        let (stop, strength) = (AtomicBool::new(false), Strength { barrier: 0.1, penalty: 0.01 });
        let (problem, a) = problem("S2", &stop);
        let from = problem.at(strength, a);
        let [gradient, step] = newton_step(&problem, strength, &from);
        let newton = problem.search(strength, &from, &step, gradient.dot(&step)).expect("a step downhill");
        let several = problem.minimise(strength, from.a.clone(), 1e-16, 1);
        let least = problem.at(strength, problem.minimise(strength, from.a, 1e-16, 50)).value;
        let left = problem.at(strength, several).value - least;
        assert!(left < 0.2 * (newton.value - least), "{left} {}", newton.value - least);
    }

    #[test]
    fn minimum_is_where_the_gradient_vanishes() {
        let (stop, strength) = (AtomicBool::new(false), Strength { barrier: 0.1, penalty: 0.01 });
        let (problem, a) = problem("S2", &stop);
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
