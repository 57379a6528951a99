//! The contraction `A : Hess psi + b · grad psi` at points where the Hessian is known already, along directions that turn
//! `A` into a record.
//!
//! The evaluation of the Hessian has swept values and first derivatives forward and a plain cotangent back. They are the
//! same here, but for a turn of the directions; of the collapsed jets' `2 + D` coefficients a weight there remain the
//! Laplacian forward, and `1 + D` back.

use ircpm_ad::linear;
use ircpm_ad::{Algebra, Lap, Real, Scalar};

use super::{Hidden, Mlp, MlpSweepWorkspace, Unit};
use crate::potential::resize;

/// One pack of a tile, at which [`Mlp::jets`] has been.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OnePack<'a, R, const D: usize> {
    /// Its number.
    pub p: usize,
    /// Its directions, as in [`crate::EvaluatedTile::directions`].
    pub directions: &'a [[R; D]; D],
    /// What was saved of it.
    pub saved: &'a [Unit<R, D>],
}

impl Mlp {
    /// As [`Mlp::forward`] and [`Mlp::backward`] of one pack, for cotangents `{0, grad, lap}`, from what [`Mlp::jets`] saved.
    ///
    /// # Panics
    /// If there is no room, or the pack was saved by a network of other widths.
    #[inline(always)]
    pub(crate) fn contract<R: Real, const D: usize>(
        &self,
        theta: &[f64],
        at: OnePack<'_, R, D>,
        z: &[Lap<R, D>],
        psi_bar: Lap<R, D>,
        z_bar: &mut [Lap<R, D>],
        sweep: &mut MlpSweepWorkspace<Lap<R, D>>,
    ) {
        assert_eq!(at.saved.len(), self.units(), "units that a network of these widths saved");
        let MlpSweepWorkspace { input, hidden, psi_bar: last, bar, .. } = sweep;
        input[at.p * self.inputs()..][..self.inputs()].copy_from_slice(z);
        last[at.p] = psi_bar;
        self.laplacians(theta, at, z, hidden);
        self.cotangents(theta, at, psi_bar, hidden, bar, z_bar);
    }

    /// The forward half of [`Mlp::contract`]: one coefficient a weight.
    #[inline(always)]
    fn laplacians<R: Real, const D: usize>(
        &self,
        theta: &[f64],
        OnePack { p, directions, saved }: OnePack<'_, R, D>,
        z: &[Lap<R, D>],
        hidden: &mut [Hidden<Lap<R, D>>],
    ) {
        let mut x = z;
        let mut first = 0;
        for (l, layer) in hidden.iter_mut().enumerate() {
            let slot = self.slot(l);
            let output = &mut layer.output[p * slot.rows..][..slot.rows];
            let sums = Lap::coefficients_mut(output);
            linear::apply_to(slot.weights(theta), Lap::coefficients(x), sums, 2 + D, 1 + D..2 + D);
            for (u, unit) in saved[first..][..slot.rows].iter().enumerate() {
                output[u] = unit.sum(directions, output[u].lap).apply(unit.at.softplus());
            }
            first += slot.rows;
            x = output;
        }
    }

    /// The reverse half of [`Mlp::contract`]: `1 + D` coefficients a weight, but those of the first layer.
    #[inline(always)]
    fn cotangents<R: Real, const D: usize>(
        &self,
        theta: &[f64],
        OnePack { p, saved, .. }: OnePack<'_, R, D>,
        psi_bar: Lap<R, D>,
        hidden: &mut [Hidden<Lap<R, D>>],
        bar: &mut Vec<Lap<R, D>>,
        z_bar: &mut [Lap<R, D>],
    ) {
        let last = self.slot(self.layers() - 1);
        resize(bar, self.widest());
        let top = Lap::coefficients_mut(&mut bar[..last.columns]);
        linear::apply(last.weights(theta).transposed(), Lap::coefficients(&[psi_bar]), top, 2 + D);
        let mut first = saved.len();
        for (l, layer) in hidden.iter_mut().enumerate().rev() {
            let slot = self.slot(l);
            first -= slot.rows;
            for (u, unit) in saved[first..][..slot.rows].iter().enumerate() {
                let k = p * slot.rows + u;
                bar[u].lap = psi_bar.lap * unit.bar;
                layer.delta[k] = unit.slope(layer.output[k]).act(bar[u]);
            }
            let (below, part) =
                if l == 0 { (&mut *z_bar, 0..2 + D) } else { (&mut bar[..slot.columns], 0..1 + D) };
            let delta = Lap::coefficients(&layer.delta[p * slot.rows..][..slot.rows]);
            linear::apply_to(
                slot.weights(theta).transposed(),
                delta,
                Lap::coefficients_mut(below),
                2 + D,
                part,
            );
        }
    }

    /// Replaces a pack's cotangents `{0, g, λ}` of [`Mlp::contract`] by `psi_bar` of the same form; none are left for the inputs.
    ///
    /// Sweeps are linear in their cotangents: this one is `λ′/λ = ω` times the last plus that of `{0, c, 0}`, which carries
    /// `{r, p c, 0}` at each unit's output, with the plain cotangent `p`; `r` alone is to be swept for: one coefficient a
    /// weight. `λ` must not be zero.
    #[inline(always)]
    pub(crate) fn replace_cotangents<R: Real, const D: usize>(
        &self,
        theta: &[f64],
        OnePack { p, saved, .. }: OnePack<'_, R, D>,
        psi_bar: Lap<R, D>,
        sweep: &mut MlpSweepWorkspace<Lap<R, D>>,
    ) {
        let MlpSweepWorkspace { hidden, psi_bar: last, replace_cotangents: [bar, below], .. } = sweep;
        let omega = psi_bar.lap / last[p].lap;
        let mut c = psi_bar.grad;
        for i in 0..D {
            c[i] -= omega * last[p].grad[i];
        }
        last[p] = psi_bar;
        let mut first = saved.len();
        resize(bar, self.widest());
        resize(below, self.widest());
        bar.fill(R::zero());
        for (l, layer) in hidden.iter_mut().enumerate().rev() {
            let slot = self.slot(l);
            first -= slot.rows;
            for (u, unit) in saved[first..][..slot.rows].iter().enumerate() {
                bar[u] = layer.replace_cotangents(p * slot.rows + u, unit, (omega, &c), bar[u]);
            }
            if l > 0 {
                let (sums, inputs) = (&bar[..slot.rows], &mut below[..slot.columns]);
                linear::apply(slot.weights(theta).transposed(), sums, inputs, 1);
                std::mem::swap(bar, below);
            }
        }
    }
}

impl<R: Real, const D: usize> Unit<R, D> {
    /// The sum along other directions, with its Laplacian. Its functions know their values: its own is of no account.
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
    /// As [`Mlp::replace_cotangents`] says for unit `k`, from `r` at its output; returns that of its sum.
    #[inline(always)]
    fn replace_cotangents(&mut self, k: usize, unit: &Unit<R, D>, (omega, c): (R, &[R; D]), r: R) -> R {
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
