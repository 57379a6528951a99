//! The flow of a potential's gradient: images and densities of batches.

use ircpm_ad::{Isa, Kernel, Real};
use ircpm_flow::{Expression, FeatureMap, Features, Network, Workspace};
use ircpm_manifolds::{AnyManifold, Base, Coordinates};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use rayon::prelude::*;

use super::field::{Field, Stage};
use super::runge_kutta::{Interval, STAGES, StepWorkspace, step};

/// Number of samples that a thread works on at a time: whole packs on every instruction set.
pub(super) const PART: usize = 32;

/// A manifold ODE flow on `M`, of dimension `D`: `steps` steps of one length from time 0 to 1.
#[derive(Clone, Debug)]
pub struct OdeFlow<M, const D: usize> {
    /// A torus or a sphere.
    pub manifold: M,
    /// psi, a function of the coordinates and, if it has one input more than they are, of time.
    pub network: Network,
    /// Number of steps.
    pub steps: usize,
    /// The instruction set of the packs.
    pub isa: Isa,
}

/// Points at the other end of the flow, with log-densities.
#[derive(Clone, Debug)]
pub struct Images {
    /// `[sample][coordinate]`.
    pub points: Vec<f64>,
    /// `log q` at the end at time 1, with respect to the Riemannian volume.
    pub log_q: Vec<f64>,
}

/// Which end of the flow points are given at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Base points.
    Start,
    /// Points whose density is asked for.
    Finish,
}

impl<M: Base + Into<AnyManifold>, const D: usize> OdeFlow<M, D> {
    /// The flow of a network with the given features and hidden widths, which `timed` says whether time is an input of.
    ///
    /// # Panics
    /// If the manifold is neither a torus nor a sphere of dimension `D`, or the features do not fit it.
    pub fn new(manifold: M, features: &Features, hidden: &[usize], timed: bool, steps: usize) -> Self {
        assert_eq!(manifold.dim(), D, "dimension of {manifold}");
        let kinds = manifold.coordinates();
        let known = matches!(kinds[..], [Coordinates::Angles(_) | Coordinates::UnitVector(_)]);
        assert!(known, "{manifold} is neither a torus nor a sphere");
        // Time is one more coordinate that is no angle: a conditioning variable of the features.
        let of = if timed {
            format!("{manifold}xC1").parse().expect("a product with one variable")
        } else {
            manifold.clone().into()
        };
        let features = FeatureMap::new(features, &of).expect("features of the manifold");
        let network = Network::new(features, hidden, 1.0);
        Self { manifold, network, steps, isa: Isa::best() }
    }

    /// Number of parameters.
    pub fn parameters(&self) -> usize {
        self.network.parameters()
    }

    /// Random parameters, by the network's own rule.
    pub fn initial(&self, seed: u64) -> Vec<f64> {
        let (mut rng, mut theta) = (Pcg64::seed_from_u64(seed), vec![0.0; self.parameters()]);
        self.network.initial(&mut |bound| rng.random_range(-bound..bound), &mut theta);
        theta
    }

    /// Images of base points `x`, `[sample][coordinate]`.
    ///
    /// # Panics
    /// If a slice has the wrong length.
    pub fn forward(&self, theta: &[f64], x: &[f64]) -> Images {
        self.run(End::Start, theta, x)
    }

    /// Preimages of points `y`, with `log q(y)`, by integration back in time.
    ///
    /// # Panics
    /// If a slice has the wrong length.
    pub fn inverse(&self, theta: &[f64], y: &[f64]) -> Images {
        self.run(End::Finish, theta, y)
    }

    fn run(&self, end: End, theta: &[f64], points: &[f64]) -> Images {
        let n = self.manifold.ambient();
        let parts: Vec<Images> = points
            .par_chunks(PART * n)
            .map(|given| {
                let mut out = Images { points: vec![0.0; given.len()], log_q: vec![0.0; given.len() / n] };
                Workspace::with(|work| {
                    let into = &mut out;
                    self.isa.dispatch(Integration { flow: self, end, theta, given, into, work });
                });
                out
            })
            .collect();
        let mut all = Images { points: vec![], log_q: vec![] };
        for part in parts {
            all.points.extend(part.points);
            all.log_q.extend(part.log_q);
        }
        all
    }
}

impl<M, const D: usize> OdeFlow<M, D> {
    /// Step number `k` from the given end.
    pub(super) fn interval(&self, end: End, k: usize) -> Interval {
        let length = 1.0 / self.steps as f64;
        match end {
            End::Start => Interval { start: k as f64 * length, length },
            End::Finish => Interval { start: 1.0 - k as f64 * length, length: -length },
        }
    }
}

/// Reads the samples from number `start` on into one pack; the last one fills lanes past the end.
#[inline(always)]
pub(super) fn load<R: Real>(points: &[f64], n: usize, start: usize, y: &mut Vec<R>) {
    let last = points.len() / n - 1;
    y.resize(n, R::zero());
    for c in 0..n {
        y[c] = R::from_fn(|lane| points[(start + lane).min(last) * n + c]);
    }
}

/// The kernel of [`OdeFlow::forward`] and [`OdeFlow::inverse`].
struct Integration<'a, M, const D: usize> {
    flow: &'a OdeFlow<M, D>,
    end: End,
    theta: &'a [f64],
    given: &'a [f64],
    into: &'a mut Images,
    work: &'a mut Workspace,
}

/// Buffers of a thread.
struct Buffers<R: Real, const D: usize> {
    s: Vec<R>,
    stages: Vec<Stage<R, D>>,
    work: StepWorkspace<R, D>,
}

impl<R: Real, const D: usize> Default for Buffers<R, D> {
    fn default() -> Self {
        let stages = (0..STAGES).map(|_| Stage::default()).collect();
        Self { s: vec![], stages, work: StepWorkspace::default() }
    }
}

impl<M: Base, const D: usize> Kernel for Integration<'_, M, D> {
    type Output = ();

    #[inline(always)]
    fn run<R: Real>(self) {
        let Integration { flow, end, theta, given, into, work } = self;
        let (m, n) = (&flow.manifold, flow.manifold.ambient());
        let field = Field::new(m, &flow.network, theta);
        let Buffers { s, stages, work } = work.get::<Buffers<R, D>>();
        for start in (0..into.log_q.len()).step_by(R::LANES) {
            load(given, n, start, s);
            let at_base = m.log_base(s);
            let mut integral = R::zero();
            for k in 0..flow.steps {
                integral += step(&field, flow.interval(end, k), false, s, stages, work);
            }
            field.retract(s);
            m.wrap(s);
            let log_q = match end {
                End::Start => at_base - integral,
                End::Finish => m.log_base(s) + integral,
            };
            for lane in 0..R::LANES.min(into.log_q.len() - start) {
                into.log_q[start + lane] = log_q.lane(lane);
                for c in 0..n {
                    into.points[(start + lane) * n + c] = s[c].lane(lane);
                }
            }
        }
    }
}
