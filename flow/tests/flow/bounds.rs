//! Bounds on the derivatives of potentials: exact constants, differences along geodesics, batches that are cut.

use std::f64::consts::{PI, SQRT_2};
use std::sync::Arc;

use ircpm_flow::{Direction, Flow, LayerBounds, Map, Record, Solver, Terms, Workspace, linear_map};
use ircpm_manifolds::AnyManifold;

use crate::networks::{points, regular, spec};

/// One layer whose psi is a combination of these terms.
pub(crate) fn linear(terms: Terms, manifold: &AnyManifold) -> Flow {
    let map = linear_map(manifold, terms, Solver::default()).unwrap();
    Flow::from_maps(vec![map as Arc<dyn Map>], false).unwrap()
}

/// `psi = a c·y` on S², with the pole for `c`.
pub(crate) fn zonal() -> Flow {
    let sphere: AnyManifold = "S2".parse().unwrap();
    linear(Terms::new(&sphere).zonal(0..3, &[0.0, 0.0, 1.0], 1..2), &sphere)
}

fn only(mut bounds: Vec<LayerBounds>) -> LayerBounds {
    assert_eq!(bounds.len(), 1);
    bounds.remove(0)
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-13 * (1.0 + b.abs())
}

#[test]
fn bounds_of_a_height_on_the_sphere_are_exact_and_pass_one_condition_after_the_other() {
    // At the angle t from the pole |grad psi| = a sin t and Hess psi = −a cos t. At the poles and the equator the
    // largest values are attained. Columns: a, coarse, sharp, pointwise.
    let flow = zonal();
    for (a, coarse, sharp, regular) in [
        (0.0, true, true, true),
        (0.5, true, true, true),
        (0.6, false, true, true),
        (0.78, false, true, true),
        (0.79, false, false, true),
        (0.9, false, false, true),
        (1.1, false, false, false),
        (3.3, false, false, false),
    ] {
        let mut y = points(flow.manifold(), 3000, 5);
        y.extend([0.0, 0.0, 1.0, 0.0, 0.0, -1.0, 1.0, 0.0, 0.0]);
        let bounds = only(flow.potential_bounds(&[a], &y));
        assert_eq!((bounds.layer, bounds.points, bounds.undefined), (0, 3003, 0));
        let [factor] = &bounds.gradients[..] else { panic!("one factor: {bounds:?}") };
        assert_eq!((&factor.factor[..], factor.radius), ("S2", PI));
        assert!(close(factor.gradient.value, a) && close(bounds.hessian.value, a), "a = {a}: {bounds:?}");
        if a > 0.0 {
            assert!(factor.gradient.point[2].abs() < 0.05 && bounds.hessian.point[2].abs() == 1.0);
        }
        // The two eigenvalues of H at every point.
        let lowest = y.chunks_exact(3).map(|y| {
            let r = a * (y[0] * y[0] + y[1] * y[1]).sqrt();
            let transverse = if r > 0.0 { r / r.tan() } else { 1.0 };
            transverse.min(1.0) - a * y[2]
        });
        let lowest = lowest.fold(f64::INFINITY, f64::min);
        // Near r = π the cotangent magnifies rounding.
        assert!(
            (bounds.eigenvalue.value - lowest).abs() < 1e-11 * (1.0 + lowest.abs()),
            "a = {a}: {bounds:?}"
        );
        let allowed = |r: f64| match r {
            0.0 => 1.0,
            r if r >= PI => f64::NEG_INFINITY,
            r => r / r.tan(),
        };
        for (condition, r, holds) in [(bounds.coarse(), 2.0 * a, coarse), (bounds.sharp(), a, sharp)] {
            let condition = condition.unwrap();
            assert!(condition.allowed == allowed(r) || close(condition.allowed, allowed(r)), "a = {a}");
            assert_eq!(condition.holds, holds, "a = {a}: {condition:?}");
        }
        assert_eq!(bounds.is_regular(), regular, "a = {a}: {bounds:?}");
        assert_eq!(bounds.folds > 0, !regular);
    }
}

#[test]
fn factors_have_their_own_slopes_and_flat_ones_no_radius() {
    // psi = a x·c + b √2 cos θ on S² × T¹, and quadratics on R².
    let product: AnyManifold = "S2xT1".parse().unwrap();
    let terms = Terms::new(&product).waves(&[vec![1]]).zonal(0..3, &[0.0, 0.0, 1.0], 1..2);
    let flow = linear(terms, &product);
    let mut y = points(&product, 500, 6);
    y.extend([1.0, 0.0, 0.0, 0.5 * PI, 0.0, 0.0, 1.0, 0.0]);
    // The wave's cosine and sine, then the height.
    for (a, b) in [(0.4, 0.2), (0.2, 0.45)] {
        let bounds = only(flow.potential_bounds(&[b, 0.0, a], &y));
        let found: Vec<(&str, f64)> =
            bounds.gradients.iter().map(|f| (&f.factor[..], f.gradient.value)).collect();
        assert!(
            matches!(found[..], [("S2", k), ("T1", l)] if close(k, a) && close(l, SQRT_2 * b)),
            "{found:?}"
        );
        assert_eq!(bounds.gradients[1].radius, f64::INFINITY);
        assert!(close(bounds.hessian.value, a.max(SQRT_2 * b)), "{bounds:?}");
        assert!(close(bounds.sharp().unwrap().allowed, a / a.tan()));
        assert!(bounds.sharp().unwrap().holds && bounds.is_regular());
    }
    let plane: AnyManifold = "R2".parse().unwrap();
    let flow = linear(Terms::new(&plane).polynomials(), &plane);
    // A = ((3, 0.4), (0.4, −0.8)): larger than any Hessian that the conditions allow, and yet convex with the cost.
    let (mean, radius) = (1.1, (1.9_f64 * 1.9 + 0.4 * 0.4).sqrt());
    let bounds = only(flow.potential_bounds(&[0.3, -0.2, 3.0, 0.4, -0.8], &points(&plane, 100, 7)));
    assert!(
        close(bounds.hessian.value, mean + radius) && close(bounds.eigenvalue.value, 1.0 + mean - radius)
    );
    assert_eq!((bounds.sharp().unwrap().allowed, bounds.coarse().unwrap().allowed), (1.0, 1.0));
    assert!(bounds.is_regular() && !bounds.sharp().unwrap().holds);
}

#[test]
fn gradient_and_hessian_of_a_network_match_differences_along_geodesics() {
    const STEP: f64 = 1e-4;
    for (seed, name) in (610..).zip(["T2", "S2", "S2xT1", "R2", "S3"]) {
        let flow = Flow::new(spec(name, 1, true, &[5, 4])).unwrap();
        let (m, (theta, _)) = (flow.manifold(), regular(&flow, seed));
        let (n, d) = (m.ambient(), m.dim());
        let y = points(m, 6, seed);
        let (mut record, mut g, mut h) = (Record::default(), vec![0.0; 6 * d], vec![0.0; 6 * d * d]);
        Workspace::with(|work| flow.map(0).run(Direction::Inverse, &theta, &y, &mut record, work));
        assert!(flow.map(0).potential_derivatives(&record, &mut g, &mut h));
        for (s, y) in y.chunks_exact(n).enumerate() {
            let mut frame = vec![0.0; d * n];
            m.frame(y, &mut frame);
            let t: Vec<f64> = (0..d).map(|i| (1.0 + s as f64 + 2.3 * i as f64).sin()).collect();
            let psi = |step: f64| {
                let mut v = vec![0.0; n];
                for (row, t) in frame.chunks_exact(n).zip(&t) {
                    v.iter_mut().zip(row).for_each(|(v, e)| *v += step * t * e);
                }
                let mut q = y.to_vec();
                m.exp(y, &v, &mut q);
                flow.potential(&theta, 0, &q)[0]
            };
            let first: f64 = (0..d).map(|i| g[s * d + i] * t[i]).sum();
            let second: f64 = (0..d * d).map(|e| h[s * d * d + e] * t[e / d] * t[e % d]).sum();
            let (before, at, after) = (psi(-STEP), psi(0.0), psi(STEP));
            let error = (first - (after - before) / (2.0 * STEP)).abs();
            assert!(error < 1e-7, "{name}: gradient, {error:e}");
            let error = (second - (after - 2.0 * at + before) / (STEP * STEP)).abs();
            assert!(error < 1e-6, "{name}: Hessian, {error:e}");
        }
    }
}

#[test]
fn batches_that_are_cut_give_the_same_bits_and_points_without_derivatives_are_counted() {
    let flow = Flow::new(spec("S2", 3, false, &[6])).unwrap();
    let (theta, _) = regular(&flow, 620);
    let y = points(flow.manifold(), 1000, 8);
    let whole = flow.potential_bounds(&theta, &y);
    assert_eq!(whole.iter().map(|b| b.layer).collect::<Vec<_>>(), [0, 1, 2]);
    for cut in [3, 3 * 129, 3 * 999] {
        let mut first = flow.potential_bounds(&theta, &y[..cut]);
        let second = flow.potential_bounds(&theta, &y[cut..]);
        first.iter_mut().zip(&second).for_each(|(a, b)| a.merge(b));
        assert_eq!(first, whole);
    }
    let one_thread = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    assert_eq!(one_thread.install(|| flow.potential_bounds(&theta, &y)), whole);

    // Layers that share their parameters have one potential.
    let shared = Flow::new(spec("S2", 3, true, &[6])).unwrap();
    assert_eq!(shared.potential_bounds(&theta[..shared.parameters()], &y)[0], whole[0]);
    assert_eq!(shared.potential_bounds(&theta[..shared.parameters()], &y).len(), 1);

    let none = &flow.potential_bounds(&theta, &[])[0];
    assert!(none.points == 0 && !none.is_regular() && !none.sharp().unwrap().holds);
    let mut spoilt = y.clone();
    spoilt[3] = f64::NAN;
    spoilt[6] = 2.0;
    let bounds = &flow.potential_bounds(&theta, &spoilt)[0];
    assert_eq!((bounds.points, bounds.undefined), (1000, 2));
    assert!(!bounds.is_regular() && !bounds.sharp().unwrap().holds && !bounds.coarse().unwrap().holds);
    let mut broken = theta.clone();
    broken[0] = f64::NAN;
    assert_eq!(flow.potential_bounds(&broken, &y)[0].undefined, 1000);
}
