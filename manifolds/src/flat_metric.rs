//! What the torus and Rⁿ share: coordinates in which the metric is the identity.

use ircpm_ad::{Real, Scalar};

use crate::slices::least;

/// `out = p + v`.
#[inline(always)]
pub(crate) fn translate<S: Scalar>(p: &[S], v: &[S], out: &mut [S]) {
    for i in 0..p.len() {
        out[i] = p[i] + v[i];
    }
}

/// `out = q − p`.
#[inline(always)]
pub(crate) fn difference<S: Scalar>(p: &[S], q: &[S], out: &mut [S]) {
    for i in 0..p.len() {
        out[i] = q[i] - p[i];
    }
}

/// The margin of a vector where there is no cut locus: `∞`, but −∞ if it is not finite, so that no NaN passes.
#[inline(always)]
pub(crate) fn margin<S: Scalar>(v: &[S]) -> S::Base {
    let mut margin = S::Base::constant(f64::INFINITY);
    for i in 0..v.len() {
        margin = least(margin, -v[i].value().abs() + f64::INFINITY);
    }
    margin
}

/// The `n × n` identity, into a block of a matrix with `stride` columns.
#[inline(always)]
pub(crate) fn identity<S: Scalar>(n: usize, out: &mut [S], stride: usize) {
    for i in 0..n {
        for j in 0..n {
            out[i * stride + j] = S::constant(if i == j { 1.0 } else { 0.0 });
        }
    }
}

/// `z = p + t`: the frame is the coordinate frame.
#[inline(always)]
pub(crate) fn lift<S: Scalar>(p: &[S::Base], t: &[S], z: &mut [S]) {
    for i in 0..p.len() {
        z[i] = t[i] + S::from_base(p[i]);
    }
}

/// `dz = e_k`.
#[inline(always)]
pub(crate) fn lift_derivative<S: Scalar>(k: usize, dz: &mut [S]) {
    for i in 0..dz.len() {
        dz[i] = S::constant(if i == k { 1.0 } else { 0.0 });
    }
}
