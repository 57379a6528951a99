//! Waves of the angles, `√2 cos(k·θ)` and `√2 sin(k·θ)` with integer frequencies.

use std::f64::consts::SQRT_2;

use ircpm_ad::linear::Weight;
use ircpm_ad::{Jet, Real, Scalar};

use super::Terms;
use crate::potential::resize;

/// Frequencies of the angles that a wave depends on: number of the angle in ascending order, and frequency.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Wave(pub Vec<(usize, i32)>);

impl Terms {
    /// All waves by products of `cos jθ + i sin jθ`, in `powers` for every angle and `j`.
    #[inline(always)]
    pub(super) fn write_waves<S: Scalar>(&self, z: &[S], powers: &mut [S], out: &mut [S]) {
        for a in 0..self.angles.len() {
            self.write_powers(a, z[self.angles[a]], powers);
        }
        for w in 0..self.waves.len() {
            (out[2 * w], out[2 * w + 1]) = self.wave(powers, w);
        }
    }

    /// `cos jθ` and `sin jθ` of angle number `a` for all `j` up to the highest frequency.
    #[inline(always)]
    fn write_powers<S: Scalar>(&self, a: usize, angle: S, powers: &mut [S]) {
        let (cosine, sine) = (angle.cos(), angle.sin());
        let first = 2 * a * self.highest;
        (powers[first], powers[first + 1]) = (cosine, sine);
        for j in 1..self.highest {
            let (c, s) = (powers[first + 2 * j - 2], powers[first + 2 * j - 1]);
            powers[first + 2 * j] = c * cosine - s * sine;
            powers[first + 2 * j + 1] = c * sine + s * cosine;
        }
    }

    /// `√2 cos(k·θ)` and `√2 sin(k·θ)` of wave number `w`.
    #[inline(always)]
    fn wave<S: Scalar>(&self, powers: &[S], w: usize) -> (S, S) {
        let wave = &self.waves[w].0;
        let (mut cosine, mut sine) = self.power(powers, wave[0]);
        for i in 1..wave.len() {
            let (c, s) = self.power(powers, wave[i]);
            (cosine, sine) = (cosine * c - sine * s, cosine * s + sine * c);
        }
        (cosine * SQRT_2, sine * SQRT_2)
    }

    /// `cos kθ` and `sin kθ` of one angle.
    #[inline(always)]
    fn power<S: Scalar>(&self, powers: &[S], (angle, k): (usize, i32)) -> (S, S) {
        let at = 2 * (angle * self.highest + k.unsigned_abs() as usize - 1);
        let sine = powers[at + 1];
        (powers[at], if k < 0 { -sine } else { sine })
    }

    /// `Σ a φ` over the waves: a derivative in an angle is a multiple of a wave of the same pair, so that no products of
    /// jets are taken.
    #[inline(always)]
    pub(super) fn sum_of_waves<R: Real, W: Weight, const D: usize>(
        &self,
        a: &[W],
        z: &[Jet<R, D>],
        memory: &mut Vec<R>,
    ) -> Jet<R, D> {
        let n = self.angles.len();
        let count = 2 * n * self.highest;
        resize(memory, count + n + n * n);
        let (powers, derivatives) = memory.split_at_mut(count);
        for a in 0..n {
            self.write_powers(a, z[self.angles[a]].re, powers);
        }
        // First and second derivatives in the angles, of these the upper triangle.
        for k in 0..n + n * n {
            derivatives[k] = R::zero();
        }
        let (slopes, bends) = derivatives.split_at_mut(n);
        let mut sum = R::zero();
        for w in 0..self.waves.len() {
            let (cosine, sine) = self.wave(powers, w);
            let (p, q) = (R::constant(a[2 * w].into()), R::constant(a[2 * w + 1].into()));
            let value = p.mul_add(cosine, q * sine);
            let turned = q * cosine - p * sine;
            sum += value;
            let wave = &self.waves[w].0;
            for at in 0..wave.len() {
                let (i, k) = (wave[at].0, R::constant(f64::from(wave[at].1)));
                slopes[i] = turned.mul_add(k, slopes[i]);
                let bent = value * k;
                for &(j, l) in &wave[at..] {
                    bends[i * n + j] = bent.mul_add(R::constant(f64::from(-l)), bends[i * n + j]);
                }
            }
        }
        self.of_angles(sum, slopes, bends, z)
    }

    /// A function of the angles by the chain rule, with a value, `slopes`, and the upper triangle of its second derivatives in
    /// them, `bends`.
    #[inline(always)]
    fn of_angles<R: Real, const D: usize>(
        &self,
        value: R,
        slopes: &[R],
        bends: &[R],
        z: &[Jet<R, D>],
    ) -> Jet<R, D> {
        let mut out = Jet::<R, D>::zero();
        out.re = value;
        let n = self.angles.len();
        for i in 0..n {
            let x = &z[self.angles[i]];
            let mut bent = [R::zero(); D];
            for j in 0..n {
                let (y, bend) = (&z[self.angles[j]], bends[i.min(j) * n + i.max(j)]);
                for l in 0..D {
                    bent[l] = bend.mul_add(y.grad[l], bent[l]);
                }
            }
            for m in 0..D {
                out.grad[m] = slopes[i].mul_add(x.grad[m], out.grad[m]);
                for l in m..D {
                    let straight = slopes[i].mul_add(x.hess[m][l], out.hess[m][l]);
                    out.hess[m][l] = x.grad[m].mul_add(bent[l], straight);
                }
            }
        }
        for m in 0..D {
            for l in 0..m {
                out.hess[m][l] = out.hess[l][m];
            }
        }
        out
    }
}
