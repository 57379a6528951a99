//! The functions of linear layers: waves, zonal harmonics and bumps.

use std::ops::Range;

use crate::ball::{Ball, UNIT};
use crate::chart::Point;
use crate::expansion::Expansion;
use crate::features::{Phase, combine};
use crate::functions::{exp, sin_cos};
use crate::jet::{Jet, Layout};
use crate::manifold::{Factor, Manifold};
use crate::map::{Bump, Terms, Zonal};

/// The functions of a layer on a manifold.
#[derive(Debug)]
pub(crate) struct Dictionary<'a> {
    manifold: &'a Manifold,
    terms: &'a Terms,
    phases: Vec<Phase>,
}

impl<'a> Dictionary<'a> {
    pub(crate) fn new(manifold: &'a Manifold, terms: &'a Terms) -> Self {
        let phases = terms.waves.iter().map(|row| Phase::new(row, manifold)).collect();
        Self { manifold, terms, phases }
    }

    /// The jets of `Σ aₖ φₖ`. What each function depends on is narrowed over the box by what it is at the middle.
    pub(crate) fn jets(&self, layout: &Layout, theta: &[f64], points: &Expansion<Point>) -> Expansion<Jet> {
        let (of_waves, mut theta) = theta.split_at(2 * self.phases.len());
        let mut psi = points.map(|point, n| self.waves(layout, of_waves, point, n));
        let chain = |f: [Ball; 4], x: &[Ball], n: usize| {
            let mut out = vec![Ball::ZERO; n];
            layout.chain(&f, x, &mut out);
            out
        };
        for zonal in &self.terms.zonals {
            let own;
            (own, theta) = theta.split_at(zonal.functions());
            let mut t = points.map(|point, n| zonal.argument(point, n));
            t.narrow(layout, &points.over.sides);
            psi.add(&t.map(|t, n| chain(zonal.derivatives(own, t[0]), t, n)));
        }
        for (bump, &a) in self.terms.bumps.iter().zip(theta) {
            let mut exponent = points.map(|point, n| self.exponent(layout, bump, point, n));
            exponent.narrow(layout, &points.over.sides);
            let factor = Ball::exact(bump.kappa).recip() * a;
            psi.add(&exponent.map(|x, n| chain([exp(x[0]) * factor; 4], x, n)));
        }
        psi
    }

    /// The jet of the waves.
    fn waves(&self, layout: &Layout, theta: &[f64], point: &Point, n: usize) -> Jet {
        // The double next to the root of 2 is within 2⁻⁵³ of it. Programs multiply by the double.
        let root = Ball::new(std::f64::consts::SQRT_2, 2.0 * UNIT);
        let (mut psi, mut pair) = (vec![Ball::ZERO; n], vec![Ball::ZERO; 2 * n]);
        for (phase, a) in self.phases.iter().zip(theta.chunks_exact(2)) {
            phase.wave(layout, point, &mut pair);
            for (out, a) in pair.chunks_exact_mut(n).zip(a) {
                out.iter_mut().for_each(|x| *x = *x * (root * *a));
                add(&mut psi, out);
            }
        }
        psi
    }

    /// The jet of `κ Σ (cos(θ − c) − 1) + κ Σ (c·y − 1)` over all angles and all unit vectors.
    ///
    /// Programs compute it from rounded numbers `κ c`, `κ cos c`, `κ sin c` and `κ D`. The balls of `κ c` and of the sums of
    /// `κ` contain those. Of an angle the value and its derivatives are widened by `2⁻⁴⁸ κ`, so that what is shown holds
    /// for the programs' function too.
    fn exponent(&self, layout: &Layout, Bump { kappa, centre }: &Bump, point: &Point, n: usize) -> Jet {
        let slack = kappa * (32.0 * UNIT);
        let (mut exponent, mut part) = (vec![Ball::ZERO; n], vec![Ball::ZERO; n]);
        for run in self.manifold.runs() {
            let own: Range<usize> = run.coordinates.clone();
            match run.factor {
                Factor::Angle => {
                    let k = run.directions.start;
                    let (sin, cos) = sin_cos(point.sides[k] + -centre[own.start]);
                    let scaled = |x: Ball| (x * *kappa).widened(slack);
                    let mut direction = vec![0.0; layout.dimension()];
                    direction[k] = 1.0;
                    layout.along(&[cos + -1.0, -sin, -cos, sin].map(scaled), &direction, &mut part);
                }
                Factor::Sphere(_) => {
                    let terms = own.map(|i| (&point.coordinates[i], Ball::exact(centre[i]) * *kappa));
                    combine(terms, &mut part);
                    part[0] = part[0] + -*kappa;
                }
            }
            add(&mut exponent, &part);
        }
        exponent
    }
}

impl Zonal {
    /// The jet of `t = c·y`.
    fn argument(&self, point: &Point, n: usize) -> Jet {
        let mut t = vec![Ball::ZERO; n];
        let own = &point.coordinates[self.first..];
        combine(own.iter().zip(&self.centre).map(|(y, &c)| (y, Ball::exact(c))), &mut t);
        t
    }

    /// The values of `p = Σ aₗ Pₗ` and its first three derivatives, over all `t`, with the Gegenbauer polynomials `Pₗ` of
    /// the sphere, `Pₗ(1) = 1`.
    ///
    /// With `t = c + δ` each polynomial is one in `δ`, exactly. Its coefficients follow from those of the two before it by
    /// `(l + n − 1) P_{l+1} = (2l + n − 1) (c + δ) P_l − l P_{l−1}`. Programs round `1/(l + n − 1)`, which its ball
    /// contains, and the factors after it, which products of balls do.
    fn derivatives(&self, a: &[f64], t: Ball) -> [Ball; 4] {
        let [low, high] = self.degrees;
        let (c, delta) = (Ball::exact(t.centre()), Ball::new(0.0, t.radius()));
        let dimension = self.centre.len() - 1;
        let mut sum = vec![Ball::ZERO; high + 1];
        let (mut before, mut now) = (vec![Ball::exact(1.0)], vec![c, Ball::exact(1.0)]);
        for l in 1..=high {
            if l >= low {
                sum.iter_mut().zip(&now).for_each(|(sum, &x)| *sum = *sum + x * a[l - low]);
            }
            let scale = Ball::exact((l + dimension - 1) as f64).recip();
            let (up, down) = (scale * (2 * l + dimension - 1) as f64, scale * -(l as f64));
            let mut next = vec![Ball::ZERO; l + 2];
            for (k, &x) in now.iter().enumerate() {
                next[k] = next[k] + x * c * up;
                next[k + 1] = next[k + 1] + x * up;
            }
            before.iter().enumerate().for_each(|(k, &x)| next[k] = next[k] + x * down);
            (before, now) = (now, next);
        }
        // The derivative of Σ bₖ δᵏ has the coefficients (k + 1) bₖ₊₁.
        [0, 1, 2, 3].map(|_| {
            let value = sum.iter().rev().fold(Ball::ZERO, |value, &b| value * delta + b);
            sum = sum.iter().enumerate().skip(1).map(|(k, &b)| b * k as f64).collect();
            value
        })
    }
}

fn add(sum: &mut [Ball], other: &[Ball]) {
    for (x, &y) in sum.iter_mut().zip(other) {
        *x = *x + y;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `P₁ … P₃` of spheres: Legendre polynomials on S², Chebyshev polynomials on S¹, and `P₂ = (4t² − 1)/3` on S³.
    #[test]
    fn zonal_harmonics_are_gegenbauer_polynomials() {
        let t = 0.3;
        let at = |n: usize, degrees, a: &[f64], t: Ball| {
            Zonal { first: 0, centre: vec![0.0; n + 1], degrees }.derivatives(a, t)
        };
        let legendre = [0.5 * (5.0 * t * t * t - 3.0 * t), 0.5 * (15.0 * t * t - 3.0), 15.0 * t, 15.0];
        let chebyshev = [4.0 * t * t * t - 3.0 * t, 12.0 * t * t - 3.0, 24.0 * t, 24.0];
        for (n, exact) in [(2, legendre), (1, chebyshev)] {
            for (y, x) in at(n, [3, 3], &[1.0], Ball::exact(t)).iter().zip(exact) {
                assert!((y.centre() - x).abs() < 1e-14 && y.radius() < 1e-13, "{y:?}, not {x}");
            }
        }
        let second = [(4.0 * t * t - 1.0) / 3.0, 8.0 * t / 3.0, 8.0 / 3.0, 0.0];
        let sum = at(3, [1, 2], &[2.0, 0.5], Ball::exact(t));
        for (y, x) in sum.iter().zip([2.0 * t, 2.0, 0.0, 0.0].iter().zip(second).map(|(a, b)| a + 0.5 * b)) {
            assert!((y.centre() - x).abs() < 1e-15 && y.radius() < 1e-14, "{y:?}, not {x}");
        }
        // Over a ball, all that is between its ends and not much more.
        let wide = at(2, [3, 3], &[1.0], Ball::new(t, 0.01));
        for (k, y) in wide.iter().enumerate() {
            for share in [-1.0, 0.4, 1.0] {
                let exact = at(2, [3, 3], &[1.0], Ball::exact(t + 0.01 * share))[k].centre();
                assert!(
                    y.lower() <= exact + 1e-13 && exact <= y.upper() + 1e-13 && y.radius() < 0.16,
                    "{y:?}"
                );
            }
        }
    }
}
