//! A stack of maps as a density: both directions with log-densities.

mod gradient;
mod parts;
mod scores;
mod spec;

use std::ops::Range;
use std::sync::Arc;

use ircpm_ad::Isa;
use ircpm_manifolds::{Manifold, Product};
use rand::{Rng, RngExt, SeedableRng};
use rand_pcg::Pcg64;

pub use gradient::Part;
pub use scores::{BLOCK, Jacobian, Scores};
pub use spec::{FlowSpec, MAX_DIM};
use spec::{check, map_of};

use crate::error::{FlowError, SolveError};
use crate::lanes::Workspace;
use crate::map::{Direction, Map, Record, SolveStats};
use crate::potential::{FeatureMap, Network};
use crate::small::smallest_eigenvalue;

/// Images of base points.
#[derive(Clone, Debug)]
pub struct Pushed {
    /// `[sample][coordinate]`.
    pub y: Vec<f64>,
    /// `log q(y)` with respect to the Riemannian volume.
    pub log_q: Vec<f64>,
    /// Whether every layer's solve succeeded; elsewhere `y` and `log_q` mean nothing.
    pub ok: Vec<bool>,
    /// Statistics of the solves.
    pub stats: SolveStats,
}

/// Preimages of given points, and their densities.
#[derive(Clone, Debug)]
pub struct Pulled {
    /// Base points, `[sample][coordinate]`.
    pub x: Vec<f64>,
    /// `log q(y)` with respect to the Riemannian volume.
    pub log_q: Vec<f64>,
    /// Smallest eigenvalue of `H` over the layers; NaN where one is not finite. Where it is not positive the flow folds,
    /// and `log_q` means nothing. On spheres it may be positive beyond the injectivity radius: ask `ok`.
    pub min_eigenvalue: Vec<f64>,
    /// Whether `H` is positive definite in every layer, and the preimage finite and within the injectivity radius.
    pub ok: Vec<bool>,
}

/// A normalising flow `q = T_# base`, `T = T_L ∘ … ∘ T_1`.
///
/// Batches run in parallel on the current rayon pool; results are the same bits on any number of threads.
#[derive(Clone, Debug)]
pub struct Flow {
    pub(crate) manifold: Product,
    pub(crate) maps: Vec<Arc<dyn Map>>,
    shared: bool,
    isa: Isa,
    initial: Initial,
}

/// How parameters are drawn: the network's shape, if that is what the potential is.
#[derive(Clone, Debug)]
struct Initial {
    sizes: Vec<usize>,
}

/// What every layer remembers of one part of a batch, by layer.
pub(crate) type Records = Vec<Record>;

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
        check(&spec)?;
        let features = FeatureMap::new(&spec.features, &spec.manifold)?;
        let network = Network::new(features, &spec.hidden, spec.output_scale);
        let initial = Initial { sizes: network.mlp().sizes().to_vec() };
        let map = map_of(&spec, network, isa);
        Ok(Self { manifold: spec.manifold, maps: vec![map; spec.layers], shared: spec.shared, isa, initial })
    }

    /// A stack of maps of one's own on `manifold`, the first applied first.
    ///
    /// # Errors
    /// [`FlowError::Zero`] if there are none.
    pub fn from_maps(manifold: Product, maps: Vec<Arc<dyn Map>>, shared: bool) -> Result<Self, FlowError> {
        if maps.is_empty() {
            return Err(FlowError::Zero { what: "the number of layers" });
        }
        let sizes = vec![maps[0].parameters(), 1];
        Ok(Self { manifold, maps, shared, isa: Isa::best(), initial: Initial { sizes } })
    }

    /// The manifold.
    pub fn manifold(&self) -> &Product {
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

    /// Number of parameters, over all layers.
    pub fn parameters(&self) -> usize {
        if self.shared { self.maps[0].parameters() } else { self.maps.iter().map(|m| m.parameters()).sum() }
    }

    /// Name of the instruction set: results are the same bits on one.
    pub fn isa(&self) -> &'static str {
        self.isa.name()
    }

    /// Random parameters: weights and biases uniform within `±1/√fan-in`; for maps of one's own, uniform within `±1/√P`,
    /// `P` the number of parameters of the first.
    pub fn initial(&self, seed: u64) -> Vec<f64> {
        let mut rng = Pcg64::seed_from_u64(seed);
        let mut theta = Vec::with_capacity(self.parameters());
        while theta.len() < self.parameters() {
            self.initial.draw(&mut rng, &mut theta);
        }
        theta.truncate(self.parameters()); // Maps of one's own need not come in the sizes of a network.
        theta
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
            let (log_q, ok) = self.densities(&records);
            let mut stats = SolveStats::default();
            records.iter().for_each(|record| stats.record(record));
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

    /// As [`Flow::forward`], refusing a batch in which a solve failed.
    ///
    /// # Errors
    /// [`SolveError`] of the first sample that failed.
    ///
    /// # Panics
    /// As [`Flow::forward`].
    pub fn try_forward(&self, theta: &[f64], x: &[f64]) -> Result<Pushed, SolveError> {
        let pushed = self.forward(theta, x);
        let Some(sample) = pushed.ok.iter().position(|ok| !ok) else { return Ok(pushed) };
        let n = self.manifold.ambient();
        let x = &x[sample * n..(sample + 1) * n];
        let records = self.run(Direction::Forward, theta, x);
        let unconverged = records.iter().find(|record| !record.converged[0]);
        Err(unconverged.map_or(SolveError::NotConvex { sample }, |record| SolveError::MaxSteps {
            sample,
            steps: record.steps[0] as usize,
            residual: record.residual[0],
        }))
    }

    /// Preimages and log-densities of given points `y`, in closed form.
    ///
    /// # Panics
    /// If `theta` or `y` has the wrong length.
    pub fn inverse(&self, theta: &[f64], y: &[f64]) -> Pulled {
        let (n, d) = (self.manifold.ambient(), self.manifold.dim());
        let parts = parts::map(parts::fine(self.samples(theta, y)), |samples| {
            let y = &y[samples.start * n..samples.end * n];
            let records = self.run(Direction::Inverse, theta, y);
            let (log_q, ok) = self.densities(&records);
            let smallest = |s: usize| {
                let each = records
                    .iter()
                    .map(|record| smallest_eigenvalue(&record.h[s * d * d..(s + 1) * d * d], d));
                // `f64::min` would pass over a NaN.
                each.fold(f64::INFINITY, |min, e| if min.is_nan() || e >= min { min } else { e })
            };
            let eigenvalues: Vec<f64> = (0..samples.len()).map(smallest).collect();
            (records.into_iter().next().map(|t| t.x).unwrap_or_default(), log_q, eigenvalues, ok)
        });
        let mut out = Pulled { x: vec![], log_q: vec![], min_eigenvalue: vec![], ok: vec![] };
        for (x, log_q, eigenvalues, ok) in parts {
            out.x.extend(x);
            out.log_q.extend(log_q);
            out.min_eigenvalue.extend(eigenvalues);
            out.ok.extend(ok);
        }
        out
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

    /// Multiplies the potentials of all layers by `factor`, by way of their parameters; `false`, and nothing changed, where
    /// one of them has no parameters for that.
    ///
    /// With a factor below one the map moves towards the identity, and `H` with it: on flat manifolds an eigenvalue `λ`
    /// becomes `factor · λ + 1 − factor`, so that a small factor's worth of accuracy undoes a small fold. Where potentials
    /// of maps that are one-to-one form a convex set, as on spheres and their products (Figalli, Kim & McCann, *When is
    /// multidimensional screening a convex program?*, 2011), it never makes one.
    ///
    /// # Panics
    /// If `theta` has the wrong length.
    pub fn rescale(&self, theta: &mut [f64], factor: f64) -> bool {
        assert_eq!(theta.len(), self.parameters(), "parameters of a flow");
        let mut scaled = theta.to_vec();
        let distinct = if self.shared { 1 } else { self.layers() };
        let done = (0..distinct).all(|layer| self.maps[layer].rescale(&mut scaled[self.slot(layer)], factor));
        if done {
            theta.copy_from_slice(&scaled);
        }
        done
    }

    /// Number of samples in `points`.
    ///
    /// # Panics
    /// If `theta` or `points` has the wrong length.
    pub(crate) fn samples(&self, theta: &[f64], points: &[f64]) -> usize {
        assert_eq!(theta.len(), self.parameters(), "parameters of a flow");
        let n = self.manifold.ambient();
        assert!(points.len().is_multiple_of(n), "points of {} have {n} coordinates", self.manifold);
        points.len() / n
    }

    /// All layers, in the order of `direction`.
    pub(crate) fn run(&self, direction: Direction, theta: &[f64], points: &[f64]) -> Records {
        let mut records: Records = self.maps.iter().map(|_| Record::default()).collect();
        self.run_into(direction, theta, points, &mut records);
        records
    }

    /// As [`Flow::run`], to be pulled back through, into the memory of `records`.
    pub(crate) fn run_saving(
        &self,
        direction: Direction,
        theta: &[f64],
        points: &[f64],
        records: &mut Records,
    ) {
        records.resize_with(self.layers(), Record::for_gradients);
        self.run_into(direction, theta, points, records);
    }

    fn run_into(&self, direction: Direction, theta: &[f64], points: &[f64], records: &mut Records) {
        self.samples(theta, points);
        Workspace::with(|work| match direction {
            Direction::Forward => {
                for l in 0..self.layers() {
                    let (before, rest) = records.split_at_mut(l);
                    let points = before.last().map_or(points, |t| &t.y);
                    self.maps[l].run(direction, &theta[self.slot(l)], points, &mut rest[0], work);
                }
            }
            Direction::Inverse => {
                for l in (0..self.layers()).rev() {
                    let (rest, after) = records.split_at_mut(l + 1);
                    let points = after.first().map_or(points, |t| &t.x);
                    self.maps[l].run(direction, &theta[self.slot(l)], points, &mut rest[l], work);
                }
            }
        });
    }

    /// `log q` at the images, and whether all layers are well there.
    pub(crate) fn densities(&self, records: &Records) -> (Vec<f64>, Vec<bool>) {
        let n = self.manifold.ambient();
        let samples = records[0].ok.len();
        let density = |s: usize| {
            let base: f64 = self.manifold.log_base(&records[0].x[s * n..(s + 1) * n]);
            records.iter().fold(base, |log_q, record| log_q - record.log_det[s])
        };
        ((0..samples).map(density).collect(), (0..samples).map(|s| records.iter().all(|t| t.ok[s])).collect())
    }

    /// Where a layer's parameters lie.
    pub(crate) fn slot(&self, layer: usize) -> Range<usize> {
        let len = self.maps[layer].parameters();
        let start = if self.shared { 0 } else { self.maps[..layer].iter().map(|m| m.parameters()).sum() };
        start..start + len
    }
}

impl Initial {
    /// One layer's parameters.
    fn draw(&self, rng: &mut impl Rng, theta: &mut Vec<f64>) {
        for w in self.sizes.windows(2) {
            let bound = 1.0 / (w[0] as f64).sqrt();
            theta.extend((0..w[1] * (w[0] + 1)).map(|_| rng.random_range(-bound..bound)));
        }
    }
}
