//! The reverse sweep of the network: forward, backward, and the gradient in the parameters.

use ircpm_ad::elementary::logistic::{Logistic, SigmoidAt, decay};
use ircpm_ad::{Algebra, Scalar};

use super::Mlp;
use super::layer::LinearLayer;
use crate::potential::{resize, resize_to};

/// What a reverse sweep holds of one hidden layer, each `[pack][unit]`.
#[derive(Debug)]
pub(super) struct Hidden<S: Scalar> {
    /// Activations, softplus of the sums.
    pub output: Vec<S>,
    /// Sigmoid of the sums' values; not for [`Mlp::contract`], which is given them.
    pub sigmoid: Vec<SigmoidAt<S::Base>>,
    /// Cotangents of the sums.
    pub delta: Vec<S>,
}

impl<S: Scalar> Default for Hidden<S> {
    fn default() -> Self {
        Self { output: vec![], sigmoid: vec![], delta: vec![] }
    }
}

impl<S: Scalar> Hidden<S> {
    #[inline(always)]
    fn resize(&mut self, units: usize) {
        resize(&mut self.output, units);
        resize(&mut self.delta, units);
    }

    /// Makes room for [`Hidden::activate`].
    #[inline(always)]
    fn resize_sigmoid(&mut self) {
        let (units, zero) = (self.output.len(), S::Base::zero());
        if self.sigmoid.len() != units {
            resize_to(&mut self.sigmoid, units, &SigmoidAt { value: zero, reflected: zero });
        }
    }

    /// Local derivative of unit `k`.
    #[inline(always)]
    fn slope(&self, k: usize) -> S {
        self.output[k].apply(self.sigmoid[k].of_softplus())
    }

    /// Turns the sums of units `first..first + biases.len()`, without their biases, into activations.
    #[inline(always)]
    fn activate(&mut self, first: usize, biases: &[f64], decays: &mut [S::Base]) {
        let units = biases.len();
        let (sums, decays) = (&mut self.output[first..][..units], &mut decays[..units]);
        let sigmoid = &mut self.sigmoid[first..][..units];
        for u in 0..units {
            sums[u] += biases[u];
            decays[u] = decay(sums[u].value());
        }
        for u in 0..units {
            let at = Logistic::new(sums[u].value(), decays[u]);
            sums[u] = sums[u].apply(at.softplus());
            sigmoid[u] = at.sigmoid();
        }
    }
}

/// Memory of reverse sweeps, by [`Mlp::forward`] and [`Mlp::backward`] or by contractions from saved jets.
#[derive(Debug)]
pub struct MlpSweepWorkspace<S: Scalar> {
    /// `[pack][input]`.
    pub(super) input: Vec<S>,
    pub(super) hidden: Vec<Hidden<S>>,
    /// Cotangents of the outputs, one per pack.
    pub(super) output_bar: Vec<S>,
    /// Exponentials of one layer's sums.
    decays: Vec<S::Base>,
    /// Cotangents of one layer's inputs.
    pub(super) bar: Vec<S>,
    /// What [`Mlp::replace_cotangents`] carries at the outputs of one layer, and at its inputs.
    pub(super) residues: [Vec<S::Base>; 2],
}

impl<S: Scalar> Default for MlpSweepWorkspace<S> {
    fn default() -> Self {
        let residues = [vec![], vec![]];
        Self { input: vec![], hidden: vec![], output_bar: vec![], decays: vec![], bar: vec![], residues }
    }
}

impl Mlp {
    /// Makes room for a tile of `packs` packs.
    #[inline(always)]
    pub fn begin<S: Scalar>(&self, packs: usize, sweep: &mut MlpSweepWorkspace<S>) {
        let MlpSweepWorkspace { input, hidden, output_bar, .. } = sweep;
        resize(input, self.inputs() * packs);
        resize(output_bar, packs);
        hidden.resize_with(self.hidden.len(), Hidden::default);
        for (layer, hidden) in self.hidden.iter().zip(hidden) {
            hidden.resize(layer.outputs() * packs);
        }
    }

    /// The network at pack `p` of points, one `z` per input.
    #[inline(always)]
    pub fn forward<S: Algebra>(
        &self,
        theta: &[f64],
        p: usize,
        z: &[S],
        sweep: &mut MlpSweepWorkspace<S>,
    ) -> S {
        let MlpSweepWorkspace { input, hidden, decays, .. } = sweep;
        input[p * z.len()..][..z.len()].copy_from_slice(z);
        resize(decays, self.widest());
        let mut x: &[S] = z;
        for (layer, hidden) in self.hidden.iter().zip(hidden) {
            let first = p * layer.outputs();
            hidden.resize_sigmoid();
            let sums = S::coefficients_mut(&mut hidden.output[first..][..layer.outputs()]);
            layer.apply(theta, S::coefficients(x), sums, S::COEFFS, 0..S::COEFFS);
            hidden.activate(first, layer.biases(theta), decays);
            x = &hidden.output[first..][..layer.outputs()];
        }
        let mut out = [S::zero()];
        let sum = S::coefficients_mut(&mut out);
        self.last.apply(theta, S::coefficients(x), sum, S::COEFFS, 0..S::COEFFS);
        out[0] + self.last.biases(theta)[0]
    }

    /// Writes the cotangents of pack `p` of the inputs, for the cotangent `output_bar` of the output.
    #[inline(always)]
    pub fn backward<S: Algebra>(
        &self,
        theta: &[f64],
        p: usize,
        output_bar: S,
        z_bar: &mut [S],
        sweep: &mut MlpSweepWorkspace<S>,
    ) {
        let MlpSweepWorkspace { hidden, output_bar: saved, bar, .. } = sweep;
        saved[p] = output_bar;
        resize(bar, self.widest());
        let top = S::coefficients_mut(&mut bar[..self.last.inputs()]);
        self.last.apply_transposed(theta, S::coefficients(&[output_bar]), top, S::COEFFS, 0..S::COEFFS);
        for (l, layer) in self.hidden.iter().enumerate().rev() {
            let (hidden, first) = (&mut hidden[l], p * layer.outputs());
            for u in 0..layer.outputs() {
                hidden.delta[first + u] = hidden.slope(first + u).act(bar[u]);
            }
            let below = if l == 0 { &mut *z_bar } else { &mut bar[..layer.inputs()] };
            let delta = S::coefficients(&hidden.delta[first..][..layer.outputs()]);
            layer.apply_transposed(theta, delta, S::coefficients_mut(below), S::COEFFS, 0..S::COEFFS);
        }
    }

    /// Cotangents of the sums of every layer over a tile, with the layer's inputs.
    #[inline(always)]
    fn cotangents_and_inputs<'a, S: Algebra>(
        &self,
        l: usize,
        sweep: &'a MlpSweepWorkspace<S>,
    ) -> (&'a [S::Base], &'a [S::Base]) {
        let delta = sweep.hidden.get(l).map_or(&sweep.output_bar, |hidden| &hidden.delta);
        let x = if l == 0 { &sweep.input } else { &sweep.hidden[l - 1].output };
        (S::coefficients(delta), S::coefficients(x))
    }

    /// Adds the parameters' gradient over a tile, for the last cotangents.
    #[inline(always)]
    pub fn accumulate<S: Algebra>(&self, sweep: &MlpSweepWorkspace<S>, theta_bar: &mut [f64]) {
        for (l, layer) in self.layers().enumerate() {
            let (delta, x) = self.cotangents_and_inputs(l, sweep);
            layer.accumulate(delta, x, S::COEFFS, theta_bar);
        }
    }

    /// As [`Mlp::accumulate`], sample by sample: `rows` is `[pack][parameter]` with so many `parameters` per pack, of
    /// which the first are this network's.
    #[inline(always)]
    pub fn accumulate_each<S: Algebra>(
        &self,
        parameters: usize,
        sweep: &MlpSweepWorkspace<S>,
        rows: &mut [S::Base],
    ) {
        for (l, layer) in self.layers().enumerate() {
            let (delta, x) = self.cotangents_and_inputs(l, sweep);
            layer.accumulate_each(delta, x, S::COEFFS, rows, parameters);
        }
    }
}
