//! One layer: a potential on a manifold as a map, behind an interface of plain slices.

mod direction;
mod eigenvalue_floor;
mod local_jet;
pub mod log_det;
pub mod pull_back;
mod record;
mod run;
pub mod solve;

use std::fmt::Debug;

use ircpm_ad::Isa;
use ircpm_manifolds::Manifold;

pub use direction::Direction;
pub(crate) use eigenvalue_floor::clamp_layer;
use pull_back::PullBack;
pub use pull_back::{Cotangents, Gradients, ThetaGradient};
pub use record::{Record, SolveStats};
use run::{Run, Values};
pub use solve::{Method, Solver};

use crate::lanes::Workspace;
use crate::potential::Potential;

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
        record: &mut Record,
        work: &mut Workspace,
    );

    /// Pulls cotangents back through a run, whose record was [`Record::for_gradients`]: adds to the parameters' gradient and
    /// overwrites the cotangents of the points that the run started from. Those of samples that are not [`Record::ok`] must be
    /// zero.
    ///
    /// # Panics
    /// Also if the record is not of this map, or saves nothing.
    fn pull_back(
        &self,
        direction: Direction,
        theta: &[f64],
        record: &Record,
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
        record: &mut Record,
        work: &mut Workspace,
    ) {
        assert_eq!(theta.len(), self.parameters(), "parameters of a map");
        let n = self.manifold.ambient();
        assert!(points.len().is_multiple_of(n), "points have {n} coordinates");
        record.resize(points.len() / n, n, D);
        self.isa.dispatch(Run { map: self, direction, theta, points, record, work });
    }

    fn pull_back(
        &self,
        direction: Direction,
        theta: &[f64],
        record: &Record,
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
                    self.parameters() * record.ok.len(),
                    "gradients of every sample of a map"
                );
            }
        }
        assert_eq!(into.points.len(), record.y.len(), "cotangents of the points");
        assert!(record.saves, "a record to pull back through is `Record::for_gradients()`");
        self.isa.dispatch(PullBack { map: self, direction, theta, record, cotangents, into, work });
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
