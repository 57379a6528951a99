//! Every elementary function to fourth order: nested duals against closed forms, num-dual and central differences.

use ircpm_ad::{Algebra, Dual, Scalar, log_sum_exp};
use num_dual::DualNum;
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

type Nested = Dual<Dual<Dual<Dual<f64, 1>, 1>, 1>, 1>;

/// Third order over first order: the fourth derivative is `v3.eps`.
type Oracle = num_dual::Dual3<num_dual::Dual64>;

/// Derivatives of order 0 to 4, each as the list of its terms: their magnitudes say what rounding may cost.
type Terms = [Vec<f64>; 5];

fn nested(x: f64) -> Nested {
    Dual::variable(Dual::variable(Dual::variable(Dual::variable(x, 0), 0), 0), 0)
}

/// A coefficient of a fourfold dual is the derivative whose order is the number of ones in its index.
fn derivative(y: Nested, order: usize) -> f64 {
    Algebra::coefficients(&[y])[(1 << order) - 1]
}

fn oracle(x: f64) -> Oracle {
    let one = num_dual::Dual64::from_re(1.0);
    Oracle::new(num_dual::Dual64::from_re(x).derivative(), one, one * 0.0, one * 0.0)
}

fn magnitude(terms: &[f64]) -> f64 {
    terms.iter().map(|t| t.abs()).sum()
}

/// All sixteen coefficients of `y`, wherever the closed form neither overflows nor is infinite.
fn assert_derivatives(what: &str, y: Nested, terms: &Terms) {
    for (i, &found) in Algebra::coefficients(&[y]).iter().enumerate() {
        let terms = &terms[i.count_ones() as usize];
        let (expected, size) = (terms.iter().sum::<f64>(), magnitude(terms));
        // Squares and cubes of intermediate results overflow before the result does.
        if size < 1e250 {
            let tolerance = 1e-12 * size + 1e-290;
            assert!(
                (found - expected).abs() <= tolerance,
                "{what}, coefficient {i:04b}: {found:e}, not {expected:e}"
            );
        }
    }
}

struct Row {
    name: &'static str,
    function: fn(Nested) -> Nested,
    terms: fn(f64) -> Terms,
    oracle: fn(Oracle) -> Oracle,
    /// Points at which the oracle's formulas are accurate, too.
    tame: &'static [f64],
    wild: &'static [f64],
}

/// `x^p` with the factors that differentiation brings down; a factor of zero ends it.
fn power(x: f64, p: f64) -> Terms {
    let mut factor = 1.0;
    std::array::from_fn(|k| {
        let order = k as f64;
        let term = if factor == 0.0 { 0.0 } else { factor * x.powf(p - order) };
        factor *= p - order;
        vec![term]
    })
}

fn logarithm(value: f64, x: f64) -> Terms {
    [vec![value], vec![1.0 / x], vec![-1.0 / x / x], vec![2.0 / x / x / x], vec![-6.0 / x / x / x / x]]
}

fn atan(x: f64) -> Terms {
    let r = 1.0 / (1.0 + x * x);
    [
        vec![x.atan()],
        vec![r],
        vec![-2.0 * x * r * r],
        vec![6.0 * (x * r) * (x * r) * r, -2.0 * r * r * r],
        vec![24.0 * x * r * r * r * r, -24.0 * (x * r) * (x * r) * (x * r) * r],
    ]
}

/// `σ(x)` and `σ(−x)`.
fn sigmoids(x: f64) -> (f64, f64) {
    let t = (-x.abs()).exp();
    let (large, small) = (1.0 / (1.0 + t), t / (1.0 + t));
    if x > 0.0 { (large, small) } else { (small, large) }
}

fn sigmoid(x: f64) -> Terms {
    let (s, r) = sigmoids(x);
    let d = s * r;
    [
        vec![s],
        vec![d],
        vec![d * r, -d * s],
        vec![d * r * r, -4.0 * d * d, d * s * s],
        vec![d * r * r * r, -11.0 * d * d * r, 11.0 * d * d * s, -d * s * s * s],
    ]
}

fn softplus(x: f64) -> Terms {
    let [s0, s1, s2, s3, _] = sigmoid(x);
    [vec![x.max(0.0) + (-x.abs()).exp().ln_1p()], s0, s1, s2, s3]
}

/// `tanh x = 2 σ(2x) − 1`.
fn tanh(x: f64) -> Terms {
    let mut factor = 2.0;
    let mut terms = sigmoid(2.0 * x).map(|terms| {
        let scaled = terms.iter().map(|t| t * factor).collect();
        factor *= 2.0;
        scaled
    });
    terms[0] = vec![x.tanh()];
    terms
}

const EVERYWHERE: &[f64] = &[-3.0, -1.0, -1e-3, -1e-9, 0.0, -0.0, 1e-300, 1e-9, 0.1, 0.5, 1.0, 2.0, 3.0];
const POSITIVE: &[f64] = &[1e-3, 0.1, 0.5, 1.0, 1.0 + 1e-15, 2.0, 3.0];
const NONZERO: &[f64] = &[-3.0, -1.0, -1e-3, 1e-3, 0.1, 1.0, 3.0];
const SATURATED: &[f64] = &[-700.0, -40.0, -20.0, 20.0, 40.0, 700.0];
const TINY_AND_HUGE: &[f64] = &[1e-200, 1e-100, 1e-60, 1e-8, 1e8, 1e60, 1e100, 1e200];

const TABLE: &[Row] = &[
    Row {
        name: "recip",
        function: Scalar::recip,
        terms: |x| power(x, -1.0),
        oracle: |x| x.recip(),
        tame: NONZERO,
        wild: TINY_AND_HUGE,
    },
    Row {
        name: "sqrt",
        function: Scalar::sqrt,
        terms: |x| {
            let mut terms = power(x, 0.5);
            terms[0] = vec![x.sqrt()];
            terms
        },
        oracle: |x| x.sqrt(),
        tame: POSITIVE,
        wild: TINY_AND_HUGE,
    },
    Row {
        name: "exp",
        function: Scalar::exp,
        terms: |x| std::array::from_fn(|_| vec![x.exp()]),
        oracle: |x| x.exp(),
        tame: EVERYWHERE,
        wild: &[-700.0, -40.0, 40.0, 700.0],
    },
    Row {
        name: "ln",
        function: Scalar::ln,
        terms: |x| logarithm(x.ln(), x),
        oracle: |x| x.ln(),
        tame: POSITIVE,
        wild: TINY_AND_HUGE,
    },
    Row {
        name: "ln_1p",
        function: Scalar::ln_1p,
        terms: |x| logarithm(x.ln_1p(), 1.0 + x),
        oracle: |x| x.ln_1p(),
        tame: &[-0.9, -1e-9, 0.0, 1e-300, 1e-9, 0.1, 1.0, 3.0],
        wild: &[-1.0 + 1e-15, -1e-200, 1e-200, 1e60, 1e200],
    },
    Row {
        name: "sin",
        function: Scalar::sin,
        terms: |x| [vec![x.sin()], vec![x.cos()], vec![-x.sin()], vec![-x.cos()], vec![x.sin()]],
        oracle: |x| x.sin(),
        tame: EVERYWHERE,
        wild: &[std::f64::consts::FRAC_PI_2, std::f64::consts::PI, 355.0, -1e4, 1e5, 1e6, 1e200],
    },
    Row {
        name: "cos",
        function: Scalar::cos,
        terms: |x| [vec![x.cos()], vec![-x.sin()], vec![-x.cos()], vec![x.sin()], vec![x.cos()]],
        oracle: |x| x.cos(),
        tame: EVERYWHERE,
        wild: &[std::f64::consts::FRAC_PI_2, std::f64::consts::PI, 355.0, -1e4, 1e5, 1e6, 1e200],
    },
    Row {
        name: "sinh",
        function: Scalar::sinh,
        terms: |x| [vec![x.sinh()], vec![x.cosh()], vec![x.sinh()], vec![x.cosh()], vec![x.sinh()]],
        oracle: |x| x.sinh(),
        tame: EVERYWHERE,
        wild: SATURATED,
    },
    Row {
        name: "cosh",
        function: Scalar::cosh,
        terms: |x| [vec![x.cosh()], vec![x.sinh()], vec![x.cosh()], vec![x.sinh()], vec![x.cosh()]],
        oracle: |x| x.cosh(),
        tame: EVERYWHERE,
        wild: SATURATED,
    },
    Row {
        name: "tanh",
        function: Scalar::tanh,
        terms: tanh,
        oracle: |x| x.tanh(),
        tame: EVERYWHERE,
        wild: SATURATED,
    },
    Row {
        name: "atan",
        function: Scalar::atan,
        terms: atan,
        oracle: |x| x.atan(),
        tame: EVERYWHERE,
        wild: &[-1e60, -1e8, -40.0, 40.0, 1e8, 1e60],
    },
    Row {
        name: "softplus",
        function: Scalar::softplus,
        terms: softplus,
        oracle: |x| (x.exp() + 1.0).ln(),
        tame: EVERYWHERE,
        wild: SATURATED,
    },
    Row {
        name: "sigmoid",
        function: Scalar::sigmoid,
        terms: sigmoid,
        oracle: |x| ((-x).exp() + 1.0).recip(),
        tame: EVERYWHERE,
        wild: SATURATED,
    },
];

#[test]
fn elementary_functions_match_closed_forms_to_fourth_order() {
    for row in TABLE {
        for &x in row.tame.iter().chain(row.wild) {
            assert_derivatives(&format!("{} at {x:e}", row.name), (row.function)(nested(x)), &(row.terms)(x));
        }
    }
}

#[test]
fn elementary_functions_match_num_dual_to_fourth_order() {
    for row in TABLE {
        for &x in row.tame {
            let (y, expected, terms) = ((row.function)(nested(x)), (row.oracle)(oracle(x)), (row.terms)(x));
            let expected =
                [expected.re.re, expected.re.eps, expected.v1.eps, expected.v2.eps, expected.v3.eps];
            for order in 0..5 {
                let found = derivative(y, order);
                // The oracle rounds as well, and cancels where its formula is naive: ln(1 + eˣ), sinh/cosh.
                let tolerance = 1e-12 * magnitude(&terms[order]).max(1.0);
                let error = (found - expected[order]).abs();
                assert!(
                    error <= tolerance,
                    "{} at {x:e}, order {order}: {found:e}, not {:e}",
                    row.name,
                    expected[order]
                );
            }
        }
    }
}

#[test]
fn elementary_derivatives_match_central_differences_of_the_order_below() {
    for row in TABLE {
        for &x in row.tame {
            for order in 1..5 {
                let f = |x: f64| derivative((row.function)(nested(x)), order - 1);
                let difference = |h: f64| (f(x + h) - f(x - h)) / ((x + h) - (x - h));
                let h = 1e-5 * if row.tame[0] > 0.0 || row.name == "recip" { x.abs() } else { 1.0 };
                let (coarse, fine) = (difference(2.0 * h), difference(h));
                // Truncation is what halving the step takes away (thrice what is left); then rounding of the values.
                let rounding = 1e-15 * magnitude(&(row.terms)(x)[order - 1]).max(f(x + h).abs()) / h;
                let (found, tolerance) =
                    (derivative((row.function)(nested(x)), order), (coarse - fine).abs() + rounding);
                let error = (found - fine).abs();
                assert!(
                    error <= 4.0 * tolerance,
                    "{} at {x:e}, order {order}: {found:e}, not {fine:e}",
                    row.name
                );
            }
        }
    }
}

#[test]
fn powi_matches_powers_for_exponents_of_either_sign_and_at_zero() {
    for n in -4..=6 {
        for x in [-3.0, -1.0, -1e-3, 0.0, 1e-3, 0.5, 2.0, 40.0] {
            if n >= 0 || x != 0.0 {
                assert_derivatives(&format!("powi {n} at {x}"), nested(x).powi(n), &power(x, f64::from(n)));
            }
        }
    }
}

/// `atan2` is the imaginary part of the logarithm: along `z + t w` its derivatives are those of `ln(z + t w)`.
fn angle_terms(z: [f64; 2], w: [f64; 2]) -> Terms {
    // q = w / z, by z's larger coordinate first, so that no square under- or overflows.
    let size = z[0].abs().max(z[1].abs());
    let (a, b, c, d) = (w[0] / size, w[1] / size, z[0] / size, z[1] / size);
    let norm = c * c + d * d;
    let q = [(a * c + b * d) / norm, (b * c - a * d) / norm];
    let length = (a * a + b * b).sqrt() / norm.sqrt();
    let mut power = q;
    let mut factor = 1.0;
    std::array::from_fn(|k| {
        if k == 0 {
            return vec![z[1].atan2(z[0])];
        }
        let term = factor * power[1];
        let size = factor.abs() * length.powi(k as i32);
        power = [power[0] * q[0] - power[1] * q[1], power[0] * q[1] + power[1] * q[0]];
        factor *= -(k as f64);
        // The term, and its cancelling parts: |q|ᵏ is what the imaginary part is taken from.
        vec![term, size, -size]
    })
}

fn assert_angle(z: [f64; 2], w: [f64; 2]) {
    // A negative zero does not survive the sum below, and decides between π and −π.
    let z = z.map(|c| c + 0.0);
    let y = (nested(0.0) * w[1] + z[1]).atan2(nested(0.0) * w[0] + z[0]);
    assert_derivatives(&format!("atan2 at {z:?} along {w:?}"), y, &angle_terms(z, w));
}

#[test]
fn atan2_matches_complex_logarithm_in_all_quadrants_and_on_the_axes() {
    for scale in [1e-200, 1e-100, 1e-8, 1.0, 1e8, 1e100, 1e200] {
        for y in [-1.0, -1e-9, 0.0, 1e-9, 0.7, 1.0] {
            for x in [-1.0, -0.4, -1e-9, 0.0, 1e-9, 1.0] {
                if (x, y) != (0.0, 0.0) {
                    // Of z's own length, and of length one: the derivative at a tiny point is huge, not NaN.
                    let near = scale * f64::hypot(x, y);
                    assert_angle([scale * x, scale * y], [0.6 * near, -0.8 * near]);
                    assert_angle([scale * x, scale * y], [0.6, -0.8]);
                }
            }
        }
    }
}

/// Along directions `s` the derivatives of `ln Σ exp(xᵢ + t sᵢ)` are the cumulants of `s` under the softmax of `x`.
fn cumulants(x: &[f64], s: &[f64]) -> Terms {
    let largest = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> = x.iter().map(|x| (x - largest).exp()).collect();
    let total: f64 = weights.iter().sum();
    let mean = weights.iter().zip(s).map(|(w, s)| w * s).sum::<f64>() / total;
    let moment = |n: i32| weights.iter().zip(s).map(|(w, s)| w * (s - mean).powi(n)).sum::<f64>() / total;
    let raw = s.iter().map(|s| s.abs()).fold(1.0, f64::max);
    // The reverse of the definition: raw moments cancel to the cumulants, so their size belongs to the magnitude.
    [
        vec![largest, total.ln()],
        vec![mean, raw, -raw],
        vec![moment(2), raw.powi(2), -raw.powi(2)],
        vec![moment(3), raw.powi(3), -raw.powi(3)],
        vec![moment(4), -3.0 * moment(2) * moment(2), raw.powi(4), -raw.powi(4)],
    ]
}

#[test]
fn log_sum_exp_derivatives_are_cumulants_for_equal_and_very_different_terms() {
    let minus_infinity = f64::NEG_INFINITY;
    let cases: &[&[f64]] = &[
        &[0.3],
        &[1.0, 1.0, 1.0],
        &[0.0, 1e-12, -1e-12],
        &[700.0, -700.0, 650.0],
        &[1e5, 1e5 + 1.0],
        &[-1e5, -1e5 - 2.0, -1e5 - 800.0],
        &[minus_infinity, 0.5, 0.25],
        &[0.5, minus_infinity, minus_infinity],
    ];
    let directions = [0.7, -1.3, 0.4];
    for &x in cases {
        let s = &directions[..x.len()];
        let seeded: Vec<Nested> = x.iter().zip(s).map(|(&x, &s)| nested(0.0) * s + x).collect();
        assert_derivatives(&format!("log_sum_exp of {x:?}"), log_sum_exp(&seeded), &cumulants(x, s));
    }
}

#[test]
fn log_sum_exp_of_nothing_is_minus_infinity_and_nan_is_kept() {
    assert_eq!(log_sum_exp::<f64>(&[]), f64::NEG_INFINITY);
    assert_eq!(log_sum_exp(&[f64::NEG_INFINITY, f64::NEG_INFINITY]), f64::NEG_INFINITY);
    assert!(log_sum_exp(&[0.0, f64::NAN]).is_nan() && log_sum_exp(&[f64::NAN, 0.0]).is_nan());
}

/// Numbers near the places where formulas break: zero, one, the ends of saturation, subnormal sizes.
fn treacherous() -> impl Strategy<Value = f64> {
    let sign = prop_oneof![Just(1.0), Just(-1.0)];
    let size = prop_oneof![
        Just(0.0),
        (-300.0..2.0).prop_map(|e: f64| 10f64.powf(e)),
        (-16.0..0.0).prop_map(|e: f64| 1.0 + 10f64.powf(e)),
        0.0..5.0,
        30.0..45.0,
        650.0..705.0,
    ];
    (sign, size).prop_map(|(sign, size)| sign * size)
}

proptest! {
    #![proptest_config(ProptestConfig::with_failure_persistence(FileFailurePersistence::WithSource("regressions")))]

    #[test]
    fn smooth_functions_match_closed_forms_at_treacherous_points(x in treacherous()) {
        for row in TABLE.iter().filter(|row| row.tame.len() == EVERYWHERE.len()) {
            assert_derivatives(&format!("{} at {x:e}", row.name), (row.function)(nested(x)), &(row.terms)(x));
        }
    }

    #[test]
    fn atan2_matches_complex_logarithm_at_treacherous_points(
        z in [treacherous(), treacherous()], w in [-2.0..2.0, -2.0..2.0],
    ) {
        prop_assume!(z[0].abs().max(z[1].abs()) > 1e-290);
        assert_angle(z, w);
    }
}
