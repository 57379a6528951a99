//! The potential psi: its definition, and the sweeps that differentiate it.

use std::fmt::Debug;

use ircpm_ad::linear::Weight;
use ircpm_ad::{Algebra, Jet, Lap, Real, Scalar};

use crate::kept::Seen;

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

/// The fast forms of a potential, over a tile of samples.
///
/// A tile holds a few packs of samples, and its arrays are `[pack][coordinate]`. A reverse sweep is three calls:
/// [`Potential::forward`], then [`Potential::backward`] once or more (cotangents replace each other), then
/// [`Potential::accumulate`]; what they share lives in a workspace that a thread reuses. Maps have evaluated the jets of their
/// images already when gradients are asked for: there [`Potential::contract`] stands for the first two.
/// A potential with few parameters need not write them: [`crate::Plain`] derives all from [`Expression::value`].
///
/// # Panics
/// Every method may panic when a slice has the wrong length.
pub trait Potential: Expression {
    /// Whether the inner minimisation begins in single precision: not worth compiling where psi is cheap.
    const APPROACH: bool = true;

    /// What a reverse sweep keeps between its calls.
    type Sweep<S: Algebra>: Default;

    /// What [`Potential::jets`] needs.
    type Jets<R: Real, const D: usize>: Default;

    /// What [`Potential::jets`] keeps of a pack; `()` for nothing.
    type Kept<R: Real, const D: usize>: Default + Send + Sync + 'static;

    /// `psi` at the points `z`, remembered for the calls below.
    fn forward<S: Algebra>(&self, theta: &[f64], z: &[S], psi: &mut [S], sweep: &mut Self::Sweep<S>);

    /// Cotangents of `z` for the cotangents `phi` of `psi`, one a pack: `z_bar[c] = (∂psi/∂z_c)·phi`.
    fn backward<S: Algebra>(&self, theta: &[f64], phi: &[S], z_bar: &mut [S], sweep: &mut Self::Sweep<S>);

    /// [`Potential::forward`] and [`Potential::backward`] over collapsed jets, for cotangents `{0, grad, lap}`, at points whose
    /// jets were evaluated before.
    ///
    /// Most of the forward sweep was made for those jets: a potential may keep it, and find it here. This one keeps nothing, and
    /// allocates a little.
    #[inline(always)]
    fn contract<R: Real, const D: usize>(
        &self,
        theta: &[f64],
        points: Seen<'_, Self::Kept<R, D>, R, D>,
        phi: &[Lap<R, D>],
        z_bar: &mut [Lap<R, D>],
        sweep: &mut Self::Sweep<Lap<R, D>>,
    ) {
        let mut psi = vec![Lap::zero(); phi.len()];
        self.forward(theta, points.z, &mut psi, sweep);
        self.backward(theta, phi, z_bar, sweep);
    }

    /// Other cotangents of that form, at the points of the last [`Potential::contract`], where `lap` was not zero in any lane;
    /// what it leaves in `z_bar` means nothing.
    ///
    /// Two such sweeps differ in little, and a potential may know a cheaper way from one to the other than this one.
    #[inline(always)]
    fn contract_again<R: Real, const D: usize>(
        &self,
        theta: &[f64],
        _kept: &[Self::Kept<R, D>],
        phi: &[Lap<R, D>],
        z_bar: &mut [Lap<R, D>],
        sweep: &mut Self::Sweep<Lap<R, D>>,
    ) {
        self.backward(theta, phi, z_bar, sweep);
    }

    /// Adds the gradient in `θ` of `Σ phi(psi)`, over all samples, for the last `phi`.
    fn accumulate<S: Algebra>(&self, sweep: &Self::Sweep<S>, theta_bar: &mut [f64]);

    /// Adds the same sample by sample: `rows` is `[pack][parameter]`, its lanes the samples.
    fn accumulate_each<S: Algebra>(&self, sweep: &Self::Sweep<S>, rows: &mut [S::Base]);

    /// `psi`, its gradient and its Hessian along `D` directions, from the second-order jets of the points; and, in `kept`, which
    /// has room for every pack or for none, what [`Potential::contract`] is to find of them.
    ///
    /// Numbers kept must be finite, whatever the sample: no zero cotangent silences others.
    fn jets<R: Real, W: Weight, const D: usize>(
        &self,
        theta: &[W],
        z: &[Jet<R, D>],
        psi: &mut [Jet<R, D>],
        work: &mut Self::Jets<R, D>,
        kept: &mut [Self::Kept<R, D>],
    );
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
