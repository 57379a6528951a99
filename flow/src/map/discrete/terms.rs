//! The potential and its derivatives to second order at a pack of points, from its terms.

use ircpm_ad::Real;
use ircpm_manifolds::{Base, BlockMut, Cost};

use super::DiscreteMap;
use super::sites::Sites;
use crate::map::local_jet::{from_frame, to_frame};
use crate::potential::resize;

/// What every term of the minimum contributes at a pack of points `x`, in the frame at `x`.
#[derive(Clone, Debug)]
pub(super) struct Terms<R, const D: usize> {
    /// `n` ambient coordinates.
    pub x: Vec<R>,
    /// `D × n`.
    pub frame: Vec<R>,
    /// `vᵢ = log_x(yᵢ)`, to the nearest point of the orbit.
    pub velocities: Vec<[R; D]>,
    /// `Hᵢ`, Hessians of the costs in `x`.
    pub hessians: Vec<[[R; D]; D]>,
    /// `wᵢ`, without the constant's.
    pub weights: Vec<R>,
    /// Weight of the constant.
    pub constant: R,
    site: Vec<R>,
    ambient: Vec<R>,
}

/// `phi` and its derivatives at a pack of points, in the frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct PhiJet<R, const D: usize> {
    pub value: R,
    /// `v = −grad phi`.
    pub v: [R; D],
    /// `−Hess phi`.
    pub minus_hessian: [[R; D]; D],
}

impl<R: Real, const D: usize> Default for Terms<R, D> {
    fn default() -> Self {
        Self {
            x: vec![],
            frame: vec![],
            velocities: vec![],
            hessians: vec![],
            weights: vec![],
            constant: R::zero(),
            site: vec![],
            ambient: vec![],
        }
    }
}

impl<R: Real, const D: usize> Terms<R, D> {
    /// Makes room for the terms of `map`.
    #[inline(always)]
    pub(super) fn reserve<M: Cost + Base>(&mut self, map: &DiscreteMap<M, D>, sites: &Sites) {
        let n = map.manifold.ambient();
        let terms = sites.points.len() / n;
        resize(&mut self.x, n);
        resize(&mut self.frame, D * n);
        resize(&mut self.site, n);
        resize(&mut self.ambient, n);
        resize(&mut self.weights, terms);
        if self.velocities.len() != terms {
            self.velocities.resize(terms, [R::zero(); D]);
            self.hessians.resize(terms, [[R::zero(); D]; D]);
        }
    }

    /// Finds all terms at [`Terms::x`], and what they come to.
    #[inline(always)]
    pub(super) fn evaluate<M: Cost + Base>(
        &mut self,
        map: &DiscreteMap<M, D>,
        sites: &Sites,
    ) -> PhiJet<R, D> {
        R::vectorized(
            #[inline(always)]
            || map.manifold.frame(&self.x, BlockMut::dense(&mut self.frame, self.x.len())),
        );
        R::vectorized(
            #[inline(always)]
            || self.find_costs(map, sites),
        );
        let value = R::vectorized(
            #[inline(always)]
            || self.weigh(map),
        );
        R::vectorized(
            #[inline(always)]
            || self.sum(map, value),
        )
    }

    /// Velocities to all sites, and costs with offsets in the place of the weights.
    #[inline(always)]
    fn find_costs<M: Cost + Base>(&mut self, map: &DiscreteMap<M, D>, sites: &Sites) {
        let (m, elements) = (&map.manifold, map.orbits.group.len());
        for i in 0..self.velocities.len() {
            sites.load(i, &mut self.site);
            m.log(&self.x, &self.site, &mut self.ambient);
            let mut v = to_frame(m, &self.x, &self.frame, &mut self.ambient);
            for k in 0..map.orbits.translations.len() {
                map.orbits.translations[k].shorten(&mut v);
            }
            self.velocities[i] = v;
            self.weights[i] = square(&v) * 0.5 + sites.offsets[i / elements];
        }
    }

    /// Turns costs into weights, and returns `phi`.
    #[inline(always)]
    fn weigh<M>(&mut self, map: &DiscreteMap<M, D>) -> R {
        let (zero, one) = (R::zero(), R::one());
        let mut least = R::constant(if map.constant { 0.0 } else { f64::INFINITY });
        for i in 0..self.weights.len() {
            least = least.min(self.weights[i]);
        }
        if map.smoothing == 0.0 {
            // The first of equal costs takes all.
            let mut left = one;
            self.constant = zero;
            if map.constant {
                self.constant = R::select_gt(zero, least, zero, one);
                left -= self.constant;
            }
            for i in 0..self.weights.len() {
                self.weights[i] = R::select_gt(self.weights[i], least, zero, left);
                left -= self.weights[i];
            }
            return least;
        }
        let slope = -1.0 / map.smoothing;
        let mut sum = zero;
        self.constant = zero;
        if map.constant {
            self.constant = (-least * slope).exp();
            sum += self.constant;
        }
        for i in 0..self.weights.len() {
            self.weights[i] = ((self.weights[i] - least) * slope).exp();
            sum += self.weights[i];
        }
        let inverse = one / sum;
        self.constant *= inverse;
        for i in 0..self.weights.len() {
            self.weights[i] *= inverse;
        }
        least - sum.ln() * map.smoothing
    }

    /// The barycentre, and the spread around it.
    #[inline(always)]
    fn sum<M: Cost + Base>(&mut self, map: &DiscreteMap<M, D>, value: R) -> PhiJet<R, D> {
        let mut v = [R::zero(); D];
        for i in 0..self.weights.len() {
            for k in 0..D {
                v[k] = self.weights[i].mul_add(self.velocities[i][k], v[k]);
            }
        }
        let scale = map.sharpness();
        let mut minus_hessian = [[R::zero(); D]; D];
        for j in 0..D {
            for k in 0..D {
                minus_hessian[j][k] = self.constant * v[j] * v[k] * scale;
            }
        }
        for i in 0..self.weights.len() {
            let weight = self.weights[i];
            let mut cost = cost_hessian(&map.manifold, &self.velocities[i]);
            for k in 0..map.orbits.translations.len() {
                map.orbits.translations[k].subtract_projector(&mut cost);
            }
            self.hessians[i] = cost;
            let away = minus(&self.velocities[i], &v);
            for j in 0..D {
                let along = away[j] * scale;
                for k in 0..D {
                    minus_hessian[j][k] += weight * (along * away[k] - cost[j][k]);
                }
            }
        }
        PhiJet { value, v, minus_hessian }
    }

    /// Writes `exp_x` of the vector with frame coordinates `v`, on the cover.
    #[inline(always)]
    pub(super) fn exponential<M: Cost + Base>(&mut self, map: &DiscreteMap<M, D>, v: &[R; D], y: &mut [R]) {
        from_frame(&self.frame, v, &mut self.ambient);
        map.manifold.exp(&self.x, &self.ambient, y);
    }
}

/// `C(v)`.
#[inline(always)]
pub(super) fn cost_hessian<M: Cost, R: Real, const D: usize>(m: &M, v: &[R; D]) -> [[R; D]; D] {
    let mut h = [[R::zero(); D]; D];
    m.cost_hessian(v, BlockMut::dense(h.as_flattened_mut(), D));
    h
}

/// `a + b`.
#[inline(always)]
pub(super) fn plus<R: Real, const D: usize>(a: &[[R; D]; D], b: &[[R; D]; D]) -> [[R; D]; D] {
    let mut sum = *a;
    for i in 0..D {
        for j in 0..D {
            sum[i][j] += b[i][j];
        }
    }
    sum
}

/// `a − b`.
#[inline(always)]
pub(super) fn minus<R: Real, const D: usize>(a: &[R; D], b: &[R; D]) -> [R; D] {
    let mut out = *a;
    for i in 0..D {
        out[i] -= b[i];
    }
    out
}

/// `a · b`.
#[inline(always)]
pub(super) fn dot<R: Real, const D: usize>(a: &[R; D], b: &[R; D]) -> R {
    let mut sum = R::zero();
    for i in 0..D {
        sum = a[i].mul_add(b[i], sum);
    }
    sum
}

/// `|v|²`.
#[inline(always)]
fn square<R: Real, const D: usize>(v: &[R; D]) -> R {
    dot(v, v)
}

/// `A v`.
#[inline(always)]
pub(super) fn times<R: Real, const D: usize>(a: &[[R; D]; D], v: &[R; D]) -> [R; D] {
    let mut out = [R::zero(); D];
    for i in 0..D {
        out[i] = dot(&a[i], v);
    }
    out
}
