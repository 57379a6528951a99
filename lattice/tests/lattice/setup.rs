//! Potentials, points and parameters that the tests share.

use std::sync::Arc;

use ircpm_ad::{Dual, Isa};
use ircpm_flow::{Expression, Flow, Jacobian, Map, Solver};
use ircpm_lattice::{
    Chain, ChainWindows, Charges, LatticeMap, LatticePotential, Perceptron, Square, SquareWindows, Structure,
    Term,
};
use nalgebra::{DMatrix, DVector};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

/// Potentials of all kinds, by name.
pub(crate) fn potentials() -> Vec<(&'static str, LatticePotential)> {
    let charges = charges().into_iter().map(|(name, charges)| (name, charges.into()));
    charges.chain(windows().into_iter().map(|(name, windows)| (name, windows.into()))).collect()
}

/// Windows of all kinds and numbers of inputs, by name.
pub(crate) fn windows() -> Vec<(&'static str, ircpm_lattice::Windows)> {
    let small = Perceptron { width: 3, depth: 1, order: 1 };
    let open = ChainWindows { boundary: 1, perceptron: small, ..ChainWindows::default() };
    let ring = ChainWindows { closed: true, differences: true, ..open };
    let square = SquareWindows { perceptron: small, ..SquareWindows::default() };
    let deep = Perceptron { width: 3, depth: 2, order: 2 };
    vec![
        ("windows of an open chain", open.windows(7).unwrap()),
        (
            "differences of windows of an open chain",
            ChainWindows { differences: true, ..open }.windows(6).unwrap(),
        ),
        ("windows of a closed chain", ChainWindows { range: 3, closed: true, ..open }.windows(8).unwrap()),
        ("differences of windows of a closed chain", ring.windows(7).unwrap()),
        (
            "deep networks on a closed chain",
            ChainWindows { range: 1, perceptron: deep, ..ring }.windows(5).unwrap(),
        ),
        ("windows of a square lattice", SquareWindows { block: true, ..square }.windows(3).unwrap()),
        (
            "all angles of pluses",
            SquareWindows { plaquette: false, differences: false, ..square }.windows(4).unwrap(),
        ),
    ]
}

/// Charges of all kinds, by name.
pub(crate) fn charges() -> Vec<(&'static str, Charges)> {
    let chain = |of: Chain, sites| of.charges(sites).unwrap();
    let open = Chain { boundary: 2, ..Chain::default() };
    let total = Charges::sum(&[Charges::single_sites(7, 2).unwrap(), Charges::total(7, 2).unwrap()]).unwrap();
    // Two combinations of many sites beside a chain, which share some of them.
    let combinations = Charges::sum(&[
        Chain { range: 1, degree: 2, ..open }.charges(9).unwrap(),
        Charges::new(
            9,
            &[
                Term { charge: (0..6).map(|i| (i, 1 + i as i32 % 2)).collect(), class: 0 },
                Term { charge: (2..9).map(|i| (i, if i % 3 == 0 { -2 } else { 4 })).collect(), class: 1 },
            ],
        )
        .unwrap(),
    ])
    .unwrap();
    vec![
        ("open chain", chain(open, 7)),
        ("open chain of range 3", chain(Chain { range: 3, degree: 3, ..open }, 9)),
        ("closed chain", chain(Chain { closed: true, ..open }, 9)),
        ("differences on a closed chain", chain(Chain { closed: true, differences: true, ..open }, 8)),
        ("square lattice", Square::default().charges(3).unwrap()),
        (
            "square lattice with all charges",
            Square { degree: 2, differences: false, ..Square::default() }.charges(4).unwrap(),
        ),
        ("single sites", Charges::single_sites(6, 3).unwrap()),
        ("total", total),
        ("combinations", combinations),
        ("difference of two angles", of_terms(2, &[&[(0, 1), (1, -1)], &[(0, 2), (1, -2)]])),
        (
            "differences of many angles",
            of_terms(
                6,
                &[&[(0, 1), (1, -1)], &[(0, 1), (1, 1), (2, 1), (3, -1), (5, -2)], &[(1, 3), (4, -3)]],
            ),
        ),
    ]
}

/// Charges of given terms, each of a class of its own.
fn of_terms(sites: usize, terms: &[&[(usize, i32)]]) -> Charges {
    let term = |(class, charge): (usize, &&[(usize, i32)])| Term { charge: charge.to_vec(), class };
    Charges::new(sites, &terms.iter().enumerate().map(term).collect::<Vec<_>>()).unwrap()
}

/// The map of a potential in a form of choice.
pub(crate) fn map(charges: &LatticePotential, structure: Structure) -> Arc<dyn Map> {
    Arc::new(LatticeMap::on(charges.clone(), Solver::default(), structure, Isa::best()).unwrap())
}

/// A flow of some layers of one potential.
pub(crate) fn flow(charges: &LatticePotential, layers: usize) -> Flow {
    Flow::from_maps((0..layers).map(|_| map(charges, Structure::Automatic)).collect(), false).unwrap()
}

/// A step in a parameter that balances rounding and higher derivatives in central differences: it moves `H` by a
/// thousandth. Networks have larger higher derivatives, and take a shorter one.
pub(crate) fn step(potential: &LatticePotential) -> f64 {
    let LatticePotential::Charges(charges) = potential else { return 2e-4 };
    // As many terms may share a site as the trace of their weighted sum says.
    1e-3 / (charges.terms() as f64 / charges.sites() as f64).max(1.0).sqrt()
}

pub(crate) fn random(seed: u64) -> Pcg64 {
    Pcg64::seed_from_u64(seed)
}

/// Points in the cube `[0, 2π)ⁿ`.
pub(crate) fn points(n: usize, samples: usize, rng: &mut Pcg64) -> Vec<f64> {
    (0..n * samples).map(|_| rng.random_range(0.0..std::f64::consts::TAU)).collect()
}

/// Parameters of windows for which the eigenvalues of `Hess psi` are `±size` at most, at 30 random points.
fn parameters_of_windows(potential: &LatticePotential, size: f64, rng: &mut Pcg64) -> Vec<f64> {
    let mut theta = vec![0.0; potential.parameters()];
    potential.initial(&mut |b| rng.random_range(-b..b), &mut theta);
    let n = potential.sites();
    let largest =
        |y: &[f64]| (oracle(potential, &theta, y).2 - DMatrix::identity(n, n)).symmetric_eigenvalues().amax();
    let found = points(n, 30, rng).chunks(n).map(largest).fold(0.0, f64::max);
    potential.rescale(&mut theta, size / found);
    theta
}

/// Parameters for which the eigenvalues of `Hess psi` lie within `±size`; of windows nearly so.
pub(crate) fn parameters(potential: &LatticePotential, size: f64, rng: &mut Pcg64) -> Vec<f64> {
    let LatticePotential::Charges(charges) = potential else {
        return parameters_of_windows(potential, 0.7 * size, rng);
    };
    let mut rows = vec![0.0; charges.sites()];
    for m in 0..charges.terms() {
        let norm: i32 = charges.charge(m).iter().map(|(_, q)| q.abs()).sum();
        charges
            .charge(m)
            .iter()
            .for_each(|&(site, q)| rows[site as usize] += f64::from(q.abs() * norm) * charges.weight(m));
    }
    let bound = size / rows.into_iter().fold(0.0, f64::max);
    (0..charges.parameters()).map(|_| rng.random_range(-bound..bound)).collect()
}

/// Parameters for which the smallest eigenvalue of `H` is below `level` at half of the given points.
pub(crate) fn folding(charges: &LatticePotential, level: f64, y: &[f64], rng: &mut Pcg64) -> Vec<f64> {
    let mut theta = parameters(charges, 1.0, rng);
    let below = |y| 1.0 - oracle(charges, &theta, y).2.symmetric_eigenvalues().min();
    let mut all: Vec<f64> = y.chunks(charges.sites()).map(below).collect();
    all.sort_by(f64::total_cmp);
    let middle = 0.5 * (all[all.len() / 2 - 1] + all[all.len() / 2]);
    charges.rescale(&mut theta, (1.0 - level) / middle);
    theta
}

/// `psi` over nested duals: its gradient, and `I + Hess psi`.
pub(crate) fn oracle(
    charges: &LatticePotential,
    theta: &[f64],
    y: &[f64],
) -> (f64, DVector<f64>, DMatrix<f64>) {
    type Twice = Dual<Dual<f64, 1>, 1>;
    let n = y.len();
    let theta: Vec<Twice> = theta.iter().map(|&a| Dual::fixed(Dual::fixed(a))).collect();
    let (mut psi, mut gradient, mut h) = (0.0, DVector::zeros(n), DMatrix::identity(n, n));
    for i in 0..n {
        for j in 0..n {
            let mut z: Vec<Twice> = y.iter().map(|&y| Dual::fixed(Dual::fixed(y))).collect();
            z[i].re.eps[0] = 1.0;
            z[j].eps[0].re = 1.0;
            let value = charges.value(&theta, &z);
            psi = value.re.re;
            gradient[i] = value.re.eps[0];
            h[(i, j)] += value.eps[0].eps[0];
        }
    }
    (psi, gradient, h)
}

/// The derivative of `f` at `theta[k]`, to fourth order.
pub(crate) fn difference(theta: &[f64], k: usize, step: f64, f: impl Fn(&[f64]) -> f64) -> f64 {
    let at = |h: f64| {
        let mut moved = theta.to_vec();
        moved[k] += h;
        f(&moved)
    };
    (8.0 * (at(step) - at(-step)) - (at(2.0 * step) - at(-2.0 * step))) / (12.0 * step)
}

/// Compares the gradients of scores under a floor in every `stride`-th parameter with central differences.
pub(crate) fn assert_scores_have_gradients(
    name: &str,
    flow: &Flow,
    theta: &[f64],
    y: &[f64],
    floor: f64,
    step: f64,
    stride: usize,
) {
    let samples = y.len() / flow.manifold().ambient();
    let mut jacobian = Jacobian::default();
    flow.jacobian(theta, y, &vec![1.0; samples], floor, &mut jacobian);
    let columns = jacobian.into_columns();
    let largest = columns.iter().fold(0.0, |m: f64, g| m.max(g.abs()));
    for k in (0..theta.len()).step_by(stride) {
        let at = |h: f64| {
            let mut moved = theta.to_vec();
            moved[k] += h;
            flow.scores(&moved, y, floor).log_q
        };
        let (up, down) = (at(step), at(-step));
        for s in 0..samples {
            // The score is once differentiable, so that second differences bound the error where an eigenvalue
            // crosses the floor; elsewhere rounding does.
            let of = (up[s] - down[s]) / (2.0 * step);
            let found = columns[k * samples + s];
            assert!((found - of).abs() < 1e-6 * largest, "{name}, parameter {k}: {found} {of}");
        }
    }
}
