//! What is known at one point `y`: its frame and the jet of psi there.

use ircpm_ad::linear::Weight;
use ircpm_ad::{Jet, Real, Scalar};
use ircpm_manifolds::Manifold;

use crate::potential::{Potential, resize};

/// A pack of points with their frames and the second-order jets of psi.
#[derive(Clone, Debug)]
pub(crate) struct Site<R, const D: usize> {
    /// `n` ambient coordinates.
    pub y: Vec<R>,
    /// `D × n`.
    pub frame: Vec<R>,
    pub psi: Jet<R, D>,
}

impl<R: Real, const D: usize> Default for Site<R, D> {
    fn default() -> Self {
        Self { y: vec![], frame: vec![], psi: Jet::zero() }
    }
}

impl<R: Real, const D: usize> Site<R, D> {
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
        for (old, &new) in self.y.iter_mut().zip(&other.y) {
            *old = take(new, *old);
        }
        for (old, &new) in self.frame.iter_mut().zip(&other.frame) {
            *old = take(new, *old);
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

/// Buffers for evaluating psi at several sites at once.
#[derive(Debug)]
pub(crate) struct Evaluator<P: Potential, R: Real, const D: usize> {
    z: Vec<Jet<R, D>>,
    psi: Vec<Jet<R, D>>,
    work: P::Jets<R, D>,
    /// What psi keeps of the sites, in their order; the memory is that of `kept`.
    slots: Vec<P::Kept<R, D>>,
}

impl<P: Potential, R: Real, const D: usize> Default for Evaluator<P, R, D> {
    fn default() -> Self {
        Self { z: vec![], psi: vec![], work: Default::default(), slots: vec![] }
    }
}

impl<P: Potential, R: Real, const D: usize> Evaluator<P, R, D> {
    /// Frames and jets at the sites `pick(i)`, `i` in `which`; and what psi keeps of them, in `kept[i]` if that is not empty.
    #[inline(always)]
    pub(crate) fn evaluate<M: Manifold, W: Weight, T>(
        &mut self,
        (m, potential, theta): (&M, &P, &[W]),
        items: &mut [T],
        which: &[usize],
        pick: impl Fn(&mut T) -> &mut Site<R, D>,
        kept: &mut [P::Kept<R, D>],
    ) {
        let (n, packs) = (m.ambient(), which.len());
        let Self { z, psi, work, slots } = self;
        resize(z, n * packs);
        resize(psi, packs);
        slots.resize_with(if kept.is_empty() { 0 } else { packs }, Default::default);
        let mut t = [Jet::<R, D>::zero(); D];
        for i in 0..D {
            t[i] = Jet::variable(R::zero(), i);
        }
        for (p, &i) in which.iter().enumerate() {
            let site = pick(&mut items[i]);
            m.frame(&site.y, &mut site.frame);
            m.lift(&site.y, &site.frame, &t, &mut z[p * n..(p + 1) * n]);
            if !kept.is_empty() {
                std::mem::swap(&mut kept[i], &mut slots[p]);
            }
        }
        potential.jets(theta, z, psi, work, slots);
        for (p, &i) in which.iter().enumerate() {
            pick(&mut items[i]).psi = psi[p];
            if !kept.is_empty() {
                std::mem::swap(&mut kept[i], &mut slots[p]);
            }
        }
    }
}
