//! The round sphere of radius one.

use std::f64::consts::{PI, TAU};
use std::fmt;

use ircpm_ad::elementary::Stumpff;
use ircpm_ad::elementary::smooth;
use ircpm_ad::{Real, Scalar};

use crate::arc_over_sine::arc_over_sine;
use crate::base::Base;
use crate::blocks::{Block, BlockMut};
use crate::coordinates::Coordinates;
use crate::cost::Cost;
use crate::error::{InvalidManifold, InvalidPoint};
use crate::flat_metric;
use crate::manifold::Manifold;
use crate::slices::{check_finite, dot};

/// The unit sphere `Sⁿ ⊂ Rⁿ⁺¹`, `n ≥ 1`: points are unit vectors, tangent vectors at `p` are orthogonal to `p`.
///
/// Every formula is written in `u = r²`, the squared length of a tangent vector, by [`ircpm_ad::elementary::smooth`]:
/// smooth at coincident points, to any order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sphere(usize);

impl Sphere {
    /// The sphere of dimension `n`, with `n + 1` coordinates.
    ///
    /// # Errors
    /// [`InvalidManifold::ZeroDimension`] for `n = 0`.
    pub fn new(n: usize) -> Result<Self, InvalidManifold> {
        if n == 0 { Err(InvalidManifold::ZeroDimension) } else { Ok(Self(n)) }
    }

    /// `out = transverse · w + radial · ⟨v, w⟩ v`.
    #[inline(always)]
    fn radial_and_transverse<S: Scalar>(&self, v: &[S], w: &[S], transverse: S, radial: S, out: &mut [S]) {
        let along = radial * dot(&v[..self.0], w);
        for i in 0..self.0 {
            out[i] = transverse * w[i] + along * v[i];
        }
    }
}

impl fmt::Display for Sphere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "S{}", self.0)
    }
}

impl Manifold for Sphere {
    #[inline(always)]
    fn dim(&self) -> usize {
        self.0
    }

    #[inline(always)]
    fn ambient(&self) -> usize {
        self.0 + 1
    }

    /// The north pole, `e_n`.
    fn origin(&self) -> Vec<f64> {
        let mut p = vec![0.0; self.0 + 1];
        p[self.0] = 1.0;
        p
    }

    fn check_point(&self, p: &[f64]) -> Result<(), InvalidPoint> {
        check_finite(p, self.ambient())?;
        let norm = dot(p, p).sqrt();
        if (norm - 1.0).abs() <= UNIT_TOLERANCE {
            Ok(())
        } else {
            Err(InvalidPoint::NotUnit { first: 0, end: p.len(), norm })
        }
    }

    fn coordinates(&self) -> Vec<Coordinates> {
        vec![Coordinates::UnitVector(self.0 + 1)]
    }

    #[inline(always)]
    fn exp<S: Scalar>(&self, p: &[S], v: &[S], q: &mut [S]) {
        let u = dot(&v[..=self.0], v);
        let (cosine, sinc) = (smooth::cos_sqrt(u), smooth::sinc_sqrt(u));
        for i in 0..=self.0 {
            q[i] = cosine * p[i] + sinc * v[i];
        }
    }

    /// `r / sin r` times the tangential part of `q`, both by the chord to the nearer of `p` and `−p`.
    ///
    /// With `s = |q ∓ p|²/4` the tangential part is `q ∓ p ± 2 s p`, where nothing cancels, and `r / sin r` is analytic
    /// in `s` around `p`; around `−p`, where `r = π − r'`, it is `π / sin r' − r' / sin r'`. `acos(p·q)` would lose
    /// half the digits at both ends and all derivatives at `q = p`. The margin is the arc to `−p`.
    #[inline(always)]
    fn log<S: Scalar>(&self, p: &[S], q: &[S], v: &mut [S]) -> S::Base {
        let (near, far) = half_angle_squares(&p[..=self.0], q);
        let (to_p, to_antipode) = (near.value(), far.value());
        let one = S::Base::one();
        let side = S::Base::select_gt(to_antipode, to_p, one, -one);
        let s = S::select_gt(to_antipode, to_p, near, far);
        let arc = arc_over_sine(s);
        let ratio = S::select_gt(to_antipode, to_p, arc, half_turn_over_sine(s) - arc);
        for i in 0..=self.0 {
            let chord = q[i] - p[i].scale(side);
            v[i] = (chord + (s * p[i]).scale(side) * 2.0) * ratio;
        }
        let short = arc.value() * (s.value() * (-s.value() + 1.0)).sqrt() * 2.0;
        S::Base::select_gt(to_antipode, to_p, -short + PI, short)
    }

    #[inline(always)]
    fn distance<B: Real>(&self, p: &[B], q: &[B]) -> B {
        let (near, far) = half_angle_squares(&p[..=self.0], q);
        near.sqrt().atan2_real(far.sqrt()) * 2.0
    }

    /// Images of all coordinate axes but the last under the Householder reflection that swaps `p` and `−σ e_n`, where
    /// `σ` is the sign of `p_n`: smooth off the equator `p_n = 0`, orthonormal to rounding on it too.
    #[inline(always)]
    fn frame<S: Scalar>(&self, p: &[S], mut frame: BlockMut<'_, S>) {
        let n = self.0;
        let height = p[n];
        let (zero, one) = (S::Base::zero(), S::Base::one());
        let sign = S::Base::select_gt(zero, height.value(), -one, one);
        let inverse = (height.scale(sign) + 1.0).recip();
        for i in 0..n {
            let row = &mut frame.row_mut(i)[..=n];
            let weight = p[i] * inverse;
            for j in 0..n {
                let product = -(weight * p[j]);
                row[j] = if i == j { product + 1.0 } else { product };
            }
            row[n] = -p[i].scale(sign);
        }
    }

    /// `w − ⟨v, w⟩ (sin r / r · p + (1 − cos r)/r² · v)`, where `(1 − cos r)/r² = c₂`.
    ///
    /// Only the part along the geodesic changes.
    #[inline(always)]
    fn transport<S: Scalar>(&self, p: &[S], v: &[S], w: &[S], out: &mut [S]) {
        let v = &v[..=self.0];
        let u = dot(v, v);
        let along = dot(v, w);
        let (to_p, to_v) = (along * smooth::sinc_sqrt(u), along * u.apply(Stumpff(2)));
        for i in 0..=self.0 {
            out[i] = w[i] - to_p * p[i] - to_v * v[i];
        }
    }

    /// `(1 − |t|²/2) p + (1 − |t|²/6) Σ tᵢ Eᵢ`.
    #[inline(always)]
    fn lift<S: Scalar>(&self, p: &[S::Base], frame: Block<'_, S::Base>, t: &[S], z: &mut [S]) {
        let u = dot(&t[..self.0], t);
        let (along_p, along_t) = (u * -0.5 + 1.0, u * (-1.0 / 6.0) + 1.0);
        for j in 0..=self.0 {
            let mut tangent = S::zero();
            for i in 0..self.0 {
                tangent += t[i].scale(frame.row(i)[j]);
            }
            z[j] = along_p.scale(p[j]) + along_t * tangent;
        }
    }

    /// `(1 − |t|²/2) E_k − t_k p`.
    #[inline(always)]
    fn lift_derivative<S: Scalar>(
        &self,
        p: &[S::Base],
        frame: Block<'_, S::Base>,
        t: &[S],
        k: usize,
        dz: &mut [S],
    ) {
        let along = dot(&t[..self.0], t) * -0.5 + 1.0;
        let axis = frame.row(k);
        for j in 0..=self.0 {
            dz[j] = along.scale(axis[j]) - t[k].scale(p[j]);
        }
    }

    #[inline(always)]
    fn wrap<B: Real>(&self, p: &mut [B]) {
        let inverse = dot(&p[..=self.0], p).sqrt().recip();
        for i in 0..=self.0 {
            p[i] *= inverse;
        }
    }
}

impl Cost for Sphere {
    /// `r cot r · I + (1 − r cot r)/r² · v vᵀ`.
    #[inline(always)]
    fn cost_hessian<S: Scalar>(&self, v: &[S], mut h: BlockMut<'_, S>) {
        if !self.is_curved() {
            return flat_metric::identity(1, h);
        }
        let u = dot(&v[..self.0], v);
        let (transverse, radial) = (smooth::r_cot_r(u), smooth::one_minus_r_cot_r_over_u(u));
        for i in 0..self.0 {
            let (row, weight) = (h.row_mut(i), radial * v[i]);
            for j in 0..self.0 {
                let product = weight * v[j];
                row[j] = if i == j { product + transverse } else { product };
            }
        }
    }

    /// `(n − 1) log(r / sin r)`.
    #[inline(always)]
    fn mixed_log_det<S: Scalar>(&self, v: &[S]) -> S {
        if !self.is_curved() {
            return S::zero();
        }
        smooth::sinc_sqrt(dot(&v[..self.0], v)).ln() * (1.0 - self.0 as f64)
    }

    /// `r / sin r · w + (1 − r / sin r)/r² · ⟨v, w⟩ v`.
    #[inline(always)]
    fn mixed<S: Scalar>(&self, v: &[S], w: &[S], out: &mut [S]) {
        if !self.is_curved() {
            return out[..1].copy_from_slice(&w[..1]);
        }
        let u = dot(&v[..self.0], v);
        let transverse = smooth::r_over_sin_r(u);
        self.radial_and_transverse(v, w, transverse, smooth::one_minus_r_over_sin_r_over_u(u), out);
    }

    /// `sin r / r · w + (1 − sin r / r)/r² · ⟨v, w⟩ v`.
    #[inline(always)]
    fn mixed_inverse<S: Scalar>(&self, v: &[S], w: &[S], out: &mut [S]) {
        if !self.is_curved() {
            return out[..1].copy_from_slice(&w[..1]);
        }
        let u = dot(&v[..self.0], v);
        self.radial_and_transverse(v, w, smooth::sinc_sqrt(u), smooth::one_minus_sinc_over_u(u), out);
    }

    #[inline(always)]
    fn domain_margin<B: Real>(&self, v: &[B]) -> B {
        -dot(&v[..self.0], v).sqrt() + PI
    }

    #[inline(always)]
    fn is_curved(&self) -> bool {
        self.0 > 1
    }
}

impl Base for Sphere {
    #[inline(always)]
    fn log_base<S: Scalar>(&self, _p: &[S]) -> S {
        S::constant(-log_volume(self.0))
    }

    #[inline(always)]
    fn cube_dim(&self) -> usize {
        self.0
    }

    /// The uniform distribution, by the angle on `S¹`, Archimedes' cylinder on `S²`, and recursion from `Sⁿ⁻²` to `Sⁿ`.
    ///
    /// The recursion is `(√(1−s) e^{iα}, √s q)`, Hopf's coordinates if `n = 3`. The uniform measure makes `s` a
    /// Beta((n−1)/2, 1) variable, the power `2/(n−1)` of a uniform one. So a point takes as many numbers as there are
    /// dimensions.
    ///
    /// Angles are periodic in their numbers; `fold` makes `s` and the height periodic too. Smooth functions on the
    /// sphere are then continuous and periodic on the cube, where shifted lattices of `N` points err by nearly `N⁻²`
    /// instead of `N⁻¹` (Hickernell 2002, *Obtaining O(N⁻²⁺ᵋ) convergence for lattice quadrature rules*).
    fn base_point(&self, mut u: &[f64], mut p: &mut [f64]) {
        let mut radius = 1.0;
        for n in (3..=self.0).rev().step_by(2) {
            let s = fold(u[0]).powf(2.0 / (n as f64 - 1.0));
            circle(radius * (1.0 - s).sqrt(), u[1], p);
            radius *= s.sqrt();
            (u, p) = (&u[2..], &mut p[2..]);
        }
        if let [fraction] = *u {
            circle(radius, fraction, p);
        } else {
            let s = fold(u[0]);
            circle(radius * 2.0 * (s * (1.0 - s)).sqrt(), u[1], p);
            p[2] = radius * (1.0 - 2.0 * s);
        }
    }

    fn log_volume(&self) -> Option<f64> {
        Some(log_volume(self.0))
    }
}

/// Largest difference from 1 of the length of a point.
const UNIT_TOLERANCE: f64 = 1e-9;

/// `sin²(r/2)` and `cos²(r/2)` of the angle `r` between `p` and `q`, each without cancellation.
#[inline(always)]
fn half_angle_squares<S: Scalar>(p: &[S], q: &[S]) -> (S, S) {
    let (mut near, mut far) = (S::zero(), S::zero());
    for i in 0..p.len() {
        let (difference, sum) = (q[i] - p[i], q[i] + p[i]);
        near += difference * difference;
        far += sum * sum;
    }
    (near * 0.25, far * 0.25)
}

/// `π / sin r` at `s = sin²(r/2)`, but finite at `s = 0`, where the pole would make NaN of a logarithm of length zero.
#[inline(always)]
fn half_turn_over_sine<S: Scalar>(s: S) -> S {
    // Squared rounding errors are 1e-32; fifth derivatives of 1/√s are still finite here.
    const POLE: f64 = 1e-40;
    let (value, pole) = (s.value(), S::Base::constant(POLE));
    let s = S::select_gt(value, pole, s, S::constant(POLE));
    (s * (-s + 1.0)).sqrt().recip() * (0.5 * PI)
}

/// The tent map, 0 at both ends and 1 in the middle: it keeps the uniform measure and is periodic.
fn fold(u: f64) -> f64 {
    1.0 - (2.0 * u - 1.0).abs()
}

/// The point of the circle of this radius at the angle `2π · fraction`.
fn circle(radius: f64, fraction: f64, p: &mut [f64]) {
    let (sine, cosine) = (TAU * fraction).sin_cos();
    p[0] = radius * cosine;
    p[1] = radius * sine;
}

/// `log(2 π^((n+1)/2) / Γ((n+1)/2))`, from `vol Sⁿ = 2π/(n−1) · vol Sⁿ⁻²`.
fn log_volume(n: usize) -> f64 {
    let (first, start) = if n.is_multiple_of(2) { (2.0_f64, 2) } else { (TAU, 3) };
    (start..=n).step_by(2).fold(first.ln(), |log, k| log + (TAU / (k as f64 - 1.0)).ln())
}
