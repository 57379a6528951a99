//! Points: drawing them, wrapping them, naming their manifolds, and what is said of bad ones.

use std::f64::consts::{PI, TAU};

use crate::common::{generator, manifold, numbers, point};
use ircpm_manifolds::{Base, BlockMut, CutLocus, InvalidManifold, InvalidPoint, Manifold, Product, Sphere};
use proptest::prelude::*;

const SEED: u64 = 20;
const SAMPLES: usize = 40_000;

/// Mean of `f` over base points, and its standard error.
fn mean(m: &Product, f: impl Fn(&[f64]) -> f64) -> (f64, f64) {
    let mut rng = generator(SEED);
    let values: Vec<f64> = (0..SAMPLES).map(|_| f(&point(m, &mut rng))).collect();
    let mean = values.iter().sum::<f64>() / SAMPLES as f64;
    let variance = values.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / SAMPLES as f64;
    (mean, (variance / SAMPLES as f64).sqrt())
}

fn assert_mean(m: &Product, what: &str, expected: f64, f: impl Fn(&[f64]) -> f64) {
    let (mean, error) = mean(m, f);
    // Five standard errors: one seed in two million fails by chance.
    assert!(
        (mean - expected).abs() < 5.0 * error,
        "{m}: {what} is {mean} ± {error}, not {expected} (seed {SEED})"
    );
}

#[test]
fn base_points_have_the_moments_of_their_density() {
    for n in [1, 2, 3, 4, 5, 8] {
        let sphere = manifold(&format!("S{n}"));
        let d = n as f64 + 1.0;
        for i in 0..=n {
            assert_mean(&sphere, "the first moment", 0.0, |p| p[i]);
            assert_mean(&sphere, "the second moment", 1.0 / d, |p| p[i] * p[i]);
            assert_mean(&sphere, "the fourth moment", 3.0 / (d * (d + 2.0)), |p| p[i].powi(4));
            assert_mean(&sphere, "a correlation", 0.0, |p| p[i] * p[(i + 1) % (n + 1)]);
        }
        let (torus, space) = (manifold(&format!("T{n}")), manifold(&format!("R{n}")));
        for i in 0..n {
            assert_mean(&torus, "the mean angle", PI, |p| p[i]);
            assert_mean(&torus, "the first harmonic", 0.0, |p| p[i].cos());
            assert_mean(&space, "the mean", 0.0, |p| p[i]);
            assert_mean(&space, "the variance", 1.0, |p| p[i] * p[i]);
            assert_mean(&space, "the fourth moment", 3.0, |p| p[i].powi(4));
        }
    }
}

#[test]
fn base_point_is_continuous_across_the_faces_of_the_cube_of_a_compact_manifold() {
    let seed = 17;
    let mut rng = generator(seed);
    for name in ["S1", "S2", "S3", "S4", "S5", "S6", "T3", "S2xT1"] {
        let m = manifold(name);
        for face in 0..m.cube_dim() {
            let mut cube: Vec<f64> = numbers(m.cube_dim(), 1.0, &mut rng).into_iter().map(f64::abs).collect();
            let mut point = |u: f64| {
                let mut p = vec![0.0; m.ambient()];
                cube[face] = u;
                m.base_point(&cube, &mut p);
                p
            };
            // The radius of the inner sphere grows like u^{1/(n−1)}: from 1e-16 to 6e-4 on S⁶.
            let distance = m.distance(&point(0.0), &point(1.0 - f64::EPSILON / 2.0));
            assert!(distance < 2e-3, "{name}, seed {seed}, face {face}: {distance:e}");
        }
    }
}

#[test]
fn corner_of_the_cube_gives_a_point() {
    for name in crate::common::MANIFOLDS {
        let m = manifold(name);
        for corner in [0.0, 1.0 - f64::EPSILON / 2.0] {
            let mut p = vec![f64::NAN; m.ambient()];
            m.base_point(&vec![corner; m.cube_dim()], &mut p);
            assert_eq!(m.check_point(&p), Ok(()), "{name} at {corner}");
            assert!(p.iter().all(|x| x.abs() < 10.0), "{name} at {corner}: {p:?}");
        }
    }
}

#[test]
fn log_volume_has_its_known_values() {
    // MATH: 2π^((n+1)/2)/Γ((n+1)/2).
    let known = [
        ("S1", TAU),
        ("S2", 4.0 * PI),
        ("S3", 2.0 * PI * PI),
        ("S4", 8.0 * PI * PI / 3.0),
        ("S5", PI.powi(3)),
    ];
    for (name, volume) in known.into_iter().chain([("T3", TAU.powi(3)), ("S2xT1", 8.0 * PI * PI)]) {
        let log_volume = manifold(name).log_volume().expect(name);
        assert!((log_volume - volume.ln()).abs() < 1e-14, "{name}: {log_volume} is not {}", volume.ln());
    }
    assert_eq!(manifold("S2xR1").log_volume(), None);
}

#[test]
fn log_at_the_antipode_is_an_error_with_its_margin() {
    let m = Sphere::new(2).expect("a sphere");
    let pole = [0.0, 0.0, 1.0];
    assert_eq!(m.try_log(&pole, &[0.0, 0.0, -1.0]), Err(CutLocus { margin: 0.0 }));
    for (distance, fine) in [(1e-8, false), (0.9e-7, false), (1.1e-7, true), (1e-5, true)] {
        let near = [f64::sin(distance), 0.0, -f64::cos(distance)];
        match m.try_log(&pole, &near) {
            Ok(v) => {
                assert!(fine, "a logarithm {distance} rad from the antipode");
                // The direction is known to the rounding error of the point, 1e-16, over the distance.
                let error = (v[0] - (PI - distance)).abs() + v[1].abs() + v[2].abs();
                assert!(error < 1e-15 / distance, "{distance} rad from the antipode: error {error:e}");
            }
            Err(CutLocus { margin }) => {
                assert!(!fine && (margin - distance).abs() < 1e-15, "margin {margin} at {distance}");
            }
        }
    }
}

#[test]
fn product_errors_name_the_coordinates_of_the_product() {
    let m = manifold("T1xS2xS1");
    assert_eq!(m.check_point(&[0.0; 5]), Err(InvalidPoint::Length { expected: 6, found: 5 }));
    let error = m.check_point(&[0.0, 1.0, 0.0, 0.0, 3.0, 4.0]);
    assert_eq!(error, Err(InvalidPoint::NotUnit { first: 4, end: 6, norm: 5.0 }));
    let error = m.check_point(&[0.0, 1.0, 0.0, f64::INFINITY, 1.0, 0.0]);
    assert_eq!(error, Err(InvalidPoint::NotFinite { index: 3, value: f64::INFINITY }));
}

#[test]
fn margin_of_a_product_is_its_worst_factors_in_any_order() {
    for bad in [0, 1, 4, 5] {
        let m = manifold("T1xS2xT1xR1");
        let (p, mut q) = ([0.1, 0.0, 0.0, 1.0, 0.2, 0.3], [0.2, 0.0, 1.0, 0.0, 0.4, 0.7]);
        assert!(m.try_log(&p, &q).is_ok());
        q[bad] = f64::NAN;
        assert!(m.try_log(&p, &q).is_err(), "coordinate {bad}");
    }
}

#[test]
fn names_are_read_in_either_case_and_written_in_one() {
    for (written, name) in
        [("t2", "T2"), (" T2 X s3 ", "T2xS3"), ("S2×T1", "S2xT1"), ("r3xR1xS1", "R3xR1xS1")]
    {
        assert_eq!(manifold(written).to_string(), name);
    }
    let unknown = |factor: &str| InvalidManifold::UnknownFactor { factor: factor.into() };
    let dimension = |factor: &str| InvalidManifold::Dimension { factor: factor.into() };
    for (written, error) in [
        ("", InvalidManifold::NoFactor),
        ("T", unknown("T")),
        ("Q2", unknown("Q2")),
        ("T2x", unknown("")),
        ("S-1", unknown("S-1")),
        ("é3", unknown("é3")),
        ("SO3", unknown("SO3")),
        ("SU2xT1", unknown("SU2")),
        ("22", unknown("22")),
        ("T2a", unknown("T2a")),
        ("T0", dimension("T0")),
        ("S2xS0", dimension("S0")),
        ("S2xC0", dimension("C0")),
        ("C2", InvalidManifold::Context { product: "C2".into() }),
        ("C1xT1", InvalidManifold::Context { product: "C1xT1".into() }),
        ("T1xC1xC2", InvalidManifold::Context { product: "T1xC1xC2".into() }),
        ("T99999999999999999999", dimension("T99999999999999999999")),
    ] {
        assert_eq!(written.parse::<Product>(), Err(error), "'{written}'");
    }
    assert_eq!(Sphere::new(0), Err(InvalidManifold::ZeroDimension));
    assert_eq!(Product::new([]), Err(InvalidManifold::NoFactor));
}

#[test]
fn conditioning_variables_stay_where_they_are() {
    let rows = [1.0, 10.0, 2.0, 20.0, 3.0, 30.0];
    let m = manifold("S2xC1").given(2, &rows);
    assert_eq!((m.dim(), m.ambient(), m.cube_dim(), m.to_string()), (2, 5, 3, "S2xC2".into()));
    assert_eq!(m, manifold("S2xC2"), "rows are no part of a manifold's identity");
    assert_eq!(m.unconditional(), manifold("S2"));
    assert_eq!(manifold("S2").given(0, &[]), manifold("S2"));
    let point = |u: f64| {
        let mut p = [0.0; 5];
        m.base_point(&[0.3, 0.6, u], &mut p);
        p
    };
    let (p, q) = (point(0.34), point(0.999));
    assert_eq!((&p[3..], &q[3..], &point(1.0)[3..]), (&rows[2..4], &rows[4..], &rows[4..]));
    assert_eq!(m.log_base(&p), manifold("S2").log_base(&p[..3]));
    let (mut end, mut v) = ([0.0; 5], [0.0; 5]);
    m.exp(&p, &[0.0, 0.0, 0.0, 7.0, 7.0], &mut end);
    assert_eq!(end, p);
    assert_eq!(m.log(&p, &q, &mut v), f64::NEG_INFINITY, "no geodesic joins different values");
    assert!(m.log(&p, &p, &mut v) > 3.0 && v == [0.0; 5]);
    assert!((m.distance(&p, &q) - 101.0_f64.sqrt()).abs() < 1e-14);
    assert!(m.check_point(&[1.0, 0.0, 0.0, f64::NAN, 0.0]).is_err());
}

proptest! {
    #[test]
    fn any_text_is_a_manifold_or_an_error(text in ".{0,12}") {
        if let Ok(m) = text.parse::<Product>() {
            prop_assert_eq!(m.to_string().parse::<Product>(), Ok(m));
        }
    }

    #[test]
    fn wrap_lands_in_range_and_stays(angle in prop_oneof![-1e3..1e3, -1e-15..1e-15, -1e17..1e17, Just(-1e-17), Just(TAU), Just(-0.0)]) {
        let mut once = [angle];
        manifold("T1").wrap(&mut once);
        prop_assert!((0.0..TAU).contains(&once[0]), "{} became {}", angle, once[0]);
        let mut twice = once;
        manifold("T1").wrap(&mut twice);
        prop_assert_eq!(once, twice);
    }

    #[test]
    fn sphere_log_is_tangent_and_as_long_as_the_distance(cube in prop::array::uniform4(0.0..1.0_f64), exponent in -12.0..0.5_f64) {
        let m = Sphere::new(2).expect("a sphere");
        let (mut p, mut q) = ([0.0; 3], [0.0; 3]);
        m.base_point(&cube[..2], &mut p);
        // From 1e-12 to 3.16 rad along a random geodesic: across both ends of the logarithm.
        let mut frame = [0.0; 6];
        m.frame(&p, BlockMut::dense(&mut frame, 3));
        let (length, (sine, cosine)) = (10.0_f64.powf(exponent).min(3.1), (TAU * cube[2]).sin_cos());
        let v: Vec<f64> = (0..3).map(|j| length * (cosine * frame[j] + sine * frame[3 + j])).collect();
        m.exp(&p, &v, &mut q);
        let mut log = [0.0; 3];
        let margin = m.log(&p, &q, &mut log);
        let tolerance = 1e-15 * (1.0 + 1.0 / margin);
        prop_assert!((margin - (PI - length)).abs() < 2e-15, "margin {} at length {}", margin, length);
        for j in 0..3 {
            prop_assert!((log[j] - v[j]).abs() < tolerance, "{:?} is not {:?}", log, v);
        }
    }
}
