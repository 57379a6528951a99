//! What is undefined, what is exact, and what branches give.

use ircpm_ad::elementary::logistic::{Logistic, decay};
use ircpm_ad::elementary::{smooth, transcendental};
use ircpm_ad::interval::Interval;
use ircpm_ad::linear::{Matrix, apply};
use ircpm_ad::{Dual, Real, Scalar};

fn interval(lo: f64, hi: f64) -> Interval {
    Interval::new(lo, hi)
}

#[test]
fn half_of_a_number_that_underflows_is_enclosed() {
    // The exact half lies between the largest subnormal number and the least normal one, to which it is rounded.
    let half = Interval::point((2.0 * f64::MIN_POSITIVE).next_down()) * 0.5;
    assert!(half.lo() < f64::MIN_POSITIVE && half.hi() >= f64::MIN_POSITIVE, "{half:?}");
}

#[test]
fn operations_outside_their_domain_are_undefined() {
    let around_zero = interval(-1.0, 1.0);
    let undefined = [
        around_zero.sqrt(),
        around_zero.recip(),
        around_zero.ln(),
        around_zero.powi(-2),
        around_zero.powf(0.5),
        interval(1.0, 2.0) / around_zero,
        interval(0.0, 1.0).ln(),
        interval(-1.0, 0.0).ln_1p(),
        interval(0.5, 1.5).asin(),
        interval(0.5, 1.5).acos(),
        interval(0.5, 1.5).acosh(),
        interval(0.5, 1.0).atanh(),
        interval(1.0, 2.0).tan(),
        around_zero.atan2(around_zero),
        interval(1.0, 0.0),
        Interval::point(f64::NAN),
        Interval::constant(f64::NAN),
    ];
    for (i, y) in undefined.into_iter().enumerate() {
        assert!(y.is_undefined() && y.hi().is_nan(), "{i}: {y:?}");
    }
}

#[test]
fn nothing_defined_comes_of_an_undefined_number() {
    let (u, x) = (Interval::UNDEFINED, interval(0.0, 0.0));
    let results = [
        u + x,
        x - u,
        u * x,
        x * u,
        u / interval(1.0, 2.0),
        x / u,
        -u,
        u.abs(),
        u.max(x),
        x.max(u),
        u.min(x),
        x.min(u),
        u.hull(x),
        x.hull(u),
        u.intersection(x),
        u.square(),
        u * 2.0,
        u / 2.0,
        u + 1.0,
        Interval::select_gt(u, x, x, x),
        Interval::select_gt(x, u, x, x),
        u.times_tangent(x),
        x.tangent_product(u),
        u.exp(),
        u.exp_m1(),
        u.exp2(),
        u.ln(),
        u.ln_1p(),
        u.sin(),
        u.cos(),
        u.tan(),
        u.atan(),
        u.asin(),
        u.acos(),
        u.sinh(),
        u.cosh(),
        u.tanh(),
        u.asinh(),
        u.acosh(),
        u.atanh(),
        u.softplus(),
        u.sigmoid(),
        u.powi(0),
        u.powi(3),
        u.powf(1.5),
        u.sqrt(),
        u.cbrt(),
        u.recip(),
        u.hypot(x),
        u.atan2(interval(1.0, 2.0)),
        u.pow(x),
        smooth::cos_sqrt(u),
        smooth::sinc_sqrt(u),
        u.mul_add(x, x),
        x.mul_add(x, u),
    ];
    for (i, y) in results.into_iter().enumerate() {
        assert!(y.is_undefined() && y.hi().is_nan(), "{i}: {y:?}");
    }
    assert!(!u.is_finite() && !u.contains(0.0));
}

#[test]
fn what_asks_for_a_number_is_undefined() {
    let x = interval(1.0, 1.0);
    assert!(x.lane(0).is_nan() && x.sum().is_nan());
    assert!(x.map(|x| x).is_undefined() && Interval::from_fn(|_| 1.0).is_undefined());
    assert!(x.exponent_from_low_bits().is_undefined());
    // Rounding by a large number would enclose the number itself, so that number is NaN.
    let round = Interval::PRECISION.round;
    assert!(((x + round) - round).is_undefined());
    for y in [x.erf(), x.erfc(), x.log_gamma(), x.digamma(), x.bessel_i0e(), x.bessel_i1e()] {
        assert!(y.is_undefined(), "{y:?}");
    }
    let mut out = [0.0];
    x.store(&mut out);
    assert!(out[0].is_nan());
}

#[test]
fn formulas_over_reals_enclose_intervals_too() {
    let x = interval(-0.5, 0.25);
    assert_eq!(transcendental::exp(x), x.exp());
    assert_eq!(transcendental::sin_cos(x), (x.sin(), x.cos()));
    assert_eq!(decay(x), (-x.abs()).exp());
    let at = Logistic::at(x);
    assert_eq!(
        (at.softplus, at.sigmoid.value, at.sigmoid.reflected),
        (x.softplus(), x.sigmoid(), (-x).sigmoid())
    );
    let mut y = [Interval::ZERO];
    apply(Matrix::new(&[2.0, -1.0], 1, 2), &[x, x], &mut y, 1);
    assert!(y[0].contains(2.0 * -0.5 - 0.25) && y[0].contains(2.0 * 0.25 + 0.5) && y[0].radius() < 1.2);
}

#[test]
fn exact_results_are_exact() {
    let (a, b) = (Interval::point(3.0), Interval::point(0.5));
    assert_eq!((a + b, a - b), (Interval::point(3.5), Interval::point(2.5)));
    assert_eq!(
        (a * 0.5, a / 4.0, a * Interval::ZERO),
        (Interval::point(1.5), Interval::point(0.75), Interval::ZERO)
    );
    assert_eq!(Interval::point(9.0).sqrt(), a);
    assert_eq!((Interval::ZERO.sin(), Interval::ZERO.cos()), (Interval::ZERO, Interval::ONE));
    assert_eq!(
        (Interval::ZERO.exp_m1(), Interval::ZERO.sqrt(), Interval::ONE.ln()),
        (Interval::ZERO, Interval::ZERO, Interval::ZERO)
    );
}

#[test]
fn ends_that_overflow_or_underflow_stay_bounds() {
    let huge = Interval::point(f64::MAX);
    let tiny = Interval::point(1e-200);
    assert_eq!(huge + huge, interval(f64::MAX, f64::INFINITY));
    assert_eq!(huge * huge, interval(f64::MAX, f64::INFINITY));
    assert_eq!(tiny * tiny, interval(0.0, 5e-324));
    assert_eq!(-tiny * tiny, interval(-5e-324, 0.0));
    assert_eq!(Interval::point(1000.0).exp(), interval(f64::MAX, f64::INFINITY));
    assert!(Interval::point(-1000.0).exp().contains(0.0));
    assert_eq!(Interval::ENTIRE * Interval::ZERO, Interval::ZERO);
    assert!(interval(1.0, f64::INFINITY).recip().contains(1e-308));
    assert_eq!(interval(-5.0, f64::INFINITY).sigmoid().hi(), 1.0);
    // Results among the subnormal numbers, where a factor 2^k is no longer exact.
    let y = Interval::point(-740.0).exp();
    assert!(y.lo() <= (-740.0_f64).exp() && y.hi() >= (-740.0_f64).exp() && y.radius() < 2e-323, "{y:?}");
}

#[test]
fn waves_over_wide_intervals_reach_their_extremes() {
    assert_eq!(interval(-10.0, 10.0).sin(), interval(-1.0, 1.0));
    assert_eq!(interval(1.5, 1.6).sin().hi(), 1.0);
    assert!(interval(1.5, 1.6).sin().lo() > 0.99);
    assert_eq!(interval(3.1, 3.2).cos().lo(), -1.0);
    assert_eq!(interval(6.2, 6.4).cos().hi(), 1.0);
    assert!(interval(0.1, 1.0).cos().hi() < 1.0);
    assert_eq!(Interval::point(1e30).sin(), interval(-1.0, 1.0));
    assert_eq!(Interval::ENTIRE.cos(), interval(-1.0, 1.0));
}

#[test]
fn even_powers_know_that_both_factors_are_one_number() {
    assert_eq!(interval(-2.0, 1.0).square().lo(), 0.0);
    assert_eq!(interval(-2.0, 1.0).powi(4).lo(), 0.0);
    assert!((interval(-2.0, 1.0) * interval(-2.0, 1.0)).lo() < -1.9);
    assert_eq!(interval(-2.0, 1.0).abs(), interval(0.0, 2.0));
    assert_eq!(interval(-2.0, 1.0).cosh().lo(), 1.0);
}

#[test]
fn selections_give_the_hull_where_both_branches_may_be_taken() {
    let [a, b] = [interval(1.0, 2.0), interval(5.0, 6.0)];
    assert_eq!(Interval::select_gt(interval(2.0, 3.0), interval(0.0, 1.0), a, b), a);
    assert_eq!(Interval::select_gt(interval(0.0, 1.0), interval(1.0, 3.0), a, b), b);
    assert_eq!(Interval::select_gt(interval(0.0, 1.5), interval(1.0, 3.0), a, b), interval(1.0, 6.0));
    // The absolute value by a selection: its derivative is enclosed on both sides of the kink, and at it by the hull.
    let x = Dual::<Interval, 1>::variable(interval(-1.0, 1.0), 0);
    let y = Dual::select_gt(x.re, Interval::ZERO, x, -x);
    assert_eq!((y.re, y.eps[0]), (interval(-1.0, 1.0), interval(-1.0, 1.0)));
    assert_eq!(interval(0.0, 3.0).max(interval(1.0, 2.0)), interval(1.0, 3.0));
    assert_eq!(interval(0.0, 3.0).min(interval(1.0, 2.0)), interval(0.0, 2.0));
}

#[test]
fn middles_and_radii_cover_the_interval() {
    for x in [interval(0.1, 0.3), interval(-1e308, 1.7e308), interval(5.0, 5.0), interval(0.0, 5e-324)] {
        let (m, r) = (x.middle(), x.radius());
        let ball = Interval::point(m) + interval(-r, r);
        assert!(x.contains(m) && ball.lo() <= x.lo() && ball.hi() >= x.hi(), "{x:?}");
    }
    assert_eq!(Interval::ENTIRE.radius(), f64::INFINITY);
}
