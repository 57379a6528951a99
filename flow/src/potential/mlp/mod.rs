//! The softplus network: one forward pass, one coadjoint reverse sweep, and the Hessian in 2 + D coefficients.

mod contract;
mod jets;
mod layer;
mod sweep;

use ircpm_ad::Scalar;

pub use jets::{MlpJetWorkspace, Unit};
use layer::{Dense, LinearLayer};
pub use sweep::MlpSweepWorkspace;

/// A multilayer perceptron with softplus units and one linear output.
///
/// Parameters are, layer by layer, the weights row-major and then the biases.
#[derive(Clone, Debug, PartialEq)]
pub struct Mlp {
    /// The hidden layers, without their activations.
    hidden: Vec<Dense>,
    /// The linear output.
    last: Dense,
}

impl Mlp {
    /// A network with `inputs` inputs, the given hidden widths and one output.
    ///
    /// # Panics
    /// If a width is zero or there is no hidden layer.
    pub fn new(inputs: usize, hidden: &[usize]) -> Self {
        assert!(
            !hidden.is_empty() && inputs > 0 && !hidden.contains(&0),
            "layers of a network must not be empty: {inputs} inputs, hidden layers {hidden:?}"
        );
        let (mut start, mut width, mut layers) = (0, inputs, vec![]);
        for &outputs in hidden.iter().chain([&1]) {
            layers.push(Dense::new(start, width, outputs));
            (start, width) = (start + outputs * (width + 1), outputs);
        }
        let last = layers.remove(hidden.len());
        Self { hidden: layers, last }
    }

    /// Number of inputs.
    pub fn inputs(&self) -> usize {
        self.hidden[0].inputs()
    }

    /// Widths: inputs, hidden layers, output.
    pub fn sizes(&self) -> Vec<usize> {
        std::iter::once(self.inputs()).chain(self.layers().map(Dense::outputs)).collect()
    }

    /// Number of parameters.
    pub fn parameters(&self) -> usize {
        self.last.parameters().end
    }

    /// Where the parameters of the linear output lie: psi is proportional to them.
    pub(crate) fn output_parameters(&self) -> std::ops::Range<usize> {
        self.last.parameters()
    }

    /// Number of hidden units.
    fn units(&self) -> usize {
        self.hidden.iter().map(Dense::outputs).sum()
    }

    /// Largest width of a layer: buffers that layers share need not be resized for each.
    fn widest(&self) -> usize {
        self.hidden.iter().map(Dense::outputs).fold(self.inputs(), usize::max)
    }

    /// All layers, the output last.
    fn layers(&self) -> impl Iterator<Item = &Dense> {
        self.hidden.iter().chain([&self.last])
    }

    /// Random parameters: weights and biases uniform within `±1/√fan-in`.
    pub fn initial(&self, uniform: &mut dyn FnMut(f64) -> f64, theta: &mut [f64]) {
        for layer in self.layers() {
            let bound = 1.0 / (layer.inputs() as f64).sqrt();
            theta[layer.parameters()].iter_mut().for_each(|w| *w = uniform(bound));
        }
    }

    /// The network at one point, straight from its definition.
    pub fn value<S: Scalar>(&self, theta: &[S], z: &[S]) -> S {
        let mut x = z.to_vec();
        for layer in self.layers() {
            let (rows, columns) = (layer.outputs(), layer.inputs());
            let theta = &theta[layer.parameters()];
            let sum = |i: usize| {
                (0..columns).fold(theta[rows * columns + i], |s, j| s + theta[i * columns + j] * x[j])
            };
            let sums: Vec<S> = (0..rows).map(sum).collect();
            x = if layer == &self.last { sums } else { sums.into_iter().map(S::softplus).collect() };
        }
        x[0]
    }
}
