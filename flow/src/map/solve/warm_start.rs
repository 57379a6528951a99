//! The first steps of the inner minimisation, in single precision: twice the lanes, and fewer terms in every series.
//!
//! Newton's method forgets where it came from. Far from the minimum its steps are good to a few digits, which single
//! precision has; where they lead is where the minimisation in double precision starts, and no digit of its result rests
//! on them. The code is that of [`crate::map::solve`], over other packs. What single precision cannot hold, and a sample that it
//! does not bring near, starts at the point itself.

use std::marker::PhantomData;

use ircpm_ad::Real;
use ircpm_ad::simd::Task;
use ircpm_manifolds::Manifold;

use super::{Method, SolveState, Solver};
use crate::lanes::Workspace;
use crate::map::local_jet::JetEvaluator;
use crate::map::{ConcaveMap, Record};
use crate::potential::Potential;

/// What may be left to the minimum, in radians: about the rounding of single precision.
const TARGET_ERROR: f64 = 2e-7;
/// A gradient of the objective, in radians, from which one more step is the last one: rounding may hide what is left.
const SMALL_GRADIENT: f64 = 2e-4;
/// A gradient that is rounding: there is nothing to approach.
const ROUNDING: f64 = 1e-6;
/// Evaluations after which a sample that is not near starts where it would without this.
const MAX_STEPS: usize = 24;
/// Single precision has another end than convergence: see [`WarmStart::step`].
const SOLVER: Solver = Solver { method: Method::Newton, tolerance: 0.0, max_steps: MAX_STEPS };

/// Samples on their way, one a lane. Some take twice the steps of others: one that has arrived leaves its lane to the next.
#[derive(Clone, Debug)]
struct WarmStart<R, const D: usize> {
    state: SolveState<R, D>,
    /// The sample in each lane.
    samples: Vec<usize>,
    /// The next one that finds a lane free.
    next: usize,
}

impl<R: Real, const D: usize> Default for WarmStart<R, D> {
    fn default() -> Self {
        Self { state: SolveState::default(), samples: vec![0; R::LANES], next: 0 }
    }
}

impl<R: Real, const D: usize> WarmStart<R, D> {
    /// All lanes free.
    #[inline(always)]
    fn start<M: Manifold>(&mut self, m: &M) {
        self.state.reserve(m);
        self.state.done = R::one();
        self.samples.fill(0);
        self.next = 0;
    }

    /// Gives free lanes to the next samples; `false` if nobody is left.
    #[inline(always)]
    fn fill_free_lanes(&mut self, points: &[f64]) -> bool {
        let waiting = self.next * self.state.x.len() < points.len();
        if waiting && (0..R::LANES).any(|lane| self.state.done.lane(lane) > 0.0) {
            R::vectorized(Admit { lanes: self, points });
        }
        waiting || self.state.is_active()
    }

    /// Takes in an evaluation. A lane that comes near takes one last step, whatever its neighbours do: a sample's start,
    /// and so every bit of its image, does not depend on them.
    #[inline(always)]
    fn step<M: Manifold>(&mut self, m: &M, record: &mut Record) {
        let state = &mut self.state;
        let (zero, one) = (R::zero(), R::one());
        let (before, active) = (state.residual, one - state.done);
        state.update(m, &SOLVER);
        let residual = state.residual;
        // Newton's method leaves some c r² of a residual r. The last step has shown a c, but there may be none: it counts for no
        // less than third derivatives of psi would give that are as large as its second ones.
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
        // Also where the residual no longer falls, though it is not small: the point lies far out.
        let ended = state.done.min(active);
        self.write_back(ended, usable, record);
    }

    /// Writes where the samples go from here whose way has ended.
    #[inline(always)]
    fn write_back(&self, ended: R, usable: R, record: &mut Record) {
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

/// [`WarmStart::fill_free_lanes`].
struct Admit<'a, R, const D: usize> {
    lanes: &'a mut WarmStart<R, D>,
    points: &'a [f64],
}

impl<R: Real, const D: usize> Task for Admit<'_, R, D> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { lanes: WarmStart { state, samples, next }, points } = self;
        let n = state.x.len();
        let admitted = R::from_fn(|lane| {
            let free = state.done.lane(lane) > 0.0 && *next * n < points.len();
            if free {
                samples[lane] = *next;
                *next += 1;
            }
            f64::from(free)
        });
        for c in 0..n {
            let x = R::from_fn(|lane| points[samples[lane] * n + c]);
            state.x[c] = R::select_gt(admitted, R::zero(), x, state.x[c]);
            state.trial.y[c] = R::select_gt(admitted, R::zero(), x, state.trial.y[c]);
        }
        state.start(admitted);
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

/// Leaves in `record.y` where the minimisation of every sample is to start: near its image, or NaN for the point itself. `R` is
/// a pack in single precision.
pub(crate) struct Start<'a, M, P, R, const D: usize> {
    map: &'a ConcaveMap<M, P, D>,
    theta: &'a [f64],
    points: &'a [f64],
    record: &'a mut Record,
    work: &'a mut Workspace,
    packs: PhantomData<R>,
}

impl<'a, M, P, R, const D: usize> Start<'a, M, P, R, D> {
    pub(crate) fn new(
        map: &'a ConcaveMap<M, P, D>,
        theta: &'a [f64],
        points: &'a [f64],
        record: &'a mut Record,
        work: &'a mut Workspace,
    ) -> Self {
        Self { map, theta, points, record, work, packs: PhantomData }
    }
}

/// In a function of its own: together with the minimisation in double precision it would take far longer to compile.
impl<M: Manifold, P: Potential, R: Real, const D: usize> Task for Start<'_, M, P, R, D> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { map, theta, points, record, work, .. } = self;
        let m = &map.manifold;
        let Buffers { theta: single, lanes, evaluator } = work.get::<Buffers<P, R, D>>();
        single.clear();
        single.extend(theta.iter().map(|&w| w as f32));
        lanes.start(m);
        while lanes.fill_free_lanes(points) {
            evaluator.evaluate((m, &map.potential, single), &mut lanes.state.trial, &mut []);
            lanes.step(m, record);
        }
    }
}
