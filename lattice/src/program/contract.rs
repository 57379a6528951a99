//! Derivatives of functions of `H` and `grad psi` in the points and the parameters.

use ircpm_ad::Real;

use super::windows::KindMemory;
use super::{BLOCK, Group, Harmonics, Program, WIDEST};
use crate::factor::Ldl;
use crate::lanes::resize;

/// Sums over the terms of a pack's cotangents.
#[derive(Debug)]
pub(crate) struct Contraction<R: Real> {
    /// One number per angle: the gradient in the points.
    pub points: Vec<R>,
    /// The gradient in the parameters.
    pub theta: Vec<R>,
    /// Memory of the windows' networks.
    pub(super) memory: Vec<KindMemory<R>>,
}

impl<R: Real> Default for Contraction<R> {
    fn default() -> Self {
        Self { points: vec![], theta: vec![], memory: vec![] }
    }
}

/// A pack of points with the coefficients of its terms.
#[derive(Debug)]
pub(crate) struct At<'a, R> {
    pub program: &'a Program,
    pub a: &'a [f64],
    pub harmonics: &'a Harmonics<R>,
    pub y: &'a [R],
}

impl<R: Real> Contraction<R> {
    /// Makes room, with zeros.
    #[inline(always)]
    pub(crate) fn begin(&mut self, program: &Program) {
        resize(&mut self.points, program.angles());
        resize(&mut self.theta, program.classes);
        for angle in 0..program.angles() {
            self.points[angle] = R::zero();
        }
        for class in 0..program.classes {
            self.theta[class] = R::zero();
        }
    }

    /// Adds `weight` times the derivatives of `−G : Hess psi` with `G` held fixed, whose entries lie in the places of
    /// `H`: with `g_m = q_mᵀ G q_m`, `c_m g_m/|q_m|²` in the parameter of each term, and `−Σ a s_m g_m q_m` in the points.
    ///
    /// With `G = H⁻¹` these are the derivatives of `−log det H`.
    #[inline(always)]
    pub(crate) fn add_curvature(&mut self, at: &At<'_, R>, g: &Ldl<R>, weight: R) {
        self.add_curvature_of_windows(at.program, (at.a, at.y), g, weight);
        self.add_curvature_of_terms(at, g, weight);
    }

    /// Adds the derivatives of `−vᵀ Hess psi v` with `v` held fixed, whose square `v vᵀ` is given in the places of `H`.
    #[inline(always)]
    pub(crate) fn add_curvature_of_square(&mut self, at: &At<'_, R>, v: &[R], square: &Ldl<R>) {
        self.add_curvature_along(at.program, (at.a, at.y), v);
        self.add_curvature_of_terms(at, square, R::one());
    }

    #[inline(always)]
    fn add_curvature_of_terms(&mut self, at: &At<'_, R>, g: &Ldl<R>, weight: R) {
        for group in &at.program.groups {
            match group.width {
                1 => self.curvature::<1>(at, group, g, weight),
                2 => self.curvature::<2>(at, group, g, weight),
                3 => self.curvature::<3>(at, group, g, weight),
                _ => self.curvature::<WIDEST>(at, group, g, weight),
            }
        }
        for (number, combination) in at.program.combinations.iter().enumerate() {
            let slope = self.points[at.program.sites + number];
            for &(site, q) in &combination.entries {
                self.points[site] = slope.mul_add(R::constant(q), self.points[site]);
            }
        }
    }

    #[inline(always)]
    fn curvature<const K: usize>(&mut self, at: &At<'_, R>, group: &Group, g: &Ldl<R>, weight: R) {
        let shapes = &at.program.shapes[group.shapes];
        let terms = group.first..group.first + shapes.len();
        let (class_of, weights) = (&at.program.class_of[terms.clone()], &at.program.weights[terms.clone()]);
        let (a, places) = (&at.a[terms.clone()], &at.program.places[terms]);
        let mut block = [R::zero(); BLOCK];
        for i in 0..K {
            let e = i * (i + 1) / 2;
            for j in 0..i {
                block[e + j] = g.lower[group.slots[e + j]] * weight * 2.0;
            }
            block[e + i] = g.diagonal[group.slots[e + i]] * weight;
        }
        let mut points = [R::zero(); K];
        for t in 0..shapes.len() {
            let shape = &shapes[t];
            let (c, s) = at.harmonics.term::<K>(&places[t], shape);
            let mut form = block[0] * shape.products[0];
            for e in 1..K * (K + 1) / 2 {
                form = block[e].mul_add(R::constant(shape.products[e]), form);
            }
            let class = class_of[t];
            self.theta[class] = c.mul_add(form * weights[t], self.theta[class]);
            let slope = s * form * a[t];
            for i in 0..K {
                points[i] = slope.mul_add(R::constant(shape.charges[i]), points[i]);
            }
        }
        for i in 0..K {
            self.points[group.angles[i]] -= points[i];
        }
    }

    /// Adds the derivative of `−w · grad psi` in the parameter of each term, `s_m q_m · w/|q_m|²`. There is one number
    /// of `w` per angle.
    #[inline(always)]
    pub(crate) fn add_slope(&mut self, at: &At<'_, R>, w: &[R]) {
        self.add_slope_of_windows(at.program, (at.a, at.y), w);
        for group in &at.program.groups {
            match group.width {
                1 => self.slope::<1>(at, group, w),
                2 => self.slope::<2>(at, group, w),
                3 => self.slope::<3>(at, group, w),
                _ => self.slope::<WIDEST>(at, group, w),
            }
        }
    }

    #[inline(always)]
    fn slope<const K: usize>(&mut self, at: &At<'_, R>, group: &Group, w: &[R]) {
        let shapes = &at.program.shapes[group.shapes];
        let terms = group.first..group.first + shapes.len();
        let (class_of, weights) = (&at.program.class_of[terms.clone()], &at.program.weights[terms.clone()]);
        let places = &at.program.places[terms];
        let mut along = [R::zero(); K];
        for i in 0..K {
            along[i] = w[group.angles[i]];
        }
        for t in 0..shapes.len() {
            let shape = &shapes[t];
            let (_, s) = at.harmonics.term::<K>(&places[t], shape);
            let mut sum = along[0] * shape.charges[0];
            for i in 1..K {
                sum = along[i].mul_add(R::constant(shape.charges[i]), sum);
            }
            let class = class_of[t];
            self.theta[class] = s.mul_add(sum * weights[t], self.theta[class]);
        }
    }
}
