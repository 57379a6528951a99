//! Inputs of the measurements: manifolds, networks and base points.

use ircpm_ad::Scalar;
use ircpm_flow::{FeatureMap, Features, Flow, FlowSpec, Method, Network, Solver};
use ircpm_manifolds::{AnyManifold, Base, Block, BlockMut, Manifold, Product};
use ircpm_train::optimiser::Adam;
use ircpm_train::{loss, target};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

/// A flow with its parameters, and its potential as an expression over any scalar.
#[derive(Clone, Debug)]
pub struct Case {
    /// Manifold and widths of the layers, as tables print them.
    pub name: String,
    /// The manifold.
    pub manifold: Product,
    /// The flow, on the fastest instruction set.
    pub flow: Flow,
    /// The potential, the same in every layer.
    pub network: Network,
    spec: FlowSpec,
    /// Parameters, which all layers share.
    pub theta: Vec<f64>,
}

impl Case {
    /// A stack of `layers` maps with shared random parameters; `psi` is the network's output divided by `scale`.
    ///
    /// # Panics
    /// If there is no such manifold, it has factors of several kinds or is Euclidean, or its dimension is above
    /// [`ircpm_flow::stack::MAX_DIM`].
    pub fn new(manifold: &str, hidden: &[usize], layers: usize, scale: f64) -> Self {
        let manifold: Product = manifold.parse().expect("a manifold's name");
        let angles = manifold.ambient() == manifold.dim();
        let features = if angles { Features::Harmonics { order: 1 } } else { Features::Coordinates };
        let map = FeatureMap::new(&features, &AnyManifold::from(manifold.clone()))
            .expect("features of a torus or a sphere");
        let network = Network::new(map, hidden, scale);
        let spec = FlowSpec {
            manifold: manifold.clone().into(),
            layers,
            shared: true,
            hidden: hidden.to_vec(),
            features,
            symmetry: vec![],
            output_scale: scale,
            solver: Solver::default(),
        };
        let sizes: Vec<String> = network.mlp().sizes().iter().map(usize::to_string).collect();
        let stack = if layers == 1 { String::new() } else { format!(" × {layers} layers") };
        let name = format!("{manifold} [{}]{stack}", sizes.join("→"));
        let flow = Flow::new(spec.clone()).expect("a dimension that kernels are compiled for");
        let theta = flow.initial(SEED);
        Self { name, manifold, flow, network, spec, theta }
    }

    /// One layer on the torus of `dim` angles, with two hidden layers of `width` units.
    ///
    /// # Panics
    /// As [`Case::new`].
    pub fn torus(dim: usize, width: usize) -> Self {
        Self::new(&format!("T{dim}"), &[width; 2], 1, 1.0)
    }

    /// A stack on the sphere S², with two hidden layers of `width` units; psi is a tenth of the network's output.
    ///
    /// # Panics
    /// As [`Case::new`].
    pub fn sphere(width: usize, layers: usize) -> Self {
        Self::new("S2", &[width; 2], layers, 10.0)
    }

    /// The case with the parameters that `steps` steps of Adam lead to, on 256 random points per step.
    ///
    /// # Panics
    /// If there is no target of that name on this manifold, or too many solves of a step fail.
    pub fn after_training(mut self, target: &str, steps: usize) -> Self {
        let target = target::by_name(target).expect("a target's name");
        let mut adam = Adam::new(self.theta.len());
        let points = self.points(256 * steps);
        for x in points.chunks_exact(256 * self.manifold.ambient()) {
            let step = loss::reverse_kl(&self.flow, &self.theta, x, target.as_ref(), 1.0);
            adam.update(&mut self.theta, &step.expect("images of most points").grad, LEARNING_RATE);
        }
        self.name += ", trained";
        self
    }

    /// The flow with the gradient descent of arXiv:2110.01288 in place of Newton's method.
    ///
    /// # Panics
    /// As [`Case::new`].
    pub fn with_gradient_descent(&self) -> Flow {
        let solver = Solver { method: Method::GradientDescent, ..self.spec.solver };
        Flow::new(FlowSpec { solver, ..self.spec.clone() })
            .expect("a specification that a flow was made from")
    }

    /// The point with normal coordinates `t` around `y`, `[coordinate]`.
    pub fn lift<S: Scalar<Base = f64>>(&self, y: &[f64], t: &[S]) -> Vec<S> {
        let mut frame = vec![0.0; y.len() * t.len()];
        let mut z = vec![S::zero(); y.len()];
        self.manifold.frame(y, BlockMut::dense(&mut frame, y.len()));
        self.manifold.lift(y, Block::dense(&frame, y.len()), t, &mut z);
        z
    }

    /// Random base points, `[sample][coordinate]`, the same at every call.
    pub fn points(&self, samples: usize) -> Vec<f64> {
        let mut rng = Pcg64::seed_from_u64(SEED);
        let mut x = vec![0.0; samples * self.manifold.ambient()];
        for x in x.chunks_exact_mut(self.manifold.ambient()) {
            let u: Vec<f64> = (0..self.manifold.cube_dim()).map(|_| rng.random()).collect();
            self.manifold.base_point(&u, x);
        }
        x
    }

    /// Number of the network's weights, without the biases: multiply-adds of one value of psi.
    pub fn weights(&self) -> usize {
        self.network.mlp().sizes().windows(2).map(|w| w[0] * w[1]).sum()
    }
}

/// Of [`Case::trained`].
const LEARNING_RATE: f64 = 3e-3;

/// Seed of the initial parameters and of the base points.
const SEED: u64 = 1;
