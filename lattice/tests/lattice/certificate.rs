//! Certificates against exact eigenvalues and against what searches find.

use std::f64::consts::PI;
use std::sync::Arc;

use ircpm_flow::Solver;
use ircpm_lattice::{CertificateError, Chain, Charges, LatticeMap, Square, Term, certify, lower_bound, wall};

use super::setup::{parameters, random};

/// The largest level that a certificate proves, to a hundredth.
fn proved(charges: &Charges, theta: &[f64], grid: usize) -> f64 {
    let holds = |level: f64| certify(charges, theta, level, grid).unwrap().holds();
    let (mut low, mut high) = (-10.0, 1.0);
    while high - low > 1e-2 {
        let middle = 0.5 * (low + high);
        if holds(middle) { low = middle } else { high = middle }
    }
    low
}

#[test]
fn bonds_are_certified_up_to_their_exact_eigenvalue() {
    // The least eigenvalue over the torus is 1 − θ (1 + cos(π/n)), where all cosines are one.
    let sites = 12;
    let terms: Vec<Term> = (1..sites).map(|i| Term { charge: vec![(i - 1, 1), (i, -1)], class: 0 }).collect();
    let bonds = Charges::new(sites, &terms).unwrap();
    for theta in [0.2, 0.4, 0.5] {
        let exact = 1.0 - theta * (1.0 + (PI / sites as f64).cos());
        assert!(certify(&bonds, &[theta], exact - 0.02, 64).unwrap().holds(), "{theta}: {exact}");
        assert!(!certify(&bonds, &[theta], exact + 1e-6, 64).unwrap().holds(), "{theta}: {exact}");
    }
}

#[test]
fn no_certificate_contradicts_a_search() {
    for (range, degree, grid) in [(1, 4, 64), (2, 3, 32), (2, 4, 32), (3, 2, 12)] {
        let chain = Chain { range, degree, boundary: 2, ..Chain::default() };
        let charges = chain.charges(9).unwrap();
        let map = Arc::new(LatticeMap::new(charges.clone(), Solver::default()).unwrap());
        for seed in 0..2 {
            let theta = parameters(&charges.clone().into(), 1.5, &mut random(30 + seed));
            let found = 1.0 - wall::search(&map, &theta, 32, 100, seed).unwrap().curvature;
            let proved = proved(&charges, &theta, grid);
            assert!(proved < found, "range {range}, degree {degree}: {proved} {found}");
            // It is worth something, too.
            assert!(proved > found - 0.35, "range {range}, degree {degree}: {proved} {found}");
        }
    }
}

#[test]
fn finer_grids_prove_more() {
    let charges = Chain { range: 2, degree: 4, boundary: 2, ..Chain::default() }.charges(8).unwrap();
    let theta = parameters(&charges.clone().into(), 1.5, &mut random(40));
    let levels: Vec<f64> = [16, 32, 64].iter().map(|&grid| proved(&charges, &theta, grid)).collect();
    assert!(levels[0] < levels[1] && levels[1] <= levels[2], "{levels:?}");
}

#[test]
fn rings_of_bonds_are_certified_up_to_their_exact_eigenvalue() {
    // 1 − 2θ where all cosines are one and neighbours move against each other.
    for (sites, theta) in [(8, 0.2), (64, 0.4), (1024, 0.45)] {
        let ring = Chain { range: 1, degree: 2, closed: true, differences: true, ..Chain::default() };
        let charges = ring.charges(sites).unwrap();
        let exact = 1.0 - 2.0 * theta;
        assert!(certify(&charges, &[theta], exact - 0.01, 64).unwrap().holds(), "{theta}: {exact}");
        assert!(!certify(&charges, &[theta], exact + 1e-6, 64).unwrap().holds(), "{theta}: {exact}");
    }
}

#[test]
fn no_certificate_of_a_ring_contradicts_a_search() {
    // With and without a grid of differences.
    for (range, degree, differences, grid) in
        [(1, 4, false, 64), (2, 4, true, 64), (2, 3, false, 32), (3, 4, true, 32)]
    {
        let chain = Chain { range, degree, closed: true, differences, ..Chain::default() };
        let charges = chain.charges(10).unwrap();
        let map = Arc::new(LatticeMap::new(charges.clone(), Solver::default()).unwrap());
        for seed in 0..2 {
            let theta = parameters(&charges.clone().into(), 1.2, &mut random(50 + seed));
            let found = 1.0 - wall::search(&map, &theta, 32, 100, seed).unwrap().curvature;
            let proved = proved(&charges, &theta, grid);
            assert!(proved < found, "range {range}, degree {degree}: {proved} {found}");
            assert!(proved > found - 0.4, "range {range}, degree {degree}: {proved} {found}");
        }
    }
}

#[test]
fn a_grid_of_differences_agrees_with_one_of_angles() {
    let chain = Chain { range: 2, degree: 4, differences: true, ..Chain::default() };
    let charges = chain.charges(9).unwrap();
    // A term of coefficient zero that is no difference.
    let mut terms: Vec<Term> = (0..charges.terms())
        .map(|m| Term {
            charge: charges.charge(m).iter().map(|&(site, q)| (site as usize, q)).collect(),
            class: charges.class(m),
        })
        .collect();
    let classes = charges.labels().len();
    terms.push(Term { charge: vec![(4, 1)], class: classes });
    let same = Charges::new(9, &terms).unwrap();
    let theta = parameters(&charges.clone().into(), 1.2, &mut random(60));
    let longer = [&theta[..], &[0.0]].concat();
    let (fine, coarse) = (proved(&charges, &theta, 64), proved(&same, &longer, 64));
    // The errors of interpolation differ.
    assert!(fine >= coarse - 0.02 && fine < coarse + 0.1, "{fine} {coarse}");
}

#[test]
fn one_direction_is_as_exact_as_one_angle() {
    let total = Charges::total(48, 3).unwrap();
    let theta = [0.5, -0.25, 0.125];
    // The largest of Σ θ_k cos(ks).
    let largest = (0..4000)
        .map(|k| 2.0 * PI * f64::from(k) / 4000.0)
        .map(|s| theta[0] * s.cos() + theta[1] * (2.0 * s).cos() + theta[2] * (3.0 * s).cos())
        .fold(f64::NEG_INFINITY, f64::max);
    let go_on = || std::ops::ControlFlow::Continue(());
    let bound = lower_bound(&total, &theta, (1.0 - largest, 0.01), 1 << 16, &go_on).unwrap().value.unwrap();
    assert!(bound <= 1.0 - largest && bound > 0.97 * (1.0 - largest), "{bound} {largest}");
    let folded = lower_bound(&total, &[1.01, 0.0, 0.0], (0.5, 0.01), 1 << 16, &go_on).unwrap();
    assert_eq!(folded.value, None);
}

#[test]
fn coefficients_that_cancel_gain_nothing_by_rounding() {
    // Terms −A, x and A on one angle, whose sum rounds to a multiple of 2⁻²⁵: at the angle zero, where x is taken off, the
    // pivot that is computed without an allowance is too large for about half of all x.
    let large = f64::from(1 << 28);
    let terms: Vec<Term> = (0..3).map(|class| Term { charge: vec![(0, 1)], class }).collect();
    let charges = Charges::new(1, &terms).unwrap();
    let (grid, level) = (1024, -1e4);
    for k in 0..24 {
        let x = 0.1 + 0.037 * f64::from(k);
        let error = (2.0 * PI / grid as f64).powi(2) / 8.0 * (2.0 * large + x);
        let exact = 1.0 - level - x - error;
        let pivot = certify(&charges, &[large, x, -large], level, grid).unwrap().pivot;
        assert!(pivot <= exact && pivot > exact - 1e-5, "{x}: {pivot} {exact}");
    }
}

#[test]
fn no_fold_under_large_coefficients_is_certified() {
    // H = 1 − 1.001 cos at each site and bond, as a sum that cancels.
    let bonds: Vec<Term> = (0..12)
        .map(|m| Term {
            charge: if m < 6 { vec![(m / 3, 1)] } else { vec![((m - 6) / 3, 1), ((m - 6) / 3 + 1, -1)] },
            class: m % 3,
        })
        .collect();
    let charges = Charges::new(3, &bonds).unwrap();
    for large in [0.0, 1e3, 1e6, 1e9, 1e15] {
        for level in [0.0, -1e-3] {
            let certificate = certify(&charges, &[large, 1.001 - large, 0.0], level, 64).unwrap();
            assert!(!certificate.holds(), "{large}: {certificate:?}");
        }
    }
}

#[test]
fn what_is_no_chain_is_refused() {
    let square = Square::default().charges(4).unwrap();
    assert!(matches!(
        certify(&square, &vec![0.0; square.labels().len()], 0.0, 32),
        Err(CertificateError::Range { largest: 4, .. })
    ));
    // A ring with one bond of another strength.
    let terms: Vec<Term> = (0..8)
        .map(|i| Term { charge: vec![(i, 1), ((i + 1) % 8, -1)], class: usize::from(i == 5) })
        .collect();
    let uneven = Charges::new(8, &terms).unwrap();
    assert!(matches!(certify(&uneven, &[0.1, 0.2], 0.0, 32), Err(CertificateError::Windows { .. })));
    let chain = Chain::default().charges(8).unwrap();
    let theta = vec![0.0; chain.labels().len()];
    assert!(matches!(
        certify(&chain, &theta, 0.0, 4),
        Err(CertificateError::Grid { least: 8, most: 256, .. })
    ));
    assert!(matches!(certify(&chain, &theta[1..], 0.0, 32), Err(CertificateError::Parameters { .. })));
    assert!(certify(&chain, &theta, 0.99, 32).unwrap().holds());
    assert!(!certify(&chain, &theta, 1.01, 32).unwrap().holds());
}
