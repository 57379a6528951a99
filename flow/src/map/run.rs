//! The kernels of a layer: a batch in either direction, and the values of psi.

use ircpm_ad::{Kernel, Real};
use ircpm_manifolds::Cost;

use super::dense_hessian::DenseHessian;
use super::local_jet::{JetEvaluator, LocalJet, Problem, from_frame};
use super::solve::{Method, SolveState, Solver, warm_start};
use super::{Direction, Record, log_det};
use crate::lanes::{Span, Workspace};
use crate::potential::{Potential, resize};
use crate::small::Cholesky;

/// Runs a batch in either direction.
pub(super) struct Run<'a, M, P, const D: usize> {
    pub manifold: &'a M,
    pub potential: &'a P,
    pub solver: &'a Solver,
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

/// What the potential saved of every pack of a batch.
struct SavedPacks<T>(Vec<T>);

impl<T> Default for SavedPacks<T> {
    fn default() -> Self {
        Self(vec![])
    }
}

/// What the potential saved of every pack.
///
/// # Panics
/// If another map made the record.
pub(super) fn saved_packs<P: Potential, R: Real, const D: usize>(record: &Record) -> &[P::Saved<R, D>] {
    let packs = record.saved().get::<SavedPacks<P::Saved<R, D>>>();
    &packs.expect("a record is pulled back through the map that made it").0
}

impl<M: Cost, P: Potential, const D: usize> Kernel for Run<'_, M, P, D> {
    type Output = ();

    /// Each pack finishes before the next one starts, so that what it saves is overwritten in a near cache.
    #[inline(always)]
    fn run<R: Real>(self) {
        let Run { manifold: m, potential, solver, direction, theta, points, record, work } = self;
        let (problem, n) = (Problem { manifold: m, potential, theta }, m.ambient());
        record.single_steps.fill(0);
        let mut warm_started = false;
        // Decided when compiled: what is never called is not compiled either.
        if const { P::WARM_START && R::Single::LANES > R::LANES } {
            warm_started = direction == Direction::Forward && solver.method == Method::Newton;
            if warm_started {
                warm_start::<_, _, R::Single, D>(problem, points, record, work);
            }
        }
        let RunWorkspace { state, evaluator, tangent } = work.get::<RunWorkspace<P, R, D>>();
        resize(tangent, n);
        let span = Span { start: 0, len: points.len() / n };
        let packs = span.packs::<R>();
        let SavedPacks(mut saved) =
            std::mem::take(record.saved_mut().get_mut::<SavedPacks<P::Saved<R, D>>>());
        if record.saves() && saved.len() < packs {
            saved.resize_with(packs, Default::default);
        }
        let mut dense = std::mem::take(record.saved_mut().get_mut::<DenseHessian>());
        for p in 0..packs {
            state.load(m, span, p, points);
            if warm_started {
                state.load_start(m, span, p, &record.y);
            }
            state.start(R::one());
            let saved = if record.saves() { Some(&mut saved[p]) } else { None };
            solve_pack(problem, solver, direction, state, evaluator, saved);
            R::vectorized(
                #[inline(always)]
                || write_pack(m, direction, (span, p), state, record, &mut dense, tangent),
            );
        }
        record.saved_mut().get_mut::<SavedPacks<P::Saved<R, D>>>().0 = saved;
        *record.saved_mut().get_mut::<DenseHessian>() = dense;
    }
}

/// Forward, the minimisation; inverse, one evaluation, because the points are the images.
#[inline(always)]
fn solve_pack<M: Cost, P: Potential, R: Real, const D: usize>(
    problem: Problem<'_, M, P, f64>,
    solver: &Solver,
    direction: Direction,
    state: &mut SolveState<R, D>,
    evaluator: &mut JetEvaluator<P, R, D>,
    mut saved: Option<&mut P::Saved<R, D>>,
) {
    for _ in 0..solver.max_steps {
        if !state.is_active() {
            break;
        }
        evaluator.evaluate(problem, &mut state.trial, saved.as_deref_mut());
        match direction {
            Direction::Forward => state.update(problem.manifold, solver),
            Direction::Inverse => state.take_trial(),
        }
    }
    if let Some(saved) = saved {
        // If the last trial was rejected, evaluate once more at the accepted point, so that the saved values belong to
        // it.
        if state.is_away_from_result() {
            evaluator.evaluate(problem, &mut state.trial, Some(&mut *saved));
        }
        problem.potential.mask_nonfinite(saved, &state.trial.psi);
    }
}

/// Writes one pack's results: `x`, `y`, `grad psi`, `H`, the log-determinant, and whether they mean something.
#[inline(always)]
fn write_pack<M: Cost, R: Real, const D: usize>(
    m: &M,
    direction: Direction,
    (span, p): (Span, usize),
    state: &mut SolveState<R, D>,
    record: &mut Record,
    dense: &mut DenseHessian,
    tangent: &mut [R],
) {
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
        // A coordinate that psi does not read may be NaN while everything else is finite.
        finite = R::select_gt(R::constant(f64::INFINITY), state.x[c].abs(), finite, R::zero());
        span.store(state.x[c], &mut record.x, n, c, p);
        span.store(y[c], &mut record.y, n, c, p);
    }
    let h = log_det::hessian(m, &g, &psi.hess);
    let factor = Cholesky::new(&h);
    for i in 0..D {
        span.store(g[i], &mut dense.gradient, D, i, p);
        for j in 0..D {
            span.store(h[i][j], &mut dense.matrix, D * D, i * D + j, p);
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
struct ValuesWorkspace<P: Potential, R: Real> {
    sweep: P::SweepWorkspace<R>,
    z: Vec<R>,
}

impl<P: Potential, R: Real> Default for ValuesWorkspace<P, R> {
    fn default() -> Self {
        Self { sweep: Default::default(), z: vec![] }
    }
}

impl<M: Cost, P: Potential> Kernel for Values<'_, M, P> {
    type Output = ();

    #[inline(always)]
    fn run<R: Real>(self) {
        let n = self.manifold.ambient();
        let ValuesWorkspace { sweep, z } = self.work.get::<ValuesWorkspace<P, R>>();
        resize(z, n);
        self.potential.begin(1, sweep);
        let span = Span { start: 0, len: self.psi.len() };
        for p in 0..span.packs::<R>() {
            for c in 0..n {
                z[c] = span.load(self.points, n, c, p);
            }
            let psi = self.potential.forward(self.theta, 0, z, sweep);
            span.store(psi, self.psi, 1, 0, p);
        }
    }
}
