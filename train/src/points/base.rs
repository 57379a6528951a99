//! Base points on a manifold, from sequences in the cube.

use ircpm_manifolds::AnyManifold;

use super::{Generator, Sequence};

/// The next points of a sequence, carried from the cube to the manifold: distributed like the base density,
/// `[point][coordinate]`.
///
/// # Panics
/// If the sequence is not of the manifold's [`AnyManifold::cube_dim`].
pub fn base_points(manifold: &AnyManifold, sequence: &Sequence, rng: &mut Generator) -> Vec<f64> {
    base_point_blocks(manifold, sequence, rng, sequence.points().max(1)).next().unwrap_or_default()
}

/// As [`base_points`], in blocks of `size` points, the last of which may be shorter.
///
/// # Panics
/// As [`base_points`], and if `size` is zero.
pub fn base_point_blocks<'a>(
    manifold: &'a AnyManifold,
    sequence: &'a Sequence,
    rng: &'a mut Generator,
    size: usize,
) -> impl Iterator<Item = Vec<f64>> + 'a {
    let (cube, ambient) = (manifold.cube_dim(), manifold.ambient());
    assert_eq!(sequence.dim(), cube, "a sequence in the cube of {cube} dimensions that {manifold} has");
    sequence.blocks(rng, size).map(move |u| {
        let mut x = vec![0.0; u.len() / cube * ambient];
        for (u, x) in u.chunks_exact(cube).zip(x.chunks_exact_mut(ambient)) {
            manifold.base_point(u, x);
        }
        x
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::points::Spread;

    #[test]
    #[should_panic(expected = "the cube of 2 dimensions that T2 has")]
    fn sequence_of_another_dimension_is_the_callers_error() {
        let sequence = Sequence::new(Spread::Random, 4, 3);
        let _ = base_points(&"T2".parse().unwrap(), &sequence, &mut Generator::from_seed(0));
    }
}
