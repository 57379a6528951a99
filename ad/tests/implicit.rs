//! Solutions of equations against closed forms and nested duals, to third order, on reals and in lanes.
#![allow(clippy::needless_range_loop, reason = "indices as in the formulas")]

use ircpm_ad::derivative::{ScalarField, expansion, gradient};
use ircpm_ad::implicit::{Equations, ImplicitError, pull_back, solution};
use ircpm_ad::matrix::Lu;
use ircpm_ad::{Algebra, Dual, Guarded, HyperDual, Isa, Jet, Kernel, Lap, Real, Scalar, Taylor};

/// `y² = x` and `y₂³ = x₁ y₁` and `e^{y₃} = x₁ + y₂`: solved by `√x`, powers of it, and a logarithm.
struct Chain(usize);

impl Equations for Chain {
    fn residual<S: Scalar>(&self, x: &[S], y: &[S], out: &mut [S]) {
        // Rows in another order than the unknowns, so that pivots must move.
        let all = |i: usize| match i {
            0 => y[0] * y[0] - x[0],
            1 => y[1].powi(3) - x[1] * y[0],
            _ => y[2].exp() - x[1] - y[1],
        };
        for i in 0..self.0 {
            out[i] = all(self.0 - 1 - i);
        }
    }
}

/// Its solution.
fn closed<S: Scalar>(x: &[S], n: usize) -> Vec<S> {
    let first = x[0].sqrt();
    let second = (x[1] * first).cbrt();
    [first, second, (x[1] + second).ln()][..n].to_vec()
}

fn assert_near(what: &str, found: f64, expected: f64) {
    assert!(
        (found - expected).abs() <= 1e-13 * (1.0 + expected.abs()),
        "{what}: {found:e}, not {expected:e}"
    );
}

fn assert_all_near<A: Algebra<Base = f64>>(what: &str, x: &[A]) {
    for n in 1..=3 {
        let values: Vec<f64> = x.iter().map(|x| x.value()).collect();
        let y = solution(&Chain(n), x, &closed(&values, n)).unwrap();
        let expected = closed(x, n);
        for (found, expected) in A::coefficients(&y).iter().zip(A::coefficients(&expected)) {
            assert_near(&format!("{what}, n = {n}"), *found, *expected);
        }
    }
}

#[test]
fn solutions_carry_the_derivatives_of_closed_forms_to_third_order() {
    assert_all_near("reals", &[2.0, 0.7]);
    assert_all_near::<Dual<f64, 2>>("Dual", &[Dual::variable(2.0, 0), Dual::variable(0.7, 1)]);
    assert_all_near::<Jet<f64, 2>>("Jet", &[Jet::variable(2.0, 0), Jet::variable(0.7, 1)]);
    assert_all_near::<Lap<f64, 2>>("Lap", &[Lap::seeded(2.0, [1.0, 0.5]), Lap::seeded(0.7, [0.0, 1.0])]);
    assert_all_near("HyperDual", &[HyperDual::seeded(2.0, 1.0, 0.3), HyperDual::seeded(0.7, 0.0, 1.0)]);
    let third =
        |re, a, b, c| Dual::<HyperDual<f64>, 1>::new(HyperDual::seeded(re, a, b), [HyperDual::constant(c)]);
    assert_all_near("Dual of HyperDual", &[third(2.0, 1.0, 0.3, -1.0), third(0.7, 0.1, 1.0, 2.0)]);
    let over = |re, i| Jet::<Dual<f64, 2>, 2>::variable(Dual::variable(re, i), i);
    assert_all_near("Jet over Dual", &[over(2.0, 0), over(0.7, 1)]);
}

#[test]
fn solution_of_a_taylor_series_is_one_to_the_same_order() {
    let x: [Taylor<f64, 8>; 2] = [Taylor::line(2.0, 1.0), Taylor::line(0.7, -0.2)];
    let values = closed(&[2.0, 0.7], 3);
    let (y, expected) = (solution(&Chain(3), &x, &values).unwrap(), closed(&x, 3));
    for (y, expected) in y.iter().zip(&expected) {
        for k in 0..=8 {
            assert_near(&format!("order {k}"), y.coefficient(k), expected.coefficient(k));
        }
    }
}

#[test]
fn solution_makes_up_for_rounding_of_the_values() {
    let x: [Jet<f64, 2>; 2] = [Jet::variable(2.0, 0), Jet::variable(0.7, 1)];
    let rough: Vec<f64> = closed(&[2.0, 0.7], 3).iter().map(|y| y + 3e-9).collect();
    let (y, expected) = (solution(&Chain(3), &x, &rough).unwrap(), closed(&x, 3));
    for (found, expected) in Jet::coefficients(&y).iter().zip(Jet::coefficients(&expected)) {
        assert_near("after a rough start", *found, *expected);
    }
}

#[test]
fn solutions_in_lanes_are_those_of_single_numbers() {
    struct InPacks;
    impl Kernel for InPacks {
        type Output = ();
        fn run<R: Real>(self) {
            let number = |i: usize| [2.0 + 0.3 * i as f64, 0.7 - 0.05 * i as f64];
            let x: [Jet<R, 2>; 2] = [0, 1].map(|k| Jet::variable(R::from_fn(|i| number(i)[k]), k));
            let values = closed(&x.map(|x| x.re), 3);
            let y = solution(&Chain(3), &x, &values).unwrap();
            let expected = closed(&x, 3);
            for (found, expected) in Jet::coefficients(&y).iter().zip(Jet::coefficients(&expected)) {
                for i in 0..R::LANES {
                    assert_near(&format!("lane {i}"), found.lane(i), expected.lane(i));
                }
            }
        }
    }
    for isa in Isa::available() {
        isa.dispatch(InPacks);
    }
}

/// `ȳ · y(x)` by the closed form.
struct Weighted([f64; 3]);

impl ScalarField for Weighted {
    fn eval<S: Scalar>(&self, x: &[S]) -> S {
        closed(x, 3).iter().zip(self.0).map(|(&y, w)| y * w).sum()
    }
}

/// The cotangents of `x`, as a scalar function for a second derivative: its first entry.
struct FirstCotangent([f64; 3]);

impl FirstCotangent {
    fn eval(&self, x: &[Dual<f64, 2>]) -> Vec<Dual<f64, 2>> {
        let y = solution(&Chain(3), x, &closed(&[x[0].re, x[1].re], 3)).unwrap();
        pull_back(&Chain(3), x, &y, &self.0.map(Dual::constant)).unwrap()
    }
}

#[test]
fn cotangents_agree_with_the_gradient_of_the_closed_form_and_can_be_differentiated() {
    let (x, weights) = ([2.0, 0.7], [0.3, -1.1, 2.0]);
    let y = closed(&x, 3);
    let x_bar = pull_back(&Chain(3), &x, &y, &weights).unwrap();
    let (_, expected) = gradient(&Weighted(weights), &x);
    let hessian = expansion(&Weighted(weights), &x).hessian;
    let second = FirstCotangent(weights).eval(&[Dual::variable(x[0], 0), Dual::variable(x[1], 1)]);
    for i in 0..2 {
        assert_near("cotangent", x_bar[i], expected[i]);
        assert_near("cotangent", second[i].re, expected[i]);
        for j in 0..2 {
            assert_near("derivative of a cotangent", second[i].eps[j], hessian[i * 2 + j]);
        }
    }
}

#[test]
fn what_is_no_solution_or_not_determined_is_refused() {
    let x = [Dual::<f64, 1>::variable(2.0, 0), Dual::fixed(0.7)];
    let wrong = solution(&Chain(1), &x, &[1.5]);
    assert!(
        matches!(wrong, Err(ImplicitError::NotASolution { correction, .. }) if correction > 0.08),
        "{wrong:?}"
    );
    assert!(matches!(solution(&Chain(1), &x, &[f64::NAN]), Err(ImplicitError::Singular(_))));
    // y² = 0: two solutions meet.
    let zero = [Dual::<f64, 1>::variable(0.0, 0), Dual::fixed(0.7)];
    let singular = solution(&Chain(1), &zero, &[0.0]).unwrap_err();
    assert_eq!(singular.to_string(), "the derivative of the equations by their unknowns is singular");
    assert!(std::error::Error::source(&singular).unwrap().to_string().contains("column 0"));
    assert!(matches!(
        pull_back(&Chain(1), &[2.0, 0.7], &[1.5], &[1.0]),
        Err(ImplicitError::NotASolution { .. })
    ));
    let infinite = pull_back(&Chain(1), &[f64::NAN, 0.7], &[1.5], &[1.0]);
    assert!(matches!(infinite, Err(ImplicitError::NotASolution { .. })), "{infinite:?}");
    assert_eq!(solution(&Chain(0), &x, &[]), Ok(vec![]));
}

/// A matrix whose entries depend on `t`, badly scaled, with a zero first pivot.
fn matrix<S: Scalar>(t: S) -> [S; 9] {
    let c = S::constant;
    [c(0.0), t * 1e8, c(1e-8), t.sin() * 1e-5, c(2e-5), t * 1e-21, c(1.0), t * t, t.exp() * 1e-15]
}

#[test]
fn factorisation_solves_with_matrix_and_transpose_and_gives_derivatives() {
    type N = Dual<Dual<f64, 1>, 1>;
    let t: N = Dual::variable(Dual::variable(0.8, 0), 0);
    let a = matrix(t);
    let lu = Lu::new(&a, 3).unwrap();
    let b = [t, t.cos(), N::constant(-0.3)];
    let (mut x, mut z) = (b, b);
    lu.solve(&mut x);
    lu.solve_transposed(&mut z);
    for i in 0..3 {
        let terms: Vec<N> = (0..3).map(|j| a[i * 3 + j] * x[j]).collect();
        let transposed: Vec<N> = (0..3).map(|j| a[j * 3 + i] * z[j]).collect();
        for (what, terms) in [("A x", terms), ("Aᵀ x", transposed)] {
            let sum: N = terms.iter().sum();
            let coefficients = |x: N| [x.re.re, x.re.eps[0], x.eps[0].eps[0]];
            for k in 0..3 {
                let size: f64 = 1.0 + terms.iter().map(|&t| coefficients(t)[k].abs()).sum::<f64>();
                let error = (coefficients(sum)[k] - coefficients(b[i])[k]).abs();
                assert!(error < 1e-14 * size, "{what}, row {i}, order {k}: {error:e} of {size:e}");
            }
        }
    }
    let [_, b, c, d, e, f, g, h, i] = a;
    let expected = b * (f * g - d * i) + c * (d * h - e * g);
    let found = lu.determinant();
    for (found, expected) in [
        (found.re.re, expected.re.re),
        (found.eps[0].re, expected.eps[0].re),
        (found.mixed(), expected.mixed()),
    ] {
        assert!((found / expected - 1.0).abs() < 1e-13, "{found:e}, not {expected:e}");
    }
    let inverse = Lu::new(&[4.0, 7.0, 2.0, 6.0], 2).unwrap().inverse();
    for (found, expected) in inverse.iter().zip([0.6, -0.7, -0.2, 0.4]) {
        assert_near("inverse", *found, expected);
    }
}

#[test]
fn singular_matrices_are_refused_and_badly_scaled_ones_are_not() {
    let column = |a: &[f64], n| Lu::new(a, n).map_err(|e| e.column).err();
    assert_eq!(column(&[1.0, 2.0, 2.0, 4.0], 2), Some(1));
    assert_eq!(column(&[0.0; 4], 2), Some(0));
    assert_eq!(column(&[1.0, f64::NAN, 0.0, 1.0], 2), Some(1));
    assert_eq!(column(&[f64::NAN, 1.0, 1.0, 0.0], 2), Some(0));
    assert_eq!(column(&[1.0, 0.0, 0.0, f64::INFINITY], 2), Some(1));
    assert_eq!(column(&[0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9], 3), Some(2));
    assert_eq!(column(&[1e-200, 0.0, 0.0, 1e200], 2), None);
    assert_eq!(column(&[1.0, 1e-20, 1.0, 2e-20], 2), None);
    assert_eq!(column(&[], 0), None);
    // Any scalar over f64 will do.
    let lu = Lu::new(&[Guarded(Dual::<f64, 1>::variable(2.0, 0))], 1).unwrap();
    assert_eq!(lu.determinant().0.eps, [1.0]);
}
