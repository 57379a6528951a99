//! From an energy written once over any scalar to batches of energies and gradients, eight samples at a time.
#![allow(
    clippy::needless_range_loop,
    reason = "index loops over packs: a closure may be compiled without the instruction set"
)]

use std::borrow::Cow;
use std::fmt::{self, Formatter};
use std::sync::Arc;

use ircpm_ad::derivative::ScalarField;
use ircpm_ad::{Dual, Isa, Kernel, Real, Scalar};
use ircpm_certify::SpaceModel;
use ircpm_flow::{Energy, partial_derivatives};
use ircpm_manifolds::AnyManifold;

use super::Target;

/// An energy written once over any scalar: what the author of a target implements.
pub trait Density: Send + Sync + 'static {
    /// The manifold that the density lives on.
    fn manifold(&self) -> AnyManifold;

    /// `log Z = log ∫ exp(−βu)` with respect to the Riemannian volume, in nats, where known exactly at this inverse
    /// temperature `β > 0`.
    fn log_z(&self, beta: f64) -> Option<f64>;

    /// The energy `u` at the point with ambient coordinates `y`. Mark it `#[inline(always)]`, so that it is compiled
    /// for the instruction set that it runs on.
    fn energy<S: Scalar>(&self, y: &[S]) -> S;

    /// The energy `u` at `y`, and its gradient in ambient coordinates, not projected to the tangent space.
    ///
    /// By default by dual numbers, in as many passes as there are fours of coordinates: of an energy with `n` terms on
    /// `n` coordinates that costs `O(n²)`. A density on many coordinates whose gradient has a closed form gives it here;
    /// it needs no `scratch`. Mark it `#[inline(always)]` as well.
    ///
    /// # Panics
    /// If `gradient` is not as long as `y`.
    #[inline(always)]
    fn gradient<R: Real>(&self, y: &[R], gradient: &mut [R], scratch: &mut DualPoint<R>) -> R {
        let n = y.len();
        assert_eq!(gradient.len(), n, "one derivative per coordinate");
        scratch.resize(n, Dual::zero());
        let mut value = R::zero();
        for chunk in (0..n).step_by(CHUNK) {
            let directions = CHUNK.min(n - chunk);
            for i in 0..n {
                scratch[i] = Dual::fixed(y[i]);
            }
            for i in 0..directions {
                scratch[chunk + i].eps[i] = R::one();
            }
            let energy = self.energy(scratch);
            value = energy.re;
            gradient[chunk..chunk + directions].copy_from_slice(&energy.eps[..directions]);
        }
        value
    }
}

/// Directions that one pass differentiates along.
pub(super) const CHUNK: usize = 4;

/// Memory for a point of dual numbers: see [`Density::gradient`].
pub type DualPoint<R> = Vec<Dual<R, CHUNK>>;

/// A [`Density`] as a [`Target`]: packs of eight samples on the fastest instruction set.
///
/// The last pack is filled up with copies of the last point. A call allocates a few points, whatever the batch.
#[derive(Clone, Debug)]
pub struct InLanes<D> {
    name: Cow<'static, str>,
    density: Arc<D>,
    manifold: AnyManifold,
    isa: Isa,
}

impl<D: Density> InLanes<D> {
    /// A target on the fastest instruction set of this processor; `name` stands in reports.
    pub fn new(name: impl Into<Cow<'static, str>>, density: D) -> Self {
        Self::on(Isa::best(), name, density)
    }

    /// A target on a given instruction set.
    pub fn on(isa: Isa, name: impl Into<Cow<'static, str>>, density: D) -> Self {
        let manifold = density.manifold();
        Self { name: name.into(), density: Arc::new(density), manifold, isa }
    }

    /// As [`InLanes::new`], for the table.
    pub(super) fn boxed(name: &'static str, density: D) -> Box<dyn Target> {
        Box::new(Self::new(name, density))
    }
}

impl<D: Density> Target for InLanes<D> {
    fn name(&self) -> &str {
        &self.name
    }
    fn manifold(&self) -> &AnyManifold {
        &self.manifold
    }
    fn log_z(&self, beta: f64) -> Option<f64> {
        self.density.log_z(beta)
    }
    fn energies(&self, y: &[f64], u: &mut [f64]) {
        let n = self.manifold.ambient();
        assert_eq!(y.len(), n * u.len(), "points of {n} coordinates");
        self.isa.dispatch(Energies { density: &*self.density, y, u });
    }
    fn gradients(&self, y: &[f64], u: &mut [f64], grad: &mut [f64]) {
        let n = self.manifold.ambient();
        assert_eq!(y.len(), n * u.len(), "points of {n} coordinates");
        assert_eq!(grad.len(), y.len(), "gradients of {n} coordinates");
        self.isa.dispatch(Gradients { density: &*self.density, y, u, grad });
    }
    fn differentiable(&self) -> Option<Arc<dyn Energy>> {
        let coordinates = self.manifold.ambient();
        Some(Arc::new(Differentiable { density: Arc::clone(&self.density), coordinates, isa: self.isa }))
    }
    fn energy_model(&self, y: &[SpaceModel]) -> Option<SpaceModel> {
        assert_eq!(y.len(), self.manifold.ambient(), "coordinates of one point");
        Some(self.density.energy(y))
    }
}

/// An energy with its derivatives.
struct Differentiable<D> {
    density: Arc<D>,
    coordinates: usize,
    isa: Isa,
}

impl<D> fmt::Debug for Differentiable<D> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Differentiable").finish_non_exhaustive()
    }
}

impl<D: Density> ScalarField for Differentiable<D> {
    #[inline(always)]
    fn eval<S: Scalar>(&self, y: &[S]) -> S {
        self.density.energy(y)
    }
}

impl<D: Density> Energy for Differentiable<D> {
    fn inputs(&self) -> usize {
        self.coordinates
    }
    fn derivatives(&self, order: usize, samples: usize, points: &[f64], out: &mut [f64]) {
        partial_derivatives(self, self.isa, order, samples, points, out);
    }
}

/// Coordinate `i` of the samples from `start` on, the last sample repeated past the end.
#[inline(always)]
pub(super) fn gather<R: Real>(y: &[f64], samples: usize, start: usize, i: usize) -> R {
    let n = y.len() / samples;
    R::from_fn(|lane| y[(start + lane).min(samples - 1) * n + i])
}

struct Energies<'a, D> {
    density: &'a D,
    y: &'a [f64],
    u: &'a mut [f64],
}

impl<D: Density> Kernel for Energies<'_, D> {
    type Output = ();

    #[inline(always)]
    fn run<R: Real>(self) {
        let samples = self.u.len();
        let mut point = vec![R::zero(); self.y.len() / samples.max(1)];
        for start in (0..samples).step_by(R::LANES) {
            for i in 0..point.len() {
                point[i] = gather(self.y, samples, start, i);
            }
            let energy = self.density.energy(&point);
            for lane in 0..R::LANES.min(samples - start) {
                self.u[start + lane] = energy.lane(lane);
            }
        }
    }
}

struct Gradients<'a, D> {
    density: &'a D,
    y: &'a [f64],
    u: &'a mut [f64],
    grad: &'a mut [f64],
}

impl<D: Density> Kernel for Gradients<'_, D> {
    type Output = ();

    #[inline(always)]
    fn run<R: Real>(self) {
        let samples = self.u.len();
        let n = self.y.len() / samples.max(1);
        let (mut point, mut gradient) = (vec![R::zero(); n], vec![R::zero(); n]);
        let mut scratch = DualPoint::<R>::new();
        for start in (0..samples).step_by(R::LANES) {
            let lanes = R::LANES.min(samples - start);
            for i in 0..n {
                point[i] = gather(self.y, samples, start, i);
            }
            let energy = self.density.gradient(&point, &mut gradient, &mut scratch);
            for lane in 0..lanes {
                self.u[start + lane] = energy.lane(lane);
                for i in 0..n {
                    self.grad[(start + lane) * n + i] = gradient[i].lane(lane);
                }
            }
        }
    }
}
