//! The average of a potential over a finite group, which is invariant by construction.

use ircpm_ad::linear::Weight;
use ircpm_ad::{Algebra, Jet, Real, Scalar};
use ircpm_manifolds::{AnyManifold, Coordinates};

use super::affine::{Affine, NotAGroup, check_group};
use super::{Expression, Potential, resize};

/// `psi_G(z) = |G|⁻¹ Σ_g psi(g z)` over the elements of a finite group `G` of isometries.
#[derive(Clone, Debug)]
pub struct Average<P> {
    potential: P,
    group: Vec<Affine>,
}

impl<P: Expression> Average<P> {
    /// The average of `potential` over all elements of `group`, which acts on the points of `manifold`.
    ///
    /// # Errors
    /// [`NotAGroup`] with the element that is no isometry, or the product that is missing.
    ///
    /// # Panics
    /// If the potential reads another number of coordinates than points have.
    pub fn new(potential: P, group: Vec<Affine>, manifold: &AnyManifold) -> Result<Self, NotAGroup> {
        assert_eq!(potential.inputs(), manifold.ambient(), "coordinates that the potential reads");
        check_group(&group, manifold)?;
        Ok(Self { potential, group })
    }

    /// Share of one element in the average.
    #[inline(always)]
    fn share<S: Scalar>(&self, sum: S) -> S {
        sum / self.group.len() as f64
    }
}

/// Memory of a reverse sweep through an [`Average`]: one sweep per group element.
#[derive(Debug)]
pub struct AverageSweepWorkspace<W, S> {
    elements: Vec<W>,
    z: Vec<S>,
    bar: Vec<S>,
}

impl<W, S> Default for AverageSweepWorkspace<W, S> {
    fn default() -> Self {
        Self { elements: vec![], z: vec![], bar: vec![] }
    }
}

/// Memory of the jets of an [`Average`].
#[derive(Debug)]
pub struct AverageJetWorkspace<W, R, const D: usize> {
    inner: W,
    z: Vec<Jet<R, D>>,
}

impl<W: Default, R, const D: usize> Default for AverageJetWorkspace<W, R, D> {
    fn default() -> Self {
        Self { inner: W::default(), z: vec![] }
    }
}

impl<P: Expression> Expression for Average<P> {
    fn inputs(&self) -> usize {
        self.potential.inputs()
    }

    fn parameters(&self) -> usize {
        self.potential.parameters()
    }

    fn value<S: Scalar>(&self, theta: &[S], z: &[S]) -> S {
        let mut moved = z.to_vec();
        let mut sum = S::zero();
        for g in &self.group {
            g.apply(z, &mut moved);
            sum += self.potential.value(theta, &moved);
        }
        self.share(sum)
    }

    fn fits(&self, kinds: &[Coordinates]) -> bool {
        self.potential.fits(kinds)
    }

    fn initial(&self, uniform: &mut dyn FnMut(f64) -> f64, theta: &mut [f64]) {
        self.potential.initial(uniform, theta);
    }

    fn rescale(&self, theta: &mut [f64], factor: f64) -> bool {
        self.potential.rescale(theta, factor)
    }
}

impl<P: Potential> Potential for Average<P> {
    const WARM_START: bool = P::WARM_START;

    type SweepWorkspace<S: Algebra> = AverageSweepWorkspace<P::SweepWorkspace<S>, S>;
    type JetWorkspace<R: Real, const D: usize> = AverageJetWorkspace<P::JetWorkspace<R, D>, R, D>;
    type Saved<R: Real, const D: usize> = ();

    #[inline(always)]
    fn jets<R: Real, W: Weight, const D: usize>(
        &self,
        theta: &[W],
        z: &[Jet<R, D>],
        work: &mut Self::JetWorkspace<R, D>,
        _: Option<&mut ()>,
    ) -> Jet<R, D> {
        resize(&mut work.z, z.len());
        let mut sum = Jet::zero();
        for g in &self.group {
            g.apply(z, &mut work.z);
            sum += self.share(self.potential.jets(theta, &work.z, &mut work.inner, None));
        }
        sum
    }

    #[inline(always)]
    fn begin<S: Algebra>(&self, packs: usize, sweep: &mut Self::SweepWorkspace<S>) {
        resize(&mut sweep.z, self.inputs());
        resize(&mut sweep.bar, self.inputs());
        sweep.elements.resize_with(self.group.len(), Default::default);
        for element in &mut sweep.elements {
            self.potential.begin(packs, element);
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
        let mut sum = S::zero();
        for (g, element) in self.group.iter().zip(&mut sweep.elements) {
            g.apply(z, &mut sweep.z);
            sum += self.share(self.potential.forward(theta, p, &sweep.z, element));
        }
        sum
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
        let AverageSweepWorkspace { elements, bar, .. } = sweep;
        z_bar.fill(S::zero());
        for (g, element) in self.group.iter().zip(elements) {
            self.potential.backward(theta, p, self.share(psi_bar), bar, element);
            g.pull_back(bar, z_bar);
        }
    }

    #[inline(always)]
    fn accumulate<S: Algebra>(&self, sweep: &Self::SweepWorkspace<S>, theta_bar: &mut [f64]) {
        for element in &sweep.elements {
            self.potential.accumulate(element, theta_bar);
        }
    }

    #[inline(always)]
    fn accumulate_each<S: Algebra>(&self, sweep: &Self::SweepWorkspace<S>, rows: &mut [S::Base]) {
        for element in &sweep.elements {
            self.potential.accumulate_each(element, rows);
        }
    }
}
