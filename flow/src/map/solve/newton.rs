//! Newton steps in a frame, with backtracking on the objective: the state of one pack of samples.

use ircpm_ad::{Jet, Real, Scalar};
use ircpm_manifolds::{BlockMut, Cost};

use super::{Method, Solver};
use crate::lanes::Span;
use crate::map::local_jet::{LocalJet, from_frame, to_frame};
use crate::map::log_det::hessian;
use crate::potential::resize;
use crate::small::Cholesky;

/// Share of the predicted decrease that a step must deliver (Armijo's condition).
const SUFFICIENT: f64 = 1e-4;
/// Differences of the objective below this many units in the last place of its size are rounding.
const NOISE: f64 = 450.0;
/// A residual below this, relative to `1 + d`, that no longer falls has reached rounding.
const STAGNATION: f64 = 1e-9;
/// Longest step on a curved manifold, in radians, because the quadratic model does not know the cut locus.
const LONGEST_STEP: f64 = 1.0;

/// The minimisation of one pack of samples, between two evaluations of psi.
#[derive(Clone, Debug)]
pub(crate) struct SolveState<R, const D: usize> {
    /// The points `x` whose images are wanted.
    pub x: Vec<R>,
    /// The point to be evaluated next, and what was found there.
    pub trial: LocalJet<R, D>,
    /// The best point so far.
    pub best: LocalJet<R, D>,
    /// The objective at the best point.
    objective: R,
    /// Norm of the objective's gradient at the best point, in radians.
    pub residual: R,
    /// Distance of the best point from `x`.
    distance: R,
    /// The direction that is searched along, in the frame at the best point.
    direction: [R; D],
    /// The objective's derivative along it.
    slope: R,
    /// Length of the trial step, in units of the direction.
    step: R,
    /// Scratch memory for an ambient vector.
    velocity: Vec<R>,
    /// One where the minimisation has ended, zero elsewhere.
    pub done: R,
    /// Number of evaluations.
    pub steps: R,
    /// One where the minimisation ended at the best point although the last trial was another.
    refused: R,
}

/// What was found at a trial point.
struct Found<R, const D: usize> {
    /// Margin in radians by which `x` is within reach.
    margin: R,
    /// The geodesic from the trial point to `x`, in the frame.
    v: [R; D],
    /// The objective's gradient, in the frame.
    gradient: [R; D],
    objective: R,
    residual: R,
    distance: R,
}

impl<R: Real, const D: usize> Default for SolveState<R, D> {
    fn default() -> Self {
        let zero = R::zero();
        Self {
            x: vec![],
            trial: LocalJet::default(),
            best: LocalJet::default(),
            objective: zero,
            residual: zero,
            distance: zero,
            direction: [zero; D],
            slope: zero,
            step: zero,
            velocity: vec![],
            done: zero,
            steps: zero,
            refused: zero,
        }
    }
}

impl<R: Real, const D: usize> SolveState<R, D> {
    /// Makes room for the points of `m`.
    #[inline(always)]
    pub(crate) fn reserve<M: Cost>(&mut self, m: &M) {
        self.trial.reserve(m);
        self.best.reserve(m);
        resize(&mut self.x, m.ambient());
        resize(&mut self.velocity, m.ambient());
    }

    /// Reads pack `p` of `points`, and makes it the first trial point.
    #[inline(always)]
    pub(crate) fn load<M: Cost>(&mut self, m: &M, span: Span, p: usize, points: &[f64]) {
        let n = m.ambient();
        self.reserve(m);
        for c in 0..n {
            self.x[c] = span.load(points, n, c, p);
            self.trial.y[c] = self.x[c];
        }
    }

    /// Makes pack `p` of `y`, which may have few digits, the first trial point where it is a point within reach.
    #[inline(always)]
    pub(crate) fn load_start<M: Cost>(&mut self, m: &M, span: Span, p: usize, y: &[f64]) {
        for c in 0..m.ambient() {
            self.trial.y[c] = span.load(y, m.ambient(), c, p);
        }
        R::vectorized(
            #[inline(always)]
            || self.project_trial(m),
        );
    }

    /// Replaces the trial point by the nearest one on the manifold, or by `x` where it is out of reach.
    #[inline(always)]
    fn project_trial<M: Cost>(&mut self, m: &M) {
        let Self { x, trial, velocity, .. } = self;
        // By the tangent part of its logarithm: a point of few digits is off the manifold, the end of a geodesic is
        // not.
        let margin = m.log_on_cover(x, &trial.y, velocity);
        m.frame(x, BlockMut::dense(&mut trial.frame, x.len()));
        let mut v: [R; D] = to_frame(m, x, &trial.frame, velocity);
        for v in &mut v {
            *v = R::select_gt(margin, R::zero(), *v, R::zero());
        }
        from_frame(&trial.frame, &v, velocity);
        m.exp(x, velocity, &mut trial.y);
    }

    /// Starts at the trial point, in lanes where `mask` is positive.
    #[inline(always)]
    pub(crate) fn start(&mut self, mask: R) {
        let starting = |new: f64, old: R| R::select_gt(mask, R::zero(), R::constant(new), old);
        // Whatever jet was left here would become the result of a sample whose every trial is refused.
        self.trial.psi = Jet::select_gt(mask, R::zero(), Jet::zero(), self.trial.psi);
        self.best.take_where(mask, &self.trial);
        self.objective = starting(f64::INFINITY, self.objective);
        self.residual = starting(f64::INFINITY, self.residual);
        self.step = starting(1.0, self.step);
        self.distance = starting(0.0, self.distance);
        self.slope = starting(0.0, self.slope);
        self.done = starting(0.0, self.done);
        self.steps = starting(0.0, self.steps);
        self.refused = starting(0.0, self.refused);
        for i in 0..D {
            self.direction[i] = starting(0.0, self.direction[i]);
        }
    }

    /// Takes the trial point as the result: it is an image whose preimage is wanted.
    #[inline(always)]
    pub(crate) fn take_trial(&mut self) {
        self.best.take_where(R::one(), &self.trial);
        (self.done, self.residual) = (R::one(), R::zero());
    }

    /// Whether some lane's minimisation has not ended.
    #[inline(always)]
    pub(crate) fn is_active(&self) -> bool {
        (0..R::LANES).any(|lane| self.done.lane(lane) == 0.0)
    }

    /// Whether the last trial was at another point than the result in some lane that has ended.
    #[inline(always)]
    pub(crate) fn is_away_from_result(&self) -> bool {
        (0..R::LANES).any(|lane| self.refused.lane(lane) > 0.0)
    }

    /// Takes in what was found at the trial point, and chooses the next one. Lanes that have ended stay at their
    /// result.
    #[inline(always)]
    pub(crate) fn update<M: Cost>(&mut self, m: &M, solver: &Solver) {
        R::vectorized(
            #[inline(always)]
            || {
                let found = self.evaluate_objective(m);
                let accepted = self.accept(&found, solver);
                self.choose_direction(m, solver.method, &found, accepted);
                self.next_trial(m);
            },
        );
    }

    /// The objective and its gradient at the trial point.
    #[inline(always)]
    fn evaluate_objective<M: Cost>(&mut self, m: &M) -> Found<R, D> {
        let margin = m.log_on_cover(&self.trial.y, &self.x, &mut self.velocity);
        let v = self.trial.to_frame(m, &mut self.velocity);
        let (mut square, mut gradient_square) = (R::zero(), R::zero());
        let mut gradient = [R::zero(); D];
        for i in 0..D {
            square = v[i].mul_add(v[i], square);
            gradient[i] = self.trial.psi.grad[i] - v[i];
            gradient_square = gradient[i].mul_add(gradient[i], gradient_square);
        }
        let objective = square * 0.5 + self.trial.psi.re;
        Found { margin, v, gradient, objective, residual: gradient_square.sqrt(), distance: square.sqrt() }
    }

    /// Makes the trial point the best one where it is better, and ends where that is good enough; one where it was
    /// accepted.
    ///
    /// Comparisons with a NaN are false, so such a trial is never accepted.
    #[inline(always)]
    fn accept(&mut self, found: &Found<R, D>, solver: &Solver) -> R {
        let (zero, one) = (R::zero(), R::one());
        let active = one - self.done;
        self.steps += active;
        let first = R::select_gt(self.objective, R::constant(f64::MAX), one, zero);
        let noise = (self.objective.abs() + one) * (NOISE * R::PRECISION.epsilon);
        let allowance = R::select_gt(first, zero, zero, noise);
        let target = self.step.mul_add(self.slope * SUFFICIENT, self.objective) + allowance;
        let lower = R::select_gt(target, found.objective, active, zero);
        let accepted = R::select_gt(found.margin, zero, lower, zero);
        let near = self.residual - (self.distance + one) * STAGNATION;
        let stalled =
            R::select_gt(zero, near, R::select_gt(self.residual, found.residual, zero, active), zero);
        let accepted = R::select_gt(stalled, zero, zero, accepted);

        let keep = |new: R, old: R| R::select_gt(accepted, zero, new, old);
        self.best.take_where(accepted, &self.trial);
        self.objective = keep(found.objective, self.objective);
        self.residual = keep(found.residual, self.residual);
        self.distance = keep(found.distance, self.distance);
        let limit = (self.distance + one) * solver.tolerance;
        let converged = R::select_gt(limit, self.residual, one, zero);
        self.done = self.done.max(converged).max(stalled);
        self.refused = stalled;
        accepted
    }

    /// Searches along a new direction where the trial point was accepted, and half as far along the old one elsewhere.
    #[inline(always)]
    fn choose_direction<M: Cost>(&mut self, m: &M, method: Method, found: &Found<R, D>, accepted: R) {
        let keep = |new: R, old: R| R::select_gt(accepted, R::zero(), new, old);
        let direction = self.descent_direction(m, method, found);
        let mut slope = R::zero();
        for i in 0..D {
            slope = direction[i].mul_add(found.gradient[i], slope);
        }
        self.slope = keep(slope, self.slope);
        for i in 0..D {
            self.direction[i] = keep(direction[i], self.direction[i]);
        }
        self.step = keep(R::one(), self.step * 0.5);
    }

    /// Newton's direction at the trial point; the negative gradient where the Hessian is not positive definite.
    #[inline(always)]
    fn descent_direction<M: Cost>(&self, m: &M, method: Method, found: &Found<R, D>) -> [R; D] {
        let mut direction = found.gradient;
        for d in &mut direction {
            *d = -*d;
        }
        if method == Method::Newton {
            let factor = Cholesky::new(&hessian(m, &found.v, &self.trial.psi.hess));
            let newton = factor.solve(direction);
            for i in 0..D {
                direction[i] = R::select_gt(factor.definite, R::zero(), newton[i], direction[i]);
            }
        }
        if m.is_curved() {
            let mut square = R::zero();
            for d in direction {
                square = d.mul_add(d, square);
            }
            let shrink = R::constant(LONGEST_STEP) / square.sqrt().max(R::constant(LONGEST_STEP));
            for d in &mut direction {
                *d *= shrink;
            }
        }
        direction
    }

    /// `exp_y(step · direction)` at the best point `y`. Lanes that have ended step by zero.
    #[inline(always)]
    fn next_trial<M: Cost>(&mut self, m: &M) {
        let length = R::select_gt(self.done, R::zero(), R::zero(), self.step);
        let n = self.velocity.len();
        for c in 0..n {
            let mut sum = R::zero();
            for i in 0..D {
                sum = self.best.frame[i * n + c].mul_add(self.direction[i], sum);
            }
            self.velocity[c] = sum * length;
        }
        m.exp(&self.best.y, &self.velocity, &mut self.trial.y);
    }
}
