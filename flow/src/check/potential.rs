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

/// What a potential's fast forms get wrong at `points` (`[point][coordinate]`) with the parameters `theta`; nothing if
/// they agree with [`crate::Expression::value`] to rounding.
///
/// Derivatives are taken along curved lines, as a manifold's lifts are, so that no second derivative of the coordinates
/// drops out.
///
/// # Panics
/// If `theta` or `points` has the wrong length, or there are no points.
pub fn potential_violations<P: Potential>(potential: &P, theta: &[f64], points: &[f64]) -> Vec<Violation> {
    let n = potential.inputs();
    assert_eq!(theta.len(), potential.parameters(), "parameters of the potential");
    assert!(!points.is_empty() && points.len().is_multiple_of(n), "at least one point, of {n} coordinates");
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

/// Gradients of `psi_bar(psi)` at each point by an outer dual: in each parameter, `[point][parameter]`, and in each
/// coordinate.
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
    let of_parameter = |z: &[Collapsed], k: usize, bar: Collapsed| {
        let mut seeded = fixed(&constants);
        seeded[k] = Outer::variable(constants[k], 0);
        derivative(&seeded, &fixed(z)).pair(bar)
    };
    let of_parameters = |(z, &bar): (&Vec<Collapsed>, &Collapsed)| {
        (0..theta.len()).map(|k| of_parameter(z, k, bar)).collect::<Vec<f64>>()
    };
    let of_coordinate = |z: &[Collapsed], c: usize, bar: Collapsed| {
        let mut seeded = fixed(z);
        seeded[c] = Outer::variable(z[c], 0);
        derivative(&fixed(&constants), &seeded).act(bar)
    };
    let z_bar =
        z.iter().zip(psi_bar).map(|(z, &bar)| (0..z.len()).map(|c| of_coordinate(z, c, bar)).collect());
    (z.iter().zip(psi_bar).flat_map(of_parameters).collect(), z_bar.collect())
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
    let constants: Vec<Collapsed> = theta.iter().map(|&w| Lap::constant(w)).collect();
    potential.begin(saved.len(), &mut sweep);
    for p in 0..saved.len() {
        let psi = potential.forward(theta, p, &z[p], &mut sweep);
        let value = potential.value(&constants, &z[p]);
        let (found, expected) = ([psi], [value]);
        let (found, expected) = (Algebra::coefficients(&found), Algebra::coefficients(&expected));
        errors.compare_all("forward is the value", ROUNDING, found, expected);
        potential.backward(theta, p, whole[p], &mut z_bar, &mut sweep);
        let (found, expected) = (Algebra::coefficients(&z_bar), Algebra::coefficients(&expected_bar[p]));
        errors.compare_all("backward is the gradient in the coordinates", ROUNDING, found, expected);
    }
    let law = "accumulate adds the gradient in the parameters";
    errors.compare_all(law, ROUNDING, &added(potential, theta, &sweep), &summed(&expected, theta.len()));
    // What is there already must stay.
    let mut rows = vec![BEFORE; saved.len() * theta.len()];
    potential.accumulate_each(&sweep, &mut rows);
    let rows: Vec<f64> = rows.iter().map(|row| row - BEFORE).collect();
    errors.compare_all(
        "accumulate_each adds the gradient of each pack to its row",
        ROUNDING,
        &rows,
        &expected,
    );

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
    let law = "replace_cotangents leaves the gradient of the others";
    errors.compare_all(law, ROUNDING, &added(potential, theta, &sweep), &summed(&expected, theta.len()));
}

/// A number that stands where gradients are added.
const BEFORE: f64 = 0.75;

/// What [`Potential::accumulate`] adds.
fn added<P: Potential>(potential: &P, theta: &[f64], sweep: &P::SweepWorkspace<Collapsed>) -> Vec<f64> {
    let mut sum = vec![BEFORE; theta.len()];
    potential.accumulate(sweep, &mut sum);
    sum.iter().map(|sum| sum - BEFORE).collect()
}

/// Gradients of all points together, from those of each.
fn summed(each: &[f64], parameters: usize) -> Vec<f64> {
    (0..parameters).map(|k| each.iter().skip(k).step_by(parameters.max(1)).sum()).collect()
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
