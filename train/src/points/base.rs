//! Base points on a manifold, from sequences in the cube.

use ircpm_manifolds::AnyManifold;

use super::{Generator, Sequence};

/// The next points of a sequence, carried from the cube to the manifold: distributed like the base density,
/// `[point][coordinate]`.
pub fn base_points(manifold: &AnyManifold, sequence: &Sequence, rng: &mut Generator) -> Vec<f64> {
    let (cube, ambient) = (sequence.dim(), manifold.ambient());
    let mut u = vec![0.0; sequence.points() * cube];
    sequence.fill(rng, &mut u);
    let mut x = vec![0.0; sequence.points() * ambient];
    for (u, x) in u.chunks_exact(cube).zip(x.chunks_exact_mut(ambient)) {
        manifold.base_point(u, x);
    }
    x
}
