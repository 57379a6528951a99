//! The fast forms of a potential against its definition.

use ircpm_ad::{Algebra, Dual, Jet, Lap, Scalar};

use super::{Errors, Violation, number};
use crate::potential::{EvaluatedPack, Potential};

/// Directions of the derivatives that are compared: more than one, so that mixed ones count.
const D: usize = 2;
/// Rounding of some hundred operations, relative to the largest number of its kind.
const ROUNDING: f64 = 1e-11;

/// Collapsed jets of the points, and cotangents of the collapsed value.
type Collapsed = Lap<f64, D>;

/// What a potential's fast forms get wrong at `points` (`[point][coordinate]`) with the parameters `theta`; nothing if they agree
/// with [`crate::Expression::value`] to rounding.
///
/// Derivatives are taken along curved lines, as a manifold's lifts are, so that no second derivative of the coordinates drops
/// out.
///
/// # Panics
/// If `theta` or `points` has the wrong length, or there are no points.
pub fn potential_violations<P: Potential>(potential: &P, theta: &[f64], points: &[f64]) -> Vec<Violation> {
    let n = potential.inputs();
    assert_eq!(theta.len(), potential.parameters(), "parameters of the potential");
    assert!(!points.is_empty() && points.len().is_multiple_of(n), "points of {n} coordinates");
    let mut errors = Errors::default();
    let mut saved = Vec::new();
    for (p, point) in points.chunks_exact(n).enumerate() {
        saved.push(P::Saved::default());
        check_jets(potential, theta, p, point, &mut saved[p], &mut errors);
    }
    check_sweeps(potential, theta, points, &saved, &mut errors);
    check_parameters(potential, theta, &points[..n], &mut errors);
    errors.violations()
}

/// Coordinates of a point along curved lines, as a second-order jet.
fn curved(p: usize, point: &[f64]) -> Vec<Jet<f64, D>> {
    let of = |(c, &re): (usize, &f64)| {
        let grad = std::array::from_fn(|i| number(p, 7 * c + i));
        let hess = std::array::from_fn(|i| std::array::from_fn(|j| number(p + 3, 5 * c + i + j)));
        Jet { re, grad, hess }
    };
    point.iter().enumerate().map(of).collect()
}

/// The same lines as a collapsed jet, along the directions `u`.
fn collapsed(jets: &[Jet<f64, D>], u: &[[f64; D]; D]) -> Vec<Collapsed> {
    let of = |jet: &Jet<f64, D>| {
        let (mut grad, mut lap) = ([0.0; D], 0.0);
        for k in 0..D {
            for i in 0..D {
                grad[k] += jet.grad[i] * u[i][k];
                lap += (0..D).map(|j| jet.hess[i][j] * u[i][k] * u[j][k]).sum::<f64>();
            }
        }
        Lap { re: jet.re, grad, lap }
    };
    jets.iter().map(of).collect()
}

fn check_jets<P: Potential>(
    potential: &P,
    theta: &[f64],
    p: usize,
    point: &[f64],
    saved: &mut P::Saved<f64, D>,
    errors: &mut Errors,
) {
    let z = curved(p, point);
    let constants: Vec<Jet<f64, D>> = theta.iter().map(|&w| Jet::constant(w)).collect();
    let expected = potential.value(&constants, &z);
    let mut work = P::JetWorkspace::default();
    let found = potential.jets(theta, &z, &mut work, Some(saved));
    potential.mask_nonfinite(saved, &found);
    let law = "jets agree with the value over jets";
    errors.compare_all(law, ROUNDING, Algebra::coefficients(&[found]), Algebra::coefficients(&[expected]));
    let plain = potential.jets(theta, &z, &mut work, None);
    let law = "jets do not depend on whether they are saved";
    errors.compare_all(law, 0.0, Algebra::coefficients(&[plain]), Algebra::coefficients(&[found]));
}

/// Gradients of `Σ psi_bar(psi)` by an outer dual for each parameter, and for each coordinate of each point.
fn by_duals<P: Potential>(
    potential: &P,
    theta: &[f64],
    z: &[Vec<Collapsed>],
    psi_bar: &[Collapsed],
) -> (Vec<f64>, Vec<Vec<Collapsed>>) {
    type Outer = Dual<Collapsed, 1>;
    let fixed = |x: &[Collapsed]| x.iter().map(|&x| Outer::fixed(x)).collect::<Vec<_>>();
    let constants: Vec<Collapsed> = theta.iter().map(|&w| Lap::constant(w)).collect();
    let derivative = |theta: &[Outer], z: &[Outer]| potential.value(theta, z).eps[0];
    let of_parameter = |k: usize| {
        let mut seeded = fixed(&constants);
        seeded[k] = Outer::variable(constants[k], 0);
        z.iter().zip(psi_bar).map(|(z, &bar)| derivative(&seeded, &fixed(z)).pair(bar)).sum()
    };
    let of_coordinate = |z: &[Collapsed], c: usize, bar: Collapsed| {
        let mut seeded = fixed(z);
        seeded[c] = Outer::variable(z[c], 0);
        derivative(&fixed(&constants), &seeded).act(bar)
    };
    let z_bar =
        z.iter().zip(psi_bar).map(|(z, &bar)| (0..z.len()).map(|c| of_coordinate(z, c, bar)).collect());
    ((0..theta.len()).map(of_parameter).collect(), z_bar.collect())
}

fn check_sweeps<P: Potential>(
    potential: &P,
    theta: &[f64],
    points: &[f64],
    saved: &[P::Saved<f64, D>],
    errors: &mut Errors,
) {
    let n = potential.inputs();
    let directions = |p: usize| -> [[f64; D]; D] {
        std::array::from_fn(|i| {
            std::array::from_fn(|k| number(p + 11, 2 * i + k) + if i == k { 2.0 } else { 0.0 })
        })
    };
    let all: Vec<[[f64; D]; D]> = (0..saved.len()).map(directions).collect();
    let jets = points.chunks_exact(n).enumerate().map(|(p, point)| curved(p, point));
    let z: Vec<Vec<Collapsed>> = jets.zip(&all).map(|(jets, u)| collapsed(&jets, u)).collect();
    let cotangents = |seed: usize, re: f64| -> Vec<Collapsed> {
        let grad = |p: usize| std::array::from_fn(|i| number(p + seed, i));
        (0..saved.len()).map(|p| Lap { re, grad: grad(p), lap: 1.5 + number(p + seed, 9) }).collect()
    };

    let mut sweep = P::SweepWorkspace::default();
    let mut z_bar = vec![Lap::zero(); n];
    let whole = cotangents(23, 0.8);
    let (expected, expected_bar) = by_duals(potential, theta, &z, &whole);
    potential.begin(saved.len(), &mut sweep);
    for p in 0..saved.len() {
        potential.forward(theta, p, &z[p], &mut sweep);
        potential.backward(theta, p, whole[p], &mut z_bar, &mut sweep);
        let (found, expected) = (Algebra::coefficients(&z_bar), Algebra::coefficients(&expected_bar[p]));
        errors.compare_all("backward is the gradient in the coordinates", ROUNDING, found, expected);
    }
    let mut found = vec![0.0; theta.len()];
    potential.accumulate(&sweep, &mut found);
    errors.compare_all("accumulate is the gradient in the parameters", ROUNDING, &found, &expected);
    let mut rows = vec![0.0; saved.len() * theta.len()];
    potential.accumulate_each(&sweep, &mut rows);
    let sums: Vec<f64> = (0..theta.len()).map(|k| rows.iter().skip(k).step_by(theta.len()).sum()).collect();
    errors.compare_all("accumulate_each sums to accumulate", ROUNDING, &sums, &found);

    // From the jets that were saved, for cotangents without a value; and then for others in their place.
    let (first, second) = (cotangents(31, 0.0), cotangents(37, 0.0));
    let (expected, _) = by_duals(potential, theta, &z, &second);
    let (_, expected_bar) = by_duals(potential, theta, &z, &first);
    potential.begin(saved.len(), &mut sweep);
    for p in 0..saved.len() {
        let pack = || EvaluatedPack { p, z: &z[p], directions: &all[p], saved: &saved[p] };
        potential.contract(theta, pack(), first[p], &mut z_bar, &mut sweep);
        let (found, expected) = (Algebra::coefficients(&z_bar), Algebra::coefficients(&expected_bar[p]));
        errors.compare_all("contract is the gradient in the coordinates", ROUNDING, found, expected);
        potential.replace_cotangents(theta, pack(), second[p], &mut z_bar, &mut sweep);
    }
    found.fill(0.0);
    potential.accumulate(&sweep, &mut found);
    errors.compare_all("replace_cotangents leaves the gradient of the others", ROUNDING, &found, &expected);
}

fn check_parameters<P: Potential>(potential: &P, theta: &[f64], point: &[f64], errors: &mut Errors) {
    let psi = potential.value(theta, point);
    let mut smaller = theta.to_vec();
    let expected = if potential.rescale(&mut smaller, 0.25) { 0.25 * psi } else { psi };
    let found = potential.value(&smaller, point);
    errors.compare_all("rescale scales psi, or changes nothing", ROUNDING, &[found], &[expected]);
    let mut initial = vec![f64::NAN; theta.len()];
    let mut k = 0;
    let uniform = &mut |bound: f64| {
        k += 1;
        bound * number(41, k)
    };
    potential.initial(uniform, &mut initial);
    let missing = initial.iter().filter(|w| !w.is_finite()).count() as f64;
    errors.compare("initial writes every parameter", 0.0, (missing, 0.0), 1.0);
}
