//! The fast second-order types and the derivative functions against nested duals, num-dual and central differences.

use std::array::from_fn;

use ircpm_ad::derivative::{ScalarField, gradient, hessian, third};
use ircpm_ad::{Algebra, Dual, Jet, Lap, Scalar};
use num_dual::{DualNum, HyperHyperDual64};
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

/// Functions of any number of variables, of order one with their derivatives wherever they are evaluated.
#[derive(Debug)]
enum Composite {
    Rational,
    Trigonometric,
    Radial,
    /// A softplus network `n → 5 → 4 → 1` written without any care; weights are read in a cycle.
    Network(Vec<f64>),
}

const HIDDEN: [usize; 3] = [5, 4, 1];

/// `Σ w·h` for the units of a layer, the cycle of weights starting at `from`.
fn weight(weights: &[f64], layer: usize, unit: usize, input: usize) -> f64 {
    weights[(31 * layer + 7 * unit + 3 * input) % weights.len()]
}

impl ScalarField for Composite {
    fn eval<S: Scalar>(&self, x: &[S]) -> S {
        let n = x.len();
        let sum = |f: &dyn Fn(S, S) -> S| (0..n).fold(S::zero(), |sum, i| sum + f(x[i], x[(i + 1) % n]));
        match self {
            Composite::Rational => sum(&|a, b| a * b / (a * a + b * b * 0.5 + 1.0)),
            Composite::Trigonometric => sum(&|a, b| (a * 2.0 + b).sin() * (b - a * 0.5).cos()),
            Composite::Radial => {
                let square = sum(&|a, _| a * a) + 1.0;
                square.sqrt().ln() * x[0].tanh() - square.powi(-2) + (x[0] + x[n - 1]).atan2(square)
            }
            Composite::Network(weights) => {
                let mut layer = x.to_vec();
                for (l, &units) in HIDDEN.iter().enumerate() {
                    let unit = |k: usize| {
                        let dot = layer.iter().enumerate().map(|(j, &h)| h * weight(weights, l, k, j));
                        dot.fold(S::constant(0.1), |sum, term| sum + term).softplus()
                    };
                    layer = (0..units).map(unit).collect();
                }
                layer[0]
            }
        }
    }
}

impl Composite {
    /// The same, written for num-dual.
    fn oracle(&self, x: &[HyperHyperDual64]) -> HyperHyperDual64 {
        type N = HyperHyperDual64;
        let n = x.len();
        let sum = |f: &dyn Fn(N, N) -> N| (0..n).fold(x[0] * 0.0, |sum, i| sum + f(x[i], x[(i + 1) % n]));
        match self {
            Composite::Rational => sum(&|a, b| a * b / (a * a + b * b * 0.5 + 1.0)),
            Composite::Trigonometric => sum(&|a, b| (a * 2.0 + b).sin() * (b - a * 0.5).cos()),
            Composite::Radial => {
                let square = sum(&|a, _| a * a) + 1.0;
                square.ln() * 0.5 * x[0].tanh() - (square * square).recip()
                    + ((x[0] + x[n - 1]) / square).atan()
            }
            Composite::Network(weights) => {
                let mut layer = x.to_vec();
                for (l, &units) in HIDDEN.iter().enumerate() {
                    let unit = |k: usize| {
                        let dot = layer.iter().enumerate().map(|(j, &h)| h * weight(weights, l, k, j));
                        (dot.fold(x[0] * 0.0 + 0.1, |sum, term| sum + term).exp() + 1.0).ln()
                    };
                    layer = (0..units).map(unit).collect();
                }
                layer[0]
            }
        }
    }
}

/// All functions, the network with weights from this seed.
fn functions(seed: u64) -> [Composite; 4] {
    let mut rng = Pcg64Mcg::seed_from_u64(seed);
    let weights = (0..97).map(|_| rng.random_range(-1.0..1.0)).collect();
    [Composite::Rational, Composite::Trigonometric, Composite::Radial, Composite::Network(weights)]
}

fn assert_close(what: &str, f: &Composite, found: f64, expected: f64, tolerance: f64) {
    assert!(
        (found - expected).abs() <= tolerance,
        "{what} of {f:?}: {found:e}, not {expected:e} ± {tolerance:e}"
    );
}

/// `Jet` and `Lap` against `Dual<Dual>`, with `A = L Lᵀ`; rounding is measured against the sum of all coefficients.
fn assert_jets_match<const D: usize>(f: &Composite, x: &[f64], l: &[f64]) {
    let l: [[f64; D]; D] = from_fn(|i| from_fn(|j| l[i * D + j]));
    let nested: [Dual<Dual<f64, D>, D>; D] = from_fn(|i| Dual::variable(Dual::variable(x[i], i), i));
    let y = f.eval(&nested);
    let size = 1.0 + Algebra::coefficients(&[y]).iter().map(|c| c.abs()).sum::<f64>();

    let jet = f.eval::<Jet<f64, D>>(&from_fn::<_, D, _>(|i| Jet::variable(x[i], i)));
    let plain =
        f.eval::<Lap<f64, D>>(&from_fn::<_, D, _>(|i| Lap::seeded(x[i], from_fn(|k| f64::from(i == k)))));
    let turned = f.eval::<Lap<f64, D>>(&from_fn::<_, D, _>(|i| Lap::seeded(x[i], l[i])));

    let close = |what: &str, found: f64, expected: f64| assert_close(what, f, found, expected, 1e-12 * size);
    let (mut trace, mut contraction, mut terms) = (0.0, 0.0, 0.0);
    for i in 0..D {
        close("gradient in a jet", jet.grad[i], y.re.eps[i]);
        close("gradient in a collapsed jet", plain.grad[i], y.re.eps[i]);
        let along: f64 = (0..D).map(|j| l[j][i] * y.re.eps[j]).sum();
        let reach: f64 = 1.0 + (0..D).map(|j| l[j][i].abs()).sum::<f64>();
        close("derivative along a seed", turned.grad[i] / reach, along / reach);
        for j in 0..D {
            close("Hessian in a jet", jet.hess[i][j], y.eps[i].eps[j]);
            let a: f64 = (0..D).map(|k| l[i][k] * l[j][k]).sum();
            contraction += a * y.eps[i].eps[j];
            terms += (0..D).map(|k| (l[i][k] * l[j][k]).abs()).sum::<f64>();
        }
        trace += y.eps[i].eps[i];
    }
    for value in [jet.re, plain.re, turned.re, y.re.re] {
        assert_close("value", f, value, f.eval(&x[..D]), 1e-12 * size);
    }
    close("trace", plain.lap, trace);
    assert_close("contraction", f, turned.lap, contraction, 1e-12 * size * (1.0 + terms));
}

/// Coordinates where formulas often fail: zero and its neighbours, equal ones, multiples of π/2, large ones.
fn coordinate() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => -3.0..3.0,
        1 => Just(0.0),
        1 => Just(1.0),
        1 => (-300.0..-5.0).prop_map(|e: f64| 10f64.powf(e)),
        1 => (-4..5).prop_map(|n: i32| f64::from(n) * std::f64::consts::FRAC_PI_2),
        1 => -40.0..40.0,
    ]
}

/// Entries of `L`, of very different sizes and often zero: `A` is then singular.
fn entry() -> impl Strategy<Value = f64> {
    prop_oneof![2 => -2.0..2.0, 1 => Just(0.0), 1 => Just(1e-9), 1 => -1e3..1e3]
}

proptest! {
    #![proptest_config(ProptestConfig::with_failure_persistence(FileFailurePersistence::WithSource("regressions")))]

    #[test]
    fn jets_and_collapsed_jets_match_nested_duals(
        x in proptest::collection::vec(coordinate(), 8),
        l in proptest::collection::vec(entry(), 64),
        seed in any::<u64>(),
    ) {
        for f in &functions(seed) {
            assert_jets_match::<1>(f, &x, &l);
            assert_jets_match::<2>(f, &x, &l);
            assert_jets_match::<3>(f, &x, &l);
            assert_jets_match::<5>(f, &x, &l);
            assert_jets_match::<8>(f, &x, &l);
        }
    }
}

/// One seed for the points and networks of the tests below.
const SEED: u64 = 20_211_001;

/// Every function at a random point of every dimension from 1 to 9: the chunks of four end in all ways.
fn at_random_points(check: impl Fn(&Composite, &[f64])) {
    let mut rng = Pcg64Mcg::seed_from_u64(SEED);
    for n in 1..=9 {
        let x: Vec<f64> = (0..n).map(|_| rng.random_range(-1.5..1.5)).collect();
        for f in &functions(SEED + n) {
            check(f, &x);
        }
    }
}

#[test]
fn derivatives_match_nested_duals_across_the_chunk_size() {
    type Nested = Dual<Dual<Dual<f64, 1>, 1>, 1>;
    at_random_points(|f, x| {
        let n = x.len();
        let ((value, grad), (also, also_grad, hess), cubic) = (gradient(f, x), hessian(f, x), third(f, x));
        assert_eq!((grad.len(), also_grad.len(), hess.len(), cubic.len()), (n, n, n * n, n * n * n));
        for (m, &c) in cubic.iter().enumerate() {
            let (i, j, k) = (m / n / n, m / n % n, m % n);
            let one = |on: bool| f64::from(on);
            let seeded: Vec<Nested> = (0..n)
                .map(|v| {
                    let inner = Dual::new(x[v], [one(v == k)]);
                    let middle = Dual::new(inner, [Dual::fixed(one(v == j))]);
                    Dual::new(middle, [Dual::fixed(Dual::fixed(one(v == i)))])
                })
                .collect();
            let y = f.eval(&seeded);
            let size = 1.0 + Algebra::coefficients(&[y]).iter().map(|c| c.abs()).sum::<f64>();
            let close = |what: &str, found, expected| assert_close(what, f, found, expected, 1e-12 * size);
            close("value with the gradient", value, y.re.re.re);
            close("value with the Hessian", also, y.re.re.re);
            close("gradient", grad[i], y.eps[0].re.re);
            close("gradient with the Hessian", also_grad[i], y.eps[0].re.re);
            close("Hessian", hess[i * n + j], y.eps[0].eps[0].re);
            close("third derivative", c, y.eps[0].eps[0].eps[0]);
        }
    });
}

#[test]
fn derivatives_match_num_dual() {
    at_random_points(|f, x| {
        let n = x.len();
        let ((_, grad, hess), cubic) = (hessian(f, x), third(f, x));
        for (m, &c) in cubic.iter().enumerate() {
            let (i, j, k) = (m / n / n, m / n % n, m % n);
            let mut seeded: Vec<HyperHyperDual64> = x.iter().map(|&x| HyperHyperDual64::from_re(x)).collect();
            seeded[i] = seeded[i].derivative1();
            seeded[j] = seeded[j].derivative2();
            seeded[k] = seeded[k].derivative3();
            let y = f.oracle(&seeded);
            let size = 1.0 + y.eps1.abs() + y.eps1eps2.abs() + y.eps1eps2eps3.abs();
            assert_close("gradient", f, grad[i], y.eps1, 1e-12 * size);
            assert_close("Hessian", f, hess[i * n + j], y.eps1eps2, 1e-12 * size);
            assert_close("third derivative", f, c, y.eps1eps2eps3, 1e-12 * size);
        }
    });
}

#[test]
fn derivatives_match_central_differences_of_the_order_below() {
    // Truncation h² and rounding ε/h balance near h = 1e-5, at 1e-10; a hundredfold of it for large fifth derivatives.
    let (h, tolerance) = (1e-5, 1e-8);
    at_random_points(|f, x| {
        let n = x.len();
        let ((_, grad, hess), cubic) = (hessian(f, x), third(f, x));
        for i in 0..n {
            let moved = |by: f64| {
                let mut x = x.to_vec();
                x[i] += by;
                hessian(f, &x)
            };
            let (ahead, behind) = (moved(h), moved(-h));
            assert_close("gradient", f, grad[i], (ahead.0 - behind.0) / (2.0 * h), tolerance);
            for j in 0..n {
                assert_close(
                    "Hessian",
                    f,
                    hess[i * n + j],
                    (ahead.1[j] - behind.1[j]) / (2.0 * h),
                    tolerance,
                );
            }
            for m in 0..n * n {
                let difference = (ahead.2[m] - behind.2[m]) / (2.0 * h);
                assert_close("third derivative", f, cubic[i * n * n + m], difference, tolerance);
            }
        }
    });
}

#[test]
fn collapsed_jet_over_duals_is_the_trace_of_third_derivatives() {
    const N: usize = 3;
    let x = [0.3, -0.7, 1.1];
    for f in &functions(SEED) {
        let cubic = third(f, &x);
        for k in 0..N {
            let seeded: [Lap<Dual<f64, 1>, N>; N] = from_fn(|i| {
                let value = if i == k { Dual::variable(x[i], 0) } else { Dual::fixed(x[i]) };
                Lap::seeded(value, from_fn(|j| Dual::fixed(f64::from(i == j))))
            });
            let trace: f64 = (0..N).map(|i| cubic[(k * N + i) * N + i]).sum();
            assert_close("derivative of the Laplacian", f, f.eval(&seeded).lap.eps[0], trace, 1e-12);
        }
    }
}
