//! Whether an energy has the symmetries that its model is given.

use ircpm_flow::Symmetries;

use crate::points::{Generator, Sequence, Spread, base_points};
use crate::target::Target;

/// A symmetry that an energy does not have, and where that is seen.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error(
    "the target `{target}` does not have the symmetry `{symmetry}`: its energy is {energy} at {}, and {image_energy} at \
     the image {}; leave the symmetry out, or correct the energy",
    numbers(point),
    numbers(image)
)]
pub struct Asymmetry {
    /// Name of the target.
    pub target: String,
    /// The symmetry.
    pub symmetry: String,
    /// Coordinates of a point.
    pub point: Vec<f64>,
    /// The energy there, in nats.
    pub energy: f64,
    /// Coordinates of the point's image under an element of the symmetry.
    pub image: Vec<f64>,
    /// The energy at the image, in nats.
    pub image_energy: f64,
}

fn numbers(point: &[f64]) -> String {
    let numbers: Vec<String> = point.iter().map(|x| format!("{x:.6}")).collect();
    format!("({})", numbers.join(", "))
}

/// Points at which an energy is compared with that at their images.
const POINTS: usize = 64;

/// Differences below this, relative to the energies' size, are their rounding, or what an iteration has left of them.
const TOLERANCE: f64 = 1e-6;

/// Angle by which continuous symmetries are tried, in radians: no fraction of a turn.
const ANGLE: f64 = 1.0;

/// Compares the energy of `target` at 64 base points with that at their images under generators of `symmetries`.
///
/// A model that has a symmetry cannot learn an energy without it. What happens between the points is not seen.
///
/// # Errors
/// [`Asymmetry`] with the first point where the energies differ by more than a millionth.
///
/// # Panics
/// If the symmetries are those of a manifold with another number of coordinates.
pub fn check_symmetry(target: &dyn Target, symmetries: &Symmetries) -> Result<(), Asymmetry> {
    let manifold = target.manifold();
    let n = manifold.ambient();
    let examples = symmetries.examples(ANGLE);
    if examples.is_empty() {
        return Ok(());
    }
    let sequence = Sequence::new(Spread::Lattice, POINTS, manifold.cube_dim());
    let points = base_points(manifold, &sequence, &mut Generator::from_seed(0));
    let energies = |points: &[f64]| {
        let mut u = vec![0.0; POINTS];
        target.energies(points, &mut u);
        u
    };
    let before = energies(&points);
    for (index, g) in examples {
        let mut images = points.clone();
        for (point, image) in points.chunks_exact(n).zip(images.chunks_exact_mut(n)) {
            g.apply(point, image);
            manifold.wrap(image);
        }
        for (s, (&u, v)) in before.iter().zip(energies(&images)).enumerate() {
            // What is not a number is for training to refuse.
            if u != v && (u - v).abs() > TOLERANCE * (1.0 + u.abs().min(v.abs())) {
                return Err(Asymmetry {
                    target: target.name().to_owned(),
                    symmetry: symmetries.names()[index].clone(),
                    point: points[s * n..][..n].to_vec(),
                    energy: u,
                    image: images[s * n..][..n].to_vec(),
                    image_energy: v,
                });
            }
        }
    }
    Ok(())
}
