//! `r / sin r` of an arc as a function of its chord.
//!
//! With `s = sin²(r/2)`, a quarter of the squared chord, `r / sin r = ₂F₁(1, 1; 3/2; s)` is analytic at `s = 0`, where
//! `r` itself has an infinite derivative. The family `F_k = ₂F₁(1+k, 1+k; 3/2+k; s)` is closed under differentiation:
//! `F_k′ = (1+k)² / (3/2+k) · F_{k+1}` (DLMF 15.5.1).

use ircpm_ad::elementary::Function;
use ircpm_ad::{Real, Scalar};

/// `F_k(s)`, for `0 ≤ s ≤ 1/2`, that is, for arcs of at most a quarter turn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arc(u32);

/// `r / sin r` at `s = sin²(r/2)`.
#[inline(always)]
pub(crate) fn arc_over_sine<S: Scalar>(s: S) -> S {
    s.apply(Arc(0))
}

impl<R: Real> Function<R> for Arc {
    #[inline(always)]
    fn value(self, s: R) -> R {
        match self.0 {
            0 => halved_twice(s),
            k => s.map(|s| series(f64::from(k), s)),
        }
    }

    #[inline(always)]
    fn derivative<S: Scalar<Base = R>>(self, s: S) -> S {
        let k = f64::from(self.0);
        s.apply(Arc(self.0 + 1)) * ((1.0 + k) * (1.0 + k) / (1.5 + k))
    }
}

/// `F₀` by halving the arc twice: `r / sin r = (r/2) / (sin(r/2) cos(r/2))`, and the eighth of a quarter turn needs few
/// terms. Branch-free, where an arc tangent would leave the vector registers.
#[inline(always)]
fn halved_twice<R: Real>(s: R) -> R {
    let (half, s) = halve(s);
    let (quarter, s) = halve(s);
    let mut sum = R::one();
    for ratio in RATIOS.iter().rev() {
        sum = (sum * s).mul_add(R::constant(*ratio), R::one());
    }
    sum / (half * quarter)
}

/// `cos(r/2)` and `sin²(r/4)` from `sin²(r/2)`.
#[inline(always)]
fn halve<R: Real>(s: R) -> (R, R) {
    let cosine = (-s + 1.0).sqrt();
    (cosine, s / ((cosine + 1.0) * 2.0))
}

/// Ratios of successive coefficients of `F₀`.
///
/// Twelve reach 1e-17 at `s = sin²(π/16)`, where an arc of a quarter turn ends.
const RATIOS: [f64; 12] = {
    let mut ratios = [0.0; 12];
    let mut n = 0;
    while n < ratios.len() {
        ratios[n] = (n as f64 + 1.0) / (n as f64 + 1.5);
        n += 1;
    }
    ratios
};

/// Largest number of terms of the series: at `s = 1/2` it needs fewer than 50.
const TERMS: u32 = 200;

/// `F_k = (1−s)^(−1/2−k) ₂F₁(1/2, 1/2; 3/2+k; s)`, by Euler's transformation (DLMF 15.8.1): no term is negative, so
/// nothing cancels.
fn series(k: f64, s: f64) -> f64 {
    let (mut term, mut sum) = (1.0, 1.0);
    for j in 0..TERMS {
        let n = f64::from(j);
        term *= (n + 0.5) * (n + 0.5) / ((n + 1.5 + k) * (n + 1.0)) * s;
        sum += term;
        if term < 0.1 * f64::EPSILON {
            break;
        }
    }
    sum * (1.0 - s).powf(-0.5 - k)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halving_agrees_with_the_series_and_the_arc_tangent() {
        for s in [0.0, 1e-320, 1e-18, 1e-9, 0.01, 0.2, 0.37, 0.5_f64] {
            let (halved, summed) = (halved_twice(s), series(0.0, s));
            assert!((halved - summed).abs() < 1e-15 * summed, "s = {s}: {halved} is not {summed}");
            let (sine, cosine) = (s.sqrt(), (1.0 - s).sqrt());
            let by_arc_tangent = if s == 0.0 { 1.0 } else { sine.atan2(cosine) / (sine * cosine) };
            assert!(
                (halved - by_arc_tangent).abs() < 1e-15 * by_arc_tangent,
                "s = {s}: {halved} is not {by_arc_tangent}"
            );
        }
    }

    #[test]
    fn family_satisfies_the_differential_equation() {
        // 2s(1−s) F^(k+1) + (2k+1)(1−2s) F^(k) = 2k² F^(k−1), from 2s(1−s) F₀′ + (1−2s) F₀ = 1.
        for s in [1e-9, 1e-3, 0.1, 0.3, 0.5] {
            let mut slopes = vec![halved_twice(s)];
            let mut factor = 1.0;
            for k in 0..6 {
                let k = f64::from(k);
                factor *= (1.0 + k) * (1.0 + k) / (1.5 + k);
                slopes.push(factor * series(k + 1.0, s));
            }
            let first = 2.0 * s * (1.0 - s) * slopes[1] + (1.0 - 2.0 * s) * slopes[0];
            assert!((first - 1.0).abs() < 1e-14, "s = {s}: {first} is not 1");
            for k in 1..6 {
                let kf = k as f64;
                let left =
                    2.0 * s * (1.0 - s) * slopes[k + 1] + (2.0 * kf + 1.0) * (1.0 - 2.0 * s) * slopes[k];
                let right = 2.0 * kf * kf * slopes[k - 1];
                assert!((left - right).abs() < 1e-14 * right, "k = {k}, s = {s}: {left} is not {right}");
            }
        }
    }

    #[test]
    fn nan_passes_through() {
        for k in 0..4 {
            assert!(Arc(k).value(f64::NAN).is_nan());
        }
    }
}
