//! A manifold whose type is erased.

use std::any::Any;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use ircpm_ad::Dual;

use crate::base::Base;
use crate::blocks::BlockMut;
use crate::coordinates::Coordinates;
use crate::cost::Cost;
use crate::error::{CutLocus, InvalidManifold, InvalidPoint};
use crate::euclidean::Euclidean;
use crate::factor::Factor;
use crate::manifold::Manifold;
use crate::product::Product;
use crate::sphere::Sphere;
use crate::torus::Torus;

/// A manifold with its base density whose type is erased, over plain `f64` slices.
///
/// A program that chooses its manifold at run time, or must not depend on its type, holds one of these: any type that
/// implements [`Cost`] and [`Base`] becomes one. Calls are virtual; hot loops over packs keep the type. Two are equal
/// if their names, dimensions and coordinates are.
///
/// ```
/// use ircpm_manifolds::AnyManifold;
/// let m: AnyManifold = "T2xS2".parse()?;
/// assert_eq!((m.dim(), m.ambient(), m.to_string()), (4, 5, "T2xS2".to_string()));
/// assert_eq!(m.check_point(&m.origin()), Ok(()));
/// # Ok::<(), ircpm_manifolds::InvalidManifold>(())
/// ```
///
/// # Panics
/// Every method that takes slices panics when one of them is too short, and may panic when one is too long.
#[derive(Clone)]
pub struct AnyManifold(Arc<dyn Erased>);

/// Directions that one pass over dual numbers differentiates along.
const DIRECTIONS: usize = 4;

/// The methods of [`Cost`] and [`Base`] over `f64`, where they can be called through a pointer.
trait Erased: fmt::Debug + fmt::Display + Send + Sync {
    fn as_any(&self) -> &dyn Any;
    fn dim(&self) -> usize;
    fn ambient(&self) -> usize;
    fn origin(&self) -> Vec<f64>;
    fn coordinates(&self) -> Vec<Coordinates>;
    fn check_point(&self, p: &[f64]) -> Result<(), InvalidPoint>;
    fn exp(&self, p: &[f64], v: &[f64], q: &mut [f64]);
    fn try_log(&self, p: &[f64], q: &[f64]) -> Result<Vec<f64>, CutLocus>;
    fn distance(&self, p: &[f64], q: &[f64]) -> f64;
    fn frame(&self, p: &[f64], frame: &mut [f64]);
    fn transport(&self, p: &[f64], v: &[f64], w: &[f64], out: &mut [f64]);
    fn lower(&self, p: &[f64], v: &mut [f64]);
    fn wrap(&self, p: &mut [f64]);
    fn domain_margin(&self, v: &[f64]) -> f64;
    fn mixed_log_det(&self, v: &[f64]) -> f64;
    fn is_curved(&self) -> bool;
    fn log_base(&self, p: &[f64]) -> f64;
    fn log_base_gradient(&self, p: &[f64], gradient: &mut [f64]);
    fn cube_dim(&self) -> usize;
    fn base_point(&self, u: &[f64], p: &mut [f64]);
    fn log_volume(&self) -> Option<f64>;
}

impl<M: Cost + Base> Erased for M {
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn dim(&self) -> usize {
        Manifold::dim(self)
    }
    fn ambient(&self) -> usize {
        Manifold::ambient(self)
    }
    fn origin(&self) -> Vec<f64> {
        Manifold::origin(self)
    }
    fn coordinates(&self) -> Vec<Coordinates> {
        Manifold::coordinates(self)
    }
    fn check_point(&self, p: &[f64]) -> Result<(), InvalidPoint> {
        Manifold::check_point(self, p)
    }
    fn exp(&self, p: &[f64], v: &[f64], q: &mut [f64]) {
        Manifold::exp(self, p, v, q);
    }
    fn try_log(&self, p: &[f64], q: &[f64]) -> Result<Vec<f64>, CutLocus> {
        Manifold::try_log(self, p, q)
    }
    fn distance(&self, p: &[f64], q: &[f64]) -> f64 {
        Manifold::distance(self, p, q)
    }
    fn frame(&self, p: &[f64], frame: &mut [f64]) {
        Manifold::frame(self, p, BlockMut::dense(frame, Manifold::ambient(self)));
    }
    fn transport(&self, p: &[f64], v: &[f64], w: &[f64], out: &mut [f64]) {
        Manifold::transport(self, p, v, w, out);
    }
    fn lower(&self, p: &[f64], v: &mut [f64]) {
        Manifold::lower(self, p, v);
    }
    fn wrap(&self, p: &mut [f64]) {
        Manifold::wrap(self, p);
    }
    fn domain_margin(&self, v: &[f64]) -> f64 {
        Cost::domain_margin(self, v)
    }
    fn mixed_log_det(&self, v: &[f64]) -> f64 {
        Cost::mixed_log_det(self, v)
    }
    fn is_curved(&self) -> bool {
        Cost::is_curved(self)
    }
    fn log_base(&self, p: &[f64]) -> f64 {
        Base::log_base(self, p)
    }
    fn log_base_gradient(&self, p: &[f64], gradient: &mut [f64]) {
        for first in (0..p.len()).step_by(DIRECTIONS) {
            let mut seeded: Vec<_> = p.iter().map(|&x| Dual::<f64, DIRECTIONS>::fixed(x)).collect();
            let count = DIRECTIONS.min(p.len() - first);
            for i in 0..count {
                seeded[first + i].eps[i] = 1.0;
            }
            let value = Base::log_base(self, &seeded);
            gradient[first..first + count].copy_from_slice(&value.eps[..count]);
        }
    }
    fn cube_dim(&self) -> usize {
        Base::cube_dim(self)
    }
    fn base_point(&self, u: &[f64], p: &mut [f64]) {
        Base::base_point(self, u, p);
    }
    fn log_volume(&self) -> Option<f64> {
        Base::log_volume(self)
    }
}

impl AnyManifold {
    /// Erases the type of `manifold`.
    pub fn new<M: Cost + Base>(manifold: M) -> Self {
        Self(Arc::new(manifold))
    }

    /// The manifold as the type that it was before, if that was `M`.
    pub fn downcast_ref<M: Cost + Base>(&self) -> Option<&M> {
        self.0.as_any().downcast_ref()
    }

    /// The manifold as a product, if it is one, or a factor of one: a torus, a sphere or a Euclidean space.
    pub fn to_product(&self) -> Option<Product> {
        let of_torus = || self.downcast_ref::<Torus>().map(|&m| m.into());
        let of_sphere = || self.downcast_ref::<Sphere>().map(|&m| m.into());
        let of_euclidean = || self.downcast_ref::<Euclidean>().map(|&m| m.into());
        let of_factor = || self.downcast_ref::<Factor>().map(|m| m.clone().into());
        let product = self.downcast_ref::<Product>().cloned();
        product.or_else(of_factor).or_else(of_torus).or_else(of_sphere).or_else(of_euclidean)
    }

    /// Dimension `D`: see [`Manifold::dim`].
    pub fn dim(&self) -> usize {
        self.0.dim()
    }

    /// Number `n` of coordinates of a point: see [`Manifold::ambient`].
    pub fn ambient(&self) -> usize {
        self.0.ambient()
    }

    /// Some point of the manifold, of `n` coordinates.
    pub fn origin(&self) -> Vec<f64> {
        self.0.origin()
    }

    /// The kinds of the coordinates, in order: see [`Manifold::coordinates`].
    pub fn coordinates(&self) -> Vec<Coordinates> {
        self.0.coordinates()
    }

    /// Number of conditioning variables, which are the last coordinates of a point: see [`crate::Context`].
    pub fn contexts(&self) -> usize {
        let of = |run: &Coordinates| if let Coordinates::Context(k) = run { *k } else { 0 };
        self.coordinates().iter().map(of).sum()
    }

    /// Checks that `p` is a point.
    ///
    /// # Errors
    /// [`InvalidPoint`] with the first offending coordinate or factor, or a wrong number of coordinates.
    pub fn check_point(&self, p: &[f64]) -> Result<(), InvalidPoint> {
        self.0.check_point(p)
    }

    /// `q = exp_p(v)`, all of `n` coordinates: see [`Manifold::exp`].
    pub fn exp(&self, p: &[f64], v: &[f64], q: &mut [f64]) {
        self.0.exp(p, v, q);
    }

    /// Initial velocity of the shortest geodesic from `p` to `q`, all of `n` coordinates.
    ///
    /// # Errors
    /// [`CutLocus`] when `q` is within 1e-7 rad of the cut locus of `p`, or a coordinate is not finite.
    pub fn try_log(&self, p: &[f64], q: &[f64]) -> Result<Vec<f64>, CutLocus> {
        self.0.try_log(p, q)
    }

    /// Geodesic distance in radians between two points of `n` coordinates.
    pub fn distance(&self, p: &[f64], q: &[f64]) -> f64 {
        self.0.distance(p, q)
    }

    /// Orthonormal basis of the tangent space at `p`: `D` rows of `n` coordinates, one after the other.
    pub fn frame(&self, p: &[f64], frame: &mut [f64]) {
        self.0.frame(p, frame);
    }

    /// Parallel transport of `w` at `p` along `exp_p(t v)`, all of `n` coordinates: see
    /// [`Manifold::transport`].
    pub fn transport(&self, p: &[f64], v: &[f64], w: &[f64], out: &mut [f64]) {
        self.0.transport(p, v, w, out);
    }

    /// Turns the tangent vector `v` at `p` into the covector `⟨v, ·⟩`: see [`Manifold::lower`].
    pub fn lower(&self, p: &[f64], v: &mut [f64]) {
        self.0.lower(p, v);
    }

    /// The covectors `⟨Eᵢ, ·⟩` of the frame at `p`: `D` rows of `n` coordinates, one after the other.
    ///
    /// If `a` are the derivatives of a function along the frame, `Σ aᵢ ⟨Eᵢ, ·⟩` are its derivatives in coordinates.
    pub fn coframe(&self, p: &[f64], coframe: &mut [f64]) {
        self.frame(p, coframe);
        for row in coframe.chunks_exact_mut(self.ambient()) {
            self.lower(p, row);
        }
    }

    /// Replaces `p` by the canonical representative of the same point: see [`Manifold::wrap`].
    pub fn wrap(&self, p: &mut [f64]) {
        self.0.wrap(p);
    }

    /// How far, in radians, `v` stays inside the domain of the cost.
    ///
    /// `v` has `D` frame coordinates: see [`Cost::domain_margin`].
    pub fn domain_margin(&self, v: &[f64]) -> f64 {
        self.0.domain_margin(v)
    }

    /// `log |det ∂x∂y c|` at the `D` frame coordinates `v`: see [`Cost::mixed_log_det`].
    pub fn mixed_log_det(&self, v: &[f64]) -> f64 {
        self.0.mixed_log_det(v)
    }

    /// Whether the cost Hessian depends on the geodesic: see [`Cost::is_curved`].
    pub fn is_curved(&self) -> bool {
        self.0.is_curved()
    }

    /// Logarithm of the base density at `p`, with respect to the Riemannian volume.
    pub fn log_base(&self, p: &[f64]) -> f64 {
        self.0.log_base(p)
    }

    /// Partial derivatives of [`AnyManifold::log_base`] with respect to the `n` coordinates of `p`.
    ///
    /// Their products with a tangent vector are derivatives along the manifold; other directions mean nothing.
    pub fn log_base_gradient(&self, p: &[f64], gradient: &mut [f64]) {
        self.0.log_base_gradient(p, gradient);
    }

    /// Dimension `m` of the cube that [`AnyManifold::base_point`] reads.
    pub fn cube_dim(&self) -> usize {
        self.0.cube_dim()
    }

    /// The point `p` that the numbers `u` of the cube `[0, 1)^m` stand for: see [`Base::base_point`].
    pub fn base_point(&self, u: &[f64], p: &mut [f64]) {
        self.0.base_point(u, p);
    }

    /// Logarithm of the Riemannian volume, `None` if it is infinite.
    pub fn log_volume(&self) -> Option<f64> {
        self.0.log_volume()
    }
}

impl<M: Cost + Base> From<M> for AnyManifold {
    fn from(manifold: M) -> Self {
        Self::new(manifold)
    }
}

impl FromStr for AnyManifold {
    type Err = InvalidManifold;

    /// The product of that name, as [`Product`] reads it.
    fn from_str(name: &str) -> Result<Self, InvalidManifold> {
        name.parse::<Product>().map(Self::new)
    }
}

impl fmt::Debug for AnyManifold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AnyManifold").field(&self.0).finish()
    }
}

impl fmt::Display for AnyManifold {
    /// The manifold's name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl PartialEq for AnyManifold {
    fn eq(&self, other: &Self) -> bool {
        let same = (self.dim(), self.ambient()) == (other.dim(), other.ambient());
        same && self.coordinates() == other.coordinates() && self.to_string() == other.to_string()
    }
}

impl Eq for AnyManifold {}
