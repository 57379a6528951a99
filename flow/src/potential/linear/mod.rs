//! Potentials that are linear in their parameters.
//!
//! `psi(z; a) = Σₖ aₖ φₖ(z)` over a *dictionary* of functions `φₖ`. On tori, spheres, Euclidean spaces and their
//! products the density of one layer is then log-concave in `a` wherever the map does not fold, and the parameters of
//! maps that do not fold are a convex set (Sei 2013, *A Jacobian inequality for gradient maps on the sphere*; Figalli,
//! Kim & McCann 2011): maximum likelihood is a convex problem. [`crate::map::LinearMap`] has its derivatives.

mod bumps;
mod conditioning;
mod slopes;
mod terms;
mod waves;

use std::fmt::Debug;

use ircpm_ad::linear::Weight;
use ircpm_ad::{Algebra, Jet, Real, Scalar};
use ircpm_manifolds::Coordinates;

pub use conditioning::Conditioning;
pub use slopes::SlopeWorkspace;
pub use terms::Terms;

use super::{Expression, Potential, resize};

/// Functions `φ₁ … φ_K` on a manifold, written once over any [`Scalar`].
///
/// # Panics
/// Every method may panic when a slice has the wrong length.
pub trait Dictionary: Debug + Send + Sync + 'static {
    /// Number of coordinates of `z`.
    fn inputs(&self) -> usize;

    /// Number `K` of functions.
    fn functions(&self) -> usize;

    /// Writes `φₖ(z)`, `K` numbers; `scratch` is memory that is used again.
    ///
    /// Mark it `#[inline(always)]`, because kernels are compiled for each instruction set.
    fn values<S: Scalar>(&self, z: &[S], scratch: &mut Vec<S>, out: &mut [S]);

    /// `Σₖ aₖ φₖ(z)` with its first and second derivatives.
    ///
    /// By default the sum of all values. Mark it `#[inline(always)]`, too.
    #[inline(always)]
    fn sum<R: Real, W: Weight, const D: usize>(
        &self,
        a: &[W],
        z: &[Jet<R, D>],
        work: &mut LinearWorkspace<Jet<R, D>>,
    ) -> Jet<R, D> {
        sum_of_values(self, a, z, work)
    }

    /// Writes `Σₖ aₖ ∂φₖ/∂z`, one number per coordinate, at a point where the functions have `values`.
    ///
    /// By default all functions are evaluated once per coordinate, with an outer dual. Mark it `#[inline(always)]`, too.
    #[inline(always)]
    fn slopes<S: Scalar>(
        &self,
        a: &[f64],
        z: &[S],
        _values: &[S],
        work: &mut SlopeWorkspace<S>,
        out: &mut [S],
    ) {
        slopes::by_duals(self, a, z, work, out);
    }

    /// Whether the functions are meant for points whose coordinates are of these kinds. True by default.
    fn fits(&self, _kinds: &[Coordinates]) -> bool {
        true
    }
}

/// The potential `Σₖ aₖ φₖ(z)` of a dictionary; its parameters are the coefficients `a`.
#[derive(Clone, Debug, PartialEq)]
pub struct Linear<B>(pub B);

/// Values of a dictionary's functions, and memory for more.
#[derive(Debug)]
pub struct LinearWorkspace<S: Scalar> {
    values: Vec<S>,
    scratch: Vec<S>,
    /// Memory for sums of waves.
    waves: Vec<S::Base>,
}

impl<S: Scalar> Default for LinearWorkspace<S> {
    fn default() -> Self {
        Self { values: Vec::new(), scratch: Vec::new(), waves: Vec::new() }
    }
}

/// Values of the functions at the packs of a tile, and the cotangents of psi there.
#[derive(Debug)]
pub struct LinearSweepWorkspace<S> {
    /// `[pack][function]`.
    values: Vec<S>,
    scratch: Vec<S>,
    /// `[pack][coordinate]`.
    z: Vec<S>,
    /// One per pack.
    psi_bar: Vec<S>,
    slopes: SlopeWorkspace<S>,
}

impl<S> Default for LinearSweepWorkspace<S> {
    fn default() -> Self {
        Self {
            values: Vec::new(),
            scratch: Vec::new(),
            z: Vec::new(),
            psi_bar: Vec::new(),
            slopes: SlopeWorkspace::default(),
        }
    }
}

/// `Σₖ aₖ φₖ(z)` from the values of all functions.
#[inline(always)]
fn sum_of_values<B: Dictionary + ?Sized, R: Real, W: Weight, const D: usize>(
    dictionary: &B,
    a: &[W],
    z: &[Jet<R, D>],
    work: &mut LinearWorkspace<Jet<R, D>>,
) -> Jet<R, D> {
    let LinearWorkspace { values, scratch, .. } = work;
    resize(values, dictionary.functions());
    dictionary.values(z, scratch, values);
    weighted(a, values)
}

/// `Σₖ aₖ vₖ`.
#[inline(always)]
fn weighted<R: Real, W: Weight, const D: usize>(a: &[W], values: &[Jet<R, D>]) -> Jet<R, D> {
    let mut sum = Jet::zero();
    for k in 0..values.len() {
        sum += values[k].scale(R::constant(a[k].into()));
    }
    sum
}

impl<B: Dictionary> Linear<B> {
    /// Number of functions.
    #[inline(always)]
    fn len(&self) -> usize {
        self.0.functions()
    }
}

impl<B: Dictionary> Expression for Linear<B> {
    fn inputs(&self) -> usize {
        self.0.inputs()
    }

    fn parameters(&self) -> usize {
        self.len()
    }

    fn value<S: Scalar>(&self, theta: &[S], z: &[S]) -> S {
        let mut values = vec![S::zero(); self.len()];
        self.0.values(z, &mut Vec::new(), &mut values);
        let mut psi = S::zero();
        for k in 0..self.len() {
            psi += theta[k] * values[k];
        }
        psi
    }

    fn fits(&self, kinds: &[Coordinates]) -> bool {
        self.0.fits(kinds)
    }

    /// All zero: the map is the identity.
    fn initial(&self, _: &mut dyn FnMut(f64) -> f64, theta: &mut [f64]) {
        theta.fill(0.0);
    }

    fn rescale(&self, theta: &mut [f64], factor: f64) -> bool {
        theta.iter_mut().for_each(|a| *a *= factor);
        true
    }
}

impl<B: Dictionary> Potential for Linear<B> {
    const WARM_START: bool = false;

    type SweepWorkspace<S: Algebra> = LinearSweepWorkspace<S>;
    type JetWorkspace<R: Real, const D: usize> = LinearWorkspace<Jet<R, D>>;
    type Saved<R: Real, const D: usize> = ();

    #[inline(always)]
    fn jets<R: Real, W: Weight, const D: usize>(
        &self,
        theta: &[W],
        z: &[Jet<R, D>],
        work: &mut LinearWorkspace<Jet<R, D>>,
        _: Option<&mut ()>,
    ) -> Jet<R, D> {
        self.0.sum(theta, z, work)
    }

    #[inline(always)]
    fn begin<S: Algebra>(&self, packs: usize, sweep: &mut LinearSweepWorkspace<S>) {
        resize(&mut sweep.values, packs * self.len());
        resize(&mut sweep.z, packs * self.inputs());
        resize(&mut sweep.psi_bar, packs);
    }

    #[inline(always)]
    fn forward<S: Algebra>(
        &self,
        theta: &[f64],
        p: usize,
        z: &[S],
        sweep: &mut LinearSweepWorkspace<S>,
    ) -> S {
        let (k, n) = (self.len(), self.inputs());
        for c in 0..n {
            sweep.z[p * n + c] = z[c];
        }
        let values = &mut sweep.values[p * k..(p + 1) * k];
        self.0.values(z, &mut sweep.scratch, values);
        let mut psi = S::zero();
        for k in 0..k {
            psi += values[k] * theta[k];
        }
        psi
    }

    #[inline(always)]
    fn backward<S: Algebra>(
        &self,
        theta: &[f64],
        p: usize,
        psi_bar: S,
        z_bar: &mut [S],
        sweep: &mut LinearSweepWorkspace<S>,
    ) {
        let (n, functions) = (self.inputs(), self.len());
        let LinearSweepWorkspace { z, values, slopes, .. } = sweep;
        let (z, values) = (&z[p * n..(p + 1) * n], &values[p * functions..(p + 1) * functions]);
        self.0.slopes(theta, z, values, slopes, z_bar);
        for c in 0..n {
            z_bar[c] = z_bar[c].act(psi_bar);
        }
        sweep.psi_bar[p] = psi_bar;
    }

    #[inline(always)]
    fn accumulate<S: Algebra>(&self, sweep: &LinearSweepWorkspace<S>, theta_bar: &mut [f64]) {
        let functions = self.len();
        for p in 0..sweep.psi_bar.len() {
            for k in 0..functions {
                theta_bar[k] += sweep.values[p * functions + k].pair(sweep.psi_bar[p]).sum();
            }
        }
    }

    #[inline(always)]
    fn accumulate_each<S: Algebra>(&self, sweep: &LinearSweepWorkspace<S>, rows: &mut [S::Base]) {
        let functions = self.len();
        for p in 0..sweep.psi_bar.len() {
            for k in 0..functions {
                rows[p * functions + k] += sweep.values[p * functions + k].pair(sweep.psi_bar[p]);
            }
        }
    }
}
