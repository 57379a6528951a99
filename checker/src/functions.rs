//! Enclosures of the exponential, sine and cosine, and of the units of networks and their derivatives.
//!
//! Each function is enclosed at the centre of a ball by a reduction of its argument, exact in the first step, and its
//! Taylor series in ball arithmetic, with a bound of the terms that are left out. The values over the whole ball follow
//! from the derivatives at the centre and a bound of the next one everywhere.

use crate::ball::{Ball, TINY, UNIT, grown};

/// `1/n!` as a ball, for `n` up to 18: the factorial is below 2⁵³, hence exact, and the quotient is rounded once.
fn inverse_factorial(n: u32) -> Ball {
    let factorial = (1..=n).fold(1.0, |product, k| product * f64::from(k));
    let c = 1.0 / factorial;
    Ball::new(c, c * UNIT + TINY)
}

/// `Σ cᵢ xⁱ` by Horner's scheme.
fn series(x: Ball, coefficients: impl DoubleEndedIterator<Item = Ball>) -> Ball {
    coefficients.rev().fold(Ball::ZERO, |sum, c| sum * x + c)
}

/// The first 40 bits of ln 2.
const LN_2_HIGH: f64 = f64::from_bits(0x3fe6_2e42_fefa_2000);
/// The rest, within 2e-31.
const LN_2_LOW: Ball = Ball::new(f64::from_bits(0x3d69_ef35_793c_7673), 2e-31);

/// `e^x` at one number.
///
/// With `n` next to `x/ln 2`, `r = x − n ln 2` lies within ±0.3468. The product of `n`, of at most 11 bits, with the
/// first 40 bits is exact. If `n ≠ 0`, then `|x| > 1/4`, so that `x` is a multiple of 2⁻⁵⁴, as the product is, and the
/// difference, below 1/2 in absolute value, is exact as well. The terms of the series from `r¹⁴/14!` on are below
/// `0.3468¹⁴/14! · 1.03 = 4.3e-18`.
fn exp_at(x: f64) -> Ball {
    if !(x <= 700.0 && x.is_finite()) {
        return Ball::ALL;
    }
    if x < -700.0 {
        // e⁻⁷⁰⁰ is 9.86e-305.
        return Ball::new(0.0, 1e-304);
    }
    let n = (x * std::f64::consts::LOG2_E).round();
    let r = Ball::exact(x - n * LN_2_HIGH) + -(LN_2_LOW * n);
    let y = series(r, (0..14).map(inverse_factorial)).widened(4.4e-18);
    y.times_power_of_two(f64::from_bits(((n + 1023.0) as u64) << 52))
}

/// `e^x`, with `|e^{c + δ} − e^c| ≤ e^c (e^{|δ|} − 1)`.
pub(crate) fn exp(x: Ball) -> Ball {
    let (at, r) = (exp_at(x.centre()), x.radius());
    if r == 0.0 {
        return at;
    }
    // For δ ≤ 1/8 the terms after δ + δ²/2 are below δ³/5.
    let growth = if r <= 0.125 {
        let r = Ball::exact(r);
        r + r * r * 0.5 + r * r * r * 0.2
    } else {
        exp_at(r) + -1.0
    };
    at.widened((at * growth).magnitude())
}

/// `ln(1 + t)` for numbers between 0 and 1: `2 artanh z` with `z = t/(2 + t) ≤ 1/3`.
///
/// The terms of `z + z³/3 + …` from `z³⁵/35` on are below `3⁻³⁵/35 · 9/8 = 6.5e-19`, also if `z` exceeds 1/3 by rounding.
fn ln_1p(t: Ball) -> Ball {
    let z = t * (t + 2.0).recip();
    let coefficient = |k: u32| Ball::exact(f64::from(2 * k + 1)).recip();
    let tail = series(z * z, (0..17).map(coefficient)).widened(7e-19);
    z * tail * 2.0
}

/// The first 32 bits of π/2, the next 32, and the rest within 1.1e-37.
const HALF_PI: [f64; 2] = [f64::from_bits(0x3ff9_21fb_5440_0000), f64::from_bits(0x3dd0_b461_1a60_0000)];
const HALF_PI_REST: Ball = Ball::new(f64::from_bits(0x3ba3_198a_2e03_7073), 1.1e-37);

/// Sine and cosine of one number.
///
/// With `n` next to `2x/π`, of at most 20 bits, `r = x − n π/2` lies within ±0.7855. The products of `n` with parts of
/// 32 bits are exact. If `n ≠ 0`, then `|x| > 1/2`, so that `x` is a multiple of 2⁻⁵³, as the first product is, and the
/// difference, below 1 in absolute value, is exact as well. The terms of the series from `r¹⁹/19!` and `r²⁰/20!` on are
/// below 9e-20.
fn sin_cos_at(x: f64) -> (Ball, Ball) {
    if !(x.abs() <= 1e6) {
        return (Ball::new(0.0, 1.0), Ball::new(0.0, 1.0));
    }
    let n = (x * std::f64::consts::FRAC_2_PI).round();
    let r = Ball::exact(x - n * HALF_PI[0]) + Ball::exact(-n * HALF_PI[1]) + -(HALF_PI_REST * n);
    let square = -(r * r);
    let sin = series(square, (0..9).map(|k| inverse_factorial(2 * k + 1))) * r;
    let cos = series(square, (0..10).map(|k| inverse_factorial(2 * k)));
    let (sin, cos) = (sin.widened(1e-19), cos.widened(1e-19));
    match (n as i64).rem_euclid(4) {
        0 => (sin, cos),
        1 => (cos, -sin),
        2 => (-sin, -cos),
        _ => (-cos, sin),
    }
}

/// Sine and cosine, with `|f(c + δ) − f(c)| ≤ |f′(c)| |δ| + δ²/2` for both, and never beyond ±1.
pub(crate) fn sin_cos(x: Ball) -> (Ball, Ball) {
    let (sin, cos) = sin_cos_at(x.centre());
    let over = |f: Ball, slope: Ball| second_order(f, slope, 0.5, x.radius()).within(-1.0, 1.0);
    (over(sin, cos), over(cos, sin))
}

/// The values within `r` of a number where a function and its slope are known: `half` bounds half the second derivative
/// everywhere.
fn second_order(at: Ball, slope: Ball, half: f64, r: f64) -> Ball {
    if r == 0.0 {
        return at;
    }
    let far = Ball::exact(r) * slope.magnitude() + Ball::exact(r) * Ball::exact(r) * half;
    at.widened(far.magnitude())
}

/// `1/√x` of positive numbers; all real numbers unless they are known to lie between 1e-100 and 1e100.
///
/// The root and the quotient are rounded once each, so that the double is within `3u` of the number, relative to it. With
/// `low` below all numbers `|x^{−1/2} − c^{−1/2}| = |x − c|/(√x √c (√x + √c)) ≤ r/(2 low^{3/2})`.
pub(crate) fn reciprocal_root(x: Ball) -> Ball {
    let (low, high) = (x.lower(), x.upper());
    if !(low > 1e-100 && high < 1e100) {
        return Ball::ALL;
    }
    let root = 1.0 / x.centre().sqrt();
    let far = x.radius() / (2.0 * low * low.sqrt());
    Ball::new(root, grown(far + 3.0 * UNIT * root))
}

/// The largest value of the sigmoid's second derivative, `1/(6√3) = 0.096225…`.
const LARGEST_SECOND: f64 = 0.09623;

/// The unit `ln(1 + e^x)` and its first three derivatives: the sigmoid `σ`, `σ′ = σ(1 − σ)` and `σ″ = σ′(1 − 2σ)`.
///
/// `|σ″| ≤ 1/(6√3)`. `σ‴ = σ′(1 − 6σ′)` with `0 < σ′ ≤ 1/4`, so `|σ‴| ≤ 1/8`. `σ⁗ = σ″(1 − 12σ′)`, so `|σ⁗| ≤ 0.193`.
pub(crate) fn softplus(x: Ball) -> [Ball; 4] {
    let x = if x.centre().is_finite() { x } else { Ball::ALL };
    let (c, r) = (x.centre(), x.radius());
    // Of e^{−|c|}, which is at most 1.
    let e = exp_at(-c.abs()).within(0.0, 1.0);
    let large = (e + 1.0).recip();
    let small = e * large;
    let (sigmoid, reflected) = if c >= 0.0 { (large, small) } else { (small, large) };
    let value = ln_1p(e) + c.max(0.0);
    let first = sigmoid * reflected;
    let second = first * (reflected - sigmoid);
    let third = first * (Ball::exact(1.0) - first * 6.0);
    [
        second_order(value, sigmoid, 0.125, r),
        second_order(sigmoid, first, 0.5 * LARGEST_SECOND, r).within(0.0, 1.0),
        second_order(first, second, 0.0625, r).within(0.0, 0.25),
        second_order(second, third, 0.0965, r).within(-LARGEST_SECOND, LARGEST_SECOND),
    ]
}

#[cfg(test)]
mod tests {
    use astro_float_num::{BigFloat, Consts};
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64;

    use super::*;
    use crate::reference::{BITS, NEAREST, big};

    fn assert_encloses(what: &str, x: f64, over: Ball, y: Ball, exact: &BigFloat) {
        let holds = !exact.is_nan() && big(y.lower()) <= *exact && *exact <= big(y.upper());
        assert!(holds, "{what} at {x:e} within {over:?}: {y:?} does not contain {exact}");
    }

    /// `ln(1 + e^x)` and its derivatives.
    fn exact_softplus(x: f64, constants: &mut Consts) -> [BigFloat; 4] {
        let one = big(1.0);
        let mul = |a: &BigFloat, b: &BigFloat| a.mul(b, BITS, NEAREST);
        let sub = |a: &BigFloat, b: &BigFloat| a.sub(b, BITS, NEAREST);
        let e = big(x).exp(BITS, NEAREST, constants);
        // With all digits of a tiny exponential.
        let sum = e.add(&one, if x < -100.0 { 8 * BITS } else { 2 * BITS }, NEAREST);
        let value = sum.ln(sum.mantissa_max_bit_len().unwrap_or(BITS), NEAREST, constants);
        let sigmoid = e.div(&sum, BITS, NEAREST);
        let reflected = one.div(&sum, BITS, NEAREST);
        let first = mul(&sigmoid, &reflected);
        let second = mul(&first, &sub(&reflected, &sigmoid));
        [value, sigmoid, first, second]
    }

    /// Each function over a ball against references at a number within, and how wide it is at a number.
    fn check(x: f64, over: Ball, constants: &mut Consts) {
        let (sin, cos) = sin_cos(over);
        assert_encloses("sin", x, over, sin, &big(x).sin(BITS, NEAREST, constants));
        assert_encloses("cos", x, over, cos, &big(x).cos(BITS, NEAREST, constants));
        let y = exp(over);
        if y.upper().is_finite() {
            assert_encloses("exp", x, over, y, &big(x).exp(BITS, NEAREST, constants));
        }
        if x > 0.0 {
            let root = big(1.0).div(&big(x).sqrt(BITS, NEAREST), BITS, NEAREST);
            assert_encloses("root", x, over, reciprocal_root(over), &root);
        }
        let names = ["softplus", "sigmoid", "σ′", "σ″"];
        for ((name, y), exact) in names.into_iter().zip(softplus(over)).zip(exact_softplus(x, constants)) {
            assert_encloses(name, x, over, y, &exact);
        }
        if over.radius() == 0.0 {
            let narrow = |y: Ball| y.radius() < 2e-15 * (1.0 + y.centre().abs());
            let [value, sigmoid, first, second] = softplus(over);
            assert!([sin, cos, value, sigmoid, first, second].into_iter().all(narrow), "at {x:e}");
            assert!(y.radius() < 4e-15 * y.centre() || !(-600.0..=700.0).contains(&x), "exp at {x:e}: {y:?}");
        }
    }

    #[test]
    fn functions_are_enclosed_at_numbers_and_over_balls() {
        let (mut rng, mut constants) = (Pcg64::seed_from_u64(7), Consts::new().expect("memory"));
        for i in 0..20_000 {
            let size = 10_f64.powf(rng.random_range(-12.0..2.8));
            let x = match i % 4 {
                0 => rng.random_range(-8.0..8.0),
                1 => rng.random_range(-750.0..750.0),
                _ => size * if rng.random_range(0.0..1.0) < 0.5 { -1.0 } else { 1.0 },
            };
            check(x, Ball::exact(x), &mut constants);
            let r = 10_f64.powf(rng.random_range(-12.0..1.5));
            // Anywhere within, and next to both ends.
            let share = [-0.999_999_999, 0.999_999_999, rng.random_range(-1.0..1.0)][i % 3];
            check(x + share * r, Ball::new(x, r * (1.0 + 1e-9) + 1e-15 * x.abs()), &mut constants);
        }
    }

    #[test]
    fn functions_are_enclosed_where_reductions_change() {
        let mut constants = Consts::new().expect("memory");
        for n in -40..=40 {
            for part in [std::f64::consts::FRAC_PI_4, std::f64::consts::LN_2 / 2.0] {
                let edge = f64::from(n) * part;
                for x in [edge.next_down(), edge, edge.next_up()] {
                    check(x, Ball::exact(x), &mut constants);
                }
            }
        }
        for x in [1e6, -999_999.0, 700.0, -700.0, 1e-300, -1e-310, 0.0] {
            check(x, Ball::exact(x), &mut constants);
        }
    }

    #[test]
    fn bounds_of_derivatives_hold() {
        // 1/(6√3), and the largest values on a grid that is fine beside the fifth derivative, which is below 1.
        assert!(LARGEST_SECOND > 1.0 / (6.0 * 3_f64.sqrt()));
        for i in -4000..4000 {
            let [_, s, first, second] = softplus(Ball::exact(f64::from(i) * 0.005)).map(Ball::centre);
            let third = first * (1.0 - 6.0 * first);
            let fourth = second * (1.0 - 12.0 * first);
            assert!(second.abs() <= LARGEST_SECOND && third.abs() <= 0.125 && fourth.abs() < 0.19, "{s}");
        }
    }

    #[test]
    fn nothing_is_claimed_of_what_is_not_known() {
        for x in [Ball::ALL, Ball::exact(f64::NAN), Ball::exact(1e7)] {
            let (sin, cos) = sin_cos(x);
            let [value, sigmoid, first, second] = softplus(x);
            for (y, lo, hi) in [(sin, -1.0, 1.0), (cos, -1.0, 1.0)] {
                assert!(y.lower() <= lo && y.upper() >= hi, "{x:?}: {y:?}");
            }
            assert!(!exp(x).is_positive() || exp(x).upper() > 1e300, "{x:?}");
            if x.centre() != 1e7 {
                assert!(!value.upper().is_finite() && sigmoid.upper() >= 1.0 && first.upper() >= 0.25);
                assert!(second.lower() <= -LARGEST_SECOND && second.upper() >= LARGEST_SECOND);
            }
        }
    }
}
