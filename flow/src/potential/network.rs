//! The network as a potential: features, perceptron, output scale.

use ircpm_ad::linear::Weight;
use ircpm_ad::{Algebra, Jet, Lap, Real, Scalar};
use ircpm_manifolds::Coordinates;

use super::mlp::{Mlp, MlpJetWorkspace, MlpSweepWorkspace, Unit};
use super::{EvaluatedPack, Expression, FeatureMap, Potential, resize};

/// `psi(z) = mlp(features(z)) / scale`. A scale above one starts training near the identity map.
#[derive(Clone, Debug)]
pub struct Network {
    features: FeatureMap,
    mlp: Mlp,
    scale: f64,
}

/// Memory of a reverse sweep through a [`Network`].
#[derive(Debug)]
pub struct NetworkSweepWorkspace<S: Scalar> {
    /// `[pack][feature]`.
    features: Vec<S>,
    /// Cotangents of one pack's features.
    features_bar: Vec<S>,
    mlp: MlpSweepWorkspace<S>,
}

impl<S: Scalar> Default for NetworkSweepWorkspace<S> {
    fn default() -> Self {
        Self { features: vec![], features_bar: vec![], mlp: MlpSweepWorkspace::default() }
    }
}

/// Memory of the jets of a [`Network`].
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

    /// As [`Potential::accumulate_each`], where this network's parameters are the first of so many.
    #[inline(always)]
    pub(super) fn accumulate_each_of<S: Algebra>(
        &self,
        parameters: usize,
        sweep: &NetworkSweepWorkspace<S>,
        rows: &mut [S::Base],
    ) {
        self.mlp.accumulate_each(parameters, &sweep.mlp, rows);
    }

    /// Features of pack `p`.
    #[inline(always)]
    fn pack(&self, p: usize) -> std::ops::Range<usize> {
        p * self.features.len()..(p + 1) * self.features.len()
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

    fn fits(&self, kinds: &[Coordinates]) -> bool {
        self.features.fits(kinds)
    }

    fn initial(&self, uniform: &mut dyn FnMut(f64) -> f64, theta: &mut [f64]) {
        self.mlp.initial(uniform, theta);
    }

    fn rescale(&self, theta: &mut [f64], factor: f64) -> bool {
        theta[self.mlp.output_parameters()].iter_mut().for_each(|w| *w *= factor);
        true
    }
}

impl Potential for Network {
    type SweepWorkspace<S: Algebra> = NetworkSweepWorkspace<S>;
    type JetWorkspace<R: Real, const D: usize> = NetworkJetWorkspace<R, D>;
    type Saved<R: Real, const D: usize> = Vec<Unit<R, D>>;

    #[inline(always)]
    fn jets<R: Real, W: Weight, const D: usize>(
        &self,
        theta: &[W],
        z: &[Jet<R, D>],
        work: &mut NetworkJetWorkspace<R, D>,
        saved: Option<&mut Vec<Unit<R, D>>>,
    ) -> Jet<R, D> {
        resize(&mut work.features, self.features.len());
        self.features.eval(z, &mut work.features);
        self.mlp.jets(theta, &work.features, &mut work.mlp, saved) * (1.0 / self.scale)
    }

    #[inline(always)]
    fn mask_nonfinite<R: Real, const D: usize>(&self, saved: &mut Vec<Unit<R, D>>, psi: &Jet<R, D>) {
        Unit::mask_nonfinite(saved, psi);
    }

    #[inline(always)]
    fn begin<S: Algebra>(&self, packs: usize, sweep: &mut NetworkSweepWorkspace<S>) {
        resize(&mut sweep.features, self.features.len() * packs);
        resize(&mut sweep.features_bar, self.features.len());
        self.mlp.begin(packs, &mut sweep.mlp);
    }

    #[inline(always)]
    fn forward<S: Algebra>(
        &self,
        theta: &[f64],
        p: usize,
        z: &[S],
        sweep: &mut NetworkSweepWorkspace<S>,
    ) -> S {
        let features = &mut sweep.features[self.pack(p)];
        self.features.eval(z, features);
        self.mlp.forward(theta, p, features, &mut sweep.mlp) * (1.0 / self.scale)
    }

    #[inline(always)]
    fn backward<S: Algebra>(
        &self,
        theta: &[f64],
        p: usize,
        psi_bar: S,
        z_bar: &mut [S],
        sweep: &mut NetworkSweepWorkspace<S>,
    ) {
        let NetworkSweepWorkspace { features, features_bar, mlp } = sweep;
        self.mlp.backward(theta, p, psi_bar * (1.0 / self.scale), features_bar, mlp);
        self.features.pull_back(&features[self.pack(p)], features_bar, z_bar);
    }

    #[inline(always)]
    fn contract<R: Real, const D: usize>(
        &self,
        theta: &[f64],
        pack: EvaluatedPack<'_, Vec<Unit<R, D>>, R, D>,
        psi_bar: Lap<R, D>,
        z_bar: &mut [Lap<R, D>],
        sweep: &mut NetworkSweepWorkspace<Lap<R, D>>,
    ) {
        let NetworkSweepWorkspace { features, features_bar, mlp } = sweep;
        let features = &mut features[self.pack(pack.p)];
        self.features.eval(pack.z, features);
        let at = EvaluatedPack { z: &*features, ..pack };
        self.mlp.contract(theta, &at, psi_bar * (1.0 / self.scale), features_bar, mlp);
        self.features.pull_back(features, features_bar, z_bar);
    }

    #[inline(always)]
    fn replace_cotangents<R: Real, const D: usize>(
        &self,
        theta: &[f64],
        pack: EvaluatedPack<'_, Vec<Unit<R, D>>, R, D>,
        psi_bar: Lap<R, D>,
        _: &mut [Lap<R, D>],
        sweep: &mut NetworkSweepWorkspace<Lap<R, D>>,
    ) {
        self.mlp.replace_cotangents(theta, &pack, psi_bar * (1.0 / self.scale), &mut sweep.mlp);
    }

    #[inline(always)]
    fn accumulate<S: Algebra>(&self, sweep: &NetworkSweepWorkspace<S>, theta_bar: &mut [f64]) {
        self.mlp.accumulate(&sweep.mlp, theta_bar);
    }

    #[inline(always)]
    fn accumulate_each<S: Algebra>(&self, sweep: &NetworkSweepWorkspace<S>, rows: &mut [S::Base]) {
        self.accumulate_each_of(self.parameters(), sweep, rows);
    }
}
