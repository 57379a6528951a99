//! What is known at one point `y`: its frame and the second-order jet of psi there.

use ircpm_ad::linear::Weight;
use ircpm_ad::{Jet, Real, Scalar};
use ircpm_manifolds::{Block, BlockMut, Manifold};

use crate::potential::{Potential, resize};

/// A pack of points with their frames and the second-order jets of psi.
#[derive(Clone, Debug)]
pub(crate) struct LocalJet<R, const D: usize> {
    /// `n` ambient coordinates.
    pub y: Vec<R>,
    /// `D × n`.
    pub frame: Vec<R>,
    /// psi, its gradient and its Hessian along the frame.
    pub psi: Jet<R, D>,
}

impl<R: Real, const D: usize> Default for LocalJet<R, D> {
    fn default() -> Self {
        Self { y: vec![], frame: vec![], psi: Jet::zero() }
    }
}

impl<R: Real, const D: usize> LocalJet<R, D> {
    /// Makes room for the points of `m`.
    #[inline(always)]
    pub(crate) fn reserve<M: Manifold>(&mut self, m: &M) {
        resize(&mut self.y, m.ambient());
        resize(&mut self.frame, D * m.ambient());
    }

    /// Frame coordinates of a tangent vector at `y`.
    #[inline(always)]
    pub(crate) fn to_frame<M: Manifold>(&self, m: &M, v: &mut [R]) -> [R; D] {
        to_frame(m, &self.y, &self.frame, v)
    }

    /// Copies `other` in lanes where `mask` is positive.
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

/// Frame coordinates of the tangent vector `v` at `y`, which becomes the covector `⟨v, ·⟩`.
#[inline(always)]
pub(crate) fn to_frame<M: Manifold, R: Real, const D: usize>(
    m: &M,
    y: &[R],
    frame: &[R],
    v: &mut [R],
) -> [R; D] {
    m.lower(y, v);
    pair_with_frame(frame, v)
}

/// What a covector says of each vector of the frame.
#[inline(always)]
pub(crate) fn pair_with_frame<R: Real, const D: usize>(frame: &[R], covector: &[R]) -> [R; D] {
    let n = covector.len();
    let mut out = [R::zero(); D];
    for i in 0..D {
        for c in 0..n {
            out[i] = frame[i * n + c].mul_add(covector[c], out[i]);
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

/// What the jets of psi are functions of: the manifold, the potential and its parameters.
pub(crate) struct Problem<'a, M, P, W> {
    pub manifold: &'a M,
    pub potential: &'a P,
    pub theta: &'a [W],
}

impl<M, P, W> Clone for Problem<'_, M, P, W> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M, P, W> Copy for Problem<'_, M, P, W> {}

/// Buffers for the jets of psi at a point.
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
    /// Finds the frame and the jet of psi at `at.y`, and leaves in `saved`, if it is given, what gradients will need.
    #[inline(always)]
    pub(crate) fn evaluate<M: Manifold, W: Weight>(
        &mut self,
        problem: Problem<'_, M, P, W>,
        at: &mut LocalJet<R, D>,
        saved: Option<&mut P::Saved<R, D>>,
    ) {
        let Problem { manifold: m, potential, theta } = problem;
        let (Self { z, work }, n) = (self, m.ambient());
        resize(z, n);
        R::vectorized(
            #[inline(always)]
            || {
                let mut t = [Jet::<R, D>::zero(); D];
                for i in 0..D {
                    t[i] = Jet::variable(R::zero(), i);
                }
                m.frame(&at.y, BlockMut::dense(&mut at.frame, n));
                m.lift(&at.y, Block::dense(&at.frame, n), &t, z);
            },
        );
        at.psi = R::vectorized(
            #[inline(always)]
            || potential.jets(theta, z, work, saved),
        );
    }
}
