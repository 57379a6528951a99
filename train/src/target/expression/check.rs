//! What can be seen of an energy at a few points: whether it is finite, periodic, and not the same everywhere.

use std::f64::consts::TAU;

use ircpm_manifolds::AnyManifold;

use super::error::ExpressionErrorKind;
use super::names::Names;
use super::program::Program;

/// Points at which an energy is looked at.
const POINTS: usize = 64;

/// Points at which each angle makes a turn.
const TURNS: usize = 8;

/// What is wrong with an energy, and the coordinate to blame if it is one.
///
/// The points are base points of a Kronecker sequence, the same for every energy. What happens between them is not
/// seen: the losses look for energies that are not finite at every point that they visit.
pub(super) fn examine(
    manifold: &AnyManifold,
    names: &Names,
    program: &Program,
) -> Result<(), (ExpressionErrorKind, Option<usize>)> {
    let points = base_points(manifold, POINTS);
    let mut energies = Vec::with_capacity(POINTS);
    for p in points.chunks_exact(manifold.ambient()) {
        let value: f64 = program.value(p);
        if !value.is_finite() {
            return Err((ExpressionErrorKind::NotFiniteAt { value, point: names.point(p) }, None));
        }
        energies.push(value);
    }
    let (least, most) = energies
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), &u| (least.min(u), most.max(u)));
    let size = least.abs().max(most.abs());
    // Sums of a few thousand terms round by as much.
    if most - least <= 1e-12 * size {
        return Err((ExpressionErrorKind::Constant { manifold: manifold.to_string() }, None));
    }
    let mut turned = vec![0.0; manifold.ambient()];
    for angle in names.angles() {
        for (p, &here) in points.chunks_exact(manifold.ambient()).zip(&energies).take(TURNS) {
            turned.copy_from_slice(p);
            turned[angle] += TAU;
            let there: f64 = program.value(&turned);
            // A turn carries an error of 1e-15 into the angle, and that times the slope into the energy.
            if (here - there).abs() > 1e-8 * size || !there.is_finite() {
                let (point, angle_name) = (names.point(p), names.name(angle));
                let kind = ExpressionErrorKind::NotPeriodic { angle: angle_name, point, here, there };
                return Err((kind, Some(angle)));
            }
        }
    }
    Ok(())
}

/// Points of the base density from the Kronecker sequence of the generalised golden ratio (Roberts 2018).
fn base_points(manifold: &AnyManifold, count: usize) -> Vec<f64> {
    let m = manifold.cube_dim();
    // The root above 1 of φ^(m+1) = φ + 1, by its contraction.
    let golden = (0..60).fold(1.5_f64, |phi, _| (1.0 + phi).powf(1.0 / (m as f64 + 1.0)));
    let mut points = vec![0.0; count * manifold.ambient()];
    let mut cube = vec![0.0; m];
    for (i, p) in points.chunks_exact_mut(manifold.ambient()).enumerate() {
        for (j, u) in cube.iter_mut().enumerate() {
            *u = (0.5 + (i + 1) as f64 * golden.powi(-(j as i32 + 1))).fract();
        }
        manifold.base_point(&cube, p);
    }
    points
}
