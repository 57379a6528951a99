//! Products, solves and estimates without a factor, against dense matrices and the exact map.

use ircpm_ad::Isa;
use ircpm_flow::{Cotangents, Direction, Gradients, Map, Record, Solver, ThetaGradient, Workspace};
use ircpm_lattice::matrix_free::{Clusters, Estimate, Probes, Quadrature, Solve};
use ircpm_lattice::{Chain, Charges, LatticeMap, MatrixFreeError, Square};
use nalgebra::{DMatrix, DVector};
use rand::RngExt;

use super::setup::{self, oracle, parameters, points, random};

/// A point, and parameters for which the smallest eigenvalue of `H` there is `1 − size`.
fn model(charges: &Charges, size: f64, seed: u64) -> (Vec<f64>, Vec<f64>) {
    let mut rng = random(seed);
    let mut theta = parameters(&charges.clone().into(), 1.0, &mut rng);
    let y = points(charges.sites(), 1, &mut rng);
    let scale = size / (1.0 - dense(charges, &theta, &y).symmetric_eigenvalues().min());
    theta.iter_mut().for_each(|a| *a *= scale);
    (theta, y)
}

fn dense(charges: &Charges, theta: &[f64], y: &[f64]) -> DMatrix<f64> {
    oracle(&charges.clone().into(), theta, y).2
}

/// `log det H` at a point, its gradient in the parameters and its gradient in the angles, by a factor.
fn exact(charges: &Charges, theta: &[f64], y: &[f64]) -> (f64, Vec<f64>, Vec<f64>) {
    let map = LatticeMap::new(charges.clone(), Solver::default()).unwrap();
    let mut record = Record::for_gradients();
    let (mut of_theta, mut of_points) = (vec![0.0; theta.len()], vec![0.0; y.len()]);
    Workspace::with(|work| {
        map.run(Direction::Inverse, theta, y, &mut record, work);
        map.pull_back(
            Direction::Inverse,
            theta,
            &record,
            Cotangents { points: &vec![0.0; y.len()], log_det: &[-1.0] },
            Gradients { theta: ThetaGradient::Sum(&mut of_theta), points: &mut of_points },
            work,
        );
    });
    (-record.log_det[0], of_theta, of_points)
}

/// Lattices of 16 to 64 sites, by name.
fn lattices() -> Vec<(&'static str, Charges)> {
    vec![
        ("chain of 16", Chain::default().charges(16).unwrap()),
        ("ring of 40", Chain { closed: true, differences: true, ..Chain::default() }.charges(40).unwrap()),
        ("square of 8 × 8", Square::default().charges(8).unwrap()),
    ]
}

#[test]
fn products_are_those_of_the_matrix() {
    for (name, charges) in setup::charges() {
        let (theta, y) = model(&charges, 0.9, 1);
        let (h, n) = (dense(&charges, &theta, &y), charges.sites());
        // More vectors than a pack has lanes.
        let mut rng = random(2);
        let v: Vec<f64> = (0..19 * n).map(|_| rng.random_range(-1.0..1.0)).collect();
        for isa in Isa::available() {
            let clusters = Clusters::on(&charges, isa);
            let products = clusters.at(&theta, &y).unwrap().multiply(&v);
            for (v, product) in v.chunks(n).zip(products.chunks(n)) {
                let off = (&h * DVector::from_column_slice(v) - DVector::from_column_slice(product)).amax();
                assert!(off < 1e-13, "{name}, {}: {off}", isa.name());
            }
        }
    }
}

#[test]
fn solves_are_those_of_the_matrix() {
    for (name, charges) in setup::charges() {
        let (theta, y) = model(&charges, 0.9, 3);
        let (h, n) = (dense(&charges, &theta, &y), charges.sites());
        let mut rng = random(4);
        let b: Vec<f64> = (0..11 * n).map(|_| rng.random_range(-1.0..1.0)).collect();
        let clusters = Clusters::new(&charges);
        let accuracy = Solve { tolerance: 1e-12, ..Solve::default() };
        let solution = clusters.at(&theta, &y).unwrap().solve(&b, accuracy).unwrap();
        assert!(solution.residual <= 2e-12 && solution.steps <= 4 * n, "{name}: {solution:?}");
        let factor = h.lu();
        for (b, x) in b.chunks(n).zip(solution.x.chunks(n)) {
            let expected = factor.solve(&DVector::from_column_slice(b)).unwrap();
            let off = (expected - DVector::from_column_slice(x)).amax();
            assert!(off < 1e-10, "{name}: {off}");
        }
    }
}

#[test]
fn logarithms_of_all_unit_vectors_sum_to_the_determinant() {
    for (name, charges) in lattices() {
        let (theta, y) = model(&charges, 0.9, 5);
        let n = charges.sites();
        let unit: Vec<f64> = (0..n * n).map(|e| f64::from(e % (n + 1) == 0)).collect();
        let clusters = Clusters::new(&charges);
        let rule = |steps| Quadrature { steps, lower: 0.09 };
        let hessian = clusters.at(&theta, &y).unwrap();
        let sum = |steps| {
            let forms = hessian.log_form(&unit, rule(steps)).unwrap();
            forms.iter().fold((0.0, 0.0), |sum, form| (sum.0 + form.lower, sum.1 + form.upper))
        };
        let (log_det, ..) = exact(&charges, &theta, &y);
        // As many steps as sites, or more, are exact.
        for steps in [n, n + 5] {
            let (lower, upper) = sum(steps);
            assert!((lower - log_det).abs() < 1e-10 && (upper - log_det).abs() < 1e-10, "{name}");
        }
    }
}

#[test]
fn rules_enclose_every_form_ever_closer() {
    for (name, charges) in lattices() {
        let (theta, y) = model(&charges, 0.9, 6);
        let n = charges.sites();
        let decomposition = dense(&charges, &theta, &y).symmetric_eigen();
        let mut rng = random(7);
        let v: Vec<f64> = (0..9 * n).map(|_| rng.random_range(-1.0..1.0)).collect();
        let clusters = Clusters::new(&charges);
        let hessian = clusters.at(&theta, &y).unwrap();
        let mut widest = f64::INFINITY;
        for steps in [1, 2, 3, 5, 8, 12, 16] {
            let forms = hessian.log_form(&v, Quadrature { steps, lower: 0.09 }).unwrap();
            let mut width = 0.0;
            for (v, form) in v.chunks(n).zip(&forms) {
                let along = decomposition.eigenvectors.tr_mul(&DVector::from_column_slice(v));
                let value: f64 =
                    along.iter().zip(decomposition.eigenvalues.iter()).map(|(a, l)| a * a * l.ln()).sum();
                assert!(
                    form.lower <= value + 1e-12 && value <= form.upper + 1e-12,
                    "{name}, {steps}: {form:?}"
                );
                width = f64::max(width, form.upper - form.lower);
            }
            assert!(width < widest, "{name}, {steps}: {width} {widest}");
            widest = width;
        }
        assert!(widest < 2e-2, "{name}: {widest}");
    }
}

#[test]
fn forms_of_diagonal_matrices_need_no_luck() {
    // Of signs zᵀ D z = tr D: every probe is exact.
    let charges = Charges::single_sites(24, 3).unwrap();
    let (theta, y) = model(&charges, 0.7, 8);
    let (log_det, of_theta, of_points) = exact(&charges, &theta, &y);
    let clusters = Clusters::new(&charges);
    let hessian = clusters.at(&theta, &y).unwrap();
    let probes = Probes { count: 5, seed: 1 };
    let found = hessian.log_det(probes, Quadrature { steps: 24, lower: 0.2 }).unwrap();
    assert!(
        (found.estimate.value - log_det).abs() < 1e-11 && found.estimate.standard_error < 1e-12,
        "{found:?}"
    );
    assert!(found.bias.abs() < 1e-11, "{found:?}");
    let gradient = hessian.log_det_gradient(probes, Solve { tolerance: 1e-13, ..Solve::default() }).unwrap();
    for (found, exact) in gradient.theta.iter().chain(&gradient.points).zip(of_theta.iter().chain(&of_points))
    {
        assert!((found.value - exact).abs() < 1e-11 && found.standard_error < 1e-11, "{found:?} {exact}");
    }
}

/// The squares of the errors in units of their standard errors, and whether the standard errors are those that the values
/// show: their mean square over the variance of the values.
fn check(name: &str, replicas: &[Estimate], exact: f64) -> f64 {
    let n = replicas.len() as f64;
    let mean = replicas.iter().map(|of| of.value).sum::<f64>() / n;
    let variance = replicas.iter().map(|of| (of.value - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let claimed = replicas.iter().map(|of| of.standard_error.powi(2)).sum::<f64>() / n;
    let score = (mean - exact) / (variance / n).sqrt();
    assert!(score.abs() < 4.0, "{name}: {mean} {exact}, {score} standard errors");
    // The ratio of two variances of 119 and 1800 degrees of freedom: its logarithm has a standard deviation of 0.13.
    let ratio = (variance / claimed).ln();
    assert!(ratio.abs() < 0.55, "{name}: {variance} {claimed}");
    score * score
}

/// Independent estimates of 16 probes.
const REPLICAS: u64 = 120;

fn probes(seed: u64) -> Probes {
    Probes { count: 16, seed }
}

#[test]
fn determinants_are_unbiased_and_know_their_error() {
    for (name, charges) in lattices() {
        let (theta, y) = model(&charges, 0.9, 9);
        let (log_det, ..) = exact(&charges, &theta, &y);
        let clusters = Clusters::new(&charges);
        let hessian = clusters.at(&theta, &y).unwrap();
        let rule = Quadrature { steps: 24, lower: 0.09 };
        let all: Vec<_> = (0..REPLICAS).map(|seed| hessian.log_det(probes(seed), rule).unwrap()).collect();
        assert!(all.iter().all(|of| (0.0..1e-5).contains(&of.bias)), "{name}");
        check(name, &all.iter().map(|of| of.estimate).collect::<Vec<_>>(), log_det);
    }
}

#[test]
fn gradients_are_unbiased_and_know_their_errors() {
    for (name, charges) in lattices() {
        let (theta, y) = model(&charges, 0.9, 10);
        let (_, of_theta, of_points) = exact(&charges, &theta, &y);
        let clusters = Clusters::new(&charges);
        let hessian = clusters.at(&theta, &y).unwrap();
        let all: Vec<_> = (0..REPLICAS)
            .map(|seed| hessian.log_det_gradient(probes(100 + seed), Solve::default()).unwrap())
            .collect();
        assert!(all.iter().all(|of| of.residual <= 2e-8), "{name}");
        let sum = |exact: &[f64], of: &dyn Fn(usize) -> Vec<Estimate>| -> f64 {
            exact.iter().enumerate().map(|(k, &exact)| check(name, &of(k), exact)).sum()
        };
        let theta_score = sum(&of_theta, &|k| all.iter().map(|of| of.theta[k]).collect());
        let points_score = sum(&of_points, &|i| all.iter().map(|of| of.points[i]).collect());
        // Sums of squares of scores that are correlated: mean one each, with a variance of at most 2 n².
        let expected = (of_theta.len() + of_points.len()) as f64;
        let ratio = (theta_score + points_score) / expected;
        assert!((0.5..2.0).contains(&ratio), "{name}: {ratio}");
    }
}

#[test]
fn seeds_decide_everything() {
    let charges = Square::default().charges(4).unwrap();
    let (theta, y) = model(&charges, 0.8, 11);
    let clusters = Clusters::new(&charges);
    let hessian = clusters.at(&theta, &y).unwrap();
    let of = |seed| hessian.log_det_gradient(Probes { count: 21, seed }, Solve::default()).unwrap();
    assert_eq!(of(3), of(3));
    assert_ne!(of(3), of(4));
    let log_det = |count| {
        hessian.log_det(Probes { count, seed: 3 }, Quadrature { steps: 16, lower: 0.09 }).unwrap().estimate
    };
    assert_eq!(log_det(21), log_det(21));
    // More probes, of which the first are the same.
    let (few, many) = (log_det(64), log_det(512));
    assert!(many.standard_error < 0.5 * few.standard_error, "{few:?} {many:?}");
}

#[test]
fn what_cannot_be_answered_is_an_error() {
    let charges = Chain::default().charges(16).unwrap();
    let (theta, y) = model(&charges, 0.8, 12);
    let clusters = Clusters::new(&charges);
    let hessian = clusters.at(&theta, &y).unwrap();
    let few = Probes { count: 1, seed: 0 };
    let rule = Quadrature { steps: 8, lower: 0.09 };
    assert_eq!(hessian.log_det(few, rule), Err(MatrixFreeError::Probes { found: 1 }));
    assert_eq!(hessian.log_det_gradient(few, Solve::default()), Err(MatrixFreeError::Probes { found: 1 }));
    for wrong in [Quadrature { steps: 0, ..rule }, Quadrature { lower: 0.0, ..rule }] {
        assert!(matches!(hessian.log_form(&y, wrong), Err(MatrixFreeError::Quadrature { .. })));
    }
    let too_high = Quadrature { steps: 16, lower: 0.99 };
    match hessian.log_det(probes(0), too_high) {
        Err(MatrixFreeError::Below { lower: 0.99, found }) => assert!(found < 0.99 && found > 0.199),
        other => panic!("{other:?}"),
    }
    let short = Solve { tolerance: 1e-10, most_steps: 2 };
    assert!(matches!(hessian.solve(&y, short), Err(MatrixFreeError::NotConverged { steps: 2, .. })));
    // A map that folds.
    let folded: Vec<f64> = theta.iter().map(|a| 1.5 * a).collect();
    let at_fold = clusters.at(&folded, &y).unwrap();
    assert!(dense(&charges, &folded, &y).symmetric_eigenvalues().min() < 0.0);
    let unit: Vec<f64> = (0..256).map(|e| f64::from(e % 17 == 0)).collect();
    assert_eq!(
        at_fold.log_form(&unit, Quadrature { steps: 16, lower: 0.09 }),
        Err(MatrixFreeError::Indefinite)
    );
    assert_eq!(at_fold.log_det_gradient(probes(1), Solve::default()), Err(MatrixFreeError::Indefinite));
    let mut wrong = y.clone();
    wrong[3] = f64::NAN;
    assert_eq!(
        clusters.at(&theta, &wrong).err(),
        Some(MatrixFreeError::NotFinite { what: "angle", number: 3 })
    );
    // Zero has no direction, and a solution.
    assert_eq!(hessian.solve(&[0.0; 16], Solve::default()).unwrap().x, [0.0; 16]);
    let form = hessian.log_form(&[0.0; 16], rule).unwrap()[0];
    assert_eq!((form.lower, form.upper), (0.0, 0.0));
}
