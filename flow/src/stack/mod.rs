//! A stack of maps as a density: both directions with log-densities.

mod bounds;
mod differentials;
mod gradient;
mod parts;
mod run;
mod scores;
mod signed;
mod spec;

use std::ops::Range;
use std::sync::Arc;

use ircpm_ad::Isa;
use ircpm_manifolds::AnyManifold;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

pub use bounds::{Condition, Extreme, FactorBound, LayerBounds};
pub use differentials::{Differential, Pullback, Tangent};
pub use gradient::Part;
pub use scores::{BLOCK, Jacobian, Scores};
pub use signed::SignedDensities;
pub use spec::{FlowSpec, MAX_DIM, linear_map};

use crate::error::{FlowError, SampleError};
use crate::lanes::Workspace;
use crate::map::{Direction, Map, Record, SolveStats};
use crate::potential::{Energy, Shape};

/// Images of base points.
#[derive(Clone, Debug)]
pub struct Pushed {
    /// `[sample][coordinate]`.
    pub y: Vec<f64>,
    /// `log q(y)` with respect to the Riemannian volume; NaN where the sample is not `ok`.
    pub log_q: Vec<f64>,
    /// Whether the base point lies on the manifold and every layer's solve succeeded; elsewhere `y` means nothing.
    pub ok: Vec<bool>,
    /// Statistics of the solves.
    pub stats: SolveStats,
}

/// Preimages of given points, and their densities.
#[derive(Clone, Debug)]
pub struct Pulled {
    /// Base points, `[sample][coordinate]`.
    pub x: Vec<f64>,
    /// `log q(y)` with respect to the Riemannian volume; NaN where the sample is not `ok`.
    pub log_q: Vec<f64>,
    /// Whether the point lies on the manifold, `H` is positive definite in every layer, and the preimage is finite and
    /// within the injectivity radius.
    pub ok: Vec<bool>,
}

/// A normalising flow `q = T_# base`, `T = T_L ∘ … ∘ T_1`.
///
/// Batches run in parallel on the current rayon pool; results are the same bits on any number of threads.
#[derive(Clone, Debug)]
pub struct Flow {
    manifold: AnyManifold,
    maps: Vec<Arc<dyn Map>>,
    shared: bool,
    isa: Isa,
}

/// The record of every layer, for one part of a batch.
type Records = Vec<Record>;

impl Flow {
    /// The flow that `spec` describes, on the fastest instruction set of this processor.
    ///
    /// # Errors
    /// [`FlowError`] naming the size or number that is out of range, or why the features do not fit.
    pub fn new(spec: FlowSpec) -> Result<Self, FlowError> {
        Self::on(spec, Isa::best())
    }

    /// As [`Flow::new`], on a given instruction set.
    ///
    /// # Errors
    /// As [`Flow::new`].
    pub fn on(spec: FlowSpec, isa: Isa) -> Result<Self, FlowError> {
        let shared = spec.shared;
        Ok(Self { isa, ..Self::from_maps(spec.into_maps(None, isa)?, shared)? })
    }

    /// The flow whose layers have the potential `shape(energy) + network` (section 3.3 of arXiv:2110.01288); the network
    /// is that of `spec`, none if it has no hidden layers.
    ///
    /// # Errors
    /// As [`Flow::new`], and if the energy reads another number of coordinates than points have.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use ircpm_ad::derivative::ScalarField;
    /// use ircpm_ad::{Isa, Scalar};
    /// use ircpm_flow::{Energy, Features, Flow, FlowSpec, Shape, Solver, partial_derivatives};
    ///
    /// /// `−cos θ`, on the circle.
    /// #[derive(Debug)]
    /// struct Rotor;
    ///
    /// impl ScalarField for Rotor {
    ///     fn eval<S: Scalar>(&self, z: &[S]) -> S {
    ///         -z[0].cos()
    ///     }
    /// }
    ///
    /// impl Energy for Rotor {
    ///     fn inputs(&self) -> usize {
    ///         1
    ///     }
    ///     fn derivatives(&self, order: usize, samples: usize, points: &[f64], out: &mut [f64]) {
    ///         partial_derivatives(self, Isa::best(), order, samples, points, out);
    ///     }
    /// }
    ///
    /// let spec = FlowSpec {
    ///     manifold: "T1".parse()?,
    ///     layers: 1,
    ///     shared: false,
    ///     hidden: vec![],
    ///     features: Features::Harmonics { order: 1 },
    ///     symmetry: vec![],
    ///     output_scale: 1.0,
    ///     solver: Solver::default(),
    /// };
    /// let flow = Flow::shaped(spec, Arc::new(Rotor), Shape::Multiple)?;
    /// // psi = −0.5 cos θ draws points towards θ = 0: H = 1 + 0.5 cos θ there is 1.5, and q = 1.5 / 2π.
    /// let q = flow.inverse(&[0.5], &[0.0]).log_q[0].exp();
    /// assert!((q - 1.5 / std::f64::consts::TAU).abs() < 1e-15);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn shaped(spec: FlowSpec, energy: Arc<dyn Energy>, shape: Shape) -> Result<Self, FlowError> {
        let (shared, isa) = (spec.shared, Isa::best());
        Self::from_maps(spec.into_maps(Some((energy, shape)), isa)?, shared)
    }

    /// A stack of any maps of one manifold, the first applied first. If `shared`, all have the same parameters.
    ///
    /// # Errors
    /// [`FlowError`] if there are no maps, if they are maps of different manifolds, or if they cannot share parameters.
    pub fn from_maps(maps: Vec<Arc<dyn Map>>, shared: bool) -> Result<Self, FlowError> {
        let first = maps.first().ok_or(FlowError::Zero { what: "the number of layers" })?;
        let (manifold, expected) = (first.manifold().clone(), first.parameters());
        for (layer, map) in maps.iter().enumerate() {
            if map.manifold() != &manifold {
                let (expected, found) = (manifold.to_string(), map.manifold().to_string());
                return Err(FlowError::OtherManifold { layer, expected, found });
            }
            if shared && map.parameters() != expected {
                return Err(FlowError::NotShared { layer, expected, found: map.parameters() });
            }
        }
        Ok(Self { manifold, maps, shared, isa: Isa::best() })
    }

    /// The flow with its first map once more in front, with parameters of its own that precede the others; none if the
    /// layers share their parameters.
    pub fn deepened(&self) -> Option<Self> {
        if self.shared {
            return None;
        }
        let maps = self.maps.iter().take(1).chain(&self.maps).map(Arc::clone).collect();
        Some(Self { manifold: self.manifold.clone(), maps, ..*self })
    }

    /// The manifold.
    pub fn manifold(&self) -> &AnyManifold {
        &self.manifold
    }

    /// Number of layers.
    pub fn layers(&self) -> usize {
        self.maps.len()
    }

    /// One layer.
    ///
    /// # Panics
    /// If there is no such layer.
    pub fn map(&self, layer: usize) -> &dyn Map {
        &*self.maps[layer]
    }

    /// Whether all layers have the same parameters.
    pub fn is_shared(&self) -> bool {
        self.shared
    }

    /// Number of parameters, over all layers.
    pub fn parameters(&self) -> usize {
        self.slot(self.layers() - 1).end
    }

    /// Where the parameters of one layer lie among all parameters.
    ///
    /// # Panics
    /// If there is no such layer.
    pub fn slot(&self, layer: usize) -> Range<usize> {
        let len = self.maps[layer].parameters();
        let start = if self.shared { 0 } else { self.maps[..layer].iter().map(|m| m.parameters()).sum() };
        start..start + len
    }

    /// Name of the instruction set. Results are the same bits on one instruction set.
    pub fn isa(&self) -> &'static str {
        self.isa.name()
    }

    /// Random parameters to begin training with, as each layer's potential draws them.
    pub fn initial(&self, seed: u64) -> Vec<f64> {
        let mut rng = Pcg64::seed_from_u64(seed);
        let mut theta = vec![0.0; self.parameters()];
        for layer in 0..self.distinct() {
            let uniform = &mut |bound: f64| rng.random_range(-bound..bound);
            self.maps[layer].initial(uniform, &mut theta[self.slot(layer)]);
        }
        theta
    }

    /// Number of layers with parameters of their own.
    fn distinct(&self) -> usize {
        if self.shared { 1 } else { self.layers() }
    }

    /// Images of base points `x`, `[sample][coordinate]`, with their log-densities.
    ///
    /// # Panics
    /// If `theta` or `x` has the wrong length.
    pub fn forward(&self, theta: &[f64], x: &[f64]) -> Pushed {
        let n = self.manifold.ambient();
        let parts = parts::map(parts::fine(self.samples(theta, x)), |samples| {
            let x = &x[samples.start * n..samples.end * n];
            let records = self.run(Direction::Forward, theta, x);
            let (log_q, ok) = self.densities(x, &records);
            let mut stats = SolveStats::default();
            records.iter().for_each(|record| stats.add(record));
            (records.into_iter().next_back().map(|t| t.y).unwrap_or_default(), log_q, ok, stats)
        });
        let mut out = Pushed { y: vec![], log_q: vec![], ok: vec![], stats: SolveStats::default() };
        for (y, log_q, ok, stats) in parts {
            out.y.extend(y);
            out.log_q.extend(log_q);
            out.ok.extend(ok);
            out.stats.merge(&stats);
        }
        out
    }

    /// As [`Flow::forward`], refusing a batch in which a sample failed.
    ///
    /// # Errors
    /// [`SampleError`] of the first sample that failed, or of a parameter that is not finite.
    ///
    /// # Panics
    /// As [`Flow::forward`].
    pub fn try_forward(&self, theta: &[f64], x: &[f64]) -> Result<Pushed, SampleError> {
        let pushed = self.forward(theta, x);
        self.check(Direction::Forward, theta, x, &pushed.ok).map(|()| pushed)
    }

    /// `n` independent samples of the model, from random base points.
    ///
    /// The base points depend on `seed` and `n` alone. Samples that failed are marked, not left out: see
    /// [`Pushed::ok`].
    ///
    /// # Panics
    /// If `theta` has the wrong length.
    pub fn sample(&self, theta: &[f64], n: usize, seed: u64) -> Pushed {
        let (m, mut rng) = (&self.manifold, Pcg64::seed_from_u64(seed));
        let mut x = vec![0.0; n * m.ambient()];
        let mut u = vec![0.0; m.cube_dim()];
        for x in x.chunks_exact_mut(m.ambient()) {
            u.iter_mut().for_each(|u| *u = rng.random_range(0.0..1.0));
            m.base_point(&u, x);
        }
        self.forward(theta, &x)
    }

    /// One independent sample for each row of conditioning variables, `[sample][variable]`, from random base points.
    ///
    /// The base points of the other coordinates depend on `seed` alone. See [`ircpm_manifolds::Context`].
    ///
    /// # Panics
    /// If `theta` has the wrong length, if the manifold has no conditioning variables, or if `contexts` does not hold
    /// whole rows of them.
    pub fn sample_given(&self, theta: &[f64], contexts: &[f64], seed: u64) -> Pushed {
        let (m, k, mut rng) = (&self.manifold, self.manifold.contexts(), Pcg64::seed_from_u64(seed));
        assert!(k > 0 && contexts.len().is_multiple_of(k), "rows of {k} conditioning variables");
        let n = m.ambient();
        let mut x = vec![0.0; contexts.len() / k * n];
        let mut u = vec![0.0; m.cube_dim()];
        for (x, context) in x.chunks_exact_mut(n).zip(contexts.chunks_exact(k)) {
            u.iter_mut().for_each(|u| *u = rng.random_range(0.0..1.0));
            m.base_point(&u, x);
            x[n - k..].copy_from_slice(context);
        }
        self.forward(theta, &x)
    }

    /// Preimages and log-densities of given points `y`, in closed form.
    ///
    /// # Panics
    /// If `theta` or `y` has the wrong length.
    pub fn inverse(&self, theta: &[f64], y: &[f64]) -> Pulled {
        self.pull(theta, y, |_| vec![]).0
    }

    /// As [`Flow::inverse`], with the smallest eigenvalue of `H` over the layers at every point; NaN where one is not
    /// finite.
    ///
    /// Where it is not positive the flow folds, and there is no density. On spheres it may be positive beyond the
    /// injectivity radius: ask [`Pulled::ok`] as well.
    ///
    /// # Panics
    /// As [`Flow::inverse`].
    pub fn inverse_with_eigenvalues(&self, theta: &[f64], y: &[f64]) -> (Pulled, Vec<f64>) {
        self.pull(theta, y, |records| {
            let samples = records[0].samples();
            let (mut lowest, mut of_layer) = (vec![f64::INFINITY; samples], vec![0.0; samples]);
            for (map, record) in self.maps.iter().zip(records) {
                map.smallest_eigenvalues(record, &mut of_layer);
                lowest.iter_mut().zip(&of_layer).for_each(|(all, &one)| *all = least(*all, one));
            }
            lowest
        })
    }

    /// [`Flow::inverse`], and numbers that `more` makes of the records of every part, one after the other.
    fn pull(
        &self,
        theta: &[f64],
        y: &[f64],
        more: impl Fn(&Records) -> Vec<f64> + Sync + Send,
    ) -> (Pulled, Vec<f64>) {
        let n = self.manifold.ambient();
        let parts = parts::map(parts::fine(self.samples(theta, y)), |samples| {
            let y = &y[samples.start * n..samples.end * n];
            let records = self.run(Direction::Inverse, theta, y);
            let (more, (log_q, ok)) = (more(&records), self.densities(y, &records));
            (records.into_iter().next().map(|t| t.x).unwrap_or_default(), log_q, ok, more)
        });
        let (mut out, mut rest) = (Pulled { x: vec![], log_q: vec![], ok: vec![] }, vec![]);
        for (x, log_q, ok, more) in parts {
            out.x.extend(x);
            out.log_q.extend(log_q);
            out.ok.extend(ok);
            rest.extend(more);
        }
        (out, rest)
    }

    /// As [`Flow::inverse`], refusing a batch in which a point has no preimage.
    ///
    /// # Errors
    /// [`SampleError`] of the first point that failed, or of a parameter that is not finite.
    ///
    /// # Panics
    /// As [`Flow::inverse`].
    pub fn try_inverse(&self, theta: &[f64], y: &[f64]) -> Result<Pulled, SampleError> {
        let pulled = self.inverse(theta, y);
        self.check(Direction::Inverse, theta, y, &pulled.ok).map(|()| pulled)
    }

    /// `log q` at given points `y`, `[sample][coordinate]`, with respect to the Riemannian volume; NaN where there is
    /// no density.
    ///
    /// # Panics
    /// As [`Flow::inverse`].
    pub fn log_prob(&self, theta: &[f64], y: &[f64]) -> Vec<f64> {
        self.inverse(theta, y).log_q
    }

    /// `psi` of one layer at given points.
    ///
    /// # Panics
    /// If `theta` or `y` has the wrong length, or there is no such layer.
    pub fn potential(&self, theta: &[f64], layer: usize, y: &[f64]) -> Vec<f64> {
        let n = self.manifold.ambient();
        let parts = parts::map(parts::fine(self.samples(theta, y)), |samples| {
            let mut psi = vec![0.0; samples.len()];
            let points = &y[samples.start * n..samples.end * n];
            Workspace::with(|work| {
                self.maps[layer].potential(&theta[self.slot(layer)], points, &mut psi, work);
            });
            psi
        });
        parts.concat()
    }

    /// `phi(x) = min_y c(x, y) + psi(y)` of one layer at given points `x`, `[sample][coordinate]`: its c-concave
    /// potential, the dual of psi. NaN where the minimum is not found, or the layer has no potential.
    ///
    /// # Panics
    /// If `theta` or `x` has the wrong length, or there is no such layer.
    pub fn dual_potential(&self, theta: &[f64], layer: usize, x: &[f64]) -> Vec<f64> {
        let (n, d) = (self.manifold.ambient(), self.manifold.dim());
        let parts = parts::map(parts::fine(self.samples(theta, x)), |samples| {
            let (map, theta) = (&self.maps[layer], &theta[self.slot(layer)]);
            let x = &x[samples.start * n..samples.end * n];
            let (mut record, mut phi) = (Record::default(), vec![0.0; samples.len()]);
            let (mut gradient, mut hessian) = (vec![0.0; phi.len() * d], vec![0.0; phi.len() * d * d]);
            Workspace::with(|work| {
                map.run(Direction::Forward, theta, x, &mut record, work);
                map.potential(theta, &record.y, &mut phi, work);
            });
            let known = map.potential_derivatives(&record, &mut gradient, &mut hessian);
            for (s, phi) in phi.iter_mut().enumerate() {
                // At the minimum the cost is |grad psi|²/2, on the cover of a torus as well.
                let cost: f64 = gradient[s * d..(s + 1) * d].iter().map(|g| 0.5 * g * g).sum();
                *phi = if known && record.ok[s] { *phi + cost } else { f64::NAN };
            }
            phi
        });
        parts.concat()
    }

    /// Multiplies the potentials of all layers by `factor`, by way of their parameters. Returns `false`, and changes
    /// nothing, where one of them has no parameters for that, or the factor is not finite.
    ///
    /// With a factor below one the map moves towards the identity, and `H` with it: on flat manifolds an eigenvalue `λ`
    /// becomes `factor · λ + 1 − factor`, so a factor slightly below one undoes a small fold and changes the model
    /// little. Where potentials of maps that are one-to-one form a convex set, as on spheres and their products
    /// (Figalli, Kim & McCann, *When is multidimensional screening a convex program?*, 2011), it never makes one.
    ///
    /// # Panics
    /// If `theta` has the wrong length.
    pub fn rescale(&self, theta: &mut [f64], factor: f64) -> bool {
        assert_eq!(theta.len(), self.parameters(), "parameters of a flow");
        let mut scaled = theta.to_vec();
        let done = factor.is_finite()
            && (0..self.distinct())
                .all(|layer| self.maps[layer].rescale(&mut scaled[self.slot(layer)], factor));
        if done {
            theta.copy_from_slice(&scaled);
        }
        done
    }
}

/// The lesser number; NaN if either is NaN, which `f64::min` would pass over.
fn least(a: f64, b: f64) -> f64 {
    if a.is_nan() || b >= a { a } else { b }
}
