//! Laws of the lift, by derivatives of `exp` along the frame.

use ircpm_ad::{Algebra, Dual, Scalar};

use super::sample::{Sampler, frame, size};
use super::{gap, worse};
use crate::blocks::Block;
use crate::derived;
use crate::manifold::Manifold;

/// A number with its first three derivatives along three directions.
type Thrice = Dual<Twice, 1>;

/// A number with its first two derivatives along two directions.
type Twice = Dual<Dual<f64, 1>, 1>;

/// Points at which the lift is tried.
const POINTS: usize = 10;

/// The largest difference of a derivative of `lift` from that of `exp_p(Σ tᵢ Eᵢ)`, up to the third, at `t = 0`.
pub(super) fn lift_agrees_with_exp<M: Manifold>(m: &M, sampler: &mut Sampler) -> f64 {
    let (d, n) = (m.dim(), m.ambient());
    (0..POINTS).fold(0.0, |worst, _| {
        let p = sampler.point(m);
        let axes = frame(m, &p);
        let axes = Block::dense(&axes[..], n);
        let mut error = worst;
        for i in 0..d {
            for j in i..d {
                for k in j..d {
                    let mut t = vec![Thrice::zero(); d];
                    t[i] += Thrice::fixed(Twice::fixed(Dual::variable(0.0, 0)));
                    t[j] += Thrice::fixed(Twice::variable(Dual::zero(), 0));
                    t[k] += Thrice::variable(Twice::zero(), 0);
                    let (mut z, mut exact) = (vec![Thrice::zero(); n], vec![Thrice::zero(); n]);
                    m.lift(&p, axes, &t, &mut z);
                    derived::lift(m, &p, axes, &t, &mut exact);
                    error = worse(error, coefficient_gap(&z, &exact) / size(m, &p));
                }
            }
        }
        error
    })
}

/// The largest difference of a derivative of `lift_derivative`, up to the second, from the exact one.
pub(super) fn lift_derivative_moves_the_lift<M: Manifold>(m: &M, sampler: &mut Sampler) -> f64 {
    let (d, n) = (m.dim(), m.ambient());
    (0..POINTS).fold(0.0, |worst, _| {
        let p = sampler.point(m);
        let axes = frame(m, &p);
        let axes = Block::dense(&axes[..], n);
        let mut error = worst;
        for k in 0..d {
            for i in 0..d {
                for j in i..d {
                    let mut t = vec![Twice::zero(); d];
                    t[i] += Twice::fixed(Dual::variable(0.0, 0));
                    t[j] += Twice::variable(Dual::zero(), 0);
                    let (mut dz, mut exact) = (vec![Twice::zero(); n], vec![Twice::zero(); n]);
                    m.lift_derivative(&p, axes, &t, k, &mut dz);
                    derived::lift_derivative(m, &p, axes, &t, k, &mut exact);
                    error = worse(error, coefficient_gap(&dz, &exact) / size(m, &p));
                }
            }
        }
        error
    })
}

/// Largest difference of values and derivatives.
fn coefficient_gap<S: Algebra<Base = f64>>(a: &[S], b: &[S]) -> f64 {
    gap(S::coefficients(a), S::coefficients(b))
}
