//! Values, log-determinants and gradients against nested duals, and the laws of any flow.

use ircpm_ad::{Dual, Scalar};
use ircpm_flow::check::flow_violations;
use ircpm_flow::{Direction, DiscreteMap, Map, Part, Workspace};
use ircpm_manifolds::{AnyManifold, Product};

use crate::oracle::Oracle;
use crate::setup::{discrete, flow, parameters, points};

/// What a few dozen sums over a handful of terms lose to rounding.
const ROUNDING: f64 = 1e-11;

/// Manifolds, numbers of components, smoothings and constants that are regular and not near the identity.
const CASES: [(&str, usize, f64, bool); 6] = [
    ("T2", 9, 0.6, false),
    ("S2", 7, 0.5, false),
    ("S2", 5, 0.3, true),
    ("R2", 5, 0.4, true),
    ("T1xS1", 6, 0.5, true),
    ("S1xR1", 6, 0.7, true),
];

fn assert_near(context: &str, found: f64, expected: f64) {
    let error = (found - expected).abs();
    assert!(error < ROUNDING * (1.0 + expected.abs()), "{context}: {found} is not {expected}");
}

fn compare_with_oracle<const D: usize>(manifold: &str, components: usize, smoothing: f64, constant: bool) {
    let spec = discrete(components, smoothing, constant);
    let m: Product = manifold.parse().unwrap();
    let oracle = Oracle { manifold: m.clone(), smoothing, constant };
    let (flow, erased) = (flow(manifold, &spec, 1), AnyManifold::new(m.clone()));
    let theta = parameters(&flow, 3);
    let x = points(&erased, 9, 5);
    let n = erased.ambient();
    let mut phi = vec![0.0; 9];
    let map = DiscreteMap::<_, D>::new(m, &spec).unwrap();
    Workspace::with(|work| map.phi(&theta, &x, &mut phi, work));
    let pushed = flow.forward(&theta, &x);
    let theta_dot: Vec<f64> = (0..theta.len()).map(|k| (1.0 + k as f64).sin()).collect();
    let moving: Vec<Dual<f64, 1>> = theta.iter().zip(&theta_dot).map(|(&t, &d)| Dual::new(t, [d])).collect();
    for (s, x) in x.chunks_exact(n).enumerate() {
        let context = format!("{manifold}, {components} components, γ = {smoothing}, sample {s}");
        assert!(pushed.ok[s], "{context}");
        assert_near(&context, phi[s], oracle.phi(&theta, x));

        let fixed: Vec<Dual<f64, 1>> = x.iter().map(|&x| Dual::fixed(x)).collect();
        let (y, log_det) = oracle.image_with_log_det::<_, D>(&moving, &fixed);
        let mut image: Vec<f64> = y.iter().map(|y| y.re).collect();
        erased.wrap(&mut image);
        let distance = erased.distance(&pushed.y[s * n..(s + 1) * n], &image);
        assert!(distance < ROUNDING, "{context}: images are {distance} apart");
        assert_near(&context, pushed.log_q[s], erased.log_base(x) - log_det.re);

        // A loss whose cotangents are not orthogonal to the manifold: the normal part must not matter.
        let weights: Vec<f64> = (0..n).map(|c| 0.7 - 0.4 * c as f64).collect();
        let (gradient, _, _) = flow
            .forward_gradient(&theta, x, |part: Part<'_>| {
                part.points_bar.copy_from_slice(&weights);
                part.log_q_bar[0] = -0.8;
                Ok::<_, ()>(())
            })
            .unwrap();
        let found: f64 = gradient.iter().zip(&theta_dot).map(|(g, d)| g * d).sum();
        let by_points: f64 = y.iter().zip(&weights).map(|(y, w)| y.eps[0] * w).sum();
        assert_near(&context, found, by_points + 0.8 * log_det.eps[0]);
    }
}

#[test]
fn values_log_determinants_and_gradients_match_nested_duals() {
    for (manifold, components, smoothing, constant) in CASES {
        compare_with_oracle::<2>(manifold, components, smoothing, constant);
    }
    compare_with_oracle::<3>("S2xT1", 8, 0.6, false);
    compare_with_oracle::<3>("S3", 9, 0.5, false);
}

#[test]
fn oracle_is_what_the_definition_says_at_one_component() {
    // One point y: phi is the cost, and all of M is mapped to y.
    let oracle = Oracle { manifold: "S2".parse().unwrap(), smoothing: 0.3, constant: false };
    let (theta, x) = ([0.0, 0.0, 2.0, 0.5], [1.0, 0.0, 0.0]);
    let quarter = std::f64::consts::FRAC_PI_2;
    assert_near("phi", oracle.phi(&theta, &x), 0.5 * quarter * quarter + 0.5);
    let y = oracle.image::<f64, 2>(&theta, &x);
    assert!(y[0].abs() < 1e-15 && y[1].abs() < 1e-15 && Scalar::powi(y[2] - 1.0, 2) < 1e-30, "{y:?}");
}

#[test]
fn stacks_obey_the_laws_of_flows_in_both_directions() {
    for (manifold, components, smoothing, constant) in CASES {
        let flow = flow(manifold, &discrete(components.max(9), smoothing, constant), 2);
        let theta = parameters(&flow, 8);
        let x = points(flow.manifold(), 5, 2);
        let violations = flow_violations(&flow, &theta, &x);
        assert!(violations.is_empty(), "{manifold}: {violations:#?}");
    }
}

#[test]
fn the_inverse_finds_every_preimage() {
    for (manifold, components, smoothing, constant) in
        [("S2", 30, 0.1, false), ("T2", 40, 0.1, false), ("R2", 12, 0.1, true), ("S2", 12, 0.02, true)]
    {
        let flow = flow(manifold, &discrete(components, smoothing, constant), 3);
        let theta = parameters(&flow, 17);
        let x = points(flow.manifold(), 300, 4);
        let pushed = flow.forward(&theta, &x);
        assert!(pushed.ok.iter().all(|&ok| ok), "{manifold}: forward");
        let pulled = flow.inverse(&theta, &pushed.y);
        let n = flow.manifold().ambient();
        for (s, (a, b)) in x.chunks_exact(n).zip(pulled.x.chunks_exact(n)).enumerate() {
            // The density at the image bounds how far an error of the residual moves the preimage.
            let distance = flow.manifold().distance(a, b);
            assert!(pulled.ok[s], "{manifold}, sample {s} at {a:?}: the search failed");
            let density = (pushed.log_q[s] - flow.manifold().log_base(a)).exp();
            assert!(distance < 1e-9 * (1.0 + density), "{manifold}, sample {s}: {distance}, {density}");
        }
    }
}

#[test]
fn gradients_have_the_same_bits_on_any_number_of_threads() {
    let flow = flow("S2", &discrete(20, 0.1, false), 2);
    let theta = parameters(&flow, 1);
    let x = points(flow.manifold(), 333, 9);
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let ones = vec![1.0; 333];
            flow.vjp(Direction::Forward, &theta, &x, &x, &ones)
        })
    };
    let once = run(1);
    assert!(once.theta.iter().any(|g| g.abs() > 1.0));
    for threads in [2, 3, 7] {
        assert_eq!(run(threads), once, "{threads} threads");
    }
}

#[test]
fn potential_of_which_phi_is_the_dual_supports_it_from_above() {
    // phi(x) ≤ c(x, y) + psi(y) for all x and y, with equality at y = T(x): that the search finds global minima.
    for manifold in ["S2", "T2"] {
        let spec = discrete(40, 0.1, false);
        let flow = flow(manifold, &spec, 1);
        let (m, theta) = (flow.manifold(), parameters(&flow, 23));
        let n = m.ambient();
        let x = points(m, 60, 1);
        let y = flow.forward(&theta, &x).y;
        let map = DiscreteMap::<_, 2>::new(manifold.parse::<Product>().unwrap(), &spec).unwrap();
        let (mut phi, mut psi) = (vec![0.0; 60], vec![0.0; 60]);
        Workspace::with(|work| {
            map.phi(&theta, &x, &mut phi, work);
            map.potential(&theta, &y, &mut psi, work);
        });
        for (i, x) in x.chunks_exact(n).enumerate() {
            for (j, y) in y.chunks_exact(n).enumerate() {
                let above = 0.5 * m.distance(x, y).powi(2) + psi[j] - phi[i];
                let context = format!("{manifold}, points {i} and {j}: {above:e}");
                assert!(if i == j { above.abs() < 1e-12 } else { above > -1e-12 }, "{context}");
            }
        }
    }
}
