//! The fast forms of potentials against the tower: second-order jets and coadjoint sweeps equal nested duals through
//! the definition of psi, to 1e-12 of the sum of their terms' magnitudes, and central differences to their own
//! accuracy.

mod cholesky;
mod log_det;
mod sweeps;
mod tally;
mod tower;

use ircpm_ad::{Isa, Kernel, Scalar};
use ircpm_flow::{Affine, Average, Derived, Expression, FeatureMap, Features, Group, Network, Potential};
use ircpm_manifolds::{AnyManifold, BlockMut, Manifold, Product};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use crate::networks::points;
use sweeps::{Case, Collapsed, Contracted, First, Form, Full, Jets, Sweep, Swept, Value};
use tally::Tally;
use tower::{Contraction, Variable, tower};

/// Samples in a tile: several packs on every instruction set.
const SAMPLES: usize = 16;
/// Parameters that are tested: more than that are sampled evenly.
const TESTED: usize = 30;

/// Random parameters, points and contractions of order one; one contraction in four has a singular `A`.
fn case<const D: usize>(manifold: &str, parameters: usize, seed: u64) -> Case<D> {
    let manifold: Product = manifold.parse().unwrap();
    assert_eq!(manifold.dim(), D, "{manifold}");
    let mut rng = Pcg64::seed_from_u64(seed);
    let mut number = || rng.random_range(-1.0..1.0);
    Case {
        theta: (0..parameters).map(|_| number()).collect(),
        points: points(&AnyManifold::from(manifold.clone()), SAMPLES, seed),
        c: (0..SAMPLES).map(|_| number()).collect(),
        beta: (0..SAMPLES).map(|_| std::array::from_fn(|_| number())).collect(),
        root: (0..SAMPLES)
            .map(|s| {
                std::array::from_fn(|_| {
                    std::array::from_fn(|k| if s % 4 == 3 && k == 0 { 0.0 } else { number() })
                })
            })
            .collect(),
        manifold,
    }
}

fn assert_is(found: f64, expected: Tally, what: impl Fn() -> String) {
    assert!(
        expected.is(found),
        "{}: {found:e} is not {:e}, size {:e}",
        what(),
        expected.value,
        expected.size
    );
}

/// Runs a kernel on single doubles. Not inlined: kernels are large, and compiling each of their copies takes seconds.
#[inline(never)]
fn scalar<K: Kernel>(kernel: K) -> K::Output {
    kernel.run::<f64>()
}

/// Runs a kernel on single doubles and on every instruction set.
fn on_all<K: Kernel>(kernel: impl Fn() -> K) -> Vec<(&'static str, K::Output)> {
    let mut out = vec![("f64", scalar(kernel()))];
    out.extend(Isa::available().into_iter().map(|isa| (isa.name(), isa.dispatch(kernel()))));
    out
}

fn assert_jets_match<const D: usize, P: Potential>(context: &str, case: &Case<D>, potential: &P) {
    let n = case.manifold.ambient();
    let runs = on_all(|| Jets(case, potential));
    for s in 0..SAMPLES {
        let y = &case.points[s * n..][..n];
        let expected = tower::<D, P>(&case.manifold, potential, &case.theta, y, Variable::Point(0));
        for (isa, jets) in &runs {
            let jet = &jets[s * (1 + D + D * D)..];
            let what = |which: &str| format!("{context}, {isa}, sample {s}: {which} of psi");
            assert_is(jet[0], expected.re.re.re, || what("value"));
            for i in 0..D {
                assert_is(jet[1 + i], expected.re.eps[i].re, || what("gradient"));
                for j in 0..D {
                    assert_is(jet[1 + D + i * D + j], expected.eps[i].eps[j].re, || what("Hessian"));
                }
            }
        }
    }
}

/// The contraction of sample `s`, as far as derivatives up to `order` take part.
fn contraction<const D: usize>(case: &Case<D>, s: usize, order: usize) -> Contraction<D> {
    let b = if order >= 1 { case.b(s) } else { [0.0; D] };
    let a = if order >= 2 { case.a(s) } else { [[0.0; D]; D] };
    Contraction { c: case.c[s], b, a }
}

/// Sweeps of their own, on single doubles alone: their code is the same over all reals, and every copy is slow to
/// compile.
fn assert_sweeps_match<F: Form, const D: usize, P: Potential>(context: &str, case: &Case<D>, potential: &P) {
    let runs = [("f64", scalar(Sweep::<F, P, D>::new(case, potential)))];
    assert_runs_match::<F, D, P>(context, case, potential, &runs);
}

/// The form of the maps' gradients, after an evaluation of the jets: on single doubles and on every instruction set.
fn assert_contractions_match<const D: usize, P: Potential>(context: &str, case: &Case<D>, potential: &P) {
    let case = Case { c: vec![0.0; SAMPLES], ..case.clone() };
    let runs = on_all(|| Contracted(&case, potential));
    assert_runs_match::<Collapsed, D, P>(&format!("{context}, from jets"), &case, potential, &runs);
}

fn assert_runs_match<F: Form, const D: usize, P: Potential>(
    context: &str,
    case: &Case<D>,
    potential: &P,
    runs: &[(&str, Swept)],
) {
    let n = case.manifold.ambient();
    let expected = |s: usize, variable: Variable| {
        let psi = tower::<D, P>(&case.manifold, potential, &case.theta, &case.points[s * n..][..n], variable);
        (psi.re.re.re, contraction(case, s, F::ORDER).of(&psi).eps[0])
    };
    for s in 0..SAMPLES {
        for k in 0..D {
            let (value, slope) = expected(s, Variable::Point(k));
            for (isa, swept) in runs {
                let what = |which: &str| format!("{context}, {isa}, order {}, sample {s}: {which}", F::ORDER);
                assert_is(swept.psi[s], value, || what("psi"));
                assert_is(swept.point_bar[s * D + k], slope, || what(&format!("gradient along {k}")));
            }
        }
    }
    for k in (0..case.theta.len()).step_by(1 + case.theta.len() / TESTED) {
        let sum =
            (0..SAMPLES).fold(Tally::constant(1.0), |sum, s| sum + expected(s, Variable::Parameter(k)).1);
        for (isa, swept) in runs {
            assert_is(swept.theta_bar[k], sum, || {
                format!("{context}, {isa}, order {}, parameter {k}", F::ORDER)
            });
        }
    }
}

/// The contraction's gradient by fourth-order central differences of the fast jets, in the parameters and in the
/// points.
fn assert_differences_agree<const D: usize, P: Potential>(context: &str, case: &Case<D>, potential: &P) {
    // Truncation h⁴ f⁽⁵⁾/30 and rounding 2⁻⁵³ f/h are both about 1e-13, and f⁽⁵⁾ some thousands of f with its
    // harmonics.
    const STEP: f64 = 1e-3;
    const TOLERANCE: f64 = 1e-9;
    let contracted = |case: &Case<D>| -> Vec<f64> {
        let jets = scalar(Jets(case, potential));
        let value = |s: usize| {
            let (jet, Contraction { c, b, a }) = (&jets[s * (1 + D + D * D)..], contraction(case, s, 2));
            let second: f64 = (0..D * D).map(|i| jet[1 + D + i] * a[i / D][i % D]).sum();
            c * jet[0] + (0..D).map(|i| jet[1 + i] * b[i]).sum::<f64>() + second
        };
        (0..SAMPLES).map(value).collect()
    };
    let difference = |moved: &dyn Fn(f64) -> Case<D>| -> Vec<f64> {
        let [a, b, c, d] = [1.0, -1.0, 2.0, -2.0].map(|h| contracted(&moved(h * STEP)));
        (0..SAMPLES).map(|s| (8.0 * (a[s] - b[s]) - (c[s] - d[s])) / (12.0 * STEP)).collect()
    };
    let swept = scalar(Sweep::<Collapsed, P, D>::new(case, potential));
    let scale = contracted(case).iter().fold(1.0, |max: f64, x| max.max(x.abs()));
    for k in (0..case.theta.len()).step_by(1 + case.theta.len() / TESTED) {
        let found: f64 = difference(&|h| {
            let mut moved = case.clone();
            moved.theta[k] += h;
            moved
        })
        .iter()
        .sum();
        let (expected, limit) = (swept.theta_bar[k] - 1.0, TOLERANCE * scale * SAMPLES as f64);
        assert!((found - expected).abs() < limit, "{context}, parameter {k}: {found:e} is not {expected:e}");
    }
    for k in 0..D {
        let found = difference(&|h| moved(case, k, h));
        for s in 0..SAMPLES {
            let expected = swept.point_bar[s * D + k];
            let error = (found[s] - expected).abs();
            assert!(
                error < TOLERANCE * scale,
                "{context}, sample {s} along {k}: {:e} is not {expected:e}",
                found[s]
            );
        }
    }
}

/// The case with every point moved by `h` along frame vector `k`, its contraction with it: the root `L` is turned from
/// the carried frame into the one that the manifold gives there.
fn moved<const D: usize>(case: &Case<D>, k: usize, h: f64) -> Case<D> {
    let (m, n) = (&case.manifold, case.manifold.ambient());
    let mut out = case.clone();
    let (mut frame, mut there, mut carried) = (vec![0.0; n * D], vec![0.0; n * D], vec![0.0; n]);
    for s in 0..SAMPLES {
        let y = &case.points[s * n..][..n];
        m.frame(y, BlockMut::dense(&mut frame, n));
        let velocity: Vec<f64> = frame[k * n..][..n].iter().map(|e| e * h).collect();
        m.exp(y, &velocity, &mut out.points[s * n..][..n]);
        m.frame(&out.points[s * n..][..n], BlockMut::dense(&mut there, n));
        out.root[s] = [[0.0; D]; D];
        for j in 0..D {
            m.transport(y, &velocity, &frame[j * n..][..n], &mut carried);
            for i in 0..D {
                let turn: f64 = (0..n).map(|c| there[i * n + c] * carried[c]).sum();
                (0..D).for_each(|l| out.root[s][i][l] += turn * case.root[s][j][l]);
            }
        }
    }
    out
}

fn network(manifold: &str, features: &Features, hidden: &[usize]) -> Network {
    Network::new(FeatureMap::new(features, &manifold.parse().unwrap()).unwrap(), hidden, 1.7)
}

/// Networks of two hidden layers on each of the manifolds of dimension `D`.
fn assert_networks_match<const D: usize>(seed: u64, table: &[(&str, Features)]) {
    for (seed, (manifold, features)) in (seed..).zip(table) {
        let potential = network(manifold, features, &[5, 4]);
        let case = case::<D>(manifold, potential.parameters(), seed);
        let context = format!("{manifold}, {features:?}, seed {seed}");
        assert_jets_match(&context, &case, &potential);
        assert_contractions_match(&context, &case, &potential);
        assert_sweeps_match::<Collapsed, _, _>(&context, &case, &potential);
        assert_differences_agree(&context, &case, &potential);
    }
}

const WAVES: Features = Features::Harmonics { order: 2 };

#[test]
fn networks_match_nested_duals_and_differences_in_dimension_one() {
    assert_networks_match::<1>(
        200,
        &[("T1", WAVES), ("S1", Features::Coordinates), ("R1", Features::Coordinates)],
    );
}

#[test]
fn networks_match_nested_duals_and_differences_in_dimension_two() {
    let invariant = Features::Combinations { directions: vec![vec![1, 1], vec![2, -1]], order: 2 };
    let subset = Features::Subset { coordinates: vec![2, 0] };
    let coordinates = Features::Coordinates;
    let table = [
        ("T2", WAVES),
        ("T2", invariant),
        ("S2", coordinates.clone()),
        ("S2", subset),
        ("R2", coordinates),
        ("S1xT1", WAVES),
    ];
    assert_networks_match::<2>(210, &table);
}

#[test]
fn networks_match_nested_duals_and_differences_in_dimension_three() {
    let coordinates = Features::Coordinates;
    assert_networks_match::<3>(
        220,
        &[("T3", WAVES), ("S3", coordinates.clone()), ("S2xT1", WAVES), ("R1xS2", coordinates)],
    );
}

#[test]
fn networks_match_nested_duals_and_differences_in_dimension_five() {
    assert_networks_match::<5>(230, &[("S5", Features::Coordinates), ("S2xT2xR1", WAVES)]);
}

#[test]
fn networks_match_nested_duals_and_differences_in_dimension_eight() {
    assert_networks_match::<8>(240, &[("S3xT3xR2", WAVES)]);
}

#[test]
fn sweeps_of_every_order_match_nested_duals() {
    for (seed, (manifold, features)) in (250..).zip([("T2", WAVES), ("S2", Features::Coordinates)]) {
        let potential = network(manifold, &features, &[4, 3]);
        let case = case::<2>(manifold, potential.parameters(), seed);
        let context = format!("{manifold}, seed {seed}");
        assert_sweeps_match::<Full, 2, _>(&context, &case, &potential);
        assert_sweeps_match::<First, 2, _>(&context, &case, &potential);
        assert_sweeps_match::<Value, 2, _>(&context, &case, &potential);
    }
}

/// A signed permutation, `z ↦ (signᵢ z_{from i} + shiftᵢ)`.
fn isometry(from: &[usize], sign: &[f64], shift: &[f64]) -> Affine {
    Affine::translation(shift).after(&Affine::signed_permutation(from, sign))
}

#[test]
fn averages_match_nested_duals_and_differences() {
    let swaps = [([0, 1], [1.0, 1.0]), ([1, 0], [1.0, 1.0]), ([0, 1], [-1.0, -1.0]), ([1, 0], [-1.0, -1.0])];
    let torus = swaps.map(|(from, sign)| isometry(&from, &sign, &[0.0; 2])).to_vec();
    let turns = (0..3)
        .map(|k| isometry(&[0, 1], &[1.0; 2], &[std::f64::consts::TAU * f64::from(k) / 3.0, 0.0]))
        .collect();
    let signs = [[1.0; 3], [-1.0, 1.0, 1.0], [1.0, 1.0, -1.0], [-1.0, 1.0, -1.0]];
    let sphere = signs.map(|sign| isometry(&[0, 1, 2], &sign, &[0.0; 3])).to_vec();
    let table = [("T2", WAVES, torus), ("T2", WAVES, turns), ("S2", Features::Coordinates, sphere)];
    for (seed, (manifold, features, group)) in (260..).zip(table) {
        let erased: AnyManifold = manifold.parse().unwrap();
        let group = Group::new(group, &erased).unwrap();
        let potential = Average::new(network(manifold, &features, &[4, 3]), group);
        let case = case::<2>(manifold, potential.parameters(), seed);
        let context = format!("average on {manifold}, seed {seed}");
        assert_jets_match(&context, &case, &potential);
        assert_contractions_match(&context, &case, &potential);
        assert_sweeps_match::<Collapsed, _, _>(&context, &case, &potential);
        assert_differences_agree(&context, &case, &potential);
    }
}

/// A user's potential, with each operation that a network lacks.
#[derive(Debug)]
struct Wells(usize);

impl Expression for Wells {
    fn inputs(&self) -> usize {
        self.0
    }
    fn parameters(&self) -> usize {
        3
    }
    fn value<S: Scalar>(&self, theta: &[S], z: &[S]) -> S {
        let mut sum = theta[0];
        for (i, &z) in z.iter().enumerate() {
            sum += (z * (1.0 + i as f64) + theta[1]).cos() * theta[0];
        }
        (theta[2] * sum).exp() / (z[0] * z[0] + 2.0).sqrt()
    }
}

#[test]
fn derived_potentials_match_nested_duals_and_differences() {
    for (seed, manifold) in (270..).zip(["T2", "S2", "R2"]) {
        let potential = Derived(Wells(manifold.parse::<Product>().unwrap().ambient()));
        let case = case::<2>(manifold, 3, seed);
        let context = format!("derived on {manifold}, seed {seed}");
        assert_jets_match(&context, &case, &potential);
        assert_contractions_match(&context, &case, &potential);
        assert_sweeps_match::<Collapsed, _, _>(&context, &case, &potential);
        assert_sweeps_match::<Full, 2, _>(&context, &case, &potential);
        assert_differences_agree(&context, &case, &potential);
    }
}
