//! Gradients of a potential of [`Terms`] in the coordinates of a point, from the values of its functions.
//!
//! A derivative of a wave or a bump is a multiple of a function that is known already, so that neither the cosine of a wave nor
//! the exponential of a bump is taken again.

use ircpm_ad::{Dual, Scalar};
use ircpm_manifolds::Coordinates;

use super::Dictionary;
use super::terms::{Terms, Zonal};
use crate::potential::resize;

/// Memory for the slopes of a dictionary.
#[derive(Debug)]
pub struct SlopeWorkspace<S> {
    /// A point with the derivative along one coordinate.
    point: Vec<Dual<S, 1>>,
    values: Vec<Dual<S, 1>>,
    scratch: Vec<Dual<S, 1>>,
    /// Slopes in what bumps see of a point.
    embedded: Vec<S>,
}

impl<S> Default for SlopeWorkspace<S> {
    fn default() -> Self {
        Self { point: vec![], values: vec![], scratch: vec![], embedded: vec![] }
    }
}

/// Writes `Σₖ aₖ ∂φₖ/∂z` by one evaluation of all functions per coordinate, with an outer dual.
#[inline(always)]
pub(super) fn by_duals<B: Dictionary + ?Sized, S: Scalar>(
    dictionary: &B,
    a: &[f64],
    z: &[S],
    work: &mut SlopeWorkspace<S>,
    out: &mut [S],
) {
    let SlopeWorkspace { point, values, scratch, .. } = work;
    resize(point, z.len());
    resize(values, a.len());
    for along in 0..z.len() {
        for c in 0..z.len() {
            point[c] = Dual::fixed(z[c]);
        }
        point[along] = Dual::variable(z[along], 0);
        dictionary.values(point, scratch, values);
        let mut slope = S::zero();
        for k in 0..a.len() {
            slope += values[k].eps[0] * a[k];
        }
        out[along] = slope;
    }
}

impl Terms {
    /// As [`by_duals`], where the functions have `values` at `z`, if conditioning variables multiply none of them.
    #[inline(always)]
    pub(super) fn slopes_of_values<S: Scalar>(
        &self,
        a: &[f64],
        z: &[S],
        values: &[S],
        work: &mut SlopeWorkspace<S>,
        out: &mut [S],
    ) {
        for c in 0..z.len() {
            out[c] = S::zero();
        }
        let [waves, zonals, bumps, _] = self.families();
        self.add_wave_slopes(a, values, out);
        self.add_zonal_slopes(&a[waves..], z, out);
        let first = waves + zonals;
        if bumps > 0 {
            self.add_bump_slopes(&a[first..], z, &values[first..], &mut work.embedded, out);
        }
        if self.has_polynomials {
            self.add_polynomial_slopes(&a[first + bumps..], z, out);
        }
    }

    #[inline(always)]
    fn add_wave_slopes<S: Scalar>(&self, a: &[f64], values: &[S], out: &mut [S]) {
        for w in 0..self.waves.len() {
            let turned = values[2 * w] * a[2 * w + 1] - values[2 * w + 1] * a[2 * w];
            for &(angle, k) in &self.waves[w].0 {
                out[self.angles[angle]] += turned * f64::from(k);
            }
        }
    }

    #[inline(always)]
    fn add_zonal_slopes<S: Scalar>(&self, a: &[f64], z: &[S], out: &mut [S]) {
        let mut k = 0;
        for zonal in &self.zonals {
            let mut slope = S::zero();
            let along = Dual::<S, 1>::variable(zonal.cosine(z), 0);
            zonal.each(along, |value: Dual<S, 1>| {
                slope += value.eps[0] * a[k];
                k += 1;
            });
            let Zonal { coordinates, centre, .. } = zonal;
            for c in 0..centre.len() {
                out[coordinates.start + c] += slope * centre[c];
            }
        }
    }

    #[inline(always)]
    fn add_bump_slopes<S: Scalar>(
        &self,
        a: &[f64],
        z: &[S],
        values: &[S],
        embedded: &mut Vec<S>,
        out: &mut [S],
    ) {
        resize(embedded, 2 * z.len());
        let count = self.bumps[0].weights.len();
        for e in 0..count {
            embedded[e] = S::zero();
        }
        for b in 0..self.bumps.len() {
            let value = values[b] * a[b];
            for e in 0..count {
                embedded[e] += value * self.bumps[b].weights[e];
            }
        }
        let (mut c, mut e) = (0, 0);
        for kind in &self.kinds {
            for _ in 0..kind.len() {
                let x = z[c];
                match kind {
                    Coordinates::Angles(_) => {
                        out[c] += x.cos() * embedded[e + 1] - x.sin() * embedded[e];
                        e += 2;
                    }
                    Coordinates::Reals(_) => {
                        out[c] += embedded[e] - x * embedded[e + 1];
                        e += 2;
                    }
                    Coordinates::Context(_) => {
                        let s = self.factors.at(c, Dual::<S, 1>::variable(x, 0));
                        out[c] += (embedded[e] - s.re * embedded[e + 1]) * s.eps[0];
                        e += 2;
                    }
                    _ => {
                        out[c] += embedded[e];
                        e += 1;
                    }
                }
                c += 1;
            }
        }
    }

    #[inline(always)]
    fn add_polynomial_slopes<S: Scalar>(&self, a: &[f64], z: &[S], out: &mut [S]) {
        let n = self.reals.len();
        let mut k = n;
        for i in 0..n {
            out[self.reals[i]] += S::constant(a[i]);
            for j in i..n {
                let (x, y) = (self.reals[i], self.reals[j]);
                out[x] += z[y] * a[k];
                if i != j {
                    out[y] += z[x] * a[k];
                }
                k += 1;
            }
        }
    }
}
