//! Value, gradient and Hessian of the network: duals forward, one plain reverse sweep.

use ircpm_ad::linear::{self, Weight};
use ircpm_ad::logistic::{Logistic, decay};
use ircpm_ad::{Algebra, Dual, Jet, Real, Scalar};

use super::Mlp;
use crate::potential::resize;

/// What [`Mlp::jets`] keeps of one hidden layer.
#[derive(Debug)]
struct Bent<R, const D: usize> {
    sum: Vec<Dual<R, D>>,
    output: Vec<Dual<R, D>>,
    slope: Vec<R>,
    curvature: Vec<R>,
    /// Plain cotangents of the output.
    bar: Vec<R>,
}

/// Workspace of [`Mlp::jets`].
#[derive(Debug)]
pub struct MlpJets<R, const D: usize> {
    input: Vec<Dual<R, D>>,
    hidden: Vec<Bent<R, D>>,
    input_bar: Vec<R>,
}

impl<R, const D: usize> Default for MlpJets<R, D> {
    fn default() -> Self {
        Self { input: Vec::new(), hidden: Vec::new(), input_bar: Vec::new() }
    }
}

impl Mlp {
    /// Value, gradient and Hessian in 2 + D coefficients a weight: duals forward, then one plain reverse sweep.
    ///
    /// `Hess = Σ_units ū σ″(a) ∇a ∇aᵀ + Σ_c z̄_c ∂²z_c`, with `ū` the cotangents of the activations: second derivatives
    /// arise only at the units and in the inputs (Gauss–Newton form, exact here). A pack goes all the way before the next
    /// one starts: its units fit a near cache.
    #[inline(always)]
    pub fn jets<R: Real, W: Weight, const D: usize>(
        &self,
        theta: &[W],
        z: &[Jet<R, D>],
        out: &mut [Jet<R, D>],
        work: &mut MlpJets<R, D>,
    ) {
        for (z, out) in z.chunks_exact(self.inputs()).zip(out) {
            self.bend(theta, z, work);
            *out = self.unbend(theta, z, work);
        }
    }

    /// The forward half of [`Mlp::jets`], for one pack.
    #[inline(always)]
    fn bend<R: Real, W: Weight, const D: usize>(
        &self,
        theta: &[W],
        z: &[Jet<R, D>],
        work: &mut MlpJets<R, D>,
    ) {
        let MlpJets { input, hidden, .. } = work;
        resize(input, z.len());
        for (input, z) in input.iter_mut().zip(z) {
            *input = z.to_dual();
        }
        hidden.resize_with(self.layers() - 1, Bent::default);
        let mut x: &[Dual<R, D>] = input;
        for (l, layer) in hidden.iter_mut().enumerate() {
            let slot = self.slot(l);
            layer.resize(slot.rows);
            linear::apply(slot.weights(theta), Dual::flat(x), Dual::flat_mut(&mut layer.sum), 1 + D);
            layer.bend(slot.biases(theta));
            x = &layer.output;
        }
    }

    /// The reverse half of [`Mlp::jets`], for one pack.
    #[inline(always)]
    fn unbend<R: Real, W: Weight, const D: usize>(
        &self,
        theta: &[W],
        z: &[Jet<R, D>],
        work: &mut MlpJets<R, D>,
    ) -> Jet<R, D> {
        let MlpJets { hidden, input_bar, .. } = work;
        resize(input_bar, z.len());
        let last = self.slot(self.layers() - 1);
        let Bent { output: top, bar, .. } = &mut hidden[self.layers() - 2];
        let mut out = Jet::constant(last.biases(theta)[0].into());
        for (u, &w) in theta[last.start..][..last.columns].iter().enumerate() {
            let w = R::constant(w.into());
            out.re = top[u].re.mul_add(w, out.re);
            for i in 0..D {
                out.grad[i] = top[u].eps[i].mul_add(w, out.grad[i]);
            }
            bar[u] = w;
        }
        for l in (0..hidden.len()).rev() {
            let (below, above) = hidden.split_at_mut(l);
            let Bent { sum, slope, curvature, bar, .. } = &mut above[0];
            for (u, bar) in bar.iter_mut().enumerate() {
                add_outer(&mut out.hess, *bar * curvature[u], &sum[u].eps);
                *bar *= slope[u];
            }
            let below = below.last_mut().map_or(&mut *input_bar, |layer| &mut layer.bar);
            linear::apply(self.slot(l).weights(theta).transposed(), bar, below, 1);
        }
        for (bar, z) in input_bar.iter().zip(z) {
            for i in 0..D {
                for j in i..D {
                    out.hess[i][j] = bar.mul_add(z.hess[i][j], out.hess[i][j]);
                }
            }
        }
        for i in 0..D {
            for j in 0..i {
                out.hess[i][j] = out.hess[j][i];
            }
        }
        out
    }
}

impl<R, const D: usize> Default for Bent<R, D> {
    fn default() -> Self {
        Self { sum: vec![], output: vec![], slope: vec![], curvature: vec![], bar: vec![] }
    }
}

impl<R: Real, const D: usize> Bent<R, D> {
    fn resize(&mut self, units: usize) {
        resize(&mut self.sum, units);
        resize(&mut self.output, units);
        resize(&mut self.slope, units);
        resize(&mut self.curvature, units);
        resize(&mut self.bar, units);
    }

    /// From the sums without their biases to everything else.
    #[inline(always)]
    fn bend<W: Weight>(&mut self, biases: &[W]) {
        let Self { sum, output, slope, curvature, .. } = self;
        // The exponentials come first, all of them: see `ad::logistic`.
        for ((sum, exponential), &bias) in sum.iter_mut().zip(&mut *slope).zip(biases) {
            sum.re = sum.re + bias.into();
            *exponential = decay(sum.re);
        }
        let units = sum.iter().zip(output).zip(slope.iter_mut().zip(curvature));
        for ((sum, output), (slope, curvature)) in units {
            let at = Logistic::new(sum.re, *slope);
            let bent = Dual::<R, 1>::variable(sum.re, 0).apply(at.sigmoid());
            output.re = sum.re.apply(at.softplus());
            for i in 0..D {
                output.eps[i] = sum.eps[i] * bent.re;
            }
            (*slope, *curvature) = (bent.re, bent.eps[0]);
        }
    }
}

/// Adds `c v vᵀ` to the upper triangle of `m`.
#[inline(always)]
fn add_outer<R: Real, const D: usize>(m: &mut [[R; D]; D], c: R, v: &[R; D]) {
    for i in 0..D {
        let cv = c * v[i];
        for j in i..D {
            m[i][j] = cv.mul_add(v[j], m[i][j]);
        }
    }
}
