//! Linear layers of a network, as the sweeps see them.

use std::fmt::Debug;
use std::ops::Range;

use ircpm_ad::Real;
use ircpm_ad::linear::{self, GradientRows, Matrix, Weight};

/// A layer `W x + b` whose parameters lie in a slice of all parameters of the network.
///
/// Sweeps pass flat coefficients, `width` of them per unit: `[pack][unit][coefficient]`. A layer does not know what
/// they mean. Another architecture, for example a local or a convolutional one, is one more type that answers these
/// questions.
pub(super) trait LinearLayer: Clone + Debug + PartialEq {
    /// Number of inputs.
    fn inputs(&self) -> usize;

    /// Number of outputs.
    fn outputs(&self) -> usize;

    /// Where the parameters lie.
    fn parameters(&self) -> Range<usize>;

    /// The biases, one per output.
    fn biases<'a, W: Weight>(&self, theta: &'a [W]) -> &'a [W];

    /// Writes the coefficients of `part` of `y = W x`, without the biases.
    fn apply<R: Real, W: Weight>(&self, theta: &[W], x: &[R], y: &mut [R], width: usize, part: Range<usize>);

    /// Writes the coefficients of `part` of `x = Wᵀ y`.
    fn apply_transposed<R: Real, W: Weight>(
        &self,
        theta: &[W],
        y: &[R],
        x: &mut [R],
        width: usize,
        part: Range<usize>,
    );

    /// Adds the gradient in the layer's parameters, over all packs, for the cotangents `delta` of its outputs at the
    /// inputs `x`.
    fn accumulate<R: Real>(&self, delta: &[R], x: &[R], width: usize, theta_bar: &mut [f64]);

    /// Adds the same gradient sample by sample: `rows` is `[pack][parameter]`, `stride` parameters per pack.
    fn accumulate_each<R: Real>(&self, delta: &[R], x: &[R], width: usize, rows: &mut [R], stride: usize);
}

/// A layer in which every output depends on every input: the weights row-major, and then the biases.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Dense {
    start: usize,
    rows: usize,
    columns: usize,
}

impl Dense {
    /// The layer whose parameters begin at `start`.
    pub(super) fn new(start: usize, inputs: usize, outputs: usize) -> Self {
        Self { start, rows: outputs, columns: inputs }
    }

    #[inline(always)]
    fn weights<'a, W: Weight>(&self, theta: &'a [W]) -> Matrix<'a, W> {
        Matrix::new(&theta[self.start..][..self.rows * self.columns], self.rows, self.columns)
    }
}

impl LinearLayer for Dense {
    #[inline(always)]
    fn inputs(&self) -> usize {
        self.columns
    }

    #[inline(always)]
    fn outputs(&self) -> usize {
        self.rows
    }

    #[inline(always)]
    fn parameters(&self) -> Range<usize> {
        self.start..self.start + self.rows * (self.columns + 1)
    }

    #[inline(always)]
    fn biases<'a, W: Weight>(&self, theta: &'a [W]) -> &'a [W] {
        &theta[self.start + self.rows * self.columns..][..self.rows]
    }

    #[inline(always)]
    fn apply<R: Real, W: Weight>(&self, theta: &[W], x: &[R], y: &mut [R], width: usize, part: Range<usize>) {
        linear::apply_to(self.weights(theta), x, y, width, part);
    }

    #[inline(always)]
    fn apply_transposed<R: Real, W: Weight>(
        &self,
        theta: &[W],
        y: &[R],
        x: &mut [R],
        width: usize,
        part: Range<usize>,
    ) {
        linear::apply_to(self.weights(theta).transposed(), y, x, width, part);
    }

    #[inline(always)]
    fn accumulate<R: Real>(&self, delta: &[R], x: &[R], width: usize, theta_bar: &mut [f64]) {
        let (weights, biases) = theta_bar[self.parameters()].split_at_mut(self.rows * self.columns);
        linear::accumulate(delta, x, weights, self.columns, width);
        for (u, bias) in biases.iter_mut().enumerate() {
            // A bias is a real, so only the cotangent's first coefficient counts.
            let mut sum = R::zero();
            for delta in delta.chunks_exact(self.rows * width) {
                sum += delta[u * width];
            }
            *bias += sum.sum();
        }
    }

    #[inline(always)]
    fn accumulate_each<R: Real>(&self, delta: &[R], x: &[R], width: usize, rows: &mut [R], stride: usize) {
        let weights = self.rows * self.columns;
        let part = GradientRows { w: &mut *rows, stride, start: self.start, len: weights };
        linear::accumulate_each(delta, x, part, self.columns, width);
        let biases = self.start + weights;
        for (delta, row) in delta.chunks_exact(self.rows * width).zip(rows.chunks_exact_mut(stride)) {
            for u in 0..self.rows {
                row[biases + u] += delta[u * width];
            }
        }
    }
}
