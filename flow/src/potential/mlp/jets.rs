//! Value, gradient and Hessian of the network: duals forward, one plain reverse sweep.

use ircpm_ad::elementary::logistic::{Logistic, SigmoidAt, decay};
use ircpm_ad::linear::Weight;
use ircpm_ad::{Algebra, Dual, Jet, Real, Scalar};

use super::Mlp;
use super::layer::LinearLayer;
use crate::potential::{resize, resize_to};

/// What [`Mlp::jets`] finds at a hidden unit.
#[derive(Clone, Copy, Debug)]
pub struct Unit<R, const D: usize> {
    /// Softplus and sigmoid at its sum.
    pub(super) at: Logistic<R>,
    /// Derivatives of the sum.
    pub(super) eps: [R; D],
    /// Plain cotangent of its output.
    pub(super) bar: R,
}

/// Memory of [`Mlp::jets`].
#[derive(Debug)]
pub struct MlpJetWorkspace<R, const D: usize> {
    /// All hidden units, layer after layer.
    units: Vec<Unit<R, D>>,
    /// Inputs of a layer, and its sums, which become its outputs.
    duals: [Vec<Dual<R, D>>; 2],
    /// Exponentials of a layer's sums.
    decays: Vec<R>,
    /// Plain cotangents of a layer's sums, and of its inputs.
    bars: [Vec<R>; 2],
}

impl<R, const D: usize> Default for MlpJetWorkspace<R, D> {
    fn default() -> Self {
        Self { units: vec![], duals: [vec![], vec![]], decays: vec![], bars: [vec![], vec![]] }
    }
}

impl Mlp {
    /// Value, gradient and Hessian at one pack, in 2 + D coefficients per weight: duals forward, then one plain reverse
    /// sweep.
    ///
    /// `Hess = Σ_units ū σ″(a) ∇a ∇aᵀ + Σ_c z̄_c ∂²z_c`, with `ū` the cotangents of the activations: second derivatives
    /// arise only at the units and in the inputs (Gauss–Newton form, which is exact here). The pack's units are left in
    /// `saved`, if it is given.
    #[inline(always)]
    pub fn jets<R: Real, W: Weight, const D: usize>(
        &self,
        theta: &[W],
        z: &[Jet<R, D>],
        work: &mut MlpJetWorkspace<R, D>,
        saved: Option<&mut Vec<Unit<R, D>>>,
    ) -> Jet<R, D> {
        let MlpJetWorkspace { units, duals, decays, bars } = work;
        let units = saved.unwrap_or(units); // Units are found where they are saved, and not copied.
        if units.len() != self.units() {
            resize_to(units, self.units(), &Unit::zero());
        }
        self.forward_pack(theta, z, units, duals, decays);
        self.reverse_pack(theta, z, units, &duals[0], bars)
    }

    /// The forward half of [`Mlp::jets`]; leaves the last layer's outputs in `duals[0]`.
    #[inline(always)]
    fn forward_pack<R: Real, W: Weight, const D: usize>(
        &self,
        theta: &[W],
        z: &[Jet<R, D>],
        units: &mut [Unit<R, D>],
        [x, y]: &mut [Vec<Dual<R, D>>; 2],
        decays: &mut Vec<R>,
    ) {
        resize(x, self.widest());
        resize(y, self.widest());
        resize(decays, self.widest());
        for c in 0..z.len() {
            x[c] = z[c].to_dual();
        }
        let mut first = 0;
        for layer in &self.hidden {
            let (inputs, sums) = (&x[..layer.inputs()], &mut y[..layer.outputs()]);
            layer.apply(theta, Dual::coefficients(inputs), Dual::coefficients_mut(sums), 1 + D, 0..1 + D);
            activate(sums, layer.biases(theta), decays, &mut units[first..][..layer.outputs()]);
            first += layer.outputs();
            std::mem::swap(x, y);
        }
    }

    /// The reverse half of [`Mlp::jets`], from the last hidden layer's outputs `top`.
    #[inline(always)]
    fn reverse_pack<R: Real, W: Weight, const D: usize>(
        &self,
        theta: &[W],
        z: &[Jet<R, D>],
        units: &mut [Unit<R, D>],
        top: &[Dual<R, D>],
        [bar, below]: &mut [Vec<R>; 2],
    ) -> Jet<R, D> {
        let mut out = Jet::constant(self.last.biases(theta)[0].into());
        resize(bar, self.widest());
        resize(below, self.widest());
        let last = self.last.parameters().start;
        for (u, &w) in theta[last..][..self.last.inputs()].iter().enumerate() {
            let w = R::constant(w.into());
            out.re = top[u].re.mul_add(w, out.re);
            for i in 0..D {
                out.grad[i] = top[u].eps[i].mul_add(w, out.grad[i]);
            }
            bar[u] = w;
        }
        let mut first = units.len();
        for layer in self.hidden.iter().rev() {
            let rows = layer.outputs();
            first -= rows;
            let (units, sums) = (&mut units[first..][..rows], &mut bar[..rows]);
            for u in 0..rows {
                let SigmoidAt { value, reflected } = units[u].at.sigmoid;
                units[u].bar = sums[u];
                sums[u] *= value;
                add_outer(&mut out.hess, sums[u] * reflected, &units[u].eps);
            }
            layer.apply_transposed(theta, sums, &mut below[..layer.inputs()], 1, 0..1);
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
}

impl<R: Real, const D: usize> Unit<R, D> {
    fn zero() -> Self {
        let zero = R::zero();
        let sigmoid = SigmoidAt { value: zero, reflected: zero };
        Self { at: Logistic { softplus: zero, sigmoid }, eps: [zero; D], bar: zero }
    }

    /// Sets all numbers to one in lanes where an activation or the Hessian, found with these units, is not finite.
    ///
    /// Elsewhere nothing that they were made of can be infinite.
    #[inline(always)]
    pub(crate) fn mask_nonfinite(units: &mut [Self], psi: &Jet<R, D>) {
        let infinity = R::constant(f64::INFINITY);
        // Softplus is never negative, so the sum is finite exactly when every activation is.
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

/// Turns the sums of a layer, without their biases, into its outputs.
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
        let bias: f64 = biases[u].into();
        duals[u].re += bias;
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
