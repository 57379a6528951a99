//! The first steps of the inner minimisation, in single precision: twice the lanes, and fewer terms in every series.
//!
//! Newton's method forgets where it came from. Far from the minimum its steps are good to a few digits, which single
//! precision has; where they lead is where the minimisation in double precision starts, and no digit of its result rests
//! on them. The code is that of [`crate::solve`], over other packs. What single precision cannot hold, and a sample that it
//! does not bring near, starts at the point itself.

use std::marker::PhantomData;

use ircpm_ad::Real;
use ircpm_ad::isa::Task;
use ircpm_manifolds::Manifold;

use crate::map::ConcaveMap;
use crate::potential::Potential;
use crate::site::Evaluator;
use crate::solve::{Descent, Method, Solver};
use crate::trace::Trace;
use crate::workspace::Workspace;

/// What may be left to the minimum, in radians: about the rounding of single precision.
const LEFT: f64 = 2e-7;
/// A gradient of the objective, in radians, from which one more step is the last one: rounding may hide what is left.
const NEAR: f64 = 2e-4;
/// A gradient that is rounding: there is nothing to approach.
const NOTHING: f64 = 1e-6;
/// Evaluations after which a sample that is not near starts where it would without this.
const MOST: usize = 24;
/// Single precision has another end than convergence: see [`Approach::advance`].
const SOLVER: Solver = Solver { method: Method::Newton, tolerance: 0.0, max_steps: MOST };

/// Samples on their way, one a lane. Some take twice the steps of others: one that has arrived leaves its lane to the next.
#[derive(Clone, Debug)]
struct Approach<R, const D: usize> {
    descent: Descent<R, D>,
    /// The sample in each lane.
    samples: Vec<usize>,
    /// The next one that finds a lane free.
    next: usize,
}

impl<R: Real, const D: usize> Default for Approach<R, D> {
    fn default() -> Self {
        Self { descent: Descent::default(), samples: vec![0; R::LANES], next: 0 }
    }
}

impl<R: Real, const D: usize> Approach<R, D> {
    /// All lanes free.
    #[inline(always)]
    fn start<M: Manifold>(&mut self, m: &M) {
        self.descent.reserve(m);
        self.descent.done = R::one();
        self.samples.fill(0);
        self.next = 0;
    }

    /// Gives free lanes to the next samples; `false` if nobody is left.
    #[inline(always)]
    fn admit(&mut self, points: &[f64]) -> bool {
        let waiting = self.next * self.descent.x.len() < points.len();
        if waiting && (0..R::LANES).any(|lane| self.descent.done.lane(lane) > 0.0) {
            R::vectorized(Admit { pack: self, points });
        }
        waiting || self.descent.is_active()
    }

    /// Takes in an evaluation. A lane that comes near takes one last step, whatever its neighbours do: a sample's start,
    /// and so every bit of its image, does not depend on them.
    #[inline(always)]
    fn advance<M: Manifold>(&mut self, m: &M, trace: &mut Trace) {
        let descent = &mut self.descent;
        let (zero, one) = (R::zero(), R::one());
        let (before, active) = (descent.residual, one - descent.done);
        descent.update(m, &SOLVER);
        let residual = descent.residual;
        // Newton's method leaves some c r² of a residual r. The last step has shown a c, but there may be none: it counts for no
        // less than third derivatives of psi would give that are as large as its second ones.
        let mut square = zero;
        for second in descent.trial.psi.hess.as_flattened() {
            square = second.mul_add(*second, square);
        }
        let c = (residual / (before * before)).max(square.sqrt());
        let near = R::select_gt(R::constant(LEFT), c * residual * residual, active, zero);
        let near = R::select_gt(R::constant(NEAR), residual, active, near);
        let moved = R::select_gt(residual, R::constant(NOTHING), near, zero);
        let landed = R::select_gt(descent.steps, one, near, moved);
        let tired = R::select_gt(descent.steps + 0.5, R::constant(MOST as f64), active, zero);
        descent.done = descent.done.max(near).max(tired);
        // Also where the residual no longer falls, though it is not small: the point lies far out.
        let ended = descent.done.min(active);
        self.leave(ended, landed, trace);
    }

    /// Writes where the samples go from here whose way has ended.
    #[inline(always)]
    fn leave(&self, ended: R, landed: R, trace: &mut Trace) {
        let Self { descent, samples, .. } = self;
        let n = descent.x.len();
        for lane in (0..R::LANES).filter(|&lane| ended.lane(lane) > 0.0) {
            let sample = samples[lane];
            trace.single_steps[sample] = descent.steps.lane(lane) as u32;
            for c in 0..n {
                let y = descent.trial.y[c].lane(lane);
                trace.y[sample * n + c] = if landed.lane(lane) > 0.0 { y } else { f64::NAN };
            }
        }
    }
}

/// [`Approach::admit`].
struct Admit<'a, R, const D: usize> {
    pack: &'a mut Approach<R, D>,
    points: &'a [f64],
}

impl<R: Real, const D: usize> Task for Admit<'_, R, D> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { pack: Approach { descent, samples, next }, points } = self;
        let n = descent.x.len();
        let admitted = R::from_fn(|lane| {
            let free = descent.done.lane(lane) > 0.0 && *next * n < points.len();
            if free {
                samples[lane] = *next;
                *next += 1;
            }
            f64::from(free)
        });
        for c in 0..n {
            let x = R::from_fn(|lane| points[samples[lane] * n + c]);
            descent.x[c] = R::select_gt(admitted, R::zero(), x, descent.x[c]);
            descent.trial.y[c] = R::select_gt(admitted, R::zero(), x, descent.trial.y[c]);
        }
        descent.start(admitted);
    }
}

/// Buffers of a thread.
struct Buffers<P: Potential, R: Real, const D: usize> {
    theta: Vec<f32>,
    pack: Approach<R, D>,
    evaluator: Evaluator<P, R, D>,
}

impl<P: Potential, R: Real, const D: usize> Default for Buffers<P, R, D> {
    fn default() -> Self {
        Self { theta: vec![], pack: Approach::default(), evaluator: Evaluator::default() }
    }
}

/// Leaves in `trace.y` where the minimisation of every sample is to start: near its image, or NaN for the point itself. `R` is
/// a pack in single precision.
pub(crate) struct Start<'a, M, P, R, const D: usize> {
    map: &'a ConcaveMap<M, P, D>,
    theta: &'a [f64],
    points: &'a [f64],
    trace: &'a mut Trace,
    work: &'a mut Workspace,
    packs: PhantomData<R>,
}

impl<'a, M, P, R, const D: usize> Start<'a, M, P, R, D> {
    pub(crate) fn new(
        map: &'a ConcaveMap<M, P, D>,
        theta: &'a [f64],
        points: &'a [f64],
        trace: &'a mut Trace,
        work: &'a mut Workspace,
    ) -> Self {
        Self { map, theta, points, trace, work, packs: PhantomData }
    }
}

/// In a function of its own: together with the minimisation in double precision it would take far longer to compile.
impl<M: Manifold, P: Potential, R: Real, const D: usize> Task for Start<'_, M, P, R, D> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { map, theta, points, trace, work, .. } = self;
        let m = &map.manifold;
        let Buffers { theta: single, pack, evaluator } = work.get::<Buffers<P, R, D>>();
        single.clear();
        single.extend(theta.iter().map(|&w| w as f32));
        pack.start(m);
        while pack.admit(points) {
            evaluator.evaluate((m, &map.potential, single), &mut pack.descent.trial, &mut []);
            pack.advance(m, trace);
        }
    }
}
