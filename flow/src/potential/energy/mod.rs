//! Potentials that are built from the energy of the target.
#![allow(
    clippy::needless_range_loop,
    reason = "index loops over packs: a closure may be compiled without the instruction set"
)]

mod composite;
mod expansion;
mod partials;
mod shape;

use std::fmt::Debug;
use std::ops::Range;
use std::sync::Arc;

use ircpm_ad::linear::Weight;
use ircpm_ad::{Algebra, Jet, Lap, Real, Scalar};
use ircpm_manifolds::Coordinates;

use expansion::Expansion;
pub use partials::{partial_derivatives, partials};
use shape::MOST;
pub use shape::Shape;

use super::network::{NetworkJetWorkspace, NetworkSweepWorkspace};
use super::{EvaluatedPack, Expression, Network, Potential, resize};

/// A smooth function `u` of ambient coordinates with its partial derivatives, behind a table of functions.
///
/// [`partial_derivatives`] makes them of a function that is generic over the scalar.
///
/// # Panics
/// Every method may panic when a slice has the wrong length.
pub trait Energy: Debug + Send + Sync {
    /// Number of coordinates.
    fn inputs(&self) -> usize;

    /// Writes the partial derivatives up to `order`, 0 to 3, at `samples` points, in the layout of
    /// [`partial_derivatives`].
    fn derivatives(&self, order: usize, samples: usize, points: &[f64], out: &mut [f64]);
}

/// `psi(z) = f(u(z)) + network(z)` for an energy `u` and a [`Shape`] `f` (section 3.3 of arXiv:2110.01288). Either may
/// be missing.
///
/// The parameters of the network come first.
#[derive(Clone, Debug)]
pub struct EnergyShaped {
    energy: Option<(Arc<dyn Energy>, Shape)>,
    network: Option<Network>,
}

impl EnergyShaped {
    /// The potential `f(u)`, with a network added to it if there is one.
    ///
    /// # Panics
    /// If the energy and the network read different numbers of coordinates.
    pub fn new(energy: Arc<dyn Energy>, shape: Shape, network: Option<Network>) -> Self {
        if let Some(network) = &network {
            assert_eq!(network.inputs(), energy.inputs(), "coordinates of the network and of the energy");
        }
        Self { energy: Some((energy, shape)), network }
    }

    /// Where the parameters of the network lie, and those of the shape.
    #[inline(always)]
    fn ranges(&self) -> (Range<usize>, Range<usize>) {
        let of_network = self.network.as_ref().map_or(0, Network::parameters);
        let of_shape = self.energy.as_ref().map_or(0, |(_, shape)| shape.parameters());
        (0..of_network, of_network..of_network + of_shape)
    }
}

impl From<Network> for EnergyShaped {
    /// The network alone.
    fn from(network: Network) -> Self {
        Self { energy: None, network: Some(network) }
    }
}

/// Memory of the jets of an [`EnergyShaped`].
#[derive(Debug)]
pub struct EnergyJetWorkspace<R: Real, const D: usize> {
    expansion: Expansion<Jet<R, D>>,
    network: NetworkJetWorkspace<R, D>,
}

impl<R: Real, const D: usize> Default for EnergyJetWorkspace<R, D> {
    fn default() -> Self {
        Self { expansion: Expansion::default(), network: NetworkJetWorkspace::default() }
    }
}

/// Memory of a reverse sweep through an [`EnergyShaped`].
#[derive(Debug)]
pub struct EnergySweepWorkspace<S: Scalar> {
    expansion: Expansion<S>,
    /// `∂f(u)/∂z`, `[pack][coordinate]`.
    slopes: Vec<S>,
    /// `∂f(u)/∂θ`, `[pack][parameter]`.
    sensitivities: Vec<S>,
    /// Cotangents of psi, one per pack.
    psi_bar: Vec<S>,
    network: NetworkSweepWorkspace<S>,
}

impl<S: Scalar> Default for EnergySweepWorkspace<S> {
    fn default() -> Self {
        Self {
            expansion: Expansion::default(),
            slopes: vec![],
            sensitivities: vec![],
            psi_bar: vec![],
            network: NetworkSweepWorkspace::default(),
        }
    }
}

impl<S: Algebra> EnergySweepWorkspace<S> {
    /// Evaluates `f(u)` and its derivatives at pack `p`.
    #[inline(always)]
    fn forward(&mut self, energy: &dyn Energy, shape: &Shape, theta: &[f64], p: usize, z: &[S]) -> S {
        const { assert!(S::ORDER <= 2, "a sweep over scalars of order above 2") };
        self.expansion.evaluate((energy, shape), fixed(theta), z, true);
        for c in 0..z.len() {
            self.slopes[p * z.len() + c] = self.expansion.slope(c);
        }
        for k in 0..theta.len() {
            self.sensitivities[p * theta.len() + k] = self.expansion.sensitivity(k);
        }
        self.expansion.psi()
    }

    /// Adds the cotangents of the coordinates of pack `p`.
    #[inline(always)]
    fn backward(&mut self, p: usize, psi_bar: S, z_bar: &mut [S]) {
        self.psi_bar[p] = psi_bar;
        for c in 0..z_bar.len() {
            z_bar[c] += self.slopes[p * z_bar.len() + c].act(psi_bar);
        }
    }

    /// The gradient in parameter `k` of the shape, of `parameters`, at pack `p`.
    #[inline(always)]
    fn gradient(&self, parameters: usize, p: usize, k: usize) -> S::Base {
        self.sensitivities[p * parameters + k].pair(self.psi_bar[p])
    }
}

/// The parameters of a shape in an array.
#[inline(always)]
fn fixed<W: Weight>(theta: &[W]) -> [f64; MOST] {
    let mut all = [0.0; MOST];
    for k in 0..theta.len() {
        all[k] = theta[k].into();
    }
    all
}

impl Expression for EnergyShaped {
    fn inputs(&self) -> usize {
        match (&self.energy, &self.network) {
            (_, Some(network)) => network.inputs(),
            (Some((energy, _)), None) => energy.inputs(),
            (None, None) => 0,
        }
    }

    fn parameters(&self) -> usize {
        self.ranges().1.end
    }

    /// `psi(z; θ)`, over scalars of order 3 at most if there is an energy.
    fn value<S: Scalar>(&self, theta: &[S], z: &[S]) -> S {
        let (of_network, of_shape) = self.ranges();
        let mut psi = S::zero();
        if let Some((energy, shape)) = &self.energy {
            psi += shape.value(&theta[of_shape], Expansion::energy(&**energy, z));
        }
        if let Some(network) = &self.network {
            psi += network.value(&theta[of_network], z);
        }
        psi
    }

    fn fits(&self, kinds: &[Coordinates]) -> bool {
        self.network.as_ref().is_none_or(|network| network.fits(kinds))
    }

    fn initial(&self, uniform: &mut dyn FnMut(f64) -> f64, theta: &mut [f64]) {
        let (of_network, of_shape) = self.ranges();
        if let Some((_, shape)) = &self.energy {
            shape.initial(uniform, &mut theta[of_shape]);
        }
        if let Some(network) = &self.network {
            network.initial(uniform, &mut theta[of_network]);
        }
    }

    fn rescale(&self, theta: &mut [f64], factor: f64) -> bool {
        let (of_network, of_shape) = self.ranges();
        let shaped = match &self.energy {
            Some((_, shape)) => shape.rescale(&mut theta[of_shape], factor),
            None => true,
        };
        let scaled = |network: &Network| network.rescale(&mut theta[of_network], factor);
        shaped && self.network.as_ref().is_none_or(scaled)
    }
}

impl Potential for EnergyShaped {
    type SweepWorkspace<S: Algebra> = EnergySweepWorkspace<S>;
    type JetWorkspace<R: Real, const D: usize> = EnergyJetWorkspace<R, D>;
    type Saved<R: Real, const D: usize> = <Network as Potential>::Saved<R, D>;

    #[inline(always)]
    fn jets<R: Real, W: Weight, const D: usize>(
        &self,
        theta: &[W],
        z: &[Jet<R, D>],
        work: &mut Self::JetWorkspace<R, D>,
        saved: Option<&mut Self::Saved<R, D>>,
    ) -> Jet<R, D> {
        let (of_network, of_shape) = self.ranges();
        let of_network = match &self.network {
            Some(network) => network.jets(&theta[of_network], z, &mut work.network, saved),
            None => Jet::zero(),
        };
        let Some((energy, shape)) = &self.energy else { return of_network };
        work.expansion.evaluate((&**energy, shape), fixed(&theta[of_shape]), z, false);
        of_network + work.expansion.psi()
    }

    #[inline(always)]
    fn mask_nonfinite<R: Real, const D: usize>(&self, saved: &mut Self::Saved<R, D>, psi: &Jet<R, D>) {
        if let Some(network) = &self.network {
            network.mask_nonfinite(saved, psi);
        }
    }

    #[inline(always)]
    fn begin<S: Algebra>(&self, packs: usize, sweep: &mut Self::SweepWorkspace<S>) {
        if let Some((energy, shape)) = &self.energy {
            resize(&mut sweep.psi_bar, packs);
            resize(&mut sweep.slopes, packs * energy.inputs());
            resize(&mut sweep.sensitivities, packs * shape.parameters());
        }
        if let Some(network) = &self.network {
            network.begin(packs, &mut sweep.network);
        }
    }

    #[inline(always)]
    fn forward<S: Algebra>(
        &self,
        theta: &[f64],
        p: usize,
        z: &[S],
        sweep: &mut Self::SweepWorkspace<S>,
    ) -> S {
        let (of_network, of_shape) = self.ranges();
        let psi = match &self.network {
            Some(network) => network.forward(&theta[of_network], p, z, &mut sweep.network),
            None => S::zero(),
        };
        match &self.energy {
            Some((energy, shape)) => psi + sweep.forward(&**energy, shape, &theta[of_shape], p, z),
            None => psi,
        }
    }

    #[inline(always)]
    fn backward<S: Algebra>(
        &self,
        theta: &[f64],
        p: usize,
        psi_bar: S,
        z_bar: &mut [S],
        sweep: &mut Self::SweepWorkspace<S>,
    ) {
        match &self.network {
            Some(network) => {
                network.backward(&theta[self.ranges().0], p, psi_bar, z_bar, &mut sweep.network);
            }
            None => z_bar.fill(S::zero()),
        }
        if self.energy.is_some() {
            sweep.backward(p, psi_bar, z_bar);
        }
    }

    #[inline(always)]
    fn contract<R: Real, const D: usize>(
        &self,
        theta: &[f64],
        pack: EvaluatedPack<'_, Self::Saved<R, D>, R, D>,
        psi_bar: Lap<R, D>,
        z_bar: &mut [Lap<R, D>],
        sweep: &mut Self::SweepWorkspace<Lap<R, D>>,
    ) {
        let (of_network, of_shape) = self.ranges();
        let (p, z) = (pack.p, pack.z);
        match &self.network {
            Some(network) => {
                network.contract(&theta[of_network], pack, psi_bar, z_bar, &mut sweep.network);
            }
            None => z_bar.fill(Lap::zero()),
        }
        if let Some((energy, shape)) = &self.energy {
            sweep.forward(&**energy, shape, &theta[of_shape], p, z);
            sweep.backward(p, psi_bar, z_bar);
        }
    }

    #[inline(always)]
    fn replace_cotangents<R: Real, const D: usize>(
        &self,
        theta: &[f64],
        pack: EvaluatedPack<'_, Self::Saved<R, D>, R, D>,
        psi_bar: Lap<R, D>,
        z_bar: &mut [Lap<R, D>],
        sweep: &mut Self::SweepWorkspace<Lap<R, D>>,
    ) {
        if self.energy.is_some() {
            sweep.psi_bar[pack.p] = psi_bar;
        }
        if let Some(network) = &self.network {
            let theta = &theta[self.ranges().0];
            network.replace_cotangents(theta, pack, psi_bar, z_bar, &mut sweep.network);
        }
    }

    #[inline(always)]
    fn accumulate<S: Algebra>(&self, sweep: &Self::SweepWorkspace<S>, theta_bar: &mut [f64]) {
        let (of_network, of_shape) = self.ranges();
        if let Some(network) = &self.network {
            network.accumulate(&sweep.network, &mut theta_bar[of_network]);
        }
        if self.energy.is_none() {
            return;
        }
        for p in 0..sweep.psi_bar.len() {
            for k in 0..of_shape.len() {
                theta_bar[of_shape.start + k] += sweep.gradient(of_shape.len(), p, k).sum();
            }
        }
    }

    #[inline(always)]
    fn accumulate_each<S: Algebra>(&self, sweep: &Self::SweepWorkspace<S>, rows: &mut [S::Base]) {
        let (_, of_shape) = self.ranges();
        if let Some(network) = &self.network {
            network.accumulate_each_of(of_shape.end, &sweep.network, rows);
        }
        if self.energy.is_none() {
            return;
        }
        for p in 0..sweep.psi_bar.len() {
            for k in 0..of_shape.len() {
                rows[p * of_shape.end + of_shape.start + k] += sweep.gradient(of_shape.len(), p, k);
            }
        }
    }
}
