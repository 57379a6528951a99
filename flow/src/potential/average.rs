//! The average of a potential over a finite group, which is invariant by construction.

use ircpm_ad::linear::Weight;
use ircpm_ad::{Algebra, Jet, Lap, Real, Scalar};
use ircpm_manifolds::Coordinates;

use super::symmetry::{Affine, Group};
use super::{EvaluatedPack, Expression, Potential, resize};

/// `psi_G(z) = |G|⁻¹ Σ_g psi(g z)` over the elements of a finite group `G` of isometries.
///
/// It costs as much as psi itself does, `|G|` times, in every sweep. Over the trivial group it is psi, at the cost of
/// psi.
#[derive(Clone, Debug)]
pub struct Average<P> {
    potential: P,
    group: Group,
    actions: Vec<Action>,
    /// `|G|⁻¹`.
    share: f64,
}

impl<P: Expression> Average<P> {
    /// The average of `potential` over `group`.
    ///
    /// # Panics
    /// If the potential reads another number of coordinates than the group acts on.
    pub fn new(potential: P, group: Group) -> Self {
        let coordinates = group.elements()[0].coordinates();
        assert_eq!(potential.inputs(), coordinates, "coordinates that the potential reads");
        let actions: Vec<Action> = group.elements().iter().map(Action::new).collect();
        let share = 1.0 / actions.len() as f64;
        Self { potential, group, actions, share }
    }

    /// The potential that is averaged.
    pub fn potential(&self) -> &P {
        &self.potential
    }

    /// The group.
    pub fn group(&self) -> &Group {
        &self.group
    }
}

/// An element as it acts on coordinates: its entries that are not zero. Those of signed permutations are few.
#[derive(Clone, Debug)]
struct Action {
    shift: Vec<f64>,
    /// Row, column and entry.
    entries: Vec<(usize, usize, f64)>,
    is_identity: bool,
}

impl Action {
    fn new(g: &Affine) -> Self {
        let n = g.coordinates();
        let places = (0..n).flat_map(|i| (0..n).map(move |j| (i, j)));
        let entries = places.map(|(i, j)| (i, j, g.matrix[(i, j)])).filter(|(_, _, m)| *m != 0.0).collect();
        Self { shift: g.shift.iter().copied().collect(), entries, is_identity: *g == Affine::identity(n) }
    }

    /// The image of one point: `z` itself, or in `moved`.
    #[inline(always)]
    fn image<'a, S: Scalar>(&self, z: &'a [S], moved: &'a mut [S]) -> &'a [S] {
        if self.is_identity {
            return z;
        }
        for i in 0..self.shift.len() {
            moved[i] = S::constant(self.shift[i]);
        }
        for &(i, j, m) in &self.entries {
            moved[i] += z[j] * m;
        }
        moved
    }

    /// Adds the cotangents of a point from those of its image.
    #[inline(always)]
    fn pull_back<S: Scalar>(&self, bar: &[S], z_bar: &mut [S]) {
        for &(i, j, m) in &self.entries {
            z_bar[j] += bar[i] * m;
        }
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
        for g in &self.actions {
            sum += self.potential.value(theta, g.image(z, &mut moved));
        }
        sum * self.share
    }

    fn fits(&self, kinds: &[Coordinates]) -> bool {
        self.group.coordinates() == kinds && self.potential.fits(kinds)
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
    type Saved<R: Real, const D: usize> = Vec<P::Saved<R, D>>;

    #[inline(always)]
    fn jets<R: Real, W: Weight, const D: usize>(
        &self,
        theta: &[W],
        z: &[Jet<R, D>],
        work: &mut Self::JetWorkspace<R, D>,
        mut saved: Option<&mut Self::Saved<R, D>>,
    ) -> Jet<R, D> {
        resize(&mut work.z, z.len());
        if let Some(saved) = &mut saved {
            saved.resize_with(self.actions.len(), Default::default);
        }
        let mut sum = Jet::zero();
        for (e, g) in self.actions.iter().enumerate() {
            let saved = saved.as_deref_mut().map(|saved| &mut saved[e]);
            let z = g.image(z, &mut work.z);
            sum += self.potential.jets(theta, z, &mut work.inner, saved) * self.share;
        }
        sum
    }

    #[inline(always)]
    fn mask_nonfinite<R: Real, const D: usize>(&self, saved: &mut Self::Saved<R, D>, psi: &Jet<R, D>) {
        for saved in saved {
            self.potential.mask_nonfinite(saved, psi);
        }
    }

    #[inline(always)]
    fn begin<S: Algebra>(&self, packs: usize, sweep: &mut Self::SweepWorkspace<S>) {
        resize(&mut sweep.z, self.inputs());
        resize(&mut sweep.bar, self.inputs());
        sweep.elements.resize_with(self.actions.len(), Default::default);
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
        for (g, element) in self.actions.iter().zip(&mut sweep.elements) {
            sum += self.potential.forward(theta, p, g.image(z, &mut sweep.z), element) * self.share;
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
        for (g, element) in self.actions.iter().zip(elements) {
            self.potential.backward(theta, p, psi_bar * self.share, bar, element);
            g.pull_back(bar, z_bar);
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
        let AverageSweepWorkspace { elements, z, bar } = sweep;
        z_bar.fill(Lap::zero());
        for (e, (g, element)) in self.actions.iter().zip(elements).enumerate() {
            let at = EvaluatedPack {
                p: pack.p,
                z: g.image(pack.z, z),
                directions: pack.directions,
                saved: &pack.saved[e],
            };
            self.potential.contract(theta, at, psi_bar * self.share, bar, element);
            g.pull_back(bar, z_bar);
        }
    }

    #[inline(always)]
    fn replace_cotangents<R: Real, const D: usize>(
        &self,
        theta: &[f64],
        pack: EvaluatedPack<'_, Self::Saved<R, D>, R, D>,
        psi_bar: Lap<R, D>,
        _: &mut [Lap<R, D>],
        sweep: &mut Self::SweepWorkspace<Lap<R, D>>,
    ) {
        let AverageSweepWorkspace { elements, z, bar } = sweep;
        for (e, (g, element)) in self.actions.iter().zip(elements).enumerate() {
            let at = EvaluatedPack {
                p: pack.p,
                z: g.image(pack.z, z),
                directions: pack.directions,
                saved: &pack.saved[e],
            };
            self.potential.replace_cotangents(theta, at, psi_bar * self.share, bar, element);
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
