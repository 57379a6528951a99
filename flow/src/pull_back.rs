//! Implicit gradients of one layer: cotangents through the solution, by the implicit function theorem.
//!
//! For a loss `f(y, ℓ)` write `ω = ∂f/∂ℓ`. Since `ℓ` depends on `(grad psi, Hess psi)` at `y` alone, everything is the
//! gradient of one contraction `A : Hess psi + b · grad psi`, `A` and `b` held fixed, which collapsed jets carry: with
//! `H = C Cᵀ` the directions `uₖ = C⁻ᵀ eₖ` turn `H⁻¹ : Hess psi` into a trace, and `b` into the output's cotangent.
//!
//! - Forward: `v = ∂f/∂y + ω grad ℓ`, `w = H⁻¹ v`; the parameters get `∂θ [ω ℓ − w · grad psi]`, the preimage `−B w`.
//! - Inverse, `x = exp_y(grad psi(y))` with cotangent `p`: `w′ = (−B)⁻¹ p`; the parameters get
//!   `∂θ [ω ℓ + w′ · grad psi]`, the image `ω grad ℓ + H w′`. No solve at all.

use ircpm_ad::{Algebra, Kernel, Lap, Real, Scalar};
use ircpm_manifolds::Manifold;

use crate::cholesky::Cholesky;
use crate::kept::Seen;
use crate::log_det::gradient_cotangent;
use crate::map::{ConcaveMap, Direction};
use crate::potential::{Potential, resize, resize_to};
use crate::site::{from_frame, to_frame};
use crate::tile::{Span, TILE};
use crate::trace::Trace;
use crate::workspace::Workspace;

/// Cotangents of what a layer's run returned, per sample.
#[derive(Clone, Copy, Debug)]
pub struct Cotangents<'a> {
    /// Of the points that the run ended at: ambient coordinates, `[sample][coordinate]`; components normal to the
    /// manifold are ignored.
    pub points: &'a [f64],
    /// Of `ℓ = log|det DT|` at the image, for both directions.
    pub log_det: &'a [f64],
}

/// Where a pull-back leaves its results.
#[derive(Debug)]
pub struct Gradients<'a> {
    /// In the parameters: added to.
    pub theta: ThetaGradient<'a>,
    /// In the points that the run started from, as [`Cotangents::points`]: overwritten.
    pub points: &'a mut [f64],
}

/// A gradient in the parameters, over the samples of a run or for each of them.
#[derive(Debug)]
pub enum ThetaGradient<'a> {
    /// The sum over samples: one number a parameter.
    Sum(&'a mut [f64]),
    /// Sample by sample, `[parameter][sample]`: a block of a Jacobian's columns.
    Each(&'a mut [f64]),
}

/// The kernel: see [`crate::map::Map::pull_back`].
pub(crate) struct PullBack<'a, M, P, const D: usize> {
    pub map: &'a ConcaveMap<M, P, D>,
    pub direction: Direction,
    pub theta: &'a [f64],
    pub trace: &'a Trace,
    pub cotangents: Cotangents<'a>,
    pub into: Gradients<'a>,
    pub work: &'a mut Workspace,
}

/// What is known of one pack at its images.
#[derive(Clone, Debug)]
struct Contraction<R, const D: usize> {
    y: Vec<R>,
    frame: Vec<R>,
    g: [R; D],
    /// `∂f/∂ℓ`.
    omega: R,
    factor: Cholesky<R, D>,
    /// Normal coordinates along the directions `uₖ`.
    seeds: [Lap<R, D>; D],
}

impl<R: Real, const D: usize> Default for Contraction<R, D> {
    fn default() -> Self {
        Self {
            y: vec![],
            frame: vec![],
            g: [R::zero(); D],
            omega: R::zero(),
            factor: Cholesky::identity(),
            seeds: [Lap::zero(); D],
        }
    }
}

/// Buffers of a thread.
struct Buffers<P: Potential, R: Real, const D: usize> {
    packs: Vec<Contraction<R, D>>,
    /// The directions of all packs.
    directions: Vec<[[R; D]; D]>,
    z: Vec<Lap<R, D>>,
    z_bar: Vec<Lap<R, D>>,
    phi: Vec<Lap<R, D>>,
    point: Vec<Lap<R, D>>,
    vectors: [Vec<R>; 3],
    /// Gradients of every sample, `[pack][parameter]`.
    rows: Vec<R>,
    sweep: P::Sweep<Lap<R, D>>,
}

impl<P: Potential, R: Real, const D: usize> Default for Buffers<P, R, D> {
    fn default() -> Self {
        Self {
            packs: vec![],
            directions: vec![],
            z: vec![],
            z_bar: vec![],
            phi: vec![],
            point: vec![],
            vectors: Default::default(),
            rows: vec![],
            sweep: Default::default(),
        }
    }
}

impl<M: Manifold, P: Potential, const D: usize> Kernel for PullBack<'_, M, P, D> {
    type Output = ();

    #[inline(always)]
    fn run<R: Real>(self) {
        let PullBack { map, direction, theta, trace, cotangents, into, work } = self;
        let Gradients { theta: mut theta_bar, points: points_bar } = into;
        let (m, n) = (&map.manifold, map.manifold.ambient());
        let buffers = work.get::<Buffers<P, R, D>>();
        buffers.packs.resize_with(TILE / R::LANES, Contraction::default);
        buffers.vectors.iter_mut().for_each(|v| resize(v, n));
        resize(&mut buffers.point, n);
        let kept = trace.kept.packs::<P::Kept<R, D>>();
        for span in Span::all(trace.ok.len()) {
            let packs = span.packs::<R>();
            buffers.resize(packs, n);
            for p in 0..packs {
                buffers.load(m, span, p, trace, cotangents.log_det);
            }
            if direction == Direction::Inverse {
                for p in 0..packs {
                    buffers.through_exponential(m, span, p, cotangents.points, points_bar);
                }
            }
            let kept = &kept[span.start / R::LANES..][..packs];
            buffers.contract(&map.potential, theta, kept);
            for p in 0..packs {
                match direction {
                    Direction::Forward => buffers.through_minimum(m, span, p, cotangents.points, points_bar),
                    Direction::Inverse => buffers.add_point_gradient(m, span, p, points_bar),
                }
            }
            if direction == Direction::Forward {
                let Buffers { phi, z_bar, sweep, .. } = buffers;
                map.potential.contract_again(theta, kept, phi, z_bar, sweep);
            }
            match &mut theta_bar {
                ThetaGradient::Sum(sum) => map.potential.accumulate(&buffers.sweep, sum),
                ThetaGradient::Each(columns) => buffers.accumulate_each(&map.potential, span, columns),
            }
        }
    }
}

impl<P: Potential, R: Real, const D: usize> Buffers<P, R, D> {
    #[inline(always)]
    fn resize(&mut self, packs: usize, n: usize) {
        resize_to(&mut self.directions, packs, &[[R::zero(); D]; D]);
        resize(&mut self.z, n * packs);
        resize(&mut self.z_bar, n * packs);
        resize(&mut self.phi, packs);
    }

    #[inline(always)]
    fn contract(&mut self, potential: &P, theta: &[f64], kept: &[P::Kept<R, D>]) {
        let Self { directions, z, z_bar, phi, sweep, .. } = self;
        potential.contract(theta, Seen { z, directions, kept }, phi, z_bar, sweep);
    }

    /// Reads pack `p` and seeds the contraction of `ℓ`: `phi = −{0, Cᵀ b, 1}`.
    #[inline(always)]
    fn load<M: Manifold>(&mut self, m: &M, span: Span, p: usize, trace: &Trace, log_det_bar: &[f64]) {
        let n = m.ambient();
        let pack = &mut self.packs[p];
        resize(&mut pack.y, n);
        resize(&mut pack.frame, D * n);
        // A failed sample is read as zeros: its numbers may be infinite, which no zero cotangent silences.
        let ok = span.mask::<R>(&trace.ok, p);
        for c in 0..n {
            pack.y[c] = or_zero(span.load(&trace.y, n, c, p), ok);
        }
        m.frame(&pack.y, &mut pack.frame);
        let mut h = [[R::zero(); D]; D];
        for i in 0..D {
            pack.g[i] = or_zero(span.load(&trace.g, D, i, p), ok);
            for j in 0..D {
                h[i][j] = or_zero(span.load(&trace.h, D * D, i * D + j, p), ok);
            }
        }
        pack.factor = Cholesky::new(&h);
        self.directions[p] = pack.factor.inverse_transposed();
        for i in 0..D {
            pack.seeds[i] = Lap::seeded(R::zero(), self.directions[p][i]);
        }
        m.lift(&pack.y, &pack.frame, &pack.seeds, &mut self.z[p * n..(p + 1) * n]);
        pack.omega = span.load_padded::<R>(log_det_bar, 1, 0, p);
        let b = gradient_cotangent(m, &pack.g, &pack.factor);
        let mut grad = pack.factor.transposed_times(&b);
        for g in &mut grad {
            *g = -*g;
        }
        self.phi[p] = Lap { re: R::zero(), grad, lap: -R::one() };
    }

    /// Adds the gradient of every sample of the tile to its place in `columns`, `[parameter][sample]`.
    #[inline(always)]
    fn accumulate_each(&mut self, potential: &P, span: Span, columns: &mut [f64]) {
        let (parameters, packs) = (potential.parameters(), span.packs::<R>());
        let samples = columns.len() / parameters;
        resize(&mut self.rows, packs * parameters);
        self.rows.fill(R::zero());
        potential.accumulate_each(&self.sweep, &mut self.rows);
        for p in 0..packs {
            let start = span.start + p * R::LANES;
            let lanes = R::LANES.min(samples - start);
            for k in 0..parameters {
                let (row, out) =
                    (self.rows[p * parameters + k], &mut columns[k * samples + start..][..lanes]);
                if lanes == R::LANES {
                    (R::load(out) + row).store(out);
                } else {
                    for lane in 0..lanes {
                        out[lane] += row.lane(lane);
                    }
                }
            }
        }
    }

    /// Gradient of the contraction in `y`, in the frame: `∂_{s_k} z`, paired with the cotangents of `z`.
    #[inline(always)]
    fn point_gradient<M: Manifold>(&mut self, m: &M, p: usize) -> [R; D] {
        let n = m.ambient();
        let pack = &self.packs[p];
        let mut v = [R::zero(); D];
        for k in 0..D {
            m.lift_derivative(&pack.y, &pack.frame, &pack.seeds, k, &mut self.point);
            for (c, &dz) in self.point.iter().enumerate() {
                v[k] += dz.pair(self.z_bar[p * n + c]);
            }
        }
        v
    }

    /// Forward: turns the cotangent of `y` into that of `x`, and the contraction of `ℓ` into that of
    /// `ω ℓ − w · grad psi`.
    #[inline(always)]
    fn through_minimum<M: Manifold>(
        &mut self,
        m: &M,
        span: Span,
        p: usize,
        y_bar: &[f64],
        x_bar: &mut [f64],
    ) {
        let n = m.ambient();
        let mut v = self.point_gradient(m, p);
        let [a, b, out] = &mut self.vectors;
        let pack = &self.packs[p];
        for c in 0..n {
            a[c] = span.load_padded(y_bar, n, c, p);
        }
        let given = to_frame::<R, D>(&pack.frame, a);
        for k in 0..D {
            v[k] = pack.omega.mul_add(v[k], given[k]);
        }
        let w = pack.factor.solve(v);
        let share = pack.factor.transposed_times(&w);
        self.phi[p] = self.phi[p].scale(pack.omega);
        for k in 0..D {
            self.phi[p].grad[k] -= share[k];
        }
        let mut mixed = [R::zero(); D];
        m.mixed(&pack.g, &w, &mut mixed);
        from_frame(&pack.frame, &mixed, a);
        from_frame(&pack.frame, &pack.g, b);
        m.transport(&pack.y, b, a, out);
        for c in 0..n {
            span.store(out[c], x_bar, n, c, p);
        }
    }

    /// Inverse: pulls the cotangent of `x` through the exponential map, turns the contraction of `ℓ` into that of
    /// `ω ℓ + w′ · grad psi` and leaves `Hess_y c · w′` in `y_bar`.
    #[inline(always)]
    fn through_exponential<M: Manifold>(
        &mut self,
        m: &M,
        span: Span,
        p: usize,
        x_bar: &[f64],
        y_bar: &mut [f64],
    ) {
        let n = m.ambient();
        let [velocity, given, carried] = &mut self.vectors;
        let pack = &self.packs[p];
        from_frame(&pack.frame, &pack.g, velocity);
        for c in 0..n {
            given[c] = span.load_padded(x_bar, n, c, p);
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
        self.phi[p] = self.phi[p].scale(pack.omega);
        for i in 0..D {
            self.phi[p].grad[i] += share[i];
            for j in 0..D {
                bent[i] += cost[i][j] * w[j];
            }
        }
        from_frame(&pack.frame, &bent, carried);
        for c in 0..n {
            span.store(carried[c], y_bar, n, c, p);
        }
    }

    /// Inverse: adds the contraction's gradient in `y` to what [`Buffers::through_exponential`] left.
    #[inline(always)]
    fn add_point_gradient<M: Manifold>(&mut self, m: &M, span: Span, p: usize, y_bar: &mut [f64]) {
        let n = m.ambient();
        let v = self.point_gradient(m, p);
        let out = &mut self.vectors[0];
        from_frame(&self.packs[p].frame, &v, out);
        for c in 0..n {
            span.each::<R>(p, |sample, lane| y_bar[sample * n + c] += out[c].lane(lane));
        }
    }
}

/// Zero in lanes where `ok` is not positive.
#[inline(always)]
fn or_zero<R: Real>(number: R, ok: R) -> R {
    R::select_gt(ok, R::zero(), number, R::zero())
}
