//! What keeps an affine map from being an isometry of a manifold that its base density does not notice.

use ircpm_manifolds::{AnyManifold, Coordinates};
use nalgebra::DMatrix;

use super::affine::{Affine, ROUNDING};
use crate::potential::features::angular_coordinates;

/// What in the entries of `g` keeps it from being an isometry, if anything does.
pub(super) fn obstacle(g: &Affine, blocks: &[Coordinates]) -> Option<&'static str> {
    let n = g.shift.len();
    if g.matrix.iter().chain(&g.shift).any(|x| !x.is_finite()) {
        return Some("a number is not finite");
    }
    let defect = (&g.matrix * g.matrix.transpose() - DMatrix::<f64>::identity(n, n)).amax();
    // Of other embeddings only the distances below know what an isometry is.
    let orthogonal = !blocks.iter().any(|block| matches!(block, Coordinates::Embedded(_)));
    if orthogonal && defect > ROUNDING {
        return Some("its matrix is not orthogonal");
    }
    let angular = angular_coordinates(blocks);
    for i in 0..n {
        for j in 0..n {
            let entry = g.matrix[(i, j)];
            if angular[i] != angular[j] && entry.abs() > ROUNDING {
                return Some("it mixes angles with other coordinates");
            }
            if angular[i] && (entry - entry.round()).abs() > ROUNDING {
                return Some(
                    "it turns angles into fractions of angles: only signed permutations keep them periodic",
                );
            }
        }
    }
    None
}

/// Number of points that a map is tried on.
const TRIED: usize = 8;

/// Changes of distances and of logarithms below this are rounding, of distances by `atan2` as well.
const SMALL: f64 = 1e-6;

/// What `g` does to points that no isometry does, or to the base density, if anything.
pub(super) fn effect(g: &Affine, manifold: &AnyManifold) -> Option<&'static str> {
    let (n, cube) = (manifold.ambient(), manifold.cube_dim());
    let (mut points, mut images) = (vec![vec![0.0; n]; TRIED], vec![vec![0.0; n]; TRIED]);
    for (k, (point, image)) in points.iter_mut().zip(&mut images).enumerate() {
        let u: Vec<f64> = (0..cube).map(|c| (0.618 * (k * cube + c + 1) as f64).fract()).collect();
        manifold.base_point(&u, point);
        g.apply(point, image);
        if manifold.check_point(image).is_err() {
            return Some("it takes points off the manifold, for example by a shift of a sphere");
        }
        let change = manifold.log_base(image) - manifold.log_base(point);
        if change.is_nan() || change.abs() > SMALL {
            return Some("it changes the base density: on Rⁿ the origin has to stay where it is");
        }
    }
    for k in 1..TRIED {
        let before = manifold.distance(&points[0], &points[k]);
        let after = manifold.distance(&images[0], &images[k]);
        if (after - before).is_nan() || (after - before).abs() > SMALL {
            return Some("it changes distances");
        }
    }
    None
}
