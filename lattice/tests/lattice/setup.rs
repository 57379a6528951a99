//! Potentials, points and parameters that the tests share.

use std::sync::Arc;

use ircpm_ad::{Dual, Isa};
use ircpm_flow::{Expression, Flow, Map, Solver};
use ircpm_lattice::{Chain, Charges, LatticeMap, Square, Structure, Term};
use nalgebra::{DMatrix, DVector};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

/// Potentials of all kinds, by name.
pub(crate) fn potentials() -> Vec<(&'static str, Charges)> {
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
    ]
}

/// The map of a potential in a form of choice.
pub(crate) fn map(charges: &Charges, structure: Structure) -> Arc<dyn Map> {
    Arc::new(LatticeMap::on(charges.clone(), Solver::default(), structure, Isa::best()).unwrap())
}

/// A flow of some layers of one potential.
pub(crate) fn flow(charges: &Charges, layers: usize) -> Flow {
    Flow::from_maps((0..layers).map(|_| map(charges, Structure::Automatic)).collect(), false).unwrap()
}

/// A step in a parameter that balances rounding and higher derivatives in central differences: it moves `H` by a
/// thousandth.
pub(crate) fn step(charges: &Charges) -> f64 {
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

/// Parameters for which the eigenvalues of `Hess psi` lie within `±size`.
pub(crate) fn parameters(charges: &Charges, size: f64, rng: &mut Pcg64) -> Vec<f64> {
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
pub(crate) fn folding(charges: &Charges, level: f64, y: &[f64], rng: &mut Pcg64) -> Vec<f64> {
    let mut theta = parameters(charges, 1.0, rng);
    let below = |y| 1.0 - oracle(charges, &theta, y).2.symmetric_eigenvalues().min();
    let mut all: Vec<f64> = y.chunks(charges.sites()).map(below).collect();
    all.sort_by(f64::total_cmp);
    let middle = 0.5 * (all[all.len() / 2 - 1] + all[all.len() / 2]);
    theta.iter_mut().for_each(|a| *a *= (1.0 - level) / middle);
    theta
}

/// `psi` over nested duals: its gradient, and `I + Hess psi`.
pub(crate) fn oracle(charges: &Charges, theta: &[f64], y: &[f64]) -> (f64, DVector<f64>, DMatrix<f64>) {
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
