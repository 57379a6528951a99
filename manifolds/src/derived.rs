//! The default methods of the traits, by automatic differentiation of `exp`, `log`, `frame` and `transport`.
//!
//! The formulas are exact, but allocate and work over dual numbers. Loops run over indices, as in [`crate::slices`].

use ircpm_ad::{Dual, Real, Scalar};

use crate::blocks::{Block, BlockMut};
use crate::cost::Cost;
use crate::manifold::Manifold;
use crate::slices::{combine, dot};

/// A number with its derivative along one direction.
type Along<S> = Dual<S, 1>;

/// `|log_p(q)|`, measured in the frame at `p`.
#[inline(always)]
pub(crate) fn length_of_log<M: Manifold, B: Real>(m: &M, p: &[B], q: &[B]) -> B {
    let (d, n) = (m.dim(), m.ambient());
    let (mut frame, mut v, mut t) = (zeros(d * n), zeros(n), zeros::<B>(d));
    m.frame(p, BlockMut::dense(&mut frame, n));
    m.log(p, q, &mut v);
    m.to_frame(p, Block::dense(&frame, n), &v, &mut t);
    dot(&t, &t).sqrt()
}

/// `exp_p(Σ tᵢ Eᵢ)`.
#[inline(always)]
pub(crate) fn lift<M: Manifold, S: Scalar>(
    m: &M,
    p: &[S::Base],
    frame: Block<'_, S::Base>,
    t: &[S],
    z: &mut [S],
) {
    let n = m.ambient();
    let (mut start, mut v) = (zeros::<S>(n), zeros::<S>(n));
    for j in 0..n {
        start[j] = S::from_base(p[j]);
        for i in 0..m.dim() {
            v[j] += t[i].scale(frame.row(i)[j]);
        }
    }
    m.exp(&start, &v, z);
}

/// `∂_s exp_{p(s)}(Σ tᵢ Eᵢ(s))` at `s = 0`, where `p(s) = exp_p(s E_k)` and `E(s)` is the frame, carried along.
#[inline(always)]
pub(crate) fn lift_derivative<M: Manifold, S: Scalar>(
    m: &M,
    p: &[S::Base],
    frame: Block<'_, S::Base>,
    t: &[S],
    k: usize,
    dz: &mut [S],
) {
    let (d, n) = (m.dim(), m.ambient());
    let (mut start, mut axes, mut seeds) = (zeros(n), zeros(d * n), zeros(d));
    for j in 0..n {
        start[j] = Along::<S>::from_base(p[j]);
        for i in 0..d {
            axes[i * n + j] = Along::<S>::from_base(frame.row(i)[j]);
        }
    }
    for i in 0..d {
        seeds[i] = Along::fixed(t[i]);
    }
    let moved = moved(m, &start, &axes, k);
    let (mut v, mut end) = (zeros(n), zeros(n));
    combine(Block::dense(&moved.frame, n), &seeds, &mut v);
    m.exp(&moved.point, &v, &mut end);
    for j in 0..n {
        dz[j] = end[j].eps[0];
    }
}

/// A point and its frame, moved along one of the frame's vectors.
struct Moved<S> {
    point: Vec<S>,
    frame: Vec<S>,
}

/// `exp_p(s E_k)` and the frame in parallel transport, `s` the direction of the dual numbers.
#[inline(always)]
fn moved<M: Manifold, S: Scalar>(m: &M, p: &[Along<S>], axes: &[Along<S>], k: usize) -> Moved<Along<S>> {
    let (d, n) = (m.dim(), m.ambient());
    let s = Along::variable(S::zero(), 0);
    let (mut step, mut point, mut frame) = (zeros(n), zeros(n), zeros(d * n));
    for j in 0..n {
        step[j] = axes[k * n + j] * s;
    }
    m.exp(p, &step, &mut point);
    for i in 0..d {
        m.transport(p, &step, &axes[i * n..][..n], &mut frame[i * n..][..n]);
    }
    Moved { point, frame }
}

/// Hessian of `y ↦ c(x, y)` at `p`, from the frame coordinates `t` of the geodesic to `x`.
///
/// Row `i` is `−∂_s ⟨E_j(s), log_{y(s)}(x)⟩` with `y(s) = exp_p(s E_i)` and `E(s)` in parallel transport, because
/// `∇_y c = −log_y(x)`.
#[inline(always)]
pub(crate) fn cost_hessian_at<M: Manifold, S: Scalar>(
    m: &M,
    p: &[S],
    frame: &[S],
    t: &[S],
    mut h: BlockMut<'_, S>,
) {
    let (d, n) = (m.dim(), m.ambient());
    let (mut v, mut x) = (zeros(n), zeros(n));
    combine(Block::dense(frame, n), t, &mut v);
    m.exp(p, &v, &mut x);
    let (start, axes, x) = (fixed(p), fixed(frame), fixed(&x));
    let (mut log, mut gradient) = (zeros(n), zeros(d));
    for i in 0..d {
        let moved = moved(m, &start, &axes, i);
        m.log_on_cover(&moved.point, &x, &mut log);
        m.to_frame(&moved.point, Block::dense(&moved.frame, n), &log, &mut gradient);
        let row = h.row_mut(i);
        for j in 0..d {
            row[j] = -gradient[j].eps[0];
        }
    }
}

/// [`Cost::cost_hessian`], at the origin.
#[inline(always)]
pub(crate) fn cost_hessian<M: Cost, S: Scalar>(m: &M, v: &[S], h: BlockMut<'_, S>) {
    let (origin, frame) = origin_with_frame::<M, S>(m);
    cost_hessian_at(m, &origin, &frame, v, h);
}

/// [`Cost::mixed_inverse`] at the origin: `∂_s exp_y(v + s w)`, in the frame carried along `v`.
#[inline(always)]
pub(crate) fn mixed_inverse<M: Cost, S: Scalar>(m: &M, v: &[S], w: &[S], out: &mut [S]) {
    let (d, n) = (m.dim(), m.ambient());
    let (origin, frame) = origin_with_frame::<M, S>(m);
    let mut seeds = zeros(d);
    for i in 0..d {
        seeds[i] = Along::new(v[i], [w[i]]);
    }
    let (mut velocity, mut end) = (zeros(n), zeros(n));
    combine(Block::dense(&fixed(&frame), n), &seeds, &mut velocity);
    m.exp(&fixed(&origin), &velocity, &mut end);

    let (mut along, mut x, mut image, mut carried) = (zeros(n), zeros(n), zeros(n), zeros(d * n));
    for j in 0..n {
        (along[j], x[j], image[j]) = (velocity[j].re, end[j].re, end[j].eps[0]);
    }
    for i in 0..d {
        m.transport(&origin, &along, &frame[i * n..][..n], &mut carried[i * n..][..n]);
    }
    m.to_frame(&x, Block::dense(&carried, n), &image, out);
}

/// [`Cost::mixed`], by solving with the matrix of [`Cost::mixed_inverse`].
#[inline(always)]
pub(crate) fn mixed<M: Cost, S: Scalar>(m: &M, v: &[S], w: &[S], out: &mut [S]) {
    let d = m.dim();
    let (lower, pivots) = factor(d, mixed_inverse_matrix(m, v));
    for i in 0..d {
        out[i] = w[i];
        for k in 0..i {
            let known = out[k];
            out[i] -= lower[i * d + k] * known;
        }
    }
    for i in 0..d {
        out[i] /= pivots[i];
    }
    for i in (0..d).rev() {
        for k in i + 1..d {
            let known = out[k];
            out[i] -= lower[k * d + i] * known;
        }
    }
}

/// [`Cost::mixed_log_det`], from the pivots of the matrix of [`Cost::mixed_inverse`].
#[inline(always)]
pub(crate) fn mixed_log_det<M: Cost, S: Scalar>(m: &M, v: &[S]) -> S {
    let (_, pivots) = factor(m.dim(), mixed_inverse_matrix(m, v));
    let mut sum = S::zero();
    for i in 0..m.dim() {
        sum -= pivots[i].ln();
    }
    sum
}

/// The symmetric matrix of [`Cost::mixed_inverse`], row by row.
#[inline(always)]
fn mixed_inverse_matrix<M: Cost, S: Scalar>(m: &M, v: &[S]) -> Vec<S> {
    let d = m.dim();
    let (mut axis, mut matrix) = (zeros(d), zeros(d * d));
    for i in 0..d {
        axis[i] = S::one();
        m.mixed_inverse(v, &axis, &mut matrix[i * d..][..d]);
        axis[i] = S::zero();
    }
    matrix
}

/// `A = L D Lᵀ` of a positive definite matrix: `L` with a diagonal of ones below it, and the pivots `D`.
#[inline(always)]
fn factor<S: Scalar>(d: usize, mut a: Vec<S>) -> (Vec<S>, Vec<S>) {
    let mut pivots = zeros::<S>(d);
    for j in 0..d {
        let mut pivot = a[j * d + j];
        for k in 0..j {
            pivot -= a[j * d + k] * a[j * d + k] * pivots[k];
        }
        pivots[j] = pivot;
        for i in j + 1..d {
            let mut sum = a[i * d + j];
            for k in 0..j {
                sum -= a[i * d + k] * a[j * d + k] * pivots[k];
            }
            a[i * d + j] = sum / pivot;
        }
    }
    (a, pivots)
}

/// The origin and its frame, as constants.
#[inline(always)]
fn origin_with_frame<M: Manifold, S: Scalar>(m: &M) -> (Vec<S>, Vec<S>) {
    let (d, n) = (m.dim(), m.ambient());
    let origin = m.origin();
    let mut frame = vec![0.0; d * n];
    m.frame(&origin, BlockMut::dense(&mut frame, n));
    (constants(&origin), constants(&frame))
}

/// `n` zeros.
#[inline(always)]
fn zeros<S: Scalar>(n: usize) -> Vec<S> {
    vec![S::zero(); n]
}

/// Numbers without derivatives.
#[inline(always)]
pub(crate) fn constants<S: Scalar>(x: &[f64]) -> Vec<S> {
    let mut out = zeros(x.len());
    for i in 0..x.len() {
        out[i] = S::constant(x[i]);
    }
    out
}

/// The same numbers, constant along one direction more.
#[inline(always)]
fn fixed<S: Scalar>(x: &[S]) -> Vec<Along<S>> {
    let mut out = zeros(x.len());
    for i in 0..x.len() {
        out[i] = Along::fixed(x[i]);
    }
    out
}
