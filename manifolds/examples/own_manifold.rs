//! A manifold of one's own: the projective space `RPⁿ = Sⁿ / ±1`, whose points are unit vectors up to their sign.
//!
//! Only the methods without a default are written; the others follow by automatic differentiation. `RP³` is SO(3).

use std::f64::consts::{FRAC_PI_2, LN_2};
use std::fmt;

use ircpm_ad::{Real, Scalar};
use ircpm_manifolds::{Base, BlockMut, Cost, InvalidPoint, Manifold, Sphere, check};

#[derive(Clone, Debug)]
struct Projective(Sphere);

impl fmt::Display for Projective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RP{}", self.dim())
    }
}

#[rustfmt::skip] // one line per method that the sphere answers
impl Manifold for Projective {
    fn dim(&self) -> usize { self.0.dim() }
    fn ambient(&self) -> usize { self.0.ambient() }
    fn origin(&self) -> Vec<f64> { self.0.origin() }
    fn check_point(&self, p: &[f64]) -> Result<(), InvalidPoint> { self.0.check_point(p) }
    fn exp<S: Scalar>(&self, p: &[S], v: &[S], q: &mut [S]) { self.0.exp(p, v, q); }
    fn frame<S: Scalar>(&self, p: &[S], frame: BlockMut<'_, S>) { self.0.frame(p, frame); }
    fn transport<S: Scalar>(&self, p: &[S], v: &[S], w: &[S], out: &mut [S]) { self.0.transport(p, v, w, out); }

    /// Towards the nearer of `q` and `−q`; the cut locus is a quarter of the way around the sphere.
    fn log<S: Scalar>(&self, p: &[S], q: &[S], v: &mut [S]) -> S::Base {
        let cosine = p.iter().zip(q).fold(S::zero(), |sum, (&p, &q)| sum + p * q).value();
        let sign = S::Base::select_gt(S::Base::zero(), cosine, -S::Base::one(), S::Base::one());
        let near: Vec<S> = q.iter().map(|q| q.scale(sign)).collect();
        self.0.log(p, &near, v) - FRAC_PI_2
    }
}

impl Cost for Projective {
    fn domain_margin<B: Real>(&self, v: &[B]) -> B {
        self.0.domain_margin(v) - FRAC_PI_2
    }
}

#[rustfmt::skip] // as above
impl Base for Projective {
    fn log_base<S: Scalar>(&self, p: &[S]) -> S { self.0.log_base::<S>(p) + LN_2 }
    fn cube_dim(&self) -> usize { self.0.cube_dim() }
    fn base_point(&self, u: &[f64], p: &mut [f64]) { self.0.base_point(u, p); }
    fn log_volume(&self) -> Option<f64> { self.0.log_volume().map(|volume| volume - LN_2) }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let rotations = Projective(Sphere::new(3)?);
    let violations = check::violations(&rotations, 7);
    println!("{rotations} breaks {} of {} laws", violations.len(), check::laws::<Projective>().len());
    violations.first().map_or(Ok(()), |violation| Err(violation.to_string().into()))
}
