//! Value, gradient and Hessian of the network: duals forward, one plain reverse sweep.

use ircpm_ad::elementary::logistic::{Logistic, SigmoidAt, decay};
use ircpm_ad::linear::{self, Weight};
use ircpm_ad::{Algebra, Dual, Jet, Real, Scalar};

use super::Mlp;
use crate::potential::{resize, resize_to};

/// What [`Mlp::jets`] finds at a hidden unit.
#[derive(Clone, Copy, Debug)]
pub struct Unit<R, const D: usize> {
    /// Softplus and sigmoid at its sum.
    pub(super) at: Logistic<R>,
    /// Derivatives of the sum.
    pub(super) eps: [R; D],
    /// Derived cotangent of its output.
    pub(super) bar: R,
}

/// Workspace of [`Mlp::jets`].
#[derive(Debug)]
pub struct MlpJetWorkspace<R, const D: usize> {
    /// All hidden units, layer after layer.
    pub(super) units: Vec<Unit<R, D>>,
    /// Inputs of a layer, and its sums, which become its outputs.
    duals: [Vec<Dual<R, D>>; 2],
    /// Exponentials of a layer's sums.
    decays: Vec<R>,
    /// Derived cotangents of a layer's sums, and of its inputs.
    bars: [Vec<R>; 2],
}

impl<R, const D: usize> Default for MlpJetWorkspace<R, D> {
    fn default() -> Self {
        Self { units: vec![], duals: [vec![], vec![]], decays: vec![], bars: [vec![], vec![]] }
    }
}

impl Mlp {
    /// Value, gradient and Hessian in 2 + D coefficients a weight: duals forward, then one plain reverse sweep.
    ///
    /// `Hess = Σ_units ū σ″(a) ∇a ∇aᵀ + Σ_c z̄_c ∂²z_c`, with `ū` the cotangents of the activations: second derivatives
    /// arise only at the units and in the inputs (Gauss–Newton form, exact here). A pack goes all the way before the next
    /// one starts: its units fit a near cache. Those of pack `p` are left in `saved[p]`, unless `saved` is empty.
    #[inline(always)]
    pub fn jets<R: Real, W: Weight, const D: usize>(
        &self,
        theta: &[W],
        z: &[Jet<R, D>],
        out: &mut [Jet<R, D>],
        work: &mut MlpJetWorkspace<R, D>,
        saved: &mut [Vec<Unit<R, D>>],
    ) {
        for (p, z) in z.chunks_exact(self.inputs()).enumerate() {
            // Units are found where they are saved.
            if !saved.is_empty() {
                std::mem::swap(&mut saved[p], &mut work.units);
            }
            self.forward_pack(theta, z, work);
            out[p] = self.reverse_pack(theta, z, work);
            if !saved.is_empty() {
                std::mem::swap(&mut saved[p], &mut work.units);
            }
        }
    }

    /// The forward half of [`Mlp::jets`], for one pack; leaves the last layer's outputs in `duals[0]`.
    #[inline(always)]
    fn forward_pack<R: Real, W: Weight, const D: usize>(
        &self,
        theta: &[W],
        z: &[Jet<R, D>],
        work: &mut MlpJetWorkspace<R, D>,
    ) {
        let MlpJetWorkspace { units, duals: [x, y], decays, .. } = work;
        resize(x, self.widest());
        resize(y, self.widest());
        resize(decays, self.widest());
        for c in 0..z.len() {
            x[c] = z[c].to_dual();
        }
        if units.len() != self.units() {
            resize_to(units, self.units(), &Unit::zero());
        }
        let mut first = 0;
        for l in 0..self.layers() - 1 {
            let slot = self.slot(l);
            let (inputs, sums) = (&x[..slot.columns], &mut y[..slot.rows]);
            linear::apply(
                slot.weights(theta),
                Dual::coefficients(inputs),
                Dual::coefficients_mut(sums),
                1 + D,
            );
            activate(sums, slot.biases(theta), decays, &mut units[first..][..slot.rows]);
            first += slot.rows;
            std::mem::swap(x, y);
        }
    }

    /// The reverse half of [`Mlp::jets`], for one pack.
    #[inline(always)]
    fn reverse_pack<R: Real, W: Weight, const D: usize>(
        &self,
        theta: &[W],
        z: &[Jet<R, D>],
        work: &mut MlpJetWorkspace<R, D>,
    ) -> Jet<R, D> {
        let MlpJetWorkspace { units, duals: [top, _], bars: [bar, below], .. } = work;
        let last = self.slot(self.layers() - 1);
        let mut out = Jet::constant(last.biases(theta)[0].into());
        resize(bar, self.widest());
        resize(below, self.widest());
        for (u, &w) in theta[last.start..][..last.columns].iter().enumerate() {
            let w = R::constant(w.into());
            out.re = top[u].re.mul_add(w, out.re);
            for i in 0..D {
                out.grad[i] = top[u].eps[i].mul_add(w, out.grad[i]);
            }
            bar[u] = w;
        }
        let mut first = units.len();
        for l in (0..self.layers() - 1).rev() {
            let slot = self.slot(l);
            first -= slot.rows;
            let (units, sums) = (&mut units[first..][..slot.rows], &mut bar[..slot.rows]);
            for u in 0..slot.rows {
                let SigmoidAt { value, reflected } = units[u].at.sigmoid;
                units[u].bar = sums[u];
                sums[u] *= value;
                add_outer(&mut out.hess, sums[u] * reflected, &units[u].eps);
            }
            let inputs = &mut below[..slot.columns];
            linear::apply(slot.weights(theta).transposed(), sums, inputs, 1);
            std::mem::swap(bar, below);
        }
        let bar = &bar[..z.len()];
        for c in 0..z.len() {
            for i in 0..D {
                for j in i..D {
                    out.hess[i][j] = bar[c].mul_add(z[c].hess[i][j], out.hess[i][j]);
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

    /// Number of hidden units.
    pub(super) fn units(&self) -> usize {
        self.sizes[1..self.layers()].iter().sum()
    }

    /// Largest width of a layer: buffers that layers take turns with need not be resized for each.
    pub(super) fn widest(&self) -> usize {
        self.sizes.iter().copied().max().unwrap_or(0)
    }
}

impl<R: Real, const D: usize> Unit<R, D> {
    fn zero() -> Self {
        let zero = R::zero();
        let sigmoid = SigmoidAt { value: zero, reflected: zero };
        Self { at: Logistic { softplus: zero, sigmoid }, eps: [zero; D], bar: zero }
    }

    /// Puts ones in lanes where an activation or the Hessian is not finite, found with these units; elsewhere nothing that
    /// they were made of can be infinite.
    #[inline(always)]
    pub(crate) fn mask_nonfinite(units: &mut [Self], psi: &Jet<R, D>) {
        let infinity = R::constant(f64::INFINITY);
        // None is negative: an infinite one is seen in the sum.
        let mut sum = R::zero();
        for unit in &*units {
            sum += unit.at.softplus;
        }
        let mut finite = R::select_gt(infinity, sum, R::one(), R::zero());
        for i in 0..D {
            for j in i..D {
                finite = R::select_gt(infinity, psi.hess[i][j].abs(), finite, R::zero());
            }
        }
        if (0..R::LANES).all(|lane| finite.lane(lane) > 0.0) {
            return;
        }
        for unit in units {
            let Logistic { softplus, sigmoid } = &mut unit.at;
            for number in [softplus, &mut sigmoid.value, &mut sigmoid.reflected, &mut unit.bar] {
                *number = R::select_gt(finite, R::zero(), *number, R::one());
            }
            for i in 0..D {
                unit.eps[i] = R::select_gt(finite, R::zero(), unit.eps[i], R::one());
            }
        }
    }
}

/// From the sums of a layer without their biases to its outputs, in place.
#[inline(always)]
fn activate<R: Real, W: Weight, const D: usize>(
    duals: &mut [Dual<R, D>],
    biases: &[W],
    decays: &mut [R],
    units: &mut [Unit<R, D>],
) {
    let rows = units.len();
    let (duals, decays, biases) = (&mut duals[..rows], &mut decays[..rows], &biases[..rows]);
    for u in 0..rows {
        duals[u].re = duals[u].re + biases[u].into();
        decays[u] = decay(duals[u].re);
    }
    for u in 0..rows {
        units[u].at = Logistic::new(duals[u].re, decays[u]);
        units[u].eps = duals[u].eps;
        duals[u] = duals[u].apply(units[u].at.softplus());
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
