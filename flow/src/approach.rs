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
use crate::potential::{Potential, resize};
use crate::site::Evaluator;
use crate::solve::{Descent, Method, Solver};
use crate::tile::Span;
use crate::trace::Trace;
use crate::workspace::Workspace;

/// A gradient of the objective, in radians, from which one more step of Newton's comes down to about the rounding of
/// single precision.
const NEAR: f64 = 5e-4;
/// A gradient that is rounding: there is nothing to approach.
const NOTHING: f64 = 1e-6;
/// Evaluations after which a sample that is not near starts where it would without this.
const MOST: usize = 24;
/// Single precision has another end than convergence: see [`Approach::advance`].
const SOLVER: Solver = Solver { method: Method::Newton, tolerance: 0.0, max_steps: MOST };

/// One pack of samples on its way.
#[derive(Clone, Debug)]
struct Approach<R, const D: usize> {
    descent: Descent<R, D>,
    /// Where each sample's minimisation in double precision is to start; NaN for the sample itself.
    landing: Vec<R>,
}

impl<R: Real, const D: usize> Default for Approach<R, D> {
    fn default() -> Self {
        Self { descent: Descent::default(), landing: vec![] }
    }
}

impl<R: Real, const D: usize> Approach<R, D> {
    #[inline(always)]
    fn start(&mut self) {
        self.descent.start();
        resize(&mut self.landing, self.descent.x.len());
        self.landing.fill(R::constant(f64::NAN));
    }

    /// Takes in an evaluation. A lane that comes near takes one last step, whatever its neighbours do: a sample's start,
    /// and so every bit of its image, does not depend on them.
    #[inline(always)]
    fn advance<M: Manifold>(&mut self, m: &M) {
        let Self { descent, landing } = self;
        descent.update(m, &SOLVER);
        let (zero, one) = (R::zero(), R::one());
        let near = R::select_gt(R::constant(NEAR), descent.residual, one, zero);
        let landed = near - descent.done;
        let moved = R::select_gt(descent.residual, R::constant(NOTHING), landed, zero);
        let landed = R::select_gt(descent.steps, one, landed, moved);
        for c in 0..landing.len() {
            landing[c] = R::select_gt(landed, zero, descent.trial.y[c], landing[c]);
        }
        descent.done = descent.done.max(near);
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
        let (m, n) = (&map.manifold, map.manifold.ambient());
        let Buffers { theta: single, pack, evaluator } = work.get::<Buffers<P, R, D>>();
        single.clear();
        single.extend(theta.iter().map(|&w| w as f32));
        let span = Span { start: 0, len: points.len() / n };
        for p in 0..span.packs::<R>() {
            pack.descent.load(m, span, p, points);
            pack.start();
            for _ in 0..MOST {
                if !pack.descent.is_active() {
                    break;
                }
                evaluator.evaluate((m, &map.potential, single), &mut pack.descent.trial, &mut []);
                pack.advance(m);
            }
            let Approach { descent, landing } = &*pack;
            for c in 0..n {
                span.store(landing[c], &mut trace.y, n, c, p);
            }
            span.each::<R>(p, |sample, lane| {
                trace.single_steps[sample] = descent.steps.lane(lane) as u32;
            });
        }
    }
}
