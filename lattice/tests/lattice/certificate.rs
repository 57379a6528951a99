//! Certificates against exact eigenvalues and against what searches find.

use std::f64::consts::PI;
use std::sync::Arc;

use ircpm_flow::Solver;
use ircpm_lattice::{CertificateError, Chain, Charges, LatticeMap, Square, Term, certify, wall};

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
            let theta = parameters(&charges, 1.5, &mut random(30 + seed));
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
    let theta = parameters(&charges, 1.5, &mut random(40));
    let levels: Vec<f64> = [16, 32, 64].iter().map(|&grid| proved(&charges, &theta, grid)).collect();
    assert!(levels[0] < levels[1] && levels[1] <= levels[2], "{levels:?}");
}

#[test]
fn what_is_no_open_chain_is_refused() {
    let ring = Chain { closed: true, ..Chain::default() }.charges(8).unwrap();
    assert!(matches!(
        certify(&ring, &vec![0.0; ring.labels().len()], 0.0, 32),
        Err(CertificateError::Range { found: 8, largest: 4 })
    ));
    let square = Square::default().charges(3).unwrap();
    assert!(certify(&square, &vec![0.0; square.labels().len()], 0.0, 32).is_err());
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
