//! What can be seen of an energy at a few points: whether it is finite, periodic, and not the same everywhere; whether it
//! rises towards infinity.

use std::f64::consts::TAU;

use ircpm_manifolds::{AnyManifold, Coordinates};

use super::error::ExpressionErrorKind;
use super::names::Names;
use super::program::Program;

/// Points at which an energy is looked at.
const POINTS: usize = 64;

/// Points at which each angle makes a turn.
const TURNS: usize = 8;

/// Powers of ten at which a real coordinate is looked at: far enough for a quadratic term to win over a linear one, near
/// enough for a third power to be finite.
const FAR: [i32; 8] = [12, 24, 36, 48, 60, 72, 84, 96];

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

/// What leaves the density of an energy no finite integral, where that is seen along a real coordinate.
pub(super) fn examine_growth(
    manifold: &AnyManifold,
    names: &Names,
    program: &Program,
) -> Result<(), ExpressionErrorKind> {
    let points = base_points(manifold, TURNS);
    for coordinate in reals(manifold) {
        for (sign, end) in [(1.0, "infinity"), (-1.0, "minus infinity")] {
            let starts = points.chunks_exact(manifold.ambient());
            if let Some(behaviour) = towards_infinity(program, starts, coordinate, sign) {
                let coordinate = names.name(coordinate);
                return Err(ExpressionErrorKind::Unbounded { behaviour, coordinate, end });
            }
        }
    }
    Ok(())
}

/// Places of the real coordinates.
fn reals(manifold: &AnyManifold) -> Vec<usize> {
    let (mut reals, mut at) = (Vec::new(), 0);
    for run in manifold.coordinates() {
        if matches!(run, Coordinates::Reals(_)) {
            reals.extend(at..at + run.len());
        }
        at += run.len();
    }
    reals
}

/// What an energy does as a real coordinate grows, if that leaves its density no finite integral: it falls from each of
/// many powers of ten to the next, or keeps its value, from wherever it starts. None for anything else, which may be
/// right: a periodic energy on a line is not told.
fn towards_infinity<'a>(
    program: &Program,
    starts: impl Iterator<Item = &'a [f64]>,
    coordinate: usize,
    sign: f64,
) -> Option<&'static str> {
    let (mut falls, mut stays) = (true, true);
    let mut p = Vec::new();
    for start in starts {
        p.clear();
        p.extend_from_slice(start);
        let here: f64 = program.value(&p);
        let mut before = here;
        for power in FAR {
            p[coordinate] = sign * 10f64.powi(power);
            let there: f64 = program.value(&p);
            falls &= there < before || there == f64::NEG_INFINITY;
            stays &= (there - here).abs() <= 1e-12 * here.abs();
            before = there;
        }
        if !falls && !stays {
            return None;
        }
    }
    Some(if falls { "falls without bound" } else { "keeps its value" })
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
