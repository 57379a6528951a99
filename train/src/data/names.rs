//! Names of coordinates in tables that are written, by which they are read again.

use ircpm_manifolds::{AnyManifold, Coordinates};

/// Names of the coordinates of a point: `theta1`, `theta2`, … for angles, `c1`, `c2`, … for conditioning variables and
/// `x1`, `x2`, … for all others, each counted over the whole manifold.
pub fn coordinate_names(manifold: &AnyManifold) -> Vec<String> {
    let (mut angles, mut contexts, mut others) = (0, 0, 0);
    let mut names = Vec::with_capacity(manifold.ambient());
    for block in manifold.coordinates() {
        let (letter, count) = match block {
            Coordinates::Angles(_) => ("theta", &mut angles),
            Coordinates::Context(_) => ("c", &mut contexts),
            _ => ("x", &mut others),
        };
        for _ in 0..block.len() {
            *count += 1;
            names.push(format!("{letter}{count}"));
        }
    }
    names
}
