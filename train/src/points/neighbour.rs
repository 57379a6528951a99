//! Random points near a given one.

use ircpm_manifolds::AnyManifold;

use super::Generator;

/// A point whose distance from `point` is normally distributed, with standard deviation `length`, in each direction of a
/// frame.
pub(crate) fn neighbour(manifold: &AnyManifold, point: &[f64], length: f64, rng: &mut Generator) -> Vec<f64> {
    let (n, dim) = (manifold.ambient(), manifold.dim());
    let mut frame = vec![0.0; dim * n];
    manifold.frame(point, &mut frame);
    let mut velocity = vec![0.0; n];
    for direction in frame.chunks_exact(n) {
        let length = length * rng.normal();
        velocity.iter_mut().zip(direction).for_each(|(v, e)| *v += length * e);
    }
    let mut out = vec![0.0; n];
    manifold.exp(point, &velocity, &mut out);
    manifold.wrap(&mut out);
    out
}
