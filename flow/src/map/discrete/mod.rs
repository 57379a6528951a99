//! Discrete c-concave potentials (Cohen, Amos & Lipman 2021, *Riemannian convex potential maps*, arXiv:2106.10272): a
//! baseline beside the implicit maps.
//!
//! The potential is a minimum over finitely many points `yᵢ` of `M` with offsets `αᵢ`, smoothed by `γ`:
//!
//! `phi(x) = −γ log Σ exp(−(c(x, yᵢ) + αᵢ)/γ)`, and `min (c(x, yᵢ) + αᵢ)` for `γ = 0`; `T(x) = exp_x(−grad phi(x))`.
//!
//! With the weights `wᵢ ∝ exp(−(c(x, yᵢ) + αᵢ)/γ)` and `vᵢ = log_x(yᵢ)` the map is a barycentre, `T(x) = exp_x(v)` with
//! `v = Σ wᵢ vᵢ`. In the frame at `x`
//!
//! `A = Hess_x c(x, exp_x v) − Hess phi = C(v) − Σ wᵢ C(vᵢ) + Cov_w(vᵢ)/γ`, `log|det DT(x)| = log det A − log|det B(v)|`.
//!
//! It is the other way round than for implicit maps: `T` is explicit, and its inverse takes a minimisation, of
//! `x ↦ c(x, y) − phi(x)`, whose Hessian at the minimum is `A`.
//!
//! # Folds
//! On tori, spheres, Euclidean spaces and their products `A` is never negative, whatever the parameters: there `C` is
//! concave in `v` (nonnegative cross-curvature). So the smoothed map cannot fold. On other manifolds it may, and samples
//! are then not [`Record::ok`].
//!
//! # Limits
//! - `phi` has kinks where `x` is in the cut locus of a `yᵢ`, of the size of that `wᵢ`. There the images leave a gap
//!   which is as wide as the kink, and `∫ q` over the rest is still one. With components all over `M` such weights are
//!   far below rounding.
//! - Without the constant component all images lie in the convex hull of the `yᵢ`: on `Rⁿ` take
//!   [`Discrete::constant`].
//! - With `γ = 0` images are points `yᵢ` (or `x` itself, where the constant component is least), so that no density
//!   exists and no other sample is ok.
//! - The minimum over all of an orbit makes the potential G-invariant (Rezende & Racanière 2021, eq. 5). It costs one
//!   evaluation per element of a finite group.

mod error;
mod pull_back;
mod run;
mod sites;
mod symmetry;
mod terms;

use ircpm_ad::Isa;
use ircpm_manifolds::{AnyManifold, Base, Coordinates, Cost};

pub use error::DiscreteError;
pub use symmetry::OrbitGroup;

use super::{Cotangents, Direction, Gradients, Map, Record};
use crate::error::MapError;
use crate::lanes::Workspace;
use pull_back::PullBack;
use run::{Potentials, Run};
use sites::Sites;
use symmetry::Orbits;

/// What a [`DiscreteMap`] is built from.
#[derive(Clone, Debug, PartialEq)]
pub struct Discrete {
    /// Number of points `yᵢ`, at least 1.
    pub components: usize,
    /// The smoothing `γ`, in squared radians; 0 for the hard minimum.
    pub smoothing: f64,
    /// Whether the constant 0 is one more function in the minimum. Where it is least, `T` is the identity.
    pub constant: bool,
    /// The group under which the potential is invariant, by the least cost to orbits.
    pub symmetry: OrbitGroup,
}

impl Default for Discrete {
    /// The published settings on the sphere: 68 components smoothed by 0.1, no constant, no symmetry.
    fn default() -> Self {
        Self { components: 68, smoothing: 0.1, constant: false, symmetry: OrbitGroup::default() }
    }
}

/// The map of a discrete c-concave potential on a manifold of dimension `D`.
///
/// Its parameters are the points `yᵢ`, `n` ambient coordinates each and one after the other, and then the offsets `αᵢ`.
/// Where points are unit vectors the parameters have any length but zero and are divided by it.
#[derive(Clone, Debug)]
pub struct DiscreteMap<M, const D: usize> {
    manifold: M,
    erased: AnyManifold,
    /// Some point of the manifold, where failed samples are read.
    origin: Vec<f64>,
    kinds: Vec<Coordinates>,
    components: usize,
    smoothing: f64,
    constant: bool,
    orbits: Orbits,
    isa: Isa,
}

/// Offsets to begin with, and half the width of their range: the published ones.
const OFFSET: (f64, f64) = (0.405, 0.005);

impl<M: Cost + Base, const D: usize> DiscreteMap<M, D> {
    /// The map of `discrete` on `manifold`, on the fastest instruction set of this processor.
    ///
    /// # Errors
    /// [`DiscreteError`] if the manifold's dimension is not `D`, its points are of an unknown kind, a number is out of
    /// range, or the symmetry is none of the manifold.
    pub fn new(manifold: M, discrete: &Discrete) -> Result<Self, DiscreteError> {
        Self::on(manifold, discrete, Isa::best())
    }

    /// As [`DiscreteMap::new`], on a given instruction set.
    ///
    /// # Errors
    /// As [`DiscreteMap::new`].
    pub fn on(manifold: M, discrete: &Discrete, isa: Isa) -> Result<Self, DiscreteError> {
        let &Discrete { components, smoothing, constant, ref symmetry } = discrete;
        let (name, erased) = (manifold.to_string(), AnyManifold::new(manifold.clone()));
        if manifold.dim() != D {
            return Err(MapError::Dimension { manifold: name, dim: manifold.dim(), compiled: D }.into());
        }
        let kinds = erased.coordinates();
        let known = |kind: &Coordinates| {
            matches!(kind, Coordinates::Angles(_) | Coordinates::UnitVector(_) | Coordinates::Reals(_))
        };
        if !kinds.iter().all(known) {
            return Err(DiscreteError::Embedded { manifold: name });
        }
        if components == 0 {
            return Err(DiscreteError::NoComponents);
        }
        if !(smoothing >= 0.0 && smoothing.is_finite()) {
            return Err(DiscreteError::Smoothing { value: smoothing.to_string() });
        }
        let orbits = Orbits::new(symmetry, &erased)?;
        let origin = manifold.origin();
        Ok(Self { manifold, erased, origin, kinds, components, smoothing, constant, orbits, isa })
    }

    /// Writes `phi` at a batch of points.
    ///
    /// # Panics
    /// If a slice has the wrong length.
    pub fn phi(&self, theta: &[f64], points: &[f64], phi: &mut [f64], work: &mut Workspace) {
        assert_eq!(points.len(), phi.len() * self.manifold.ambient(), "points have ambient coordinates");
        let sites = self.sites(theta);
        self.isa.dispatch(Potentials { map: self, sites: &sites, points, phi, work });
    }

    /// `1/γ`; 0 for the hard minimum, whose weights do not move.
    fn sharpness(&self) -> f64 {
        if self.smoothing > 0.0 { 1.0 / self.smoothing } else { 0.0 }
    }

    /// The points that costs are measured to.
    fn sites(&self, theta: &[f64]) -> Sites {
        assert_eq!(theta.len(), self.parameters(), "parameters of a map");
        Sites::new(theta, self.components, &self.kinds, &self.orbits.group)
    }
}

impl<M: Cost + Base, const D: usize> Map for DiscreteMap<M, D> {
    fn manifold(&self) -> &AnyManifold {
        &self.erased
    }

    fn parameters(&self) -> usize {
        self.components * (self.manifold.ambient() + 1)
    }

    /// Points from the base distribution, and offsets within a hundredth of each other, as published.
    fn initial(&self, uniform: &mut dyn FnMut(f64) -> f64, theta: &mut [f64]) {
        assert_eq!(theta.len(), self.parameters(), "parameters of a map");
        let (points, offsets) = theta.split_at_mut(self.components * self.manifold.ambient());
        let mut u = vec![0.0; self.manifold.cube_dim()];
        for point in points.chunks_exact_mut(self.manifold.ambient()) {
            // Within [0, 1), although the numbers may round up to one half.
            u.iter_mut().for_each(|u| *u = (0.5 + uniform(0.5)).clamp(0.0, 1.0 - f64::EPSILON));
            self.manifold.base_point(&u, point);
        }
        let (offset, width) = OFFSET;
        offsets.iter_mut().for_each(|alpha| *alpha = offset + uniform(width));
    }

    /// Forward one evaluation; inverse the minimisation of `c(x, y) − phi(x)`, from `x = y`.
    fn run(
        &self,
        direction: Direction,
        theta: &[f64],
        points: &[f64],
        record: &mut Record,
        work: &mut Workspace,
    ) {
        let n = self.manifold.ambient();
        assert!(points.len().is_multiple_of(n), "points have {n} coordinates");
        record.resize(points.len() / n, n);
        let sites = self.sites(theta);
        self.isa.dispatch(Run { map: self, sites: &sites, direction, points, record, work });
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
        into.check_lengths(self.parameters(), record, cotangents);
        let sites = self.sites(theta);
        self.isa.dispatch(PullBack { map: self, sites: &sites, direction, record, cotangents, into, work });
    }

    /// Writes `psi(y) = phi(x) − c(x, y)` at the preimages `x`, the potential of which `phi` is the dual; NaN where the
    /// minimisation fails.
    fn potential(&self, theta: &[f64], points: &[f64], psi: &mut [f64], work: &mut Workspace) {
        let mut record = Record::default();
        self.run(Direction::Inverse, theta, points, &mut record, work);
        self.phi(theta, &record.x, psi, work);
        let n = self.manifold.ambient();
        for (s, psi) in psi.iter_mut().enumerate() {
            let of = s * n..(s + 1) * n;
            let distance: f64 = self.manifold.distance(&record.x[of.clone()], &points[of]);
            *psi = if record.converged[s] { *psi - 0.5 * distance * distance } else { f64::NAN };
        }
    }
}
