//! The network as a potential: features, perceptron, output scale.

use ircpm_ad::linear::Weight;
use ircpm_ad::{Algebra, Jet, Lap, Real, Scalar};

use crate::potential::EvaluatedTile;
use crate::potential::FeatureMap;
use crate::potential::mlp::{Mlp, MlpJetWorkspace, MlpSweepWorkspace, OnePack, Unit};
use crate::potential::{Expression, NextCotangents, Potential, resize};

/// `psi(z) = mlp(features(z)) / scale`. A scale above one starts training near the identity map.
#[derive(Clone, Debug)]
pub struct Network {
    features: FeatureMap,
    mlp: Mlp,
    scale: f64,
}

/// Workspace of a reverse sweep through a [`Network`].
#[derive(Debug)]
pub struct NetworkSweepWorkspace<S: Scalar> {
    features: Vec<S>,
    features_bar: Vec<S>,
    z_bar: Vec<S>,
    psi_bar: Vec<S>,
    mlp: MlpSweepWorkspace<S>,
}

impl<S: Scalar> Default for NetworkSweepWorkspace<S> {
    fn default() -> Self {
        let mlp = MlpSweepWorkspace::default();
        Self { features: vec![], features_bar: vec![], z_bar: vec![], psi_bar: vec![], mlp }
    }
}

/// Workspace of [`Network::jets`].
#[derive(Debug)]
pub struct NetworkJetWorkspace<R, const D: usize> {
    features: Vec<Jet<R, D>>,
    mlp: MlpJetWorkspace<R, D>,
}

impl<R, const D: usize> Default for NetworkJetWorkspace<R, D> {
    fn default() -> Self {
        Self { features: vec![], mlp: MlpJetWorkspace::default() }
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
    fn scale_down<S: Scalar>(&self, psi_bar: &[S], scaled: &mut Vec<S>) {
        resize(scaled, psi_bar.len());
        for (scaled, psi_bar) in scaled.iter_mut().zip(psi_bar) {
            *scaled = *psi_bar * (1.0 / self.scale);
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
    type SweepWorkspace<S: Algebra> = NetworkSweepWorkspace<S>;
    type JetWorkspace<R: Real, const D: usize> = NetworkJetWorkspace<R, D>;
    type Saved<R: Real, const D: usize> = Vec<Unit<R, D>>;

    #[inline(always)]
    fn forward<S: Algebra>(
        &self,
        theta: &[f64],
        z: &[S],
        psi: &mut [S],
        sweep: &mut NetworkSweepWorkspace<S>,
    ) {
        resize(&mut sweep.features, self.features.len() * psi.len());
        self.features.eval(z, &mut sweep.features);
        self.mlp.forward(theta, &sweep.features, psi, &mut sweep.mlp);
        for psi in psi {
            *psi = *psi * (1.0 / self.scale);
        }
    }

    #[inline(always)]
    fn backward<S: Algebra>(
        &self,
        theta: &[f64],
        psi_bar: &[S],
        z_bar: &mut [S],
        sweep: &mut NetworkSweepWorkspace<S>,
    ) {
        self.scale_down(psi_bar, &mut sweep.psi_bar);
        let NetworkSweepWorkspace { features, features_bar, psi_bar: scaled, mlp, .. } = sweep;
        resize(features_bar, features.len());
        self.mlp.backward(theta, scaled, features_bar, mlp);
        self.features.pull_back(features, features_bar, z_bar);
    }

    /// A pack goes all the way, and again after its turn, before the next one starts: its units fit a near cache.
    #[inline(always)]
    fn contract<R: Real, const D: usize>(
        &self,
        theta: &[f64],
        EvaluatedTile { z, directions, saved }: EvaluatedTile<'_, Vec<Unit<R, D>>, R, D>,
        psi_bar: &[Lap<R, D>],
        turn: NextCotangents<'_, R, D>,
        sweep: &mut NetworkSweepWorkspace<Lap<R, D>>,
    ) {
        let NetworkSweepWorkspace { features, features_bar, z_bar, mlp, .. } = sweep;
        let (packs, len) = (psi_bar.len(), self.features.len());
        resize(features, len * packs);
        resize(features_bar, len);
        resize(z_bar, self.inputs());
        self.features.eval(z, features);
        self.mlp.make_room(packs, mlp);
        for p in 0..packs {
            let features = &features[p * len..][..len];
            let at = OnePack { p, directions: &directions[p], saved: &saved[p] };
            self.mlp.contract(theta, at, features, psi_bar[p] * (1.0 / self.scale), features_bar, mlp);
            self.features.pull_back(features, features_bar, z_bar);
            if let Some(psi_bar) = turn(p, z_bar) {
                self.mlp.replace_cotangents(theta, at, psi_bar * (1.0 / self.scale), mlp);
            }
        }
    }

    #[inline(always)]
    fn accumulate<S: Algebra>(&self, sweep: &NetworkSweepWorkspace<S>, theta_bar: &mut [f64]) {
        self.mlp.accumulate(&sweep.mlp, theta_bar);
    }

    #[inline(always)]
    fn accumulate_each<S: Algebra>(&self, sweep: &NetworkSweepWorkspace<S>, rows: &mut [S::Base]) {
        self.mlp.accumulate_each(&sweep.mlp, rows);
    }

    #[inline(always)]
    fn jets<R: Real, W: Weight, const D: usize>(
        &self,
        theta: &[W],
        z: &[Jet<R, D>],
        psi: &mut [Jet<R, D>],
        work: &mut NetworkJetWorkspace<R, D>,
        saved: &mut [Vec<Unit<R, D>>],
    ) {
        resize(&mut work.features, self.features.len() * psi.len());
        self.features.eval(z, &mut work.features);
        self.mlp.jets(theta, &work.features, psi, &mut work.mlp, saved);
        for psi in psi {
            *psi = *psi * (1.0 / self.scale);
        }
    }

    #[inline(always)]
    fn mask_nonfinite<R: Real, const D: usize>(&self, saved: &mut Vec<Unit<R, D>>, psi: &Jet<R, D>) {
        Unit::mask_nonfinite(saved, psi);
    }
}
