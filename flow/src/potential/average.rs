//! The average of a potential over a finite group: invariant by construction.

use ircpm_ad::linear::Weight;
use ircpm_ad::{Algebra, Jet, Real, Scalar};

use crate::potential::{Expression, Potential, resize};

/// An isometry as it acts on ambient coordinates: `z ↦ matrix · z + shift`.
///
/// Orthogonal matrices on spheres; signed permutations and shifts of the angles on tori.
#[derive(Clone, Debug, PartialEq)]
pub struct Affine {
    /// Row-major, `n × n`.
    pub matrix: Vec<f64>,
    /// `n` numbers.
    pub shift: Vec<f64>,
}

impl Affine {
    /// Image of a tile of points, `[pack][coordinate]`.
    #[inline(always)]
    fn apply<S: Scalar>(&self, z: &[S], out: &mut [S]) {
        let n = self.shift.len();
        for (z, out) in z.chunks_exact(n).zip(out.chunks_exact_mut(n)) {
            for i in 0..n {
                let mut sum = S::constant(self.shift[i]);
                for j in 0..n {
                    sum += z[j] * self.matrix[i * n + j];
                }
                out[i] = sum;
            }
        }
    }

    /// Adds `matrixᵀ · bar` to `z_bar`.
    #[inline(always)]
    fn pull_back<S: Scalar>(&self, bar: &[S], z_bar: &mut [S]) {
        let n = self.shift.len();
        for (bar, z_bar) in bar.chunks_exact(n).zip(z_bar.chunks_exact_mut(n)) {
            for i in 0..n {
                for j in 0..n {
                    z_bar[j] += bar[i] * self.matrix[i * n + j];
                }
            }
        }
    }
}

/// `psi_G(z) = |G|⁻¹ Σ_g psi(g z)` over the elements of a finite group `G` (all of them, not generators).
#[derive(Clone, Debug)]
pub struct Average<P> {
    potential: P,
    group: Vec<Affine>,
}

impl<P: Expression> Average<P> {
    /// The average of `potential` over `group`.
    ///
    /// # Panics
    /// If the group is empty or an element does not act on the potential's coordinates.
    pub fn new(potential: P, group: Vec<Affine>) -> Self {
        let n = potential.inputs();
        assert!(!group.is_empty(), "a group has at least the identity");
        for g in &group {
            assert!(g.shift.len() == n && g.matrix.len() == n * n, "a group element acts on {n} coordinates");
        }
        Self { potential, group }
    }
}

/// Workspace of a reverse sweep through an [`Average`]: one sweep a group element.
#[derive(Debug)]
pub struct AverageSweepWorkspace<W, S> {
    elements: Vec<W>,
    z: Vec<S>,
    bar: Vec<S>,
    psi: Vec<S>,
    psi_bar: Vec<S>,
}

impl<W, S> Default for AverageSweepWorkspace<W, S> {
    fn default() -> Self {
        Self { elements: vec![], z: vec![], bar: vec![], psi: vec![], psi_bar: vec![] }
    }
}

/// Workspace of [`Average::jets`].
#[derive(Debug)]
pub struct AverageJetWorkspace<W, R, const D: usize> {
    inner: W,
    z: Vec<Jet<R, D>>,
    psi: Vec<Jet<R, D>>,
}

impl<W: Default, R, const D: usize> Default for AverageJetWorkspace<W, R, D> {
    fn default() -> Self {
        Self { inner: W::default(), z: vec![], psi: vec![] }
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
        sum / self.group.len() as f64
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
    fn forward<S: Algebra>(
        &self,
        theta: &[f64],
        z: &[S],
        psi: &mut [S],
        sweep: &mut Self::SweepWorkspace<S>,
    ) {
        let count = self.group.len();
        sweep.elements.resize_with(count, Default::default);
        resize(&mut sweep.z, z.len());
        resize(&mut sweep.psi, psi.len());
        psi.fill(S::zero());
        for (g, element) in self.group.iter().zip(&mut sweep.elements) {
            g.apply(z, &mut sweep.z);
            self.potential.forward(theta, &sweep.z, &mut sweep.psi, element);
            for (sum, term) in psi.iter_mut().zip(&sweep.psi) {
                *sum += *term / count as f64;
            }
        }
    }

    #[inline(always)]
    fn backward<S: Algebra>(
        &self,
        theta: &[f64],
        psi_bar: &[S],
        z_bar: &mut [S],
        sweep: &mut Self::SweepWorkspace<S>,
    ) {
        let AverageSweepWorkspace { elements, bar, psi_bar: share, .. } = sweep;
        resize(share, psi_bar.len());
        for (share, psi_bar) in share.iter_mut().zip(psi_bar) {
            *share = *psi_bar / self.group.len() as f64;
        }
        resize(bar, z_bar.len());
        z_bar.fill(S::zero());
        for (g, element) in self.group.iter().zip(elements) {
            self.potential.backward(theta, share, bar, element);
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

    #[inline(always)]
    fn jets<R: Real, W: Weight, const D: usize>(
        &self,
        theta: &[W],
        z: &[Jet<R, D>],
        psi: &mut [Jet<R, D>],
        work: &mut Self::JetWorkspace<R, D>,
        _: &mut [()],
    ) {
        resize(&mut work.z, z.len());
        resize(&mut work.psi, psi.len());
        psi.fill(Jet::zero());
        for g in &self.group {
            g.apply(z, &mut work.z);
            self.potential.jets(theta, &work.z, &mut work.psi, &mut work.inner, &mut []);
            for (sum, term) in psi.iter_mut().zip(&work.psi) {
                *sum += *term / self.group.len() as f64;
            }
        }
    }
}
