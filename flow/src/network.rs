//! The network as a potential: features, perceptron, output scale.

use ircpm_ad::linear::Weight;
use ircpm_ad::{Algebra, Jet, Lap, Real, Scalar};

use crate::features::FeatureMap;
use crate::kept::Seen;
use crate::mlp::{Mlp, MlpJets, MlpSweep, OnePack, Unit};
use crate::potential::{Expression, Potential, Turn, resize};

/// `psi(z) = mlp(features(z)) / scale`. A scale above one starts training near the identity map.
#[derive(Clone, Debug)]
pub struct Network {
    features: FeatureMap,
    mlp: Mlp,
    scale: f64,
}

/// Workspace of a reverse sweep through a [`Network`].
#[derive(Debug)]
pub struct NetworkSweep<S: Scalar> {
    features: Vec<S>,
    features_bar: Vec<S>,
    z_bar: Vec<S>,
    phi: Vec<S>,
    mlp: MlpSweep<S>,
}

impl<S: Scalar> Default for NetworkSweep<S> {
    fn default() -> Self {
        let mlp = MlpSweep::default();
        Self { features: vec![], features_bar: vec![], z_bar: vec![], phi: vec![], mlp }
    }
}

/// Workspace of [`Network::jets`].
#[derive(Debug)]
pub struct NetworkJets<R, const D: usize> {
    features: Vec<Jet<R, D>>,
    mlp: MlpJets<R, D>,
}

impl<R, const D: usize> Default for NetworkJets<R, D> {
    fn default() -> Self {
        Self { features: vec![], mlp: MlpJets::default() }
    }
}

impl Network {
    /// The network with the given hidden widths on the given features.
    ///
    /// # Panics
    /// If a width is zero, there is no hidden layer, or the scale is not positive and finite.
    pub fn new(features: FeatureMap, hidden: &[usize], scale: f64) -> Self {
        assert!(scale > 0.0 && scale.is_finite(), "an output scale of {scale}");
        Self { mlp: Mlp::new(features.len(), hidden), features, scale }
    }

    /// The perceptron.
    pub fn mlp(&self) -> &Mlp {
        &self.mlp
    }

    /// Cotangents of the perceptron's output, from those of psi.
    #[inline(always)]
    fn scale_down<S: Scalar>(&self, phi: &[S], scaled: &mut Vec<S>) {
        resize(scaled, phi.len());
        for (scaled, phi) in scaled.iter_mut().zip(phi) {
            *scaled = *phi * (1.0 / self.scale);
        }
    }
}

impl Expression for Network {
    fn inputs(&self) -> usize {
        self.features.inputs()
    }

    fn parameters(&self) -> usize {
        self.mlp.parameters()
    }

    fn value<S: Scalar>(&self, theta: &[S], z: &[S]) -> S {
        let mut features = vec![S::zero(); self.features.len()];
        self.features.eval(z, &mut features);
        self.mlp.value(theta, &features) / self.scale
    }

    fn rescale(&self, theta: &mut [f64], factor: f64) -> bool {
        let last = self.mlp.sizes()[self.mlp.sizes().len() - 2] + 1;
        let start = theta.len() - last;
        theta[start..].iter_mut().for_each(|w| *w *= factor);
        true
    }
}

impl Potential for Network {
    type Sweep<S: Algebra> = NetworkSweep<S>;
    type Jets<R: Real, const D: usize> = NetworkJets<R, D>;
    type Kept<R: Real, const D: usize> = Vec<Unit<R, D>>;

    #[inline(always)]
    fn forward<S: Algebra>(&self, theta: &[f64], z: &[S], psi: &mut [S], sweep: &mut NetworkSweep<S>) {
        resize(&mut sweep.features, self.features.len() * psi.len());
        self.features.eval(z, &mut sweep.features);
        self.mlp.forward(theta, &sweep.features, psi, &mut sweep.mlp);
        for psi in psi {
            *psi = *psi * (1.0 / self.scale);
        }
    }

    #[inline(always)]
    fn backward<S: Algebra>(&self, theta: &[f64], phi: &[S], z_bar: &mut [S], sweep: &mut NetworkSweep<S>) {
        self.scale_down(phi, &mut sweep.phi);
        let NetworkSweep { features, features_bar, phi: scaled, mlp, .. } = sweep;
        resize(features_bar, features.len());
        self.mlp.backward(theta, scaled, features_bar, mlp);
        self.features.pull_back(features, features_bar, z_bar);
    }

    /// A pack goes all the way, and again after its turn, before the next one starts: its units fit a near cache.
    #[inline(always)]
    fn contract<R: Real, const D: usize>(
        &self,
        theta: &[f64],
        Seen { z, directions, kept }: Seen<'_, Vec<Unit<R, D>>, R, D>,
        phi: &[Lap<R, D>],
        turn: Turn<'_, R, D>,
        sweep: &mut NetworkSweep<Lap<R, D>>,
    ) {
        let NetworkSweep { features, features_bar, z_bar, mlp, .. } = sweep;
        let (packs, len) = (phi.len(), self.features.len());
        resize(features, len * packs);
        resize(features_bar, len);
        resize(z_bar, self.inputs());
        self.features.eval(z, features);
        self.mlp.make_room(packs, mlp);
        for p in 0..packs {
            let features = &features[p * len..][..len];
            let at = OnePack { p, directions: &directions[p], kept: &kept[p] };
            self.mlp.contract(theta, at, features, phi[p] * (1.0 / self.scale), features_bar, mlp);
            self.features.pull_back(features, features_bar, z_bar);
            if let Some(phi) = turn(p, z_bar) {
                self.mlp.tilt(theta, at, phi * (1.0 / self.scale), mlp);
            }
        }
    }

    #[inline(always)]
    fn accumulate<S: Algebra>(&self, sweep: &NetworkSweep<S>, theta_bar: &mut [f64]) {
        self.mlp.accumulate(&sweep.mlp, theta_bar);
    }

    #[inline(always)]
    fn accumulate_each<S: Algebra>(&self, sweep: &NetworkSweep<S>, rows: &mut [S::Base]) {
        self.mlp.accumulate_each(&sweep.mlp, rows);
    }

    #[inline(always)]
    fn jets<R: Real, W: Weight, const D: usize>(
        &self,
        theta: &[W],
        z: &[Jet<R, D>],
        psi: &mut [Jet<R, D>],
        work: &mut NetworkJets<R, D>,
        kept: &mut [Vec<Unit<R, D>>],
    ) {
        resize(&mut work.features, self.features.len() * psi.len());
        self.features.eval(z, &mut work.features);
        self.mlp.jets(theta, &work.features, psi, &mut work.mlp, kept);
        for psi in psi {
            *psi = *psi * (1.0 / self.scale);
        }
    }

    #[inline(always)]
    fn hold_finite<R: Real, const D: usize>(&self, kept: &mut Vec<Unit<R, D>>, psi: &Jet<R, D>) {
        Unit::hold_finite(kept, psi);
    }
}
