//! Numbers at the ends of the range: quotients, infinite slopes beside zero tangents, infinities in sums of
//! exponentials.

use std::f64::consts::FRAC_1_SQRT_2;

use ircpm_ad::{Dual, Guarded, Isa, Jet, Kernel, Lap, Real, Scalar, log_sum_exp};

const INF: f64 = f64::INFINITY;

type Pair = Dual<f64, 2>;
type Nested = Dual<Dual<f64, 2>, 2>;

fn pair(a: f64, b: f64) -> [Pair; 2] {
    [Dual::variable(a, 0), Dual::variable(b, 1)]
}

fn jets(a: f64, b: f64) -> [Jet<f64, 2>; 2] {
    [Jet::variable(a, 0), Jet::variable(b, 1)]
}

fn laps(a: f64, b: f64) -> [Lap<f64, 2>; 2] {
    [Lap::seeded(a, [1.0, 0.0]), Lap::seeded(b, [0.0, 1.0])]
}

fn nested(a: f64, b: f64) -> [Nested; 2] {
    [Dual::variable(Dual::variable(a, 0), 0), Dual::variable(Dual::variable(b, 1), 1)]
}

/// Gradients of `f` by every type, one after the other.
fn gradients(f: impl Two, a: f64, b: f64) -> [[f64; 2]; 4] {
    let n = f.eval(nested(a, b));
    [f.eval(pair(a, b)).eps, f.eval(jets(a, b)).grad, f.eval(laps(a, b)).grad, [n.eps[0].re, n.eps[1].re]]
}

/// As `gradients`, by guarded types.
fn guarded_gradients(f: impl Two, a: f64, b: f64) -> [[f64; 2]; 4] {
    let n = guarded_nested(f, a, b);
    [
        f.eval(pair(a, b).map(Guarded)).0.eps,
        f.eval(jets(a, b).map(Guarded)).0.grad,
        f.eval(laps(a, b).map(Guarded)).0.grad,
        [n.eps[0].0.re, n.eps[1].0.re],
    ]
}

/// Value, gradient and Hessian by nested guarded duals.
fn guarded_nested(f: impl Two, a: f64, b: f64) -> Dual<Guarded<Pair>, 2> {
    let x = |x, i| Guarded(Dual::variable(Guarded(Dual::variable(x, i)), i));
    f.eval([x(a, 0), x(b, 1)]).0
}

/// A function of two variables.
trait Two: Copy {
    fn eval<S: Scalar>(self, x: [S; 2]) -> S;
}

macro_rules! two {
    ($($name:ident: |$x:ident, $y:ident| $value:expr;)*) => {$(
        #[derive(Clone, Copy)]
        struct $name;
        impl Two for $name {
            fn eval<S: Scalar>(self, [$x, $y]: [S; 2]) -> S {
                $value
            }
        }
    )*};
}

two! {
    Quotient: |x, y| x / y;
    Decay: |x, y| x * (-y).exp();
    LogOfSecond: |x, y| (x * 0.0 + y).ln();
    RootOfConstant: |x, y| x + y + S::constant(0.0).sqrt();
    RootOfSecond: |x, y| (x * 0.0 + y).sqrt();
    InverseOfSecond: |x, y| (x * 0.0 + y).recip();
    PowerOfSecond: |x, y| (x * 0.0 + y).powi(-2);
    CoshOfSecond: |x, y| (x * 0.0 + y).cosh();
    SinhOfSecond: |x, y| (x * 0.0 + y).sinh();
    Ln1pOfSecond: |x, y| (x * 0.0 + y).ln_1p();
    Sum: |x, y| log_sum_exp(&[x, y]);
    Hypot: |x, y| x.hypot(y);
}

fn close(found: f64, expected: f64) -> bool {
    found == expected || (found - expected).abs() <= 1e-15 * expected.abs()
}

#[test]
fn quotients_stay_in_range_with_their_derivatives() {
    let cases = [
        (1e300, 1e300, [1e-300, -1e-300]),
        (1e-160, 1e-160, [1e160, -1e160]),
        (-1e-160, 1e-160, [1e160, 1e160]),
        (1e-300, 1e-300, [1e300, -1e300]),
        (1e150, 1e-150, [1e150, -INF]),
        (3.0, 2.0, [0.5, -0.75]),
        (0.0, 1e-160, [1e160, 0.0]),
    ];
    for (a, b, expected) in cases {
        for found in gradients(Quotient, a, b) {
            assert!(close(found[0], expected[0]) && close(found[1], expected[1]), "{a:e} / {b:e}: {found:?}");
        }
        assert_eq!(Quotient.eval(pair(a, b)).re, a / b);
    }
}

#[test]
fn hessian_of_a_quotient_stays_in_range() {
    let (jet, n, lap) = (
        Quotient.eval(jets(1e-150, 1e-150)),
        Quotient.eval(nested(1e-150, 1e-150)),
        Quotient.eval(laps(1e-150, 1e-150)),
    );
    for h in [jet.hess, n.eps.map(|e| e.eps)] {
        assert!(close(h[0][1], -1e300) && close(h[1][0], -1e300) && close(h[1][1], 2e300), "{h:?}");
        assert_eq!(h[0][0], 0.0);
    }
    assert!(close(lap.lap, 2e300), "{lap:?}");
}

#[test]
fn guarded_quotient_by_a_subnormal_number_of_its_own_size_is_finite() {
    let tiny = 1e-310;
    let y =
        Guarded(Dual::<f64, 2>::new(3.0 * tiny, [2.0 * tiny, 0.0])) / Guarded(Dual::new(tiny, [tiny, 0.0]));
    assert!((y.0.re - 3.0).abs() < 1e-10 && (y.0.eps[0] + 1.0).abs() < 1e-10 && y.0.eps[1] == 0.0, "{y:?}");
}

#[test]
fn value_of_a_quotient_is_the_quotient_of_the_values() {
    for a in 1..200 {
        for b in 1..200 {
            let (a, b) = (f64::from(a), f64::from(b));
            assert_eq!(Quotient.eval(pair(a, b)).re, a / b);
            assert_eq!(Quotient.eval(jets(a, b)).re, a / b);
            assert_eq!(Quotient.eval(laps(a, b)).re, a / b);
            assert_eq!(Quotient.eval(nested(a, b)).re.re, a / b);
        }
    }
}

#[test]
fn guarded_quotient_by_zero_has_infinite_derivatives_and_no_nan() {
    for found in guarded_gradients(Quotient, 1.0, 0.0) {
        assert_eq!(found, [INF, -INF]);
    }
    assert_eq!(Guarded(Pair::fixed(1.0)) / Guarded(Pair::fixed(0.0)), Guarded(Pair::fixed(INF)));
    assert!((Guarded(Pair::fixed(0.0)) / Guarded(Pair::fixed(0.0))).0.re.is_nan());
}

#[test]
fn guarded_products_keep_zero_tangents_beside_infinite_values() {
    for found in guarded_gradients(Decay, 1.0, -1000.0) {
        assert_eq!(found, [INF, -INF]);
    }
    let x = jets(1.0, -1000.0).map(Guarded);
    assert_eq!(Decay.eval(x).0.hess, [[0.0, -INF], [-INF, INF]]);
    assert_eq!(guarded_nested(Decay, 1.0, -1000.0).eps.map(|e| e.0.eps), [[0.0, -INF], [-INF, INF]]);
}

#[test]
fn guarded_numbers_have_the_bits_of_plain_ones_where_these_are_finite() {
    for (a, b) in [(0.3, 0.7), (-2.0, 1e-3), (1e200, 1e-3), (5.0, -40.0)] {
        for (f, g) in gradients(Quotient, a, b).iter().zip(guarded_gradients(Quotient, a, b)) {
            assert_eq!(*f, g);
        }
        for (f, g) in gradients(Decay, a, b).iter().zip(guarded_gradients(Decay, a, b)) {
            assert_eq!(*f, g);
        }
    }
}

#[test]
fn tangent_of_zero_stays_zero_beside_an_infinite_slope() {
    fn check(name: &str, f: impl Two, a: f64, b: f64, expected: [f64; 2]) {
        for found in gradients(f, a, b) {
            assert_eq!(found, expected, "{name}");
        }
    }
    check("ln y", LogOfSecond, 1.0, 0.0, [0.0, INF]);
    check("√0 of a constant", RootOfConstant, 1.0, 2.0, [1.0, 1.0]);
    check("√y", RootOfSecond, 1.0, 0.0, [0.0, INF]);
    check("1/y", InverseOfSecond, 1.0, 0.0, [0.0, -INF]);
    check("y⁻²", PowerOfSecond, 1.0, 0.0, [0.0, -INF]);
    check("cosh y", CoshOfSecond, 1.0, 800.0, [0.0, INF]);
    check("sinh y", SinhOfSecond, 1.0, 800.0, [0.0, INF]);
    check("ln(1 + y)", Ln1pOfSecond, 1.0, -1.0, [0.0, INF]);
}

#[test]
fn second_derivatives_beside_an_infinite_slope_are_infinite_or_zero() {
    let hessians = |f: fn([Jet<f64, 2>; 2]) -> Jet<f64, 2>, g: fn([Nested; 2]) -> Nested, a, b| {
        [f(jets(a, b)).hess, g(nested(a, b)).eps.map(|e| e.eps)]
    };
    for h in hessians(|x| LogOfSecond.eval(x), |x| LogOfSecond.eval(x), 1.0, 0.0) {
        assert_eq!(h, [[0.0, 0.0], [0.0, -INF]]);
    }
    for h in hessians(|x| RootOfConstant.eval(x), |x| RootOfConstant.eval(x), 1.0, 2.0) {
        assert_eq!(h, [[0.0; 2]; 2]);
    }
    assert_eq!(LogOfSecond.eval(laps(1.0, 0.0)).lap, -INF);
}

#[test]
fn zero_slope_beside_an_infinite_tangent_is_not_zero() {
    // x = (√x)² has slope 1 at 0; 0 · ∞ must not pass for an answer.
    let x: Dual<f64, 1> = Dual::variable(0.0, 0);
    assert!(x.sqrt().powi(2).eps[0].is_nan() && (x.sqrt() * x.sqrt()).eps[0].is_nan());
}

#[test]
fn nan_is_kept_by_slopes_and_tangents() {
    assert!(Dual::<f64, 1>::fixed(f64::NAN).ln().re.is_nan());
    assert!(Dual::<f64, 1>::new(0.0, [f64::NAN]).ln().eps[0].is_nan());
    let nan = Guarded(Dual::<f64, 1>::new(INF, [f64::NAN])) * Guarded(Dual::variable(2.0, 0));
    assert!(nan.0.re == INF && nan.0.eps[0].is_nan());
}

#[test]
fn log_sum_exp_knows_infinities_and_its_gradient_is_the_softmax() {
    let cases = [
        (INF, 0.0, INF, [1.0, 0.0]),
        (0.0, INF, INF, [0.0, 1.0]),
        (INF, INF, INF, [0.5, 0.5]),
        (INF, -INF, INF, [1.0, 0.0]),
        (-INF, -INF, -INF, [0.0, 0.0]),
        (-INF, 3.0, 3.0, [0.0, 1.0]),
        (1e308, -1e308, 1e308, [1.0, 0.0]),
    ];
    for (a, b, value, gradient) in cases {
        assert_eq!(log_sum_exp(&[a, b]), value);
        for found in gradients(Sum, a, b) {
            assert_eq!(found, gradient, "({a}, {b})");
        }
        assert_eq!(Sum.eval(jets(a, b)).hess, [[0.0; 2]; 2]);
    }
    for x in [[INF, f64::NAN], [f64::NAN, INF], [-INF, f64::NAN]] {
        assert!(log_sum_exp(&x).is_nan(), "{x:?}");
    }
}

/// The value and the gradient of `ln(eˣ + eʸ)` in lanes.
struct InPacks;

impl Kernel for InPacks {
    type Output = Vec<[f64; 3]>;

    fn run<R: Real>(self) -> Vec<[f64; 3]> {
        let x = R::from_fn(|i| [INF, 0.0, -INF, INF, 1.0][i % 5]);
        let y = R::from_fn(|i| [0.0, 0.0, -INF, INF, f64::NAN][i % 5]);
        let sum = log_sum_exp(&[Dual::<R, 2>::variable(x, 0), Dual::variable(y, 1)]);
        (0..R::LANES).map(|i| [sum.re.lane(i), sum.eps[0].lane(i), sum.eps[1].lane(i)]).collect()
    }
}

#[test]
fn log_sum_exp_knows_infinities_lane_by_lane() {
    for isa in Isa::available() {
        let expected = [[INF, 1.0, 0.0], [2f64.ln(), 0.5, 0.5], [-INF, 0.0, 0.0], [INF, 0.5, 0.5]];
        for (i, found) in isa.dispatch(InPacks).into_iter().enumerate() {
            match expected.get(i % 5) {
                Some(expected) => {
                    assert!(
                        (0..3).all(|k| close(found[k], expected[k])),
                        "lane {i} on {}: {found:?}",
                        isa.name()
                    );
                }
                None => assert!(found[0].is_nan(), "lane {i} on {}", isa.name()),
            }
        }
    }
}

#[test]
fn angle_of_a_tiny_point_has_infinite_second_derivatives_of_the_right_sign() {
    for scale in [1e-200, 1e-160] {
        type Twice = Dual<Dual<f64, 1>, 1>;
        let variable = |x| Twice::variable(Dual::variable(x, 0), 0);
        let along_y = variable(scale).atan2(Twice::constant(scale));
        let along_x = Twice::constant(scale).atan2(variable(scale));
        assert!(close(along_y.eps[0].re, 0.5 / scale) && close(along_x.eps[0].re, -0.5 / scale));
        assert_eq!((along_y.eps[0].eps[0], along_x.eps[0].eps[0]), (-INF, INF));
    }
}

#[test]
fn hypot_neither_overflows_nor_underflows() {
    for scale in [1e-320, 1e-310, 1e-300, 1e-160, 1.0, 1e160, 1e300] {
        let found = Scalar::hypot(3.0 * scale, 4.0 * scale);
        // Subnormal arguments carry fewer digits.
        assert!((found / (5.0 * scale) - 1.0).abs() < if scale < 1e-308 { 1e-3 } else { 1e-15 }, "{found:e}");
    }
    for (a, b) in [(1e-200, 1e-200), (1e200, -1e200), (1e300, 1e300), (1.0, 1.0)] {
        for found in gradients(Hypot, a, b) {
            assert!(
                close(found[0], FRAC_1_SQRT_2) && close(found[1], b.signum() * FRAC_1_SQRT_2),
                "{found:?}"
            );
        }
    }
    let jet = Hypot.eval(jets(3e-100, 4e-100));
    for (h, expected) in jet.hess.as_flattened().iter().zip([16.0, -12.0, -12.0, 9.0]) {
        assert!((h - expected / 125.0 * 1e100).abs() < 1e-15 * 1e100, "{jet:?}");
    }
    assert_eq!(Hypot.eval(pair(0.0, 0.0)), Dual::new(0.0, [0.0, 0.0]));
    assert_eq!((Hypot.eval([INF, 1.0]), Hypot.eval([-2.0, -INF])), (INF, INF));
    assert!(Hypot.eval([f64::NAN, 1.0]).is_nan() && Hypot.eval([1.0, f64::NAN]).is_nan());
}

#[test]
fn power_with_the_least_integer_has_its_derivative() {
    let x = 1.0 + 1e-10;
    let y: Dual<Dual<f64, 1>, 1> = Dual::variable(Dual::variable(x, 0), 0).powi(i32::MIN);
    let n = f64::from(i32::MIN);
    let expected = x.powi(i32::MIN);
    for (found, factor) in [(y.re.re, 1.0), (y.eps[0].re, n / x), (y.eps[0].eps[0], n * (n - 1.0) / x / x)] {
        assert!((found / (factor * expected) - 1.0).abs() < 1e-6, "{found:e}");
    }
}

/// The gradients of `x e^{−y}` and `x/y` by guarded duals, with infinite values in some lanes.
struct GuardedInPacks;

impl Kernel for GuardedInPacks {
    type Output = Vec<[f64; 4]>;

    fn run<R: Real>(self) -> Vec<[f64; 4]> {
        let pair = |x: R, y: R| [Guarded(Dual::<R, 2>::variable(x, 0)), Guarded(Dual::variable(y, 1))];
        let decay =
            Decay.eval(pair(R::constant(1.0), R::from_fn(|i| if i % 2 == 0 { -1000.0 } else { 0.0 }))).0;
        let quotient =
            Quotient.eval(pair(R::constant(1.0), R::from_fn(|i| if i % 2 == 0 { 0.0 } else { 2.0 }))).0;
        let numbers = [decay.eps[0], decay.eps[1], quotient.eps[0], quotient.eps[1]];
        (0..R::LANES).map(|i| numbers.map(|x| x.lane(i))).collect()
    }
}

#[test]
fn guarded_numbers_in_lanes_are_infinite_where_single_ones_are() {
    for isa in Isa::available() {
        for (i, found) in isa.dispatch(GuardedInPacks).into_iter().enumerate() {
            let expected = if i % 2 == 0 { [INF, -INF, INF, -INF] } else { [1.0, -1.0, 0.5, -0.25] };
            assert_eq!(found, expected, "lane {i} on {}", isa.name());
        }
    }
}
