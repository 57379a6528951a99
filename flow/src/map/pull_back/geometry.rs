//! The geometry of a pull-back, pack by pack: what comes before the contraction, and after it.

use ircpm_ad::{Algebra, Lap, Real, Scalar};
use ircpm_manifolds::{Block, BlockMut, Cost};

use super::Cotangents;
use crate::lanes::Span;
use crate::map::Record;
use crate::map::dense_hessian::DenseHessian;
use crate::map::local_jet::{from_frame, pair_with_frame};
use crate::map::log_det::gradient_cotangent;
use crate::potential::resize;
use crate::small::Cholesky;

/// What is known of one pack at its images.
#[derive(Clone, Debug)]
pub(super) struct Pack<R, const D: usize> {
    y: Vec<R>,
    frame: Vec<R>,
    g: [R; D],
    /// `∂f/∂ℓ`.
    omega: R,
    factor: Cholesky<R, D>,
    /// The directions `uₖ` as columns.
    pub directions: [[R; D]; D],
    /// Cotangents of psi.
    pub psi_bar: Lap<R, D>,
}

impl<R: Real, const D: usize> Default for Pack<R, D> {
    fn default() -> Self {
        let zero = R::zero();
        Self {
            y: vec![],
            frame: vec![],
            g: [zero; D],
            omega: zero,
            factor: Cholesky::identity(),
            directions: [[zero; D]; D],
            psi_bar: Lap::zero(),
        }
    }
}

/// Ambient vectors, and a point along the directions.
#[derive(Debug)]
pub(super) struct Scratch<R, const D: usize> {
    vectors: [Vec<R>; 3],
    point: Vec<Lap<R, D>>,
}

impl<R, const D: usize> Default for Scratch<R, D> {
    fn default() -> Self {
        Self { vectors: [vec![], vec![], vec![]], point: vec![] }
    }
}

impl<R: Real, const D: usize> Scratch<R, D> {
    /// Makes room for `ambient` coordinates.
    pub(super) fn resize(&mut self, ambient: usize) {
        self.vectors.iter_mut().for_each(|v| resize(v, ambient));
        resize(&mut self.point, ambient);
    }
}

/// What the packs of one tile read and write.
pub(super) struct Tile<'a, M> {
    m: &'a M,
    span: Span,
    record: &'a Record,
    dense: &'a DenseHessian,
    /// Where a failed sample is read.
    origin: &'a [f64],
    cotangents: Cotangents<'a>,
    /// Cotangents of the points that the run started from.
    points_bar: &'a mut [f64],
}

impl<'a, M: Cost> Tile<'a, M> {
    pub(super) fn new(
        m: &'a M,
        span: Span,
        (record, origin): (&'a Record, &'a [f64]),
        cotangents: Cotangents<'a>,
        points_bar: &'a mut [f64],
    ) -> Self {
        Self { m, span, record, dense: DenseHessian::of(record), origin, cotangents, points_bar }
    }

    /// Reads pack `p` and seeds the contraction of `ℓ`: `psi_bar = −{0, Cᵀ b, 1}`, with `z` along the directions.
    #[inline(always)]
    pub(super) fn seed<R: Real, const D: usize>(&self, p: usize, pack: &mut Pack<R, D>, z: &mut [Lap<R, D>]) {
        let (m, n, span) = (self.m, self.m.ambient(), self.span);
        resize(&mut pack.y, n);
        resize(&mut pack.frame, D * n);
        // A failed sample is read at the origin with zero derivatives, because its own numbers, or psi and the metric
        // there, may be infinite and a zero cotangent times infinity is NaN.
        let ok = span.mask::<R>(&self.record.ok, p);
        for c in 0..n {
            let y = span.load(&self.record.y, n, c, p);
            pack.y[c] = R::select_gt(ok, R::zero(), y, R::constant(self.origin[c]));
        }
        m.frame(&pack.y, BlockMut::dense(&mut pack.frame, n));
        let mut h = [[R::zero(); D]; D];
        for i in 0..D {
            pack.g[i] = or_zero(span.load(&self.dense.gradient, D, i, p), ok);
            for j in 0..D {
                h[i][j] = or_zero(span.load(&self.dense.matrix, D * D, i * D + j, p), ok);
            }
        }
        pack.factor = Cholesky::new(&h);
        pack.directions = pack.factor.inverse_transposed();
        m.lift(&pack.y, Block::dense(&pack.frame, n), &seeds(&pack.directions), z);
        pack.omega = span.load_padded::<R>(self.cotangents.log_det, 1, 0, p);
        let b = gradient_cotangent(m, &pack.g, &pack.directions);
        let mut grad = pack.factor.transposed_times(&b);
        for g in &mut grad {
            *g = -*g;
        }
        pack.psi_bar = Lap { re: R::zero(), grad, lap: -R::one() };
    }

    /// Inverse: pulls the cotangent of `x` back through the exponential map, changes the contraction of `ℓ` into that
    /// of `ω ℓ + w′ · grad psi`, and leaves `Hess_y c · w′` as the cotangent of `y`.
    #[inline(always)]
    pub(super) fn pull_back_exponential<R: Real, const D: usize>(
        &mut self,
        p: usize,
        pack: &mut Pack<R, D>,
        scratch: &mut Scratch<R, D>,
    ) {
        let (m, n, span) = (self.m, self.m.ambient(), self.span);
        let [velocity, given, carried] = &mut scratch.vectors;
        from_frame(&pack.frame, &pack.g, velocity);
        for c in 0..n {
            given[c] = span.load_padded(self.cotangents.points, n, c, p);
        }
        // The frame is carried to x, not the cotangent to y, so that a component normal to the manifold drops out.
        let mut x_bar = [R::zero(); D];
        for k in 0..D {
            m.transport(&pack.y, velocity, &pack.frame[k * n..(k + 1) * n], carried);
            for c in 0..n {
                x_bar[k] = carried[c].mul_add(given[c], x_bar[k]);
            }
        }
        let mut w = [R::zero(); D];
        m.mixed_inverse(&pack.g, &x_bar, &mut w);
        let share = pack.factor.transposed_times(&w);
        let mut cost = [[R::zero(); D]; D];
        m.cost_hessian(&pack.g, BlockMut::dense(cost.as_flattened_mut(), D));
        let mut y_bar = [R::zero(); D];
        pack.psi_bar = pack.psi_bar.scale(pack.omega);
        for i in 0..D {
            pack.psi_bar.grad[i] += share[i];
            for j in 0..D {
                y_bar[i] += cost[i][j] * w[j];
            }
        }
        from_frame(&pack.frame, &y_bar, carried);
        m.lower(&pack.y, carried);
        for c in 0..n {
            span.store(carried[c], self.points_bar, n, c, p);
        }
    }

    /// Inverse: adds the contraction's gradient in `y` to what [`Tile::pull_back_exponential`] left.
    #[inline(always)]
    pub(super) fn add_point_gradient<R: Real, const D: usize>(
        &mut self,
        p: usize,
        pack: &Pack<R, D>,
        z_bar: &[Lap<R, D>],
        scratch: &mut Scratch<R, D>,
    ) {
        let v = self.point_gradient(pack, z_bar, &mut scratch.point);
        let (n, span, out) = (self.m.ambient(), self.span, &mut scratch.vectors[0]);
        from_frame(&pack.frame, &v, out);
        self.m.lower(&pack.y, out);
        let points_bar = &mut *self.points_bar;
        for c in 0..n {
            span.each::<R>(p, |sample, lane| points_bar[sample * n + c] += out[c].lane(lane));
        }
    }

    /// Forward: changes the cotangent of `y` into that of `x`, and the contraction of `ℓ` into that of
    /// `ω ℓ − w · grad psi`, whose cotangent of psi it returns.
    #[inline(always)]
    pub(super) fn pull_back_minimum<R: Real, const D: usize>(
        &mut self,
        p: usize,
        pack: &Pack<R, D>,
        z_bar: &[Lap<R, D>],
        scratch: &mut Scratch<R, D>,
    ) -> Lap<R, D> {
        let mut v = self.point_gradient(pack, z_bar, &mut scratch.point);
        let (m, n, span) = (self.m, self.m.ambient(), self.span);
        let [a, b, out] = &mut scratch.vectors;
        for c in 0..n {
            a[c] = span.load_padded(self.cotangents.points, n, c, p);
        }
        let given: [R; D] = pair_with_frame(&pack.frame, a);
        for k in 0..D {
            v[k] = pack.omega.mul_add(v[k], given[k]);
        }
        let w = pack.factor.solve(v);
        let share = pack.factor.transposed_times(&w);
        let mut psi_bar = pack.psi_bar.scale(pack.omega);
        for k in 0..D {
            psi_bar.grad[k] -= share[k];
        }
        let mut mixed = [R::zero(); D];
        m.mixed(&pack.g, &w, &mut mixed);
        from_frame(&pack.frame, &mixed, a);
        from_frame(&pack.frame, &pack.g, b);
        m.transport(&pack.y, b, a, out);
        let ok = span.mask::<R>(&self.record.ok, p);
        for c in 0..n {
            let x = span.load(&self.record.x, n, c, p);
            a[c] = R::select_gt(ok, R::zero(), x, R::constant(self.origin[c]));
        }
        m.lower(a, out);
        for c in 0..n {
            span.store(out[c], self.points_bar, n, c, p);
        }
        psi_bar
    }

    /// Gradient of the contraction in `y`, in the frame: `∂_{s_k} z`, paired with the cotangents of `z`.
    #[inline(always)]
    fn point_gradient<R: Real, const D: usize>(
        &self,
        pack: &Pack<R, D>,
        z_bar: &[Lap<R, D>],
        point: &mut [Lap<R, D>],
    ) -> [R; D] {
        let (n, seeds) = (self.m.ambient(), seeds(&pack.directions));
        let mut v = [R::zero(); D];
        for k in 0..D {
            self.m.lift_derivative(&pack.y, Block::dense(&pack.frame, n), &seeds, k, point);
            for (c, &dz) in point.iter().enumerate() {
                v[k] += dz.pair(z_bar[c]);
            }
        }
        v
    }
}

/// Normal coordinates along the directions `uₖ`.
#[inline(always)]
fn seeds<R: Real, const D: usize>(directions: &[[R; D]; D]) -> [Lap<R, D>; D] {
    let mut seeds = [Lap::zero(); D];
    for i in 0..D {
        seeds[i] = Lap::seeded(R::zero(), directions[i]);
    }
    seeds
}

/// `number`, but zero in lanes where `ok` is not positive.
#[inline(always)]
fn or_zero<R: Real>(number: R, ok: R) -> R {
    R::select_gt(ok, R::zero(), number, R::zero())
}
