//! A dictionary for products of tori, spheres and Euclidean spaces: waves, spherical harmonics, bumps, polynomials.

use std::ops::Range;

use ircpm_ad::linear::Weight;
use ircpm_ad::{Jet, Real, Scalar};
use ircpm_manifolds::{AnyManifold, Coordinates};

use super::bumps::Bump;
use super::conditioning::{Conditioning, Factors};
use super::slopes::{SlopeWorkspace, by_duals};
use super::waves::Wave;
use super::{Dictionary, LinearWorkspace, sum_of_values, weighted};
use crate::potential::resize;

/// Functions of four families, in this order:
///
/// - *waves* of the angles, `√2 cos(k·θ)` and `√2 sin(k·θ)` with integer frequencies `k`;
/// - *zonal harmonics* of a unit vector, `P_l(c·z)` with centres `c`: Gegenbauer polynomials, `P_l(1) = 1`. As many
///   centres as there are harmonics of the degree span all of them;
/// - *bumps* `exp(κ Σ …)/κ` around a centre, with `cos(θ − c) − 1` of every angle, `c·z − 1` of every unit vector and
///   `−(x − c)²/2` of every real coordinate. Their second derivatives are of order one;
/// - *polynomials* of the real coordinates, `xᵢ` and `xᵢ xⱼ`, the squares halved.
///
/// On a product with conditioning variables bumps are around a centre among these as well, `−(s − s₀)²/2` for each of
/// them, and the functions of the other families follow once more times the variables and their products, where
/// [`Terms::conditioned`] says so.
#[derive(Clone, Debug, PartialEq)]
pub struct Terms {
    pub(super) kinds: Vec<Coordinates>,
    /// Indices of the angles among the coordinates.
    pub(super) angles: Vec<usize>,
    /// Indices of the real coordinates.
    pub(super) reals: Vec<usize>,
    pub(super) waves: Vec<Wave>,
    /// Highest frequency of any angle.
    pub(super) highest: usize,
    pub(super) zonals: Vec<Zonal>,
    pub(super) bumps: Vec<Bump>,
    pub(super) has_polynomials: bool,
    pub(super) factors: Factors,
}

/// `P_l(c·z)` for several `l`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Zonal {
    pub coordinates: Range<usize>,
    pub centre: Vec<f64>,
    degrees: Range<usize>,
}

impl Zonal {
    /// `c·z`.
    #[inline(always)]
    pub(super) fn cosine<S: Scalar>(&self, z: &[S]) -> S {
        let mut t = S::zero();
        for c in 0..self.centre.len() {
            t += z[self.coordinates.start + c] * self.centre[c];
        }
        t
    }

    /// Calls `f` with `P_l(t)` of every degree.
    #[inline(always)]
    pub(super) fn each<S: Scalar>(&self, t: S, mut f: impl FnMut(S)) {
        // (l + n − 1) P_{l+1} = (2l + n − 1) t P_l − l P_{l−1} on Sⁿ.
        let (mut before, mut now) = (S::one(), t);
        let dim = (self.centre.len() - 1) as f64;
        for l in 1..self.degrees.end {
            if l >= self.degrees.start {
                f(now);
            }
            let degree = l as f64;
            let scale = 1.0 / (degree + dim - 1.0);
            let next = t * now * ((2.0 * degree + dim - 1.0) * scale) - before * (degree * scale);
            (before, now) = (now, next);
        }
    }
}

impl Terms {
    /// No functions yet, for the points of `manifold`.
    pub fn new(manifold: &AnyManifold) -> Self {
        let kinds = manifold.coordinates();
        let indices = |is: fn(&Coordinates) -> bool| -> Vec<usize> {
            runs(&kinds).filter(|(kind, _)| is(kind)).flat_map(|(_, range)| range).collect()
        };
        let contexts = indices(|kind| matches!(kind, Coordinates::Context(_)));
        let first = contexts.first().copied().unwrap_or(0);
        Self {
            factors: Factors::new(first, &vec![Conditioning::STANDARD; contexts.len()], 0),
            angles: indices(|kind| matches!(kind, Coordinates::Angles(_))),
            reals: indices(|kind| matches!(kind, Coordinates::Reals(_))),
            kinds,
            waves: vec![],
            highest: 0,
            zonals: vec![],
            bumps: vec![],
            has_polynomials: false,
        }
    }

    /// Says how functions see the conditioning variables, and up to which degree, at most 2, products of these multiply
    /// waves, zonal harmonics and polynomials. To be called before functions are added.
    ///
    /// # Panics
    /// If there is not one of them per variable, one is not [valid](Conditioning::is_valid), the degree is above 2, or
    /// there are bumps already.
    #[must_use]
    pub fn conditioned(mut self, variables: &[Conditioning], degree: usize) -> Self {
        assert_eq!(variables.len(), self.factors.variables(), "one for each conditioning variable");
        assert!(
            variables.iter().all(Conditioning::is_valid),
            "finite shifts, positive scales, ranges in order"
        );
        assert!(self.bumps.is_empty(), "conditioning variables come before bumps");
        self.factors = Factors::new(self.inputs() - variables.len(), variables, degree);
        self
    }

    /// Adds a wave of each row of frequencies, one per angle.
    ///
    /// # Panics
    /// If a row has another length than there are angles, or is zero.
    #[must_use]
    pub fn waves(mut self, frequencies: &[Vec<i32>]) -> Self {
        for row in frequencies {
            assert_eq!(row.len(), self.angles.len(), "one frequency per angle");
            let wave: Vec<(usize, i32)> = row.iter().copied().enumerate().filter(|(_, k)| *k != 0).collect();
            assert!(!wave.is_empty(), "a wave has a frequency that is not zero");
            let highest = wave.iter().map(|(_, k)| k.unsigned_abs() as usize).max().unwrap_or(0);
            self.highest = self.highest.max(highest);
            self.waves.push(Wave(wave));
        }
        self
    }

    /// Adds `P_l(c·z)` for a centre `c` on the sphere whose coordinates are `coordinates`, for each degree `l`.
    ///
    /// # Panics
    /// If the coordinates are not those of a unit vector, the centre has another length, or a degree is zero.
    #[must_use]
    pub fn zonal(mut self, coordinates: Range<usize>, centre: &[f64], degrees: Range<usize>) -> Self {
        assert!(self.has_unit_vector(&coordinates), "coordinates of a unit vector");
        assert_eq!(centre.len(), coordinates.len(), "a centre on the sphere");
        assert!(degrees.start > 0, "degree zero is a constant");
        self.zonals.push(Zonal { coordinates, centre: centre.to_vec(), degrees });
        self
    }

    /// Adds a bump of concentration `κ = kappa` around a point.
    ///
    /// # Panics
    /// If the centre has another length than points, or `kappa` is not positive and finite.
    #[must_use]
    pub fn bump(mut self, centre: &[f64], kappa: f64) -> Self {
        assert_eq!(centre.len(), self.inputs(), "a centre among the points");
        assert!(kappa > 0.0 && kappa.is_finite(), "a concentration of {kappa}");
        let (mut weights, mut offset) = (vec![], 0.0);
        for (kind, range) in runs(&self.kinds) {
            for c in range {
                let x = centre[c];
                match kind {
                    Coordinates::Angles(_) => {
                        weights.extend([kappa * x.cos(), kappa * x.sin()]);
                        offset -= kappa;
                    }
                    Coordinates::Reals(_) => {
                        weights.extend([kappa * x, kappa]);
                        offset -= 0.5 * kappa * x * x;
                    }
                    Coordinates::Context(_) => {
                        let s = self.factors.at(c, x);
                        weights.extend([kappa * s, kappa]);
                        offset -= 0.5 * kappa * s * s;
                    }
                    _ => weights.push(kappa * x),
                }
            }
            if let Coordinates::UnitVector(_) = kind {
                offset -= kappa;
            }
        }
        self.bumps.push(Bump { weights, offset, height: kappa.recip() });
        self
    }

    /// Adds the polynomials of first and second degree of the real coordinates.
    #[must_use]
    pub fn polynomials(mut self) -> Self {
        self.has_polynomials = !self.reals.is_empty();
        self
    }

    /// Number of angles among the coordinates.
    pub fn angles(&self) -> usize {
        self.angles.len()
    }

    /// Whether these are all coordinates of one unit vector.
    pub fn has_unit_vector(&self, coordinates: &Range<usize>) -> bool {
        runs(&self.kinds)
            .any(|(kind, range)| matches!(kind, Coordinates::UnitVector(_)) && range == *coordinates)
    }

    /// Number of functions of each family: waves, zonal harmonics, bumps, polynomials; without those that conditioning
    /// variables multiply.
    pub fn families(&self) -> [usize; 4] {
        let n = self.reals.len();
        let polynomials = if self.has_polynomials { n + n * (n + 1) / 2 } else { 0 };
        let zonals = self.zonals.iter().map(|zonal| zonal.degrees.len()).sum();
        [2 * self.waves.len(), zonals, self.bumps.len(), polynomials]
    }

    #[inline(always)]
    fn write_zonals<S: Scalar>(&self, z: &[S], out: &mut [S]) {
        let mut k = 0;
        for zonal in &self.zonals {
            zonal.each(zonal.cosine(z), |value| {
                out[k] = value;
                k += 1;
            });
        }
    }

    #[inline(always)]
    fn write_polynomials<S: Scalar>(&self, z: &[S], out: &mut [S]) {
        let n = self.reals.len();
        let mut k = n;
        for i in 0..n {
            let x = z[self.reals[i]];
            out[i] = x;
            for j in i..n {
                out[k] = x * z[self.reals[j]] * if i == j { 0.5 } else { 1.0 };
                k += 1;
            }
        }
    }
}

impl Dictionary for Terms {
    fn inputs(&self) -> usize {
        self.kinds.iter().map(|kind| kind.len()).sum()
    }

    fn functions(&self) -> usize {
        let [waves, zonals, bumps, polynomials] = self.families();
        let multiplied = waves + zonals + polynomials;
        multiplied * (1 + self.factors.len()) + bumps
    }

    #[inline(always)]
    fn values<S: Scalar>(&self, z: &[S], scratch: &mut Vec<S>, out: &mut [S]) {
        let [waves, zonals, bumps, polynomials] = self.families();
        let factors = self.factors.len();
        let powers = 2 * self.angles.len() * self.highest;
        resize(scratch, powers.max(2 * z.len()).max(factors));
        if waves > 0 {
            self.write_waves(z, scratch, out);
        }
        self.write_zonals(z, &mut out[waves..]);
        if self.has_polynomials {
            self.write_polynomials(z, &mut out[waves + zonals + bumps..]);
        }
        if bumps > 0 {
            let embedded = self.embed(z, scratch);
            self.write_bumps(&scratch[..embedded], &mut out[waves + zonals..]);
        }
        if factors > 0 {
            self.factors.write(z, scratch);
            let mut next = waves + zonals + bumps + polynomials;
            for factor in 0..factors {
                for k in
                    (0..waves + zonals).chain(waves + zonals + bumps..waves + zonals + bumps + polynomials)
                {
                    out[next] = out[k] * scratch[factor];
                    next += 1;
                }
            }
        }
    }

    #[inline(always)]
    fn sum<R: Real, W: Weight, const D: usize>(
        &self,
        a: &[W],
        z: &[Jet<R, D>],
        work: &mut LinearWorkspace<Jet<R, D>>,
    ) -> Jet<R, D> {
        if self.factors.len() > 0 {
            return sum_of_values(self, a, z, work);
        }
        let [waves, zonals, bumps, polynomials] = self.families();
        let (first, last) = (waves + zonals, waves + zonals + bumps);
        let LinearWorkspace { values, scratch, waves: memory } = work;
        resize(values, zonals.max(polynomials));
        let mut sum = Jet::zero();
        if waves > 0 {
            sum += self.sum_of_waves(&a[..waves], z, memory);
        }
        if zonals > 0 {
            self.write_zonals(z, values);
            sum += weighted(&a[waves..first], &values[..zonals]);
        }
        if bumps > 0 {
            resize(scratch, 2 * z.len());
            let embedded = self.embed(z, scratch);
            sum += self.sum_of_bumps(&a[first..], &scratch[..embedded]);
        }
        if polynomials > 0 {
            self.write_polynomials(z, values);
            sum += weighted(&a[last..], &values[..polynomials]);
        }
        sum
    }

    #[inline(always)]
    fn slopes<S: Scalar>(
        &self,
        a: &[f64],
        z: &[S],
        values: &[S],
        work: &mut SlopeWorkspace<S>,
        out: &mut [S],
    ) {
        if self.factors.len() > 0 {
            by_duals(self, a, z, work, out);
        } else {
            self.slopes_of_values(a, z, values, work, out);
        }
    }

    fn fits(&self, kinds: &[Coordinates]) -> bool {
        self.kinds == kinds
    }
}

/// The runs of coordinates, and where they lie in a point.
fn runs(kinds: &[Coordinates]) -> impl Iterator<Item = (Coordinates, Range<usize>)> {
    kinds.iter().scan(0, |start, &kind| {
        let range = *start..*start + kind.len();
        *start = range.end;
        Some((kind, range))
    })
}
