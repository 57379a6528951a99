//! The contraction `A : Hess psi + b · grad psi` at points where the Hessian is known already, along directions that
//! turn `A` into a trace.
//!
//! The evaluation of the Hessian has swept values and first derivatives forward and a plain cotangent back. They are
//! the same here, up to the change of directions. Of the collapsed jets' `2 + D` coefficients per weight there remain
//! the Laplacian forward, and `1 + D` back.

use ircpm_ad::{Algebra, Lap, Real, Scalar};

use super::layer::LinearLayer;
use super::sweep::Hidden;
use super::{Mlp, MlpSweepWorkspace, Unit};
use crate::potential::{EvaluatedPack, resize};

impl Mlp {
    /// As [`Mlp::forward`] and [`Mlp::backward`] of one pack, for a cotangent `{0, grad, lap}`, from what [`Mlp::jets`]
    /// saved.
    ///
    /// # Panics
    /// If the pack was not begun, or was saved by a network of other widths.
    #[inline(always)]
    pub fn contract<R: Real, const D: usize>(
        &self,
        theta: &[f64],
        pack: &EvaluatedPack<'_, Vec<Unit<R, D>>, R, D>,
        output_bar: Lap<R, D>,
        z_bar: &mut [Lap<R, D>],
        sweep: &mut MlpSweepWorkspace<Lap<R, D>>,
    ) {
        assert_eq!(pack.saved.len(), self.units(), "units that a network of these widths saved");
        let MlpSweepWorkspace { input, hidden, output_bar: last, bar, .. } = sweep;
        input[pack.p * self.inputs()..][..self.inputs()].copy_from_slice(pack.z);
        last[pack.p] = output_bar;
        self.laplacians(theta, pack, hidden);
        self.cotangents(theta, pack, output_bar, hidden, bar, z_bar);
    }

    /// The forward half of [`Mlp::contract`]: one coefficient per weight.
    #[inline(always)]
    fn laplacians<R: Real, const D: usize>(
        &self,
        theta: &[f64],
        pack: &EvaluatedPack<'_, Vec<Unit<R, D>>, R, D>,
        hidden: &mut [Hidden<Lap<R, D>>],
    ) {
        let &EvaluatedPack { p, z, directions, saved } = pack;
        let mut x = z;
        let mut first = 0;
        for (layer, hidden) in self.hidden.iter().zip(hidden) {
            let rows = layer.outputs();
            let output = &mut hidden.output[p * rows..][..rows];
            let sums = Lap::coefficients_mut(output);
            layer.apply(theta, Lap::coefficients(x), sums, 2 + D, 1 + D..2 + D);
            for (u, unit) in saved[first..][..rows].iter().enumerate() {
                output[u] = unit.sum(directions, output[u].lap).apply(unit.at.softplus());
            }
            first += rows;
            x = output;
        }
    }

    /// The reverse half of [`Mlp::contract`]: `1 + D` coefficients per weight, but for those of the first layer.
    #[inline(always)]
    fn cotangents<R: Real, const D: usize>(
        &self,
        theta: &[f64],
        pack: &EvaluatedPack<'_, Vec<Unit<R, D>>, R, D>,
        output_bar: Lap<R, D>,
        hidden: &mut [Hidden<Lap<R, D>>],
        bar: &mut Vec<Lap<R, D>>,
        z_bar: &mut [Lap<R, D>],
    ) {
        let &EvaluatedPack { p, saved, .. } = pack;
        resize(bar, self.widest());
        let top = Lap::coefficients_mut(&mut bar[..self.last.inputs()]);
        self.last.apply_transposed(theta, Lap::coefficients(&[output_bar]), top, 2 + D, 0..2 + D);
        let mut first = saved.len();
        for (l, layer) in self.hidden.iter().enumerate().rev() {
            let (hidden, rows) = (&mut hidden[l], layer.outputs());
            first -= rows;
            for (u, unit) in saved[first..][..rows].iter().enumerate() {
                let k = p * rows + u;
                bar[u].lap = output_bar.lap * unit.bar;
                hidden.delta[k] = unit.slope(hidden.output[k]).act(bar[u]);
            }
            let (below, part) =
                if l == 0 { (&mut *z_bar, 0..2 + D) } else { (&mut bar[..layer.inputs()], 0..1 + D) };
            let delta = Lap::coefficients(&hidden.delta[p * rows..][..rows]);
            layer.apply_transposed(theta, delta, Lap::coefficients_mut(below), 2 + D, part);
        }
    }

    /// Replaces a pack's cotangents `{0, g, λ}` of [`Mlp::contract`] by `output_bar` of the same form, without those of
    /// the inputs.
    ///
    /// Sweeps are linear in their cotangents: this one is `λ′/λ = ω` times the last plus that of `{0, c, 0}`, which
    /// carries `{r, ū c, 0}` at each unit's output, with the plain cotangent `ū`. Only `r` has to be swept for, which
    /// is one coefficient per weight. `λ` must not be zero.
    #[inline(always)]
    pub fn replace_cotangents<R: Real, const D: usize>(
        &self,
        theta: &[f64],
        pack: &EvaluatedPack<'_, Vec<Unit<R, D>>, R, D>,
        output_bar: Lap<R, D>,
        sweep: &mut MlpSweepWorkspace<Lap<R, D>>,
    ) {
        let &EvaluatedPack { p, saved, .. } = pack;
        let MlpSweepWorkspace { hidden, output_bar: last, residues: [bar, below], .. } = sweep;
        let omega = output_bar.lap / last[p].lap;
        let mut c = output_bar.grad;
        for i in 0..D {
            c[i] -= omega * last[p].grad[i];
        }
        last[p] = output_bar;
        let mut first = saved.len();
        resize(bar, self.widest());
        resize(below, self.widest());
        bar.fill(R::zero());
        for (l, layer) in self.hidden.iter().enumerate().rev() {
            let rows = layer.outputs();
            first -= rows;
            for (u, unit) in saved[first..][..rows].iter().enumerate() {
                bar[u] = hidden[l].replace_cotangent(p * rows + u, unit, (omega, &c), bar[u]);
            }
            if l > 0 {
                layer.apply_transposed(theta, &bar[..rows], &mut below[..layer.inputs()], 1, 0..1);
                std::mem::swap(bar, below);
            }
        }
    }
}

impl<R: Real, const D: usize> Unit<R, D> {
    /// The sum along other directions, with its Laplacian.
    ///
    /// The value is left at 0. It is never read, because `Logistic` stores softplus and sigmoid of the true one.
    #[inline(always)]
    fn sum(&self, directions: &[[R; D]; D], lap: R) -> Lap<R, D> {
        let mut sum = Lap { re: R::zero(), grad: [R::zero(); D], lap };
        for i in 0..D {
            for k in 0..D {
                sum.grad[k] = self.eps[i].mul_add(directions[i][k], sum.grad[k]);
            }
        }
        sum
    }

    /// The local derivative, at the unit's output.
    #[inline(always)]
    fn slope(&self, output: Lap<R, D>) -> Lap<R, D> {
        output.apply(self.at.sigmoid().of_softplus())
    }
}

impl<R: Real, const D: usize> Hidden<Lap<R, D>> {
    /// As [`Mlp::replace_cotangents`] says for unit `k`, from `r` at its output; returns the `r` of its sum.
    #[inline(always)]
    fn replace_cotangent(&mut self, k: usize, unit: &Unit<R, D>, (omega, c): (R, &[R; D]), r: R) -> R {
        let (slope, delta) = (unit.slope(self.output[k]), &mut self.delta[k]);
        let mut along = R::zero();
        for i in 0..D {
            along = slope.grad[i].mul_add(c[i], along);
        }
        let r = slope.re.mul_add(r, along * unit.bar);
        let plain = slope.re * unit.bar;
        delta.re = omega.mul_add(delta.re, r);
        for i in 0..D {
            delta.grad[i] = omega.mul_add(delta.grad[i], plain * c[i]);
        }
        delta.lap *= omega;
        r
    }
}
