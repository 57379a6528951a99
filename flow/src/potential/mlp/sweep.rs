//! The reverse sweep of the network: forward, backward, and the gradient in the parameters.

use ircpm_ad::elementary::logistic::{Logistic, SigmoidAt, decay};
use ircpm_ad::linear::{self, GradientRows};
use ircpm_ad::{Algebra, Real, Scalar};

use super::Mlp;
use crate::potential::{resize, resize_to};

/// What a reverse sweep saves of one hidden layer, each `[pack][unit]`.
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
    fn activate(&mut self, biases: &[f64], decays: &mut Vec<S::Base>) {
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

/// Workspace of reverse sweeps: [`Mlp::forward`], [`Mlp::backward`], [`Mlp::accumulate`], and contractions from saved jets.
#[derive(Debug)]
pub struct MlpSweepWorkspace<S: Scalar> {
    pub(super) input: Vec<S>,
    pub(super) hidden: Vec<Hidden<S>>,
    /// Exponentials of one layer's sums.
    pub(super) decays: Vec<S::Base>,
    pub(super) psi_bar: Vec<S>,
    pub(super) bar: Vec<S>,
    pub(super) replace_cotangents: [Vec<S::Base>; 2],
}

impl<S: Scalar> Default for MlpSweepWorkspace<S> {
    fn default() -> Self {
        let replace_cotangents = [vec![], vec![]];
        Self {
            input: vec![],
            hidden: vec![],
            decays: vec![],
            psi_bar: vec![],
            bar: vec![],
            replace_cotangents,
        }
    }
}

impl Mlp {
    /// Room for a tile of so many packs.
    #[inline(always)]
    pub(crate) fn make_room<S: Scalar>(&self, packs: usize, sweep: &mut MlpSweepWorkspace<S>) {
        let MlpSweepWorkspace { input, hidden, psi_bar, .. } = sweep;
        resize(input, self.inputs() * packs);
        resize(psi_bar, packs);
        hidden.resize_with(self.layers() - 1, Hidden::default);
        for (l, layer) in hidden.iter_mut().enumerate() {
            layer.resize(self.slot(l).rows * packs);
        }
    }

    /// The network at a tile of points, `z` as `[pack][input]`.
    #[inline(always)]
    pub fn forward<S: Algebra>(
        &self,
        theta: &[f64],
        z: &[S],
        out: &mut [S],
        sweep: &mut MlpSweepWorkspace<S>,
    ) {
        let packs = out.len();
        self.make_room(packs, sweep);
        let MlpSweepWorkspace { input, hidden, decays, .. } = sweep;
        input.copy_from_slice(z);
        let mut x: &[S] = input;
        for (l, layer) in hidden.iter_mut().enumerate() {
            let slot = self.slot(l);
            linear::apply(
                slot.weights(theta),
                S::coefficients(x),
                S::coefficients_mut(&mut layer.output),
                S::COEFFS,
            );
            layer.activate(slot.biases(theta), decays);
            x = &layer.output;
        }
        let last = self.slot(self.layers() - 1);
        linear::apply(last.weights(theta), S::coefficients(x), S::coefficients_mut(out), S::COEFFS);
        for out in out {
            *out = *out + last.biases(theta)[0];
        }
    }

    /// Cotangents of the inputs, `[pack][input]`, for the cotangents `psi_bar` of the outputs.
    #[inline(always)]
    pub fn backward<S: Algebra>(
        &self,
        theta: &[f64],
        psi_bar: &[S],
        z_bar: &mut [S],
        sweep: &mut MlpSweepWorkspace<S>,
    ) {
        let packs = psi_bar.len();
        let MlpSweepWorkspace { hidden, psi_bar: saved, bar, .. } = sweep;
        saved.copy_from_slice(psi_bar);
        let last = self.slot(self.layers() - 1);
        resize(bar, last.columns * packs);
        linear::apply(
            last.weights(theta).transposed(),
            S::coefficients(psi_bar),
            S::coefficients_mut(bar),
            S::COEFFS,
        );
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
                S::coefficients(&layer.delta),
                S::coefficients_mut(below),
                S::COEFFS,
            );
        }
    }

    /// Adds the parameters' gradient for the last cotangents.
    #[inline(always)]
    pub fn accumulate<S: Algebra>(&self, sweep: &MlpSweepWorkspace<S>, theta_bar: &mut [f64]) {
        let mut x: &[S] = &sweep.input;
        let deltas =
            sweep.hidden.iter().map(|h| (&h.delta, &h.output)).chain([(&sweep.psi_bar, &sweep.psi_bar)]);
        for (l, (delta, output)) in deltas.enumerate() {
            let slot = self.slot(l);
            let (weights, biases) = slot.split(theta_bar);
            linear::accumulate(S::coefficients(delta), S::coefficients(x), weights, slot.columns, S::COEFFS);
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
    pub fn accumulate_each<S: Algebra>(&self, sweep: &MlpSweepWorkspace<S>, rows: &mut [S::Base]) {
        let stride = self.parameters();
        let mut x: &[S] = &sweep.input;
        let deltas =
            sweep.hidden.iter().map(|h| (&h.delta, &h.output)).chain([(&sweep.psi_bar, &sweep.psi_bar)]);
        for (l, (delta, output)) in deltas.enumerate() {
            let slot = self.slot(l);
            let part =
                GradientRows { w: &mut *rows, stride, start: slot.start, len: slot.rows * slot.columns };
            linear::accumulate_each(
                S::coefficients(delta),
                S::coefficients(x),
                part,
                slot.columns,
                S::COEFFS,
            );
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
