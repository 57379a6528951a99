//! The potential psi: its definition, and the sweeps that differentiate it.

mod average;
mod derived;
mod energy;
mod features;
pub mod linear;
pub mod mlp;
mod network;
mod symmetry;

use std::fmt::Debug;

use ircpm_ad::linear::Weight;
use ircpm_ad::{Algebra, Jet, Lap, Real, Scalar};
use ircpm_manifolds::Coordinates;

pub use average::Average;
pub use derived::Derived;
pub use energy::{Energy, EnergyShaped, Shape, partial_derivatives, partials};
pub use features::{FeatureMap, Features};
pub use linear::{Conditioning, Dictionary, Linear, Terms};
pub use mlp::Mlp;
pub use network::Network;
pub use symmetry::{Affine, Group, InvalidSymmetry, MAX_ORDER, NotAGroup, PointGroup, Symmetries, Symmetry};

/// A function `psi(z; θ)` of ambient coordinates `z` and parameters `θ`, written once over any [`Scalar`].
///
/// This is the definition of a potential. With nested duals it is the oracle that every fast form is tested against.
///
/// # Panics
/// Every method may panic when a slice has the wrong length.
pub trait Expression: Debug + Send + Sync + 'static {
    /// Number of coordinates of `z`.
    fn inputs(&self) -> usize;

    /// Number of parameters.
    fn parameters(&self) -> usize;

    /// `psi(z; θ)`.
    fn value<S: Scalar>(&self, theta: &[S], z: &[S]) -> S;

    /// Whether `psi` is meant for points whose coordinates are of these kinds. True by default.
    fn fits(&self, _kinds: &[Coordinates]) -> bool {
        true
    }

    /// Writes random parameters to begin training with. `uniform(b)` returns a fresh number within `±b` at each call.
    ///
    /// By default every parameter is uniform within `±1/√P`, `P` the number of parameters.
    fn initial(&self, uniform: &mut dyn FnMut(f64) -> f64, theta: &mut [f64]) {
        let bound = 1.0 / (theta.len().max(1) as f64).sqrt();
        theta.iter_mut().for_each(|w| *w = uniform(bound));
    }

    /// Turns the parameters of `psi` into those of `factor · psi`. Returns `false`, and changes nothing, where there
    /// are none.
    fn rescale(&self, _theta: &mut [f64], _factor: f64) -> bool {
        false
    }
}

/// One pack of points at which [`Potential::jets`] was evaluated before: what [`Potential::contract`] is given.
#[derive(Debug)]
pub struct EvaluatedPack<'a, K, R, const D: usize> {
    /// Number of the pack in its tile.
    pub p: usize,
    /// The points along the directions, one per coordinate.
    pub z: &'a [Lap<R, D>],
    /// The directions `u` as columns: component `i` of `uₖ`, along direction `i` of the jets, is `[i][k]`.
    pub directions: &'a [[R; D]; D],
    /// What [`Potential::jets`] saved of the pack.
    pub saved: &'a K,
}

/// The fast forms of a potential, pack by pack.
///
/// A *pack* is as many samples as there are lanes; a *tile* is a few packs whose gradients in the parameters are summed
/// together. A reverse sweep over a tile is
///
/// 1. [`Potential::begin`], once, which makes room for its packs;
/// 2. for each pack `p` [`Potential::forward`], then [`Potential::backward`] once or more, where cotangents replace each other;
/// 3. [`Potential::accumulate`] or [`Potential::accumulate_each`], for the gradient in the parameters over all packs.
///
/// What the steps share lies in a workspace that a thread uses again. Where gradients are asked for, the jets of the
/// images are known already: [`Potential::contract`] stands for `forward` and `backward` there, and
/// [`Potential::replace_cotangents`] for a second `backward`. Both have defaults.
///
/// A potential with few parameters need not implement this trait: [`Derived`] derives all of it from
/// [`Expression::value`]. One that does should mark every method `#[inline(always)]`, because kernels are compiled for
/// each instruction set (see [`ircpm_ad::simd`]).
///
/// # Panics
/// Every method may panic when a slice has the wrong length, or a pack was not begun.
pub trait Potential: Expression {
    /// Whether the inner minimisation begins in single precision, which is not worth compiling where psi is cheap.
    const WARM_START: bool = true;

    /// Memory of a reverse sweep over a tile.
    type SweepWorkspace<S: Algebra>: Default;

    /// Memory of [`Potential::jets`].
    type JetWorkspace<R: Real, const D: usize>: Default;

    /// What [`Potential::jets`] saves of a pack for [`Potential::contract`]; `()` for nothing.
    type Saved<R: Real, const D: usize>: Default + Send + Sync + 'static;

    /// `psi`, its gradient and its Hessian along `D` directions, from the second-order jets of one pack of points.
    ///
    /// Writes to `saved`, if it is given, what [`Potential::contract`] will need of this pack.
    fn jets<R: Real, W: Weight, const D: usize>(
        &self,
        theta: &[W],
        z: &[Jet<R, D>],
        work: &mut Self::JetWorkspace<R, D>,
        saved: Option<&mut Self::Saved<R, D>>,
    ) -> Jet<R, D>;

    /// Sets what [`Potential::jets`] saved to one in lanes where it is not finite: a zero cotangent times infinity
    /// would be NaN.
    ///
    /// Called once for each pack, after its last jets and before [`Potential::contract`]; `psi` is what the last jets
    /// returned.
    fn mask_nonfinite<R: Real, const D: usize>(&self, _saved: &mut Self::Saved<R, D>, _psi: &Jet<R, D>) {}

    /// Makes room for a tile of `packs` packs.
    fn begin<S: Algebra>(&self, packs: usize, sweep: &mut Self::SweepWorkspace<S>);

    /// `psi` at the points `z` of pack `p`.
    fn forward<S: Algebra>(&self, theta: &[f64], p: usize, z: &[S], sweep: &mut Self::SweepWorkspace<S>)
    -> S;

    /// Writes the cotangents of `z` for the cotangent `psi_bar` of `psi` at pack `p`: `z_bar[c] = (∂psi/∂z_c)·psi_bar`.
    fn backward<S: Algebra>(
        &self,
        theta: &[f64],
        p: usize,
        psi_bar: S,
        z_bar: &mut [S],
        sweep: &mut Self::SweepWorkspace<S>,
    );

    /// As [`Potential::forward`] and [`Potential::backward`] over collapsed jets, for a cotangent `{0, grad, lap}`, at
    /// points whose jets were evaluated before.
    ///
    /// Most of the forward sweep was made for those jets, so a potential may save it and find it in `pack.saved`.
    #[inline(always)]
    fn contract<R: Real, const D: usize>(
        &self,
        theta: &[f64],
        pack: EvaluatedPack<'_, Self::Saved<R, D>, R, D>,
        psi_bar: Lap<R, D>,
        z_bar: &mut [Lap<R, D>],
        sweep: &mut Self::SweepWorkspace<Lap<R, D>>,
    ) {
        self.forward(theta, pack.p, pack.z, sweep);
        self.backward(theta, pack.p, psi_bar, z_bar, sweep);
    }

    /// Replaces the cotangent of the last [`Potential::contract`] at the same pack by another of the form
    /// `{0, grad, lap}`.
    ///
    /// Only the gradient in the parameters is asked for afterwards, so `z_bar` is scratch memory. Two sweeps with such
    /// cotangents differ in little, and a potential may know a cheap way from one to the other. The caller promises
    /// that `lap` of the cotangent that is replaced is not zero in any lane.
    #[inline(always)]
    fn replace_cotangents<R: Real, const D: usize>(
        &self,
        theta: &[f64],
        pack: EvaluatedPack<'_, Self::Saved<R, D>, R, D>,
        psi_bar: Lap<R, D>,
        z_bar: &mut [Lap<R, D>],
        sweep: &mut Self::SweepWorkspace<Lap<R, D>>,
    ) {
        self.backward(theta, pack.p, psi_bar, z_bar, sweep);
    }

    /// Adds the gradient in `θ` of `Σ psi_bar(psi)`, over all samples of the tile, for the last cotangents.
    fn accumulate<S: Algebra>(&self, sweep: &Self::SweepWorkspace<S>, theta_bar: &mut [f64]);

    /// Adds the same gradient sample by sample: `rows` is `[pack][parameter]`, its lanes the samples.
    fn accumulate_each<S: Algebra>(&self, sweep: &Self::SweepWorkspace<S>, rows: &mut [S::Base]);
}

/// Sets the length of a buffer: allocates only when a larger tile than ever before comes along.
#[inline(always)]
pub(crate) fn resize<S: Scalar>(buffer: &mut Vec<S>, len: usize) {
    if buffer.len() != len {
        resize_to(buffer, len, &S::zero());
    }
}

/// As [`Vec::resize`], in far less code where an element is many registers.
#[inline(never)]
pub(crate) fn resize_to<T: Copy>(buffer: &mut Vec<T>, len: usize, fill: &T) {
    buffer.truncate(len);
    while buffer.len() < len {
        buffer.push(*fill);
    }
}
