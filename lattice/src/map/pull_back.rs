//! Cotangents through a run, by the implicit function theorem.
//!
//! In the metric `G₀` of the torus, `I` unless another is given, and for a loss `f(y, ℓ)` with `ω = ∂f/∂ℓ` and `G = H⁻¹`, `g_m = q_mᵀ G q_m`:
//!
//! - `∂ℓ/∂θ_k = Σ c_m g_m/|q_m|²`, `∇_y ℓ = −Σ a s_m g_m q_m`, sums over the terms of class `k` and over all of them,
//!   where `a = θ/|q|²` is the coefficient of a cosine;
//! - forward: `w = G (∂f/∂y + ω ∇ℓ)`; the parameters get `ω ∂ℓ/∂θ_k + Σ s_m q_m·w/|q_m|²`, the preimage `G₀ w`;
//! - inverse, `x = y + G₀⁻¹ ∂psi(y)` with cotangent `x̄`, `u = G₀⁻¹ x̄`: the parameters get
//!   `ω ∂ℓ/∂θ_k − Σ s_m q_m·u/|q_m|²`, the image `H u + ω ∇ℓ`. There is no solve with `H`.

use ircpm_ad::{Kernel, Real};
use ircpm_flow::{Cotangents, Direction, Gradients, Record, ThetaGradient, Workspace};

use super::LatticeMap;
use super::factored::{Factored, along};
use super::saved::Parameters;
use crate::factor::Ldl;
use crate::lanes::{Batch, resize};
use crate::program::{At, Contraction, Harmonics, Local};

/// The kernel: see [`ircpm_flow::Map::pull_back`].
pub(super) struct PullBack<'a, 'b> {
    pub map: &'a LatticeMap,
    pub a: &'a [f64],
    pub direction: Direction,
    pub record: &'a Record,
    pub saved: &'a Parameters,
    pub cotangents: Cotangents<'a>,
    pub into: &'a mut Gradients<'b>,
    pub work: &'a mut Workspace,
}

/// Buffers of a thread.
struct Buffers<R: Real> {
    y: Vec<R>,
    /// Cotangents of the points that the run ended at, then of those that it started from; one number per angle.
    bar: Vec<R>,
    harmonics: Harmonics<R>,
    local: Local<R>,
    factored: Factored<R>,
    inverse: Ldl<R>,
    contraction: Contraction<R>,
    scratch: Vec<R>,
    /// The gradient in the parameters, summed over packs.
    theta: Vec<R>,
}

impl<R: Real> Default for Buffers<R> {
    fn default() -> Self {
        Self {
            y: vec![],
            bar: vec![],
            harmonics: Harmonics::default(),
            local: Local::default(),
            factored: Factored::default(),
            inverse: Ldl::default(),
            contraction: Contraction::default(),
            scratch: vec![],
            theta: vec![],
        }
    }
}

impl Kernel for PullBack<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<R: Real>(self) {
        let PullBack { map, a, direction, record, saved, cotangents, into, work } = self;
        let (program, n) = (map.program(), map.program().sites);
        let batch = Batch { samples: record.samples() };
        let buffers = work.get::<Buffers<R>>();
        resize(&mut buffers.y, n);
        resize(&mut buffers.bar, program.angles());
        resize(&mut buffers.theta, program.classes);
        for class in 0..program.classes {
            buffers.theta[class] = R::zero();
        }
        for p in 0..batch.packs::<R>() {
            let ok: R = R::from_fn(|lane| {
                let sample = batch.sample::<R>(p, lane);
                f64::from(record.ok[sample] && !saved.clamped.contains_key(&sample))
            });
            for c in 0..n {
                let y = batch.load(&record.y, n, c, p);
                buffers.y[c] = R::select_gt(ok, R::zero(), y, R::zero());
                let bar = batch.load_padded(cotangents.points, n, c, p);
                buffers.bar[c] = R::select_gt(ok, R::zero(), bar, R::zero());
            }
            let omega = batch.load_padded(cotangents.log_det, 1, 0, p);
            let omega = R::select_gt(ok, R::zero(), omega, R::zero());
            buffers.pull_back(map, a, direction, omega);
            for c in 0..n {
                batch.store(buffers.bar[c], into.points, n, c, p);
            }
            buffers.add_theta(&mut into.theta, batch, p);
        }
        if let ThetaGradient::Sum(sum) = &mut into.theta {
            for (sum, of) in sum.iter_mut().zip(&buffers.theta) {
                *sum += of.sum();
            }
        }
    }
}

impl<R: Real> Buffers<R> {
    /// Replaces the cotangents of one pack, and leaves the gradient in the parameters in `contraction`.
    #[inline(always)]
    fn pull_back(&mut self, map: &LatticeMap, a: &[f64], direction: Direction, omega: R) {
        let (program, n) = (map.program(), map.program().sites);
        let Self { y, bar, harmonics, local, factored, inverse, contraction, scratch, .. } = self;
        R::vectorized(
            #[inline(always)]
            || {
                harmonics.evaluate(program, y);
                local.evaluate(program, a, harmonics, y);
            },
        );
        R::vectorized(
            #[inline(always)]
            || factored.eliminate(program, &local.h, R::zero()),
        );
        R::vectorized(
            #[inline(always)]
            || factored.selected_inverse(program, inverse),
        );
        let at = At { program, a, harmonics, y };
        R::vectorized(
            #[inline(always)]
            || {
                contraction.begin(program);
                contraction.add_curvature(&at, inverse, omega);
            },
        );
        R::vectorized(
            #[inline(always)]
            || {
                if direction == Direction::Forward {
                    for c in 0..n {
                        bar[c] += contraction.points[c];
                    }
                    factored.solve(program, &mut bar[..n]);
                } else {
                    if let Some(metric) = &program.metric {
                        metric.solve(&program.symbolic, &mut bar[..n], scratch);
                    }
                    for c in 0..n {
                        bar[c] = -bar[c];
                    }
                }
                for k in 0..program.combinations.len() {
                    bar[n + k] = along(program, k, bar);
                }
                contraction.add_slope(&at, bar);
                if direction == Direction::Inverse {
                    factored.multiply(program, &mut bar[..n]);
                    for c in 0..n {
                        bar[c] = contraction.points[c] - bar[c];
                    }
                } else if let Some(metric) = &program.metric {
                    resize(scratch, n);
                    metric.multiply(&bar[..n], scratch);
                    for c in 0..n {
                        bar[c] = scratch[c];
                    }
                }
            },
        );
    }

    /// Adds the gradient of one pack in the parameters to its sum, or writes it to the columns of its samples.
    #[inline(always)]
    fn add_theta(&mut self, into: &mut ThetaGradient<'_>, batch: Batch, p: usize) {
        match into {
            ThetaGradient::Sum(_) => {
                for class in 0..self.theta.len() {
                    self.theta[class] += self.contraction.theta[class];
                }
            }
            ThetaGradient::Each(columns) => {
                for (class, of) in self.contraction.theta.iter().enumerate() {
                    for lane in 0..batch.lanes::<R>(p) {
                        columns[class * batch.samples + p * R::LANES + lane] += of.lane(lane);
                    }
                }
            }
        }
    }
}
