//! The geometry of a pull-back, pack by pack: what comes before the sweeps through the potential, between them and after.
//!
//! Every step is a [`Task`]: a function of its own. As one function they would take several times as long to compile.

use ircpm_ad::simd::Task;
use ircpm_ad::{Algebra, Lap, Real, Scalar};
use ircpm_manifolds::Manifold;

use super::Cotangents;
use crate::lanes::Span;
use crate::map::Record;
use crate::map::local_jet::{from_frame, to_frame};
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
    pub(super) fn resize(&mut self, ambient: usize) {
        self.vectors.iter_mut().for_each(|v| resize(v, ambient));
        resize(&mut self.point, ambient);
    }
}

/// The packs of one tile, and what their steps read and write.
pub(super) struct Tile<'a, M, R: Real, const D: usize> {
    pub m: &'a M,
    pub span: Span,
    pub record: &'a Record,
    pub cotangents: Cotangents<'a>,
    /// Cotangents of the points that the run started from.
    pub points_bar: &'a mut [f64],
    pub packs: &'a mut [Pack<R, D>],
    pub scratch: &'a mut Scratch<R, D>,
}

impl<M: Manifold, R: Real, const D: usize> Tile<'_, M, R, D> {
    /// Gradient of the contraction in `y`, in the frame: `∂_{s_k} z`, paired with the cotangents of `z`.
    #[inline(always)]
    fn point_gradient(&mut self, p: usize, z_bar: &[Lap<R, D>]) -> [R; D] {
        let (pack, point) = (&self.packs[p], &mut self.scratch.point);
        let seeds = seeds(&pack.directions);
        let mut v = [R::zero(); D];
        for k in 0..D {
            self.m.lift_derivative(&pack.y, &pack.frame, &seeds, k, point);
            for (c, &dz) in point.iter().enumerate() {
                v[k] += dz.pair(z_bar[c]);
            }
        }
        v
    }
}

/// Reads a pack and seeds the contraction of `ℓ`: `psi_bar = −{0, Cᵀ b, 1}`.
pub(super) struct Seed<'t, 'a, M, R: Real, const D: usize>(
    pub &'t mut Tile<'a, M, R, D>,
    pub usize,
    pub &'t mut [Lap<R, D>],
);

impl<M: Manifold, R: Real, const D: usize> Task for Seed<'_, '_, M, R, D> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self(Tile { m, span, record, cotangents, packs, .. }, p, z) = self;
        let (m, n, pack) = (*m, m.ambient(), &mut packs[p]);
        resize(&mut pack.y, n);
        resize(&mut pack.frame, D * n);
        // A failed sample is read as zeros: its numbers may be infinite, which no zero cotangent silences.
        let ok = span.mask::<R>(&record.ok, p);
        for c in 0..n {
            pack.y[c] = or_zero(span.load(&record.y, n, c, p), ok);
        }
        m.frame(&pack.y, &mut pack.frame);
        let mut h = [[R::zero(); D]; D];
        for i in 0..D {
            pack.g[i] = or_zero(span.load(&record.g, D, i, p), ok);
            for j in 0..D {
                h[i][j] = or_zero(span.load(&record.h, D * D, i * D + j, p), ok);
            }
        }
        pack.factor = Cholesky::new(&h);
        pack.directions = pack.factor.inverse_transposed();
        m.lift(&pack.y, &pack.frame, &seeds(&pack.directions), z);
        pack.omega = span.load_padded::<R>(cotangents.log_det, 1, 0, p);
        let b = gradient_cotangent(m, &pack.g, &pack.directions);
        let mut grad = pack.factor.transposed_times(&b);
        for g in &mut grad {
            *g = -*g;
        }
        pack.psi_bar = Lap { re: R::zero(), grad, lap: -R::one() };
    }
}

/// Inverse: pulls the cotangent of `x` through the exponential map, turns the contraction of `ℓ` into that of
/// `ω ℓ + w′ · grad psi` and leaves `Hess_y c · w′` as the cotangent of `y`.
pub(super) struct ThroughExponential<'t, 'a, M, R: Real, const D: usize>(
    pub &'t mut Tile<'a, M, R, D>,
    pub usize,
);

impl<M: Manifold, R: Real, const D: usize> Task for ThroughExponential<'_, '_, M, R, D> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self(Tile { m, span, cotangents, points_bar, packs, scratch, .. }, p) = self;
        let (n, pack, [velocity, given, carried]) = (m.ambient(), &mut packs[p], &mut scratch.vectors);
        from_frame(&pack.frame, &pack.g, velocity);
        for c in 0..n {
            given[c] = span.load_padded(cotangents.points, n, c, p);
        }
        // The frame is carried to x, not the cotangent to y: its normal component drops out.
        let mut p_bar = [R::zero(); D];
        for k in 0..D {
            m.transport(&pack.y, velocity, &pack.frame[k * n..(k + 1) * n], carried);
            for c in 0..n {
                p_bar[k] = carried[c].mul_add(given[c], p_bar[k]);
            }
        }
        let mut w = [R::zero(); D];
        m.mixed_inverse(&pack.g, &p_bar, &mut w);
        let share = pack.factor.transposed_times(&w);
        let mut cost = [[R::zero(); D]; D];
        m.cost_hessian(&pack.g, cost.as_flattened_mut());
        let mut bent = [R::zero(); D];
        pack.psi_bar = pack.psi_bar.scale(pack.omega);
        for i in 0..D {
            pack.psi_bar.grad[i] += share[i];
            for j in 0..D {
                bent[i] += cost[i][j] * w[j];
            }
        }
        from_frame(&pack.frame, &bent, carried);
        for c in 0..n {
            span.store(carried[c], points_bar, n, c, p);
        }
    }
}

/// Inverse: adds the contraction's gradient in `y` to what [`ThroughExponential`] left.
pub(super) struct AddPointGradient<'t, 'a, M, R: Real, const D: usize>(
    pub &'t mut Tile<'a, M, R, D>,
    pub usize,
    pub &'t [Lap<R, D>],
);

impl<M: Manifold, R: Real, const D: usize> Task for AddPointGradient<'_, '_, M, R, D> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self(tile, p, z_bar) = self;
        let v = tile.point_gradient(p, z_bar);
        let Tile { m, span, points_bar, packs, scratch, .. } = tile;
        let (n, out) = (m.ambient(), &mut scratch.vectors[0]);
        from_frame(&packs[p].frame, &v, out);
        for c in 0..n {
            span.each::<R>(p, |sample, lane| points_bar[sample * n + c] += out[c].lane(lane));
        }
    }
}

/// Forward: turns the cotangent of `y` into that of `x`, and the contraction of `ℓ` into that of `ω ℓ − w · grad psi`, whose
/// cotangents of psi it returns.
pub(super) struct ThroughMinimum<'t, 'a, M, R: Real, const D: usize>(
    pub &'t mut Tile<'a, M, R, D>,
    pub usize,
    pub &'t [Lap<R, D>],
);

impl<M: Manifold, R: Real, const D: usize> Task for ThroughMinimum<'_, '_, M, R, D> {
    type Output = Lap<R, D>;

    #[inline(always)]
    fn run(self) -> Lap<R, D> {
        let Self(tile, p, z_bar) = self;
        let mut v = tile.point_gradient(p, z_bar);
        let Tile { m, span, cotangents, points_bar, packs, scratch, .. } = tile;
        let (n, pack, [a, b, out]) = (m.ambient(), &packs[p], &mut scratch.vectors);
        for c in 0..n {
            a[c] = span.load_padded(cotangents.points, n, c, p);
        }
        let given = to_frame::<R, D>(&pack.frame, a);
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
        for c in 0..n {
            span.store(out[c], points_bar, n, c, p);
        }
        psi_bar
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

/// Zero in lanes where `ok` is not positive.
#[inline(always)]
fn or_zero<R: Real>(number: R, ok: R) -> R {
    R::select_gt(ok, R::zero(), number, R::zero())
}
