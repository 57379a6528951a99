//! The kernels of a layer: a batch in either direction, and the values of psi.

use ircpm_ad::simd::Task;
use ircpm_ad::{Kernel, Real};
use ircpm_manifolds::Manifold;

use super::local_jet::{JetEvaluator, LocalJet, from_frame};
use super::record::Record;
use super::solve::{Method, SolveState, Start};
use super::{ConcaveMap, Direction, log_det};
use crate::lanes::{Span, Workspace};
use crate::potential::{Potential, resize};
use crate::small::Cholesky;

/// Runs a batch in either direction.
pub(super) struct Run<'a, M, P, const D: usize> {
    pub map: &'a ConcaveMap<M, P, D>,
    pub direction: Direction,
    pub theta: &'a [f64],
    pub points: &'a [f64],
    pub record: &'a mut Record,
    pub work: &'a mut Workspace,
}

/// Buffers of a thread for [`Run`].
struct RunWorkspace<P: Potential, R: Real, const D: usize> {
    state: SolveState<R, D>,
    evaluator: JetEvaluator<P, R, D>,
    tangent: Vec<R>,
}

impl<P: Potential, R: Real, const D: usize> Default for RunWorkspace<P, R, D> {
    fn default() -> Self {
        Self { state: SolveState::default(), evaluator: JetEvaluator::default(), tangent: vec![] }
    }
}

impl<M: Manifold, P: Potential, const D: usize> Kernel for Run<'_, M, P, D> {
    type Output = ();

    /// A pack goes all the way before the next one starts: what it saves is overwritten in a near cache.
    #[inline(always)]
    fn run<R: Real>(self) {
        let Run { map, direction, theta, points, record, work } = self;
        let (m, n) = (&map.manifold, map.manifold.ambient());
        record.single_steps.fill(0);
        let mut warm_started = false;
        // Decided when compiled: what is never called is not compiled either.
        if const { P::WARM_START && R::Single::LANES > R::LANES } {
            warm_started = direction == Direction::Forward && map.solver.method == Method::Newton;
            if warm_started {
                R::Single::vectorized(Start::<_, _, R::Single, D>::new(map, theta, points, record, work));
            }
        }
        let RunWorkspace { state, evaluator, tangent } = work.get::<RunWorkspace<P, R, D>>();
        resize(tangent, n);
        let span = Span { start: 0, len: points.len() / n };
        let mut saved = std::mem::take(&mut record.saved);
        let saved_packs = saved.room::<P::Saved<R, D>>(if record.saves { span.packs::<R>() } else { 0 });
        for p in 0..span.packs::<R>() {
            state.load(m, span, p, points);
            if warm_started {
                state.load_start(m, span, p, &record.y);
            }
            state.start(R::one());
            map.solve_pack(
                direction,
                theta,
                state,
                evaluator,
                saved_packs.get_mut(p..=p).unwrap_or_default(),
            );
            R::vectorized(Finish { m, direction, span, p, state, record, tangent });
        }
        record.saved = saved;
    }
}

impl<M: Manifold, P: Potential, const D: usize> ConcaveMap<M, P, D> {
    /// Forward, the minimisation; inverse, one evaluation, because the points are the images.
    #[inline(always)]
    fn solve_pack<R: Real>(
        &self,
        direction: Direction,
        theta: &[f64],
        state: &mut SolveState<R, D>,
        evaluator: &mut JetEvaluator<P, R, D>,
        saved: &mut [P::Saved<R, D>],
    ) {
        let problem = (&self.manifold, &self.potential, theta);
        for _ in 0..self.solver.max_steps {
            if !state.is_active() {
                break;
            }
            evaluator.evaluate(problem, &mut state.trial, saved);
            match direction {
                Direction::Forward => state.update(&self.manifold, &self.solver),
                Direction::Inverse => state.accept(),
            }
        }
        // In the end what is saved must have been found at the results.
        if !saved.is_empty() && state.is_away_from_result() {
            evaluator.evaluate(problem, &mut state.trial, saved);
        }
        if let Some(saved) = saved.first_mut() {
            self.potential.mask_nonfinite(saved, &state.trial.psi);
        }
    }
}

/// Writes one pack's results: `x`, `y`, `grad psi`, `H`, the log-determinant, and whether all is well.
struct Finish<'a, M, R, const D: usize> {
    m: &'a M,
    direction: Direction,
    span: Span,
    p: usize,
    state: &'a mut SolveState<R, D>,
    record: &'a mut Record,
    tangent: &'a mut [R],
}

impl<M: Manifold, R: Real, const D: usize> Task for Finish<'_, M, R, D> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { m, direction, span, p, state, record, tangent } = self;
        let n = m.ambient();
        let LocalJet { y, frame, psi } = &mut state.best;
        let g = psi.grad;
        if direction == Direction::Inverse {
            from_frame(frame, &g, tangent);
            m.exp(y, tangent, &mut state.x);
            m.wrap(&mut state.x);
        }
        m.wrap(y);
        let mut finite = R::one();
        for c in 0..n {
            // A coordinate that psi does not read may be NaN, and yet all else in order.
            finite = R::select_gt(R::constant(f64::INFINITY), state.x[c].abs(), finite, R::zero());
            span.store(state.x[c], &mut record.x, n, c, p);
            span.store(y[c], &mut record.y, n, c, p);
        }
        let h = log_det::hessian(m, &g, &psi.hess);
        let factor = Cholesky::new(&h);
        for i in 0..D {
            span.store(g[i], &mut record.g, D, i, p);
            for j in 0..D {
                span.store(h[i][j], &mut record.h, D * D, i * D + j, p);
            }
        }
        span.store(log_det::log_det(m, &g, &factor), &mut record.log_det, 1, 0, p);
        span.store(state.residual, &mut record.residual, 1, 0, p);
        let inside = R::select_gt(m.domain_margin(&g), R::zero(), factor.definite, R::zero());
        let ok = R::select_gt(state.done, R::zero(), inside, R::zero()).min(finite);
        span.each::<R>(p, |sample, lane| {
            record.converged[sample] = state.done.lane(lane) > 0.0;
            record.ok[sample] = ok.lane(lane) > 0.0;
            record.steps[sample] = state.steps.lane(lane) as u32;
        });
    }
}

/// `psi` at a batch of points; one kernel for all dimensions.
pub(super) struct Values<'a, M, P> {
    pub manifold: &'a M,
    pub potential: &'a P,
    pub theta: &'a [f64],
    pub points: &'a [f64],
    pub psi: &'a mut [f64],
    pub work: &'a mut Workspace,
}

/// Buffers of a thread for [`Values`].
struct ValuesWorkspace<P: Potential, R: Real>(P::SweepWorkspace<R>, Vec<R>, Vec<R>);

impl<P: Potential, R: Real> Default for ValuesWorkspace<P, R> {
    fn default() -> Self {
        Self(Default::default(), vec![], vec![])
    }
}

impl<M: Manifold, P: Potential> Kernel for Values<'_, M, P> {
    type Output = ();

    #[inline(always)]
    fn run<R: Real>(self) {
        let n = self.manifold.ambient();
        let ValuesWorkspace(sweep, z, psi) = self.work.get::<ValuesWorkspace<P, R>>();
        for span in Span::all(self.psi.len()) {
            let packs = span.packs::<R>();
            resize(z, n * packs);
            resize(psi, packs);
            for k in 0..n * packs {
                z[k] = span.load(self.points, n, k % n, k / n);
            }
            self.potential.forward(self.theta, z, psi, sweep);
            for p in 0..packs {
                span.store(psi[p], self.psi, 1, 0, p);
            }
        }
    }
}
