//! Gradients of the losses against unrolled differentiation and finite differences.

use ircpm_ad::derivative::{ScalarField, gradient};
use ircpm_ad::{Dual, Scalar};
use ircpm_flow::{
    Cotangents, Direction, Expression, FeatureMap, Flow, FlowSpec, Gradients, Network, Part, Record, Solver,
    ThetaGradient, Workspace,
};
use ircpm_manifolds::{Base, Manifold, Product};

use crate::networks::{points, regular, spec};
use crate::unrolled::image_and_log_det;

/// A smooth energy in ambient coordinates, periodic in angles.
struct Energy;

impl ScalarField for Energy {
    fn eval<S: Scalar>(&self, y: &[S]) -> S {
        let mut u = (y[0] + 0.3).cos() * 1.5;
        for (i, &y) in y.iter().enumerate() {
            u += (y * 1.0 + 0.7 * i as f64).sin() * 0.8;
        }
        u
    }
}

/// Reverse KL, up to a constant, summed over the samples: `Σ log q(y) + u(y)`.
fn reverse_kl(flow: &Flow, theta: &[f64], x: &[f64]) -> (f64, Vec<f64>) {
    let n = flow.manifold().ambient();
    let (grad, sums, stats) = flow
        .forward_gradient(theta, x, |part: Part<'_>| {
            let mut sum = 0.0;
            for (s, y) in part.points.chunks(n).enumerate() {
                let (u, du) = gradient(&Energy, y);
                sum += part.log_q[s] + u;
                part.points_bar[s * n..(s + 1) * n].copy_from_slice(&du);
                part.log_q_bar[s] = 1.0;
            }
            Ok::<f64, ()>(sum)
        })
        .unwrap();
    assert_eq!((stats.unconverged, stats.indefinite), (0, 0));
    (sums.iter().sum(), grad)
}

/// A loss of given points: `Σ log q(y) + f(x)`, whose dependence on the preimage is tested too.
fn likelihood(flow: &Flow, theta: &[f64], y: &[f64]) -> (f64, Vec<f64>) {
    let n = flow.manifold().ambient();
    let (grad, sums, _) = flow
        .inverse_gradient(theta, y, |part: Part<'_>| {
            let mut sum = 0.0;
            assert!(part.ok.iter().all(|&ok| ok), "a point of a regular map is out of the domain");
            for (s, x) in part.points.chunks(n).enumerate() {
                let (f, df) = gradient(&Energy, x);
                sum += part.log_q[s] + f;
                part.points_bar[s * n..(s + 1) * n].copy_from_slice(&df);
                part.log_q_bar[s] = 1.0;
            }
            Ok::<f64, ()>(sum)
        })
        .unwrap();
    (sums.iter().sum(), grad)
}

/// The reverse-KL loss and its gradient by unrolled differentiation, one parameter at a time.
fn unrolled<const D: usize>(spec: &FlowSpec, theta: &[f64], x: &[f64]) -> (f64, Vec<f64>) {
    let m: &Product = spec.manifold.downcast_ref().unwrap();
    let features = FeatureMap::new(&spec.features, &spec.manifold).unwrap();
    let psi = Network::new(features, &spec.hidden, spec.output_scale);
    let size = psi.parameters();
    let mut loss = 0.0;
    let gradient = (0..theta.len())
        .map(|k| {
            let seeded: Vec<Dual<f64, 1>> = theta
                .iter()
                .enumerate()
                .map(|(i, &w)| if i == k { Dual::variable(w, 0) } else { Dual::fixed(w) })
                .collect();
            let layers: Vec<&[Dual<f64, 1>]> = (0..spec.layers)
                .map(|l| if spec.shared { &seeded[..] } else { &seeded[l * size..(l + 1) * size] })
                .collect();
            let total = x.chunks(m.ambient()).fold(Dual::fixed(0.0), |sum, x| {
                let (y, log_det) = image_and_log_det::<D, _, _, _>(m, &psi, &layers, x);
                let base: f64 = m.log_base(x);
                sum + Energy.eval(&y) - log_det + base
            });
            loss = total.re;
            total.eps[0]
        })
        .collect();
    (loss, gradient)
}

fn largest(v: &[f64]) -> f64 {
    v.iter().fold(0.0, |max: f64, x| max.max(x.abs()))
}

fn assert_unrolled_agrees<const D: usize>(manifold: &str, layers: usize, shared: bool, seed: u64) {
    let spec = spec(manifold, layers, shared, &[3, 3]);
    let flow = Flow::new(spec.clone()).unwrap();
    let (theta, rejected) = regular(&flow, seed);
    let x = points(flow.manifold(), 3, seed);
    let (loss, gradient) = reverse_kl(&flow, &theta, &x);
    let (expected_loss, expected) = unrolled::<D>(&spec, &theta, &x);
    let context = format!("{manifold}, {layers} layers, shared: {shared}, seed {seed}, {rejected} rejected");
    assert!((loss - expected_loss).abs() < 1e-10, "{context}: loss {loss} is not {expected_loss}");
    for (k, (g, e)) in gradient.iter().zip(&expected).enumerate() {
        assert!(
            (g - e).abs() < 1e-9 * largest(&expected).max(1.0),
            "{context}: parameter {k}: {g} is not {e}"
        );
    }
}

#[test]
fn reverse_kl_gradient_equals_unrolled_differentiation_on_the_torus() {
    assert_unrolled_agrees::<2>("T2", 1, true, 1);
    assert_unrolled_agrees::<2>("T2", 3, true, 2);
    assert_unrolled_agrees::<2>("T2", 3, false, 3);
    assert_unrolled_agrees::<1>("T1", 1, true, 4);
}

#[test]
fn reverse_kl_gradient_equals_unrolled_differentiation_on_spheres() {
    assert_unrolled_agrees::<2>("S2", 1, true, 5);
    assert_unrolled_agrees::<2>("S2", 3, true, 6);
    assert_unrolled_agrees::<2>("S2", 3, false, 7);
    assert_unrolled_agrees::<3>("S3", 1, true, 8);
}

#[test]
fn reverse_kl_gradient_equals_unrolled_differentiation_on_products() {
    assert_unrolled_agrees::<3>("S2xT1", 1, true, 9);
    assert_unrolled_agrees::<2>("R2", 1, true, 10);
    assert_unrolled_agrees::<3>("R1xS2", 2, false, 11);
}

/// Central differences of step 1e-4 of a loss of order one: truncation and rounding both near 1e-9.
fn assert_differences_agree(context: &str, theta: &[f64], gradient: &[f64], loss: impl Fn(&[f64]) -> f64) {
    let step = 1e-4;
    for k in (0..theta.len()).step_by(1 + theta.len() / 40) {
        let at = |h: f64| {
            let mut moved = theta.to_vec();
            moved[k] += h;
            loss(&moved)
        };
        // Fourth order, so that truncation stays below rounding.
        let difference = (8.0 * (at(step) - at(-step)) - (at(2.0 * step) - at(-2.0 * step))) / (12.0 * step);
        let scale = largest(gradient).max(1.0);
        assert!(
            (difference - gradient[k]).abs() < 1e-7 * scale,
            "{context}, parameter {k}: {difference}, not {}",
            gradient[k]
        );
    }
}

#[test]
fn gradients_equal_finite_differences_on_every_manifold() {
    let cases = [
        ("T1", 1, true),
        ("T2", 1, true),
        ("T2", 3, false),
        ("S1", 2, true),
        ("S2", 1, true),
        ("S2", 3, true),
        ("S3", 2, false),
        ("R1", 1, true),
        ("R2", 2, false),
        ("S2xT1", 1, true),
        ("S4", 1, true),
        ("S2xS3", 2, false),
    ];
    for (seed, (manifold, layers, shared)) in (20..).zip(cases) {
        let flow = Flow::new(spec(manifold, layers, shared, &[9, 5])).unwrap();
        let (theta, _) = regular(&flow, seed);
        let x = points(flow.manifold(), 37, seed);
        let context = format!("{manifold}, {layers} layers, shared: {shared}, seed {seed}");
        let (_, gradient) = reverse_kl(&flow, &theta, &x);
        assert_differences_agree(&format!("reverse KL, {context}"), &theta, &gradient, |t| {
            reverse_kl(&flow, t, &x).0
        });
        let (_, gradient) = likelihood(&flow, &theta, &x);
        assert_differences_agree(&format!("likelihood, {context}"), &theta, &gradient, |t| {
            likelihood(&flow, t, &x).0
        });
    }
}

#[test]
fn gradient_is_the_same_bits_on_one_and_two_threads() {
    let flow = Flow::new(spec("S2", 2, true, &[16, 16])).unwrap();
    let theta = flow.initial(3);
    let x = points(flow.manifold(), 1000, 3);
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| (reverse_kl(&flow, &theta, &x), likelihood(&flow, &theta, &x)))
    };
    assert_eq!(on(1), on(2));
}

#[test]
fn gradient_of_a_sample_does_not_depend_on_its_neighbours() {
    let flow = Flow::new(spec("S2", 1, true, &[8])).unwrap();
    let theta = flow.initial(4);
    let x = points(flow.manifold(), 45, 4);
    let all = flow.forward(&theta, &x);
    for s in [0, 7, 44] {
        let alone = flow.forward(&theta, &x[3 * s..3 * s + 3]);
        assert_eq!(alone.y[..], all.y[3 * s..3 * s + 3]);
        assert_eq!(alone.log_q[0], all.log_q[s]);
    }
}

/// Gradients of `2 ℓ + Σ y` of every image in the parameters, `[parameter][sample]`.
fn gradients_of_each(flow: &Flow, theta: &[f64], x: &[f64]) -> Vec<f64> {
    let samples = x.len() / flow.manifold().ambient();
    let (mut record, mut work) = (Record::for_gradients(), Workspace::default());
    let (mut each, mut x_bar) = (vec![0.0; theta.len() * samples], vec![0.0; x.len()]);
    flow.map(0).run(Direction::Forward, theta, x, &mut record, &mut work);
    assert!(record.ok.iter().all(|&ok| ok), "a solve failed");
    let cotangents = Cotangents { points: &vec![1.0; x.len()], log_det: &vec![2.0; samples] };
    let into = Gradients { theta: ThetaGradient::Each(&mut each), points: &mut x_bar };
    flow.map(0).pull_back(Direction::Forward, theta, &record, cotangents, into, &mut work);
    each
}

/// A tolerance below rounding: every solve ends where the residual no longer falls, at a trial that is not taken. What
/// is saved for the gradient must belong to the image all the same, whether or not its neighbours went on.
#[test]
fn gradient_of_a_sample_does_not_depend_on_its_neighbours_where_solves_stall() {
    let solver = Solver { tolerance: 1e-18, ..Solver::default() };
    let flow = Flow::new(FlowSpec { solver, ..spec("S2", 1, true, &[8, 8]) }).unwrap();
    let (theta, x) = (flow.initial(4), points(flow.manifold(), 45, 4));
    let all = gradients_of_each(&flow, &theta, &x);
    for s in 0..45 {
        let alone = gradients_of_each(&flow, &theta, &x[3 * s..3 * s + 3]);
        for (k, &g) in alone.iter().enumerate() {
            assert_eq!(g, all[k * 45 + s], "sample {s}, parameter {k}");
        }
    }
}

#[test]
fn failed_samples_leave_the_gradient_as_it_is_without_them() {
    for name in ["T2", "S2", "R2"] {
        let flow = Flow::new(spec(name, 2, false, &[4])).unwrap();
        let (theta, n) = (flow.initial(0), flow.manifold().ambient());
        let x = points(flow.manifold(), 5, 1);
        let loss = |part: Part<'_>| {
            part.points_bar.fill(0.5);
            part.log_q_bar.fill(1.0);
            Ok::<(), ()>(())
        };
        let forward = |x: &[f64]| flow.forward_gradient(&theta, x, loss).unwrap().0;
        let inverse = |x: &[f64]| flow.inverse_gradient(&theta, x, loss).unwrap().0;
        for bad in [f64::NAN, f64::INFINITY, -f64::INFINITY] {
            let mut spoilt = x.clone();
            spoilt[4 * n] = bad;
            let pairs = [(forward(&spoilt), forward(&x[..4 * n])), (inverse(&spoilt), inverse(&x[..4 * n]))];
            for (a, b) in pairs {
                // Sums over lanes in another order, at most.
                assert!(
                    a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-12),
                    "{name}, {bad}: {a:?} is not {b:?}"
                );
            }
        }
    }
}
