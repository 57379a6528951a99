//! The first steps of the inner minimisation, in single precision: twice the lanes, and fewer terms in every series.
//!
//! A Newton step far from the minimum is good to a few digits, which single precision has. The point that these steps
//! reach is only where the minimisation in double precision starts, so no digit of its result depends on them. The code
//! is that of [`super::newton`], over other packs. A sample that single precision cannot represent, or does not bring
//! near its image, starts at `x` itself.

use ircpm_ad::Real;
use ircpm_manifolds::Cost;

use super::{Method, SolveState, Solver};
use crate::lanes::Workspace;
use crate::map::Record;
use crate::map::local_jet::{JetEvaluator, Problem};
use crate::potential::Potential;

/// Predicted distance to the minimum, in radians, at which this phase ends: about the rounding of single precision.
const TARGET_ERROR: f64 = 2e-7;
/// A gradient of the objective, in radians, after which one more step is the last: rounding may hide what remains.
const SMALL_GRADIENT: f64 = 2e-4;
/// A gradient, in radians, that is rounding: the sample is at its image already.
const ROUNDING: f64 = 1e-6;
/// Number of evaluations after which a sample that is not near starts where it would without this phase.
const MAX_STEPS: usize = 24;
/// The tolerance is zero because this phase ends otherwise: see [`WarmStart::step`].
const SOLVER: Solver = Solver { method: Method::Newton, tolerance: 0.0, max_steps: MAX_STEPS };

/// Samples in the first phase, one per lane.
///
/// Some samples take twice the steps of others, so one that has ended gives its lane to the next one that waits.
#[derive(Clone, Debug)]
struct WarmStart<R, const D: usize> {
    state: SolveState<R, D>,
    /// The sample in each lane.
    samples: Vec<usize>,
    /// The next sample that waits for a lane.
    next: usize,
}

impl<R: Real, const D: usize> Default for WarmStart<R, D> {
    fn default() -> Self {
        Self { state: SolveState::default(), samples: vec![0; R::LANES], next: 0 }
    }
}

impl<R: Real, const D: usize> WarmStart<R, D> {
    /// Frees all lanes.
    #[inline(always)]
    fn reset<M: Cost>(&mut self, m: &M) {
        self.state.reserve(m);
        self.state.done = R::one();
        self.samples.fill(0);
        self.next = 0;
    }

    /// Gives free lanes to the samples that wait; `false` if none is left in any lane.
    #[inline(always)]
    fn fill_free_lanes(&mut self, points: &[f64]) -> bool {
        let waiting = self.next * self.state.x.len() < points.len();
        if waiting && (0..R::LANES).any(|lane| self.state.done.lane(lane) > 0.0) {
            R::vectorized(
                #[inline(always)]
                || self.load_free_lanes(points),
            );
        }
        waiting || self.state.is_active()
    }

    /// Reads the next samples into free lanes.
    #[inline(always)]
    fn load_free_lanes(&mut self, points: &[f64]) {
        let Self { state, samples, next } = self;
        let n = state.x.len();
        let loaded = R::from_fn(|lane| {
            let free = state.done.lane(lane) > 0.0 && *next * n < points.len();
            if free {
                samples[lane] = *next;
                *next += 1;
            }
            f64::from(free)
        });
        for c in 0..n {
            let x = R::from_fn(|lane| points[samples[lane] * n + c]);
            state.x[c] = R::select_gt(loaded, R::zero(), x, state.x[c]);
            state.trial.y[c] = R::select_gt(loaded, R::zero(), x, state.trial.y[c]);
        }
        state.start(loaded);
    }

    /// Takes in an evaluation, and writes the starts of the samples that have ended.
    ///
    /// A lane that comes near its minimum takes one last step, whatever its neighbours do. So a sample's start, and
    /// every bit of its image, does not depend on them.
    #[inline(always)]
    fn step<M: Cost>(&mut self, m: &M, record: &mut Record) {
        let state = &mut self.state;
        let (zero, one) = (R::zero(), R::one());
        let (before, active) = (state.residual, one - state.done);
        state.update(m, &SOLVER);
        let residual = state.residual;
        // After a Newton step from the residual r about c r² is left. c is estimated from the last step and bounded
        // below by
        // |Hess psi|, as if third derivatives were as large as second ones.
        let mut square = zero;
        for second in state.trial.psi.hess.as_flattened() {
            square = second.mul_add(*second, square);
        }
        let c = (residual / (before * before)).max(square.sqrt());
        let near = R::select_gt(R::constant(TARGET_ERROR), c * residual * residual, active, zero);
        let near = R::select_gt(R::constant(SMALL_GRADIENT), residual, active, near);
        let moved = R::select_gt(residual, R::constant(ROUNDING), near, zero);
        let usable = R::select_gt(state.steps, one, near, moved);
        let out_of_steps = R::select_gt(state.steps + 0.5, R::constant(MAX_STEPS as f64), active, zero);
        state.done = state.done.max(near).max(out_of_steps);
        // A lane also ends where the residual no longer falls though it is not small, because the point lies far out.
        let ended = state.done.min(active);
        self.write_starts(ended, usable, record);
    }

    /// Writes the points at which the solves of ended samples start: the trial point, or NaN where it is not usable.
    #[inline(always)]
    fn write_starts(&self, ended: R, usable: R, record: &mut Record) {
        let Self { state, samples, .. } = self;
        let n = state.x.len();
        for lane in (0..R::LANES).filter(|&lane| ended.lane(lane) > 0.0) {
            let sample = samples[lane];
            record.single_steps[sample] = state.steps.lane(lane) as u32;
            for c in 0..n {
                let y = state.trial.y[c].lane(lane);
                record.y[sample * n + c] = if usable.lane(lane) > 0.0 { y } else { f64::NAN };
            }
        }
    }
}

/// Buffers of a thread.
struct Buffers<P: Potential, R: Real, const D: usize> {
    theta: Vec<f32>,
    lanes: WarmStart<R, D>,
    evaluator: JetEvaluator<P, R, D>,
}

impl<P: Potential, R: Real, const D: usize> Default for Buffers<P, R, D> {
    fn default() -> Self {
        Self { theta: vec![], lanes: WarmStart::default(), evaluator: JetEvaluator::default() }
    }
}

/// Leaves in `record.y` where the minimisation of every sample is to start: near its image, or NaN for `x` itself.
///
/// `R` is a pack in single precision.
#[inline(always)]
pub(crate) fn warm_start<M: Cost, P: Potential, R: Real, const D: usize>(
    problem: Problem<'_, M, P, f64>,
    points: &[f64],
    record: &mut Record,
    work: &mut Workspace,
) {
    // In a function of its own: together with the minimisation in double precision it would take far longer to compile.
    R::vectorized(
        #[inline(always)]
        || {
            let Problem { manifold: m, potential, theta } = problem;
            let Buffers { theta: single, lanes, evaluator } = work.get::<Buffers<P, R, D>>();
            single.clear();
            single.extend(theta.iter().map(|&w| w as f32));
            let problem = Problem { manifold: m, potential, theta: &single[..] };
            lanes.reset(m);
            while lanes.fill_free_lanes(points) {
                evaluator.evaluate(problem, &mut lanes.state.trial, None);
                lanes.step(m, record);
            }
        },
    );
}
