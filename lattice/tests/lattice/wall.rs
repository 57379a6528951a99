//! The wall against dense eigenvalues, exact suprema and central differences.

use std::sync::Arc;

use ircpm_flow::Solver;
use ircpm_lattice::{Charges, LatticeMap, LatticePotential, Term, Wall, WallError, wall};

use super::setup::{oracle, parameters, points, potentials, random, step};

fn map(charges: &LatticePotential) -> Arc<LatticeMap> {
    Arc::new(LatticeMap::new(charges.clone(), Solver::default()).unwrap())
}

#[test]
fn the_worst_point_is_an_eigenvalue_above_random_ones() {
    for (name, charges) in potentials() {
        let mut rng = random(20);
        let theta = parameters(&charges, 1.0, &mut rng);
        let worst = wall::search(&map(&charges), &theta, 64, 100, 1).unwrap();
        let curvature = |y: &[f64]| 1.0 - oracle(&charges, &theta, y).2.symmetric_eigenvalues().min();
        assert!((worst.curvature - curvature(&worst.point)).abs() < 1e-6, "{name}");
        let random = points(charges.sites(), 500, &mut rng);
        let highest = random.chunks(charges.sites()).map(curvature).fold(0.0, f64::max);
        assert!(worst.curvature > highest, "{name}: {} {highest}", worst.curvature);
    }
}

#[test]
fn one_bond_reaches_its_supremum() {
    // −Hess of θ cos(y₀ − y₁)/2 has the eigenvalue θ cos, of which the supremum is |θ|.
    let bond = |sites: usize| {
        let terms: Vec<Term> =
            (1..sites).map(|i| Term { charge: vec![(i - 1, 1), (i, -1)], class: 0 }).collect();
        Charges::new(sites, &terms).unwrap().into()
    };
    for a in [0.3, -0.2] {
        let worst = wall::search(&map(&bond(2)), &[a], 16, 60, 2).unwrap();
        assert!((worst.curvature - a.abs()).abs() < 1e-5, "{worst:?}");
        assert!((worst.gradient[0] - a.signum()).abs() < 1e-5, "{worst:?}");
    }
    // On a chain of n sites with all cosines one it is the largest eigenvalue of the path, 1 + cos(π/n).
    let worst = wall::search(&map(&bond(5)), &[0.1], 16, 100, 3).unwrap();
    let exact = 0.1 * (1.0 + (std::f64::consts::PI / 5.0).cos());
    assert!((worst.curvature - exact).abs() < 1e-3 * exact, "{} {exact}", worst.curvature);
}

#[test]
fn a_point_that_is_inserted_is_the_worst_of_a_pool_that_lies_lower() {
    for (name, charges) in potentials() {
        let theta = parameters(&charges, 1.0, &mut random(22));
        let found = wall::search(&map(&charges), &theta, 64, 60, 5).unwrap();
        let mut wall = Wall::new(map(&charges), 0.9, 4, 6).unwrap();
        assert!(wall.worst(&theta).curvature < found.curvature, "{name}");
        wall.insert(&theta, &found.point);
        let worst = wall.worst(&theta);
        assert!((worst.curvature - found.curvature).abs() < 1e-9 * found.curvature, "{name}");
        assert_eq!(worst.point, found.point, "{name}");
    }
}

#[test]
fn scaling_stays_below_the_limit_and_pulls_back_as_central_differences() {
    for (name, charges) in potentials() {
        let mut rng = random(21);
        let theta = parameters(&charges, 3.0, &mut rng);
        let mut wall = Wall::new(map(&charges), 0.9, 16, 4).unwrap();
        // Few steps, because two eigenvalues are often equal at a maximum, where there is no derivative.
        wall.search(&theta, 2);
        let scaled = wall.scale(&theta);
        assert!(scaled.curvature < 0.9 && scaled.factor < 1.0, "{name}");
        assert!((wall.worst(&scaled.theta).curvature - scaled.curvature).abs() < 1e-6, "{name}");
        // f(a_eff) = Σ sin(k) a_eff,k + penalty
        let weights: Vec<f64> = (0..theta.len()).map(|k| (k as f64).sin()).collect();
        let value = |theta: &[f64]| {
            let scaled = wall.scale(theta);
            let sum: f64 = scaled.theta.iter().zip(&weights).map(|(a, w)| a * w).sum();
            (sum, scaled.penalty().0)
        };
        let mut gradient = weights.clone();
        scaled.pull_back(&mut gradient);
        let penalty = scaled.penalty().1;
        let largest = |g: &[f64]| g.iter().fold(0.0, |m: f64, g| m.max(g.abs()));
        let h = step(&charges);
        for k in 0..theta.len() {
            let at = |h: f64| {
                let mut moved = theta.clone();
                moved[k] += h;
                value(&moved)
            };
            let (up, down) = (at(h), at(-h));
            // The eigenvector of inverse iteration is good to some digits only.
            let error = (gradient[k] - (up.0 - down.0) / (2.0 * h)).abs();
            assert!(error < 1e-4 * largest(&gradient), "{name}: {error}");
            let error = (penalty[k] - (up.1 - down.1) / (2.0 * h)).abs();
            assert!(error < 1e-4 * largest(&penalty), "{name}: {error}");
        }
    }
}

#[test]
fn limits_are_checked() {
    let map = map(&Charges::total(3, 1).unwrap().into());
    for limit in [0.0, 1.0, f64::NAN] {
        assert!(matches!(Wall::new(Arc::clone(&map), limit, 4, 0), Err(WallError::Limit { .. })));
    }
    assert_eq!(Wall::new(map, 0.9, 0, 0).unwrap_err(), WallError::NoPoints);
}
