//! Bounds on the derivatives of the potentials, and the conditions under which they make every map one-to-one: section
//! 4.3 and Lemmas 3 and 4 of the paper (`docs/mathematics.md`, section 32).

use std::ops::Range;

use ircpm_manifolds::{Factor, Manifold};

use super::spec::product;
use super::{Flow, parts};
use crate::lanes::Workspace;
use crate::map::{Direction, Record};
use crate::small::operator_norm;

/// The largest or smallest value that was seen, and the point where it was.
#[derive(Clone, Debug, PartialEq)]
pub struct Extreme {
    /// The value; `−∞` for a largest, `∞` for a smallest one of no points.
    pub value: f64,
    /// The point, ambient coordinates; empty before any was seen.
    pub point: Vec<f64>,
}

impl Extreme {
    fn largest() -> Self {
        Self { value: f64::NEG_INFINITY, point: vec![] }
    }

    fn smallest() -> Self {
        Self { value: f64::INFINITY, point: vec![] }
    }

    /// Takes `value` where it is larger: of equal values the first one stays.
    fn raise(&mut self, value: f64, point: &[f64]) {
        if value > self.value {
            (self.value, self.point) = (value, point.to_vec());
        }
    }

    /// Takes `value` where it is smaller.
    fn lower(&mut self, value: f64, point: &[f64]) {
        if value < self.value {
            (self.value, self.point) = (value, point.to_vec());
        }
    }
}

/// The slope of a potential along one factor of the manifold.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct FactorBound {
    /// Name of the factor, or of the whole manifold where it is no product of known ones.
    pub factor: String,
    /// Radius in radians within which the cost is smooth: `π` on spheres, `∞` on Rⁿ and on tori, whose cost is taken on
    /// the universal cover; NaN where it is not known.
    pub radius: f64,
    /// `K`, the largest length of the factor's part of `grad psi`, in radians.
    pub gradient: Extreme,
    /// The factor's coordinates in the frame.
    directions: Range<usize>,
    /// Whether the cost's Hessian falls with the distance.
    is_curved: bool,
}

impl FactorBound {
    fn of(factor: &Factor, start: usize) -> Self {
        let dim = factor.dim();
        let sphere = matches!(factor, Factor::Sphere(_));
        Self {
            factor: factor.to_string(),
            radius: if sphere { std::f64::consts::PI } else { f64::INFINITY },
            gradient: Extreme::largest(),
            directions: start..start + dim,
            is_curved: sphere && dim > 1,
        }
    }

    /// The smallest eigenvalue of the cost's Hessian over all points at most `r` away: `r cot r` on spheres of two
    /// dimensions and more, else one; `−∞` from the radius on, NaN where it is not known.
    fn cost_eigenvalue(&self, r: f64) -> f64 {
        match self.radius {
            radius if radius.is_nan() => f64::NAN,
            radius if r >= radius => f64::NEG_INFINITY,
            _ if self.is_curved && r > 0.0 => r / r.tan(),
            _ => 1.0,
        }
    }
}

/// A sufficient condition on the Hessian of a potential.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Condition {
    /// What the norm of the Hessian must stay below; negative or `−∞` where no Hessian would do.
    pub allowed: f64,
    /// Whether it does, at all points.
    pub holds: bool,
}

/// Bounds on the derivatives of one layer's potential over some points of the manifold.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct LayerBounds {
    /// The layer, from 0; of layers that share their parameters, the first.
    pub layer: usize,
    /// Number of points.
    pub points: usize,
    /// Points off the manifold, or where a derivative is not finite. No condition holds with one of them.
    pub undefined: usize,
    /// Points where `H` is not positive definite, or `|grad psi|` reaches the injectivity radius.
    pub folds: usize,
    /// The slopes along the factors of the manifold.
    pub gradients: Vec<FactorBound>,
    /// The largest `|Hess psi|`, the operator norm.
    pub hessian: Extreme,
    /// The smallest eigenvalue of `H = Hess_y c + Hess psi`.
    pub eigenvalue: Extreme,
}

impl LayerBounds {
    /// Whether `H ≻ 0` and `|grad psi|` is below the injectivity radius at every point, which is enough for a
    /// diffeomorphism on compact products of tori and spheres if it is so everywhere.
    pub fn is_regular(&self) -> bool {
        self.points > 0 && self.undefined == 0 && self.folds == 0
    }

    /// The condition of section 4.3 at the distance that the minimiser has: with `Kᵢ` the largest slope along factor
    /// `i`, `|Hess psi|` must stay below the smallest eigenvalue of the cost's Hessian within `Kᵢ`, on spheres
    /// `Kᵢ cot Kᵢ`. `None` on manifolds that are no products of tori, spheres and Rⁿ.
    ///
    /// Then `F(x, ·)` is strictly convex within these distances of `x`, holds the global minimum there, and gradient
    /// descent from `x` reaches it.
    pub fn sharp(&self) -> Option<Condition> {
        self.condition(1.0)
    }

    /// As [`LayerBounds::sharp`], within `2 Kᵢ`: the distance that Lemma 3 of the paper gives.
    pub fn coarse(&self) -> Option<Condition> {
        self.condition(2.0)
    }

    fn condition(&self, factor: f64) -> Option<Condition> {
        let of = |bound: &FactorBound| bound.cost_eigenvalue(factor * bound.gradient.value);
        let allowed = self.gradients.iter().map(of).try_fold(f64::INFINITY, |least, value| {
            if value.is_nan() { None } else { Some(f64::min(least, value)) }
        })?;
        let seen = self.points > 0 && self.undefined == 0;
        Some(Condition { allowed, holds: seen && self.hessian.value < allowed })
    }

    /// Adds the bounds of the same layer over further points. Of equal extremes the first one stays, so that results do
    /// not depend on where a batch was cut.
    ///
    /// # Panics
    /// If the bounds are those of another layer.
    pub fn merge(&mut self, more: &Self) {
        assert!(
            self.layer == more.layer && self.gradients.len() == more.gradients.len(),
            "bounds of layer {} and of layer {}",
            self.layer,
            more.layer
        );
        self.points += more.points;
        self.undefined += more.undefined;
        self.folds += more.folds;
        for (a, b) in self.gradients.iter_mut().zip(&more.gradients) {
            a.gradient.raise(b.gradient.value, &b.gradient.point);
        }
        self.hessian.raise(more.hessian.value, &more.hessian.point);
        self.eigenvalue.lower(more.eigenvalue.value, &more.eigenvalue.point);
    }
}

impl Flow {
    /// Bounds on the derivatives of every layer's potential over points `y` of the manifold, `[sample][coordinate]`:
    /// one for each layer that has a potential and parameters of its own.
    ///
    /// Every layer's potential is evaluated at these points, not at those that other layers carry them to, because the
    /// conditions of [`LayerBounds`] are about the whole manifold. The largest value over points is at most that over
    /// the manifold: evidence and not proof. On Rⁿ derivatives may have no bound at all.
    ///
    /// # Panics
    /// If `theta` or `y` has the wrong length.
    pub fn potential_bounds(&self, theta: &[f64], y: &[f64]) -> Vec<LayerBounds> {
        let n = self.manifold.ambient();
        let parts = parts::map(parts::fine(self.samples(theta, y)), |samples| {
            let y = &y[samples.start * n..samples.end * n];
            (0..self.distinct()).map(|layer| self.bounds_of(layer, theta, y)).collect::<Vec<_>>()
        });
        let first = || (0..self.distinct()).map(|layer| self.bounds_of(layer, theta, &[])).collect();
        let all = parts.into_iter().reduce(|mut all: Vec<Option<LayerBounds>>, part| {
            for (all, part) in all.iter_mut().zip(&part) {
                if let (Some(all), Some(part)) = (all, part) {
                    all.merge(part);
                }
            }
            all
        });
        all.unwrap_or_else(first).into_iter().flatten().collect()
    }

    /// The bounds of one layer over some points; `None` if it has no potential.
    fn bounds_of(&self, layer: usize, theta: &[f64], y: &[f64]) -> Option<LayerBounds> {
        let (n, d, map) = (self.manifold.ambient(), self.manifold.dim(), &self.maps[layer]);
        let samples = y.len() / n;
        let mut record = Record::default();
        Workspace::with(|work| map.run(Direction::Inverse, &theta[self.slot(layer)], y, &mut record, work));
        let (mut gradients, mut hessians) = (vec![0.0; samples * d], vec![0.0; samples * d * d]);
        let mut eigenvalues = vec![0.0; samples];
        if !map.potential_derivatives(&record, &mut gradients, &mut hessians) {
            return None;
        }
        map.smallest_eigenvalues(&record, &mut eigenvalues);
        let mut out = LayerBounds {
            layer,
            points: samples,
            undefined: 0,
            folds: 0,
            gradients: self.factors(),
            hessian: Extreme::largest(),
            eigenvalue: Extreme::smallest(),
        };
        for (s, y) in y.chunks_exact(n).enumerate() {
            let (g, hessian) = (&gradients[s * d..(s + 1) * d], &hessians[s * d * d..(s + 1) * d * d]);
            let norm = operator_norm(hessian, d);
            let finite = g.iter().all(|g| g.is_finite()) && norm.is_finite() && eigenvalues[s].is_finite();
            if !finite || self.manifold.check_point(y).is_err() {
                out.undefined += 1;
                continue;
            }
            for bound in &mut out.gradients {
                let square: f64 = g[bound.directions.clone()].iter().map(|g| g * g).sum();
                bound.gradient.raise(square.sqrt(), y);
            }
            out.hessian.raise(norm, y);
            out.eigenvalue.lower(eigenvalues[s], y);
            out.folds += usize::from(!(eigenvalues[s] > 0.0 && self.manifold.domain_margin(g) > 0.0));
        }
        Some(out)
    }

    /// The factors of the manifold, with no slopes yet.
    fn factors(&self) -> Vec<FactorBound> {
        let Ok(product) = product(&self.manifold) else {
            let factor = self.manifold.to_string();
            let (gradient, directions) = (Extreme::largest(), 0..self.manifold.dim());
            return vec![FactorBound { factor, radius: f64::NAN, gradient, directions, is_curved: true }];
        };
        let mut start = 0;
        let of = |factor: Factor| {
            let bound = FactorBound::of(&factor, start);
            start = bound.directions.end;
            bound
        };
        // Conditioning variables have no directions.
        product.factors().filter(|factor| factor.dim() > 0).map(of).collect()
    }
}
