//! Each function at random numbers and over random intervals: its enclosure contains the reference, and is narrow.

use std::sync::atomic::{AtomicUsize, Ordering};

use astro_float_num::{BigFloat, Consts, RoundingMode};
use ircpm_ad::interval::Interval;
use ircpm_ad::{Real, Scalar};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

/// Bits of a reference. The functions that lose some to cancellation take twice as many.
const BITS: usize = 192;
const MORE: usize = 384;
const NEAREST: RoundingMode = RoundingMode::ToEven;

type Reference = fn(&BigFloat, &mut Consts) -> BigFloat;

/// A function, its reference, the numbers it is tried at, and how many units in the last place it may be wide at one.
struct Row(&'static str, fn(Interval) -> Interval, Reference, [f64; 2], f64);

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

const ROWS: [Row; 27] = [
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
    Row("tanh", |x| x.tanh(), |x, c| x.tanh(MORE, NEAREST, c), [-30.0, 30.0], 16.0),
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
const HALF_LINES: [Row; 2] = [
    Row("acosh", |x| x.acosh(), |x, c| x.acosh(MORE, NEAREST, c), [1.0, 1e12], 40.0),
    Row("atanh", |x| x.atanh(), |x, c| x.atanh(MORE, NEAREST, c), [-0.9999, 0.9999], 40.0),
];

/// A number of the range: uniform, or uniform in its logarithm, or with few bits.
fn number(rng: &mut Pcg64, [low, high]: [f64; 2]) -> f64 {
    loop {
        let size = 2_f64.powf(rng.random_range(-60.0..high.abs().max(low.abs()).log2() + 1e-9));
        let sign = if rng.random_range(0.0..1.0) < 0.5 { 1.0 } else { -1.0 };
        let x = match rng.random_range(0..4) {
            0 | 1 => rng.random_range(low..=high),
            2 => sign * size,
            _ => (rng.random_range(low.max(-1e6)..=high.min(1e6)) * 8.0).round() / 8.0,
        };
        if (low..=high).contains(&x) {
            return x;
        }
    }
}

fn ulp(x: f64) -> f64 {
    x.abs().next_up() - x.abs()
}

/// Whether the interval contains the reference.
fn contains(y: Interval, exact: &BigFloat) -> bool {
    let end = |x: f64| BigFloat::from_f64(x, 64);
    !exact.is_nan() && end(y.lo()) <= *exact && *exact <= end(y.hi())
}

fn assert_contains(what: &str, x: f64, y: Interval, exact: &BigFloat) {
    assert!(contains(y, exact), "{what} at {x:e}: {y:?} does not contain {exact}");
}

/// Tries a function at `n` numbers, and over as many intervals around others. Returns the largest width in ulps.
fn try_row(row: &Row, n: usize, seed: u64) -> f64 {
    let Row(name, enclose, reference, range, ulps) = row;
    let (mut rng, mut constants, mut widest) = (Pcg64::seed_from_u64(seed), Consts::new().unwrap(), 0.0_f64);
    for i in 0..n {
        let x = number(&mut rng, *range);
        let exact = reference(&BigFloat::from_f64(x, BITS), &mut constants);
        let y = enclose(Interval::point(x));
        assert_contains(name, x, y, &exact);
        let width = (y.hi() - y.lo()) / ulp(y.magnitude());
        assert!(width <= *ulps, "{name} at {x:e} is {width} ulps wide");
        widest = widest.max(width);
        // An interval that contains x, wide or narrow: the enclosure of the value at x must stay within its image.
        let other = if i % 2 == 0 { number(&mut rng, *range) } else { x * (1.0 + 1e-10) };
        if other >= range[0] && other <= range[1] {
            let wide = enclose(Interval::new(x.min(other), x.max(other)));
            assert!(wide.is_undefined() || contains(wide, &exact), "{name} over {x:e} … {other:e}: {wide:?}");
            assert!(*name == "tan" || !wide.is_undefined(), "{name} over {x:e} … {other:e} is undefined");
            let inner = x + rng.random_range(0.0..1.0) * (other - x);
            let inner = inner.clamp(x.min(other), x.max(other));
            let exact = reference(&BigFloat::from_f64(inner, BITS), &mut constants);
            assert!(
                wide.is_undefined() || contains(wide, &exact),
                "{name} at {inner:e} in {x:e} … {other:e}"
            );
        }
    }
    widest
}

/// Tries the four operations at `n` pairs of numbers, each between points and between intervals that contain them.
fn try_operations(n: usize, seed: u64) {
    let mut rng = Pcg64::seed_from_u64(seed);
    let big = |x: f64| BigFloat::from_f64(x, BITS);
    for _ in 0..n {
        let [a, b] = [0; 2].map(|_| number(&mut rng, [-1e150, 1e150]));
        let [da, db] = [a, b].map(|x| x.abs() * 2_f64.powf(rng.random_range(-50.0..1.0)));
        let wide = [Interval::new(a - da, a), Interval::new(b, b + db)];
        for [x, y] in [[Interval::point(a), Interval::point(b)], wide] {
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
            if !(x.contains(0.0) && y.contains(0.0)) {
                let exact = a.atan2(b);
                let angle = x.atan2(y);
                // The library's arc tangent errs by less than an ulp.
                assert!(
                    angle.lo() <= exact.next_up() && angle.hi() >= exact.next_down(),
                    "atan2 {a:e} {b:e}: {angle:?}"
                );
            }
        }
    }
}

/// All functions at `3 n` inputs each: a number, an interval around one, and a number within that.
fn try_all(n: usize) {
    let rows: Vec<&Row> = ROWS.iter().chain(&HALF_LINES).collect();
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(&row) = rows.get(next.fetch_add(1, Ordering::Relaxed)) {
            println!("{:10} {:5.1} ulps wide at most", row.0, try_row(row, n, n as u64));
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| try_operations(n, 77));
        (0..std::thread::available_parallelism().map_or(1, usize::from))
            .for_each(|_| drop(scope.spawn(work)));
    });
}

#[test]
fn enclosures_contain_references_at_a_million_inputs() {
    try_all(12_000);
}

#[test]
#[ignore = "an hour: the same at 10⁸ inputs"]
fn enclosures_contain_references_at_a_hundred_million_inputs() {
    try_all(1_200_000);
}
