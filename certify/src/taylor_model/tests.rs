use ircpm_ad::{Dual, Jet, Scalar, log_sum_exp};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use super::*;
use crate::model_jet::ModelJet;

type Plane = TaylorModel<2, 15>;

/// Every operation and several functions.
fn expression<S: Scalar>([x, y]: [S; 2]) -> Vec<S> {
    let theta = S::constant(0.7);
    let a = (x * theta + y * y).softplus() - x.sin() * (y + 3.0).ln();
    let b = theta / (x * x + 2.0) + (a / theta) * theta.exp() - (a * a * a) / 3.0;
    let c = S::select_gt(x.value(), S::Base::constant(-100.0), a, theta) * (y.recip() - 2.0);
    let d = log_sum_exp(&[x, y, theta]) + (-x).sigmoid() * b.atan() * x.cos();
    let e = y.powi(3).sqrt() * (x * y).atan2(y + 1.0).cos().tanh() - y.powf(1.3) + (x * 0.3).exp();
    vec![a, b, c, d, e, [x, y, theta].into_iter().product()]
}

/// A box, its models, and a point of it with its place.
fn random_box(rng: &mut Pcg64, width: f64) -> ([Plane; 2], [f64; 2]) {
    let at = [rng.random_range(-2.0..2.0), rng.random_range(0.5..3.0)];
    let sides = at.map(|x| Interval::new(x, x + width));
    let models = [0, 1].map(|k| Plane::coordinate(sides[k], k));
    (models, at.map(|x| x + width * rng.random_range(0.0..1.0)))
}

#[test]
fn models_and_their_derivatives_enclose_those_of_jets() {
    let mut rng = Pcg64::seed_from_u64(1);
    for _ in 0..300 {
        let width: f64 = 10_f64.powf(rng.random_range(-4.0..-0.5));
        let (models, inner) = random_box(&mut rng, width);
        let found = expression([0, 1].map(|k| ModelJet::variable(models[k], k)));
        let plain = expression(models);
        let exact = expression([0, 1].map(|k| Jet::<f64, 2>::variable(inner[k], k)));
        for (number, ((found, exact), plain)) in found.iter().zip(&exact).zip(&plain).enumerate() {
            let check = |what: &str, model: &Plane, exact: f64| {
                let (range, slack) = (model.range(), 1e-11 * (1.0 + exact.abs()));
                // Over large boxes some arguments leave the domains of functions.
                if range.is_undefined() {
                    return assert!(width > 0.05, "{number} {what} at a width of {width}");
                }
                let holds = range.lo() <= exact + slack && range.hi() >= exact - slack;
                assert!(holds, "{number} {what}: {range:?}, not {exact}, at a width of {width}");
                let is_narrow = range.radius() < 1e4 * width * (1.0 + exact.abs());
                assert!(is_narrow || width > 0.01, "{number} {what}: {range:?} at a width of {width}");
            };
            check("plain value", plain, exact.re);
            check("value", &found.value_model(), exact.re);
            for i in 0..2 {
                check("gradient", &found.first(i), exact.grad[i]);
                (0..2).for_each(|j| check("Hessian", &found.second(i, j), exact.hess[i][j]));
            }
        }
    }
}

#[test]
fn errors_are_of_the_fifth_order() {
    let mut rng = Pcg64::seed_from_u64(2);
    for _ in 0..20 {
        let seed = rng.random_range(0..u64::MAX);
        let errors = [0.02, 0.01].map(|width| {
            let (models, _) = random_box(&mut Pcg64::seed_from_u64(seed), width);
            expression(models)
        });
        for (wide, narrow) in errors[0].iter().zip(&errors[1]) {
            assert!(narrow.error() < wide.error() / 20.0 + 1e-13, "{} {}", wide.error(), narrow.error());
        }
    }
}

#[test]
fn polynomials_of_low_degree_are_exact() {
    let side = Interval::new(1.0, 3.0);
    let x = Plane::coordinate(side, 0);
    let y = Plane::coordinate(Interval::new(-1.0, 1.0), 1);
    // x² − 4x has its lowest value −4 at x = 2, and y² − y its lowest −1/4 at 1/2.
    let range = (x * x - x * 4.0 + y * y - y).range();
    assert!((range.lo() + 4.25).abs() < 1e-12 && (range.hi() - (-3.0 + 2.0)).abs() < 1e-12, "{range:?}");
    let difference = (x * y) * (x * y) - (x * x) * (y * y);
    assert!(difference.range().magnitude() < 1e-12);
}

#[test]
fn kinks_and_undefined_values_are_enclosed() {
    let x = Plane::coordinate(Interval::new(-1.0, 2.0), 0);
    let zero = Interval::ZERO;
    let absolute = Plane::select_gt(x.value(), zero, x, -x);
    let range = absolute.range();
    assert!(range.lo() <= 0.0 && range.hi() >= 2.0 && range.hi() < 4.0, "{range:?}");
    let root = x.sqrt();
    assert!(!root.is_defined() && !(root * 0.0).is_defined() && root.value().is_undefined());
    assert!(!Scalar::is_finite(Plane::select_gt(x.value(), zero, root, x)));
    // Where the branch is known the other one may be undefined.
    assert!(Plane::select_gt(x.value(), Interval::point(-3.0), x, root).is_defined());
    assert!(!Plane::constant(f64::INFINITY).is_defined() && !(x * f64::MAX * 10.0).is_defined());
}

#[test]
fn models_of_space_restrict_to_their_variables() {
    let sides = [Interval::new(0.5, 0.75), Interval::new(1.0, 1.5)];
    let in_space = expression([0, 1].map(|k| SpaceModel::coordinate(sides[k], k)));
    let in_plane = expression([0, 1].map(|k| Plane::coordinate(sides[k], k)));
    for (space, plane) in in_space.iter().zip(&in_plane) {
        let restricted: Plane = space.restricted();
        assert!((restricted - *plane).range().magnitude() < 2.5 * plane.error() + 1e-12);
    }
}

#[test]
fn duals_of_models_have_the_derivatives_of_model_jets() {
    let mut rng = Pcg64::seed_from_u64(3);
    let (models, _) = random_box(&mut rng, 0.01);
    let jets = expression([0, 1].map(|k| ModelJet::variable(models[k], k)));
    let duals = expression([0, 1].map(|k| Dual::<Plane, 2>::variable(models[k], k)));
    for (jet, dual) in jets.iter().zip(&duals) {
        for i in 0..2 {
            let (a, b) = (jet.first(i).range(), dual.eps[i].range());
            assert!(
                !a.intersection(b).is_undefined() && (a.middle() - b.middle()).abs() < 1e-6,
                "{a:?} {b:?}"
            );
        }
    }
}
