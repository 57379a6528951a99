//! The language against compiled code, nested duals and finite differences.

use ircpm_ad::derivative::{ScalarField, array, gradient};
use ircpm_ad::{Isa, log_sum_exp};
use ircpm_manifolds::AnyManifold;

use super::super::{Target, by_name};
use super::*;
use crate::points::{Generator, Quadrature, Sequence, Spread};

pub(super) fn manifold(name: &str) -> AnyManifold {
    name.parse().unwrap_or_else(|e| panic!("{name}: {e}"))
}

pub(super) fn parameters(list: &[(&str, Parameter)]) -> Parameters {
    list.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

pub(super) fn energy(space: &str, text: &str) -> Expression {
    with(space, text, &[])
}

fn with(space: &str, text: &str, list: &[(&str, Parameter)]) -> Expression {
    Expression::parse(&manifold(space), text, &parameters(list)).unwrap_or_else(|e| panic!("{text}: {e}"))
}

fn points(m: &AnyManifold, count: usize, seed: u64) -> Vec<f64> {
    let mut cube = vec![0.0; count * m.cube_dim()];
    Sequence::new(Spread::Random, count, m.cube_dim()).fill(&mut Generator::from_seed(seed), &mut cube);
    let mut y = vec![0.0; count * m.ambient()];
    for (u, y) in cube.chunks_exact(m.cube_dim()).zip(y.chunks_exact_mut(m.ambient())) {
        m.base_point(u, y);
    }
    y
}

/// Calls of all functions, with arguments inside their domains for every real `x`.
fn calls() -> Vec<String> {
    let inner = |name: &str| match name {
        "asin" | "arcsin" | "acos" | "arccos" | "atanh" | "erf" | "erfc" => "0.1 + 0.3 * sin(x)",
        _ => "1.6 + 0.3 * sin(x)",
    };
    let unary = functions::Unary::ALL.iter().flat_map(|(names, _)| names.iter());
    let mut calls: Vec<String> = unary.map(|name| format!("{name}({})", inner(name))).collect();
    let several = [
        "pow(1.5 + sin(x), 0.3 + cos(x)^2)",
        "(1.5 + sin(x))^0.7 + (2 + sin(x))^-3 + x^5 + x^0 + 2^sin(x)",
        "atan2(sin(x), 0.3 - cos(x))",
        "hypot(sin(x), 2)",
        "min(sin(x), 0.3 * x, 4)",
        "max(sin(x), 0.3 * x, -4)",
        "sum(i, 1, 3, sin(i * x)) / 3 - 2 / (3 + sin(x))",
        "product(i, 1, 3, 2 + sin(i * x))",
        "log_sum_exp(x, sin(x), 1)",
        "log_sum_exp(k, 1, 3, sin(k * x))",
        "dot([x, 2, sin(x)], [x, x, 3])",
        "norm([1, x])",
        "von_mises(x, 0.4, 1.5)",
        "vmf([cos(x), sin(x), 0], [1, 2, 2], 3)",
        "kent([cos(x), sin(x), 0], [1, 0, 0], [1, 1, 0], 3, 1.2)",
        "bingham([cos(x), sin(x)], [[1, 2], [3, 4]])",
        "abs(-2 + sin(x)) - -(3 - x)",
    ];
    calls.extend(several.map(str::to_owned));
    calls
}

#[test]
fn every_function_of_the_table_is_among_the_calls() {
    let calls = calls().concat();
    for name in functions::names() {
        let is_alias = name == "von_mises_fisher";
        // mod takes constants only.
        assert!(calls.contains(&format!("{name}(")) || is_alias || name == "mod", "{name}");
    }
}

#[test]
fn first_and_second_derivatives_of_every_function_match_central_differences() {
    let h = 1e-5;
    for call in calls() {
        let energy = energy("R1", &call);
        for at in [-0.83, 0.37, 1.2] {
            let value = |x: f64| energy.eval(&[x]);
            let (u, [slope], [[curvature]]) = array::hessian(|x| energy.eval(&x), [at]);
            assert_eq!(u, value(at), "{call}");
            let slope_of = |x: f64| array::gradient(|x| energy.eval(&x), [x]).1[0];
            // Truncation h²/6 times a third derivative of up to 1e3, rounding 1e-16/h.
            let difference = (value(at + h) - value(at - h)) / (2.0 * h);
            assert!((slope - difference).abs() < 1e-7, "{call} at {at}: {slope} is not {difference}");
            let difference = (slope_of(at + h) - slope_of(at - h)) / (2.0 * h);
            assert!((curvature - difference).abs() < 1e-6, "{call} at {at}: {curvature} is not {difference}");
        }
    }
}

#[test]
fn functions_have_the_values_of_the_standard_library() {
    let x = 1.6 + 0.3 * f64::sin(0.37);
    let z = 0.1 + 0.3 * f64::sin(0.37);
    let known = [
        ("exp", x.exp()),
        ("expm1", x.exp_m1()),
        ("exp2", x.exp2()),
        ("log", f64::ln(x)),
        ("log1p", f64::ln_1p(x)),
        ("log2", f64::log2(x)),
        ("log10", f64::log10(x)),
        ("sqrt", f64::sqrt(x)),
        ("cbrt", f64::cbrt(x)),
        ("sin", f64::sin(x)),
        ("cos", f64::cos(x)),
        ("tan", f64::tan(x)),
        ("arcsin", f64::asin(z)),
        ("acos", f64::acos(z)),
        ("atan", f64::atan(x)),
        ("sinh", f64::sinh(x)),
        ("cosh", f64::cosh(x)),
        ("tanh", f64::tanh(x)),
        ("asinh", f64::asinh(x)),
        ("acosh", f64::acosh(x)),
        ("atanh", f64::atanh(z)),
        ("softplus", f64::ln_1p(f64::exp(x))),
        ("sigmoid", 1.0 / (1.0 + f64::exp(-x))),
        ("abs", x),
    ];
    for (name, known) in known {
        let call = calls().into_iter().find(|call| call.starts_with(&format!("{name}("))).expect("a call");
        let value: f64 = energy("R1", &call).eval(&[0.37]);
        assert!((value - known).abs() < 1e-14 * known.abs().max(1.0), "{name}: {value} is not {known}");
    }
}

#[test]
fn precedence_is_that_of_mathematics() {
    let x = 0.7_f64;
    for (text, known) in [
        ("-x^2", -x * x),
        ("2^-x", 2f64.powf(-x)),
        ("x^2^3", x.powi(8)),
        ("1 - x - 2", -1.0 - x),
        ("8 / x / 2", 4.0 / x),
        ("8 / x * 2", 16.0 / x),
        ("-(x + 1) * 2", -2.0 * (x + 1.0)),
        ("3 * -x", -3.0 * x),
        ("1.5e-1 * x + .5", 0.15 * x + 0.5),
        ("r = x * x; s = r + 1; # a comment\n -s·2 − π", -2.0 * (x * x + 1.0) - std::f64::consts::PI),
        ("dot(2 * [x, 1] - [1, x] / 2, [1, 1])", 1.5 * x + 1.5),
    ] {
        let value: f64 = energy("R1", text).eval(&[x]);
        assert!((value - known).abs() < 1e-15 * 16.0, "{text}: {value} is not {known}");
    }
}

/// A name of the table, and its energy: manifold, text and parameters.
type Written = (&'static str, &'static str, String, Vec<(&'static str, Parameter)>);

/// Energies of the table, written as texts.
fn presets() -> Vec<Written> {
    let chain = "-(kappa * sum(i, 1, n - 1, cos(theta[i+1] - theta[i])) + h * sum(i, 1, n, cos(theta[i])))";
    let ring = "-sum(i, 1, n, kappa * cos(theta[i] - theta[mod(i, n) + 1]) + h * cos(theta[i]) + a * cos(2*theta[i]))";
    let four = "-log_sum_exp(k, 1, 4, kappa * dot(mu[k], x))";
    let means = |means: &[Vec<f64>]| Parameter::from(means.to_vec());
    let s2: Vec<Vec<f64>> =
        super::super::sphere::four_mode(10.0).means.iter().map(|mean| mean.to_vec()).collect();
    let s3: Vec<Vec<f64>> =
        super::super::sphere::four_mode_s3().means.iter().map(|mean| mean.to_vec()).collect();
    let modes = [[0.21, 2.85], [1.89, 6.18], [3.77, 1.56]];
    let mixture = "-log_sum_exp(k, 1, 3, cos(theta1 - mu[k, 1]) + cos(theta2 - mu[k][2])) + ln(3)";
    let number = |n: i32| Parameter::from(f64::from(n));
    let mut all = vec![
        (
            "torus-unimodal",
            "T2",
            "-(cos(theta1 - a) + cos(theta2 - 5.96))".to_owned(),
            vec![("a", 4.18.into())],
        ),
        ("torus-multi-modal", "T2", mixture.to_owned(), vec![("mu", modes.into())]),
        ("torus-correlated", "T2", "-cos(theta1 + theta2 - 1.94)".to_owned(), vec![]),
        ("sphere-four-mode", "S2", four.to_owned(), vec![("mu", means(&s2)), ("kappa", number(10))]),
        ("s3-four-mode", "S3", four.to_owned(), vec![("mu", means(&s3)), ("kappa", number(10))]),
    ];
    for (name, space, n) in [("chain-4", "T4", 4), ("chain-8", "T8", 8)] {
        let list = vec![("kappa", number(1)), ("h", 0.5.into()), ("n", number(n))];
        all.push((name, space, chain.to_owned(), list));
    }
    for (name, space, n) in [("xy-ring-3", "T3", 3), ("xy-ring-4", "T4", 4), ("xy-ring-6", "T6", 6)] {
        let list = vec![("kappa", number(1)), ("h", 0.5.into()), ("a", 0.3.into()), ("n", number(n))];
        all.push((name, space, ring.to_owned(), list));
    }
    all
}

#[test]
fn energies_of_the_table_written_as_text_are_the_compiled_ones() {
    let seed = 21;
    for (name, space, text, list) in presets() {
        let (compiled, expression) = (by_name(name).expect("in the table"), with(space, &text, &list));
        assert_eq!(compiled.manifold(), Target::manifold(&expression));
        // Several blocks of packs, and a tail.
        let count = 150;
        let y = points(compiled.manifold(), count, seed);
        for isa in Isa::available() {
            let expression = expression.clone().on(isa);
            let (mut u, mut v) = (vec![0.0; count], vec![0.0; count]);
            let (mut g, mut h) = (vec![0.0; y.len()], vec![0.0; y.len()]);
            compiled.gradients(&y, &mut u, &mut g);
            expression.gradients(&y, &mut v, &mut h);
            // Rounding of at most 40 terms of size up to 10.
            let far = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            let (value, slope) = (far(&u, &v), far(&g, &h));
            assert!(
                value < 2e-14 && slope < 2e-14,
                "{name}, {}, seed {seed}: {value:e}, {slope:e}",
                isa.name()
            );
            expression.energies(&y, &mut u);
            assert!(far(&u, &v) < 2e-14, "{name}, {}: energies beside gradients", isa.name());
        }
    }
}

#[test]
fn lanes_match_scalar_for_every_function_and_any_number_of_samples() {
    for call in calls() {
        for isa in Isa::available() {
            let energy = energy("R1", &call).on(isa);
            for count in [0, 1, 7, 8, 9, 70] {
                let y = points(Target::manifold(&energy), count, 5);
                let (mut u, mut v, mut g) = (vec![0.0; count], vec![0.0; count], vec![0.0; count]);
                energy.energies(&y, &mut u);
                energy.gradients(&y, &mut v, &mut g);
                for (s, x) in y.iter().enumerate() {
                    let (value, slope) = gradient(&energy, &[*x]);
                    // The library's sine and exponential differ from those of lanes in the last places.
                    let tolerance = 1e-13 * (1.0 + value.abs() + slope[0].abs());
                    let errors = [u[s] - value, v[s] - value, g[s] - slope[0]];
                    assert!(errors.iter().all(|e| e.abs() < tolerance), "{call}, {}: {errors:?}", isa.name());
                }
            }
        }
    }
}

#[test]
fn gradients_back_through_the_program_match_dual_numbers() {
    let text = "r = cos(theta1 - theta2); s = sin(theta3) * r;
        atan2(s + 2, r + 3) + hypot(s, 1 + r) * (2 + r)^(s + 0.5) / (3 + sin(theta4)) + max(r, s, 0.1)
        - min(cos(theta5), s) + log_sum_exp(cos(theta5), 3 * s, 1) - abs(sin(theta6)) + exp(-r) * r - s / 7";
    let energy = energy("T6", text);
    let (count, seed) = (70, 31);
    let y = points(Target::manifold(&energy), count, seed);
    for isa in Isa::available() {
        let energy = energy.clone().on(isa);
        let (mut u, mut g) = (vec![0.0; count], vec![0.0; y.len()]);
        energy.gradients(&y, &mut u, &mut g);
        for (s, point) in y.chunks_exact(6).enumerate() {
            let (value, slopes) = gradient(&energy, point);
            assert!((u[s] - value).abs() < 1e-13, "{}, seed {seed}", isa.name());
            for i in 0..6 {
                let error = (g[s * 6 + i] - slopes[i]).abs();
                assert!(error < 1e-13, "{}, seed {seed}, coordinate {i}: {error:e}", isa.name());
            }
        }
    }
}

#[test]
fn gradients_take_half_of_each_side_at_corners_and_stay_zero_beside_infinite_slopes() {
    let slopes = |text: &str, at: [f64; 2]| {
        let (mut u, mut g) = ([0.0], [0.0; 2]);
        energy("R2", text).gradients(&at, &mut u, &mut g);
        g
    };
    assert_eq!(slopes("max(x1, x2)", [0.5, 0.5]), [0.5, 0.5]);
    assert_eq!(slopes("min(x1, x2)", [0.2, 0.5]), [1.0, 0.0]);
    assert_eq!(slopes("abs(x1) + x2", [0.0, 0.5]), [0.0, 1.0]);
    assert_eq!(slopes("x2 + sqrt(x1^2)", [0.0, 0.5]), [0.0, 1.0]);
    assert_eq!(slopes("x2 + 0 * sqrt(abs(x1))", [0.0, 0.5]), [0.0, 1.0]);
}

#[test]
fn sums_over_many_coordinates_are_the_compiled_energies() {
    let text = "-sum(i, 1, 63, cos(theta[i+1] - theta[i])) - 0.5 * sum(i, 1, 64, cos(theta[i]))";
    let (written, compiled) = (energy("T64", text), by_name("chain-64").expect("of a family"));
    let count = 20;
    let y = points(compiled.manifold(), count, 3);
    let (mut u, mut v) = (vec![0.0; count], vec![0.0; count]);
    let (mut g, mut h) = (vec![0.0; y.len()], vec![0.0; y.len()]);
    compiled.gradients(&y, &mut u, &mut g);
    written.gradients(&y, &mut v, &mut h);
    let far = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(far(&u, &v) < 1e-13 && far(&g, &h) < 1e-14, "{:e}, {:e}", far(&u, &v), far(&g, &h));
}

#[test]
fn lane_does_not_depend_on_its_neighbours() {
    let energy = energy("T2", "log_sum_exp(3 * cos(theta1), sin(theta2)) + exp(sin(theta1 + theta2))");
    let y = points(Target::manifold(&energy), 100, 8);
    let (mut all, mut one) = (vec![0.0; 100], [0.0]);
    energy.energies(&y, &mut all);
    for (p, u) in y.chunks_exact(2).zip(&all) {
        energy.energies(p, &mut one);
        assert_eq!(one[0], *u);
    }
}

#[test]
fn equal_parts_are_computed_once_and_constants_never() {
    let count = |text: &str| energy("T2", text).instructions();
    assert_eq!(count("cos(theta1)"), 1);
    assert_eq!(count("cos(theta1) * cos(theta1)"), 2);
    assert_eq!(count("2 * 3 * cos(theta1 - pi / 2) + 0 * 1"), 3);
    assert_eq!(count("theta1 + theta2 - (theta2 + theta1) + sin(theta1)"), 4);
    assert_eq!(count("a = 1 * sin(theta1) + 0; a^4"), 3);
    // Registers are used again: each term needs two.
    let sum = energy("T2", "sum(i, 1, 500, cos(i * theta1))");
    assert!(sum.program.file::<f64>(1).len() < 8, "{}", sum.program.file::<f64>(1).len());
}

#[test]
fn coordinates_of_products_are_named_with_their_factors() {
    let y = [0.1, 0.2, 0.6, 0.0, 0.8, 0.3, -1.5];
    for (text, known) in [
        ("f1.theta1 + 0 * cos(f2.x3)", 0.1),
        ("f1.theta[2]", 0.2),
        ("f2.x1", 0.6),
        ("f2.x[3]", 0.8),
        ("f3.theta1", 0.3),
        ("f3.theta", 0.3),
        ("f4.x", -1.5),
        ("dot(f2.x, [1, 2, 3]) / 4", 0.75),
        ("θ", 0.3),
    ] {
        let space = if text == "θ" { "S2xT1" } else { "T2xS2xT1xR1" };
        let y = if text == "θ" { &y[2..6] } else { &y[..] };
        let m = manifold(space);
        // The angles stand for themselves here, without the check of their period.
        let names = Names::new(&m);
        let (definitions, tree) = parser::parse(text).unwrap_or_else(|e| panic!("{text}: {e:?}"));
        let none = Parameters::new();
        let mut compiler = Compiler::new(&names, m.ambient(), &none, text).expect("no parameters");
        let output = compiler.energy(&definitions, &tree).unwrap_or_else(|e| panic!("{text}: {e:?}"));
        let value: f64 = Program::new(&compiler.graph, output, m.ambient()).value(y);
        assert!((value - known).abs() < 1e-15, "{text}: {value} is not {known}");
    }
}

#[test]
fn logarithms_of_densities_integrate_to_one() {
    for (space, text) in [
        ("T1", "-von_mises(theta, 0.7, 3)"),
        ("T2", "-von_mises(theta, [0.7, 2], 30)"),
        ("S2", "-vmf(x, [1, 2, 2], 20)"),
        (
            "S2",
            "-log_sum_exp(log(0.3) + vmf(x, [1, 0, 0], 5), log(0.7) + von_mises_fisher(x, [0, 1, -1], 2))",
        ),
        ("S2", "-kent(x, [1, 2, 2], [1, 0, 0], 5, 2)"),
        ("S2", "-kent(x, [1, 2, 2], [1, 0, 1], -1, 30)"),
        ("S2", "-kent(x, [0, 0, 1], [1, 0, 0], 3, 0)"),
        ("S2", "-kent(x, [0, 0, 1], [1, 0, 0], 0, -1)"),
    ] {
        let energy = energy(space, text);
        let rule = Quadrature::new(Target::manifold(&energy), 128).expect("low dimension");
        let mut u = vec![0.0; rule.weights.len()];
        energy.energies(&rule.points, &mut u);
        let mass = rule.integrate(&u.iter().map(|u| (-u).exp()).collect::<Vec<f64>>());
        assert!((mass - 1.0).abs() < 1e-12, "{text}: {mass}");
    }
}

#[test]
fn kent_and_bingham_have_their_formulas() {
    let x = [0.48, 0.6, 0.64];
    // The axis (1, 1, 0) without its part along (1, 0, 0) is (0, 1, 0); the third direction is (0, 0, 1).
    let kent = energy("S2", "kent(x, [2, 0, 0], [1, 1, 0], 3, 1.2)");
    let difference: f64 = kent.eval(&x) - kent.eval(&[1.0, 0.0, 0.0]);
    assert!((difference - (3.0 * 0.48 + 1.2 * (0.36 - 0.64 * 0.64) - 3.0)).abs() < 1e-15, "{difference}");
    let bingham: f64 =
        with("S2", "bingham(x, a)", &[("a", [[1.0, 2.0, 0.0], [0.0, 3.0, 0.0], [0.0, 0.0, -1.0]].into())])
            .eval(&x);
    let known = 0.48 * 0.48 + 2.0 * 0.48 * 0.6 + 3.0 * 0.36 - 0.64 * 0.64;
    assert!((bingham - known).abs() < 1e-15, "{bingham} is not {known}");
}

#[test]
fn minimum_maximum_and_modulus_share_their_derivative_where_they_have_a_corner() {
    let slopes = |text: &str, at: [f64; 2]| array::gradient(|y| energy("R2", text).eval(&y), at).1;
    assert_eq!(slopes("max(x1, x2)", [0.5, 0.5]), [0.5, 0.5]);
    assert_eq!(slopes("min(x1, x2)", [0.2, 0.5]), [1.0, 0.0]);
    assert_eq!(slopes("abs(x1) + x2", [0.0, 0.5]), [0.0, 1.0]);
    let nan = |text: &str| energy("R2", text).eval(&[f64::NAN, 1.0]).is_nan();
    assert!(nan("max(x1, x2)") && nan("max(x2, x1)") && nan("min(x1, x2)") && nan("abs(x1) + x2"));
}

#[test]
fn logarithm_of_a_sum_of_exponentials_has_the_bits_of_the_function() {
    let energy = energy("R2", "log_sum_exp(x1, x2, 8)");
    assert_eq!(energy.eval(&[3.0, 7.5]), log_sum_exp(&[3.0, 7.5, 8.0]));
    assert_eq!(energy.eval(&[1e3, 2e3]), 2000.0);
}
