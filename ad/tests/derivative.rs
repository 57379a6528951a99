//! Jacobians, directional derivatives, expansions and their array forms, against nested duals and closed forms.

use ircpm_ad::derivative::{
    ScalarField, VectorField, array, directional, expansion, gradient, hessian, hessian_vector, jacobian,
    jacobian_vector,
};
use ircpm_ad::{Algebra, Dual, HyperDual, Isa, Kernel, Real, Scalar, Taylor, log_sum_exp};

/// A function of any number of variables, without symmetry.
#[derive(Clone, Copy)]
struct Energy;

impl ScalarField for Energy {
    fn eval<S: Scalar>(&self, x: &[S]) -> S {
        let mut sum = S::zero();
        for i in 0..x.len() {
            let next = x[(i + 1) % x.len()];
            sum += (x[i] * (i as f64 + 1.0)).sin() * next.exp()
                + (x[i] * next + 2.0).sqrt() / (next * next + 1.0);
        }
        sum
    }
}

/// Five functions of any number of variables.
struct Field;

impl VectorField for Field {
    fn outputs(&self) -> usize {
        5
    }
    fn eval<S: Scalar>(&self, x: &[S], out: &mut [S]) {
        for (i, out) in out.iter_mut().enumerate() {
            *out =
                x.iter().enumerate().map(|(j, &x)| (x * (j as f64 - i as f64)).cos() * (x + i as f64)).sum();
        }
    }
}

fn point(n: usize) -> Vec<f64> {
    (0..n).map(|i| 0.3 + 0.1 * i as f64 - 0.02 * (i * i) as f64).collect()
}

fn direction(n: usize) -> Vec<f64> {
    (0..n).map(|i| 1.0 - 0.4 * i as f64).collect()
}

fn assert_close(what: &str, found: f64, expected: f64) {
    assert!(
        (found - expected).abs() <= 1e-12 * (1.0 + expected.abs()),
        "{what}: {found:e}, not {expected:e}"
    );
}

#[test]
fn expansion_agrees_with_nested_duals_for_every_triple_of_variables() {
    type Third = Dual<HyperDual<f64>, 1>;
    for n in 0..=9 {
        let x = point(n);
        let at = expansion(&Energy, &x);
        assert_close("value", at.value, Energy.eval(&x));
        for i in 0..n {
            for j in 0..n {
                for k in 0..n {
                    let is = |a: usize, b: usize| f64::from(a == b);
                    let seeded: Vec<Third> = (0..n)
                        .map(|v| {
                            Dual::new(HyperDual::seeded(x[v], is(v, i), is(v, j)), [Dual::constant(is(v, k))])
                        })
                        .collect();
                    let y = Energy.eval(&seeded);
                    let what = format!("n = {n}, derivative by {i}, {j}, {k}");
                    assert_close(&what, at.third[(i * n + j) * n + k], y.eps[0].mixed());
                    assert_close(&what, at.hessian[i * n + j], y.re.mixed());
                    assert_close(&what, at.gradient[i], y.re.re.eps[0]);
                }
            }
        }
    }
}

#[test]
fn products_with_the_hessian_and_the_jacobian_agree_with_the_matrices() {
    for n in 0..=9 {
        let (x, v) = (point(n), direction(n));
        let times = |m: &[f64], i: usize| (0..n).map(|j| m[i * n + j] * v[j]).sum::<f64>();
        if n > 0 {
            let (value, grad, hess) = hessian(&Energy, &x);
            let (also, also_grad, product) = hessian_vector(&Energy, &x, &v);
            assert_close("value", also, value);
            for i in 0..n {
                assert_close("gradient", also_grad[i], grad[i]);
                assert_close("Hessian times a vector", product[i], times(&hess, i));
            }
        }
        let (values, matrix) = jacobian(&Field, &x);
        let (also, product) = jacobian_vector(&Field, &x, &v);
        let mut plain = [0.0; 5];
        Field.eval(&x, &mut plain);
        assert_eq!((values.len(), matrix.len()), (5, 5 * n));
        for i in 0..5 {
            assert_close("values", values[i], plain[i]);
            assert_close("values", also[i], plain[i]);
            assert_close("Jacobian times a vector", product[i], times(&matrix, i));
        }
    }
}

#[test]
fn jacobian_agrees_with_central_differences() {
    let (n, h) = (6, 1e-5);
    let x = point(n);
    let (_, matrix) = jacobian(&Field, &x);
    for j in 0..n {
        let moved = |by: f64| {
            let (mut x, mut out) = (x.clone(), [0.0; 5]);
            x[j] += by;
            Field.eval(&x, &mut out);
            out
        };
        let (ahead, behind) = (moved(h), moved(-h));
        for i in 0..5 {
            let difference = (ahead[i] - behind[i]) / (2.0 * h);
            assert!((matrix[i * n + j] - difference).abs() < 1e-8, "∂f{i}/∂x{j}");
        }
    }
}

#[test]
fn jacobian_of_one_function_in_lanes_is_that_of_single_numbers() {
    struct InPacks;
    impl Kernel for InPacks {
        type Output = ();
        fn run<R: Real>(self) {
            let number = |i: usize, j: usize| 0.1 * (i + 2 * j) as f64;
            let x: Vec<R> = (0..6).map(|j| R::from_fn(|i| number(i, j))).collect();
            let (_, matrix) = jacobian(&Field, &x);
            for i in 0..R::LANES {
                let single: Vec<f64> = (0..6).map(|j| number(i, j)).collect();
                for (pack, expected) in matrix.iter().zip(jacobian(&Field, &single).1) {
                    assert_close("Jacobian", pack.lane(i), expected);
                }
            }
        }
    }
    for isa in Isa::available() {
        isa.dispatch(InPacks);
    }
}

#[test]
fn array_forms_agree_with_those_of_slices() {
    const N: usize = 5;
    let x: [f64; N] = point(N).try_into().unwrap();
    let v: [f64; N] = direction(N).try_into().unwrap();
    let at = expansion(&Energy, &x);
    let (value, grad) = array::gradient(|x| Energy.eval(&x), x);
    let (also, also_grad, hess) = array::hessian(|x| Energy.eval(&x), x);
    let third = array::third(|x| Energy.eval(&x), x);
    let (still, laplacian) = array::laplacian(|x| Energy.eval(&x), x);
    for value in [value, also, still] {
        assert_close("value", value, at.value);
    }
    for i in 0..N {
        assert_close("gradient", grad[i], at.gradient[i]);
        assert_close("gradient", also_grad[i], at.gradient[i]);
    }
    for (found, expected) in hess.as_flattened().iter().zip(&at.hessian) {
        assert_close("Hessian", *found, *expected);
    }
    for (found, expected) in third.as_flattened().as_flattened().iter().zip(&at.third) {
        assert_close("third derivative", *found, *expected);
    }
    assert_close("Laplacian", laplacian, (0..N).map(|i| at.hessian[i * N + i]).sum());

    let (values, matrix) = array::jacobian(
        |x| {
            let mut out = [Dual::zero(); 5];
            Field.eval(&x, &mut out);
            out
        },
        x,
    );
    let (expected_values, expected) = jacobian(&Field, &x);
    assert_eq!((values.to_vec(), matrix.as_flattened().to_vec()), (expected_values, expected));
    let (value, derivatives) = array::directional::<_, N, 4>(|x| Energy.eval(&x), x, v);
    assert_eq!((value, derivatives), directional(&Energy, &x, &v));
}

#[test]
fn derivatives_along_a_line_agree_with_the_tensors() {
    for n in [1, 3, 6] {
        let (x, v) = (point(n), direction(n));
        let at = expansion(&Energy, &x);
        let (value, [first, second, third]) = directional(&Energy, &x, &v);
        let mut sums = [0.0; 3];
        for i in 0..n {
            sums[0] += at.gradient[i] * v[i];
            for j in 0..n {
                sums[1] += at.hessian[i * n + j] * v[i] * v[j];
                for k in 0..n {
                    sums[2] += at.third[(i * n + j) * n + k] * v[i] * v[j] * v[k];
                }
            }
        }
        assert_close("value", value, at.value);
        for (found, expected) in [first, second, third].into_iter().zip(sums) {
            assert_close("derivative along a line", found, expected);
        }
    }
}

type Nested = Dual<Dual<Dual<Dual<f64, 1>, 1>, 1>, 1>;

/// Functions that between them call every method of `Scalar`, over Taylor series and over nested duals.
macro_rules! functions {
    ($($function:expr;)*) => {
        [$((stringify!($function), $function as fn(Taylor<f64, 4>) -> Taylor<f64, 4>, $function as fn(Nested) -> Nested)),*]
    };
}

#[test]
fn taylor_series_have_the_derivatives_of_nested_duals() {
    let functions = functions! {
        |x| x * x - x / (x + 2.0) + 3.0;
        |x| (-x - 1.0) * 2.0 / (x * x + 1.0) - x;
        |x| x.recip();
        |x| x.sqrt();
        |x| x.exp();
        |x| x.ln();
        |x| x.ln_1p();
        |x| x.exp_m1();
        |x| x.exp2();
        |x| x.log2();
        |x| x.log10();
        |x| x.cbrt();
        |x| x.sin();
        |x| x.cos();
        |x| x.tan();
        |x| x.asin();
        |x| x.acos();
        |x| x.atan();
        |x| x.sinh();
        |x| x.cosh();
        |x| x.tanh();
        |x| x.asinh();
        |x| (x + 1.0).acosh();
        |x| x.atanh();
        |x| x.softplus();
        |x| x.sigmoid();
        |x| x.powi(-3);
        |x| x.powi(2);
        |x| x.powf(1.3);
        |x| x.pow(x.sin());
        |x| x.atan2(x * x - 0.3);
        |x| x.hypot(x * x - 0.3);
        |x| x.erf();
        |x| x.erfc();
        |x| x.log_gamma();
        |x| x.digamma();
        |x| x.bessel_i0e();
        |x| x.bessel_i1e();
        |x| ircpm_ad::elementary::smooth::r_cot_r(x);
        |x| log_sum_exp(&[x, x * x, x.sin()]);
    };
    for x in [0.3, 0.8] {
        for (name, taylor, nested) in functions {
            let y = taylor(Taylor::variable(x));
            let z = nested(Dual::variable(Dual::variable(Dual::variable(Dual::variable(x, 0), 0), 0), 0));
            let z = [z];
            for k in 0..=4 {
                let expected = Algebra::coefficients(&z)[(1 << k) - 1];
                let found = y.derivative(k);
                let size =
                    1.0 + Algebra::coefficients(&z)[..1 << k].iter().map(|c| c.abs()).fold(0.0, f64::max);
                assert!(
                    (found - expected).abs() < 1e-13 * size,
                    "{name} at {x}, order {k}: {found}, not {expected}"
                );
            }
        }
    }
}

#[test]
fn taylor_series_reach_high_orders_exactly() {
    const N: usize = 20;
    let geometric = Taylor::<f64, N>::variable(0.0) * -1.0 + 1.0;
    let factorial = |k: usize| (1..=k).map(|j| j as f64).product::<f64>();
    let (inverse, exponential, sine) =
        (geometric.recip(), Taylor::<f64, N>::variable(0.0).exp(), Taylor::<f64, N>::variable(0.0).sin());
    for k in 0..=N {
        assert_eq!(inverse.coefficient(k), 1.0);
        assert!((exponential.coefficient(k) * factorial(k) - 1.0).abs() < 1e-14);
        let expected = [0.0, 1.0, 0.0, -1.0][k % 4];
        assert!((sine.coefficient(k) * factorial(k) - expected).abs() < 1e-14);
    }
    // √(1 − x)² and σ(x) + σ(−x), through the recurrences.
    let root = geometric.sqrt();
    let square = root * root;
    let x = Taylor::<f64, N>::line(0.7, 2.0);
    let one = x.sigmoid() + (-x).sigmoid();
    for k in 0..=N {
        assert!((square.coefficient(k) - geometric.coefficient(k)).abs() < 1e-15);
        assert!((one.coefficient(k) - f64::from(k == 0)).abs() < 1e-15);
    }
    assert_eq!((<Taylor<f64, 3> as Scalar>::ORDER, <Taylor<Dual<f64, 2>, 3> as Scalar>::ORDER), (3, 4));
}

/// `x e^{−y}`, whose gradient at `(1, −1000)` is infinite.
struct Decay;

impl ScalarField for Decay {
    fn eval<S: Scalar>(&self, x: &[S]) -> S {
        x[0] * (-x[1]).exp()
    }
}

#[test]
fn gradient_is_infinite_and_not_nan_where_the_value_is_infinite() {
    let inf = f64::INFINITY;
    assert_eq!(gradient(&Decay, &[1.0, -1000.0]), (inf, vec![inf, -inf]));
    assert!(gradient(&Decay, &[f64::NAN, 0.0]).0.is_nan());
}
