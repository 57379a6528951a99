//! A manifold whose type is erased says what the manifold says.

use crate::common::{MANIFOLDS, generator, manifold, numbers, point, tangent};
use crate::own::{Hyperbolic, Plain};
use ircpm_manifolds::{AnyManifold, Base, BlockMut, Coordinates, Cost, InvalidManifold, Manifold};

const SEED: u64 = 8;

/// Compares every method, to the last bit.
fn assert_same<M: Cost + Base>(m: &M, p: &[f64], q: &[f64], v: &[f64], t: &[f64]) {
    let any = AnyManifold::from(m.clone());
    let (d, n) = (m.dim(), m.ambient());
    let fill = |len: usize, f: &dyn Fn(&mut [f64])| {
        let mut out = vec![f64::NAN; len];
        f(&mut out);
        out
    };
    assert_eq!((any.dim(), any.ambient(), any.to_string()), (d, n, m.to_string()));
    assert_eq!((any.origin(), any.coordinates()), (m.origin(), m.coordinates()));
    assert_eq!(
        (any.is_curved(), any.cube_dim(), any.log_volume()),
        (m.is_curved(), m.cube_dim(), m.log_volume())
    );
    assert_eq!((any.check_point(p), any.check_point(&p[1..])), (m.check_point(p), m.check_point(&p[1..])));
    assert_eq!((any.try_log(p, q), any.distance(p, q)), (m.try_log(p, q), m.distance(p, q)));
    assert_eq!(any.try_log(p, &vec![f64::NAN; n]).is_err(), m.try_log(p, &vec![f64::NAN; n]).is_err());
    assert_eq!((any.domain_margin(t), any.mixed_log_det(t)), (m.domain_margin(t), m.mixed_log_det(t)));
    assert_eq!(any.log_base(p), m.log_base(p));
    assert_eq!(fill(n, &|q| any.exp(p, v, q)), fill(n, &|q| m.exp(p, v, q)));
    assert_eq!(fill(d * n, &|e| any.frame(p, e)), fill(d * n, &|e| m.frame(p, BlockMut::dense(e, n))));
    assert_eq!(fill(n, &|out| any.transport(p, v, v, out)), fill(n, &|out| m.transport(p, v, v, out)));
    let (mut a, mut b) = (v.to_vec(), v.to_vec());
    any.wrap(&mut a);
    m.wrap(&mut b);
    assert_eq!(a, b);
    let u = vec![0.3; m.cube_dim()];
    assert_eq!(fill(n, &|p| any.base_point(&u, p)), fill(n, &|p| m.base_point(&u, p)));
    let gradient = fill(n, &|out| any.log_base_gradient(p, out));
    for c in 0..n {
        let moved = |step: f64| {
            let mut p = p.to_vec();
            p[c] += step;
            m.log_base(&p)
        };
        let slope = (moved(1e-5) - moved(-1e-5)) / 2e-5; // truncation and rounding are below 1e-9
        assert!((gradient[c] - slope).abs() < 1e-8, "{m}, coordinate {c}: {} is not {slope}", gradient[c]);
    }
}

#[test]
fn erased_product_equals_the_product() {
    let mut rng = generator(SEED);
    for name in MANIFOLDS {
        let m = manifold(name);
        let (p, q, t) = (point(&m, &mut rng), point(&m, &mut rng), numbers(m.dim(), 1.0, &mut rng));
        assert_same(&m, &p, &q, &tangent(&m, &p, &t), &t);
    }
}

#[test]
fn erased_manifold_of_ones_own_equals_the_manifold() {
    assert_same(&Hyperbolic, &[0.0, 0.75, 1.25], &[0.0, 0.0, 1.0], &[0.3, 0.0, 0.0], &[0.1, 0.2]);
    assert_same(&Plain::new(2, true), &[0.0, 0.6, 0.8], &[0.0, 0.0, 1.0], &[0.3, 0.0, 0.0], &[0.1, 0.2]);
}

#[test]
fn erased_manifolds_are_equal_if_names_and_coordinates_are() {
    let read = |name: &str| name.parse::<AnyManifold>();
    assert_eq!(read("T2xS2"), Ok(AnyManifold::new(manifold("t2 x s2"))));
    assert_ne!(read("T2xS2"), read("S2xT2"));
    assert_ne!(read("S2"), read("T2"));
    assert_eq!(read("Q2"), Err(InvalidManifold::UnknownFactor { factor: "Q2".into() }));
    // A bare factor and a product of it alone have the same name: they are the same manifold.
    let sphere = ircpm_manifolds::Sphere::new(2).expect("a sphere");
    assert_eq!(AnyManifold::new(sphere), AnyManifold::new(manifold("S2")));
    assert_eq!(format!("{:?}", AnyManifold::new(Hyperbolic)), "AnyManifold(Hyperbolic)");
}

#[test]
fn product_lists_the_kinds_of_its_coordinates() {
    let kinds = manifold("T2xS3xR1xS1").coordinates();
    let expected = [
        Coordinates::Angles(2),
        Coordinates::UnitVector(4),
        Coordinates::Reals(1),
        Coordinates::UnitVector(2),
    ];
    assert_eq!(kinds, expected);
    assert_eq!(kinds.iter().map(|run| run.len()).sum::<usize>(), 9);
    assert_eq!(Hyperbolic.coordinates(), [Coordinates::Embedded(3)]);
}
