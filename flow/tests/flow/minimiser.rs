//! Vector–Jacobian products of orders one to three, and differentials of flows, against nested duals through an
//! unrolled solve.

use ircpm_ad::{Dual, Scalar};
use ircpm_flow::{
    Direction, Expression, FeatureMap, Features, Flow, Minimiser, MinimiserError, Network, Variation,
};
use ircpm_manifolds::{BlockMut, Manifold, Product};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use crate::networks::{parameters, points, regular, spec};
use crate::unrolled::image;

type First = Dual<f64, 1>;
type Second = Dual<First, 1>;
type Third = Dual<Second, 1>;

/// `θ₀ Σ cos(zᵢ + θ₁ i) + θ₂ sin(z₀ − z₁)`: periodic, so that it is a function on tori as well.
#[derive(Debug)]
struct Ripples(usize);

impl Expression for Ripples {
    fn inputs(&self) -> usize {
        self.0
    }
    fn parameters(&self) -> usize {
        3
    }
    fn value<S: Scalar>(&self, theta: &[S], z: &[S]) -> S {
        let mut sum = theta[2] * (z[0] - z[1]).sin();
        for (i, &z) in z.iter().enumerate() {
            sum += theta[0] * (z + theta[1] * i as f64).cos();
        }
        sum
    }
}

const THETA: [f64; 3] = [0.15, 0.7, -0.1];

fn frame_at(m: &Product, p: &[f64]) -> Vec<f64> {
    let mut frame = vec![0.0; m.dim() * m.ambient()];
    m.frame(p, BlockMut::dense(&mut frame, m.ambient()));
    frame
}

/// The minimiser in normal coordinates, by an unrolled solve that starts at `exp_x(Σ sᵢ Eᵢ)`.
fn unrolled<S: Scalar>(m: &Product, x: &[f64], y: &[f64], arguments: &[S]) -> Vec<S> {
    let (n, d) = (m.ambient(), m.dim());
    let (s, theta) = arguments.split_at(d);
    let lift = |p: &[f64]| p.iter().map(|&p| S::constant(p)).collect::<Vec<S>>();
    let (mut velocity, mut start) = (vec![S::zero(); n], vec![S::zero(); n]);
    for (&s, row) in s.iter().zip(frame_at(m, x).chunks_exact(n)) {
        velocity.iter_mut().zip(row).for_each(|(v, &e)| *v += s * e);
    }
    m.exp(&lift(x), &velocity, &mut start);
    let found = image(m, &Ripples(n), theta, &start);
    m.log(&lift(y), &found, &mut velocity);
    let row_product = |row: &[f64]| row.iter().zip(&velocity).fold(S::zero(), |sum, (&e, &v)| sum + v * e);
    frame_at(m, y).chunks_exact(n).map(row_product).collect()
}

fn numbers(count: usize, rng: &mut Pcg64) -> Vec<f64> {
    (0..count).map(|_| rng.random_range(-1.0..1.0)).collect()
}

fn flat(v: &Variation) -> Vec<f64> {
    [&v.point[..], &v.theta].concat()
}

#[test]
fn products_of_every_order_match_nested_duals_through_an_unrolled_solve() {
    for (seed, name) in (700..).zip(["T2", "S2", "S2xT1"]) {
        let m: Product = name.parse().unwrap();
        let (n, d) = (m.ambient(), m.dim());
        let mut rng = Pcg64::seed_from_u64(seed);
        let x = points(&m.clone().into(), 1, seed);
        // The image, wrapped as a flow returns it.
        let mut y: Vec<f64> = image(&m, &Ripples(n), &THETA, &x);
        m.wrap(&mut y);
        let potential = Ripples(n);
        let minimiser = Minimiser::new(&m, &potential, &THETA, &x, &y).unwrap();
        let v = numbers(d, &mut rng);
        let mut direction = || Variation { point: numbers(d, &mut rng), theta: numbers(3, &mut rng) };
        let (first, second) = (direction(), direction());
        let found = minimiser.vector_jacobian_products(&v, &[first.clone(), second.clone()]).unwrap();
        assert_eq!(found.len(), 3);
        assert_eq!(found[..1], minimiser.vector_jacobian_products(&v, &[]).unwrap());

        let at = [vec![0.0; d], THETA.to_vec()].concat();
        let (first, second) = (flat(&first), flat(&second));
        for k in 0..d + 3 {
            // The third direction is the coordinate that the covector's entry k stands for.
            let seeded: Vec<Third> = (0..d + 3)
                .map(|i| {
                    let unit = if i == k { 1.0 } else { 0.0 };
                    let inner = First::new(at[i], [unit]);
                    let middle = Second::new(inner, [First::fixed(first[i])]);
                    Third::new(middle, [Second::fixed(First::fixed(second[i]))])
                })
                .collect();
            let t = unrolled(&m, &x, &y, &seeded);
            let value = t.iter().zip(&v).fold(Third::zero(), |sum, (&t, &v)| sum + t * v);
            let expected = [value.re.re.eps[0], value.re.eps[0].eps[0], value.eps[0].eps[0].eps[0]];
            for (order, (found, expected)) in found.iter().map(flat).zip(expected).enumerate() {
                let error = (found[k] - expected).abs();
                assert!(
                    error < 1e-11 * (1.0 + expected.abs()),
                    "{name}, order {}, entry {k}: {} is not {expected}",
                    order + 1,
                    found[k]
                );
            }
        }
        // Derivatives commute.
        let swapped = [&second, &first]
            .map(|d| Variation { point: d[..d.len() - 3].to_vec(), theta: d[d.len() - 3..].to_vec() });
        let swapped = minimiser.vector_jacobian_products(&v, &swapped).unwrap();
        for (a, b) in flat(&found[2]).iter().zip(flat(&swapped[2])) {
            assert!((a - b).abs() < 1e-12, "{name}: {a} is not {b}");
        }
    }
}

#[test]
fn differentials_of_stacks_match_duals_through_unrolled_solves() {
    for (seed, name) in (710..).zip(["T2", "S2", "S2xT1"]) {
        let spec = spec(name, 2, false, &[3]);
        let flow = Flow::new(spec.clone()).unwrap();
        // Small, so that descent converges.
        let theta = parameters(&flow, 0.8, seed);
        let m: Product = name.parse().unwrap();
        let (n, d) = (m.ambient(), m.dim());
        let features = FeatureMap::new(&spec.features, &spec.manifold).unwrap();
        let network = Network::new(features, &spec.hidden, spec.output_scale);
        let x = points(flow.manifold(), 1, seed);
        let found = flow.differential(&theta, &x).remove(0).expect("the solve succeeds");
        let (at_x, at_y) = (frame_at(&m, &x), frame_at(&m, &found.image));
        for k in 0..d + theta.len() {
            let start: Vec<First> =
                (0..n).map(|c| First::new(x[c], [if k < d { at_x[k * n + c] } else { 0.0 }])).collect();
            let seeded: Vec<First> = theta
                .iter()
                .enumerate()
                .map(|(i, &w)| First::new(w, [if i + d == k { 1.0 } else { 0.0 }]))
                .collect();
            let y = seeded
                .chunks_exact(network.parameters())
                .fold(start, |x, theta| image(&m, &network, theta, &x));
            let values: Vec<f64> = y.iter().map(|y| y.re).collect();
            let apart: f64 = m.distance(&values, &found.image);
            assert!(apart < 1e-12, "{name}: the unrolled solve ends {apart:e} from the image");
            for (i, row) in at_y.chunks_exact(n).enumerate() {
                let expected: f64 = row.iter().zip(&y).map(|(e, y)| e * y.eps[0]).sum();
                let entry = if k < d { found.point[(i, k)] } else { found.parameters[(i, k - d)] };
                assert!((entry - expected).abs() < 1e-11, "{name}, ({i}, {k}): {entry} is not {expected}");
            }
        }
    }
}

#[test]
fn log_det_gradient_is_the_flow_s_and_random_probes_estimate_it_without_bias() {
    for (seed, name) in (720..).zip(["T2", "S2"]) {
        let mut spec = spec(name, 1, true, &[3]);
        spec.features = if name == "S2" { Features::Coordinates } else { spec.features };
        let flow = Flow::new(spec.clone()).unwrap();
        let (theta, _) = regular(&flow, seed);
        let m: Product = name.parse().unwrap();
        let (n, d) = (m.ambient(), m.dim());
        let features = FeatureMap::new(&spec.features, &spec.manifold).unwrap();
        let network = Network::new(features, &spec.hidden, spec.output_scale);
        let x = points(flow.manifold(), 1, seed);
        let y = flow.forward(&theta, &x).y;
        let minimiser = Minimiser::new(&m, &network, &theta, &x, &y).unwrap();
        let exact = flat(&minimiser.log_det_gradient().unwrap());

        // The base density is uniform, so that log q = −ℓ up to a constant.
        let pulled = flow.vjp(Direction::Forward, &theta, &x, &vec![0.0; n], &[-1.0]);
        let by_point = frame_at(&m, &x);
        let by_point =
            by_point.chunks_exact(n).map(|e| e.iter().zip(&pulled.points).map(|(e, g)| e * g).sum());
        let expected: Vec<f64> = by_point.chain(pulled.theta.iter().copied()).collect();
        let size = expected.iter().fold(0.0, |max: f64, g| max.max(g.abs()));
        for (k, (a, b)) in exact.iter().zip(&expected).enumerate() {
            assert!((a - b).abs() < 1e-11 * (1.0 + size), "{name}, entry {k}: {a} is not {b}");
        }

        // All four pairs of signs, each as likely: the mean is exact, and the spread is that of the off-diagonal.
        let estimate = |z: &[f64]| flat(&minimiser.log_det_gradient_along(z).unwrap());
        let (even, odd) = (estimate(&[1.0, 1.0]), estimate(&[1.0, -1.0]));
        let (same, opposite) = (estimate(&[-1.0, -1.0]), estimate(&[-1.0, 1.0]));
        for k in 0..exact.len() {
            assert!(
                (even[k] - same[k]).abs() < 1e-12 * (1.0 + size)
                    && (odd[k] - opposite[k]).abs() < 1e-12 * (1.0 + size)
            );
            assert!((0.5 * (even[k] + odd[k]) - exact[k]).abs() < 1e-12 * (1.0 + size), "{name}, entry {k}");
        }
        let deviation: Vec<f64> = even.iter().zip(&odd).map(|(a, b)| 0.5 * (a - b).abs()).collect();
        assert!(deviation.iter().any(|s| *s > 1e-3 * size), "{name}: the estimator is random");

        // Random signs: the mean is within four standard errors, and the variance is the one that is stated.
        let (probes, mut rng) = (400, Pcg64::seed_from_u64(seed));
        let mut moments = vec![(0.0, 0.0); exact.len()];
        for _ in 0..probes {
            let z: Vec<f64> = (0..d).map(|_| if rng.random::<bool>() { 1.0 } else { -1.0 }).collect();
            for (moments, g) in moments.iter_mut().zip(estimate(&z)) {
                *moments = (moments.0 + g, moments.1 + g * g);
            }
        }
        for (k, (sum, squares)) in moments.into_iter().enumerate() {
            let mean = sum / f64::from(probes);
            let error = deviation[k] / f64::from(probes).sqrt();
            assert!(
                (mean - exact[k]).abs() <= 4.0 * error + 1e-12 * (1.0 + size),
                "{name}, entry {k}: {mean}"
            );
            let variance = squares / f64::from(probes) - mean * mean;
            let stated = deviation[k] * deviation[k];
            assert!(
                (variance - stated).abs() <= 0.1 * stated + 1e-12 * (1.0 + size * size),
                "{name}: {variance}"
            );
        }
    }
}

#[test]
fn point_that_is_no_image_is_refused() {
    let m: Product = "T2".parse().unwrap();
    let potential = Ripples(2);
    let x = [1.0, 2.0];
    let error = Minimiser::new(&m, &potential, &THETA, &x, &x).unwrap_err();
    assert!(matches!(error, MinimiserError::NotAnImage { distance } if distance > 1e-3), "{error}");
    let error = Minimiser::new(&m, &potential, &THETA, &x, &[f64::NAN, 0.0]).unwrap_err();
    assert!(matches!(error, MinimiserError::NotAnImage { distance } if distance.is_nan()), "{error}");
}
