//! The Hessian of the cost on a sphere, from power series.
//!
//! With `S(s) = sin √s/√s = Σ (−s)ᵏ/(2k + 1)!`, an entire function, `√s cot √s = 1 − s b` and
//! `(1 − √s cot √s)/s = b` with `b = −2 S′/S`, because `cos √s = S + 2 s S′`. By the quotient rule
//! `b′ = −2 S″/S + b²/2`. `S` is positive for `0 ≤ s < π²`.
//!
//! For `s ≥ 0` every derivative of `S` is largest in absolute value at 0: from `S(s) = ∫₀¹ cos(√s t) dt` it follows that
//! `|S| ≤ 1`, and that `S′(s) = −½ ∫₀¹ t² S(s t²) dt`, whose derivatives are integrals of those of `S` times powers of `t`.

use crate::ball::Ball;

/// A number below `π²`.
const BELOW_PI_SQUARED: f64 = 9.8696;

/// Terms of the series. With `s < 10` those that are left out, also of the first two derivatives, are below
/// `2 · 21² 10²¹/43! = 1.5e-29` in all.
const TERMS: usize = 21;
const REST: f64 = 2e-29;

/// `|S′|`, `|S″|` and `|S‴|` at 0, and no smaller: `1/6`, `1/60` and `1/840`.
const LARGEST: [f64; 3] = [0.16667, 0.016667, 0.00119048];

/// The coefficients `(−1)ᵏ/(2k + 1)!`.
#[derive(Clone, Debug)]
pub(crate) struct SphereCost {
    coefficients: Vec<Ball>,
}

impl SphereCost {
    pub(crate) fn new() -> Self {
        let mut coefficients = vec![Ball::exact(1.0)];
        for k in 1..TERMS {
            let factors = (2 * k * (2 * k + 1)) as f64;
            coefficients.push(-(coefficients[k - 1] * Ball::exact(factors).recip()));
        }
        Self { coefficients }
    }

    /// `b` and its derivative for squared lengths `s`, of which negative numbers are known not to be any; nothing if they
    /// may be as large as `π²`.
    pub(crate) fn radial(&self, s: Ball) -> Option<[Ball; 2]> {
        let s = s.within(0.0, f64::MAX);
        if !(s.upper() < BELOW_PI_SQUARED) {
            return None;
        }
        let at = self.derivatives(s.centre());
        let mut over = at;
        for (x, largest) in over.iter_mut().zip(LARGEST) {
            *x = x.widened((Ball::exact(s.radius()) * largest).magnitude());
        }
        if !over[0].is_positive() {
            return None;
        }
        let [value, _] = quotient(&at);
        let [plain, slope] = quotient(&over);
        let far = Ball::exact(slope.magnitude()) * s.radius();
        Some([value.widened(far.magnitude()).and(plain), slope])
    }

    /// `S`, `S′` and `S″` at one number, by Horner's scheme.
    fn derivatives(&self, s: f64) -> [Ball; 3] {
        let [mut value, mut first, mut half] = [Ball::ZERO; 3];
        for &c in self.coefficients.iter().rev() {
            half = half * s + first;
            first = first * s + value;
            value = value * s + c;
        }
        [value, first, half * 2.0].map(|x| x.widened(REST))
    }
}

/// `b` and `b′` from `S`, `S′` and `S″`.
fn quotient(&[value, first, second]: &[Ball; 3]) -> [Ball; 2] {
    let recip = value.recip();
    let b = first * recip * -2.0;
    [b, second * recip * -2.0 + b * b * 0.5]
}

#[cfg(test)]
mod tests {
    use astro_float_num::{BigFloat, Consts};
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64;

    use super::*;
    use crate::reference::{BITS, NEAREST, big};

    /// `b = (1 − r cot r)/r²` and its derivative `(r²/sin² r + r cot r − 2)/(2 r⁴)`, with `r² = s`.
    fn exact(s: f64, constants: &mut Consts) -> [BigFloat; 2] {
        let div = |a: &BigFloat, b: &BigFloat| a.div(b, BITS, NEAREST);
        let (one, s) = (big(1.0), big(s));
        let r = s.sqrt(BITS, NEAREST);
        let (sin, cos) = (r.sin(BITS, NEAREST, constants), r.cos(BITS, NEAREST, constants));
        let cot = div(&r.mul(&cos, BITS, NEAREST), &sin);
        let square = div(&s, &sin.mul(&sin, BITS, NEAREST));
        let numerator = square.add(&cot, BITS, NEAREST).sub(&big(2.0), BITS, NEAREST);
        let denominator = s.mul(&s, BITS, NEAREST).mul(&big(2.0), BITS, NEAREST);
        [div(&one.sub(&cot, BITS, NEAREST), &s), div(&numerator, &denominator)]
    }

    #[test]
    fn functions_are_enclosed() {
        let (mut rng, mut constants) = (Pcg64::seed_from_u64(11), Consts::new().expect("memory"));
        let cost = SphereCost::new();
        for i in 0..3000 {
            let s = if i % 3 == 0 {
                10_f64.powf(rng.random_range(-8.0..0.9))
            } else {
                rng.random_range(0.0..9.86)
            };
            let r = if i % 2 == 0 { 0.0 } else { 10_f64.powf(rng.random_range(-9.0..-0.5)) };
            let (lo, hi) = ((s - r).max(0.0), (s + r).min(9.8695));
            let over = if r == 0.0 { Ball::exact(s) } else { Ball::between(lo, hi) };
            let Some(found) = cost.radial(over) else {
                assert!(hi > 8.0 && r > 0.0, "{over:?}");
                continue;
            };
            let inside = if r == 0.0 { s } else { lo + (hi - lo) * rng.random_range(0.0..1.0) };
            for (y, exact) in found.into_iter().zip(exact(inside.max(1e-9), &mut constants)) {
                // Numbers below 1e-9 stand for themselves to within 1e-10.
                let slack = if inside < 1e-9 { 1e-10 } else { 0.0 };
                assert!(
                    big(y.lower() - slack) <= exact && exact <= big(y.upper() + slack),
                    "{s} {over:?}: {y:?}, not {exact}"
                );
                if r == 0.0 && s < 8.0 {
                    assert!(y.radius() < 3e-14 * (1.0 + y.centre()), "{s}: {y:?}");
                }
            }
            if hi < 5.0 {
                assert!(found[0].radius() < 0.3 * r + 1e-14, "{over:?}: {found:?}");
            }
        }
    }

    #[test]
    fn nothing_is_known_beyond_the_cut_locus() {
        assert!(std::f64::consts::PI.powi(2) > BELOW_PI_SQUARED);
        let cost = SphereCost::new();
        for s in [Ball::exact(9.87), Ball::exact(45.0), Ball::new(5.0, 5.0), Ball::ALL, Ball::exact(f64::NAN)]
        {
            assert_eq!(cost.radial(s), None);
        }
        // Rounding may take a squared length below zero.
        let [b, slope] = cost.radial(Ball::new(0.0, 1e-15)).expect("a short gradient");
        assert!((b.centre() - 1.0 / 3.0).abs() < 1e-15 && (slope.centre() - 1.0 / 45.0).abs() < 1e-15);
    }

    #[test]
    fn derivatives_are_largest_at_zero() {
        let cost = SphereCost::new();
        for i in 0..990 {
            let found = cost.derivatives(f64::from(i) * 0.01);
            for (x, largest) in found.iter().zip([1.0, LARGEST[0], LARGEST[1]]) {
                assert!(x.magnitude() <= largest + 1e-14, "{i}: {found:?}");
            }
            // The third derivative, by differences of the second.
            let step = 1e-3;
            let difference = (cost.derivatives(f64::from(i) * 0.01 + step)[2] - found[2]).magnitude() / step;
            assert!(difference <= LARGEST[2] + 1e-10, "{i}: {difference}");
        }
    }
}
