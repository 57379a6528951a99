//! A potential straight from its definition.

use ircpm_ad::linear::Weight;
use ircpm_ad::{Algebra, Dual, Jet, Real, Scalar};
use ircpm_manifolds::Coordinates;

use super::{Expression, Potential};

/// A potential whose sweeps are derived from its [`Expression::value`], with an outer dual for every coordinate and
/// parameter.
///
/// There is no formula to write, at a cost that grows with the number of parameters: it is for potentials with few of
/// them.
///
/// ```
/// use ircpm_ad::Scalar;
/// use ircpm_flow::{Derived, Expression};
///
/// /// `θ₀ (cos z₀ + cos z₁)` on T².
/// #[derive(Debug)]
/// struct Field;
///
/// impl Expression for Field {
///     fn inputs(&self) -> usize {
///         2
///     }
///     fn parameters(&self) -> usize {
///         1
///     }
///     fn value<S: Scalar>(&self, theta: &[S], z: &[S]) -> S {
///         theta[0] * (z[0].cos() + z[1].cos())
///     }
/// }
///
/// let potential = Derived(Field); // A `Potential`, for `ConcaveMap::new`.
/// assert_eq!(potential.value(&[2.0], &[0.0, 0.0]), 4.0);
/// ```
#[derive(Clone, Debug)]
pub struct Derived<E>(pub E);

/// Arguments and cotangents of the packs of a tile.
#[derive(Debug)]
pub struct DerivedSweepWorkspace<S> {
    theta: Vec<S>,
    /// `[pack][coordinate]`.
    z: Vec<S>,
    /// One per pack.
    psi_bar: Vec<S>,
}

impl<S> Default for DerivedSweepWorkspace<S> {
    fn default() -> Self {
        Self { theta: Vec::new(), z: Vec::new(), psi_bar: Vec::new() }
    }
}

impl<S: Algebra> DerivedSweepWorkspace<S> {
    /// Coordinates of pack `p`, the one numbered `variable`, if any, as the variable.
    fn point(&self, p: usize, inputs: usize, variable: Option<usize>) -> Vec<Dual<S, 1>> {
        let z = self.z[p * inputs..(p + 1) * inputs].iter();
        z.enumerate().map(|(c, &z)| seeded(z, variable == Some(c))).collect()
    }

    /// Parameters, the one numbered `variable`, if any, as the variable.
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

    fn fits(&self, kinds: &[Coordinates]) -> bool {
        self.0.fits(kinds)
    }

    fn initial(&self, uniform: &mut dyn FnMut(f64) -> f64, theta: &mut [f64]) {
        self.0.initial(uniform, theta);
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

    fn jets<R: Real, W: Weight, const D: usize>(
        &self,
        theta: &[W],
        z: &[Jet<R, D>],
        _: &mut (),
        _: Option<&mut ()>,
    ) -> Jet<R, D> {
        let theta: Vec<Jet<R, D>> = theta.iter().map(|&x| Jet::constant(x.into())).collect();
        self.0.value(&theta, z)
    }

    fn begin<S: Algebra>(&self, packs: usize, sweep: &mut DerivedSweepWorkspace<S>) {
        sweep.z.resize(packs * self.inputs(), S::zero());
        sweep.psi_bar.resize(packs, S::zero());
    }

    fn forward<S: Algebra>(
        &self,
        theta: &[f64],
        p: usize,
        z: &[S],
        sweep: &mut DerivedSweepWorkspace<S>,
    ) -> S {
        sweep.theta.clear();
        sweep.theta.extend(theta.iter().map(|&x| S::constant(x)));
        sweep.z[p * self.inputs()..(p + 1) * self.inputs()].copy_from_slice(z);
        self.0.value(&sweep.theta, z)
    }

    fn backward<S: Algebra>(
        &self,
        _: &[f64],
        p: usize,
        psi_bar: S,
        z_bar: &mut [S],
        sweep: &mut DerivedSweepWorkspace<S>,
    ) {
        sweep.psi_bar[p] = psi_bar;
        let theta = sweep.parameters(None);
        for (c, z_bar) in z_bar.iter_mut().enumerate() {
            let psi = self.0.value(&theta, &sweep.point(p, self.inputs(), Some(c)));
            *z_bar = psi.eps[0].act(psi_bar);
        }
    }

    fn accumulate<S: Algebra>(&self, sweep: &DerivedSweepWorkspace<S>, theta_bar: &mut [f64]) {
        let mut rows = vec![S::Base::zero(); sweep.psi_bar.len() * theta_bar.len()];
        self.accumulate_each(sweep, &mut rows);
        for pack in rows.chunks_exact(theta_bar.len().max(1)) {
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
}
