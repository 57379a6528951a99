//! Functions and operations of intervals with references of 192 bits and more.
//!
//! The fuzz target `interval` includes this file.

use astro_float_num::{BigFloat, Consts, RoundingMode};
use ircpm_ad::interval::Interval;
use ircpm_ad::{Real, Scalar};

/// Bits of a reference. The functions that lose some to cancellation take twice as many.
pub(crate) const BITS: usize = 192;
const MORE: usize = 384;
const NEAREST: RoundingMode = RoundingMode::ToEven;

pub(crate) type Reference = fn(&BigFloat, &mut Consts) -> BigFloat;

/// A function, its reference, the numbers it is tried at, and how many units in the last place it may be wide at one.
pub(crate) struct Row(
    pub(crate) &'static str,
    pub(crate) fn(Interval) -> Interval,
    pub(crate) Reference,
    pub(crate) [f64; 2],
    pub(crate) f64,
);

/// A number, exactly. `BigFloat::from_f64` takes subnormal numbers for half of what they are.
pub(crate) fn big(x: f64) -> BigFloat {
    if x.is_subnormal() {
        let scale = 2_f64.powi(200);
        return BigFloat::from_f64(x * scale, BITS).mul(
            &BigFloat::from_f64(1.0 / scale, BITS),
            BITS,
            NEAREST,
        );
    }
    BigFloat::from_f64(x, BITS)
}

fn one() -> BigFloat {
    BigFloat::from_f64(1.0, BITS)
}

/// `e^x`, to more digits.
fn exp(x: &BigFloat, c: &mut Consts) -> BigFloat {
    x.exp(MORE, NEAREST, c)
}

/// `1 + e^x`, with all digits of a tiny exponential.
fn one_plus_exp(x: &BigFloat, c: &mut Consts) -> BigFloat {
    exp(x, c).add(&one(), MORE, NEAREST)
}

pub(crate) const ROWS: [Row; 27] = [
    Row("recip", |x| x.recip(), |x, _| x.reciprocal(BITS, NEAREST), [1e-150, 1e150], 2.0),
    Row("sqrt", |x| x.sqrt(), |x, _| x.sqrt(BITS, NEAREST), [1e-300, 1e300], 2.0),
    Row("cbrt", |x| x.cbrt(), |x, _| x.cbrt(BITS, NEAREST), [-1e300, 1e300], 8.0),
    Row("powi 2", |x| x.powi(2), |x, _| x.mul(x, BITS, NEAREST), [-1e150, 1e150], 2.0),
    Row("powi 7", |x| x.powi(7), |x, _| x.powi(7, BITS, NEAREST), [-1e30, 1e30], 20.0),
    Row(
        "powi -3",
        |x| x.powi(-3),
        |x, _| x.powi(3, MORE, NEAREST).reciprocal(BITS, NEAREST),
        [1e-30, 1e30],
        12.0,
    ),
    // Some 8 |p ln x| ulps.
    Row("powf 1.7", |x| x.powf(1.7), power, [1e-3, 1e3], 100.0),
    Row("exp", |x| x.exp(), exp, [-690.0, 700.0], 8.0),
    Row("exp_m1", |x| x.exp_m1(), |x, c| exp(x, c).sub(&one(), MORE, NEAREST), [-50.0, 700.0], 10.0),
    Row(
        "exp2",
        |x| x.exp2(),
        |x, c| BigFloat::from_f64(2.0, BITS).pow(x, BITS, NEAREST, c),
        [-1000.0, 1000.0],
        8.0,
    ),
    Row("ln", |x| x.ln(), |x, c| x.ln(BITS, NEAREST, c), [1e-300, 1e300], 8.0),
    Row("ln near 1", |x| x.ln(), |x, c| x.ln(BITS, NEAREST, c), [0.5, 1.7], 10.0),
    Row("ln_1p", |x| x.ln_1p(), |x, c| x.add(&one(), MORE, NEAREST).ln(MORE, NEAREST, c), [-0.99, 1e3], 12.0),
    Row("log2", |x| x.log2(), |x, c| x.log2(BITS, NEAREST, c), [1e-300, 1e300], 12.0),
    Row("log10", |x| x.log10(), |x, c| x.log10(BITS, NEAREST, c), [1e-300, 1e300], 12.0),
    Row("sin", |x| x.sin(), |x, c| x.sin(BITS, NEAREST, c), [-100.0, 100.0], 12.0),
    Row("cos", |x| x.cos(), |x, c| x.cos(BITS, NEAREST, c), [-100.0, 100.0], 12.0),
    Row("tan", |x| x.tan(), |x, c| x.tan(BITS, NEAREST, c), [-1.5, 1.5], 24.0),
    Row("asin", |x| x.asin(), |x, c| x.asin(BITS, NEAREST, c), [-1.0, 1.0], 24.0),
    Row("acos", |x| x.acos(), |x, c| x.acos(BITS, NEAREST, c), [-1.0, 1.0], 24.0),
    Row("atan", |x| x.atan(), |x, c| x.atan(BITS, NEAREST, c), [-1e3, 1e3], 12.0),
    Row("sinh", |x| x.sinh(), |x, c| x.sinh(MORE, NEAREST, c), [-700.0, 700.0], 16.0),
    Row("cosh", |x| x.cosh(), |x, c| x.cosh(BITS, NEAREST, c), [-700.0, 700.0], 12.0),
    Row("tanh", |x| x.tanh(), |x, c| x.tanh(MORE, NEAREST, c), [-30.0, 30.0], 18.0),
    Row("asinh", |x| x.asinh(), |x, c| x.asinh(MORE, NEAREST, c), [-1e12, 1e12], 24.0),
    Row("softplus", |x| x.softplus(), |x, c| one_plus_exp(x, c).ln(MORE, NEAREST, c), [-100.0, 100.0], 24.0),
    Row(
        "sigmoid",
        |x| x.sigmoid(),
        |x, c| one_plus_exp(&x.neg(), c).reciprocal(BITS, NEAREST),
        [-300.0, 300.0],
        12.0,
    ),
];

/// `x^1.7`, with the exponent that the expression has: the double next to 1.7.
fn power(x: &BigFloat, c: &mut Consts) -> BigFloat {
    x.pow(&BigFloat::from_f64(1.7, BITS), BITS, NEAREST, c)
}

/// Two more whose arguments have a range of their own.
pub(crate) const HALF_LINES: [Row; 2] = [
    Row("acosh", |x| x.acosh(), |x, c| x.acosh(MORE, NEAREST, c), [1.0, 1e12], 40.0),
    Row("atanh", |x| x.atanh(), |x, c| x.atanh(MORE, NEAREST, c), [-0.9999, 0.9999], 40.0),
];

/// Whether the interval contains the reference.
pub(crate) fn contains(y: Interval, exact: &BigFloat) -> bool {
    !exact.is_nan() && big(y.lo()) <= *exact && *exact <= big(y.hi())
}

/// The same, with a message.
pub(crate) fn assert_contains(what: &str, x: f64, y: Interval, exact: &BigFloat) {
    assert!(contains(y, exact), "{what} at {x:e}: {y:?} does not contain {exact}");
}

/// The four operations at two numbers, between intervals that contain them.
pub(crate) fn assert_operations([a, b]: [f64; 2], [x, y]: [Interval; 2]) {
    assert_contains("a + b", a, x + y, &big(a).add(&big(b), 2200, NEAREST));
    assert_contains("a − b", a, x - y, &big(a).sub(&big(b), 2200, NEAREST));
    assert_contains("a · b", a, x * y, &big(a).mul(&big(b), BITS, NEAREST));
    assert_contains(
        "a b + a",
        a,
        x.mul_add(y, x),
        &big(a).mul(&big(b), BITS, NEAREST).add(&big(a), 2200, NEAREST),
    );
    if !y.contains(0.0) {
        assert_contains("a / b", a, x / y, &big(a).div(&big(b), BITS, NEAREST));
    }
}
