//! The kernels of a discrete map: a batch in either direction, and the values of `phi`.

use ircpm_ad::{Kernel, Real};
use ircpm_manifolds::{Base, Cost};

use super::DiscreteMap;
use super::sites::Sites;
use super::terms::{PhiJet, Terms, cost_hessian, dot, minus, plus};
use crate::lanes::{Span, Workspace};
use crate::map::local_jet::{from_frame, to_frame};
use crate::map::{Direction, Record};
use crate::potential::resize;
use crate::small::Cholesky;

/// Runs a batch in either direction.
pub(super) struct Run<'a, M, const D: usize> {
    pub map: &'a DiscreteMap<M, D>,
    pub sites: &'a Sites,
    pub direction: Direction,
    pub points: &'a [f64],
    pub record: &'a mut Record,
    pub work: &'a mut Workspace,
}

/// Buffers of a thread.
struct Buffers<R, const D: usize> {
    terms: Terms<R, D>,
    search: Search<R, D>,
    y: Vec<R>,
}

impl<R: Real, const D: usize> Default for Buffers<R, D> {
    fn default() -> Self {
        Self { terms: Terms::default(), search: Search::default(), y: vec![] }
    }
}

impl<M: Cost + Base, const D: usize> Kernel for Run<'_, M, D> {
    type Output = ();

    #[inline(always)]
    fn run<R: Real>(self) {
        let Run { map, sites, direction, points, record, work } = self;
        let n = map.manifold.ambient();
        let Buffers { terms, search, y } = work.get::<Buffers<R, D>>();
        terms.reserve(map, sites);
        resize(y, n);
        record.single_steps.fill(0);
        let span = Span { start: 0, len: points.len() / n };
        for p in 0..span.packs::<R>() {
            for c in 0..n {
                terms.x[c] = span.load(points, n, c, p);
                y[c] = terms.x[c];
            }
            let phi = match direction {
                Direction::Forward => {
                    search.mark_explicit();
                    terms.evaluate(map, sites)
                }
                Direction::Inverse => search.run(map, sites, terms, y),
            };
            R::vectorized(
                #[inline(always)]
                || write_pack(map, direction, (span, p), (terms, y), phi, search, record),
            );
        }
    }
}

/// Writes what was found of pack `p`.
#[inline(always)]
fn write_pack<M: Cost + Base, R: Real, const D: usize>(
    map: &DiscreteMap<M, D>,
    direction: Direction,
    (span, p): (Span, usize),
    (terms, y): (&mut Terms<R, D>, &mut [R]),
    phi: PhiJet<R, D>,
    search: &Search<R, D>,
    record: &mut Record,
) {
    let (m, n) = (&map.manifold, y.len());
    if direction == Direction::Forward {
        terms.exponential(map, &phi.v, y);
        m.wrap(y);
    } else {
        m.wrap(&mut terms.x);
    }
    let cholesky = Cholesky::new(&plus(&cost_hessian(m, &phi.v), &phi.minus_hessian));
    let log_det = cholesky.log_det() - m.mixed_log_det(&phi.v);
    let margin = m.domain_margin(&phi.v);
    let zero = R::zero();
    let inside = R::select_gt(margin, zero, cholesky.definite, zero);
    // Not greater for NaN as well.
    let finite = R::select_gt(R::constant(f64::MAX), log_det.abs(), inside, zero);
    let converged = search.converged();
    let ok = R::select_gt(converged, zero, finite, zero);
    for c in 0..n {
        span.store(terms.x[c], &mut record.x, n, c, p);
        span.store(y[c], &mut record.y, n, c, p);
    }
    span.store(log_det, &mut record.log_det, 1, 0, p);
    span.store(search.residual, &mut record.residual, 1, 0, p);
    span.each::<R>(p, |sample, lane| {
        record.ok[sample] = ok.lane(lane) > 0.0;
        record.converged[sample] = converged.lane(lane) > 0.0;
        record.steps[sample] = search.steps.lane(lane) as u32;
    });
}

/// The minimisation of `f(x) = c(x, y) − phi(x)` by Newton steps with backtracking, one pack of samples.
///
/// `grad f = v − u` with `u = log_x(y)`, and `Hess f = C(u) − Hess phi`.
struct Search<R, const D: usize> {
    /// The best points so far.
    best: Vec<R>,
    /// Newton's steps from there, ambient coordinates.
    velocity: Vec<R>,
    /// Scratch for an ambient vector.
    ambient: Vec<R>,
    /// Norm of the gradient at the best point, in radians.
    residual: R,
    /// Number of evaluations.
    steps: R,
}

/// A residual below this ends a search, in units of `1 + |u|`.
const TOLERANCE: f64 = 1e-13;
/// A residual below this at the end of all steps counts as rounding.
const CONVERGED: f64 = 1e-10;
/// Most evaluations.
const MAX_STEPS: usize = 200;
/// Longest step, in radians, because `f` is nearly flat where one term has all the weight.
const LONGEST_STEP: f64 = 1.0;
/// Share of the predicted decrease that a step must deliver (Armijo's condition).
const SUFFICIENT: f64 = 1e-4;
/// Differences of `f` below this, in units of its size, are rounding.
const NOISE: f64 = 1e-13;

impl<R: Real, const D: usize> Default for Search<R, D> {
    fn default() -> Self {
        Self { best: vec![], velocity: vec![], ambient: vec![], residual: R::zero(), steps: R::zero() }
    }
}

/// A step from a point, in the frame there.
#[derive(Clone, Copy)]
struct Step<R, const D: usize> {
    f: R,
    residual: R,
    direction: [R; D],
    slope: R,
}

impl<R: Real, const D: usize> Search<R, D> {
    /// Leaves what a run without a search reports.
    #[inline(always)]
    fn mark_explicit(&mut self) {
        (self.residual, self.steps) = (R::zero(), R::zero());
    }

    /// One where the last search ended at a minimum.
    #[inline(always)]
    fn converged(&self) -> R {
        R::select_gt(R::constant(CONVERGED), self.residual, R::one(), R::zero())
    }

    /// Finds the points `x` with `T(x) = y`, leaves them in `terms`, and returns the potential there.
    ///
    /// A trial goes from the best point along the frame there, so that the direction is kept in ambient coordinates.
    #[inline(always)]
    fn run<M: Cost + Base>(
        &mut self,
        map: &DiscreteMap<M, D>,
        sites: &Sites,
        terms: &mut Terms<R, D>,
        y: &[R],
    ) -> PhiJet<R, D> {
        let n = y.len();
        let (zero, one) = (R::zero(), R::one());
        resize(&mut self.best, n);
        resize(&mut self.velocity, n);
        resize(&mut self.ambient, n);
        let phi = terms.evaluate(map, sites);
        let mut step = self.step(map, terms, &phi, y);
        from_frame(&terms.frame, &step.direction, &mut self.velocity);
        self.best.copy_from_slice(&terms.x);
        self.steps = one;
        let mut length = one;
        for _ in 1..MAX_STEPS {
            let active = R::select_gt(step.residual, R::constant(TOLERANCE), one, zero);
            if active.sum() == 0.0 {
                break;
            }
            for c in 0..n {
                self.ambient[c] = self.velocity[c] * length * active;
            }
            map.manifold.exp(&self.best, &self.ambient, &mut terms.x);
            let trial_phi = terms.evaluate(map, sites);
            let trial = self.step(map, terms, &trial_phi, y);
            self.steps += active;
            let bound = step.f + length * step.slope * SUFFICIENT + (step.f.abs() + 1.0) * NOISE;
            let lower = R::select_gt(trial.f, bound, zero, active);
            // Where differences of f are rounding the gradient decides.
            let near = R::select_gt(step.residual * 0.9, trial.residual, active, zero);
            let close = R::select_gt(R::constant(1e-6), step.residual, near, lower);
            let take = |new: R, old: R| R::select_gt(close, zero, new, old);
            from_frame(&terms.frame, &trial.direction, &mut self.ambient);
            for c in 0..n {
                self.best[c] = take(terms.x[c], self.best[c]);
                self.velocity[c] = take(self.ambient[c], self.velocity[c]);
            }
            step.f = take(trial.f, step.f);
            step.residual = take(trial.residual, step.residual);
            step.slope = take(trial.slope, step.slope);
            length = take(one, length * 0.5);
        }
        self.residual = step.residual;
        terms.x.copy_from_slice(&self.best);
        terms.evaluate(map, sites)
    }

    /// The objective and Newton's step at [`Terms::x`]; the gradient's where the Hessian is not positive definite.
    #[inline(always)]
    fn step<M: Cost + Base>(
        &mut self,
        map: &DiscreteMap<M, D>,
        terms: &Terms<R, D>,
        phi: &PhiJet<R, D>,
        y: &[R],
    ) -> Step<R, D> {
        let (m, zero) = (&map.manifold, R::zero());
        m.log_on_cover(&terms.x, y, &mut self.ambient);
        let u: [R; D] = to_frame(m, &terms.x, &terms.frame, &mut self.ambient);
        let distance = dot(&u, &u);
        let gradient = minus(&phi.v, &u);
        let cholesky = Cholesky::new(&plus(&cost_hessian(m, &u), &phi.minus_hessian));
        let newton = cholesky.solve(gradient);
        let mut direction = [zero; D];
        for i in 0..D {
            direction[i] = -R::select_gt(cholesky.definite, zero, newton[i], gradient[i]);
        }
        let norm = dot(&direction, &direction).sqrt();
        let shorten =
            R::select_gt(norm, R::constant(LONGEST_STEP), R::constant(LONGEST_STEP) / norm, R::one());
        for i in 0..D {
            direction[i] *= shorten;
        }
        Step {
            f: distance * 0.5 - phi.value,
            residual: dot(&gradient, &gradient).sqrt() / (distance.sqrt() + 1.0),
            direction,
            slope: dot(&gradient, &direction),
        }
    }
}

/// Writes `phi` at a batch of points.
pub(super) struct Potentials<'a, M, const D: usize> {
    pub map: &'a DiscreteMap<M, D>,
    pub sites: &'a Sites,
    pub points: &'a [f64],
    pub phi: &'a mut [f64],
    pub work: &'a mut Workspace,
}

impl<M: Cost + Base, const D: usize> Kernel for Potentials<'_, M, D> {
    type Output = ();

    #[inline(always)]
    fn run<R: Real>(self) {
        let Potentials { map, sites, points, phi, work } = self;
        let n = map.manifold.ambient();
        let Buffers { terms, .. } = work.get::<Buffers<R, D>>();
        terms.reserve(map, sites);
        let span = Span { start: 0, len: phi.len() };
        for p in 0..span.packs::<R>() {
            for c in 0..n {
                terms.x[c] = span.load(points, n, c, p);
            }
            let found = terms.evaluate(map, sites);
            span.store(found.value, phi, 1, 0, p);
        }
    }
}
