//! Local minima of functions on a manifold, without derivatives.

use ircpm_manifolds::AnyManifold;

use super::Model;
use crate::points::{Generator, Sequence, Spread, base_points};

/// Points that a search starts from.
pub(super) const STARTS: usize = 192;
/// First and finest step of a search in radians.
const STEPS: (f64, f64) = (0.2, 1e-6);
/// Most rounds of a search: some sixty are needed.
const ROUNDS: usize = 400;
/// Distance in radians within which two ends of a search are one minimum.
const APART: f64 = 1e-2;

/// A local minimum of a function on a manifold.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Minimum {
    /// Ambient coordinates.
    pub(super) point: Vec<f64>,
    /// The function there.
    pub(super) value: f64,
}

/// A function at a batch of points.
type Field<'a> = dyn Fn(&[f64]) -> Vec<f64> + 'a;

/// The local minima of a function that descents from evenly spread points come to, the lowest first.
///
/// Each descent tries the ends of geodesics along the frame and its diagonals, and halves their length where none is
/// lower. No derivatives are used, so that psi, phi and energies are looked at in one way.
pub(super) fn minima(manifold: &AnyManifold, f: &Field<'_>) -> Vec<Minimum> {
    let n = manifold.ambient();
    let sequence = Sequence::new(Spread::Lattice, STARTS, manifold.cube_dim());
    let mut points = base_points(manifold, &sequence, &mut Generator::from_seed(0));
    let (mut values, mut steps) = (f(&points), vec![STEPS.0; STARTS]);
    for _ in 0..ROUNDS {
        let active: Vec<usize> = (0..STARTS).filter(|&i| steps[i] > STEPS.1).collect();
        if active.is_empty() {
            break;
        }
        let around: Vec<f64> =
            active.iter().flat_map(|&i| neighbours(manifold, &points[i * n..][..n], steps[i])).collect();
        let each = around.len() / n / active.len();
        let found = f(&around);
        for (k, &i) in active.iter().enumerate() {
            let own = k * each..(k + 1) * each;
            let lowest =
                own.min_by(|&a, &b| found[a].total_cmp(&found[b])).expect("a manifold has directions");
            if found[lowest] < values[i] {
                values[i] = found[lowest];
                points[i * n..][..n].copy_from_slice(&around[lowest * n..][..n]);
            } else {
                steps[i] *= 0.5;
            }
        }
    }
    points.chunks_exact_mut(n).for_each(|point| manifold.wrap(point));
    let ends = points.chunks_exact(n).zip(values);
    let mut ends: Vec<Minimum> = ends.map(|(p, value)| Minimum { point: p.to_vec(), value }).collect();
    ends.sort_by(|a, b| a.value.total_cmp(&b.value));
    let mut apart: Vec<Minimum> = Vec::new();
    for end in ends {
        if apart.iter().all(|other| manifold.distance(&other.point, &end.point) > APART) {
            apart.push(end);
        }
    }
    apart
}

/// Ends of geodesics of one length from a point, along plus and minus each direction of the frame and the diagonals of
/// two.
fn neighbours(manifold: &AnyManifold, p: &[f64], length: f64) -> Vec<f64> {
    let (n, d) = (manifold.ambient(), manifold.dim());
    let mut frame = vec![0.0; d * n];
    manifold.frame(p, &mut frame);
    let mut all = Vec::new();
    let mut go = |weights: &[(usize, f64)]| {
        let mut v = vec![0.0; n];
        for &(k, weight) in weights {
            v.iter_mut().zip(&frame[k * n..]).for_each(|(v, e)| *v += length * weight * e);
        }
        let mut q = vec![0.0; n];
        manifold.exp(p, &v, &mut q);
        all.extend(q);
    };
    for i in 0..d {
        for a in [-1.0, 1.0] {
            go(&[(i, a)]);
            for j in 0..i {
                [-1.0, 1.0].iter().for_each(|b| go(&[(i, a), (j, *b)]));
            }
        }
    }
    all
}

impl Model {
    /// Minima of the energy, of psi and of phi of the first layer.
    pub(super) fn minima(&self) -> [Vec<Minimum>; 3] {
        let Self { flow, theta, target, .. } = self;
        let manifold = flow.manifold();
        let energy = |y: &[f64]| {
            let mut u = vec![0.0; y.len() / manifold.ambient()];
            target.energies(y, &mut u);
            u
        };
        let undefined_above = |f: Vec<f64>| f.into_iter().map(|f| if f.is_nan() { f64::INFINITY } else { f });
        [
            minima(manifold, &energy),
            minima(manifold, &|y| flow.potential(theta, 0, y)),
            minima(manifold, &|x| undefined_above(flow.dual_potential(theta, 0, x)).collect()),
        ]
    }
}

/// The minimum that is nearest to a point, and its distance in radians.
pub(super) fn nearest<'a>(
    manifold: &AnyManifold,
    p: &[f64],
    all: &'a [Minimum],
) -> Option<(&'a Minimum, f64)> {
    let with_distance = all.iter().map(|other| (other, manifold.distance(p, &other.point)));
    with_distance.min_by(|a, b| a.1.total_cmp(&b.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minima_of_known_functions_are_all_found() {
        let torus: AnyManifold = "T2".parse().expect("a torus");
        // cos 2a + cos b has its minima at a = π/2, 3π/2 and b = π.
        let f = |y: &[f64]| y.chunks_exact(2).map(|y| (2.0 * y[0]).cos() + y[1].cos()).collect();
        let found = minima(&torus, &f);
        assert_eq!(found.len(), 2, "{found:?}");
        for minimum in &found {
            assert!((minimum.value + 2.0).abs() < 1e-10, "{minimum:?}");
            assert!((minimum.point[1] - std::f64::consts::PI).abs() < 1e-5);
        }
        let sphere: AnyManifold = "S2".parse().expect("a sphere");
        // −z² has its minima at the poles, where frames are arbitrary.
        let poles = minima(&sphere, &|y: &[f64]| y.chunks_exact(3).map(|y| -y[2] * y[2]).collect());
        assert_eq!(poles.len(), 2, "{poles:?}");
        assert!(poles.iter().all(|minimum| minimum.point[2].abs() > 1.0 - 1e-10), "{poles:?}");
        assert_eq!(nearest(&sphere, &[0.0, 0.6, 0.8], &poles).map(|(m, _)| m.point[2] > 0.0), Some(true));
    }
}
