//! One layer: a potential on a manifold as a map, behind an interface of plain slices.

use std::fmt::Debug;

use ircpm_ad::isa::Task;
use ircpm_ad::{Isa, Kernel, Real};
use ircpm_manifolds::Manifold;

use crate::approach::Start;
use crate::cholesky::Cholesky;
use crate::log_det;
use crate::potential::{Potential, resize};
use crate::pull_back::{Cotangents, Gradients, PullBack, ThetaGradient};
use crate::site::{Evaluator, Site, from_frame};
use crate::solve::{Descent, Method, Solver};
use crate::tile::Span;
use crate::trace::Trace;
use crate::workspace::Workspace;

/// Which way a layer is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// `x ↦ y`, by the inner minimisation.
    Forward,
    /// `y ↦ x = exp_y(grad psi(y))`, in closed form.
    Inverse,
}

/// A layer of a flow: `T : M → M` with its log-determinant and gradients, over batches of plain numbers.
///
/// # Panics
/// Every method may panic when a slice has the wrong length.
pub trait Map: Debug + Send + Sync {
    /// Number of parameters.
    fn parameters(&self) -> usize;

    /// Runs a batch of points, `[sample][coordinate]`, in either direction.
    fn run(
        &self,
        direction: Direction,
        theta: &[f64],
        points: &[f64],
        trace: &mut Trace,
        work: &mut Workspace,
    );

    /// Pulls cotangents back through a run, whose trace was [`Trace::keeping`]: adds to the parameters' gradient and
    /// overwrites the cotangents of the points that the run started from. Those of samples that are not [`Trace::ok`] must be
    /// zero.
    ///
    /// # Panics
    /// Also if the trace is not of this map, or keeps nothing.
    fn pull_back(
        &self,
        direction: Direction,
        theta: &[f64],
        trace: &Trace,
        cotangents: Cotangents<'_>,
        into: Gradients<'_>,
        work: &mut Workspace,
    );

    /// `psi` at a batch of points.
    fn potential(&self, theta: &[f64], points: &[f64], psi: &mut [f64], work: &mut Workspace);

    /// Turns the parameters of `psi` into those of `factor · psi`; `false`, and nothing changed, where there are none.
    fn rescale(&self, _theta: &mut [f64], _factor: f64) -> bool {
        false
    }
}

/// The implicit Riemannian concave potential map of a potential on a manifold of dimension `D`.
///
/// The dimension is part of the type, so that only the kernels that are used are compiled.
#[derive(Clone, Debug)]
pub struct ConcaveMap<M, P, const D: usize> {
    pub(crate) manifold: M,
    pub(crate) potential: P,
    solver: Solver,
    isa: Isa,
}

impl<M: Manifold, P: Potential, const D: usize> ConcaveMap<M, P, D> {
    /// The map of `potential` on `manifold`, on the given instruction set.
    ///
    /// # Panics
    /// If the manifold's dimension is not `D`, if the potential reads another number of coordinates than points have, or if the
    /// solver may take no step.
    pub fn new(manifold: M, potential: P, solver: Solver, isa: Isa) -> Self {
        assert_eq!(manifold.dim(), D, "dimension of {manifold:?}");
        assert_eq!(potential.inputs(), manifold.ambient(), "coordinates that the potential reads");
        assert!(solver.max_steps > 0, "a solver that may not evaluate anything");
        Self { manifold, potential, solver, isa }
    }
}

impl<M: Manifold + 'static, P: Potential, const D: usize> Map for ConcaveMap<M, P, D> {
    fn parameters(&self) -> usize {
        self.potential.parameters()
    }

    fn run(
        &self,
        direction: Direction,
        theta: &[f64],
        points: &[f64],
        trace: &mut Trace,
        work: &mut Workspace,
    ) {
        assert_eq!(theta.len(), self.parameters(), "parameters of a map");
        let n = self.manifold.ambient();
        assert!(points.len().is_multiple_of(n), "points have {n} coordinates");
        trace.resize(points.len() / n, n, D);
        self.isa.dispatch(Run { map: self, direction, theta, points, trace, work });
    }

    fn pull_back(
        &self,
        direction: Direction,
        theta: &[f64],
        trace: &Trace,
        cotangents: Cotangents<'_>,
        into: Gradients<'_>,
        work: &mut Workspace,
    ) {
        assert_eq!(theta.len(), self.parameters(), "parameters of a map");
        match &into.theta {
            ThetaGradient::Sum(sum) => {
                assert_eq!(sum.len(), self.parameters(), "gradient in the parameters of a map");
            }
            ThetaGradient::Each(columns) => {
                assert_eq!(
                    columns.len(),
                    self.parameters() * trace.ok.len(),
                    "gradients of every sample of a map"
                );
            }
        }
        assert_eq!(into.points.len(), trace.y.len(), "cotangents of the points");
        assert!(trace.keeps, "a trace to pull back through is `Trace::keeping()`");
        self.isa.dispatch(PullBack { map: self, direction, theta, trace, cotangents, into, work });
    }

    fn potential(&self, theta: &[f64], points: &[f64], psi: &mut [f64], work: &mut Workspace) {
        let Self { manifold, potential, .. } = self;
        self.isa.dispatch(Values { manifold, potential, theta, points, psi, work });
    }

    fn rescale(&self, theta: &mut [f64], factor: f64) -> bool {
        assert_eq!(theta.len(), self.parameters(), "parameters of a map");
        self.potential.rescale(theta, factor)
    }
}

/// Runs a batch in either direction.
struct Run<'a, M, P, const D: usize> {
    map: &'a ConcaveMap<M, P, D>,
    direction: Direction,
    theta: &'a [f64],
    points: &'a [f64],
    trace: &'a mut Trace,
    work: &'a mut Workspace,
}

/// Buffers of a thread for [`Run`].
struct RunWork<P: Potential, R: Real, const D: usize> {
    pack: Descent<R, D>,
    evaluator: Evaluator<P, R, D>,
    tangent: Vec<R>,
}

impl<P: Potential, R: Real, const D: usize> Default for RunWork<P, R, D> {
    fn default() -> Self {
        Self { pack: Descent::default(), evaluator: Evaluator::default(), tangent: vec![] }
    }
}

impl<M: Manifold, P: Potential, const D: usize> Kernel for Run<'_, M, P, D> {
    type Output = ();

    /// A pack goes all the way before the next one starts: what it keeps is overwritten in a near cache.
    #[inline(always)]
    fn run<R: Real>(self) {
        let Run { map, direction, theta, points, trace, work } = self;
        let (m, n) = (&map.manifold, map.manifold.ambient());
        trace.single_steps.fill(0);
        let mut approached = false;
        // Decided when compiled: what is never called is not compiled either.
        if const { P::APPROACH && R::Single::LANES > R::LANES } {
            approached = direction == Direction::Forward && map.solver.method == Method::Newton;
            if approached {
                R::Single::vectorized(Start::<_, _, R::Single, D>::new(map, theta, points, trace, work));
            }
        }
        let RunWork { pack, evaluator, tangent } = work.get::<RunWork<P, R, D>>();
        resize(tangent, n);
        let span = Span { start: 0, len: points.len() / n };
        let mut kept = std::mem::take(&mut trace.kept);
        let kept_packs = kept.room::<P::Kept<R, D>>(if trace.keeps { span.packs::<R>() } else { 0 });
        for p in 0..span.packs::<R>() {
            pack.load(m, span, p, points);
            if approached {
                pack.load_start(m, span, p, &trace.y);
            }
            pack.start(R::one());
            map.descend(direction, theta, pack, evaluator, kept_packs.get_mut(p..=p).unwrap_or_default());
            R::vectorized(Finish { m, direction, span, p, pack, trace, tangent });
        }
        trace.kept = kept;
    }
}

impl<M: Manifold, P: Potential, const D: usize> ConcaveMap<M, P, D> {
    /// Forward, the minimisation; inverse, one evaluation, because the points are the images.
    #[inline(always)]
    fn descend<R: Real>(
        &self,
        direction: Direction,
        theta: &[f64],
        pack: &mut Descent<R, D>,
        evaluator: &mut Evaluator<P, R, D>,
        kept: &mut [P::Kept<R, D>],
    ) {
        let problem = (&self.manifold, &self.potential, theta);
        for _ in 0..self.solver.max_steps {
            if !pack.is_active() {
                break;
            }
            evaluator.evaluate(problem, &mut pack.trial, kept);
            match direction {
                Direction::Forward => pack.update(&self.manifold, &self.solver),
                Direction::Inverse => pack.accept(),
            }
        }
        // In the end what is kept must have been found at the results.
        if !kept.is_empty() && pack.is_elsewhere() {
            evaluator.evaluate(problem, &mut pack.trial, kept);
        }
        if let Some(kept) = kept.first_mut() {
            self.potential.hold_finite(kept, &pack.trial.psi);
        }
    }
}

/// Writes one pack's results: `x`, `y`, `grad psi`, `H`, the log-determinant, and whether all is well.
struct Finish<'a, M, R, const D: usize> {
    m: &'a M,
    direction: Direction,
    span: Span,
    p: usize,
    pack: &'a mut Descent<R, D>,
    trace: &'a mut Trace,
    tangent: &'a mut [R],
}

impl<M: Manifold, R: Real, const D: usize> Task for Finish<'_, M, R, D> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { m, direction, span, p, pack, trace, tangent } = self;
        let n = m.ambient();
        let Site { y, frame, psi } = &mut pack.best;
        let g = psi.grad;
        if direction == Direction::Inverse {
            from_frame(frame, &g, tangent);
            m.exp(y, tangent, &mut pack.x);
            m.wrap(&mut pack.x);
        }
        m.wrap(y);
        let mut finite = R::one();
        for c in 0..n {
            // A coordinate that psi does not read may be NaN, and yet all else in order.
            finite = R::select_gt(R::constant(f64::INFINITY), pack.x[c].abs(), finite, R::zero());
            span.store(pack.x[c], &mut trace.x, n, c, p);
            span.store(y[c], &mut trace.y, n, c, p);
        }
        let h = log_det::hessian(m, &g, &psi.hess);
        let factor = Cholesky::new(&h);
        for i in 0..D {
            span.store(g[i], &mut trace.g, D, i, p);
            for j in 0..D {
                span.store(h[i][j], &mut trace.h, D * D, i * D + j, p);
            }
        }
        span.store(log_det::log_det(m, &g, &factor), &mut trace.log_det, 1, 0, p);
        span.store(pack.residual, &mut trace.residual, 1, 0, p);
        let inside = R::select_gt(m.domain_margin(&g), R::zero(), factor.definite, R::zero());
        let ok = R::select_gt(pack.done, R::zero(), inside, R::zero()).min(finite);
        span.each::<R>(p, |sample, lane| {
            trace.converged[sample] = pack.done.lane(lane) > 0.0;
            trace.ok[sample] = ok.lane(lane) > 0.0;
            trace.steps[sample] = pack.steps.lane(lane) as u32;
        });
    }
}

/// `psi` at a batch of points; one kernel for all dimensions.
struct Values<'a, M, P> {
    manifold: &'a M,
    potential: &'a P,
    theta: &'a [f64],
    points: &'a [f64],
    psi: &'a mut [f64],
    work: &'a mut Workspace,
}

/// Buffers of a thread for [`Values`].
struct ValuesWork<P: Potential, R: Real>(P::Sweep<R>, Vec<R>, Vec<R>);

impl<P: Potential, R: Real> Default for ValuesWork<P, R> {
    fn default() -> Self {
        Self(Default::default(), vec![], vec![])
    }
}

impl<M: Manifold, P: Potential> Kernel for Values<'_, M, P> {
    type Output = ();

    #[inline(always)]
    fn run<R: Real>(self) {
        let n = self.manifold.ambient();
        let ValuesWork(sweep, z, psi) = self.work.get::<ValuesWork<P, R>>();
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
