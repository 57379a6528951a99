//! One layer: a potential on a manifold as a map, behind an interface of plain slices.

mod dense_hessian;
mod direction;
pub mod discrete;
pub mod linear;
mod local_jet;
pub mod log_det;
mod minimiser;
pub mod pull_back;
mod record;
mod run;
mod saved;
pub mod solve;

use std::fmt::Debug;

use dense_hessian::DenseHessian;
use ircpm_ad::Isa;
use ircpm_manifolds::{AnyManifold, Base, Cost};
use nalgebra::{DMatrix, DVector};

pub use direction::Direction;
pub use discrete::{Discrete, DiscreteError, DiscreteMap, OrbitGroup};
pub use linear::LinearMap;
pub use minimiser::{Minimiser, MinimiserError, Variation};
use pull_back::PullBack;
pub use pull_back::{Cotangents, Gradients, ThetaGradient};
pub use record::{Record, SolveStats};
use run::{Run, Values};
pub use saved::Saved;
pub use solve::{Method, Solver};

use crate::error::MapError;
use crate::lanes::Workspace;
use crate::potential::Potential;

/// A layer of a flow: `T : M → M` with its log-determinant and gradients, over batches of plain numbers.
///
/// [`ConcaveMap`] is the layer of this crate. Another diffeomorphism implements the same trait, and saves what its
/// backward pass needs in [`Record::saved_mut`].
///
/// A layer uses the [`Workspace`] that it is given. In [`Map::run`] and [`Map::pull_back`] it must not call a flow or
/// [`Workspace::with`], nor wait for rayon, because the thread's workspace is lent meanwhile.
///
/// # Panics
/// Every method may panic when a slice has the wrong length.
pub trait Map: Debug + Send + Sync {
    /// The manifold `M`.
    fn manifold(&self) -> &AnyManifold;

    /// Number of parameters.
    fn parameters(&self) -> usize;

    /// Writes random parameters to begin training with. `uniform(b)` returns a fresh number within `±b` at each call.
    fn initial(&self, uniform: &mut dyn FnMut(f64) -> f64, theta: &mut [f64]);

    /// Runs a batch of points, `[sample][coordinate]`, in either direction, and fills all arrays of `record`.
    fn run(
        &self,
        direction: Direction,
        theta: &[f64],
        points: &[f64],
        record: &mut Record,
        work: &mut Workspace,
    );

    /// Pulls cotangents back through a run into a record [`Record::for_gradients`].
    ///
    /// Adds to the parameters' gradient, and overwrites the cotangents of the points that the run started from. The
    /// given cotangents of samples that are not [`Record::ok`] must be zero.
    ///
    /// # Panics
    /// Also if the record is not of this map, or not for gradients.
    fn pull_back(
        &self,
        direction: Direction,
        theta: &[f64],
        record: &Record,
        cotangents: Cotangents<'_>,
        into: Gradients<'_>,
        work: &mut Workspace,
    );

    /// `H` of one sample of a batch that this map has run, in the frame at its image: `D × D`; `None` for maps without
    /// one.
    ///
    /// However a map stores `H`, this writes it out in full, to look at.
    fn hessian(&self, _record: &Record, _sample: usize) -> Option<DMatrix<f64>> {
        None
    }

    /// Writes `grad psi`, `[sample][D]`, and `Hess psi`, `[sample][D × D]`, at the images of a batch that this map has
    /// run, in the frames there. Returns `false`, and writes nothing, for maps without a potential, as by default.
    ///
    /// `Hess psi` is `H` less the Hessian of the cost, with the rounding of `H`. It means nothing after
    /// [`Map::clamp_eigenvalues`].
    fn potential_derivatives(&self, _record: &Record, _gradient: &mut [f64], _hessian: &mut [f64]) -> bool {
        false
    }

    /// Writes the smallest eigenvalue of every sample's `H`, whose sign tells whether the map folds there; NaN where it
    /// is not finite.
    ///
    /// By default, for maps that cannot fold: `∞`, and NaN where the sample is not [`Record::ok`].
    fn smallest_eigenvalues(&self, record: &Record, out: &mut [f64]) {
        for (out, &ok) in out.iter_mut().zip(&record.ok) {
            *out = if ok { f64::INFINITY } else { f64::NAN };
        }
    }

    /// Writes `log|det DT|` and the sign of `det DT` of every sample, where `H` is not positive definite as well.
    ///
    /// Where `H` is singular they are `∞` and 0; where it is not finite, or the preimage is beyond the injectivity
    /// radius, NaN and 0.
    ///
    /// By default, for maps that cannot fold: [`Record::log_det`] and 1, and NaN and 0 where the sample is not
    /// [`Record::ok`].
    fn signed_log_dets(&self, record: &Record, log_det: &mut [f64], sign: &mut [f64]) {
        for (s, &ok) in record.ok.iter().enumerate() {
            (log_det[s], sign[s]) = if ok { (record.log_det[s], 1.0) } else { (f64::NAN, 0.0) };
        }
    }

    /// Clamps the eigenvalues of `H` from below, where densities of given points are scored in training: `log det H` is
    /// continued below `floor` by the tangents of its logarithms, and [`Map::pull_back`] then uses the clamped matrix.
    ///
    /// Afterwards [`Record::ok`] says that a sample is finite and within the injectivity radius. Writes the smallest
    /// eigenvalue of every sample to `lowest` where it is below the floor, else the floor; NaN where it is not ok.
    ///
    /// By default, for maps that cannot fold, nothing is clamped.
    fn clamp_eigenvalues(&self, floor: f64, record: &mut Record, lowest: &mut [f64]) {
        for (lowest, &ok) in lowest.iter_mut().zip(&record.ok) {
            *lowest = if ok { floor } else { f64::NAN };
        }
    }

    /// Writes `psi` at a batch of points.
    fn potential(&self, theta: &[f64], points: &[f64], psi: &mut [f64], work: &mut Workspace);

    /// Turns the parameters of `psi` into those of `factor · psi`. Returns `false`, and changes nothing, where there
    /// are none.
    fn rescale(&self, _theta: &mut [f64], _factor: f64) -> bool {
        false
    }
}

/// The implicit Riemannian concave potential map of a potential on a manifold of dimension `D`.
///
/// The dimension is part of the type, so that only the kernels that are used are compiled.
#[derive(Clone, Debug)]
pub struct ConcaveMap<M, P, const D: usize> {
    manifold: M,
    erased: AnyManifold,
    /// Some point of the manifold.
    origin: Vec<f64>,
    potential: P,
    solver: Solver,
    isa: Isa,
}

impl<M: Cost + Base, P: Potential, const D: usize> ConcaveMap<M, P, D> {
    /// The map of `potential` on `manifold`, on the fastest instruction set of this processor.
    ///
    /// # Errors
    /// [`MapError`] if the manifold's dimension is not `D`, if the potential reads another number of coordinates than
    /// points have, or if the solver's numbers are out of range.
    pub fn new(manifold: M, potential: P, solver: Solver) -> Result<Self, MapError> {
        Self::on(manifold, potential, solver, Isa::best())
    }

    /// As [`ConcaveMap::new`], on a given instruction set.
    ///
    /// # Errors
    /// As [`ConcaveMap::new`].
    pub fn on(manifold: M, potential: P, solver: Solver, isa: Isa) -> Result<Self, MapError> {
        let name = manifold.to_string();
        if manifold.dim() != D {
            return Err(MapError::Dimension { manifold: name, dim: manifold.dim(), compiled: D });
        }
        let (inputs, ambient) = (potential.inputs(), manifold.ambient());
        if inputs != ambient {
            return Err(MapError::Coordinates { manifold: name, ambient, inputs });
        }
        solver.check()?;
        let erased = AnyManifold::new(manifold.clone());
        if !potential.fits(&erased.coordinates()) {
            return Err(MapError::Kinds { manifold: name });
        }
        let origin = manifold.origin();
        Ok(Self { manifold, erased, origin, potential, solver, isa })
    }

    /// `H⁻¹ v` for one sample and `D` frame coordinates `v`; `None` where `H` is not positive definite.
    ///
    /// # Panics
    /// If there is no such sample, another map has made the record, or `v` has another length.
    pub fn solve_hessian(&self, record: &Record, sample: usize, v: &DVector<f64>) -> Option<DVector<f64>> {
        DenseHessian::of(record).to_matrix(sample, D).cholesky().map(|factor| factor.solve(v))
    }
}

impl<M: Cost + Base, P: Potential, const D: usize> Map for ConcaveMap<M, P, D> {
    fn manifold(&self) -> &AnyManifold {
        &self.erased
    }

    fn parameters(&self) -> usize {
        self.potential.parameters()
    }

    fn initial(&self, uniform: &mut dyn FnMut(f64) -> f64, theta: &mut [f64]) {
        assert_eq!(theta.len(), self.parameters(), "parameters of a map");
        self.potential.initial(uniform, theta);
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
        record.resize(points.len() / n, n);
        record.saved_mut().get_mut::<DenseHessian>().resize(points.len() / n, D);
        let Self { manifold, potential, solver, isa, .. } = self;
        isa.dispatch(Run::<_, _, D> { manifold, potential, solver, direction, theta, points, record, work });
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
        into.check_lengths(self.parameters(), record, cotangents);
        let Self { manifold, origin, potential, isa, .. } = self;
        isa.dispatch(PullBack::<_, _, D> {
            manifold,
            origin,
            potential,
            direction,
            theta,
            record,
            cotangents,
            into,
            work,
        });
    }

    fn hessian(&self, record: &Record, sample: usize) -> Option<DMatrix<f64>> {
        Some(DenseHessian::of(record).to_matrix(sample, D))
    }

    fn potential_derivatives(&self, record: &Record, gradient: &mut [f64], hessian: &mut [f64]) -> bool {
        let samples = record.samples();
        assert_eq!(gradient.len(), samples * D, "one gradient per sample");
        assert_eq!(hessian.len(), samples * D * D, "one Hessian per sample");
        dense_hessian::potential_derivatives::<_, D>(&self.manifold, record, gradient, hessian);
        true
    }

    fn smallest_eigenvalues(&self, record: &Record, out: &mut [f64]) {
        assert_eq!(out.len(), record.samples(), "one eigenvalue per sample");
        DenseHessian::of(record).smallest_eigenvalues(D, out);
    }

    fn signed_log_dets(&self, record: &Record, log_det: &mut [f64], sign: &mut [f64]) {
        let samples = record.samples();
        assert!(log_det.len() == samples && sign.len() == samples, "one determinant per sample");
        dense_hessian::signed_log_dets::<_, D>(&self.manifold, record, log_det, sign);
    }

    fn clamp_eigenvalues(&self, floor: f64, record: &mut Record, lowest: &mut [f64]) {
        assert!(floor > 0.0 && floor.is_finite(), "a floor of {floor}");
        assert_eq!(lowest.len(), record.samples(), "one eigenvalue per sample");
        dense_hessian::clamp_eigenvalues::<_, D>(&self.manifold, floor, record, lowest);
    }

    fn potential(&self, theta: &[f64], points: &[f64], psi: &mut [f64], work: &mut Workspace) {
        assert_eq!(theta.len(), self.parameters(), "parameters of a map");
        assert_eq!(points.len(), psi.len() * self.manifold.ambient(), "points have ambient coordinates");
        let Self { manifold, potential, .. } = self;
        self.isa.dispatch(Values { manifold, potential, theta, points, psi, work });
    }

    fn rescale(&self, theta: &mut [f64], factor: f64) -> bool {
        assert_eq!(theta.len(), self.parameters(), "parameters of a map");
        self.potential.rescale(theta, factor)
    }
}
