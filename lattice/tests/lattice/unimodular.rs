//! Changes of coordinates: exact inverses, and flows with them.

use std::convert::Infallible;
use std::f64::consts::TAU;
use std::sync::Arc;

use ircpm_flow::{Flow, Map};
use ircpm_lattice::{Chain, Charges, LatticePotential, Structure, Unimodular, UnimodularError};
use rand::RngExt;

use super::setup::{map, parameters, points, random};

/// A matrix with determinant ±1 and its action: a product of random steps that add a row to another.
fn random_matrix(n: usize, seed: u64) -> Vec<Vec<i64>> {
    let mut rng = random(seed);
    let mut matrix: Vec<Vec<i64>> = (0..n).map(|i| (0..n).map(|j| i64::from(i == j)).collect()).collect();
    for _ in 0..3 * n {
        let (i, j, factor) = (rng.random_range(0..n), rng.random_range(0..n), rng.random_range(-2..=2));
        if i != j {
            for column in 0..n {
                matrix[i][column] += factor * matrix[j][column];
            }
        }
    }
    matrix.swap(0, n - 1);
    matrix
}

/// The distance of two angles.
fn apart(a: f64, b: f64) -> f64 {
    let turns = (a - b) / TAU;
    (turns - turns.round()).abs() * TAU
}

#[test]
fn there_and_back_is_the_identity_and_densities_stay() {
    for seed in 0..5 {
        let matrix = Unimodular::new(&random_matrix(6, seed)).unwrap();
        let flow =
            Flow::from_maps(vec![Arc::new(matrix.clone()), Arc::new(matrix.inverted())], false).unwrap();
        let x = points(6, 20, &mut random(60 + seed));
        let pushed = flow.try_forward(&[], &x).unwrap();
        let pulled = flow.try_inverse(&[], &x).unwrap();
        for ((x, y), z) in x.iter().zip(&pushed.y).zip(&pulled.x) {
            assert!(apart(*x, *y) < 1e-11 && apart(*x, *z) < 1e-11, "{x} {y} {z}");
        }
        let one = Flow::from_maps(vec![Arc::new(matrix) as Arc<dyn Map>], false).unwrap();
        let uniform = -6.0 * TAU.ln();
        let pushed = one.try_forward(&[], &x).unwrap();
        assert!(pushed.y.iter().zip(&x).any(|(a, b)| apart(*a, *b) > 0.1), "the map is not the identity");
        assert!(pushed.log_q.iter().chain(&one.log_prob(&[], &x)).all(|l| (l - uniform).abs() < 1e-12));
    }
}

#[test]
fn inverses_are_exact() {
    // At whole numbers below 2π, sums of products of integers are exact, before angles are wrapped.
    let differences = Unimodular::differences(5).unwrap();
    let flow = Flow::from_maps(vec![Arc::new(differences.inverted()) as Arc<dyn Map>], false).unwrap();
    let sums = flow.try_forward(&[], &[1.0, 1.0, 1.0, 1.0, 1.0]).unwrap();
    assert_eq!(sums.y, [1.0, 2.0, 3.0, 4.0, 5.0]);
    for seed in 0..20 {
        let matrix = random_matrix(5, 100 + seed);
        let map = Unimodular::new(&matrix).unwrap();
        let flow = Flow::from_maps(vec![Arc::new(map.inverted()) as Arc<dyn Map>], false).unwrap();
        // The inverse takes column j of the matrix to unit vector j: at angles of whole turns over a large power of two,
        // products with integers are exact but for the rounding of 2π.
        for j in 0..5 {
            let unit = TAU / 1024.0;
            let column: Vec<f64> = (0..5).map(|i| matrix[i][j] as f64 * unit).collect();
            let image = flow.try_forward(&[], &column).unwrap().y;
            assert!((0..5).all(|i| apart(image[i], if i == j { unit } else { 0.0 }) < 1e-9), "{image:?}");
        }
    }
}

#[test]
fn matrices_that_are_not_unimodular_are_refused() {
    let of = |matrix: &[Vec<i64>]| Unimodular::new(matrix).unwrap_err();
    assert_eq!(of(&[]), UnimodularError::Empty);
    assert_eq!(of(&[vec![1, 0], vec![1]]), UnimodularError::NotSquare { row: 1, expected: 2, found: 1 });
    assert_eq!(of(&[vec![2, 1], vec![1, 3]]), UnimodularError::Determinant);
    assert_eq!(of(&[vec![1, 2], vec![2, 4]]), UnimodularError::Determinant);
    assert_eq!(of(&[vec![0]]), UnimodularError::Determinant);
    assert!(Unimodular::new(&[vec![2, 1], vec![1, 1]]).is_ok());
    let (large, next) = (1 << 40, (1 << 40) + 1);
    assert!(Unimodular::new(&[vec![1, large, 0], vec![0, 1, next], vec![0, 0, 1]]).is_err());
}

#[test]
fn bonds_in_coordinates_of_differences_are_an_open_chain_and_its_closure() {
    let (sites, mut rng) = (7, random(70));
    let potentials: [LatticePotential; 2] =
        [Charges::bonds(sites, 2).unwrap().into(), Charges::closure(sites, 2).unwrap().into()];
    let theta = potentials.each_ref().map(|potential| parameters(potential, 0.6, &mut rng));
    let differences = Unimodular::differences(sites).unwrap();
    let z = points(sites, 1, &mut rng);
    let one = Flow::from_maps(vec![Arc::new(differences) as Arc<dyn Map>], false).unwrap();
    let u = one.try_forward(&[], &z).unwrap().y;
    let value = |k: usize, z: &[f64]| ircpm_flow::Expression::value(&potentials[k], &theta[k], z);
    let bonds: f64 = (1..sites)
        .map(|i| theta[0][2] * (z[i] - z[i - 1]).cos() + theta[0][3] * (2.0 * (z[i] - z[i - 1])).cos() / 4.0)
        .sum();
    let expected = bonds + theta[0][0] * z[0].cos() + theta[0][1] * (2.0 * z[0]).cos() / 4.0;
    assert!((value(0, &u) - expected).abs() < 1e-13);
    let last = z[sites - 1] - z[0];
    let n = (sites - 1) as f64;
    let expected = theta[1][0] * last.cos() / n + theta[1][1] * (2.0 * last).cos() / (4.0 * n);
    assert!((value(1, &u) - expected).abs() < 1e-13);
}

#[test]
fn gradients_through_changes_of_coordinates_equal_central_differences() {
    let (sites, mut rng) = (6, random(71));
    let bonds: LatticePotential = Charges::bonds(sites, 2).unwrap().into();
    let chain: LatticePotential =
        Chain { range: 1, degree: 2, boundary: 1, ..Chain::default() }.charges(sites).unwrap().into();
    let theta = [parameters(&bonds, 0.6, &mut rng), parameters(&chain, 0.6, &mut rng)].concat();
    let differences = Unimodular::differences(sites).unwrap();
    let maps: Vec<Arc<dyn Map>> = vec![
        map(&bonds, Structure::Automatic),
        Arc::new(differences.inverted()),
        map(&chain, Structure::Automatic),
        Arc::new(Unimodular::new(&random_matrix(sites, 3)).unwrap()),
    ];
    let flow = Flow::from_maps(maps, false).unwrap();
    let x = points(sites, 4, &mut rng);
    let loss = |z: &[f64], log_q: f64| z.iter().map(|z| (z + 0.3).cos()).sum::<f64>() + log_q * log_q / 10.0;
    for forward in [true, false] {
        let of = |part: ircpm_flow::Part<'_>| -> Result<(), Infallible> {
            for s in 0..part.log_q.len() {
                for i in 0..sites {
                    part.points_bar[s * sites + i] = -(part.points[s * sites + i] + 0.3).sin();
                }
                part.log_q_bar[s] = part.log_q[s] / 5.0;
            }
            Ok(())
        };
        let Ok((gradient, _, _)) = if forward {
            flow.forward_gradient(&theta, &x, of)
        } else {
            flow.inverse_gradient(&theta, &x, of)
        };
        let total = |theta: &[f64]| -> f64 {
            let (z, log_q) = if forward {
                let pushed = flow.forward(theta, &x);
                (pushed.y, pushed.log_q)
            } else {
                let pulled = flow.inverse(theta, &x);
                (pulled.x, pulled.log_q)
            };
            z.chunks(sites).zip(log_q).map(|(z, log_q)| loss(z, log_q)).sum()
        };
        let largest = gradient.iter().fold(0.0, |m: f64, g| m.max(g.abs()));
        for k in 0..theta.len() {
            let at = |h: f64| {
                let mut moved = theta.clone();
                moved[k] += h;
                total(&moved)
            };
            let step = 1e-3;
            let of = (8.0 * (at(step) - at(-step)) - (at(2.0 * step) - at(-2.0 * step))) / (12.0 * step);
            assert!(
                (gradient[k] - of).abs() < 1e-7 * largest,
                "forward {forward}, {k}: {} {of}",
                gradient[k]
            );
        }
    }
}
