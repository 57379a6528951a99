//! Bumps around centres on any product of tori, spheres and Euclidean spaces.

use ircpm_ad::linear::Weight;
use ircpm_ad::{Jet, Real, Scalar};
use ircpm_manifolds::Coordinates;

use super::Terms;

/// `exp(offset + weights · e(z))/κ`, with `e(z)` of [`Terms::embed`].
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Bump {
    pub weights: Vec<f64>,
    pub offset: f64,
    pub height: f64,
}

impl Terms {
    /// Numbers of which every bump's exponent is a linear function: `cos θ, sin θ` of an angle, a unit vector as it is,
    /// `x, −x²/2` of a real coordinate and of a conditioning variable.
    #[inline(always)]
    pub(super) fn embed<S: Scalar>(&self, z: &[S], out: &mut [S]) -> usize {
        let (mut c, mut e) = (0, 0);
        for kind in &self.kinds {
            for _ in 0..kind.len() {
                match kind {
                    Coordinates::Angles(_) => {
                        (out[e], out[e + 1]) = (z[c].cos(), z[c].sin());
                        e += 2;
                    }
                    Coordinates::Reals(_) => {
                        (out[e], out[e + 1]) = (z[c], z[c] * z[c] * -0.5);
                        e += 2;
                    }
                    Coordinates::Context(_) => {
                        let s = self.factors.at(c, z[c]);
                        (out[e], out[e + 1]) = (s, s * s * -0.5);
                        e += 2;
                    }
                    _ => {
                        out[e] = z[c];
                        e += 1;
                    }
                }
                c += 1;
            }
        }
        e
    }

    #[inline(always)]
    pub(super) fn write_bumps<S: Scalar>(&self, embedded: &[S], out: &mut [S]) {
        for b in 0..self.bumps.len() {
            let Bump { weights, offset, height } = &self.bumps[b];
            let mut exponent = S::constant(*offset);
            for e in 0..embedded.len() {
                exponent += embedded[e] * weights[e];
            }
            out[b] = exponent.exp() * *height;
        }
    }

    /// `Σ a φ` over the bumps: the derivatives of an exponential are multiples of it, and none of them is stored.
    #[inline(always)]
    pub(super) fn sum_of_bumps<R: Real, W: Weight, const D: usize>(
        &self,
        a: &[W],
        embedded: &[Jet<R, D>],
    ) -> Jet<R, D> {
        let mut sum = Jet::<R, D>::zero();
        for b in 0..self.bumps.len() {
            let Bump { weights, offset, height } = &self.bumps[b];
            let mut exponent = Jet::<R, D>::constant(*offset);
            for e in 0..embedded.len() {
                let (x, weight) = (&embedded[e], R::constant(weights[e]));
                exponent.re = x.re.mul_add(weight, exponent.re);
                for i in 0..D {
                    exponent.grad[i] = x.grad[i].mul_add(weight, exponent.grad[i]);
                    for j in i..D {
                        exponent.hess[i][j] = x.hess[i][j].mul_add(weight, exponent.hess[i][j]);
                    }
                }
            }
            let value = exponent.re.exp() * R::constant(a[b].into() * height);
            sum.re += value;
            for i in 0..D {
                let slope = value * exponent.grad[i];
                sum.grad[i] += slope;
                for j in i..D {
                    let bent = value.mul_add(exponent.hess[i][j], sum.hess[i][j]);
                    sum.hess[i][j] = slope.mul_add(exponent.grad[j], bent);
                }
            }
        }
        for i in 0..D {
            for j in 0..i {
                sum.hess[i][j] = sum.hess[j][i];
            }
        }
        sum
    }
}
