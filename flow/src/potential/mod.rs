//! The potential psi: its definition, and the sweeps that differentiate it.

mod average;
mod derived;
mod features;
pub mod mlp;
mod network;
mod saved;

use std::fmt::Debug;

use ircpm_ad::linear::Weight;
use ircpm_ad::{Algebra, Jet, Lap, Real, Scalar};

pub use average::{Affine, Average};
pub use derived::Derived;
pub use features::{FeatureMap, Features};
pub use mlp::Mlp;
pub use network::Network;
pub use saved::EvaluatedTile;
pub(crate) use saved::Saved;

/// A function `psi(z; θ)` of ambient coordinates `z` and parameters `θ`, written once over any [`Scalar`].
///
/// This is the definition, and with nested duals the oracle that every fast form is tested against.
pub trait Expression: Debug + Send + Sync + 'static {
    /// Number of coordinates of `z`.
    fn inputs(&self) -> usize;

    /// Number of parameters.
    fn parameters(&self) -> usize;

    /// `psi(z; θ)`.
    fn value<S: Scalar>(&self, theta: &[S], z: &[S]) -> S;

    /// Turns the parameters of `psi` into those of `factor · psi`; `false`, and nothing changed, where there are none.
    fn rescale(&self, _theta: &mut [f64], _factor: f64) -> bool {
        false
    }
}

/// Called once for every pack with its number in the tile and the cotangents of its coordinates; returns the cotangents of psi
/// that are to take the place of those which these were found for, if any.
pub type NextCotangents<'a, R, const D: usize> = &'a mut dyn FnMut(usize, &[Lap<R, D>]) -> Option<Lap<R, D>>;

/// The fast forms of a potential, over a tile of samples.
///
/// A tile holds a few packs of samples, and its arrays are `[pack][coordinate]`. A reverse sweep is three calls:
/// [`Potential::forward`], then [`Potential::backward`] once or more (cotangents replace each other), then
/// [`Potential::accumulate`]; what they share lives in a workspace that a thread reuses. Maps have evaluated the jets of their
/// images already when gradients are asked for: there [`Potential::contract`] stands for the first two.
/// A potential with few parameters need not write them: [`crate::Derived`] derives all from [`Expression::value`].
///
/// # Panics
/// Every method may panic when a slice has the wrong length.
pub trait Potential: Expression {
    /// Whether the inner minimisation begins in single precision: not worth compiling where psi is cheap.
    const WARM_START: bool = true;

    /// What a reverse sweep saves between its calls.
    type SweepWorkspace<S: Algebra>: Default;

    /// What [`Potential::jets`] needs.
    type JetWorkspace<R: Real, const D: usize>: Default;

    /// What [`Potential::jets`] saves of a pack; `()` for nothing.
    type Saved<R: Real, const D: usize>: Default + Send + Sync + 'static;

    /// `psi` at the points `z`, remembered for the calls below.
    fn forward<S: Algebra>(&self, theta: &[f64], z: &[S], psi: &mut [S], sweep: &mut Self::SweepWorkspace<S>);

    /// Cotangents of `z` for the cotangents `psi_bar` of `psi`, one a pack: `z_bar[c] = (∂psi/∂z_c)·psi_bar`.
    fn backward<S: Algebra>(
        &self,
        theta: &[f64],
        psi_bar: &[S],
        z_bar: &mut [S],
        sweep: &mut Self::SweepWorkspace<S>,
    );

    /// [`Potential::forward`] and [`Potential::backward`] over collapsed jets, for cotangents `{0, grad, lap}`, at points whose
    /// jets were evaluated before; and then for other cotangents of that form, where `turn` asks for them.
    ///
    /// Most of the forward sweep was made for those jets: a potential may keep it, and find it here, held finite. Two reverse
    /// sweeps with such cotangents differ in little, and it may know a cheap way from one to the other: `lap` in `psi_bar` must
    /// not be zero in any lane of a pack for which `turn` answers. This one saves nothing, knows no such way, and allocates
    /// a little.
    #[inline(always)]
    fn contract<R: Real, const D: usize>(
        &self,
        theta: &[f64],
        points: EvaluatedTile<'_, Self::Saved<R, D>, R, D>,
        psi_bar: &[Lap<R, D>],
        turn: NextCotangents<'_, R, D>,
        sweep: &mut Self::SweepWorkspace<Lap<R, D>>,
    ) {
        let (mut psi, mut z_bar) = (vec![Lap::zero(); psi_bar.len()], vec![Lap::zero(); points.z.len()]);
        self.forward(theta, points.z, &mut psi, sweep);
        self.backward(theta, psi_bar, &mut z_bar, sweep);
        let (mut others, mut turned) = (psi_bar.to_vec(), false);
        for (p, z_bar) in z_bar.chunks_exact(self.inputs()).enumerate() {
            if let Some(psi_bar) = turn(p, z_bar) {
                (others[p], turned) = (psi_bar, true);
            }
        }
        if turned {
            self.backward(theta, &others, &mut z_bar, sweep);
        }
    }

    /// Adds the gradient in `θ` of `Σ psi_bar(psi)`, over all samples, for the last `psi_bar`.
    fn accumulate<S: Algebra>(&self, sweep: &Self::SweepWorkspace<S>, theta_bar: &mut [f64]);

    /// Adds the same sample by sample: `rows` is `[pack][parameter]`, its lanes the samples.
    fn accumulate_each<S: Algebra>(&self, sweep: &Self::SweepWorkspace<S>, rows: &mut [S::Base]);

    /// `psi`, its gradient and its Hessian along `D` directions, from the second-order jets of the points; and, in `saved`, which
    /// has room for every pack or for none, what [`Potential::contract`] is to find of them.
    fn jets<R: Real, W: Weight, const D: usize>(
        &self,
        theta: &[W],
        z: &[Jet<R, D>],
        psi: &mut [Jet<R, D>],
        work: &mut Self::JetWorkspace<R, D>,
        saved: &mut [Self::Saved<R, D>],
    );

    /// Makes all numbers that [`Potential::jets`] saved of a pack finite, whatever its samples: no zero cotangent silences others.
    /// Called once, between the last jets of a pack and [`Potential::contract`]; `psi` is what was found together with them.
    fn mask_nonfinite<R: Real, const D: usize>(&self, _kept: &mut Self::Saved<R, D>, _psi: &Jet<R, D>) {}
}

/// Grows a workspace to `len`: allocates only when a larger tile than ever before comes along.
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
