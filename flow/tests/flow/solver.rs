//! The inner minimisation, and Lemma 2.

use std::collections::BTreeSet;
use std::sync::Arc;

use ircpm_ad::{Isa, Scalar};
use ircpm_flow::{
    ConcaveMap, Derived, Direction, Expression, Flow, FlowSpec, Map, Method, Record, Solver, Workspace,
};
use ircpm_manifolds::{AnyManifold, Euclidean, Manifold, Product};

use crate::networks::{points, regular, spec};

#[test]
fn descent_and_newton_find_the_same_image() {
    for (seed, name) in (120..).zip(["T2", "S2", "S3", "R2"]) {
        let newton = spec(name, 1, true, &[8, 8]);
        let mut descent = newton.clone();
        descent.solver = Solver { method: Method::GradientDescent, max_steps: 2000, ..Solver::default() };
        let (newton, descent) = (Flow::new(newton).unwrap(), Flow::new(descent).unwrap());
        let (theta, _) = regular(&newton, seed);
        let x = points(newton.manifold(), 100, seed);
        let (a, b) = (newton.try_forward(&theta, &x).unwrap(), descent.try_forward(&theta, &x).unwrap());
        for (a, b) in a.y.iter().zip(&b.y) {
            let error = (a - b).abs();
            assert!(
                error.min((error - std::f64::consts::TAU).abs()) < 1e-11,
                "{name}, seed {seed}: {a} and {b}"
            );
        }
        assert!(
            a.stats.steps < b.stats.steps,
            "{name}: Newton took {} steps, descent {}",
            a.stats.steps,
            b.stats.steps
        );
    }
}

#[test]
fn solve_is_identity_for_zero_potential() {
    let flow = Flow::new(spec("S2", 1, true, &[4])).unwrap();
    let theta = vec![0.0; flow.parameters()];
    let x = points(flow.manifold(), 20, 1);
    let pushed = flow.try_forward(&theta, &x).unwrap();
    assert!(pushed.y.iter().zip(&x).all(|(y, x)| (y - x).abs() < 1e-15));
    assert_eq!(pushed.stats.steps, 20);
}

/// `½ (y − μ)ᵀ A (y − μ)`, parameters `μ` and then `A` row-major.
#[derive(Debug)]
struct Quadratic(usize);

impl Expression for Quadratic {
    fn inputs(&self) -> usize {
        self.0
    }
    fn parameters(&self) -> usize {
        self.0 + self.0 * self.0
    }
    fn value<S: Scalar>(&self, theta: &[S], y: &[S]) -> S {
        let n = self.0;
        let mut sum = S::zero();
        for i in 0..n {
            for j in 0..n {
                sum += theta[n + i * n + j] * (y[i] - theta[i]) * (y[j] - theta[j]);
            }
        }
        sum * 0.5
    }
}

#[test]
fn quadratic_potential_has_lemma_two_s_closed_form() {
    // A = ((2, 0.5), (0.5, −0.4)) ≻ −I; T(x) = (I + A)⁻¹ (x + A μ), log det = −log det(I + A).
    let (a, mu) = ([2.0, 0.5, 0.5, -0.4], [0.3, -1.1]);
    let theta = [mu[0], mu[1], a[0], a[1], a[2], a[3]];
    let m = Product::from(Euclidean::new(2).unwrap());
    for isa in Isa::available() {
        let map =
            ConcaveMap::<_, _, 2>::on(m.clone(), Derived(Quadratic(2)), Solver::default(), isa).unwrap();
        let x = points(&AnyManifold::from(m.clone()), 50, 7);
        let mut record = Record::default();
        Workspace::with(|work| map.run(Direction::Forward, &theta, &x, &mut record, work));
        let det = (1.0 + a[0]) * (1.0 + a[3]) - a[1] * a[2];
        for (s, x) in x.chunks(2).enumerate() {
            let r = [x[0] + a[0] * mu[0] + a[1] * mu[1], x[1] + a[2] * mu[0] + a[3] * mu[1]];
            let y = [((1.0 + a[3]) * r[0] - a[1] * r[1]) / det, ((1.0 + a[0]) * r[1] - a[2] * r[0]) / det];
            for i in 0..m.ambient() {
                assert!(
                    (record.y[2 * s + i] - y[i]).abs() < 1e-13,
                    "{}: {} is not {}",
                    isa.name(),
                    record.y[2 * s + i],
                    y[i]
                );
            }
            assert!(record.ok[s] && (record.log_det[s] + f64::ln(det)).abs() < 1e-13);
        }
    }
}

/// A flow of the same network on every instruction set: the portable one has no single precision.
fn on_every_isa(manifold: &str, scale: f64) -> (Product, Vec<(Isa, Flow)>) {
    let spec = FlowSpec { output_scale: scale, ..spec(manifold, 1, true, &[8, 8]) };
    let flow = |isa| (isa, Flow::on(spec.clone(), isa).unwrap());
    (manifold.parse().unwrap(), Isa::available().into_iter().map(flow).collect())
}

fn images(flow: &Flow, theta: &[f64], x: &[f64]) -> Record {
    let mut record = Record::default();
    Workspace::with(|work| flow.map(0).run(Direction::Forward, theta, x, &mut record, work));
    record
}

#[test]
fn start_in_single_precision_changes_no_image() {
    for (seed, name) in (300..).zip(["T2", "S2", "R2"]) {
        let (theta, _) = regular(&Flow::new(spec(name, 1, true, &[8, 8])).unwrap(), seed);
        let (m, maps) = on_every_isa(name, 1.0);
        let x = points(&AnyManifold::from(m.clone()), 200, seed);
        let plain = images(&maps[0].1, &theta, &x);
        assert!(plain.single_steps.iter().all(|&s| s == 0));
        for (isa, map) in &maps[1..] {
            let record = images(map, &theta, &x);
            let isa = isa.name();
            assert!(record.single_steps.iter().all(|&s| s > 0), "{name} on {isa}");
            assert!(record.steps.iter().all(|&s| s <= 3), "{name} on {isa}: {:?}", record.steps);
            for (a, b) in record.y.iter().zip(&plain.y) {
                assert!((a - b).abs() < 1e-12, "{name} on {isa}: {a} and {b}");
            }
            for (a, b) in record.log_det.iter().zip(&plain.log_det) {
                assert!((a - b).abs() < 1e-11, "{name} on {isa}: {a} and {b}");
            }
        }
    }
}

/// Lanes pass from sample to sample: from ones that take long, and from ones that lead nowhere.
#[test]
fn image_does_not_depend_on_who_else_is_in_the_batch() {
    let bits = |x: &[f64]| x.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    for name in ["T2", "S2", "R2"] {
        let (m, maps) = on_every_isa(name, 0.05);
        let (theta, _) = regular(&Flow::new(spec(name, 1, true, &[8, 8])).unwrap(), 320);
        let n = m.ambient();
        let mut x = points(&AnyManifold::from(m.clone()), 70, 320);
        for (sample, bad) in [(3, f64::NAN), (4, f64::INFINITY), (20, 1e300), (21, 1e30), (69, f64::NAN)] {
            x[sample * n + 1] = bad;
        }
        for (isa, map) in &maps {
            let all = images(map, &theta, &x);
            let taken: BTreeSet<u32> = all.single_steps.iter().copied().collect();
            assert!(taken.len() > 3 || *isa == Isa::Portable, "{name} on {}: {taken:?}", isa.name());
            assert!(all.converged.iter().filter(|&&c| c).count() > 60, "{name} on {}", isa.name());
            for s in 0..70 {
                let alone = images(map, &theta, &x[s * n..(s + 1) * n]);
                let place = format!("{name} on {}, sample {s}", isa.name());
                assert_eq!(bits(&alone.y), bits(&all.y[s * n..(s + 1) * n]), "{place}");
                assert_eq!(bits(&alone.log_det), bits(&all.log_det[s..=s]), "{place}");
                assert_eq!(
                    (alone.steps[0], alone.single_steps[0]),
                    (all.steps[s], all.single_steps[s]),
                    "{place}"
                );
            }
            assert!(images(map, &theta, &[]).y.is_empty());
        }
    }
}

/// Far from its image a sample's residual may be rounding, and fall no further, though it is not small.
#[test]
fn approach_from_far_out_ends_for_every_sample() {
    let (m, maps) = on_every_isa("R2", 1.0);
    let mut theta = vec![0.0; 8 * 3 + 8 * 9 + 9];
    // psi = 1e6 (y₀ + 100) + 3 softplus(softplus(y₁ − 8192)), and constants.
    (theta[0], theta[16]) = (1.0, 100.0);
    (theta[3], theta[17]) = (1.0, -8192.0);
    (theta[24], theta[24 + 9]) = (1.0, 1.0);
    (theta[96], theta[97]) = (1e6, 3.0);
    let x: Vec<f64> = (0..200).flat_map(|k| [1e6, 8190.0 + 0.013 * f64::from(k)]).collect();
    for (isa, map) in &maps {
        let all = images(map, &theta, &x);
        let isa_name = isa.name();
        assert!(all.ok.iter().all(|&ok| ok), "{isa_name}");
        let ended = |&steps: &u32| (steps > 0) == (*isa != Isa::Portable);
        assert!(all.single_steps.iter().all(ended), "{isa_name}: {:?}", all.single_steps);
        for (s, y) in all.y.chunks_exact(m.ambient()).enumerate() {
            assert!(y[0].abs() < 1e-9 && (8186.0..8193.0).contains(&y[1]), "{isa_name}, sample {s}: {y:?}");
        }
    }
}

#[test]
fn what_single_precision_cannot_hold_starts_in_double() {
    // The last layer's weights, and with them psi's derivatives, overflow it; psi is that of the test above.
    let scale = 1e60;
    for (name, shift) in [("T2", 0.0), ("S2", 0.0), ("T2", 1e6)] {
        let flow = Flow::new(spec(name, 1, true, &[8, 8])).unwrap();
        let (theta, _) = regular(&flow, 310);
        let mut large = theta.clone();
        let last = large.len() - 9;
        large[last..].iter_mut().for_each(|w| *w *= scale);
        let (m, maps) = on_every_isa(name, scale);
        let (_, usual) = on_every_isa(name, 1.0);
        let x: Vec<f64> = points(&AnyManifold::from(m.clone()), 40, 310).iter().map(|x| x + shift).collect();
        for ((isa, map), (_, usual)) in maps.iter().zip(&usual) {
            let (a, b) = (images(map, &large, &x), images(usual, &theta, &x));
            assert!(a.converged.iter().all(|&c| c), "{name} on {}", isa.name());
            for (a, b) in a.y.iter().zip(&b.y) {
                let tolerance = 1e-12 + 1e-15 * shift;
                assert!((a - b).abs() < tolerance, "{name} + {shift} on {}: {a} and {b}", isa.name());
            }
        }
    }
}

/// The map of a quadratic potential on the plane.
fn quadratic(m: &Product) -> Arc<dyn Map> {
    Arc::new(ConcaveMap::<_, _, 2>::new(m.clone(), Derived(Quadratic(2)), Solver::default()).unwrap())
}

#[test]
fn random_parameters_of_maps_of_ones_own_fill_every_layer() {
    let m = Product::from(Euclidean::new(2).unwrap());
    let map: Arc<dyn Map> = quadratic(&m);
    for (layers, shared) in [(1, true), (3, true), (3, false)] {
        let flow = Flow::from_maps(vec![map.clone(); layers], shared).unwrap();
        assert_eq!(flow.initial(0).len(), flow.parameters(), "{layers} layers, shared: {shared}");
    }
}

#[test]
fn potential_that_cannot_be_rescaled_is_left_alone() {
    let m = Product::from(Euclidean::new(2).unwrap());
    let map: Arc<dyn Map> = quadratic(&m);
    let flow = Flow::from_maps(vec![map], true).unwrap();
    let before = flow.initial(3);
    let mut theta = before.clone();
    assert!(!flow.rescale(&mut theta, 0.5));
    assert_eq!(theta, before);
}

#[test]
fn failed_sample_does_not_remember_what_its_thread_did_before() {
    let flow = Flow::new(spec("S2", 1, true, &[4])).unwrap();
    let theta = flow.initial(0);
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let failed = || one.install(|| flow.forward(&theta, &[f64::NAN, 0.0, 1.0]));
    let before = failed();
    one.install(|| flow.forward(&theta, &points(flow.manifold(), 32, 5)));
    assert!(!before.ok[0]);
    assert_eq!(before.log_q[0].to_bits(), failed().log_q[0].to_bits());
}
