//! A potential straight from its definition.

use ircpm_ad::linear::Weight;
use ircpm_ad::{Algebra, Dual, Jet, Real, Scalar};

use crate::potential::{Expression, Potential};

/// Derives the sweeps of a potential from its [`Expression::value`] with an outer dual for every coordinate and every
/// parameter: no formula to write, at a cost that grows with their number. For potentials with few parameters.
#[derive(Clone, Debug)]
pub struct Derived<E>(pub E);

/// The arguments of the last forward call, and the last cotangents.
#[derive(Debug)]
pub struct DerivedSweepWorkspace<S> {
    theta: Vec<S>,
    z: Vec<S>,
    psi_bar: Vec<S>,
}

impl<S> Default for DerivedSweepWorkspace<S> {
    fn default() -> Self {
        Self { theta: Vec::new(), z: Vec::new(), psi_bar: Vec::new() }
    }
}

impl<S: Algebra> DerivedSweepWorkspace<S> {
    /// Coordinates of pack `p` with the one numbered `variable`, if any, as variable.
    fn point(&self, p: usize, inputs: usize, variable: Option<usize>) -> Vec<Dual<S, 1>> {
        let z = self.z[p * inputs..(p + 1) * inputs].iter();
        z.enumerate().map(|(c, &z)| seeded(z, variable == Some(c))).collect()
    }

    fn parameters(&self, variable: Option<usize>) -> Vec<Dual<S, 1>> {
        self.theta.iter().enumerate().map(|(k, &x)| seeded(x, variable == Some(k))).collect()
    }
}

fn seeded<S: Scalar>(x: S, variable: bool) -> Dual<S, 1> {
    if variable { Dual::variable(x, 0) } else { Dual::fixed(x) }
}

impl<E: Expression> Expression for Derived<E> {
    fn inputs(&self) -> usize {
        self.0.inputs()
    }
    fn parameters(&self) -> usize {
        self.0.parameters()
    }
    fn value<S: Scalar>(&self, theta: &[S], z: &[S]) -> S {
        self.0.value(theta, z)
    }

    fn rescale(&self, theta: &mut [f64], factor: f64) -> bool {
        self.0.rescale(theta, factor)
    }
}

impl<E: Expression> Potential for Derived<E> {
    const WARM_START: bool = false;

    type SweepWorkspace<S: Algebra> = DerivedSweepWorkspace<S>;
    type JetWorkspace<R: Real, const D: usize> = ();
    type Saved<R: Real, const D: usize> = ();

    fn forward<S: Algebra>(
        &self,
        theta: &[f64],
        z: &[S],
        psi: &mut [S],
        sweep: &mut DerivedSweepWorkspace<S>,
    ) {
        sweep.theta.clear();
        sweep.theta.extend(theta.iter().map(|&x| S::constant(x)));
        sweep.z.clear();
        sweep.z.extend_from_slice(z);
        for (psi, point) in psi.iter_mut().zip(z.chunks_exact(self.inputs())) {
            *psi = self.0.value(&sweep.theta, point);
        }
    }

    fn backward<S: Algebra>(
        &self,
        _: &[f64],
        psi_bar: &[S],
        z_bar: &mut [S],
        sweep: &mut DerivedSweepWorkspace<S>,
    ) {
        sweep.psi_bar.clear();
        sweep.psi_bar.extend_from_slice(psi_bar);
        let theta = sweep.parameters(None);
        for c in 0..self.inputs() {
            for (p, &psi_bar) in psi_bar.iter().enumerate() {
                let psi = self.0.value(&theta, &sweep.point(p, self.inputs(), Some(c)));
                z_bar[p * self.inputs() + c] = psi.eps[0].act(psi_bar);
            }
        }
    }

    fn accumulate<S: Algebra>(&self, sweep: &DerivedSweepWorkspace<S>, theta_bar: &mut [f64]) {
        let mut rows = vec![S::Base::zero(); sweep.psi_bar.len() * theta_bar.len()];
        self.accumulate_each(sweep, &mut rows);
        for pack in rows.chunks_exact(theta_bar.len()) {
            for (theta_bar, g) in theta_bar.iter_mut().zip(pack) {
                *theta_bar += g.sum();
            }
        }
    }

    fn accumulate_each<S: Algebra>(&self, sweep: &DerivedSweepWorkspace<S>, rows: &mut [S::Base]) {
        let parameters = self.parameters();
        for (p, &psi_bar) in sweep.psi_bar.iter().enumerate() {
            let point = sweep.point(p, self.inputs(), None);
            for k in 0..parameters {
                let psi = self.0.value(&sweep.parameters(Some(k)), &point);
                rows[p * parameters + k] += psi.eps[0].pair(psi_bar);
            }
        }
    }

    fn jets<R: Real, W: Weight, const D: usize>(
        &self,
        theta: &[W],
        z: &[Jet<R, D>],
        psi: &mut [Jet<R, D>],
        _: &mut (),
        _: &mut [()],
    ) {
        let theta: Vec<Jet<R, D>> = theta.iter().map(|&x| Jet::constant(x.into())).collect();
        for (psi, point) in psi.iter_mut().zip(z.chunks_exact(self.inputs())) {
            *psi = self.0.value(&theta, point);
        }
    }
}
