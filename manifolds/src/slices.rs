//! Small helpers on slices: dot products, linear combinations, the least of several margins.
//!
//! Loops run over indices: a closure over packs might be compiled without the caller's instruction set.

use ircpm_ad::{Real, Scalar};

use crate::blocks::Block;
use crate::error::InvalidPoint;

/// `Σ aᵢ bᵢ` over the length of `a`.
#[inline(always)]
pub(crate) fn dot<S: Scalar>(a: &[S], b: &[S]) -> S {
    let mut sum = S::zero();
    for i in 0..a.len() {
        sum += a[i] * b[i];
    }
    sum
}

/// `out = Σ tᵢ Eᵢ`, the tangent vector with frame coordinates `t`.
#[inline(always)]
pub(crate) fn combine<S: Scalar>(frame: Block<'_, S>, t: &[S], out: &mut [S]) {
    for j in 0..out.len() {
        let mut sum = S::zero();
        for i in 0..t.len() {
            sum += t[i] * frame.row(i)[j];
        }
        out[j] = sum;
    }
}

/// The lesser margin; −∞ if `b` is NaN, which [`Real::min`] would pass over.
#[inline(always)]
pub(crate) fn least<B: Real>(a: B, b: B) -> B {
    let none = B::constant(f64::NEG_INFINITY);
    a.min(B::select_gt(b, none, b, none))
}

/// Checks that `p` has `expected` coordinates, all of them finite.
pub(crate) fn check_finite(p: &[f64], expected: usize) -> Result<(), InvalidPoint> {
    if p.len() != expected {
        return Err(InvalidPoint::Length { expected, found: p.len() });
    }
    match p.iter().position(|x| !x.is_finite()) {
        Some(index) => Err(InvalidPoint::NotFinite { index, value: p[index] }),
        None => Ok(()),
    }
}
