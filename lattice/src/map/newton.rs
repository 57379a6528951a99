//! The inner minimisation of one pack: Newton's method with backtracking, as in [`ircpm_flow::map::solve`].

use ircpm_ad::Real;
use ircpm_flow::{Method, Solver};

use super::factored::Factored;
use crate::lanes::resize;
use crate::program::{Harmonics, Local, Program};

/// Share of the predicted decrease that a step must deliver (Armijo's condition).
const SUFFICIENT: f64 = 1e-4;
/// Differences of the objective below this many units in the last place of its size are rounding.
const NOISE: f64 = 450.0;
/// A residual below this, relative to `1 + d`, that no longer falls has reached rounding.
const STAGNATION: f64 = 1e-9;

/// The minimisation of `(y − x)ᵀ G (y − x)/2 + psi(y)` over `y` on the cover of the torus, one sample per lane.
#[derive(Debug)]
pub(crate) struct Newton<R: Real> {
    /// The points whose images are wanted; the images themselves in an inverse run.
    pub x: Vec<R>,
    /// The best point of every lane.
    pub y: Vec<R>,
    trial: Vec<R>,
    /// `trial − x`, and in a metric `G` times that.
    displacement: Vec<R>,
    pulled: Vec<R>,
    /// Memory of a solve with the metric.
    pub scratch: Vec<R>,
    direction: Vec<R>,
    /// Gradient of the objective at the trial point.
    gradient: Vec<R>,
    pub harmonics: Harmonics<R>,
    /// What was found at the last trial point.
    pub local: Local<R>,
    /// The factor of `H` there.
    pub factored: Factored<R>,
    objective: R,
    /// Norm of the gradient at the best point, in radians.
    pub residual: R,
    distance: R,
    step: R,
    slope: R,
    /// 1 where the minimisation has ended.
    pub done: R,
    /// 1 where the last trial was refused by a lane that has ended.
    refused: R,
    /// Number of evaluations.
    pub steps: R,
}

impl<R: Real> Default for Newton<R> {
    fn default() -> Self {
        let zero = R::zero();
        Self {
            x: vec![],
            y: vec![],
            trial: vec![],
            displacement: vec![],
            pulled: vec![],
            scratch: vec![],
            direction: vec![],
            gradient: vec![],
            harmonics: Harmonics::default(),
            local: Local::default(),
            factored: Factored::default(),
            objective: zero,
            residual: zero,
            distance: zero,
            step: zero,
            slope: zero,
            done: zero,
            refused: zero,
            steps: zero,
        }
    }
}

/// A potential with one coefficient per term.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Problem<'a> {
    pub program: &'a Program,
    pub a: &'a [f64],
}

impl<R: Real> Newton<R> {
    /// Makes room for points of a program.
    #[inline(always)]
    pub(crate) fn reserve(&mut self, program: &Program) {
        let n = program.sites;
        resize(&mut self.x, n);
        resize(&mut self.y, n);
        resize(&mut self.trial, n);
        resize(&mut self.displacement, n);
        resize(&mut self.pulled, n);
        resize(&mut self.direction, n);
        resize(&mut self.gradient, n);
    }

    /// Number of packs that are allocated, without those of networks.
    pub(super) fn packs(&self) -> usize {
        let vectors = [&self.x, &self.y, &self.trial, &self.direction, &self.gradient, &self.local.gradient];
        let of_local = self.harmonics.packs() + self.local.h.packs();
        vectors.map(Vec::len).iter().sum::<usize>() + of_local + self.factored.packs()
    }

    /// Evaluates and factors at [`Newton::x`] itself, which is an image.
    #[inline(always)]
    pub(crate) fn evaluate_image(&mut self, problem: Problem<'_>) {
        for i in 0..problem.program.sites {
            self.y[i] = self.x[i];
            self.trial[i] = self.x[i];
        }
        self.evaluate(problem);
        (self.done, self.residual, self.steps) = (R::one(), R::zero(), R::zero());
    }

    /// Finds the minimum from `y = x`; afterwards `local` and `factored` belong to it in the lanes that are done.
    #[inline(always)]
    pub(crate) fn minimise(&mut self, problem: Problem<'_>, solver: &Solver) {
        self.start(problem.program.sites);
        for _ in 0..solver.max_steps {
            self.evaluate(problem);
            R::vectorized(
                #[inline(always)]
                || self.update(problem.program, solver),
            );
            if !self.is_active() {
                break;
            }
        }
        if self.refused.sum() > 0.0 {
            for i in 0..problem.program.sites {
                self.trial[i] = self.y[i];
            }
            self.evaluate(problem);
        }
    }

    #[inline(always)]
    fn start(&mut self, n: usize) {
        let (zero, infinity) = (R::zero(), R::constant(f64::INFINITY));
        for i in 0..n {
            self.y[i] = self.x[i];
            self.trial[i] = self.x[i];
            self.direction[i] = zero;
        }
        (self.objective, self.residual) = (infinity, infinity);
        (self.step, self.distance, self.slope) = (R::one(), zero, zero);
        (self.done, self.refused, self.steps) = (zero, zero, zero);
    }

    /// Whether some lane's minimisation has not ended.
    #[inline(always)]
    fn is_active(&self) -> bool {
        self.done.sum() < R::LANES as f64
    }

    /// Evaluates at the trial point, and factors `H` there.
    #[inline(always)]
    fn evaluate(&mut self, problem: Problem<'_>) {
        let Self { trial, harmonics, local, factored, .. } = self;
        R::vectorized(
            #[inline(always)]
            || harmonics.evaluate(problem.program, trial),
        );
        R::vectorized(
            #[inline(always)]
            || local.evaluate(problem.program, problem.a, harmonics, trial),
        );
        R::vectorized(
            #[inline(always)]
            || factored.eliminate(problem.program, &local.h, R::zero()),
        );
    }

    /// Takes in what was found at the trial point, and chooses the next one. Lanes that have ended stay at their
    /// result.
    #[inline(always)]
    fn update(&mut self, program: &Program, solver: &Solver) {
        let n = program.sites;
        let (mut square, mut gradient_square) = (R::zero(), R::zero());
        for i in 0..n {
            self.displacement[i] = self.trial[i] - self.x[i];
        }
        match &program.metric {
            None => self.pulled[..n].copy_from_slice(&self.displacement[..n]),
            Some(metric) => metric.multiply(&self.displacement, &mut self.pulled),
        }
        for i in 0..n {
            square = self.displacement[i].mul_add(self.pulled[i], square);
            self.gradient[i] = self.local.gradient[i] + self.pulled[i];
            gradient_square = self.gradient[i].mul_add(self.gradient[i], gradient_square);
        }
        let objective = square * 0.5 + self.local.psi;
        let accepted = self.accept(objective, gradient_square.sqrt(), square.sqrt(), solver);
        for i in 0..n {
            self.y[i] = R::select_gt(accepted, R::zero(), self.trial[i], self.y[i]);
        }
        if self.is_active() {
            self.choose_direction(program, solver.method, accepted);
            let length = R::select_gt(self.done, R::zero(), R::zero(), self.step);
            for i in 0..n {
                self.trial[i] = self.direction[i].mul_add(length, self.y[i]);
            }
        }
    }

    /// Accepts the trial point where it is better, and ends where that is good enough; one where it was accepted.
    ///
    /// Comparisons with a NaN are false, so such a trial is never accepted.
    #[inline(always)]
    fn accept(&mut self, objective: R, residual: R, distance: R, solver: &Solver) -> R {
        let (zero, one) = (R::zero(), R::one());
        let active = one - self.done;
        self.steps += active;
        let first = R::select_gt(self.objective, R::constant(f64::MAX), one, zero);
        let noise = (self.objective.abs() + one) * (NOISE * R::PRECISION.epsilon);
        let allowance = R::select_gt(first, zero, zero, noise);
        let target = self.step.mul_add(self.slope * SUFFICIENT, self.objective) + allowance;
        let accepted = R::select_gt(target, objective, active, zero);
        let near = self.residual - (self.distance + one) * STAGNATION;
        let stalled = R::select_gt(zero, near, R::select_gt(self.residual, residual, zero, active), zero);
        let accepted = R::select_gt(stalled, zero, zero, accepted);
        let keep = |new: R, old: R| R::select_gt(accepted, zero, new, old);
        self.objective = keep(objective, self.objective);
        self.residual = keep(residual, self.residual);
        self.distance = keep(distance, self.distance);
        let limit = (self.distance + one) * solver.tolerance;
        let converged = R::select_gt(limit, self.residual, one, zero);
        self.done = self.done.max(converged).max(stalled);
        // A lane that has stalled is at another point than the trial, until that is its result again.
        self.refused = stalled;
        accepted
    }

    /// Searches along a new direction where the trial point was accepted, and half as far along the old one elsewhere.
    #[inline(always)]
    fn choose_direction(&mut self, program: &Program, method: Method, accepted: R) {
        let (n, zero) = (program.sites, R::zero());
        let definite = if method == Method::Newton { self.factored.definite() } else { zero };
        // The trial's coordinates are not needed any more.
        for i in 0..n {
            self.trial[i] = -self.gradient[i];
        }
        if method == Method::Newton {
            self.factored.solve(program, &mut self.trial);
        }
        let mut slope = zero;
        for i in 0..n {
            let direction = R::select_gt(definite, zero, self.trial[i], -self.gradient[i]);
            slope = direction.mul_add(self.gradient[i], slope);
            self.direction[i] = R::select_gt(accepted, zero, direction, self.direction[i]);
        }
        self.slope = R::select_gt(accepted, zero, slope, self.slope);
        self.step = R::select_gt(accepted, zero, R::one(), self.step * 0.5);
    }
}
