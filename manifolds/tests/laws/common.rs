//! What several tests share: seeded samples, and every generic quantity of a manifold in one list.

use ircpm_ad::Scalar;
use ircpm_manifolds::{Base, BlockMut, Cost, Manifold, Product};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

/// Dimensions around every special case: circles, the equal-area cylinder, Hopf coordinates, odd and even normals,
/// conditioning variables.
pub(crate) const MANIFOLDS: [&str; 19] = [
    "T1", "T2", "T3", "T5", "T8", "S1", "S2", "S3", "S5", "S8", "R1", "R2", "R3", "R5", "R8", "S2xT1",
    "T2xS3xR1", "T1xC1", "S2xR1xC2",
];

/// The manifold of this name.
pub(crate) fn manifold(name: &str) -> Product {
    name.parse().expect(name)
}

/// The generator of a test.
pub(crate) fn generator(seed: u64) -> Pcg64Mcg {
    Pcg64Mcg::seed_from_u64(seed)
}

/// A point of the base density.
pub(crate) fn point<M: Base>(m: &M, rng: &mut Pcg64Mcg) -> Vec<f64> {
    let cube: Vec<f64> = (0..m.cube_dim()).map(|_| rng.random()).collect();
    let mut p = vec![0.0; m.ambient()];
    m.base_point(&cube, &mut p);
    p
}

/// `n` numbers in `(−size, size)`.
pub(crate) fn numbers(n: usize, size: f64, rng: &mut Pcg64Mcg) -> Vec<f64> {
    (0..n).map(|_| size * (2.0 * rng.random::<f64>() - 1.0)).collect()
}

/// `Σ tᵢ Eᵢ` in the manifold's frame at `p`.
pub(crate) fn tangent<M: Manifold, S: Scalar>(m: &M, p: &[S], t: &[S]) -> Vec<S> {
    let (d, n) = (m.dim(), m.ambient());
    let mut frame = vec![S::zero(); d * n];
    m.frame(p, BlockMut::dense(&mut frame, n));
    let mut v = vec![S::zero(); n];
    for i in 0..d {
        for j in 0..n {
            v[j] += t[i] * frame[i * n + j];
        }
    }
    v
}

/// Everything generic that the manifold says of `p`, of the geodesic with frame coordinates `t`, and of a third vector
/// `w` in the frame, as one list.
#[inline(always)]
pub(crate) fn quantities<M: Cost + Base, S: Scalar>(m: &M, p: &[S], t: &[S], w: &[S]) -> Vec<S> {
    let (d, n) = (m.dim(), m.ambient());
    let ambient = || vec![S::zero(); n];
    let (v, w_ambient) = (tangent(m, p, t), tangent(m, p, w));
    let (mut q, mut log, mut on_cover, mut carried) = (ambient(), ambient(), ambient(), ambient());
    m.exp(p, &v, &mut q);
    m.log(p, &q, &mut log);
    m.log_on_cover(&q, p, &mut on_cover);
    m.transport(p, &v, &w_ambient, &mut carried);
    let (mut hessian, mut mixed, mut inverse) =
        (vec![S::zero(); d * d], vec![S::zero(); d], vec![S::zero(); d]);
    m.cost_hessian(t, BlockMut::dense(&mut hessian, d));
    m.mixed(t, w, &mut mixed);
    m.mixed_inverse(t, w, &mut inverse);
    let numbers = vec![m.mixed_log_det(t), m.log_base(p)];
    [v, q, log, on_cover, carried, hessian, mixed, inverse, numbers].concat()
}
