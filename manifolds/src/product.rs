//! Products of tori, spheres and Euclidean spaces, and their names.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use ircpm_ad::{Real, Scalar};

use crate::base::Base;
use crate::blocks::{Block, BlockMut};
use crate::context::Context;
use crate::coordinates::Coordinates;
use crate::cost::Cost;
use crate::error::{InvalidManifold, InvalidPoint};
use crate::euclidean::Euclidean;
use crate::factor::Factor;
use crate::manifold::Manifold;
use crate::slices::least;
use crate::sphere::Sphere;
use crate::torus::Torus;

/// A Riemannian product `M₁ × … × M_k`, with the coordinates of its factors one after the other.
///
/// The frame and every matrix are block diagonal, the cost is a sum, and a margin is the least of its factors'. Its
/// name lists the factors: `T2`, `S2xT1`, `T2 x S3 × R1`, in either case. A [`Context`] is the last factor of a product
/// on which densities are conditional: `T2xC3`.
///
/// ```
/// use ircpm_manifolds::{Manifold, Product};
/// let m: Product = "S2 x T1".parse()?;
/// assert_eq!((m.dim(), m.ambient(), m.to_string()), (3, 4, "S2xT1".to_string()));
/// # Ok::<(), ircpm_manifolds::InvalidManifold>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Product {
    parts: Vec<Part>,
    dim: usize,
    ambient: usize,
}

/// A factor and where its coordinates and its directions begin.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Part {
    factor: Factor,
    coordinate: usize,
    /// The first of the factor's directions; zero if it has none, so that its block lies inside every frame.
    direction: usize,
}

impl Part {
    /// Range of the factor's coordinates within a point.
    #[inline(always)]
    fn coordinates(&self) -> Range<usize> {
        self.coordinate..self.coordinate + self.factor.ambient()
    }

    /// Range of the factor's vectors within a frame.
    #[inline(always)]
    fn directions(&self) -> Range<usize> {
        self.direction..self.direction + self.factor.dim()
    }
}

impl Product {
    /// The product of `factors`, in their order.
    ///
    /// # Errors
    /// [`InvalidManifold::NoFactor`] for none, [`InvalidManifold::Context`] for a [`Context`] that is not the last of
    /// several factors.
    pub fn new(factors: impl IntoIterator<Item = Factor>) -> Result<Self, InvalidManifold> {
        let mut product = Self { parts: Vec::new(), dim: 0, ambient: 0 };
        for factor in factors {
            let (dim, ambient) = (factor.dim(), factor.ambient());
            let direction = if dim == 0 { 0 } else { product.dim };
            product.parts.push(Part { factor, coordinate: product.ambient, direction });
            product.dim += dim;
            product.ambient += ambient;
        }
        let Some(last) = product.parts.len().checked_sub(1) else { return Err(InvalidManifold::NoFactor) };
        let contexts = product.parts.iter().enumerate().filter(|(_, part)| part.factor.dim() == 0);
        if product.dim == 0 || contexts.into_iter().any(|(i, _)| i < last) {
            return Err(InvalidManifold::Context { product: product.to_string() });
        }
        Ok(product)
    }

    /// The factors, in order.
    pub fn factors(&self) -> impl ExactSizeIterator<Item = Factor> {
        self.parts.iter().map(|part| part.factor.clone())
    }

    /// The same product without conditioning variables.
    #[must_use]
    pub fn unconditional(&self) -> Self {
        let factors = self.factors().filter(|factor| factor.dim() > 0);
        Self::new(factors).expect("a product has a factor with directions")
    }

    /// The same product with `columns` conditioning variables, which have the values of a random row of `rows`
    /// (`[row][variable]`) at base points; zero if there are no rows. Variables that it had are replaced.
    ///
    /// # Panics
    /// If `rows` does not hold whole rows.
    #[must_use]
    pub fn given(&self, columns: usize, rows: &[f64]) -> Self {
        let context = Context::new(columns).ok().map(|context| Factor::Context(context.with_rows(rows)));
        let factors = self.factors().filter(|factor| factor.dim() > 0).chain(context);
        Self::new(factors).expect("a product has a factor with directions")
    }
}

impl From<Factor> for Product {
    fn from(factor: Factor) -> Self {
        let (dim, ambient) = (factor.dim(), factor.ambient());
        Self { parts: vec![Part { factor, coordinate: 0, direction: 0 }], dim, ambient }
    }
}

impl From<Torus> for Product {
    fn from(torus: Torus) -> Self {
        Factor::Torus(torus).into()
    }
}

impl From<Sphere> for Product {
    fn from(sphere: Sphere) -> Self {
        Factor::Sphere(sphere).into()
    }
}

impl From<Euclidean> for Product {
    fn from(euclidean: Euclidean) -> Self {
        Factor::Euclidean(euclidean).into()
    }
}

impl fmt::Display for Product {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, part) in self.parts.iter().enumerate() {
            write!(f, "{}{}", if i == 0 { "" } else { "x" }, part.factor)?;
        }
        Ok(())
    }
}

impl FromStr for Product {
    type Err = InvalidManifold;

    fn from_str(name: &str) -> Result<Self, InvalidManifold> {
        if name.trim().is_empty() {
            return Err(InvalidManifold::NoFactor);
        }
        let factors: Result<Vec<Factor>, _> = name.split(['x', 'X', '×']).map(str::parse).collect();
        Self::new(factors?)
    }
}

impl Manifold for Product {
    #[inline(always)]
    fn dim(&self) -> usize {
        self.dim
    }

    #[inline(always)]
    fn ambient(&self) -> usize {
        self.ambient
    }

    fn origin(&self) -> Vec<f64> {
        self.parts.iter().flat_map(|part| part.factor.origin()).collect()
    }

    fn check_point(&self, p: &[f64]) -> Result<(), InvalidPoint> {
        if p.len() != self.ambient {
            return Err(InvalidPoint::Length { expected: self.ambient, found: p.len() });
        }
        for part in &self.parts {
            part.factor
                .check_point(&p[part.coordinates()])
                .map_err(|error| error.shifted(part.coordinate))?;
        }
        Ok(())
    }

    fn coordinates(&self) -> Vec<Coordinates> {
        self.parts.iter().flat_map(|part| part.factor.coordinates()).collect()
    }

    #[inline(always)]
    fn exp<S: Scalar>(&self, p: &[S], v: &[S], q: &mut [S]) {
        for part in &self.parts {
            let c = part.coordinates();
            part.factor.exp(&p[c.clone()], &v[c.clone()], &mut q[c]);
        }
    }

    #[inline(always)]
    fn log<S: Scalar>(&self, p: &[S], q: &[S], v: &mut [S]) -> S::Base {
        let mut margin = S::Base::constant(f64::INFINITY);
        for part in &self.parts {
            let c = part.coordinates();
            margin = least(margin, part.factor.log(&p[c.clone()], &q[c.clone()], &mut v[c]));
        }
        margin
    }

    #[inline(always)]
    fn log_on_cover<S: Scalar>(&self, p: &[S], q: &[S], v: &mut [S]) -> S::Base {
        let mut margin = S::Base::constant(f64::INFINITY);
        for part in &self.parts {
            let c = part.coordinates();
            margin = least(margin, part.factor.log_on_cover(&p[c.clone()], &q[c.clone()], &mut v[c]));
        }
        margin
    }

    #[inline(always)]
    fn distance<B: Real>(&self, p: &[B], q: &[B]) -> B {
        if let [part] = &self.parts[..] {
            return part.factor.distance(p, q);
        }
        let mut sum = B::zero();
        for part in &self.parts {
            let distance = part.factor.distance(&p[part.coordinates()], &q[part.coordinates()]);
            sum += distance * distance;
        }
        sum.sqrt()
    }

    #[inline(always)]
    fn frame<S: Scalar>(&self, p: &[S], mut frame: BlockMut<'_, S>) {
        frame.clear(self.dim, self.ambient);
        for part in &self.parts {
            let block = frame.block(part.direction, part.coordinate);
            part.factor.frame(&p[part.coordinates()], block);
        }
    }

    #[inline(always)]
    fn transport<S: Scalar>(&self, p: &[S], v: &[S], w: &[S], out: &mut [S]) {
        for part in &self.parts {
            let c = part.coordinates();
            part.factor.transport(&p[c.clone()], &v[c.clone()], &w[c.clone()], &mut out[c]);
        }
    }

    #[inline(always)]
    fn lower<S: Scalar>(&self, p: &[S], v: &mut [S]) {
        for part in &self.parts {
            part.factor.lower(&p[part.coordinates()], &mut v[part.coordinates()]);
        }
    }

    #[inline(always)]
    fn lift<S: Scalar>(&self, p: &[S::Base], frame: Block<'_, S::Base>, t: &[S], z: &mut [S]) {
        for part in &self.parts {
            let (c, d) = (part.coordinates(), part.directions());
            let block = frame.block(part.direction, part.coordinate);
            part.factor.lift(&p[c.clone()], block, &t[d], &mut z[c]);
        }
    }

    #[inline(always)]
    fn lift_derivative<S: Scalar>(
        &self,
        p: &[S::Base],
        frame: Block<'_, S::Base>,
        t: &[S],
        k: usize,
        dz: &mut [S],
    ) {
        dz[..self.ambient].fill(S::zero());
        for part in &self.parts {
            let (c, d) = (part.coordinates(), part.directions());
            if d.contains(&k) {
                let (block, k) = (frame.block(part.direction, part.coordinate), k - part.direction);
                part.factor.lift_derivative(&p[c.clone()], block, &t[d], k, &mut dz[c]);
            }
        }
    }

    #[inline(always)]
    fn wrap<B: Real>(&self, p: &mut [B]) {
        for part in &self.parts {
            part.factor.wrap(&mut p[part.coordinates()]);
        }
    }
}

impl Cost for Product {
    #[inline(always)]
    fn cost_hessian<S: Scalar>(&self, v: &[S], mut h: BlockMut<'_, S>) {
        h.clear(self.dim, self.dim);
        for part in &self.parts {
            let block = h.block(part.direction, part.direction);
            part.factor.cost_hessian(&v[part.directions()], block);
        }
    }

    #[inline(always)]
    fn mixed_log_det<S: Scalar>(&self, v: &[S]) -> S {
        let mut sum = S::zero();
        for part in &self.parts {
            sum += part.factor.mixed_log_det(&v[part.directions()]);
        }
        sum
    }

    #[inline(always)]
    fn mixed<S: Scalar>(&self, v: &[S], w: &[S], out: &mut [S]) {
        for part in &self.parts {
            let d = part.directions();
            part.factor.mixed(&v[d.clone()], &w[d.clone()], &mut out[d]);
        }
    }

    #[inline(always)]
    fn mixed_inverse<S: Scalar>(&self, v: &[S], w: &[S], out: &mut [S]) {
        for part in &self.parts {
            let d = part.directions();
            part.factor.mixed_inverse(&v[d.clone()], &w[d.clone()], &mut out[d]);
        }
    }

    #[inline(always)]
    fn domain_margin<B: Real>(&self, v: &[B]) -> B {
        let mut margin = B::constant(f64::INFINITY);
        for part in &self.parts {
            margin = least(margin, part.factor.domain_margin(&v[part.directions()]));
        }
        margin
    }

    #[inline(always)]
    fn is_curved(&self) -> bool {
        self.parts.iter().any(|part| part.factor.is_curved())
    }
}

impl Base for Product {
    #[inline(always)]
    fn log_base<S: Scalar>(&self, p: &[S]) -> S {
        let mut sum = S::zero();
        for part in &self.parts {
            sum += part.factor.log_base(&p[part.coordinates()]);
        }
        sum
    }

    fn cube_dim(&self) -> usize {
        self.parts.iter().map(|part| part.factor.cube_dim()).sum()
    }

    fn base_point(&self, u: &[f64], p: &mut [f64]) {
        let mut used = 0;
        for part in &self.parts {
            let end = used + part.factor.cube_dim();
            part.factor.base_point(&u[used..end], &mut p[part.coordinates()]);
            used = end;
        }
    }

    fn log_volume(&self) -> Option<f64> {
        self.parts.iter().map(|part| part.factor.log_volume()).sum()
    }
}
