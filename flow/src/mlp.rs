//! The softplus network: one forward pass, one coadjoint reverse sweep, and the Hessian in 2 + D coefficients.

mod contract;
mod jets;

use ircpm_ad::linear::{self, Matrix, Rows, Weight};
use ircpm_ad::logistic::{Logistic, SigmoidAt, decay};
use ircpm_ad::{Algebra, Real, Scalar};

pub(crate) use contract::OnePack;
pub use jets::{MlpJets, Unit};

use crate::potential::{resize, resize_to};

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

/// What a reverse sweep keeps of one hidden layer, each `[pack][unit]`.
#[derive(Debug)]
struct Hidden<S: Scalar> {
    /// Activations, softplus of the sums.
    output: Vec<S>,
    /// Sigmoid of the sums' values; not for [`Mlp::contract`], which is given them.
    sigmoid: Vec<SigmoidAt<S::Base>>,
    /// Cotangents of the sums.
    delta: Vec<S>,
}

impl<S: Scalar> Default for Hidden<S> {
    fn default() -> Self {
        Self { output: vec![], sigmoid: vec![], delta: vec![] }
    }
}

impl<S: Scalar> Hidden<S> {
    /// Local derivative of unit `k`.
    #[inline(always)]
    fn slope(&self, k: usize) -> S {
        self.output[k].apply(self.sigmoid[k].of_softplus())
    }

    #[inline(always)]
    fn resize(&mut self, units: usize) {
        resize(&mut self.output, units);
        resize(&mut self.delta, units);
    }

    /// From the sums without their biases, in `output`, to the activations.
    #[inline(always)]
    fn bend(&mut self, biases: &[f64], decays: &mut Vec<S::Base>) {
        let (units, zero) = (self.output.len(), S::Base::zero());
        resize(decays, units);
        if self.sigmoid.len() != units {
            resize_to(&mut self.sigmoid, units, &SigmoidAt { value: zero, reflected: zero });
        }
        for (sums, first) in self.output.chunks_exact_mut(biases.len()).zip((0..).step_by(biases.len())) {
            let decays = &mut decays[first..][..biases.len()];
            for u in 0..biases.len() {
                sums[u] = sums[u] + biases[u];
                decays[u] = decay(sums[u].value());
            }
        }
        let (output, sigmoid) = (&mut self.output[..units], &mut self.sigmoid[..units]);
        for k in 0..units {
            let at = Logistic::new(output[k].value(), decays[k]);
            output[k] = output[k].apply(at.softplus());
            sigmoid[k] = at.sigmoid();
        }
    }
}

/// Workspace of reverse sweeps: [`Mlp::forward`], [`Mlp::backward`], [`Mlp::accumulate`], and contractions from kept jets.
#[derive(Debug)]
pub struct MlpSweep<S: Scalar> {
    input: Vec<S>,
    hidden: Vec<Hidden<S>>,
    /// Exponentials of one layer's sums.
    decays: Vec<S::Base>,
    phi: Vec<S>,
    bar: Vec<S>,
    tilt: [Vec<S::Base>; 2],
}

impl<S: Scalar> Default for MlpSweep<S> {
    fn default() -> Self {
        let tilt = [vec![], vec![]];
        Self { input: vec![], hidden: vec![], decays: vec![], phi: vec![], bar: vec![], tilt }
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

    /// Room for a tile of so many packs.
    #[inline(always)]
    pub(crate) fn make_room<S: Scalar>(&self, packs: usize, sweep: &mut MlpSweep<S>) {
        let MlpSweep { input, hidden, phi, .. } = sweep;
        resize(input, self.inputs() * packs);
        resize(phi, packs);
        hidden.resize_with(self.layers() - 1, Hidden::default);
        for (l, layer) in hidden.iter_mut().enumerate() {
            layer.resize(self.slot(l).rows * packs);
        }
    }

    /// The network at a tile of points, `z` as `[pack][input]`.
    #[inline(always)]
    pub fn forward<S: Algebra>(&self, theta: &[f64], z: &[S], out: &mut [S], sweep: &mut MlpSweep<S>) {
        let packs = out.len();
        self.make_room(packs, sweep);
        let MlpSweep { input, hidden, decays, .. } = sweep;
        input.copy_from_slice(z);
        let mut x: &[S] = input;
        for (l, layer) in hidden.iter_mut().enumerate() {
            let slot = self.slot(l);
            linear::apply(slot.weights(theta), S::flat(x), S::flat_mut(&mut layer.output), S::COEFFS);
            layer.bend(slot.biases(theta), decays);
            x = &layer.output;
        }
        let last = self.slot(self.layers() - 1);
        linear::apply(last.weights(theta), S::flat(x), S::flat_mut(out), S::COEFFS);
        for out in out {
            *out = *out + last.biases(theta)[0];
        }
    }

    /// Cotangents of the inputs, `[pack][input]`, for the cotangents `phi` of the outputs.
    #[inline(always)]
    pub fn backward<S: Algebra>(&self, theta: &[f64], phi: &[S], z_bar: &mut [S], sweep: &mut MlpSweep<S>) {
        let packs = phi.len();
        let MlpSweep { hidden, phi: kept, bar, .. } = sweep;
        kept.copy_from_slice(phi);
        let last = self.slot(self.layers() - 1);
        resize(bar, last.columns * packs);
        linear::apply(last.weights(theta).transposed(), S::flat(phi), S::flat_mut(bar), S::COEFFS);
        for l in (0..hidden.len()).rev() {
            let layer = &mut hidden[l];
            for k in 0..bar.len() {
                layer.delta[k] = layer.slope(k).act(bar[k]);
            }
            let slot = self.slot(l);
            let below = if l == 0 {
                &mut *z_bar
            } else {
                resize(bar, slot.columns * packs);
                &mut bar[..]
            };
            linear::apply(
                slot.weights(theta).transposed(),
                S::flat(&layer.delta),
                S::flat_mut(below),
                S::COEFFS,
            );
        }
    }

    /// Adds the parameters' gradient for the last cotangents.
    #[inline(always)]
    pub fn accumulate<S: Algebra>(&self, sweep: &MlpSweep<S>, theta_bar: &mut [f64]) {
        let mut x: &[S] = &sweep.input;
        let deltas = sweep.hidden.iter().map(|h| (&h.delta, &h.output)).chain([(&sweep.phi, &sweep.phi)]);
        for (l, (delta, output)) in deltas.enumerate() {
            let slot = self.slot(l);
            let (weights, biases) = slot.split(theta_bar);
            linear::accumulate(S::flat(delta), S::flat(x), weights, slot.columns, S::COEFFS);
            for (u, bias) in biases.iter_mut().enumerate() {
                // A bias is a real: only the cotangent's first coefficient sees it.
                let mut sum = S::Base::zero();
                for delta in delta.chunks_exact(slot.rows) {
                    sum += delta[u].value();
                }
                *bias += sum.sum();
            }
            x = output;
        }
    }

    /// As [`Mlp::accumulate`], sample by sample: `rows` is `[pack][parameter]`.
    #[inline(always)]
    pub fn accumulate_each<S: Algebra>(&self, sweep: &MlpSweep<S>, rows: &mut [S::Base]) {
        let stride = self.parameters();
        let mut x: &[S] = &sweep.input;
        let deltas = sweep.hidden.iter().map(|h| (&h.delta, &h.output)).chain([(&sweep.phi, &sweep.phi)]);
        for (l, (delta, output)) in deltas.enumerate() {
            let slot = self.slot(l);
            let part = Rows { w: &mut *rows, stride, start: slot.start, len: slot.rows * slot.columns };
            linear::accumulate_each(S::flat(delta), S::flat(x), part, slot.columns, S::COEFFS);
            let biases = slot.start + slot.rows * slot.columns;
            for (delta, row) in delta.chunks_exact(slot.rows).zip(rows.chunks_exact_mut(stride)) {
                for (u, delta) in delta.iter().enumerate() {
                    row[biases + u] += delta.value();
                }
            }
            x = output;
        }
    }
}
