//! Manifolds that the crate does not have, with the required methods only: the defaults are right.

use std::f64::consts::{FRAC_PI_2, LN_2, TAU};
use std::fmt;

use ircpm_ad::elementary::{Function, Stumpff, smooth};
use ircpm_ad::{Real, Scalar};
use ircpm_manifolds::{Base, BlockMut, Cost, InvalidPoint, Manifold, Sphere, check};

/// The sphere, or its quotient by the antipodal map, with every default method.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plain {
    pub(crate) sphere: Sphere,
    pub(crate) projective: bool,
}

impl Plain {
    pub(crate) fn new(n: usize, projective: bool) -> Self {
        Self { sphere: Sphere::new(n).expect("a sphere"), projective }
    }
}

impl fmt::Display for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.projective { "RP of " } else { "plain " }, self.sphere)
    }
}

impl Manifold for Plain {
    fn dim(&self) -> usize {
        self.sphere.dim()
    }
    fn ambient(&self) -> usize {
        self.sphere.ambient()
    }
    fn origin(&self) -> Vec<f64> {
        self.sphere.origin()
    }
    fn check_point(&self, p: &[f64]) -> Result<(), InvalidPoint> {
        self.sphere.check_point(p)
    }
    fn exp<S: Scalar>(&self, p: &[S], v: &[S], q: &mut [S]) {
        self.sphere.exp(p, v, q);
    }
    fn log<S: Scalar>(&self, p: &[S], q: &[S], v: &mut [S]) -> S::Base {
        if !self.projective {
            return self.sphere.log(p, q, v);
        }
        let cosine = p.iter().zip(q).fold(S::zero(), |sum, (&p, &q)| sum + p * q).value();
        let sign = S::Base::select_gt(S::Base::zero(), cosine, -S::Base::one(), S::Base::one());
        let near: Vec<S> = q.iter().map(|q| q.scale(sign)).collect();
        self.sphere.log(p, &near, v) - FRAC_PI_2
    }
    fn frame<S: Scalar>(&self, p: &[S], frame: BlockMut<'_, S>) {
        self.sphere.frame(p, frame);
    }
    fn transport<S: Scalar>(&self, p: &[S], v: &[S], w: &[S], out: &mut [S]) {
        self.sphere.transport(p, v, w, out);
    }
}

impl Cost for Plain {
    fn domain_margin<B: Real>(&self, v: &[B]) -> B {
        self.sphere.domain_margin(v) - if self.projective { FRAC_PI_2 } else { 0.0 }
    }
}

impl Base for Plain {
    fn log_base<S: Scalar>(&self, p: &[S]) -> S {
        self.sphere.log_base::<S>(p) + if self.projective { LN_2 } else { 0.0 }
    }
    fn cube_dim(&self) -> usize {
        self.sphere.cube_dim()
    }
    fn base_point(&self, u: &[f64], p: &mut [f64]) {
        self.sphere.base_point(u, p);
    }
    fn log_volume(&self) -> Option<f64> {
        self.sphere.log_volume().map(|volume| volume - if self.projective { LN_2 } else { 0.0 })
    }
}

/// The hyperbolic plane: points `(x, y, z)` of the upper sheet of `x² + y² − z² = −1`.
///
/// The metric is Minkowski's, and only `lower` says so. The base density is a wrapped normal distribution.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hyperbolic;

/// `x₀y₀ + x₁y₁ − x₂y₂`.
fn minkowski<S: Scalar>(x: &[S], y: &[S]) -> S {
    x[0] * y[0] + x[1] * y[1] - x[2] * y[2]
}

/// `arsinh √s / √(s (1 + s)) = ₂F₁(1, 1; 3/2; −s)` and its derivatives, of which DLMF 15.5.1 gives `k` at a time.
#[derive(Clone, Copy, Debug)]
struct ArcOverSinh(u32);

impl<R: Real> Function<R> for ArcOverSinh {
    fn value(self, s: R) -> R {
        s.map(|s| {
            // Pfaff's transformation (DLMF 15.8.1): no term is negative.
            let (k, x) = (f64::from(self.0), s / (1.0 + s));
            let (mut term, mut sum) = (1.0, 1.0);
            for j in (0..20_000).map(f64::from) {
                term *= (j + 1.0 + k) * (j + 0.5) / ((j + 1.5 + k) * (j + 1.0)) * x;
                sum += term;
                if term < 1e-17 * sum {
                    break;
                }
            }
            sum * (1.0 + s).powf(-1.0 - k)
        })
    }
    fn derivative<S: Scalar<Base = R>>(self, s: S) -> S {
        let k = f64::from(self.0);
        s.apply(ArcOverSinh(self.0 + 1)) * (-(1.0 + k) * (1.0 + k) / (1.5 + k))
    }
}

impl fmt::Display for Hyperbolic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("H2")
    }
}

impl Manifold for Hyperbolic {
    fn dim(&self) -> usize {
        2
    }
    fn ambient(&self) -> usize {
        3
    }
    fn origin(&self) -> Vec<f64> {
        vec![0.0, 0.0, 1.0]
    }
    fn check_point(&self, p: &[f64]) -> Result<(), InvalidPoint> {
        if p.len() != 3 {
            return Err(InvalidPoint::Length { expected: 3, found: p.len() });
        }
        if let Some(index) = p.iter().position(|x| !x.is_finite()) {
            return Err(InvalidPoint::NotFinite { index, value: p[index] });
        }
        let error = minkowski(p, p) + 1.0;
        let good = error.abs() < 1e-9 * p[2] * p[2] && p[2] > 0.0;
        if good { Ok(()) } else { Err(InvalidPoint::OffManifold { first: 0, end: 3, error }) }
    }
    fn exp<S: Scalar>(&self, p: &[S], v: &[S], q: &mut [S]) {
        let u = -minkowski(v, v);
        let (cosh, sinhc) = (smooth::cos_sqrt(u), smooth::sinc_sqrt(u));
        for i in 0..3 {
            q[i] = cosh * p[i] + sinhc * v[i];
        }
    }
    /// `r / sinh r` times the tangential part of `q`, both by the chord: `s = sinh²(r/2)` is a quarter of its square.
    fn log<S: Scalar>(&self, p: &[S], q: &[S], v: &mut [S]) -> S::Base {
        let chord = [q[0] - p[0], q[1] - p[1], q[2] - p[2]];
        let s = minkowski(&chord, &chord) * 0.25;
        let ratio = s.apply(ArcOverSinh(0));
        let mut finite = S::Base::zero();
        for i in 0..3 {
            v[i] = (chord[i] - s * p[i] * 2.0) * ratio;
            finite += v[i].value() * 0.0;
        }
        finite + f64::INFINITY
    }
    fn frame<S: Scalar>(&self, p: &[S], mut frame: BlockMut<'_, S>) {
        let inverse = (p[2] + 1.0).recip();
        for i in 0..2 {
            let row = frame.row_mut(i);
            for j in 0..2 {
                let product = p[i] * p[j] * inverse;
                row[j] = if i == j { product + 1.0 } else { product };
            }
            row[2] = p[i];
        }
    }
    fn transport<S: Scalar>(&self, p: &[S], v: &[S], w: &[S], out: &mut [S]) {
        let (u, along) = (-minkowski(v, v), minkowski(v, w));
        let (to_p, to_v) = (along * smooth::sinc_sqrt(u), along * u.apply(Stumpff(2)));
        for i in 0..3 {
            out[i] = w[i] + to_p * p[i] + to_v * v[i];
        }
    }
    fn lower<S: Scalar>(&self, _p: &[S], v: &mut [S]) {
        v[2] = -v[2];
    }
}

impl Cost for Hyperbolic {
    fn domain_margin<B: Real>(&self, v: &[B]) -> B {
        (v[0] + v[1]) * 0.0 + f64::INFINITY
    }
}

impl Base for Hyperbolic {
    fn log_base<S: Scalar>(&self, p: &[S]) -> S {
        let mut v = [S::zero(); 3];
        self.log(&[S::zero(), S::zero(), S::one()], p, &mut v);
        let u = v[0] * v[0] + v[1] * v[1];
        u * -0.5 - TAU.ln() - smooth::sinc_sqrt(-u).ln()
    }
    fn cube_dim(&self) -> usize {
        2
    }
    fn base_point(&self, u: &[f64], p: &mut [f64]) {
        let radius = (-2.0 * (1.0 - u[0]).ln()).sqrt();
        let (sine, cosine) = (TAU * u[1]).sin_cos();
        p.copy_from_slice(&[radius.sinh() * cosine, radius.sinh() * sine, radius.cosh()]);
    }
    fn log_volume(&self) -> Option<f64> {
        None
    }
}

/// Seeds of the samples that the laws are tried on.
const SEEDS: [u64; 3] = [1, 2, 3];

#[track_caller]
fn assert_lawful<M: Cost + Base>(m: &M) {
    for seed in SEEDS {
        let violations = check::violations(m, seed);
        assert!(violations.is_empty(), "{m}: {violations:?}");
    }
}

#[test]
fn sphere_with_default_methods_obeys_every_law() {
    for n in [1, 2, 3, 5] {
        assert_lawful(&Plain::new(n, false));
    }
}

#[test]
fn projective_space_with_default_methods_obeys_every_law() {
    for n in [2, 3] {
        assert_lawful(&Plain::new(n, true));
    }
}

#[test]
fn hyperbolic_plane_with_a_metric_of_its_own_obeys_every_law() {
    assert_lawful(&Hyperbolic);
    assert_eq!(check::geometry_violations(&Hyperbolic, SEEDS[0]), []);
}
