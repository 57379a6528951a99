//! Derivatives of every quantity: jets against nested duals, both against central differences.

use std::f64::consts::FRAC_PI_2;

use crate::common::{generator, manifold, numbers, point, quantities, tangent};
use ircpm_ad::{Dual, Jet, Scalar};
use ircpm_manifolds::{Manifold, Product};

/// A family of geodesics in two parameters: the start moves with the first, the velocity with both.
struct Family {
    m: Product,
    p: Vec<f64>,
    drift: Vec<f64>,
    t: Vec<f64>,
    bends: [Vec<f64>; 2],
    w: Vec<f64>,
}

impl Family {
    fn new(name: &str, length: f64, seed: u64) -> Self {
        let (m, mut rng) = (manifold(name), generator(seed));
        let d = m.dim();
        let direction = numbers(d, 1.0, &mut rng);
        let norm = direction.iter().map(|x| x * x).sum::<f64>().sqrt();
        Self {
            p: point(&m, &mut rng),
            drift: numbers(d, 1.0, &mut rng),
            t: direction.iter().map(|x| x * length / norm).collect(),
            bends: [numbers(d, 1.0, &mut rng), numbers(d, 1.0, &mut rng)],
            w: numbers(d, 1.0, &mut rng),
            m,
        }
    }

    fn eval<S: Scalar>(&self, [a, b]: [S; 2]) -> Vec<S> {
        let constants = |x: &[f64]| -> Vec<S> { x.iter().map(|&x| S::constant(x)).collect() };
        let drift: Vec<S> = self.drift.iter().map(|&x| a * x).collect();
        let start = constants(&self.p);
        let mut p = vec![S::zero(); self.m.ambient()];
        self.m.exp(&start, &tangent(&self.m, &start, &drift), &mut p);
        let t: Vec<S> =
            (0..self.t.len()).map(|i| a * self.bends[0][i] + b * self.bends[1][i] + self.t[i]).collect();
        quantities(&self.m, &p, &t, &constants(&self.w))
    }

    fn jets(&self, a: f64, b: f64) -> Vec<Jet<f64, 2>> {
        self.eval([Jet::variable(a, 0), Jet::variable(b, 1)])
    }
}

/// A name, and the length of the geodesic: coincident, nearly so, a quarter turn, and close to the cut locus.
const CASES: [(&str, f64); 14] = [
    ("T2", 1.0),
    ("R3", 1.0),
    ("S1", 0.0),
    ("S1", 2.9),
    ("S2", 0.0),
    ("S2", 1e-9),
    ("S2", FRAC_PI_2 - 1e-4),
    ("S2", FRAC_PI_2 + 1e-4),
    ("S2", 3.04),
    ("S3", 0.0),
    ("S3", 2.0),
    ("S5", 2.5),
    ("S2xT1", 0.7),
    ("T2xS3xR1", 2.2),
];
const SEEDS: [u64; 2] = [3, 4];

/// Of five-point stencils: far below the distance to the pole, 0.1 at the closest.
const STEP: f64 = 1e-4;

/// Largest coefficient of the list: errors are relative to it.
fn size(jets: &[Jet<f64, 2>]) -> f64 {
    jets.iter()
        .flat_map(|j| [j.re, j.grad[0], j.grad[1], j.hess[0][0], j.hess[0][1], j.hess[1][1]])
        .fold(1.0, |a, b| a.max(b.abs()))
}

#[test]
fn jets_match_nested_duals() {
    for (name, length) in CASES {
        for seed in SEEDS {
            let family = Family::new(name, length, seed);
            let jets = family.jets(0.0, 0.0);
            let variable = |i| Dual::<Dual<f64, 2>, 2>::variable(Dual::variable(0.0, i), i);
            let nested = family.eval([variable(0), variable(1)]);
            let tolerance = 1e-12 * size(&jets); // the same formulas, summed in another order
            for (k, (jet, dual)) in jets.iter().zip(&nested).enumerate() {
                let place = format!("{name} at length {length}, seed {seed}, quantity {k}");
                assert!((jet.re - dual.re.re).abs() <= tolerance, "{place}: value");
                for i in 0..2 {
                    assert!((jet.grad[i] - dual.eps[i].re).abs() <= tolerance, "{place}: gradient {i}");
                    for j in 0..2 {
                        let gap = (jet.hess[i][j] - dual.eps[i].eps[j]).abs();
                        assert!(gap <= tolerance, "{place}: Hessian {i}, {j}: {gap:e}");
                    }
                }
            }
        }
    }
}

#[test]
fn jets_match_central_differences_to_third_order() {
    for (name, length) in CASES {
        for seed in SEEDS {
            let family = Family::new(name, length, seed);
            let stencil = |i: usize| {
                [-2.0, -1.0, 1.0, 2.0].map(|k| {
                    family.jets(if i == 0 { k * STEP } else { 0.0 }, if i == 1 { k * STEP } else { 0.0 })
                })
            };
            let jets = family.jets(0.0, 0.0);
            let variable = |i| Dual::<Jet<f64, 2>, 2>::variable(Jet::variable(0.0, i), i);
            let third = family.eval([variable(0), variable(1)]);
            for i in 0..2 {
                let around = stencil(i);
                for k in 0..jets.len() {
                    let slope = |f: &dyn Fn(&Jet<f64, 2>) -> f64| {
                        let [a, b, c, d] = [0, 1, 2, 3].map(|s| f(&around[s][k]));
                        (a - 8.0 * b + 8.0 * c - d) / (12.0 * STEP)
                    };
                    let close = |exact: f64, f: &dyn Fn(&Jet<f64, 2>) -> f64, what: &str| {
                        let error = (exact - slope(f)).abs();
                        // Truncation: STEP⁴ times four more powers of the pole; rounding: 1e-16 of the size over STEP.
                        let tolerance = 1e-7 * size(&jets).max(third[k].eps[i].hess[0][0].abs());
                        assert!(
                            error < tolerance,
                            "{name} at {length}, seed {seed}, quantity {k}: {what} {i}: {error:e}"
                        );
                    };
                    close(jets[k].grad[i], &|j| j.re, "first");
                    close(jets[k].hess[i][0], &|j| j.grad[0], "second");
                    close(jets[k].hess[i][1], &|j| j.grad[1], "second");
                    close(third[k].eps[i].hess[0][1], &|j| j.hess[0][1], "third");
                    close(third[k].eps[i].hess[1][1], &|j| j.hess[1][1], "third");
                }
            }
        }
    }
}
