//! Newton steps in a frame, with backtracking on the objective: the state of one pack of samples.

use ircpm_ad::simd::Task;
use ircpm_ad::{Jet, Real, Scalar};
use ircpm_manifolds::Manifold;

use super::{Method, Solver};
use crate::lanes::Span;
use crate::map::local_jet::{LocalJet, from_frame};
use crate::map::log_det::hessian;
use crate::potential::resize;
use crate::small::Cholesky;

/// Share of the predicted decrease that a step must deliver (Armijo's condition).
const SUFFICIENT: f64 = 1e-4;
/// Differences of the objective below this many units in the last place of its size are rounding.
const NOISE: f64 = 450.0;
/// A residual below this, relative to `1 + d`, that no longer falls has reached rounding.
const STAGNATION: f64 = 1e-9;
/// Longest step on a curved manifold, in radians: the quadratic model knows nothing of the cut locus.
const LONGEST_STEP: f64 = 1.0;

/// One pack of samples on its way down.
#[derive(Clone, Debug)]
pub(crate) struct SolveState<R, const D: usize> {
    pub x: Vec<R>,
    /// The point to be evaluated next, and what was found there.
    pub trial: LocalJet<R, D>,
    /// The best point so far.
    pub best: LocalJet<R, D>,
    objective: R,
    pub residual: R,
    distance: R,
    direction: [R; D],
    slope: R,
    step: R,
    velocity: Vec<R>,
    /// 1 where converged.
    pub done: R,
    pub steps: R,
    /// 1 where the last trial ended the state without being taken.
    refused: R,
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
    /// Room for the points of `m`.
    #[inline(always)]
    pub(crate) fn reserve<M: Manifold>(&mut self, m: &M) {
        self.trial.reserve(m);
        self.best.reserve(m);
        resize(&mut self.x, m.ambient());
        resize(&mut self.velocity, m.ambient());
    }

    /// Reads pack `p` of `points`, and will start there.
    #[inline(always)]
    pub(crate) fn load<M: Manifold>(&mut self, m: &M, span: Span, p: usize, points: &[f64]) {
        let n = m.ambient();
        self.reserve(m);
        for c in 0..n {
            self.x[c] = span.load(points, n, c, p);
            self.trial.y[c] = self.x[c];
        }
    }

    /// Will start near pack `p` of `y`, of few digits, where that is a point within reach.
    #[inline(always)]
    pub(crate) fn load_start<M: Manifold>(&mut self, m: &M, span: Span, p: usize, y: &[f64]) {
        for c in 0..m.ambient() {
            self.trial.y[c] = span.load(y, m.ambient(), c, p);
        }
        R::vectorized(Land { state: self, m });
    }

    /// Starts at the trial point, in lanes where `mask` is positive.
    #[inline(always)]
    pub(crate) fn start(&mut self, mask: R) {
        let starting = |new: f64, old: R| R::select_gt(mask, R::zero(), R::constant(new), old);
        // What was left here before would be the result of a sample whose every trial is refused.
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

    /// Takes the trial point as given, an image whose preimage is wanted.
    #[inline(always)]
    pub(crate) fn accept(&mut self) {
        self.best.copy_from(&self.trial);
        (self.done, self.residual) = (R::one(), R::zero());
    }

    /// Whether some lane still moves.
    #[inline(always)]
    pub(crate) fn is_active(&self) -> bool {
        (0..R::LANES).any(|lane| self.done.lane(lane) == 0.0)
    }

    /// Whether the last trial was at another point than the result of some lane that is done.
    #[inline(always)]
    pub(crate) fn is_away_from_result(&self) -> bool {
        (0..R::LANES).any(|lane| self.refused.lane(lane) > 0.0)
    }

    /// Takes in what was found at the trial point, and chooses the next one: the result itself for lanes that are done.
    #[inline(always)]
    pub(crate) fn update<M: Manifold>(&mut self, m: &M, solver: &Solver) {
        R::vectorized(Update { state: self, m, solver });
    }

    /// SolveState direction at the trial point, and the objective's derivative along it.
    #[inline(always)]
    fn direction<M: Manifold>(&self, m: &M, method: Method, v: &[R; D], gradient: &[R; D]) -> ([R; D], R) {
        let mut direction = *gradient;
        for d in &mut direction {
            *d = -*d;
        }
        if method == Method::Newton {
            let factor = Cholesky::new(&hessian(m, v, &self.trial.psi.hess));
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
        let mut slope = R::zero();
        for i in 0..D {
            slope = direction[i].mul_add(gradient[i], slope);
        }
        (direction, slope)
    }
}

/// [`SolveState::update`].
struct Update<'a, M, R, const D: usize> {
    state: &'a mut SolveState<R, D>,
    m: &'a M,
    solver: &'a Solver,
}

impl<M: Manifold, R: Real, const D: usize> Task for Update<'_, M, R, D> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { state: this, m, solver } = self;
        let (zero, one) = (R::zero(), R::one());
        let n = m.ambient();
        let margin = m.log_on_cover(&this.trial.y, &this.x, &mut this.velocity);
        let v = this.trial.to_frame(&this.velocity);
        let mut square = zero;
        let mut gradient = [zero; D];
        let mut gradient_square = zero;
        for i in 0..D {
            square = v[i].mul_add(v[i], square);
            gradient[i] = this.trial.psi.grad[i] - v[i];
            gradient_square = gradient[i].mul_add(gradient[i], gradient_square);
        }
        let (objective, residual, distance) =
            (square * 0.5 + this.trial.psi.re, gradient_square.sqrt(), square.sqrt());

        // Comparisons with a NaN are false: such a trial is never accepted.
        let active = one - this.done;
        this.steps += active;
        let first = R::select_gt(this.objective, R::constant(f64::MAX), one, zero);
        let allowance =
            R::select_gt(first, zero, zero, (this.objective.abs() + one) * (NOISE * R::PRECISION.epsilon));
        let target = this.step.mul_add(this.slope * SUFFICIENT, this.objective) + allowance;
        let lower = R::select_gt(target, objective, active, zero);
        let accepted = R::select_gt(margin, zero, lower, zero);
        let near = this.residual - (this.distance + one) * STAGNATION;
        let stalled = R::select_gt(zero, near, R::select_gt(this.residual, residual, zero, active), zero);
        let accepted = R::select_gt(stalled, zero, zero, accepted);

        let keep = |new: R, old: R| R::select_gt(accepted, zero, new, old);
        this.best.take_where(accepted, &this.trial);
        this.objective = keep(objective, this.objective);
        this.residual = keep(residual, this.residual);
        this.distance = keep(distance, this.distance);
        let limit = (this.distance + one) * solver.tolerance;
        let converged = R::select_gt(limit, this.residual, one, zero);
        this.done = this.done.max(converged).max(stalled);
        this.refused = stalled;

        let (direction, slope) = this.direction(m, solver.method, &v, &gradient);
        this.slope = keep(slope, this.slope);
        for i in 0..D {
            this.direction[i] = keep(direction[i], this.direction[i]);
        }
        this.step = keep(one, this.step * 0.5);

        // exp_y(step · direction); lanes that are done step by zero.
        let length = R::select_gt(this.done, zero, zero, this.step);
        for c in 0..n {
            let mut sum = zero;
            for i in 0..D {
                sum = this.best.frame[i * n + c].mul_add(this.direction[i], sum);
            }
            this.velocity[c] = sum * length;
        }
        m.exp(&this.best.y, &this.velocity, &mut this.trial.y);
    }
}

/// Replaces the trial point, of few digits, by one on the manifold; by the sample itself where it is out of reach.
struct Land<'a, M, R, const D: usize> {
    state: &'a mut SolveState<R, D>,
    m: &'a M,
}

impl<M: Manifold, R: Real, const D: usize> Task for Land<'_, M, R, D> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { state: SolveState { x, trial, velocity, .. }, m } = self;
        // By its logarithm's tangent part: the point is off the manifold by its rounding, a geodesic's end is not.
        let margin = m.log_on_cover(x, &trial.y, velocity);
        m.frame(x, &mut trial.frame);
        let mut v = trial.to_frame(velocity);
        for v in &mut v {
            *v = R::select_gt(margin, R::zero(), *v, R::zero());
        }
        from_frame(&trial.frame, &v, velocity);
        m.exp(x, velocity, &mut trial.y);
    }
}
