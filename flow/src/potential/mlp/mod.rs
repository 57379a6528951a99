//! The softplus network: one forward pass, one coadjoint reverse sweep, and the Hessian in 2 + D coefficients.

mod contract;
mod jets;
mod sweep;

use ircpm_ad::Scalar;
use ircpm_ad::linear::{Matrix, Weight};

pub(crate) use contract::OnePack;
pub use jets::{MlpJetWorkspace, Unit};
use sweep::Hidden;
pub use sweep::MlpSweepWorkspace;

/// A multilayer perceptron with softplus units and one linear output.
///
/// Parameters are, layer by layer, the weights row-major and then the biases.
#[derive(Clone, Debug, PartialEq)]
pub struct Mlp {
    /// Widths: inputs, hidden layers, and the output, which is 1.
    sizes: Vec<usize>,
}

/// Where the weights and biases of one layer lie, and its shape.
#[derive(Clone, Copy, Debug)]
struct Slot {
    start: usize,
    rows: usize,
    columns: usize,
}

impl Slot {
    #[inline(always)]
    fn weights<W: Weight>(self, theta: &[W]) -> Matrix<'_, W> {
        Matrix::new(&theta[self.start..][..self.rows * self.columns], self.rows, self.columns)
    }

    #[inline(always)]
    fn biases<W: Weight>(self, theta: &[W]) -> &[W] {
        &theta[self.start + self.rows * self.columns..][..self.rows]
    }

    /// The parts of a gradient that belong to weights and biases.
    fn split(self, theta_bar: &mut [f64]) -> (&mut [f64], &mut [f64]) {
        theta_bar[self.start..][..self.rows * (self.columns + 1)].split_at_mut(self.rows * self.columns)
    }
}

impl Mlp {
    /// A network with `inputs` inputs, the given hidden widths and one output.
    ///
    /// # Panics
    /// If a width is zero or there is no hidden layer.
    pub fn new(inputs: usize, hidden: &[usize]) -> Self {
        let sizes: Vec<usize> = std::iter::once(inputs).chain(hidden.iter().copied()).chain([1]).collect();
        assert!(
            !hidden.is_empty() && !sizes.contains(&0),
            "layers of a network must not be empty: {sizes:?}"
        );
        Self { sizes }
    }

    /// Number of inputs.
    pub fn inputs(&self) -> usize {
        self.sizes[0]
    }

    /// Widths: inputs, hidden layers, output.
    pub fn sizes(&self) -> &[usize] {
        &self.sizes
    }

    /// Number of parameters.
    pub fn parameters(&self) -> usize {
        self.sizes.windows(2).map(|w| w[1] * (w[0] + 1)).sum()
    }

    fn layers(&self) -> usize {
        self.sizes.len() - 1
    }

    /// Layer `l`; a sum over the layers before, of which there are few.
    #[inline(always)]
    fn slot(&self, l: usize) -> Slot {
        let start = self.sizes[..=l].windows(2).map(|w| w[1] * (w[0] + 1)).sum();
        Slot { start, rows: self.sizes[l + 1], columns: self.sizes[l] }
    }

    /// The network at one point, straight from its definition.
    pub fn value<S: Scalar>(&self, theta: &[S], z: &[S]) -> S {
        let mut x = z.to_vec();
        for l in 0..self.layers() {
            let Slot { start, rows, columns } = self.slot(l);
            x = (0..rows)
                .map(|i| {
                    let bias = theta[start + rows * columns + i];
                    let sum = (0..columns).fold(bias, |sum, j| sum + theta[start + i * columns + j] * x[j]);
                    if l + 1 < self.layers() { sum.softplus() } else { sum }
                })
                .collect();
        }
        x[0]
    }
}
