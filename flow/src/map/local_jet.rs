//! What is known at one point `y`: its frame and the jet of psi there.

use std::slice;

use ircpm_ad::linear::Weight;
use ircpm_ad::simd::Task;
use ircpm_ad::{Jet, Real, Scalar};
use ircpm_manifolds::Manifold;

use crate::potential::{Potential, resize};

/// A pack of points with their frames and the second-order jets of psi.
#[derive(Clone, Debug)]
pub(crate) struct LocalJet<R, const D: usize> {
    /// `n` ambient coordinates.
    pub y: Vec<R>,
    /// `D × n`.
    pub frame: Vec<R>,
    pub psi: Jet<R, D>,
}

impl<R: Real, const D: usize> Default for LocalJet<R, D> {
    fn default() -> Self {
        Self { y: vec![], frame: vec![], psi: Jet::zero() }
    }
}

impl<R: Real, const D: usize> LocalJet<R, D> {
    /// Room for the points of `m`.
    #[inline(always)]
    pub(crate) fn reserve<M: Manifold>(&mut self, m: &M) {
        resize(&mut self.y, m.ambient());
        resize(&mut self.frame, D * m.ambient());
    }

    /// Becomes `other`, in the memory it has: a derived `clone_from` would allocate.
    #[inline(always)]
    pub(crate) fn copy_from(&mut self, other: &Self) {
        self.y.clone_from(&other.y);
        self.frame.clone_from(&other.frame);
        self.psi = other.psi;
    }

    /// Frame coordinates of a tangent vector at `y`.
    #[inline(always)]
    pub(crate) fn to_frame(&self, v: &[R]) -> [R; D] {
        to_frame(&self.frame, v)
    }

    /// Becomes `other` where `mask` is positive.
    #[inline(always)]
    pub(crate) fn take_where(&mut self, mask: R, other: &Self) {
        let take = |new: R, old: R| R::select_gt(mask, R::zero(), new, old);
        for c in 0..self.y.len() {
            self.y[c] = take(other.y[c], self.y[c]);
        }
        for c in 0..self.frame.len() {
            self.frame[c] = take(other.frame[c], self.frame[c]);
        }
        self.psi = Jet::select_gt(mask, R::zero(), other.psi, self.psi);
    }
}

/// Frame coordinates of a tangent vector.
#[inline(always)]
pub(crate) fn to_frame<R: Real, const D: usize>(frame: &[R], v: &[R]) -> [R; D] {
    let n = v.len();
    let mut out = [R::zero(); D];
    for i in 0..D {
        for c in 0..n {
            out[i] = frame[i * n + c].mul_add(v[c], out[i]);
        }
    }
    out
}

/// The tangent vector with the given frame coordinates.
#[inline(always)]
pub(crate) fn from_frame<R: Real, const D: usize>(frame: &[R], v: &[R; D], out: &mut [R]) {
    let n = out.len();
    for c in 0..n {
        out[c] = R::zero();
        for i in 0..D {
            out[c] = frame[i * n + c].mul_add(v[i], out[c]);
        }
    }
}

/// Buffers for evaluating psi at a site.
#[derive(Debug)]
pub(crate) struct JetEvaluator<P: Potential, R: Real, const D: usize> {
    z: Vec<Jet<R, D>>,
    work: P::JetWorkspace<R, D>,
}

impl<P: Potential, R: Real, const D: usize> Default for JetEvaluator<P, R, D> {
    fn default() -> Self {
        Self { z: vec![], work: Default::default() }
    }
}

impl<P: Potential, R: Real, const D: usize> JetEvaluator<P, R, D> {
    /// The frame and the jet of psi at `site`; and what psi saves of it, in `saved` if that has room.
    #[inline(always)]
    pub(crate) fn evaluate<M: Manifold, W: Weight>(
        &mut self,
        (m, potential, theta): (&M, &P, &[W]),
        site: &mut LocalJet<R, D>,
        saved: &mut [P::Saved<R, D>],
    ) {
        let Self { z, work } = self;
        resize(z, m.ambient());
        R::vectorized(Place { m, site, z });
        R::vectorized(JetWorkspace { potential, theta, z, psi: slice::from_mut(&mut site.psi), work, saved });
    }
}

/// Writes a site's frame, and the jets of its coordinates along it.
struct Place<'a, M, R, const D: usize> {
    m: &'a M,
    site: &'a mut LocalJet<R, D>,
    z: &'a mut [Jet<R, D>],
}

impl<M: Manifold, R: Real, const D: usize> Task for Place<'_, M, R, D> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { m, site, z } = self;
        let mut t = [Jet::<R, D>::zero(); D];
        for i in 0..D {
            t[i] = Jet::variable(R::zero(), i);
        }
        m.frame(&site.y, &mut site.frame);
        m.lift(&site.y, &site.frame, &t, z);
    }
}

/// [`Potential::jets`].
struct JetWorkspace<'a, P: Potential, R: Real, W, const D: usize> {
    potential: &'a P,
    theta: &'a [W],
    z: &'a [Jet<R, D>],
    psi: &'a mut [Jet<R, D>],
    work: &'a mut P::JetWorkspace<R, D>,
    saved: &'a mut [P::Saved<R, D>],
}

impl<P: Potential, R: Real, W: Weight, const D: usize> Task for JetWorkspace<'_, P, R, W, D> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        self.potential.jets(self.theta, self.z, self.psi, self.work, self.saved);
    }
}
