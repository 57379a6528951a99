//! Random flows for tests, and the condition under which they are used.

use ircpm_flow::{Features, Flow, FlowSpec, Solver};
use ircpm_manifolds::AnyManifold;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

/// A specification of `layers` layers on the manifold of that name, with its usual features.
pub(crate) fn spec(manifold: &str, layers: usize, shared: bool, hidden: &[usize]) -> FlowSpec {
    FlowSpec {
        manifold: manifold.parse().unwrap(),
        layers,
        shared,
        hidden: hidden.to_vec(),
        features: Features::Harmonics { order: 1 },
        symmetry: vec![],
        output_scale: 1.0,
        solver: Solver::default(),
    }
}

/// Parameters uniform within `± scale/√fan-in`, layer by layer of the networks.
pub(crate) fn parameters(flow: &Flow, scale: f64, seed: u64) -> Vec<f64> {
    flow.initial(seed).iter().map(|w| w * scale).collect()
}

/// Points of the base density.
pub(crate) fn points(manifold: &AnyManifold, count: usize, seed: u64) -> Vec<f64> {
    let mut rng = Pcg64::seed_from_u64(seed);
    let mut p = vec![0.0; manifold.ambient()];
    let mut out = Vec::new();
    for _ in 0..count {
        let u: Vec<f64> = (0..manifold.cube_dim()).map(|_| rng.random()).collect();
        manifold.base_point(&u, &mut p);
        out.extend_from_slice(&p);
    }
    out
}

/// Smallest eigenvalue of H over a fine set of points.
pub(crate) fn smallest_eigenvalue(flow: &Flow, theta: &[f64]) -> f64 {
    let (_, eigenvalues) = flow.inverse_with_eigenvalues(theta, &points(flow.manifold(), 4000, 99));
    eigenvalues.into_iter().fold(f64::INFINITY, |min, e| if e >= min { min } else { e })
}

/// Random parameters of weight scale 1 to 2 whose H has all eigenvalues above 0.1, and how many draws were rejected.
pub(crate) fn regular(flow: &Flow, seed: u64) -> (Vec<f64>, usize) {
    let mut rng = Pcg64::seed_from_u64(seed);
    for rejected in 0..1000 {
        let theta = parameters(flow, rng.random_range(1.0..2.0), rng.random());
        if smallest_eigenvalue(flow, &theta) > 0.1 {
            return (theta, rejected);
        }
    }
    panic!("seed {seed}: a thousand random networks, all of them folded");
}
