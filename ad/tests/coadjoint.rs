//! The laws of `Algebra` for every dual type, over reals and over packs, and a reverse sweep through a network.

use std::array::from_fn;

use ircpm_ad::{Algebra, Dual, HyperDual, Isa, Jet, Kernel, Lap, Real, Scalar};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

const SEED: u64 = 230_708_214;

/// Rounding of sums of a few dozen terms, against the sum of their magnitudes.
const TOLERANCE: f64 = 1e-14;

/// Random coefficients, some of them zero and some tiny, so that a law that divides would fail.
fn random<A: Algebra>(rng: &mut Pcg64Mcg) -> A {
    let mut a = [A::zero()];
    for c in A::coefficients_mut(&mut a) {
        *c = A::Base::from_fn(|_| match rng.random_range(0..8) {
            0 => 0.0,
            1 => 1e-50,
            2 => rng.random_range(-1e3..1e3),
            _ => rng.random_range(-1.0..1.0),
        });
    }
    a[0]
}

/// `|a|`, coefficient by coefficient. All structure constants are positive, so that a product of magnitudes is the
/// sum of the magnitudes of the product's terms.
fn magnitude<A: Algebra>(a: A) -> A {
    let mut a = [a];
    for c in A::coefficients_mut(&mut a) {
        *c = c.abs();
    }
    a[0]
}

fn assert_near<R: Real>(law: &str, found: R, expected: R, size: R) {
    for i in 0..R::LANES {
        let (found, expected, size) = (found.lane(i), expected.lane(i), size.lane(i));
        let error = (found - expected).abs();
        assert!(error <= TOLERANCE * size, "{law}, lane {i}: {found:e}, not {expected:e} (seed {SEED})");
    }
}

fn assert_all_near<A: Algebra>(law: &str, found: A, expected: A, size: A) {
    let (found, expected, size) = ([found], [expected], [size]);
    for (i, &found) in A::coefficients(&found).iter().enumerate() {
        assert_near(law, found, A::coefficients(&expected)[i], A::coefficients(&size)[i]);
    }
}

/// The laws for random elements; `element` makes an element of the algebra from arbitrary coefficients.
fn assert_laws<A: Algebra>(name: &str, element: impl Fn(A) -> A) {
    let mut rng = Pcg64Mcg::seed_from_u64(SEED);
    for _ in 0..20 {
        let (a, b) = (element(random(&mut rng)), element(random(&mut rng)));
        let (phi, psi): (A, A) = (random(&mut rng), random(&mut rng));
        let weight = A::Base::from_fn(|_| rng.random_range(-2.0..2.0));
        let [abs_a, abs_b, abs_phi, abs_psi] = [a, b, phi, psi].map(magnitude);

        let size = (abs_a * abs_b).pair(abs_phi);
        assert_near(&format!("{name}: φ(ab) = (a·φ)(b)"), (a * b).pair(phi), b.pair(a.act(phi)), size);

        let size = (abs_a * abs_b).act(abs_phi);
        assert_all_near(&format!("{name}: (ab)·φ = a·(b·φ)"), (a * b).act(phi), a.act(b.act(phi)), size);
        assert_all_near(&format!("{name}: a·(b·φ) = b·(a·φ)"), a.act(b.act(phi)), b.act(a.act(phi)), size);

        let size = abs_a.act(abs_phi) + abs_a.act(abs_psi.scale(weight.abs()));
        let (whole, parts) = (a.act(phi + psi.scale(weight)), a.act(phi) + a.act(psi).scale(weight));
        assert_all_near(&format!("{name}: a·(φ + wψ) = a·φ + w a·ψ"), whole, parts, size);

        let size = (abs_a + abs_b).act(abs_phi);
        assert_all_near(
            &format!("{name}: (a + b)·φ = a·φ + b·φ"),
            (a + b).act(phi),
            a.act(phi) + b.act(phi),
            size,
        );
        assert_all_near(&format!("{name}: 1·φ = φ"), A::one().act(phi), phi, abs_phi);
        assert_all_near(
            &format!("{name}: w·φ = wφ"),
            A::from_base(weight).act(phi),
            phi.scale(weight),
            abs_phi,
        );
    }
}

/// An element of the jets: its Hessian is symmetric.
fn symmetric<S: Scalar, const D: usize>(mut jet: Jet<S, D>) -> Jet<S, D> {
    for i in 0..D {
        for j in 0..i {
            jet.hess[i][j] = jet.hess[j][i];
        }
    }
    jet
}

/// The laws of all types over `R`, and of those over first-order duals that training uses.
fn assert_all_laws<R: Real>() {
    assert_laws::<R>("reals", |a| a);
    assert_laws::<Dual<R, 1>>("Dual, D = 1", |a| a);
    assert_laws::<Dual<R, 5>>("Dual, D = 5", |a| a);
    assert_laws::<HyperDual<R>>("HyperDual", |a| a);
    assert_laws::<Dual<Dual<R, 3>, 2>>("Dual of Dual", |a| a);
    assert_laws::<Jet<R, 1>>("Jet, D = 1", symmetric);
    assert_laws::<Jet<R, 2>>("Jet, D = 2", symmetric);
    assert_laws::<Jet<R, 3>>("Jet, D = 3", symmetric);
    assert_laws::<Jet<Dual<R, 2>, 3>>("Jet over Dual", symmetric);
    assert_laws::<Lap<R, 1>>("Lap, D = 1", |a| a);
    assert_laws::<Lap<R, 2>>("Lap, D = 2", |a| a);
    assert_laws::<Lap<R, 8>>("Lap, D = 8", |a| a);
    assert_laws::<Lap<Dual<R, 1>, 3>>("Lap over Dual", |a| a);
}

#[test]
fn algebra_laws_hold_over_reals() {
    assert_all_laws::<f64>();
}

/// Packs differ between instruction sets only in their operations, which `lanes.rs` tests: one set is enough here.
struct OverPacks;

impl Kernel for OverPacks {
    type Output = ();

    fn run<R: Real>(self) {
        assert_all_laws::<R>();
        assert_sweeps_match::<R, 2>();
    }
}

#[test]
fn algebra_laws_hold_and_sweeps_match_nested_duals_over_packs() {
    Isa::Portable.dispatch(OverPacks);
}

#[test]
fn flat_coefficients_come_in_the_order_of_the_fields() {
    let dual = |k: f64| Dual::new(k, [k + 1.0, k + 2.0]);
    let count = |n: usize| (0..n).map(|i| i as f64).collect::<Vec<f64>>();
    assert_eq!(Algebra::coefficients(&[dual(0.0), dual(3.0)]), count(6));
    assert_eq!(Algebra::coefficients(&[Dual::new(dual(0.0), [dual(3.0), dual(6.0)])]), count(9));
    let jet = Jet { re: 0.0, grad: [1.0, 2.0], hess: [[3.0, 4.0], [5.0, 6.0]] };
    assert_eq!(Algebra::coefficients(&[jet]), count(7));
    let lap = |k: f64| Lap { re: k, grad: [k + 1.0, k + 2.0], lap: k + 3.0 };
    assert_eq!(Algebra::coefficients(&[lap(0.0), lap(4.0)]), count(8));
    assert_eq!(Algebra::coefficients(&[Lap { re: dual(0.0), grad: [dual(3.0)], lap: dual(6.0) }]), count(9));
}

#[test]
fn flat_has_coeffs_numbers_per_element_and_writes_through() {
    fn check<A: Algebra<Base = f64> + PartialEq>(coefficients: usize) {
        assert_eq!(A::COEFFS, coefficients);
        let mut x = [A::zero(); 3];
        let numbers: Vec<f64> = (0..3 * coefficients).map(|i| i as f64).collect();
        A::coefficients_mut(&mut x).copy_from_slice(&numbers);
        assert_eq!(A::coefficients(&x), numbers);
        assert_eq!(A::coefficients(&x[1..2]), &numbers[coefficients..2 * coefficients]);
        assert!(A::coefficients(&x[..0]).is_empty());
    }
    check::<f64>(1);
    check::<Dual<f64, 4>>(5);
    check::<HyperDual<f64>>(4);
    check::<Dual<Dual<f64, 3>, 2>>(12);
    check::<Jet<f64, 3>>(13);
    check::<Lap<f64, 3>>(5);
    check::<Lap<Dual<f64, 1>, 8>>(20);
}

/// Hidden units of the network `y = Σ vₖ softplus(Σ Wₖⱼ xⱼ + bₖ)`.
const UNITS: usize = 4;

/// A unit's weights lie together: `Wₖ₁ … Wₖₙ, bₖ, vₖ`.
fn network<S: Scalar>(theta: &[S], x: &[S]) -> S {
    theta
        .chunks(x.len() + 2)
        .fold(S::zero(), |y, unit| y + preactivation(unit, x).softplus() * unit[x.len() + 1])
}

fn preactivation<S: Scalar>(unit: &[S], x: &[S]) -> S {
    x.iter().zip(unit).fold(unit[x.len()], |sum, (&x, &w)| sum + x * w)
}

/// Gradient of `φ(y)` by the parameters, and the cotangents of the inputs: one reverse sweep.
fn reverse_sweep<A: Algebra>(theta: &[A::Base], x: &[A], phi: A) -> (Vec<A::Base>, Vec<A>) {
    let n = x.len();
    let (mut gradient, mut x_bar) = (Vec::new(), vec![A::zero(); n]);
    for unit in theta.chunks(n + 2) {
        let lifted: Vec<A> = unit.iter().map(|&w| A::from_base(w)).collect();
        let a = preactivation(&lifted, x);
        let a_bar = a.sigmoid().act(phi.scale(unit[n + 1]));
        gradient.extend(x.iter().map(|x| x.pair(a_bar)));
        gradient.push(A::one().pair(a_bar));
        gradient.push(a.softplus().pair(phi));
        for (x_bar, &w) in x_bar.iter_mut().zip(unit) {
            *x_bar += a_bar.scale(w);
        }
    }
    (gradient, x_bar)
}

/// The sweep over `A` against an outer dual number per parameter, and per coefficient of an input.
fn assert_sweep_matches<A: Algebra>(name: &str, seed: impl Fn(A::Base, usize) -> A, n: usize) {
    let mut rng = Pcg64Mcg::seed_from_u64(SEED);
    let mut number = || A::Base::from_fn(|_| rng.random_range(-1.0..1.0));
    let theta: Vec<A::Base> = (0..UNITS * (n + 2)).map(|_| number()).collect();
    let x: Vec<A> = (0..n).map(|i| seed(number(), i)).collect();
    let phi: A = random(&mut rng);
    let (gradient, x_bar) = reverse_sweep(&theta, &x, phi);

    // Forward once more with everything fixed but the numbers that `vary` moves: the derivative of φ(y).
    let forward = |theta: Vec<Dual<A, 1>>, x: Vec<Dual<A, 1>>| network(&theta, &x).eps[0];
    let fixed_theta = || theta.iter().map(|&w| Dual::fixed(A::from_base(w))).collect::<Vec<_>>();
    let fixed_x = || x.iter().map(|&x| Dual::fixed(x)).collect::<Vec<_>>();
    for (i, &found) in gradient.iter().enumerate() {
        let mut theta = fixed_theta();
        theta[i].eps[0] = A::one();
        let tangent = forward(theta, fixed_x());
        let size = magnitude(tangent).pair(magnitude(phi)) * 100.0 + 1.0;
        assert_near(&format!("{name}: parameter {i}"), found, tangent.pair(phi), size);
    }
    for (i, &x_bar) in x_bar.iter().enumerate() {
        let mut x = fixed_x();
        x[i].eps[0] = seed(A::Base::constant(0.7), i) * 0.3 + 0.1;
        let (moved, tangent) = (x[i].eps[0], forward(fixed_theta(), x));
        let size = magnitude(tangent).pair(magnitude(phi)) * 100.0 + 1.0;
        assert_near(&format!("{name}: input {i}"), moved.pair(x_bar), tangent.pair(phi), size);
    }
}

fn assert_sweeps_match<R: Real, const D: usize>() {
    let direction = |i: usize| from_fn(|k| R::constant(f64::from(i == k)));
    assert_sweep_matches::<Dual<R, D>>(&format!("Dual, D = {D}"), Dual::variable, D);
    assert_sweep_matches::<Jet<R, D>>(&format!("Jet, D = {D}"), Jet::variable, D);
    assert_sweep_matches::<Lap<R, D>>(&format!("Lap, D = {D}"), |x, i| Lap::seeded(x, direction(i)), D);
    let twice = |x, i| Dual::variable(Dual::variable(x, i), i);
    assert_sweep_matches::<Dual<Dual<R, D>, D>>(&format!("Dual of Dual, D = {D}"), twice, D);
}

#[test]
fn reverse_sweep_matches_nested_duals_over_reals() {
    assert_sweeps_match::<f64, 1>();
    assert_sweeps_match::<f64, 2>();
    assert_sweeps_match::<f64, 3>();
    assert_sweeps_match::<f64, 5>();
    assert_sweeps_match::<f64, 8>();
}

#[test]
fn asymmetric_second_cotangent_of_a_jet_counts_as_its_symmetric_part() {
    let mut rng = Pcg64Mcg::seed_from_u64(SEED);
    let (a, b) = (symmetric(random::<Jet<f64, 3>>(&mut rng)), symmetric(random::<Jet<f64, 3>>(&mut rng)));
    let phi: Jet<f64, 3> = random(&mut rng);
    let mut even = phi;
    for i in 0..3 {
        for j in 0..3 {
            even.hess[i][j] = 0.5 * (phi.hess[i][j] + phi.hess[j][i]);
        }
    }
    let size = (magnitude(a) * magnitude(b)).pair(magnitude(phi));
    assert_near("asymmetric cotangent", b.pair(a.act(phi)), b.pair(a.act(even)), size);
}
